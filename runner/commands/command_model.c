/* command_model.c - ./run eval, sample and export: uses of trained models. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/archive.h"
#include "commands/density_check.h"
#include "commands/model_command.h"
#include "base/number.h"
#include "commands/replay.h"
#include "flow/chain.h"
#include "train/checkpoint.h"

/* --- Evaluation --- */

static status check_eval(model_request *args, bool *done, error_info *err) {
    if (args->replay && (args->input || args->output || args->n || args->folder || args->check_density || args->cells))
        return error_set(err, STATUS_INVALID, "--replay: expected no other options than --set and --threads");
    if (args->check_density && (args->input || args->output || args->n || args->folder))
        return error_set(err, STATUS_INVALID, "--check-density: expected neither --input nor --output beside it");
    if (args->cells && !args->check_density)
        return error_set(err, STATUS_INVALID, "--cells: expected --check-density beside it");
    if (!args->replay && !args->check_density && !args->input)
        return model_command_missing("--input", "a table of points or an image data set", err);
    *done = args->replay;
    return *done ? replay_run(args->name, &args->set, (size_t)args->threads, err) : STATUS_OK;
}

/* Print the mean, and its standard error if there are two rows or more. */
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

/* Rows whose densities are requested. */
typedef struct rows {
    model_rows x;
    size_t n;
} rows;

static status compute_density(const model_request *args, model *trained, void *argument, void *out, error_info *err) {
    const rows *given = argument;
    return model_transform(trained, given->x, 0, given->n, args->seed, (model_rows){.reals = NULL}, out, err);
}

/* log p; with another solver, a second column: the log p with the training's solver minus this one. */
static status write_density(model_request *args, const double *log_density, const double *before, size_t n,
                            error_info *err) {
    if (!before) return output_write_table(&args->out, NPY_F64, log_density, n, err);
    double *table = calloc(2 * n + 1, sizeof *table);
    if (!table) return error_set(err, STATUS_MEMORY, "out of memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        table[2 * i] = log_density[i];
        table[2 * i + 1] = before[i] - log_density[i];
    }
    const status outcome = output_write_table(&args->out, NPY_F64, table, n, err);
    free(table);
    return outcome;
}

static status evaluate_rows(model_request *args, model *trained, const rows *given, double *log_density,
                            error_info *err) {
    const model_work work = {.compute = compute_density,
                             .argument = (void *)given,
                             .type = NPY_F64,
                             .count = given->n,
                             .what = "log p differs"};
    void *before;
    TRY(model_command_compute(args, trained, &work, log_density, &before, err));
    const status outcome = args->output ? write_density(args, log_density, before, given->n, err) : STATUS_OK;
    if (outcome == STATUS_OK && before) {
        fprintf(args->messages, "trained solver: ");
        print_mean(args->messages, trained, before, given->n);
    }
    if (outcome == STATUS_OK) print_mean(args->messages, trained, log_density, given->n);
    free(before);
    return outcome;
}

static status evaluate(model_request *args, model *trained, error_info *err) {
    rows given = {.n = 0};
    if (args->check_density) return density_check(args, trained, err);
    TRY(model_command_output(args, &output_table, args->set.count > 0 ? 2 : 0, err));
    status outcome = model_command_input(args, trained, true, &given.x, &given.n, err);
    double *log_density = outcome == STATUS_OK ? calloc(given.n, sizeof *log_density) : NULL;
    if (outcome == STATUS_OK && !log_density)
        outcome = error_set(err, STATUS_MEMORY, "out of memory for %zu points", given.n);
    if (outcome == STATUS_OK) outcome = evaluate_rows(args, trained, &given, log_density, err);
    free(log_density);
    free(given.x.reals);
    free(given.x.doubles);
    return outcome;
}

/* --- Samples --- */

enum { TEMPERATURE_MAX = 1000 };

/* T of --temperature; 1 without. */
static status read_temperature(const model_request *args, double *out, error_info *err) {
    const char *text = args->temperature ? args->temperature : "1";
    if (number_read(text, text + strlen(text), out) && *out > 0 && *out <= TEMPERATURE_MAX) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "--temperature %s: expected a number above 0, at most %d", text,
                     TEMPERATURE_MAX);
}

