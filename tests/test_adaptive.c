/* test_adaptive.c - adaptive solves: torchdiffeq's counts, tolerances, outcomes, dense output, and the backward
 * pass. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "adaptive_support.h"
#include "backend/cpu/cpu.h"

static solution found, other;

static bool same(size_t n, const real *x, const real *y) {
    return memcmp(x, y, n * sizeof *x) == 0;
}

/* Split a line in place, as strtok, but with empty fields. */
static size_t split(char *line, char **fields, size_t most) {
    size_t count = 0;
    for (char *at = line; at && count < most; count++) {
        fields[count] = at;
        at = strpbrk(at, ",\n");
        if (at) *at++ = '\0';
    }
    return count;
}

static tableau_id pair_named(const char *name) {
    EACH_PAIR(id)
    if (strcmp(tableau_get(id)->name, name) == 0) return id;
    cr_assert_fail("no pair %s", name);
    return TABLEAU_COUNT;
}

static equation equation_named(const char *name) {
    for (size_t which = 0; which < EQUATIONS; which++) {
        equation e = equation_make(which);
        if (strcmp(e.name, name) == 0) return e;
    }
    cr_assert_fail("no equation %s", name);
    return (equation){0};
}

static adaptive_norm norm_named(const char *text) {
    adaptive_norm norm = {0};
    for (const char *at = text; *at; at += strcspn(at, "0123456789"))
        norm.length[norm.parts++] = strtoul(at, (char **)&at, 10);
    return norm;
}

/* Each of the golden file's solves has this many digits to compare. In float, rounding decides which steps are accepted
 * at small tolerances; the error estimate of dopri8 is mostly rounding in a double too when a step is short. */
typedef struct closeness {
    bool comparable;
    double size, value; /* relative difference of step sizes and states */
} closeness;

static closeness closeness_of(tableau_id id, double tolerance) {
    if (sizeof(real) == 4) {
        const double least = id == TABLEAU_DOPRI8 ? INFINITY : id == TABLEAU_TSIT5 ? 1e-3 : 1e-5;
        return (closeness){.comparable = tolerance >= least, .size = 0.02, .value = 1e-3};
    }
    if (id == TABLEAU_DOPRI8) return (closeness){.comparable = true, .size = 1e-2, .value = 1e-6};
    return (closeness){.comparable = true, .size = 1e-8, .value = 1e-11};
}

Test(adaptive, counts_and_results_are_torchdiffeqs) {
    FILE *file = fopen("tests/golden/adaptive.csv", "r");
    cr_assert_not_null(file);
    char line[1024], *field[16];
    size_t solves = 0;
    while (fgets(line, sizeof line, file)) {
        cr_assert_eq(split(line, field, 16), 16);
        const tableau_id id = pair_named(field[0]);
        equation e = equation_named(field[1]);
        const double start = strtod(field[2], NULL), end = strtod(field[3], NULL), tolerance = strtod(field[4], NULL);
        const adaptive_options options = {.atol = tolerance, .rtol = tolerance, .norm = norm_named(field[5])};
        const closeness close = closeness_of(id, tolerance);
        if (!close.comparable) continue;
        char what[100];
        snprintf(what, sizeof what, "%s, %s from %g, %g", field[0], e.name, start, tolerance);
        solution_find(tableau_get(id), &e, start, end, &options, &found);
        cr_assert_eq(found.outcome, STATUS_OK);
        cr_assert_eq(found.count.evaluations, strtoul(field[6], NULL, 10), "%s: %zu evaluations, not %s", what,
                     found.count.evaluations, field[6]);
        cr_assert_eq(found.count.accepted, strtoul(field[7], NULL, 10), "%s", what);
        cr_assert_eq(found.count.rejected, strtoul(field[8], NULL, 10), "%s", what);
        cr_assert_float_eq(found.count.smallest / strtod(field[9], NULL), 1, close.size, "%s", what);
        cr_assert_float_eq(found.count.largest / strtod(field[10], NULL), 1, close.size, "%s", what);
        cr_assert_float_eq(found.count.time, strtod(field[11], NULL), close.size * 8, "%s", what);
        for (size_t i = 0; i < e.length; i++) {
            const double expected = strtod(field[12 + i], NULL);
            cr_assert_float_eq((double)found.y[i], expected, close.value * (1 + fabs(expected)), "%s: %.15g not %s",
                               what, (double)found.y[i], field[12 + i]);
        }
        solves++;
    }
    fclose(file);
    cr_assert_eq(solves, sizeof(real) == 8 ? 94 : 42);
}

