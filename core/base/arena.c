/* arena.c - a list of blocks, freed together. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

static const size_t HEADER = 64; /* keeps what follows aligned */

struct arena_block {
    struct arena_block *older;
    void *start; /* of the allocation */
};

status arena_take(arena *memory, size_t count, size_t size, void **out) {
    if (size != 0 && count > (SIZE_MAX - 3 * HEADER) / size) return STATUS_MEMORY;
    const size_t bytes = 2 * HEADER + count * size;
    void *start = calloc(1, bytes);
    if (!start) return STATUS_MEMORY;
    struct arena_block *block = (void *)((char *)start + (HEADER - (uintptr_t)start % HEADER) % HEADER);
    *block = (struct arena_block){.older = memory->newest, .start = start};
    memory->newest = block;
    memory->bytes += bytes;
    *out = (char *)block + HEADER;
    return STATUS_OK;
}

void arena_release(arena *memory) {
    while (memory->newest) {
        struct arena_block *older = memory->newest->older;
        free(memory->newest->start);
        memory->newest = older;
    }
    memory->bytes = 0;
}
