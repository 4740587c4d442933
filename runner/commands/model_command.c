/* model_command.c - common parts of the commands that use a trained model. */
#include "commands/model_command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/model.h"
#include "data/image_batch.h"
#include "data/table.h"
#include "model/data_settings.h"
#include "settings/source.h"
#include "system/paths.h"

status model_command_missing(const char *option, const char *expected, error_info *err) {
    return error_set(err, STATUS_INVALID, "%s: missing; expected %s", option, expected);
}

status model_command_output(model_request *args, const output_kind *kind, size_t columns, error_info *err) {
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

/* --- Input --- */

/* Read the rows of a file. The caller frees the memory of *x. */
static status read_rows(const model_request *args, const model *trained, bool data, model_rows *x, size_t *n,
                        error_info *err) {
    table *points;
    const size_t D = model_dimension(trained);
    settings values = trained->values;
    if (!data) *values.data_columns = *values.data_ignore = '\0';
    TRY(data_read_points(&values, args->input, D, &points, err));
    status outcome = STATUS_OK;
    for (size_t i = 0; trained->images && data && outcome == STATUS_OK && i < points->rows * D; i++)
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
static status find_set(const model_request *args, settings *values, error_info *err) {
    char stored[SETTINGS_TEXT_MAX];
    snprintf(stored, sizeof stored, "%s", values->data_dir);
    if (source_is_files(args->input)) return STATUS_OK;
    if (args->folder) snprintf(values->data_dir, sizeof values->data_dir, "%s", args->folder);
    else if (*stored && !image_exists(args->input, stored)) values->data_dir[0] = '\0';
    if (image_exists(args->input, source_folder(values))) return STATUS_OK;
    const bool both = *stored && !args->folder;
    return error_set(err, STATUS_IO, "%s: the image data set is not in \"%s\"%s%s%s; set its folder with --data-dir",
                     args->input, source_folder(values), both ? ", nor in the folder of the training, \"" : "",
                     both ? stored : "", both ? "\"" : "");
}

static status read_set(const model_request *args, model *trained, model_rows *x, size_t *n, error_info *err) {
    source data;
    TRY(find_set(args, &trained->values, err));
    TRY(source_open_whole(args->input, &trained->values, &data, err));
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

status model_command_input(const model_request *args, model *trained, bool data, model_rows *x, size_t *n,
                           error_info *err) {
    const bool set = data && source_is_images(args->input);
    if (!trained->images && (set || args->n || args->seed))
        return error_set(err, STATUS_INVALID,
                         "%s: a model of points; expected a table as --input, and neither --n nor --seed", args->name);
    if (!set && args->folder)
        return error_set(err, STATUS_INVALID, "--data-dir: expected an image data set as --input");
    if (!set && args->n)
        return error_set(err, STATUS_INVALID,
                         "--n: expected an image data set as --input; all rows of a file are used");
    return set ? read_set(args, trained, x, n, err) : read_rows(args, trained, data, x, n, err);
}

/* --- The solver --- */

static double number_at(npy_type type, const void *numbers, size_t i) {
    return type == NPY_F32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

/* "solver.steps = 40, solver.method = rk4": the settings of the training that --set replaces. */
static void describe_solver(const argument_texts *set, const settings *values, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < set->count && used < size; i++) {
        char name[SETTINGS_TEXT_MAX], value[SETTINGS_TEXT_MAX];
        const setting_option *option;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(set->items[i], "="), set->items[i]);
        if (settings_find_name(name, &option, NULL) != STATUS_OK) continue;
        settings_text(values, option, value);
        used += (size_t)snprintf(text + used, size - used, "%s%s = %s", used > 0 ? ", " : "", option->name, value);
    }
}

static void print_distance(const model_request *args, const char *solver, const model_work *work, const void *out,
                           const void *before) {
    double largest = 0, squares = 0;
    for (size_t i = 0; i < work->count; i++) {
        const double difference = fabs(number_at(work->type, before, i) - number_at(work->type, out, i));
        if (!(difference <= largest)) largest = difference; /* a NaN stays */
        squares += difference * difference;
    }
    fprintf(args->messages, "trained solver (%s): %s by %.3g", solver, work->what, largest);
    if (work->count > 1) fprintf(args->messages, " at most, %.3g rms", sqrt(squares / (double)work->count));
    fprintf(args->messages, "\n");
}

/* In a lifted flow, some points have no inverse; their numbers are NaN. */
static void print_unsolved(const model *trained, const model_work *work, const void *out) {
    size_t unsolved = 0;
    if (trained->images || trained->values.model_context != CONTEXT_LIFTED) return;
    for (size_t i = 0; i < work->count; i++) unsolved += isnan(number_at(work->type, out, i)) ? 1 : 0;
    if (unsolved > 0)
        fprintf(stderr, "Note: %zu of %zu numbers are nan: no x with the z(T) of these points was found\n", unsolved,
                work->count);
}

static status compute_both(const model_request *args, model *trained, const model_work *work, void *out, void **before,
                           error_info *err) {
    char solver[1024] = "";
    error_info reason;
    *before = NULL;
    if (args->set.count == 0) return work->compute(args, trained, work->argument, out, err);
    describe_solver(&args->set, &trained->values, solver, sizeof solver);
    void *trained_numbers = calloc(work->count + 1, work->type == NPY_F32 ? sizeof(float) : sizeof(double));
    if (!trained_numbers) return error_set(err, STATUS_MEMORY, "out of memory for %zu numbers", work->count);
    status outcome = work->compute(args, trained, work->argument, trained_numbers, err);
    if (outcome == STATUS_OK) {
        outcome = model_set_solver(trained, args->set.count, args->set.items, &reason);
        if (outcome != STATUS_OK) error_describe(err, "--set %.900s", reason.text);
    }
    if (outcome == STATUS_OK) outcome = work->compute(args, trained, work->argument, out, err);
    if (outcome == STATUS_OK) {
        print_distance(args, solver, work, out, trained_numbers);
        *before = trained_numbers;
    } else free(trained_numbers);
    return outcome;
}

status model_command_compute(const model_request *args, model *trained, const model_work *work, void *out,
                             void **before, error_info *err) {
    TRY(compute_both(args, trained, work, out, before, err));
    print_unsolved(trained, work, out);
    return STATUS_OK;
}

/* --- Commands --- */

static status use_model(model_request *args, status (*use)(model_request *args, model *trained, error_info *err),
                        error_info *err) {
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

/* The database and one name, that of a model or of an archive, are set in *out on success. */
static status read_request(const command *self, int count, char **words, model_request *out, error_info *err) {
    size_t names = 0;
    settings initial;
    error_info reason;
    TRY(command_read(self, count, words, out, 1, &out->name, &names, err));
    if (names == 0)
        return error_set(err, STATUS_INVALID, "%s: the name is missing; expected %s", self->name,
                         out->archive ? "the file of the archive" : "a run or a .safetensors file");
    if (out->folder && strlen(out->folder) >= SETTINGS_TEXT_MAX)
        return error_set(err, STATUS_INVALID, "--data-dir: %zu bytes, expected at most %d", strlen(out->folder),
                         SETTINGS_TEXT_MAX - 1);
    settings_default(&initial);
    for (size_t i = 0; i < out->set.count; i++)
        if (settings_change(out->set.items[i], "solver", &initial, &reason) != STATUS_OK)
            return error_set(err, STATUS_INVALID, "--set %.900s", reason.text);
    return STATUS_OK;
}

int model_command_run(const command *self, int count, char **words,
                      status (*check)(model_request *args, bool *done, error_info *err),
                      status (*use)(model_request *args, model *trained, error_info *err)) {
    model_request args = {.threads = 1, .messages = stdout};
    error_info err = {""};
    char database[PATH_MAX];
    bool done = false;
    args.set.items = calloc((size_t)count + 1, sizeof *args.set.items);
    if (!args.set.items) return command_failed("out of memory");
    install_path(DEFAULT_DATABASE, database);
    status outcome = read_request(self, count, words, &args, &err);
    if (!args.database) args.database = database;
    if (outcome == STATUS_OK) outcome = check(&args, &done, &err);
    if (outcome == STATUS_OK && !done) outcome = use_model(&args, use, &err);
    free(args.set.items);
    if (outcome == STATUS_INVALID) return usage_error(self, err.text);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}
