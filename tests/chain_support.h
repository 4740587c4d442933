/* chain_support.h - small multiscale models with the arguments of a call. */
#ifndef AFFJORD_CHAIN_SUPPORT_H
#define AFFJORD_CHAIN_SUPPORT_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/random.h"
#include "flow/chain.h"

static const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = 1};

static inline real *reals(size_t n) {
    real *p = calloc(n + 1, sizeof *p);
    cr_assert_not_null(p);
    return p;
}

/* FFJORD with the time concatenated, or AFFJORD with z* concatenated, on images of 8 x 8 with small fields. */
static inline chain_spec small_spec(image_architecture architecture, image_layer layer) {
    return (chain_spec){.model = {.channels = 1,
                                  .height = 8,
                                  .width = 8,
                                  .architecture = architecture,
                                  .layer = layer,
                                  .variant = IMAGE_PAPER,
                                  .hidden_layers = 2,
                                  .hidden = {5, 4},
                                  .moving = 6,
                                  .fed = 3},
                        .function = ACTIVATION_SOFTPLUS,
                        .alpha = 0.05,
                        .end_time = 0.9,
                        .learn_end_time = true,
                        .base_variance = 1.3,
                        .divergence = DIVERGENCE_RADEMACHER,
                        .seminorm = true,
                        .kept_steps = 200,
                        .solver = {.method = tableau_get(TABLEAU_DOPRI5), .options = {.atol = 1e-5, .rtol = 1e-5}}};
}

/* A model with everything that a call on it needs. */
typedef struct bench {
    chain *model;
    size_t n, D, P;
    real *params, *gradient, *x, *z, *back;
    double *log_density;
    chain_loss loss;
    chain_statistics statistics;
} bench;

static inline void bench_open(bench *b, chain_spec spec, size_t n, parallel *workers) {
    error_info err = {""};
    *b = (bench){.n = n};
    cr_assert_eq(chain_create(&spec, n, true, workers, &b->model, &err), STATUS_OK, "%s", err.text);
    b->D = chain_dimension(b->model);
    b->P = chain_parameters(b->model)->total;
    b->params = reals(b->P), b->gradient = reals(b->P);
    b->x = reals(n * b->D), b->z = reals(n * b->D), b->back = reals(n * b->D);
    b->log_density = calloc(n, sizeof *b->log_density);
    chain_initialise(b->model, 3, b->params);
    /* Parameters larger than initial ones, because hyper layers start with weights of zero. */
    for (size_t i = 0; i < b->P; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 4, .purpose = RANDOM_PROBE}, i, 0, u);
        b->params[i] = (real)(1.5 * (double)b->params[i] + 0.05 * u[0]);
    }
    for (size_t i = 0; i < n * b->D; i++) {
        double u[4];
        random_uniform4((random_stream){.seed = 5, .purpose = RANDOM_PROBE}, i, 0, u);
        b->x[i] = (real)u[0];
    }
}

static inline void bench_close(bench *b) {
    chain_destroy(&b->model);
    free(b->params), free(b->gradient), free(b->x), free(b->z), free(b->back), free(b->log_density);
}

static inline void transform(bench *b, random_stream stream) {
    const status outcome =
        chain_transform(b->model, b->params, b->x, b->n, stream, b->z, b->log_density, &b->statistics);
    cr_assert_eq(outcome, STATUS_OK, "status %d of flow %zu", (int)outcome, b->statistics.failed);
}

static inline void take_gradient(bench *b) {
    const status outcome =
        chain_loss_gradient(b->model, b->params, b->x, b->n, probe, &b->loss, b->gradient, &b->statistics);
    cr_assert_eq(outcome, STATUS_OK, "status %d of flow %zu", (int)outcome, b->statistics.failed);
}

#endif
