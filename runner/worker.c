/* worker.c - one training, in a process of its own. */
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint_files.h"
#include "message.h"
#include "outputs.h"
#include "specification.h"
#include "train/trainer.h"

#define PROGRESS_SECONDS 0.2

typedef struct worker {
    const worker_task *task;
    dataset *data;
    parallel *threads;
    trainer *training;
    uint64_t saved; /* iteration of the last checkpoint; 0 for none */
    double epoch_start, last_progress; /* seconds */
    bool stop; /* asked to */
} worker;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

/* Signals stay blocked and are looked for between steps. */
static bool asked_to_stop(void *argument) {
    worker *self = argument;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGTERM) self->stop = true;
    return self->stop;
}

static status send_message(worker *self, message one, const void *bytes, failure *why) {
    one.iteration = self->training ? trainer_iteration(self->training) : self->task->from->checkpoint_iteration;
    if (message_send(self->task->output, &one, bytes)) return STATUS_OK;
    return fail(why, STATUS_IO, "nobody records what is computed: %s", strerror(errno));
}

static status send_metric(worker *self, const char *name, double value, failure *why) {
    message one = {.kind = MESSAGE_METRIC, .metric = {.value = value}};
    snprintf(one.metric.name, sizeof one.metric.name, "%s", name);
    return send_message(self, one, NULL, why);
}

static status send_epoch(worker *self, const trainer_epoch *epoch, failure *why) {
    const double now = seconds();
    recorder_epoch row = {.epoch = epoch->epoch,
                          .iteration = epoch->iteration,
                          .loss = epoch->training_loss,
                          .nfe_forward = (double)epoch->training_evaluations_forward,
                          .nfe_backward = (double)epoch->training_evaluations_backward,
                          .wall_seconds = now - self->epoch_start,
                          .peak_bytes = peak_bytes()};
    TRY(send_message(self, (message){.kind = MESSAGE_EPOCH, .epoch = row}, NULL, why));
    row.validation = true;
    row.loss = epoch->validation_loss;
    row.nfe_forward = (double)epoch->validation_evaluations;
    row.nfe_backward = 0;
    self->epoch_start = now;
    return send_message(self, (message){.kind = MESSAGE_EPOCH, .epoch = row}, NULL, why);
}

/* --- Checkpoints --- */

/* What tells whose parameters they are. Nothing here depends on the moment, so that the same state is the same file. */
static status describe(const plan_run *run, checkpoint *file) {
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, run->seed);
    TRY(checkpoint_put_text(file, "key", run->key));
    TRY(checkpoint_put_text(file, "dataset", run->dataset->name));
    TRY(checkpoint_put_text(file, "data_checksum", run->dataset->checksum));
    TRY(checkpoint_put_text(file, "model", run->model->name));
    TRY(checkpoint_put_text(file, "seed", seed));
    return specification_write(run->values, run->dataset->dimension, file);
}

