/* recorder_write.c - the rows that experiments and their runs write. */
#include "record/recorder_internal.h"

static const char *const state_names[] = {[RUN_PLANNED] = "planned",
                                          [RUN_RUNNING] = "running",
                                          [RUN_INTERRUPTED] = "interrupted",
                                          [RUN_FAILED] = "failed",
                                          [RUN_DONE] = "done"};

const char *recorder_state_name(recorder_state state) {
    return state_names[state];
}

status recorder_put_experiment(recorder *book, const recorder_experiment *experiment, int64_t *id, failure *why) {
    char now[32];
    bool same;
    recorder_now(now);
    TRY(recorder_write(book, STATEMENT_PUT_EXPERIMENT, why, "tttt", experiment->name, experiment->title,
                       experiment->file, now));
    return recorder_find_experiment(book, experiment, id, &same, why);
}

status recorder_put_member(recorder *book, int64_t experiment, int64_t run, failure *why) {
    return recorder_write(book, STATEMENT_PUT_MEMBER, why, "ii", experiment, run);
}

status recorder_drop_member(recorder *book, int64_t experiment, int64_t run, failure *why) {
    return recorder_write(book, STATEMENT_DROP_MEMBER, why, "ii", experiment, run);
}

status recorder_put_run(recorder *book, const recorder_run *run, failure *why) {
    char now[32];
    recorder_now(now);
    return recorder_write(book, STATEMENT_PUT_RUN, why, "ttttuut", run->key, run->dataset, run->data_checksum,
                          run->model, run->seed, run->iterations, now);
}

status recorder_put_setting(recorder *book, int64_t run, const char *section, const char *key, const char *value,
                            failure *why) {
    return recorder_write(book, STATEMENT_PUT_SETTING, why, "ittt", run, section, key, value);
}

status recorder_start_run(recorder *book, int64_t run, const recorder_session *session, failure *why) {
    char now[32];
    recorder_now(now);
    return recorder_write(book, STATEMENT_START_RUN, why, "itittttttitttt", run, now, (int64_t)session->process,
                          session->host, session->cpu, session->simd, session->gpu, session->driver,
                          session->git_commit, (int64_t)session->git_dirty, session->compiler, session->compiler_flags,
                          session->libraries, session->command_line);
}

status recorder_put_parameters(recorder *book, int64_t run, uint64_t parameters, failure *why) {
    TRY(recorder_put_metric(book, run, "parameters", (double)parameters, why));
    return recorder_write(book, STATEMENT_PUT_PARAMETERS, why, "iu", run, parameters);
}

status recorder_put_progress(recorder *book, int64_t run, uint64_t iteration, double wall_seconds, failure *why) {
    char now[32];
    recorder_now(now);
    return recorder_write(book, STATEMENT_PUT_PROGRESS, why, "iudt", run, iteration, wall_seconds, now);
}

status recorder_put_prediction(recorder *book, int64_t run, uint64_t bytes, failure *why) {
    return recorder_write(book, STATEMENT_PUT_PREDICTION, why, "iu", run, bytes);
}

/* A row is there already only where a run was stopped behind its checkpoint. REPLACE alone would do, but it keeps a
 * journal of each statement, which doubles what a row costs. */
static status put_split(recorder *book, int64_t run, const recorder_epoch *epoch, const char *split, failure *why) {
    static const recorder_statement attempts[] = {STATEMENT_PUT_EPOCH, STATEMENT_REPLACE_EPOCH};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        TRY(recorder_write(book, attempts[i], why, "iuutndddud", run, epoch->epoch, epoch->iteration, split,
                           epoch->loss, epoch->nfe_forward, epoch->nfe_backward, epoch->wall_seconds, epoch->peak_bytes,
                           epoch->running));
        if (sqlite3_changes(book->db) > 0) break;
    }
    return STATUS_OK;
}

status recorder_put_epoch(recorder *book, int64_t run, const recorder_epoch *epoch, failure *why) {
    static const char *const splits[] = {
        [RECORDER_TRAINING] = "training", [RECORDER_VALIDATION] = "validation", [RECORDER_TEST] = "test"};
    const char *split = splits[epoch->split];
    TRY(put_split(book, run, epoch, split, why));
    for (size_t f = 0; f < epoch->flow_count; f++)
        TRY(recorder_write(book, STATEMENT_PUT_FLOW, why, "iutuddd", run, epoch->epoch, split, (uint64_t)f,
                           epoch->flows[f].nfe_forward, epoch->flows[f].nfe_backward, epoch->flows[f].end_time));
    return STATUS_OK;
}

