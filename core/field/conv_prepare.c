/* conv_prepare.c - from parameters and context to the numbers of the convolutional field, and back.
 *
 * At an instant a layer is one weight (out, inputs, 3, 3) and one bias (out):
 *   ignore, concat   parameters
 *   hyper            H c + h, first the weight, then the bias
 *   concatsquash     gate . W and gate . b + S c, gate = sigmoid(G c + g), for each output
 * What the weight has for channels of z is packed for convolutions; what it has for channels of the context c becomes
 * vectors of bias,
 *   bias_k[o] = b[o] + sum of W[o, a, u, v] c_a(k + u, v), over channels a and taps (u, v) inside the image at pixel k.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "field/conv_field.h"
#include "field/conv_internal.h"

void conv_field_initialise(const conv_field *self, uint64_t seed, real *params) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        const size_t end = l + 1 < self->layers ? self->layer[l + 1].weight : self->first + self->count;
        for (size_t i = layer->weight; i < end; i++) {
            double draw[4];
            if (self->spec.layer == IMAGE_HYPER) {
                random_normal4(stream, i, 0, draw);
                params[i] = i < layer->bias ? 0 : (real)(0.01 * draw[0]);
                continue;
            }
            const bool gate = self->spec.layer == IMAGE_CONCATSQUASH && i >= layer->gate_weight;
            const double fan_in = gate ? (double)self->spec.fed : (double)(layer->inputs * CONV_TAPS);
            random_uniform4(stream, i, 0, draw);
            params[i] = (real)((2 * draw[0] - 1) / sqrt(fan_in));
        }
    }
}

static void pack(conv_field *self, size_t l) {
    const conv_layer *layer = &self->layer[l];
    const size_t row = layer->in * CONV_TAPS;
    for (size_t o = 0; o < layer->out; o++)
        memcpy(self->packing + o * row, layer->whole + (o * layer->inputs + layer->first_data) * CONV_TAPS,
               row * sizeof(real));
    conv_pack(self->lanes[0].convs[l], self->packing, layer->forward, layer->reverse);
}

void conv_field_bind(conv_field *self, const real *params) {
    if (conv_field_moves(self)) return; /* all is made from the context */
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        memcpy(layer->whole, params + layer->weight, layer->weights * sizeof(real));
        memcpy(layer->whole + layer->weights, params + layer->bias, layer->out * sizeof(real));
        pack(self, l);
    }
}

/* y (rows) <- [bias +] matrix (rows, columns) c. */
static void apply(size_t rows, size_t columns, const real *matrix, const real *bias, const real *c, real *y) {
    for (size_t i = 0; i < rows; i++) {
        real sum = bias ? bias[i] : 0;
        for (size_t j = 0; j < columns; j++) sum += matrix[i * columns + j] * c[j];
        y[i] = sum;
    }
}

/* Its reverse: adds to all three; bias_bar may be NULL. */
static void apply_reverse(size_t rows, size_t columns, const real *matrix, const real *c, const real *ybar,
                          real *matrix_bar, real *bias_bar, real *cbar) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            matrix_bar[i * columns + j] += ybar[i] * c[j];
            cbar[j] += matrix[i * columns + j] * ybar[i];
        }
    if (bias_bar)
        for (size_t i = 0; i < rows; i++) bias_bar[i] += ybar[i];
}

static void make_hyper(const conv_field *self, const conv_layer *layer, const real *params, const real *c) {
    apply(layer->weights + layer->out, self->spec.fed, params + layer->weight, params + layer->bias, c, layer->whole);
}

static void make_squash(const conv_field *self, const conv_layer *layer, const real *params, const real *c) {
    const size_t fed = self->spec.fed, row = layer->inputs * CONV_TAPS;
    real *bias = layer->whole + layer->weights;
    apply(layer->out, fed, params + layer->gate_weight, params + layer->gate_bias, c, layer->gate);
    self->backend->sigmoid(layer->out, layer->gate, layer->gate);
    apply(layer->out, fed, params + layer->shift, NULL, c, bias);
    for (size_t o = 0; o < layer->out; o++) {
        bias[o] += layer->gate[o] * params[layer->bias + o];
        for (size_t i = 0; i < row; i++)
            layer->whole[o * row + i] = layer->gate[o] * params[layer->weight + o * row + i];
    }
}

/* One term of the context's convolution: channel a, seen through a tap from a pixel that has bias vector k. */
typedef struct term {
    size_t k;
    size_t weight; /* in `whole`, of output 0; the next output's is inputs * 9 further */
    size_t entry; /* of c */
} term;

/* A pixel that has bias vector k. */
static size_t row_of(const conv_field *self, const conv_layer *layer, size_t k) {
    if (layer->bias_count == self->pixels) return k / self->spec.width;
    return k / 3 == 0 ? 0 : k / 3 == 1 ? 1 : self->spec.height - 1;
}
static size_t column_of(const conv_field *self, const conv_layer *layer, size_t k) {
    if (layer->bias_count == self->pixels) return k % self->spec.width;
    return k % 3 == 0 ? 0 : k % 3 == 1 ? 1 : self->spec.width - 1;
}

static void each_term(conv_field *self, conv_layer *layer,
                      void (*visit)(conv_field *self, conv_layer *layer, term t, void *argument), void *argument) {
    const size_t h = self->spec.height, w = self->spec.width;
    for (size_t k = 0; k < layer->bias_count && layer->extra; k++) {
        const size_t i = row_of(self, layer, k), j = column_of(self, layer, k);
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            const size_t u = i + tap / 3, v = j + tap % 3; /* the pixel that is read, each plus one */
            if (u < 1 || u > h || v < 1 || v > w) continue;
            for (size_t a = 0; a < layer->extra; a++) {
                const size_t pixel = (u - 1) * w + v - 1;
                visit(self, layer,
                      (term){.k = k,
                             .weight = (layer->first_extra + a) * CONV_TAPS + tap,
                             .entry = self->spec.layer == IMAGE_CONCAT ? a : a * self->pixels + pixel},
                      argument);
            }
        }
    }
}

