/* recorder_internal.h - what the files of the recorder share. */
#ifndef AFFJORD_RUNNER_RECORDER_INTERNAL_H
#define AFFJORD_RUNNER_RECORDER_INTERNAL_H

#include <sqlite3.h>

#include "record/recorder.h"

enum {
    RECORDER_READING_MILLISECONDS = 10000, /* that a reader waits for a commit */
    /* The bytes of a database that SQLite locks for a reader (sqlite.org/fileformat2.html, "The Lock-Byte Page"). */
    RECORDER_LOCK_FIRST = 0x40000002,
    RECORDER_LOCK_SIZE = 510
};

typedef enum recorder_statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "record/recorder_statements.def"
#undef STATEMENT
    STATEMENT_COUNT
} recorder_statement;

struct recorder {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared when first used */
    char path[PATH_MAX];
    int lock; /* descriptor of PATH.lock; -1 when reading */
    int file; /* and of the database; closing it would drop SQLite's locks, so it is closed after SQLite's; -1 when reading */
    bool shard; /* of one task, on a disk that hosts share */
    struct merging *merging; /* how rows of shards are copied; made when first used */
    bool open; /* a transaction */
    double opened; /* when, on the monotonic clock */
    bool finished; /* a run was: comparisons are made anew before it closes */
    recorder_wait *wait; /* asked while another program's lock is in the way of writing; may be NULL */
    void *argument;
    bool trying; /* do not wait for that lock now */
    double blocked; /* when it was first in the way of the statement under way */
};

/* Whether this process got the lock of the database at `path`: *descriptor
 * holds it until closed, also in child processes, and is -1 where the file
 * system has no locks. If not, `holder` tells who has it. */
status recorder_lock(const char *path, bool *taken, int *descriptor, char holder[RECORDER_NAME_MAX], failure *why);

/* Open the database's file, and make it, empty, if it is not there, with the permissions that the umask allows. SQLite's
 * own are for its owner alone; its journal gets those of the database. */
status recorder_make_file(const char *path, int *file, failure *why);

/* Whether another process reads the database of this open file at this moment. */
bool recorder_is_read(int file);

/* What another user left beside a database that this one may write, and has to be written too, becomes this one's. */
void recorder_take_side_files(const char *path, int file);

/* Open the database for reading. */
status recorder_connect_reading(recorder *book, failure *why);

/* *empty <- whether nothing has been committed in the open database. */
status recorder_is_empty(recorder *book, bool *empty, failure *why);

/* Check that the open database has this program's schema; create it in an
 * empty one if `create`. */
status recorder_prepare_schema(recorder *book, bool create, failure *why);

/* *out <- the first number of a query's first row; `otherwise` if it has none or cannot be run. */
status recorder_read_number(recorder *book, const char *sql, long otherwise, long *out, failure *why);

/* The compact form of an archive (recorder_pack.c), within a transaction. Pictures are rounded and compressed; epochs stand
 * in fewer rows behind a view that shows them as before, until the database is opened for writing. */
status recorder_pack_pictures(recorder *book, failure *why);
status recorder_pack_epochs(recorder *book, failure *why);
status recorder_epochs_are_packed(recorder *book, bool *are, failure *why);
/* *unpacked <- whether they were packed. The table epoch then has no checks yet. */
status recorder_unpack_epochs(recorder *book, bool *unpacked, failure *why);

/* Give a database that has a write-ahead log a journal that is rolled back, once nobody reads it. */
status recorder_leave_log(recorder *book, failure *why);

/* `why` <- what SQLite says of the last call, with the database's path. */
status recorder_fail(const recorder *book, const char *doing, failure *why);

/* Run statements without parameters. */
status recorder_script(recorder *book, const char *sql, const char *doing, failure *why);

/* Run one writing statement in the open transaction, or in a new one. `kinds`
 * has a letter for each argument after it:
 *   i int64_t   u uint64_t   d double   t const char * (may be NULL)
 *   n double that may be no finite number; takes two parameters, value and kind
 *   b const void *, size_t */
status recorder_write(recorder *book, recorder_statement id, failure *why, const char *kinds, ...);

/* Start a reading statement; its rows follow. */
status recorder_select(recorder *book, recorder_statement id, sqlite3_stmt **rows, failure *why, const char *kinds,
                       ...);
/* *more <- whether there was another row; after the last one, or a failure,
 * the statement is ready for its next use. */
status recorder_next(recorder *book, sqlite3_stmt *rows, bool *more, failure *why);

/* The text of a column, valid until the next row; empty for NULL, and where memory ended, which recorder_next says then. */
const char *recorder_text(sqlite3_stmt *row, int column);

/* The table `comparison` from the runs there are. */
status recorder_compare(recorder *book, failure *why);

/* The columns of RUN_COLUMNS as a run. */
void recorder_read_run(sqlite3_stmt *row, recorder_run *out);

/* Now, in UTC, as in 2024-12-31T23:59:59Z. */
void recorder_now(char text[32]);

#endif
