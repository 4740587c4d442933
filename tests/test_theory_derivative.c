/* test_theory_derivative.c - total derivatives by each method: their order, and pieces. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include <math.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/derivative.h"
#include "theory_support.h"

TestSuite(theory_derivative, .timeout = 60);

static double *taken(derivative_way way, size_t pieces, const derivative_piece *piece, size_t P, size_t steps,
                     const real *w) {
    double *derivative = calloc(piece->of->z * P, sizeof *derivative);
    cr_assert_eq(derivative_take(way, pieces, piece, P, steps, w, derivative), STATUS_OK);
    return derivative;
}

Test(theory_derivative, each_way_is_of_fourth_order) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        real *params, w[N_MAX];
        dynamics *of = make(toy(context, true, 2), &params);
        const size_t P = of->parameters, count = of->z * P;
        const derivative_piece piece = {.of = of, .time = 1.5, .factor = 1};
        begin_at(of, 6, w);
        double *fine = taken(DERIVATIVE_FORWARD, 1, &piece, P, 160, w);
        for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++) {
            double error[2];
            for (size_t k = 0; k < 2; k++) {
                double *coarse = taken(way, 1, &piece, P, k ? 40 : 20, w);
                error[k] = matrix_distance(count, coarse, fine) / matrix_largest(count, fine);
                free(coarse);
            }
            cr_assert_float_eq(log2(error[0] / error[1]), 4, 0.35, "%s: %g, then %g", derivative_name(way), error[0],
                               error[1]);
            cr_assert_lt(error[1], 1e-6);
        }
        free(fine);
        drop(&of, params);
    }
}

/* One field for the whole time, as two pieces with any boundary. */
Test(theory_derivative, a_field_in_two_pieces_is_the_field) {
    real *params, w[N_MAX];
    dynamics *of = make(toy(CONTEXT_AUGMENTED, true, 2), &params);
    const size_t P = of->parameters, z = of->z;
    const derivative_piece whole = {.of = of, .time = 1, .factor = 1}, hurried = {.of = of, .time = 0.5, .factor = 2};
    const derivative_piece parts[] = {{.of = of, .time = 0.37, .factor = 1}, {.of = of, .time = 0.63, .factor = 1}};
    const derivative_piece distance[] = {{.of = of, .time = 0.37, .factor = 1},
                                         {.of = of, .time = 0.63, .factor = 1, .first = P}};
    const derivative_piece and_back[] = {{.of = of, .time = 0.5, .factor = 1}, {.of = of, .time = -0.5, .factor = 1}};
    begin_at(of, 6, w);
    for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++) {
        double *expected = taken(way, 1, &whole, P, 96, w), *seen = taken(way, 2, parts, P, 48, w);
        const double scale = matrix_largest(z * P, expected);
        CHECK_CLOSE(z * P, seen, expected, 1e-8 * scale);
        free(seen);
        seen = taken(way, 1, &hurried, P, 96, w);
        CHECK_CLOSE(z * P, seen, expected, 1e-13 * scale);
        free(seen);
        seen = taken(way, 2, and_back, P, 48, w);
        cr_assert_leq(matrix_largest(z * P, seen), 1e-8 * scale, "%s: there and back again", derivative_name(way));
        free(seen);

        /* Pieces with separate parameters: each gets the contribution of its time, and the contributions add up to the
         * whole. */
        seen = taken(way, 2, distance, 2 * P, 48, w);
        real at[N_MAX];
        memcpy(at, w, sizeof at);
        cr_assert_eq(cable_move(of, &(solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 48}, 0.37, at),
                     STATUS_OK);
        double *second = taken(way, 1, &parts[1], P, 48, at);
        for (size_t i = 0; i < z; i++)
            for (size_t p = 0; p < P; p++) {
                const double share = seen[i * 2 * P + p], rest = seen[i * 2 * P + P + p];
                cr_assert_float_eq(share + rest, expected[i * P + p], 1e-8 * scale);
                cr_assert_float_eq(rest, second[i * P + p], 1e-12 * scale, "%s", derivative_name(way));
            }
        free(second), free(seen), free(expected);
    }
    drop(&of, params);
}

#endif
