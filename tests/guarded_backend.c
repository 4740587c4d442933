/* guarded_backend.c - the operations of another backend; each unprotects the memory while it runs. */
#include "guarded_backend.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/conv.h"

typedef struct guarded_backend {
    backend_ops table;
    const backend_ops *inner;
    char *start; /* of the region */
    size_t bytes, used; /* blocks are consecutive and never reused */
    size_t taken; /* blocks that were not released */
    size_t waits;
} guarded_backend;

static void set_reach(const guarded_backend *guarded, int protection) {
    cr_assert_eq(mprotect(guarded->start, guarded->bytes, protection), 0);
}

/* Return the inner backend after unprotecting the memory; check that all non-NULL addresses are in it. */
static const guarded_backend *open_with(const backend_ops *self, size_t count, const void *const *addresses) {
    const guarded_backend *guarded = (const guarded_backend *)self;
    for (size_t i = 0; i < count; i++) {
        const char *address = addresses[i];
        if (address)
            cr_assert(address >= guarded->start && address <= guarded->start + guarded->bytes,
                      "an array of the device is not accessible");
    }
    set_reach(guarded, PROT_READ | PROT_WRITE);
    return guarded;
}

static void close_after(const guarded_backend *guarded) {
    set_reach(guarded, PROT_NONE);
}

#define ARRAYS(...) (sizeof((const void *[]){__VA_ARGS__}) / sizeof(void *)), ((const void *[]){__VA_ARGS__})

/* An operation without a result: its parameters, its arguments, and those of them that are arrays of the device. */
#define GUARDED(name, parameters, arguments, arrays)                                                                   \
    static void guarded_##name parameters {                                                                            \
        const guarded_backend *guarded = open_with(self, arrays);                                                      \
        guarded->inner->name arguments;                                                                                \
        close_after(guarded);                                                                                          \
    }

static status guarded_alloc(const backend_ops *self, size_t bytes, void **out) {
    guarded_backend *guarded = (guarded_backend *)self;
    const size_t whole = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if (whole > guarded->bytes - guarded->used) return STATUS_MEMORY;
    *out = guarded->start + guarded->used;
    guarded->used += whole;
    guarded->taken++;
    return STATUS_OK;
}

static void guarded_release(const backend_ops *self, void *block) {
    guarded_backend *guarded = (guarded_backend *)self;
    cr_assert((char *)block >= guarded->start && (char *)block < guarded->start + guarded->used);
    guarded->taken--;
}

GUARDED(copy_to_device, (const backend_ops *self, size_t bytes, const void *from, void *to),
        (guarded->inner, bytes, from, to), ARRAYS(to))
/* Operations that return data to the host. */
static const guarded_backend *open_and_wait(const backend_ops *self, size_t count, const void *const *addresses) {
    ((guarded_backend *)self)->waits++;
    return open_with(self, count, addresses);
}

static void guarded_copy_to_host(const backend_ops *self, size_t bytes, const void *from, void *to) {
    const guarded_backend *guarded = open_and_wait(self, ARRAYS(from));
    guarded->inner->copy_to_host(guarded->inner, bytes, from, to);
    close_after(guarded);
}

GUARDED(copy, (const backend_ops *self, size_t n, const real *x, real *y), (guarded->inner, n, x, y), ARRAYS(x, y))
GUARDED(zero, (const backend_ops *self, size_t n, real *x), (guarded->inner, n, x), ARRAYS(x))
GUARDED(fill, (const backend_ops *self, size_t n, size_t stride, double value, real *x),
        (guarded->inner, n, stride, value, x), ARRAYS(x))
GUARDED(scale, (const backend_ops *self, size_t n, double by, const real *x, real *y), (guarded->inner, n, by, x, y),
        ARRAYS(x, y))
GUARDED(scale_by, (const backend_ops *self, size_t n, const double *by, const real *x, real *y),
        (guarded->inner, n, by, x, y), ARRAYS(by, x, y))
GUARDED(product, (const backend_ops *self, const double *a, const double *b, real *y), (guarded->inner, a, b, y),
        ARRAYS(a, b, y))
GUARDED(copy_slot,
        (const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_stride, real *y,
         size_t y_stride),
        (guarded->inner, n, slot, x, x_stride, y, y_stride), ARRAYS(slot, x, y))
GUARDED(decide, (const backend_ops *self, step_action action, step_control *control), (guarded->inner, action, control),
        ARRAYS(control))
GUARDED(round, (const backend_ops *self, size_t n, conv_math math, const real *x, real *y),
        (guarded->inner, n, math, x, y), ARRAYS(x, y))
