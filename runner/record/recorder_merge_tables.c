/* recorder_merge_tables.c - which tables and columns a merge copies, and how.
 *
 * Read from the schema: a table that has a run_id belongs to a run, one that
 * has a subject to a run's key or to the checksum of its data. A new
 * table needs no change here. */
#include <stdlib.h>
#include <string.h>

#include "record/recorder_merging.h"

/* The first column of a query's rows, joined as group_concat does; *out is NULL if there are none. The caller frees. */
static status read_text(recorder *book, char *sql, char **out, failure *why) {
    sqlite3_stmt *row = NULL;
    *out = NULL;
    if (!sql) return fail(why, STATUS_MEMORY, "out of memory");
    int code = sqlite3_prepare_v2(book->db, sql, -1, &row, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(row);
    status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : recorder_fail(book, "read", why);
    if (code == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL) {
        const unsigned char *text = sqlite3_column_text(row, 0);
        if (text) *out = sqlite3_mprintf("%s", text);
        /* Without a word here, a table's rows would be left behind. */
        if (!*out) outcome = fail(why, STATUS_MEMORY, "out of memory");
    }
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

/* Most shards leave some tables empty, and every statement has to be prepared anew for each shard. */
static status add_look(struct merging *self, const char *name, failure *why) {
    char *longer = sqlite3_mprintf("%s%s EXISTS (SELECT 1 FROM shard.\"%w\")", self->look ? self->look : "SELECT",
                                   self->look ? "," : "", name);
    sqlite3_free(self->look);
    self->look = longer;
    return longer ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory");
}

static status add_tables(recorder *book, const char *column,
                         status (*describe)(recorder *, const char *, merged_table *, failure *), failure *why) {
    struct merging *self = book->merging;
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
        if (outcome == STATUS_OK) outcome = add_look(self, name, why);
    }
    sqlite3_free(names);
    return outcome;
}

/* Nothing that writes this database computes what a task computes. */
#define STATE_HERE "CASE status WHEN 'running' THEN 'interrupted' ELSE status END"

static status describe_all(recorder *book, failure *why) {
    struct merging *self = book->merging;
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

void recorder_end_merging(recorder *book) {
    struct merging *self = book->merging;
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
    sqlite3_finalize(self->looking);
    sqlite3_free(self->look);
    sqlite3_finalize(self->inserting);
    sqlite3_finalize(self->updating);
    sqlite3_free(self->columns);
    sqlite3_free(self->insert_run);
    sqlite3_free(self->update_run);
    free(self->tables);
    free(self);
    book->merging = NULL;
    sqlite3_exec(book->db,
                 "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF; PRAGMA synchronous = EXTRA", NULL,
                 NULL, NULL);
}

status recorder_begin_merging(recorder *book, bool durable, failure *why) {
    if (book->merging) return STATUS_OK;
    TRY(recorder_commit(book, why));
    book->merging = calloc(1, sizeof *book->merging);
    if (!book->merging) return fail(why, STATUS_MEMORY, "out of memory");
    status outcome = describe_all(book, why);
    /* Rows come from tables with the same checks, and what they refer to comes with them; to look at each again would
     * take twice as long as to copy it. */
    if (outcome == STATUS_OK)
        outcome = recorder_script(book, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON", "open", why);
    if (outcome == STATUS_OK && !durable) outcome = recorder_script(book, "PRAGMA synchronous = NORMAL", "open", why);
    if (outcome != STATUS_OK) recorder_end_merging(book);
    return outcome;
}
