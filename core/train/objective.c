/* objective.c - batches of points through one flow, or of images through a chain. */
#include "train/objective.h"

#include <math.h>

#include "base/arena.h"
#include "data/image_batch.h"
#include "flow/chain.h"
#include "flow/fused.h"
#include "train/trainer_internal.h"

struct objective {
    objective_spec spec;
    objective_data data;
    arena memory; /* owns itself too */
    cnf *flow; /* of points */
    chain *model; /* of images */
    cnf *measured_flow; /* the same with the solver of measurements; `flow` and `model` if it is that of the steps */
    chain *measured_model;
    size_t D;
    size_t holdout[OBJECTIVE_HOLDOUTS];
    size_t part; /* of a holdout batch, measured at once: all points, or B images */
    real *points[OBJECTIVE_HOLDOUTS]; /* (holdout, D), of points */
    real *images; /* (B, D), of the last measurement */
    double *log_density; /* (the largest part) */

    /* Of the last step, with its batch (B, D). A measurement at the end of an epoch keeps them: they are needed if
     * the step failed. */
    real *batch;
    uint64_t iteration;
    chain_statistics statistics;
};

image_split objective_validation_split(const image_set *set) {
    return set->size[IMAGE_VALIDATION] > 0 ? IMAGE_VALIDATION : IMAGE_TEST;
}

const parameter_table *objective_parameters(const objective *self) {
    return self->flow ? cnf_parameters(self->flow) : chain_parameters(self->model);
}
size_t objective_bytes(const objective *self) {
    size_t bytes = self->memory.bytes + (self->flow ? cnf_bytes(self->flow) : chain_bytes(self->model));
    if (self->measured_flow != self->flow) bytes += cnf_bytes(self->measured_flow);
    if (self->measured_model != self->model) bytes += chain_bytes(self->measured_model);
    return bytes;
}
size_t objective_kept_bytes(const objective *self) {
    return self->flow ? cnf_kept_bytes(self->flow) : chain_kept_bytes(self->model);
}
void objective_initialise(const objective *self, real *params) {
    if (self->flow) cnf_initialise(self->flow, self->spec.seed, params);
    else chain_initialise(self->model, self->spec.seed, params);
}
cnf *objective_points(const objective *self) {
    return self->flow;
}
const objective_spec *objective_specification(const objective *self) {
    return &self->spec;
}
const real *objective_held_points(const objective *self, holdout_split which) {
    return self->points[which];
}
size_t objective_holdout_size(const objective *self, holdout_split which) {
    return self->holdout[which];
}

/* --- Losses --- */

static void count_points(const cnf_statistics *s, objective_counts *counts) {
    *counts = (objective_counts){
        .flow_count = 1,
        .flows = {{.forward = s->evaluations_forward, .backward = s->evaluations_backward, .end_time = s->end_time}}};
}

/* A vjp also evaluates the field, so backward evaluations are those with a vjp: the solver's in an adjoint solve,
 * the vjps in one through the steps. */
static void count_images(const chain_statistics *s, objective_counts *counts) {
    *counts = (objective_counts){.flow_count = s->flow_count};
    for (size_t f = 0; f < s->flow_count; f++) {
        const adaptive_statistics *back = &s->flows[f].backward;
        counts->flows[f] = (objective_flow){.forward = (double)s->flows[f].forward.evaluations,
                                            .backward = back->vjps ? (double)back->vjps : (double)back->evaluations,
                                            .end_time = s->flows[f].end_time};
    }
}

void objective_count(const objective *self, bool backward, objective_counts *counts) {
    const double evaluations = (double)fused_evaluations(cnf_fused(self->flow));
    count_points(&(cnf_statistics){.evaluations_forward = evaluations,
                                   .evaluations_backward = backward ? evaluations : 0,
                                   .end_time = self->spec.flow.end_time},
                 counts);
}

void objective_batches(const objective *self, uint64_t iteration, size_t count, real *x) {
    const objective_spec *spec = &self->spec;
    for (size_t i = 0; i < count; i++, iteration++, x += spec->batch * self->D) {
        const size_t n = objective_batch_size(spec, iteration);
        if (self->flow) dataset_batch(self->data.points, SPLIT_TRAINING, spec->seed, iteration, 0, n, x);
        else
            image_batch(self->data.images, IMAGE_TRAINING, spec->seed, objective_position(spec, iteration), n,
                        spec->flip, IMAGE_CHANNEL_LAST, x);
    }
}

