/* test_field_device.c - whole fields on images with self-attention on a device, compared with the processor: values,
 * J e, the backward pass, all gradients. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/memory.h"
#include "backend_training.h"
#include "base/random.h"
#include "device_support.h"
#include "field/conv_field.h"

/* Results of a field, in the order of `names`. */
enum { F, PRODUCT, DIVERGENCE, KINETIC, JACOBIAN, Z_BAR, PROBE_BAR, GRADIENT, C_BAR, RESULTS };
static const char *const names[] = {"f",    "J e",      "divergence", "kinetic", "jacobian",
                                    "zbar", "probebar", "gradient",   "cbar"};

/* A field with its results in host memory. */
typedef struct outcome {
    const backend_ops *backend;
    arena memory;
    uint64_t drawn; /* arrays so far */
    real *results[RESULTS]; /* (count), owned */
    size_t count[RESULTS];
} outcome;

/* n normal numbers in the backend's memory, the same for all backends. */
static real *draw(outcome *b, size_t n, double scale) {
    real *there, *here = reals(n);
    b->drawn++;
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 8, .purpose = RANDOM_PROBE, .iteration = b->drawn}, i, 0, u);
        here[i] = (real)(scale * u[0]);
    }
    cr_assert_eq(BACKEND_NEW(b->backend, &b->memory, n, &there), STATUS_OK);
    b->backend->copy_to_device(b->backend, n * sizeof *here, here, there);
    free(here);
    return there;
}

static void take(outcome *b, size_t which, size_t n, const real *there) {
    b->count[which] = n;
    b->results[which] = reals(n);
    b->backend->copy_to_host(b->backend, n * sizeof *there, there, b->results[which]);
}

/* A pass forward and backward, with n images; chunks are of spec->batch. */
static void run_on(outcome *b, const backend_ops *backend, const conv_field_spec *spec, size_t n) {
    parameter_table table = {0};
    field *of = NULL;
    error_info err = {""};
    *b = (outcome){.backend = backend};
    cr_assert_eq(conv_field_create(spec, "field", NULL, backend, &table, &of, &err), STATUS_OK, "%s", err.text);
    const size_t all = n * of->dimension, C = spec->context, P = table.total;
    const real *params = draw(b, P, 0.25), *c = draw(b, C, 1), *z = draw(b, all, 1), *e = draw(b, all, 1);
    real *zbar = draw(b, all, 0), *probe_bar = draw(b, all, 0), *gradient = draw(b, P, 0), *cbar = draw(b, C, 0);
    const field_values out = {.f = draw(b, all, 0),
                              .product = draw(b, all, 0),
                              .divergence = draw(b, n, 0),
                              .kinetic = draw(b, n, 0),
                              .jacobian = draw(b, n, 0)};
    const field_values bar = {.f = draw(b, all, 1),
                              .product = draw(b, all, 1),
                              .divergence = draw(b, n, 1),
                              .kinetic = draw(b, n, 0.1),
                              .jacobian = draw(b, n, 0.1)};
    field_set_params(of, params);
    field_prepare(of, params, c);
    field_forward(of, n, z, e, &out);
    field_backward(of, n, z, e, &bar, &(field_values){.probe_bar = probe_bar}, zbar);
    field_accumulate(of, params, c, gradient, cbar);
    take(b, F, all, out.f);
    take(b, PRODUCT, all, out.product);
    take(b, DIVERGENCE, n, out.divergence);
    take(b, KINETIC, n, out.kinetic);
    take(b, JACOBIAN, n, out.jacobian);
    take(b, Z_BAR, all, zbar);
    take(b, PROBE_BAR, all, probe_bar);
    take(b, GRADIENT, P, gradient);
    take(b, C_BAR, C, cbar);
    field_destroy(&of);
    arena_release(&b->memory);
}

static void forget(outcome *b) {
    for (size_t i = 0; i < RESULTS; i++) free(b->results[i]);
}

static void expect_near(const outcome *host, const outcome *device, size_t which, double tolerance, const char *what) {
    const real *a = host->results[which], *b = device->results[which];
    double largest = 0, distance = 0;
    cr_assert_eq(host->count[which], device->count[which]);
    for (size_t i = 0; i < host->count[which]; i++) {
        largest = fmax(largest, fabs((double)a[i]));
        if (!(fabs((double)a[i] - (double)b[i]) <= distance)) distance = fabs((double)a[i] - (double)b[i]);
    }
    cr_expect(distance <= tolerance * largest, "%s: %s is %g apart, of %g", what, names[which], distance, largest);
    cr_expect(largest > 0 || which == C_BAR, "%s: %s is zero", what, names[which]); /* a field may ignore the context */
}

/* The last chunk is not full. */
static void check_field(const backend_ops *device, conv_field_spec spec, const char *what) {
    enum { TOGETHER = 3, IMAGES = 5 };
    outcome host, there, again;
    spec.batch = TOGETHER;
    run_on(&host, host_together(), &spec, IMAGES);
    run_on(&there, device, &spec, IMAGES);
    run_on(&again, device, &spec, IMAGES);
    for (size_t i = 0; i < RESULTS; i++) {
        expect_near(&host, &there, i, i < Z_BAR ? 1e-5 : 5e-5, what);
        cr_expect_arr_eq(there.results[i], again.results[i], there.count[i] * sizeof(real), "%s: %s, twice", what,
                         names[i]);
    }
    forget(&host), forget(&there), forget(&again);
}

static conv_field_spec field_of(size_t channels, size_t height, size_t width, image_layer layer) {
    return (conv_field_spec){.channels = channels,
                             .height = height,
                             .width = width,
                             .hidden_layers = 2,
                             .hidden = {6, 9},
                             .function = ACTIVATION_SOFTPLUS,
                             .layer = layer,
                             .context = channels * height * width,
                             .fed = 2,
                             .attention_heads = 2,
                             .attention_channels = 6};
}

static void check_fields(size_t count, const size_t cases[][5]) {
    const backend_ops *device = tested_images();
    for (size_t i = 0; i < count; i++)
        for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
            char what[96];
            conv_field_spec spec = field_of(cases[i][0], cases[i][1], cases[i][2], layer);
            spec.attention_heads = cases[i][3];
            spec.attention_channels = cases[i][4];
            snprintf(what, sizeof what, "%zu x %zu x %zu, layer %d", spec.channels, spec.height, spec.width,
                     (int)layer);
            check_field(device, spec, what);
            if (layer != IMAGE_IGNORE) continue;
            spec.joined = spec.channels; /* AFFJORD's first layer: z* as channels beside z */
            check_field(device, spec, "joined");
        }
    tested_close(&device);
}

/* Channels, height, width, heads, channels of attention. Sides that are odd, one pixel, more pixels than a block has
 * threads; one head, and heads of more numbers than a block has threads. */
Test(any_device, fields_with_attention_are_those_of_the_processor) {
    tested_cublas(false);
    check_fields(
        5, (const size_t[][5]){{1, 7, 5, 2, 6}, {4, 3, 3, 3, 3}, {3, 1, 1, 1, 5}, {1, 13, 11, 1, 4}, {2, 1, 9, 2, 70}});
}

Test(any_device, fields_with_attention_by_cublas) {
    tested_cublas(true);
    check_fields(2, (const size_t[][5]){{1, 7, 5, 2, 6}, {1, 13, 11, 1, 4}});
}

#endif
