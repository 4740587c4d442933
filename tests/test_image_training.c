/* test_image_training.c - short trainings on real images give the recorded losses, and go on from where they were saved.
 *
 * A change that means to alter numbers records anew, with
 *     AFFJORD_RECORD=1 build/affjord-tests --filter 'image_training/real_mnist'
 * and says why in its commit. */
#ifndef AFFJORD_DOUBLE

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "train/image_objective.h"
#include "train/trainer.h"

enum { ITERATIONS = 200, HALF = 100, LAST = 20, SIDE = 14 };

/* Convolutions are summed by a library in an order that depends on the processor, so the losses are not recorded to the
 * bit. They came to differ by 3e-8 between SSE4.1 and AVX2, and by 3e-7 when the learning rate was changed by a
 * millionth. The rest is room for steps that one processor accepts and another one rejects. */
static const double tolerance = 2e-3;

static const char path[] = "tests/baselines/images.csv";

typedef struct training_case {
    const char *name;
    image_architecture architecture;
} training_case;

static const training_case cases[] = {{"ffjord", IMAGE_FFJORD}, {"affjord_concat", IMAGE_AFFJORD}};

enum { CASES = sizeof cases / sizeof *cases };

static trainer *make(const training_case *which, const image_set *set) {
    const image_objective_spec goal_spec = {
        .model = {.model = {.channels = 1,
                            .height = SIDE,
                            .width = SIDE,
                            .architecture = which->architecture,
                            .layer = IMAGE_CONCAT,
                            .variant = IMAGE_PAPER,
                            .hidden_layers = 1,
                            .hidden = {8},
                            .moving = 20,
                            .fed = 10},
                  .function = ACTIVATION_SOFTPLUS,
                  .alpha = 1e-6,
                  .end_time = 1,
                  .learn_end_time = true,
                  .base_variance = 1,
                  .divergence = DIVERGENCE_RADEMACHER,
                  .seminorm = true,
                  .kept_steps = 100,
                  .keep_stages = true,
                  .solver = {.method = tableau_pair(PAIR_BOSH3),
                             .options = {.atol = 1e-2, .rtol = 1e-2, .max_attempts = 1000}}},
        .seed = 1,
        .batch = 16,
        .validation = 100};
    const trainer_spec spec = {.iterations = ITERATIONS,
                               .epoch_iterations = HALF,
                               .learning_rate = 1e-2,
                               .warmup = 20,
                               .stop_loss = -INFINITY};
    objective *goal = NULL;
    trainer *training = NULL;
    failure why = {""};
    cr_assert_eq(image_objective_create(&goal_spec, set, NULL, &goal, &why), STATUS_OK, "%s", why.text);
    cr_assert_eq(trainer_create(&spec, &goal, &training, &why), STATUS_OK, "%s", why.text);
    return training;
}

/* What a training gave: the mean training loss of its last iterations, and what it validated at its end. */
typedef struct outcome {
    double training, validation;
} outcome;

static void train(trainer *training, uint64_t until, outcome *into) {
    *into = (outcome){0, NAN};
    while (trainer_iteration(training) < until) {
        double loss;
        bool done;
        trainer_epoch epoch;
        cr_assert_eq(trainer_step(training, &loss, &done, &epoch), STATUS_OK, "iteration %d",
                     (int)trainer_iteration(training));
        if (trainer_iteration(training) + LAST > until) into->training += loss / LAST;
        if (done) into->validation = epoch.validation_loss;
    }
}

/* The state after half of the iterations, as a file. */
static void save(const trainer *training, const char *name) {
    checkpoint *file = NULL;
    failure why = {""};
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(trainer_save(training, file), STATUS_OK);
    cr_assert_eq(checkpoint_write(file, name, NULL, &why), STATUS_OK, "%s", why.text);
    checkpoint_destroy(&file);
}

static void restore(trainer *training, const char *name) {
    checkpoint *file = NULL;
    failure why = {""};
    cr_assert_eq(checkpoint_read(name, &file, &why), STATUS_OK, "%s", why.text);
    cr_assert_eq(trainer_restore(training, file, &why), STATUS_OK, "%s", why.text);
    checkpoint_destroy(&file);
}

static outcome train_twice(const training_case *which, const image_set *set, const char *name) {
    outcome half, whole, resumed;
    trainer *training = make(which, set), *second = make(which, set);
    train(training, HALF, &half);
    save(training, name);
    train(training, ITERATIONS, &whole);
    restore(second, name);
    cr_expect_eq(trainer_iteration(second), HALF);
    train(second, ITERATIONS, &resumed);
    cr_expect_eq(memcmp(&whole, &resumed, sizeof whole), 0, "%s: losses of a training taken up again", which->name);
    const size_t P = objective_parameters(trainer_objective(training))->total;
    cr_expect_eq(memcmp(trainer_parameters(training), trainer_parameters(second), P * sizeof(real)), 0,
                 "%s: parameters of a training taken up again", which->name);
    trainer_destroy(&training);
    trainer_destroy(&second);
    return whole;
}

static void check(const char *name, const char *what, double seen, double recorded) {
    cr_expect_lt(fabs(seen - recorded), tolerance, "%s, %s: %.4f bits per dimension, recorded %.4f", name, what, seen,
                 recorded);
    cr_expect_lt(seen, 4, "%s, %s: %.4f bits per dimension", name, what, seen);
}

Test(image_training, real_mnist, .timeout = 600) {
    const char *data = getenv("AFFJORD_DATA");
    if (data == NULL || !image_exists("mnist", data)) {
        fprintf(stderr, "SKIPPED: image_training/real_mnist: needs MNIST in $AFFJORD_DATA\n");
        return;
    }
    image_set *set = NULL;
    failure why = {""};
    cr_assert_eq(image_open("mnist", data, &set, &why), STATUS_OK, "%s", why.text);
    cr_assert_eq(image_average(set, 2, &why), STATUS_OK, "%s", why.text);
    char folder[64], name[128];
    scratch_create(folder);
    scratch_path(folder, "half.safetensors", name);

    const bool record = getenv("AFFJORD_RECORD") != NULL;
    FILE *file = fopen(path, record ? "w" : "r");
    cr_assert_not_null(file, "%s", path);
    for (size_t i = 0; i < CASES; i++) {
        char recorded[32];
        outcome expected;
        const outcome seen = train_twice(&cases[i], set, name);
        if (record) {
            fprintf(file, "%s,%.6f,%.6f\n", cases[i].name, seen.training, seen.validation);
            continue;
        }
        cr_assert_eq(fscanf(file, "%31[^,],%lf,%lf\n", recorded, &expected.training, &expected.validation), 3);
        cr_assert_str_eq(recorded, cases[i].name);
        check(recorded, "training", seen.training, expected.training);
        check(recorded, "validation", seen.validation, expected.validation);
    }
    fclose(file);
    scratch_remove(folder);
    image_close(&set);
}

#endif
