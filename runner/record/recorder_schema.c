/* recorder_schema.c - the tables of a new database, and the version of an old one. */
#include <stdlib.h>

#include "record/recorder_internal.h"

/* schema.sql and views.sql as the build made a string of them. */
static const char schema[] =
#include "schema.inc"
    ;

status recorder_read_number(recorder *book, const char *sql, long otherwise, long *out, failure *why) {
    sqlite3_stmt *row = NULL;
    *out = otherwise;
    if (sqlite3_prepare_v2(book->db, sql, -1, &row, NULL) != SQLITE_OK) {
        const int code = sqlite3_errcode(book->db);
        return code == SQLITE_ERROR ? STATUS_OK : recorder_fail(book, "read", why);
    }
    const int code = sqlite3_step(row);
    if (code == SQLITE_ROW) *out = (long)sqlite3_column_int64(row, 0);
    const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : recorder_fail(book, "read", why);
    sqlite3_finalize(row);
    return outcome;
}

/* Tables whose checks changed, which SQLite cannot alter, with the version that brought the new ones. Their columns are
 * what they were, so their rows move over as they are. */
enum { REBUILT_EPOCH };
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
    [REBUILT_EPOCH] = REBUILT(3, "epoch"), /* the split 'test' */
    REBUILT(3, "flow"),
    REBUILT(7, "comparison"), /* quantities */
#undef REBUILT
};
enum { REBUILT_TABLES = sizeof rebuilt / sizeof rebuilt[0] };

/* Columns that were added, with the version that brought them; each is its table's last. */
static const struct {
    long version;
    const char *exists, *add;
} added[] = {{5, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'epoch'",
              "ALTER TABLE epoch ADD COLUMN running REAL"}};

/* Nobody draws figures from a single shard, and a merge reads the schema of thousands. */
static status drop_views(recorder *book, failure *why) {
    char name[RECORDER_NAME_MAX], sql[RECORDER_NAME_MAX + 16];
    for (;;) {
        sqlite3_stmt *row = NULL;
        if (sqlite3_prepare_v2(book->db, "SELECT name FROM sqlite_schema WHERE type = 'view' LIMIT 1", -1, &row,
                               NULL) != SQLITE_OK)
            return recorder_fail(book, "create", why);
        const int code = sqlite3_step(row);
        if (code == SQLITE_ROW) sqlite3_snprintf(sizeof name, name, "%s", recorder_text(row, 0));
        const status outcome =
            code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : recorder_fail(book, "create", why);
        sqlite3_finalize(row);
        if (code != SQLITE_ROW) return outcome;
        sqlite3_snprintf(sizeof sql, sql, "DROP VIEW \"%w\"", name);
        TRY(recorder_script(book, sql, "create", why));
    }
}

static status bring_up(recorder *book, long version, failure *why) {
    bool aside[REBUILT_TABLES] = {false}, unpacked = false;
    if (version > 0) TRY(recorder_unpack_epochs(book, &unpacked, why));
    for (size_t i = 0; version > 0 && i < sizeof added / sizeof *added; i++) {
        long exists = 0;
        if (version < added[i].version) TRY(recorder_read_number(book, added[i].exists, 0, &exists, why));
        if (exists > 0) TRY(recorder_script(book, added[i].add, "bring up to date", why));
    }
    for (size_t i = 0; i < REBUILT_TABLES; i++) {
        long exists = 0;
        if (version < rebuilt[i].version || (unpacked && i == REBUILT_EPOCH))
            TRY(recorder_read_number(book, rebuilt[i].exists, 0, &exists, why));
        aside[i] = exists > 0;
        if (aside[i]) TRY(recorder_script(book, rebuilt[i].set_aside, "bring up to date", why));
    }
    TRY(recorder_script(book, schema, "create", why));
    for (size_t i = 0; i < REBUILT_TABLES; i++)
        if (aside[i]) TRY(recorder_script(book, rebuilt[i].put_back, "bring up to date", why));
    return book->shard ? drop_views(book, why) : STATUS_OK;
}

/* In one transaction: a process killed here leaves the database as it was, empty or older. */
static status create_schema(recorder *book, long version, failure *why) {
    TRY(recorder_script(book, "BEGIN IMMEDIATE", "create", why));
    const status outcome = bring_up(book, version, why);
    book->finished = version > 0; /* runs of before are compared as the database is closed */
    if (outcome == STATUS_OK) return recorder_script(book, "COMMIT", "create", why);
    sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
    return outcome;
}

status recorder_is_empty(recorder *book, bool *empty, failure *why) {
    long objects;
    TRY(recorder_read_number(book, "SELECT count(*) FROM sqlite_schema", 0, &objects, why));
    *empty = objects == 0;
    return STATUS_OK;
}

status recorder_prepare_schema(recorder *book, bool create, failure *why) {
    long version = 0;
    bool empty;
    TRY(recorder_is_empty(book, &empty, why));
    if (empty && !create) return fail(why, STATUS_FORMAT, "the database \"%s\" is empty", book->path);
    if (!empty) {
        TRY(recorder_read_number(book, "SELECT value FROM meta WHERE key = 'schema_version'", -1, &version, why));
        if (version < 1)
            return fail(why, STATUS_FORMAT, "\"%s\" is a database of another program; choose another with --db",
                        book->path);
        if (version > RECORDER_SCHEMA_VERSION)
            return fail(why, STATUS_FORMAT,
                        "the database \"%s\" has schema version %ld, and this program knows versions up to %d: use a "
                        "newer version of the program, or another database with --db",
                        book->path, version, RECORDER_SCHEMA_VERSION);
    }
    if (create) TRY(recorder_leave_log(book, why)); /* only now, as it changes the file */
    if (!create) return STATUS_OK;
    bool packed;
    TRY(recorder_epochs_are_packed(book, &packed, why));
    return version < RECORDER_SCHEMA_VERSION || packed ? create_schema(book, version, why) : STATUS_OK;
}
