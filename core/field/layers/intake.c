/* intake.c - a layer's weight and bias at an instant. */
#include "field/layers/intake.h"

#include <math.h>

#include "backend/memory.h"
#include "base/random.h"

void intake_declare(intake *self, image_layer kind, size_t out, size_t columns, size_t context, const char *prefix,
                    parameter_table *table) {
    const size_t made = out * columns + out;
    *self = (intake){.kind = kind, .out = out, .columns = columns, .context = context};
    if (kind == IMAGE_HYPER) {
        self->weight = parameter_table_add(table, made, context, "%s.hyper.weight", prefix);
        self->bias = parameter_table_add(table, made, 1, "%s.hyper.bias", prefix);
    } else {
        const size_t all = columns + (kind == IMAGE_CONCAT ? context : 0);
        self->weight = parameter_table_add(table, out, all, "%s.weight", prefix);
        self->bias = parameter_table_add(table, out, 1, "%s.bias", prefix);
    }
    if (kind == IMAGE_CONCATSQUASH) {
        self->gate_weight = parameter_table_add(table, out, context, "%s.gate.weight", prefix);
        self->gate_bias = parameter_table_add(table, out, 1, "%s.gate.bias", prefix);
        self->shift = parameter_table_add(table, out, context, "%s.shift.weight", prefix);
    }
    self->end = table->total;
}

status intake_build(intake *self, const backend_ops *backend, arena *memory) {
    TRY(BACKEND_NEW(backend, memory, self->out * self->columns + self->out, &self->whole));
    if (self->kind == IMAGE_HYPER && backend->plan_apply)
        backend->plan_apply(backend, self->out * self->columns + self->out, self->context);
    if (self->kind == IMAGE_CONCATSQUASH) TRY(BACKEND_NEW(backend, memory, self->out, &self->gate));
    if (self->kind == IMAGE_CONCAT) TRY(BACKEND_NEW(backend, memory, self->out * self->context, &self->seen));
    return STATUS_OK;
}

void intake_initialise(const intake *self, double deviation, uint64_t seed, real *params) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    const size_t all = self->columns + (self->kind == IMAGE_CONCAT ? self->context : 0);
    const bool hyper = self->kind == IMAGE_HYPER;
    for (size_t i = self->weight; i < self->end; i++) {
        double draw[4];
        const bool gate = self->kind == IMAGE_CONCATSQUASH && i >= self->gate_weight;
        if (hyper && i < self->bias) {
            params[i] = 0;
        } else if (hyper && deviation > 0) {
            random_normal4(stream, i, 0, draw);
            params[i] = (real)(deviation * draw[0]);
        } else {
            random_uniform4(stream, i, 0, draw);
            params[i] = (real)((2 * draw[0] - 1) / sqrt((double)(gate ? self->context : all)));
        }
    }
}

void intake_set_params(const intake *self, const backend_ops *backend, const real *params) {
    const size_t C = self->context, columns = self->columns, all = C + columns;
    if (self->kind == IMAGE_IGNORE) {
        backend->copy(backend, self->out * columns, params + self->weight, self->whole);
        backend->copy(backend, self->out, params + self->bias, self->whole + self->out * columns);
    } else if (self->kind == IMAGE_CONCAT) {
        backend->copy_rows(backend, self->out, C, params + self->weight, all, self->seen, C);
        backend->copy_rows(backend, self->out, columns, params + self->weight + C, all, self->whole, columns);
    }
}

void intake_prepare(const intake *self, const backend_ops *backend, const real *params, const real *c) {
    const size_t out = self->out, C = self->context;
    real *const bias = self->whole + out * self->columns;
    if (self->kind == IMAGE_CONCAT) {
        backend->apply(backend, out, C, self->seen, params + self->bias, c, bias);
    } else if (self->kind == IMAGE_HYPER) {
        backend->apply(backend, out * self->columns + out, C, params + self->weight, params + self->bias, c,
                       self->whole);
    } else if (self->kind == IMAGE_CONCATSQUASH) {
        backend->apply(backend, out, C, params + self->gate_weight, params + self->gate_bias, c, self->gate);
        backend->sigmoid(backend, out, self->gate, self->gate);
        backend->apply(backend, out, C, params + self->shift, NULL, c, bias);
        backend->gate(backend, out, self->columns, self->gate, params + self->weight, params + self->bias, self->whole,
                      bias);
    }
}

static void accumulate_concat(const intake *self, const backend_ops *backend, const real *c, const real *whole_bar,
                              real *room, real *gradient, real *cbar) {
    const size_t out = self->out, C = self->context, columns = self->columns, all = C + columns;
    backend->zero(backend, out * C, room);
    backend->apply_backward(backend, out, C, self->seen, c, whole_bar + out * columns, room, gradient + self->bias,
                            cbar);
    for (size_t o = 0; o < out; o++) {
        real *row = gradient + self->weight + o * all;
        backend->add_rows(backend, 1, C, room + o * C, 0, row);
        backend->add_rows(backend, 1, columns, whole_bar + o * columns, 0, row + C);
    }
}

void intake_accumulate(const intake *self, const backend_ops *backend, const real *params, const real *c,
                       real *whole_bar, real *room, real *gradient, real *cbar) {
    const size_t out = self->out, C = self->context, weights = out * self->columns;
    real *bar = whole_bar + weights; /* of the bias; of concatsquash first of the shift, then of G c + g */
    switch (self->kind) {
    case IMAGE_IGNORE:
        backend->add_rows(backend, 1, weights, whole_bar, 0, gradient + self->weight);
        backend->add_rows(backend, 1, out, bar, 0, gradient + self->bias);
        break;
    case IMAGE_CONCAT: accumulate_concat(self, backend, c, whole_bar, room, gradient, cbar); break;
    case IMAGE_HYPER:
        backend->apply_backward(backend, weights + out, C, params + self->weight, c, whole_bar, gradient + self->weight,
                                gradient + self->bias, cbar);
        break;
    case IMAGE_CONCATSQUASH:
        backend->apply_backward(backend, out, C, params + self->shift, c, bar, gradient + self->shift, NULL, cbar);
        backend->gate_backward(backend, out, self->columns, self->gate, params + self->weight, params + self->bias,
                               whole_bar, gradient + self->weight, gradient + self->bias, bar);
        backend->apply_backward(backend, out, C, params + self->gate_weight, c, bar, gradient + self->gate_weight,
                                gradient + self->gate_bias, cbar);
        break;
    }
}
