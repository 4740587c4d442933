/* estimate.c - measure how long the missing runs of a plan will take on this machine.
 *
 *     core seconds = runs * mean over tried runs of seconds an iteration * iterations to go,
 *
 * evaluations counted as thirds of iterations: a reverse pass costs about twice its forward pass. */
#include "work/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "settings/source.h"
#include "train/trainer.h"
#include "work/measure.h"

enum { STEPS_MAX = 200 };

/* Return the remaining iterations, with batches of train.batch, of a run from its row's checkpoint, including
 * evaluations. */
static double iterations_left(const plan_run *run, const settings *v, const db_run *row, const source *data) {
    const uint64_t done = row->has_checkpoint ? row->checkpoint_iteration : 0;
    const double left = (double)v->train_iterations - (double)done;
    const double trained = (double)(specification_trained(v, v->train_iterations) - specification_trained(v, done));
    const double each = (double)(v->train_validation + v->train_test) / (double)v->train_epoch_iterations;
    double points = left * each + 2 * (double)measure_points_of(v, data->points) + (double)v->output_samples;
    if (run->dataset->shape.dimension == 2) points += (double)v->output_density_cells * (double)v->output_density_cells;
    return (trained + points / 3) / (double)v->train_batch;
}

/* Return the CPU time of this thread, which other processes do not affect. */
static double own_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* *seconds <- the time of an iteration. */
static status time_steps(trainer *training, double *seconds, error_info *err) {
    bool epoch_done;
    trainer_epoch epoch;
    size_t steps = 0;
    status outcome = trainer_step(training, NULL, &epoch_done, &epoch); /* touches all memory */
    const double start = own_seconds();
    double passed = 0;
    while (outcome >= 0 && steps < STEPS_MAX && passed < ESTIMATE_SECONDS) {
        outcome = trainer_step(training, NULL, &epoch_done, &epoch);
        passed = own_seconds() - start;
        steps++;
    }
    *seconds = passed / (double)(steps > 0 ? steps : 1);
    return outcome >= 0 ? STATUS_OK : error_set(err, outcome, "cannot try a run");
}

static status time_run(const plan_run *run, const db_run *row, double *seconds, error_info *err) {
    source data = {.points = NULL};
    objective *obj;
    trainer *training = NULL;
    trainer_spec spec;
    settings planned, values;
    plan_run_settings(run, &planned);
    settings_copy(&values, &planned);
    values.train_validation = 1; /* at the end of an epoch of this many iterations */
    values.train_test = 0;
    values.train_batch_phases[0] = '\0'; /* iterations_left counts in batches of train.batch */
    values.train_epoch_iterations = STEPS_MAX + 2;
    specification_trainer(&values, &spec);
    status outcome = source_open(run->dataset->source, &planned, &data, err);
    if (outcome == STATUS_OK) outcome = source_objective(&data, &values, run->seed, NULL, NULL, &obj, err);
    if (outcome == STATUS_OK) outcome = trainer_create(&spec, &obj, &training, err);
    if (outcome == STATUS_OK) outcome = time_steps(training, seconds, err);
    if (outcome == STATUS_OK) *seconds *= iterations_left(run, &planned, row, &data);
    trainer_destroy(&training);
    source_close(&data);
    return outcome;
}

static bool is_missing(const run_status *list, size_t i) {
    return list->runs[i]->id == 0 || list->runs[i]->state != RUN_DONE;
}

status estimate_missing(const plan *runs, const run_status *list, estimate *out, error_info *err) {
    *out = (estimate){.core_seconds = (double)NAN};
    size_t *missing = calloc(runs->run_count + 1, sizeof *missing);
    if (!missing) return error_set(err, STATUS_MEMORY, "out of memory");
    bool images = false;
    for (size_t i = 0; i < runs->run_count; i++) {
        if (!is_missing(list, i)) continue;
        images |= specification_is_image(&runs->runs[i].dataset->shape);
        missing[out->missing++] = i;
    }
    const size_t tries = out->missing < ESTIMATE_RUNS ? out->missing : ESTIMATE_RUNS;
    double sum = 0;
    status outcome = STATUS_OK;
    for (; !images && out->tried < tries && outcome == STATUS_OK; out->tried++) {
        double u[4], seconds = 0;
        random_uniform4((random_stream){.seed = 0, .purpose = RANDOM_SWEEP, .iteration = 1}, out->tried, 0, u);
        const size_t left = out->missing - out->tried; /* the rest of a shuffle */
        const size_t at = out->tried + (size_t)(u[0] * (double)left), swap = missing[at];
        missing[at] = missing[out->tried];
        missing[out->tried] = swap;
        const bool continues = list->sources && list->sources[swap];
        const db_run *from = continues ? list->sources[swap] : list->runs[swap];
        outcome = time_run(&runs->runs[swap], from, &seconds, err);
        sum += seconds;
    }
    free(missing);
    if (!images) out->core_seconds = tries > 0 ? sum / (double)tries * (double)out->missing : 0;
    return outcome;
}

status estimate_write(const plan *runs, const run_status *list, size_t jobs, FILE *stream, error_info *err) {
    estimate found;
    TRY(estimate_missing(runs, list, &found, err));
    const double hours = found.core_seconds / 3600;
    if (found.missing == 0) return STATUS_OK;
    if (isnan(hours)) fprintf(stream, "Expected time: not measured for images\n");
    else
        fprintf(
            stream,
            "Expected time: %.2f core-hours, %.2f hours with --jobs %zu if nothing else runs (from trying %zu of the "
            "%zu missing runs)\n",
            hours, hours / (double)jobs, jobs, found.tried, found.missing);
    return STATUS_OK;
}
