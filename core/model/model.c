/* model.c - pass rows through a flow, batch by batch. */
#include "model/model_parts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_batch.h"
#include "data/table.h"
#include "flow/noise.h"
#include "model/data_settings.h"

size_t model_dimension(const model *self) {
    return self->shape.dimension;
}
const size_t *model_image(const model *self) {
    return specification_is_image(&self->shape) ? self->shape.image : NULL;
}
size_t model_batch(const model *self) {
    return self->images ? MODEL_IMAGES : MODEL_POINTS;
}
const char *model_text(const model *self, const char *name) {
    return self->file ? checkpoint_get_text(self->file, name) : NULL;
}
const char *model_note(const model *self, size_t index) {
    return index < self->note_count ? self->notes[index].text : NULL;
}
const parameter_table *model_table(const model *self) {
    return self->table;
}
const real *model_parameters(const model *self) {
    return self->params;
}
const standard *model_units(const model *self) {
    return self->units.dimension > 0 ? &self->units : NULL;
}
void model_lend(model *self, const real *params) {
    self->params = params;
}

double model_end_time(const model *self) {
    return self->images ? 0 : cnf_end_time(self->flow, self->params);
}

/* --- Rows --- */

static bool is_there(model_rows rows) {
    return rows.reals || rows.doubles;
}

/* Reals that need no conversion of units are used in place. */
static bool is_as_it_is(model_rows rows, const standard *units) {
    return rows.reals && !units;
}

/* Return the matrix from row `at` of D numbers on. */
static model_rows rows_from(model_rows rows, size_t at, size_t D) {
    return (model_rows){.reals = rows.reals ? rows.reals + at * D : NULL,
                        .doubles = rows.doubles ? rows.doubles + at * D : NULL};
}

/* Return the n rows in the flow's units: in place, or in `room` (n, D). */
static const real *take(model_rows rows, const standard *units, size_t n, size_t D, real *room) {
    if (is_as_it_is(rows, units)) return rows.reals;
    assert(is_there(rows));
    if (rows.doubles) standard_take(units, D, rows.doubles, n, room);
    for (size_t i = 0; !rows.doubles && i < n; i++)
        for (size_t d = 0; d < D; d++)
            room[i * D + d] = (real)(((double)rows.reals[i * D + d] - units->mean[d]) / units->deviation[d]);
    return room;
}

/* rows (n, D) <- z (n, D), converted from the flow's units; nothing if z is there already. */
static void give(const real *z, const standard *units, size_t n, size_t D, model_rows rows) {
    assert(is_there(rows));
    if (rows.doubles) standard_give(units, D, z, n, rows.doubles);
    for (size_t i = 0; !rows.doubles && z != rows.reals && i < n; i++)
        for (size_t d = 0; d < D; d++) {
            const double value = (double)z[i * D + d];
            rows.reals[i * D + d] = (real)(units ? units->mean[d] + units->deviation[d] * value : value);
        }
}

/* Return where to compute a batch of rows: in place if possible. */
static real *place(model_rows rows, const standard *units, real *room) {
    return is_as_it_is(rows, units) ? rows.reals : room;
}

/* --- Batches --- */

/* One batch of rows; `at` is its first row in the call, `first` that in the whole matrix. */
typedef struct batch {
    uint64_t first;
    size_t at, n;
} batch;

/* Advance to the next batch of `all` rows; return false at the end, or after a stop. */
static bool next_batch(const model *self, uint64_t first, size_t all, batch *out) {
    out->at += out->n;
    out->first = first + out->at;
    out->n = all - out->at < model_batch(self) ? all - out->at : model_batch(self);
    return out->n > 0 && !(self->stop && self->stop(self->stop_argument));
}

/* "points 0 to 9 have no density: why", for the status of a batch's solve. */
static status explain(const cnf *flow, const chain_statistics *statistics, status outcome, const char *rows,
                      const batch *b, const char *what, error_info *err) {
    error_info reason;
    if (outcome == STATUS_OK) return STATUS_OK;
    if (flow) cnf_explain(flow, outcome, &reason);
    else chain_explain(statistics, outcome, &reason);
    return error_set(err, outcome, "%s %llu to %llu %s: %s", rows, (unsigned long long)b->first,
                     (unsigned long long)(b->first + b->n - 1), what, reason.text);
}

static const char *rows_name(const model *self) {
    return self->images ? "images" : "points";
}

