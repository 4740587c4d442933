/* conv_own.c - select a kernel from the shape of a convolution.
 *
 * The rule applies to each direction, from `in` to `out` channels; the backward pass to the data goes from the
 * convolution's `out` to its `in`:
 *
 *   few        at most 4 outputs, inputs a multiple of PARTIAL_SUMS: a matrix product would compute 16 outputs
 *   direct     at most 4 inputs or outputs, and images so small that Winograd's tiles save nothing
 *   Winograd   all others
 *
 * The gradient of the weight uses Winograd where the convolution does, and direct otherwise. docs/lab/performance.md
 * has the measurements behind the rule. */
#include "backend/cpu/conv_kinds.h"

typedef enum way_kind { WAY_FEW_CHANNELS, WAY_DIRECT, WAY_WINOGRAD } way_kind;

/* One direction of a convolution; transposed: with the weight rotated by 180 degrees. */
typedef struct conv_way {
    way_kind kind;
    size_t in, out;
    bool transposed;
} conv_way;

typedef struct own_conv {
    conv base;
    const cpu_level_ops *level;
    image_stack stack;
    conv_way forward, backward;
    conv_way gradient; /* its input, the side with fewer channels, is shifted by the taps */
    size_t wide; /* the larger number of channels, rounded up to a multiple of PARTIAL_SUMS */
} own_conv;

/* Winograd needs 36 products a tile, and transforms that cost about as much for few channels. Direct needs one product
 * for each tap inside the image. */
enum { WINOGRAD_WORTH = 1 };

static way_kind kind_of(const image_stack *s, size_t in, size_t out) {
    if (out <= FEW_CHANNELS_MAX && in % PARTIAL_SUMS == 0) return WAY_FEW_CHANNELS;
    if (in <= FEW_CHANNELS_MAX || out <= FEW_CHANNELS_MAX) return WAY_DIRECT;
    const size_t tiles = winograd_tiles(s->height) * winograd_tiles(s->width);
    const size_t taps = (3 * s->height - 2) * (3 * s->width - 2);
    return (size_t)WINOGRAD_WORTH * WINOGRAD_PLACES * tiles < taps ? WAY_WINOGRAD : WAY_DIRECT;
}

static conv_way way_of(const image_stack *s, size_t in, size_t out, bool transposed) {
    return (conv_way){.kind = kind_of(s, in, out), .in = in, .out = out, .transposed = transposed};
}

/* A packed weight is (out, 9, in) for few channels, (9, in, out) for direct, transformed for Winograd. Each is made of
 * runs: the channels of one side, innermost, for one channel k of the other side and all taps. */
typedef struct packed_runs {
    size_t count, length; /* channels k; channels of a run */
    size_t first, distance; /* in the weight (out, in, 9), to the next k and to the next entry of a run */
    size_t to, tap; /* in the packed weight, to the next k and to the next tap */
} packed_runs;

static packed_runs runs_of(const own_conv *self, const conv_way *way) {
    const bool few = way->kind == WAY_FEW_CHANNELS;
    const size_t row = self->base.shape.in * CONV_TAPS; /* of one output in the weight */
    packed_runs runs = {.count = few ? way->out : way->in, .length = few ? way->in : way->out};
    runs.to = few ? CONV_TAPS * way->in : way->out;
    runs.tap = few ? way->in : way->in * way->out;
    /* k counts the convolution's outputs: outputs of the forward pass, inputs of the backward pass. */
    const bool outputs = few != way->transposed;
    runs.first = outputs ? row : CONV_TAPS;
    runs.distance = outputs ? CONV_TAPS : row;
    return runs;
}

static size_t packed_reals(const conv_way *way) {
    return way->kind == WAY_WINOGRAD ? WINOGRAD_PLACES * winograd_weight_stride(way->in, way->out)
                                     : CONV_TAPS * way->in * way->out;
}

/* The lent block as Winograd's workspace, in this order; other kernels use the whole block. */
static size_t winograd_side(const own_conv *self) {
    return WINOGRAD_PLACES *
           winograd_plane_stride(winograd_together(self->wide, winograd_all(&self->stack)), self->wide);
}
static winograd_scratch winograd_of(const own_conv *self) {
    const size_t side = winograd_side(self);
    real *block = self->base.scratch;
    return (winograd_scratch){.together = winograd_together(self->wide, winograd_all(&self->stack)),
                              .left = block,
                              .right = block + side,
                              .weight = block + 2 * side};
}

static void pack_way(const own_conv *self, const conv_way *way, const real *weight, real *packed) {
    const packed_runs runs = runs_of(self, way);
    const cpu_level_ops *level = self->level;
    real *taps = self->base.scratch; /* (9, out) */
    for (size_t k = 0; packed && k < runs.count; k++) {
        const real *from = weight + k * runs.first;
        if (way->kind == WAY_WINOGRAD) {
            level->take_taps(runs.length, from, runs.distance, way->transposed, taps, way->out);
            level->winograd_pack(way->in, way->out, taps, packed + k * round_to_vectors(way->out));
        } else level->take_taps(runs.length, from, runs.distance, way->transposed, packed + k * runs.to, runs.tap);
    }
}

