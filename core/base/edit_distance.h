/* edit_distance.h - suggestions for mistyped names, by edit distance. */
#ifndef AFFJORD_BASE_EDIT_DISTANCE_H
#define AFFJORD_BASE_EDIT_DISTANCE_H

#include <stddef.h>

/* Return the number of insertions, deletions, replacements and swaps of adjacent bytes that turn `a` into `b`. Only the
 * first 63 bytes of each are compared. */
size_t edit_distance(const char *a, const char *b);

/* Return the name with the smallest distance from `word`, the first of equals; NULL if there are no names. */
const char *suggest_name(const char *word, size_t count, const char *const *names);

#endif
