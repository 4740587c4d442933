/* recorder_merge.c - runs of another database, copied with all that belongs to them.
 *
 * The other one is attached under the name `shard`, and rows move inside
 * SQLite, so numbers stay what they are to the last bit. Which tables and
 * columns there are is read from the schema: a table that has a run_id belongs
 * to a run, one that has a subject to a run's key or to the checksum of its
 * data. One that is added later is merged without a word here. */
#include "recorder_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One table's rows of a run: ?1 its number here, ?2 that in the shard; of tables with subjects ?2 is the subject. */
typedef struct merged_table {
    char *clear, *copy, *add; /* NULL where there is no such step */
    sqlite3_stmt *clearing, *copying, *adding; /* prepared when first used */
} merged_table;

typedef struct merging {
    char *columns; /* of `run`, other than those that change */
    char *insert_run, *update_run;
    sqlite3_stmt *inserting, *updating;
    size_t table_count;
    merged_table *tables;
    char shard[RECORDER_PATH_MAX];
} merging;

/* What SQLite says, with both files. A full disk or a database that cannot be written is the end; anything else is
 * taken for this shard's. */
static status fail_merge(const recorder *book, failure *why) {
    const int code = sqlite3_errcode(book->db) & 0xff;
    const status kind = code == SQLITE_FULL || code == SQLITE_READONLY ? STATUS_IO : STATUS_FORMAT;
    return fail(why, kind, "cannot merge \"%s\" into \"%s\": %s", book->merging->shard, book->path,
                code == SQLITE_BUSY ? "it is being written; merge it again later" : sqlite3_errmsg(book->db));
}

/* --- What there is to copy --- */

/* The first column of a query's rows, joined as group_concat does; *out is NULL if there are none. The caller frees. */
static status read_text(recorder *book, char *sql, char **out, failure *why) {
    sqlite3_stmt *row = NULL;
    *out = NULL;
    if (!sql) return fail(why, STATUS_MEMORY, "out of memory");
    int code = sqlite3_prepare_v2(book->db, sql, -1, &row, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(row);
    if (code == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL)
        *out = sqlite3_mprintf("%s", sqlite3_column_text(row, 0));
    const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : recorder_fail(book, "read", why);
    sqlite3_finalize(row);
    sqlite3_free(sql);
    return outcome;
}

static status describe_run_table(recorder *book, const char *name, merged_table *out, failure *why) {
    char *columns;
    TRY(read_text(book,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q) "
                                  "WHERE name <> 'run_id'",
                                  name),
                  &columns, why));
    out->clear = sqlite3_mprintf("DELETE FROM main.\"%w\" WHERE run_id = ?1", name);
    out->copy =
        sqlite3_mprintf("INSERT INTO main.\"%w\" (run_id, %s) SELECT ?1, %s FROM shard.\"%w\" WHERE run_id = ?2", name,
                        columns, columns, name);
    sqlite3_free(columns);
    return out->clear && out->copy ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory");
}

/* Pictures are large: those that are there are not even read. */
static status describe_subject_table(recorder *book, const char *name, merged_table *out, failure *why) {
    char *columns, *same;
    TRY(read_text(book,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q)", name),
                  &columns, why));
    const status outcome =
        read_text(book,
                  sqlite3_mprintf("SELECT group_concat('m.\"' || name || '\" = s.\"' || name || '\"', ' AND ') "
                                  "FROM pragma_table_info(%Q) WHERE pk > 0",
                                  name),
                  &same, why);
    if (outcome == STATUS_OK) {
        out->copy = sqlite3_mprintf("INSERT OR REPLACE INTO main.\"%w\" (%s) SELECT %s FROM shard.\"%w\" "
                                    "WHERE subject = ?2",
                                    name, columns, columns, name);
        out->add = sqlite3_mprintf("INSERT INTO main.\"%w\" (%s) SELECT %s FROM shard.\"%w\" s WHERE s.subject = ?2 "
                                   "AND NOT EXISTS (SELECT 1 FROM main.\"%w\" m WHERE %s)",
                                   name, columns, columns, name, name, same);
    }
    sqlite3_free(columns);
    sqlite3_free(same);
    if (outcome != STATUS_OK) return outcome;
    return out->copy && out->add ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory");
}

