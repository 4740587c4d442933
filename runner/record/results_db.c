/* results_db.c - opening the results database, its transactions, and running statements. */
#include "record/results_db_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "system/clock.h"

enum {
    LOCK_POLL_NANOSECONDS = 200000000, /* between two attempts to take the lock of this program */
    BUSY_POLL_NANOSECONDS = 10000000 /* the same for another program's lock */
};
#define BUSY_SECONDS 10.0 /* to wait for another program's lock, without a callback */
#define TRY_SECONDS 0.05 /* the same for a single attempt */

static const char *const statement_texts[STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [STATEMENT_##name] = (sql),
#include "record/results_db_statements.def"
#undef STATEMENT
};

void db_now(char text[32]) {
    const time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

const char *db_path(const results_db *db) {
    return db->path;
}

const char *db_library_version(void) {
    return sqlite3_libversion();
}

/* A failed read looks like damage to SQLite; check again. */
static bool is_whole(const results_db *db) {
    sqlite3_stmt *check;
    if (sqlite3_prepare_v2(db->sqlite, "PRAGMA quick_check(1)", -1, &check, NULL) != SQLITE_OK) return false;
    const bool whole = sqlite3_step(check) == SQLITE_ROW && strcmp(db_text(check, 0), "ok") == 0;
    sqlite3_finalize(check);
    return whole;
}

status db_fail(const results_db *db, const char *doing, error_info *err) {
    const int code = sqlite3_errcode(db->sqlite) & 0xff, system = sqlite3_system_errno(db->sqlite);
    const char *path = db->path;
    char message[DB_NAME_MAX];
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(db->sqlite)); /* is_whole() replaces it */
    if (sqlite3_extended_errcode(db->sqlite) == SQLITE_READONLY_ROLLBACK)
        return error_set(err, STATUS_IO,
                         "cannot %s the database \"%s\": the process that wrote it was killed just now; try again",
                         doing, path);
    switch (code) {
    case SQLITE_NOTADB: return error_set(err, STATUS_FORMAT, "\"%s\" is not a database", path);
    case SQLITE_CORRUPT:
        if (is_whole(db))
            return error_set(err, STATUS_IO, "cannot %s the database \"%s\": reading it failed (Input/output error)",
                             doing, path);
        return error_set(err, STATUS_FORMAT,
                         "the database \"%s\" is damaged (%s); keep it, and see what \"sqlite3 %s "
                         ".recover\" can save of it",
                         path, message, path);
    case SQLITE_FULL: return error_set(err, STATUS_IO, "cannot %s the database \"%s\": the disk is full", doing, path);
    case SQLITE_BUSY:
        return error_set(err, STATUS_IO, "cannot %s the database \"%s\": another program keeps it locked", doing, path);
    default: break;
    }
    if (system != 0)
        return error_set(err, STATUS_IO, "cannot %s the database \"%s\": %s (%s)", doing, path, message,
                         strerror(system));
    return error_set(err, STATUS_IO, "cannot %s the database \"%s\": %s", doing, path, message);
}

status db_script(results_db *db, const char *sql, const char *doing, error_info *err) {
    if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK) return STATUS_OK;
    return db_fail(db, doing, err);
}

/* --- Transactions --- */

static status begin(results_db *db, error_info *err) {
    if (db->open) return STATUS_OK;
    TRY(db_script(db, "BEGIN IMMEDIATE", "write", err));
    db->open = true;
    db->opened = clock_seconds();
    return STATUS_OK;
}

status db_commit(results_db *db, error_info *err) {
    if (!db->open) return STATUS_OK;
    const status outcome = db_script(db, "COMMIT", "write", err);
    db->open = !sqlite3_get_autocommit(db->sqlite);
    return outcome;
}

