/* file.h - files as a whole: read at once, replaced at once. */
#ifndef AFFJORD_BASE_FILE_H
#define AFFJORD_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Read all of a regular file. *bytes, freed by the caller, has a 0 after its
 * *size bytes. Errors name the path: STATUS_IO, STATUS_MEMORY. */
status file_read(const char *path, unsigned char **bytes, size_t *size, failure *why);

/* Write a file that holds these bytes, in the way of file_replacement: whole or not at all. Errors: its own. */
status file_write(const char *path, const void *bytes, size_t size, failure *why);

/* Follow links to the file that a writer of `path` means, which need not be there yet; *target is freed by the caller.
 * Links that stand for open descriptors (/dev/stdout, /dev/fd/3) stay as they are. Errors: STATUS_IO, STATUS_MEMORY. */
status file_follow(const char *path, char **target, failure *why);

/* Whether what file_follow gave is written as it comes: an open descriptor, a pipe or a character device. */
bool file_is_stream(const char *target);

/* A file being written under a temporary name beside it. Readers of the path see
 * the old file until file_replace_commit, and then the whole new one, with the
 * old one's permissions. A link stays, and the file that it names is replaced.
 * What cannot be replaced, as a pipe or a device, is opened and written as it is.
 * A temporary left by a killed process is taken over by the next writer; two
 * writers of one path wait for each other. */
typedef struct file_replacement {
    int descriptor;
    char *path, *temporary; /* links followed; NULL where there is no temporary */
} file_replacement;

/* Start; opening a named pipe waits for its reader. Errors name the path: STATUS_IO, STATUS_MEMORY. After success call
 * file_replace_commit or file_replace_cancel, each of which ends it. */
status file_replace_begin(const char *path, file_replacement *out, failure *why);

/* Append. Errors: STATUS_IO naming the path. */
status file_replace_write(file_replacement *file, const void *bytes, size_t size, failure *why);

/* Sync, rename, sync the folder. On STATUS_IO (naming the path) the old file is
 * still there. */
status file_replace_commit(file_replacement *file, failure *why);

/* Make a new name last through a power failure, by syncing the folder that it is in. What it names is in place already,
 * so a folder that cannot be synced is not worth an error. */
void file_sync_folder_of(const char *path);

/* Remove the temporary; the old file stays. */
void file_replace_cancel(file_replacement *file);

/* Commit if all went well so far, which `outcome` says; otherwise cancel and give it back. */
status file_replace_end(file_replacement *file, status outcome, failure *why);

#endif
