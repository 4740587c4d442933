/* images_blas.cu - products of matrices by cuBLAS.
 *
 * cuBLAS is loaded when the first product suits it, not linked, because the program and the training of points do not
 * need it. Without it, own kernels compute the same products, and a remark is printed. AFFJORD_CUBLAS names another file
 * than the libcublas.so of the CUDA version of the headers, or "none".
 *
 * Results repeat: there is one stream, whose workspace has a fixed size and place; pedantic math excludes tensor cores
 * and emulated arithmetic; atomic additions are off by default (cublasSetAtomicsMode). The operations that use it choose
 * by their shape alone. What computed an operation is recorded with the plans of the convolutions (images_plans.cuh). */
#include "backend/cuda/images_blas.cuh"

#include <stdio.h>
#include <stdlib.h>

#include "backend/cuda/dynamic.cuh"

#if __has_include(<cublas_v2.h>)

#include <cublas_v2.h>

#ifndef CUBLAS_LIBRARY
#define TEXT_OF(number) #number
#define LIBRARY_OF(version) "libcublas.so." TEXT_OF(version)
#define CUBLAS_LIBRARY LIBRARY_OF(CUBLAS_VER_MAJOR)
#endif

enum { VERSION_LEAST = 120000, WORKSPACE = 1 << 25 /* bytes: what NVIDIA recommends for an H100 */ };

struct cublas {
    void *file;
    cublasHandle_t handle;
    void *workspace; /* (WORKSPACE) on the device */
    decltype(&cublasCreate) create;
    decltype(&cublasDestroy) destroy;
    decltype(&cublasGetVersion) version;
    decltype(&cublasGetStatusString) describe;
    decltype(&cublasSetStream) set_stream;
    decltype(&cublasSetWorkspace) set_workspace;
    decltype(&cublasSetMathMode) set_math;
    decltype(&cublasSgemmStridedBatched) multiply;
};

/* --- The library --- */

/* Functions with a second version have it in their symbol. */
static bool find_all(cublas *library) {
    void *file = library->file;
    return find_function(file, "cublasCreate_v2", &library->create) &&
           find_function(file, "cublasDestroy_v2", &library->destroy) &&
           find_function(file, "cublasGetVersion_v2", &library->version) &&
           find_function(file, "cublasGetStatusString", &library->describe) &&
           find_function(file, "cublasSetStream_v2", &library->set_stream) &&
           find_function(file, "cublasSetWorkspace_v2", &library->set_workspace) &&
           find_function(file, "cublasSetMathMode", &library->set_math) &&
           find_function(file, "cublasSgemmStridedBatched", &library->multiply);
}

/* Initialise a loaded library, *version <- its version; return the problem, or NULL if there is none. Setting the stream
 * resets the workspace, so it comes first. */
static const char *begin(cublas *library, cudaStream_t stream, int *version) {
    if (!find_all(library)) return "functions of cuBLAS are missing";
    cublasStatus_t outcome = library->create(&library->handle);
    if (outcome != CUBLAS_STATUS_SUCCESS) {
        library->handle = NULL;
        return library->describe(outcome);
    }
    outcome = library->version(library->handle, version);
    if (outcome == CUBLAS_STATUS_SUCCESS && *version < (int)VERSION_LEAST)
        return "expected cuBLAS 12 or newer, found an older version";
    if (cudaMalloc(&library->workspace, WORKSPACE) != cudaSuccess) {
        cudaGetLastError();
        library->workspace = NULL;
        return "out of memory for its workspace";
    }
    if (outcome == CUBLAS_STATUS_SUCCESS) outcome = library->set_stream(library->handle, stream);
    if (outcome == CUBLAS_STATUS_SUCCESS)
        outcome = library->set_workspace(library->handle, library->workspace, WORKSPACE);
    if (outcome == CUBLAS_STATUS_SUCCESS) outcome = library->set_math(library->handle, CUBLAS_PEDANTIC_MATH);
    return outcome == CUBLAS_STATUS_SUCCESS ? NULL : library->describe(outcome);
}

static void open_blas(cuda_backend *device) {
    const char *given = getenv("AFFJORD_CUBLAS"), *name = given ? given : CUBLAS_LIBRARY;
    cublas *library = strcmp(name, "none") != 0 ? (cublas *)calloc(1, sizeof *library) : NULL;
    int version = 0;
    if (!library) {
        error_describe(&device->blas_remark, "AFFJORD_CUBLAS = none");
        return;
    }
    library->file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    const char *wrong = library->file ? begin(library, device->stream, &version) : dlerror();
    device->blas = library;
    if (!wrong) {
        error_describe(&device->blas_remark, "cuBLAS %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
        return;
    }
    error_describe(&device->blas_remark, "cuBLAS cannot be used: %s: %.600s", name, wrong);
    images_blas_close(device);
}

void images_blas_close(cuda_backend *device) {
    cublas *library = device->blas;
    if (!library) return;
    if (library->handle) library->destroy(library->handle);
    cudaFree(library->workspace); /* which waits for kernels that use it */
    free(library); /* the file stays loaded, as cuDNN's does */
    device->blas = NULL;
}

/* --- Products --- */

/* cuBLAS stores columns. Read by columns, our matrices are transposed, and so is the product: cT = bT aT. */
void images_blas_multiply(const backend_ops *self, const blas_product &job) {
    const cublas *library = images_device(self)->blas;
    const float alpha = (float)job.alpha, beta = (float)job.beta;
    if (images_device(self)->launch_mode == LAUNCH_RECORD) {
        images_record_launch(self, library->handle, 0, 0, &job, sizeof job);
        return;
    }
    const cublasStatus_t outcome = library->multiply(
        library->handle, job.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, job.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
        (int)job.n, (int)job.m, (int)job.k, &alpha, job.b.x, (int)job.b.row, (long long)job.b.stride, job.a.x,
        (int)job.a.row, (long long)job.a.stride, &beta, job.c, (int)job.row, (long long)job.stride, (int)job.batch);
    if (outcome != CUBLAS_STATUS_SUCCESS) images_fail(self, "cuBLAS: multiplying matrices", library->describe(outcome));
}

#else /* compiled without cuBLAS's headers */

static void open_blas(cuda_backend *device) {
    error_describe(&device->blas_remark, "cuBLAS's headers were missing when libaffjord_cuda.so was compiled");
}
void images_blas_close(cuda_backend *) {}
void images_blas_multiply(const backend_ops *, const blas_product &) {}

#endif

/* --- Which operations --- */

bool images_blas_takes(const backend_ops *self, const char *operation) {
    cuda_backend *device = images_device(self);
    plan_kind *kind = plan_book_find_named(&device->plans, operation);
    if (!kind) return false;
    if (kind->used) return strcmp(kind->plans[WAY_FORWARD], device->blas_remark.text) == 0;
    if (!device->blas_remark.text[0]) open_blas(device);
    const bool began_own = plan_kind_began_own(kind), takes = device->blas && !began_own;
    device->products++;
    device->products_own += !takes;
    device->products_began_own += began_own;
    if (takes) plan_kind_use(kind, device->blas_remark.text);
    else plan_kind_use_own(kind);
    return takes;
}

bool images_products(const backend_ops *self, error_info *which) {
    const cuda_backend *device = images_device(self);
    const unsigned began = device->products_began_own;
    *which = device->blas_remark;
    if (began > 0)
        error_describe(which, "the run began with them for %u of %u operations, and keeps them", began,
                       device->products);
    return device->products_own == 0;
}
