/* verb_model.c - ./run eval, sample and export: using what was trained. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_batch.h"
#include "data/table.h"
#include "flow/bits.h"
#include "settings/source.h"
#include "system/arguments.h"
#include "system/output.h"
#include "system/place.h"
#include "train/checkpoint.h"
#include "verbs/model.h"
#include "verbs/verbs.h"

enum { THREADS_MAX = 256 };
#define POINTS_MAX 1000000000 /* of one call */

/* What the command lines of these verbs say. */
typedef struct request {
    const char *name, *input, *output, *database, *folder, *model_file;
    uint64_t n, seed, threads;
    bool force;
    output_request out; /* of `output`, once the model is open */
    FILE *messages; /* where they do not get into it */
} request;

/* The options that a verb has, and those it cannot do without. */
enum { HAS_INPUT = 1, HAS_COUNT = 2, NEEDS_COUNT = 4 };

static status read_request(int count, char **words, unsigned has, request *out, failure *why) {
    argument_option options[8];
    size_t used = 0, names = 0;
    *out = (request){.threads = 1, .messages = stdout};
    options[used++] = (argument_option){.name = "--output", .type = ARGUMENT_TEXT, .into = &out->output};
    options[used++] = (argument_option){.name = "--force", .type = ARGUMENT_FLAG, .into = &out->force};
    options[used++] = (argument_option){.name = "--db", .type = ARGUMENT_TEXT, .into = &out->database};
    options[used++] = (argument_option){
        .name = "--threads", .type = ARGUMENT_NUMBER, .into = &out->threads, .minimum = 1, .maximum = THREADS_MAX};
    if (has & HAS_INPUT) {
        options[used++] = (argument_option){.name = "--input", .type = ARGUMENT_TEXT, .into = &out->input};
        options[used++] = (argument_option){.name = "--data-dir", .type = ARGUMENT_TEXT, .into = &out->folder};
    }
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
    if (!out->output && !(has & HAS_INPUT)) return fail(why, STATUS_INVALID, "--output is missing");
    if (out->folder && strlen(out->folder) >= SETTINGS_TEXT_MAX)
        return fail(why, STATUS_INVALID, "--data-dir: %zu bytes, expected at most %d", strlen(out->folder),
                    SETTINGS_TEXT_MAX - 1);
    return STATUS_OK;
}

/* Before anything is computed. */
static status check_output(request *asked, const output_kind *kind, size_t columns, failure *why) {
    output to;
    asked->out = (output_request){.name = asked->output,
                                  .kind = kind,
                                  .columns = columns,
                                  .force = asked->force,
                                  .inputs = {asked->input, asked->database, asked->model_file}};
    if (!asked->output) return STATUS_OK;
    TRY(output_check(&asked->out, &to, why));
    asked->messages = OUTPUT_MESSAGES(&to);
    return STATUS_OK;
}

/* --- Evaluation --- */

/* What is evaluated: rows of a file, or images of a set as a training validates on them. The caller frees its memory. */
static status read_rows(const request *asked, const model *trained, model_rows *x, size_t *n, failure *why) {
    table *points;
    const size_t D = model_dimension(trained);
    TRY(table_read_numbers(asked->input, &points, why));
    status outcome = STATUS_OK;
    if (points->columns != D)
        outcome = fail(why, STATUS_FORMAT, "\"%s\" has points of dimension %zu, and the model is of dimension %zu",
                       asked->input, points->columns, D);
    for (size_t i = 0; trained->images && outcome == STATUS_OK && i < points->rows * D; i++)
        if (points->numbers[i] < 0 || points->numbers[i] > 1)
            outcome = fail(why, STATUS_FORMAT,
                           "\"%s\", row %zu, column %zu: %g: expected numbers from 0 to 1, as (byte + u)/256",
                           asked->input, i / D + 1, i % D + 1, points->numbers[i]);
    *n = points->rows;
    x->doubles = points->numbers;
    points->numbers = NULL;
    table_destroy(&points);
    return outcome;
}

/* values->data_dir <- the folder of the set: --data-dir, or else that of the run's training, if it is there still. */
static status find_set(const request *asked, settings *values, failure *why) {
    char stored[SETTINGS_TEXT_MAX];
    snprintf(stored, sizeof stored, "%s", values->data_dir);
    if (asked->folder) snprintf(values->data_dir, sizeof values->data_dir, "%s", asked->folder);
    else if (*stored && !image_exists(asked->input, stored)) values->data_dir[0] = '\0';
    if (image_exists(asked->input, source_folder(values))) return STATUS_OK;
    const bool both = *stored && !asked->folder;
    return fail(why, STATUS_IO,
                "the images \"%s\" are not in the folder \"%s\"%s%s%s; --data-dir FOLDER says where they are",
                asked->input, source_folder(values), both ? ", nor in that of the training, \"" : "",
                both ? stored : "", both ? "\"" : "");
}

