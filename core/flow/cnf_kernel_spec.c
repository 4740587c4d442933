/* cnf_kernel_spec.c - sizes, offsets and weights, rounded as the kernels of the processor round them. */
#include "flow/cnf_kernel_spec.h"

#include "flow/cnf_internal.h"

_Static_assert((int)TOY_LAYERS_MAX == (int)MLP_LAYERS_MAX, "layers of a network");

/* Weight by weight, h times the table's, as a real. One that is zero is passed over by every device; one that only
 * rounding makes zero would be passed over by some. */
static status round_weight(double h, double weight, float *out, error_info *err) {
    const double exact = h * weight;
    *out = (float)exact;
    if (*out != 0 || exact == 0) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "flow.end_time: steps of %g are too small for --device cuda", h);
}

static status describe_method(const cnf *flow, fused_kernel_spec *out, error_info *err) {
    const tableau *method = tableau_get(flow->spec.solver);
    const double h = time_grid_step(fused_grid(flow->fused));
    if (method->stages > TOY_STAGES_MAX)
        return error_set(err, STATUS_INVALID, "solver.method: --device cuda takes at most %d stages", TOY_STAGES_MAX);
    out->stages = (uint32_t)method->stages;
    out->steps = (uint32_t)flow->spec.steps;
    for (size_t i = 0; i < method->stages; i++) {
        TRY(round_weight(h, method->b[i], &out->b[i], err));
        for (size_t j = 0; j < i; j++) TRY(round_weight(h, method->a[i][j], &out->a[i][j], err));
    }
    return STATUS_OK;
}

/* The network whose layers are the table's entries from *entry on; moves *entry behind it. */
static void describe_net(const parameter_table *table, size_t layers, size_t *entry, toy_net *out) {
    out->layers = (uint32_t)layers;
    for (size_t l = 0; l < layers; l++) {
        const parameter *weight = &table->entries[(*entry)++], *bias = &table->entries[(*entry)++];
        out->size[l] = (uint32_t)weight->columns;
        out->size[l + 1] = (uint32_t)weight->rows;
        out->weight[l] = (uint32_t)weight->offset;
        out->bias[l] = (uint32_t)bias->offset;
    }
}

status cnf_kernel_supports(const cnf_spec *spec, error_info *err) {
    if (spec->field != CNF_HYPER_MLP)
        return error_set(err, STATUS_INVALID, "model.field: --device cuda trains hyper_mlp on points, and no other");
    if (spec->dimension > TOY_DEVICE_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "points of %zu dimensions: --device cuda takes at most %d",
                         spec->dimension, TOY_DEVICE_DIMENSION_MAX);
    if (spec->steps == 0)
        return error_set(err, STATUS_INVALID,
                         "solver.method: --device cuda takes a fixed grid on points: euler, midpoint, rk4 or rk4_38");
    if (spec->learn_end_time)
        return error_set(err, STATUS_INVALID,
                         "flow.learn_end_time = yes: --device cuda takes a fixed end time on points");
    if (spec->kinetic > 0 || spec->jacobian > 0)
        return error_set(err, STATUS_INVALID,
                         "flow.kinetic, flow.jacobian: --device cuda has no regularisers on points; expected 0");
    if (spec->gradient != GRADIENT_DISCRETE)
        return error_set(err, STATUS_INVALID, "solver.gradient = adjoint: --device cuda takes discrete");
    if (spec->divergence != DIVERGENCE_EXACT)
        return error_set(err, STATUS_INVALID,
                         "flow.divergence: --device cuda takes exact, which points have by default");
    return STATUS_OK;
}

status cnf_kernel_spec(const cnf *flow, fused_kernel_spec *out, error_info *err) {
    enum { MOTION_LAYERS = 2 };
    const cnf_spec *spec = &flow->spec;
    const parameter_table *table = &flow->parameters;
    const toy_shape shape = {.dimension = spec->dimension, .width = spec->width};
    size_t entry = 0;
    if (sizeof(real) != sizeof(float))
        return error_set(err, STATUS_INVALID, "--device cuda computes in single precision");
    TRY(cnf_kernel_supports(spec, err));
    out->dimension = (uint32_t)spec->dimension;
    out->width = (uint32_t)spec->width;
    out->unit = (uint32_t)toy_unit(shape);
    out->stride = (uint32_t)toy_stride(shape);
    out->context = (uint32_t)context_dimension(fused_context(flow->fused));
    out->inputs =
        (uint32_t)(spec->join ? spec->dimension + context_dimension(fused_context(flow->fused)) : spec->dimension);
    out->augmented = spec->context == CONTEXT_AUGMENTED;
    out->fixed_context = spec->fixed_context;
    out->parameters = (uint32_t)table->total;
    describe_net(table, spec->hypernet_layers + 1, &entry, &out->hypernet);
    if (out->augmented) {
        describe_net(table, MOTION_LAYERS, &entry, &out->motion);
        out->learn_start = spec->learn_start;
        if (spec->learn_start) out->start = (uint32_t)table->entries[entry].offset;
    }
    out->variance = spec->base_variance;
    out->logarithm = fused_base_logarithm(flow->fused);
    return describe_method(flow, out, err);
}

void cnf_clock_path(const cnf *flow, real *path) {
    context_path(fused_context(flow->fused), NULL, fused_grid(flow->fused), path);
}

size_t cnf_evaluations(const cnf *flow) {
    return fused_evaluations(flow->fused);
}
