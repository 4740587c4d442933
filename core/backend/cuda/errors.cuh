/* errors.cuh - convert errors of the CUDA runtime to statuses and messages. */
#ifndef AFFJORD_BACKEND_CUDA_ERRORS_CUH
#define AFFJORD_BACKEND_CUDA_ERRORS_CUH

#include <cuda_runtime.h>

#include "base/status.h"

/* Return STATUS_OK for cudaSuccess; otherwise a status, with the attempted operation and the runtime's message in
 * `err`. */
static inline status cuda_outcome(cudaError_t code, const char *tried, error_info *err) {
    if (code == cudaSuccess) return STATUS_OK;
    cudaGetLastError(); /* report an error that can be cleared only once */
    return error_set(err, code == cudaErrorMemoryAllocation ? STATUS_MEMORY : STATUS_IO, "CUDA: %s: %s", tried,
                     cudaGetErrorString(code));
}

/* TRY_CUDA(cudaMemcpy(...), "copying", why) */
#define TRY_CUDA(call, tried, err) TRY(cuda_outcome(call, tried, err))

#endif
