/* points_support.h - small flows of points, and their training, for tests. */
#ifndef AFFJORD_TESTS_POINTS_SUPPORT_H
#define AFFJORD_TESTS_POINTS_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>

#include "flow/cnf.h"
#include "train/objective.h"
#include "train/trainer.h"

static const random_stream points_probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = 1};

/* A flow of D dimensions, solved by Dopri5 to 1e-6; tests change single members. */
static inline cnf_spec points_spec(cnf_field kind, cnf_context context, size_t D) {
    return (cnf_spec){
        .dimension = D,
        .field = kind,
        .mlp = {.hidden_layers = 2, .hidden = {5, 6}, .function = ACTIVATION_TANH, .layer = IMAGE_CONCATSQUASH},
        .width = 4,
        .context = context,
        .join = kind == CNF_HYPER_MLP && context == CONTEXT_AUGMENTED,
        .hypernet_layers = 1,
        .hypernet_width = 4,
        .augmented_dimension = 2,
        .augmented_width = 3,
        .learn_start = true,
        .end_time = 1.1,
        .base_variance = 0.8,
        .solver = TABLEAU_DOPRI5,
        .options = {.atol = 1e-6, .rtol = 1e-6},
        .seminorm = true,
        .kept_steps = 60};
}

static inline cnf *points_flow(cnf_spec spec, size_t batch, parallel *workers) {
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, batch, workers, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

/* Return the last validation loss of a training; *first <- the loss of its first iteration. */
static inline double points_train(const objective_spec *obj, const dataset *data, uint64_t iterations, double *first) {
    const trainer_spec training = {
        .iterations = iterations, .epoch_iterations = iterations, .learning_rate = 5e-3, .stop_loss = -INFINITY};
    trainer *self = NULL;
    objective *of = NULL;
    error_info err = {""};
    trainer_epoch epoch = {0};
    cr_assert_eq(objective_create(obj, (objective_data){.points = data}, NULL, &of, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(trainer_create(&training, &of, &self, &err), STATUS_OK, "%s", err.text);
    for (bool done = false; !done;) {
        double loss;
        const bool beginning = trainer_iteration(self) == 0;
        cr_assert_eq(trainer_step(self, &loss, &done, &epoch), STATUS_OK);
        if (beginning) *first = loss;
    }
    cr_expect_gt(epoch.training_counts.flows[0].forward, 0);
    cr_expect_gt(epoch.training_counts.flows[0].backward, 0);
    trainer_destroy(&self);
    return epoch.validation_loss;
}

#endif
