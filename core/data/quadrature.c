/* quadrature.c - Gauss-Legendre quadrature on one panel. */
#include "data/quadrature.h"

#include <math.h>

/* The positive roots of the Legendre polynomial P_8, and their weights. */
static const double root[QUADRATURE_POINTS / 2] = {0.18343464249564981, 0.52553240991632899, 0.79666647741362673,
                                                   0.96028985649753629};
static const double weight[QUADRATURE_POINTS / 2] = {0.36268378337836199, 0.31370664587788727, 0.22238103445337448,
                                                     0.10122853629037626};

void quadrature_panel(double a, double b, double x[QUADRATURE_POINTS], double w[QUADRATURE_POINTS]) {
    double middle = 0.5 * (a + b), half = 0.5 * (b - a);
    for (size_t i = 0; i < QUADRATURE_POINTS / 2; i++) {
        size_t below = QUADRATURE_POINTS / 2 - 1 - i, above = QUADRATURE_POINTS / 2 + i;
        x[below] = middle - half * root[i];
        x[above] = middle + half * root[i];
        w[below] = w[above] = half * weight[i];
    }
}

size_t quadrature_panels(double length, double width) {
    return (size_t)fmax(1, ceil(length / width));
}
