/* command_measure.c - ./run measure: the final losses of finished runs, measured again and compared. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/commands.h"
#include "commands/model.h"
#include "commands/options.h"
#include "compare/stored_run.h"
#include "record/results_db.h"
#include "settings/source.h"
#include "system/paths.h"
#include "work/measure.h"

typedef struct measuring {
    const char *database;
    uint64_t threads, probes;
    results_db *db;
    db_run *runs; /* of the database, (count) */
    size_t count, capacity;
    stored_cache cache;
    int64_t current; /* the run whose numbers are being written */
    size_t offsets, losses, tested, without; /* measured; runs without parameters */
} measuring;

static status collect(void *argument, const db_run *run, error_info *err) {
    measuring *self = argument;
    if (run->state != RUN_DONE || run->iterations == 0) return STATUS_OK;
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? 2 * self->capacity : 64;
        db_run *runs = realloc(self->runs, capacity * sizeof *runs);
        if (!runs) return error_set(err, STATUS_MEMORY, "out of memory for the runs of a database");
        self->runs = runs;
        self->capacity = capacity;
    }
    self->runs[self->count++] = *run;
    return STATUS_OK;
}

static status put(void *argument, const char *name, double value, error_info *err) {
    const measuring *self = argument;
    return db_put_metric(self->db, self->current, name, value, err);
}

/* Measure how fast the field changes, for flows in the plane that can be solved. */
static status measure_field(const measuring *self, const trained_model *trained, const dataset *points,
                            error_info *err) {
    double window[4], change = NAN;
    error_info reason;
    if (dataset_dimension(points) != 2) return STATUS_OK;
    dataset_window(points, window);
    const status outcome = measure_field_change(trained->model->flow, trained->model->params, window,
                                                model_units(trained->model), &change, &reason);
    if (outcome == STATUS_MEMORY) return error_set(err, outcome, "%s", reason.text);
    if (outcome != STATUS_OK || !isfinite(change)) return STATUS_OK;
    return db_put_metric(self->db, self->current, "field_change", change, err);
}

/* The parameters are in the checkpoint, where there is one. */
static status measure_losses(measuring *self, const db_run *row, const stored_run *run, const source *data,
                             const measure_target *target, const model *trained, size_t n, error_info *err) {
    bool stopped;
    measurement of_points;
    image_measurement of_images;
    self->losses++;
    if (data->images) {
        TRY(measure_images(&run->values, data->images, row->seed, trained->workers, NULL, trained->params, n, NULL,
                           NULL, &stopped, &of_images, err));
        return measure_each_of_images(&of_images, put, self, err);
    }
    TRY(measure_points(&run->values, target, trained->workers, trained->params, n, NULL, NULL, &stopped, &of_points,
                       err));
    return measure_each(&of_points, put, self, err);
}

/* The loss of the test images with one probe and with several, which is stored once for each number of probes. */
static status measure_probes(measuring *self, const db_run *row, const stored_run *run, const source *data,
                             const model *trained, error_info *err) {
    char name[2][48], error[112];
    measured found[2];
    bool known;
    snprintf(name[0], sizeof name[0], "test_loss_1_probe");
    snprintf(name[1], sizeof name[1], "test_loss_%" PRIu64 "_probes", self->probes);
    TRY(db_has_metric(self->db, row->id, name[1], &known, err));
    if (known) return STATUS_OK;
    TRY(measure_test_images(&run->values, data->images, row->seed, trained->workers, trained->params,
                            (size_t)self->probes, found, err));
    for (size_t i = 0; i < 2; i++) {
        snprintf(error, sizeof error, "%s_error", name[i]);
        TRY(put(self, name[i], found[i].mean, err));
        TRY(put(self, error, found[i].error, err));
    }
    self->tested++;
    return STATUS_OK;
}

/* The numbers that a run lacks. */
static status measure_model(measuring *self, const db_run *row, const stored_run *run, const source *data,
                            const measure_target *target, size_t n, error_info *err) {
    trained_model trained;
    bool known;
    TRY(db_has_metric(self->db, row->id, "final_loss_fine", &known, err));
    TRY(trained_open(row->key, self->database, (size_t)self->threads, &trained, err));
    status outcome = known || n == 0 ? STATUS_OK : measure_losses(self, row, run, data, target, trained.model, n, err);
    if (outcome == STATUS_OK && data->images && self->probes > 0)
        outcome = measure_probes(self, row, run, data, trained.model, err);
    if (outcome == STATUS_OK && data->points) outcome = measure_field(self, &trained, data->points, err);
    model_close(&trained.model);
    return outcome;
}

