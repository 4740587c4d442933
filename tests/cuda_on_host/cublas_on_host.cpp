/* cublas_on_host.cpp - products of matrices in plain loops behind cuBLAS's functions, for tests.
 *
 * It obeys the arguments exactly: columns with leading dimensions, strides, transposes, alpha and beta. It refuses what
 * cuBLAS refuses: leading dimensions that are too small, sizes that are not positive, and results that overlap. It also refuses a handle
 * without a stream, without a workspace (which setting a stream resets), or with other than pedantic math, because results
 * of the real one might then not repeat.
 *
 *   AFFJORD_EMULATED_CUBLAS=old    the version is that of cuBLAS 11
 *   AFFJORD_EMULATED_CUBLAS=newer  the next version, which sums in reverse order
 *   AFFJORD_EMULATED_CUBLAS=broken no product can be computed
 *   AFFJORD_EMULATED_CUBLAS=alone  no product can be captured into a graph */
#include "cublas_v2.h"

#include <stdlib.h>

#define SHOWN __attribute__((visibility("default")))

struct emulated_cublas {
    cudaStream_t stream;
    unsigned char *workspace;
    size_t bytes;
    cublasMath_t math;
};

static int living; /* handles */
static size_t products; /* computed or captured */

static bool is_mode(const char *name) {
    const char *text = getenv("AFFJORD_EMULATED_CUBLAS");
    return text && strcmp(text, name) == 0;
}

/* One matrix (rows, columns) stored by columns, or its transpose. */
struct matrix {
    const float *x;
    size_t distance; /* between columns */
    bool transposed;
    float at(size_t i, size_t j) const { return transposed ? x[i * distance + j] : x[j * distance + i]; }
};

static bool fits(cublasOperation_t as, int rows, int columns, int distance) {
    const int stored = as == CUBLAS_OP_T ? columns : rows;
    return distance >= stored && distance >= 1;
}

/* Whether the results of a batch are apart: each in its own range, or side by side within the columns. */
static bool apart(int m, int n, int ldc, long long stride, int batch) {
    if (batch == 1) return true;
    if (stride >= (long long)ldc * (n - 1) + m) return true;
    return stride >= m && (batch - 1) * stride + m <= ldc;
}

extern "C" {
SHOWN int emulated_cublas_living(void) {
    return living;
}
SHOWN size_t emulated_cublas_products(void) {
    return products;
}

SHOWN const char *cublasGetStatusString(cublasStatus_t outcome) {
    return outcome == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_NOT_SUPPORTED";
}

SHOWN cublasStatus_t cublasCreate(cublasHandle_t *out) {
    *out = new emulated_cublas();
    living++;
    return CUBLAS_STATUS_SUCCESS;
}
SHOWN cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    delete handle;
    living--;
    return CUBLAS_STATUS_SUCCESS;
}
SHOWN cublasStatus_t cublasGetVersion(cublasHandle_t, int *version) {
    *version = is_mode("old") ? 111103 : is_mode("newer") ? 130200 : 130100;
    return CUBLAS_STATUS_SUCCESS;
}
SHOWN cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    handle->workspace = NULL;
    return CUBLAS_STATUS_SUCCESS;
}
SHOWN cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes) {
    if ((uintptr_t)workspace % 256 != 0) return CUBLAS_STATUS_INVALID_VALUE;
    handle->workspace = (unsigned char *)workspace;
    handle->bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
}
SHOWN cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
}

SHOWN cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t a_as, cublasOperation_t b_as,
                                               int m, int n, int k, const float *alpha, const float *a, int lda,
                                               long long a_stride, const float *b, int ldb, long long b_stride,
                                               const float *beta, float *c, int ldc, long long c_stride, int batch) {
    if (!handle->stream || !handle->workspace || handle->math != CUBLAS_PEDANTIC_MATH || is_mode("broken"))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (m < 1 || n < 1 || k < 1 || batch < 1 || !fits(a_as, m, k, lda) || !fits(b_as, k, n, ldb) || ldc < m ||
        !apart(m, n, ldc, c_stride, batch))
        return CUBLAS_STATUS_INVALID_VALUE;
    const bool a_transposed = a_as == CUBLAS_OP_T, b_transposed = b_as == CUBLAS_OP_T, reverse = is_mode("newer");
    const float by = *alpha, keep = *beta; /* read when called, as the real one does in a capture */
    unsigned char *const workspace = handle->workspace;
    const emulated_work work = [=]() {
        memset(workspace, 0xff, 1000);
        for (size_t one = 0; one < (size_t)batch; one++) {
            const matrix left = {a + (ptrdiff_t)one * a_stride, (size_t)lda, a_transposed};
            const matrix right = {b + (ptrdiff_t)one * b_stride, (size_t)ldb, b_transposed};
            float *to = c + (ptrdiff_t)one * c_stride;
            for (size_t j = 0; j < (size_t)n; j++)
                for (size_t i = 0; i < (size_t)m; i++) {
                    float sum = 0, *result = to + j * (size_t)ldc + i;
                    for (size_t l = 0; l < (size_t)k; l++) {
                        const size_t p = reverse ? (size_t)k - 1 - l : l;
                        sum += left.at(i, p) * right.at(p, j);
                    }
                    *result = keep != 0 ? by * sum + keep * *result : by * sum; /* with beta 0, c may be NaN */
                }
        }
        return cudaSuccess;
    };
    products++;
    if (handle->stream->graph && is_mode("alone")) {
        handle->stream->broken = true;
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (handle->stream->graph) handle->stream->add(handle->stream, work);
    else work();
    return CUBLAS_STATUS_SUCCESS;
}
}
