/* json_memory.h - detect whether jansson got all memory that it requested.
 *
 * When memory runs out, jansson may silently omit a part of what it reads, copies or writes: a letter of a text, a
 * member of an object. While reading, an omitted quotation mark makes it write beyond a text's end. So every use is
 * watched, and its result is used only if no request was refused. While reading, requests are never refused: there
 * is a reserve. */
#ifndef AFFJORD_TRAIN_JSON_MEMORY_H
#define AFFJORD_TRAIN_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* An upper bound of the bytes that jansson 2.14 requests while reading a text of `length`, including those that it
 * frees: 114 for each of "[[[[", 84 of "{},", 75 of "[{}],", 60 of "[],", 4 of a long string. */
#define JSON_MEMORY_TO_READ(length) (128 * (size_t)(length) + 65536)

/* Watch this thread's calls of jansson from now on. The first watch of the process wraps jansson's allocator; it
 * must come before any other call of jansson. If another library calls json_set_alloc_funcs later, nothing is
 * detected. */
void json_memory_watch(void);

/* Reserve `bytes` for jansson until the watch ends; it uses them if there is no other memory. Return false, and end the
 * watch, if they cannot be allocated. */
bool json_memory_reserve(size_t bytes);

/* End the watch. Return false if memory was refused since its start; *made is then destroyed and NULL. `made` may be
 * NULL. */
bool json_memory_end(json_t **made);

/* Free a text that jansson made, or NULL. */
void json_memory_release(char *text);

#endif
