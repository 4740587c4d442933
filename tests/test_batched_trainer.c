/* test_batched_trainer.c - a training on a device is the training on the processor, bit for bit.
 *
 * The device is tests/cuda_on_host: the library's own kernels and host code, run by fibers on the CPU. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_support.h"
#include "scratch.h"
#include "train/batched_trainer.h"
#include "train/objective.h"
#include "train/trainer_internal.h"

#ifndef AFFJORD_DOUBLE

enum { MEMBERS_MAX = 6, STEPS_MAX = 64 };

/* The results of a training: every iteration and every epoch. */
typedef struct history {
    size_t steps, epochs;
    double loss[STEPS_MAX];
    status outcome[STEPS_MAX];
    trainer_epoch epoch[STEPS_MAX];
} history;

typedef struct setting {
    const char *data;
    objective_spec obj;
    trainer_spec training;
} setting;

/* A tiny training: an iteration takes milliseconds on fibers too. */
static setting tiny(cnf_context context) {
    return (setting){
        .data = "ty",
        .obj = {.flow = {.dimension = 2,
                         .width = 7,
                         .context = context,
                         .join = context == CONTEXT_AUGMENTED,
                         .hypernet_layers = 2,
                         .hypernet_width = 5,
                         .augmented_dimension = 2,
                         .augmented_width = 3,
                         .end_time = 2,
                         .base_variance = 1,
                         .solver = TABLEAU_RK4,
                         .steps = 3},
                .seed = 3,
                .batch = 70,
                .validation = 50},
        .training = {.iterations = 12, .epoch_iterations = 5, .learning_rate = 1e-2, .stop_loss = -INFINITY}};
}

static trainer *make(const setting *one, const dataset *data) {
    trainer *training = NULL;
    objective *obj = NULL;
    error_info err = {""};
    cr_assert_eq(objective_create(&one->obj, (objective_data){.points = data}, NULL, &obj, &err), STATUS_OK, "%s",
                 err.text);
    cr_assert_eq(trainer_create(&one->training, &obj, &training, &err), STATUS_OK, "%s", err.text);
    return training;
}

static dataset *open_data(const char *name) {
    dataset *data = NULL;
    error_info err = {""};
    cr_assert_eq(dataset_open(name, &data, &err), STATUS_OK, "%s", err.text);
    return data;
}

static void train_on_processor(trainer *training, history *seen) {
    while (!trainer_finished(training)) {
        bool done;
        const size_t i = seen->steps++;
        cr_assert_lt(i, STEPS_MAX);
        seen->outcome[i] = trainer_step(training, &seen->loss[i], &done, &seen->epoch[seen->epochs]);
        if (done) seen->epochs++;
    }
}

static void take(batched_trainer *all, size_t member, history *seen) {
    bool done;
    while (batched_trainer_next(all, member, &seen->outcome[seen->steps], &seen->loss[seen->steps], &done,
                                &seen->epoch[seen->epochs])) {
        cr_assert_lt(++seen->steps, STEPS_MAX);
        if (done) seen->epochs++;
    }
}

