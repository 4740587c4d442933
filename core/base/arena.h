/* arena.h - memory that lives as long as its owner and is freed at once.
 *
 * A model allocates its whole workspace at creation, so that a solve allocates nothing. */
#ifndef AFFJORD_BASE_ARENA_H
#define AFFJORD_BASE_ARENA_H

#include <stddef.h>

#include "base/status.h"

/* Initialise with {0}. */
typedef struct arena {
    struct arena_block *newest;
    size_t bytes; /* allocated so far */
} arena;

/* *out <- `count` zeroed elements of `size` bytes, aligned to 64 bytes, owned by the arena. Untouched pages of a large
 * block use no memory. A count of zero gives a valid pointer. Errors: STATUS_MEMORY, also if count * size overflows.
 * Prefer ARENA_NEW, which takes the size from the pointer's type. */
status arena_alloc(arena *memory, size_t count, size_t size, void **out);

/* Transfer a block of `bytes`, allocated elsewhere, to the arena; arena_release calls release(owner, block). Errors:
 * STATUS_MEMORY; the caller then still owns the block. */
status arena_adopt(arena *memory, void *block, size_t bytes, void (*release)(const void *owner, void *block),
                   const void *owner);

/* Free everything in the arena and reset it to {0}. */
void arena_release(arena *memory);

/* TRY(ARENA_NEW(&memory, n, &pointer)) */
#define ARENA_NEW(memory, count, pointer) arena_alloc(memory, count, sizeof **(pointer), (void **)(pointer))

#endif
