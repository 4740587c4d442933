/* errors.cuh - what the CUDA runtime says, as statuses and sentences. */
#ifndef AFFJORD_BACKEND_CUDA_ERRORS_CUH
#define AFFJORD_BACKEND_CUDA_ERRORS_CUH

#include <cuda_runtime.h>

#include "base/status.h"

/* STATUS_OK for cudaSuccess; otherwise a status, and into `why` what was tried and what the runtime said. */
static inline status cuda_outcome(cudaError_t code, const char *tried, failure *why) {
    if (code == cudaSuccess) return STATUS_OK;
    cudaGetLastError(); /* one that can be cleared is told once */
    return fail(why, code == cudaErrorMemoryAllocation ? STATUS_MEMORY : STATUS_IO, "CUDA: %s: %s", tried,
                cudaGetErrorString(code));
}

/* TRY_CUDA(cudaMemcpy(...), "copying", why) */
#define TRY_CUDA(call, tried, why) TRY(cuda_outcome(call, tried, why))

#endif
