/* file_copy.c - give a file a second name, atomically. */
#include "system/file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/file.h"

enum { PATH_SIZE = PATH_MAX, PART = 1 << 22 };

static status fail_copy(const char *from, const char *to, error_info *err) {
    return error_set(err, STATUS_IO, "cannot copy \"%.400s\" to \"%.400s\": %s", from, to, strerror(errno));
}

/* Link a second name to the same bytes, if both are on one disk; otherwise return false with errno. A name cannot be
 * linked over another, so it is renamed there. */
static bool link_over(const char *from, const char *to) {
    char temporary[PATH_SIZE];
    if (snprintf(temporary, sizeof temporary, "%s.link", to) >= (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    unlink(temporary);
    if (link(from, temporary) != 0) return false;
    const bool renamed = rename(temporary, to) == 0;
    const int error = errno;
    unlink(temporary); /* rename keeps it if both names are links to one file */
    errno = error;
    return renamed;
}

bool file_copy_bytes(int input, int output) {
    for (;;) {
        const ssize_t part = sendfile(output, input, NULL, PART);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return part == 0;
    }
}

static status copy(int input, const char *from, const char *to, error_info *err) {
    file_replacement file;
    TRY(file_replace_begin(to, &file, err));
    const status outcome = file_copy_bytes(input, file.descriptor) ? STATUS_OK : fail_copy(from, to, err);
    return file_replace_end(&file, outcome, err);
}

status file_copy_over(const char *path, error_info *err) {
    const int input = open(path, O_RDONLY | O_CLOEXEC);
    if (input < 0) return fail_copy(path, path, err);
    const status outcome = copy(input, path, path, err);
    close(input);
    return outcome;
}

status file_take(const char *from, const char *to, bool *found, error_info *err) {
    *found = true;
    if (link_over(from, to)) return STATUS_OK;
    const int input = open(from, O_RDONLY | O_CLOEXEC);
    *found = input >= 0 || errno != ENOENT;
    if (input < 0) return *found ? fail_copy(from, to, err) : STATUS_OK;
    const status outcome = copy(input, from, to, err);
    close(input);
    return outcome;
}