/* An exact divergence draws no random numbers. */
static random_stream probes_of(const model *self, uint64_t seed, const batch *b) {
    if (!self->images) return (random_stream){.purpose = RANDOM_PROBE};
    return (random_stream){.seed = seed, .purpose = RANDOM_TEST_PROBE, .iteration = b->first / MODEL_IMAGES};
}

status model_transform(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows z,
                       double *log_density, error_info *err) {
    const size_t D = self->shape.dimension;
    const standard *units = model_units(self);
    double unwanted[MODEL_POINTS] = {0};
    for (batch b = {.at = 0}; next_batch(self, first, n, &b);) {
        const model_rows to = rows_from(z, b.at, D);
        const real *from = take(rows_from(x, b.at, D), units, b.n, D, self->x);
        const random_stream probe = probes_of(self, seed, &b);
        double *log_p = log_density ? log_density + b.at : unwanted;
        real *images = is_there(z) ? place(to, NULL, self->z) : NULL;
        chain_statistics statistics;
        const status outcome =
            self->images ? chain_transform(self->images, self->params, from, b.n, probe, images, log_p, &statistics)
                         : cnf_transform(self->flow, self->params, from, b.n, probe, images, log_p, NULL);
        TRY(explain(self->flow, &statistics, outcome, rows_name(self), &b, "have no density", err));
        if (images) give(images, NULL, b.n, D, to);
    }
    return STATUS_OK;
}

status model_invert(model *self, model_rows z, uint64_t first, size_t n, model_rows x, error_info *err) {
    const size_t D = self->shape.dimension;
    const standard *units = model_units(self);
    for (batch b = {.at = 0}; next_batch(self, first, n, &b);) {
        const model_rows to = rows_from(x, b.at, D);
        const real *from = take(rows_from(z, b.at, D), NULL, b.n, D, self->z);
        real *points = place(to, units, self->x);
        chain_statistics statistics;
        const status outcome = self->images ? chain_invert(self->images, self->params, from, b.n, points, &statistics)
                                            : cnf_invert(self->flow, self->params, from, b.n, points, NULL);
        TRY(explain(self->flow, &statistics, outcome, rows_name(self), &b, "could not be inverted", err));
        give(points, units, b.n, D, to);
    }
    return STATUS_OK;
}

status model_sample_at(model *self, double temperature, uint64_t seed, uint64_t first, size_t n, model_rows x,
                       error_info *err) {
    const size_t D = self->shape.dimension;
    const standard *units = model_units(self);
    const random_stream stream = {.seed = seed, .purpose = RANDOM_SAMPLING};
    const double variance = temperature * temperature * self->values.flow_base_variance;
    if (!(variance > 0) || !isfinite(variance))
        return error_set(err, STATUS_INVALID, "temperature %g: expected a positive number", temperature);
    for (batch b = {.at = 0}; next_batch(self, first, n, &b);) {
        const model_rows to = rows_from(x, b.at, D);
        real *points = place(to, units, self->x);
        chain_statistics statistics;
        noise_base(stream, variance, b.first, b.n, D, points);
        const status outcome = self->images ? chain_invert(self->images, self->params, points, b.n, points, &statistics)
                                            : cnf_invert(self->flow, self->params, points, b.n, points, NULL);
        TRY(explain(self->flow, &statistics, outcome, "samples", &b, "could not be made", err));
        give(points, units, b.n, D, to);
    }
    return STATUS_OK;
}

status model_sample(model *self, uint64_t seed, uint64_t first, size_t n, model_rows x, error_info *err) {
    return model_sample_at(self, 1, seed, first, n, x, err);
}

/* --- Gradients of log p, and trajectories --- */