static void own_pack(conv *base, const real *weight, real *forward, real *backward) {
    const own_conv *self = (own_conv *)base;
    pack_way(self, &self->forward, weight, forward);
    pack_way(self, &self->backward, weight, backward);
}

static void convolve(const own_conv *self, const conv_way *way, const real *packed, const real *x, real *y) {
    const cpu_level_ops *level = self->level;
    const image_stack *s = &self->stack;
    const winograd_scratch scratch = winograd_of(self);
    switch (way->kind) {
    case WAY_FEW_CHANNELS: level->few_channels_convolve(s, way->in, way->out, packed, x, y, self->base.scratch); break;
    case WAY_DIRECT: level->direct_convolve(s, way->in, way->out, packed, x, y, self->base.scratch); break;
    case WAY_WINOGRAD: level->winograd_convolve(s, way->in, way->out, packed, x, y, &scratch); break;
    }
}

static void own_forward(conv *base, const real *forward, const real *x, real *y) {
    const own_conv *self = (own_conv *)base;
    convolve(self, &self->forward, forward, x, y);
}

static void own_backward_data(conv *base, const real *backward, const real *ybar, real *xbar) {
    const own_conv *self = (own_conv *)base;
    convolve(self, &self->backward, backward, ybar, xbar);
}

/* A convolution from x to y by w corresponds to one from y to x by the rotated w, with x as ybar: both have the same
 * gradient. */
static void own_backward_weight(conv *base, const real *x, const real *ybar, real *gradient) {
    const own_conv *self = (own_conv *)base;
    const conv_way *way = &self->gradient;
    const real *from = way->transposed ? ybar : x, *bar = way->transposed ? x : ybar;
    const winograd_scratch scratch = winograd_of(self);
    if (way->kind == WAY_WINOGRAD)
        self->level->winograd_outer(&self->stack, way->in, way->out, from, bar, gradient, &scratch);
    else self->level->direct_outer(&self->stack, way->in, way->out, from, bar, gradient, base->scratch);
}

static void own_unpack(conv *base, const real *gradient, real *weightbar) {
    const own_conv *self = (own_conv *)base;
    const packed_runs runs = runs_of(self, &self->gradient);
    for (size_t k = 0; k < runs.count; k++)
        self->level->give_taps(runs.length, gradient + k * runs.to, runs.tap, self->gradient.transposed,
                               weightbar + k * runs.first, runs.distance);
}

static void own_destroy(conv *base) {
    (void)base; /* everything is in the arena */
}

static const conv_ops own_ops = {
    .destroy = own_destroy,
    .pack = own_pack,
    .forward = own_forward,
    .backward_data = own_backward_data,
    .backward_weight = own_backward_weight,
    .unpack = own_unpack,
};

static size_t scratch_of(const own_conv *self, const conv_way *way) {
    const image_stack *s = &self->stack;
    switch (way->kind) {
    case WAY_FEW_CHANNELS: return few_channels_scratch(s, way->out);
    case WAY_DIRECT: return (s->height + 2) * (s->width + 2) * way->in;
    default: return 2 * winograd_side(self) + WINOGRAD_PLACES * winograd_weight_stride(way->in, way->out);
    }
}

static void plan(own_conv *self) {
    conv *base = &self->base;
    const conv_shape s = base->shape;
    self->stack = (image_stack){s.images, s.height, s.width};
    self->wide = round_to_vectors(s.in > s.out ? s.in : s.out);
    self->forward = way_of(&self->stack, s.in, s.out, false);
    self->backward = way_of(&self->stack, s.out, s.in, true);
    self->gradient = s.out < s.in ? self->backward : self->forward;
    if (self->gradient.kind == WAY_FEW_CHANNELS) self->gradient.kind = WAY_DIRECT;
    base->forward_reals = packed_reals(&self->forward);
    base->backward_reals = packed_reals(&self->backward);
    base->gradient_reals = CONV_TAPS * s.in * s.out;
    const conv_way *const ways[] = {&self->forward, &self->backward, &self->gradient};
    for (size_t i = 0; i < 3; i++)
        if (scratch_of(self, ways[i]) > base->scratch_reals) base->scratch_reals = scratch_of(self, ways[i]);
}

status conv_own_create(conv_shape shape, const cpu_level_ops *level, conv **out) {
    arena memory = {0};
    own_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->base = (conv){.ops = &own_ops, .shape = shape, .memory = memory};
    self->level = level;
    plan(self);
    *out = &self->base;
    return STATUS_OK;
}
