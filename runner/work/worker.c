/* worker.c - one training, in a separate process. */
#include "work/worker.h"

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

#include "backend/cpu/cpu.h"
#include "backend/device.h"
#include "record/checkpoint_files.h"
#include "model/specification.h"
#include "system/clock.h"
#include "system/paths.h"
#include "work/message.h"
#include "work/outputs.h"
#include "work/worker_internal.h"

#define PROGRESS_SECONDS 0.2

/* Consecutive failed iterations that abort a run; batches per session that are saved for ./run eval --replay;
 * consecutive iterations with an impossible loss that are reported. */
enum { SKIPPED_MAX = 10, FAILURES_KEPT = 3, IMPOSSIBLE_MAX = 10 };

/* The number of consecutive failed iterations, in a checkpoint written between them. Without it, an aborted or
 * stopped run could resume there and complete. */
static const char skipped_name[] = "worker.skipped";

static uint64_t peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

/* Signals stay blocked; the worker checks for them between steps. */
bool worker_stop_requested(void *argument) {
    worker *self = argument;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGTERM) self->stop = true;
    return self->stop;
}

status worker_send(worker *self, message one, const void *bytes, error_info *err) {
    one.iteration = self->training ? trainer_iteration(self->training) : self->task->from->checkpoint_iteration;
    if (self->cut) return error_set(err, STATUS_IO, "nobody records what is computed");
    /* Epochs may be short. A lost process repeats the iterations after its checkpoint, whose message flushes the
     * waiting ones. */
    bool (*const send)(message_writer *, int, const message *, const void *) =
        one.kind == MESSAGE_EPOCH ? message_send_later : message_send;
    if (send(&self->writer, self->task->output, &one, bytes)) return STATUS_OK;
    self->cut = true;
    return error_set(err, STATUS_IO, "nobody records what is computed: %s", strerror(errno));
}

/* Return whether a flow's evaluations and end time can change during training, and so need a row per epoch. */
static bool has_flows(const worker *self) {
    return self->data.images || !cnf_is_fused(objective_points(trainer_objective(self->training)));
}

static void fill_split(const worker *self, db_split split, double loss, const objective_counts *counts, db_epoch *row) {
    row->split = split;
    row->loss = loss;
    row->nfe_forward = trainer_forward_evaluations(counts);
    row->nfe_backward = trainer_backward_evaluations(counts);
    row->flow_count = has_flows(self) ? counts->flow_count : 0;
    for (size_t f = 0; f < row->flow_count; f++)
        row->flows[f] = (db_flow){.nfe_forward = counts->flows[f].forward,
                                  .nfe_backward = counts->flows[f].backward,
                                  .end_time = counts->flows[f].end_time};
}

static status send_epoch(worker *self, const trainer_epoch *epoch, error_info *err) {
    enum { SPLITS = 3 };
    const double now = clock_seconds();
    db_epoch rows[SPLITS];
    for (size_t i = 0; i < SPLITS; i++)
        rows[i] = (db_epoch){.epoch = epoch->epoch,
                             .iteration = epoch->iteration,
                             .running = (double)NAN,
                             .wall_seconds = now - self->epoch_start,
                             .peak_bytes = peak_bytes()};
    self->epoch_start = now;
    fill_split(self, DB_TRAINING, epoch->training_loss, &epoch->training_counts, &rows[0]);
    rows[0].running = epoch->running_loss;
    fill_split(self, DB_VALIDATION, epoch->validation_loss, &epoch->validation_counts, &rows[1]);
    if (epoch->tested) fill_split(self, DB_TEST, epoch->test_loss, &epoch->test_counts, &rows[2]);
    const message one = {.kind = MESSAGE_EPOCH, .size = (epoch->tested ? SPLITS : SPLITS - 1) * sizeof *rows};
    return worker_send(self, one, rows, err);
}

/* --- Checkpoints --- */

