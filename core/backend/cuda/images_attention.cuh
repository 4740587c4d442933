/* images_attention.cuh - shared by the two ways to compute self-attention on a device. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_ATTENTION_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_ATTENTION_CUH

#include "backend/cuda/images.cuh"

/* images_attention_blas.cu: with products by cuBLAS. Return whether a shape suits it, and the reals of scratch; the
 * operations of backend.h, for such a shape. */
bool attention_suits_blas(const attention_shape *s);
size_t attention_blas_scratch(const attention_shape *s);
void attention_blas(const backend_ops *self, const attention_shape *s, const real *packed, const real *x, real *y,
                    real *scratch);
void attention_blas_backward(const backend_ops *self, const attention_shape *s, const real *packed, const real *x,
                             real *bar, real *gradient, real *scratch);

/* Threads of a block for a row or a column, by its number of pixels, and its partial sums: a warp has cheaper barriers, and
 * short rows would leave more threads idle. Chosen by the shape alone, because sums depend on it. */
enum { NARROW_THREADS = WARP_THREADS, WIDE_THREADS = REDUCE_THREADS, WIDE_PIXELS = REDUCE_THREADS };

/* Launch the kernel of the right number of threads for each row. */
template <class job>
static inline void attention_rows(const backend_ops *self, size_t pixels, size_t rows, void (*narrow)(job),
                                  void (*wide)(job), const job &given) {
    if (pixels < WIDE_PIXELS) images_launch(self, narrow, rows, NARROW_THREADS, given);
    else images_launch(self, wide, rows, WIDE_THREADS, given);
}

/* own[i] <- the sum of all threads' own[i], added pairwise, for all i at once; all threads get them. */
template <unsigned THREADS, unsigned N>
static __device__ __forceinline__ void block_sums(double (*shared)[THREADS], double (&own)[N]) {
    __syncthreads();
    for (unsigned i = 0; i < N; i++) shared[i][threadIdx.x] = own[i];
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        for (unsigned i = 0; i < N && threadIdx.x < half; i++) shared[i][threadIdx.x] += shared[i][threadIdx.x + half];
    }
    __syncthreads();
    for (unsigned i = 0; i < N; i++) own[i] = shared[i][0];
}

/* Return the largest of all threads' numbers. */
template <unsigned THREADS> static __device__ __forceinline__ float block_largest(double *shared, float own) {
    __syncthreads();
    shared[threadIdx.x] = (double)own;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) shared[threadIdx.x] = fmax(shared[threadIdx.x], shared[threadIdx.x + half]);
    }
    __syncthreads();
    return (float)shared[0];
}

#endif
