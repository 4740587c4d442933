/* fuzz.h - shared by the fuzz targets: the tested bytes as a file in a private folder of the process.
 *
 * Each file of this folder is a target. It passes the file to one reader, which must either read it or return an error
 * with a message. libFuzzer searches for bytes that cause a crash, an invalid access, or unbounded memory or time. */
#ifndef AFFJORD_TESTS_FUZZ_H
#define AFFJORD_TESTS_FUZZ_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "system/temporary.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { FUZZ_PATH_MAX = PATH_MAX + 256 };

static char fuzz_folder[PATH_MAX];

static inline void fuzz_remove(void) {
    temporary_remove(fuzz_folder);
}

/* Return the folder. The first call creates it, in TMPDIR or else in /dev/shm if possible; it is removed at the end. */
static inline const char *fuzz_place(void) {
    if (*fuzz_folder) return fuzz_folder;
    error_info err;
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
    if (temporary_create(fuzz_folder, &err) != STATUS_OK) abort();
    atexit(fuzz_remove);
    return fuzz_folder;
}

/* path <- the file `name` of the folder (or of a folder in it), which contains the bytes. */
static inline void fuzz_file(const char *name, const uint8_t *bytes, size_t size, char path[FUZZ_PATH_MAX]) {
    snprintf(path, FUZZ_PATH_MAX, "%s/%s", fuzz_place(), name);
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size || close(file) != 0) abort();
}

/* An error needs a message. */
static inline void fuzz_expect_reason(status outcome, const error_info *err) {
    if (outcome != STATUS_OK && !err->text[0]) abort();
}

#endif
