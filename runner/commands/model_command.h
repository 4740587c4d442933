/* model_command.h - common parts of the commands that use a trained model: request, input, solver. */
#ifndef AFFJORD_RUNNER_MODEL_COMMAND_H
#define AFFJORD_RUNNER_MODEL_COMMAND_H

#include "commands/commands.h"
#include "commands/options.h"
#include "data/npy.h"
#include "model/model_parts.h"
#include "system/output.h"

enum { MODEL_ROWS_MAX = 1000000000 }; /* of one call */

/* The command line. */
typedef struct model_request {
    const char *name, *input, *output, *database, *folder, *times, *model_file, *temperature;
    uint64_t n, seed, threads, cells;
    bool force, replay, archive, with_parameters, unfinished, check_density;
    argument_texts set;
    output_request out; /* of `output`, once the model is open */
    FILE *messages; /* standard output, or standard error if the numbers are on standard output */
} model_request;

/* Run a command: read its words, check them (`check`), then open the model and use it. A `check` that has done the
 * whole work sets *done. Returns the exit status. */
int model_command_run(const command *self, int count, char **words,
                      status (*check)(model_request *args, bool *done, error_info *err),
                      status (*use)(model_request *args, model *trained, error_info *err));

/* "--input: missing; expected a table". Always STATUS_INVALID. */
status model_command_missing(const char *option, const char *expected, error_info *err);

/* Check the output file before anything is computed. */
status model_command_output(model_request *args, const output_kind *kind, size_t columns, error_info *err);

/* Read --input: the rows of a file, or images of a set. Numbers of images that are data must be from 0 to 1. The caller
 * frees the memory of *x. */
status model_command_input(const model_request *args, model *trained, bool data, model_rows *x, size_t *n,
                           error_info *err);

/* Compute `count` numbers with the solver of the training and, with --set, also with the other one.
 *
 *   out    (count) <- the numbers, with the other solver if there is one
 *   before (count) <- the numbers with the training's solver; NULL without --set, otherwise the caller frees it
 *
 * `type` is the type of the numbers. With --set, it prints the distance between the two. */
typedef struct model_work {
    status (*compute)(const model_request *args, model *trained, void *argument, void *out, error_info *err);
    void *argument;
    npy_type type;
    size_t count;
    const char *what; /* the start of the printed sentence: "log p differs" */
} model_work;
status model_command_compute(const model_request *args, model *trained, const model_work *work, void *out,
                             void **before, error_info *err);

#define MODEL_HELP                                                                                                     \
    "RUN is a run's number, its key, or the beginning of its key, as ./run list prints them. FILE.safetensors is a "   \
    "file from ./run export, or a checkpoint. RUN:best is the model of the epoch with the least validation loss."

#define MODEL_SOLVER_HELP                                                                                              \
    "With --set, the solve uses other settings of the solver, and the command prints how far the results of the "      \
    "trained solver are from these."

#define OPTION_TABLE_OUTPUT                                                                                            \
    OPTION_TEXT(model_request, output, "--output", "FILE",                                                             \
                ".csv: text, with all digits; .npy: NumPy's format; \"-\": CSV to standard output. Pipes and devices " \
                "get CSV unless their name ends in .npy")
#define OPTION_SOLVER                                                                                                  \
    OPTION_TEXTS(model_request, set, "--set", "solver.KEY=VALUE", "another setting of the solver; may be repeated")
#define OPTION_DATA_FOLDER                                                                                             \
    OPTION_TEXT(model_request, folder, "--data-dir", "DIR",                                                            \
                "folder of the image data set (the data.dir of the run's training, else $AFFJORD_DATA, else ./data)")
#define OPTION_IMAGE_COUNT                                                                                             \
    OPTION_NUMBER(model_request, n, "--n", "N", 1, MODEL_ROWS_MAX, "number of images of an image data set (all)")
#define OPTION_NOISE_SEED                                                                                              \
    OPTION_NUMBER(model_request, seed, "--seed", "S", 0, INT64_MAX, "seed of noise and probes, for images (0)")

#endif
