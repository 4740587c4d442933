/* command_transform.c - ./run transform, inverse and trajectory: points through a trained flow. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "commands/model_command.h"

enum { TIMES_MAX = 10000 };

/* The rows to transform, and the requested times. */
typedef struct passage {
    model_rows from;
    size_t n;
    size_t count; /* of times; 1 for a transform */
    double *times; /* (count), of a trajectory */
} passage;

static status check(model_request *args, bool *done, error_info *err) {
    *done = false;
    if (!args->input) return model_command_missing("--input", "a table", err);
    return args->output ? STATUS_OK : model_command_missing("--output", "a file", err);
}

/* Compute the rows (n, D) of one command, and write them as a table of `type`. */
static status pass(model_request *args, model *trained, const passage *self, model_work work, size_t columns,
                   error_info *err) {
    void *before = NULL;
    work.argument = (void *)self;
    work.count = self->count * self->n * columns;
    work.what = "results differ";
    void *out = calloc(work.count, work.type == NPY_F64 ? sizeof(double) : sizeof(real));
    if (!out) return error_set(err, STATUS_MEMORY, "out of memory for %zu rows", self->n);
    status outcome = model_command_compute(args, trained, &work, out, &before, err);
    if (outcome == STATUS_OK) outcome = output_write_table(&args->out, work.type, out, self->count * self->n, err);
    free(before);
    free(out);
    return outcome;
}

static void release(passage *self) {
    free(self->from.reals);
    free(self->from.doubles);
    free(self->times);
}

/* --- To the base density and back --- */

static status compute_transform(const model_request *args, model *trained, void *argument, void *out, error_info *err) {
    const passage *self = argument;
    return model_transform(trained, self->from, 0, self->n, args->seed, (model_rows){.reals = out}, NULL, err);
}

static status compute_inverse(const model_request *args, model *trained, void *argument, void *out, error_info *err) {
    const passage *self = argument;
    (void)args;
    model_rows to = {.reals = out};
    if (model_units(trained)) to = (model_rows){.doubles = out};
    return model_invert(trained, self->from, 0, self->n, to, err);
}

static status transform(model_request *args, model *trained, error_info *err) {
    passage self = {.count = 1};
    const size_t D = model_dimension(trained);
    TRY(model_command_output(args, &output_table, D, err));
    status outcome = model_command_input(args, trained, true, &self.from, &self.n, err);
    if (outcome == STATUS_OK)
        outcome = pass(args, trained, &self, (model_work){.compute = compute_transform, .type = NPY_REAL}, D, err);
    release(&self);
    return outcome;
}

static status inverse(model_request *args, model *trained, error_info *err) {
    passage self = {.count = 1};
    const size_t D = model_dimension(trained);
    const npy_type type = model_units(trained) ? NPY_F64 : NPY_REAL;
    TRY(model_command_output(args, &output_table, D, err));
    status outcome = model_command_input(args, trained, false, &self.from, &self.n, err);
    if (outcome == STATUS_OK)
        outcome = pass(args, trained, &self, (model_work){.compute = compute_inverse, .type = type}, D, err);
    release(&self);
    return outcome;
}

/* --- At times in between --- */

/* Read --times: numbers separated by commas, or one integer N above 1: N times from 0 to T at equal distances. */
static status read_times(const char *text, double end, passage *self, error_info *err) {
    const char *comma = strchr(text, ',');
    self->times = calloc(TIMES_MAX, sizeof *self->times);
    if (!self->times) return error_set(err, STATUS_MEMORY, "out of memory for times");
    if (!comma && strspn(text, "0123456789") == strlen(text) && strlen(text) < 6 && atoi(text) > 1) {
        self->count = (size_t)atoi(text);
        for (size_t i = 0; i < self->count && self->count <= TIMES_MAX; i++)
            self->times[i] = end * (double)i / (double)(self->count - 1);
    } else {
        for (const char *at = text; at; at = comma ? comma + 1 : NULL) {
            comma = strchr(at, ',');
            const char *stop = comma ? comma : at + strlen(at);
            if (self->count < TIMES_MAX && !number_read(at, stop, &self->times[self->count]))
                return error_set(err, STATUS_INVALID,
                                 "--times: expected numbers with commas between, or a number of times above 1, found "
                                 "\"%.100s\"",
                                 text);
            self->count++;
        }
    }
    if (self->count <= TIMES_MAX) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "--times: expected at most %d times, found %zu", TIMES_MAX, self->count);
}

