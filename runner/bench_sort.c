/* bench_time.c - monotonic seconds, sorted. */
#include "bench_time.h"

#include <stdlib.h>
#include <time.h>

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_sort(double *seconds, size_t count) {
    qsort(seconds, count, sizeof *seconds, ascending);
}
