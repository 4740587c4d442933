/* test_chain_golden.c - multiscale models on images against float64 references (tests/golden/chain), and with many
 * steps against properties of the exact equation. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/level.h"
#include "backend/memory.h"
#include "device_support.h"
#include "flow/chain_internal.h"
#include "golden_support.h"

static const char folder[] = "tests/golden/chain";

#ifdef AFFJORD_DOUBLE
static const double value_tolerance = 1e-14, gradient_tolerance = 3e-14;
#else
static const double value_tolerance = 3e-6, gradient_tolerance = 1.5e-5;
#endif

static double decimal(const golden *g, const char *key) {
    return strtod(text(g, key), NULL);
}

#define CHOICE(key, ...)                                                                                               \
    choice(g, key, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static chain_spec specification(const golden *g, const backend_ops *backend, conv_method method) {
    const tableau *const methods[] = {tableau_get(TABLEAU_RK4), tableau_get(TABLEAU_MIDPOINT),
                                      tableau_get(TABLEAU_DOPRI5)};
    chain_spec spec = {
        .model = {.channels = number(g, "channels"),
                  .height = number(g, "height"),
                  .width = number(g, "width"),
                  .architecture = (image_architecture)CHOICE("architecture", "ffjord", "affjord"),
                  .layer = (image_layer)CHOICE("layer", "ignore", "concat", "hyper", "concatsquash"),
                  .variant = (image_variant)CHOICE("variant", "paper", "release"),
                  .moving = number(g, "moving"),
                  .fed = number(g, "fed")},
        .function = (activation)CHOICE("function", "softplus", "tanh", "swish"),
        .alpha = decimal(g, "alpha"),
        .end_time = decimal(g, "end_time"),
        .learn_end_time = CHOICE("learn_end_time", "no", "yes"),
        .base_variance = decimal(g, "base_variance"),
        .divergence = (cnf_divergence)CHOICE("divergence", "exact", "rademacher", "gaussian"),
        .kinetic = decimal(g, "kinetic"),
        .jacobian = decimal(g, "jacobian"),
        .kept_steps = 1,
        .solver = {.method = methods[CHOICE("solver", "rk4", "midpoint", "dopri5")], .steps = number(g, "steps")},
        .method = method,
        .backend = backend};
    char *end;
    for (const char *at = text(g, "hidden"); *at; at = end)
        spec.model.hidden[spec.model.hidden_layers++] = strtoul(at, &end, 10);
    return spec;
}

static void expect(const golden *g, const char *what, double ours, double theirs) {
    cr_assert_float_eq(ours, theirs, value_tolerance * (1 + fabs(theirs)), "%s: %s is %.14g, expected %.14g", g->name,
                       what, ours, theirs);
}

/* A model with the parameters, images and probes of a file; `far` arrays are in the backend's memory. */
typedef struct bench {
    chain *model;
    const parameter_table *table;
    const backend_ops *backend;
    size_t n, all;
    real *gradient, *x, *z, *back;
    real *guarded_params, *guarded_gradient, *guarded_probes[IMAGE_FLOWS_MAX];
    arena far;
} bench;

/* Copy the n reals of `near` to the backend's memory, and free `near`. */
static real *bench_send(bench *b, size_t n, real *near) {
    real *far;
    cr_assert_eq(BACKEND_NEW(b->backend, &b->far, n, &far), STATUS_OK);
    b->backend->copy_to_device(b->backend, n * sizeof *near, near, far);
    free(near);
    return far;
}

