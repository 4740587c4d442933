/* bench_conv.c - `./run bench conv`: time the field of the image models and bare convolutions.
 *
 * Each case alternates with the same convolutions alone, one image with its tangents at a time, without biases,
 * activations, or sums over the batch. Shares are those of the fastest repeats, which depend least on other
 * processes. Operations count a multiply and an add as two, by the definition of a convolution; Winograd's method
 * needs a quarter of them. */
#include "bench/bench_conv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/conv.h"
#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "bench/bench_sort.h"
#include "field/conv_field.h"
#include "system/clock.h"

enum { IMAGES = 50, SIDE = 28, HIDDEN = 64, LAYERS = 4, CHANNEL_CASES = 3, THREADS_MAX = 2 };

/* Forward and backward, of the field and of bare convolutions. */
enum { FIELD_EVALUATE, BARE_EVALUATE, FIELD_REVERSE, BARE_REVERSE, TIMED };

static const size_t channel_cases[CHANNEL_CASES] = {1, 2, 4};

/* The convolutions of one thread, on one image and its tangents. */
typedef struct bare {
    conv *convs[LAYERS];
    real *wide[2]; /* (2, SIDE, SIDE, HIDDEN) */
    real *forward[LAYERS], *backward[LAYERS], *gradient[LAYERS];
} bare;

typedef struct bench_case {
    size_t channels, threads;
    parallel *workers; /* not owned */
    arena memory;
    parameter_table table;
    field *field;
    real *params, *gradient, *time, *time_bar;
    real *z, *e, *f, *product, *zbar; /* (IMAGES, D) */
    bare bares[THREADS_MAX];
    bool backward; /* the operations of bare_image */
    double seconds[TIMED][BENCH_REPEATS_MAX];
} bench_case;

static void fill(size_t n, real *x) {
    for (size_t i = 0; i < n; i++) x[i] = (real)(i % 17) / 8 - 1;
}

static status make_bare(bench_case *one, bare *b) {
    const size_t size[LAYERS + 1] = {one->channels, HIDDEN, HIDDEN, HIDDEN, one->channels};
    const size_t wide = (size_t)2 * SIDE * SIDE * HIDDEN;
    for (size_t i = 0; i < 2; i++) {
        TRY(ARENA_NEW(&one->memory, wide, &b->wide[i]));
        fill(wide, b->wide[i]);
    }
    for (size_t l = 0; l < LAYERS; l++) {
        TRY(conv_create(cpu_backend(cpu_level_best()), (conv_shape){2, SIDE, SIDE, size[l], size[l + 1]}, CONV_AUTO,
                        MATH_FP32, &b->convs[l]));
        TRY(ARENA_NEW(&one->memory, conv_forward_reals(b->convs[l]), &b->forward[l]));
        TRY(ARENA_NEW(&one->memory, conv_backward_reals(b->convs[l]), &b->backward[l]));
        TRY(ARENA_NEW(&one->memory, conv_gradient_reals(b->convs[l]), &b->gradient[l]));
    }
    return STATUS_OK;
}

static status make_case(bench_case *one, error_info *err) {
    const conv_field_spec spec = {.channels = one->channels,
                                  .height = SIDE,
                                  .width = SIDE,
                                  .hidden_layers = LAYERS - 1,
                                  .hidden = {HIDDEN, HIDDEN, HIDDEN},
                                  .layer = IMAGE_CONCAT,
                                  .context = 1,
                                  .fed = 1};
    TRY(conv_field_create(&spec, "field", one->workers, cpu_backend(cpu_level_best()), &one->table, &one->field, err));
    const size_t all = IMAGES * one->field->dimension;
    real **const images[] = {&one->z, &one->e, &one->f, &one->product, &one->zbar};
    for (size_t i = 0; i < 5; i++) {
        TRY(ARENA_NEW(&one->memory, all, images[i]));
        fill(all, *images[i]);
    }
    TRY(ARENA_NEW(&one->memory, one->table.total, &one->params));
    TRY(ARENA_NEW(&one->memory, one->table.total, &one->gradient));
    TRY(ARENA_NEW(&one->memory, 1, &one->time));
    TRY(ARENA_NEW(&one->memory, 1, &one->time_bar));
    one->time[0] = (real)0.5;
    field_initialise(one->field, 1, one->params);
    field_set_params(one->field, one->params);
    for (size_t i = 0; i < one->threads; i++) TRY(make_bare(one, &one->bares[i]));
    return STATUS_OK;
}

