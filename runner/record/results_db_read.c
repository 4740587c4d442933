/* results_db_read.c - the program's own queries. */
#include "record/results_db_internal.h"

#include "system/paths.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t count_at(sqlite3_stmt *row, int column) {
    return (uint64_t)sqlite3_column_int64(row, column);
}

static double number_at(sqlite3_stmt *row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

#define COPY_TEXT(into, row, column) snprintf((into), sizeof(into), "%s", db_text(row, column))

static db_state state_at(sqlite3_stmt *row, int column) {
    const char *name = db_text(row, column);
    for (db_state state = RUN_PLANNED; state < RUN_DONE; state++)
        if (strcmp(name, db_state_name(state)) == 0) return state;
    return RUN_DONE; /* the schema allows no other */
}

void db_read_run(sqlite3_stmt *row, db_run *out) {
    *out = (db_run){.id = sqlite3_column_int64(row, 0),
                    .seed = count_at(row, 5),
                    .parameters = count_at(row, 6),
                    .iterations = count_at(row, 7),
                    .state = state_at(row, 8),
                    .iteration = count_at(row, 9),
                    .wall_seconds = sqlite3_column_double(row, 11),
                    .has_checkpoint = sqlite3_column_type(row, 12) != SQLITE_NULL,
                    .checkpoint_iteration = count_at(row, 12),
                    .checkpoint_bytes = count_at(row, 15)};
    COPY_TEXT(out->key, row, 1);
    COPY_TEXT(out->dataset, row, 2);
    COPY_TEXT(out->data_checksum, row, 3);
    COPY_TEXT(out->model, row, 4);
    COPY_TEXT(out->error, row, 10);
    COPY_TEXT(out->checkpoint_path, row, 13);
    COPY_TEXT(out->checkpoint_sha256, row, 14);
}

/* *out <- the only remaining row, with id 0 if there is none; *several <- whether there were more. */
static status only_run(results_db *db, sqlite3_stmt *rows, db_run *out, bool *several, error_info *err) {
    db_run found = {.id = 0}; /* `text` may be in *out */
    bool more;
    *several = false;
    TRY(db_next(db, rows, &more, err));
    if (more) db_read_run(rows, &found);
    while (more) {
        TRY(db_next(db, rows, &more, err));
        *several |= more;
    }
    *out = found;
    return STATUS_OK;
}

status db_find_run(results_db *db, const char *key, db_run *out, error_info *err) {
    sqlite3_stmt *rows;
    bool several;
    TRY(db_select(db, STATEMENT_GET_RUN, &rows, err, "t", key));
    return only_run(db, rows, out, &several, err);
}

status db_find_place(results_db *db, int64_t run, db_place *out, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    *out = (db_place){.host = ""};
    TRY(db_select(db, STATEMENT_GET_PLACE, &rows, err, "i", run));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        COPY_TEXT(out->host, rows, 0);
        COPY_TEXT(out->heartbeat, rows, 1);
    }
}

status db_resolve_run(results_db *db, const char *text, db_run *out, error_info *err) {
    sqlite3_stmt *rows;
    db_run found;
    bool several = false;
    const size_t digits = strspn(text, "0123456789");
    found.id = 0;
    if (digits > 0 && digits < 16 && !text[digits]) {
        int64_t number = 0;
        for (size_t i = 0; i < digits; i++) number = 10 * number + (text[i] - '0');
        TRY(db_select(db, STATEMENT_GET_RUN_BY_ID, &rows, err, "i", number));
        TRY(only_run(db, rows, &found, &several, err));
    }
    if (found.id == 0 && *text) {
        TRY(db_select(db, STATEMENT_EACH_RUN_BY_PREFIX, &rows, err, "t", text));
        TRY(only_run(db, rows, &found, &several, err));
    }
    if (several)
        return error_set(err, STATUS_INVALID, "several runs of \"%s\" have a key that begins with %.40s", db->path,
                         text);
    if (found.id == 0)
        return error_set(
            err, STATUS_INVALID,
            "no run of \"%s\" has the number %.40s or a key that begins with it; \"%s list runs\" shows all", db->path,
            text, command_name());
    *out = found;
    return STATUS_OK;
}

status db_each_run(results_db *db, const char *experiment,
                   status (*visit)(void *argument, const db_run *run, error_info *err), void *argument,
                   error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    if (experiment) TRY(db_select(db, STATEMENT_EACH_MEMBER, &rows, err, "t", experiment));
    else TRY(db_select(db, STATEMENT_EACH_RUN, &rows, err, ""));
    for (;;) {
        db_run run;
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        db_read_run(rows, &run);
        const status outcome = visit(argument, &run, err);
        if (outcome != STATUS_OK) {
            sqlite3_reset(rows);
            return outcome;
        }
    }
}

