/* file_copy.c - a file under a second name, whole or not at all. */
#include "file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { PATH_SIZE = 4200, PART = 1 << 22 };

static status fail_copy(const char *from, const char *to, failure *why) {
    return fail(why, STATUS_IO, "cannot copy \"%.400s\" to \"%.400s\": %s", from, to, strerror(errno));
}

/* A name lasts through a power failure when its folder has been synced. */
static void sync_folder(const char *path) {
    char folder[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    const int open_folder = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (open_folder < 0) return;
    fsync(open_folder);
    close(open_folder);
}

static bool copy_bytes(int input, int output) {
    for (;;) {
        const ssize_t part = sendfile(output, input, NULL, PART);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return false;
        if (part == 0) return fsync(output) == 0;
    }
}

/* *found <- false, and nothing made, if there is no such file. */
static bool copy(const char *from, const char *temporary, bool *found) {
    const int input = open(from, O_RDONLY | O_CLOEXEC);
    *found = input >= 0 || errno != ENOENT;
    if (input < 0) return false;
    const int output = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool done = output >= 0 && copy_bytes(input, output);
    const int error = errno;
    if (output >= 0 && close(output) != 0) done = false;
    close(input);
    if (!done && error) errno = error;
    return done;
}

status file_take(const char *from, const char *to, bool *found, failure *why) {
    char temporary[PATH_SIZE];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", to) >= (int)sizeof temporary)
        return fail(why, STATUS_IO, "the path \"%.200s...\" is too long", to);
    unlink(temporary);
    *found = true;
    const bool copied = link(from, temporary) != 0;
    if (copied) {
        if (errno == ENOENT && access(from, F_OK) != 0) {
            *found = false;
            return STATUS_OK;
        }
        if (!copy(from, temporary, found)) {
            if (!*found) return STATUS_OK;
            const status outcome = fail_copy(from, to, why);
            unlink(temporary);
            return outcome;
        }
    }
    if (rename(temporary, to) == 0) {
        if (copied) sync_folder(to);
        unlink(temporary); /* where both names were links to one file already, rename leaves it */
        return STATUS_OK;
    }
    const status outcome = fail_copy(from, to, why);
    unlink(temporary);
    return outcome;
}
