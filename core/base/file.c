/* file.c - read and replace whole files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* consecutive links, the kernel's own limit */

static status fail_errno(error_info *err, const char *doing, const char *path, int error) {
    return error_set(err, STATUS_IO, "cannot %s \"%s\": %s", doing, path, strerror(error));
}

/* Read `size` bytes; *got is smaller only at the end of the file. */
static status read_fully(int descriptor, const char *path, unsigned char *bytes, size_t size, size_t *got,
                         error_info *err) {
    size_t done = 0;
    while (done < size) {
        ssize_t part = read(descriptor, bytes + done, size - done);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return fail_errno(err, "read", path, errno);
        if (part == 0) break;
        done += (size_t)part;
    }
    *got = done;
    return STATUS_OK;
}

static status read_open_file(int descriptor, const char *path, unsigned char **bytes, size_t *size, error_info *err) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) return fail_errno(err, "read", path, errno);
    if (!S_ISREG(information.st_mode)) {
        return error_set(err, STATUS_IO, "cannot read \"%s\": it is not a regular file", path);
    }
    size_t length = (size_t)information.st_size;
    unsigned char *content = length < SIZE_MAX ? malloc(length + 1) : NULL;
    if (content == NULL) return error_set(err, STATUS_MEMORY, "no memory for the %zu bytes of \"%s\"", length, path);
    status outcome = read_fully(descriptor, path, content, length, &length, err);
    if (outcome != STATUS_OK) {
        free(content);
        return outcome;
    }
    content[length] = 0;
    *bytes = content;
    *size = length;
    return STATUS_OK;
}

status file_read(const char *path, unsigned char **bytes, size_t *size, error_info *err) {
    /* Without O_NONBLOCK, opening a named pipe would block until a writer opens it. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return fail_errno(err, "read", path, errno);
    status outcome = read_open_file(descriptor, path, bytes, size, err);
    close(descriptor);
    return outcome;
}

/* Return the open descriptor that a system path such as /dev/stdout or /dev/fd/3 stands for; -1 for any other path. */
static int descriptor_of(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0) return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0) return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) != 0) continue;
        const char *number = path + length;
        const size_t digits = strspn(number, "0123456789");
        if (digits > 0 && digits < 8 && !number[digits]) return atoi(number);
    }
    return -1;
}

/* Return the path of the target of a link at `path`, newly allocated. */
static char *beside(const char *path, const char *target) {
    const char *slash = strrchr(path, '/');
    const size_t folder = *target == '/' || slash == NULL ? 0 : (size_t)(slash - path) + 1;
    const size_t size = folder + strlen(target) + 1;
    char *joined = malloc(size);
    if (joined != NULL) snprintf(joined, size, "%.*s%s", (int)folder, path, target);
    return joined;
}

status file_follow(const char *path, char **out, error_info *err) {
    char target[PATH_MAX];
    char *at = strdup(path);
    /* Links below /proc may have targets without a path, such as pipes; opening the link itself opens the target. */
    for (int links = 0; at != NULL && descriptor_of(at) < 0 && strncmp(at, "/proc/", 6) != 0; links++) {
        const ssize_t length = readlink(at, target, sizeof target - 1);
        if (length < 0) break;
        if (links == LINKS_MAX) {
            free(at);
            return fail_errno(err, "write", path, ELOOP);
        }
        target[length] = 0;
        char *next = beside(at, target);
        free(at);
        at = next;
    }
    if (at == NULL) return error_set(err, STATUS_MEMORY, "no memory to write \"%s\"", path);
    *out = at;
    return STATUS_OK;
}

bool file_is_stream(const char *target) {
    struct stat information;
    if (descriptor_of(target) >= 0) return true;
    return stat(target, &information) == 0 && (S_ISFIFO(information.st_mode) || S_ISCHR(information.st_mode));
}