GUARDED(combine,
        (const backend_ops *self, size_t n, const real *x, size_t terms, const double *weight, const real *const *k,
         real *y),
        (guarded->inner, n, x, terms, weight, k, y),
        ARRAYS(x, y, terms ? weight : NULL, terms ? k[0] : NULL, terms ? k[terms - 1] : NULL))
GUARDED(copy_rows,
        (const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y,
         size_t y_stride),
        (guarded->inner, rows, columns, x, x_stride, y, y_stride), ARRAYS(x, y))
GUARDED(transpose, (const backend_ops *self, size_t rows, size_t columns, const real *x, real *y),
        (guarded->inner, rows, columns, x, y), ARRAYS(x, y))
GUARDED(add_rows, (const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y),
        (guarded->inner, rows, columns, x, x_stride, y), ARRAYS(x, y))
GUARDED(adam, (const backend_ops *self, size_t n, const adam_step *step, const real *g, real *m, real *v, real *p),
        (guarded->inner, n, step, g, m, v, p), ARRAYS(g, m, v, p))

static bool guarded_is_finite(const backend_ops *self, size_t n, const real *x) {
    const guarded_backend *guarded = open_and_wait(self, ARRAYS(x));
    const bool result = guarded->inner->is_finite(guarded->inner, n, x);
    close_after(guarded);
    return result;
}
GUARDED(measure_error,
        (const backend_ops *self, const error_norm *norm, size_t terms, const double *weight, const real *const *k,
         const real *y, const real *next, double *size),
        (guarded->inner, norm, terms, weight, k, y, next, size), ARRAYS(weight, k[0], k[terms - 1], y, next, size))

/* The memory behaves like that of a device that repeats steps by itself. */
static void guarded_repeat(const backend_ops *self, void (*step)(void *argument), void *argument, const int *going) {
    for (;;) {
        const guarded_backend *guarded = open_with(self, ARRAYS(going));
        const bool more = *going != 0;
        close_after(guarded);
        if (!more) return;
        step(argument);
    }
}

GUARDED(matmul,
        (const backend_ops *self, size_t m, size_t n, size_t k, const real *a, size_t row, size_t column, const real *b,
         const real *bias, real *c),
        (guarded->inner, m, n, k, a, row, column, b, bias, c), ARRAYS(a, b, bias, c))
GUARDED(apply,
        (const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *bias, const real *x,
         real *y),
        (guarded->inner, rows, columns, matrix, bias, x, y), ARRAYS(matrix, bias, x, y))
GUARDED(apply_backward,
        (const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *x, const real *ybar,
         real *matrix_bar, real *bias_bar, real *xbar),
        (guarded->inner, rows, columns, matrix, x, ybar, matrix_bar, bias_bar, xbar),
        ARRAYS(matrix, x, ybar, matrix_bar, bias_bar, xbar))
GUARDED(tanh, (const backend_ops *self, size_t n, const real *x, real *y), (guarded->inner, n, x, y), ARRAYS(x, y))
GUARDED(sigmoid, (const backend_ops *self, size_t n, const real *x, real *y), (guarded->inner, n, x, y), ARRAYS(x, y))
GUARDED(elu, (const backend_ops *self, size_t n, const real *x, real *y), (guarded->inner, n, x, y), ARRAYS(x, y))
GUARDED(tanh_backward, (const backend_ops *self, size_t n, const real *y, real *bar), (guarded->inner, n, y, bar),
        ARRAYS(y, bar))
GUARDED(elu_backward, (const backend_ops *self, size_t n, const real *y, real *bar), (guarded->inner, n, y, bar),
        ARRAYS(y, bar))

GUARDED(attention,
        (const backend_ops *self, const attention_shape *shape, const real *packed, const real *x, real *y,
         real *scratch),
        (guarded->inner, shape, packed, x, y, scratch), ARRAYS(packed, x, y, scratch))
GUARDED(attention_backward,
        (const backend_ops *self, const attention_shape *shape, const real *packed, const real *x, real *bar,
         real *gradient, real *scratch),
        (guarded->inner, shape, packed, x, bar, gradient, scratch), ARRAYS(packed, x, bar, gradient, scratch))

static size_t guarded_attention_scratch(const backend_ops *self, const attention_shape *shape) {
    const guarded_backend *guarded = (const guarded_backend *)self;
    return guarded->inner->attention_scratch(guarded->inner, shape);
}

static size_t guarded_images_together(const backend_ops *self, size_t pixels, size_t batch) {
    (void)self, (void)pixels;
    return batch > 0 ? batch : 3; /* all at once, as a GPU would */
}

