/* cublas_v2.h - the part of cuBLAS that images_blas.cu uses, for tests without a GPU.
 *
 * cublas_on_host.cpp implements it, as a separate library like the real one. It is loaded only if AFFJORD_CUBLAS names
 * it. */
#ifndef AFFJORD_TESTS_CUBLAS_V2_H
#define AFFJORD_TESTS_CUBLAS_V2_H

#include "cuda_runtime.h"

#define CUBLAS_LIBRARY "none"

struct emulated_cublas;
typedef emulated_cublas *cublasHandle_t;

/* With the values of CUDA 13. */
enum cublasStatus_t {
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_NOT_INITIALIZED = 1,
    CUBLAS_STATUS_INVALID_VALUE = 7,
    CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasMath_t { CUBLAS_DEFAULT_MATH = 0, CUBLAS_PEDANTIC_MATH = 2 };

#define cublasCreate cublasCreate_v2
#define cublasDestroy cublasDestroy_v2
#define cublasGetVersion cublasGetVersion_v2
#define cublasSetStream cublasSetStream_v2
#define cublasSetWorkspace cublasSetWorkspace_v2

extern "C" {
const char *cublasGetStatusString(cublasStatus_t outcome);
cublasStatus_t cublasCreate(cublasHandle_t *out);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasGetVersion(cublasHandle_t handle, int *version);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t a_as, cublasOperation_t b_as, int m,
                                         int n, int k, const float *alpha, const float *a, int lda, long long a_stride,
                                         const float *b, int ldb, long long b_stride, const float *beta, float *c,
                                         int ldc, long long c_stride, int batch);
}

#endif
