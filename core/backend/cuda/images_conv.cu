/* images_conv.cu - 3 x 3 convolutions by own kernels: forward, backward to the data, backward to the weight.
 *
 * All three are matrix products whose left factor is gathered from an image on demand. Either rows are pixels and the
 * sum runs over taps and channels in order, or rows are taps and channels and it runs over pixels. Tiles of TILE x TILE
 * results use shared memory. With few channels on a side, most of a tile would be empty, so each thread computes one
 * result. A sum over pixels is divided into a fixed number of parts, which are added in order. Every result has one
 * order of additions on all devices. */
#include "backend/cuda/images_conv.cuh"

#include <string.h>

enum {
    TILE = 64, /* rows and columns of a tile */
    DEPTH = 16, /* terms of the sums in shared memory at a time */
    TILE_THREADS = 256,
    SIDE = 4, /* results of a thread: SIDE x SIDE, */
    STRIDE = TILE / SIDE, /* at this distance in rows and columns */
    WIDE = 16, /* fewest channels for which tiles pay */
    PARTS_MAX = 256, /* of a sum over pixels */
    PART_LEAST = 64, /* fewest pixels of such a part */
    BLOCKS_WANTED = 512 /* enough to keep a device busy */
};

/* --- Gathering --- */

/* An image as the input of a convolution. Indices of pixels fit 32 bits, offsets a size_t. */
struct view {
    unsigned height, width, channels;
    const float *x;

    /* Return the channels at a tap of a pixel; NULL outside the image. */
    __device__ const float *at(unsigned pixel, unsigned tap) const {
        const unsigned column = pixel % width, row = pixel / width % height, u = tap / 3, v = tap % 3;
        const bool inside = row + u >= 1 && row + u <= height && column + v >= 1 && column + v <= width;
        return inside ? x + ((size_t)pixel + (size_t)u * width + v - width - 1) * channels : NULL;
    }
    __device__ float read(unsigned pixel, unsigned tap, unsigned channel) const {
        const float *from = at(pixel, tap);
        return from ? from[channel] : 0;
    }
};

/* Return the first term of a part of a sum. */
template <class product> static __device__ unsigned part_begin(const product &job, unsigned part) {
    return (unsigned)((size_t)part * job.depth / job.parts);
}

/* Return sum + a (n) . b (n), in order; reads four at a time if the start of every pixel is aligned. */
static __device__ float add_dot(unsigned n, const float *a, const float *b, float sum) {
    if (n % 4 != 0) {
        for (unsigned i = 0; i < n; i++) sum = fmaf(a[i], b[i], sum);
        return sum;
    }
    for (unsigned i = 0; i < n; i += 4) {
        const float4 x = *(const float4 *)(a + i), y = *(const float4 *)(b + i);
        sum = fmaf(x.w, y.w, fmaf(x.z, y.z, fmaf(x.y, y.y, fmaf(x.x, y.x, sum))));
    }
    return sum;
}

/* The row and term (or column and term) of a tile that a thread reads, so that neighbouring threads read neighbouring
 * numbers. */
struct place_in_tile {
    unsigned line, term;
};
static __device__ place_in_tile along_terms(unsigned place) {
    return {place / DEPTH, place % DEPTH};
}
static __device__ place_in_tile along_lines(unsigned place) {
    return {place % TILE, place / TILE};
}

/* y (pixels, out) <- the convolution of an image by w (out, 3, 3, in). */
struct gather {
    unsigned rows, columns, depth, parts; /* pixels, out, 9 in, 1 */
    view from;
    const float *w;
    float *y;

