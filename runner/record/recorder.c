/* recorder.c - opening the results database, its transactions, and running statements. */
#include "record/recorder_internal.h"

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
    LOCK_POLL_NANOSECONDS = 200000000, /* between two tries for the lock of this program */
    BUSY_POLL_NANOSECONDS = 10000000 /* and for another program's */
};
#define BUSY_SECONDS 10.0 /* that another program's lock is waited for where nobody is asked */
#define TRY_SECONDS 0.05 /* and where that is only tried */

static const char *const statement_texts[STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [STATEMENT_##name] = (sql),
#include "record/recorder_statements.def"
#undef STATEMENT
};

void recorder_now(char text[32]) {
    const time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

const char *recorder_path(const recorder *book) {
    return book->path;
}

const char *recorder_library_version(void) {
    return sqlite3_libversion();
}

/* What a read that failed leaves looks like damage to SQLite: it looks again. */
static bool is_whole(const recorder *book) {
    sqlite3_stmt *check;
    if (sqlite3_prepare_v2(book->db, "PRAGMA quick_check(1)", -1, &check, NULL) != SQLITE_OK) return false;
    const bool whole = sqlite3_step(check) == SQLITE_ROW && strcmp(recorder_text(check, 0), "ok") == 0;
    sqlite3_finalize(check);
    return whole;
}

status recorder_fail(const recorder *book, const char *doing, failure *why) {
    const int code = sqlite3_errcode(book->db) & 0xff, system = sqlite3_system_errno(book->db);
    const char *path = book->path;
    char message[RECORDER_NAME_MAX];
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(book->db)); /* is_whole() has messages of its own */
    if (sqlite3_extended_errcode(book->db) == SQLITE_READONLY_ROLLBACK)
        return fail(why, STATUS_IO,
                    "cannot %s the database \"%s\": the process that wrote it was killed just now; try again", doing,
                    path);
    switch (code) {
    case SQLITE_NOTADB: return fail(why, STATUS_FORMAT, "\"%s\" is not a database", path);
    case SQLITE_CORRUPT:
        if (is_whole(book))
            return fail(why, STATUS_IO, "cannot %s the database \"%s\": reading it failed (Input/output error)", doing,
                        path);
        return fail(why, STATUS_FORMAT,
                    "the database \"%s\" is damaged (%s); keep it, and see what \"sqlite3 %s "
                    ".recover\" can save of it",
                    path, message, path);
    case SQLITE_FULL: return fail(why, STATUS_IO, "cannot %s the database \"%s\": the disk is full", doing, path);
    case SQLITE_BUSY:
        return fail(why, STATUS_IO, "cannot %s the database \"%s\": another program keeps it locked", doing, path);
    default: break;
    }
    if (system != 0)
        return fail(why, STATUS_IO, "cannot %s the database \"%s\": %s (%s)", doing, path, message, strerror(system));
    return fail(why, STATUS_IO, "cannot %s the database \"%s\": %s", doing, path, message);
}

status recorder_script(recorder *book, const char *sql, const char *doing, failure *why) {
    if (sqlite3_exec(book->db, sql, NULL, NULL, NULL) == SQLITE_OK) return STATUS_OK;
    return recorder_fail(book, doing, why);
}

/* --- Transactions --- */

static status begin(recorder *book, failure *why) {
    if (book->open) return STATUS_OK;
    TRY(recorder_script(book, "BEGIN IMMEDIATE", "write", why));
    book->open = true;
    book->opened = clock_seconds();
    return STATUS_OK;
}

status recorder_commit(recorder *book, failure *why) {
    if (!book->open) return STATUS_OK;
    const status outcome = recorder_script(book, "COMMIT", "write", why);
    book->open = !sqlite3_get_autocommit(book->db);
    return outcome;
}

/* Do it, or find that another program's lock is in the way. */
static status attempt(recorder *book, status (*doing)(recorder *book, failure *why), bool *done, failure *why) {
    book->trying = true;
    const status outcome = doing(book, why);
    book->trying = false;
    *done = outcome == STATUS_OK;
    return *done || (sqlite3_errcode(book->db) & 0xff) != SQLITE_BUSY ? outcome : STATUS_OK;
}

/* What does not fit into SQLite's cache would be written before the commit, which has to wait for readers too. */
static status begin_in_memory(recorder *book, failure *why) {
    if (!book->open) TRY(recorder_script(book, "PRAGMA cache_spill = OFF", "write", why));
    return begin(book, why);
}

status recorder_try_begin(recorder *book, bool *done, failure *why) {
    return attempt(book, begin_in_memory, done, why);
}

/* A commit that has to wait for one reader keeps out all others; so it is only tried where nobody reads. */
status recorder_try_commit(recorder *book, bool *done, failure *why) {
    *done = !book->open;
    return *done || recorder_is_read(book->file) ? STATUS_OK : attempt(book, recorder_commit, done, why);
}

void recorder_give_up(recorder *book) {
    if (book->open) sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
    book->open = !sqlite3_get_autocommit(book->db);
}

double recorder_due(const recorder *book) {
    if (!book->open) return -1;
    const double interval = book->shard ? RECORDER_SHARD_COMMIT_SECONDS : RECORDER_COMMIT_SECONDS;
    const double left = interval - (clock_seconds() - book->opened);
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

/* Texts and blobs are not copied: they live until the statement is reset. */
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
        default: assert(!"a letter of the list in recorder_internal.h");
        }
    }
    assert(code != SQLITE_OK || at - 1 == sqlite3_bind_parameter_count(statement));
    return code == SQLITE_OK;
}