/* Return the value of an iteration; `last` after the last phase. */
static double phase_value(const objective_phases *phases, uint64_t iteration, double last) {
    for (size_t i = 0; i < phases->count; i++)
        if (iteration <= phases->items[i].until) return phases->items[i].value;
    return last;
}

void objective_tolerances(const objective_spec *spec, uint64_t iteration, double *atol, double *rtol) {
    *atol = phase_value(&spec->tolerances, iteration, *atol);
    *rtol = phase_value(&spec->tolerances, iteration, *rtol);
}

size_t objective_batch_size(const objective_spec *spec, uint64_t iteration) {
    return (size_t)phase_value(&spec->batches, iteration, (double)spec->batch);
}

uint64_t objective_position(const objective_spec *spec, uint64_t iteration) {
    uint64_t position = 0, done = 0;
    for (size_t i = 0; i < spec->batches.count && done < iteration - 1; i++) {
        const uint64_t until = spec->batches.items[i].until, last = until < iteration - 1 ? until : iteration - 1;
        position += (last - done) * (uint64_t)spec->batches.items[i].value;
        done = last;
    }
    return position + (iteration - 1 - done) * spec->batch;
}

/* Solve by the tolerances of the iteration. */
static void enter_phase(objective *self, uint64_t iteration) {
    const objective_spec *spec = &self->spec;
    const adaptive_options *last = self->flow ? &spec->flow.options : &spec->model.solver.options;
    double atol = last->atol, rtol = last->rtol;
    if (spec->tolerances.count == 0) return;
    objective_tolerances(spec, iteration, &atol, &rtol);
    if (self->flow) cnf_set_tolerances(self->flow, atol, rtol);
    else chain_set_tolerances(self->model, atol, rtol);
}

status objective_step(objective *self, uint64_t iteration, const real *params, double *loss, real *gradient,
                      objective_counts *counts) {
    const size_t B = objective_batch_size(&self->spec, iteration);
    const random_stream probe = {.seed = self->spec.seed, .purpose = RANDOM_PROBE, .iteration = iteration};
    status outcome;
    objective_batches(self, iteration, 1, self->batch);
    self->iteration = iteration;
    enter_phase(self, iteration);
    if (self->flow) {
        cnf_statistics statistics = {0};
        outcome = cnf_loss_gradient(self->flow, params, self->batch, B, probe, loss, gradient, &statistics);
        count_points(&statistics, counts);
        return outcome;
    }
    chain_loss value = {.total = NAN};
    outcome = chain_loss_gradient(self->model, params, self->batch, B, probe, &value, gradient, &self->statistics);
    *loss = outcome == STATUS_OK || outcome == STATUS_NON_FINITE ? value.bits : NAN;
    count_images(&self->statistics, counts);
    return outcome;
}

status objective_mean(const objective *self, size_t n, double log_density_sum, double *loss) {
    *loss = self->flow ? -log_density_sum / (double)n : bits_per_dim(log_density_sum / (double)n, self->D);
    return isfinite(*loss) ? STATUS_OK : STATUS_NON_FINITE;
}

/* self->log_density <- that of n points or images of a holdout batch from `first` on. Images have the same noise and
 * probes after every epoch. A part has those of its number; numbers of the test batch follow those of the validation
 * batch. */
static status measure_part(objective *self, holdout_split which, uint64_t iteration, const real *params, size_t first,
                           size_t n, objective_counts *counts) {
    const objective_spec *spec = &self->spec;
    random_stream probe = {.seed = spec->seed, .purpose = RANDOM_PROBE, .iteration = iteration};
    if (self->flow) {
        cnf_statistics statistics = {0};
        TRY(cnf_log_density(self->measured_flow, params, self->points[which] + first * self->D, n, probe,
                            self->log_density, &statistics));
        count_points(&statistics, counts);
        return STATUS_OK;
    }
    const image_split validated = objective_validation_split(self->data.images);
    const size_t validation = self->holdout[OBJECTIVE_VALIDATION], B = spec->batch;
    const bool test = which == OBJECTIVE_TEST;
    chain_statistics statistics;
    probe = (random_stream){.seed = spec->seed,
                            .purpose = RANDOM_TEST_PROBE,
                            .iteration = (test ? (validation + B - 1) / B : 0) + first / B};
    if (test && validated == IMAGE_TEST) first += validation; /* those come first */
    image_batch(self->data.images, test ? IMAGE_TEST : validated, spec->seed, first, n, false, IMAGE_CHANNEL_LAST,
                self->images);
    TRY(chain_transform(self->measured_model, params, self->images, n, probe, NULL, self->log_density, &statistics));
    count_images(&statistics, counts);
    return STATUS_OK;
}

