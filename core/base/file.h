/* file.h - read and replace whole files. */
#ifndef AFFJORD_BASE_FILE_H
#define AFFJORD_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Read all of a regular file. *bytes, which the caller frees, has a 0 after its *size bytes. Errors, with the path:
 * STATUS_IO, STATUS_MEMORY. */
status file_read(const char *path, unsigned char **bytes, size_t *size, error_info *err);

/* Write a file with this content, whole or not at all (see file_replacement). Errors: those of file_replacement. */
status file_write(const char *path, const void *bytes, size_t size, error_info *err);

/* Resolve links to the file that a write to `path` changes; it need not exist yet. The caller frees *target. Links to
 * open descriptors (/dev/stdout, /dev/fd/3) are not resolved. Errors: STATUS_IO, STATUS_MEMORY. */
status file_follow(const char *path, char **target, error_info *err);

/* Return whether `target`, a result of file_follow, is written directly: an open descriptor, a pipe or a character
 * device. */
bool file_is_stream(const char *target);

/* A file that is being written under a temporary name in the same folder. Readers of the path see the old file until
 * file_replace_commit, then the complete new one with the old permissions. If the path is a link, the link stays and
 * its target is replaced. A target that cannot be replaced, such as a pipe or a device, is opened and written directly.
 * The next writer reuses a temporary file of a killed process. Two writers of one path wait for each other. */
typedef struct file_replacement {
    int descriptor;
    char *path, *temporary; /* links resolved; NULL without a temporary file */
} file_replacement;

/* Start a replacement. Opening a named pipe waits for its reader. After success, call file_replace_commit or
 * file_replace_cancel; each ends the replacement. Errors, with the path: STATUS_IO, STATUS_MEMORY. */
status file_replace_begin(const char *path, file_replacement *out, error_info *err);

/* Append bytes. Errors: STATUS_IO with the path. */
status file_replace_write(file_replacement *file, const void *bytes, size_t size, error_info *err);

/* Sync the file, rename it to its path and sync the folder. After STATUS_IO (with the path) the old file is
 * unchanged. */
status file_replace_commit(file_replacement *file, error_info *err);

/* Sync the folder of `path`, so that a new name survives a power failure. Failure is ignored: the file itself is
 * complete. */
void file_sync_folder_of(const char *path);

/* Remove the temporary file; the old file is unchanged. */
void file_replace_cancel(file_replacement *file);

/* Commit if `outcome` is STATUS_OK; otherwise cancel and return `outcome`. */
status file_replace_end(file_replacement *file, status outcome, error_info *err);

#endif
