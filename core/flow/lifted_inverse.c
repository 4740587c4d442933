/* lifted_inverse.c - solve z(T; x) = z for x, and check whether the solution is unique. */
#include <math.h>
#include <stdlib.h>

#include "flow/lifted_internal.h"

/* The most Newton steps, including halved ones; and the residual, in units of z, that counts as zero: some hundred
 * rounding errors. */
enum { STEPS_MAX = 40 };
static const double tolerance = sizeof(real) == sizeof(float) ? 1e-4 : 1e-10;

/* One row's search. */
typedef struct lifted_search {
    size_t row;
    double x[LIFTED_DIMENSION_MAX]; /* the best so far */
    double step[LIFTED_DIMENSION_MAX]; /* Newton's from there */
    double residual; /* there, the largest entry */
    double scale; /* of the step that is tried */
} lifted_search;

status lifted_inverse_build(lifted *self) {
    const size_t reals = self->batch_max * self->D;
    TRY(ARENA_NEW(&self->memory, reals, &self->target));
    TRY(ARENA_NEW(&self->memory, reals, &self->trial));
    return ARENA_NEW(&self->memory, self->batch_max, &self->searches);
}

/* --- The inverse --- */

/* search->x <- trial (D), row k of the last solve, if its residual is smaller; otherwise halve the step. */
static void judge(const lifted *self, size_t k, bool solved, lifted_search *search) {
    const size_t D = self->D;
    double jacobian[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX], inverse[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX];
    double off[LIFTED_DIMENSION_MAX], residual = 0;
    for (size_t d = 0; solved && d < D; d++) {
        off[d] = (double)self->target[search->row * D + d] - (double)self->state[k * D + d];
        if (!(fabs(off[d]) <= residual)) residual = fabs(off[d]); /* NaN too */
    }
    search->scale /= 2;
    if (!solved || !(residual < search->residual)) return;
    search->residual = residual;
    search->scale = 1;
    lifted_jacobian(self, k, jacobian);
    const bool singular = small_matrix_invert(D, jacobian, inverse) == 0;
    for (size_t d = 0; d < D; d++) {
        search->x[d] = (double)self->trial[k * D + d];
        search->step[d] = 0;
        for (size_t j = 0; !singular && j < D; j++) search->step[d] += inverse[d * D + j] * off[j];
    }
}

/* Try the next point of `count` searches, move those that continue to the front, and return their number. */
static size_t try_all(lifted *self, const real *params, size_t count, real *x, status *outcome,
                      chain_statistics *statistics) {
    const size_t D = self->D;
    size_t left = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t d = 0; d < D; d++) {
            const lifted_search *search = &self->searches[k];
            self->trial[k * D + d] = (real)(search->x[d] + search->scale * search->step[d]);
        }
    *outcome = lifted_solve(self, params, self->trial, count, false, statistics);
    for (size_t k = 0; k < count; k++) {
        lifted_search search = self->searches[k];
        judge(self, k, *outcome == STATUS_OK, &search);
        if (search.residual > tolerance) self->searches[left++] = search;
        else
            for (size_t d = 0; d < D; d++) x[search.row * D + d] = (real)search.x[d];
    }
    return left;
}

/* If a trial becomes non-finite, its whole solve fails; then all steps are halved. */
status lifted_invert(lifted *self, const real *params, const real *z, size_t n, real *x, chain_statistics *statistics) {
    const size_t D = self->D;
    status outcome = STATUS_OK;
    TRY(lifted_solve_back(self, params, z, n, statistics));
    size_t evaluations = statistics->flows[0].forward.evaluations, left = n;
    for (size_t i = 0; i < n * D; i++) self->target[i] = z[i];
    for (size_t i = 0; i < n; i++) {
        self->searches[i] = (lifted_search){.row = i, .residual = INFINITY, .scale = 1};
        for (size_t d = 0; d < D; d++) self->searches[i].x[d] = (double)self->state[i * D + d];
    }
    for (int step = 0; step < STEPS_MAX && left > 0; step++) {
        left = try_all(self, params, left, x, &outcome, statistics);
        if (outcome != STATUS_OK && outcome != STATUS_NON_FINITE) return outcome;
        evaluations += statistics->flows[0].forward.evaluations;
    }
    for (size_t k = 0; k < left; k++)
        for (size_t d = 0; d < D; d++) x[self->searches[k].row * D + d] = (real)NAN;
    statistics->flows[0].forward.evaluations = evaluations;
    return STATUS_OK;
}

/* --- Uniqueness --- */

static double distance(size_t D, const real *x, size_t i, size_t j) {
    double squares = 0;
    for (size_t d = 0; d < D; d++) {
        const double by = (double)x[i * D + d] - (double)x[j * D + d];
        squares += by * by;
    }
    return sqrt(squares);
}

/* The least |z_i - z_j| / |x_i - x_j| over pairs that are nearest neighbours, by x or by z: nearby points that the flow
 * contracts, and distant points that it maps close to each other. */
static double least_ratio(size_t D, const real *x, const real *z, size_t n) {
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double nearest[2] = {INFINITY, INFINITY}, ratio[2] = {INFINITY, INFINITY};
        for (size_t j = 0; j < n; j++) {
            const double by_x = distance(D, x, i, j), by_z = distance(D, z, i, j);
            if (by_x == 0) continue; /* the point itself, or a repeated row of a table */
            if (by_x < nearest[0]) nearest[0] = by_x, ratio[0] = by_z / by_x;
            if (by_z < nearest[1]) nearest[1] = by_z, ratio[1] = by_z / by_x;
        }
        least = fmin(least, fmin(ratio[0], ratio[1]));
    }
    return least;
}

status lifted_examine(lifted *self, const real *params, const real *x, size_t n, cnf_injectivity *out,
                      chain_statistics *statistics) {
    const size_t D = self->D;
    double jacobian[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX], inverse[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX];
    double least = INFINITY;
    size_t negative = 0;
    status outcome = STATUS_OK;
    real *z = calloc(n * D, sizeof *z);
    if (!z) return STATUS_MEMORY;
    for (size_t first = 0; outcome == STATUS_OK && first < n; first += self->batch_max) {
        const size_t part = n - first < self->batch_max ? n - first : self->batch_max;
        outcome = lifted_solve(self, params, x + first * D, part, false, statistics);
        for (size_t i = 0; outcome == STATUS_OK && i < part; i++) {
            lifted_jacobian(self, i, jacobian);
            least = fmin(least, small_matrix_least_singular(D, jacobian));
            negative += small_matrix_invert(D, jacobian, inverse) < 0;
        }
        for (size_t i = 0; outcome == STATUS_OK && i < part * D; i++) z[first * D + i] = self->state[i];
    }
    if (outcome == STATUS_OK)
        *out = (cnf_injectivity){.least_singular_value = least,
                                 .least_distance_ratio = least_ratio(D, x, z, n),
                                 .folded = (double)(negative < n - negative ? negative : n - negative) / (double)n};
    free(z);
    return outcome;
}
