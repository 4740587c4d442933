/* results_db_archive.c - a compact copy of the database.
 *
 * SQLite makes the copy, of one state even while another process writes; then the rows that an archive does not have
 * are deleted from the copy. */
#include "record/results_db_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLES_MAX = 32 };

/* A table with rows of runs, and its column with the run. */
typedef struct run_table {
    char name[128], column[128];
} run_table;

status db_archive_date(results_db *db, char date[32], error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    date[0] = '\0';
    TRY(db_select(db, STATEMENT_GET_ARCHIVE, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        snprintf(date, 32, "%s", db_text(rows, 0));
    }
}

/* Run a statement without result rows, outside of a transaction. */
static status run_alone(results_db *db, db_statement id, const char *text, error_info *err) {
    sqlite3_stmt *rows;
    bool more = true;
    TRY(db_select(db, id, &rows, err, "t", text));
    while (more) TRY(db_next(db, rows, &more, err));
    return STATUS_OK;
}

/* List the tables that this version of the schema has. */
static status list_tables(results_db *db, run_table tables[TABLES_MAX], size_t *count, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    *count = 0;
    TRY(db_select(db, STATEMENT_EACH_RUN_TABLE, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        if (*count == TABLES_MAX) {
            sqlite3_reset(rows);
            return error_set(err, STATUS_FORMAT, "the database \"%s\" has more than %d tables of runs", db->path,
                             TABLES_MAX);
        }
        run_table *table = &tables[(*count)++];
        snprintf(table->name, sizeof table->name, "%s", db_text(rows, 0));
        snprintf(table->column, sizeof table->column, "%s", db_text(rows, 1));
    }
}

status db_drop_runs(results_db *db, const char *which, error_info *err) {
    run_table tables[TABLES_MAX + 1];
    size_t count;
    TRY(list_tables(db, tables, &count, err));
    tables[count++] = (run_table){.name = "run", .column = "run_id"}; /* the last, as the others refer to it */
    for (size_t i = 0; i < count; i++) {
        char *sql = sqlite3_mprintf("DELETE FROM \"%w\" WHERE \"%w\" IN (SELECT run_id FROM run WHERE %s)",
                                    tables[i].name, tables[i].column, which);
        if (!sql) return error_set(err, STATUS_MEMORY, "out of memory");
        const status outcome = db_script(db, sql, "write", err);
        sqlite3_free(sql);
        TRY(outcome);
    }
    return STATUS_OK;
}

/* An unfinished run without a checkpoint starts from the beginning anywhere. */
static status drop_unfinished(results_db *db, error_info *err) {
    TRY(db_drop_runs(db, "status <> 'done' AND run_id NOT IN (SELECT run_id FROM checkpoint)", err));
    return db_write(db, STATEMENT_DROP_EMPTY, err, "");
}

static status count_rows(results_db *db, uint64_t *runs, uint64_t *pictures, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_COUNT_KEPT, &rows, err, ""));
    for (;;) {
        TRY(db_next(db, rows, &more, err));
        if (!more) return STATUS_OK;
        *runs = (uint64_t)sqlite3_column_int64(rows, 0);
        *pictures = (uint64_t)sqlite3_column_int64(rows, 1);
    }
}

/* The runs of a database whose checkpoint is kept. */
typedef struct trained_runs {
    const db_keeper *keeper;
    db_run *runs; /* (count) */
    size_t count, capacity;
} trained_runs;

static db_keep *keep_of(const db_keeper *keeper, const db_run *run) {
    return run->state == RUN_DONE ? keeper->model : keeper->state;
}

static status add_trained(void *argument, const db_run *run, error_info *err) {
    trained_runs *self = argument;
    if (!keep_of(self->keeper, run) || !run->has_checkpoint) return STATUS_OK;
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? 2 * self->capacity : 64;
        db_run *runs = realloc(self->runs, capacity * sizeof *runs);
        if (!runs) return error_set(err, STATUS_MEMORY, "out of memory for the runs of a database");
        self->runs = runs;
        self->capacity = capacity;
    }
    self->runs[self->count++] = *run;
    return STATUS_OK;
}

/* Only kept checkpoints have rows. */
static status keep_checkpoints(results_db *db, const db_keeper *keeper, db_archived *out, error_info *err) {
    trained_runs trained = {.keeper = keeper};
    status outcome = db_each_run(db, NULL, add_trained, &trained, err);
    if (outcome == STATUS_OK) outcome = db_write(db, STATEMENT_DROP_CHECKPOINTS, err, "");
    for (size_t i = 0; i < trained.count && outcome == STATUS_OK; i++) {
        const db_run *run = &trained.runs[i];
        char path[DB_NAME_MAX], sha256[65];
        db_checkpoint row = {.iteration = run->checkpoint_iteration, .path = path, .sha256 = sha256};
        outcome = keep_of(keeper, run)(keeper->argument, run, path, sha256, &row.bytes, err);
        if (outcome == STATUS_OK) outcome = db_put_checkpoint(db, run->id, &row, err);
        if (outcome != STATUS_OK) break;
        *(run->state == RUN_DONE ? &out->models : &out->states) += 1;
        out->bytes += row.bytes;
    }
    free(trained.runs);
    return outcome;
}

static status shrink(results_db *db, const db_keeper *keeper, db_archived *out, error_info *err) {
    char now[32];
    db_now(now);
    TRY(count_rows(db, &out->runs_before, &out->pictures_before, err));
    /* The first statement opens the transaction for all of them. */
    TRY(db_write(db, STATEMENT_PUT_ARCHIVE, err, "t", now));
    TRY(keep_checkpoints(db, keeper, out, err));
    TRY(drop_unfinished(db, err));
    TRY(db_write(db, STATEMENT_DROP_PICTURES_TO_COME, err, ""));
    TRY(db_write(db, STATEMENT_DROP_MOMENTS_TO_COME, err, ""));
    TRY(db_write(db, STATEMENT_DROP_PICTURES, err, ""));
    TRY(db_write(db, STATEMENT_DROP_OTHER_MOMENTS, err, ""));
    TRY(db_pack_pictures(db, err));
    TRY(db_pack_tables(db, err));
    TRY(db_commit(db, err));
    TRY(count_rows(db, &out->runs, &out->pictures, err));
    return db_script(db, "VACUUM", "write", err);
}

status db_archive(results_db *db, const char *path, const db_keeper *keeper, db_archived *out, error_info *err) {
    results_db *copy = NULL;
    char lock[PATH_MAX];
    error_info closing;
    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock)
        return error_set(err, STATUS_IO, "the archive's path is too long: \"%.200s...\"", path);
    int file;
    TRY(db_make_file(path, &file, err)); /* which SQLite fills then */
    close(file);
    status outcome = run_alone(db, STATEMENT_COPY_INTO, path, err);
    if (outcome == STATUS_OK) outcome = db_open(path, NULL, NULL, &copy, err);
    if (outcome == STATUS_OK) outcome = db_compare(copy, err);
    if (outcome == STATUS_OK) outcome = shrink(copy, keeper, out, err);
    const status closed = db_close(&copy, &closing);
    unlink(lock);
    if (outcome != STATUS_OK) return outcome;
    return closed == STATUS_OK ? STATUS_OK : error_set(err, closed, "%s", closing.text);
}
