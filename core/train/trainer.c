/* trainer.c - minimise an objective with Adam. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/memory.h"
#include "base/detmath.h"
#include "train/adam.h"
#include "train/checkpoint.h"
#include "train/trainer_internal.h"

static status build(trainer *training) {
    const backend_ops *backend = training->backend;
    const size_t P = training->parameters;
    TRY(BACKEND_NEW(backend, &training->memory, P, &training->params));
    TRY(BACKEND_NEW(backend, &training->memory, P, &training->first));
    TRY(BACKEND_NEW(backend, &training->memory, P, &training->second));
    TRY(BACKEND_NEW(backend, &training->memory, P, &training->gradient));
    training->average = training->params;
    if (training->spec.average > 0) TRY(BACKEND_NEW(backend, &training->memory, P, &training->average));
    TRY(trainer_best_create(training));
    TRY(BACKEND_NEW(backend, &training->memory, 2, &training->scalars));
    training->host = training->gradient;
    return backend_is_host(backend) ? STATUS_OK : ARENA_NEW(&training->memory, P, &training->host);
}

void trainer_set(const trainer *training, const void *from, real *x) {
    training->backend->copy_to_device(training->backend, training->parameters * sizeof *x, from, x);
}

const real *trainer_show(const trainer *training, const real *x) {
    if (backend_is_host(training->backend)) return x;
    training->backend->copy_to_host(training->backend, training->parameters * sizeof *x, x, training->host);
    return training->host;
}

static status create(const trainer_spec *spec, objective *obj, trainer **out, error_info *err) {
    if (spec->epoch_iterations < 1) return error_set(err, STATUS_INVALID, "iterations an epoch must be at least 1");
    arena memory = {0};
    trainer *training;
    if (ARENA_NEW(&memory, 1, &training) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for a trainer");
    training->spec = *spec;
    training->objective = obj;
    training->backend = spec->backend ? spec->backend : cpu_backend(cpu_level_best());
    training->parameters = objective_parameters(obj)->total;
    training->memory = memory;
    training->running = NAN; /* until the first loss */
    if (build(training) != STATUS_OK) {
        arena_release(&training->memory);
        return error_set(err, STATUS_MEMORY, "out of memory for a trainer");
    }
    objective_initialise(obj, training->host);
    trainer_set(training, training->host, training->params);
    trainer_set(training, training->host, training->average);
    *out = training;
    return STATUS_OK;
}

status trainer_create(const trainer_spec *spec, objective **obj, trainer **out, error_info *err) {
    const status outcome = create(spec, *obj, out, err);
    if (outcome != STATUS_OK) objective_destroy(obj);
    *obj = NULL;
    return outcome;
}

void trainer_destroy(trainer **training) {
    if (!*training) return;
    objective_destroy(&(*training)->objective);
    arena memory = (*training)->memory;
    arena_release(&memory);
    *training = NULL;
}

double trainer_forward_evaluations(const objective_counts *counts) {
    double sum = 0;
    for (size_t f = 0; f < counts->flow_count; f++) sum += counts->flows[f].forward;
    return sum;
}

double trainer_backward_evaluations(const objective_counts *counts) {
    double sum = 0;
    for (size_t f = 0; f < counts->flow_count; f++) sum += counts->flows[f].backward;
    return sum;
}

void trainer_end_epoch(trainer *training, const objective_counts *last, trainer_epoch *epoch) {
    const trainer_spec *spec = &training->spec;
    const uint64_t length = (training->iteration - 1) % spec->epoch_iterations + 1;
    *epoch = (trainer_epoch){.epoch = (training->iteration - 1) / spec->epoch_iterations + 1,
                             .iteration = training->iteration,
                             .training_loss = training->epoch_sum / (double)length,
                             .running_loss = training->running,
                             .tested = objective_holdout_size(training->objective, OBJECTIVE_TEST) > 0,
                             .skipped = training->iteration - training->updates,
                             .training_counts = *last};
    for (size_t f = 0; f < last->flow_count; f++) {
        epoch->training_counts.flows[f].forward = training->evaluations[2 * f] / (double)length;
        epoch->training_counts.flows[f].backward = training->evaluations[2 * f + 1] / (double)length;
    }
    if (length < spec->epoch_iterations) return;
    training->epoch_sum = 0;
    memset(training->evaluations, 0, sizeof training->evaluations);
}

