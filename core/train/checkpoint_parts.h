/* checkpoint_parts.h - the structure of a checkpoint, for the files that implement it. */
#ifndef AFFJORD_TRAIN_CHECKPOINT_PARTS_H
#define AFFJORD_TRAIN_CHECKPOINT_PARTS_H

#include <stdbool.h>

#include <jansson.h>

#include "train/checkpoint.h"

enum {
    CHECKPOINT_RANK_MAX = 4,
    CHECKPOINT_TYPES = CHECKPOINT_U64 + 1,
    CHECKPOINT_ALIGNMENT = 8,
    CHECKPOINT_HEADER_MAX = 4 << 20 /* bytes; reading reserves some 128 times as many */
};

/* Names that the format reserves. */
#define CHECKPOINT_METADATA "__metadata__"
#define CHECKPOINT_SHA256 "sha256" /* of the data section of the file */
#define CHECKPOINT_SHA256_BY_NAME "sha256_by_name" /* checkpoint_digest */

typedef struct checkpoint_array {
    char *name;
    checkpoint_type type;
    size_t rank;
    size_t shape[CHECKPOINT_RANK_MAX];
    size_t elements;
    void *values;
    const char *dtype; /* its dtype in the file that it was read from */
} checkpoint_array;

struct checkpoint {
    size_t count, capacity;
    checkpoint_array *arrays; /* in the order of their addition */
    json_t *texts; /* an object, which keeps that order too */
    checkpoint_check check;
};

/* Of each checkpoint_type: dtype in the header, and bytes of an element. */
typedef struct checkpoint_type_name {
    const char *dtype;
    size_t size;
} checkpoint_type_name;
extern const checkpoint_type_name checkpoint_types[CHECKPOINT_TYPES];

/* elements <- product of shape (rank), bytes <- elements times the size of one; return false if either overflows. */
bool checkpoint_size(checkpoint_type type, size_t rank, const size_t *shape, size_t *elements, size_t *bytes);

/* Return the array of this name, or NULL. */
checkpoint_array *checkpoint_find(const checkpoint *file, const char *name);

/* sha256 <- the checksum of all arrays as docs/reference/formats.md defines it. It depends on their names, shapes
 * and numbers, not on the order of their addition, nor on whether a number is an F32 or the same number as F64.
 * Errors: STATUS_MEMORY. */
status checkpoint_digest(const checkpoint *file, char sha256[65]);

#endif