/* out (count, n, 1 + D) <- t and z(t). */
static status compute_trajectory(const model_request *args, model *trained, void *argument, void *out,
                                 error_info *err) {
    const passage *self = argument;
    const size_t D = model_dimension(trained), all = self->count * self->n;
    double *z = calloc(all * D + 1, sizeof *z), *table = out;
    (void)args;
    if (!z) return error_set(err, STATUS_MEMORY, "out of memory for %zu points", all);
    const status outcome =
        model_trajectory(trained, self->from, self->n, self->count, self->times, (model_rows){.doubles = z}, err);
    for (size_t i = 0; outcome == STATUS_OK && i < all; i++) {
        table[i * (1 + D)] = self->times[i / self->n];
        memcpy(table + i * (1 + D) + 1, z + i * D, D * sizeof *z);
    }
    free(z);
    return outcome;
}

static status check_trajectory(model_request *args, bool *done, error_info *err) {
    TRY(check(args, done, err));
    return args->times ? STATUS_OK : model_command_missing("--times", "times from 0 to T, or their number", err);
}

static status trajectory(model_request *args, model *trained, error_info *err) {
    passage self = {.count = 0};
    const size_t columns = 1 + model_dimension(trained);
    if (trained->images)
        return error_set(err, STATUS_INVALID,
                         "%s: a model of images, whose scales have flows of their own; expected one of points",
                         args->name);
    TRY(model_command_output(args, &output_table, columns, err));
    status outcome = read_times(args->times, model_end_time(trained), &self, err);
    if (outcome == STATUS_OK) outcome = model_command_input(args, trained, true, &self.from, &self.n, err);
    if (outcome == STATUS_OK)
        outcome =
            pass(args, trained, &self, (model_work){.compute = compute_trajectory, .type = NPY_F64}, columns, err);
    release(&self);
    return outcome;
}

/* --- The commands --- */

static int run_transform(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_transform, count, words, check, transform);
}

static int run_inverse(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_inverse, count, words, check, inverse);
}

static int run_trajectory(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return model_command_run(&command_trajectory, count, words, check_trajectory, trajectory);
}

#define FORMS(times)                                                                                                   \
    (const char *const[]) {                                                                                            \
        "RUN|FILE.safetensors --input X" times " --output FILE [OPTION]...", NULL                                      \
    }

static const argument_option transform_options[] = {
    OPTION_TEXT(model_request, input, "--input", "X",
                "table of points (.npy, .csv or .tsv), or name of an image data set"),
    OPTION_TABLE_OUTPUT,
    OPTION_IMAGE_COUNT,
    OPTION_NOISE_SEED,
    OPTION_DATA_FOLDER,
    OPTION_SOLVER,
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request)};

const command command_transform = {
    .name = "transform",
    .summary = "take points or images through a trained flow to the base density",
    .forms = FORMS(""),
    .text =
        "Writes z(T) for each row x = z(0) of X: (n, D), float32. If the model is the density of X, z is distributed "
        "as "
        "N(0, s^2 I). X is that of eval. The command inverse computes x from z.\n\n" MODEL_HELP
        "\n\n" MODEL_SOLVER_HELP,
    OPTIONS(transform_options),
    .run = run_transform};

static const argument_option inverse_options[] = {
    OPTION_TEXT(model_request, input, "--input", "Z", "table of points of the base density (.npy, .csv or .tsv)"),
    OPTION_TABLE_OUTPUT,
    OPTION_SOLVER,
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request)};

const command command_inverse = {
    .name = "inverse",
    .summary = "take points of the base density back through a trained flow to the data",
    .forms = (const char *const[]){"RUN|FILE.safetensors --input Z --output FILE [OPTION]...", NULL},
    .text = "Writes x = z(0) for each row z(T) of Z: (n, D), in the data's units; an image is a row, its channels "
            "last.\n\n" MODEL_HELP "\n\n" MODEL_SOLVER_HELP,
    OPTIONS(inverse_options),
    .run = run_inverse};

static const argument_option trajectory_options[] = {
    OPTION_TEXT(model_request, input, "--input", "X", "table of points (.npy, .csv or .tsv)"),
    OPTION_TEXT(model_request, times, "--times", "T0,T1,...",
                "ascending times from 0 to T; or one number above 1: that number of times from 0 to T, evenly spaced"),
    OPTION_TABLE_OUTPUT,
    OPTION_SOLVER,
    OPTION_DATABASE(model_request),
    OPTION_FORCE(model_request),
    OPTION_THREADS(model_request)};

const command command_trajectory = {
    .name = "trajectory",
    .summary = "follow points through a trained flow",
    .forms = FORMS(" --times T0,T1,..."),
    .text = "Writes a row t, z(t) for each time and each row x = z(0) of X, all rows of the first time first: "
            "(times n, 1 + D), float64. For points only.\n\n" MODEL_HELP "\n\n" MODEL_SOLVER_HELP,
    OPTIONS(trajectory_options),
    .run = run_trajectory};