/* Evaluations are means over the parts, which may differ. */
status objective_measure(objective *self, holdout_split which, uint64_t iteration, const real *params, double *loss,
                         objective_counts *counts) {
    const size_t all = self->holdout[which];
    objective_counts mean = {.flow_count = 0}, one;
    double sum = 0, parts = 0;
    *loss = NAN;
    for (size_t first = 0; first < all; first += self->part) {
        const size_t n = all - first < self->part ? all - first : self->part;
        TRY(measure_part(self, which, iteration, params, first, n, &one));
        for (size_t i = 0; i < n; i++) sum += self->log_density[i];
        for (size_t f = 0; parts > 0 && f < one.flow_count; f++) one.flows[f].forward += mean.flows[f].forward;
        mean = one;
        parts++;
    }
    for (size_t f = 0; f < mean.flow_count; f++) mean.flows[f].forward /= parts;
    *counts = mean;
    return objective_mean(self, all, sum, loss);
}

void objective_describe(const objective *self, status outcome, error_info *err) {
    if (self->flow) cnf_explain(self->flow, outcome, err);
    else chain_explain(&self->statistics, outcome, err);
}

status objective_save_batch(const objective *self, checkpoint *into) {
    const size_t shape[] = {objective_batch_size(&self->spec, self->iteration), self->D}, one = 1;
    if (self->flow) return STATUS_INVALID;
    TRY(checkpoint_put(into, "batch", CHECKPOINT_REAL, 2, shape, self->batch));
    return checkpoint_put(into, "batch.iteration", CHECKPOINT_U64, 1, &one, &self->iteration);
}

/* --- Creation --- */

static size_t images_validated(const objective_spec *spec, const image_set *set) {
    const size_t available = set->size[objective_validation_split(set)];
    return spec->validation > 0 && spec->validation < available ? spec->validation : available;
}

static status check_images(const objective_spec *spec, const image_set *set, error_info *err) {
    const image_spec *model = &spec->model.model;
    const image_split validated = objective_validation_split(set);
    if (model->channels != set->channels || model->height != set->height || model->width != set->width)
        return error_set(err, STATUS_INVALID, "a model for images of %zu x %zu x %zu on images of %zu x %zu x %zu",
                         model->channels, model->height, model->width, set->channels, set->height, set->width);
    if (set->size[IMAGE_TRAINING] < 1 || set->size[validated] < 1)
        return error_set(err, STATUS_INVALID, "%s has no images to train or to validate on", set->name);
    if (spec->batch < 1) return error_set(err, STATUS_INVALID, "batches of 0 images: expected at least 1");
    const size_t left = set->size[IMAGE_TEST] - (validated == IMAGE_TEST ? images_validated(spec, set) : 0);
    if (spec->test > left)
        return error_set(err, STATUS_INVALID,
                         "train.test: %zu test images of %s: expected at most the %zu that are not validated on",
                         spec->test, set->name, left);
    return STATUS_OK;
}

static status check_points(const objective_spec *spec, const dataset *data, error_info *err) {
    if (spec->flow.dimension != dataset_dimension(data))
        return error_set(err, STATUS_INVALID, "a flow of dimension %zu on data of dimension %zu", spec->flow.dimension,
                         dataset_dimension(data));
    if (spec->batch < 1 || spec->validation < 1)
        return error_set(err, STATUS_INVALID, "batch and validation points must be at least 1");
    if (!dataset_is_drawn(data) && spec->test > dataset_size(data, SPLIT_TEST))
        return error_set(
            err, STATUS_INVALID,
            "train.test: %zu test points of \"%s\": expected at most the %zu of its test part, which data.test "
            "sets",
            spec->test, dataset_name(data), dataset_size(data, SPLIT_TEST));
    return cnf_check(&spec->flow, err);
}

static status check_phases(const objective_spec *spec, error_info *err) {
    const objective_phases *const both[] = {&spec->tolerances, &spec->batches};
    const double least[] = {0, 0.5}, most[] = {INFINITY, (double)spec->batch};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < both[k]->count; i++)
            if (!(both[k]->items[i].value > least[k] && both[k]->items[i].value <= most[k]) ||
                (i > 0 && both[k]->items[i].until <= both[k]->items[i - 1].until))
                return error_set(err, STATUS_INVALID,
                                 "phase %zu of the %s: expected %s and a later iteration than that of the phase before",
                                 i, k == 0 ? "tolerances" : "batches",
                                 k == 0 ? "a positive tolerance" : "at least 1, at most the last batch size,");
    return STATUS_OK;
}

