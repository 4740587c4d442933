/* verb_model.c - ./run eval, sample and export: using what was trained. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_batch.h"
#include "data/npy.h"
#include "data/table.h"
#include "flow/bits.h"
#include "settings/source.h"
#include "system/arguments.h"
#include "system/place.h"
#include "train/checkpoint_parameters.h"
#include "verbs/model.h"
#include "verbs/verbs.h"
#include "work/outputs.h"

enum { THREADS_MAX = 256 };
#define POINTS_MAX 1000000000 /* of one call */

/* What the command lines of these verbs say. */
typedef struct request {
    const char *name, *input, *output, *database;
    uint64_t n, seed, threads;
} request;

/* The options that a verb has, and those it cannot do without. */
enum { HAS_INPUT = 1, HAS_COUNT = 2, NEEDS_COUNT = 4 };

static status read_request(int count, char **words, unsigned has, request *out, failure *why) {
    argument_option options[8];
    size_t used = 0, names = 0;
    *out = (request){.threads = 1};
    options[used++] = (argument_option){.name = "--output", .type = ARGUMENT_TEXT, .into = &out->output};
    options[used++] = (argument_option){.name = "--db", .type = ARGUMENT_TEXT, .into = &out->database};
    options[used++] = (argument_option){
        .name = "--threads", .type = ARGUMENT_NUMBER, .into = &out->threads, .minimum = 1, .maximum = THREADS_MAX};
    if (has & HAS_INPUT)
        options[used++] = (argument_option){.name = "--input", .type = ARGUMENT_TEXT, .into = &out->input};
    if (has & HAS_COUNT) {
        options[used++] = (argument_option){
            .name = "--n", .type = ARGUMENT_NUMBER, .into = &out->n, .minimum = 1, .maximum = POINTS_MAX};
        options[used++] =
            (argument_option){.name = "--seed", .type = ARGUMENT_NUMBER, .into = &out->seed, .maximum = INT64_MAX};
    }
    TRY(arguments_read(count, words, used, options, 1, &out->name, &names, why));
    if (names == 0) return fail(why, STATUS_INVALID, "which model? Name a run, or a .safetensors file");
    if ((has & HAS_INPUT) && !out->input) return fail(why, STATUS_INVALID, "--input is missing");
    if ((has & NEEDS_COUNT) && out->n == 0) return fail(why, STATUS_INVALID, "--n is missing");
    if (!out->output && !source_is_images(out->input ? out->input : ""))
        return fail(why, STATUS_INVALID, "--output is missing");
    return STATUS_OK;
}

/* --- Evaluation --- */

/* What is evaluated: rows of a file, or images of a set as a training validates on them. The caller frees *x. */
static status read_rows(const request *asked, const model *trained, real **x, size_t *n, failure *why) {
    table *points;
    const size_t D = trained->shape.dimension;
    TRY(table_read(asked->input, &points, why));
    status outcome = STATUS_OK;
    if (points->columns != D)
        outcome = fail(why, STATUS_FORMAT, "\"%s\" has points of dimension %zu, and the model is of dimension %zu",
                       asked->input, points->columns, D);
    for (size_t i = 0; trained->images && outcome == STATUS_OK && i < points->rows * D; i++)
        if (points->values[i] < 0 || points->values[i] > 1)
            outcome = fail(why, STATUS_FORMAT,
                           "\"%s\", row %zu, column %zu: %g: expected numbers from 0 to 1, as (byte + u)/256",
                           asked->input, i / D + 1, i % D + 1, (double)points->values[i]);
    if (outcome == STATUS_OK) {
        *n = points->rows;
        *x = points->values;
        points->values = NULL;
    }
    table_destroy(&points);
    return outcome;
}

