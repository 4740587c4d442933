/* arena.h - memory that lives as long as its owner and is freed at once.
 *
 * A model takes all its workspace when it is made; nothing is allocated while
 * an equation is integrated. */
#ifndef AFFJORD_BASE_ARENA_H
#define AFFJORD_BASE_ARENA_H

#include <stddef.h>

#include "base/status.h"

/* Start with {0}. */
typedef struct arena {
    struct arena_block *newest;
    size_t bytes; /* taken so far */
} arena;

/* *out <- `count` zeroed elements of `size` bytes, aligned to 64 bytes, owned
 * by the arena. Pages of a large block that are never touched take no memory.
 * A zero count gives a valid pointer. Errors: STATUS_MEMORY, also when
 * count * size overflows. Use ARENA_NEW, which knows the type. */
status arena_take(arena *memory, size_t count, size_t size, void **out);

/* Let the arena own a block of `bytes` that was taken elsewhere: give_back(owner,
 * block) is called when it is released. Errors: STATUS_MEMORY, the block is then
 * still the caller's. */
status arena_adopt(arena *memory, void *block, size_t bytes, void (*give_back)(const void *owner, void *block),
                   const void *owner);

/* Free everything taken; the arena is as new. */
void arena_release(arena *memory);

/* TRY(ARENA_NEW(&memory, n, &pointer)) */
#define ARENA_NEW(memory, count, pointer) arena_take(memory, count, sizeof **(pointer), (void **)(pointer))

#endif
