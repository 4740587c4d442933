/* adaptive.c - y+ = y + h sum_i b_i k_i with h chosen such that h sum_i (b_i - bhat_i) k_i stays within tolerances. */
#include "ode/adaptive.h"

#include <math.h>

#include "base/detmath.h"
#include "ode/rk_step.h"

static const double safety = 0.9, factor_max = 10, factor_min = 0.2;

/* A solve under way. */
typedef struct solver {
    const adaptive_options *options;
    double end, direction; /* 1 forward in time, -1 backward */
    rk_step step;
    double t;
    real *y, *next; /* (n) the last accepted state, and the attempt's */
    real *k[RK_WEIGHTS_MAX]; /* (n) each */
    adaptive_statistics count;
} solver;

size_t adaptive_workspace(const tableau *pair, size_t length) {
    return (pair->stages + 3) * length;
}

size_t adaptive_reverse_workspace(const tableau *pair, size_t length) {
    return (2 * pair->stages + 3) * length;
}

size_t adaptive_kept(const tableau *pair, size_t length, bool stages) {
    return stages ? (pair->stages + 1) * length : length;
}

static bool is_size(double x) {
    return x >= 0 && isfinite(x);
}

/* times (count) lead from start to end; none is NaN. */
static bool in_order(size_t count, const double *times, double start, double end) {
    const double direction = end < start ? -1 : 1;
    for (size_t i = 0; i < count; start = times[i++])
        if (!(direction * (times[i] - start) >= 0 && direction * (end - times[i]) >= 0)) return false;
    return true;
}

static bool valid(const tableau *pair, double start, double end, const adaptive_options *o, const ode_system *system,
                  const adaptive_outputs *outputs) {
    if (pair->error[0] == 0 || !isfinite(start) || !isfinite(end)) return false;
    if (!is_size(o->atol) || o->atol == 0 || !is_size(o->rtol)) return false;
    if (!is_size(o->first_step) || !is_size(o->min_step) || !is_size(o->max_step)) return false;
    if (o->max_step != 0 && o->max_step < o->min_step) return false;
    size_t rest = system->length;
    if (rest == 0 || o->norm.parts > ADAPTIVE_PARTS_MAX) return false;
    for (size_t part = 0; part < o->norm.parts; rest -= o->norm.length[part++])
        if (o->norm.length[part] == 0 || o->norm.length[part] > rest) return false;
    return !outputs || in_order(outputs->count, outputs->times, start, end);
}

static void evaluate(solver *s, double t, const real *y, real *dy) {
    const ode_system *system = s->step.system;
    system->evaluate(system->context, s->count.evaluations++, t, y, dy);
}

/* How the solve measures errors; `whole`: NaN also for a state or last derivative that isn't finite where the norm
 * doesn't look. */
static error_norm norm_of(const solver *s, bool whole) {
    const adaptive_options *o = s->options;
    const bool parts = o->norm.parts > 0;
    return (error_norm){.atol = o->atol,
                        .rtol = o->rtol,
                        .parts = parts ? o->norm.parts : 1,
                        .length = parts ? o->norm.length : &s->step.system->length,
                        .finite = whole ? s->step.system->length : 0};
}

static bool is_finite(const solver *s, const real *x) {
    const ode_system *system = s->step.system;
    return system->backend->is_finite(system->backend, system->length, x);
}

static void copy(const solver *s, const real *from, real *to) {
    const ode_system *system = s->step.system;
    system->backend->copy(system->backend, system->length, from, to);
}

/* Norm of sum_j weight_j k_j at the accepted state alone. */
static double norm_here(const solver *s, size_t terms, const double *weight, const real *const *k) {
    const ode_system *system = s->step.system;
    const error_norm norm = norm_of(s, false);
    return system->backend->measure_error(system->backend, &norm, terms, weight, k, s->y, s->y);
}

static double clamped(const adaptive_options *o, double size) {
    if (o->max_step != 0 && size > o->max_step) size = o->max_step;
    return size < o->min_step ? o->min_step : size;
}

/* Size of the first step: such that an explicit Euler step would be small, then such that by the second derivative, as
 * an Euler step shows it, the error would be. */
