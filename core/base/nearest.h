/* nearest.h - the known name that a mistyped one was probably meant to be. */
#ifndef AFFJORD_BASE_NEAREST_H
#define AFFJORD_BASE_NEAREST_H

#include <stddef.h>

/* The number of insertions, deletions, replacements and swaps of neighbouring
 * letters that turn `a` into `b`; only their first 63 bytes are compared. */
size_t nearest_distance(const char *a, const char *b);

/* The one of `count` names with the least distance from `word`, the first of
 * equals; NULL only for no names. */
const char *nearest_name(const char *word, size_t count, const char *const *names);

#endif