/* Run the statement; detect if another program's lock prevents it. */
static status attempt(results_db *db, status (*doing)(results_db *db, error_info *err), bool *done, error_info *err) {
    db->trying = true;
    const status outcome = doing(db, err);
    db->trying = false;
    *done = outcome == STATUS_OK;
    return *done || (sqlite3_errcode(db->sqlite) & 0xff) != SQLITE_BUSY ? outcome : STATUS_OK;
}

/* Pages that do not fit into SQLite's cache would be written before the commit, and that also waits for readers. */
static status begin_in_memory(results_db *db, error_info *err) {
    if (!db->open) TRY(db_script(db, "PRAGMA cache_spill = OFF", "write", err));
    return begin(db, err);
}

status db_try_begin(results_db *db, bool *done, error_info *err) {
    return attempt(db, begin_in_memory, done, err);
}

/* A commit that waits for one reader blocks all later ones, so try it only without readers. */
status db_try_commit(results_db *db, bool *done, error_info *err) {
    *done = !db->open;
    return *done || db_is_read(db->file) ? STATUS_OK : attempt(db, db_commit, done, err);
}

void db_give_up(results_db *db) {
    if (db->open) sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    db->open = !sqlite3_get_autocommit(db->sqlite);
}

double db_due(const results_db *db) {
    if (!db->open) return -1;
    const double interval = db->shard ? DB_SHARD_COMMIT_SECONDS : DB_COMMIT_SECONDS;
    const double left = interval - (clock_seconds() - db->opened);
    return left > 0 ? left : 0;
}

/* --- Statements --- */

/* "nan", "inf", "-inf", or NULL for a finite number. */
static const char *kind_of(double value) {
    if (isnan(value)) return "nan";
    if (isinf(value)) return value > 0 ? "inf" : "-inf";
    return NULL;
}

static int bind_text(sqlite3_stmt *statement, int at, const char *text) {
    return text ? sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC) : sqlite3_bind_null(statement, at);
}

/* Texts and blobs are not copied; they must live until the statement is reset. */
static bool bind(sqlite3_stmt *statement, const char *kinds, va_list arguments) {
    int at = 1, code = SQLITE_OK;
    for (; *kinds && code == SQLITE_OK; kinds++) {
        switch (*kinds) {
        case 'i': code = sqlite3_bind_int64(statement, at++, va_arg(arguments, int64_t)); break;
        case 'u': code = sqlite3_bind_int64(statement, at++, (int64_t)va_arg(arguments, uint64_t)); break;
        case 'd': code = sqlite3_bind_double(statement, at++, va_arg(arguments, double)); break;
        case 't': code = bind_text(statement, at++, va_arg(arguments, const char *)); break;
        case 'n': {
            const double value = va_arg(arguments, double);
            const char *kind = kind_of(value);
            code = kind ? sqlite3_bind_null(statement, at) : sqlite3_bind_double(statement, at, value);
            if (code == SQLITE_OK) code = bind_text(statement, at + 1, kind);
            at += 2;
            break;
        }
        case 'b': {
            const void *bytes = va_arg(arguments, const void *);
            const size_t size = va_arg(arguments, size_t);
            code = sqlite3_bind_blob64(statement, at++, bytes, size, SQLITE_STATIC);
            break;
        }
        default: assert(false && "a letter of the list in results_db_internal.h");
        }
    }
    assert(code != SQLITE_OK || at - 1 == sqlite3_bind_parameter_count(statement));
    return code == SQLITE_OK;
}

static status ready(results_db *db, db_statement id, const char *doing, sqlite3_stmt **out, error_info *err) {
    sqlite3_stmt **statement = &db->statements[id];
    if (!*statement && sqlite3_prepare_v3(db->sqlite, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT, statement,
                                          NULL) != SQLITE_OK)
        return db_fail(db, doing, err);
    *out = *statement;
    return STATUS_OK;
}

