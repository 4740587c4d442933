/* memory.c - arrays in host memory, or in device memory with a record in the arena. */
#include "backend/memory.h"

#include <stdint.h>

static void give_back(const void *owner, void *block) {
    const backend_ops *backend = owner;
    backend->give_back(backend, block);
}

status backend_take(const backend_ops *backend, arena *memory, size_t count, size_t size, void **out) {
    if (backend_is_near(backend)) return arena_take(memory, count, size, out);
    if (size != 0 && count > SIZE_MAX / size) return STATUS_MEMORY;
    TRY(backend->take(backend, count * size, out));
    const status noted = arena_adopt(memory, *out, count * size, give_back, backend);
    if (noted != STATUS_OK) backend->give_back(backend, *out);
    return noted;
}
