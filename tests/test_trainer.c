/* test_trainer.c - training is bit-identical for any division, stop or device. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "train/adam.h"
#include "train/objective.h"
#include "train/trainer.h"
#include "train/trainer_internal.h"

/* A training of points: objective and trainer. */
typedef struct training_spec {
    objective_spec obj;
    trainer_spec training;
} training_spec;

static training_spec short_spec(cnf_context context) {
    return (training_spec){
        .obj = {.flow = {.dimension = 2,
                         .width = 64,
                         .context = context,
                         .join = context == CONTEXT_AUGMENTED,
                         .hypernet_layers = 2,
                         .hypernet_width = 32,
                         .augmented_dimension = 2,
                         .augmented_width = 3,
                         .end_time = 10,
                         .base_variance = 1,
                         .solver = TABLEAU_RK4,
                         .steps = 10},
                .seed = 3,
                .batch = 300,
                .validation = 500},
        .training = {.iterations = 25, .epoch_iterations = 10, .learning_rate = 1e-3, .stop_loss = -INFINITY}};
}

static dataset *open_data(const char *name) {
    dataset *data = NULL;
    error_info err = {""};
    cr_assert_eq(dataset_open(name, &data, &err), STATUS_OK, "%s", err.text);
    return data;
}

static trainer *make(training_spec spec, const dataset *data, parallel *workers) {
    trainer *training = NULL;
    error_info err = {""};
    objective *obj = NULL;
    cr_assert_eq(objective_create(&spec.obj, (objective_data){.points = data}, workers, &obj, &err), STATUS_OK, "%s",
                 err.text);
    cr_assert_eq(trainer_create(&spec.training, &obj, &training, &err), STATUS_OK, "%s", err.text);
    cr_assert_null(obj, "the trainer has taken it over");
    return training;
}

enum { EPOCHS_MAX = 10 };

typedef struct record {
    size_t epochs;
    trainer_epoch epoch[EPOCHS_MAX];
} record;

static void train(trainer *training, uint64_t until, record *into) {
    while (!trainer_finished(training) && trainer_iteration(training) < until) {
        bool done;
        cr_assert_geq(trainer_step(training, NULL, &done, &into->epoch[into->epochs]), 0);
        if (done) cr_assert_lt(++into->epochs, EPOCHS_MAX);
    }
}

static void check_same(trainer *a, const record *first, trainer *b, const record *second, const char *what) {
    const size_t P = objective_parameters(trainer_objective(a))->total;
    cr_assert_eq(memcmp(trainer_parameters(a), trainer_parameters(b), P * sizeof(real)), 0, "%s: parameters", what);
    cr_assert_eq(first->epochs, second->epochs);
    cr_assert_eq(memcmp(first->epoch, second->epoch, first->epochs * sizeof first->epoch[0]), 0, "%s: losses", what);
}

Test(trainer, epochs_are_where_they_should_be) {
    dataset *data = open_data("ty");
    trainer *training = make(short_spec(CONTEXT_CLOCK), data, NULL);
    record seen = {0};
    train(training, 1000, &seen);
    cr_assert_eq(trainer_iteration(training), 25);
    cr_assert_eq(seen.epochs, 3);
    const uint64_t ends[] = {10, 20, 25};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(seen.epoch[i].epoch, i + 1);
        cr_assert_eq(seen.epoch[i].iteration, ends[i]);
        cr_assert_eq(trainer_forward_evaluations(&seen.epoch[i].training_counts), 40);
        cr_assert_eq(trainer_backward_evaluations(&seen.epoch[i].training_counts), 40);
    }
    trainer_destroy(&training);
    dataset_close(&data);
}

