/* command_model.c - ./run eval, sample and export: uses of trained models. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/archive.h"
#include "commands/commands.h"
#include "commands/model.h"
#include "commands/options.h"
#include "commands/replay.h"
#include "data/image_batch.h"
#include "data/table.h"
#include "flow/bits.h"
#include "settings/source.h"
#include "system/output.h"
#include "system/paths.h"
#include "train/checkpoint.h"

#define POINTS_MAX 1000000000 /* of one call */

/* The command line. */
typedef struct request {
    const char *name, *input, *output, *database, *folder, *model_file;
    uint64_t n, seed, threads;
    bool force, replay, archive, with_parameters;
    argument_texts set;
    output_request out; /* of `output`, once the model is open */
    FILE *messages; /* not the stream that the output goes to */
} request;

static status fail_missing(const char *option, const char *expected, error_info *err) {
    return error_set(err, STATUS_INVALID, "%s: missing; expected %s", option, expected);
}

/* The database and one name, that of a model or of an archive, are set in *out on success. */
static status read_request(const command *self, int count, char **words, request *out, error_info *err) {
    size_t names = 0;
    TRY(command_read(self, count, words, out, 1, &out->name, &names, err));
    if (names == 0)
        return error_set(err, STATUS_INVALID, "%s: the name is missing; expected %s", self->name,
                         out->archive ? "the file of the archive" : "a run or a .safetensors file");
    if (self == &command_eval && !out->replay && !out->input)
        return fail_missing("--input", "a table of points or an image data set", err);
    if (self == &command_sample && out->n == 0) return fail_missing("--n", "the number of samples", err);
    if (self != &command_eval && !out->archive && !out->output) return fail_missing("--output", "a file", err);
    if (out->replay && (out->input || out->output || out->n || out->folder))
        return error_set(err, STATUS_INVALID, "--replay: expected no other options than --set and --threads");
    if (!out->replay && out->set.count > 0) return error_set(err, STATUS_INVALID, "--set: expected --replay beside it");
    if (out->with_parameters && !out->archive)
        return error_set(err, STATUS_INVALID, "--with-parameters: expected --archive beside it");
    if (out->archive && out->output)
        return error_set(err, STATUS_INVALID, "--output %s: expected none; --archive writes %s", out->output,
                         out->name);
    if (out->folder && strlen(out->folder) >= SETTINGS_TEXT_MAX)
        return error_set(err, STATUS_INVALID, "--data-dir: %zu bytes, expected at most %d", strlen(out->folder),
                         SETTINGS_TEXT_MAX - 1);
    return STATUS_OK;
}

/* Check where the output goes, before anything is computed. */
static status check_output(request *args, const output_kind *kind, size_t columns, error_info *err) {
    output to;
    args->out = (output_request){.name = args->output,
                                 .kind = kind,
                                 .columns = columns,
                                 .force = args->force,
                                 .inputs = {args->input, args->database, args->model_file}};
    if (!args->output) return STATUS_OK;
    TRY(output_check(&args->out, &to, err));
    args->messages = OUTPUT_MESSAGES(&to);
    return STATUS_OK;
}

/* --- Evaluation --- */

/* Read the rows of a file. The caller frees the memory of *x. */
static status read_rows(const request *args, const model *trained, model_rows *x, size_t *n, error_info *err) {
    table *points;
    const size_t D = model_dimension(trained);
    TRY(table_read_numbers(args->input, &points, err));
    status outcome = STATUS_OK;
    if (points->columns != D)
        outcome = error_set(err, STATUS_FORMAT, "%s: found %zu columns, expected %zu, the dimension of the model",
                            args->input, points->columns, D);
    for (size_t i = 0; trained->images && outcome == STATUS_OK && i < points->rows * D; i++)
        if (points->numbers[i] < 0 || points->numbers[i] > 1)
            outcome = error_set(err, STATUS_FORMAT,
                                "%s: row %zu, column %zu: found %g, expected a number from 0 to 1, as (byte + u)/256",
                                args->input, i / D + 1, i % D + 1, points->numbers[i]);
    *n = points->rows;
    x->doubles = points->numbers;
    points->numbers = NULL;
    table_destroy(&points);
    return outcome;
}