GUARDED(dual_activate,
        (const backend_ops *self, const dual_shape *shape, const real *bias, bool keep, real *h, real *y),
        (guarded->inner, shape, bias, keep, h, y), ARRAYS(shape->bias_of, bias, h, y))
GUARDED(dual_backward, (const backend_ops *self, const dual_shape *shape, const real *h, real *ybar, real *bias_bar),
        (guarded->inner, shape, h, ybar, bias_bar), ARRAYS(shape->bias_of, h, ybar, bias_bar))
GUARDED(bias_add, (const backend_ops *self, const dual_shape *shape, const real *bias, real *x),
        (guarded->inner, shape, bias, x), ARRAYS(shape->bias_of, bias, x))
GUARDED(bias_backward, (const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar),
        (guarded->inner, shape, xbar, bias_bar), ARRAYS(shape->bias_of, xbar, bias_bar))
GUARDED(image_products,
        (const backend_ops *self, size_t n, size_t D, const real *f, const real *e, const real *product,
         real *divergence, real *kinetic, real *jacobian),
        (guarded->inner, n, D, f, e, product, divergence, kinetic, jacobian),
        ARRAYS(f, e, product, divergence, kinetic, jacobian))
GUARDED(image_products_backward,
        (const backend_ops *self, size_t n, size_t D, const real *f, const real *e, const real *product,
         const real *divergence, const real *kinetic, const real *jacobian, real *fbar, real *product_bar),
        (guarded->inner, n, D, f, e, product, divergence, kinetic, jacobian, fbar, product_bar),
        ARRAYS(f, e, product, divergence, kinetic, jacobian, fbar, product_bar))
GUARDED(context_bias,
        (const backend_ops *self, const context_shape *shape, const real *weight, const real *c, real *biases),
        (guarded->inner, shape, weight, c, biases), ARRAYS(weight, c, biases))
GUARDED(context_bias_backward,
        (const backend_ops *self, const context_shape *shape, const real *weight, const real *c, const real *bias_bar,
         real *weight_bar, real *cbar),
        (guarded->inner, shape, weight, c, bias_bar, weight_bar, cbar), ARRAYS(weight, c, bias_bar, weight_bar, cbar))
GUARDED(gate,
        (const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x, const real *bias,
         real *y, real *shift),
        (guarded->inner, rows, columns, gate, x, bias, y, shift), ARRAYS(gate, x, bias, y, shift))
GUARDED(gate_backward,
        (const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x, const real *bias,
         const real *ybar, real *x_bar, real *bias_bar, real *shift_bar),
        (guarded->inner, rows, columns, gate, x, bias, ybar, x_bar, bias_bar, shift_bar),
        ARRAYS(gate, x, bias, ybar, x_bar, bias_bar, shift_bar))
GUARDED(time_backward,
        (const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar, const real *root,
         real *root_bar),
        (guarded->inner, terms, s, clock_bar, root, root_bar),
        ARRAYS(terms->a[0], terms->b[0], s, clock_bar, root, root_bar))
GUARDED(logit,
        (const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z, double *log_determinant),
        (guarded->inner, alpha, n, D, x, z, log_determinant), ARRAYS(x, z, log_determinant))
GUARDED(unlogit, (const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x),
        (guarded->inner, alpha, n, D, z, x), ARRAYS(z, x))
GUARDED(squeeze, (const backend_ops *self, const squeeze_shape *shape, size_t n, bool back, const real *x, real *y),
        (guarded->inner, shape, n, back, x, y), ARRAYS(x, y))
GUARDED(accumulate, (const backend_ops *self, size_t n, const real *x, double *sums), (guarded->inner, n, x, sums),
        ARRAYS(x, sums))
GUARDED(squares, (const backend_ops *self, size_t n, size_t D, const real *x, double *sums),
        (guarded->inner, n, D, x, sums), ARRAYS(x, sums))

/* --- Convolutions --- */

typedef struct guarded_conv {
    conv base;
    conv *inner; /* owned */
    const backend_ops *guarded;
} guarded_conv;

#define GUARDED_CONV(name, parameters, arguments, arrays)                                                              \
    static void conv_guarded_##name parameters {                                                                       \
        const guarded_conv *conv_self = (const guarded_conv *)self;                                                    \
        const guarded_backend *guarded = open_with(conv_self->guarded, arrays);                                        \
        conv_##name arguments;                                                                                         \
        close_after(guarded);                                                                                          \
    }

GUARDED_CONV(pack, (conv * self, const real *weight, real *forward, real *backward),
             (conv_self->inner, weight, forward, backward), ARRAYS(weight, forward, backward))