/* A test batch does not change the training, and differs from the validation batch. */
Test(trainer, a_test_batch_is_separate) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_AUGMENTED);
    trainer *without = make(spec, data, NULL);
    spec.obj.test = 700;
    trainer *with = make(spec, data, NULL);
    record first = {0}, second = {0};
    train(without, 1000, &first);
    train(with, 1000, &second);
    for (size_t i = 0; i < 3; i++) {
        const trainer_epoch *plain = &first.epoch[i], *tested = &second.epoch[i];
        cr_expect_not(plain->tested);
        cr_expect(tested->tested && tested->test == STATUS_OK);
        cr_expect_eq(tested->training_loss, plain->training_loss);
        cr_expect_eq(tested->validation_loss, plain->validation_loss);
        cr_expect_neq(tested->test_loss, tested->validation_loss);
        cr_expect_float_eq(tested->test_loss, tested->validation_loss, 0.2);
        cr_expect_eq(trainer_forward_evaluations(&tested->test_counts), 40);
    }
    trainer_destroy(&without);
    trainer_destroy(&with);
    dataset_close(&data);
}

#ifndef AFFJORD_DOUBLE /* too slow for trainings */

Test(trainer, loss_falls) {
    dataset *data = open_data("hash_gaussian");
    training_spec spec = short_spec(CONTEXT_AUGMENTED);
    spec.training.iterations = 200;
    spec.training.epoch_iterations = 100;
    trainer *training = make(spec, data, NULL);
    record seen = {0};
    train(training, 1000, &seen);
    cr_assert_lt(seen.epoch[1].validation_loss, seen.epoch[0].validation_loss - 0.1);
    cr_assert_float_eq(seen.epoch[1].training_loss, seen.epoch[1].validation_loss, 0.3);
    trainer_destroy(&training);
    dataset_close(&data);
}

/* Midpoints on [-4, 4]^2; what lies outside is less than the tolerance. */
static double integral(trainer *training) {
    enum { CELLS = 400 };
    const double half = 4, width = 2 * half / CELLS;
    real *x = malloc(2 * CELLS * CELLS * sizeof *x);
    double *log_density = malloc(CELLS * CELLS * sizeof *log_density), total = 0;
    for (size_t i = 0; i < CELLS * CELLS; i++) {
        x[2 * i] = (real)(((double)(i % CELLS) + 0.5) * width - half);
        x[2 * i + 1] = (real)(((double)(i / CELLS) + 0.5) * width - half);
    }
    cnf_log_density(objective_points(trainer_objective(training)), trainer_parameters(training), x, CELLS * CELLS,
                    (random_stream){0}, log_density, NULL);
    for (size_t i = 0; i < CELLS * CELLS; i++) total += exp(log_density[i]) * width * width;
    free(x), free(log_density);
    return total;
}

Test(trainer, trained_densities_integrate_to_one) {
    const char *const names[] = {"ty", "hash_gaussian"};
    for (size_t i = 0; i < 2; i++)
        for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
            dataset *data = open_data(names[i]);
            training_spec spec = short_spec(context);
            spec.obj.flow.steps = 40;
            spec.training.iterations = spec.training.epoch_iterations = 400;
            trainer *training = make(spec, data, NULL);
            record seen = {0};
            train(training, 1000, &seen);
            cr_assert_float_eq(integral(training), 1, 1e-3, "%s: %g", names[i], integral(training));
            trainer_destroy(&training);
            dataset_close(&data);
        }
}

#endif

Test(trainer, threads_and_vector_levels_do_not_change_a_bit) {
    dataset *data = open_data("ty");
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        training_spec spec = short_spec(context);
        spec.training.iterations = 3;
        trainer *one = make(spec, data, NULL);
        record first = {0}, second = {0};
        train(one, 1000, &first);

        parallel *workers = NULL;
        cr_assert_eq(parallel_create(2, &workers), STATUS_OK);
        trainer *two = make(spec, data, workers);
        train(two, 1000, &second);
        check_same(one, &first, two, &second, "two threads");
        trainer_destroy(&two);
        parallel_destroy(&workers);

        for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
            spec.obj.flow.backend = cpu_backend(level);
            if (!spec.obj.flow.backend) continue;
            record third = {0};
            trainer *other = make(spec, data, NULL);
            train(other, 1000, &third);
            check_same(one, &first, other, &third, cpu_level_name(level));
            trainer_destroy(&other);
        }
        trainer_destroy(&one);
    }
    dataset_close(&data);
}