/* Metadata of the checkpoint. Nothing here depends on the time, so equal states give equal files. */
static status describe(const worker_task *task, const standard *units, checkpoint *file) {
    const plan_run *run = task->run;
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, run->seed);
    TRY(checkpoint_put_text(file, "key", run->key));
    TRY(checkpoint_put_text(file, "dataset", run->dataset->name));
    TRY(checkpoint_put_text(file, "data_checksum", run->dataset->checksum));
    TRY(checkpoint_put_text(file, "model", run->model->name));
    TRY(checkpoint_put_text(file, "seed", seed));
    TRY(specification_write_units(units, file));
    return specification_write(task->values, &run->dataset->shape, file);
}

status worker_check_device(const worker *self, error_info *err) {
    return self->device ? self->library->images_state(self->device, err) : STATUS_OK;
}

/* Write the state to `path`; `batch`, which may be NULL, adds the last batch. */
static status write_state(worker *self, const objective *batch, const char *path, char sha256[65], error_info *err) {
    checkpoint *file;
    if (checkpoint_create(&file) != STATUS_OK) return error_set(err, STATUS_MEMORY, "out of memory for a checkpoint");
    status outcome = describe(self->task, source_units(&self->data), file);
    if (outcome == STATUS_OK) outcome = trainer_save(self->training, file);
    if (outcome == STATUS_OK) outcome = worker_keep_plans(self, file);
    const size_t one = 1;
    if (outcome == STATUS_OK && self->skipped > 0)
        outcome = checkpoint_put(file, skipped_name, CHECKPOINT_U64, 1, &one, &self->skipped);
    if (outcome == STATUS_OK && batch) outcome = objective_save_batch(batch, file);
    if (outcome != STATUS_OK) error_describe(err, "out of memory for a checkpoint");
    else outcome = worker_check_device(self, err); /* host copy of the parameters */
    if (outcome == STATUS_OK) outcome = checkpoint_write(file, path, sha256, err);
    checkpoint_destroy(&file);
    return outcome;
}

static status save(worker *self, error_info *err) {
    const worker_task *task = self->task;
    const uint64_t iteration = trainer_iteration(self->training);
    if (iteration == self->saved) return STATUS_OK;
    char name[PATH_MAX], path[PATH_MAX];
    message one = {.kind = MESSAGE_CHECKPOINT};
    checkpoint_name(task->database, task->run->key, iteration, name);
    checkpoint_locate(task->database, name, path);
    TRY(write_state(self, NULL, path, one.file.sha256, err));
    TRY(checkpoint_measure(path, &one.file.bytes, err));
    self->saved = iteration;
    one.size = strlen(name);
    return worker_send(self, one, name, err);
}

static status read_state(worker *self, const char *path, const checkpoint *file, error_info *err) {
    const char *key = checkpoint_get_text(file, "key");
    error_info reason;
    if (!key || strcmp(key, self->task->run->key) != 0)
        return error_set(err, STATUS_FORMAT, "the checkpoint \"%s\" belongs to another run", path);
    const status outcome = trainer_restore(self->training, file, &reason);
    if (outcome != STATUS_OK) return error_set(err, outcome, "the checkpoint \"%s\": %s", path, reason.text);
    if (trainer_iteration(self->training) != self->task->from->checkpoint_iteration)
        return error_set(err, STATUS_FORMAT, "the checkpoint \"%s\" is of iteration %" PRIu64 ", not %" PRIu64, path,
                         trainer_iteration(self->training), self->task->from->checkpoint_iteration);
    self->saved = trainer_iteration(self->training);
    const uint64_t *skipped = checkpoint_get(file, skipped_name, CHECKPOINT_U64, 1);
    self->skipped = skipped ? *skipped : 0;
    return STATUS_OK;
}

/* Advice for a damaged or missing checkpoint. */
static status advise(const worker *self, status outcome, const error_info *reason, error_info *err) {
    if (outcome == STATUS_MEMORY) return error_set(err, outcome, "%s", reason->text);
    return error_set(err, outcome, "%.800s; put it back, or begin the run again after %s check --restart %.12s",
                     reason->text, command_name(), self->task->run->key);
}

/* *file <- the path of the checkpoint that the database names; NULL if there is none. */
static status open_checkpoint(const worker *self, char path[PATH_MAX], checkpoint **file, error_info *err) {
    const db_run *from = self->task->from;
    error_info reason = {""};
    *file = NULL;
    path[0] = '\0';
    if (!from->has_checkpoint) return STATUS_OK;
    checkpoint_locate(self->task->database, from->checkpoint_path, path);
    status outcome = checkpoint_verify(path, from->checkpoint_bytes, from->checkpoint_sha256, &reason);
    if (outcome == STATUS_OK) outcome = checkpoint_read(path, file, &reason);
    return outcome == STATUS_OK ? STATUS_OK : advise(self, outcome, &reason, err);
}

