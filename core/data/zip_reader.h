/* zip_reader.h - the files in a zip archive. */
#ifndef AFFJORD_DATA_ZIP_READER_H
#define AFFJORD_DATA_ZIP_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* An open archive. One thread at a time may use it. */
typedef struct zip_reader zip_reader;

/* A file in the archive, as its directory states it. */
typedef struct zip_member {
    const char *name; /* with its folders; valid as long as the archive is open */
    uint64_t size; /* unpacked bytes */
    uint32_t crc; /* CRC-32 of these */
} zip_member;

/* Open the archive `path`. The caller owns *out. Errors, with the path: STATUS_IO, STATUS_FORMAT if it is no archive or
 * its directory is damaged, STATUS_MEMORY. */
status zip_reader_open(const char *path, zip_reader **out, error_info *err);
/* Close it and set *archive to NULL; *archive may be NULL. */
void zip_reader_close(zip_reader **archive);

/* Return the number of its files and folders. */
size_t zip_reader_count(const zip_reader *archive);

/* out <- file `index`. Errors: STATUS_FORMAT. */
status zip_reader_member(zip_reader *archive, size_t index, zip_member *out, error_info *err);

/* *bytes <- the *size bytes of file `index`, and a 0 after them; the caller frees them. The size that the directory
 * states is compared with the archive's before memory is allocated, and the CRC-32 is checked. Errors, with path and
 * name: STATUS_FORMAT with the offset of missing or damaged data, STATUS_MEMORY. */
status zip_reader_read(zip_reader *archive, size_t index, unsigned char **bytes, size_t *size, error_info *err);

/* bytes <- the first bytes of file `index`, at most `most`; return how many could be read. */
size_t zip_reader_head(zip_reader *archive, size_t index, unsigned char *bytes, size_t most);

#endif