static status read_set(const request *asked, model *trained, model_rows *x, size_t *n, failure *why) {
    source data;
    TRY(find_set(asked, &trained->values, why));
    TRY(source_open(asked->input, &trained->values, &data, why));
    const specification_shape shape = source_shape(&data);
    const image_split split = objective_validation_split(data.images);
    const size_t there = data.images->size[split];
    if (*source_note(&data)) fprintf(stderr, "Note: %s: %s\n", asked->input, source_note(&data));
    status outcome = STATUS_OK;
    *n = asked->n > 0 && asked->n < there ? (size_t)asked->n : there;
    if (memcmp(&shape, &trained->shape, sizeof shape) != 0)
        outcome =
            fail(why, STATUS_FORMAT, "%s has images of %zu x %zu x %zu, and the model is of images of %zu x %zu x %zu",
                 asked->input, shape.image[0], shape.image[1], shape.image[2], trained->shape.image[0],
                 trained->shape.image[1], trained->shape.image[2]);
    else if (!(x->reals = calloc(*n * shape.dimension, sizeof *x->reals)))
        outcome = fail(why, STATUS_MEMORY, "out of memory for %zu images", *n);
    else image_batch(data.images, split, asked->seed, 0, *n, false, IMAGE_CHANNEL_LAST, x->reals);
    source_close(&data);
    return outcome;
}