status recorder_put_peak(recorder *book, int64_t run, uint64_t bytes, failure *why) {
    return recorder_write(book, STATEMENT_PUT_PEAK, why, "iu", run, bytes);
}

status recorder_put_metric(recorder *book, int64_t run, const char *name, double value, failure *why) {
    return recorder_write(book, STATEMENT_PUT_METRIC, why, "itn", run, name, value);
}

status recorder_put_plan(recorder *book, int64_t run, uint64_t iteration, const recorder_plan *plan, failure *why) {
    return recorder_write(book, STATEMENT_PUT_PLAN, why, "ittut", run, plan->convolution, plan->way, iteration,
                          plan->plan);
}

status recorder_drop_plans(recorder *book, int64_t run, uint64_t iteration, failure *why) {
    return recorder_write(book, STATEMENT_DROP_PLANS, why, "iu", run, iteration);
}

status recorder_put_theory(recorder *book, int64_t run, const recorder_theory *row, failure *why) {
    if (!row->relation)
        return recorder_write(book, STATEMENT_PUT_SHOWN, why, "itttdn", run, row->item, row->subject, row->quantity,
                              row->x, row->value);
    return recorder_write(book, STATEMENT_PUT_THEORY, why, "itttdntdi", run, row->item, row->subject, row->quantity,
                          row->x, row->value, row->relation, row->bound, (int64_t)row->holds);
}

status recorder_put_blob(recorder *book, const recorder_blob *blob, failure *why) {
    const size_t bytes = (size_t)(blob->rows * blob->columns) * sizeof(float);
    return recorder_write(book, STATEMENT_PUT_BLOB, why, "ttuuddddb", blob->subject, blob->kind, blob->rows,
                          blob->columns, blob->window[0], blob->window[1], blob->window[2], blob->window[3], blob->data,
                          bytes);
}

status recorder_put_moment(recorder *book, const recorder_blob *blob, uint64_t moment, double time, failure *why) {
    const size_t bytes = (size_t)(blob->rows * blob->columns) * sizeof(float);
    return recorder_write(book, STATEMENT_PUT_MOMENT, why, "ttuduuddddb", blob->subject, blob->kind, moment, time,
                          blob->rows, blob->columns, blob->window[0], blob->window[1], blob->window[2], blob->window[3],
                          blob->data, bytes);
}

status recorder_put_checkpoint(recorder *book, int64_t run, const recorder_checkpoint *checkpoint, failure *why) {
    char now[32];
    recorder_now(now);
    return recorder_write(book, STATEMENT_PUT_CHECKPOINT, why, "iuttut", run, checkpoint->iteration, checkpoint->path,
                          checkpoint->sha256, checkpoint->bytes, now);
}

status recorder_end_run(recorder *book, int64_t run, recorder_state state, const char *error, uint64_t iteration,
                        double wall_seconds, failure *why) {
    char now[32];
    recorder_now(now);
    if (state == RUN_DONE) {
        TRY(recorder_write(book, STATEMENT_PUT_FINAL_LOSS, why, "i", run));
        TRY(recorder_write(book, STATEMENT_PUT_BEST_LOSS, why, "i", run));
        TRY(recorder_write(book, STATEMENT_PUT_BEST_EPOCH, why, "i", run));
        TRY(recorder_write(book, STATEMENT_PUT_BEST_BITS, why, "i", run));
        TRY(recorder_write(book, STATEMENT_PUT_FINAL_TEST, why, "i", run));
        TRY(recorder_write(book, STATEMENT_PUT_CHOSEN_TEST, why, "i", run));
        book->finished = true;
    }
    return recorder_write(book, STATEMENT_END_RUN, why, "ittudt", run, recorder_state_name(state), error, iteration,
                          wall_seconds, now);
}

status recorder_reset_run(recorder *book, int64_t run, failure *why) {
    TRY(recorder_write(book, STATEMENT_DROP_CHECKPOINT, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_EPOCHS, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_FLOWS, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_THEORY, why, "i", run));
    TRY(recorder_drop_plans(book, run, 0, why));
    TRY(recorder_write(book, STATEMENT_DROP_MEMORY, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_METRICS, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_BLOBS, why, "i", run));
    TRY(recorder_write(book, STATEMENT_DROP_MOMENTS, why, "i", run));
    return recorder_write(book, STATEMENT_RESET_RUN, why, "i", run);
}