static void add_to_bias(conv_field *self, conv_layer *layer, term t, void *argument) {
    (void)self;
    const real value = ((const real *)argument)[t.entry];
    if (value == 0) return; /* most of z* never moves */
    const size_t row = layer->inputs * CONV_TAPS;
    for (size_t o = 0; o < layer->out; o++)
        layer->biases[t.k * layer->out + o] += layer->whole[o * row + t.weight] * value;
}

void conv_field_prepare(conv_field *self, const real *params, const real *c) {
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        if (self->spec.layer == IMAGE_HYPER) make_hyper(self, layer, params, c);
        if (self->spec.layer == IMAGE_CONCATSQUASH) make_squash(self, layer, params, c);
        if (conv_field_moves(self)) pack(self, l);
        for (size_t k = 0; k < layer->bias_count; k++)
            memcpy(layer->biases + k * layer->out, layer->whole + layer->weights, layer->out * sizeof(real));
        each_term(self, layer, add_to_bias, (void *)c);
    }
}

typedef struct collecting {
    const real *c;
    const real *bias_bar; /* (K, out) */
    real *whole_bar;
    real *cbar;
} collecting;

static void take_from_bias(conv_field *self, conv_layer *layer, term t, void *argument) {
    (void)self;
    const collecting *to = argument;
    const real *bar = to->bias_bar + t.k * layer->out;
    const size_t row = layer->inputs * CONV_TAPS;
    const real value = to->c[t.entry];
    real sum = 0;
    for (size_t o = 0; o < layer->out; o++) sum += bar[o] * layer->whole[o * row + t.weight];
    to->cbar[t.entry] += sum;
    if (value == 0) return;
    for (size_t o = 0; o < layer->out; o++) to->whole_bar[o * row + t.weight] += bar[o] * value;
}

/* whole_bar (weights + out) <- cotangents of a layer's weight and bias at this instant, from the sums; and cbar. */
static void unfold(conv_field *self, size_t l, collecting *to) {
    conv_layer *layer = &self->layer[l];
    const size_t row = layer->in * CONV_TAPS;
    to->bias_bar = self->sums + layer->bias_gradient;
    memset(to->whole_bar, 0, (layer->weights + layer->out) * sizeof(real));
    conv_unpack(self->lanes[0].convs[l], self->sums + layer->gradient, self->packing);
    for (size_t o = 0; o < layer->out; o++)
        memcpy(to->whole_bar + (o * layer->inputs + layer->first_data) * CONV_TAPS, self->packing + o * row,
               row * sizeof(real));
    for (size_t k = 0; k < layer->bias_count; k++)
        for (size_t o = 0; o < layer->out; o++) to->whole_bar[layer->weights + o] += to->bias_bar[k * layer->out + o];
    each_term(self, layer, take_from_bias, to);
}

static void collect_squash(const conv_field *self, const conv_layer *layer, const real *params, const real *c,
                           real *whole_bar, real *gradient, real *cbar) {
    const size_t fed = self->spec.fed, row = layer->inputs * CONV_TAPS;
    real *bias_bar = whole_bar + layer->weights;
    apply_reverse(layer->out, fed, params + layer->shift, c, bias_bar, gradient + layer->shift, NULL, cbar);
    for (size_t o = 0; o < layer->out; o++) {
        const real gate = layer->gate[o];
        real gate_bar = bias_bar[o] * params[layer->bias + o];
        for (size_t i = o * row; i < (o + 1) * row; i++) {
            gate_bar += whole_bar[i] * params[layer->weight + i];
            gradient[layer->weight + i] += gate * whole_bar[i];
        }
        gradient[layer->bias + o] += gate * bias_bar[o];
        bias_bar[o] = gate_bar * (gate * (1 - gate)); /* has been used; now that of G c + g */
    }
    apply_reverse(layer->out, fed, params + layer->gate_weight, c, bias_bar, gradient + layer->gate_weight,
                  gradient + layer->gate_bias, cbar);
}

/* Groups are added in their order, into the first. */
static void add_groups(conv_field *self) {
    if (self->groups_used == 0) memset(self->sums, 0, self->sums_stride * sizeof(real));
    for (size_t group = 1; group < self->groups_used; group++) {
        const real *more = self->sums + group * self->sums_stride;
        for (size_t i = 0; i < self->sums_stride; i++) self->sums[i] += more[i];
    }
    self->groups_used = 0;
}

void conv_field_collect(conv_field *self, const real *params, const real *c, real *gradient, real *cbar) {
    memset(cbar, 0, self->spec.context * sizeof(real));
    add_groups(self);
    collecting to = {.c = c, .whole_bar = self->whole_bar, .cbar = cbar};
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        const size_t numbers = layer->weights + layer->out;
        unfold(self, l, &to);
        if (self->spec.layer == IMAGE_HYPER) {
            apply_reverse(numbers, self->spec.fed, params + layer->weight, c, to.whole_bar, gradient + layer->weight,
                          gradient + layer->bias, cbar);
        } else if (self->spec.layer == IMAGE_CONCATSQUASH) {
            collect_squash(self, layer, params, c, to.whole_bar, gradient, cbar);
        } else {
            for (size_t i = 0; i < layer->weights; i++) gradient[layer->weight + i] += to.whole_bar[i];
            for (size_t o = 0; o < layer->out; o++) gradient[layer->bias + o] += to.whole_bar[layer->weights + o];
        }
    }
}
