/* trainer.c - minimise the mean negative log-likelihood (eq. 18) with Adam. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "train/adam.h"

struct trainer {
    trainer_spec spec;
    const dataset *data;
    const backend_ops *backend;
    cnf *flow;
    arena memory;
    size_t parameters; /* P */

    /* The state, saved and restored. */
    uint64_t iteration; /* done */
    uint64_t updates; /* of Adam: iterations less those that were not finite */
    double epoch_sum; /* of the training losses of the running epoch */
    double running; /* mean with decay 0.99 of the training loss */
    real *params; /* (P) */
    real *first; /* (P), Adam's moments */
    real *second; /* (P) */

    /* Workspace. */
    real *batch; /* (B, D) */
    real *gradient; /* (P) */
    real *validation; /* (validation, D), the same points at every epoch */
    double *log_density; /* (validation) */
};

static const double running_decay = 0.99;

static status build(trainer *training, parallel *workers, failure *why) {
    const trainer_spec *spec = &training->spec;
    TRY(cnf_create(&spec->flow, spec->batch, workers, &training->flow, why));
    training->parameters = cnf_parameters(training->flow)->total;
    const size_t P = training->parameters, D = spec->flow.dimension;
    TRY(ARENA_NEW(&training->memory, P, &training->params));
    TRY(ARENA_NEW(&training->memory, P, &training->first));
    TRY(ARENA_NEW(&training->memory, P, &training->second));
    TRY(ARENA_NEW(&training->memory, P, &training->gradient));
    TRY(ARENA_NEW(&training->memory, spec->batch * D, &training->batch));
    TRY(ARENA_NEW(&training->memory, spec->validation * D, &training->validation));
    TRY(ARENA_NEW(&training->memory, spec->validation, &training->log_density));
    return STATUS_OK;
}

status trainer_create(const trainer_spec *spec, const dataset *data, parallel *workers, trainer **out, failure *why) {
    if (spec->flow.dimension != dataset_dimension(data))
        return fail(why, STATUS_INVALID, "a flow of dimension %zu on data of dimension %zu", spec->flow.dimension,
                    dataset_dimension(data));
    if (spec->batch < 1 || spec->validation < 1 || spec->epoch_iterations < 1)
        return fail(why, STATUS_INVALID, "batch, validation points and iterations an epoch must be at least 1");
    arena memory = {0};
    trainer *training;
    if (arena_take(&memory, 1, sizeof *training, (void **)&training) != STATUS_OK)
        return fail(why, STATUS_MEMORY, "out of memory for a trainer");
    training->spec = *spec;
    training->data = data;
    training->backend = spec->flow.backend ? spec->flow.backend : cpu_backend(cpu_level_best());
    training->memory = memory;
    training->running = NAN; /* until the first loss */
    if (why) why->text[0] = '\0';
    const status built = build(training, workers, why);
    if (built != STATUS_OK) {
        if (why && !why->text[0]) failure_describe(why, "out of memory for a trainer");
        trainer_destroy(&training);
        return built;
    }
    cnf_initialise(training->flow, spec->seed, training->params);
    dataset_batch(data, SPLIT_VALIDATION, spec->seed, 0, 0, spec->validation, training->validation);
    *out = training;
    return STATUS_OK;
}

void trainer_destroy(trainer **training) {
    if (!*training) return;
    cnf_destroy(&(*training)->flow);
    arena memory = (*training)->memory; /* holds the trainer itself */
    arena_release(&memory);
    *training = NULL;
}

static void end_epoch(trainer *training, uint64_t evaluations_backward, trainer_epoch *epoch) {
    const trainer_spec *spec = &training->spec;
    const uint64_t length = (training->iteration - 1) % spec->epoch_iterations + 1;
    const random_stream probe = {.seed = spec->seed, .purpose = RANDOM_PROBE, .iteration = training->iteration};
    cnf_statistics statistics;
    cnf_log_density(training->flow, training->params, training->validation, spec->validation, probe,
                    training->log_density, &statistics);
    double sum = 0;
    for (size_t i = 0; i < spec->validation; i++) sum += training->log_density[i];
    *epoch = (trainer_epoch){.epoch = (training->iteration - 1) / spec->epoch_iterations + 1,
                             .iteration = training->iteration,
                             .training_loss = training->epoch_sum / (double)length,
                             .validation_loss = -sum / (double)spec->validation,
                             .training_evaluations_forward = statistics.evaluations_forward,
                             .training_evaluations_backward = evaluations_backward,
                             .validation_evaluations = statistics.evaluations_forward};
    training->epoch_sum = 0;
}