/* Tables that have a column of this name, apart from those that are merged by hand. */
static char *tables_with(const char *column) {
    return sqlite3_mprintf("SELECT group_concat(s.name, ' ') FROM main.sqlite_schema s WHERE s.type = 'table' "
                           "AND s.name NOT IN ('run', 'experiment_run', 'checkpoint') "
                           "AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) c WHERE c.name = %Q)",
                           column);
}

static status add_tables(recorder *book, const char *column,
                         status (*describe)(recorder *, const char *, merged_table *, failure *), failure *why) {
    merging *self = book->merging;
    char *names;
    TRY(read_text(book, tables_with(column), &names, why));
    status outcome = STATUS_OK;
    char *rest = NULL;
    for (const char *name = names ? strtok_r(names, " ", &rest) : NULL; name && outcome == STATUS_OK;
         name = strtok_r(NULL, " ", &rest)) {
        merged_table *tables = realloc(self->tables, (self->table_count + 1) * sizeof *tables);
        if (!tables) {
            outcome = fail(why, STATUS_MEMORY, "out of memory");
            break;
        }
        self->tables = tables;
        tables[self->table_count] = (merged_table){.clear = NULL};
        outcome = describe(book, name, &tables[self->table_count++], why);
    }
    sqlite3_free(names);
    return outcome;
}

/* Nothing that writes this database computes what a task computes. */
#define STATE_HERE "CASE status WHEN 'running' THEN 'interrupted' ELSE status END"

static status describe_all(recorder *book, failure *why) {
    merging *self = book->merging;
    TRY(add_tables(book, "run_id", describe_run_table, why));
    TRY(add_tables(book, "subject", describe_subject_table, why));
    TRY(read_text(book,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info('run') "
                                  "WHERE name NOT IN ('run_id', 'status', 'process')"),
                  &self->columns, why));
    self->insert_run =
        sqlite3_mprintf("INSERT INTO main.run (%s, status) SELECT %s, " STATE_HERE " FROM shard.run WHERE run_id = ?1",
                        self->columns, self->columns);
    self->update_run = sqlite3_mprintf("UPDATE main.run SET process = NULL, (%s, status) = (SELECT %s, " STATE_HERE
                                       " FROM shard.run WHERE run_id = ?2) WHERE run_id = ?1",
                                       self->columns, self->columns);
    return self->insert_run && self->update_run ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory");
}

void recorder_release_merging(recorder *book) {
    merging *self = book->merging;
    if (!self) return;
    for (size_t i = 0; i < self->table_count; i++) {
        merged_table *one = &self->tables[i];
        sqlite3_finalize(one->clearing);
        sqlite3_finalize(one->copying);
        sqlite3_finalize(one->adding);
        sqlite3_free(one->clear);
        sqlite3_free(one->copy);
        sqlite3_free(one->add);
    }
    sqlite3_finalize(self->inserting);
    sqlite3_finalize(self->updating);
    sqlite3_free(self->columns);
    sqlite3_free(self->insert_run);
    sqlite3_free(self->update_run);
    free(self->tables);
    free(self);
    book->merging = NULL;
}

/* --- Attaching --- */

static status check_version(recorder *book, bool *empty, failure *why) {
    sqlite3_stmt *rows = NULL;
    const merging *self = book->merging;
    long objects = 0, version = -1;
    if (sqlite3_prepare_v2(book->db, "SELECT count(*) FROM shard.sqlite_schema", -1, &rows, NULL) != SQLITE_OK ||
        sqlite3_step(rows) != SQLITE_ROW) {
        const status outcome = fail_merge(book, why);
        sqlite3_finalize(rows);
        return outcome;
    }
    objects = (long)sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    *empty = objects == 0;
    if (*empty) return STATUS_OK;
    bool more = false;
    failure ignored;
    if (recorder_select(book, STATEMENT_SHARD_VERSION, &rows, &ignored, "") == STATUS_OK &&
        recorder_next(book, rows, &more, &ignored) == STATUS_OK && more)
        version = (long)sqlite3_column_int64(rows, 0);
    while (more) TRY(recorder_next(book, rows, &more, why));
    if (version == RECORDER_SCHEMA_VERSION) return STATUS_OK;
    if (version < 0)
        return fail(why, STATUS_FORMAT, "cannot merge \"%s\" into \"%s\": it is a database of another program",
                    self->shard, book->path);
    return fail(why, STATUS_FORMAT,
                "cannot merge \"%s\" into \"%s\": its schema has version %ld, that of the database version %d; %s",
                self->shard, book->path, version, RECORDER_SCHEMA_VERSION,
                version < RECORDER_SCHEMA_VERSION ? "its task's command, run again, brings it up to date"
                                                  : "use the version of the program that wrote it");
}

