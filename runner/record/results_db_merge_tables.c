/* results_db_merge_tables.c - the tables and columns that a merge copies.
 *
 * They are read from the schema: a table with a run_id belongs to a run; a table with a subject belongs to a run's key
 * or to the checksum of its data. A new table needs no change here. */
#include <stdlib.h>
#include <string.h>

#include "record/results_db_merging.h"

/* *out <- the first column of a query's rows, joined as by group_concat; NULL if there are none. The caller frees
 * it. */
static status read_text(results_db *db, char *sql, char **out, error_info *err) {
    sqlite3_stmt *row = NULL;
    *out = NULL;
    if (!sql) return error_set(err, STATUS_MEMORY, "out of memory");
    int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &row, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(row);
    status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : db_fail(db, "read", err);
    if (code == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL) {
        const unsigned char *text = sqlite3_column_text(row, 0);
        if (text) *out = sqlite3_mprintf("%s", text);
        /* Otherwise a table's rows would be omitted silently. */
        if (!*out) outcome = error_set(err, STATUS_MEMORY, "out of memory");
    }
    sqlite3_finalize(row);
    sqlite3_free(sql);
    return outcome;
}

static status describe_run_table(results_db *db, const char *name, merged_table *out, error_info *err) {
    char *columns;
    TRY(read_text(db,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q) "
                                  "WHERE name <> 'run_id'",
                                  name),
                  &columns, err));
    out->clear = sqlite3_mprintf("DELETE FROM main.\"%w\" WHERE run_id = ?1", name);
    out->copy =
        sqlite3_mprintf("INSERT INTO main.\"%w\" (run_id, %s) SELECT ?1, %s FROM shard.\"%w\" WHERE run_id = ?2", name,
                        columns, columns, name);
    sqlite3_free(columns);
    return out->clear && out->copy ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

/* Pictures are large, so existing ones are not read. */
static status describe_subject_table(results_db *db, const char *name, merged_table *out, error_info *err) {
    char *columns, *same;
    TRY(read_text(db,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q)", name),
                  &columns, err));
    const status outcome =
        read_text(db,
                  sqlite3_mprintf("SELECT group_concat('m.\"' || name || '\" = s.\"' || name || '\"', ' AND ') "
                                  "FROM pragma_table_info(%Q) WHERE pk > 0",
                                  name),
                  &same, err);
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
    return out->copy && out->add ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

/* Tables with a column of this name, except those that have their own merge. */
static char *tables_with(const char *column) {
    return sqlite3_mprintf("SELECT group_concat(s.name, ' ') FROM main.sqlite_schema s WHERE s.type = 'table' "
                           "AND s.name NOT IN ('run', 'experiment_run', 'sweep_run', 'checkpoint') "
                           "AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) c WHERE c.name = %Q)",
                           column);
}

/* Most shards have empty tables, and each shard needs every statement to be prepared again. */
static status add_look(struct merging *self, const char *name, error_info *err) {
    char *longer = sqlite3_mprintf("%s%s EXISTS (SELECT 1 FROM shard.\"%w\")", self->look ? self->look : "SELECT",
                                   self->look ? "," : "", name);
    sqlite3_free(self->look);
    self->look = longer;
    return longer ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

static status add_tables(results_db *db, const char *column,
                         status (*describe)(results_db *, const char *, merged_table *, error_info *),
                         error_info *err) {
    struct merging *self = db->merging;
    char *names;
    TRY(read_text(db, tables_with(column), &names, err));
    status outcome = STATUS_OK;
    char *rest = NULL;
    for (const char *name = names ? strtok_r(names, " ", &rest) : NULL; name && outcome == STATUS_OK;
         name = strtok_r(NULL, " ", &rest)) {
        merged_table *tables = realloc(self->tables, (self->table_count + 1) * sizeof *tables);
        if (!tables) {
            outcome = error_set(err, STATUS_MEMORY, "out of memory");
            break;
        }
        self->tables = tables;
        tables[self->table_count] = (merged_table){.clear = NULL};
        outcome = describe(db, name, &tables[self->table_count++], err);
        if (outcome == STATUS_OK) outcome = add_look(self, name, err);
    }
    sqlite3_free(names);
    return outcome;
}

/* No process that writes this database computes runs of tasks. */
#define STATE_HERE "CASE status WHEN 'running' THEN 'interrupted' ELSE status END"

static status describe_all(results_db *db, error_info *err) {
    struct merging *self = db->merging;
    TRY(add_tables(db, "run_id", describe_run_table, err));
    TRY(add_tables(db, "subject", describe_subject_table, err));
    TRY(read_text(db,
                  sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info('run') "
                                  "WHERE name NOT IN ('run_id', 'status', 'process')"),
                  &self->columns, err));
    self->insert_run =
        sqlite3_mprintf("INSERT INTO main.run (%s, status) SELECT %s, " STATE_HERE " FROM shard.run WHERE run_id = ?1",
                        self->columns, self->columns);
    self->update_run = sqlite3_mprintf("UPDATE main.run SET process = NULL, (%s, status) = (SELECT %s, " STATE_HERE
                                       " FROM shard.run WHERE run_id = ?2) WHERE run_id = ?1",
                                       self->columns, self->columns);
    return self->insert_run && self->update_run ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

void db_end_merging(results_db *db) {
    struct merging *self = db->merging;
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
    db->merging = NULL;
    sqlite3_exec(db->sqlite,
                 "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF; PRAGMA synchronous = EXTRA", NULL,
                 NULL, NULL);
}

status db_begin_merging(results_db *db, bool durable, error_info *err) {
    if (db->merging) return STATUS_OK;
    TRY(db_commit(db, err));
    db->merging = calloc(1, sizeof *db->merging);
    if (!db->merging) return error_set(err, STATUS_MEMORY, "out of memory");
    status outcome = describe_all(db, err);
    /* Rows come from tables with the same checks, together with the rows that they refer to. Checking them again
     * would take twice as long as copying. */
    if (outcome == STATUS_OK)
        outcome = db_script(db, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON", "open", err);
    if (outcome == STATUS_OK && !durable) outcome = db_script(db, "PRAGMA synchronous = NORMAL", "open", err);
    if (outcome != STATUS_OK) db_end_merging(db);
    return outcome;
}
