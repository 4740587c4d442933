/* recorder_schema.c - the tables of a new database, and the version of an old one. */
#include <stdlib.h>

#include "recorder_internal.h"

/* schema.sql as the build made a string of it. */
static const char schema[] =
#include "schema.inc"
    ;

/* The first number of a query's first row; `otherwise` if it has none or cannot be run. */
static status read_number(recorder *book, const char *sql, long otherwise, long *out, failure *why) {
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

/* In one transaction: a process killed here leaves the database as it was, empty or older. */
static status create_schema(recorder *book, failure *why) {
    TRY(recorder_script(book, "BEGIN IMMEDIATE", "create", why));
    const status outcome = recorder_script(book, schema, "create", why);
    if (outcome == STATUS_OK) return recorder_script(book, "COMMIT", "create", why);
    sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
    return outcome;
}

status recorder_prepare_schema(recorder *book, bool create, failure *why) {
    long objects, version = 0;
    TRY(read_number(book, "SELECT count(*) FROM sqlite_schema", 0, &objects, why));
    if (objects == 0 && !create) return fail(why, STATUS_FORMAT, "the database \"%s\" is empty", book->path);
    if (objects > 0) {
        TRY(read_number(book, "SELECT value FROM meta WHERE key = 'schema_version'", -1, &version, why));
        if (version < 1)
            return fail(why, STATUS_FORMAT, "\"%s\" is a database of another program; choose another with --db",
                        book->path);
        if (version > RECORDER_SCHEMA_VERSION)
            return fail(why, STATUS_FORMAT,
                        "the database \"%s\" has schema version %ld, and this program knows versions up to %d: use a "
                        "newer version of the program, or another database with --db",
                        book->path, version, RECORDER_SCHEMA_VERSION);
    }
    /* Write-ahead logging lets others read while we write. Where a file system cannot do it, SQLite stays with its
     * other journal, and all works. Only now, as it changes the file. */
    if (create) TRY(recorder_script(book, "PRAGMA journal_mode = WAL", "open", why));
    return create && version < RECORDER_SCHEMA_VERSION ? create_schema(book, why) : STATUS_OK;
}
