/* far_backend.c - the operations of another backend, each between opening and closing the memory. */
#include "far_backend.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/conv.h"

typedef struct far_backend {
    backend_ops table;
    const backend_ops *near;
    char *start; /* of the region */
    size_t bytes, used; /* blocks follow each other and are never used again */
    size_t taken; /* blocks, not given back */
    size_t waits;
} far_backend;

static void set_reach(const far_backend *far, int protection) {
    cr_assert_eq(mprotect(far->start, far->bytes, protection), 0);
}

/* The backend, with its memory open; all of the addresses that are not NULL are in it. */
static const far_backend *open_with(const backend_ops *self, size_t count, const void *const *addresses) {
    const far_backend *far = (const far_backend *)self;
    for (size_t i = 0; i < count; i++) {
        const char *address = addresses[i];
        if (address) cr_assert(address >= far->start && address <= far->start + far->bytes, "a far array is near");
    }
    set_reach(far, PROT_READ | PROT_WRITE);
    return far;
}

static void close_after(const far_backend *far) {
    set_reach(far, PROT_NONE);
}

#define ARRAYS(...) (sizeof((const void *[]){__VA_ARGS__}) / sizeof(void *)), ((const void *[]){__VA_ARGS__})

/* An operation without a result: its parameters, its arguments, and those of them that are far arrays. */
#define FAR(name, parameters, arguments, arrays)                                                                       \
    static void far_##name parameters {                                                                                \
        const far_backend *far = open_with(self, arrays);                                                              \
        far->near->name arguments;                                                                                     \
        close_after(far);                                                                                              \
    }

static status far_take(const backend_ops *self, size_t bytes, void **out) {
    far_backend *far = (far_backend *)self;
    const size_t whole = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if (whole > far->bytes - far->used) return STATUS_MEMORY;
    *out = far->start + far->used;
    far->used += whole;
    far->taken++;
    return STATUS_OK;
}

static void far_give_back(const backend_ops *self, void *block) {
    far_backend *far = (far_backend *)self;
    cr_assert((char *)block >= far->start && (char *)block < far->start + far->used);
    far->taken--;
}

FAR(upload, (const backend_ops *self, size_t bytes, const void *from, void *to), (far->near, bytes, from, to),
    ARRAYS(to))
/* Operations that bring something back. */
static const far_backend *open_and_wait(const backend_ops *self, size_t count, const void *const *addresses) {
    ((far_backend *)self)->waits++;
    return open_with(self, count, addresses);
}

static void far_download(const backend_ops *self, size_t bytes, const void *from, void *to) {
    const far_backend *far = open_and_wait(self, ARRAYS(from));
    far->near->download(far->near, bytes, from, to);
    close_after(far);
}

FAR(copy, (const backend_ops *self, size_t n, const real *x, real *y), (far->near, n, x, y), ARRAYS(x, y))
FAR(zero, (const backend_ops *self, size_t n, real *x), (far->near, n, x), ARRAYS(x))
FAR(fill, (const backend_ops *self, size_t n, size_t stride, double value, real *x), (far->near, n, stride, value, x),
    ARRAYS(x))
FAR(scale, (const backend_ops *self, size_t n, double by, const real *x, real *y), (far->near, n, by, x, y),
    ARRAYS(x, y))
FAR(scale_by, (const backend_ops *self, size_t n, const double *by, const real *x, real *y), (far->near, n, by, x, y),
    ARRAYS(by, x, y))
FAR(product, (const backend_ops *self, const double *a, const double *b, real *y), (far->near, a, b, y),
    ARRAYS(a, b, y))
FAR(copy_slot,
    (const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_apart, real *y, size_t y_apart),
    (far->near, n, slot, x, x_apart, y, y_apart), ARRAYS(slot, x, y))
FAR(decide, (const backend_ops *self, step_action action, step_control *control), (far->near, action, control),
    ARRAYS(control))
