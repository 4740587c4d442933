/* results_db_values.c - a run's settings and results, row by row, for comparisons and repetitions. */
#include "record/results_db_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A value with its kind in the column after it. */
static double value_at(sqlite3_stmt *row, int column) {
    if (sqlite3_column_type(row, column) != SQLITE_NULL) return sqlite3_column_double(row, column);
    const char *kind = db_text(row, column + 1);
    if (strcmp(kind, "inf") == 0) return INFINITY;
    return strcmp(kind, "-inf") == 0 ? -INFINITY : NAN;
}

/* Visit the rows of a statement about one run; `visit` has to fill `err`. */
static status each_row(results_db *db, db_statement id, int64_t run, status (*visit)(void *argument, sqlite3_stmt *row),
                       void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, id, &rows, err, "i", run));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        const status outcome = visit(argument, rows);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

typedef struct value_visit {
    status (*visit)(void *argument, const char *quantity, double value);
    void *argument;
} value_visit;

static status visit_value(void *argument, sqlite3_stmt *row) {
    const value_visit *to = argument;
    return to->visit(to->argument, db_text(row, 0), value_at(row, 1));
}

status db_each_value(results_db *db, int64_t run, status (*visit)(void *argument, const char *quantity, double value),
                     void *argument, error_info *err) {
    value_visit to = {.visit = visit, .argument = argument};
    return each_row(db, STATEMENT_EACH_VALUE, run, visit_value, &to, err);
}

typedef struct setting_visit {
    status (*visit)(void *argument, const char *section, const char *key, const char *value);
    void *argument;
} setting_visit;

static status visit_setting(void *argument, sqlite3_stmt *row) {
    const setting_visit *to = argument;
    return to->visit(to->argument, db_text(row, 0), db_text(row, 1), db_text(row, 2));
}

status db_each_setting(results_db *db, int64_t run,
                       status (*visit)(void *argument, const char *section, const char *key, const char *value),
                       void *argument, error_info *err) {
    setting_visit to = {.visit = visit, .argument = argument};
    return each_row(db, STATEMENT_EACH_SETTING, run, visit_setting, &to, err);
}

typedef struct file_visit {
    status (*visit)(void *argument, const char *file);
    void *argument;
} file_visit;

static status visit_file(void *argument, sqlite3_stmt *row) {
    const file_visit *to = argument;
    return to->visit(to->argument, db_text(row, 0));
}

status db_each_file(results_db *db, int64_t run, status (*visit)(void *argument, const char *file), void *argument,
                    error_info *err) {
    file_visit to = {.visit = visit, .argument = argument};
    return each_row(db, STATEMENT_EACH_FILE, run, visit_file, &to, err);
}

static status count_row(void *argument, sqlite3_stmt *row) {
    *(bool *)argument = sqlite3_column_int64(row, 0) > 0;
    return STATUS_OK;
}

status db_has_theory(results_db *db, int64_t run, bool *has, error_info *err) {
    return each_row(db, STATEMENT_HAS_THEORY, run, count_row, has, err);
}

status db_has_metric(results_db *db, int64_t run, const char *name, bool *has, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    *has = false;
    TRY(db_select(db, STATEMENT_HAS_METRIC, &rows, err, "it", run, name));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        *has = sqlite3_column_int64(rows, 0) > 0;
    }
}

status db_each_origin(results_db *db, const char *experiment,
                      void (*visit)(void *argument, const char *commit, const char *cpu, const char *simd),
                      void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_ORIGIN, &rows, err, "t", experiment));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        visit(argument, db_text(rows, 0), db_text(rows, 1), db_text(rows, 2));
    }
}
