/* checkpoint.h - named arrays and strings in one .safetensors file.
 *
 * The format is the public one: 8 bytes of header length (little endian), a JSON header {name: {dtype, shape,
 * data_offsets}, __metadata__: {string: string}}, then the arrays. Python's safetensors reads our files. Files are
 * written under a temporary name, synced and renamed. The metadata have two SHA-256 checksums of the arrays.
 * "sha256_by_name" does not depend on the arrays' order, so it survives a rewrite by another program; reading verifies
 * it. "sha256" covers the data section; reading verifies it if the first is missing. Files of other programs may lack
 * both. */
#ifndef AFFJORD_TRAIN_CHECKPOINT_H
#define AFFJORD_TRAIN_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/parameters.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The type of an array. */
typedef enum checkpoint_type { CHECKPOINT_F32, CHECKPOINT_F64, CHECKPOINT_U64 } checkpoint_type;

/* A checkpoint in memory. One thread at a time may change it. Only checkpoint_write and checkpoint_read take long:
 * they hash and transfer the whole file. */
typedef struct checkpoint checkpoint;

/* Create an empty checkpoint. The caller owns *out. Errors: STATUS_MEMORY. */
status checkpoint_create(checkpoint **out);
/* Free it and set *file to NULL; *file may be NULL. */
void checkpoint_destroy(checkpoint **file);

/* Add a copy of an array of `rank` <= 4 dimensions. The same name replaces an earlier array. Errors: STATUS_MEMORY. */
status checkpoint_put(checkpoint *file, const char *name, checkpoint_type type, size_t rank, const size_t *shape,
                      const void *values);
/* Add a copy of a text. The same key replaces an earlier text. Errors: STATUS_MEMORY. */
status checkpoint_put_text(checkpoint *file, const char *key, const char *value);

/* Return the array of this name if it has this type and number of elements, else NULL. The checkpoint owns it. */
const void *checkpoint_get(const checkpoint *file, const char *name, checkpoint_type type, size_t elements);
/* Return the text of this key, or NULL. The checkpoint owns it. */
const char *checkpoint_get_text(const checkpoint *file, const char *key);
/* Visit all texts in the order of their addition. */
void checkpoint_each_text(const checkpoint *file, void (*visit)(void *argument, const char *key, const char *value),
                          void *argument);

/* Return the dtype of this array in its file: "F32", "F64", "U64", or "F16" or "BF16" if it was converted to F32;
 * NULL if there is no such array. */
const char *checkpoint_dtype(const checkpoint *file, const char *name);

/* The result of checking a file's checksum. */
typedef enum checkpoint_check {
    CHECKPOINT_VERIFIED, /* the arrays are those that were written, or were not read from a file */
    CHECKPOINT_WITHOUT_CHECKSUM, /* the file has none */
    CHECKPOINT_CONVERTED /* another program has rounded the arrays to 16 bits; the checksum is that of the original */
} checkpoint_check;
/* Return the result of the check when the checkpoint was read. */
checkpoint_check checkpoint_checked(const checkpoint *file);

/* Write atomically: temporary file, fsync, rename, fsync of the folder. sha256_hex (may be NULL) <- the file's 64
 * hexadecimal digits and a terminator. Errors: STATUS_IO with the path, STATUS_MEMORY, STATUS_INVALID if names and
 * texts exceed 4 MB, the limit of checkpoint_read. */
status checkpoint_write(const checkpoint *file, const char *path, char sha256_hex[65], error_info *err);

/* Read and verify a file. Arrays of F16 and BF16 become F32. The caller owns *out. Errors, with the path and what
 * was expected: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status checkpoint_read(const char *path, checkpoint **out, error_info *err);

/* --- The parts of a block of parameters --- */

/* Add every array of a block of parameters under its name: matrices as (rows, columns), vectors as (rows). Errors:
 * STATUS_MEMORY. */
status checkpoint_put_parameters(checkpoint *file, const parameter_table *table, const real *params);

/* params (P) <- the arrays of these names, F32 or F64, rounded to real; unchanged on failure. Errors: STATUS_FORMAT
 * naming the first array that is missing, has another size, or has numbers outside of the range of real. */
status checkpoint_get_parameters(const checkpoint *file, const parameter_table *table, real *params, error_info *err);

/* The dtype of a real in this build. */
#ifdef AFFJORD_DOUBLE
#define CHECKPOINT_REAL CHECKPOINT_F64
#else
#define CHECKPOINT_REAL CHECKPOINT_F32
#endif

AFFJORD_API_END

#endif
