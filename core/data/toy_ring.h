/* toy_ring.h - mixtures of noisy concentric circles. */
#ifndef AFFJORD_DATA_TOY_RING_H
#define AFFJORD_DATA_TOY_RING_H

#include <stddef.h>

#include "data/toy.h"

/* Circles about the origin, equally likely: a uniform angle, then Gaussian noise of covariance deviation^2 I. */
typedef struct ring {
    size_t count;
    const double *radii; /* (count) */
    double deviation;
} ring;

/* The operations of a ring. */
extern const toy_ops ring_ops;

/* Return the entropy by quadrature with panels of `panel` deviations. ring_ops uses RING_PANEL; tests refine it. */
#define RING_PANEL 0.5
double ring_entropy(const ring *shape, double panel);

/* Return exp(-x) I_0(x) for x >= 0, with I_0 the modified Bessel function. */
double bessel_i0_scaled(double x);

#endif