static void train_on_device(trainer *const *members, size_t count, history *seen) {
    batched_trainer *all = NULL;
    error_info err = {""};
    cr_assert_eq(batched_trainer_create(tested_library(), 0, members, count, NULL, &all, &err), STATUS_OK, "%s",
                 err.text);
    for (bool any = true; any;) {
        any = false;
        cr_assert_eq(batched_trainer_begin(all, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(batched_trainer_end(all, &err), STATUS_OK, "%s", err.text);
        for (size_t i = 0; i < count; i++) {
            take(all, i, &seen[i]);
            any |= !trainer_finished(members[i]);
        }
    }
    batched_trainer_destroy(&all);
}

static bool same_number(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void check_same(const trainer *a, const history *first, const trainer *b, const history *second,
                       const char *what) {
    const size_t bytes = a->parameters * sizeof(real);
    cr_assert_eq(first->steps, second->steps, "%s: %zu and %zu steps", what, first->steps, second->steps);
    for (size_t i = 0; i < first->steps; i++) {
        cr_assert(same_number(first->loss[i], second->loss[i]), "%s: loss %zu is %a and %a", what, i, first->loss[i],
                  second->loss[i]);
        cr_assert_eq(first->outcome[i], second->outcome[i], "%s: outcome %zu", what, i);
    }
    cr_assert_eq(memcmp(a->params, b->params, bytes), 0, "%s: parameters", what);
    cr_assert_eq(memcmp(a->first, b->first, bytes), 0, "%s: first moments", what);
    cr_assert_eq(memcmp(a->second, b->second, bytes), 0, "%s: second moments", what);
    cr_assert(same_number(a->running, b->running), "%s: running mean", what);
    cr_assert_eq(first->epochs, second->epochs, "%s: epochs", what);
    for (size_t i = 0; i < first->epochs; i++) {
        const trainer_epoch *x = &first->epoch[i], *y = &second->epoch[i];
        cr_assert(same_number(x->training_loss, y->training_loss), "%s: epoch %zu", what, i);
        cr_assert(same_number(x->validation_loss, y->validation_loss), "%s: validation %zu", what, i);
        cr_assert_eq(x->validation, y->validation, "%s: validation %zu", what, i);
        cr_assert_eq(x->tested, y->tested, "%s: test %zu", what, i);
        if (x->tested) cr_assert(same_number(x->test_loss, y->test_loss), "%s: test %zu", what, i);
        cr_assert_eq(x->epoch, y->epoch);
        cr_assert_eq(x->iteration, y->iteration);
        cr_assert_eq(x->skipped, y->skipped);
        cr_assert_eq(memcmp(&x->training_counts, &y->training_counts, sizeof x->training_counts), 0);
        cr_assert_eq(memcmp(&x->validation_counts, &y->validation_counts, sizeof x->validation_counts), 0);
    }
}

/* Train `count` settings of one specification on both. */
static void compare(const setting *settings, size_t count, const char *what) {
    trainer *here[MEMBERS_MAX], *there[MEMBERS_MAX];
    dataset *data[MEMBERS_MAX];
    history *seen = calloc(2 * count, sizeof *seen);
    for (size_t i = 0; i < count; i++) {
        data[i] = open_data(settings[i].data);
        here[i] = make(&settings[i], data[i]);
        there[i] = make(&settings[i], data[i]);
        train_on_processor(here[i], &seen[i]);
    }
    train_on_device(there, count, seen + count);
    for (size_t i = 0; i < count; i++) {
        check_same(here[i], &seen[i], there[i], &seen[count + i], what);
        trainer_destroy(&here[i]);
        trainer_destroy(&there[i]);
        dataset_close(&data[i]);
    }
    free(seen);
}

/* Check that the parameters change, so that equal bits are meaningful. */
Test(batched_trainer, the_tiny_training_learns) {
    const setting one = tiny(CONTEXT_AUGMENTED);
    dataset *data = open_data(one.data);
    trainer *training = make(&one, data);
    history seen = {0};
    train_on_processor(training, &seen);
    cr_assert_lt(seen.loss[seen.steps - 1], seen.loss[0]);
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(any_device, one_run_of_each_context_is_that_of_the_processor) {
    setting one = tiny(CONTEXT_CLOCK);
    compare(&one, 1, "clock");
    one = tiny(CONTEXT_AUGMENTED);
    compare(&one, 1, "augmented");
    one.obj.flow.fixed_context = true;
    compare(&one, 1, "random curve");
    one.obj.flow.fixed_context = false;
    one.obj.flow.learn_start = true;
    one.obj.flow.base_variance = 0.1;
    one.obj.flow.solver = TABLEAU_RK4_38;
    compare(&one, 1, "the release");
}

Test(any_device, every_method_and_odd_sizes) {
    for (tableau_id solver = TABLEAU_EULER; solver <= TABLEAU_RK4_38; solver++) {
        setting one = tiny(CONTEXT_AUGMENTED);
        one.obj.flow.solver = solver;
        one.obj.flow.width = 1 + 4 * (size_t)solver;
        one.obj.flow.hypernet_layers = 1 + (size_t)solver;
        one.obj.flow.augmented_dimension = 1 + (size_t)solver;
        one.obj.flow.augmented_width = 2 + 20 * (size_t)solver;
        one.obj.flow.join = solver % 2 == 0;
        one.obj.test = 10;
        one.training.iterations = 6;
        one.training.warmup = 4;
        compare(&one, 1, "odd sizes");
    }
}

/* More chunks than a block takes at a time, and a last one that is not full. */
Test(any_device, batches_of_many_chunks) {
    static const size_t batches[] = {1, 128, 300, 900};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        setting one = tiny(CONTEXT_CLOCK);
        one.obj.batch = batches[i];
        one.obj.validation = 700;
        one.obj.flow.steps = 2;
        one.training.iterations = 4;
        compare(&one, 1, "batches");
    }
}

Test(any_device, points_of_other_dimensions, .init = NULL) {
    char folder[64], path[128];
    scratch_create(folder);
    scratch_path(folder, "points.csv", path);
    static const size_t dimensions[] = {1, 3, 5};
    for (size_t k = 0; k < sizeof dimensions / sizeof *dimensions; k++) {
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        for (size_t i = 0; i < 200; i++)
            for (size_t d = 0; d < dimensions[k]; d++)
                fprintf(file, "%.6f%c", sin(0.7 * (double)(i * dimensions[k] + d * d)),
                        d + 1 < dimensions[k] ? ',' : '\n');
        fclose(file);
        setting one = tiny(CONTEXT_AUGMENTED);
        one.data = path;
        one.obj.flow.dimension = dimensions[k];
        one.obj.validation = 20;
        one.training.iterations = 6;
        compare(&one, 1, "dimensions");
    }
    scratch_remove(folder);
}

/* Runs in one launch have the same bits as each alone, for any seeds and data. */
Test(any_device, many_at_once) {
    static const char *const names[] = {"ty", "hash_gaussian", "rings"};
    setting all[MEMBERS_MAX];
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        all[i] = tiny(CONTEXT_AUGMENTED);
        all[i].obj.seed = i;
        all[i].data = names[i % 3];
    }
    compare(all, MEMBERS_MAX, "many at once");
}

/* A few hundred iterations, so that a difference in the last place would have grown. */
Test(any_device, a_long_training) {
    setting one = tiny(CONTEXT_AUGMENTED);
    one.obj.flow.width = 3;
    one.obj.flow.steps = 2;
    one.obj.batch = 16;
    one.obj.validation = 8;
    one.training.iterations = 300;
    one.training.epoch_iterations = 150; /* longer than a launch */
    dataset *data = open_data(one.data);
    trainer *here = make(&one, data), *there = make(&one, data);
    history *seen = calloc(1, sizeof *seen);
    bool done;
    while (!trainer_finished(here)) cr_assert_eq(trainer_step(here, NULL, &done, &seen->epoch[0]), STATUS_OK);
    batched_trainer *all = NULL;
    error_info err = {""};
    cr_assert_eq(batched_trainer_create(tested_library(), 0, &there, 1, NULL, &all, &err), STATUS_OK, "%s", err.text);
    while (!trainer_finished(there)) {
        status outcome;
        double loss;
        cr_assert_eq(batched_trainer_begin(all, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(batched_trainer_end(all, &err), STATUS_OK, "%s", err.text);
        while (batched_trainer_next(all, 0, &outcome, &loss, &done, &seen->epoch[1])) cr_assert_eq(outcome, STATUS_OK);
    }
    cr_assert_eq(memcmp(here->params, there->params, here->parameters * sizeof(real)), 0);
    cr_assert(same_number(seen->epoch[0].validation_loss, seen->epoch[1].validation_loss));
    batched_trainer_destroy(&all);
    trainer_destroy(&here);
    trainer_destroy(&there);
    dataset_close(&data);
    free(seen);
}

/* One run stops early by its loss, one becomes NaN, the third continues; all have the processor's results. */
Test(any_device, runs_that_end_early_or_are_not_finite) {
    setting all[3];
    for (size_t i = 0; i < 3; i++) {
        all[i] = tiny(CONTEXT_CLOCK);
        all[i].obj.seed = i;
        all[i].training.stop_loss = 3.1;
        all[i].training.learning_rate = i == 1 ? 1e30 : 1e-2;
    }
    compare(all, 3, "early ends");
}

/* If the order of threads changes a result, a barrier is missing. */
Test(batched_trainer, threads_may_run_in_reverse_order) {
    setenv("AFFJORD_EMULATED_BACKWARDS", "1", 1);
    setting one = tiny(CONTEXT_AUGMENTED);
    one.obj.batch = 200;
    one.training.iterations = 3;
    compare(&one, 1, "backwards");
    unsetenv("AFFJORD_EMULATED_BACKWARDS");
}

/* --- Unsupported requests --- */

static void refuse(const setting *one, const char *words) {
    fused_kernel_spec kernel;
    error_info err = {""};
    dataset *data = open_data(one->data);
    trainer *training = make(one, data);
    cr_assert_eq(batched_trainer_spec(training, &kernel, &err), STATUS_INVALID);
    cr_assert_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(batched_trainer, settings_that_are_refused) {
    setting one = tiny(CONTEXT_CLOCK);
    one.obj.flow.gradient = GRADIENT_ADJOINT;
    refuse(&one, "solver.gradient = adjoint");
    one = tiny(CONTEXT_CLOCK);
    one.obj.flow.divergence = DIVERGENCE_RADEMACHER;
    refuse(&one, "flow.divergence");
    one = tiny(CONTEXT_CLOCK);
    one.obj.batches = (objective_phases){.count = 1, .items = {{.until = 3, .value = 7}}};
    refuse(&one, "train.batch_phases: --device cuda trains models of points with one batch size");
}

static void fail_to_make(const setting *one, status expected, const char *words) {
    error_info err = {""};
    batched_trainer *all = NULL;
    dataset *data = open_data(one->data);
    trainer *training = make(one, data);
    cr_assert_eq(batched_trainer_create(emulated_library(), 0, &training, 1, NULL, &all, &err), expected, "%s",
                 err.text);
    cr_assert_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
    cr_assert_null(all);
    trainer_destroy(&training);
    dataset_close(&data);
}

Test(batched_trainer, a_device_may_be_too_small_or_another) {
    setting one = tiny(CONTEXT_CLOCK);
    setenv("AFFJORD_EMULATED_MEMORY", "20000", 1);
    fail_to_make(&one, STATUS_MEMORY, "out of memory on CUDA device 0: 1 runs need");
    unsetenv("AFFJORD_EMULATED_MEMORY");
    setenv("AFFJORD_EMULATED_OLD", "0", 1);
    fail_to_make(&one, STATUS_INVALID, "is an sm_90, and libaffjord_cuda.so was built for fibers");
    unsetenv("AFFJORD_EMULATED_OLD");
    one.obj.flow.context = CONTEXT_AUGMENTED;
    one.obj.flow.augmented_width = 4096;
    one.obj.flow.augmented_dimension = 16;
    fail_to_make(&one, STATUS_INVALID, "model.augmented_width = 4096");
}

static void fail_to_count(const char *name, const char *value, const char *words) {
    int count;
    error_info err = {""};
    setenv(name, value, 1);
    cr_assert_eq(emulated_library()->count(&count, &err), STATUS_IO);
    cr_assert_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
    unsetenv(name);
}

Test(batched_trainer, missing_devices_are_errors) {
    fail_to_count("AFFJORD_EMULATED_DEVICES", "0", "no device found");
    fail_to_count("AFFJORD_EMULATED_DRIVER", "0", "no NVIDIA driver");
    fail_to_count("AFFJORD_EMULATED_DRIVER", "12040", "for CUDA 12.4, this one is for 13.0");
    device_about about;
    error_info err = {""};
    cr_assert_eq(emulated_library()->describe(3, &about, &err), STATUS_INVALID);
    cr_assert_eq(emulated_library()->describe(0, &about, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(about.major, 9);
}

Test(batched_trainer, a_missing_library_is_an_error) {
    const device_table *table;
    error_info err = {""};
    setenv("AFFJORD_DEVICE_LIBRARY", "/nowhere/at-all.so", 1);
    cr_assert_eq(device_open(&table, &err), STATUS_IO);
    cr_assert_not_null(strstr(err.text, "/nowhere/at-all.so"), "%s", err.text);
}

#endif

Test(batched_trainer, names_of_devices) {
    static const char *const wrong[] = {"", "cuda:", "cuda:x", "cuda:1x", "cuda:12345", "gpu", "cudaa", "cpu:0"};
    device_choice choice;
    error_info err;
    cr_assert_eq(device_parse("cpu", &choice, &err), STATUS_OK);
    cr_assert_not(choice.library);
    cr_assert_eq(device_parse("cuda", &choice, &err), STATUS_OK);
    cr_assert(choice.library && choice.number == 0);
    cr_assert_eq(device_parse("cuda:12", &choice, &err), STATUS_OK);
    cr_assert(choice.library && choice.number == 12);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(device_parse(wrong[i], &choice, &err), STATUS_INVALID, "%s", wrong[i]);
}