static void bench_open(bench *b, const golden *g, const chain_spec *spec) {
    error_info err = {""};
    *b = (bench){.n = number(g, "batch"), .backend = spec->backend};
    cr_assert_eq(chain_create(spec, b->n, true, NULL, &b->model, &err), STATUS_OK, "%s", err.text);
    b->table = chain_parameters(b->model);
    b->all = b->n * chain_dimension(b->model);
    real *params = reals(b->table->total);
    for (size_t k = 0; k < b->table->count; k++) {
        const parameter *part = &b->table->entries[k];
        const double *values = array(g, part->name, part->rows * part->columns);
        for (size_t i = 0; i < part->rows * part->columns; i++) params[part->offset + i] = (real)values[i];
    }
    b->gradient = reals(b->table->total);
    b->guarded_params = bench_send(b, b->table->total, params);
    b->guarded_gradient = bench_send(b, b->table->total, reals(b->table->total));
    b->x = as_reals(g, "x", b->all);
    b->z = reals(b->all), b->back = reals(b->all);
    if (spec->divergence == DIVERGENCE_EXACT) return;
    for (size_t f = 0; f < chain_flow_count(b->model); f++) {
        char name[32];
        snprintf(name, sizeof name, "probe.%zu", f);
        const size_t count = b->n * flow_dimension(b->model->flows[f]);
        b->guarded_probes[f] = bench_send(b, count, as_reals(g, name, count));
    }
    b->model->given_probes = (const real *const *)b->guarded_probes;
}

static void bench_close(bench *b) {
    free(b->gradient), free(b->x), free(b->z), free(b->back);
    chain_destroy(&b->model);
    arena_release(&b->far);
}

static const random_stream none = {0};

/* b->gradient, near, and the loss. */
static void bench_gradient(bench *b, chain_loss *loss) {
    cr_assert_eq(chain_loss_gradient(b->model, b->guarded_params, b->x, b->n, none, loss, b->guarded_gradient, NULL),
                 STATUS_OK);
    b->backend->copy_to_host(b->backend, b->table->total * sizeof(real), b->guarded_gradient, b->gradient);
}

static void check_transform(const golden *g, bench *b) {
    double log_density[16], mean = 0;
    cr_assert_leq(b->n, (size_t)16);
    const double *expected = array(g, "log_density", b->n), *loss = array(g, "loss", 4);
    cr_assert_eq(chain_transform(b->model, b->guarded_params, b->x, b->n, none, b->z, log_density, NULL), STATUS_OK);
    compare(g, "z", b->z, b->all, value_tolerance);
    for (size_t i = 0; i < b->n; i++) {
        expect(g, "log_density", log_density[i], expected[i]);
        mean += bits_per_dim(log_density[i], chain_dimension(b->model)) / (double)b->n;
    }
    expect(g, "bits_per_dim", mean, loss[0]);
    /* Invert the reference's z; the result is x up to the error of the steps. */
    real *z = as_reals(g, "z", b->all);
    cr_assert_eq(chain_invert(b->model, b->guarded_params, z, b->n, b->back, NULL), STATUS_OK);
    compare(g, "inverse", b->back, b->all, value_tolerance);
    free(z);
}

static void check_gradient(const golden *g, bench *b) {
    const double *expected = array(g, "loss", 4);
    chain_loss loss;
    bench_gradient(b, &loss);
    expect(g, "bits", loss.bits, expected[0]);
    expect(g, "kinetic", loss.kinetic, expected[1]);
    expect(g, "jacobian", loss.jacobian, expected[2]);
    expect(g, "loss", loss.total, expected[3]);
    for (size_t k = 0; k < b->table->count; k++) {
        const parameter *part = &b->table->entries[k];
        char name[PARAMETER_NAME_MAX + 16];
        snprintf(name, sizeof name, "gradient.%s", part->name);
        compare(g, name, b->gradient + part->offset, part->rows * part->columns, gradient_tolerance);
    }
}

static void check_golden(const golden *g, const backend_ops *backend, conv_method method) {
    const chain_spec spec = specification(g, backend, method);
    bench b;
    bench_open(&b, g, &spec);
    check_transform(g, &b);
    check_gradient(g, &b);
    bench_close(&b);
}

