/* recorder_archive.c - a compact copy of the database, to be kept and passed on.
 *
 * The copy is made by SQLite, a moment's state even while another process
 * writes, and what is not kept is then removed from the copy. */
#include "record/recorder_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLES_MAX = 32 };

/* A table whose rows belong to runs, and the column that says to which. */
typedef struct run_table {
    char name[128], column[128];
} run_table;

status recorder_archive_date(recorder *book, char date[32], failure *why) {
    sqlite3_stmt *rows;
    bool more;
    date[0] = '\0';
    TRY(recorder_select(book, STATEMENT_GET_ARCHIVE, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        snprintf(date, 32, "%s", recorder_text(rows, 0));
    }
}

/* Run a statement that gives no rows outside of a transaction. */
static status run_alone(recorder *book, recorder_statement id, const char *text, failure *why) {
    sqlite3_stmt *rows;
    bool more = true;
    TRY(recorder_select(book, id, &rows, why, "t", text));
    while (more) TRY(recorder_next(book, rows, &more, why));
    return STATUS_OK;
}

/* Whichever tables this version of the schema has. */
static status list_tables(recorder *book, run_table tables[TABLES_MAX], size_t *count, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    *count = 0;
    TRY(recorder_select(book, STATEMENT_EACH_RUN_TABLE, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        if (*count == TABLES_MAX) {
            sqlite3_reset(rows);
            return fail(why, STATUS_FORMAT, "the database \"%s\" has more than %d tables of runs", book->path,
                        TABLES_MAX);
        }
        run_table *table = &tables[(*count)++];
        snprintf(table->name, sizeof table->name, "%s", recorder_text(rows, 0));
        snprintf(table->column, sizeof table->column, "%s", recorder_text(rows, 1));
    }
}

static status drop_unfinished(recorder *book, failure *why) {
    run_table tables[TABLES_MAX];
    size_t count;
    TRY(list_tables(book, tables, &count, why));
    for (size_t i = 0; i < count; i++) {
        char *sql =
            sqlite3_mprintf("DELETE FROM \"%w\" WHERE \"%w\" IN (SELECT run_id FROM run WHERE status <> 'done')",
                            tables[i].name, tables[i].column);
        if (!sql) return fail(why, STATUS_MEMORY, "out of memory");
        const status outcome = recorder_script(book, sql, "write", why);
        sqlite3_free(sql);
        TRY(outcome);
    }
    TRY(recorder_write(book, STATEMENT_DROP_UNFINISHED, why, ""));
    return recorder_write(book, STATEMENT_DROP_EMPTY, why, "");
}

static status count_rows(recorder *book, uint64_t *runs, uint64_t *pictures, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_COUNT_KEPT, &rows, why, ""));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        *runs = (uint64_t)sqlite3_column_int64(rows, 0);
        *pictures = (uint64_t)sqlite3_column_int64(rows, 1);
    }
}

/* The finished runs of a database that have a checkpoint. */
typedef struct trained_runs {
    recorder_run *runs; /* (count) */
    size_t count, capacity;
} trained_runs;

static status add_trained(void *argument, const recorder_run *run, failure *why) {
    trained_runs *self = argument;
    if (run->state != RUN_DONE || !run->has_checkpoint) return STATUS_OK;
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? 2 * self->capacity : 64;
        recorder_run *runs = realloc(self->runs, capacity * sizeof *runs);
        if (!runs) return fail(why, STATUS_MEMORY, "out of memory for the runs of a database");
        self->runs = runs;
        self->capacity = capacity;
    }
    self->runs[self->count++] = *run;
    return STATUS_OK;
}

/* Rows of checkpoints are those of the models that are kept. */
static status keep_models(recorder *book, recorder_keep *keep, void *argument, uint64_t *models, failure *why) {
    trained_runs trained = {.count = 0};
    status outcome = keep ? recorder_each_run(book, NULL, add_trained, &trained, why) : STATUS_OK;
    if (outcome == STATUS_OK) outcome = recorder_write(book, STATEMENT_DROP_CHECKPOINTS, why, "");
    for (size_t i = 0; i < trained.count && outcome == STATUS_OK; i++) {
        const recorder_run *run = &trained.runs[i];
        char path[RECORDER_NAME_MAX], sha256[65];
        recorder_checkpoint row = {.iteration = run->checkpoint_iteration, .path = path, .sha256 = sha256};
        outcome = keep(argument, run, path, sha256, &row.bytes, why);
        if (outcome == STATUS_OK) outcome = recorder_put_checkpoint(book, run->id, &row, why);
        *models += outcome == STATUS_OK;
    }
    free(trained.runs);
    return outcome;
}

static status shrink(recorder *book, recorder_keep *keep, void *argument, recorder_archived *out, failure *why) {
    char now[32];
    recorder_now(now);
    TRY(count_rows(book, &out->runs_before, &out->pictures_before, why));
    /* The first of these opens the transaction that all of them are in. */
    TRY(recorder_write(book, STATEMENT_PUT_ARCHIVE, why, "t", now));
    TRY(keep_models(book, keep, argument, &out->models, why));
    TRY(drop_unfinished(book, why));
    TRY(recorder_write(book, STATEMENT_DROP_PICTURES, why, ""));
    TRY(recorder_write(book, STATEMENT_DROP_OTHER_MOMENTS, why, ""));
    TRY(recorder_pack_pictures(book, why));
    TRY(recorder_pack_epochs(book, why));
    TRY(recorder_commit(book, why));
    TRY(count_rows(book, &out->runs, &out->pictures, why));
    return recorder_script(book, "VACUUM", "write", why);
}

status recorder_archive(recorder *book, const char *path, recorder_keep *keep, void *argument, recorder_archived *out,
                        failure *why) {
    recorder *copy = NULL;
    char lock[PATH_MAX];
    failure closing;
    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock)
        return fail(why, STATUS_IO, "the archive's path is too long: \"%.200s...\"", path);
    int file;
    TRY(recorder_make_file(path, &file, why)); /* which SQLite fills then */
    close(file);
    status outcome = run_alone(book, STATEMENT_COPY_INTO, path, why);
    if (outcome == STATUS_OK) outcome = recorder_open(path, NULL, NULL, &copy, why);
    if (outcome == STATUS_OK) outcome = shrink(copy, keep, argument, out, why);
    const status closed = recorder_close(&copy, &closing);
    unlink(lock);
    if (outcome != STATUS_OK) return outcome;
    return closed == STATUS_OK ? STATUS_OK : fail(why, closed, "%s", closing.text);
}
