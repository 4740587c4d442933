/* results_db_write.c - the rows that experiments and their runs write. */
#include "record/results_db_internal.h"

static const char *const state_names[] = {[RUN_PLANNED] = "planned",
                                          [RUN_RUNNING] = "running",
                                          [RUN_INTERRUPTED] = "interrupted",
                                          [RUN_FAILED] = "failed",
                                          [RUN_DONE] = "done"};

const char *db_state_name(db_state state) {
    return state_names[state];
}

status db_put_experiment(results_db *db, const db_experiment *experiment, int64_t *id, error_info *err) {
    char now[32];
    bool same;
    db_now(now);
    TRY(db_write(db, STATEMENT_PUT_EXPERIMENT, err, "tttt", experiment->name, experiment->title, experiment->file,
                 now));
    return db_find_experiment(db, experiment, id, &same, err);
}

status db_put_member(results_db *db, int64_t experiment, int64_t run, error_info *err) {
    return db_write(db, STATEMENT_PUT_MEMBER, err, "ii", experiment, run);
}

status db_drop_member(results_db *db, int64_t experiment, int64_t run, error_info *err) {
    return db_write(db, STATEMENT_DROP_MEMBER, err, "ii", experiment, run);
}

status db_put_run(results_db *db, const db_run *run, error_info *err) {
    char now[32];
    db_now(now);
    return db_write(db, STATEMENT_PUT_RUN, err, "ttttuut", run->key, run->dataset, run->data_checksum, run->model,
                    run->seed, run->iterations, now);
}

status db_put_setting(results_db *db, int64_t run, const char *section, const char *key, const char *value,
                      error_info *err) {
    return db_write(db, STATEMENT_PUT_SETTING, err, "ittt", run, section, key, value);
}

status db_start_run(results_db *db, int64_t run, const db_session *session, error_info *err) {
    char now[32];
    db_now(now);
    return db_write(db, STATEMENT_START_RUN, err, "itittttttitttt", run, now, (int64_t)session->process, session->host,
                    session->cpu, session->simd, session->gpu, session->driver, session->git_commit,
                    (int64_t)session->git_dirty, session->compiler, session->compiler_flags, session->libraries,
                    session->command_line);
}

status db_put_parameters(results_db *db, int64_t run, uint64_t parameters, error_info *err) {
    TRY(db_put_metric(db, run, "parameters", (double)parameters, err));
    return db_write(db, STATEMENT_PUT_PARAMETERS, err, "iu", run, parameters);
}

status db_put_progress(results_db *db, int64_t run, uint64_t iteration, double wall_seconds, error_info *err) {
    char now[32];
    db_now(now);
    return db_write(db, STATEMENT_PUT_PROGRESS, err, "iudt", run, iteration, wall_seconds, now);
}

status db_put_prediction(results_db *db, int64_t run, uint64_t bytes, error_info *err) {
    return db_write(db, STATEMENT_PUT_PREDICTION, err, "iu", run, bytes);
}

/* A row exists only if a run was stopped after its checkpoint. REPLACE alone would suffice, but it journals each
 * statement, which doubles the cost of a row. */
static status put_split(results_db *db, int64_t run, const db_epoch *epoch, const char *split, error_info *err) {
    static const db_statement attempts[] = {STATEMENT_PUT_EPOCH, STATEMENT_REPLACE_EPOCH};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        TRY(db_write(db, attempts[i], err, "iuutndddud", run, epoch->epoch, epoch->iteration, split, epoch->loss,
                     epoch->nfe_forward, epoch->nfe_backward, epoch->wall_seconds, epoch->peak_bytes, epoch->running));
        if (sqlite3_changes(db->sqlite) > 0) break;
    }
    return STATUS_OK;
}

status db_put_epoch(results_db *db, int64_t run, const db_epoch *epoch, error_info *err) {
    static const char *const splits[] = {
        [DB_TRAINING] = "training", [DB_VALIDATION] = "validation", [DB_TEST] = "test"};
    const char *split = splits[epoch->split];
    TRY(put_split(db, run, epoch, split, err));
    for (size_t f = 0; f < epoch->flow_count; f++)
        TRY(db_write(db, STATEMENT_PUT_FLOW, err, "iutuddd", run, epoch->epoch, split, (uint64_t)f,
                     epoch->flows[f].nfe_forward, epoch->flows[f].nfe_backward, epoch->flows[f].end_time));
    return STATUS_OK;
}

status db_put_peak(results_db *db, int64_t run, uint64_t bytes, error_info *err) {
    return db_write(db, STATEMENT_PUT_PEAK, err, "iu", run, bytes);
}

status db_put_metric(results_db *db, int64_t run, const char *name, double value, error_info *err) {
    return db_write(db, STATEMENT_PUT_METRIC, err, "itn", run, name, value);
}

