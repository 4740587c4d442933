/* json_memory.h - whether jansson had all the memory that it asked for.
 *
 * Where memory ends jansson may leave out a part of what it reads, copies or writes, and say nothing: a letter of a
 * text, a member of an object. As it reads, a quotation mark that was left out makes it write behind a text's end. So
 * it is looked at while it works, what it made is used only if it was refused nothing, and as it reads it is never
 * told that there is no memory. */
#ifndef AFFJORD_TRAIN_JSON_MEMORY_H
#define AFFJORD_TRAIN_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* More bytes than jansson 2.14 asks for as it reads a text of `length`, those that it frees meanwhile too: 114 for each
 * of "[[[[", 84 of "{},", 75 of "[{}],", 60 of "[],", 4 of a long string. */
#define JSON_MEMORY_TO_READ(length) (128 * (size_t)(length) + 65536)

/* Look at this thread's calls of jansson from here on. The first look of the process puts functions before the allocator
 * that jansson has then, which goes on to serve it; it comes before any other call of jansson. After a
 * json_set_alloc_funcs of somebody else's nothing is seen any more. */
void json_memory_watch(void);

/* Reserve `bytes` for jansson until the watch ends; it uses them if there is no other memory. Return false, and end the
 * watch, if they cannot be allocated. */
bool json_memory_reserve(size_t bytes);

/* End the watch. Return false if memory was refused since its start; *made is then destroyed and NULL. `made` may be
 * NULL. */
bool json_memory_end(json_t **made);

/* Gives back a text that jansson made, or NULL. */
void json_memory_release(char *text);

#endif
