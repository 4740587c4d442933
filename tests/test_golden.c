/* test_golden.c - values and gradients against float64 references made with PyTorch (tests/golden). */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/fused.h"
#include "golden_support.h"

static const char folder[] = "tests/golden";

#ifdef AFFJORD_DOUBLE
static const double value_tolerance = 1e-12, gradient_tolerance = 1e-11;
#else
static const double value_tolerance = 2e-5, gradient_tolerance = 5e-5;
#endif

#define CHOICE(key, ...)                                                                                               \
    choice(g, key, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static cnf_spec specification(const golden *g) {
    return (cnf_spec){
        .dimension = number(g, "dimension"),
        .width = number(g, "width"),
        .context = (cnf_context)CHOICE("context", "clock", "augmented"),
        .join = CHOICE("join", "no", "yes"),
        .hypernet_layers = number(g, "hypernet_layers"),
        .hypernet_width = number(g, "hypernet_width"),
        .augmented_dimension = number(g, "augmented_dimension"),
        .augmented_width = number(g, "augmented_width"),
        .learn_start = CHOICE("start", "zero", "learned"),
        .end_time = strtod(text(g, "end_time"), NULL),
        .base_variance = strtod(text(g, "base_variance"), NULL),
        .solver = (tableau_id)CHOICE("solver", "euler", "midpoint", "rk4", "rk4_38"),
        .steps = number(g, "steps"),
        .divergence = (cnf_divergence)CHOICE("divergence", "exact", "rademacher", "gaussian"),
    };
}

static real *to_reals(const double *values, size_t count) {
    real *copy = malloc(count * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = (real)values[i];
    return copy;
}

/* Relative to the largest entry of the array, because small entries are sums of large terms. */
static void compare_with(const golden *g, const char *name, const real *ours, const double *theirs, size_t count,
                         double tolerance) {
    double scale = 0;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(theirs[i]));
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq((double)ours[i], theirs[i], tolerance * scale, "%s: %s[%zu] is %.14g, expected %.14g",
                           g->name, name, i, (double)ours[i], theirs[i]);
}

static void check(const golden *g) {
    const cnf_spec spec = specification(g);
    const size_t D = spec.dimension, B = number(g, "batch");
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, B, NULL, &flow, &err), STATUS_OK, "%s", err.text);
    const parameter_table *table = cnf_parameters(flow);

    real *params = malloc(table->total * sizeof *params), *gradient = malloc(table->total * sizeof *gradient);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const double *values = array(g, part->name, part->rows * part->columns);
        for (size_t i = 0; i < part->rows * part->columns; i++) params[part->offset + i] = (real)values[i];
    }
    real *x = to_reals(array(g, "x", B * D), B * D), *z = malloc(B * D * sizeof *z), *probe = NULL;
    if (spec.divergence != DIVERGENCE_EXACT)
        fused_give_probe(cnf_fused(flow), probe = to_reals(array(g, "probe", B * D), B * D));

    const random_stream none = {0};
    double loss, log_density[CHUNK];
    cr_assert_leq(B, (size_t)CHUNK);
    cnf_transform(flow, params, x, B, none, z, log_density, NULL);
    compare_with(g, "z", z, array(g, "z", B * D), B * D, value_tolerance);
    const double *expected = array(g, "log_density", B);
    for (size_t i = 0; i < B; i++)
        cr_assert_float_eq(log_density[i], expected[i], value_tolerance * (1 + fabs(expected[i])),
                           "%s: log_density[%zu] is %.14g, expected %.14g", g->name, i, log_density[i], expected[i]);

    cr_assert_eq(cnf_loss_gradient(flow, params, x, B, none, &loss, gradient, NULL), STATUS_OK);
    cr_assert_float_eq(loss, *array(g, "loss", 1), value_tolerance * (1 + fabs(loss)));
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const size_t count = part->rows * part->columns;
        char name[PARAMETER_NAME_MAX + 16];
        snprintf(name, sizeof name, "gradient.%s", part->name);
        compare_with(g, name, gradient + part->offset, array(g, name, count), count, gradient_tolerance);
    }
    free(params), free(gradient), free(x), free(z), free(probe);
    cnf_destroy(&flow);
}

Test(golden, values_and_gradients_are_those_of_the_reference) {
    DIR *all = opendir(folder);
    cr_assert_not_null(all, "%s", folder);
    size_t cases = 0;
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (!strstr(entry->d_name, ".safetensors")) continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        golden g = {.name = entry->d_name};
        error_info err = {""};
        cr_assert_eq(checkpoint_read(path, &g.file, &err), STATUS_OK, "%s", err.text);
        check(&g);
        checkpoint_destroy(&g.file);
        cases++;
    }
    closedir(all);
    cr_assert_geq(cases, 12, "every case was there");
}