status db_write(results_db *db, db_statement id, error_info *err, const char *kinds, ...) {
    sqlite3_stmt *statement = NULL;
    TRY(begin(db, err));
    TRY(ready(db, id, "write", &statement, err));
    va_list arguments;
    va_start(arguments, kinds);
    const bool bound = bind(statement, kinds, arguments);
    va_end(arguments);
    status outcome = STATUS_OK;
    if (!bound || sqlite3_step(statement) != SQLITE_DONE) outcome = db_fail(db, "write", err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    /* A full disk may have ended the transaction; earlier commits are unaffected. */
    if (outcome != STATUS_OK) db->open = !sqlite3_get_autocommit(db->sqlite);
    return outcome;
}

status db_select(results_db *db, db_statement id, sqlite3_stmt **rows, error_info *err, const char *kinds, ...) {
    TRY(ready(db, id, "read", rows, err));
    va_list arguments;
    va_start(arguments, kinds);
    const bool bound = bind(*rows, kinds, arguments);
    va_end(arguments);
    return bound ? STATUS_OK : db_fail(db, "read", err);
}

status db_next(results_db *db, sqlite3_stmt *rows, bool *more, error_info *err) {
    const int code = sqlite3_step(rows);
    *more = code == SQLITE_ROW;
    if (*more) return STATUS_OK;
    const status outcome = code == SQLITE_DONE ? STATUS_OK : db_fail(db, "read", err);
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
    return outcome;
}

const char *db_text(sqlite3_stmt *row, int column) {
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

/* --- Opening and closing --- */

/* SQLite uses whole paths with links resolved, and its limit for them is low. */
static status check_length(const char *path, error_info *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const sqlite3_vfs *files = sqlite3_vfs_find(NULL); /* NULL if SQLite could not allocate memory at its start */
    if (!files) return error_set(err, STATUS_MEMORY, "out of memory for the database \"%s\"", path);
    const size_t most = (size_t)files->mxPathname - strlen("-journal");
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    char *real = realpath(folder, NULL);
    const size_t length = real ? strlen(real) + 1 + strlen(slash ? slash + 1 : path) : strlen(path);
    free(real);
    if (length <= most) return STATUS_OK;
    return error_set(err, STATUS_IO, "the database's path is too long: %zu bytes, SQLite takes at most %zu: \"%s\"",
                     length, most, path);
}

/* A database that is a link is locked, and has its checkpoints, where the file is. */
static status keep_path(results_db *db, const char *path, error_info *err) {
    char *real = realpath(path, NULL);
    struct stat link;
    const bool linked = real && lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    const int length = snprintf(db->path, sizeof db->path, "%s", linked ? real : path);
    free(real);
    /* Leave room for the names of files beside it. */
    if (length + 128 < (int)sizeof db->path) return check_length(db->path, err);
    return error_set(err, STATUS_IO, "the database's path is too long: %d bytes: \"%s\"", length, path);
}

static status take_lock(results_db *db, db_wait *wait, void *argument, error_info *err) {
    char holder[DB_NAME_MAX] = "";
    const double began = clock_seconds();
    for (;;) {
        bool taken = false;
        TRY(db_lock(db->path, &taken, &db->lock, holder, err));
        if (taken) return STATUS_OK;
        if (!wait || !wait(argument, holder, clock_seconds() - began))
            return error_set(err, STATUS_IO, "the database \"%s\" is being written by %s", db->path, holder);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_NANOSECONDS}, NULL);
    }
}

/* SQLite calls this repeatedly while another program has the lock. Processes of this program avoid each other by the
 * lock on the file beside the database. */
static int wait_for_other(void *argument, int count) {
    results_db *db = argument;
    const double now = clock_seconds();
    if (count == 0) db->blocked = now;
    const double seconds = now - db->blocked;
    if (db->trying) {
        if (seconds >= TRY_SECONDS) return 0;
    } else if (db->wait ? !db->wait(db->argument, NULL, seconds) : seconds >= BUSY_SECONDS) {
        return 0;
    }
    nanosleep(&(struct timespec){.tv_nsec = BUSY_POLL_NANOSECONDS}, NULL);
    return 1;
}

