/* gzip_reader.h - sequential reading of plain or gzip-compressed files.
 *
 * Offsets in messages count unpacked bytes. */
#ifndef AFFJORD_DATA_GZIP_READER_H
#define AFFJORD_DATA_GZIP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct gzip_reader gzip_reader;

/* Return whether folder/name or folder/name.gz exists. */
bool gzip_reader_exists(const char *folder, const char *name);

/* Open folder/name or, if it does not exist, folder/name.gz. The first bytes decide whether it is compressed, not the
 * name, because some programs decompress a download and keep its name. The caller owns *out. Errors: STATUS_IO,
 * STATUS_FORMAT (damaged first bytes), STATUS_MEMORY. */
status gzip_reader_open(const char *folder, const char *name, gzip_reader **out, error_info *err);
void gzip_reader_close(gzip_reader **file);

/* Return the path of the open file. */
const char *gzip_reader_path(const gzip_reader *file);

/* Check, before allocating, that the file can have `total` unpacked bytes: exactly for a plain file, at most gzip's
 * largest ratio for a compressed one. `reason` explains the number, `offset` is its position in the file. Errors:
 * STATUS_FORMAT. */
status gzip_reader_expect(const gzip_reader *file, uint64_t offset, uint64_t total, const char *reason,
                          error_info *err);

/* Read `size` bytes; `what` names them in messages. Errors: STATUS_FORMAT if the file ends early or is damaged,
 * STATUS_IO. */
status gzip_reader_read(gzip_reader *file, void *bytes, size_t size, const char *what, error_info *err);

/* Read `size` bytes, or none at the end of the file: *got is `size` or 0. Errors: those of gzip_reader_read. */
status gzip_reader_read_next(gzip_reader *file, void *bytes, size_t size, const char *what, bool *got, error_info *err);

/* Check that nothing follows and that gzip's checksum is correct; sha256 <- that of all unpacked bytes. Errors:
 * STATUS_FORMAT, STATUS_IO. */
status gzip_reader_end(gzip_reader *file, char sha256[65], error_info *err);

#endif
