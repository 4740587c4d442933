/* device_table.h - the interface of a device library, a table of functions in plain C.
 *
 * The program loads the library at run time (backend/device.c) and gets the table from its only symbol. It refuses a
 * table of another version before it reads any other field. The library belongs to the float build, so a real is a
 * float. Every function returns a status and, on failure, a message. */
#ifndef AFFJORD_BACKEND_DEVICE_TABLE_H
#define AFFJORD_BACKEND_DEVICE_TABLE_H

#include <stdbool.h>

#include "backend/backend.h"
#include "backend/fused_kernel_spec.h"
#include "base/real.h"
#include "base/status.h"

enum { DEVICE_TABLE_VERSION = 7 };

typedef struct device_about {
    char name[256];
    char driver[32]; /* the newest CUDA version that the installed driver supports, such as "13.0" */
    int major, minor; /* compute capability */
    int processors; /* streaming multiprocessors */
    size_t shared; /* bytes of shared memory available to a block */
    size_t memory, available; /* bytes in total, and free at present */
} device_about;

/* Runs with one specification, trained side by side on a device. */
typedef struct fused_runs fused_runs;

typedef struct device_table {
    uint32_t version; /* DEVICE_TABLE_VERSION; always first */
    const char *architectures; /* compiled architectures, such as "sm_80 sm_90" */

    /* *count <- the number of devices, at least one. Errors: STATUS_IO if there is no driver, a driver that is too old,
     * or no device. */
    status (*count)(int *count, error_info *err);

    /* Describe a device. Errors: STATUS_INVALID if it does not exist or no code was compiled for it. */
    status (*describe)(int device, device_about *out, error_info *err);

    /* Create `runs` runs of at most `block` iterations a launch each. The caller owns *out. Errors: STATUS_MEMORY with
     * the needed and free bytes, STATUS_INVALID for a model that exceeds the device's limits. */
    status (*toy_create)(int device, const fused_kernel_spec *spec, size_t runs, size_t block, fused_runs **out,
                         error_info *err);
    void (*toy_destroy)(fused_runs **group);

    /* Return the bytes of device memory for one run. */
    size_t (*toy_bytes)(const fused_kernel_spec *spec, size_t block);

    /* Set the path of the time (E), the same for all runs; not for an augmented context. */
    status (*toy_path)(fused_runs *group, const real *path, error_info *err);

    /* Set and get the parameters and Adam's moments of a run, (P) each. */
    status (*toy_put)(fused_runs *group, size_t run, const real *params, const real *first, const real *second,
                      error_info *err);
    status (*toy_get)(fused_runs *group, size_t run, real *params, real *first, real *second, error_info *err);

    /* Set x (holdout[which], D), a holdout batch of a run. */
    status (*toy_set_holdout)(fused_runs *group, size_t run, size_t which, const real *x, error_info *err);

    /* Return the host memory for the batches (block, n, D) of a run. There are two buffers, `place` 0 and 1: fill one
     * while a launch uses the other. */
    real *(*toy_batches)(fused_runs *group, size_t place, size_t run);

    /* Begin a launch with launches (runs), adam (runs, block) and the batches of `place`. Returns at once. */
    status (*toy_begin)(fused_runs *group, size_t place, const run_launch *launches, const toy_adam *adam,
                        error_info *err);

    /* Wait for the launch; launches (runs) <- its results, losses (runs, block) <- those of its iterations. */
    status (*toy_end)(fused_runs *group, run_launch *launches, double *losses, error_info *err);

    /* log_density (holdout[which]) <- that of a run's holdout batch, after a launch that measured it. */
    status (*toy_measured)(fused_runs *group, size_t run, size_t which, double *log_density, error_info *err);

    /* Open the operations of backend.h on a device. toy_* are NULL, because points train by the functions above. For
     * one thread. The caller owns *out and closes it after its last array is released. Errors: those of `describe`,
     * STATUS_MEMORY. */
    status (*images_open)(int device, const backend_ops **out, error_info *err);

    /* Return the first error of an operation since opening, because operations return no status; STATUS_OK if none has
     * been detected. After an error, downloaded numbers are NaN, and is_finite returns false. */
    status (*images_state)(const backend_ops *backend, error_info *err);

    /* Return whether cuDNN computes all convolutions so far: *which <- its version, or why some use the library's own
     * kernels. */
    bool (*images_library)(const backend_ops *backend, error_info *which);

    /* Return whether cuBLAS computes all operations so far that suit it: *which <- its version, "" if there were none, or
     * why own kernels do. */
    bool (*images_products)(const backend_ops *backend, error_info *which);

    /* Return whether the device repeats the steps of a solve by itself: *which <- the reason if not. */
    bool (*images_graphs)(const backend_ops *backend, error_info *which);

    /* Set the plans of an earlier process, in the format of images_plans; new convolutions try these first. Errors:
     * STATUS_MEMORY. */
    status (*images_recall)(const backend_ops *backend, const char *plans, error_info *err);

    /* Return the plans of all kinds of convolutions so far, a line "convolution\tway\tplan\n" for each way: forward,
     * data, weight; and those of operations that suit cuBLAS, with a name for the convolution. NULL if out of memory; valid until the next call on this backend. */
    const char *(*images_plans)(const backend_ops *backend);

    /* Return the bytes of device memory that a model needs at least, if an allocation has failed since opening; else 0. */
    size_t (*images_needed)(const backend_ops *backend);

    /* Close a device and set *backend to NULL; it may be NULL already. */
    void (*images_close)(const backend_ops **backend);
} device_table;

/* The library's only symbol. */
#define DEVICE_TABLE_SYMBOL "affjord_device_table"
typedef const device_table *device_table_function(void);

#endif