    static __device__ place_in_tile left_place(unsigned place) { return along_terms(place); }
    static __device__ place_in_tile right_place(unsigned place) { return along_terms(place); }
    __device__ float left(unsigned i, unsigned p) const { return from.read(i, p / from.channels, p % from.channels); }
    __device__ float right(unsigned p, unsigned j) const { return w[(size_t)j * depth + p]; }
    __device__ float *result(unsigned, unsigned i, unsigned j) const { return y + (size_t)i * columns + j; }
    /* Return one result, summed by one thread: taps, then channels, in the order of a tile. */
    __device__ float dot(unsigned, unsigned i, unsigned j) const {
        float sum = 0;
        for (unsigned tap = 0; tap < CONV_TAPS; tap++) {
            const float *pixel = from.at(i, tap), *weight = w + ((size_t)j * CONV_TAPS + tap) * from.channels;
            if (pixel) sum = add_dot(from.channels, pixel, weight, sum);
        }
        return sum;
    }
};

/* partial (parts, out, 3, 3, in) <- the sums over each part of the pixels of x ybar. */
struct outer {
    unsigned rows, columns, depth, parts; /* 9 in, out, pixels */
    view from;
    const float *ybar;
    float *partial;

    static __device__ place_in_tile left_place(unsigned place) { return along_lines(place); }
    static __device__ place_in_tile right_place(unsigned place) { return along_lines(place); }
    __device__ float left(unsigned i, unsigned p) const { return from.read(p, i / from.channels, i % from.channels); }
    __device__ float right(unsigned p, unsigned j) const { return ybar[(size_t)p * columns + j]; }
    __device__ float *result(unsigned part, unsigned i, unsigned j) const {
        return partial + ((size_t)part * columns + j) * rows + i;
    }
    __device__ float dot(unsigned part, unsigned i, unsigned j) const {
        const unsigned tap = i / from.channels, channel = i % from.channels, end = part_begin(*this, part + 1);
        float sum = 0;
        for (unsigned p = part_begin(*this, part); p < end; p++) {
            const float *pixel = from.at(p, tap);
            if (pixel) sum = fmaf(pixel[channel], right(p, j), sum);
        }
        return sum;
    }
};

/* --- The kernels --- */

template <class product> static __global__ void __launch_bounds__(TILE_THREADS) tile_kernel(product job) {
    __shared__ float left[DEPTH][TILE + 1], right[DEPTH][TILE + 1];
    const unsigned across = (job.columns + TILE - 1) / TILE, down = (job.rows + TILE - 1) / TILE;
    const unsigned column = blockIdx.x % across * TILE, row = blockIdx.x / across % down * TILE;
    const unsigned part = blockIdx.x / across / down;
    const unsigned x = threadIdx.x % STRIDE, y = threadIdx.x / STRIDE;
    const unsigned end = part_begin(job, part + 1);
    float sum[SIDE][SIDE] = {};
    for (unsigned first = part_begin(job, part); first < end; first += DEPTH) {
        for (unsigned place = threadIdx.x; place < TILE * DEPTH; place += TILE_THREADS) {
            const place_in_tile at = product::left_place(place);
            const bool there = row + at.line < job.rows && first + at.term < end;
            left[at.term][at.line] = there ? job.left(row + at.line, first + at.term) : 0;
        }
        for (unsigned place = threadIdx.x; place < TILE * DEPTH; place += TILE_THREADS) {
            const place_in_tile at = product::right_place(place);
            const bool there = column + at.line < job.columns && first + at.term < end;
            right[at.term][at.line] = there ? job.right(first + at.term, column + at.line) : 0;
        }
        __syncthreads();
#pragma unroll
        for (unsigned p = 0; p < DEPTH; p++)
#pragma unroll
            for (unsigned i = 0; i < SIDE; i++)
#pragma unroll
                for (unsigned j = 0; j < SIDE; j++)
                    sum[i][j] = fmaf(left[p][y + i * STRIDE], right[p][x + j * STRIDE], sum[i][j]);
        __syncthreads();
    }
#pragma unroll
    for (unsigned i = 0; i < SIDE; i++)
#pragma unroll
        for (unsigned j = 0; j < SIDE; j++)
            if (row + y + i * STRIDE < job.rows && column + x + j * STRIDE < job.columns)
                *job.result(part, row + y + i * STRIDE, column + x + j * STRIDE) = sum[i][j];
}

