/* bench_images.c - compare trainings of images on a device with the processor's, then time them. */
#include "bench/bench_images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/settings.h"
#include "model/specification.h"
#include "system/clock.h"

/* Synthetic images, because the machine may have no real ones: a blob on black, with its own place and size in each. */
enum { IMAGES = 600, TRAINING_IMAGES = 400, SIDE_MAX = 28, MODELS = 3, COMPARED = 4, TIMED = 3 };

/* The settings of table1_small.ini or, for the speed, of Table 1. */
typedef struct sizes {
    size_t side, channels, batch, iterations;
    double tolerance; /* of the solver */
} sizes;

static const char *const model_names[MODELS] = {"FFJORD", "AFFJORD", "FFJORD with attention"};

/* Shared by all parts. */
typedef struct bench {
    const device_table *table;
    parallel *workers;
    unsigned char pixels[IMAGES * SIDE_MAX * SIDE_MAX];
    size_t *failures;
} bench;

/* The result of a training, and the time of an iteration after the first one. */
typedef struct side {
    double loss, validation, seconds;
    double evaluations; /* field evaluations per iteration, forward and backward */
    size_t parameters;
    real *params; /* (parameters), owned */
} side;

static image_set draw(bench *self, size_t edge) {
    static char name[] = "blobs";
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t y = 0; y < edge; y++)
            for (size_t x = 0; x < edge; x++) {
                const double row = (double)(i * 7 % edge), column = (double)(i * 11 % edge);
                const double far = pow((double)y - row, 2) + pow((double)x - column, 2);
                self->pixels[(i * edge + y) * edge + x] = (unsigned char)(255 / (1 + far / (2 + (double)(i % 5))));
            }
    return (image_set){.name = name,
                       .count = IMAGES,
                       .channels = 1,
                       .height = edge,
                       .width = edge,
                       .pixels = self->pixels,
                       .first = {0, TRAINING_IMAGES, TRAINING_IMAGES},
                       .size = {TRAINING_IMAGES, 0, IMAGES - TRAINING_IMAGES}};
}

static void choose(const sizes *of, size_t model, settings *values) {
    settings_default(values);
    values->model_context = model == 1 ? CONTEXT_AUGMENTED : CONTEXT_CLOCK;
    values->image_layer = model == 1 ? IMAGE_HYPER : IMAGE_CONCAT;
    values->image_attention_heads = model == 2 ? 2 : 0;
    values->image_attention_channels = 16;
    values->image_variant = IMAGE_PAPER;
    values->image_hidden_layers = 3;
    values->image_hidden_channels = of->channels;
    values->image_augmented_dims = 16;
    values->image_hypernet_inputs = 10;
    values->flow_end_time = 1;
    values->flow_learn_end_time = true;
    values->flow_base_variance = 1;
    values->flow_divergence = DIVERGENCE_RADEMACHER;
    values->solver_method = TABLEAU_DOPRI5;
    values->solver_atol = values->solver_rtol = of->tolerance;
    values->train_batch = of->batch;
    values->train_validation = of->batch;
    values->train_test = 0;
    values->train_iterations = values->train_epoch_iterations = of->iterations;
    values->train_learning_rate = 1e-3;
    values->train_warmup = 0;
}

static void free_side(side *one) {
    free(one->params);
    one->params = NULL;
}

static status train(trainer *training, side *out, error_info *err) {
    bool done;
    trainer_epoch epoch = {.validation_loss = NAN};
    double start = 0;
    while (!trainer_finished(training)) {
        if (trainer_iteration(training) == 1) start = clock_seconds(); /* after allocations and compilation */
        const uint64_t before = trainer_iteration(training);
        const status outcome = trainer_step(training, &out->loss, &done, &epoch);
        if (outcome != STATUS_OK) return error_set(err, STATUS_NON_FINITE, "iteration %zu failed", (size_t)before + 1);
    }
    const size_t rest = (size_t)trainer_iteration(training) - 1;
    out->seconds = rest > 0 ? (clock_seconds() - start) / (double)rest : NAN;
    out->validation = epoch.validation_loss;
    out->evaluations =
        trainer_forward_evaluations(&epoch.training_counts) + trainer_backward_evaluations(&epoch.training_counts);
    out->parameters = objective_parameters(trainer_objective(training))->total;
    out->params = calloc(out->parameters, sizeof *out->params);
    if (!out->params) return error_set(err, STATUS_MEMORY, "out of memory");
    memcpy(out->params, trainer_parameters(training), out->parameters * sizeof *out->params);
    return STATUS_OK;
}