status db_each_length(results_db *db, status (*visit)(void *argument, uint64_t iterations, error_info *err),
                      void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_LENGTH, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        const status outcome = visit(argument, count_at(rows, 0), err);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

status db_find_experiment(results_db *db, const db_experiment *experiment, int64_t *id, bool *same, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    *id = 0;
    *same = false;
    TRY(db_select(db, STATEMENT_GET_EXPERIMENT, &rows, err, "t", experiment->name));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        *id = sqlite3_column_int64(rows, 0);
        *same = strcmp(db_text(rows, 1), experiment->title) == 0;
    }
}

/* *is <- whether the first number of a statement's one row is not 0. */
static status read_flag(results_db *db, sqlite3_stmt *rows, bool *is, error_info *err) {
    bool more;
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        *is = sqlite3_column_int64(rows, 0) > 0;
    }
}

status db_has_blob(results_db *db, const char *subject, const char *kind, bool *has, error_info *err) {
    sqlite3_stmt *rows;
    TRY(db_select(db, STATEMENT_HAS_BLOB, &rows, err, "tt", subject, kind));
    return read_flag(db, rows, has, err);
}

status db_has_moments(results_db *db, const char *subject, bool *has, error_info *err) {
    sqlite3_stmt *rows;
    TRY(db_select(db, STATEMENT_HAS_TABLE, &rows, err, "t", "moment")); /* younger than the first versions */
    TRY(read_flag(db, rows, has, err));
    if (!*has) return STATUS_OK;
    TRY(db_select(db, STATEMENT_HAS_MOMENTS, &rows, err, "t", subject));
    return read_flag(db, rows, has, err);
}

status db_each_experiment(results_db *db, void (*visit)(void *argument, const db_summary *experiment), void *argument,
                          error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_EXPERIMENT, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        visit(argument, &(db_summary){.name = db_text(rows, 0),
                                      .title = db_text(rows, 1),
                                      .runs = count_at(rows, 2),
                                      .done = count_at(rows, 3),
                                      .running = count_at(rows, 4),
                                      .interrupted = count_at(rows, 5),
                                      .failed = count_at(rows, 6),
                                      .updated = db_text(rows, 7)});
    }
}

status db_each_loss(results_db *db, const char *experiment, void (*visit)(void *argument, const db_losses *losses),
                    void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_LOSS, &rows, err, "t", experiment));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        visit(argument, &(db_losses){.dataset = db_text(rows, 0),
                                     .model = db_text(rows, 1),
                                     .runs = count_at(rows, 2),
                                     .done = count_at(rows, 3),
                                     .finite = count_at(rows, 4),
                                     .mean = number_at(rows, 5),
                                     .deviation = number_at(rows, 6),
                                     .entropy_floor = number_at(rows, 7),
                                     .images = count_at(rows, 8) > 0,
                                     .impossible = count_at(rows, 9)});
    }
}

status db_each_theory(results_db *db, const char *experiment,
                      void (*visit)(void *argument, const char *model, const db_theory *row), void *argument,
                      error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_THEORY, &rows, err, "t", experiment));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        visit(argument, db_text(rows, 0),
              &(db_theory){.item = db_text(rows, 1),
                           .subject = db_text(rows, 2),
                           .quantity = db_text(rows, 3),
                           .x = number_at(rows, 4),
                           .value = number_at(rows, 5),
                           .relation = db_text(rows, 6),
                           .bound = number_at(rows, 7),
                           .holds = count_at(rows, 8) > 0});
    }
}

status db_each_count(results_db *db, void (*visit)(void *argument, const db_count *row), void *argument,
                     error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_COUNT, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        visit(argument, &(db_count){.dataset = db_text(rows, 0),
                                    .architecture = db_text(rows, 1),
                                    .model = db_text(rows, 2),
                                    .paper = count_at(rows, 3),
                                    .declared = count_at(rows, 4),
                                    .effective = count_at(rows, 5)});
    }
}

/* SQLite reports a page that it could not read among the damaged ones, with the error's number or without. */
static bool tells_of_reading(const char *text, int *code) {
    const char *number = strstr(text, "unable to get the page. error code=");
    *code = number != NULL ? atoi(strchr(number, '=') + 1) : SQLITE_IOERR;
    return number != NULL ? *code != SQLITE_CORRUPT : strstr(text, "failed to get page") != NULL;
}

status db_check(results_db *db, void (*fault)(void *argument, const char *text), void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    int code, unread = SQLITE_OK;
    TRY(db_select(db, STATEMENT_INTEGRITY, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) break;
        const char *text = db_text(rows, 0);
        if (tells_of_reading(text, &code)) unread = code;
        else if (strcmp(text, "ok") != 0) fault(argument, text);
    }
    if (unread != SQLITE_OK)
        return error_set(err, STATUS_IO, "cannot check the database \"%s\": a page could not be read (%s)", db->path,
                         sqlite3_errstr(unread));
    TRY(db_select(db, STATEMENT_FOREIGN_KEYS, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        char text[DB_NAME_MAX];
        snprintf(text, sizeof text, "a row of table %.100s refers to a row that is not there", db_text(rows, 0));
        fault(argument, text);
    }
}
