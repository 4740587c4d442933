/* arena.c - a list of blocks, freed together. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

static const size_t HEADER = 64; /* keeps the memory after it aligned */

struct arena_block {
    struct arena_block *older;
    void *start; /* of the allocation */
    /* set for an adopted block, otherwise NULL */
    void *adopted;
    void (*release)(const void *owner, void *block);
    const void *owner;
};

static_assert(sizeof(struct arena_block) <= 64, "a block's header has room for it");

status arena_alloc(arena *memory, size_t count, size_t size, void **out) {
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

status arena_adopt(arena *memory, void *block, size_t bytes, void (*release)(const void *owner, void *block),
                   const void *owner) {
    void *note;
    TRY(arena_alloc(memory, 0, 1, &note));
    memory->newest->adopted = block;
    memory->newest->release = release;
    memory->newest->owner = owner;
    memory->bytes += bytes;
    return STATUS_OK;
}

void arena_release(arena *memory) {
    while (memory->newest) {
        struct arena_block *older = memory->newest->older;
        if (memory->newest->release) memory->newest->release(memory->newest->owner, memory->newest->adopted);
        free(memory->newest->start);
        memory->newest = older;
    }
    memory->bytes = 0;
}
