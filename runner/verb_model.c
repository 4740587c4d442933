/* verb_model.c - ./run eval, sample and export: using what was trained. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "data/npy.h"
#include "data/table.h"
#include "model.h"
#include "outputs.h"
#include "place.h"
#include "verbs.h"

enum { THREADS_MAX = 256 };
#define POINTS_MAX 1000000000 /* of one call */

/* What the command lines of these verbs say. */
typedef struct request {
    const char *name, *input, *output, *database;
    uint64_t n, seed, threads;
} request;

/* The options that a verb has, and those it cannot do without. */
enum { HAS_INPUT = 1, HAS_COUNT = 2 };

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
    if ((has & HAS_COUNT) && out->n == 0) return fail(why, STATUS_INVALID, "--n is missing");
    if (!out->output) return fail(why, STATUS_INVALID, "--output is missing");
    return STATUS_OK;
}

static status evaluate(const request *asked, model *trained, failure *why) {
    table *points;
    TRY(table_read(asked->input, &points, why));
    double *log_density = calloc(points->rows, sizeof *log_density);
    status outcome = STATUS_OK;
    if (!log_density) {
        outcome = fail(why, STATUS_MEMORY, "out of memory for %zu points", points->rows);
    } else if (points->columns != trained->dimension) {
        outcome = fail(why, STATUS_FORMAT, "\"%s\" has points of dimension %zu, and the model is of dimension %zu",
                       asked->input, points->columns, trained->dimension);
    } else {
        outputs_log_density(trained->flow, trained->params, points->values, points->rows, NULL, NULL, log_density);
        outcome = npy_write(asked->output, NPY_F64, log_density, points->rows, 0, why);
    }
    free(log_density);
    table_destroy(&points);
    return outcome;
}

static status sample(const request *asked, model *trained, failure *why) {
    real *x = calloc(asked->n * trained->dimension, sizeof *x);
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", asked->n);
    outputs_samples(trained->flow, trained->params, asked->seed, asked->n, NULL, NULL, x);
    const status outcome = npy_write(asked->output, NPY_REAL, x, asked->n, trained->dimension, why);
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
    const parameter_table *parts = cnf_parameters(trained->flow);
    copying state = {.into = into, .outcome = STATUS_OK};
    checkpoint_each_text(trained->file, copy_text, &state);
    TRY(state.outcome);
    for (size_t i = 0; i < parts->count; i++) {
        const parameter *entry = &parts->entries[i];
        const size_t shape[] = {entry->rows, entry->columns};
        const size_t rank = entry->columns == 1 && !strstr(entry->name, "weight") ? 1 : 2;
        TRY(checkpoint_put(into, entry->name, CHECKPOINT_REAL, rank, shape, trained->params + entry->offset));
    }
    return STATUS_OK;
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
    return run_with_model(&verb_eval, count, words, HAS_INPUT, evaluate);
}

static int run_sample(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&verb_sample, count, words, HAS_COUNT, sample);
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
    .summary = "log p(x) of points under a trained model",
    .usage = "usage: ./run eval RUN|FILE.safetensors --input X --output LOGP.npy [--threads N] [--db PATH]\n"
             "\n"
             "Writes log p(x) in nats, with the exact trace, for each row of X (.npy or .csv): float64, (rows).\n"
             "\n" MODEL_HELP,
    .run = run_eval};

const verb verb_sample = {
    .name = "sample",
    .summary = "samples of a trained model",
    .usage = "usage: ./run sample RUN|FILE.safetensors --n N [--seed S] --output X.npy [--threads N] [--db PATH]\n"
             "\n"
             "Writes N samples, one a row: (N, D). The same seed (0) gives the same samples, and more of them begin\n"
             "with those of a smaller N.\n"
             "\n" MODEL_HELP,
    .run = run_sample};

const verb verb_export = {.name = "export",
                          .summary = "a trained model as a file of its own",
                          .usage =
                              "usage: ./run export RUN|FILE.safetensors --output FILE.safetensors [--db PATH]\n"
                              "\n"
                              "Writes the parameters under their names, with every setting in the file's metadata.\n"
                              "\n" MODEL_HELP,
                          .run = run_export};
