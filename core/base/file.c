/* file.c - files as a whole: read at once, replaced at once. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static status fail_errno(failure *why, const char *doing, const char *path, int error) {
    return fail(why, STATUS_IO, "cannot %s \"%s\": %s", doing, path, strerror(error));
}

/* Fill bytes (size); *got is less only at the end of the file. */
static status read_fully(int descriptor, const char *path, unsigned char *bytes, size_t size, size_t *got,
                         failure *why) {
    size_t done = 0;
    while (done < size) {
        ssize_t part = read(descriptor, bytes + done, size - done);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return fail_errno(why, "read", path, errno);
        if (part == 0) break;
        done += (size_t)part;
    }
    *got = done;
    return STATUS_OK;
}

static status read_open_file(int descriptor, const char *path, unsigned char **bytes, size_t *size, failure *why) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) return fail_errno(why, "read", path, errno);
    if (!S_ISREG(information.st_mode)) {
        return fail(why, STATUS_IO, "cannot read \"%s\": it is not a regular file", path);
    }
    size_t length = (size_t)information.st_size;
    unsigned char *content = length < SIZE_MAX ? malloc(length + 1) : NULL;
    if (content == NULL) return fail(why, STATUS_MEMORY, "no memory for the %zu bytes of \"%s\"", length, path);
    status outcome = read_fully(descriptor, path, content, length, &length, why);
    if (outcome != STATUS_OK) {
        free(content);
        return outcome;
    }
    content[length] = 0;
    *bytes = content;
    *size = length;
    return STATUS_OK;
}

status file_read(const char *path, unsigned char **bytes, size_t *size, failure *why) {
    /* Without O_NONBLOCK, opening a named pipe would wait for a writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return fail_errno(why, "read", path, errno);
    status outcome = read_open_file(descriptor, path, bytes, size, why);
    close(descriptor);
    return outcome;
}

static int lock_exclusively(int descriptor) {
    while (flock(descriptor, LOCK_EX) != 0) {
        /* File systems without locks lose only the protection against a second writer. */
        if (errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS) return 0;
        if (errno != EINTR) return -1;
    }
    return 0;
}

/* Open and lock the temporary; -1 with errno set on failure. */
static int open_temporary(const char *temporary) {
    for (;;) {
        int descriptor = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor < 0) return -1;
        struct stat opened, named;
        if (lock_exclusively(descriptor) != 0 || fstat(descriptor, &opened) != 0) goto failed;
        /* While we waited for the lock, its owner may have renamed what we opened to the final name. */
        if (stat(temporary, &named) == 0 && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino) {
            if (ftruncate(descriptor, 0) != 0) goto failed;
            return descriptor;
        }
        close(descriptor);
        continue;
    failed:;
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
}

status file_replace_begin(const char *path, file_replacement *out, failure *why) {
    static const char suffix[] = ".tmp";
    size_t length = strlen(path);
    char *copy = strdup(path);
    char *temporary = malloc(length + sizeof suffix);
    if (copy == NULL || temporary == NULL) {
        free(copy);
        free(temporary);
        return fail(why, STATUS_MEMORY, "no memory to write \"%s\"", path);
    }
    snprintf(temporary, length + sizeof suffix, "%s%s", path, suffix);
    int descriptor = open_temporary(temporary);
    if (descriptor < 0) {
        status outcome = fail_errno(why, "write", path, errno);
        free(copy);
        free(temporary);
        return outcome;
    }
    *out = (file_replacement){.descriptor = descriptor, .path = copy, .temporary = temporary};
    return STATUS_OK;
}

status file_replace_write(file_replacement *file, const void *bytes, size_t size, failure *why) {
    const unsigned char *next = bytes;
    while (size > 0) {
        ssize_t part = write(file->descriptor, next, size);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return fail_errno(why, "write", file->path, errno);
        next += part;
        size -= (size_t)part;
    }
    return STATUS_OK;
}

/* Give the descriptor back last: closing releases the lock. */
static void file_replace_release(file_replacement *file) {
    close(file->descriptor);
    free(file->path);
    free(file->temporary);
    *file = (file_replacement){.descriptor = -1};
}

void file_replace_cancel(file_replacement *file) {
    unlink(file->temporary);
    file_replace_release(file);
}

void file_sync_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL) return;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (descriptor < 0) return;
    (void)fsync(descriptor);
    close(descriptor);
}

status file_replace_commit(file_replacement *file, failure *why) {
    int synced;
    do {
        synced = fsync(file->descriptor);
    } while (synced != 0 && errno == EINTR);
    if (synced != 0 || rename(file->temporary, file->path) != 0) {
        status outcome = fail_errno(why, "write", file->path, errno);
        file_replace_cancel(file);
        return outcome;
    }
    file_sync_folder_of(file->path);
    file_replace_release(file);
    return STATUS_OK;
}

status file_replace_end(file_replacement *file, status outcome, failure *why) {
    if (outcome == STATUS_OK) return file_replace_commit(file, why);
    file_replace_cancel(file);
    return outcome;
}

status file_write(const char *path, const void *bytes, size_t size, failure *why) {
    file_replacement file;
    TRY(file_replace_begin(path, &file, why));
    return file_replace_end(&file, file_replace_write(&file, bytes, size, why), why);
}