/* The flow for gradients, without regularizers, which log p does not contain. */
static status make_general(model *self, error_info *err) {
    cnf_spec spec;
    chain_spec of_images;
    if (self->general || self->scored) return STATUS_OK;
    if (!self->images && self->values.model_context == CONTEXT_LIFTED)
        return error_set(err, STATUS_INVALID,
                         "model.context = lifted: it has no trajectories and no gradients of log p; expected a model "
                         "with time or augmented");
    if (!self->room && ARENA_NEW(&self->memory, self->table->total, &self->room) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for a gradient");
    if (self->images) {
        of_images = *chain_specification(self->images);
        of_images.kinetic = of_images.jacobian = 0;
        return chain_create(&of_images, MODEL_IMAGES, true, self->workers, &self->scored, err);
    }
    spec = *cnf_specification(self->flow);
    spec.general = true;
    spec.kinetic = spec.jacobian = 0;
    spec.gradient = GRADIENT_DISCRETE;
    spec.kept_steps = self->values.solver_max_stored_steps;
    spec.keep_stages = false;
    return cnf_create(&spec, MODEL_POINTS, self->workers, &self->general, err);
}

status model_score(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows dx, error_info *err) {
    const size_t D = self->shape.dimension;
    const standard *units = model_units(self);
    TRY(make_general(self, err));
    for (batch b = {.at = 0}; next_batch(self, first, n, &b);) {
        const model_rows to = rows_from(dx, b.at, D);
        const real *from = take(rows_from(x, b.at, D), units, b.n, D, self->x);
        real *slopes = place(to, NULL, self->z);
        const random_stream probe = probes_of(self, seed, &b);
        chain_statistics statistics;
        const status outcome =
            self->images ? chain_score(self->scored, self->params, from, b.n, probe, slopes, self->room, &statistics)
                         : cnf_score(self->general, self->params, from, b.n, probe, slopes, self->room);
        TRY(explain(self->general, &statistics, outcome, rows_name(self), &b, "have no gradient", err));
        for (size_t i = 0; units && i < b.n * D; i++) slopes[i] = (real)((double)slopes[i] / units->deviation[i % D]);
        give(slopes, NULL, b.n, D, to);
    }
    return STATUS_OK;
}

status model_trajectory(model *self, model_rows x, size_t n, size_t count, const double *times, model_rows z,
                        error_info *err) {
    const size_t D = self->shape.dimension;
    const double end = model_end_time(self);
    if (self->images)
        return error_set(err, STATUS_INVALID,
                         "trajectory: this is a model of images, whose scales have flows of their own; "
                         "expected one of points");
    for (size_t i = 0; i < count; i++)
        if (!(times[i] >= (i > 0 ? times[i - 1] : 0) && times[i] <= end))
            return error_set(err, STATUS_INVALID,
                             "trajectory: time %zu is %.9g; expected times that ascend from 0 to %.9g", i, times[i],
                             end);
    TRY(make_general(self, err));
    real *way = calloc(count * MODEL_POINTS * D + 1, sizeof *way);
    status outcome = way ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory for %zu times", count);
    for (batch b = {.at = 0}; outcome == STATUS_OK && next_batch(self, 0, n, &b);) {
        const real *from = take(rows_from(x, b.at, D), model_units(self), b.n, D, self->x);
        outcome =
            explain(self->general, NULL, cnf_trajectory(self->general, self->params, from, b.n, count, times, way),
                    "points", &b, "have no trajectory", err);
        for (size_t i = 0; outcome == STATUS_OK && i < count; i++)
            give(way + i * b.n * D, NULL, b.n, D, rows_from(z, i * n + b.at, D));
    }
    free(way);
    return outcome;
}

void model_dequantize(const model *self, const unsigned char *bytes, size_t n, uint64_t seed, real *x) {
    const size_t *shape = self->shape.image;
    const image_set set = {.count = n,
                           .channels = shape[0],
                           .height = shape[1],
                           .width = shape[2],
                           .pixels = (unsigned char *)bytes, /* only read */
                           .size = {[IMAGE_TEST] = n}};
    image_batch(&set, IMAGE_TEST, seed, 0, n, false, IMAGE_CHANNEL_LAST, x);
}

/* --- Files --- */

status model_read_points(const model *self, const char *path, table **out, error_info *err) {
    if (self->images)
        return error_set(err, STATUS_INVALID, "\"%.400s\": this is a model of images; expected images", path);
    return data_read_points(&self->values, path, self->shape.dimension, out, err);
}

status model_read_images(const model *self, const char *path, image_set **out, error_info *err) {
    const size_t *shape = model_image(self);
    image_set *set;
    if (!shape)
        return error_set(err, STATUS_INVALID, "\"%.400s\": this is a model of points; expected a table of points",
                         path);
    TRY(data_open_images(&self->values, path, true, &set, err));
    status outcome = image_average(set, self->values.image_downsample, err);
    if (outcome == STATUS_OK && (set->channels != shape[0] || set->height != shape[1] || set->width != shape[2]))
        outcome = error_set(err, STATUS_FORMAT,
                            "\"%.400s\": found images of %zu x %zu x %zu, expected %zu x %zu x %zu, those "
                            "of the model",
                            path, set->channels, set->height, set->width, shape[0], shape[1], shape[2]);
    if (outcome != STATUS_OK) image_close(&set);
    else *out = set;
    return outcome;
}
