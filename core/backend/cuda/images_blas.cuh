/* images_blas.cuh - products of matrices by cuBLAS, for shapes that suit it. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_BLAS_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_BLAS_CUH

#include "backend/cuda/images.cuh"

/* A factor: matrices of a batch, in rows. `transposed`: what is stored is the transpose of the factor. */
typedef struct blas_factor {
    const float *x;
    size_t row, stride; /* from a stored row to the next, and from a matrix to the next; 0: the same for the batch */
    size_t transposed; /* 0 or 1 (no padding, because steps are compared by their bytes) */
} blas_factor;

/* c (m, n) <- alpha a (m, k) b (k, n) + beta c, for each of `batch`. All sizes are below 2^31. */
typedef struct blas_product {
    size_t m, n, k, batch;
    double alpha, beta; /* rounded to float */
    blas_factor a, b;
    float *c;
    size_t row, stride; /* of c */
} blas_product;

/* Return whether cuBLAS computes an operation whose shape suits it, and record that under the operation's name. False if
 * cuBLAS cannot be used, or if a resumed run began with own kernels. The library is opened at the first call. */
bool images_blas_takes(const backend_ops *self, const char *operation);

/* Compute a product. cuBLAS must have been opened. */
void images_blas_multiply(const backend_ops *self, const blas_product &job);

/* The function images_products of the library's table (device_table.h). */
bool images_products(const backend_ops *backend, error_info *which);

#endif
