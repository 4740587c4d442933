/* edit_distance.c - suggestions for mistyped names, by edit distance. */
#include "base/edit_distance.h"

#include <string.h>

enum { LENGTH_MAX = 63 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t edit_distance(const char *a, const char *b) {
    size_t m = strnlen(a, LENGTH_MAX), n = strnlen(b, LENGTH_MAX);
    /* rows[i % 3][j] is the distance between the first i bytes of a and the first j of b. */
    size_t rows[3][LENGTH_MAX + 1];
    for (size_t i = 0; i <= m; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                now[j] = i + j;
                continue;
            }
            size_t replaced = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replaced, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], earlier[j - 2] + 1);
            }
        }
    }
    return rows[m % 3][n];
}

const char *suggest_name(const char *word, size_t count, const char *const *names) {
    const char *nearest = NULL;
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (nearest == NULL || distance < best) {
            nearest = names[i];
            best = distance;
        }
    }
    return nearest;
}
