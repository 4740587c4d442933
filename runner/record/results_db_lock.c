/* results_db_lock.c - one writer of a database at a time.
 *
 * The lock is an flock on PATH.lock, a file that stays: removing it would let
 * two processes lock two files of the same name. It is not on the database
 * itself, as closing any descriptor of that file would drop SQLite's locks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/results_db_internal.h"

static bool lock_path(const char *path, char out[PATH_MAX]) {
    return snprintf(out, PATH_MAX, "%s.lock", path) < PATH_MAX;
}

/* File systems without locks lose only the protection against a second writer. */
static bool no_locks_here(int error) {
    return error == ENOLCK || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
}

static void write_holder(int descriptor) {
    char host[256] = "", text[DB_NAME_MAX];
    gethostname(host, sizeof host - 1);
    const int length = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    /* The content only informs people, so errors such as a full disk are ignored. */
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length) return;
}

static void read_holder(int descriptor, char holder[DB_NAME_MAX]) {
    const ssize_t got = pread(descriptor, holder, DB_NAME_MAX - 1, 0);
    holder[got > 0 ? got : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    if (!*holder) snprintf(holder, DB_NAME_MAX, "another process");
}

/* Open the lock's file; create it and its folder. A file of another user that can only be read can be locked too. */
static int open_lock(const char *name) {
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const char *slash = strrchr(name, '/');
    if (file < 0 && errno == EACCES) {
        file = open(name, O_RDONLY | O_CLOEXEC);
        if (file < 0) errno = EACCES; /* it is missing and must not be created */
        return file;
    }
    if (file >= 0 || errno != ENOENT || !slash) return file;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    if (mkdir(folder, 0777) != 0) return -1;
    return open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
}

status db_lock(const char *path, bool *taken, int *descriptor, char holder[DB_NAME_MAX], error_info *err) {
    char name[PATH_MAX];
    struct stat information;
    if (!lock_path(path, name)) return error_set(err, STATUS_IO, "the database's path is too long");
    const bool exists = stat(path, &information) == 0;
    /* A user who cannot write the database creates no lock beside it: its owner might not be able to write the lock. */
    if (exists && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return error_set(err, STATUS_IO, "cannot write the database \"%s\": %s", path, strerror(errno));
    const int file = open_lock(name);
    if (file < 0) {
        const int error = errno;
        return error_set(err, STATUS_IO, "cannot %s the database \"%s\": cannot write \"%s\" beside it: %s",
                         exists ? "write" : "create", path, name, strerror(error));
    }
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        if (error == EINTR) continue;
        if (error == EWOULDBLOCK) {
            read_holder(file, holder);
            close(file);
            *taken = false;
            return STATUS_OK;
        }
        close(file);
        if (!no_locks_here(error)) return error_set(err, STATUS_IO, "cannot lock \"%s\": %s", name, strerror(error));
        *descriptor = -1;
        *taken = true;
        return STATUS_OK;
    }
    write_holder(file);
    *descriptor = file;
    *taken = true;
    return STATUS_OK;
}

bool db_is_locked(const char *path) {
    char name[PATH_MAX];
    if (!lock_path(path, name)) return false;
    const int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool locked = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(file);
    return locked;
}