Test(adaptive, makes_two_evaluations_and_the_stages_of_every_attempt) {
    EACH_PAIR(id)
    for (int given = 0; given < 2; given++)
        for (size_t which = 0; which < EQUATIONS; which++) {
            const tableau *m = tableau_get(id);
            equation e = equation_make(which);
            const adaptive_options options = {.atol = 1e-4, .rtol = 1e-4, .first_step = given ? 0.5 : 0};
            solution_find(m, &e, 0, e.end, &options, &found);
            cr_assert_eq(found.outcome, STATUS_OK);
            cr_assert_eq(found.count.evaluations,
                         (given ? 1 : 2) + m->stages * (found.count.accepted + found.count.rejected));
            cr_assert_eq(found.count.evaluations, e.evaluations);
            cr_assert(e.in_order);
            cr_assert_gt(found.count.accepted, 0);
            cr_assert_eq(found.count.vjps, 0);
            cr_assert_eq(found.record.steps, found.count.accepted);
            cr_assert_eq(found.record.reached, found.count.time);
            cr_assert_geq(found.count.time, e.end);
            double smallest = INFINITY, largest = 0, t = 0;
            for (size_t i = 0; i < found.record.steps; i++) {
                cr_assert_eq(found.time[i], t, "steps follow each other");
                t = found.time[i] + found.step[i];
                smallest = fmin(smallest, found.step[i]);
                largest = fmax(largest, found.step[i]);
            }
            cr_assert_eq(found.count.smallest, smallest);
            cr_assert_eq(found.count.largest, largest);
            cr_assert(same(e.length, found.states, e.start));
        }
}

Test(adaptive, a_solve_of_no_length_evaluates_nothing) {
    equation e = equation_make(0);
    const adaptive_options options = {.atol = 1e-4, .rtol = 1e-4};
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 3, 3, &options, &found);
    cr_assert_eq(found.outcome, STATUS_OK);
    cr_assert_eq(e.evaluations + found.count.evaluations + found.record.steps, 0);
    cr_assert(same(e.length, found.y, e.start));
}

static equation mirrored;
static void mirror(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)context, (void)evaluation;
    mirrored.f(-*t, mirrored.strength, y, dy);
    for (size_t i = 0; i < mirrored.length; i++) dy[i] = -dy[i];
}

Test(adaptive, backwards_is_the_mirrored_equation_to_the_bit) {
    EACH_PAIR(id)
    for (int stop_at_end = 0; stop_at_end < 2; stop_at_end++) {
        const tableau *m = tableau_get(id);
        mirrored = equation_make(1);
        const adaptive_options options = {.atol = 1e-5, .rtol = 1e-5, .stop_at_end = stop_at_end};
        ode_system system = equation_system(&mirrored);
        real y[LENGTH_MAX], workspace[(RK_STAGES_MAX + 3) * LENGTH_MAX];
        memcpy(y, mirrored.start, sizeof y);
        adaptive_statistics count;
        solution_find(m, &mirrored, 4, 0.5, &options, &found);
        system.evaluate = mirror;
        cr_assert_eq(solve_integrate(&(solve_spec){.method = m, .options = options}, -4, -0.5, &system, y, NULL,
                                     workspace, &count),
                     STATUS_OK);
        cr_assert(same(mirrored.length, y, found.y), "%s", m->name);
        cr_assert_eq(count.time, -found.count.time);
        cr_assert_eq(count.evaluations, found.count.evaluations);
        cr_assert_lt(found.step[0], 0);
    }
}

