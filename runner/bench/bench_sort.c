/* bench_sort.c - times, sorted. */
#include "bench/bench_sort.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_sort(double *seconds, size_t count) {
    qsort(seconds, count, sizeof *seconds, ascending);
}
