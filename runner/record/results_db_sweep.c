/* results_db_sweep.c - the points of sweeps and their results. */
#include "record/results_db_internal.h"

status db_put_point(results_db *db, int64_t experiment, uint64_t point, const char *label, error_info *err) {
    return db_write(db, STATEMENT_PUT_POINT, err, "iut", experiment, point, label);
}

status db_put_point_setting(results_db *db, int64_t experiment, const db_point_setting *row, error_info *err) {
    return db_write(db, STATEMENT_PUT_POINT_SETTING, err, "iuuttut", experiment, row->point, row->axis, row->model,
                    row->setting, row->level, row->value);
}

status db_put_point_run(results_db *db, int64_t experiment, uint64_t point, int64_t run, error_info *err) {
    return db_write(db, STATEMENT_PUT_POINT_RUN, err, "iui", experiment, point, run);
}

status db_drop_points(results_db *db, int64_t experiment, error_info *err) {
    TRY(db_write(db, STATEMENT_DROP_POINT_RUNS, err, "i", experiment));
    TRY(db_write(db, STATEMENT_DROP_POINT_SETTINGS, err, "i", experiment));
    return db_write(db, STATEMENT_DROP_POINTS, err, "i", experiment);
}

/* A database of an older version has none. */
static status count_rows(results_db *db, const char *table, int64_t experiment, uint64_t *out, error_info *err) {
    long count;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\" WHERE experiment_id = %lld", table, experiment);
    if (!sql) return error_set(err, STATUS_MEMORY, "out of memory");
    const status outcome = db_read_number(db, sql, 0, &count, err);
    sqlite3_free(sql);
    *out = outcome == STATUS_OK ? (uint64_t)count : 0;
    return outcome;
}

status db_count_points(results_db *db, int64_t experiment, uint64_t *points, uint64_t *pairs, error_info *err) {
    TRY(count_rows(db, "sweep_point", experiment, points, err));
    return count_rows(db, "sweep_run", experiment, pairs, err);
}

status db_each_point_setting(results_db *db, int64_t experiment,
                             status (*visit)(void *argument, const db_point_setting *row, error_info *err),
                             void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    status outcome;
    TRY(db_select(db, STATEMENT_EACH_POINT_SETTING, &rows, err, "i", experiment));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        const db_point_setting row = {.point = (uint64_t)sqlite3_column_int64(rows, 0),
                                      .axis = (uint64_t)sqlite3_column_int64(rows, 1),
                                      .model = db_text(rows, 2),
                                      .setting = db_text(rows, 3),
                                      .level = (uint64_t)sqlite3_column_int64(rows, 4),
                                      .value = db_text(rows, 5)};
        outcome = visit(argument, &row, err);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
    return outcome;
}

status db_each_sweep_summary(results_db *db, const char *experiment,
                             void (*visit)(void *argument, const db_sweep_summary *row), void *argument,
                             error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    status outcome;
    TRY(db_select(db, STATEMENT_EACH_SWEEP_SUMMARY, &rows, err, "t", experiment));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        const db_sweep_summary row = {.dataset = db_text(rows, 0),
                                      .model = db_text(rows, 1),
                                      .other = db_text(rows, 2),
                                      .points = (uint64_t)sqlite3_column_int64(rows, 3),
                                      .lower = (uint64_t)sqlite3_column_int64(rows, 4),
                                      .surely_lower = (uint64_t)sqlite3_column_int64(rows, 5),
                                      .surely_higher = (uint64_t)sqlite3_column_int64(rows, 6),
                                      .difference = sqlite3_column_double(rows, 7),
                                      .seeds_least = (uint64_t)sqlite3_column_int64(rows, 8),
                                      .seeds_most = (uint64_t)sqlite3_column_int64(rows, 9)};
        visit(argument, &row);
    }
    return outcome;
}

status db_each_sweep_length(results_db *db, const char *experiment,
                            void (*visit)(void *argument, const db_sweep_length *row), void *argument,
                            error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    long exists;
    status outcome;
    TRY(db_read_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'sweep_lengths'", 0, &exists, err));
    if (!exists) return STATUS_OK; /* a database of an older version */
    TRY(db_select(db, STATEMENT_EACH_SWEEP_LENGTH, &rows, err, "t", experiment));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        const db_sweep_length row = {.dataset = db_text(rows, 0),
                                     .model = db_text(rows, 1),
                                     .other = db_text(rows, 2),
                                     .points = (uint64_t)sqlite3_column_int64(rows, 3),
                                     .nearer = (uint64_t)sqlite3_column_int64(rows, 4),
                                     .third_iteration = (uint64_t)sqlite3_column_int64(rows, 5),
                                     .end_iteration = (uint64_t)sqlite3_column_int64(rows, 6),
                                     .third_difference = sqlite3_column_double(rows, 7),
                                     .end_difference = sqlite3_column_double(rows, 8)};
        visit(argument, &row);
    }
    return outcome;
}