static void golden_open(golden *g, const char *name) {
    char path[512];
    error_info err = {""};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *g = (golden){.name = name};
    cr_assert_eq(checkpoint_read(path, &g->file, &err), STATUS_OK, "%s", err.text);
}

/* Every case, with each convolution method. */
static void check_all(const backend_ops *backend, size_t ways, const conv_method *way) {
    DIR *all = opendir(folder);
    cr_assert_not_null(all, "%s", folder);
    size_t cases = 0;
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (!strstr(entry->d_name, ".safetensors")) continue;
        golden g;
        golden_open(&g, entry->d_name);
        for (size_t i = 0; i < ways; i++) check_golden(&g, backend, way[i]);
        checkpoint_destroy(&g.file);
        cases++;
    }
    closedir(all);
    cr_assert_geq(cases, 12, "every case was there");
}

Test(chain_golden, values_and_gradients_are_those_of_the_reference) {
    check_all(cpu_backend(cpu_level_best()), 2, (const conv_method[]){CONV_AUTO, CONV_REFERENCE});
}

#ifndef AFFJORD_DOUBLE
Test(any_device, values_and_gradients_are_those_of_the_reference) {
    const backend_ops *device = tested_images();
    check_all(device, 1, (const conv_method[]){CONV_AUTO});
    tested_close(&device);
}
#endif

#ifdef AFFJORD_DOUBLE

/* With many steps the properties of the exact equation hold: both gradients agree, and the inverse is exact. */
static void check_fine(const char *name) {
    golden g;
    golden_open(&g, name);
    chain_spec spec = specification(&g, cpu_backend(cpu_level_best()), CONV_AUTO);
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = 24};
    bench discrete, adjoint;
    bench_open(&discrete, &g, &spec);
    spec.gradient = GRADIENT_ADJOINT;
    bench_open(&adjoint, &g, &spec);
    chain_loss loss[2];
    bench_gradient(&discrete, &loss[0]);
    bench_gradient(&adjoint, &loss[1]);
    cr_assert_eq(loss[0].total, loss[1].total);
    for (size_t k = 0; k < discrete.table->count; k++) {
        const parameter *part = &discrete.table->entries[k];
        const real *expected = discrete.gradient + part->offset, *found = adjoint.gradient + part->offset;
        double scale = 0;
        for (size_t i = 0; i < part->rows * part->columns; i++) scale = fmax(scale, fabs(expected[i]));
        cr_assert_gt(scale, 1e-4, "%s: %s has a gradient", name, part->name);
        for (size_t i = 0; i < part->rows * part->columns; i++)
            cr_assert_float_eq(found[i], expected[i], 5e-7 * scale, "%s: %s[%zu] is %.14g, expected %.14g", name,
                               part->name, i, found[i], expected[i]);
    }
    double log_density[16];
    cr_assert_eq(chain_transform(adjoint.model, adjoint.guarded_params, adjoint.x, adjoint.n, none, adjoint.z,
                                 log_density, NULL),
                 STATUS_OK);
    cr_assert_eq(chain_invert(adjoint.model, adjoint.guarded_params, adjoint.z, adjoint.n, adjoint.back, NULL),
                 STATUS_OK);
    for (size_t i = 0; i < adjoint.all; i++)
        cr_assert_float_eq(adjoint.back[i], adjoint.x[i], 2e-8, "%s: x[%zu] came back as %.14g, was %.14g", name, i,
                           adjoint.back[i], adjoint.x[i]);
    bench_close(&discrete), bench_close(&adjoint);
    checkpoint_destroy(&g.file);
}

Test(chain_golden, adjoint_gradient_and_inverse_agree_on_a_fine_grid) {
    static const char *const names[] = {"clock_concat.safetensors",    "clock_hyper.safetensors",
                                        "augmented_join.safetensors",  "augmented_squash.safetensors",
                                        "augmented_exact.safetensors", "augmented_ignored.safetensors"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) check_fine(names[k]);
}

#endif