/* Without a transaction, in which nothing can be attached or detached. */
static void detach(recorder *book) {
    sqlite3_exec(book->db, "DETACH shard", NULL, NULL, NULL);
}

static status attach(recorder *book, const char *shard, failure *why) {
    sqlite3_stmt *statement = NULL;
    snprintf(book->merging->shard, sizeof book->merging->shard, "%s", shard);
    int code = sqlite3_prepare_v2(book->db, "ATTACH ?1 AS shard", -1, &statement, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_text(statement, 1, shard, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(book, why);
    sqlite3_finalize(statement);
    return outcome;
}

status recorder_attach(recorder *book, const char *shard, bool *empty, failure *why) {
    TRY(recorder_commit(book, why));
    if (!book->merging) {
        book->merging = calloc(1, sizeof *book->merging);
        if (!book->merging) return fail(why, STATUS_MEMORY, "out of memory");
        const status outcome = describe_all(book, why);
        if (outcome != STATUS_OK) {
            recorder_release_merging(book);
            return outcome;
        }
    }
    TRY(attach(book, shard, why));
    const status outcome = check_version(book, empty, why);
    if (outcome != STATUS_OK) detach(book);
    return outcome;
}

status recorder_detach(recorder *book, failure *why) {
    TRY(recorder_commit(book, why));
    return sqlite3_exec(book->db, "DETACH shard", NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : fail_merge(book, why);
}

/* --- Copying --- */

typedef enum merge_choice { MERGE_KEEP, MERGE_ADD, MERGE_TAKE } merge_choice;

/* *here <- the run's number in this database, 0 for none. */
static status choose(recorder *book, int64_t there, int64_t *here, merge_choice *choice, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    *choice = MERGE_KEEP;
    *here = 0;
    TRY(recorder_select(book, STATEMENT_COMPARE_RUN, &rows, why, "i", there));
    for (;;) {
        TRY(recorder_next(book, rows, &more, why));
        if (!more) return STATUS_OK;
        const char *word = (const char *)sqlite3_column_text(rows, 1);
        *here = sqlite3_column_int64(rows, 0);
        if (strcmp(word, "take") == 0) *choice = MERGE_TAKE;
        else if (strcmp(word, "add") == 0) *choice = MERGE_ADD;
    }
}

/* Run one step; ?1 a run here; ?2 one there, or a subject. */
static status do_step(recorder *book, const char *sql, sqlite3_stmt **statement, int64_t here, int64_t there,
                      const char *subject, failure *why) {
    int code = SQLITE_OK;
    if (!sql) return STATUS_OK;
    if (!*statement) code = sqlite3_prepare_v3(book->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    const int parameters = code == SQLITE_OK ? sqlite3_bind_parameter_count(*statement) : 0;
    if (code == SQLITE_OK) code = sqlite3_bind_int64(*statement, 1, here);
    if (code == SQLITE_OK && parameters > 1 && subject)
        code = sqlite3_bind_text(*statement, 2, subject, -1, SQLITE_STATIC);
    else if (code == SQLITE_OK && parameters > 1) code = sqlite3_bind_int64(*statement, 2, there);
    if (code == SQLITE_OK) code = sqlite3_step(*statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(book, why);
    sqlite3_reset(*statement);
    return outcome;
}

static status take_run(recorder *book, const recorder_run *run, int64_t here, failure *why) {
    merging *self = book->merging;
    if (here == 0) {
        TRY(do_step(book, self->insert_run, &self->inserting, run->id, 0, NULL, why));
        here = sqlite3_last_insert_rowid(book->db);
    } else {
        TRY(do_step(book, self->update_run, &self->updating, here, run->id, NULL, why));
    }
    for (size_t i = 0; i < self->table_count; i++) {
        merged_table *one = &self->tables[i];
        const char *subject = one->add ? run->key : NULL;
        TRY(do_step(book, one->clear, &one->clearing, here, run->id, subject, why));
        TRY(do_step(book, one->copy, &one->copying, here, run->id, subject, why));
    }
    TRY(recorder_write(book, STATEMENT_DROP_CHECKPOINT, why, "i", here));
    if (!run->has_checkpoint) return STATUS_OK;
    return recorder_write(book, STATEMENT_MERGE_CHECKPOINT, why, "iit", here, run->id, run->checkpoint_path);
}

static status add_pictures(recorder *book, const char *subject, failure *why) {
    for (size_t i = 0; i < book->merging->table_count; i++) {
        merged_table *one = &book->merging->tables[i];
        TRY(do_step(book, one->add, &one->adding, 0, 0, subject, why));
    }
    return STATUS_OK;
}

status recorder_each_wanted(recorder *book, status (*visit)(void *argument, const recorder_run *run, failure *why),
                            void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_EACH_SHARD_RUN, &rows, why, ""));
    for (;;) {
        if (recorder_next(book, rows, &more, why) != STATUS_OK) return fail_merge(book, why);
        if (!more) return STATUS_OK;
        recorder_run run;
        int64_t here;
        merge_choice choice;
        recorder_read_run(rows, &run);
        status outcome = choose(book, run.id, &here, &choice, why);
        if (outcome == STATUS_OK && choice == MERGE_TAKE && run.has_checkpoint) outcome = visit(argument, &run, why);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

/* What recorder_merge was asked. */
typedef struct merge_request {
    recorder_ready *ready;
    void *argument;
    bool last;
    recorder_merged *out;
    bool *again;
} merge_request;

static status merge_run(recorder *book, const merge_request *asked, recorder_run *run, failure *why) {
    int64_t here;
    merge_choice choice;
    TRY(choose(book, run->id, &here, &choice, why));
    if (run->state != RUN_DONE) asked->out->unfinished++;
    TRY(add_pictures(book, run->data_checksum, why));
    if (choice == MERGE_ADD) return add_pictures(book, run->key, why);
    if (choice == MERGE_KEEP) return STATUS_OK;
    if (run->has_checkpoint && !asked->ready(asked->argument, run)) {
        *asked->again = !asked->last;
        if (*asked->again) return STATUS_OK;
        run->has_checkpoint = false;
        asked->out->lost++;
    }
    asked->out->taken++;
    return take_run(book, run, here, why);
}

static status merge_all(recorder *book, const merge_request *asked, failure *why) {
    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_write(book, STATEMENT_MERGE_EXPERIMENT_MARK, why, ""));
    TRY(recorder_write(book, STATEMENT_MERGE_EXPERIMENT, why, ""));
    TRY(recorder_select(book, STATEMENT_EACH_SHARD_RUN, &rows, why, ""));
    for (;;) {
        if (recorder_next(book, rows, &more, why) != STATUS_OK) return fail_merge(book, why);
        if (!more) break;
        recorder_run run;
        recorder_read_run(rows, &run);
        const status outcome = merge_run(book, asked, &run, why);
        if (outcome == STATUS_OK && !*asked->again) continue;
        sqlite3_reset(rows);
        return outcome;
    }
    return recorder_write(book, STATEMENT_MERGE_MEMBERS, why, "");
}

status recorder_merge(recorder *book, recorder_ready *ready, void *argument, bool last, recorder_merged *out,
                      bool *again, failure *why) {
    const merge_request asked = {.ready = ready, .argument = argument, .last = last, .out = out, .again = again};
    *out = (recorder_merged){.taken = 0};
    *again = false;
    assert(!book->open);
    /* Not BEGIN IMMEDIATE: that would ask to write the shard too, which its task does. */
    if (sqlite3_exec(book->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) return fail_merge(book, why);
    book->open = true;
    status outcome = merge_all(book, &asked, why);
    if (outcome == STATUS_OK && !*again) {
        if (sqlite3_exec(book->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) outcome = fail_merge(book, why);
    }
    if (outcome != STATUS_OK || *again) sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
    book->open = !sqlite3_get_autocommit(book->db);
    return outcome;
}