static void destroy_case(bench_case *one) {
    field_destroy(&one->field);
    for (size_t i = 0; i < THREADS_MAX; i++)
        for (size_t l = 0; l < LAYERS; l++) conv_destroy(&one->bares[i].convs[l]);
    arena_release(&one->memory);
}

static void bare_image(void *argument, size_t image, size_t thread) {
    (void)image;
    bench_case *one = argument;
    bare *b = &one->bares[thread];
    for (size_t l = 0; l < LAYERS; l++) conv_forward(b->convs[l], b->forward[l], b->wide[l % 2], b->wide[(l + 1) % 2]);
    if (!one->backward) return;
    for (size_t l = LAYERS; l-- > 0;) {
        conv_backward_weight(b->convs[l], b->wide[l % 2], b->wide[(l + 1) % 2], b->gradient[l]);
        conv_backward_data(b->convs[l], b->backward[l], b->wide[(l + 1) % 2], b->wide[l % 2]);
    }
}

static void run(bench_case *one, int what) {
    const field_values values = {.f = one->f, .product = one->product}, nothing = {0};
    switch (what) {
    case FIELD_EVALUATE:
        field_prepare(one->field, one->params, one->time);
        field_forward(one->field, IMAGES, one->z, one->e, &values);
        break;
    case FIELD_REVERSE:
        field_backward(one->field, IMAGES, one->z, one->e, &values, &nothing, one->zbar);
        field_accumulate(one->field, one->params, one->time, one->gradient, one->time_bar);
        break;
    default: /* the same convolutions */
        one->backward = what == BARE_REVERSE;
        parallel_for(one->workers, IMAGES, bare_image, one);
    }
}

static void report(bench_case *one, size_t repeats) {
    static const char *const names[] = {[FIELD_EVALUATE] = "evaluate", [FIELD_REVERSE] = "reverse"};
    /* Value and tangent. Backward does the same for the data and for the weights. */
    const double forward =
        2.0 * 2 * IMAGES * SIDE * SIDE * CONV_TAPS * HIDDEN * (2.0 * (double)one->channels + 2 * HIDDEN);
    for (int what = 0; what < TIMED; what++) bench_sort(one->seconds[what], repeats);
    for (int what = FIELD_EVALUATE; what < TIMED; what += 2) {
        const double *ours = one->seconds[what], *bare_seconds = one->seconds[what + 1];
        const double operations = what == FIELD_REVERSE ? 3 * forward : forward;
        char name[64];
        snprintf(name, sizeof name, "conv_%s_%zux28x28_%zu_thread%s", names[what], one->channels, one->threads,
                 one->threads > 1 ? "s" : "");
        printf("%-36s %12.6f %12.6f %8zu  %.6f  %3.0f%%  %.0f GFLOP/s\n", name, ours[repeats / 2], ours[0], repeats,
               bare_seconds[0], 100 * bare_seconds[0] / ours[0], operations / ours[0] / 1e9);
    }
}

static void time_cases(bench_case *cases, size_t count, const bench_options *options) {
    const size_t warm = options->brief ? 0 : 1; /* warm-up rounds */
    for (size_t r = 0; r < warm + options->repeats; r++)
        for (size_t i = 0; i < count; i++)
            for (int what = 0; what < TIMED; what++) {
                const double start = clock_seconds();
                run(&cases[i], what);
                if (r >= warm) cases[i].seconds[what][r - warm] = clock_seconds() - start;
            }
}

int bench_conv(const bench_options *options) {
    static bench_case cases[CHANNEL_CASES * THREADS_MAX];
    const size_t count = options->brief ? 1 : sizeof cases / sizeof cases[0];
    parallel *workers[THREADS_MAX + 1] = {NULL};
    error_info err = {"out of memory"};
    status outcome = parallel_create(THREADS_MAX, &workers[THREADS_MAX]);
    for (size_t i = 0; i < count && outcome == STATUS_OK; i++) {
        cases[i].channels = channel_cases[i / THREADS_MAX];
        cases[i].threads = 1 + i % THREADS_MAX;
        cases[i].workers = workers[cases[i].threads];
        outcome = make_case(&cases[i], &err);
    }
    if (outcome == STATUS_OK) {
        time_cases(cases, count, options);
        printf("%-36s %12s %12s %8s  %s\n", "name", "median s", "minimum s", "repeats", "bare convolutions s, share");
        for (size_t i = 0; i < count; i++) report(&cases[i], options->repeats);
    } else {
        fprintf(stderr, "bench: %s\n", err.text);
    }
    for (size_t i = 0; i < count; i++) destroy_case(&cases[i]);
    parallel_destroy(&workers[THREADS_MAX]);
    return outcome == STATUS_OK ? 0 : 1;
}