GUARDED_CONV(forward, (conv * self, const real *forward, const real *x, real *y), (conv_self->inner, forward, x, y),
             ARRAYS(forward, x, y))
GUARDED_CONV(backward_data, (conv * self, const real *backward, const real *ybar, real *xbar),
             (conv_self->inner, backward, ybar, xbar), ARRAYS(backward, ybar, xbar))
GUARDED_CONV(backward_weight, (conv * self, const real *x, const real *ybar, real *gradient),
             (conv_self->inner, x, ybar, gradient), ARRAYS(x, ybar, gradient))
GUARDED_CONV(unpack, (conv * self, const real *gradient, real *weightbar), (conv_self->inner, gradient, weightbar),
             ARRAYS(gradient, weightbar))

static void conv_guarded_destroy(conv *self) {
    conv_destroy(&((guarded_conv *)self)->inner);
}

static const conv_ops guarded_conv_ops = {
    .destroy = conv_guarded_destroy,
    .pack = conv_guarded_pack,
    .forward = conv_guarded_forward,
    .backward_data = conv_guarded_backward_data,
    .backward_weight = conv_guarded_backward_weight,
    .unpack = conv_guarded_unpack,
};

static status guarded_conv_create(const backend_ops *self, conv_shape shape, conv_method method, conv_math math,
                                  conv **out) {
    const guarded_backend *guarded = (const guarded_backend *)self;
    conv *inner = NULL;
    arena memory = {0};
    guarded_conv *made;
    (void)math; /* the inputs have been rounded */
    TRY(conv_create(guarded->inner, shape, method, MATH_FP32, &inner)); /* with its own workspace */
    cr_assert_eq(ARENA_NEW(&memory, 1, &made), STATUS_OK);
    *made = (guarded_conv){.base = {.ops = &guarded_conv_ops,
                                    .shape = shape,
                                    .forward_reals = conv_forward_reals(inner),
                                    .backward_reals = conv_backward_reals(inner),
                                    .gradient_reals = conv_gradient_reals(inner),
                                    .memory = memory},
                           .inner = inner,
                           .guarded = self};
    *out = &made->base;
    return STATUS_OK;
}

/* --- Creation --- */

#define OPERATION(name) .name = guarded_##name

const backend_ops *guarded_create(const backend_ops *inner, size_t bytes) {
    guarded_backend *guarded = calloc(1, sizeof *guarded);
    cr_assert_not_null(guarded);
    guarded->inner = inner;
    guarded->bytes = bytes;
    guarded->start = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert(guarded->start != MAP_FAILED);
    guarded->table = (backend_ops){
        .name = "guarded",
        OPERATION(alloc),
        OPERATION(release),
        OPERATION(copy_to_device),
        OPERATION(copy_to_host),
        OPERATION(copy),
        OPERATION(zero),
        OPERATION(fill),
        OPERATION(scale),
        OPERATION(scale_by),
        OPERATION(product),
        OPERATION(copy_slot),
        OPERATION(decide),
        OPERATION(repeat),
        OPERATION(round),
        OPERATION(combine),
        OPERATION(copy_rows),
        OPERATION(transpose),
        OPERATION(add_rows),
        OPERATION(is_finite),
        OPERATION(measure_error),
        OPERATION(adam),
        OPERATION(matmul),
        OPERATION(apply),
        OPERATION(apply_backward),
        OPERATION(tanh),
        OPERATION(sigmoid),
        OPERATION(elu),
        OPERATION(tanh_backward),
        OPERATION(elu_backward),
        OPERATION(images_together),
        OPERATION(conv_create),
        OPERATION(dual_activate),
        OPERATION(dual_backward),
        OPERATION(bias_add),
        OPERATION(bias_backward),
        OPERATION(attention),
        OPERATION(attention_backward),
        OPERATION(attention_scratch),
        OPERATION(image_products),
        OPERATION(context_bias),
        OPERATION(image_products_backward),
        OPERATION(context_bias_backward),
        OPERATION(gate),
        OPERATION(gate_backward),
        OPERATION(time_backward),
        OPERATION(logit),
        OPERATION(unlogit),
        OPERATION(squeeze),
        OPERATION(accumulate),
        OPERATION(squares),
    };
    return &guarded->table;
}

void guarded_destroy(const backend_ops *self) {
    guarded_backend *guarded = (guarded_backend *)self;
    munmap(guarded->start, guarded->bytes);
    free(guarded);
}

size_t guarded_bytes(const backend_ops *self) {
    return ((const guarded_backend *)self)->taken;
}

size_t guarded_waits(const backend_ops *self) {
    return ((const guarded_backend *)self)->waits;
}