status trainer_step(trainer *training, double *loss, bool *epoch_done, trainer_epoch *epoch) {
    const trainer_spec *spec = &training->spec;
    const uint64_t iteration = training->iteration + 1;
    const random_stream probe = {.seed = spec->seed, .purpose = RANDOM_PROBE, .iteration = iteration};
    cnf_statistics statistics;
    double value;
    dataset_batch(training->data, SPLIT_TRAINING, spec->seed, iteration, 0, spec->batch, training->batch);
    const status outcome = cnf_loss_gradient(training->flow, training->params, training->batch, spec->batch, probe,
                                             &value, training->gradient, &statistics);
    if (outcome < 0) return outcome;
    if (outcome == STATUS_OK) {
        const adam_step step = adam_step_at(spec->learning_rate, ++training->updates);
        training->backend->adam(training->parameters, &step, training->gradient, training->first, training->second,
                                training->params);
        training->running =
            isnan(training->running) ? value : running_decay * training->running + (1 - running_decay) * value;
    }
    training->iteration = iteration;
    training->epoch_sum += value;
    if (loss) *loss = value;
    *epoch_done = iteration % spec->epoch_iterations == 0 || trainer_finished(training);
    if (*epoch_done) end_epoch(training, statistics.evaluations_backward, epoch);
    return outcome;
}

bool trainer_finished(const trainer *training) {
    return training->iteration >= training->spec.iterations || training->running < training->spec.stop_loss;
}

uint64_t trainer_iteration(const trainer *training) {
    return training->iteration;
}

const real *trainer_parameters(const trainer *training) {
    return training->params;
}

cnf *trainer_flow(trainer *training) {
    return training->flow;
}

/* Parameters stand in the file under the names of their table, which is how any reader wants them; the moments are kept
 * whole. */
status trainer_save(const trainer *training, checkpoint *into) {
    const parameter_table *table = cnf_parameters(training->flow);
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t shape[] = {entry->rows, entry->columns};
        const size_t rank = entry->columns == 1 && !strstr(entry->name, "weight") ? 1 : 2;
        TRY(checkpoint_put(into, entry->name, CHECKPOINT_REAL, rank, shape, training->params + entry->offset));
    }
    const size_t P = training->parameters, one = 1, two = 2;
    const uint64_t counters[] = {training->iteration, training->updates};
    const double means[] = {training->epoch_sum, training->running};
    TRY(checkpoint_put(into, "adam.first", CHECKPOINT_REAL, one, &P, training->first));
    TRY(checkpoint_put(into, "adam.second", CHECKPOINT_REAL, one, &P, training->second));
    TRY(checkpoint_put(into, "trainer.counters", CHECKPOINT_U64, one, &two, counters));
    TRY(checkpoint_put(into, "trainer.means", CHECKPOINT_F64, one, &two, means));
    return STATUS_OK;
}

static status find(const checkpoint *from, const char *name, checkpoint_type type, size_t count, const void **out,
                   failure *why) {
    *out = checkpoint_get(from, name, type, count);
    if (!*out) return fail(why, STATUS_FORMAT, "no array \"%s\" of %zu elements of the expected type", name, count);
    return STATUS_OK;
}

status trainer_restore(trainer *training, const checkpoint *from, failure *why) {
    const parameter_table *table = cnf_parameters(training->flow);
    const size_t P = training->parameters;
    const void *values[PARAMETERS_MAX], *first, *second, *counters, *means;
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        TRY(find(from, entry->name, CHECKPOINT_REAL, entry->rows * entry->columns, &values[i], why));
    }
    TRY(find(from, "adam.first", CHECKPOINT_REAL, P, &first, why));
    TRY(find(from, "adam.second", CHECKPOINT_REAL, P, &second, why));
    TRY(find(from, "trainer.counters", CHECKPOINT_U64, 2, &counters, why));
    TRY(find(from, "trainer.means", CHECKPOINT_F64, 2, &means, why));

    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        memcpy(training->params + entry->offset, values[i], entry->rows * entry->columns * sizeof(real));
    }
    memcpy(training->first, first, P * sizeof(real));
    memcpy(training->second, second, P * sizeof(real));
    training->iteration = ((const uint64_t *)counters)[0];
    training->updates = ((const uint64_t *)counters)[1];
    training->epoch_sum = ((const double *)means)[0];
    training->running = ((const double *)means)[1];
    return STATUS_OK;
}
