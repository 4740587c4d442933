/* recorder_read.c - what the program itself asks the database. */
#include "record/recorder_internal.h"

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

#define COPY_TEXT(into, row, column) snprintf((into), sizeof(into), "%s", recorder_text(row, column))

static recorder_state state_at(sqlite3_stmt *row, int column) {
    const char *name = recorder_text(row, column);
    for (recorder_state state = RUN_PLANNED; state < RUN_DONE; state++)
        if (strcmp(name, recorder_state_name(state)) == 0) return state;
    return RUN_DONE; /* the schema allows no other */
}

void recorder_read_run(sqlite3_stmt *row, recorder_run *out) {
    *out = (recorder_run){.id = sqlite3_column_int64(row, 0),
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

/* *out <- the only row left, with id 0 if there is none; *several <- whether there were more. */
static status only_run(recorder *book, sqlite3_stmt *rows, recorder_run *out, bool *several, failure *why) {
    recorder_run found = {.id = 0}; /* what is asked for may lie in *out */
    bool more;
    *several = false;
    TRY(recorder_next(book, rows, &more, why));
    if (more) recorder_read_run(rows, &found);
    while (more) {
        TRY(recorder_next(book, rows, &more, why));
        *several |= more;
    }
    *out = found;
    return STATUS_OK;
}

status recorder_find_run(recorder *book, const char *key, recorder_run *out, failure *why) {
    sqlite3_stmt *rows;
    bool several;
    TRY(recorder_select(book, STATEMENT_GET_RUN, &rows, why, "t", key));
    return only_run(book, rows, out, &several, why);
}

status recorder_find_place(recorder *book, int64_t run, recorder_place *out, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    *out = (recorder_place){.host = ""};
    TRY(recorder_select(book, STATEMENT_GET_PLACE, &rows, why, "i", run));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        COPY_TEXT(out->host, rows, 0);
        COPY_TEXT(out->heartbeat, rows, 1);
    }
}

status recorder_resolve_run(recorder *book, const char *text, recorder_run *out, failure *why) {
    sqlite3_stmt *rows;
    recorder_run found;
    bool several = false;
    const size_t digits = strspn(text, "0123456789");
    found.id = 0;
    if (digits > 0 && digits < 16 && !text[digits]) {
        int64_t number = 0;
        for (size_t i = 0; i < digits; i++) number = 10 * number + (text[i] - '0');
        TRY(recorder_select(book, STATEMENT_GET_RUN_BY_ID, &rows, why, "i", number));
        TRY(only_run(book, rows, &found, &several, why));
    }
    if (found.id == 0 && *text) {
        TRY(recorder_select(book, STATEMENT_EACH_RUN_BY_PREFIX, &rows, why, "t", text));
        TRY(only_run(book, rows, &found, &several, why));
    }
    if (several)
        return fail(why, STATUS_INVALID, "several runs of \"%s\" have a key that begins with %.40s", book->path, text);
    if (found.id == 0)
        return fail(why, STATUS_INVALID,
                    "no run of \"%s\" has the number %.40s or a key that begins with it; \"%s list runs\" shows all",
                    book->path, text, command_name());
    *out = found;
    return STATUS_OK;
}

status recorder_each_run(recorder *book, const char *experiment,
                         status (*visit)(void *argument, const recorder_run *run, failure *why), void *argument,
                         failure *why) {
    sqlite3_stmt *rows;
    bool more;
    if (experiment) TRY(recorder_select(book, STATEMENT_EACH_MEMBER, &rows, why, "t", experiment));
    else TRY(recorder_select(book, STATEMENT_EACH_RUN, &rows, why, ""));
    for (;;) {
        recorder_run run;
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        recorder_read_run(rows, &run);
        const status outcome = visit(argument, &run, why);
        if (outcome != STATUS_OK) {
            sqlite3_reset(rows);
            return outcome;
        }
    }
}

status recorder_find_experiment(recorder *book, const recorder_experiment *experiment, int64_t *id, bool *same,
                                failure *why) {
    sqlite3_stmt *rows;
    bool more;
    *id = 0;
    *same = false;
    TRY(recorder_select(book, STATEMENT_GET_EXPERIMENT, &rows, why, "t", experiment->name));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        *id = sqlite3_column_int64(rows, 0);
        *same = strcmp(recorder_text(rows, 1), experiment->title) == 0;
    }
}

