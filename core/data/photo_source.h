/* photo_source.h - JPEG and PNG files in a folder or in a zip archive. */
#ifndef AFFJORD_DATA_PHOTO_SOURCE_H
#define AFFJORD_DATA_PHOTO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/zip_reader.h"

/* The listed pictures, by their endings in upper or lower case. */
typedef enum photo_formats {
    PHOTO_JPEG, /* .jpg and .jpeg */
    PHOTO_JPEG_PNG /* and .png */
} photo_formats;

/* A file, without its folder. */
typedef struct photo_entry {
    char *name; /* its name, with the ending normalised to .jpg or .png */
    char *file; /* its original name */
    uint64_t size; /* unpacked bytes, at most PHOTO_FILE_MAX */
    uint64_t mark; /* changes with the content: CRC-32 in an archive, modification time in a folder */
    uint64_t place; /* index in the archive */
} photo_entry;

typedef struct photo_source {
    char *path; /* of the folder or archive */
    photo_formats formats;
    zip_reader *archive; /* NULL for a folder */
    size_t count;
    photo_entry *entries; /* (count), sorted by name */
    size_t others; /* photos in formats that are not read */
    char *other; /* the name of one of them, or NULL */
} photo_source;

/* Return whether the folder `path` has any file that photo_source_open would list with PHOTO_JPEG. */
bool photo_source_exists(const char *path);

/* Replace the ending by .jpg or .png; return false for endings of other formats. */
bool photo_source_name(photo_formats formats, char *name);

/* List all files of the formats, except hidden ones: in the folder `path`, or anywhere in the zip archive `path`. The
 * list is not empty and its names are unique. The caller owns *out. Errors, with path and the expected value:
 * STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status photo_source_open(const char *path, photo_formats formats, photo_source **out, error_info *err);
void photo_source_close(photo_source **source);

/* *bytes <- the *size bytes of entry `index`; the caller frees them. An archive's CRC-32 is checked. Errors: those of
 * photo_source_open. */
status photo_source_read(photo_source *source, size_t index, unsigned char **bytes, size_t *size, error_info *err);

#endif
