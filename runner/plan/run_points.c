/* run_points.c - the points of a sweep and their runs in the database: those that the experiment's runs have. */
#include "plan/run_points.h"

#include <stdlib.h>
#include <string.h>

typedef struct pointing {
    results_db *db;
    const plan *runs;
    plan_index *index;
    int64_t experiment;
    bool *seen; /* (sweep_size), by number: the point has a run */
    uint64_t points, pairs; /* points seen; pairs of point and run */
    bool write, same;
} pointing;

static status begin(results_db *db, const plan *runs, plan_index *index, int64_t experiment, bool write, pointing *out,
                    error_info *err) {
    *out = (pointing){.db = db, .runs = runs, .index = index, .experiment = experiment, .write = write, .same = true};
    out->seen = calloc(sweep_size(&runs->swept) + 1, sizeof *out->seen);
    return out->seen ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

static status put_point(const pointing *self, size_t number, error_info *err) {
    const sweep *swept = &self->runs->swept;
    char *label = NULL;
    TRY(plan_point_label(self->runs, number, &label, err));
    const status outcome = db_put_point(self->db, self->experiment, number, label, err);
    free(label);
    TRY(outcome);
    for (size_t a = 0; a < swept->axis_count; a++) {
        const sweep_axis *axis = &swept->axes[a];
        const size_t level = sweep_level(swept, number, a);
        const db_point_setting row = {.point = number,
                                      .axis = a,
                                      .model = axis->model,
                                      .setting = axis->option->name,
                                      .level = level,
                                      .value = axis->values[level]};
        TRY(db_put_point_setting(self->db, self->experiment, &row, err));
    }
    return STATUS_OK;
}

static status visit_run(void *argument, const db_run *row, error_info *err) {
    pointing *self = argument;
    const plan_variant *variant;
    TRY(plan_index_find(self->index, row->key, row->seed, &variant, err));
    for (size_t i = 0; variant && i < variant->point_count; i++) {
        const size_t number = variant->points[i];
        if (!self->seen[number] && self->write) TRY(put_point(self, number, err));
        self->points += !self->seen[number];
        self->seen[number] = true;
        self->pairs++;
        if (self->write) TRY(db_put_point_run(self->db, self->experiment, number, row->id, err));
    }
    return STATUS_OK;
}

static status visit_setting(void *argument, const db_point_setting *row, error_info *err) {
    pointing *self = argument;
    const sweep *swept = &self->runs->swept;
    (void)err;
    self->same = self->same && row->point < sweep_size(swept) && row->axis < swept->axis_count &&
                 self->seen[row->point] && strcmp(swept->axes[row->axis].model, row->model) == 0 &&
                 strcmp(swept->axes[row->axis].option->name, row->setting) == 0 &&
                 strcmp(swept->axes[row->axis].values[sweep_level(swept, row->point, row->axis)], row->value) == 0;
    return STATUS_OK;
}

static status compare(pointing *self, const char *name, error_info *err) {
    uint64_t points, pairs;
    TRY(db_each_run(self->db, name, visit_run, self, err));
    TRY(db_count_points(self->db, self->experiment, &points, &pairs, err));
    self->same = points == self->points && pairs == self->pairs;
    return self->same && points > 0 ? db_each_point_setting(self->db, self->experiment, visit_setting, self, err)
                                    : STATUS_OK;
}

status run_points_read(results_db *db, const plan *runs, plan_index *index, const char *name, int64_t experiment,
                       bool *current, error_info *err) {
    pointing self;
    TRY(begin(db, runs, index, experiment, false, &self, err));
    const status outcome = compare(&self, name, err);
    *current = self.same;
    free(self.seen);
    return outcome;
}

status run_points_write(results_db *db, const plan *runs, plan_index *index, const char *name, int64_t experiment,
                        error_info *err) {
    pointing self;
    TRY(begin(db, runs, index, experiment, true, &self, err));
    status outcome = db_drop_points(db, experiment, err);
    if (outcome == STATUS_OK) outcome = db_each_run(db, name, visit_run, &self, err);
    free(self.seen);
    return outcome;
}
