/* memory.h - arrays in the memory of a device, in the arenas of their owners. */
#ifndef AFFJORD_BACKEND_MEMORY_H
#define AFFJORD_BACKEND_MEMORY_H

#include "backend/backend.h"
#include "base/arena.h"

/* *out <- `count` zeroed elements of `size` bytes in the backend's memory, owned by the arena and given back with it, so
 * the backend must outlive it. What arena_take says holds for the program's own memory. Errors: STATUS_MEMORY. */
status backend_take(const backend_ops *backend, arena *memory, size_t count, size_t size, void **out);

/* TRY(BACKEND_NEW(backend, &memory, n, &pointer)) */
#define BACKEND_NEW(backend, memory, count, pointer)                                                                   \
    backend_take(backend, memory, count, sizeof **(pointer), (void **)(pointer))

/* Whether the program may look into the backend's memory, as it is its own. */
static inline bool backend_is_near(const backend_ops *backend) {
    return !backend->take;
}

#endif