/* --- Training --- */

status worker_send_note(worker *self, const char *text, error_info *err) {
    return worker_send(self, (message){.kind = MESSAGE_NOTE, .size = strlen(text)}, text, err);
}

/* A step without a finite loss and gradient: keep the parameters, and save the batch for a replay. */
static status skip(worker *self, status outcome, error_info *err) {
    const worker_task *task = self->task;
    const objective *obj = trainer_objective(self->training);
    const uint64_t iteration = trainer_iteration(self->training);
    char path[PATH_MAX];
    error_info reason, text, ignored;
    objective_describe(obj, outcome, &reason);
    if (++self->skipped >= SKIPPED_MAX)
        return error_set(err, outcome, "%" PRIu64 " iterations in a row failed, the last one, %" PRIu64 ", so: %.600s",
                         self->skipped, iteration, reason.text);
    error_describe(&text, "iteration %" PRIu64 " skipped: %.600s", iteration, reason.text);
    checkpoint_failure_path(task->database, task->run->key, iteration, path);
    if (self->data.images && self->failures_kept < FAILURES_KEPT &&
        checkpoint_make_failures(task->database, &ignored) == STATUS_OK &&
        write_state(self, obj, path, NULL, &ignored) == STATUS_OK) {
        self->failures_kept++;
        error_describe(&text, "iteration %" PRIu64 " skipped: %.400s; %s replay %.400s repeats it", iteration,
                       reason.text, command_name(), path);
    }
    return worker_send_note(self, text.text, err);
}

static status report_unsolved(worker *self, const char *split, error_info *err) {
    error_info text;
    error_describe(&text, "a flow could not be solved on %s %s; that epoch's loss is stored as nan", split,
                   self->data.images ? "images" : "points");
    return worker_send_note(self, text.text, err);
}

/* Pixels of 8 bits have a mean -log2 P of at least 0. A training that comes below profits from the errors of its
 * solves, and is lost hours before its first validation may show it. */
static status report_impossible(worker *self, double loss, error_info *err) {
    error_info text;
    if (!self->data.images || self->impossible == IMPOSSIBLE_MAX) return STATUS_OK;
    self->impossible = loss < 0 ? self->impossible + 1 : 0;
    if (self->impossible < IMPOSSIBLE_MAX) return STATUS_OK;
    error_describe(
        &text,
        "training loss: %d iterations in a row are below 0 bits per dimension, the last by %.3g; expected at "
        "least 0, as for every density of 8-bit pixels; the solver's steps are too long for this field: take "
        "more solver.steps, adaptive steps, or a larger flow.jacobian",
        IMPOSSIBLE_MAX, -loss);
    return worker_send_note(self, text.text, err);
}

status worker_on_step(worker *self, status outcome, double loss, bool epoch_done, const trainer_epoch *epoch,
                      error_info *err) {
    const settings *values = self->task->values;
    /* Record a loss that is not finite as nan, inf or -inf. */
    if (outcome == STATUS_OK) self->skipped = 0;
    else TRY(skip(self, outcome, err));
    TRY(report_impossible(self, loss, err));
    if (epoch_done) {
        if (has_flows(self) && epoch->validation != STATUS_OK) TRY(report_unsolved(self, "validation", err));
        if (has_flows(self) && epoch->tested && epoch->test != STATUS_OK) TRY(report_unsolved(self, "test", err));
        TRY(send_epoch(self, epoch, err));
        if (epoch->epoch % values->train_checkpoint_epochs == 0) TRY(save(self, err));
    }
    const double now = clock_seconds();
    if (now - self->last_progress < PROGRESS_SECONDS) return STATUS_OK;
    self->last_progress = now;
    return worker_send(self, (message){.kind = MESSAGE_PROGRESS, .loss = loss}, NULL, err);
}