/* values->data_dir <- the folder of the set: --data-dir, else that of the run's training if it still exists. */
static status find_set(const request *args, settings *values, error_info *err) {
    char stored[SETTINGS_TEXT_MAX];
    snprintf(stored, sizeof stored, "%s", values->data_dir);
    if (args->folder) snprintf(values->data_dir, sizeof values->data_dir, "%s", args->folder);
    else if (*stored && !image_exists(args->input, stored)) values->data_dir[0] = '\0';
    if (image_exists(args->input, source_folder(values))) return STATUS_OK;
    const bool both = *stored && !args->folder;
    return error_set(err, STATUS_IO, "%s: the image data set is not in \"%s\"%s%s%s; set its folder with --data-dir",
                     args->input, source_folder(values), both ? ", nor in the folder of the training, \"" : "",
                     both ? stored : "", both ? "\"" : "");
}

static status read_set(const request *args, model *trained, model_rows *x, size_t *n, error_info *err) {
    source data;
    TRY(find_set(args, &trained->values, err));
    TRY(source_open(args->input, &trained->values, &data, err));
    const specification_shape shape = source_shape(&data);
    const image_split split = objective_validation_split(data.images);
    const size_t there = data.images->size[split];
    if (*source_note(&data)) fprintf(stderr, "Note: %s: %s\n", args->input, source_note(&data));
    status outcome = STATUS_OK;
    *n = args->n > 0 && args->n < there ? (size_t)args->n : there;
    if (memcmp(&shape, &trained->shape, sizeof shape) != 0)
        outcome = error_set(err, STATUS_FORMAT,
                            "%s: found images of %zu x %zu x %zu, expected %zu x %zu x %zu, those of the model",
                            args->input, shape.image[0], shape.image[1], shape.image[2], trained->shape.image[0],
                            trained->shape.image[1], trained->shape.image[2]);
    else if (!(x->reals = calloc(*n * shape.dimension, sizeof *x->reals)))
        outcome = error_set(err, STATUS_MEMORY, "out of memory for %zu images", *n);
    else image_batch(data.images, split, args->seed, 0, *n, false, IMAGE_CHANNEL_LAST, x->reals);
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

static status evaluate_rows(const request *args, model *trained, model_rows x, size_t n, double *log_density,
                            error_info *err) {
    TRY(model_transform(trained, x, 0, n, args->seed, (model_rows){.reals = NULL}, log_density, err));
    if (args->output) TRY(output_write_table(&args->out, NPY_F64, log_density, n, err));
    print_mean(args->messages, trained, log_density, n);
    return STATUS_OK;
}

static status evaluate(request *args, model *trained, error_info *err) {
    const bool set = source_is_images(args->input);
    model_rows x = {.reals = NULL};
    size_t n;
    if (!trained->images && (set || args->n || args->seed))
        return error_set(err, STATUS_INVALID,
                         "%s: a model of points; expected a table as --input, and neither --n nor --seed", args->name);
    if (!set && args->folder)
        return error_set(err, STATUS_INVALID, "--data-dir: expected an image data set as --input");
    TRY(check_output(args, &output_table, 0, err));
    if (!set && args->n)
        return error_set(err, STATUS_INVALID,
                         "--n: expected an image data set as --input; all rows of a file are used");
    status outcome = set ? read_set(args, trained, &x, &n, err) : read_rows(args, trained, &x, &n, err);
    double *log_density = outcome == STATUS_OK ? calloc(n, sizeof *log_density) : NULL;
    if (outcome == STATUS_OK && !log_density)
        outcome = error_set(err, STATUS_MEMORY, "out of memory for %zu points", n);
    if (outcome == STATUS_OK) outcome = evaluate_rows(args, trained, x, n, log_density, err);
    free(log_density);
    free(x.reals);
    free(x.doubles);
    return outcome;
}

/* Samples in units of the data are doubles: a float may be too coarse for them. */
static status sample(request *args, model *trained, error_info *err) {
    const size_t D = model_dimension(trained);
    const npy_type type = model_units(trained) ? NPY_F64 : NPY_REAL;
    TRY(check_output(args, &output_table, D, err));
    void *x = calloc(args->n * D, type == NPY_F64 ? sizeof(double) : sizeof(real));
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", args->n);
    model_rows rows = {.reals = x};
    if (type == NPY_F64) rows = (model_rows){.doubles = x};
    status outcome = model_sample(trained, args->seed, 0, args->n, rows, err);
    if (outcome == STATUS_OK) outcome = output_write_table(&args->out, type, x, args->n, err);
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

static status export_model(request *args, model *trained, error_info *err) {
    output to;
    TRY(check_output(args, &output_model, 0, err));
    TRY(output_check(&args->out, &to, err));
    return model_write(trained, to.path, err);
}

/* --- The commands --- */

static status run_model(request *args, status (*use)(request *args, model *trained, error_info *err), error_info *err) {
    trained_model trained;
    TRY(trained_open(args->name, args->database, (size_t)args->threads, &trained, err));
    if (*trained.unfinished.text) fprintf(stderr, "Note: %s\n", trained.unfinished.text);
    for (size_t i = 0; model_note(trained.model, i); i++) fprintf(stderr, "Note: %s\n", model_note(trained.model, i));
    memcpy(trained.model->values.data_dir, trained.folder, sizeof trained.folder);
    args->model_file = trained.path;
    const status outcome = use(args, trained.model, err);
    args->model_file = NULL;
    model_close(&trained.model);
    return outcome;
}

static int run_with_model(const command *self, int count, char **words,
                          status (*use)(request *args, model *trained, error_info *err)) {
    request args = {.threads = 1, .messages = stdout};
    error_info err = {""};
    char database[PATH_MAX];
    args.set.items = calloc((size_t)count + 1, sizeof *args.set.items);
    if (!args.set.items) return command_failed("out of memory");
    install_path(DEFAULT_DATABASE, database);
    status outcome = read_request(self, count, words, &args, &err);
    if (!args.database) args.database = database;
    if (outcome == STATUS_OK && args.replay) outcome = replay_run(args.name, &args.set, (size_t)args.threads, &err);
    else if (outcome == STATUS_OK && args.archive)
        outcome = archive_write(args.name, args.database, args.with_parameters, args.force, &err);
    else if (outcome == STATUS_OK) outcome = run_model(&args, use, &err);
    free(args.set.items);
    if (outcome == STATUS_INVALID) return usage_error(self, err.text);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}

static int run_eval(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&command_eval, count, words, evaluate);
}

static int run_sample(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&command_sample, count, words, sample);
}

