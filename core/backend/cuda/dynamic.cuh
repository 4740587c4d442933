/* dynamic.cuh - functions of a library that is loaded at run time. */
#ifndef AFFJORD_BACKEND_CUDA_DYNAMIC_CUH
#define AFFJORD_BACKEND_CUDA_DYNAMIC_CUH

#include <dlfcn.h>
#include <string.h>

/* *out <- a function of a loaded file; return whether the file has it. */
template <class function> static inline bool find_function(void *file, const char *name, function *out) {
    void *symbol = dlsym(file, name);
    memcpy(out, &symbol, sizeof symbol);
    return symbol != NULL;
}

#endif
