/* golden_support.h - reading a golden file: settings as text, arrays as double. */
#ifndef AFFJORD_TESTS_GOLDEN_SUPPORT_H
#define AFFJORD_TESTS_GOLDEN_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/real.h"
#include "train/checkpoint.h"

typedef struct golden {
    checkpoint *file;
    const char *name;
} golden;

static inline const char *text(const golden *g, const char *key) {
    const char *value = checkpoint_get_text(g->file, key);
    cr_assert_not_null(value, "%s has no %s", g->name, key);
    return value;
}

static inline size_t number(const golden *g, const char *key) {
    return strtoul(text(g, key), NULL, 10);
}

static inline int choice(const golden *g, const char *key, size_t count, const char *const *names) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(text(g, key), names[i]) == 0) return (int)i;
    cr_assert_fail("%s: %s = %s", g->name, key, text(g, key));
    return 0;
}

static inline const double *array(const golden *g, const char *name, size_t count) {
    const double *values = checkpoint_get(g->file, name, CHECKPOINT_F64, count);
    cr_assert_not_null(values, "%s has no %s of %zu numbers", g->name, name, count);
    return values;
}

/* n zeros, to be freed. */
static inline real *reals(size_t n) {
    real *p = calloc(n + 1, sizeof *p);
    cr_assert_not_null(p);
    return p;
}

static inline real *as_reals(const golden *g, const char *name, size_t count) {
    const double *values = array(g, name, count);
    real *copy = reals(count);
    for (size_t i = 0; i < count; i++) copy[i] = (real)values[i];
    return copy;
}

/* Relative to the largest entry of the array, because small entries are sums of large terms. */
static inline void compare(const golden *g, const char *name, const real *ours, size_t count, double tolerance) {
    const double *theirs = array(g, name, count);
    double scale = 0;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(theirs[i]));
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq((double)ours[i], theirs[i], tolerance * scale, "%s: %s[%zu] is %.14g, expected %.14g",
                           g->name, name, i, (double)ours[i], theirs[i]);
}

#endif