/* One thread for each result. */
template <class product> struct product_one {
    product job;
    __device__ void operator()(size_t at) const {
        const unsigned j = (unsigned)(at % job.columns), i = (unsigned)(at / job.columns % job.rows);
        const unsigned part = (unsigned)(at / job.columns / job.rows);
        *job.result(part, i, j) = job.dot(part, i, j);
    }
};

template <class product> static void multiply(const backend_ops *self, bool tiled, const product &job) {
    const size_t across = (job.columns + TILE - 1) / TILE, down = (job.rows + TILE - 1) / TILE;
    if (tiled) images_launch(self, tile_kernel<product>, across * down * job.parts, TILE_THREADS, job);
    else images_each(self, (size_t)job.rows * job.columns * job.parts, product_one<product>{job});
}

/* gradient (n) += the parts in their order. */
struct add_parts {
    size_t n, parts;
    const float *partial;
    float *gradient;
    __device__ void operator()(size_t i) const {
        float sum = partial[i];
        for (size_t part = 1; part < parts; part++) sum += partial[part * n + i];
        gradient[i] += sum;
    }
};

/* --- Packing: (out, 3, 3, in), and for the backward pass (in, 3, 3, out), rotated by 180 degrees, so that the gradient
 * of the input is a convolution too. cuDNN's convolutions use the same layout, so packed weights serve both. --- */

struct pack_one {
    size_t in, out;
    const float *weight;
    float *forward, *backward;
    __device__ void operator()(size_t at) const {
        const size_t tap = at % CONV_TAPS, c = at / CONV_TAPS % in, o = at / CONV_TAPS / in;
        if (forward) forward[(o * CONV_TAPS + tap) * in + c] = weight[at];
        if (backward) backward[(c * CONV_TAPS + CONV_TAPS - 1 - tap) * out + o] = weight[at];
    }
};
void images_conv_pack(const backend_ops *device, const conv_shape &s, const real *weight, real *forward,
                      real *backward) {
    images_each(device, images_conv_weights(s), pack_one{s.in, s.out, weight, forward, backward});
}

struct unpack_one {
    size_t in;
    const float *gradient;
    float *weightbar;
    __device__ void operator()(size_t at) const {
        const size_t tap = at % CONV_TAPS, c = at / CONV_TAPS % in, o = at / CONV_TAPS / in;
        weightbar[at] = gradient[(o * CONV_TAPS + tap) * in + c];
    }
};
void images_conv_unpack(const backend_ops *device, const conv_shape &s, const real *gradient, real *weightbar) {
    images_each(device, images_conv_weights(s), unpack_one{s.in, gradient, weightbar});
}

void images_conv_add(const backend_ops *device, size_t n, size_t parts, const real *partial, real *gradient) {
    images_each(device, n, add_parts{n, parts, partial, gradient});
}

/* --- The object --- */

typedef struct own_conv {
    conv base;
    const backend_ops *device;
    unsigned pixels; /* of all images */
    unsigned parts; /* of the sums over them */
    float *partial; /* (parts, out, 3, 3, in) on the device */
} own_conv;

static void own_pack(conv *self, const real *weight, real *forward, real *backward) {
    images_conv_pack(((own_conv *)self)->device, self->shape, weight, forward, backward);
}

static void own_unpack(conv *self, const real *gradient, real *weightbar) {
    images_conv_unpack(((own_conv *)self)->device, self->shape, gradient, weightbar);
}

static void convolve(const own_conv *self, size_t in, size_t out, const float *w, const float *x, float *y) {
    const conv_shape &s = self->base.shape;
    const view from = {(unsigned)s.height, (unsigned)s.width, (unsigned)in, x};
    multiply(self->device, out >= WIDE, gather{self->pixels, (unsigned)out, (unsigned)(CONV_TAPS * in), 1, from, w, y});
}

static void own_forward(conv *self, const real *forward, const real *x, real *y) {
    convolve((own_conv *)self, self->shape.in, self->shape.out, forward, x, y);
}
static void own_backward_data(conv *self, const real *backward, const real *ybar, real *xbar) {
    convolve((own_conv *)self, self->shape.out, self->shape.in, backward, ybar, xbar);
}

