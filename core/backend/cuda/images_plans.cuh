/* images_plans.cuh - how each kind of convolution is computed, as texts that outlive the program.
 *
 * A kind is a shape with its rounding. It is computed in three ways, each by a plan, which is an engine of cuDNN with
 * its settings, or "own kernels". What was chosen before, for another object of this kind or in an earlier process of
 * the same run, is tried first: the same plan gives the same bits. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_PLANS_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_PLANS_CUH

#include "backend/backend.h"

typedef enum plan_way { WAY_FORWARD, WAY_DATA, WAY_WEIGHT, WAYS } plan_way;

enum { PLAN_TEXT = 512 /* bytes of a plan: an engine may have some dozens of knobs */ };

/* One kind of convolution. */
typedef struct plan_kind {
    struct plan_kind *next; /* in the order in which they were heard of */
    char convolution[96]; /* in words */
    char plans[WAYS][PLAN_TEXT]; /* "": not chosen yet */
    bool recalled; /* known from before, */
    bool used; /* and computed here */
} plan_kind;

/* What a device knows. Start with {}. */
typedef struct plan_book {
    plan_kind *first;
    char *text; /* as it was asked for last */
} plan_book;

/* The entry of a kind, which is made where there is none; NULL if memory is short. Valid as long as the book. */
plan_kind *plan_book_find(plan_book *self, const conv_shape &shape, conv_math math);

/* Whether a run that is gone on with had own kernels for it, which are always there. */
bool plan_kind_began_own(const plan_kind *self);

/* It is computed by own kernels. */
void plan_kind_use_own(plan_kind *self);

void plan_book_release(plan_book *self);

/* The functions images_* of the library's table (device_table.h). */
status images_recall(const backend_ops *backend, const char *plans, failure *why);
const char *images_plans(const backend_ops *backend);

#endif
