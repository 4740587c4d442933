/* mapping.h - a flow fitted to pairs (x, y) instead of a density: z(T) of [x, 0] has to be y in its first numbers.
 *
 * With no numbers joined it is a plain neural ODE, a homeomorphism of R^d. With zeros joined, and a field on all of it
 * that sees all, it is an augmented one (Dupont et al. 2019), whose first numbers alone need not be one. */
#ifndef AFFJORD_THEORY_MAPPING_H
#define AFFJORD_THEORY_MAPPING_H

#include "flow/cnf.h"

typedef struct mapping_spec {
    size_t visible, joined; /* d, and zeros joined to x: visible + joined <= 8 */
    size_t compared; /* first numbers of z(T) that are compared with y: 1 .. visible */
    size_t width; /* of the toy field */
    size_t steps; /* of the classic Runge-Kutta method on [0, 1] */
    size_t iterations;
    double learning_rate;
    uint64_t seed;
} mapping_spec;

typedef struct mapping mapping;

/* Fit n <= CHUNK pairs, x (n, visible) and y (n, compared), by Adam on the mean square of the differences. The caller
 * owns *out. Errors: STATUS_INVALID for sizes out of range, STATUS_MEMORY. */
status mapping_fit(const mapping_spec *spec, size_t n, const real *x, const real *y, mapping **out);
void mapping_destroy(mapping **self);

/* Mean square of the differences before the last of the steps of Adam. */
double mapping_error(const mapping *self);

/* z (n, visible + joined) <- z(T) of [x, 0], n <= CHUNK. */
void mapping_apply(mapping *self, size_t n, const real *x, real *z);

#endif