/* Return whether the gradient of a weight uses tiles. */
static bool tiles_weights(const conv_shape &s) {
    return s.in >= WIDE && s.out >= WIDE;
}

static void own_backward_weight(conv *base, const real *x, const real *ybar, real *gradient) {
    const own_conv *self = (own_conv *)base;
    const conv_shape &s = base->shape;
    const view from = {(unsigned)s.height, (unsigned)s.width, (unsigned)s.in, x};
    multiply(
        self->device, tiles_weights(s),
        outer{(unsigned)(CONV_TAPS * s.in), (unsigned)s.out, self->pixels, self->parts, from, ybar, self->partial});
    images_conv_add(self->device, images_conv_weights(s), self->parts, self->partial, gradient);
}

static void own_destroy(conv *) {
    /* everything is in the arena */
}

static const conv_ops own_ops = {own_destroy,         own_pack,  own_forward, own_backward_data,
                                 own_backward_weight, own_unpack};

static void release(const void *owner, void *block) {
    const backend_ops *device = (const backend_ops *)owner;
    device->release(device, block);
}

status images_conv_reals(const backend_ops *device, arena *memory, size_t count, float **out) {
    void *block;
    TRY(device->alloc(device, count * sizeof(float), &block));
    const status noted = arena_adopt(memory, block, count * sizeof(float), release, device);
    if (noted != STATUS_OK) device->release(device, block);
    else *out = (float *)block;
    return noted;
}

/* Return the number of parts that keeps the device busy with enough work for each. */
static size_t parts_of(const conv_shape &s, size_t pixels) {
    const size_t weights = images_conv_weights(s);
    const size_t blocks = tiles_weights(s) ? ((CONV_TAPS * s.in + TILE - 1) / TILE) * ((s.out + TILE - 1) / TILE)
                                           : (weights + BLOCK_THREADS - 1) / BLOCK_THREADS;
    size_t parts = (BLOCKS_WANTED + blocks - 1) / blocks;
    if (parts > (pixels + PART_LEAST - 1) / PART_LEAST) parts = (pixels + PART_LEAST - 1) / PART_LEAST;
    return parts < PARTS_MAX ? parts : (size_t)PARTS_MAX;
}

status images_conv_own(const backend_ops *device, conv_shape shape, conv **out) {
    const size_t pixels = shape.images * shape.height * shape.width, weights = images_conv_weights(shape);
    if (pixels > UINT32_MAX / 2 || weights > UINT32_MAX / 2) return STATUS_INVALID;
    arena memory = {};
    own_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->device = device;
    self->pixels = (unsigned)pixels;
    self->parts = (unsigned)parts_of(shape, pixels);
    const status taken = images_conv_reals(device, &memory, self->parts * weights, &self->partial);
    if (taken != STATUS_OK) {
        arena_release(&memory);
        return taken;
    }
    self->base.ops = &own_ops;
    self->base.shape = shape;
    self->base.forward_reals = self->base.backward_reals = self->base.gradient_reals = weights;
    self->base.memory = memory;
    *out = &self->base;
    return STATUS_OK;
}

/* Use own kernels for a shape that cuDNN does not take; other errors are returned. */
status images_conv_create(const backend_ops *self, conv_shape shape, conv_method method, conv_math math, conv **out) {
    cuda_backend *device = images_device(self);
    plan_kind *kind = plan_book_find(&device->plans, shape, math);
    if (!kind) return STATUS_MEMORY;
    const bool began_own = plan_kind_began_own(kind);
    device->convolutions++;
    if (method != CONV_REFERENCE && device->library && !began_own) {
        const status made = images_conv_cudnn(self, shape, math, kind, out);
        if (made != STATUS_INVALID) return made;
    }
    device->own++;
    device->began_own += began_own;
    plan_kind_use_own(kind);
    return images_conv_own(self, shape, out);
}