/* A device finds out at its first repetition that it cannot repeat steps; it is then slower, so print a note. */
static status report_graphs(worker *self, error_info *err) {
    error_info which, text;
    if (!self->device || self->graphs_reported || self->library->images_graphs(self->device, &which)) return STATUS_OK;
    self->graphs_reported = true;
    error_describe(&text, "steps are not repeated by the device, which may be slower: %.800s", which.text);
    return worker_send_note(self, text.text, err);
}

static status step(worker *self, error_info *err) {
    double loss = NAN;
    bool epoch_done;
    trainer_epoch epoch;
    const status outcome = trainer_step(self->training, &loss, &epoch_done, &epoch);
    TRY(worker_check_device(self, err));
    TRY(report_graphs(self, err));
    if (outcome < 0)
        return error_set(err, outcome, "the step after iteration %" PRIu64 " failed%s",
                         trainer_iteration(self->training), outcome == STATUS_MEMORY ? ": out of memory" : "");
    return worker_on_step(self, outcome, loss, epoch_done, &epoch, err);
}

static status open_device(worker *self, error_info *err) {
    TRY(device_open(&self->library, err));
    return self->library->images_open(self->task->device, &self->device, err);
}

/* Own kernels are slower than cuDNN's and cuBLAS's, so print a note if a library was not found or has no plan. */
static status report_libraries(worker *self, error_info *err) {
    error_info which, text;
    if (!self->device) return STATUS_OK;
    if (!self->library->images_library(self->device, &which)) {
        error_describe(&text, "convolutions by own kernels, which may be slower: %.800s", which.text);
        TRY(worker_send_note(self, text.text, err));
    }
    if (self->library->images_products(self->device, &which)) return STATUS_OK;
    error_describe(&text, "products of attention or hypernets by own kernels, which may be slower: %.800s", which.text);
    return worker_send_note(self, text.text, err);
}

static status make_training(worker *self, error_info *err) {
    const worker_task *task = self->task;
    trainer_spec spec;
    objective *obj;
    specification_trainer(task->values, &spec);
    spec.backend = self->device;
    TRY(source_objective(&self->data, task->values, task->run->seed, self->threads, self->device, &obj, err));
    return trainer_create(&spec, &obj, &self->training, err);
}

/* The memory of the model has been freed. */
status worker_explain_memory(const worker *self, error_info *err) {
    if (!self->device) return STATUS_MEMORY;
    const error_info reason = *err;
    const int number = self->task->device;
    device_about about;
    TRY(self->library->describe(number, &about, err));
    return error_set(err, STATUS_MEMORY,
                     "%.600s, on CUDA device %d or beside it: %.1f MB of its %.1f MB are free, and the model with its "
                     "workspaces needs at least %.1f MB; a smaller train.batch needs less",
                     reason.text, number, 1e-6 * (double)about.available, 1e-6 * (double)about.memory,
                     1e-6 * (double)self->library->images_needed(self->device));
}

/* Create the training and resume it from a checkpoint, which may be NULL. */
static status begin_training(worker *self, const char *path, const checkpoint *file, error_info *err) {
    error_info reason = {""};
    if (file) TRY(worker_recall_plans(self, file, err));
    self->base_bytes = peak_bytes();
    const status made = make_training(self, err);
    TRY(worker_check_device(self, err)); /* which has the cause */
    if (made != STATUS_OK) return made == STATUS_MEMORY ? worker_explain_memory(self, err) : made;
    TRY(report_libraries(self, err));
    const status read = file ? read_state(self, path, file, &reason) : STATUS_OK;
    return read == STATUS_OK ? STATUS_OK : advise(self, read, &reason, err);
}

static status prepare(worker *self, error_info *err) {
    const worker_task *task = self->task;
    const plan_dataset *planned = task->run->dataset;
    const settings *values = task->values;
    char path[PATH_MAX];
    checkpoint *file;
    TRY(source_open(planned->source, values, &self->data, err));
    if (strcmp(source_checksum(&self->data), planned->checksum) != 0)
        return error_set(err, STATUS_IO, "\"%s\" has changed since the start", planned->source);
    if (!self->shares_threads && task->threads > 1 && parallel_create(task->threads, &self->threads) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "cannot start %zu threads", task->threads);
    if (task->on_device) TRY(open_device(self, err));
    TRY(open_checkpoint(self, path, &file, err));
    const status begun = begin_training(self, path, file, err);
    checkpoint_destroy(&file);
    if (begun != STATUS_OK) return begun;
    checkpoint_clean(task->database, task->run->key, path); /* remove files that the database does not name */
    return STATUS_OK;
}

