/* backend_cases_images.c - cases of operations on images: fields, uses of the context, and the first and last
 * operations of a flow. */
#include "backend/conv.h"
#include "backend/memory.h"
#include "backend_cases_internal.h"
#include "field/layers/attention.h"

/* bias_of: three vectors in turn. */
static const uint32_t *places(work *w, size_t pixels) {
    uint32_t *of, host[64];
    for (uint32_t p = 0; p < pixels; p++) host[p] = p % 3;
    case_must(BACKEND_NEW(w->backend, &w->memory, pixels, &of));
    w->backend->copy_to_device(w->backend, pixels * sizeof *of, host, of);
    return of;
}

void case_dual(work *w) {
    const backend_ops *b = w->backend;
    for (activation function = ACTIVATION_SOFTPLUS; function < ACTIVATION_COUNT; function++)
        for (size_t shared = 0; shared < 2; shared++) {
            const size_t channels = function == ACTIVATION_TANH ? 16 : 21;
            const dual_shape shape = {function, 3, 20, channels, shared ? 1 : 3, shared ? NULL : places(w, 20)};
            const size_t half = 3 * 20 * channels;
            real *bias = case_drawn(w, 3 * channels, 1), *h = case_drawn(w, 2 * half, 8), *y = case_room(w, 2 * half);
            real *ybar = case_drawn(w, 2 * half, 1), *bias_bar = case_drawn(w, 3 * channels, 1);
            b->dual_activate(b, &shape, bias, false, h, y);
            case_result(w, 2 * half, y);
            b->dual_activate(b, &shape, bias, true, h, y);
            case_result(w, 2 * half, h);
            b->dual_backward(b, &shape, h, ybar, bias_bar);
            case_result(w, 2 * half, ybar);
            case_result(w, 3 * channels, bias_bar);
        }
}

void case_bias(work *w) {
    const backend_ops *b = w->backend;
    for (size_t shared = 0; shared < 2; shared++) {
        const dual_shape shape = {ACTIVATION_TANH, 4, 12, 3, shared ? 1 : 3, shared ? NULL : places(w, 12)};
        real *bias = case_drawn(w, 9, 1), *x = case_drawn(w, 2 * 4 * 12 * 3, 1), *bias_bar = case_drawn(w, 9, 1);
        b->bias_add(b, &shape, bias, x);
        b->bias_backward(b, &shape, x, bias_bar);
        case_result(w, 2 * 4 * 12 * 3, x);
        case_result(w, 9, bias_bar);
    }
}

void case_products(work *w) {
    const backend_ops *b = w->backend;
    enum { N = 5, D = 147 };
    real *f = case_drawn(w, N * D, 1), *e = case_drawn(w, N * D, 1), *product = case_drawn(w, N * D, 1);
    real *sums = case_room(w, 3 * N), *bars = case_drawn(w, 3 * N, 1);
    real *fbar = case_drawn(w, N * D, 1), *product_bar = case_drawn(w, N * D, 1);
    b->image_products(b, N, D, f, e, product, sums, sums + N, sums + 2 * N);
    case_result(w, 3 * N, sums);
    b->image_products(b, N, D, f, e, product, NULL, NULL, sums);
    case_result(w, N, sums);
    b->image_products_backward(b, N, D, f, e, product, bars, bars + N, bars + 2 * N, fbar, product_bar);
    b->image_products_backward(b, N, D, f, e, product, bars, NULL, NULL, fbar, product_bar);
    case_result(w, N * D, fbar);
    case_result(w, N * D, product_bar);
}

void case_context(work *w) {
    const backend_ops *b = w->backend;
    const context_shape shapes[] = {
        {.height = 5, .width = 4, .out = 7, .inputs = 4, .first = 0, .extra = 2, .shared = true, .vectors = 9},
        {.height = 1, .width = 6, .out = 3, .inputs = 3, .first = 1, .extra = 1, .shared = true, .vectors = 6},
        {.height = 4, .width = 6, .out = 17, .inputs = 5, .first = 3, .extra = 2, .vectors = 24},
        {.height = 3, .width = 5, .out = 5, .inputs = 19, .first = 1, .extra = 18, .shared = true, .vectors = 9}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const context_shape *s = &shapes[i];
        const size_t entries = s->shared ? s->extra : s->extra * s->height * s->width;
        const size_t weights = s->out * s->inputs * CONV_TAPS;
        real *weight = case_drawn(w, weights, 1), *c = case_drawn(w, entries, 1),
             *biases = case_drawn(w, s->vectors * s->out, 1);
        real *bias_bar = case_drawn(w, s->vectors * s->out, 1), *weight_bar = case_drawn(w, weights, 1);
        real *cbar = case_drawn(w, entries, 1);
        b->fill(b, 1, 1, 0, c + entries - 1);
        b->context_bias(b, s, weight, c, biases);
        b->context_bias_backward(b, s, weight, c, bias_bar, weight_bar, cbar);
        case_result(w, s->vectors * s->out, biases);
        case_result(w, weights, weight_bar);
        case_result(w, entries, cbar);
    }
}

