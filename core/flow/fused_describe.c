/* fused_describe.c - the toy field's solve as numbers, for the kernels of a device. */
#include "flow/fused_internal.h"

_Static_assert((int)TOY_LAYERS_MAX == (int)MLP_LAYERS_MAX, "layers of a network");

/* Weight by weight: h times the table's, as a real. Every device omits a weight that is zero; only some would omit
 * one that rounding makes zero. */
static status round_weight(double h, double weight, float *out, error_info *err) {
    const double exact = h * weight;
    *out = (float)exact;
    if (*out != 0 || exact == 0) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "flow.end_time: steps of %g are too small for --device cuda", h);
}

static status describe_method(const fused *self, fused_kernel_spec *out, error_info *err) {
    const tableau *method = self->by.method;
    const double h = time_grid_step(fused_grid(self));
    if (method->stages > TOY_STAGES_MAX)
        return error_set(err, STATUS_INVALID, "solver.method: --device cuda takes at most %d stages", TOY_STAGES_MAX);
    out->stages = (uint32_t)method->stages;
    out->steps = (uint32_t)self->by.steps;
    for (size_t i = 0; i < method->stages; i++) {
        TRY(round_weight(h, method->b[i], &out->b[i], err));
        for (size_t j = 0; j < i; j++) TRY(round_weight(h, method->a[i][j], &out->a[i][j], err));
    }
    return STATUS_OK;
}

/* *out <- the network of the table's entries from *entry on; *entry <- the next one. */
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

status fused_describe(const fused *self, fused_kernel_spec *out, error_info *err) {
    const cnf_spec *spec = self->spec;
    const parameter_table *table = self->parameters;
    const size_t C = self->field->context;
    const toy_shape shape = {.dimension = spec->dimension, .width = spec->width};
    size_t entry = 0;
    if (sizeof(real) != sizeof(float))
        return error_set(err, STATUS_INVALID, "--device cuda computes in single precision");
    out->dimension = (uint32_t)spec->dimension;
    out->width = (uint32_t)spec->width;
    out->unit = (uint32_t)toy_unit(shape);
    out->stride = (uint32_t)toy_stride(shape);
    out->context = (uint32_t)C;
    out->inputs = (uint32_t)(spec->join ? spec->dimension + C : spec->dimension);
    out->augmented = spec->context == CONTEXT_AUGMENTED;
    out->fixed_context = spec->fixed_context;
    out->parameters = (uint32_t)table->total;
    describe_net(table, spec->hypernet_layers + 1, &entry, &out->hypernet);
    if (out->augmented) {
        describe_net(table, 2, &entry, &out->motion);
        out->learn_start = spec->learn_start;
        if (spec->learn_start) out->start = (uint32_t)table->entries[entry].offset;
    }
    out->variance = spec->base_variance;
    out->logarithm = fused_base_logarithm(self);
    return describe_method(self, out, err);
}

void fused_clock_path(const fused *self, real *path) {
    context_path(self->context, NULL, fused_grid(self), path);
}