FAR(round, (const backend_ops *self, size_t n, conv_math math, const real *x, real *y), (far->near, n, math, x, y),
    ARRAYS(x, y))
FAR(combine,
    (const backend_ops *self, size_t n, const real *x, size_t terms, const double *weight, const real *const *k,
     real *y),
    (far->near, n, x, terms, weight, k, y),
    ARRAYS(x, y, terms ? weight : NULL, terms ? k[0] : NULL, terms ? k[terms - 1] : NULL))
FAR(copy_rows,
    (const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_apart, real *y, size_t y_apart),
    (far->near, rows, columns, x, x_apart, y, y_apart), ARRAYS(x, y))
FAR(transpose, (const backend_ops *self, size_t rows, size_t columns, const real *x, real *y),
    (far->near, rows, columns, x, y), ARRAYS(x, y))
FAR(add_rows, (const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_apart, real *y),
    (far->near, rows, columns, x, x_apart, y), ARRAYS(x, y))
FAR(adam, (const backend_ops *self, size_t n, const adam_step *step, const real *g, real *m, real *v, real *p),
    (far->near, n, step, g, m, v, p), ARRAYS(g, m, v, p))

static bool far_is_finite(const backend_ops *self, size_t n, const real *x) {
    const far_backend *far = open_and_wait(self, ARRAYS(x));
    const bool result = far->near->is_finite(far->near, n, x);
    close_after(far);
    return result;
}
FAR(measure_error,
    (const backend_ops *self, const error_norm *norm, size_t terms, const double *weight, const real *const *k,
     const real *y, const real *next, double *size),
    (far->near, norm, terms, weight, k, y, next, size), ARRAYS(weight, k[0], k[terms - 1], y, next, size))

/* As a device that looks for itself. */
static void far_repeat(const backend_ops *self, void (*step)(void *argument), void *argument, const int *going) {
    for (;;) {
        const far_backend *far = open_with(self, ARRAYS(going));
        const bool more = *going != 0;
        close_after(far);
        if (!more) return;
        step(argument);
    }
}

FAR(matmul,
    (const backend_ops *self, size_t m, size_t n, size_t k, const real *a, size_t row, size_t column, const real *b,
     const real *bias, real *c),
    (far->near, m, n, k, a, row, column, b, bias, c), ARRAYS(a, b, bias, c))
FAR(apply,
    (const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *bias, const real *x,
     real *y),
    (far->near, rows, columns, matrix, bias, x, y), ARRAYS(matrix, bias, x, y))
FAR(apply_reverse,
    (const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *x, const real *ybar,
     real *matrix_bar, real *bias_bar, real *xbar),
    (far->near, rows, columns, matrix, x, ybar, matrix_bar, bias_bar, xbar),
    ARRAYS(matrix, x, ybar, matrix_bar, bias_bar, xbar))
FAR(tanh, (const backend_ops *self, size_t n, const real *x, real *y), (far->near, n, x, y), ARRAYS(x, y))
FAR(sigmoid, (const backend_ops *self, size_t n, const real *x, real *y), (far->near, n, x, y), ARRAYS(x, y))
FAR(elu, (const backend_ops *self, size_t n, const real *x, real *y), (far->near, n, x, y), ARRAYS(x, y))
FAR(tanh_reverse, (const backend_ops *self, size_t n, const real *y, real *bar), (far->near, n, y, bar), ARRAYS(y, bar))
FAR(elu_reverse, (const backend_ops *self, size_t n, const real *y, real *bar), (far->near, n, y, bar), ARRAYS(y, bar))

static size_t far_images_together(const backend_ops *self, size_t pixels, size_t batch) {
    (void)self, (void)pixels;
    return batch > 0 ? batch : 3; /* all at once, as a GPU would */
}

FAR(dual_activate, (const backend_ops *self, const dual_shape *shape, const real *bias, bool keep, real *h, real *y),
    (far->near, shape, bias, keep, h, y), ARRAYS(shape->bias_of, bias, h, y))
