/* workers_record.c - what workers say becomes rows, and lines on the terminal. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "model/specification.h"
#include "work/workers_internal.h"

#define HEARTBEAT_SECONDS 2.0

static void record_checkpoint(workers *all, job *one, const message *m, const char *name) {
    const recorder_checkpoint row = {
        .iteration = m->iteration, .bytes = m->file.bytes, .path = name, .sha256 = m->file.sha256};
    RECORD(all, recorder_put_checkpoint(all->book, one->id, &row, all->why));
    RECORD(all, recorder_put_progress(all->book, one->id, m->iteration, workers_wall_seconds(one), all->why));
    checkpoint_locate(recorder_path(all->book), name, one->next_checkpoint);
    one->next_iteration = m->iteration;
    all->commit_due = true;
}

static void record_blob(workers *all, const job *one, const message *m, const void *bytes) {
    recorder_blob row = {.subject = m->blob.target ? one->data_checksum : one->key,
                         .kind = m->blob.kind,
                         .rows = m->blob.rows,
                         .columns = m->blob.columns,
                         .data = bytes};
    memcpy(row.window, m->blob.window, sizeof row.window);
    if (m->blob.moving) RECORD(all, recorder_put_moment(all->book, &row, m->blob.moment, m->blob.time, all->why));
    else RECORD(all, recorder_put_blob(all->book, &row, all->why));
}

static void record_start(workers *all, const job *one, const message *m) {
    RECORD(all, recorder_put_parameters(all->book, one->id, m->started.parameters, all->why));
    RECORD(all, recorder_put_prediction(all->book, one->id, m->started.predicted_bytes, all->why));
    /* A run that begins here without a device has no plans; drop those of a worker that came no further. */
    RECORD(all, recorder_drop_plans(all->book, one->id, m->iteration, all->why));
}

/* All plans that the run has now; what was known of later iterations is of a worker that came no further. */
static void record_plans(workers *all, const job *one, const message *m, const char *text) {
    const int64_t id = one->id;
    char *copy = strdup(text), *rest = NULL;
    RECORD(all, copy ? STATUS_OK : fail(all->why, STATUS_MEMORY, "out of memory"));
    RECORD(all, recorder_drop_plans(all->book, id, m->iteration, all->why));
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        char *words = NULL;
        recorder_plan row = {.convolution = strtok_r(line, "\t", &words)};
        row.way = strtok_r(NULL, "\t", &words);
        row.plan = strtok_r(NULL, "\t", &words);
        RECORD(all, recorder_put_plan(all->book, id, m->iteration, &row, all->why));
    }
    free(copy);
}

static void record_theory(workers *all, const job *one, const message *m) {
    const recorder_theory row = {.item = m->theory.item,
                                 .subject = m->theory.subject,
                                 .quantity = m->theory.quantity,
                                 .x = m->theory.x,
                                 .value = m->theory.value,
                                 .relation = m->theory.relation[0] ? m->theory.relation : NULL,
                                 .bound = m->theory.bound,
                                 .holds = m->theory.holds};
    RECORD(all, recorder_put_theory(all->book, one->id, &row, all->why));
}

static void record_progress(workers *all, job *one, const message *m) {
    if (clock_seconds() - one->heartbeat < HEARTBEAT_SECONDS) return;
    one->heartbeat = clock_seconds();
    RECORD(all, recorder_put_progress(all->book, one->id, m->iteration, workers_wall_seconds(one), all->why));
}

/* Rows of epochs are most of what is recorded, so the peak is only where it is new. */
static void record_epoch(workers *all, job *one, const message *m, const unsigned char *bytes) {
    const int64_t id = one->id;
    recorder_epoch row = {0};
    for (uint64_t at = 0; at < m->size; at += sizeof row) {
        memcpy(&row, bytes + at, sizeof row);
        RECORD(all, recorder_put_epoch(all->book, id, &row, all->why));
    }
    if (row.peak_bytes <= one->peak) return;
    one->peak = row.peak_bytes;
    RECORD(all, recorder_put_peak(all->book, id, one->peak, all->why));
}

void workers_take_message(workers *all, job *one, const message *m, const void *bytes) {
    switch (m->kind) {
    case MESSAGE_STARTED: record_start(all, one, m); break;
    case MESSAGE_PLANS: record_plans(all, one, m, bytes); break;
    case MESSAGE_PROGRESS: record_progress(all, one, m); break;
    case MESSAGE_EPOCH: record_epoch(all, one, m, bytes); break;
    case MESSAGE_METRIC:
        RECORD(all, recorder_put_metric(all->book, one->id, m->metric.name, m->metric.value, all->why));
        break;
    case MESSAGE_THEORY: record_theory(all, one, m); break;
    case MESSAGE_BLOB: record_blob(all, one, m, bytes); break;
    case MESSAGE_CHECKPOINT: record_checkpoint(all, one, m, bytes); break;
    case MESSAGE_NOTE:
    case MESSAGE_DONE:
    case MESSAGE_INTERRUPTED:
    case MESSAGE_FAILED: break;
    }
}

/* --- What is shown --- */

static void say_of(workers *all, const job *one, const char *text) {
    char label[96];
    workers_label(workers_run_of(all, one), label);
    progress_say(all->shown, "%s: %s", label, text);
}

/* Points need little; a model of images says what it may take before it takes it. */
static void show_start(workers *all, const job *one, const message *m) {
    const plan_run *run = workers_run_of(all, one);
    char label[96], text[256];
    if (!specification_is_image(&run->dataset->shape)) return;
    workers_label(run, label);
    number_print(
        text, sizeof text, "%s: %" PRIu64 " parameters; at most %.0f MB of memory, of these %.0f MB for kept steps",
        label, m->started.parameters, 1e-6 * (double)m->started.predicted_bytes, 1e-6 * (double)m->started.kept_bytes);
    progress_note(all->shown, text);
}

void workers_show_message(workers *all, job *one, const message *m, const void *bytes) {
    if (m->kind != MESSAGE_FAILED || m->iteration > one->iteration) one->iteration = m->iteration;
    switch (m->kind) {
    case MESSAGE_STARTED: show_start(all, one, m); break;
    case MESSAGE_NOTE: say_of(all, one, bytes); break;
    case MESSAGE_PROGRESS: progress_update(all->shown, (size_t)(one - all->jobs), m->iteration, m->loss); break;
    case MESSAGE_DONE: one->state = RUN_DONE; break;
    case MESSAGE_INTERRUPTED: one->state = RUN_INTERRUPTED; break;
    case MESSAGE_FAILED:
        one->state = RUN_FAILED;
        failure_describe(&one->error, "%s", (const char *)bytes);
        break;
    default: break;
    }
}

void workers_end_job(workers *all, job *one) {
    const plan_run *run = workers_run_of(all, one);
    const char *error = one->state == RUN_FAILED ? one->error.text : NULL;
    RECORD(all, recorder_end_run(all->book, one->id, one->state, error, one->iteration, workers_wall_seconds(one),
                                 all->why));
    one->ended = all->commit_due = true;
    progress_end(all->shown, (size_t)(one - all->jobs), one->state == RUN_DONE);
    if (one->state == RUN_DONE) all->result.done++;
    else if (one->state == RUN_INTERRUPTED) all->result.interrupted++;
    else {
        char label[96];
        workers_label(run, label);
        all->result.failed++;
        all->target_given[run->dataset - all->spec->runs->datasets] = false; /* perhaps it was this one's to send */
        progress_say(all->shown, "%s failed: %s", label, error);
    }
}
