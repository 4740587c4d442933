/* device_table.h - what the library of a device offers, as a table of functions in plain C.
 *
 * The program opens the library at run time (backend/device.c) and asks its one symbol for the table. A table of
 * another version is refused before anything else of it is read. The library is of the float build, so a real is a float.
 * Every function returns a status and, on failure, a sentence. */
#ifndef AFFJORD_BACKEND_DEVICE_TABLE_H
#define AFFJORD_BACKEND_DEVICE_TABLE_H

#include <stdbool.h>

#include "backend/backend.h"
#include "backend/toy_program.h"
#include "base/real.h"
#include "base/status.h"

enum { DEVICE_TABLE_VERSION = 5 };

typedef struct device_about {
    char name[256];
    char driver[32]; /* the newest CUDA that the installed driver can run, as in "13.0" */
    int major, minor; /* compute capability */
    int processors; /* streaming multiprocessors */
    size_t shared; /* bytes of shared memory that a block may have */
    size_t memory, available; /* bytes in all, and free at the moment */
} device_about;

/* Runs of one program on a device, trained side by side. */
typedef struct toy_fleet toy_fleet;

typedef struct device_table {
    uint32_t version; /* DEVICE_TABLE_VERSION; always first */
    const char *architectures; /* compiled for, as in "sm_80 sm_90" */

    /* *count <- devices, at least one. STATUS_IO: no driver, one that is too old, or no device. */
    status (*count)(int *count, failure *why);

    /* Errors: STATUS_INVALID for a device that is not there or that nothing was compiled for. */
    status (*describe)(int device, device_about *out, failure *why);

    /* A fleet of so many runs, each of at most `block` iterations a launch. The caller owns *out. Errors:
     * STATUS_MEMORY with what was needed and what is free, STATUS_INVALID for a program that the device cannot hold. */
    status (*toy_create)(int device, const toy_program *program, size_t runs, size_t block, toy_fleet **out,
                         failure *why);
    void (*toy_destroy)(toy_fleet **fleet);

    /* Bytes on the device that one run of a fleet takes. */
    size_t (*toy_bytes)(const toy_program *program, size_t block);

    /* The clock's path (E), the same for all runs; not for an augmented context. */
    status (*toy_path)(toy_fleet *fleet, const real *path, failure *why);

    /* Parameters and Adam's moments of a run, (P) each. */
    status (*toy_put)(toy_fleet *fleet, size_t run, const real *params, const real *first, const real *second,
                      failure *why);
    status (*toy_get)(toy_fleet *fleet, size_t run, real *params, real *first, real *second, failure *why);

    /* x (held[which], D), a batch of a run that is only measured. */
    status (*toy_hold)(toy_fleet *fleet, size_t run, size_t which, const real *x, failure *why);

    /* Memory of the host from which a launch takes the batches (block, n, D) of a run. There are two such places, 0 and
     * 1, so that one is filled while the other is used. */
    real *(*toy_batches)(toy_fleet *fleet, size_t place, size_t run);

    /* Begin a launch: orders (runs), adam (runs, block), batches from `place`. Returns at once. */
    status (*toy_begin)(toy_fleet *fleet, size_t place, const toy_order *orders, const toy_adam *adam, failure *why);

    /* Wait for it. orders (runs) as they became; losses (runs, block) of the iterations done. */
    status (*toy_end)(toy_fleet *fleet, toy_order *orders, double *losses, failure *why);

    /* log_density (held[which]) of a run's held batch, after a launch that measured. */
    status (*toy_measured)(toy_fleet *fleet, size_t run, size_t which, double *log_density, failure *why);

    /* The operations of backend.h on a device, but toy_*, which are NULL: points are a fleet's. For one thread. The
     * caller owns *out, and closes it after all that was taken from it was given back. Errors: as for `describe`,
     * STATUS_MEMORY. */
    status (*images_open)(int device, const backend_ops **out, failure *why);

    /* The first failure of an operation since it was opened, as operations themselves return none: STATUS_OK if all
     * went well so far as is known. After a failure what is downloaded is NaN, and what is asked is not finite. */
    status (*images_state)(const backend_ops *backend, failure *why);

    /* Whether all convolutions made so far are cuDNN's: *which <- its version, or why some are the library's own. */
    bool (*images_library)(const backend_ops *backend, failure *which);

    /* Whether the device repeats the steps of a solve by itself, as far as is known; *which <- why not, otherwise. */
    bool (*images_graphs)(const backend_ops *backend, failure *which);

    /* How convolutions were computed before, in the words of images_plans: convolutions that are made from now on try
     * these plans first. Errors: STATUS_MEMORY. */
    status (*images_recall)(const backend_ops *backend, const char *plans, failure *why);

    /* How all kinds of convolutions made so far are computed, a line "convolution\tway\tplan\n" for each way: forward,
     * data, weight. NULL if memory is short; valid until the next call on this backend. */
    const char *(*images_plans)(const backend_ops *backend);

    /* Close a device, of which *backend is NULL afterwards; it may be NULL before. */
    void (*images_close)(const backend_ops **backend);
} device_table;

/* The library's one symbol. */
#define DEVICE_TABLE_SYMBOL "affjord_device_table"
typedef const device_table *device_table_function(void);

#endif
