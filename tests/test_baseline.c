/* test_baseline.c - the losses of short trainings are bit-identical to recorded ones.
 *
 * If a change alters numbers on purpose, record new values with
 *     AFFJORD_RECORD=1 build/affjord-tests --filter 'baseline/short_trainings_give_the_recorded_losses'
 * and give the reason in the commit message. */
#include <criterion/criterion.h>

#include "baseline_support.h"
#include "model/specification.h"
#include "train/objective.h"
#include "train/trainer.h"

#ifndef AFFJORD_DOUBLE

typedef struct baseline_case {
    const char *model, *data, *settings;
} baseline_case;

static const baseline_case cases[] = {
    {"ffjord", "ty", "model.context=time"},
    {"affjord", "ty", "model.context=augmented model.concat=yes"},
    {"ffjord", "hash_gaussian", "model.context=time"},
    {"affjord_learned_start", "hash_gaussian",
     "model.context=augmented model.concat=yes model.initial_state=learned solver.method=rk4_38"},
    {"affjord_rademacher", "rings",
     "model.context=augmented model.concat=yes model.initial_state=learned solver.method=midpoint "
     "flow.divergence=rademacher"},
    {"affjord_adjoint", "moons",
     "model.context=augmented model.concat=yes model.initial_state=learned flow.divergence=gaussian "
     "solver.gradient=adjoint"},
};

enum { CASES = sizeof cases / sizeof cases[0], SEED = 2 };

static const char common[] = "solver.steps=20 train.iterations=120 train.epoch_iterations=40 train.validation=1000";

static void train(const baseline_case *which, baseline *out) {
    settings values;
    objective_spec obj_spec;
    trainer_spec spec;
    objective *obj = NULL;
    dataset *data = NULL;
    trainer *training = NULL;
    error_info err = {""};
    settings_default(&values);
    baseline_set(common, &values);
    baseline_set(which->settings, &values);
    specification_objective(&values, &(specification_shape){.dimension = 2}, SEED, &obj_spec);
    specification_trainer(&values, &spec);
    cr_assert_eq(dataset_open(which->data, &data, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(objective_create(&obj_spec, (objective_data){.points = data}, NULL, &obj, &err), STATUS_OK, "%s",
                 err.text);
    cr_assert_eq(trainer_create(&spec, &obj, &training, &err), STATUS_OK, "%s", err.text);
    baseline_row row = baseline_training(&values, which->data, dataset_checksum(data), which->model, SEED);
    snprintf(row.reason, sizeof row.reason, "the same operations in the same order everywhere");
    while (!trainer_finished(training)) {
        bool done;
        trainer_epoch epoch;
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
        if (done) baseline_add_epoch(out, row, epoch.epoch, epoch.training_loss, epoch.validation_loss);
    }
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(baseline, short_trainings_give_the_recorded_losses) {
    baseline computed = {.count = 0};
    for (size_t i = 0; i < CASES; i++) train(&cases[i], &computed);
    baseline_expect(&computed, "tests/baselines/toy.tsv", "baseline/short_trainings_give_the_recorded_losses");
    baseline_release(&computed);
}

#endif