Test(trainer, restored_training_continues_with_the_same_bits) {
    dataset *data = open_data("ty");
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        const training_spec spec = short_spec(context);
        trainer *whole = make(spec, data, NULL);
        record first = {0}, second = {0};
        train(whole, 1000, &first);

        /* Stopped in the middle of an epoch. */
        trainer *begun = make(spec, data, NULL);
        train(begun, 14, &second);
        checkpoint *saved = NULL;
        error_info err = {""};
        cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
        cr_assert_eq(trainer_save(begun, saved), STATUS_OK);
        trainer_destroy(&begun);

        trainer *resumed = make(spec, data, NULL);
        cr_assert_eq(trainer_restore(resumed, saved, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(trainer_iteration(resumed), 14);
        train(resumed, 1000, &second);
        check_same(whole, &first, resumed, &second, "resumed");
        trainer_destroy(&resumed);
        trainer_destroy(&whole);
        checkpoint_destroy(&saved);
    }
    dataset_close(&data);
}

Test(trainer, refuses_a_checkpoint_of_another_shape) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_CLOCK);
    trainer *small = make(spec, data, NULL);
    checkpoint *saved = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
    cr_assert_eq(trainer_save(small, saved), STATUS_OK);
    spec.obj.flow.width = 32;
    trainer *other = make(spec, data, NULL);
    cr_assert_eq(trainer_restore(other, saved, &err), STATUS_FORMAT);
    cr_assert(strstr(err.text, "hypernet.2.weight"), "%s", err.text);
    cr_assert_eq(trainer_iteration(other), 0, "nothing was taken over");
    trainer_destroy(&small), trainer_destroy(&other);
    checkpoint_destroy(&saved);
    dataset_close(&data);
}

Test(trainer, stops_below_the_stop_loss) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_CLOCK);
    spec.training.stop_loss = 1000;
    trainer *training = make(spec, data, NULL);
    record seen = {0};
    train(training, 1000, &seen);
    cr_assert_eq(trainer_iteration(training), 1);
    cr_assert_eq(seen.epochs, 1, "the last epoch ends with the training");
    trainer_destroy(&training);
    dataset_close(&data);
}

/* A learning rate that makes the parameters diverge gives non-finite losses; the training skips them. */
Test(trainer, counts_non_finite_iterations) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_CLOCK);
    spec.training.learning_rate = sizeof(real) == 4 ? 1e30 : 1e300;
    trainer *training = make(spec, data, NULL);
    const size_t P = objective_parameters(trainer_objective(training))->total;
    bool done;
    trainer_epoch epoch;
    double loss;
    cr_assert_eq(trainer_step(training, &loss, &done, &epoch), STATUS_OK);
    real *kept = malloc(P * sizeof *kept);
    memcpy(kept, trainer_parameters(training), P * sizeof *kept);
    cr_assert_eq(trainer_step(training, &loss, &done, &epoch), STATUS_NON_FINITE);
    cr_assert(!isfinite(loss));
    cr_assert_eq(memcmp(kept, trainer_parameters(training), P * sizeof *kept), 0);
    cr_assert_eq(trainer_iteration(training), 2);
    free(kept);
    trainer_destroy(&training);
    dataset_close(&data);
}

/* First moments after one iteration: 0.1 g. */
static double first_moment_norm(training_spec spec, const dataset *data) {
    trainer *training = make(spec, data, NULL);
    checkpoint *saved;
    record seen = {0};
    train(training, 1, &seen);
    const size_t P = objective_parameters(trainer_objective(training))->total;
    cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
    cr_assert_eq(trainer_save(training, saved), STATUS_OK);
    const real *moment = checkpoint_get(saved, "adam.first", CHECKPOINT_REAL, P);
    double square = 0;
    for (size_t i = 0; i < P; i++) square += (double)moment[i] * (double)moment[i];
    checkpoint_destroy(&saved);
    trainer_destroy(&training);
    return sqrt(square);
}

Test(trainer, clips_gradients_by_their_norm) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_AUGMENTED);
    const double whole = 10 * first_moment_norm(spec, data);
    spec.training.clip_norm = 1.01 * whole;
    cr_expect_eq(10 * first_moment_norm(spec, data), whole, "one below the bound stays, to the bit");
    spec.training.clip_norm = 0.25 * whole;
    cr_expect_float_eq(10 * first_moment_norm(spec, data) / whole, 0.25, 1e-5);
    dataset_close(&data);
}

