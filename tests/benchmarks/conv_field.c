/* conv_field.c - time one forward and one backward pass of the image field. tests/benchmarks/against.sh builds it with
 * the libraries of two commits and alternates between them.
 *
 *   conv_field CHANNELS HIDDEN SIDE IMAGES THREADS REPEATS [hyper]
 *
 * Three hidden layers; f with J e, and the backward pass to data and weights. Prints the minimum and the median of each
 * in milliseconds: processor time on one thread, which other processes affect least; elapsed time on more threads.
 * AFFJORD_SIMD selects the kernels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/cpu/cpu.h"
#include "base/parallel.h"
#include "field/conv_field.h"

/* Commits before the folder core/context have other names for the image field. */
#if __has_include("context/context.h")
#define FIELD_DIMENSION(of) ((of)->dimension)
#else
#define FIELD_DIMENSION(of) conv_field_dimension(of)
#define error_info failure
#define field conv_field
#define field_values conv_values
#define field_initialise conv_field_initialise
#define field_set_params conv_field_bind
#define field_prepare conv_field_prepare
#define field_forward conv_field_evaluate
#define field_backward conv_field_reverse
#define field_accumulate conv_field_collect
#endif

enum { ARGUMENTS = 6, REPEATS_MAX = 1000 };

static double seconds(size_t threads) {
    struct timespec now;
    clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static real *reals(size_t n) {
    real *p = aligned_alloc(ALIGNMENT, (n * sizeof *p + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    if (!p) exit(1);
    for (size_t i = 0; i < n; i++) p[i] = (real)(i % 17) / 8 - 1;
    return p;
}

int main(int count, char **arguments) {
    size_t given[ARGUMENTS] = {0};
    for (int i = 0; i < ARGUMENTS && i + 1 < count; i++) given[i] = strtoul(arguments[i + 1], NULL, 10);
    const size_t hidden = given[1], side = given[2], images = given[3], threads = given[4], repeats = given[5];
    if (count < ARGUMENTS + 1 || repeats < 1 || repeats > REPEATS_MAX) {
        fprintf(stderr, "conv_field CHANNELS HIDDEN SIDE IMAGES THREADS REPEATS [hyper]\n");
        return 2;
    }
    const conv_field_spec spec = {.channels = given[0],
                                  .height = side,
                                  .width = side,
                                  .hidden_layers = 3,
                                  .hidden = {hidden, hidden, hidden},
                                  .layer = count > ARGUMENTS + 1 ? IMAGE_HYPER : IMAGE_CONCAT,
                                  .context = 1,
                                  .fed = 1};
    parameter_table table;
    memset(&table, 0, sizeof table);
    parallel *workers = NULL;
    field *of = NULL;
    error_info err = {"out of memory"};
    if ((threads > 1 && parallel_create(threads, &workers) != STATUS_OK) ||
        conv_field_create(&spec, "field", workers, cpu_backend(cpu_level_best()), &table, &of, &err) != STATUS_OK) {
        fprintf(stderr, "conv_field: %s\n", err.text);
        return 1;
    }
    const size_t all = FIELD_DIMENSION(of) * images;
    real *z = reals(all), *e = reals(all), *f = reals(all), *product = reals(all), *zbar = reals(all);
    real *params = reals(table.total), *gradient = reals(table.total), *time = reals(1), *time_bar = reals(1);
    const field_values values = {.f = f, .product = product}, nothing = {0};
    static double took[2][REPEATS_MAX];
    field_initialise(of, 1, params);
    field_set_params(of, params);
    for (size_t r = 0; r < repeats; r++) {
        const double start = seconds(threads);
        field_prepare(of, params, time);
        field_forward(of, images, z, e, &values);
        const double between = seconds(threads);
        field_backward(of, images, z, e, &values, &nothing, zbar);
        field_accumulate(of, params, time, gradient, time_bar);
        took[0][r] = between - start;
        took[1][r] = seconds(threads) - between;
    }
    for (size_t i = 0; i < 2; i++) {
        qsort(took[i], repeats, sizeof took[i][0], by_size);
        printf("%.3f %.3f%c", 1e3 * took[i][0], 1e3 * took[i][repeats / 2], i ? '\n' : ' ');
    }
    return 0;
}
