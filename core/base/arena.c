/* arena.c - a list of blocks, freed together. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const size_t HEADER = 64; /* keeps what follows aligned */

struct arena_block {
    struct arena_block *older;
};

status arena_take(arena *memory, size_t count, size_t size, void **out) {
    if (size != 0 && count > (SIZE_MAX - 2 * HEADER) / size) return STATUS_MEMORY;
    const size_t bytes = (HEADER + count * size + HEADER - 1) / HEADER * HEADER;
    struct arena_block *block = aligned_alloc(HEADER, bytes);
    if (!block) return STATUS_MEMORY;
    memset(block, 0, bytes);
    block->older = memory->newest;
    memory->newest = block;
    memory->bytes += bytes;
    *out = (char *)block + HEADER;
    return STATUS_OK;
}

void arena_release(arena *memory) {
    while (memory->newest) {
        struct arena_block *older = memory->newest->older;
        free(memory->newest);
        memory->newest = older;
    }
    memory->bytes = 0;
}