static status ready(recorder *book, recorder_statement id, const char *doing, sqlite3_stmt **out, failure *why) {
    sqlite3_stmt **statement = &book->statements[id];
    if (!*statement &&
        sqlite3_prepare_v3(book->db, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
        return recorder_fail(book, doing, why);
    *out = *statement;
    return STATUS_OK;
}

status recorder_write(recorder *book, recorder_statement id, failure *why, const char *kinds, ...) {
    sqlite3_stmt *statement = NULL;
    TRY(begin(book, why));
    TRY(ready(book, id, "write", &statement, why));
    va_list arguments;
    va_start(arguments, kinds);
    const bool bound = bind(statement, kinds, arguments);
    va_end(arguments);
    status outcome = STATUS_OK;
    if (!bound || sqlite3_step(statement) != SQLITE_DONE) outcome = recorder_fail(book, "write", why);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    /* A full disk may have ended the transaction; what was committed before stays. */
    if (outcome != STATUS_OK) book->open = !sqlite3_get_autocommit(book->db);
    return outcome;
}

status recorder_select(recorder *book, recorder_statement id, sqlite3_stmt **rows, failure *why, const char *kinds,
                       ...) {
    TRY(ready(book, id, "read", rows, why));
    va_list arguments;
    va_start(arguments, kinds);
    const bool bound = bind(*rows, kinds, arguments);
    va_end(arguments);
    return bound ? STATUS_OK : recorder_fail(book, "read", why);
}

status recorder_next(recorder *book, sqlite3_stmt *rows, bool *more, failure *why) {
    const int code = sqlite3_step(rows);
    *more = code == SQLITE_ROW;
    if (*more) return STATUS_OK;
    const status outcome = code == SQLITE_DONE ? STATUS_OK : recorder_fail(book, "read", why);
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
    return outcome;
}

const char *recorder_text(sqlite3_stmt *row, int column) {
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

/* --- Opening and closing --- */

/* SQLite knows files by their whole paths, links followed, and has little room for them. */
static status check_length(const char *path, failure *why) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const sqlite3_vfs *files = sqlite3_vfs_find(NULL); /* none where memory ends as SQLite starts */
    if (!files) return fail(why, STATUS_MEMORY, "out of memory for the database \"%s\"", path);
    const size_t most = (size_t)files->mxPathname - strlen("-journal");
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    char *real = realpath(folder, NULL);
    const size_t length = real ? strlen(real) + 1 + strlen(slash ? slash + 1 : path) : strlen(path);
    free(real);
    if (length <= most) return STATUS_OK;
    return fail(why, STATUS_IO, "the database's path is too long: %zu bytes, SQLite takes at most %zu: \"%s\"", length,
                most, path);
}

/* A database that is a link is locked, and has its checkpoints, where the file is. */
static status keep_path(recorder *book, const char *path, failure *why) {
    char *real = realpath(path, NULL);
    struct stat link;
    const bool linked = real && lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    const int length = snprintf(book->path, sizeof book->path, "%s", linked ? real : path);
    free(real);
    /* Room for the names of files beside it. */
    if (length + 128 < (int)sizeof book->path) return check_length(book->path, why);
    return fail(why, STATUS_IO, "the database's path is too long: %d bytes: \"%s\"", length, path);
}

static status take_lock(recorder *book, recorder_wait *wait, void *argument, failure *why) {
    char holder[RECORDER_NAME_MAX] = "";
    const double began = clock_seconds();
    for (;;) {
        bool taken = false;
        TRY(recorder_lock(book->path, &taken, &book->lock, holder, why));
        if (taken) return STATUS_OK;
        if (!wait || !wait(argument, holder, clock_seconds() - began))
            return fail(why, STATUS_IO, "the database \"%s\" is being written by %s", book->path, holder);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_NANOSECONDS}, NULL);
    }
}

/* SQLite asks again and again while another program's lock is in the way; processes of this program keep out of each
 * other's by the lock on the file beside the database. */