static status read_set(const request *asked, const model *trained, real **x, size_t *n, failure *why) {
    source data;
    TRY(source_open(asked->input, &trained->values, &data, why));
    const specification_shape shape = source_shape(&data);
    const image_split split = image_objective_validation(data.images);
    const size_t there = data.images->size[split];
    status outcome = STATUS_OK;
    *n = asked->n > 0 && asked->n < there ? (size_t)asked->n : there;
    *x = NULL;
    if (memcmp(&shape, &trained->shape, sizeof shape) != 0)
        outcome =
            fail(why, STATUS_FORMAT, "%s has images of %zu x %zu x %zu, and the model is of images of %zu x %zu x %zu",
                 asked->input, shape.image[0], shape.image[1], shape.image[2], trained->shape.image[0],
                 trained->shape.image[1], trained->shape.image[2]);
    else if (!(*x = calloc(*n * shape.dimension, sizeof **x)))
        outcome = fail(why, STATUS_MEMORY, "out of memory for %zu images", *n);
    else image_batch(data.images, split, asked->seed, 0, *n, false, IMAGE_CHANNEL_LAST, *x);
    source_close(&data);
    return outcome;
}

/* The mean, and its standard error where there is one. */
static void print_bits(const double *log_density, size_t n, size_t D) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += bits_per_dim(log_density[i], D);
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += pow(bits_per_dim(log_density[i], D) - mean, 2);
    printf("%zu image%s: %.4f bits per dimension", n, n == 1 ? "" : "s", mean);
    if (n > 1) printf(", standard error %.4f", sqrt(squares / (double)(n - 1) / (double)n));
    printf("\n");
}

static status evaluate_images(const request *asked, model *trained, const real *x, size_t n, double *log_density,
                              failure *why) {
    TRY(outputs_image_log_density(trained->images, trained->params, x, n, asked->seed, NULL, NULL, log_density, why));
    print_bits(log_density, n, trained->shape.dimension);
    return STATUS_OK;
}

static status evaluate(const request *asked, model *trained, failure *why) {
    const bool set = source_is_images(asked->input);
    real *x;
    size_t n;
    if (!trained->images && (set || asked->n || asked->seed))
        return fail(why, STATUS_INVALID, "a set of images, --n and --seed are for models of images, and this is none");
    if (!set && asked->n) return fail(why, STATUS_INVALID, "--n is for a set of images; of a file all rows are taken");
    TRY(set ? read_set(asked, trained, &x, &n, why) : read_rows(asked, trained, &x, &n, why));
    double *log_density = calloc(n, sizeof *log_density);
    status outcome = log_density ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory for %zu points", n);
    if (outcome == STATUS_OK && trained->images) outcome = evaluate_images(asked, trained, x, n, log_density, why);
    else if (outcome == STATUS_OK)
        outcome = outputs_log_density(trained->flow, trained->params, x, n, NULL, NULL, log_density, why);
    if (outcome == STATUS_OK && asked->output) outcome = npy_write(asked->output, NPY_F64, log_density, n, 0, why);
    free(log_density);
    free(x);
    return outcome;
}

static status sample(const request *asked, model *trained, failure *why) {
    const size_t D = trained->shape.dimension;
    real *x = calloc(asked->n * D, sizeof *x);
    status outcome = STATUS_OK;
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", asked->n);
    if (trained->images)
        outcome = outputs_image_samples(trained->images, trained->params, asked->seed, asked->n, NULL, NULL, x, why);
    else outcome = outputs_samples(trained->flow, trained->params, asked->seed, asked->n, NULL, NULL, x, why);
    if (outcome == STATUS_OK) outcome = npy_write(asked->output, NPY_REAL, x, asked->n, D, why);
    free(x);
    return outcome;
}

/* --- Export --- */

typedef struct copying {
    checkpoint *into;
    status outcome;
} copying;

static void copy_text(void *argument, const char *key, const char *value) {
    copying *state = argument;
    if (state->outcome == STATUS_OK) state->outcome = checkpoint_put_text(state->into, key, value);
}