static status check_sample(model_request *args, bool *done, error_info *err) {
    double temperature;
    *done = false;
    TRY(read_temperature(args, &temperature, err));
    if (args->n == 0) return model_command_missing("--n", "the number of samples", err);
    return args->output ? STATUS_OK : model_command_missing("--output", "a file", err);
}

/* Samples in units of the data are doubles: a float may be too coarse for them. */
static npy_type sample_type(const model *trained) {
    return model_units(trained) ? NPY_F64 : NPY_REAL;
}

static status compute_samples(const model_request *args, model *trained, void *argument, void *out, error_info *err) {
    (void)argument;
    model_rows to = {.reals = out};
    if (sample_type(trained) == NPY_F64) to = (model_rows){.doubles = out};
    double temperature;
    TRY(read_temperature(args, &temperature, err));
    return model_sample_at(trained, temperature, args->seed, 0, args->n, to, err);
}

static status sample(model_request *args, model *trained, error_info *err) {
    const size_t D = model_dimension(trained);
    const model_work work = {
        .compute = compute_samples, .type = sample_type(trained), .count = args->n * D, .what = "samples differ"};
    void *before = NULL;
    TRY(model_command_output(args, &output_table, D, err));
    void *x = calloc(work.count, work.type == NPY_F64 ? sizeof(double) : sizeof(real));
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", args->n);
    status outcome = model_command_compute(args, trained, &work, x, &before, err);
    if (outcome == STATUS_OK) outcome = output_write_table(&args->out, work.type, x, args->n, err);
    free(before);
    free(x);
    return outcome;
}

/* --- Export --- */

/* A model of this program has its settings beside its parameters. With the optimiser's state it is a checkpoint, and
 * with a batch a failed iteration. */
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

static status check_export(model_request *args, bool *done, error_info *err) {
    *done = args->archive;
    if (!args->archive && !args->output) return model_command_missing("--output", "a file", err);
    if (args->with_parameters && !args->archive)
        return error_set(err, STATUS_INVALID, "--with-parameters: expected --archive beside it");
    if (args->unfinished && !args->archive)
        return error_set(err, STATUS_INVALID, "--unfinished: expected --archive beside it");
    if (args->archive && args->output)
        return error_set(err, STATUS_INVALID, "--output %s: expected none; --archive writes %s", args->output,
                         args->name);
    const archive_request request = {.file = args->name,
                                     .database = args->database,
                                     .with_parameters = args->with_parameters,
                                     .unfinished = args->unfinished,
                                     .force = args->force};
    return *done ? archive_write(&request, err) : STATUS_OK;
}

static status export_model(model_request *args, model *trained, error_info *err) {
    output to;
    TRY(model_command_output(args, &output_model, 0, err));
    TRY(output_check(&args->out, &to, err));
    return model_write(trained, to.path, err);
}

/* --- The commands --- */

static int run_eval(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_eval, count, words, check_eval, evaluate);
}

static int run_sample(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_sample, count, words, check_sample, sample);
}

static int run_export(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_export, count, words, check_export, export_model);
}

static const argument_option eval_options[] = {
    OPTION_TEXT(model_request, input, "--input", "X",
                "table of points (.npy, .npz, .csv or .tsv), name of an image data set, or your own images"),
    OPTION_TABLE_OUTPUT,
    OPTION_IMAGE_COUNT,
    OPTION_NOISE_SEED,
    OPTION_DATA_FOLDER,
    OPTION_SOLVER,
    OPTION_FLAG(model_request, check_density, "--check-density",
                "sum p(x) over a grid, for models of one or two columns, instead of evaluating rows"),
    OPTION_NUMBER(model_request, cells, "--cells", "N", 1, DENSITY_CELLS_MAX, "cells of that grid per side (512)"),
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request),
    OPTION_FLAG(model_request, replay, "--replay", "repeat the failed iteration that a training saved in FILE")};