static double first_size(solver *s) {
    const double one = 1, root = 1.0 / (double)s->step.method->order;
    const real *value = s->y, *slopes[2] = {s->k[1], s->k[0]};
    const double d0 = norm_here(s, 1, &one, &value), d1 = norm_here(s, 1, &one, &slopes[1]);
    const double h0 = d0 < 1e-5 || d1 < 1e-5 || !isfinite(d0 / d1) ? 1e-6 : 0.01 * d0 / d1;

    s->step.h = s->direction * h0;
    rk_step_combine(&s->step, 1, &one, s->y, s->k, s->next);
    evaluate(s, s->t + s->step.h, s->next, s->k[1]);
    const double d2 = norm_here(s, 2, (const double[]){1, -1}, slopes) / h0;
    if (!isfinite(d2)) return h0 * 1e-3; /* the Euler step was already too long */
    const double most = d1 > d2 ? d1 : d2, cautious = h0 * 1e-3 > 1e-6 ? h0 * 1e-3 : 1e-6;
    const double h1 = most <= 1e-15 ? cautious : det_pow(0.01 / most, root);
    return h1 < 100 * h0 ? h1 : 100 * h0;
}

/* What the next step's size is multiplied by. A ratio that is not a number shrinks it as much as can be. */
static double factor(const solver *s, double ratio) {
    if (ratio == 0) return factor_max;
    const double low = ratio < 1 ? 1 : factor_min;
    const double wanted = safety / det_pow(ratio, 1.0 / (double)s->step.method->order);
    if (!(wanted > low)) return low;
    return wanted < factor_max ? wanted : factor_max;
}

/* Times of the stages of a step from t to `until`. */
static void place(rk_step *step, double t, double until) {
    const tableau *pair = step->method;
    for (size_t i = 0; i < pair->stages; i++) step->time[i] = pair->c[i] == 1 ? until : t + pair->c[i] * step->h;
    step->time[pair->stages] = until;
}

/* What a record has of a step. */
static real *kept_at(const tableau *pair, const adaptive_record *record, size_t step, size_t n) {
    return record->states + step * adaptive_kept(pair, n, record->stages);
}

/* Tries the step to `until` and returns the ratio of error and tolerance; NaN where the state or the derivative at the
 * step's end is not finite, whether or not the norm and the estimate look at it. */
static double attempt(solver *s, double until, const adaptive_record *record) {
    const size_t stages = s->step.method->stages, n = s->step.system->length;
    double weights[RK_WEIGHTS_MAX];
    for (size_t i = 0; i <= stages; i++) weights[i] = s->step.h * s->step.method->error[i];
    place(&s->step, s->t, until);
    s->step.evaluation = s->count.evaluations - 1; /* stage 0 is there */
    if (record && record->stages) {
        real *states = kept_at(s->step.method, record, record->steps, n);
        rk_step_stages(&s->step, 1, stages + 1, s->y, states, n, s->k);
        copy(s, states + stages * n, s->next);
    } else {
        rk_step_stages(&s->step, 1, stages + 1, s->y, s->next, 0, s->k);
    }
    s->count.evaluations += stages;
    const error_norm norm = norm_of(s, true);
    return s->step.system->backend->measure_error(s->step.system->backend, &norm, stages + 1, weights,
                                                  (const real *const *)s->k, s->y, s->next);
}

static void keep(const solver *s, double until, adaptive_record *record) {
    const size_t n = s->step.system->length;
    if (!record) return;
    record->time[record->steps] = s->t;
    record->step[record->steps] = s->step.h;
    copy(s, s->y, kept_at(s->step.method, record, record->steps, n));
    record->steps++;
    record->reached = until;
}

/* out (n) <- the state at t, in the step from s->t to `until`. */
static void interpolate(const solver *s, double until, double t, real *out) {
    double w[RK_WEIGHTS_MAX];
    if (t == until) {
        copy(s, s->next, out);
        return;
    }
    tableau_dense(s->step.method, (t - s->t) / (until - s->t), w);
    rk_step_combine(&s->step, s->step.method->stages + 1, w, s->y, s->k, out);
}

/* The attempt becomes the state. Its last stage is the next step's first. */
static void advance(solver *s, double until) {
    const double size = fabs(s->step.h);
    if (s->count.accepted == 0 || size < s->count.smallest) s->count.smallest = size;
    if (size > s->count.largest) s->count.largest = size;
    s->count.accepted++;
    s->count.time = s->t = until;
    real *y = s->y, **last = &s->k[s->step.method->stages], *slope = *last;
    s->y = s->next, s->next = y;
    *last = s->k[0], s->k[0] = slope;
}