FAR(dual_reverse, (const backend_ops *self, const dual_shape *shape, const real *h, real *ybar, real *bias_bar),
    (far->near, shape, h, ybar, bias_bar), ARRAYS(shape->bias_of, h, ybar, bias_bar))
FAR(bias_add, (const backend_ops *self, const dual_shape *shape, const real *bias, real *x),
    (far->near, shape, bias, x), ARRAYS(shape->bias_of, bias, x))
FAR(bias_reverse, (const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar),
    (far->near, shape, xbar, bias_bar), ARRAYS(shape->bias_of, xbar, bias_bar))
FAR(image_products,
    (const backend_ops *self, size_t n, size_t D, const real *f, const real *e, const real *product, real *divergence,
     real *kinetic, real *jacobian),
    (far->near, n, D, f, e, product, divergence, kinetic, jacobian),
    ARRAYS(f, e, product, divergence, kinetic, jacobian))
FAR(image_products_reverse,
    (const backend_ops *self, size_t n, size_t D, const real *f, const real *e, const real *product,
     const real *divergence, const real *kinetic, const real *jacobian, real *fbar, real *product_bar),
    (far->near, n, D, f, e, product, divergence, kinetic, jacobian, fbar, product_bar),
    ARRAYS(f, e, product, divergence, kinetic, jacobian, fbar, product_bar))
FAR(context_bias,
    (const backend_ops *self, const context_shape *shape, const real *weight, const real *c, real *biases),
    (far->near, shape, weight, c, biases), ARRAYS(weight, c, biases))
FAR(context_bias_reverse,
    (const backend_ops *self, const context_shape *shape, const real *weight, const real *c, const real *bias_bar,
     real *weight_bar, real *cbar),
    (far->near, shape, weight, c, bias_bar, weight_bar, cbar), ARRAYS(weight, c, bias_bar, weight_bar, cbar))
FAR(gate,
    (const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x, const real *bias, real *y,
     real *shift),
    (far->near, rows, columns, gate, x, bias, y, shift), ARRAYS(gate, x, bias, y, shift))
FAR(gate_reverse,
    (const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x, const real *bias,
     const real *ybar, real *x_bar, real *bias_bar, real *shift_bar),
    (far->near, rows, columns, gate, x, bias, ybar, x_bar, bias_bar, shift_bar),
    ARRAYS(gate, x, bias, ybar, x_bar, bias_bar, shift_bar))
FAR(time_reverse,
    (const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar, const real *root,
     real *root_bar),
    (far->near, terms, s, clock_bar, root, root_bar), ARRAYS(terms->a[0], terms->b[0], s, clock_bar, root, root_bar))
FAR(logit, (const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z, double *log_determinant),
    (far->near, alpha, n, D, x, z, log_determinant), ARRAYS(x, z, log_determinant))
FAR(unlogit, (const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x),
    (far->near, alpha, n, D, z, x), ARRAYS(z, x))
FAR(squeeze, (const backend_ops *self, const squeeze_shape *shape, size_t n, bool back, const real *x, real *y),
    (far->near, shape, n, back, x, y), ARRAYS(x, y))
FAR(accumulate, (const backend_ops *self, size_t n, const real *x, double *sums), (far->near, n, x, sums),
    ARRAYS(x, sums))
FAR(squares, (const backend_ops *self, size_t n, size_t D, const real *x, double *sums), (far->near, n, D, x, sums),
    ARRAYS(x, sums))

/* --- Convolutions --- */

typedef struct far_conv {
    conv base;
    conv *near; /* owned */
    const backend_ops *far;
} far_conv;

#define FAR_CONV(name, parameters, arguments, arrays)                                                                  \
    static void conv_far_##name parameters {                                                                           \
        const far_conv *conv_self = (const far_conv *)self;                                                            \
        const far_backend *far = open_with(conv_self->far, arrays);                                                    \
        conv_##name arguments;                                                                                         \
        close_after(far);                                                                                              \
    }