/* Older versions made databases with a write-ahead log, which takes files beside it even to read
 * (docs/reference/database.md). For this statement SQLite does not wait by itself. */
status db_leave_log(results_db *db, error_info *err) {
    status outcome;
    int count = 0;
    do outcome = db_script(db, "PRAGMA journal_mode = DELETE", "open", err);
    while (outcome != STATUS_OK && (sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_BUSY && wait_for_other(db, count++));
    return outcome;
}

static status open_writing(results_db *db, error_info *err) {
    TRY(db_make_file(db->path, &db->file, err));
    db_take_side_files(db->path, db->file);
    if (sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return db_fail(db, "open", err);
    sqlite3_busy_handler(db->sqlite, wait_for_other, db);
    TRY(db_prepare_schema(db, true, err));
    TRY(db_script(db, "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON", "open", err));

    long left_running;
    TRY(db_comparisons_outdated(db, &db->outdated, err));
    TRY(db_read_number(db, "SELECT count(*) FROM run WHERE status = 'running'", 0, &left_running, err));
    if (left_running > 0) TRY(db_write(db, STATEMENT_MARK_DEAD, err, ""));
    return db_commit(db, err);
}

static void release(results_db **db) {
    db_end_merging(*db);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize((*db)->statements[i]);
    sqlite3_close((*db)->sqlite);
    if ((*db)->file >= 0) close((*db)->file);
    if ((*db)->lock >= 0) close((*db)->lock);
    free(*db);
    *db = NULL;
}

static status create(const char *path, results_db **out, error_info *err) {
    results_db *db = calloc(1, sizeof *db);
    if (!db) return error_set(err, STATUS_MEMORY, "out of memory");
    db->lock = db->file = -1;
    const status outcome = keep_path(db, path, err);
    if (outcome == STATUS_OK) *out = db;
    else free(db);
    return outcome;
}

static status open_locked(const char *path, bool shard, db_wait *wait, void *argument, results_db **out,
                          error_info *err) {
    results_db *db;
    TRY(create(path, &db, err));
    db->shard = shard;
    db->wait = wait;
    db->argument = argument;
    status outcome = take_lock(db, wait, argument, err);
    if (outcome == STATUS_OK) outcome = open_writing(db, err);
    if (outcome == STATUS_OK) *out = db;
    else release(&db);
    return outcome;
}

status db_open(const char *path, db_wait *wait, void *argument, results_db **out, error_info *err) {
    return open_locked(path, false, wait, argument, out, err);
}

status db_open_shard(const char *path, db_wait *wait, void *argument, results_db **out, error_info *err) {
    return open_locked(path, true, wait, argument, out, err);
}

status db_open_reading(const char *path, results_db **out, error_info *err) {
    results_db *db;
    TRY(create(path, &db, err));
    status outcome = db_connect_reading(db, err);
    if (outcome == STATUS_OK) outcome = db_prepare_schema(db, false, err);
    if (outcome == STATUS_OK) *out = db;
    else release(&db);
    return outcome;
}

status db_open_begun(const char *path, results_db **out, error_info *err) {
    results_db *db;
    bool empty = false;
    *out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return STATUS_OK;
    TRY(create(path, &db, err));
    status outcome = db_connect_reading(db, err);
    if (outcome == STATUS_OK) outcome = db_is_empty(db, &empty, err);
    if (outcome == STATUS_OK && !empty) outcome = db_prepare_schema(db, false, err);
    if (outcome == STATUS_OK && !empty) *out = db;
    else release(&db);
    return outcome;
}

status db_close(results_db **db, error_info *err) {
    if (!*db) return STATUS_OK;
    status outcome = db_commit(*db, err);
    if (outcome == STATUS_OK) outcome = db_compare(*db, err);
    release(db);
    return outcome;
}
