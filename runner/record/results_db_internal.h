/* results_db_internal.h - the structure of the recorder, for the files that implement it. */
#ifndef AFFJORD_RUNNER_RESULTS_DB_INTERNAL_H
#define AFFJORD_RUNNER_RESULTS_DB_INTERNAL_H

#include <sqlite3.h>

#include "record/results_db.h"

enum {
    DB_READING_MILLISECONDS = 10000, /* time that a reader waits for a commit */
    /* The bytes of a database that SQLite locks for a reader (sqlite.org/fileformat2.html, "The Lock-Byte Page"). */
    DB_LOCK_FIRST = 0x40000002,
    DB_LOCK_SIZE = 510
};

typedef enum db_statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "record/results_db_statements.def"
#undef STATEMENT
    STATEMENT_COUNT
} db_statement;

struct results_db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared when first used */
    char path[PATH_MAX];
    int lock; /* descriptor of PATH.lock; -1 when reading */
    /* Descriptor of the database; -1 when reading. Closing it drops SQLite's locks, so it is closed after SQLite's
     * own. */
    int file;
    bool shard; /* of one task, on a disk that hosts share */
    struct merging *merging; /* how rows of shards are copied; made when first used */
    bool open; /* a transaction */
    double opened; /* when, on the monotonic clock */
    bool outdated; /* comparisons: make them again before closing; the database has a row of it too */
    db_wait *wait; /* called while another program's lock prevents writing; may be NULL */
    void *argument;
    bool trying; /* do not wait for that lock now */
    double blocked; /* time at which it first blocked the current statement */
};

/* *taken <- whether this process got the lock of the database at `path`. *descriptor holds it until closed, also in
 * child processes; it is -1 if the file system has no locks. If not taken, `holder` describes the process that has
 * it. */
status db_lock(const char *path, bool *taken, int *descriptor, char holder[DB_NAME_MAX], error_info *err);

/* Open the database's file; create it, empty, with the permissions of the umask. SQLite would give its own files to
 * their owner alone; its journal gets the database's permissions. */
status db_make_file(const char *path, int *file, error_info *err);

/* Return whether another process is reading the database of this open file. */
bool db_is_read(int file);

/* Take over SQLite's files of another user beside a database that this user may write, because they must be written
 * too. */
void db_take_side_files(const char *path, int file);

/* Open the database for reading. */
status db_connect_reading(results_db *db, error_info *err);

/* *empty <- whether nothing has been committed in the open database. */
status db_is_empty(results_db *db, bool *empty, error_info *err);

/* Check that the open database has this program's schema; create it in an
 * empty one if `create`. */
status db_prepare_schema(results_db *db, bool create, error_info *err);

/* *out <- the first number of a query's first row; `otherwise` if it has none or cannot be run. */
status db_read_number(results_db *db, const char *sql, long otherwise, long *out, error_info *err);

/* Make an archive of the open database, within a transaction: round and compress its pictures; store large tables in
 * fewer bytes, behind views with the tables' names that show the same rows; drop indexes. */
status db_pack_pictures(results_db *db, error_info *err);
status db_pack_tables(results_db *db, error_info *err);
/* Move the rows of such views to tables unpacked_..., and, once the schema has made the tables, from there to them. */
status db_set_packed_aside(results_db *db, error_info *err);
status db_put_unpacked_back(results_db *db, error_info *err);

/* Remove the runs that an SQL condition on table run selects, with their rows in every table that refers to it, in the
 * open transaction. */
status db_drop_runs(results_db *db, const char *which, error_info *err);

/* Replace a write-ahead log by a rollback journal, when no process reads. */
status db_leave_log(results_db *db, error_info *err);

/* `err` <- SQLite's message about the last call, with the database's path. */
status db_fail(const results_db *db, const char *doing, error_info *err);

/* Run statements without parameters. */
status db_script(results_db *db, const char *sql, const char *doing, error_info *err);

/* Run one writing statement in the open transaction, or in a new one. `kinds`
 * has a letter for each argument after it:
 *   i int64_t   u uint64_t   d double   t const char * (may be NULL)
 *   n double that may be infinite or NaN; takes two parameters, value and kind
 *   b const void *, size_t */
status db_write(results_db *db, db_statement id, error_info *err, const char *kinds, ...);

/* Start a reading statement; its rows follow. */
status db_select(results_db *db, db_statement id, sqlite3_stmt **rows, error_info *err, const char *kinds, ...);
/* *more <- whether there was another row; after the last one, or a failure,
 * the statement is ready for its next use. */
status db_next(results_db *db, sqlite3_stmt *rows, bool *more, error_info *err);

/* Return the text of a column, valid until the next row; "" for NULL, and if memory ran out, which db_next then
 * returns. */
const char *db_text(sqlite3_stmt *row, int column);

/* If comparisons are outdated, make the tables `comparison`, `sweep_comparison` and `sweep_term` from the runs,
 * and commit. */
status db_compare(results_db *db, error_info *err);
status db_compare_sweep(results_db *db, const char *experiment, error_info *err);

/* The columns of RUN_COLUMNS as a run. */
void db_read_run(sqlite3_stmt *row, db_run *out);

/* Write the present time in UTC, as in 2024-12-31T23:59:59Z. */
void db_now(char text[32]);

#endif
