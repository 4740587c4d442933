/* worker_moments.c - snapshots of a flow of points in the plane, for films and Figure 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/detmath.h"
#include "work/measure.h"
#include "work/outputs.h"
#include "work/worker_internal.h"

/* Sides of the grids of density and field, and the number of moving points. */
enum { DENSITY_CELLS = 80, FIELD_CELLS = MEASURE_FIELD_CELLS, SAMPLES = 1000, CONTEXT_MAX = 1024 };

enum { DENSITY_POINTS = DENSITY_CELLS * DENSITY_CELLS, FIELD_POINTS = FIELD_CELLS * FIELD_CELLS };

/* Constants and buffers of all snapshots. */
typedef struct moments {
    worker *self;
    cnf *flow;
    const real *params;
    const standard *units; /* of the flow's points; pictures are in the data's */
    double window[4];
    uint64_t number; /* of the moment */
    size_t step; /* index of the flow's step at whose beginning the snapshot is */
    real *points, *rates; /* (DENSITY_POINTS, 2) */
    double *log_density; /* (DENSITY_POINTS) */
    float *values; /* (4 DENSITY_POINTS) */
} moments;

static status send(const moments *all, const char *kind, uint64_t rows, uint64_t columns, error_info *err) {
    message one = {.kind = MESSAGE_BLOB,
                   .blob = {.moving = true,
                            .moment = all->number,
                            .time = cnf_moment_time(all->flow, all->params, all->step),
                            .rows = rows,
                            .columns = columns,
                            .window = {all->window[0], all->window[1], all->window[2], all->window[3]}},
                   .size = rows * columns * sizeof *all->values};
    snprintf(one.blob.kind, sizeof one.blob.kind, "%s", kind);
    return worker_send(all->self, one, all->values, err);
}

static void place_grid(moments *all, size_t cells) {
    for (size_t i = 0; i < cells * cells; i++) {
        double centre[2];
        outputs_cell_centre(all->window, cells, i, centre);
        standard_take(all->units, 2, centre, 1, all->points + 2 * i);
    }
}

/* Point i in the data's units. */
static void give_point(const moments *all, size_t i, float *out) {
    double point[2];
    standard_give(all->units, 2, all->points + 2 * i, 1, point);
    for (size_t d = 0; d < 2; d++) out[d] = (float)point[d];
}

static status solved(const moments *all, status outcome, error_info *err) {
    if (outcome != STATUS_OK) cnf_explain(all->flow, outcome, err);
    return outcome;
}

static status send_density(moments *all, error_info *err) {
    const random_stream unused = {.purpose = RANDOM_PROBE}; /* an exact divergence draws nothing */
    place_grid(all, DENSITY_CELLS);
    TRY(solved(all,
               cnf_moment_log_density(all->flow, all->params, all->step, all->points, DENSITY_POINTS, unused,
                                      all->log_density),
               err));
    for (size_t i = 0; i < DENSITY_POINTS; i++) all->values[i] = (float)det_exp(all->log_density[i]);
    return send(all, "density", DENSITY_CELLS, DENSITY_CELLS, err);
}

static status send_samples(moments *all, error_info *err) {
    const random_stream stream = {.seed = all->self->task->run->seed, .purpose = RANDOM_SAMPLING};
    TRY(solved(all, cnf_moment_sample(all->flow, all->params, all->step, stream, 0, SAMPLES, all->points), err));
    for (size_t i = 0; i < SAMPLES; i++) give_point(all, i, all->values + 2 * i);
    return send(all, "samples", SAMPLES, 2, err);
}

static status send_field(moments *all, error_info *err) {
    const cnf_spec *spec = cnf_specification(all->flow);
    const size_t columns = cnf_context_dimension(spec);
    real context[CONTEXT_MAX];
    if (columns > CONTEXT_MAX)
        return error_set(err, STATUS_INVALID, "output.snapshots: expected a context of at most %d numbers, found %zu",
                         CONTEXT_MAX, columns);
    place_grid(all, FIELD_CELLS);
    TRY(solved(all, cnf_moment_field(all->flow, all->params, all->step, all->points, FIELD_POINTS, all->rates, context),
               err));
    for (size_t i = 0; i < FIELD_POINTS; i++) {
        give_point(all, i, all->values + 4 * i);
        for (size_t d = 0; d < 2; d++) {
            const double unit = all->units ? all->units->deviation[d] : 1;
            all->values[4 * i + 2 + d] = (float)(unit * (double)all->rates[2 * i + d]);
        }
    }
    TRY(send(all, "field", FIELD_POINTS, 4, err));
    for (size_t i = 0; i < columns; i++) all->values[i] = (float)context[i];
    return send(all, "context", 1, columns, err);
}

/* Snapshots are at beginnings of steps, as evenly spaced as those allow; with few steps, several may coincide. */
static status send_all(moments *all, error_info *err) {
    const uint64_t count = all->self->task->values->output_snapshots;
    const size_t steps = cnf_moment_steps(all->flow);
    for (all->number = 0; all->number < count && !worker_stop_requested(all->self); all->number++) {
        const double part = count > 1 ? (double)all->number / (double)(count - 1) : 0;
        all->step = (size_t)(part * (double)steps + 0.5);
        TRY(send_density(all, err));
        TRY(send_samples(all, err));
        if (all->step < steps) TRY(send_field(all, err));
    }
    if (all->number < count || steps < 2) return STATUS_OK;
    double change;
    TRY(measure_field_change(all->flow, all->params, all->window, all->units, &change, err));
    return worker_send_metric(all->self, "field_change", change, err);
}

status worker_send_moments(worker *self, cnf *flow, error_info *err) {
    moments all = {.self = self, .flow = flow, .params = trainer_parameters(self->training)};
    dataset_window(self->data.points, all.window);
    all.units = source_units(&self->data);
    all.points = calloc(2 * (size_t)DENSITY_POINTS, sizeof *all.points);
    all.rates = calloc(2 * (size_t)DENSITY_POINTS, sizeof *all.rates);
    all.log_density = calloc(DENSITY_POINTS, sizeof *all.log_density);
    all.values = calloc(4 * (size_t)DENSITY_POINTS, sizeof *all.values);
    status outcome = all.points && all.rates && all.log_density && all.values
                         ? send_all(&all, err)
                         : error_set(err, STATUS_MEMORY, "out of memory for moments of the flow");
    free(all.points);
    free(all.rates);
    free(all.log_density);
    free(all.values);
    /* Omit outputs whose solve failed, and send a note. */
    return outcome > STATUS_OK ? worker_send_note(self, err->text, err) : outcome;
}