status db_put_plan(results_db *db, int64_t run, uint64_t iteration, const db_plan *plan, error_info *err) {
    return db_write(db, STATEMENT_PUT_PLAN, err, "ittut", run, plan->convolution, plan->way, iteration, plan->plan);
}

status db_drop_plans(results_db *db, int64_t run, uint64_t iteration, error_info *err) {
    return db_write(db, STATEMENT_DROP_PLANS, err, "iu", run, iteration);
}

status db_put_theory(results_db *db, int64_t run, const db_theory *row, error_info *err) {
    if (!row->relation)
        return db_write(db, STATEMENT_PUT_SHOWN, err, "itttdn", run, row->item, row->subject, row->quantity, row->x,
                        row->value);
    return db_write(db, STATEMENT_PUT_THEORY, err, "itttdntdi", run, row->item, row->subject, row->quantity, row->x,
                    row->value, row->relation, row->bound, (int64_t)row->holds);
}

status db_put_blob(results_db *db, const db_blob *blob, error_info *err) {
    const size_t bytes = (size_t)(blob->rows * blob->columns) * sizeof(float);
    return db_write(db, STATEMENT_PUT_BLOB, err, "ttuuddddb", blob->subject, blob->kind, blob->rows, blob->columns,
                    blob->window[0], blob->window[1], blob->window[2], blob->window[3], blob->data, bytes);
}

status db_put_moment(results_db *db, const db_blob *blob, uint64_t moment, double time, error_info *err) {
    const size_t bytes = (size_t)(blob->rows * blob->columns) * sizeof(float);
    return db_write(db, STATEMENT_PUT_MOMENT, err, "ttuduuddddb", blob->subject, blob->kind, moment, time, blob->rows,
                    blob->columns, blob->window[0], blob->window[1], blob->window[2], blob->window[3], blob->data,
                    bytes);
}

status db_put_checkpoint(results_db *db, int64_t run, const db_checkpoint *checkpoint, error_info *err) {
    char now[32];
    db_now(now);
    return db_write(db, STATEMENT_PUT_CHECKPOINT, err, "iuttut", run, checkpoint->iteration, checkpoint->path,
                    checkpoint->sha256, checkpoint->bytes, now);
}

status db_end_run(results_db *db, int64_t run, db_state state, const char *error, uint64_t iteration,
                  double wall_seconds, error_info *err) {
    char now[32];
    db_now(now);
    if (state == RUN_DONE) {
        TRY(db_write(db, STATEMENT_PUT_FINAL_LOSS, err, "i", run));
        TRY(db_write(db, STATEMENT_PUT_BEST_LOSS, err, "i", run));
        TRY(db_write(db, STATEMENT_PUT_BEST_EPOCH, err, "i", run));
        TRY(db_write(db, STATEMENT_PUT_BEST_BITS, err, "i", run));
        TRY(db_write(db, STATEMENT_PUT_FINAL_TEST, err, "i", run));
        TRY(db_write(db, STATEMENT_PUT_CHOSEN_TEST, err, "i", run));
        TRY(db_outdate_comparisons(db, err));
    }
    return db_write(db, STATEMENT_END_RUN, err, "ittudt", run, db_state_name(state), error, iteration, wall_seconds,
                    now);
}

status db_continue_run(results_db *db, const db_run *run, const db_run *from, uint64_t epoch_iterations,
                       const db_checkpoint *checkpoint, error_info *err) {
    TRY(db_reset_run(db, run->id, err));
    TRY(db_write(db, STATEMENT_CONTINUE_EPOCHS, err, "iiu", run->id, from->id, epoch_iterations));
    TRY(db_write(db, STATEMENT_CONTINUE_FLOWS, err, "iiu", run->id, from->id, epoch_iterations));
    TRY(db_write(db, STATEMENT_CONTINUE_PLANS, err, "ii", run->id, from->id));
    TRY(db_write(db, STATEMENT_CONTINUE_METRICS, err, "ii", run->id, from->id));
    TRY(db_write(db, STATEMENT_CONTINUE_RUN, err, "iiu", run->id, from->id, checkpoint->iteration));
    TRY(db_write(db, STATEMENT_PUT_CONTINUED, err, "ttu", run->key, from->key, checkpoint->iteration));
    return db_put_checkpoint(db, run->id, checkpoint, err);
}

status db_reset_run(results_db *db, int64_t run, error_info *err) {
    TRY(db_write(db, STATEMENT_DROP_CONTINUED, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_CHECKPOINT, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_EPOCHS, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_FLOWS, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_THEORY, err, "i", run));
    TRY(db_drop_plans(db, run, 0, err));
    TRY(db_write(db, STATEMENT_DROP_MEMORY, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_METRICS, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_BLOBS, err, "i", run));
    TRY(db_write(db, STATEMENT_DROP_MOMENTS, err, "i", run));
    return db_write(db, STATEMENT_RESET_RUN, err, "i", run);
}
