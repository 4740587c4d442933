/* test_baseline.c - short trainings give the recorded losses, to the bit.
 *
 * A change that means to alter numbers records anew, with
 *     AFFJORD_RECORD=1 build/affjord-tests --filter 'baseline/short_trainings_give_the_recorded_losses'
 * and says why in its commit. Losses are kept as hexadecimal floating-point numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/point_objective.h"
#include "train/trainer.h"

#ifndef AFFJORD_DOUBLE

typedef struct baseline_case {
    const char *name, *data;
    cnf_context context;
    bool learn_start;
    cnf_solver solver;
    cnf_divergence divergence;
    cnf_gradient gradient;
} baseline_case;

static const baseline_case cases[] = {
    {"ffjord_ty", "ty", CONTEXT_CLOCK, false, SOLVER_RK4, DIVERGENCE_EXACT, GRADIENT_DISCRETE},
    {"affjord_ty", "ty", CONTEXT_AUGMENTED, false, SOLVER_RK4, DIVERGENCE_EXACT, GRADIENT_DISCRETE},
    {"ffjord_hash_gaussian", "hash_gaussian", CONTEXT_CLOCK, false, SOLVER_RK4, DIVERGENCE_EXACT, GRADIENT_DISCRETE},
    {"affjord_hash_gaussian", "hash_gaussian", CONTEXT_AUGMENTED, true, SOLVER_RK4_38, DIVERGENCE_EXACT,
     GRADIENT_DISCRETE},
    {"affjord_rings_rademacher", "rings", CONTEXT_AUGMENTED, true, SOLVER_MIDPOINT, DIVERGENCE_RADEMACHER,
     GRADIENT_DISCRETE},
    {"affjord_moons_adjoint", "moons", CONTEXT_AUGMENTED, true, SOLVER_RK4, DIVERGENCE_GAUSSIAN, GRADIENT_ADJOINT},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static const char path[] = "tests/baselines/toy.csv";

/* One line a case and epoch: name, epoch, training loss, validation loss. */
static void train(const baseline_case *which, FILE *out) {
    const point_objective_spec goal_spec = {.flow = {.dimension = 2,
                                                     .width = 64,
                                                     .context = which->context,
                                                     .join = which->context == CONTEXT_AUGMENTED,
                                                     .hypernet_layers = 2,
                                                     .hypernet_width = 32,
                                                     .augmented_dimension = 2,
                                                     .augmented_width = 3,
                                                     .learn_start = which->learn_start,
                                                     .end_time = 10,
                                                     .base_variance = 1,
                                                     .solver = which->solver,
                                                     .steps = 20,
                                                     .divergence = which->divergence,
                                                     .gradient = which->gradient},
                                            .seed = 2,
                                            .batch = 512,
                                            .validation = 1000};
    const trainer_spec spec = {
        .iterations = 120, .epoch_iterations = 40, .learning_rate = 1e-3, .stop_loss = -INFINITY};
    objective *goal = NULL;
    dataset *data = NULL;
    trainer *training = NULL;
    failure why = {""};
    cr_assert_eq(dataset_open(which->data, &data, &why), STATUS_OK, "%s", why.text);
    cr_assert_eq(point_objective_create(&goal_spec, data, NULL, &goal, &why), STATUS_OK, "%s", why.text);
    cr_assert_eq(trainer_create(&spec, &goal, &training, &why), STATUS_OK, "%s", why.text);
    while (!trainer_finished(training)) {
        bool done;
        trainer_epoch epoch;
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
        if (done)
            fprintf(out, "%s,%d,%a,%a\n", which->name, (int)epoch.epoch, epoch.training_loss, epoch.validation_loss);
    }
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(baseline, short_trainings_give_the_recorded_losses) {
    char *computed = NULL, recorded[8192];
    size_t length;
    FILE *out = open_memstream(&computed, &length);
    for (size_t i = 0; i < CASES; i++) train(&cases[i], out);
    fclose(out);

    const bool record = getenv("AFFJORD_RECORD") != NULL;
    FILE *file = fopen(path, record ? "w" : "r");
    cr_assert_not_null(file, "%s", path);
    if (record) {
        cr_assert_eq(fwrite(computed, 1, length, file), length);
    } else {
        const size_t had = fread(recorded, 1, sizeof recorded - 1, file);
        recorded[had] = '\0';
        cr_assert_str_eq(computed, recorded);
    }
    fclose(file);
    free(computed);
}

#endif
