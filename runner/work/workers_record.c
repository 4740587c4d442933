/* workers_record.c - turn workers' messages into rows, and lines on the terminal. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "model/specification.h"
#include "work/workers_internal.h"

#define HEARTBEAT_SECONDS 2.0

static void record_checkpoint(workers *all, job *one, const message *m, const char *name) {
    const db_checkpoint row = {
        .iteration = m->iteration, .bytes = m->file.bytes, .path = name, .sha256 = m->file.sha256};
    RECORD(all, db_put_checkpoint(all->db, one->id, &row, all->err));
    RECORD(all, db_put_progress(all->db, one->id, m->iteration, workers_wall_seconds(one), all->err));
    checkpoint_locate(db_path(all->db), name, one->next_checkpoint);
    one->next_iteration = m->iteration;
    all->commit_due = true;
}

static void record_blob(workers *all, const job *one, const message *m, const void *bytes) {
    db_blob row = {.subject = m->blob.target ? one->data_checksum : one->key,
                   .kind = m->blob.kind,
                   .rows = m->blob.rows,
                   .columns = m->blob.columns,
                   .data = bytes};
    memcpy(row.window, m->blob.window, sizeof row.window);
    if (m->blob.moving) RECORD(all, db_put_moment(all->db, &row, m->blob.moment, m->blob.time, all->err));
    else RECORD(all, db_put_blob(all->db, &row, all->err));
}

static void record_start(workers *all, const job *one, const message *m) {
    RECORD(all, db_put_parameters(all->db, one->id, m->started.parameters, all->err));
    RECORD(all, db_put_prediction(all->db, one->id, m->started.predicted_bytes, all->err));
    /* A run that starts here without a device has no plans; delete those of an earlier session beyond this
     * iteration. */
    RECORD(all, db_drop_plans(all->db, one->id, m->iteration, all->err));
}

/* Record all plans of the run; delete those of an earlier session beyond this iteration. */
static void record_plans(workers *all, const job *one, const message *m, const char *text) {
    const int64_t id = one->id;
    char *copy = strdup(text), *rest = NULL;
    RECORD(all, copy ? STATUS_OK : error_set(all->err, STATUS_MEMORY, "out of memory"));
    RECORD(all, db_drop_plans(all->db, id, m->iteration, all->err));
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        char *words = NULL;
        db_plan row = {.convolution = strtok_r(line, "\t", &words)};
        row.way = strtok_r(NULL, "\t", &words);
        row.plan = strtok_r(NULL, "\t", &words);
        RECORD(all, db_put_plan(all->db, id, m->iteration, &row, all->err));
    }
    free(copy);
}

static void record_theory(workers *all, const job *one, const message *m) {
    const db_theory row = {.item = m->theory.item,
                           .subject = m->theory.subject,
                           .quantity = m->theory.quantity,
                           .x = m->theory.x,
                           .value = m->theory.value,
                           .relation = m->theory.relation[0] ? m->theory.relation : NULL,
                           .bound = m->theory.bound,
                           .holds = m->theory.holds};
    RECORD(all, db_put_theory(all->db, one->id, &row, all->err));
}

static void record_progress(workers *all, job *one, const message *m) {
    if (clock_seconds() - one->heartbeat < HEARTBEAT_SECONDS) return;
    one->heartbeat = clock_seconds();
    RECORD(all, db_put_progress(all->db, one->id, m->iteration, workers_wall_seconds(one), all->err));
}

/* Most rows are epochs, so the peak is recorded only if it has grown. */
static void record_epoch(workers *all, job *one, const message *m, const unsigned char *bytes) {
    const int64_t id = one->id;
    db_epoch row = {0};
    for (uint64_t at = 0; at < m->size; at += sizeof row) {
        memcpy(&row, bytes + at, sizeof row);
        RECORD(all, db_put_epoch(all->db, id, &row, all->err));
    }
    if (row.peak_bytes <= one->peak) return;
    one->peak = row.peak_bytes;
    RECORD(all, db_put_peak(all->db, id, one->peak, all->err));
}

void workers_take_message(workers *all, job *one, const message *m, const void *bytes) {
    switch (m->kind) {
    case MESSAGE_STARTED: record_start(all, one, m); break;
    case MESSAGE_PLANS: record_plans(all, one, m, bytes); break;
    case MESSAGE_PROGRESS: record_progress(all, one, m); break;
    case MESSAGE_EPOCH: record_epoch(all, one, m, bytes); break;
    case MESSAGE_METRIC: RECORD(all, db_put_metric(all->db, one->id, m->metric.name, m->metric.value, all->err)); break;
    case MESSAGE_THEORY: record_theory(all, one, m); break;
    case MESSAGE_BLOB: record_blob(all, one, m, bytes); break;
    case MESSAGE_CHECKPOINT: record_checkpoint(all, one, m, bytes); break;
    case MESSAGE_NOTE:
    case MESSAGE_DONE:
    case MESSAGE_INTERRUPTED:
    case MESSAGE_FAILED: break;
    }
}

/* --- Output for the user --- */

static void print_note(workers *all, const job *one, const char *text) {
    char label[96];
    workers_label(workers_run_of(all, one), label);
    progress_say(all->shown, "%s: %s", label, text);
}

/* Points need little memory; a model of images announces its bound before it allocates. */
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
    case MESSAGE_NOTE: print_note(all, one, bytes); break;
    case MESSAGE_PROGRESS: progress_update(all->shown, (size_t)(one - all->jobs), m->iteration, m->loss); break;
    case MESSAGE_DONE: one->state = RUN_DONE; break;
    case MESSAGE_INTERRUPTED: one->state = RUN_INTERRUPTED; break;
    case MESSAGE_FAILED:
        one->state = RUN_FAILED;
        error_describe(&one->error, "%s", (const char *)bytes);
        break;
    default: break;
    }
}

void workers_end_job(workers *all, job *one) {
    const plan_run *run = workers_run_of(all, one);
    const char *error = one->state == RUN_FAILED ? one->error.text : NULL;
    RECORD(all, db_end_run(all->db, one->id, one->state, error, one->iteration, workers_wall_seconds(one), all->err));
    one->ended = all->commit_due = true;
    progress_end(all->shown, (size_t)(one - all->jobs), one->state == RUN_DONE);
    if (one->state == RUN_DONE) all->result.done++;
    else if (one->state == RUN_INTERRUPTED) all->result.interrupted++;
    else {
        char label[96];
        workers_label(run, label);
        all->result.failed++;
        all->target_given[run->dataset - all->spec->runs->datasets] = false; /* perhaps this run was to send it */
        progress_say(all->shown, "%s failed: %s", label, error);
    }
}