status objective_check(const objective_spec *spec, objective_data data, error_info *err) {
    TRY(check_phases(spec, err));
    return data.images ? check_images(spec, data.images, err) : check_points(spec, data.points, err);
}

static status make_measured_flow(objective *self, parallel *workers, error_info *err) {
    cnf_spec other = self->spec.flow;
    other.solver = tableau_id_of(self->spec.measured_by);
    other.steps = 0;
    other.options = self->spec.measured;
    other.kept_steps = 0; /* no gradients */
    self->measured_flow = NULL; /* also after a failure */
    return cnf_create(&other, self->spec.batch, workers, &self->measured_flow, err);
}

static status make_measured_model(objective *self, parallel *workers, error_info *err) {
    chain_spec other = self->spec.model;
    other.solver = (solve_spec){.method = self->spec.measured_by, .options = self->spec.measured};
    self->measured_model = NULL;
    return chain_create(&other, self->spec.batch, false, workers, &self->measured_model, err);
}

static status build_points(objective *self, parallel *workers, error_info *err) {
    static const dataset_split splits[] = {[OBJECTIVE_VALIDATION] = SPLIT_VALIDATION, [OBJECTIVE_TEST] = SPLIT_TEST};
    objective_spec *spec = &self->spec;
    const dataset *data = self->data.points;
    self->D = spec->flow.dimension;
    spec->flow.log_volume = standard_log_volume(dataset_units(data));
    /* Each held-out row counts once. */
    if (!dataset_is_drawn(data) && dataset_size(data, SPLIT_VALIDATION) < spec->validation)
        spec->validation = dataset_size(data, SPLIT_VALIDATION);
    TRY(cnf_create(&spec->flow, spec->batch, workers, &self->flow, err));
    self->measured_flow = self->flow;
    if (spec->measured_by) TRY(make_measured_flow(self, workers, err));
    self->holdout[OBJECTIVE_VALIDATION] = spec->validation;
    for (size_t which = 0; which < OBJECTIVE_HOLDOUTS; which++) {
        const size_t n = self->holdout[which];
        TRY(ARENA_NEW(&self->memory, n * self->D, &self->points[which]));
        dataset_batch(data, splits[which], spec->seed, 0, 0, n, self->points[which]);
        if (n > self->part) self->part = n;
    }
    return STATUS_OK;
}

static status build(objective *self, parallel *workers, error_info *err) {
    const objective_spec *spec = &self->spec;
    self->holdout[OBJECTIVE_TEST] = spec->test;
    if (self->data.images) {
        TRY(chain_create(&spec->model, spec->batch, true, workers, &self->model, err));
        self->measured_model = self->model;
        if (spec->measured_by) TRY(make_measured_model(self, workers, err));
        self->D = chain_dimension(self->model);
        self->holdout[OBJECTIVE_VALIDATION] = images_validated(spec, self->data.images);
        self->part = spec->batch;
        TRY(ARENA_NEW(&self->memory, spec->batch * self->D, &self->images));
    } else {
        TRY(build_points(self, workers, err));
    }
    TRY(ARENA_NEW(&self->memory, spec->batch * self->D, &self->batch));
    return ARENA_NEW(&self->memory, self->part, &self->log_density);
}

status objective_create(const objective_spec *spec, objective_data data, parallel *workers, objective **out,
                        error_info *err) {
    TRY(objective_check(spec, data, err));
    arena memory = {0};
    objective *self;
    error_info reason = {"out of memory for a training"};
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return error_set(err, STATUS_MEMORY, "%s", reason.text);
    *self = (objective){.spec = *spec, .data = data, .memory = memory};
    const status built = build(self, workers, &reason);
    if (built != STATUS_OK) {
        objective_destroy(&self);
        return error_set(err, built, "%s", reason.text);
    }
    *out = self;
    return STATUS_OK;
}

void objective_destroy(objective **self) {
    if (!*self) return;
    if ((*self)->measured_flow != (*self)->flow) cnf_destroy(&(*self)->measured_flow);
    if ((*self)->measured_model != (*self)->model) chain_destroy(&(*self)->measured_model);
    cnf_destroy(&(*self)->flow);
    chain_destroy(&(*self)->model);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}