static double latest;

static void decay(double t, double strength, const real *y, real *dy) {
    latest = fmax(latest, t);
    dy[0] = (real)-strength * y[0];
}

Test(adaptive, only_a_solve_that_stops_at_the_end_stays_before_it) {
    EACH_PAIR(id)
    for (int stop_at_end = 0; stop_at_end < 2; stop_at_end++) {
        equation e = {.length = 1, .f = decay, .start = {1}, .strength = 1};
        const adaptive_options options = {.atol = 1e-5, .rtol = 1e-5, .stop_at_end = stop_at_end};
        latest = 0;
        solution_find(tableau_get(id), &e, 0, 1, &options, &found);
        cr_assert_eq(found.outcome, STATUS_OK);
        if (stop_at_end) cr_assert_float_eq(latest, 1, 1e-15);
        else cr_assert_gt(latest, 1.0001, "%s interpolates", tableau_get(id)->name);
    }
}

Test(adaptive, all_levels_give_the_same_bits) {
    equation e = equation_make(2);
    const adaptive_options options = {.atol = 1e-5, .rtol = 1e-5};
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 0, e.end, &options, &found);
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        ode_system system = equation_system(&e);
        system.backend = cpu_backend(level);
        real y[LENGTH_MAX], workspace[(RK_STAGES_MAX + 3) * LENGTH_MAX];
        memcpy(y, e.start, sizeof y);
        solve_integrate(&(solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .options = options}, 0, e.end, &system, y,
                        NULL, workspace, NULL);
        cr_assert(same(e.length, y, found.y), "%s", cpu_level_name(level));
    }
}

/* --- Options ------------------------------------------------------------------------------------------------------ */

Test(adaptive, stop_at_end_ends_at_the_end) {
    EACH_PAIR(id)
    for (int back = 0; back < 2; back++) {
        equation e = equation_make(0);
        const double start = back ? e.end : 0, end = back ? 0 : e.end;
        adaptive_options options = {.atol = 1e-4, .rtol = 1e-4};
        solution_find(tableau_get(id), &e, start, end, &options, &other);
        options.stop_at_end = true;
        solution_find(tableau_get(id), &e, start, end, &options, &found);
        const size_t last = found.record.steps - 1;
        cr_assert_eq(found.count.time, end);
        cr_assert_eq(found.record.reached, end);
        cr_assert_eq(found.step[last], end - found.time[last]);
        cr_assert_neq(other.count.time, end);
        cr_assert_eq(found.count.evaluations,
                     2 + tableau_get(id)->stages * (found.count.accepted + found.count.rejected));
        /* All but the last attempts are the same. */
        cr_assert_eq(found.time[last - 1], other.time[last - 1]);
    }
}

Test(adaptive, sizes_stay_within_their_bounds) {
    equation e = equation_make(1);
    adaptive_options options = {.atol = 1e-3, .rtol = 1e-3, .max_step = 0.05, .first_step = 7};
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 0, e.end, &options, &found);
    cr_assert_eq(found.outcome, STATUS_OK);
    cr_assert_eq(found.step[0], 0.05);
    cr_assert_eq(found.count.largest, 0.05);
    options = (adaptive_options){.atol = 1e-3, .rtol = 1e-3, .min_step = 0.3, .first_step = 0.01};
    e = equation_make(0);
    solution_find(tableau_get(TABLEAU_DOPRI8), &e, 0, e.end, &options, &found);
    cr_assert_eq(found.outcome, STATUS_OK);
    cr_assert_eq(found.step[0], 0.3);
    cr_assert_eq(found.count.smallest, 0.3);
}

