/* results_db_remove.c - removing runs and experiments. */
#include "record/results_db_internal.h"

#include <stdio.h>

status db_begin_marks(results_db *db, error_info *err) {
    return db_script(db, "CREATE TEMP TABLE IF NOT EXISTS marked (run_id INTEGER PRIMARY KEY); DELETE FROM temp.marked",
                     "mark runs of", err);
}

/* The table is temporary. It needs no transaction, which a reader could not open. */
status db_mark_run(results_db *db, int64_t run, error_info *err) {
    char sql[96];
    snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO temp.marked (run_id) VALUES (%lld)", (long long)run);
    return db_script(db, sql, "mark runs of", err);
}

/* *sum <- the first number of a statement without arguments. */
static status read_sum(results_db *db, db_statement id, uint64_t *sum, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, id, &rows, err, ""));
    for (*sum = 0;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        *sum = (uint64_t)sqlite3_column_int64(rows, 0);
    }
}

status db_marked_pictures(results_db *db, uint64_t *bytes, error_info *err) {
    sqlite3_stmt *rows;
    uint64_t moments = 0;
    bool more, has = false;
    TRY(db_select(db, STATEMENT_HAS_TABLE, &rows, err, "t", "moment")); /* younger than the first versions */
    for (more = true; more;) {
        TRY(db_next(db, rows, &more, err));
        if (more) has = sqlite3_column_int64(rows, 0) > 0;
    }
    if (has) TRY(read_sum(db, STATEMENT_MARKED_MOMENTS, &moments, err));
    TRY(read_sum(db, STATEMENT_MARKED_BLOBS, bytes, err));
    *bytes += moments;
    return STATUS_OK;
}

status db_remove_marked(results_db *db, error_info *err) {
    TRY(db_write(db, STATEMENT_DROP_MARKED_BLOBS, err, ""));
    TRY(db_write(db, STATEMENT_DROP_MARKED_MOMENTS, err, ""));
    TRY(db_write(db, STATEMENT_DROP_MARKED_NOTES, err, ""));
    TRY(db_outdate_comparisons(db, err));
    return db_drop_runs(db, "run_id IN (SELECT run_id FROM temp.marked)", err);
}

status db_remove_experiment(results_db *db, const char *name, error_info *err) {
    char now[32];
    db_now(now);
    TRY(db_write(db, STATEMENT_PUT_REMOVED, err, "tt", name, now));
    TRY(db_write(db, STATEMENT_DROP_MEMBERS, err, "t", name));
    TRY(db_write(db, STATEMENT_DROP_MERGED, err, "t", name));
    TRY(db_outdate_comparisons(db, err));
    return db_write(db, STATEMENT_DROP_EXPERIMENT, err, "t", name);
}

/* Visit the first column of a statement's rows. */
static status each_name(results_db *db, sqlite3_stmt *rows,
                        status (*visit)(void *argument, const char *name, error_info *err), void *argument,
                        error_info *err) {
    bool more;
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        const status outcome = visit(argument, db_text(rows, 0), err);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

status db_each_removed(results_db *db, status (*visit)(void *argument, const char *name, error_info *err),
                       void *argument, error_info *err) {
    sqlite3_stmt *rows;
    TRY(db_select(db, STATEMENT_EACH_REMOVED, &rows, err, ""));
    return each_name(db, rows, visit, argument, err);
}

status db_forget_removed(results_db *db, error_info *err) {
    return db_write(db, STATEMENT_FORGET_REMOVED, err, "");
}

status db_each_owner(results_db *db, int64_t run, status (*visit)(void *argument, const char *name, error_info *err),
                     void *argument, error_info *err) {
    sqlite3_stmt *rows;
    TRY(db_select(db, STATEMENT_EACH_OWNER, &rows, err, "i", run));
    return each_name(db, rows, visit, argument, err);
}

status db_remove_orphans(results_db *db, error_info *err) {
    TRY(db_write(db, STATEMENT_DROP_ORPHAN_BLOBS, err, ""));
    TRY(db_write(db, STATEMENT_DROP_ORPHAN_MOMENTS, err, ""));
    return db_write(db, STATEMENT_DROP_ORPHAN_NOTES, err, "");
}

status db_shrink(results_db *db, error_info *err) {
    TRY(db_commit(db, err));
    return db_script(db, "VACUUM", "shrink", err);
}
