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
    BUSY_MILLISECONDS = 10000,
    SHARD_BUSY_MILLISECONDS = 300000,
    LOCK_POLL_NANOSECONDS = 200000000,
    URI_MAX = 3 * RECORDER_PATH_MAX
};

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

double recorder_due(const recorder *book) {
    if (!book->open) return -1;
    const double interval = book->shard ? RECORDER_SHARD_COMMIT_SECONDS : RECORDER_COMMIT_SECONDS;
    const double left = interval - (clock_seconds() - book->opened);
    return left > 0 ? left : 0;
}

status recorder_tick(recorder *book, failure *why) {
    return recorder_due(book) == 0 ? recorder_commit(book, why) : STATUS_OK;
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

/* A database that is a link is locked, and has its checkpoints, where the file is. */
static status keep_path(recorder *book, const char *path, failure *why) {
    char *real = realpath(path, NULL);
    struct stat link;
    const bool linked = real && lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    const int length = snprintf(book->path, sizeof book->path, "%s", linked ? real : path);
    free(real);
    /* Room for the names of files beside it. */
    if (length + 128 < (int)sizeof book->path) return STATUS_OK;
    return fail(why, STATUS_IO, "the database's path is too long: \"%.200s...\"", path);
}

static status take_lock(recorder *book, recorder_wait *wait, void *argument, failure *why) {
    char holder[RECORDER_NAME_MAX] = "";
    for (;;) {
        bool taken = false;
        TRY(recorder_lock(book->path, &taken, &book->lock, holder, why));
        if (taken) return STATUS_OK;
        if (!wait || !wait(argument, holder))
            return fail(why, STATUS_IO, "the database \"%s\" is being written by %s", book->path, holder);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_NANOSECONDS}, NULL);
    }
}

static status open_writing(recorder *book, failure *why) {
    if (sqlite3_open_v2(book->path, &book->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        return recorder_fail(book, "open", why);
    /* Who merges a shard holds up its task's commit meanwhile. */
    sqlite3_busy_timeout(book->db, book->shard ? SHARD_BUSY_MILLISECONDS : BUSY_MILLISECONDS);
    /* The log lets others read while we write. Where it cannot be had, the file works without. */
    TRY(recorder_prepare_schema(book, true, why));
    TRY(recorder_script(book, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", "open", why));

    sqlite3_stmt *rows;
    bool more;
    TRY(recorder_select(book, STATEMENT_COUNT_RUNNING, &rows, why, ""));
    TRY(recorder_next(book, rows, &more, why));
    const bool left_running = more && sqlite3_column_int64(rows, 0) > 0;
    while (more) TRY(recorder_next(book, rows, &more, why));
    if (left_running) TRY(recorder_write(book, STATEMENT_MARK_DEAD, why, ""));
    return recorder_commit(book, why);
}

/* "file:PATH?immutable=1": for a database on a medium where SQLite cannot make its side files. Right only while no
 * log with newer rows lies beside it. */
static bool immutable_name(const char *path, char out[URI_MAX]) {
    char log[RECORDER_PATH_MAX];
    struct stat information;
    if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log) return false;
    if (stat(log, &information) == 0 && information.st_size > 0) return false;
    size_t used = (size_t)sprintf(out, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                           strchr("/._-", *c) != NULL;
        used += (size_t)sprintf(out + used, plain ? "%c" : "%%%02X", *c);
        if (used + 32 > URI_MAX) return false;
    }
    sprintf(out + used, "?immutable=1");
    return true;
}

static status connect_reading(recorder *book, failure *why) {
    char name[URI_MAX];
    struct stat information;
    if (stat(book->path, &information) != 0)
        return fail(why, STATUS_IO, "cannot read the database \"%s\": %s", book->path, strerror(errno));
    /* Not SQLITE_OPEN_READONLY, which would leave SQLite's side files behind. */
    if (sqlite3_open_v2(book->path, &book->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return recorder_fail(book, "read", why);
    sqlite3_busy_timeout(book->db, BUSY_MILLISECONDS);
    const bool readable = sqlite3_exec(book->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK;
    const int code = sqlite3_errcode(book->db) & 0xff;
    if (!readable && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && immutable_name(book->path, name)) {
        sqlite3_close(book->db);
        book->db = NULL;
        if (sqlite3_open_v2(name, &book->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
            return recorder_fail(book, "read", why);
    }
    return recorder_script(book, "PRAGMA query_only = ON", "read", why);
}

static void release(recorder **book) {
    recorder_end_merging(*book);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize((*book)->statements[i]);
    sqlite3_close((*book)->db);
    if ((*book)->lock >= 0) close((*book)->lock);
    free(*book);
    *book = NULL;
}

static status create(const char *path, recorder **out, failure *why) {
    recorder *book = calloc(1, sizeof *book);
    if (!book) return fail(why, STATUS_MEMORY, "out of memory");
    book->lock = -1;
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
    status outcome = connect_reading(book, why);
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
    status outcome = connect_reading(book, why);
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
