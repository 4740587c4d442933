/* toy_mixture.h - mixtures of uniform strokes and round Gaussians. */
#ifndef AFFJORD_DATA_TOY_MIXTURE_H
#define AFFJORD_DATA_TOY_MIXTURE_H

#include <stddef.h>

#include "data/toy.h"

/* A parallelogram corner + s along + t across, s and t in [0, 1). */
typedef struct mixture_stroke {
    double corner[2], along[2], across[2];
} mixture_stroke;

enum { MIXTURE_PARTS_MAX = 16 };

/* Strokes share stroke_share of the weight in proportion to their areas, so
 * each point of each stroke has the same density; Gaussians of covariance
 * deviation^2 I share the rest equally. Strokes with axis-parallel sides may
 * overlap each other; slanted ones overlap no other. */
typedef struct mixture {
    double stroke_share;
    size_t stroke_count; /* <= MIXTURE_PARTS_MAX */
    const mixture_stroke *strokes;
    size_t gaussian_count; /* <= MIXTURE_PARTS_MAX */
    const double (*centres)[2];
    double deviation;
} mixture;

/* For toys whose shape is a mixture. */
extern const toy_ops mixture_ops;

/* The entropy with quadrature panels of `panel` deviations a side; mixture_ops
 * uses MIXTURE_PANEL, tests refine it. */
#define MIXTURE_PANEL 0.5
double mixture_entropy(const mixture *shape, double panel);

#endif