static int run_export(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return run_with_model(&command_export, count, words, export_model);
}

#define MODEL_HELP                                                                                                     \
    "RUN is a run's number, its key, or the beginning of its key, as ./run list prints them. FILE.safetensors is a "   \
    "file from ./run export, or a checkpoint. RUN:best is the model of the epoch with the least validation loss."

#define OPTION_TABLE_OUTPUT                                                                                            \
    OPTION_TEXT(request, output, "--output", "FILE",                                                                   \
                ".csv: text, with all digits; .npy: NumPy's format; \"-\": CSV to standard output. Pipes and devices " \
                "get CSV unless their name ends in .npy")

static const argument_option eval_options[] = {
    OPTION_TEXT(request, input, "--input", "X", "table of points (.npy, .csv or .tsv), or name of an image data set"),
    OPTION_TABLE_OUTPUT,
    OPTION_NUMBER(request, n, "--n", "N", 1, POINTS_MAX, "number of images of an image data set (all)"),
    OPTION_NUMBER(request, seed, "--seed", "S", 0, INT64_MAX, "seed of noise and probes, for images (0)"),
    OPTION_TEXT(request, folder, "--data-dir", "DIR",
                "folder of the image data set (the data.dir of the run's training, else $AFFJORD_DATA, else ./data)"),
    OPTION_DATABASE(request),
    OPTION_FORCE(request),
    OPTION_THREADS(request),
    OPTION_FLAG(request, replay, "--replay", "repeat the failed iteration that a training saved in FILE"),
    OPTION_TEXTS(request, set, "--set", "solver.KEY=VALUE",
                 "with --replay: another setting of the solver; may be repeated")};

