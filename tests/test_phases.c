/* test_phases.c - tolerances by phases of a training, a separate solver for evaluation, held-out validation images. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_support.h"
#include "model/specification.h"
#include "train/trainer.h"
#include "train/trainer_internal.h"

enum { POINTS_D = 2, SIDE = 8, IMAGES = 40, HELD_OUT = 8, PHASE_ITERATIONS = 6 };

/* --- Kinds of data and models, each with all solvers --- */

typedef struct phase_case {
    const char *name;
    bool image;
    const char *settings[8];
} phase_case;

static const phase_case CASES[] = {
    {"mlp", false, {"model.field=mlp", "solver.method=dopri5"}},
    {"hyper_mlp", false, {"solver.method=bosh3"}},
    {"lifted", false, {"model.field=mlp", "model.context=lifted", "solver.method=dopri5", "model.concat=no"}},
    {"images", true, {"model.context=augmented", "solver.method=dopri5", "image.variant=paper"}},
};
enum { CASE_COUNT = sizeof CASES / sizeof *CASES };

static const char *const COMMON[] = {"flow.end_time=1",         "model.hidden=6",          "model.width=8",
                                     "model.hypernet_width=6",  "image.hidden_layers=1",   "image.hidden_channels=4",
                                     "image.augmented_dims=6",  "image.hypernet_inputs=3", "train.batch=8",
                                     "train.validation=16",     "train.iterations=6",      "train.epoch_iterations=3",
                                     "train.learning_rate=1e-2"};

