/* json_memory.h - whether jansson had all the memory that it asked for.
 *
 * Where memory ends jansson may leave out a part of what it reads, copies or writes, and say nothing: a letter of a
 * text, a member of an object. What it made is whole only if it was refused nothing meanwhile. */
#ifndef AFFJORD_TRAIN_JSON_MEMORY_H
#define AFFJORD_TRAIN_JSON_MEMORY_H

#include <stdbool.h>

/* Look at what this thread's calls of jansson get from here on. The first look puts a function before the allocator
 * that jansson has then (json_set_alloc_funcs), which goes on to serve it. */
void json_memory_watch(void);

/* False if it was refused memory since. */
bool json_memory_sufficed(void);

#endif
