/* results_db_reading.c - read a database without writing beside it.
 *
 * A database with a rollback journal is opened read-only, and SQLite creates no file. Two kinds need a copy in a
 * private folder, which is recovered and read there: a database with a write-ahead log, from older versions of this
 * program, for which SQLite creates files even when it only reads; and a database whose writer was killed in a
 * transaction, whose journal must be rolled back first. SQLite's own read lock keeps writers out while the copy is
 * made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/results_db_internal.h"
#include "system/file_copy.h"

enum {
    LOG_HEADER = 32, /* bytes of a log's header, which change when the log restarts */
    ATTEMPTS = 100,
    PAUSE_NANOSECONDS = 20000000
};

/* Bytes 18 and 19 of a database are 2 if SQLite needs the write-ahead log to write and to read it. */
static bool has_log_mode(int database) {
    unsigned char versions[2] = {0};
    return pread(database, versions, sizeof versions, 18) == sizeof versions && versions[1] > 1;
}

/* Return whether a writer was killed in a transaction that has not been rolled back. A journal alone is no sign: a
 * live writer has one too. */
static bool needs_rollback(const char *path) {
    char journal[PATH_MAX];
    sqlite3 *sqlite = NULL;
    if (snprintf(journal, sizeof journal, "%s-journal", path) >= (int)sizeof journal || access(journal, F_OK) != 0)
        return false;
    bool needed = false;
    if (sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(sqlite, DB_READING_MILLISECONDS);
        sqlite3_exec(sqlite, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
        needed = sqlite3_extended_errcode(sqlite) == SQLITE_READONLY_ROLLBACK;
    }
    sqlite3_close(sqlite);
    return needed;
}

static void pause_briefly(void) {
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NANOSECONDS}, NULL);
}

/* Take SQLite's read lock until the descriptor is closed. On file systems without locks, do nothing. */
static status lock_for_reading(int database, const char *path, error_info *err) {
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = DB_LOCK_FIRST, .l_len = DB_LOCK_SIZE};
    for (int attempt = 0; fcntl(database, F_OFD_SETLK, &lock) != 0; attempt++) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) return STATUS_OK;
        if (attempt == ATTEMPTS)
            return error_set(err, STATUS_IO, "cannot read the database \"%s\": another program keeps it locked", path);
        pause_briefly();
    }
    return STATUS_OK;
}

static status fail_copy(const char *from, const char *to, error_info *err) {
    return error_set(err, STATUS_IO, "cannot copy \"%.400s\" to \"%.400s\", to be recovered and read there: %s", from,
                     to, strerror(errno));
}

/* Missing side files are skipped. */
static status copy_file(const char *from, const char *to, error_info *err) {
    const int input = open(from, O_RDONLY | O_CLOEXEC);
    if (input < 0) return errno == ENOENT ? STATUS_OK : fail_copy(from, to, err);
    const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool copied = out >= 0 && file_copy_bytes(input, out);
    const status outcome = copied ? STATUS_OK : fail_copy(from, to, err);
    if (out >= 0) close(out);
    close(input);
    return outcome;
}

static void read_header(const char *path, unsigned char out[LOG_HEADER]) {
    memset(out, 0, LOG_HEADER);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (pread(file, out, LOG_HEADER, 0) < 0) memset(out, 0, LOG_HEADER);
    close(file);
}

/* Despite the read lock, writers may append to a log, which is harmless, or restart it. Then the copies do not
 * match, and are made again. */
static status copy_moment(const char *path, const char *ending, const char *copy, error_info *err) {
    char side[PATH_MAX], side_copy[PATH_MAX];
    snprintf(side, sizeof side, "%s%s", path, ending);
    snprintf(side_copy, sizeof side_copy, "%s%s", copy, ending);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        unsigned char before[LOG_HEADER], after[LOG_HEADER];
        read_header(side, before);
        unlink(side_copy);
        TRY(copy_file(path, copy, err));
        TRY(copy_file(side, side_copy, err));
        read_header(side, after);
        if (memcmp(before, after, sizeof before) == 0) return STATUS_OK;
        pause_briefly();
    }
    return error_set(err, STATUS_IO, "cannot read the database \"%s\": another program changes it all the time", path);
}

/* Roll back, or apply the log. The reader reports a file that is no database. */
static status recover(const char *path, const char *copy, error_info *err) {
    sqlite3 *sqlite = NULL;
    int code = sqlite3_open_v2(copy, &sqlite, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(
            sqlite, "PRAGMA synchronous = OFF; SELECT count(*) FROM sqlite_schema; PRAGMA journal_mode = DELETE", NULL,
            NULL, NULL);
    status outcome = STATUS_OK;
    if (code != SQLITE_OK && code != SQLITE_NOTADB && code != SQLITE_CORRUPT)
        outcome = error_set(err, STATUS_IO, "cannot recover a copy of the database \"%s\" in \"%s\": %s", path, copy,
                            sqlite3_errmsg(sqlite));
    sqlite3_close(sqlite);
    return outcome;
}

static status copy_and_recover(int database, const char *path, const char *ending, const char *copy, error_info *err) {
    TRY(lock_for_reading(database, path, err));
    TRY(copy_moment(path, ending, copy, err));
    return recover(path, copy, err);
}

/* The copy's name and folder, where one is needed. */
static status copy_if_needed(int database, const char *path, char name[PATH_MAX], char folder[PATH_MAX],
                             error_info *err) {
    const bool log = has_log_mode(database);
    if (!log && !needs_rollback(path)) return STATUS_OK;
    TRY(temporary_create(folder, err));
    snprintf(name, PATH_MAX, "%s/results.db", folder);
    const status outcome = copy_and_recover(database, path, log ? "-wal" : "-journal", name, err);
    if (outcome != STATUS_OK) temporary_remove(folder);
    return outcome;
}

status db_make_readable(const char *path, char name[PATH_MAX], char folder[PATH_MAX], error_info *err) {
    folder[0] = '\0';
    snprintf(name, PATH_MAX, "%s", path);
    /* The files of a database are beside the file, not beside a link to it. */
    char *real = realpath(path, NULL);
    const int database = real ? open(real, O_RDONLY | O_CLOEXEC) : -1;
    const status outcome =
        database >= 0 ? copy_if_needed(database, real, name, folder, err)
                      : error_set(err, STATUS_IO, "cannot read the database \"%s\": %s", path, strerror(errno));
    if (database >= 0) close(database);
    free(real);
    return outcome;
}

status db_connect_reading(results_db *db, error_info *err) {
    char name[PATH_MAX], folder[PATH_MAX];
    TRY(db_make_readable(db->path, name, folder, err));
    int code = sqlite3_open_v2(name, &db->sqlite, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_OK) sqlite3_busy_timeout(db->sqlite, DB_READING_MILLISECONDS);
    if (folder[0]) temporary_remove(folder); /* SQLite has it open, and needs no name for it any more */
    return code == SQLITE_OK ? STATUS_OK : db_fail(db, "read", err);
}