/* *is <- whether the first number of a statement's one row is not 0. */
static status ask(recorder *book, sqlite3_stmt *rows, bool *is, failure *why) {
    bool more;
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        *is = sqlite3_column_int64(rows, 0) > 0;
    }
}

status recorder_has_blob(recorder *book, const char *subject, const char *kind, bool *has, failure *why) {
    sqlite3_stmt *rows;
    TRY(recorder_select(book, STATEMENT_HAS_BLOB, &rows, why, "tt", subject, kind));
    return ask(book, rows, has, why);
}

status recorder_has_moments(recorder *book, const char *subject, bool *has, failure *why) {
    sqlite3_stmt *rows;
    TRY(recorder_select(book, STATEMENT_HAS_TABLE, &rows, why, "t", "moment")); /* younger than the first versions */
    TRY(ask(book, rows, has, why));
    if (!*has) return STATUS_OK;
    TRY(recorder_select(book, STATEMENT_HAS_MOMENTS, &rows, why, "t", subject));
    return ask(book, rows, has, why);
}

status recorder_each_experiment(recorder *book, void (*visit)(void *argument, const recorder_summary *experiment),
                                void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_EXPERIMENT, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        visit(argument, &(recorder_summary){.name = recorder_text(rows, 0),
                                            .title = recorder_text(rows, 1),
                                            .runs = count_at(rows, 2),
                                            .done = count_at(rows, 3),
                                            .running = count_at(rows, 4),
                                            .interrupted = count_at(rows, 5),
                                            .failed = count_at(rows, 6),
                                            .updated = recorder_text(rows, 7)});
    }
}

status recorder_each_loss(recorder *book, const char *experiment,
                          void (*visit)(void *argument, const recorder_losses *losses), void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_LOSS, &rows, why, "t", experiment));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        visit(argument, &(recorder_losses){.dataset = recorder_text(rows, 0),
                                           .model = recorder_text(rows, 1),
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

status recorder_each_theory(recorder *book, const char *experiment,
                            void (*visit)(void *argument, const char *model, const recorder_theory *row),
                            void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_THEORY, &rows, why, "t", experiment));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        visit(argument, recorder_text(rows, 0),
              &(recorder_theory){.item = recorder_text(rows, 1),
                                 .subject = recorder_text(rows, 2),
                                 .quantity = recorder_text(rows, 3),
                                 .x = number_at(rows, 4),
                                 .value = number_at(rows, 5),
                                 .relation = recorder_text(rows, 6),
                                 .bound = number_at(rows, 7),
                                 .holds = count_at(rows, 8) > 0});
    }
}

status recorder_each_count(recorder *book, void (*visit)(void *argument, const recorder_count *row), void *argument,
                           failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_COUNT, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        visit(argument, &(recorder_count){.dataset = recorder_text(rows, 0),
                                          .architecture = recorder_text(rows, 1),
                                          .model = recorder_text(rows, 2),
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

status recorder_check(recorder *book, void (*fault)(void *argument, const char *text), void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    int code, unread = SQLITE_OK;
    TRY(recorder_select(book, STATEMENT_INTEGRITY, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) break;
        const char *text = recorder_text(rows, 0);
        if (tells_of_reading(text, &code)) unread = code;
        else if (strcmp(text, "ok") != 0) fault(argument, text);
    }
    if (unread != SQLITE_OK)
        return fail(why, STATUS_IO, "cannot check the database \"%s\": a page could not be read (%s)", book->path,
                    sqlite3_errstr(unread));
    TRY(recorder_select(book, STATEMENT_FOREIGN_KEYS, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        char text[RECORDER_NAME_MAX];
        snprintf(text, sizeof text, "a row of table %.100s refers to a row that is not there", recorder_text(rows, 0));
        fault(argument, text);
    }
}
