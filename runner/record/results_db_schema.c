/* results_db_schema.c - the tables of a new database, and the version of an old one. */
#include <stdlib.h>

#include "record/results_db_internal.h"

/* schema.sql, views.sql, views_regularized.sql and claims.sql, converted to a string by the build. */
static const char schema[] =
#include "schema.inc"
    ;

status db_read_number(results_db *db, const char *sql, long otherwise, long *out, error_info *err) {
    sqlite3_stmt *row = NULL;
    *out = otherwise;
    if (sqlite3_prepare_v2(db->sqlite, sql, -1, &row, NULL) != SQLITE_OK) {
        const int code = sqlite3_errcode(db->sqlite);
        return code == SQLITE_ERROR ? STATUS_OK : db_fail(db, "read", err);
    }
    const int code = sqlite3_step(row);
    if (code == SQLITE_ROW) *out = (long)sqlite3_column_int64(row, 0);
    const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : db_fail(db, "read", err);
    sqlite3_finalize(row);
    return outcome;
}

/* Tables whose checks changed, which SQLite cannot alter, with the version of the new ones. Their columns are the
 * same, so their rows can be moved. */
static const struct {
    long version;
    const char *exists, *set_aside, *put_back;
} rebuilt[] = {
#define REBUILT(version, table)                                                                                        \
    {                                                                                                                  \
        version, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '" table "'",                     \
            "CREATE TABLE " table "_before AS SELECT * FROM " table "; DROP TABLE " table,                             \
            "INSERT INTO " table " SELECT * FROM " table "_before; DROP TABLE " table "_before"                        \
    }
    REBUILT(3, "epoch"), /* the split 'test' */
    REBUILT(3, "flow"), /* the same */
    REBUILT(7, "comparison"), /* quantities */
#undef REBUILT
};
enum { REBUILT_TABLES = sizeof rebuilt / sizeof rebuilt[0] };

/* Columns that were added, with the version that added them; each is the last of its table. */
static const struct {
    long version;
    const char *exists, *add;
} added[] = {{5, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'epoch'",
              "ALTER TABLE epoch ADD COLUMN running REAL"}};

/* No figure is drawn from a single shard, and a merge reads the schema of thousands. */
static status drop_views(results_db *db, error_info *err) {
    char name[DB_NAME_MAX], sql[DB_NAME_MAX + 16];
    for (;;) {
        sqlite3_stmt *row = NULL;
        if (sqlite3_prepare_v2(db->sqlite, "SELECT name FROM sqlite_schema WHERE type = 'view' LIMIT 1", -1, &row,
                               NULL) != SQLITE_OK)
            return db_fail(db, "create", err);
        const int code = sqlite3_step(row);
        if (code == SQLITE_ROW) sqlite3_snprintf(sizeof name, name, "%s", db_text(row, 0));
        const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : db_fail(db, "create", err);
        sqlite3_finalize(row);
        if (code != SQLITE_ROW) return outcome;
        sqlite3_snprintf(sizeof sql, sql, "DROP VIEW \"%w\"", name);
        TRY(db_script(db, sql, "create", err));
    }
}

static status bring_up(results_db *db, long version, error_info *err) {
    bool aside[REBUILT_TABLES] = {false};
    TRY(db_set_packed_aside(db, err));
    for (size_t i = 0; version > 0 && i < sizeof added / sizeof *added; i++) {
        long exists = 0;
        if (version < added[i].version) TRY(db_read_number(db, added[i].exists, 0, &exists, err));
        if (exists > 0) TRY(db_script(db, added[i].add, "bring up to date", err));
    }
    for (size_t i = 0; i < REBUILT_TABLES; i++) {
        long exists = 0;
        if (version < rebuilt[i].version) TRY(db_read_number(db, rebuilt[i].exists, 0, &exists, err));
        aside[i] = exists > 0;
        if (aside[i]) TRY(db_script(db, rebuilt[i].set_aside, "bring up to date", err));
    }
    TRY(db_script(db, schema, "create", err));
    for (size_t i = 0; i < REBUILT_TABLES; i++)
        if (aside[i]) TRY(db_script(db, rebuilt[i].put_back, "bring up to date", err));
    TRY(db_put_unpacked_back(db, err));
    return db->shard ? drop_views(db, err) : STATUS_OK;
}

/* One transaction: if the process is killed, the database stays empty or older. */
static status create_schema(results_db *db, long version, bool packed, error_info *err) {
    /* References to a table follow its new name only with foreign keys, which a transaction cannot turn on. */
    if (packed) TRY(db_script(db, "PRAGMA foreign_keys = ON", "create", err));
    TRY(db_script(db, "BEGIN IMMEDIATE", "create", err));
    status outcome = bring_up(db, version, err);
    if (outcome == STATUS_OK && version > 0 && !db->shard)
        outcome = db_script(db, "INSERT OR IGNORE INTO meta VALUES ('outdated', 'comparison')", "create", err);
    if (outcome == STATUS_OK) return db_script(db, "COMMIT", "create", err);
    sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return outcome;
}

status db_is_empty(results_db *db, bool *empty, error_info *err) {
    long objects;
    TRY(db_read_number(db, "SELECT count(*) FROM sqlite_schema", 0, &objects, err));
    *empty = objects == 0;
    return STATUS_OK;
}

status db_prepare_schema(results_db *db, bool create, error_info *err) {
    long version = 0;
    bool empty;
    TRY(db_is_empty(db, &empty, err));
    if (empty && !create) return error_set(err, STATUS_FORMAT, "the database \"%s\" is empty", db->path);
    if (!empty) {
        TRY(db_read_number(db, "SELECT value FROM meta WHERE key = 'schema_version'", -1, &version, err));
        if (version < 1)
            return error_set(err, STATUS_FORMAT, "\"%s\" is a database of another program; choose another with --db",
                             db->path);
        if (version > DB_SCHEMA_VERSION)
            return error_set(
                err, STATUS_FORMAT,
                "the database \"%s\" has schema version %ld, and this program supports versions up to %d: use a "
                "newer version of the program, or another database with --db",
                db->path, version, DB_SCHEMA_VERSION);
    }
    if (create) TRY(db_leave_log(db, err)); /* only now, as it changes the file */
    if (!create) return STATUS_OK;
    bool packed;
    TRY(db_has_packed_tables(db, &packed, err));
    return version < DB_SCHEMA_VERSION || packed ? create_schema(db, version, packed, err) : STATUS_OK;
}