/* The pendulum, and a fast and large equation that does not affect it. */
static void noisy(double t, double strength, const real *y, real *dy) {
    const equation quiet = equation_make(0);
    quiet.f(t, strength, y, dy);
    for (size_t i = 2; i < 6; i++) dy[i] = (real)(3 * cos(40 * t) * (double)i);
}

Test(adaptive, entries_beyond_the_parts_do_not_count) {
    size_t in_parts = 0, in_one = 0; /* accepted steps */
    EACH_PAIR(id) {
        const tableau *m = tableau_get(id);
        equation quiet = equation_make(0), loud = equation_make(0);
        loud.f = noisy, loud.length = 6;
        adaptive_options options = {.atol = 1e-3, .rtol = 1e-3, .stop_at_end = true};
        solution_find(m, &quiet, 0, 8, &options, &found);
        options.norm = (adaptive_norm){.parts = 1, .length = {2}};
        solution_find(m, &loud, 0, 8, &options, &other);
        cr_assert_eq(other.count.evaluations, found.count.evaluations);
        cr_assert(same(2, found.y, other.y));
        cr_assert_eq(other.count.smallest, found.count.smallest);
        options.norm = (adaptive_norm){.parts = 2, .length = {2, 4}};
        solution_find(m, &loud, 0, 8, &options, &other);
        cr_assert_eq(other.outcome, STATUS_OK);
        in_parts += other.count.accepted;
        options.norm = (adaptive_norm){0};
        solution_find(m, &loud, 0, 8, &options, &other);
        in_one += other.count.accepted;
        cr_assert_gt(other.count.evaluations, 3 * found.count.evaluations);
    }
    cr_assert_gt(in_parts, in_one, "the largest of the parts is stricter than the mean");
}

/* --- Outcomes ----------------------------------------------------------------------------------------------------- */

/* A failed solve leaves y unchanged. */
static status outcome_of(equation *e, double end, const adaptive_options *options) {
    solution_find(tableau_get(TABLEAU_DOPRI5), e, 0, end, options, &found);
    if (found.outcome != STATUS_OK) cr_assert(memcmp(found.y, e->start, sizeof found.y) == 0);
    cr_assert_eq(found.count.evaluations, e->evaluations);
    return found.outcome;
}

static void explosion(double t, double strength, const real *y, real *dy) {
    (void)t, (void)strength;
    dy[0] = y[0] * y[0]; /* y = 1 / (1 - t) */
}
static void cliff(double t, double strength, const real *y, real *dy) {
    (void)y, (void)strength;
    dy[0] = t < 1 ? 1 : (real)NAN;
}
static void fence(double t, double strength, const real *y, real *dy) {
    (void)t, (void)strength;
    dy[0] = (real)sqrt(1.5 - (double)y[0]); /* long steps meet the root of a negative number; y never does */
}
static void threshold(double t, double strength, const real *y, real *dy) {
    (void)t, (void)strength;
    dy[0] = y[0] < (real)1.6 ? y[0] : (real)NAN; /* Heun's prediction stays below where its result does not */
}
static void overflow(double t, double strength, const real *y, real *dy) {
    (void)t, (void)strength;
    dy[0] = -y[0];
    dy[1] = y[1] * y[1] * y[1]; /* grows without bound to t = 1/2 */
}
static void jump(double t, double strength, const real *y, real *dy) {
    (void)y, (void)strength;
    dy[0] = t < 1 ? 1 : (real)1e12;
}