static void put(settings *values, const char *text) {
    const char *equals = strchr(text, '=');
    char name[64];
    const setting_option *option;
    error_info err = {""};
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    cr_assert_eq(settings_find_name(name, &option, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(settings_parse(option, equals + 1, values, &err), STATUS_OK, "%s", err.text);
}

static settings settings_of(const phase_case *which) {
    settings values;
    settings_default(&values);
    for (size_t i = 0; i < sizeof COMMON / sizeof *COMMON; i++) put(&values, COMMON[i]);
    for (size_t i = 0; which->settings[i]; i++) put(&values, which->settings[i]);
    if (which->image) put(&values, "flow.divergence=rademacher");
    return values;
}

typedef struct phase_data {
    dataset *points;
    image_set *images;
} phase_data;

static phase_data open_phase_data(const phase_case *which) {
    phase_data data = {NULL, NULL};
    error_info err = {""};
    if (!which->image) {
        cr_assert_eq(dataset_open("ty", &data.points, &err), STATUS_OK, "%s", err.text);
        return data;
    }
    static unsigned char pixels[IMAGES * SIDE * SIDE];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * i / 7 % 251);
    data.images = make_set((size_t[IMAGE_SPLITS]){IMAGES - 16, 0, 16}, 1, SIDE, SIDE, pixels);
    return data;
}

static void close_phase_data(phase_data *data) {
    dataset_close(&data->points);
    image_close(&data->images);
}

static objective *objective_of(const phase_case *which, const settings *values, phase_data data) {
    const specification_shape shape = which->image
                                          ? (specification_shape){.dimension = SIDE * SIDE, .image = {1, SIDE, SIDE}}
                                          : (specification_shape){.dimension = POINTS_D};
    objective_spec spec;
    objective *made = NULL;
    error_info err = {""};
    cr_assert_eq(specification_check(values, &shape, &err), STATUS_OK, "%s: %s", which->name, err.text);
    specification_objective(values, &shape, 3, &spec);
    cr_assert_eq(
        objective_create(&spec, (objective_data){.points = data.points, .images = data.images}, NULL, &made, &err),
        STATUS_OK, "%s: %s", which->name, err.text);
    return made;
}

/* --- Tolerances --- */

Test(phases, tolerances_are_a_step_function) {
    settings values;
    objective_spec spec;
    settings_default(&values);
    put(&values, "solver.method=dopri5");
    put(&values, "solver.tolerance_phases=1e-2 until 4,  1e-3  until  9");
    specification_objective(&values, &(specification_shape){.dimension = 2}, 0, &spec);
    cr_assert_eq(spec.tolerances.count, 2);
    for (uint64_t iteration = 1; iteration < 13; iteration++) {
        double atol = 1e-5, rtol = 1e-6;
        objective_tolerances(&spec, iteration, &atol, &rtol);
        cr_expect_eq(atol, iteration <= 4 ? 1e-2 : iteration <= 9 ? 1e-3 : 1e-5);
        cr_expect_eq(rtol, iteration <= 4 ? 1e-2 : iteration <= 9 ? 1e-3 : 1e-6);
        settings entered = values;
        entered.solver_rtol = 1e-6;
        specification_enter_phase(&entered, iteration);
        cr_expect(entered.solver_atol == atol && entered.solver_rtol == rtol, "iteration %d", (int)iteration);
    }
}

/* A step has the bits of one with the phase's tolerances all the time, also after steps of other phases. */
Test(phases, steps_have_the_bits_of_their_tolerance) {
    static const char *const tolerances[] = {"3e-2", "1e-3", "1e-5"};
    for (size_t i = 0; i < CASE_COUNT; i++) {
        phase_data data = open_phase_data(&CASES[i]);
        settings values = settings_of(&CASES[i]), same = values;
        put(&values, "solver.tolerance_phases=3e-2 until 1, 1e-3 until 2");
        objective *phased = objective_of(&CASES[i], &values, data);
        const size_t P = objective_parameters(phased)->total;
        real *params = calloc(3 * P, sizeof *params), *g = params + P, *expected = g + P;
        objective_initialise(phased, params);
        double losses[3];
        for (uint64_t iteration = 1; iteration <= 3; iteration++) {
            objective_counts counts;
            double loss;
            char text[64];
            for (size_t k = 0; k < 2; k++) {
                snprintf(text, sizeof text, "solver.%s=%s", k ? "rtol" : "atol", tolerances[iteration - 1]);
                put(&same, text);
            }
            objective *plain = objective_of(&CASES[i], &same, data);
            cr_assert_eq(objective_step(plain, iteration, params, &loss, expected, &counts), STATUS_OK);
            cr_assert_eq(objective_step(phased, iteration, params, &losses[iteration - 1], g, &counts), STATUS_OK);
            cr_expect_eq(losses[iteration - 1], loss, "%s, iteration %d", CASES[i].name, (int)iteration);
            cr_expect_eq(memcmp(g, expected, P * sizeof *g), 0, "%s, iteration %d", CASES[i].name, (int)iteration);
            objective_destroy(&plain);
        }
        objective_counts counts;
        double coarse;
        cr_assert_eq(objective_step(phased, 1, params, &coarse, g, &counts), STATUS_OK);
        cr_expect_eq(coarse, losses[0], "%s: back in the first phase", CASES[i].name);
        free(params);
        objective_destroy(&phased);
        close_phase_data(&data);
    }
}

/* --- Batches --- */

Test(phases, batches_are_a_step_function_and_images_come_once_in_a_pass) {
    const phase_case *which = &CASES[CASE_COUNT - 1];
    phase_data data = open_phase_data(which);
    settings values = settings_of(which);
    put(&values, "train.batch_phases=1 until 3, 5 until 5");
    objective *phased = objective_of(which, &values, data);
    const objective_spec *spec = objective_specification(phased);
    static const size_t sizes[] = {1, 1, 1, 5, 5, 8, 8, 8, 8, 8}; /* 53 */
    const size_t D = SIDE * SIDE, pass = IMAGES - 16;
    real *seen = calloc((2 * pass + 8) * D, sizeof *seen), *batch = calloc(8 * D, sizeof *batch);
    uint64_t position = 0;
    for (uint64_t iteration = 1; iteration <= sizeof sizes / sizeof *sizes; iteration++) {
        const size_t n = sizes[iteration - 1];
        cr_expect_eq(objective_batch_size(spec, iteration), n, "iteration %d", (int)iteration);
        cr_expect_eq(objective_position(spec, iteration), position, "iteration %d", (int)iteration);
        cr_expect_eq(specification_trained(&values, iteration - 1), position);
        objective_batches(phased, iteration, 1, batch);
        cr_assert_lt(position, 2 * pass);
        memcpy(seen + position * D, batch, n * D * sizeof *batch);
        position += n;
    }
    /* The same sequence of images as that of another batch size; a pass has each image once. */
    cr_assert_geq(position, 2 * pass);
    settings same = settings_of(which);
    objective *plain = objective_of(which, &same, data);
    for (uint64_t iteration = 1; iteration <= 2 * pass / 8; iteration++) {
        objective_batches(plain, iteration, 1, batch);
        cr_expect_eq(memcmp(batch, seen + (iteration - 1) * 8 * D, 8 * D * sizeof *batch), 0, "images %d and on",
                     8 * (int)(iteration - 1));
    }
    free(seen);
    free(batch);
    objective_destroy(&phased);
    objective_destroy(&plain);
    close_phase_data(&data);
}

/* A step has the bits of one with the phase's batch size all the time; of images, of the same images. */
Test(phases, steps_have_the_bits_of_their_batch) {
    for (size_t i = 0; i < CASE_COUNT; i++) {
        phase_data data = open_phase_data(&CASES[i]);
        settings values = settings_of(&CASES[i]), same = values;
        put(&values, "train.batch_phases=3 until 1");
        objective *phased = objective_of(&CASES[i], &values, data);
        const size_t P = objective_parameters(phased)->total;
        real *params = calloc(3 * P, sizeof *params), *g = params + P, *expected = g + P;
        objective_counts counts;
        double loss, plain_loss;
        objective_initialise(phased, params);
        put(&same, "train.batch=3");
        objective *plain = objective_of(&CASES[i], &same, data);
        cr_assert_eq(objective_step(phased, 1, params, &loss, g, &counts), STATUS_OK);
        cr_assert_eq(objective_step(plain, 1, params, &plain_loss, expected, &counts), STATUS_OK);
        cr_expect_eq(loss, plain_loss, "%s", CASES[i].name);
        cr_expect_eq(memcmp(g, expected, P * sizeof *g), 0, "%s", CASES[i].name);
        objective_destroy(&plain);
        /* Points are drawn by the iteration, so a later step has those of a training without phases. */
        settings later = settings_of(&CASES[i]);
        plain = objective_of(&CASES[i], &later, data);
        cr_assert_eq(objective_step(phased, 2, params, &loss, g, &counts), STATUS_OK);
        cr_assert_eq(objective_step(plain, 2, params, &plain_loss, expected, &counts), STATUS_OK);
        cr_expect_eq(loss == plain_loss, !CASES[i].image, "%s", CASES[i].name);
        free(params);
        objective_destroy(&phased);
        objective_destroy(&plain);
        close_phase_data(&data);
    }
}

/* --- Evaluation --- */

static double measured(objective *of, const real *params, double *evaluations) {
    objective_counts counts;
    double loss;
    cr_assert_eq(objective_measure(of, OBJECTIVE_VALIDATION, 1, params, &loss, &counts), STATUS_OK);
    *evaluations = counts.flows[0].forward;
    return loss;
}

/* Of adaptive and of fixed steps: the loss has the bits of a training with that tolerance. */
Test(phases, evaluation_has_its_own_solver) {
    for (size_t i = 0; i < 2 * CASE_COUNT; i++) {
        const phase_case *which = &CASES[i / 2];
        phase_data data = open_phase_data(which);
        settings values = settings_of(which), fine = values;
        if (i % 2) {
            put(&values, "solver.method=rk4");
            put(&values, "solver.steps=1");
            put(&fine, "solver.method=dopri5");
        } else {
            put(&values, "solver.tolerance_phases=1e-1 until 3");
        }
        put(&values, "solver.evaluation_tolerance=1e-4");
        for (size_t k = 0; k < 2; k++) put(&fine, k ? "solver.rtol=1e-4" : "solver.atol=1e-4");
        objective *apart = objective_of(which, &values, data), *plain = objective_of(which, &fine, data);
        put(&values, "solver.evaluation_tolerance=0");
        objective *coarse = objective_of(which, &values, data);
        const size_t P = objective_parameters(apart)->total;
        cr_assert_eq(objective_parameters(plain)->total, P);
        real *params = calloc(2 * P, sizeof *params), *g = params + P;
        double loss, evaluations[2], step[2];
        objective_counts counts;
        objective_initialise(apart, params);
        cr_assert_eq(objective_step(apart, 1, params, &step[0], g, &counts), STATUS_OK);
        cr_assert_eq(objective_step(coarse, 1, params, &step[1], g, &counts), STATUS_OK);
        cr_expect_eq(step[0], step[1], "%s: steps do not change", which->name);
        loss = measured(apart, params, &evaluations[0]);
        cr_expect_eq(loss, measured(plain, params, &evaluations[1]), "%s, %s", which->name,
                     i % 2 ? "fixed" : "adaptive");
        cr_expect_eq(evaluations[0], evaluations[1]);
        cr_expect_gt(objective_bytes(apart), objective_bytes(coarse));
        free(params);
        objective_destroy(&apart);
        objective_destroy(&plain);
        objective_destroy(&coarse);
        close_phase_data(&data);
    }
}

/* --- Resuming --- */

static trainer *trainer_of(const phase_case *which, const settings *values, phase_data data) {
    trainer_spec spec;
    trainer *made = NULL;
    error_info err = {""};
    objective *loss = objective_of(which, values, data);
    specification_trainer(values, &spec);
    cr_assert_eq(trainer_create(&spec, &loss, &made, &err), STATUS_OK, "%s", err.text);
    return made;
}

static double train_to(trainer *training, uint64_t until) {
    trainer_epoch epoch = {.validation_loss = NAN};
    while (trainer_iteration(training) < until) {
        bool done;
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
    }
    return epoch.validation_loss;
}

Test(phases, resumed_trainings_have_the_same_bits) {
    for (size_t i = 0; i < CASE_COUNT; i++)
        for (uint64_t stop = 1; stop < PHASE_ITERATIONS; stop += 2) {
            phase_data data = open_phase_data(&CASES[i]);
            settings values = settings_of(&CASES[i]);
            put(&values, "solver.tolerance_phases=1e-1 until 2, 1e-2 until 4");
            put(&values, "train.batch_phases=2 until 3, 5 until 5");
            put(&values, "solver.evaluation_tolerance=1e-4");
            put(&values, "train.warmup=2");
            put(&values, "train.decay=cosine");
            put(&values, "train.clip_norm=0.5");
            put(&values, "train.average=0.5");
            trainer *whole = trainer_of(&CASES[i], &values, data), *begun = trainer_of(&CASES[i], &values, data),
                    *resumed = trainer_of(&CASES[i], &values, data);
            checkpoint *saved = NULL;
            error_info err = {""};
            train_to(begun, stop);
            cr_assert_eq(checkpoint_create(&saved), STATUS_OK);
            cr_assert_eq(trainer_save(begun, saved), STATUS_OK);
            cr_assert_eq(trainer_restore(resumed, saved, &err), STATUS_OK, "%s", err.text);
            cr_expect_eq(train_to(whole, PHASE_ITERATIONS), train_to(resumed, PHASE_ITERATIONS), "%s", CASES[i].name);
            const size_t P = objective_parameters(trainer_objective(whole))->total;
            cr_expect_eq(memcmp(trainer_parameters(whole), trainer_parameters(resumed), P * sizeof(real)), 0, "%s",
                         CASES[i].name);
            checkpoint_destroy(&saved);
            trainer_destroy(&whole);
            trainer_destroy(&begun);
            trainer_destroy(&resumed);
            close_phase_data(&data);
        }
}

/* --- Settings --- */

#define BATCHES "expected a batch size from 1 to 512 and an iteration from 1"

Test(phases, wrong_settings_have_their_messages) {
    static const struct {
        const char *set[2];
        const char *words;
    } wrong[] = {
        {{"solver.tolerance_phases=1e-2"}, "\"1e-2\"; expected a tolerance from 1e-14 to 1 and an iteration"},
        {{"solver.tolerance_phases=1e-2 until 0"}, "expected a tolerance"},
        {{"solver.tolerance_phases=1e-2 until 5 more"}, "expected a tolerance"},
        {{"solver.tolerance_phases=2 until 5"}, "expected a tolerance"},
        {{"solver.tolerance_phases=x until 5"}, "expected a tolerance"},
        {{"solver.tolerance_phases=1e-2 to 5"}, "expected a tolerance"},
        {{"solver.tolerance_phases=1e-2 until 5, 1e-3 until 5"}, "expected a later iteration than 5"},
        {{"solver.tolerance_phases=1e-2 until 5", "solver.method=rk4"}, "fixed steps have no tolerance"},
        {{"solver.evaluation_tolerance=1e-15"}, "expected 0 or at least 1e-14"},
        {{"solver.tolerance_phases=1 until 1, 1 until 2, 1 until 3, 1 until 4, 1 until 5, 1 until 6, 1 until 7, 1 "
          "until "
          "8, 1 until 9"},
         "solver.tolerance_phases: more than 8 phases"},
        {{"train.batch_phases=16"}, BATCHES},
        {{"train.batch_phases=0 until 5"}, BATCHES},
        {{"train.batch_phases=513 until 5"}, BATCHES},
        {{"train.batch_phases=2.5 until 5"}, BATCHES},
        {{"train.batch_phases=x until 5"}, BATCHES},
        {{"train.batch_phases=16 until 5, 32 until 5"}, "expected a later iteration than 5"},
        {{"train.batch_phases=16 until 5", "train.batch=8"}, "expected a batch size from 1 to 8"},
    };
    const specification_shape shape = {.dimension = 2};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        settings values;
        error_info err = {""};
        settings_default(&values);
        put(&values, "solver.method=dopri5");
        for (size_t k = 0; k < 2 && wrong[i].set[k]; k++) put(&values, wrong[i].set[k]);
        cr_expect_eq(specification_check(&values, &shape, &err), STATUS_INVALID, "%s", wrong[i].set[0]);
        cr_expect_not_null(strstr(err.text, wrong[i].words), "%s: %s", wrong[i].set[0], err.text);
    }
}

