/* packed.h - files read once from front to end, packed with gzip or not.
 *
 * Offsets in messages count unpacked bytes. */
#ifndef AFFJORD_DATA_PACKED_H
#define AFFJORD_DATA_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct packed packed;

/* Whether folder/name or folder/name.gz exists. */
bool packed_exists(const char *folder, const char *name);

/* Open folder/name or, where there is none, folder/name.gz. Whether it is
 * packed shows in its first bytes, not in its name: some programs unpack what
 * they fetch and leave the ending. Errors: STATUS_IO, STATUS_FORMAT (damaged
 * from its first bytes on), STATUS_MEMORY. The caller owns *out. */
status packed_open(const char *folder, const char *name, packed **out, failure *why);
void packed_close(packed **file);

/* Path of what was opened. */
const char *packed_path(const packed *file);

/* Check, before memory is taken for it, that the file can be of `total` bytes
 * unpacked: exactly so if it is not packed; if it is, no more than gzip can pack
 * into its size. `reason` tells why so many, `offset` where the file says so.
 * Errors: STATUS_FORMAT. */
status packed_expect(const packed *file, uint64_t offset, uint64_t total, const char *reason, failure *why);

/* Read `size` bytes; `what` names them in the message. Errors: STATUS_FORMAT if
 * the file ends before or is damaged, STATUS_IO. */
status packed_read(packed *file, void *bytes, size_t size, const char *what, failure *why);

/* The same, but the file may end before, which is no error if it does so
 * between two such reads: *got is then 0 instead of `size`. */
status packed_read_next(packed *file, void *bytes, size_t size, const char *what, bool *got, failure *why);

/* Check that nothing follows and that gzip's own check holds; sha256 <- that of
 * all unpacked bytes. Errors: STATUS_FORMAT, STATUS_IO. */
status packed_end(packed *file, char sha256[65], failure *why);

#endif