Test(adaptive, every_outcome_has_its_status) {
    const adaptive_options plain = {.atol = 1e-5, .rtol = 1e-5};
    adaptive_options options = plain;

    equation e = {.length = 1, .f = explosion, .start = {1}};
    cr_assert_eq(outcome_of(&e, 2, &plain), STATUS_STEP_TOO_SMALL);
    cr_assert_float_eq(found.count.time, 1, 1e-3);
    cr_assert_gt(found.count.accepted, 20);

    e = (equation){.length = 1, .f = jump, .start = {1}};
    options.min_step = 1e-3;
    cr_assert_eq(outcome_of(&e, 2, &options), STATUS_STEP_TOO_SMALL);
    cr_assert_float_eq(found.count.time, 1, 1.1e-3);

    e = (equation){.length = 1, .f = cliff, .start = {1}};
    cr_assert_eq(outcome_of(&e, 2, &plain), STATUS_NON_FINITE);
    cr_assert_float_eq(found.count.time, 1, 1e-3);
    cr_assert_lt(found.count.time, 1);
    const size_t rejected = found.count.rejected;
    e.evaluations = 0;
    cr_assert_eq(outcome_of(&e, 2, &options), STATUS_NON_FINITE);
    cr_assert_lt(found.count.rejected, rejected / 2, "with a smallest step the search for a way on is short");

    e = (equation){.length = 1, .f = cliff, .start = {(real)NAN}};
    cr_assert_eq(outcome_of(&e, 2, &plain), STATUS_NON_FINITE);
    cr_assert_eq(e.evaluations, 0);
    e = (equation){.length = 1, .f = explosion, .start = {(real)1e30 * (real)1e8}};
    e.start[0] *= e.start[0] > (real)1e300 ? 1 : (sizeof(real) == 8 ? (real)1e150 : 1);
    cr_assert_eq(outcome_of(&e, 2, &plain), STATUS_NON_FINITE);
    cr_assert_eq(e.evaluations, 1, "the derivative at the start");

    /* Entries outside of the norm are checked for NaN too. */
    e = (equation){.length = 2, .f = overflow, .start = {1, 1}};
    options = plain;
    options.norm = (adaptive_norm){.parts = 1, .length = {1}};
    cr_assert_eq(outcome_of(&e, 2, &options), STATUS_NON_FINITE);

    e = (equation){.length = 1, .f = fence, .start = {0}};
    options = plain;
    options.first_step = 30;
    cr_assert_eq(outcome_of(&e, 2, &options), STATUS_OK, "a step too long is made shorter");
    cr_assert_gt(found.count.rejected, 0);
    const double root = sqrt(1.5) - 1; /* of 1.5 - y at t = 2 */
    cr_assert_float_eq((double)found.y[0], 1.5 - root * root, 1e-3);

    for (int stop_at_end = 0; stop_at_end < 2; stop_at_end++) {
        e = (equation){.length = 1, .f = threshold, .start = {1}};
        options = (adaptive_options){.atol = 10, .first_step = 0.5, .stop_at_end = stop_at_end};
        solution_find(tableau_get(TABLEAU_HEUN2), &e, 0, 0.4, &options, &found);
        cr_assert_eq(found.outcome, STATUS_OK);
        cr_assert_float_eq((double)found.y[0], exp(0.4), 0.02);
        cr_assert_eq(found.count.rejected > 0, !stop_at_end, "no step ends where the derivative is not finite");
    }

    e = equation_make(0);
    options = plain;
    options.max_attempts = 9;
    cr_assert_eq(outcome_of(&e, 8, &options), STATUS_TOO_MANY_STEPS);
    cr_assert_eq(found.count.accepted + found.count.rejected, 9);
    cr_assert_lt(found.count.time, 8);
    e.evaluations = 0;
    options.max_attempts = 0;
    cr_assert_eq(outcome_of(&e, 8, &options), STATUS_OK);
    e.evaluations = 0;
    options.max_attempts = found.count.accepted + found.count.rejected;
    cr_assert_eq(outcome_of(&e, 8, &options), STATUS_OK, "as many as are needed");
}