const command command_eval = {
    .name = "eval",
    .summary = "compute log p(x) of points, or bits per dimension of images, under a trained model",
    .forms = (const char *const[]){"RUN|FILE.safetensors --input X [OPTION]...",
                                   "RUN|FILE.safetensors --check-density [--cells N] [OPTION]...",
                                   "--replay FILE.safetensors [--set solver.KEY=VALUE]... [--threads N]", NULL},
    .text =
        "Computes log p(x) in nats for each row of X, prints the mean with its standard error, and writes the values: "
        "float64, (rows). For points the trace is exact. For images it is Hutchinson's estimate, and the mean is in "
        "bits "
        "per dimension; a row of X is an image, channels last, of numbers (byte + u)/256. For an image data set such "
        "as "
        "mnist, X stands for its first N test images (validation images if it has them) with noise of seed "
        "S.\n\n" MODEL_HELP "\n\n" MODEL_SOLVER_HELP
        " The output has a second column then: the trained solver's log p less "
        "that in the first.\n\n"
        "With --check-density: prints the sum of p(x) over the box of 10,000 samples and a quarter of it on each side. "
        "A density sums to 1; another sum shows that the solver's steps, or the cells, are too coarse.\n\n"
        "With --replay: repeats an iteration of an image training that failed. If a flow cannot be solved, a training "
        "skips the iteration and saves parameters and batch in results/results.failures. The output shows each solve "
        "of "
        "each flow; try another solver, tolerance or bound with --set.",
    OPTIONS(eval_options),
    .run = run_eval};

static const argument_option sample_options[] = {
    OPTION_NUMBER(model_request, n, "--n", "N", 1, MODEL_ROWS_MAX, "number of samples"),
    OPTION_NUMBER(model_request, seed, "--seed", "S", 0, INT64_MAX, "seed (0)"),
    OPTION_TEXT(model_request, temperature, "--temperature", "T", "factor of the base points (1)"),
    OPTION_TABLE_OUTPUT,
    OPTION_SOLVER,
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request)};

const command command_sample = {
    .name = "sample",
    .summary = "draw samples from a trained model",
    .forms = (const char *const[]){"RUN|FILE.safetensors --n N --output FILE [OPTION]...", NULL},
    .text =
        "Writes N samples, one per row: (N, D); images with their channels last, about 0 to 1. The same seed gives the "
        "same samples, and a larger N only appends to them. For images this holds to the bit for multiples of 50, "
        "because images that are solved together share their adaptive steps. A temperature T draws from the flow whose "
        "base "
        "density has T times the deviation, N(0, T^2 s^2 I): the same base points, times T. Below 1, samples are more "
        "typical and less diverse.\n\n" MODEL_HELP "\n\n" MODEL_SOLVER_HELP,
    OPTIONS(sample_options),
    .run = run_sample};

static const argument_option export_options[] = {
    OPTION_TEXT(model_request, output, "--output", "FILE.safetensors", "the file of the model; \"-\": standard output"),
    OPTION_FLAG(model_request, archive, "--archive", "write a compact copy of the database to OUTPUT.db"),
    OPTION_FLAG(model_request, with_parameters, "--with-parameters",
                "with --archive: keep the models' parameters in files beside it, OUTPUT.checkpoints/"),
    OPTION_FLAG(model_request, unfinished, "--unfinished",
                "with --archive: keep unfinished runs too, with their states in OUTPUT.checkpoints/"),
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request)};

const command command_export = {
    .name = "export",
    .summary = "write a trained model to a file of its own, or a compact copy of the database",
    .forms =
        (const char *const[]){"RUN|FILE.safetensors --output FILE.safetensors [OPTION]...",
                              "--archive OUTPUT.db [--db PATH] [--with-parameters] [--unfinished] [--force]", NULL},
    .text =
        "Writes the parameters under their names, with every setting in the file's metadata.\n\n" MODEL_HELP "\n\n"
        "With --archive: copies the finished runs with all their numbers, without checkpoints. Of the stored densities "
        "and samples it keeps those that figures draw: of the data, and of the median seed of each data set and model "
        "of each experiment, rounded by less than figures show, and compressed. Figures, ./run check and further "
        "trainings work with the copy as with any database; its "
        "models cannot be used, because they are in the checkpoints, unless --with-parameters keeps them: then eval, "
        "sample, export and measure work, and no training continues from them. --unfinished also copies the runs that "
        "are not finished, with the newest state of each: ./run FILE.ini --db OUTPUT.db continues them on any machine, "
        "to the same bits. OUTPUT.db may be a pipe, or \"-\" for "
        "standard "
        "output. --force replaces an archive, but never another database, an archive with new runs, or a later state "
        "of "
        "an unfinished run.",
    OPTIONS(export_options),
    .run = run_export};
