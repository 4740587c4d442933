/* toy_mixture.h - mixtures of uniform parallelograms and isotropic Gaussians. */
#ifndef AFFJORD_DATA_TOY_MIXTURE_H
#define AFFJORD_DATA_TOY_MIXTURE_H

#include <stddef.h>

#include "data/toy.h"

/* A parallelogram: the points corner + s along + t across, s and t in [0, 1). */
typedef struct mixture_parallelogram {
    double corner[2], along[2], across[2];
} mixture_parallelogram;

enum { MIXTURE_PARTS_MAX = 16 };

/* The parallelograms have parallelogram_share of the weight in proportion to their areas, so their points have equal
 * density. Gaussians of covariance deviation^2 I have equal parts of the rest. Axis-parallel rectangles may overlap
 * each other; other parallelograms must not overlap any. */
typedef struct mixture {
    double parallelogram_share;
    size_t parallelogram_count; /* <= MIXTURE_PARTS_MAX */
    const mixture_parallelogram *parallelograms;
    size_t gaussian_count; /* <= MIXTURE_PARTS_MAX */
    const double (*centres)[2];
    double deviation;
} mixture;

/* The operations of a mixture. */
extern const toy_ops mixture_ops;

/* Return the entropy by quadrature with panels of `panel` deviations a side. mixture_ops uses MIXTURE_PANEL; tests
 * refine it. */
#define MIXTURE_PANEL 0.5
double mixture_entropy(const mixture *shape, double panel);

#endif
