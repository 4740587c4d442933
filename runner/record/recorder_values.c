/* recorder_values.c - what a run was told and what it gave, row by row, to be compared or computed again. */
#include "record/recorder_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A value with its kind in the column after it. */
static double value_at(sqlite3_stmt *row, int column) {
    if (sqlite3_column_type(row, column) != SQLITE_NULL) return sqlite3_column_double(row, column);
    const char *kind = recorder_text(row, column + 1);
    if (strcmp(kind, "inf") == 0) return INFINITY;
    return strcmp(kind, "-inf") == 0 ? -INFINITY : NAN;
}

/* Visit the rows of a statement about one run; `visit` has to fill `why`. */
static status each_row(recorder *book, recorder_statement id, int64_t run,
                       status (*visit)(void *argument, sqlite3_stmt *row), void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, id, &rows, why, "i", run));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
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
    return to->visit(to->argument, recorder_text(row, 0), value_at(row, 1));
}

status recorder_each_value(recorder *book, int64_t run,
                           status (*visit)(void *argument, const char *quantity, double value), void *argument,
                           failure *why) {
    value_visit to = {.visit = visit, .argument = argument};
    return each_row(book, STATEMENT_EACH_VALUE, run, visit_value, &to, why);
}

typedef struct setting_visit {
    status (*visit)(void *argument, const char *section, const char *key, const char *value);
    void *argument;
} setting_visit;

static status visit_setting(void *argument, sqlite3_stmt *row) {
    const setting_visit *to = argument;
    return to->visit(to->argument, recorder_text(row, 0), recorder_text(row, 1), recorder_text(row, 2));
}

status recorder_each_setting(recorder *book, int64_t run,
                             status (*visit)(void *argument, const char *section, const char *key, const char *value),
                             void *argument, failure *why) {
    setting_visit to = {.visit = visit, .argument = argument};
    return each_row(book, STATEMENT_EACH_SETTING, run, visit_setting, &to, why);
}

typedef struct file_visit {
    status (*visit)(void *argument, const char *file);
    void *argument;
} file_visit;

static status visit_file(void *argument, sqlite3_stmt *row) {
    const file_visit *to = argument;
    return to->visit(to->argument, recorder_text(row, 0));
}

status recorder_each_file(recorder *book, int64_t run, status (*visit)(void *argument, const char *file),
                          void *argument, failure *why) {
    file_visit to = {.visit = visit, .argument = argument};
    return each_row(book, STATEMENT_EACH_FILE, run, visit_file, &to, why);
}

static status count_row(void *argument, sqlite3_stmt *row) {
    *(bool *)argument = sqlite3_column_int64(row, 0) > 0;
    return STATUS_OK;
}

status recorder_has_theory(recorder *book, int64_t run, bool *has, failure *why) {
    return each_row(book, STATEMENT_HAS_THEORY, run, count_row, has, why);
}

status recorder_has_metric(recorder *book, int64_t run, const char *name, bool *has, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    *has = false;
    TRY(recorder_select(book, STATEMENT_HAS_METRIC, &rows, why, "it", run, name));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        *has = sqlite3_column_int64(rows, 0) > 0;
    }
}

status recorder_each_origin(recorder *book, const char *experiment,
                            void (*visit)(void *argument, const char *commit, const char *cpu, const char *simd),
                            void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_ORIGIN, &rows, why, "t", experiment));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        visit(argument, recorder_text(rows, 0), recorder_text(rows, 1), recorder_text(rows, 2));
    }
}