/* Bytes that the first step adds: code that libraries generate and load, as measured. */
static const uint64_t library_bytes = 2000000;

/* Mean and deviation of each column of a standardised table, as metrics. */
static status send_units(worker *self, const standard *units, error_info *err) {
    for (size_t d = 0; units && d < units->dimension; d++) {
        char name[32];
        snprintf(name, sizeof name, "data_mean_%zu", d + 1);
        TRY(worker_send_metric(self, name, units->mean[d], err));
        snprintf(name, sizeof name, "data_deviation_%zu", d + 1);
        TRY(worker_send_metric(self, name, units->deviation[d], err));
    }
    return STATUS_OK;
}

/* The process's memory before the model was created, and its upper bound. */
static status send_start(worker *self, error_info *err) {
    const objective *obj = trainer_objective(self->training);
    uint64_t sampling;
    TRY(worker_sampling_bytes(self, &sampling, err));
    const uint64_t predicted = self->base_bytes + trainer_bytes(self->training) + library_bytes + sampling;
    const message one = {.kind = MESSAGE_STARTED,
                         .started = {.parameters = objective_parameters(obj)->total,
                                     .predicted_bytes = predicted,
                                     .kept_bytes = objective_kept_bytes(obj)}};
    TRY(worker_send(self, one, NULL, err));
    if (!self->data.images) return send_units(self, source_units(&self->data), err);
    TRY(worker_send_metric(self, "data_dimension", (double)self->task->run->dataset->shape.dimension, err));
    /* A resumed run keeps the messages of earlier sessions. */
    if (self->device) return worker_send_metric(self, "convolutions", 0, err);
    if (trainer_iteration(self->training) > 0) return STATUS_OK;
    return worker_send_metric(self, "convolutions", CPU_CONVOLUTIONS, err);
}

status worker_open(worker *self, error_info *err) {
    TRY(prepare(self, err));
    TRY(send_start(self, err));
    TRY(worker_send_plans(self, err));
    TRY(worker_send_target(self, err));
    self->epoch_start = clock_seconds();
    return STATUS_OK;
}

status worker_finish(worker *self, error_info *err) {
    TRY(save(self, err));
    if (!self->stop) TRY(worker_send_outputs(self, err));
    if (!self->stop) TRY(worker_send_measurements(self, err));
    if (!self->stop && self->task->values->experiment_task == TASK_THEORY) TRY(worker_send_theory(self, err));
    return worker_send(self, (message){.kind = self->stop ? MESSAGE_INTERRUPTED : MESSAGE_DONE}, NULL, err);
}

void worker_close(worker *self, status outcome, error_info *err) {
    if (outcome != STATUS_OK) {
        if (!err->text[0]) error_describe(err, "failed with status %d", (int)outcome);
        error_info ignored;
        worker_send(self, (message){.kind = MESSAGE_FAILED, .size = strlen(err->text)}, err->text, &ignored);
    }
    trainer_destroy(&self->training);
    if (self->device) self->library->images_close(&self->device);
    if (!self->shares_threads) parallel_destroy(&self->threads);
    source_close(&self->data);
    free(self->plans);
}

bool worker_become_child(pid_t parent) {
    /* Use a separate process group: the parent receives Ctrl-C and forwards it. Without the parent, nothing would be
     * recorded. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return false;
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return true;
}

static status work(worker *self, error_info *err) {
    TRY(worker_open(self, err));
    while (!trainer_finished(self->training) && !worker_stop_requested(self)) TRY(step(self, err));
    return worker_finish(self, err);
}

int worker_run(const worker_task *task) {
    worker self = {.task = task};
    error_info err = {""};
    if (!worker_become_child(task->parent)) return 1;
    const status outcome = work(&self, &err);
    worker_close(&self, outcome, &err);
    return outcome == STATUS_OK ? 0 : 1;
}