/* One pixel; less than a block of rows or columns; more, with remainders; more numbers of a head than a device's block has
 * threads. */
void case_attention(work *w) {
    const backend_ops *b = w->backend;
    const attention_shape shapes[] = {{2, 1, 3, 1, 1}, {3, 20, 10, 2, 5}, {1, 150, 6, 1, 4}, {1, 9, 4, 1, 130}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const attention_shape *s = &shapes[i];
        const size_t n = 2 * s->images * s->pixels * s->channels, weights = attention_weights(s);
        const attention layer = {.shape = *s, .out = weights / 4 * 3, .packed = case_room(w, attention_packed(s))};
        real *packed = layer.packed, *x = case_drawn(w, n, 1), *y = case_room(w, n);
        real *bar = case_drawn(w, n, 1), *gradient = case_drawn(w, weights, 1);
        real *scratch = case_room(w, b->attention_scratch(b, s));
        attention_set_params(&layer, b, case_drawn(w, weights, 0.7));
        b->attention(b, s, packed, x, y, scratch);
        b->attention_backward(b, s, packed, x, bar, gradient, scratch);
        case_result(w, n, y);
        case_result(w, n, bar);
        case_result(w, weights, gradient);
    }
}

void case_conv(work *w) {
    const conv_shape shapes[] = {
        {2, 5, 3, 1, 7}, {2, 7, 7, 16, 16}, {2, 6, 9, 33, 17}, {2, 5, 4, 16, 2}, {1, 1, 6, 3, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const conv_shape s = shapes[i];
        const size_t pixels = s.images * s.height * s.width, weights = s.in * s.out * CONV_TAPS;
        conv *c = NULL;
        case_must(conv_create(w->backend, s, CONV_AUTO, MATH_FP32, &c));
        real *weight = case_drawn(w, weights, 1), *x = case_drawn(w, pixels * s.in, 1),
             *ybar = case_drawn(w, pixels * s.out, 1);
        real *y = case_room(w, pixels * s.out), *xbar = case_room(w, pixels * s.in),
             *weight_bar = case_room(w, weights);
        real *forward = case_room(w, conv_forward_reals(c)), *backward = case_room(w, conv_backward_reals(c));
        real *gradient = case_room(w, conv_gradient_reals(c));
        conv_pack(c, weight, forward, backward);
        conv_forward(c, forward, x, y);
        conv_backward_data(c, backward, ybar, xbar);
        conv_backward_weight(c, x, ybar, gradient);
        conv_backward_weight(c, x, ybar, gradient);
        conv_unpack(c, gradient, weight_bar);
        case_result(w, pixels * s.out, y);
        case_result(w, pixels * s.in, xbar);
        case_result(w, weights, weight_bar);
        conv_destroy(&c);
    }
}

void case_logit(work *w) {
    const backend_ops *b = w->backend;
    enum { N = 3, D = 50 };
    real *x = case_drawn(w, N * D, 30), *z = case_room(w, N * D), *back = case_room(w, N * D);
    double *log_determinant = case_room_double(w, N);
    b->sigmoid(b, N * D, x, x); /* in [0, 1], including both ends */
    b->logit(b, 1e-6, N, D, x, z, log_determinant);
    b->unlogit(b, 1e-6, N, D, z, back);
    case_result(w, N * D, z);
    case_result_double(w, N, log_determinant);
    case_result(w, N * D, back);
}

void case_squeeze(work *w) {
    const backend_ops *b = w->backend;
    for (squeeze_layout layout = SQUEEZE_CHANNEL_LAST; layout <= SQUEEZE_CHANNEL_FIRST; layout++) {
        enum { N = 2, ALL = N * 4 * 6 * 3 };
        const squeeze_shape shape = {.channels = 3, .height = 4, .width = 6, .layout = layout};
        real *x = case_drawn(w, ALL, 1), *y = case_room(w, ALL), *back = case_room(w, ALL);
        b->squeeze(b, &shape, N, false, x, y);
        b->squeeze(b, &shape, N, true, x, back);
        case_result(w, ALL, y);
        case_result(w, ALL, back);
    }
}