static int open_stream(const char *target) {
    const int known = descriptor_of(target);
    /* Opening the file by name again would write from its beginning, so duplicate the descriptor. */
    return known >= 0 ? fcntl(known, F_DUPFD_CLOEXEC, 0) : open(target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

static int lock_exclusively(int descriptor) {
    while (flock(descriptor, LOCK_EX) != 0) {
        /* On file systems without locks, only the protection against a second writer is lost. */
        if (errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS) return 0;
        if (errno != EINTR) return -1;
    }
    return 0;
}

/* Open and lock the temporary file; return -1 with errno set on failure. */
static int open_temporary(const char *temporary) {
    for (;;) {
        int descriptor = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor < 0) return -1;
        struct stat opened, named;
        if (lock_exclusively(descriptor) != 0 || fstat(descriptor, &opened) != 0) goto failed;
        /* The previous owner of the lock may have renamed the opened file to the final name meanwhile. */
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

/* Return the name of the temporary file beside `target`, newly allocated: the target's name with a suffix, truncated to
 * the longest name that the system allows. */
static char *temporary_name(const char *target) {
    static const char suffix[] = ".affjord.tmp";
    const char *slash = strrchr(target, '/');
    const size_t folder = slash == NULL ? 0 : (size_t)(slash - target) + 1, most = NAME_MAX - (sizeof suffix - 1);
    const size_t name = strlen(target + folder), kept = folder + (name < most ? name : most);
    char *temporary = malloc(kept + sizeof suffix);
    if (temporary == NULL) return NULL;
    memcpy(temporary, target, kept);
    memcpy(temporary + kept, suffix, sizeof suffix);
    return temporary;
}

/* Keep owner and permissions of the file that is replaced. Only root can keep another user's ownership. */
static void copy_rights(const file_replacement *file) {
    struct stat old;
    if (stat(file->path, &old) != 0 || !S_ISREG(old.st_mode)) return;
    if (fchown(file->descriptor, old.st_uid, old.st_gid) != 0 && errno != EPERM) return;
    (void)fchmod(file->descriptor, old.st_mode & 0777);
}

static status open_replacement(file_replacement *file, error_info *err) {
    if (file_is_stream(file->path)) {
        file->descriptor = open_stream(file->path);
    } else {
        file->temporary = temporary_name(file->path);
        if (file->temporary == NULL) return error_set(err, STATUS_MEMORY, "no memory to write \"%s\"", file->path);
        file->descriptor = open_temporary(file->temporary);
        if (file->descriptor >= 0) copy_rights(file);
    }
    return file->descriptor >= 0 ? STATUS_OK : fail_errno(err, "write", file->path, errno);
}

status file_replace_begin(const char *path, file_replacement *out, error_info *err) {
    file_replacement file = {.descriptor = -1};
    TRY(file_follow(path, &file.path, err));
    const status outcome = open_replacement(&file, err);
    if (outcome == STATUS_OK) {
        *out = file;
    } else {
        free(file.path);
        free(file.temporary);
    }
    return outcome;
}

status file_replace_write(file_replacement *file, const void *bytes, size_t size, error_info *err) {
    const unsigned char *next = bytes;
    while (size > 0) {
        ssize_t part = write(file->descriptor, next, size);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return fail_errno(err, "write", file->path, errno);
        next += part;
        size -= (size_t)part;
    }
    return STATUS_OK;
}

/* Close the descriptor and free the names. Closing also releases the lock. */
static void file_replace_release(file_replacement *file) {
    close(file->descriptor);
    free(file->path);
    free(file->temporary);
    *file = (file_replacement){.descriptor = -1};
}

void file_replace_cancel(file_replacement *file) {
    if (file->temporary != NULL) unlink(file->temporary);
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

status file_replace_commit(file_replacement *file, error_info *err) {
    int synced;
    do {
        synced = fsync(file->descriptor);
    } while (synced != 0 && errno == EINTR);
    if (file->temporary == NULL) {
        /* Pipes and terminals cannot be synced. */
        const bool lost = synced != 0 && errno != EINVAL && errno != EROFS && errno != ENOSYS;
        const status outcome = lost ? fail_errno(err, "write", file->path, errno) : STATUS_OK;
        file_replace_release(file);
        return outcome;
    }
    if (synced != 0 || rename(file->temporary, file->path) != 0) {
        status outcome = fail_errno(err, "write", file->path, errno);
        file_replace_cancel(file);
        return outcome;
    }
    file_sync_folder_of(file->path);
    file_replace_release(file);
    return STATUS_OK;
}

status file_replace_end(file_replacement *file, status outcome, error_info *err) {
    if (outcome == STATUS_OK) return file_replace_commit(file, err);
    file_replace_cancel(file);
    return outcome;
}

status file_write(const char *path, const void *bytes, size_t size, error_info *err) {
    file_replacement file;
    TRY(file_replace_begin(path, &file, err));
    return file_replace_end(&file, file_replace_write(&file, bytes, size, err), err);
}
