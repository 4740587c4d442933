/* theory_support.h - fields with a context for tests of the theorem checks, and comparisons of numbers. Only in the
 * double build; float is too coarse. */
#ifndef AFFJORD_THEORY_SUPPORT_H
#define AFFJORD_THEORY_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "backend/cpu/cpu.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

enum { N_MAX = 24 };

/* a (count) <- numbers of the standard normal distribution. */
static inline void draw(uint64_t seed, size_t count, double *a) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_TARGET};
    for (size_t i = 0; i < count; i++) {
        double u[4];
        random_normal4(stream, i, 0, u);
        a[i] = u[0];
    }
}

#define CHECK_CLOSE(count, seen, expected, within)                                                                     \
    do {                                                                                                               \
        const double distance_ = matrix_distance(count, seen, expected);                                               \
        cr_assert_leq(distance_, within, "line %d: %g apart", __LINE__, distance_);                                    \
    } while (0)

static inline cnf_spec toy(cnf_context context, bool join, size_t dimension) {
    return (cnf_spec){.dimension = dimension,
                      .width = 4,
                      .context = context,
                      .join = join,
                      .hypernet_layers = 1,
                      .hypernet_width = 4,
                      .augmented_dimension = 2,
                      .augmented_width = 3,
                      .learn_start = true,
                      .end_time = 1,
                      .base_variance = 1,
                      .solver = TABLEAU_RK4,
                      .steps = 8};
}

/* A field with parameters twice those of a training's start. */
static inline dynamics *make(cnf_spec spec, real **params) {
    dynamics *of = NULL;
    cr_assert_eq(theory_draw(&spec, 7, 2, &of, params), STATUS_OK);
    cr_assert_leq(of->n, (size_t)N_MAX);
    return of;
}

static inline void drop(dynamics **of, real *params) {
    dynamics_destroy(of);
    free(params);
}

static inline void begin_at(dynamics *of, uint64_t seed, real *w) {
    real z[N_MAX];
    draw(seed, of->z, z);
    dynamics_start(of, z, w);
}

#endif
