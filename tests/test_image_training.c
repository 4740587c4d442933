/* test_image_training.c - short trainings on real images give the recorded losses, also after a restart.
 *
 * If a change alters numbers on purpose, record new values with
 *     AFFJORD_RECORD=1 build/affjord-tests --filter 'image_training/real_mnist'
 * and give the reason in the commit message. */
#ifndef AFFJORD_DOUBLE

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baseline_support.h"
#include "scratch.h"
#include "model/specification.h"
#include "train/trainer.h"

enum { ITERATIONS = 200, HALF = 100, SEED = 1 };

typedef struct training_case {
    const char *name, *context;
} training_case;

static const training_case cases[] = {{"ffjord", "model.context=time"}, {"affjord_concat", "model.context=augmented"}};

enum { CASES = sizeof cases / sizeof *cases };

static const char common[] =
    "image.downsample=2 image.layer=concat image.variant=paper image.hidden_layers=1 image.hidden_channels=8 "
    "flow.end_time=1 flow.learn_end_time=yes flow.divergence=rademacher "
    "solver.method=bosh3 solver.atol=1e-2 solver.rtol=1e-2 "
    "train.iterations=200 train.epoch_iterations=100 train.learning_rate=1e-2 train.warmup=20 train.batch=16 "
    "train.validation=100";

static void make_settings(const training_case *which, settings *out) {
    settings_default(out);
    baseline_set(common, out);
    baseline_set(which->context, out);
}

static trainer *make(const training_case *which, const image_set *set) {
    settings values;
    objective_spec obj_spec;
    trainer_spec spec;
    objective *obj = NULL;
    trainer *training = NULL;
    error_info err = {""};
    make_settings(which, &values);
    specification_objective(&values, &(specification_shape){.image = {set->channels, set->height, set->width}}, SEED,
                            &obj_spec);
    specification_trainer(&values, &spec);
    cr_assert_eq(objective_create(&obj_spec, (objective_data){.images = set}, NULL, &obj, &err), STATUS_OK, "%s",
                 err.text);
    cr_assert_eq(trainer_create(&spec, &obj, &training, &err), STATUS_OK, "%s", err.text);
    return training;
}

/* The results of a training at the end of an epoch. */
typedef struct outcome {
    double training, validation;
} outcome;

static void train(trainer *training, uint64_t until, outcome *into) {
    *into = (outcome){NAN, NAN};
    while (trainer_iteration(training) < until) {
        bool done;
        trainer_epoch epoch;
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK, "iteration %d",
                     (int)trainer_iteration(training));
        if (done) *into = (outcome){epoch.training_loss, epoch.validation_loss};
    }
}

/* The state after half of the iterations, as a file. */
static void save(const trainer *training, const char *name) {
    checkpoint *file = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(trainer_save(training, file), STATUS_OK);
    cr_assert_eq(checkpoint_write(file, name, NULL, &err), STATUS_OK, "%s", err.text);
    checkpoint_destroy(&file);
}

static void restore(trainer *training, const char *name) {
    checkpoint *file = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_read(name, &file, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(trainer_restore(training, file, &err), STATUS_OK, "%s", err.text);
    checkpoint_destroy(&file);
}

/* Train the first half, then the second half twice. */
static void train_twice(const training_case *which, const image_set *set, const char *name, outcome *half,
                        outcome *whole) {
    outcome resumed;
    trainer *training = make(which, set), *second = make(which, set);
    train(training, HALF, half);
    save(training, name);
    train(training, ITERATIONS, whole);
    restore(second, name);
    cr_expect_eq(trainer_iteration(second), HALF);
    train(second, ITERATIONS, &resumed);
    cr_expect_eq(memcmp(whole, &resumed, sizeof resumed), 0, "%s: losses of a resumed training", which->name);
    const size_t P = objective_parameters(trainer_objective(training))->total;
    cr_expect_eq(memcmp(trainer_parameters(training), trainer_parameters(second), P * sizeof(real)), 0,
                 "%s: parameters of a resumed training", which->name);
    trainer_destroy(&training);
    trainer_destroy(&second);
}

static baseline_row make_row(const training_case *which, const image_set *set) {
    settings values;
    char data[64];
    make_settings(which, &values);
    snprintf(data, sizeof data, "%s_%zux%zu", set->name, set->height, set->width);
    baseline_row row = baseline_training(&values, data, set->sha256, which->name, SEED);
    snprintf(row.reason, sizeof row.reason, "the same operations in the same order everywhere");
    return row;
}

Test(image_training, real_mnist, .timeout = 600) {
    const char *data = getenv("AFFJORD_DATA");
    if (data == NULL || !image_exists("mnist", data)) cr_skip_test("needs MNIST in $AFFJORD_DATA");
    image_set *set = NULL;
    error_info err = {""};
    baseline computed = {.count = 0};
    cr_assert_eq(image_open("mnist", data, &set, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(image_average(set, 2, &err), STATUS_OK, "%s", err.text);
    char folder[64], name[128];
    scratch_create(folder);
    scratch_path(folder, "half.safetensors", name);
    for (size_t i = 0; i < CASES; i++) {
        outcome half, whole;
        const baseline_row row = make_row(&cases[i], set);
        train_twice(&cases[i], set, name, &half, &whole);
        baseline_add_epoch(&computed, row, 1, half.training, half.validation);
        baseline_add_epoch(&computed, row, 2, whole.training, whole.validation);
        cr_expect_lt(whole.validation, 4, "%s: %.4f bits per dimension", cases[i].name, whole.validation);
    }
    baseline_expect(&computed, "tests/baselines/images.tsv", "image_training/real_mnist");
    baseline_release(&computed);
    scratch_remove(folder);
    image_close(&set);
}

#endif
