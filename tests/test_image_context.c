/* test_image_context.c - image models with a learned z*(0), and with a fixed z*. */
#include <math.h>
#include <string.h>

#include "chain_support.h"

static chain_spec starting_spec(void) {
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
    spec.model.learn_start = true;
    spec.model.hidden_layers = 1;
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
    return spec;
}

static double largest(const bench *b, const parameter *part) {
    double size = 0;
    for (size_t i = 0; i < part->rows * part->columns; i++)
        size = fmax(size, fabs((double)b->gradient[part->offset + i]));
    return size;
}

/* 8 x 8 has two scales of two flows and one: each scale starts again at z*(0). */
Test(image_context, each_scale_has_its_own_start) {
    static image_model counted;
    chain_spec spec = starting_spec();
    error_info err = {""};
    bench b;
    size_t starts = 0;
    bench_open(&b, spec, 2, NULL);
    take_gradient(&b);
    const parameter_table *table = chain_parameters(b.model);
    for (size_t k = 0; k < table->count; k++) {
        if (!strstr(table->entries[k].name, "context.start")) continue;
        cr_expect_eq(table->entries[k].rows, spec.model.moving);
        cr_expect_gt(largest(&b, &table->entries[k]), 1e-6, "%s has a gradient", table->entries[k].name);
        starts++;
    }
    cr_expect_eq(starts, 2, "of flows 0 and 2");
    cr_assert_eq(image_model_expand(&spec.model, &counted, &err), STATUS_OK);
    size_t found = 0;
    for (size_t f = 0; f < counted.flow_count; f++)
        for (size_t g = 0; g < counted.flows[f].group_count; g++)
            if (strstr(counted.flows[f].groups[g].name, "context.start")) found += counted.flows[f].groups[g].effective;
    cr_expect_eq(found, 2 * spec.model.moving);
    /* The inverse of the transform returns the image. */
    transform(&b, probe);
    cr_assert_eq(chain_invert(b.model, b.params, b.z, b.n, b.back, &b.statistics), STATUS_OK);
    for (size_t i = 0; i < b.n * b.D; i++) cr_expect_float_eq((double)b.back[i], (double)b.x[i], 1e-2);
    bench_close(&b);
}

Test(image_context, a_fixed_context_has_no_gradient) {
    for (cnf_gradient kind = GRADIENT_DISCRETE; kind <= GRADIENT_ADJOINT; kind++) {
        chain_spec spec = starting_spec();
        spec.gradient = kind;
        bench free_one, fixed;
        bench_open(&free_one, spec, 2, NULL);
        spec.fixed_context = true;
        bench_open(&fixed, spec, 2, NULL);
        take_gradient(&free_one), take_gradient(&fixed);
        cr_expect_eq(free_one.loss.total, fixed.loss.total);
        const parameter_table *table = chain_parameters(fixed.model);
        for (size_t k = 0; k < table->count; k++) {
            const parameter *part = &table->entries[k];
            const double size = largest(&fixed, part);
            if (strstr(part->name, ".context.")) cr_expect_eq(size, 0, "%s: %g", part->name, size);
            else if (kind == GRADIENT_DISCRETE) cr_expect_eq(size, largest(&free_one, part), "%s", part->name);
        }
        bench_close(&free_one), bench_close(&fixed);
    }
}

#ifdef AFFJORD_DOUBLE
static double total_at(bench *b, real *entry, double by) {
    const real kept = *entry;
    chain_loss loss;
    *entry = kept + by;
    cr_assert_eq(chain_loss_gradient(b->model, b->params, b->x, b->n, probe, &loss, b->z, NULL), STATUS_OK);
    *entry = kept;
    return loss.total;
}

Test(image_context, gradients_of_the_start_equal_differences, .timeout = 300) {
    for (cnf_gradient kind = GRADIENT_DISCRETE; kind <= GRADIENT_ADJOINT; kind++) {
        chain_spec spec = starting_spec();
        spec.gradient = kind;
        if (kind == GRADIENT_ADJOINT) spec.solver.steps = 40;
        bench b;
        bench_open(&b, spec, 2, NULL);
        free(b.z);
        b.z = reals(b.P);
        take_gradient(&b);
        const parameter_table *table = chain_parameters(b.model);
        for (size_t k = 0; k < table->count; k++) {
            const parameter *part = &table->entries[k];
            if (!strstr(part->name, "context.")) continue;
            const double scale = largest(&b, part), h = 2e-3;
            real *at = b.params + part->offset;
            const double near = (total_at(&b, at, h) - total_at(&b, at, -h)) / (2 * h);
            const double far = (total_at(&b, at, 2 * h) - total_at(&b, at, -2 * h)) / (4 * h);
            cr_expect_float_eq((double)b.gradient[part->offset], (4 * near - far) / 3,
                               (kind == GRADIENT_ADJOINT ? 1e-4 : 1e-6) * scale, "%s", part->name);
        }
        bench_close(&b);
    }
}
#endif