static void measure(trainer *training, trainer_epoch *epoch) {
    epoch->validation = objective_measure(training->objective, OBJECTIVE_VALIDATION, training->iteration,
                                          training->average, &epoch->validation_loss, &epoch->validation_counts);
    if (epoch->tested)
        epoch->test = objective_measure(training->objective, OBJECTIVE_TEST, training->iteration, training->average,
                                        &epoch->test_loss, &epoch->test_counts);
}

double trainer_learning_rate(const trainer *training, uint64_t iteration) {
    const trainer_spec *spec = &training->spec;
    if (iteration < spec->warmup) return spec->learning_rate * (double)iteration / (double)spec->warmup;
    if (spec->decay == DECAY_NONE) return spec->learning_rate;
    const uint64_t length = spec->iterations - spec->warmup; /* not 0, because some iteration is after the warm-up */
    double sine, cosine;
    det_sincospi((double)(iteration - spec->warmup) / (double)(length + 1), &sine, &cosine);
    return spec->learning_rate * 0.5 * (1 + cosine);
}

/* g (P) <- g min(1, clip_norm / |g|). The norm of an error with tolerance 1 is a root mean square. */
static void clip_gradient(trainer *training) {
    const backend_ops *backend = training->backend;
    const double one = 1, limit = training->spec.clip_norm;
    const error_norm norm = {.atol = 1, .parts = 1, .length = &training->parameters};
    const real *g = training->gradient;
    double size;
    if (limit == 0) return;
    backend->copy_to_device(backend, sizeof one, &one, training->scalars);
    backend->measure_error(backend, &norm, 1, training->scalars, &g, g, g, training->scalars + 1);
    backend->copy_to_host(backend, sizeof size, training->scalars + 1, &size);
    size *= sqrt((double)training->parameters);
    if (size > limit) backend->scale(backend, training->parameters, limit / size, g, training->gradient);
}

static void update_average(trainer *training) {
    const backend_ops *backend = training->backend;
    const size_t P = training->parameters;
    if (training->average == training->params) return;
    const double t = (double)training->updates + 1, keep = fmin(training->spec.average, t / (t + 9)), rest = 1 - keep;
    const real *const params = training->params;
    backend->copy_to_device(backend, sizeof rest, &rest, training->scalars);
    backend->scale(backend, P, keep, training->average, training->average);
    backend->combine(backend, P, training->average, 1, training->scalars, &params, training->average);
}

/* One update of Adam along the gradient of an iteration. */
static void update(trainer *training, uint64_t iteration) {
    const adam_step step = adam_step_at(trainer_learning_rate(training, iteration), training->updates + 1);
    clip_gradient(training);
    training->backend->adam(training->backend, training->parameters, &step, training->gradient, training->first,
                            training->second, training->params);
    update_average(training);
}

void trainer_count(trainer *training, status outcome, double loss, const objective_counts *counts) {
    const double value = isnan(loss) ? NAN : loss; /* all NaNs get the same bits */
    training->iteration++;
    if (outcome == STATUS_OK) {
        training->updates++;
        training->running = isnan(training->running)
                                ? value
                                : trainer_running_decay * training->running + (1 - trainer_running_decay) * value;
    }
    training->epoch_sum += value;
    for (size_t f = 0; f < counts->flow_count; f++) {
        training->evaluations[2 * f] += counts->flows[f].forward;
        training->evaluations[2 * f + 1] += counts->flows[f].backward;
    }
}

bool trainer_ends_epoch(const trainer *training) {
    return training->iteration % training->spec.epoch_iterations == 0 || trainer_finished(training);
}