/* The mean, and its standard error where there is one. */
static void print_mean(FILE *to, const model *trained, const double *log_density, size_t n) {
    const size_t D = trained->shape.dimension;
    const bool images = trained->images != NULL;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += images ? bits_per_dim(log_density[i], D) : log_density[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += pow((images ? bits_per_dim(log_density[i], D) : log_density[i]) - mean, 2);
    if (images) fprintf(to, "%zu image%s: %.4f bits per dimension", n, n == 1 ? "" : "s", mean);
    else fprintf(to, "%zu point%s: mean log-likelihood %.4f nats", n, n == 1 ? "" : "s", mean);
    if (n > 1) fprintf(to, ", standard error %.4f", sqrt(squares / (double)(n - 1) / (double)n));
    fprintf(to, "\n");
}

static status evaluate_rows(const request *asked, model *trained, model_rows x, size_t n, double *log_density,
                            failure *why) {
    TRY(model_transform(trained, x, 0, n, asked->seed, (model_rows){.reals = NULL}, log_density, why));
    if (asked->output) TRY(output_write_table(&asked->out, NPY_F64, log_density, n, why));
    print_mean(asked->messages, trained, log_density, n);
    return STATUS_OK;
}

static status evaluate(request *asked, model *trained, failure *why) {
    const bool set = source_is_images(asked->input);
    model_rows x = {.reals = NULL};
    size_t n;
    if (!trained->images && (set || asked->n || asked->seed))
        return fail(why, STATUS_INVALID, "a set of images, --n and --seed are for models of images, and this is none");
    if (!set && asked->folder) return fail(why, STATUS_INVALID, "--data-dir is for a set of images by name, as mnist");
    TRY(check_output(asked, &output_table, 0, why));
    if (!set && asked->n) return fail(why, STATUS_INVALID, "--n is for a set of images; of a file all rows are taken");
    status outcome = set ? read_set(asked, trained, &x, &n, why) : read_rows(asked, trained, &x, &n, why);
    double *log_density = outcome == STATUS_OK ? calloc(n, sizeof *log_density) : NULL;
    if (outcome == STATUS_OK && !log_density) outcome = fail(why, STATUS_MEMORY, "out of memory for %zu points", n);
    if (outcome == STATUS_OK) outcome = evaluate_rows(asked, trained, x, n, log_density, why);
    free(log_density);
    free(x.reals);
    free(x.doubles);
    return outcome;
}

/* In units of their own, doubles, as those were perhaps chosen because a float is too coarse for them. */
static status sample(request *asked, model *trained, failure *why) {
    const size_t D = model_dimension(trained);
    const npy_type type = model_units(trained) ? NPY_F64 : NPY_REAL;
    TRY(check_output(asked, &output_table, D, why));
    void *x = calloc(asked->n * D, type == NPY_F64 ? sizeof(double) : sizeof(real));
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", asked->n);
    const model_rows rows = model_units(trained) ? (model_rows){.doubles = x} : (model_rows){.reals = x};
    status outcome = model_sample(trained, asked->seed, 0, asked->n, rows, why);
    if (outcome == STATUS_OK) outcome = output_write_table(&asked->out, type, x, asked->n, why);
    free(x);
    return outcome;
}

/* --- Export --- */

/* A model of ours has its settings beside its parameters. With the optimiser's state it is the checkpoint of a run, and
 * with a batch what ./run replay reads. */
static output_content look_at_model(const char *path, const unsigned char *head, size_t size, size_t columns) {
    checkpoint *file;
    (void)columns;
    if (size < 9 || head[8] != '{') return OUTPUT_OTHER;
    if (checkpoint_read(path, &file, NULL) != STATUS_OK) return OUTPUT_OTHER;
    const bool ours = checkpoint_get_text(file, "model.context") != NULL;
    const bool running = checkpoint_get(file, "trainer.counters", CHECKPOINT_U64, 2) != NULL ||
                         checkpoint_get(file, "batch.iteration", CHECKPOINT_U64, 1) != NULL;
    checkpoint_destroy(&file);
    return !ours ? OUTPUT_OTHER : running ? OUTPUT_KEPT : OUTPUT_OWN;
}

static const char *const model_endings[] = {".safetensors", NULL};
static const output_kind output_model = {
    .name = "a model as this command writes it", .endings = model_endings, .look = look_at_model};

static status export_model(request *asked, model *trained, failure *why) {
    output to;
    TRY(check_output(asked, &output_model, 0, why));
    TRY(output_check(&asked->out, &to, why));
    return model_write(trained, to.path, why);
}

/* --- The verbs --- */

static int run_with_model(const verb *self, int count, char **words, unsigned has,
                          status (*use)(request *asked, model *trained, failure *why)) {
    request asked;
    trained_model trained;
    failure why = {""};
    char database[PLACE_PATH_MAX];
    if (read_request(count, words, has, &asked, &why) != STATUS_OK) return verb_misused(self, why.text);
    place_path(PLACE_DATABASE, database);
    if (!asked.database) asked.database = database;
    status outcome = trained_open(asked.name, asked.database, (size_t)asked.threads, &trained, &why);
    if (outcome == STATUS_OK) {
        if (*trained.unfinished.text) fprintf(stderr, "Note: %s\n", trained.unfinished.text);
        for (size_t i = 0; model_note(trained.model, i); i++)
            fprintf(stderr, "Note: %s\n", model_note(trained.model, i));
        memcpy(trained.model->values.data_dir, trained.folder, sizeof trained.folder);
        asked.model_file = trained.path;
        outcome = use(&asked, trained.model, &why);
        model_close(&trained.model);
    }
    if (outcome == STATUS_INVALID) return verb_misused(self, why.text);
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
    "what ./run export wrote, or a checkpoint.\n"                                                                      \
    "\n"

#define FORCE_HELP                                                                                                     \
    "  --force          replace a file that this command did not write; a file that it reads, or a database, never\n"

#define TABLE_HELP                                                                                                     \
    "  --output FILE    .csv: text, with all digits; .npy: NumPy's format; \"-\": CSV on standard output. Pipes and\n" \
    "                   devices are written through, as CSV unless their name ends in .npy\n"

const verb verb_eval = {
    .name = "eval",
    .summary = "log p(x) of points, or bits per dimension of images, under a trained model",
    .usage =
        "usage: ./run eval RUN|FILE.safetensors --input X [--output LOGP.npy] [--seed S] [--threads N]\n"
        "                  [--db PATH] [--force]\n"
        "       ./run eval RUN|FILE.safetensors --input SET [--n N] [--data-dir DIR] [--seed S] ...\n"
        "\n"
        "Computes log p(x) in nats for each row of X (.npy or .csv), prints the mean with its standard error, and\n"
        "writes the values: float64, (rows). For points the trace is exact. For images Hutchinson's estimate is\n"
        "used, and the mean is in bits per dimension; a row of X is an image, channels last, of numbers\n"
        "(byte + u)/256. SET is a set of images by name, as mnist: its first N test images (validation images\n"
        "where it has some; all), with noise of seed S. Probes are of seed S (0).\n"
        "\n" MODEL_HELP TABLE_HELP
        "  --data-dir DIR   where SET is; else the data.dir of the run's training, $AFFJORD_DATA, ./data\n" FORCE_HELP,
    .run = run_eval};

const verb verb_sample = {
    .name = "sample",
    .summary = "samples of a trained model",
    .usage = "usage: ./run sample RUN|FILE.safetensors --n N [--seed S] --output X.npy [--threads N] [--db PATH]\n"
             "                    [--force]\n"
             "\n"
             "Writes N samples, one a row: (N, D); images with their channels last, about 0 to 1. The same seed (0)\n"
             "gives the same samples, and more of them begin with those of a smaller N; of images this holds to the\n"
             "bit for multiples of 50, as with adaptive steps images that are solved together share their steps.\n"
             "\n" MODEL_HELP TABLE_HELP FORCE_HELP,
    .run = run_sample};

const verb verb_export = {
    .name = "export",
    .summary = "a trained model as a file of its own",
    .usage = "usage: ./run export RUN|FILE.safetensors --output FILE.safetensors [--threads N]\n"
             "                    [--db PATH] [--force]\n"
             "\n"
             "Writes the parameters under their names, with every setting in the file's metadata.\n"
             "\n" MODEL_HELP "  --output FILE    its name ends in .safetensors; \"-\" is standard output\n" FORCE_HELP,
    .run = run_export};
