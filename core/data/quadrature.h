/* quadrature.h - Gauss-Legendre quadrature on one panel. */
#ifndef AFFJORD_DATA_QUADRATURE_H
#define AFFJORD_DATA_QUADRATURE_H

#include <stddef.h>

enum { QUADRATURE_POINTS = 8 };

/* x, w <- points and weights of the 8-point rule on [a, b]: exact for polynomials of degree 15. */
void quadrature_panel(double a, double b, double x[QUADRATURE_POINTS], double w[QUADRATURE_POINTS]);

/* Return the smallest number of panels of at most `width` that cover `length`. */
size_t quadrature_panels(double length, double width);

#endif