/* Run a whole training; `device` NULL: on the processor. */
static status train_on(bench *self, const backend_ops *device, const sizes *of, size_t model, side *out,
                       error_info *err) {
    const image_set set = draw(self, of->side);
    const size_t shape[3] = {1, of->side, of->side};
    settings values;
    objective_spec spec;
    trainer_spec training_spec;
    objective *obj;
    trainer *training;
    *out = (side){.params = NULL};
    choose(of, model, &values);
    specification_objective(&values, &(specification_shape){.image = {shape[0], shape[1], shape[2]}}, 1, &spec);
    specification_trainer(&values, &training_spec);
    spec.model.backend = training_spec.backend = device;
    TRY(objective_create(&spec, (objective_data){.images = &set}, self->workers, &obj, err));
    TRY(trainer_create(&training_spec, &obj, &training, err));
    status outcome = train(training, out, err);
    trainer_destroy(&training);
    if (device) TRY(self->table->images_state(device, err)); /* which has the cause */
    return outcome;
}

/* Options of a device: with cuDNN, and with cuBLAS, if they are found, or without; repeating steps itself, or one kernel
 * at a time. */
typedef struct way {
    bool library, products, graphs;
} way;

/* Set an environment variable until it is restored. */
static status borrow(const char *name, const char *value, char **kept, error_info *err) {
    const char *given = getenv(name);
    *kept = given ? strdup(given) : NULL;
    if (given && !*kept) return error_set(err, STATUS_MEMORY, "out of memory");
    if (value) setenv(name, value, 1);
    return STATUS_OK;
}
static void put_back(const char *name, char *kept) {
    if (kept) setenv(name, kept, 1);
    else unsetenv(name);
    free(kept);
}

/* Open device 0. */
static status open_device(const bench *self, way by, const backend_ops **out, error_info *err) {
    enum { NAMES = 3 };
    static const char *const names[NAMES] = {"AFFJORD_CUDNN", "AFFJORD_CUBLAS", "AFFJORD_GRAPHS"};
    const bool used[NAMES] = {by.library, by.products, by.graphs};
    char *kept[NAMES];
    size_t count = 0;
    status opened = STATUS_OK;
    for (; count < NAMES && opened == STATUS_OK; count += opened == STATUS_OK)
        opened = borrow(names[count], used[count] ? NULL : "none", &kept[count], err);
    if (opened == STATUS_OK) opened = self->table->images_open(0, out, err);
    while (count-- > 0) put_back(names[count], kept[count]);
    return opened;
}

/* Return whether the libraries of `by` computed everything that they can: *which <- their names, or why not. */
static bool has_libraries(const bench *self, way by, const backend_ops *device, error_info *which) {
    error_info products;
    const bool convolutions = self->table->images_library(device, which);
    const bool all = self->table->images_products(device, &products);
    if (!by.products || !convolutions) return convolutions;
    if (!all) *which = products;
    else if (products.text[0]) {
        const error_info first = *which;
        error_describe(which, "%.100s, %.100s", first.text, products.text);
    }
    return all;
}

/* The same on device 0; *has <- whether the libraries compute all that they can. */
static status train_there(bench *self, way by, const sizes *of, size_t model, side *out, bool *has, error_info *which,
                          error_info *err) {
    const backend_ops *device;
    TRY(open_device(self, by, &device, err));
    const status outcome = train_on(self, device, of, model, out, err);
    *has = has_libraries(self, by, device, which);
    self->table->images_close(&device);
    return outcome;
}

/* --- Comparing --- */

static void report(bench *self, size_t model, const char *what, bool holds, const char *good, double a, double b) {
    if (!holds) ++*self->failures;
    printf("| %s | %s | %s | %.9g | %.9g |\n", model_names[model], what, holds ? good : "**differ**", a, b);
    fflush(stdout);
}

/* Only the order of sums differs, and a few iterations amplify it little. */
static bool near(const side *a, const side *b) {
    const double most = 1e-3; /* bits per dimension */
    return fabs(a->loss - b->loss) <= most && fabs(a->validation - b->validation) <= most;
}