const command command_eval = {
    .name = "eval",
    .summary = "compute log p(x) of points, or bits per dimension of images, under a trained model",
    .forms = (const char *const[]){"RUN|FILE.safetensors --input X [OPTION]...",
                                   "--replay FILE.safetensors [--set solver.KEY=VALUE]... [--threads N]", NULL},
    .text =
        "Computes log p(x) in nats for each row of X, prints the mean with its standard error, and writes the values: "
        "float64, (rows). For points the trace is exact. For images it is Hutchinson's estimate, and the mean is in "
        "bits "
        "per dimension; a row of X is an image, channels last, of numbers (byte + u)/256. For an image data set such "
        "as "
        "mnist, X stands for its first N test images (validation images if it has them) with noise of seed "
        "S.\n\n" MODEL_HELP "\n\n"
        "With --replay: repeats an iteration of an image training that failed. If a flow cannot be solved, a training "
        "skips the iteration and saves parameters and batch in results/results.failures. The output shows each solve "
        "of "
        "each flow; try another solver, tolerance or bound with --set.",
    OPTIONS(eval_options),
    .run = run_eval};

static const argument_option sample_options[] = {
    OPTION_NUMBER(request, n, "--n", "N", 1, POINTS_MAX, "number of samples"),
    OPTION_NUMBER(request, seed, "--seed", "S", 0, INT64_MAX, "seed (0)"),
    OPTION_TABLE_OUTPUT,
    OPTION_DATABASE(request),
    OPTION_FORCE(request),
    OPTION_THREADS(request)};

const command command_sample = {
    .name = "sample",
    .summary = "draw samples from a trained model",
    .forms = (const char *const[]){"RUN|FILE.safetensors --n N --output FILE [OPTION]...", NULL},
    .text =
        "Writes N samples, one per row: (N, D); images with their channels last, about 0 to 1. The same seed gives the "
        "same samples, and a larger N only appends to them. For images this holds to the bit for multiples of 50, "
        "because images that are solved together share their adaptive steps.\n\n" MODEL_HELP,
    OPTIONS(sample_options),
    .run = run_sample};

static const argument_option export_options[] = {
    OPTION_TEXT(request, output, "--output", "FILE.safetensors", "the file of the model; \"-\": standard output"),
    OPTION_FLAG(request, archive, "--archive", "write a compact copy of the database to OUTPUT.db"),
    OPTION_FLAG(request, with_parameters, "--with-parameters",
                "with --archive: keep the models' parameters in files beside it, OUTPUT.checkpoints/"),
    OPTION_DATABASE(request),
    OPTION_FORCE(request),
    OPTION_THREADS(request)};

const command command_export = {
    .name = "export",
    .summary = "write a trained model to a file of its own, or a compact copy of the database",
    .forms = (const char *const[]){"RUN|FILE.safetensors --output FILE.safetensors [OPTION]...",
                                   "--archive OUTPUT.db [--db PATH] [--with-parameters] [--force]", NULL},
    .text =
        "Writes the parameters under their names, with every setting in the file's metadata.\n\n" MODEL_HELP "\n\n"
        "With --archive: copies the finished runs with all their numbers, without checkpoints. Of the stored densities "
        "and samples it keeps those that figures draw: of the data, and of the median seed of each data set and model "
        "of each experiment, rounded by less than figures show, and compressed. Figures, ./run check and further "
        "trainings work with the copy as with any database; its "
        "models cannot be used, because they are in the checkpoints, unless --with-parameters keeps them: then eval, "
        "sample, export and measure work, and no training continues from them. OUTPUT.db may be a pipe, or \"-\" for "
        "standard "
        "output. --force replaces an archive, but never another database or an archive with new runs.",
    OPTIONS(export_options),
    .run = run_export};
