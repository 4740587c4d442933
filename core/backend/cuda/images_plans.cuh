/* images_plans.cuh - the implementation of each kind of operation, as texts that outlive the program.
 *
 * A kind of convolution is a shape with its rounding. It has three operations, each with a plan: an engine of cuDNN with
 * its settings, or "own kernels". An operation that suits cuBLAS (images_blas.cuh) has the same plan three times: the
 * version of cuBLAS, or "own kernels". A recorded choice, for another object of this kind or from an earlier process of the same run, is
 * tried first, because the same plan gives the same bits. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_PLANS_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_PLANS_CUH

#include "backend/backend.h"

typedef enum plan_way { WAY_FORWARD, WAY_DATA, WAY_WEIGHT, WAYS } plan_way;

enum { PLAN_TEXT = 512 /* bytes of a plan: an engine may have dozens of knobs */ };

/* One kind. */
typedef struct plan_kind {
    struct plan_kind *next; /* in the order of first use */
    char convolution[96]; /* its name */
    char plans[WAYS][PLAN_TEXT]; /* "": not chosen yet */
    bool recalled; /* recorded by an earlier process, */
    bool used; /* and used by this one */
} plan_kind;

/* The plans of a device. Initialise with {}. */
typedef struct plan_cache {
    plan_kind *first;
    char *text; /* the last result of images_plans */
} plan_cache;

/* Return the entry of a kind, creating it if needed; NULL if out of memory. Valid as long as the list. */
plan_kind *plan_book_find(plan_cache *self, const conv_shape &shape, conv_math math);
plan_kind *plan_book_find_named(plan_cache *self, const char *name);

/* Return whether a resumed run began with own kernels for it; these are always available. */
bool plan_kind_began_own(const plan_kind *self);

/* Record that one plan, or own kernels, compute all of it. */
void plan_kind_use(plan_kind *self, const char *plan);
void plan_kind_use_own(plan_kind *self);

void plan_book_release(plan_cache *self);

/* The functions images_* of the library's table (device_table.h). */
status images_recall(const backend_ops *backend, const char *plans, error_info *err);
const char *images_plans(const backend_ops *backend);

#endif
