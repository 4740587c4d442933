/* mapping.h - a flow fitted to pairs (x, y) instead of a density: the first entries of z(T) of [x, 0] approximate y.
 *
 * Without added zeros it is a plain neural ODE, a homeomorphism of R^d. With added zeros, and a field that depends on
 * the whole state, it is an augmented neural ODE (Dupont et al. 2019); the map to its first entries need not be a
 * homeomorphism. */
#ifndef AFFJORD_THEORY_MAPPING_H
#define AFFJORD_THEORY_MAPPING_H

#include "flow/cnf.h"

typedef struct mapping_spec {
    size_t visible, joined; /* d, and the number of zeros added to x: visible + joined <= 8 */
    size_t compared; /* first entries of z(T) that are compared with y: 1 .. visible */
    size_t width; /* of the toy field */
    size_t steps; /* of the classic Runge-Kutta method on [0, 1] */
    size_t iterations;
    double learning_rate;
    uint64_t seed;
} mapping_spec;

typedef struct mapping mapping;

/* Fit n <= CHUNK pairs, x (n, visible) and y (n, compared), by Adam on the mean squared error. The caller owns *out.
 * Cost: a whole training. Errors: STATUS_INVALID for sizes out of range, STATUS_MEMORY. */
status mapping_fit(const mapping_spec *spec, size_t n, const real *x, const real *y, mapping **out);
void mapping_destroy(mapping **self);

/* Return the mean squared error before the last step of Adam. */
double mapping_error(const mapping *self);

/* z (n, visible + joined) <- z(T) of [x, 0], n <= CHUNK. */
void mapping_apply(mapping *self, size_t n, const real *x, real *z);

#endif