/* --- Images held out --- */

Test(phases, validation_images_are_the_last_training_images) {
    const phase_case *which = &CASES[CASE_COUNT - 1];
    phase_data data = open_phase_data(which), whole = open_phase_data(which);
    image_set *set = data.images;
    error_info err = {""};
    cr_assert_eq(image_hold_out(set, HELD_OUT, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(set->size[IMAGE_TRAINING], IMAGES - 16 - HELD_OUT);
    cr_expect_eq(set->size[IMAGE_VALIDATION], HELD_OUT);
    cr_expect_eq(set->first[IMAGE_VALIDATION], IMAGES - 16 - HELD_OUT);
    cr_expect_eq(set->first[IMAGE_TEST], IMAGES - 16);
    cr_expect_eq(set->size[IMAGE_TEST], 16);
    cr_expect_arr_eq(set->pixels, whole.images->pixels, IMAGES * SIDE * SIDE, "no image moves");
    cr_expect_str_neq(set->sha256, whole.images->sha256, "other data than the whole set");
    cr_expect_eq(objective_validation_split(set), IMAGE_VALIDATION);
    cr_expect_eq(image_hold_out(set, 1, &err), STATUS_INVALID, "only once");
    cr_expect_eq(image_hold_out(whole.images, 0, &err), STATUS_INVALID);
    cr_expect_eq(image_hold_out(whole.images, IMAGES - 16, &err), STATUS_INVALID, "some are trained on");
    close_phase_data(&data);
    close_phase_data(&whole);
}