/* From the state in s->y to s->end, where y gets the state. */
static status run(solver *s, real *y, adaptive_record *record, const adaptive_outputs *outputs) {
    const adaptive_options *o = s->options;
    const size_t n = s->step.system->length, attempts = o->max_attempts ? o->max_attempts : ADAPTIVE_ATTEMPTS;
    const size_t wanted = outputs ? outputs->count : 0;
    size_t shown = 0;
    if (!is_finite(s, s->y)) return STATUS_NON_FINITE;
    for (; shown < wanted && outputs->times[shown] == s->t; shown++) copy(s, s->y, outputs->states + shown * n);
    if (s->t == s->end) return STATUS_OK;

    evaluate(s, s->t, s->y, s->k[0]);
    if (!is_finite(s, s->k[0])) return STATUS_NON_FINITE;
    double size = o->first_step != 0 ? o->first_step : first_size(s);
    bool arrived = false, finite = true; /* of the last attempt */
    while (!arrived) {
        size = clamped(o, size);
        const bool landing = o->land && size >= fabs(s->end - s->t);
        s->step.h = landing ? s->end - s->t : s->direction * size;
        const double until = landing ? s->end : s->t + s->step.h;
        if (until == s->t) return finite ? STATUS_STEP_TOO_SMALL : STATUS_NON_FINITE;
        if (s->count.accepted + s->count.rejected == attempts) return STATUS_TOO_MANY_STEPS;

        if (record && record->steps == record->capacity) return STATUS_RECORD_FULL;
        const double ratio = attempt(s, until, record);
        size = fabs(s->step.h);
        if (ratio <= 1) {
            arrived = s->direction * (until - s->end) >= 0;
            keep(s, until, record);
            for (; shown < wanted && s->direction * (outputs->times[shown] - until) <= 0; shown++)
                interpolate(s, until, outputs->times[shown], outputs->states + shown * n);
            if (arrived) interpolate(s, until, s->end, y);
            advance(s, until);
            finite = true;
        } else {
            s->count.rejected++;
            finite = isfinite(ratio);
            if (size <= o->min_step) return finite ? STATUS_STEP_TOO_SMALL : STATUS_NON_FINITE;
        }
        size *= factor(s, ratio);
    }
    return STATUS_OK;
}

status adaptive_integrate(const tableau *pair, double start, double end, const adaptive_options *options,
                          const ode_system *system, real *y, adaptive_record *record, const adaptive_outputs *outputs,
                          real *workspace, adaptive_statistics *statistics) {
    const size_t n = system->length;
    solver s = {.options = options,
                .end = end,
                .direction = end < start ? -1 : 1,
                .step = {.method = pair, .system = system},
                .t = start,
                .y = workspace,
                .next = workspace + n,
                .count = {.time = start}};
    status outcome = STATUS_INVALID;
    if (valid(pair, start, end, options, system, outputs)) {
        for (size_t i = 0; i <= pair->stages; i++) s.k[i] = workspace + (i + 2) * n;
        copy(&s, y, s.y);
        if (record) record->steps = 0, record->reached = start, record->end = end;
        outcome = run(&s, y, record, outputs);
    }
    if (statistics) *statistics = s.count;
    return outcome;
}

status adaptive_reverse(const tableau *pair, const adaptive_record *record, const ode_system *system, real *ybar,
                        real *workspace, adaptive_statistics *statistics) {
    const size_t n = system->length;
    rk_step step = {.method = pair, .system = system};
    real *kbar = workspace, *states = workspace + n; /* (n), (s + 1, n) */
    real *k[RK_WEIGHTS_MAX]; /* (n) each; the derivatives, then the cotangents of the states */
    double dense[RK_WEIGHTS_MAX];
    for (size_t i = 0; i <= pair->stages; i++) k[i] = states + (pair->stages + 1 + i) * n;

    adaptive_statistics count = {.time = record->end};
    for (size_t i = record->steps; i-- > 0;) {
        const double t = record->time[i], until = i + 1 < record->steps ? record->time[i + 1] : record->reached;
        const double *w = pair->b;
        size_t stages = pair->stages;
        if (i + 1 == record->steps && until != record->end) {
            tableau_dense(pair, (record->end - t) / (until - t), dense);
            w = dense;
            stages++;
        }
        step.h = record->step[i];
        place(&step, t, until);
        real *kept = kept_at(pair, record, i, n);
        if (!record->stages) {
            rk_step_stages(&step, 0, stages, kept, states, n, k);
            count.evaluations += stages;
        }
        rk_step_reverse(&step, stages, w, record->stages ? kept : states, NULL, ybar, kbar, k);
        count.reversals += stages;
        count.time = t;
    }
    if (statistics) *statistics = count;
    return system->backend->is_finite(system->backend, n, ybar) ? STATUS_OK : STATUS_NON_FINITE;
}