/* Parameters and texts, without the optimiser's state. */
static status fill_export(const model *trained, checkpoint *into) {
    copying state = {.into = into, .outcome = STATUS_OK};
    checkpoint_each_text(trained->file, copy_text, &state);
    TRY(state.outcome);
    return checkpoint_put_parameters(into, trained->table, trained->params);
}

static status export_model(const request *asked, model *trained, failure *why) {
    checkpoint *file;
    if (checkpoint_create(&file) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory");
    status outcome = fill_export(trained, file);
    if (outcome != STATUS_OK) failure_describe(why, "out of memory");
    else outcome = checkpoint_write(file, asked->output, NULL, why);
    checkpoint_destroy(&file);
    return outcome;
}

/* --- The verbs --- */

static int run_with_model(const verb *self, int count, char **words, unsigned has,
                          status (*use)(const request *asked, model *trained, failure *why)) {
    request asked;
    model trained;
    failure note, why = {""};
    char database[PLACE_PATH_MAX];
    if (read_request(count, words, has, &asked, &why) != STATUS_OK) return verb_misused(self, why.text);
    place_path(PLACE_DATABASE, database);
    status outcome = model_open(asked.name, asked.database ? asked.database : database, (size_t)asked.threads, &trained,
                                &note, &why);
    if (outcome == STATUS_INVALID) return verb_misused(self, why.text);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    if (note.text[0]) fprintf(stderr, "Note: %s\n", note.text);
    outcome = use(&asked, &trained, &why);
    model_close(&trained);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

static int run_eval(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&verb_eval, count, words, HAS_INPUT | HAS_COUNT, evaluate);
}

static int run_sample(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&verb_sample, count, words, HAS_COUNT | NEEDS_COUNT, sample);
}

static int run_export(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&verb_export, count, words, 0, export_model);
}

#define MODEL_HELP                                                                                                     \
    "RUN is a run's number, its key, or the beginning of its key, as ./run list shows them; FILE.safetensors is\n"     \
    "what ./run export wrote, or a checkpoint.\n"

const verb verb_eval = {
    .name = "eval",
    .summary = "log p(x) of points, or bits per dimension of images, under a trained model",
    .usage = "usage: ./run eval RUN|FILE.safetensors --input X --output LOGP.npy [--seed S] [--threads N]\n"
             "                  [--db PATH]\n"
             "       ./run eval RUN|FILE.safetensors --input SET [--n N] [--seed S] [--output LOGP.npy] ...\n"
             "\n"
             "Writes log p(x) in nats for each row of X (.npy or .csv): float64, (rows). Of points with the exact\n"
             "trace. Of images by Hutchinson's estimate, and says the mean in bits per dimension; a row of X is an\n"
             "image, channels last, of numbers (byte + u)/256. SET is a set of images by name, as mnist: its first N\n"
             "test images (validation images where it has some; all), with noise of seed S. Probes are of seed S (0).\n"
             "\n" MODEL_HELP,
    .run = run_eval};

const verb verb_sample = {
    .name = "sample",
    .summary = "samples of a trained model",
    .usage = "usage: ./run sample RUN|FILE.safetensors --n N [--seed S] --output X.npy [--threads N] [--db PATH]\n"
             "\n"
             "Writes N samples, one a row: (N, D); images with their channels last, about 0 to 1. The same seed (0)\n"
             "gives the same samples, and more of them begin with those of a smaller N; of images this holds to the\n"
             "bit for multiples of 50, as with adaptive steps images that are solved together share their steps.\n"
             "\n" MODEL_HELP,
    .run = run_sample};

const verb verb_export = {.name = "export",
                          .summary = "a trained model as a file of its own",
                          .usage =
                              "usage: ./run export RUN|FILE.safetensors --output FILE.safetensors [--threads N]\n"
                              "                    [--db PATH]\n"
                              "\n"
                              "Writes the parameters under their names, with every setting in the file's metadata.\n"
                              "\n" MODEL_HELP,
                          .run = run_export};