static int wait_for_other(void *argument, int count) {
    recorder *book = argument;
    const double now = clock_seconds();
    if (count == 0) book->blocked = now;
    const double seconds = now - book->blocked;
    if (book->trying) {
        if (seconds >= TRY_SECONDS) return 0;
    } else if (book->wait ? !book->wait(book->argument, NULL, seconds) : seconds >= BUSY_SECONDS) {
        return 0;
    }
    nanosleep(&(struct timespec){.tv_nsec = BUSY_POLL_NANOSECONDS}, NULL);
    return 1;
}

/* Older versions made databases with a write-ahead log, which takes files beside it even to read
 * (docs/reference/database.md). For this statement SQLite does not wait by itself. */
status recorder_leave_log(recorder *book, failure *why) {
    status outcome;
    int count = 0;
    do outcome = recorder_script(book, "PRAGMA journal_mode = DELETE", "open", why);
    while (outcome != STATUS_OK && (sqlite3_errcode(book->db) & 0xff) == SQLITE_BUSY && wait_for_other(book, count++));
    return outcome;
}

static status open_writing(recorder *book, failure *why) {
    TRY(recorder_make_file(book->path, &book->file, why));
    recorder_take_side_files(book->path, book->file);
    if (sqlite3_open_v2(book->path, &book->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return recorder_fail(book, "open", why);
    sqlite3_busy_handler(book->db, wait_for_other, book);
    TRY(recorder_prepare_schema(book, true, why));
    TRY(recorder_script(book, "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON", "open", why));

    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_COUNT_RUNNING, &rows, why, ""));
    TRY(recorder_next(book, rows, &more, why));
    const bool left_running = more && sqlite3_column_int64(rows, 0) > 0;
    while (more) TRY(recorder_next(book, rows, &more, why));
    if (left_running) TRY(recorder_write(book, STATEMENT_MARK_DEAD, why, ""));
    return recorder_commit(book, why);
}

static void release(recorder **book) {
    recorder_end_merging(*book);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize((*book)->statements[i]);
    sqlite3_close((*book)->db);
    if ((*book)->file >= 0) close((*book)->file);
    if ((*book)->lock >= 0) close((*book)->lock);
    free(*book);
    *book = NULL;
}

static status create(const char *path, recorder **out, failure *why) {
    recorder *book = calloc(1, sizeof *book);
    if (!book) return fail(why, STATUS_MEMORY, "out of memory");
    book->lock = book->file = -1;
    const status outcome = keep_path(book, path, why);
    if (outcome == STATUS_OK) *out = book;
    else free(book);
    return outcome;
}

static status open_locked(const char *path, bool shard, recorder_wait *wait, void *argument, recorder **out,
                          failure *why) {
    recorder *book;
    TRY(create(path, &book, why));
    book->shard = shard;
    book->wait = wait;
    book->argument = argument;
    status outcome = take_lock(book, wait, argument, why);
    if (outcome == STATUS_OK) outcome = open_writing(book, why);
    if (outcome == STATUS_OK) *out = book;
    else release(&book);
    return outcome;
}

status recorder_open(const char *path, recorder_wait *wait, void *argument, recorder **out, failure *why) {
    return open_locked(path, false, wait, argument, out, why);
}

status recorder_open_shard(const char *path, recorder_wait *wait, void *argument, recorder **out, failure *why) {
    return open_locked(path, true, wait, argument, out, why);
}

status recorder_open_reading(const char *path, recorder **out, failure *why) {
    recorder *book;
    TRY(create(path, &book, why));
    status outcome = recorder_connect_reading(book, why);
    if (outcome == STATUS_OK) outcome = recorder_prepare_schema(book, false, why);
    if (outcome == STATUS_OK) *out = book;
    else release(&book);
    return outcome;
}

status recorder_open_begun(const char *path, recorder **out, failure *why) {
    recorder *book;
    bool empty = false;
    *out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return STATUS_OK;
    TRY(create(path, &book, why));
    status outcome = recorder_connect_reading(book, why);
    if (outcome == STATUS_OK) outcome = recorder_is_empty(book, &empty, why);
    if (outcome == STATUS_OK && !empty) outcome = recorder_prepare_schema(book, false, why);
    if (outcome == STATUS_OK && !empty) *out = book;
    else release(&book);
    return outcome;
}

status recorder_close(recorder **book, failure *why) {
    if (!*book) return STATUS_OK;
    status outcome = recorder_commit(*book, why);
    if (outcome == STATUS_OK && (*book)->finished && !(*book)->shard) {
        outcome = recorder_compare(*book, why);
        if (outcome == STATUS_OK) outcome = recorder_commit(*book, why);
    }
    release(book);
    return outcome;
}