Test(adaptive, a_full_record_keeps_its_steps) {
    equation e = equation_make(0);
    const ode_system system = equation_system(&e);
    const adaptive_options options = {.atol = 1e-4, .rtol = 1e-4};
    solution_find(tableau_get(TABLEAU_BOSH3), &e, 0, 8, &options, &found);
    const size_t needed = found.record.steps;
    for (size_t capacity = needed - 1; capacity <= needed; capacity++) {
        real y[LENGTH_MAX], workspace[(RK_STAGES_MAX + 3) * LENGTH_MAX];
        memcpy(y, e.start, sizeof y);
        memset(other.states, 0, sizeof other.states);
        adaptive_record record = {.capacity = capacity, .time = other.time, .step = other.step, .states = other.states};
        const status outcome = solve_integrate(&(solve_spec){.method = tableau_get(TABLEAU_BOSH3), .options = options},
                                               0, 8, &system, y, &record, workspace, NULL);
        cr_assert_eq(outcome, capacity < needed ? STATUS_RECORD_FULL : STATUS_OK);
        cr_assert(same(e.length, y, capacity < needed ? e.start : found.y));
        cr_assert_eq(record.steps, capacity);
        cr_assert(same(capacity * e.length, record.states, found.states));
        cr_assert_eq(record.states[capacity * e.length], 0);
    }
}

Test(adaptive, rejects_invalid_arguments) {
    const adaptive_options good = {.atol = 1e-4, .rtol = 0};
    const struct bad {
        adaptive_options options;
        double start, end;
    } cases[] = {
        {.options = good, .start = NAN, .end = 2},
        {.options = good, .end = INFINITY},
        {.options = {.atol = 0, .rtol = 1e-3}, .end = 2},
        {.options = {.atol = 1e-3, .rtol = -1}, .end = 2},
        {.options = {.atol = NAN, .rtol = 1}, .end = 2},
        {.options = {.atol = 1e-3, .first_step = -1}, .end = 2},
        {.options = {.atol = 1e-3, .min_step = 2, .max_step = 1}, .end = 2},
        {.options = {.atol = 1e-3, .norm = {.parts = 2, .length = {1, 2}}}, .end = 2},
        {.options = {.atol = 1e-3, .norm = {.parts = 2, .length = {1, 0}}}, .end = 2},
        {.options = {.atol = 1e-3, .norm = {.parts = 5, .length = {1}}}, .end = 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        equation e = equation_make(0);
        solution_find(tableau_get(TABLEAU_BOSH3), &e, cases[i].start, cases[i].end, &cases[i].options, &found);
        cr_assert_eq(found.outcome, STATUS_INVALID, "case %zu", i);
        cr_assert_eq(e.evaluations, 0);
    }
    equation e = equation_make(0);
    solution_find(tableau_get(TABLEAU_BOSH3), &e, 0, 2, &good, &found);
    cr_assert_eq(found.outcome, STATUS_OK);
    solution_find(tableau_get(TABLEAU_RK4), &e, 0, 2, &good, &found);
    cr_assert_eq(found.outcome, STATUS_INVALID, "it has no estimate");
}

/* Address sanitizers need memory themselves. */
#ifndef __SANITIZE_ADDRESS__
Test(adaptive, works_when_there_is_no_memory_left) {
    equation e = equation_make(2);
    const adaptive_options options = {.atol = 1e-5, .rtol = 1e-5};
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 0, e.end, &options, &found);

    const ode_system system = equation_system(&e);
    real workspace[(2 * RK_STAGES_MAX + 3) * LENGTH_MAX], ybar[LENGTH_MAX] = {1};
    struct rlimit before, none;
    getrlimit(RLIMIT_AS, &before);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_AS, &none);
    void *volatile taken;
    for (size_t size = 1 << 24; size > 0; size /= 2)
        for (taken = &none; taken;) taken = malloc(size);
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 0, e.end, &options, &other);
    const status reversed = solve_backward(&(solve_spec){.method = tableau_get(TABLEAU_DOPRI5)}, &other.record, &system,
                                           ybar, workspace, NULL);
    taken = malloc(1);
    setrlimit(RLIMIT_AS, &before);
    cr_assert_null(taken);
    cr_assert_eq(other.outcome, STATUS_OK);
    cr_assert_eq(reversed, STATUS_OK);
    cr_assert(same(e.length, other.y, found.y));
}
#endif
