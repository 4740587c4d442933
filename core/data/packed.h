/* packed.h - sequential reading of plain or gzip-compressed files.
 *
 * Offsets in messages count unpacked bytes. */
#ifndef AFFJORD_DATA_PACKED_H
#define AFFJORD_DATA_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct packed packed;

/* Return whether folder/name or folder/name.gz exists. */
bool packed_exists(const char *folder, const char *name);

/* Open folder/name or, if it does not exist, folder/name.gz. The first bytes decide whether it is compressed, not the
 * name, because some programs decompress a download and keep its name. The caller owns *out. Errors: STATUS_IO,
 * STATUS_FORMAT (damaged first bytes), STATUS_MEMORY. */
status packed_open(const char *folder, const char *name, packed **out, failure *why);
void packed_close(packed **file);

/* Return the path of the open file. */
const char *packed_path(const packed *file);

/* Check, before allocating, that the file can have `total` unpacked bytes: exactly for a plain file, at most gzip's
 * largest ratio for a compressed one. `reason` explains the number, `offset` is its position in the file. Errors:
 * STATUS_FORMAT. */
status packed_expect(const packed *file, uint64_t offset, uint64_t total, const char *reason, failure *why);

/* Read `size` bytes; `what` names them in messages. Errors: STATUS_FORMAT if the file ends early or is damaged,
 * STATUS_IO. */
status packed_read(packed *file, void *bytes, size_t size, const char *what, failure *why);

/* Read `size` bytes, or none at the end of the file: *got is `size` or 0. Errors: those of packed_read. */
status packed_read_next(packed *file, void *bytes, size_t size, const char *what, bool *got, failure *why);

/* Check that nothing follows and that gzip's checksum is correct; sha256 <- that of all unpacked bytes. Errors:
 * STATUS_FORMAT, STATUS_IO. */
status packed_end(packed *file, char sha256[65], failure *why);

#endif
