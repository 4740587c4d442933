/* memory.h - arrays in device memory, owned by arenas. */
#ifndef AFFJORD_BACKEND_MEMORY_H
#define AFFJORD_BACKEND_MEMORY_H

#include "backend/backend.h"
#include "base/arena.h"

/* *out <- `count` zeroed elements of `size` bytes in the backend's memory, released with the arena; the backend must
 * outlive it. In host memory it is arena_alloc. Errors: STATUS_MEMORY. */
status backend_alloc(const backend_ops *backend, arena *memory, size_t count, size_t size, void **out);

/* TRY(BACKEND_NEW(backend, &memory, n, &pointer)) */
#define BACKEND_NEW(backend, memory, count, pointer)                                                                   \
    backend_alloc(backend, memory, count, sizeof **(pointer), (void **)(pointer))

/* Return whether the backend's memory is host memory, which the program may access directly. */
static inline bool backend_is_host(const backend_ops *backend) {
    return !backend->alloc;
}

#endif