static status measure_run(measuring *self, const db_run *row, error_info *err) {
    stored_run run;
    error_info reason;
    bool able, known = false;
    double offset;
    source data;
    TRY(stored_run_prepare(self->db, row, &self->cache, &run, &able, &reason, err));
    if (!able || run.counted) return STATUS_OK;
    TRY(source_open(run.data.source, &run.values, &data, err));
    const size_t n =
        data.images ? measure_images_of(&run.values, data.images) : measure_points_of(&run.values, data.points);
    self->current = row->id;
    status outcome = STATUS_OK;
    measure_target target = {.data = NULL};
    if (data.points) target = measure_target_of(data.points);
    if (data.points) outcome = measure_offset(&run.values, &target, row->seed, &known, &offset, err);
    if (outcome == STATUS_OK && known) {
        outcome = put(self, "validation_offset", offset, err);
        self->offsets++;
    }
    const bool wanted = n > 0 || (data.images && self->probes > 0);
    if (outcome == STATUS_OK && wanted && row->has_checkpoint)
        outcome = measure_model(self, row, &run, &data, &target, n, err);
    self->without += wanted && !row->has_checkpoint;
    source_close(&data);
    if (outcome == STATUS_OK) outcome = db_commit(self->db, err);
    return outcome;
}

static status measure_all(measuring *self, error_info *err) {
    status outcome = db_each_run(self->db, NULL, collect, self, err);
    for (size_t i = 0; i < self->count && outcome == STATUS_OK; i++) outcome = measure_run(self, &self->runs[i], err);
    return outcome == STATUS_OK ? db_outdate_comparisons(self->db, err) : outcome;
}

static const argument_option options[] = {
    OPTION_DATABASE(measuring), OPTION_THREADS(measuring),
    OPTION_NUMBER(measuring, probes, "--probes", "K", 2, 1000,
                  "images: also the loss of the test images with one probe, and with the mean of K probes")};

static int run_measure(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    error_info err = {""}, closing;
    measuring self = {.threads = 1};
    char usual[PATH_MAX];
    const char *unexpected = NULL;
    size_t others = 0;
    if (command_read(&command_measure, count, words, &self, 0, &unexpected, &others, &err) != STATUS_OK)
        return usage_error(&command_measure, err.text);
    install_path(DEFAULT_DATABASE, usual);
    if (!self.database) self.database = usual;
    if (db_open(self.database, NULL, NULL, &self.db, &err) != STATUS_OK) return command_failed(err.text);
    const status outcome = measure_all(&self, &err);
    const status closed = db_close(&self.db, &closing);
    stored_cache_release(&self.cache);
    free(self.runs);
    if (outcome != STATUS_OK) return command_failed(err.text);
    if (closed != STATUS_OK) return command_failed(closing.text);
    printf("%zu validation offsets, %zu final losses measured; %zu runs have no checkpoint to measure\n", self.offsets,
           self.losses, self.without);
    if (self.probes > 0)
        printf("%zu losses of test images measured with %" PRIu64 " probes\n", self.tested, self.probes);
    return EXIT_DONE;
}

const command command_measure = {
    .name = "measure",
    .summary = "evaluate the final losses of finished runs again, on many points",
    .forms = (const char *const[]){"[OPTION]...", NULL},
    .text =
        "For toy densities: computes how much the validation points of a seed shift every model's loss; and, for runs "
        "with a checkpoint, the final loss on output.measure points with a control variate, its standard error, and "
        "the same with a finer solve. For images with a checkpoint: the loss at tolerance 1e-5 and finer, and "
        "evaluations with "
        "either solver.error_norm. Runs in the plane also get how fast their field changes. A training does this at "
        "its "
        "end; this command does it for runs that lack it, such as those of older versions. It then compares the models "
        "of each experiment anew (table `comparison`).\n\n"
        "With --probes K: for images, the bits per dimension of the test images at tolerance 1e-5, by Hutchinson's "
        "estimate with one probe per image, and by the mean of K. Each probe is a solve. They are the metrics "
        "test_loss_1_probe and test_loss_K_probes.",
    OPTIONS(options),
    .run = run_measure};
