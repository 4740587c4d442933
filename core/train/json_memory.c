/* json_memory.c - detect whether jansson got all memory that it requested. */
#include "train/json_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = 16 };

/* The watch of this thread. */
static _Thread_local struct {
    bool open, refused;
    char *reserve;
    size_t size, used;
} look;

/* jansson's functions before the first watch. */
static json_malloc_t allocate;
static json_free_t release;
static pthread_once_t placed = PTHREAD_ONCE_INIT;

static void *allocate_and_note(size_t size) {
    void *memory = allocate(size);
    if (memory != NULL || !look.open) return memory;
    look.refused = true;
    const size_t padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded < size || padded > look.size - look.used) return NULL;
    memory = look.reserve + look.used;
    look.used += padded;
    return memory;
}

static void release_if_allocated(void *memory) {
    if ((uintptr_t)memory - (uintptr_t)look.reserve >= look.used) release(memory);
}

static void place(void) {
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(allocate_and_note, release_if_allocated);
}

void json_memory_watch(void) {
    pthread_once(&placed, place);
    look.size = 0;
    look.refused = false;
    look.open = true;
}

bool json_memory_reserve(size_t bytes) {
    look.reserve = malloc(bytes);
    look.open = look.reserve != NULL;
    look.size = look.open ? bytes : 0;
    return look.open;
}

bool json_memory_end(json_t **made) {
    look.open = false;
    if (look.refused && made != NULL) {
        json_decref(*made);
        *made = NULL;
    }
    free(look.reserve);
    look.reserve = NULL;
    look.used = 0;
    return !look.refused;
}

void json_memory_release(char *text) {
    json_free_t free_text;
    json_get_alloc_funcs(NULL, &free_text);
    if (text != NULL) free_text(text);
}