/* The moving average equals its definition, from the parameters of a training without it; also through a checkpoint,
 * bit for bit. */
Test(trainer, averages_parameters) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_AUGMENTED);
    trainer *plain = make(spec, data, NULL);
    spec.training.average = 0.6;
    trainer *averaged = make(spec, data, NULL), *second = make(spec, data, NULL);
    const size_t P = objective_parameters(trainer_objective(plain))->total;
    double *expected = malloc(P * sizeof *expected);
    record seen[3] = {0};
    checkpoint *saved;
    error_info err;
    for (size_t i = 0; i < P; i++) expected[i] = (double)trainer_parameters(plain)[i];
    for (uint64_t t = 1; t <= 20; t++) {
        const double keep = fmin(0.6, (double)t / (double)(t + 9));
        train(plain, t, &seen[0]);
        for (size_t i = 0; i < P; i++)
            expected[i] = keep * expected[i] + (1 - keep) * (double)trainer_parameters(plain)[i];
    }
    train(averaged, 20, &seen[1]);
    for (size_t i = 0; i < P; i++)
        cr_assert_float_eq((double)trainer_parameters(averaged)[i], expected[i], 2e-6, "parameter %zu", i);
    cr_expect_eq(seen[1].epoch[1].training_loss, seen[0].epoch[1].training_loss, "Adam moves what it always does");
    cr_expect_neq(seen[1].epoch[1].validation_loss, seen[0].epoch[1].validation_loss);

    cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
    cr_assert_eq(trainer_save(averaged, saved), STATUS_OK);
    cr_assert_eq(trainer_restore(second, saved, &err), STATUS_OK, "%s", err.text);
    seen[2] = seen[1];
    train(averaged, 25, &seen[1]);
    train(second, 25, &seen[2]);
    check_same(averaged, &seen[1], second, &seen[2], "averaged");

    checkpoint_destroy(&saved);
    cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
    cr_assert_eq(trainer_save(plain, saved), STATUS_OK);
    cr_expect_eq(trainer_restore(averaged, saved, &err), STATUS_FORMAT,
                 "a checkpoint of a training without an average");
    cr_expect(strstr(err.text, TRAINER_PARAMETERS), "%s", err.text);
    checkpoint_destroy(&saved);
    trainer_destroy(&plain), trainer_destroy(&averaged), trainer_destroy(&second);
    free(expected);
    dataset_close(&data);
}

Test(trainer, learning_rate_falls_along_half_a_cosine) {
    dataset *data = open_data("ty");
    training_spec spec = short_spec(CONTEXT_CLOCK);
    spec.training.iterations = 20;
    spec.training.warmup = 4;
    spec.training.decay = DECAY_COSINE;
    spec.training.learning_rate = 0.5;
    trainer *training = make(spec, data, NULL);
    const double rising[] = {0.125, 0.25, 0.375};
    for (uint64_t i = 1; i < 4; i++) cr_expect_float_eq(trainer_learning_rate(training, i), rising[i - 1], 1e-15);
    for (uint64_t i = 4; i <= 20; i++)
        cr_expect_float_eq(trainer_learning_rate(training, i), 0.25 * (1 + cos(acos(-1) * (double)(i - 4) / 17)),
                           1e-15);
    trainer_destroy(&training);
    spec.training.iterations = 4; /* none after the warm-up */
    training = make(spec, data, NULL);
    cr_expect_eq(trainer_learning_rate(training, 4), 0.5);
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(adam, corrections_are_those_of_the_paper) {
    const adam_step first = adam_step_at(1e-3, 1), later = adam_step_at(1e-3, 1000);
    cr_assert_float_eq(first.step_size, 1e-3 / (1 - 0.9), 1e-12);
    cr_assert_float_eq(first.root_correction, sqrt(1 - 0.999), 1e-12);
    cr_assert_float_eq(later.step_size, 1e-3, 1e-12);
    cr_assert_float_eq(later.root_correction, sqrt(1 - pow(0.999, 1000)), 1e-12);
}