static status save(worker *self, failure *why) {
    const worker_task *task = self->task;
    const uint64_t iteration = trainer_iteration(self->training);
    if (iteration == self->saved) return STATUS_OK;
    char name[CHECKPOINT_PATH_MAX], path[CHECKPOINT_PATH_MAX];
    message one = {.kind = MESSAGE_CHECKPOINT};
    checkpoint_name(task->database, task->run->key, iteration, name);
    checkpoint_locate(task->database, name, path);
    checkpoint *file;
    if (checkpoint_create(&file) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a checkpoint");
    status outcome = describe(task->run, file);
    if (outcome == STATUS_OK) outcome = trainer_save(self->training, file);
    if (outcome != STATUS_OK) failure_describe(why, "out of memory for a checkpoint");
    else outcome = checkpoint_write(file, path, one.file.sha256, why);
    checkpoint_destroy(&file);
    if (outcome == STATUS_OK) outcome = checkpoint_measure(path, &one.file.bytes, why);
    if (outcome != STATUS_OK) return outcome;
    self->saved = iteration;
    one.size = strlen(name);
    return send_message(self, one, name, why);
}

static status read_state(worker *self, const char *path, const checkpoint *file, failure *why) {
    const char *key = checkpoint_get_text(file, "key");
    failure reason;
    if (!key || strcmp(key, self->task->run->key) != 0)
        return fail(why, STATUS_FORMAT, "the checkpoint \"%s\" belongs to another run", path);
    const status outcome = trainer_restore(self->training, file, &reason);
    if (outcome != STATUS_OK) return fail(why, outcome, "the checkpoint \"%s\": %s", path, reason.text);
    if (trainer_iteration(self->training) != self->task->from->checkpoint_iteration)
        return fail(why, STATUS_FORMAT, "the checkpoint \"%s\" is of iteration %" PRIu64 ", not %" PRIu64, path,
                    trainer_iteration(self->training), self->task->from->checkpoint_iteration);
    self->saved = trainer_iteration(self->training);
    return STATUS_OK;
}

/* What a user can do about a checkpoint that is not what it should be. */
static status advise(const worker *self, status outcome, const failure *reason, failure *why) {
    if (outcome == STATUS_MEMORY) return fail(why, outcome, "%s", reason->text);
    return fail(why, outcome, "%.800s; put it back, or begin the run again after ./run check --restart %.12s",
                reason->text, self->task->run->key);
}

static status read_checkpoint(worker *self, const char *path, failure *why) {
    const recorder_run *from = self->task->from;
    checkpoint *file;
    TRY(checkpoint_verify(path, from->checkpoint_bytes, from->checkpoint_sha256, why));
    TRY(checkpoint_read(path, &file, why));
    const status outcome = read_state(self, path, file, why);
    checkpoint_destroy(&file);
    return outcome;
}

/* Go on from the checkpoint that the database names. What else there is of this run's files was never recorded. */
static status resume(worker *self, failure *why) {
    const worker_task *task = self->task;
    char path[CHECKPOINT_PATH_MAX] = "";
    if (task->from->has_checkpoint) {
        failure reason = {""};
        checkpoint_locate(task->database, task->from->checkpoint_path, path);
        const status outcome = read_checkpoint(self, path, &reason);
        if (outcome != STATUS_OK) return advise(self, outcome, &reason, why);
    }
    checkpoint_clean(task->database, task->run->key, path);
    return STATUS_OK;
}

/* --- What is stored for figures --- */

static status send_blob(worker *self, bool target, const char *kind, uint64_t rows, uint64_t columns,
                        const float *values, failure *why) {
    message one = {.kind = MESSAGE_BLOB,
                   .blob = {.target = target, .rows = rows, .columns = columns},
                   .size = rows * columns * sizeof *values};
    snprintf(one.blob.kind, sizeof one.blob.kind, "%s", kind);
    dataset_window(self->data, one.blob.window);
    return send_message(self, one, values, why);
}

static status send_points(worker *self, bool target, const real *x, uint64_t n, failure *why) {
    const size_t D = dataset_dimension(self->data);
    float *values = calloc(n * D, sizeof *values);
    if (!values) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    for (size_t i = 0; i < n * D; i++) values[i] = (float)x[i];
    const status outcome = send_blob(self, target, "samples", n, D, values, why);
    free(values);
    return outcome;
}

static status send_samples(worker *self, cnf *flow, bool target, uint64_t n, failure *why) {
    real *x = calloc(n * dataset_dimension(self->data), sizeof *x);
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    bool done = true;
    if (target) dataset_batch(self->data, SPLIT_TARGET, 0, 0, 0, n, x);
    else
        done =
            outputs_samples(flow, trainer_parameters(self->training), self->task->run->seed, n, asked_to_stop, self, x);
    const status outcome = done ? send_points(self, target, x, n, why) : STATUS_OK;
    free(x);
    return outcome;
}

static status send_density(worker *self, cnf *flow, bool target, uint64_t cells, failure *why) {
    double window[4];
    float *p = calloc(cells * cells, sizeof *p);
    if (!p) return fail(why, STATUS_MEMORY, "out of memory for a density of %" PRIu64 " cells a side", cells);
    dataset_window(self->data, window);
    const bool done =
        target ? outputs_target_density(self->data, cells, p)
               : outputs_density(flow, trainer_parameters(self->training), window, cells, asked_to_stop, self, p);
    status outcome = done ? send_blob(self, target, "density", cells, cells, p, why) : STATUS_OK;
    if (!done && !target && !self->stop) outcome = fail(why, STATUS_MEMORY, "out of memory for a density");
    free(p);
    return outcome;
}

static status send_target(worker *self, failure *why) {
    const worker_task *task = self->task;
    if (task->target_cells > 0 && dataset_dimension(self->data) == 2)
        TRY(send_density(self, NULL, true, task->target_cells, why));
    if (task->target_samples > 0) TRY(send_samples(self, NULL, true, task->target_samples, why));
    return STATUS_OK;
}

/* Of a finished training. */
static status send_outputs(worker *self, failure *why) {
    const settings *values = self->task->run->values;
    const size_t D = dataset_dimension(self->data);
    double entropy;
    cnf *flow;
    if (dataset_entropy(self->data, &entropy)) TRY(send_metric(self, "entropy_floor", entropy, why));
    TRY(outputs_flow(values, D, self->threads, &flow, why));
    status outcome = STATUS_OK;
    if (values->output_density_cells > 0 && D == 2)
        outcome = send_density(self, flow, false, values->output_density_cells, why);
    if (outcome == STATUS_OK && values->output_samples > 0 && !self->stop)
        outcome = send_samples(self, flow, false, values->output_samples, why);
    cnf_destroy(&flow);
    return outcome;
}

/* --- Training --- */

static status step(worker *self, failure *why) {
    const settings *values = self->task->run->values;
    double loss = NAN;
    bool epoch_done;
    trainer_epoch epoch;
    const status outcome = trainer_step(self->training, &loss, &epoch_done, &epoch);
    /* A loss that is no finite number is recorded as what it is. */
    if (outcome < 0)
        return fail(why, outcome, "the step after iteration %" PRIu64 " failed%s", trainer_iteration(self->training),
                    outcome == STATUS_MEMORY ? ": out of memory" : "");
    if (epoch_done) {
        TRY(send_epoch(self, &epoch, why));
        if (epoch.epoch % values->train_checkpoint_epochs == 0) TRY(save(self, why));
    }
    const double now = seconds();
    if (now - self->last_progress < PROGRESS_SECONDS) return STATUS_OK;
    self->last_progress = now;
    return send_message(self, (message){.kind = MESSAGE_PROGRESS, .loss = loss}, NULL, why);
}

static status prepare(worker *self, failure *why) {
    const worker_task *task = self->task;
    const plan_dataset *planned = task->run->dataset;
    trainer_spec spec;
    TRY(dataset_open(planned->source, &self->data, why));
    if (strcmp(dataset_checksum(self->data), planned->checksum) != 0)
        return fail(why, STATUS_IO, "\"%s\" has changed since the start", planned->source);
    const uint64_t sample_bytes = planned->dimension * sizeof(float);
    if (task->run->values->output_samples > RECORDER_BLOB_MAX / sample_bytes)
        return fail(why, STATUS_INVALID, "output.samples: the database can hold %" PRIu64 " points of dimension %zu",
                    RECORDER_BLOB_MAX / sample_bytes, planned->dimension);
    if (task->threads > 1 && parallel_create(task->threads, &self->threads) != STATUS_OK)
        return fail(why, STATUS_MEMORY, "cannot start %zu threads", task->threads);
    specification_trainer(task->run->values, planned->dimension, task->run->seed, &spec);
    TRY(trainer_create(&spec, self->data, self->threads, &self->training, why));
    return resume(self, why);
}

static status work(worker *self, failure *why) {
    TRY(prepare(self, why));
    const uint64_t parameters = cnf_parameters(trainer_flow(self->training))->total;
    TRY(send_message(self, (message){.kind = MESSAGE_STARTED, .parameters = parameters}, NULL, why));
    TRY(send_target(self, why));
    self->epoch_start = seconds();
    while (!trainer_finished(self->training) && !asked_to_stop(self)) TRY(step(self, why));
    TRY(save(self, why));
    if (!self->stop) TRY(send_outputs(self, why));
    return send_message(self, (message){.kind = self->stop ? MESSAGE_INTERRUPTED : MESSAGE_DONE}, NULL, why);
}

int worker_run(const worker_task *task) {
    worker self = {.task = task};
    failure why = {""};
    /* A group of its own: Ctrl-C goes to the parent, which passes it on. Without the parent nobody records. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != task->parent) return 1;
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);

    const status outcome = work(&self, &why);
    if (outcome != STATUS_OK) {
        if (!why.text[0]) failure_describe(&why, "failed with status %d", (int)outcome);
        failure ignored;
        send_message(&self, (message){.kind = MESSAGE_FAILED, .size = strlen(why.text)}, why.text, &ignored);
    }
    trainer_destroy(&self.training);
    parallel_destroy(&self.threads);
    dataset_close(&self.data);
    return outcome == STATUS_OK ? 0 : 1;
}