static bool same(const side *a, const side *b) {
    return a->loss == b->loss && a->validation == b->validation &&
           memcmp(a->params, b->params, a->parameters * sizeof *a->params) == 0;
}

static status compare_by(bench *self, bool library, const sizes *of, size_t model, const side *here, bool *has,
                         error_info *err) {
    enum { TIMES = 3 };
    side there[TIMES] = {{.params = NULL}};
    error_info which;
    char what[160];
    status outcome = STATUS_OK;
    for (size_t i = 0; i < TIMES && outcome == STATUS_OK; i++) {
        const way by = {.library = library, .products = library, .graphs = i < 2};
        outcome = train_there(self, by, of, model, &there[i], has, &which, err);
    }
    if (outcome == STATUS_OK && *has == library) {
        const char *by = library ? which.text : "own kernels";
        snprintf(what, sizeof what, "processor and device, %.60s", by);
        report(self, model, what, near(here, &there[0]), "near", here->loss, there[0].loss);
        snprintf(what, sizeof what, "device, twice, %.60s", by);
        report(self, model, what, same(&there[0], &there[1]), "same bits", there[0].loss, there[1].loss);
        snprintf(what, sizeof what, "steps repeated and kernels one by one, %.60s", by);
        report(self, model, what, same(&there[0], &there[2]), "same bits", there[0].loss, there[2].loss);
    } else if (outcome == STATUS_OK) {
        printf("| %s | not done: %.200s | | | |\n", model_names[model], which.text);
    }
    for (size_t i = 0; i < TIMES; i++) free_side(&there[i]);
    return outcome;
}

static status compare(bench *self, bool brief, error_info *err) {
    const sizes of = brief ? (sizes){8, 4, 2, 1, 1e-1} : (sizes){14, 16, 32, COMPARED, 1e-3};
    printf(
        "\n## Images\n\nTrainings of %zu iterations on %zu images of %zu x %zu, %zu channels, tolerances of %g: last "
        "losses, validation losses and, device against device, parameters.\n\n"
        "| model | what | verdict | last loss | last loss |\n|---|---|---|---|---|\n",
        of.iterations, of.batch, of.side, of.side, of.channels, of.tolerance);
    for (size_t model = 0; model < MODELS; model++) {
        side here = {.params = NULL};
        bool has;
        status outcome = train_on(self, NULL, &of, model, &here, err);
        if (outcome == STATUS_OK) outcome = compare_by(self, false, &of, model, &here, &has, err);
        if (outcome == STATUS_OK) outcome = compare_by(self, true, &of, model, &here, &has, err);
        free_side(&here);
        TRY(outcome);
    }
    return STATUS_OK;
}

/* --- Speed --- */

static status measure(bench *self, error_info *err) {
    const sizes of = {28, 64, 200, 1 + TIMED, 1e-5};
    printf(
        "\n### Table 1's runs on MNIST\n\nBatches of %zu, three layers of %zu channels, tolerances of %g, at the start "
        "of a training. AFFJORD's hypernets and attention have products that suit cuBLAS.\n\n| model | libraries | "
        "seconds an iteration | evaluations of fields in it | ms an "
        "evaluation |\n|---|---|---|---|---|\n",
        of.batch, of.channels, of.tolerance);
    for (size_t model = 0; model < MODELS; model++)
        for (size_t i = 0; i < 6; i++) {
            const way by = {.library = i >= 2, .products = i >= 4, .graphs = i % 2};
            side one = {.params = NULL};
            bool has;
            error_info which;
            const status outcome = train_there(self, by, &of, model, &one, &has, &which, err);
            free_side(&one);
            TRY(outcome);
            if (by.library && !has) continue;
            printf("| %s | %.60s%s | %.3f | %.0f | %.3f |\n", model_names[model], by.library ? which.text : "own",
                   by.graphs ? "" : ", kernels one by one", one.seconds, one.evaluations,
                   1e3 * one.seconds / one.evaluations);
            fflush(stdout);
        }
    return STATUS_OK;
}

status bench_images(const device_table *table, parallel *workers, bool brief, size_t *failures, error_info *err) {
    bench *self = calloc(1, sizeof *self);
    if (!self) return error_set(err, STATUS_MEMORY, "out of memory");
    self->table = table;
    self->workers = workers;
    self->failures = failures;
    status outcome = compare(self, brief, err);
    if (outcome == STATUS_OK && !brief) outcome = measure(self, err);
    free(self);
    return outcome;
}
