/* photo_source.h - JPEG files in a folder or in a zip archive. */
#ifndef AFFJORD_DATA_PHOTO_SOURCE_H
#define AFFJORD_DATA_PHOTO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A file, without its folder. */
typedef struct photo_entry {
    char *name; /* its name, with .jpg in the place of .JPG, .jpeg and the like */
    char *file; /* its name as it is */
    uint64_t size; /* unpacked bytes, PHOTO_FILE_MAX at most */
    uint64_t mark; /* changes with its content: CRC-32 in an archive, time of change in a folder */
    uint64_t place; /* in the archive */
} photo_entry;

typedef struct photo_source {
    char *path; /* of the folder or archive */
    struct zip *archive; /* NULL for a folder */
    size_t count;
    photo_entry *entries; /* (count), sorted by name */
    size_t others; /* pictures in formats that are not read */
    char *other; /* the name of one of them, or NULL */
} photo_source;

/* Whether the folder `path` has any file that photo_source_open would list. */
bool photo_source_exists(const char *path);

/* Write .jpg in the place of the name's ending if that is .jpg or .jpeg, of small or large letters; false otherwise. */
bool photo_source_name(char *name);

/* List all files ending in .jpg or .jpeg, of small or large letters, but those
 * beginning with a dot: in the folder `path`, or anywhere in the zip archive
 * `path`. There is at least one, and no two have the same name. Errors name path and what was expected: STATUS_IO,
 * STATUS_FORMAT, STATUS_MEMORY. The caller owns *out. */
status photo_source_open(const char *path, photo_source **out, failure *why);
void photo_source_close(photo_source **source);

/* *bytes, freed by the caller, <- the *size bytes of entry `index`. An archive's
 * CRC-32 is checked. Errors as above. */
status photo_source_read(photo_source *source, size_t index, unsigned char **bytes, size_t *size, failure *why);

#endif
