/* point_objective.c - batches of a data set through one flow. */
#include "train/point_objective.h"

#include <math.h>

#include "base/arena.h"
#include "flow/cnf_program.h"

typedef struct point_objective {
    objective base;
    point_objective_spec spec;
    const dataset *data;
    arena memory; /* holds itself too */
    cnf *flow;
    real *batch; /* (B, D) */
    real *held[OBJECTIVE_HELD]; /* (validation, D) and (test, D), the same points at every epoch */
    double *log_density; /* (the larger of the two) */
} point_objective;

static const point_objective *as_points(const objective *self) {
    return (const point_objective *)self;
}

static const parameter_table *parameters(const objective *self) {
    return cnf_parameters(as_points(self)->flow);
}

static size_t bytes(const objective *self) {
    return as_points(self)->memory.bytes + cnf_bytes(as_points(self)->flow);
}

static size_t kept_bytes(const objective *self) {
    return cnf_kept_bytes(as_points(self)->flow);
}

static void initialise(const objective *self, real *params) {
    cnf_initialise(as_points(self)->flow, as_points(self)->spec.seed, params);
}

static void count(const cnf_statistics *statistics, objective_counts *counts) {
    *counts = (objective_counts){.flow_count = 1,
                                 .flows = {{.forward = statistics->evaluations_forward,
                                            .backward = statistics->evaluations_backward,
                                            .end_time = statistics->end_time}}};
}

void point_objective_batch(const objective *base, uint64_t iteration, size_t count, real *x) {
    const point_objective *self = as_points(base);
    const size_t floats = self->spec.batch * self->spec.flow.dimension;
    for (size_t i = 0; i < count; i++)
        dataset_batch(self->data, SPLIT_TRAINING, self->spec.seed, iteration + i, 0, self->spec.batch, x + i * floats);
}

static status step(objective *base, uint64_t iteration, const real *params, double *loss, real *gradient,
                   objective_counts *counts) {
    point_objective *self = (point_objective *)base;
    const point_objective_spec *spec = &self->spec;
    const random_stream probe = {.seed = spec->seed, .purpose = RANDOM_PROBE, .iteration = iteration};
    cnf_statistics statistics = {0};
    point_objective_batch(base, iteration, 1, self->batch);
    const status outcome =
        cnf_loss_gradient(self->flow, params, self->batch, spec->batch, probe, loss, gradient, &statistics);
    count(&statistics, counts);
    return outcome;
}

static size_t held(const objective *self, objective_held which) {
    const point_objective_spec *spec = &as_points(self)->spec;
    return which == OBJECTIVE_VALIDATION ? spec->validation : spec->test;
}

status point_objective_mean(size_t n, const double *log_density, double *loss) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += log_density[i];
    *loss = -sum / (double)n;
    return isfinite(*loss) ? STATUS_OK : STATUS_NON_FINITE;
}

static status measure(objective *base, objective_held which, uint64_t iteration, const real *params, double *loss,
                      objective_counts *counts) {
    point_objective *self = (point_objective *)base;
    const random_stream probe = {.seed = self->spec.seed, .purpose = RANDOM_PROBE, .iteration = iteration};
    const size_t n = held(base, which);
    cnf_statistics statistics = {0};
    *loss = NAN;
    TRY(cnf_log_density(self->flow, params, self->held[which], n, probe, self->log_density, &statistics));
    count(&statistics, counts);
    return point_objective_mean(n, self->log_density, loss);
}

static void describe(const objective *self, status outcome, failure *why) {
    cnf_explain(as_points(self)->flow, outcome, why);
}

static status save_batch(const objective *self, checkpoint *into) {
    (void)self, (void)into;
    return STATUS_INVALID;
}

static void destroy(objective *base) {
    point_objective *self = (point_objective *)base;
    cnf_destroy(&self->flow);
    arena memory = self->memory;
    arena_release(&memory);
}

static const objective_ops ops = {
    .name = "points",
    .parameters = parameters,
    .bytes = bytes,
    .kept_bytes = kept_bytes,
    .initialise = initialise,
    .step = step,
    .held = held,
    .measure = measure,
    .describe = describe,
    .save_batch = save_batch,
    .destroy = destroy,
};

static status build(point_objective *self, parallel *workers, failure *why) {
    const point_objective_spec *spec = &self->spec;
    const size_t D = spec->flow.dimension;
    TRY(cnf_create(&spec->flow, spec->batch, workers, &self->flow, why));
    TRY(ARENA_NEW(&self->memory, spec->batch * D, &self->batch));
    TRY(ARENA_NEW(&self->memory, spec->validation * D, &self->held[OBJECTIVE_VALIDATION]));
    TRY(ARENA_NEW(&self->memory, spec->test * D, &self->held[OBJECTIVE_TEST]));
    return ARENA_NEW(&self->memory, spec->validation > spec->test ? spec->validation : spec->test, &self->log_density);
}

status point_objective_check(const point_objective_spec *spec, const dataset *data, failure *why) {
    if (spec->flow.dimension != dataset_dimension(data))
        return fail(why, STATUS_INVALID, "a flow of dimension %zu on data of dimension %zu", spec->flow.dimension,
                    dataset_dimension(data));
    if (spec->batch < 1 || spec->validation < 1)
        return fail(why, STATUS_INVALID, "batch and validation points must be at least 1");
    if (spec->test > 0 && !dataset_is_drawn(data))
        return fail(why, STATUS_INVALID,
                    "train.test: %zu test points of \"%s\": expected 0, as all held-out rows of a table are "
                    "validated on",
                    spec->test, dataset_name(data));
    return cnf_check(&spec->flow, why);
}

status point_objective_create(const point_objective_spec *spec, const dataset *data, parallel *workers, objective **out,
                              failure *why) {
    TRY(point_objective_check(spec, data, why));
    arena memory = {0};
    point_objective *self;
    failure reason = {""};
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a training");
    *self = (point_objective){.base = {&ops}, .spec = *spec, .data = data, .memory = memory};
    self->spec.flow.log_volume = standard_log_volume(dataset_units(data));
    /* Each row that is held out counts once. */
    if (!dataset_is_drawn(data) && dataset_held_out(data) < spec->validation)
        self->spec.validation = dataset_held_out(data);
    const status built = build(self, workers, &reason);
    if (built != STATUS_OK) {
        destroy(&self->base);
        return fail(why, built, "%s", reason.text[0] ? reason.text : "out of memory for a training");
    }
    dataset_batch(data, SPLIT_VALIDATION, spec->seed, 0, 0, self->spec.validation, self->held[OBJECTIVE_VALIDATION]);
    dataset_batch(data, SPLIT_TEST, spec->seed, 0, 0, spec->test, self->held[OBJECTIVE_TEST]);
    *out = &self->base;
    return STATUS_OK;
}

bool objective_is_points(const objective *self) {
    return self->ops == &ops;
}

cnf *point_objective_flow(const objective *self) {
    return as_points(self)->flow;
}

const point_objective_spec *point_objective_specification(const objective *self) {
    return &as_points(self)->spec;
}

const real *point_objective_held(const objective *self, objective_held which) {
    return as_points(self)->held[which];
}

void point_objective_count(const objective *self, bool backward, objective_counts *counts) {
    const double evaluations = (double)cnf_evaluations(as_points(self)->flow);
    const cnf_statistics statistics = {.evaluations_forward = evaluations,
                                       .evaluations_backward = backward ? evaluations : 0,
                                       .end_time = as_points(self)->spec.flow.end_time};
    count(&statistics, counts);
}
