/* mlp_field.c - linear layers in a stack (layers/stack.h).
 *
 * Rows of every matrix are padded with zeros to whole vectors, so that no product has a remainder. */
#include "field/mlp_field.h"

#include <stdio.h>

#include "backend/memory.h"
#include "field/layers/stack.h"

enum { ROWS = 64, PAD = 2 * PARTIAL_SUMS };

_Static_assert((int)STACK_LAYERS_MAX > (int)MLP_FIELD_HIDDEN_MAX, "layers of an mlp");

static size_t padded(size_t reals) {
    return (reals + PAD - 1) / PAD * PAD;
}

/* forward (in, wide_out): the transposed weight; backward (out, wide_in): the weight. */
static void pack(stack *self, size_t l, real *forward, real *backward) {
    const backend_ops *backend = self->of.base.backend;
    const stack_layer *layer = &self->layer[l];
    const real *whole = layer->in_context.whole;
    if (backward) backend->copy_rows(backend, layer->out, layer->in, whole, layer->in, backward, layer->wide_in);
    if (!forward) return;
    backend->transpose(backend, layer->out, layer->in, whole, self->whole_bar);
    backend->copy_rows(backend, layer->in, layer->out, self->whole_bar, layer->out, forward, layer->wide_out);
}

static void unfold(stack *self, size_t l, const real *c, real *cbar) {
    const backend_ops *backend = self->of.base.backend;
    const stack_layer *layer = &self->layer[l];
    (void)c, (void)cbar;
    backend->copy_rows(backend, layer->out, layer->in, self->of.sums + layer->gradient, layer->wide_in, self->whole_bar,
                       layer->in);
}

static void multiply(const stack *self, size_t l, size_t rows, size_t thread, const real *x, real *h) {
    const backend_ops *backend = self->of.base.backend;
    const stack_layer *layer = &self->layer[l];
    (void)thread;
    backend->matmul(backend, 2 * rows, layer->wide_out, layer->in, x, layer->wide_in, 1, layer->forward, NULL, h);
}

static void backward(const stack *self, size_t l, size_t rows, size_t thread, const real *x, const real *bar,
                     real *below, real *gradient) {
    const backend_ops *backend = self->of.base.backend;
    const stack_layer *layer = &self->layer[l];
    real *room = self->workspaces[thread].room; /* (out, wide_in) */
    backend->matmul(backend, layer->out, layer->wide_in, 2 * rows, bar, 1, layer->wide_out, x, NULL, room);
    backend->add_rows(backend, 1, layer->gradient_reals, room, 0, gradient);
    backend->matmul(backend, 2 * rows, layer->wide_in, layer->out, bar, layer->wide_out, 1, layer->backward, NULL,
                    below);
}

static const stack_ops layers = {.pack = pack, .unfold = unfold, .multiply = multiply, .backward = backward};

static const field_ops ops = {
    .initialise = stack_initialise,
    .set_params = stack_set_params,
    .prepare = stack_prepare,
    .forward = chunked_forward,
    .backward = stack_backward,
    .accumulate = stack_accumulate,
};

/* --- Creation --- */

static status check(const mlp_field_spec *s, error_info *err) {
    if (s->dimension < 1 || s->dimension > MLP_FIELD_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "field mlp: %zu columns; expected 1 to %d", s->dimension,
                         MLP_FIELD_DIMENSION_MAX);
    if (s->inputs > s->dimension || s->outputs > s->dimension)
        return error_set(err, STATUS_INVALID,
                         "field mlp: %zu inputs and %zu outputs; expected at most %zu, the columns", s->inputs,
                         s->outputs, s->dimension);
    if (s->context < 1) return error_set(err, STATUS_INVALID, "field mlp: a context of 0 numbers; expected at least 1");
    if (s->hidden_layers > MLP_FIELD_HIDDEN_MAX)
        return error_set(err, STATUS_INVALID, "field mlp: %zu hidden layers; expected 0 to %d", s->hidden_layers,
                         MLP_FIELD_HIDDEN_MAX);
    for (size_t l = 0; l < s->hidden_layers; l++)
        if (s->hidden[l] < 1 || s->hidden[l] > MLP_FIELD_WIDTH_MAX)
            return error_set(err, STATUS_INVALID, "field mlp: hidden layer %zu of %zu units; expected 1 to %d", l,
                             s->hidden[l], MLP_FIELD_WIDTH_MAX);
    return STATUS_OK;
}

static void declare(stack *self, const mlp_field_spec *s, const char *prefix, parameter_table *table) {
    for (size_t l = 0; l < self->layers; l++) {
        stack_layer *layer = &self->layer[l];
        char name[PARAMETER_NAME_MAX];
        const bool first = l == 0, last = l + 1 == self->layers;
        layer->in = first ? (s->inputs ? s->inputs : s->dimension) : s->hidden[l - 1];
        layer->out = last ? (s->outputs ? s->outputs : s->dimension) : s->hidden[l];
        layer->wide_in = padded(first ? s->dimension : layer->in); /* whole rows of z and f: other columns get zeros */
        layer->wide_out = padded(last ? s->dimension : layer->out);
        layer->vectors = 1;
        layer->forward_reals = layer->in * layer->wide_out;
        layer->backward_reals = layer->gradient_reals = layer->out * layer->wide_in;
        if (layer->gradient_reals > self->room_reals) self->room_reals = layer->gradient_reals;
        snprintf(name, sizeof name, "%.24s.%zu", prefix, l);
        intake_declare(&layer->in_context, s->layer, layer->out, layer->in, s->context, name, table);
    }
}

status mlp_field_create(const mlp_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err) {
    const field about = {
        .ops = &ops, .name = "mlp", .backend = backend, .dimension = spec->dimension, .context = spec->context};
    field *made;
    TRY(check(spec, err));
    TRY(field_new(sizeof(stack), &about, &made, err));
    stack *self = (stack *)made;
    stack_begin(self, &layers, spec->function, ROWS, workers);
    self->layers = spec->hidden_layers + 1;
    self->pixels = 1;
    declare(self, spec, prefix, table);
    return field_finish(made, stack_build(self), out, err);
}
