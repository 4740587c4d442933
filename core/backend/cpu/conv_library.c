/* conv_library.c - convolutions by oneDNN, one thread a call.
 *
 * The way back to the data is a forward convolution too, by the weights with
 * their channels exchanged and turned by half a circle. oneDNN is told to use
 * one thread: it would otherwise split the sums of a weight's gradient over
 * threads. Images are shared out to threads by the caller. */
#include "backend/cpu/conv_kinds.h"

#ifdef AFFJORD_DOUBLE
typedef int conv_library_is_float_only; /* a file is not empty */
#else

#include <assert.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>

/* A primitive with its memory objects; their addresses are set before a call, where they differ from the last. Those
 * that a call does not give (NULL) were set when the operation was made. */
typedef struct operation {
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_t memories[4];
    int roles[4];
    int count;
} operation;

typedef struct library_conv {
    conv base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    operation forward, data_reverse, weight_reverse;
    operation pack_forward, pack_reverse, unpack;
    real *plain; /* (in, out, 3, 3), weights on their way to data_reverse */
    real *fresh; /* (gradient_reals) of one call, before they are added */
} library_conv;

#define DNNL(call)                                                                                                     \
    do {                                                                                                               \
        const dnnl_status_t dnnl_status_ = (call);                                                                     \
        if (dnnl_status_ == dnnl_out_of_memory) return STATUS_MEMORY;                                                  \
        if (dnnl_status_ != dnnl_success) return STATUS_INVALID;                                                       \
    } while (0)

static void execute(library_conv *self, operation *op, void *const addresses[4]) {
    omp_set_num_threads(1); /* of the calling thread */
    dnnl_exec_arg_t arguments[4];
    for (int i = 0; i < op->count; i++) {
        void *before = NULL;
        dnnl_memory_get_data_handle(op->memories[i], &before);
        if (addresses[i] && addresses[i] != before) dnnl_memory_set_data_handle(op->memories[i], addresses[i]);
        arguments[i] = (dnnl_exec_arg_t){op->roles[i], op->memories[i]};
    }
    const dnnl_status_t done = dnnl_primitive_execute(op->primitive, self->stream, op->count, arguments);
    assert(done == dnnl_success); /* shapes were checked when it was made */
    (void)done;
}

/* Give an operation one more memory; `own` NULL for an address that calls give. */
static status add_memory(library_conv *self, operation *op, int role, const dnnl_memory_desc_t *descriptor, void *own) {
    DNNL(dnnl_memory_create(&op->memories[op->count], descriptor, self->engine, own));
    op->roles[op->count++] = role;
    return STATUS_OK;
}

static size_t reals_of(const dnnl_memory_desc_t *descriptor) {
    return dnnl_memory_desc_get_size(descriptor) / sizeof(real);
}

static status image_descriptor(conv_shape s, size_t channels, dnnl_memory_desc_t *out) {
    const dnnl_dims_t dims = {(dnnl_dim_t)s.images, (dnnl_dim_t)channels, (dnnl_dim_t)s.height, (dnnl_dim_t)s.width};
    DNNL(dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32, dnnl_nhwc));
    return STATUS_OK;
}

static status weight_descriptor(size_t out_channels, size_t in_channels, dnnl_format_tag_t tag,
                                dnnl_memory_desc_t *out) {
    const dnnl_dims_t dims = {(dnnl_dim_t)out_channels, (dnnl_dim_t)in_channels, 3, 3};
    DNNL(dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32, tag));
    return STATUS_OK;
}

static const dnnl_dims_t ones = {1, 1};

static status finish(library_conv *self, operation *op) {
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(op->descriptor, dnnl_query_scratchpad_md, 0);
    real *own;
    DNNL(dnnl_primitive_create(&op->primitive, op->descriptor));
    TRY(ARENA_NEW(&self->base.memory, reals_of(scratch) + 1, &own));
    return add_memory(self, op, DNNL_ARG_SCRATCHPAD, scratch, own);
}

