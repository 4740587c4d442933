/* json_memory.c - whether jansson had all the memory that it asked for. */
#include "train/json_memory.h"

#include <pthread.h>

#include <jansson.h>

static _Thread_local bool refused;

static json_malloc_t allocate; /* jansson's before the first look */
static pthread_once_t placed = PTHREAD_ONCE_INIT;

static void *allocate_and_note(size_t size) {
    void *memory = allocate(size);
    refused |= memory == NULL;
    return memory;
}

static void place(void) {
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(allocate_and_note, release);
}

void json_memory_watch(void) {
    pthread_once(&placed, place);
    refused = false;
}

bool json_memory_sufficed(void) {
    return !refused;
}
