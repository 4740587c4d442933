/* memory.c - arrays in host memory, or in device memory with a record in the arena. */
#include "backend/memory.h"

#include <stdint.h>

static void release(const void *owner, void *block) {
    const backend_ops *backend = owner;
    backend->release(backend, block);
}

status backend_alloc(const backend_ops *backend, arena *memory, size_t count, size_t size, void **out) {
    if (backend_is_host(backend)) return arena_alloc(memory, count, size, out);
    if (size != 0 && count > SIZE_MAX / size) return STATUS_MEMORY;
    TRY(backend->alloc(backend, count * size, out));
    const status noted = arena_adopt(memory, *out, count * size, release, backend);
    if (noted != STATUS_OK) backend->release(backend, *out);
    return noted;
}