FAR_CONV(pack, (conv * self, const real *weight, real *forward, real *reverse),
         (conv_self->near, weight, forward, reverse), ARRAYS(weight, forward, reverse))
FAR_CONV(forward, (conv * self, const real *forward, const real *x, real *y), (conv_self->near, forward, x, y),
         ARRAYS(forward, x, y))
FAR_CONV(data_reverse, (conv * self, const real *reverse, const real *ybar, real *xbar),
         (conv_self->near, reverse, ybar, xbar), ARRAYS(reverse, ybar, xbar))
FAR_CONV(weight_reverse, (conv * self, const real *x, const real *ybar, real *gradient),
         (conv_self->near, x, ybar, gradient), ARRAYS(x, ybar, gradient))
FAR_CONV(unpack, (conv * self, const real *gradient, real *weightbar), (conv_self->near, gradient, weightbar),
         ARRAYS(gradient, weightbar))

static void conv_far_destroy(conv *self) {
    conv_destroy(&((far_conv *)self)->near);
}

static const conv_ops far_conv_ops = {
    .destroy = conv_far_destroy,
    .pack = conv_far_pack,
    .forward = conv_far_forward,
    .data_reverse = conv_far_data_reverse,
    .weight_reverse = conv_far_weight_reverse,
    .unpack = conv_far_unpack,
};

static status far_conv_create(const backend_ops *self, conv_shape shape, conv_method method, conv_math math,
                              conv **out) {
    const far_backend *far = (const far_backend *)self;
    conv *near = NULL;
    arena memory = {0};
    far_conv *made;
    (void)math; /* the inputs have been rounded */
    TRY(conv_create(far->near, shape, method, MATH_FP32, &near)); /* with workspace of its own */
    cr_assert_eq(ARENA_NEW(&memory, 1, &made), STATUS_OK);
    *made = (far_conv){.base = {.ops = &far_conv_ops,
                                .shape = shape,
                                .forward_reals = conv_forward_reals(near),
                                .reverse_reals = conv_reverse_reals(near),
                                .gradient_reals = conv_gradient_reals(near),
                                .memory = memory},
                       .near = near,
                       .far = self};
    *out = &made->base;
    return STATUS_OK;
}

/* --- Making it --- */

#define OPERATION(name) .name = far_##name

const backend_ops *far_create(const backend_ops *near, size_t bytes) {
    far_backend *far = calloc(1, sizeof *far);
    cr_assert_not_null(far);
    far->near = near;
    far->bytes = bytes;
    far->start = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert(far->start != MAP_FAILED);
    far->table = (backend_ops){
        .name = "far",
        OPERATION(take),
        OPERATION(give_back),
        OPERATION(upload),
        OPERATION(download),
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
        OPERATION(apply_reverse),
        OPERATION(tanh),
        OPERATION(sigmoid),
        OPERATION(elu),
        OPERATION(tanh_reverse),
        OPERATION(elu_reverse),
        OPERATION(images_together),
        OPERATION(conv_create),
        OPERATION(dual_activate),
        OPERATION(dual_reverse),
        OPERATION(bias_add),
        OPERATION(bias_reverse),
        OPERATION(image_products),
        OPERATION(context_bias),
        OPERATION(image_products_reverse),
        OPERATION(context_bias_reverse),
        OPERATION(gate),
        OPERATION(gate_reverse),
        OPERATION(time_reverse),
        OPERATION(logit),
        OPERATION(unlogit),
        OPERATION(squeeze),
        OPERATION(accumulate),
        OPERATION(squares),
    };
    return &far->table;
}

void far_destroy(const backend_ops *self) {
    far_backend *far = (far_backend *)self;
    munmap(far->start, far->bytes);
    free(far);
}

size_t far_taken(const backend_ops *self) {
    return ((const far_backend *)self)->taken;
}

size_t far_waits(const backend_ops *self) {
    return ((const far_backend *)self)->waits;
}
