/* attention.c - convert the parameters of a self-attention to the matrices of its products, and back. */
#include "field/layers/attention.h"

#include <math.h>

#include "backend/memory.h"
#include "base/random.h"

void attention_declare(attention *self, const char *prefix, parameter_table *table) {
    const size_t A = self->shape.heads * self->shape.size, C = self->shape.channels;
    self->in = parameter_table_add(table, 3 * A, C, "%s.attention.in.weight", prefix);
    self->out = parameter_table_add(table, C, A, "%s.attention.out.weight", prefix);
}

status attention_build(attention *self, const backend_ops *backend, arena *memory) {
    TRY(BACKEND_NEW(backend, memory, attention_packed(&self->shape), &self->packed));
    return BACKEND_NEW(backend, memory, self->shape.heads * self->shape.size * self->shape.channels, &self->draft);
}

void attention_initialise(const attention *self, uint64_t seed, real *params) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    const size_t A = self->shape.heads * self->shape.size, C = self->shape.channels, end = self->out + C * A;
    for (size_t i = self->in; i < end; i++) {
        double draw[4];
        random_uniform4(stream, i, 0, draw);
        params[i] = (real)((2 * draw[0] - 1) / sqrt((double)(i < self->out ? C : A)));
    }
}

void attention_set_params(const attention *self, const backend_ops *backend, const real *params) {
    const attention_shape *s = &self->shape;
    const size_t d = s->size, C = s->channels, A = s->heads * d, weights = attention_weights(s);
    const real *in = params + self->in, *out = params + self->out;
    real *packed = self->packed, *out_rows = packed + weights + 3 * A * C;
    for (size_t i = 0; i < 3 * s->heads; i++) backend->transpose(backend, d, C, in + i * d * C, packed + i * d * C);
    backend->transpose(backend, C, A, out, packed + 3 * A * C);
    backend->copy(backend, 3 * A * C, in, packed + weights);
    for (size_t h = 0; h < s->heads; h++) backend->copy_rows(backend, C, d, out + h * d, A, out_rows + h * C * d, d);
}

void attention_accumulate(const attention *self, const backend_ops *backend, const real *sums, real *gradient) {
    const attention_shape *s = &self->shape;
    const size_t d = s->size, C = s->channels, A = s->heads * d;
    for (size_t i = 0; i < 3 * s->heads; i++) {
        backend->transpose(backend, C, d, sums + i * d * C, self->draft);
        backend->add_rows(backend, 1, d * C, self->draft, 0, gradient + self->in + i * d * C);
    }
    backend->transpose(backend, A, C, sums + 3 * A * C, self->draft);
    backend->add_rows(backend, 1, A * C, self->draft, 0, gradient + self->out);
}
