/* test_chain_gradient.c - gradients of the multiscale model against differences, and discrete against adjoint
 * gradients.
 *
 * Only in the double build; float is too coarse. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include <math.h>

#include "chain_support.h"

static double total_at(bench *b, real *entry, double by) {
    const real kept = *entry;
    chain_loss loss;
    *entry = kept + by;
    cr_assert_eq(chain_loss_gradient(b->model, b->params, b->x, b->n, probe, &loss, b->z, NULL), STATUS_OK);
    *entry = kept;
    return loss.total;
}

static double difference(bench *b, real *entry) {
    const double h = 2e-3;
    const double near = (total_at(b, entry, h) - total_at(b, entry, -h)) / (2 * h);
    const double far = (total_at(b, entry, 2 * h) - total_at(b, entry, -2 * h)) / (4 * h);
    return (4 * near - far) / 3;
}

/* A middle, the first and the last entry of every part, or the first few of these. Relative to the part's largest. */
static void check_differences(chain_spec spec, size_t entries, double tolerance, const char *name) {
    bench b;
    bench_open(&b, spec, 2, NULL);
    free(b.z);
    b.z = reals(b.P); /* for the gradients of total_at */
    take_gradient(&b);
    const parameter_table *table = chain_parameters(b.model);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const size_t count = part->rows * part->columns;
        double scale = 0;
        for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(b.gradient[part->offset + i]));
        cr_assert_gt(scale, 1e-7, "%s: %s has a gradient", name, part->name);
        const size_t which[] = {count / 2, 0, count - 1};
        for (size_t i = 0; i < (count < entries ? count : entries); i++) {
            const size_t at = part->offset + which[i];
            const double expected = difference(&b, b.params + at);
            cr_assert_float_eq(b.gradient[at], expected, tolerance * scale, "%s: %s[%zu] is %.10g, differences %.10g",
                               name, part->name, which[i], b.gradient[at], expected);
        }
    }
    bench_close(&b);
}

Test(chain_gradient, gradients_equal_differences, .timeout = 600) {
    static const struct {
        image_architecture architecture;
        image_layer layer;
        image_variant variant;
        const char *name;
    } cases[] = {{IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER, "ffjord concat"},
                 {IMAGE_FFJORD, IMAGE_HYPER, IMAGE_PAPER, "ffjord hyper"},
                 {IMAGE_AFFJORD, IMAGE_CONCAT, IMAGE_PAPER, "affjord concat"},
                 {IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_PAPER, "affjord hyper"},
                 {IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_RELEASE, "affjord hyper, released code"},
                 {IMAGE_AFFJORD, IMAGE_CONCATSQUASH, IMAGE_PAPER, "affjord concatsquash"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        chain_spec spec = small_spec(cases[k].architecture, cases[k].layer);
        spec.model.variant = cases[k].variant;
        spec.model.hidden_layers = 1;
        spec.kinetic = k % 2 ? 0.3 : 0;
        spec.jacobian = k % 3 ? 0.2 : 0;
        spec.regularizers = k % 2 ? REGULARIZERS_FINLAY : REGULARIZERS_DATA;
        spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
        check_differences(spec, 3, 1e-6, cases[k].name);
    }
}

/* With adaptive steps the sizes of steps are constants of the gradient: it is exact up to the tolerance. */
Test(chain_gradient, adaptive_gradients_equal_differences_within_tolerance, .timeout = 600) {
    for (cnf_gradient gradient = GRADIENT_DISCRETE; gradient <= GRADIENT_ADJOINT; gradient++)
        for (image_architecture architecture = IMAGE_FFJORD; architecture <= IMAGE_AFFJORD; architecture++) {
            chain_spec spec = small_spec(architecture, IMAGE_CONCAT);
            spec.model.hidden_layers = 1;
            spec.gradient = gradient;
            spec.kinetic = 0.1;
            spec.regularizers = gradient == GRADIENT_ADJOINT ? REGULARIZERS_FINLAY : REGULARIZERS_DATA;
            spec.model.hidden[0] = 3;
            spec.solver.options.atol = spec.solver.options.rtol = 1e-8;
            check_differences(spec, 1, 1e-4, gradient == GRADIENT_ADJOINT ? "adjoint" : "discrete");
        }
}

/* Largest distance between the two gradients, relative in each part. */
static double distance(chain_spec spec, bool seminorm, double tolerance) {
    bench one, other;
    spec.solver.options.atol = spec.solver.options.rtol = tolerance;
    spec.seminorm = seminorm;
    spec.gradient = GRADIENT_DISCRETE;
    bench_open(&one, spec, 2, NULL);
    spec.gradient = GRADIENT_ADJOINT;
    bench_open(&other, spec, 2, NULL);
    take_gradient(&one), take_gradient(&other);
    cr_assert_eq(one.loss.total, other.loss.total);
    const parameter_table *table = chain_parameters(one.model);
    double worst = 0;
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        double scale = 0, distance = 0;
        for (size_t i = part->offset; i < part->offset + part->rows * part->columns; i++) {
            scale = fmax(scale, fabs(one.gradient[i]));
            distance = fmax(distance, fabs(one.gradient[i] - other.gradient[i]));
        }
        worst = fmax(worst, distance / scale);
    }
    bench_close(&one), bench_close(&other);
    return worst;
}

Test(chain_gradient, adjoint_meets_discrete_as_tolerances_tighten, .timeout = 600) {
    for (image_architecture architecture = IMAGE_FFJORD; architecture <= IMAGE_AFFJORD; architecture++)
        for (int seminorm = 0; seminorm < 2; seminorm++) {
            chain_spec spec = small_spec(architecture, IMAGE_CONCAT);
            spec.jacobian = 0.1;
            const double loose = distance(spec, seminorm, 1e-4), tight = distance(spec, seminorm, 1e-8);
            cr_assert_lt(loose, 0.05, "%g", loose);
            cr_assert_lt(tight, 1e-4, "%g", tight);
            cr_assert_lt(tight, loose / 20, "%g, %g", loose, tight);
        }
}

#endif