static status make_forward(library_conv *self, operation *op, size_t in, size_t out, dnnl_primitive_attr_t attributes) {
    dnnl_memory_desc_t x, y, w;
    dnnl_convolution_desc_t convolution;
    TRY(image_descriptor(self->base.shape, in, &x));
    TRY(image_descriptor(self->base.shape, out, &y));
    TRY(weight_descriptor(out, in, dnnl_format_tag_any, &w));
    DNNL(dnnl_convolution_forward_desc_init(&convolution, dnnl_forward_training, dnnl_convolution_direct, &x, &w, NULL,
                                            &y, ones, ones, ones));
    DNNL(dnnl_primitive_desc_create(&op->descriptor, &convolution, attributes, self->engine, NULL));
    TRY(add_memory(self, op, DNNL_ARG_SRC, &x, DNNL_MEMORY_NONE));
    TRY(add_memory(self, op, DNNL_ARG_WEIGHTS, dnnl_primitive_desc_query_md(op->descriptor, dnnl_query_weights_md, 0),
                   DNNL_MEMORY_NONE));
    TRY(add_memory(self, op, DNNL_ARG_DST, &y, DNNL_MEMORY_NONE));
    return finish(self, op);
}

static status make_weight_reverse(library_conv *self, dnnl_primitive_attr_t attributes) {
    operation *op = &self->weight_reverse;
    const conv_shape s = self->base.shape;
    dnnl_memory_desc_t x, y, w;
    dnnl_convolution_desc_t convolution;
    TRY(image_descriptor(s, s.in, &x));
    TRY(image_descriptor(s, s.out, &y));
    TRY(weight_descriptor(s.out, s.in, dnnl_format_tag_any, &w));
    DNNL(dnnl_convolution_backward_weights_desc_init(&convolution, dnnl_convolution_direct, &x, &w, NULL, &y, ones,
                                                     ones, ones));
    DNNL(dnnl_primitive_desc_create(&op->descriptor, &convolution, attributes, self->engine, self->forward.descriptor));
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(op->descriptor, dnnl_query_diff_weights_md, 0);
    self->base.gradient_reals = reals_of(packed);
    TRY(ARENA_NEW(&self->base.memory, self->base.gradient_reals, &self->fresh));
    TRY(add_memory(self, op, DNNL_ARG_SRC, &x, DNNL_MEMORY_NONE));
    TRY(add_memory(self, op, DNNL_ARG_DIFF_DST, &y, DNNL_MEMORY_NONE));
    TRY(add_memory(self, op, DNNL_ARG_DIFF_WEIGHTS, packed, self->fresh));
    return finish(self, op);
}

static status make_reorder(library_conv *self, operation *op, const dnnl_memory_desc_t *from,
                           const dnnl_memory_desc_t *to, dnnl_primitive_attr_t attributes) {
    DNNL(dnnl_reorder_primitive_desc_create(&op->descriptor, from, self->engine, to, self->engine, attributes));
    TRY(add_memory(self, op, DNNL_ARG_FROM, from, DNNL_MEMORY_NONE));
    TRY(add_memory(self, op, DNNL_ARG_TO, to, DNNL_MEMORY_NONE));
    return finish(self, op);
}