status trainer_step(trainer *training, double *loss, bool *epoch_done, trainer_epoch *epoch) {
    const uint64_t iteration = training->iteration + 1;
    objective_counts counts = {.flow_count = 0};
    double value;
    const status outcome =
        objective_step(training->objective, iteration, training->params, &value, training->gradient, &counts);
    if (outcome < 0) return outcome;
    if (outcome == STATUS_OK) update(training, iteration);
    trainer_count(training, outcome, value, &counts);
    if (loss) *loss = value;
    *epoch_done = trainer_ends_epoch(training);
    if (*epoch_done) {
        trainer_end_epoch(training, &counts, epoch);
        measure(training, epoch);
        trainer_best_update(training, epoch);
    }
    return outcome;
}

bool trainer_finished(const trainer *training) {
    return training->iteration >= training->spec.iterations || training->running < training->spec.stop_loss;
}

uint64_t trainer_iteration(const trainer *training) {
    return training->iteration;
}

const real *trainer_parameters(const trainer *training) {
    return trainer_show(training, training->average);
}

objective *trainer_objective(trainer *training) {
    return training->objective;
}

size_t trainer_bytes(const trainer *training) {
    return training->memory.bytes + objective_bytes(training->objective);
}

/* The file has the model's parameters under the names of their table, for any reader; Adam's moments, and Adam's own
 * parameters if the model is an average, are whole blocks. */
status trainer_save(const trainer *training, checkpoint *into) {
    const size_t P = training->parameters, two = 2, flows[] = {OBJECTIVE_FLOWS_MAX, 2};
    const uint64_t counters[] = {training->iteration, training->updates};
    const double means[] = {training->epoch_sum, training->running};
    TRY(checkpoint_put_parameters(into, objective_parameters(training->objective),
                                  trainer_show(training, training->average)));
    if (training->average != training->params)
        TRY(checkpoint_put(into, TRAINER_PARAMETERS, CHECKPOINT_REAL, 1, &P, trainer_show(training, training->params)));
    TRY(checkpoint_put(into, "adam.first", CHECKPOINT_REAL, 1, &P, trainer_show(training, training->first)));
    TRY(checkpoint_put(into, "adam.second", CHECKPOINT_REAL, 1, &P, trainer_show(training, training->second)));
    TRY(checkpoint_put(into, "trainer.counters", CHECKPOINT_U64, 1, &two, counters));
    TRY(checkpoint_put(into, "trainer.means", CHECKPOINT_F64, 1, &two, means));
    TRY(checkpoint_put(into, "trainer.evaluations", CHECKPOINT_F64, 2, flows, training->evaluations));
    return trainer_best_save(training, into);
}

static status find(const checkpoint *from, const char *name, checkpoint_type type, size_t count, const void **out,
                   error_info *err) {
    *out = checkpoint_get(from, name, type, count);
    if (!*out)
        return error_set(err, STATUS_FORMAT, "no array \"%s\" of %zu elements of the expected type", name, count);
    return STATUS_OK;
}

status trainer_restore(trainer *training, const checkpoint *from, error_info *err) {
    const size_t P = training->parameters;
    const void *params = training->host, *first, *second, *counters, *means, *evaluations;
    TRY(checkpoint_get_parameters(from, objective_parameters(training->objective), training->host, err));
    if (training->average != training->params) TRY(find(from, TRAINER_PARAMETERS, CHECKPOINT_REAL, P, &params, err));
    TRY(find(from, "adam.first", CHECKPOINT_REAL, P, &first, err));
    TRY(find(from, "adam.second", CHECKPOINT_REAL, P, &second, err));
    TRY(find(from, "trainer.counters", CHECKPOINT_U64, 2, &counters, err));
    TRY(find(from, "trainer.means", CHECKPOINT_F64, 2, &means, err));
    TRY(find(from, "trainer.evaluations", CHECKPOINT_F64, (size_t)2 * OBJECTIVE_FLOWS_MAX, &evaluations, err));

    trainer_set(training, training->host, training->average); /* read there first, in case others fail */
    trainer_set(training, params, training->params);
    trainer_set(training, first, training->first);
    trainer_set(training, second, training->second);
    memcpy(training->evaluations, evaluations, sizeof training->evaluations);
    training->iteration = ((const uint64_t *)counters)[0];
    training->updates = ((const uint64_t *)counters)[1];
    training->epoch_sum = ((const double *)means)[0];
    training->running = ((const double *)means)[1];
    trainer_best_restore(training, from);
    return STATUS_OK;
}