static status make_all(library_conv *self, dnnl_primitive_attr_t attributes) {
    conv *base = &self->base;
    const size_t in = base->shape.in, out = base->shape.out;
    DNNL(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
    TRY(make_forward(self, &self->forward, in, out, attributes));
    TRY(make_forward(self, &self->data_reverse, out, in, attributes));
    TRY(make_weight_reverse(self, attributes));

    const dnnl_memory_desc_t *forward =
        dnnl_primitive_desc_query_md(self->forward.descriptor, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *reverse =
        dnnl_primitive_desc_query_md(self->data_reverse.descriptor, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *gradient =
        dnnl_primitive_desc_query_md(self->weight_reverse.descriptor, dnnl_query_diff_weights_md, 0);
    base->forward_reals = reals_of(forward);
    base->reverse_reals = reals_of(reverse);
    dnnl_memory_desc_t weight, turned;
    TRY(weight_descriptor(out, in, dnnl_oihw, &weight));
    TRY(weight_descriptor(in, out, dnnl_oihw, &turned));
    TRY(make_reorder(self, &self->pack_forward, &weight, forward, attributes));
    TRY(make_reorder(self, &self->pack_reverse, &turned, reverse, attributes));
    TRY(make_reorder(self, &self->unpack, gradient, &weight, attributes));
    TRY(ARENA_NEW(&base->memory, CONV_TAPS * in * out, &self->plain));
    return STATUS_OK;
}

static status build(library_conv *self) {
    omp_set_num_threads(1); /* the primitives plan their work for one thread */
    DNNL(dnnl_engine_create(&self->engine, dnnl_cpu, 0));
    DNNL(dnnl_stream_create(&self->stream, self->engine, dnnl_stream_default_flags));
    dnnl_primitive_attr_t attributes;
    DNNL(dnnl_primitive_attr_create(&attributes));
    const status made = make_all(self, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return made;
}

/* oneDNN's functions take NULL for what was never made. */
static void destroy_operation(operation *op) {
    for (int i = 0; i < op->count; i++) dnnl_memory_destroy(op->memories[i]);
    if (op->primitive) dnnl_primitive_destroy(op->primitive);
    if (op->descriptor) dnnl_primitive_desc_destroy(op->descriptor);
}

static void library_destroy(conv *base) {
    library_conv *self = (library_conv *)base;
    operation *const all[] = {&self->forward,      &self->data_reverse, &self->weight_reverse,
                              &self->pack_forward, &self->pack_reverse, &self->unpack};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) destroy_operation(all[i]);
    if (self->stream) dnnl_stream_destroy(self->stream);
    if (self->engine) dnnl_engine_destroy(self->engine);
}

static void library_pack(conv *base, const real *weight, real *forward, real *reverse) {
    library_conv *self = (library_conv *)base;
    const size_t in = base->shape.in, out = base->shape.out;
    if (forward) execute(self, &self->pack_forward, (void *const[4]){(void *)weight, forward});
    if (!reverse) return;
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < CONV_TAPS; tap++)
                self->plain[(c * out + o) * CONV_TAPS + CONV_TAPS - 1 - tap] = weight[(o * in + c) * CONV_TAPS + tap];
    execute(self, &self->pack_reverse, (void *const[4]){self->plain, reverse});
}

static void library_forward(conv *base, const real *forward, const real *x, real *y) {
    library_conv *self = (library_conv *)base;
    execute(self, &self->forward, (void *const[4]){(void *)x, (void *)forward, y});
}

static void library_data_reverse(conv *base, const real *reverse, const real *ybar, real *xbar) {
    library_conv *self = (library_conv *)base;
    execute(self, &self->data_reverse, (void *const[4]){(void *)ybar, (void *)reverse, xbar});
}

static void library_weight_reverse(conv *base, const real *x, const real *ybar, real *gradient) {
    library_conv *self = (library_conv *)base;
    execute(self, &self->weight_reverse, (void *const[4]){(void *)x, (void *)ybar});
    for (size_t i = 0; i < base->gradient_reals; i++) gradient[i] += self->fresh[i];
}

static void library_unpack(conv *base, const real *gradient, real *weightbar) {
    library_conv *self = (library_conv *)base;
    execute(self, &self->unpack, (void *const[4]){(void *)gradient, weightbar});
}

static const conv_ops library_ops = {
    .destroy = library_destroy,
    .pack = library_pack,
    .forward = library_forward,
    .data_reverse = library_data_reverse,
    .weight_reverse = library_weight_reverse,
    .unpack = library_unpack,
};

status conv_library_create(conv_shape shape, conv **out) {
    arena memory = {0};
    library_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->base = (conv){.ops = &library_ops, .shape = shape, .memory = memory};
    conv *base = &self->base;
    const status built = build(self);
    if (built != STATUS_OK) {
        conv_destroy(&base);
        return built;
    }
    *out = base;
    return STATUS_OK;
}
#endif
