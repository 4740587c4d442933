/* sweep.h - the section [sweep] of an experiment file: every combination of some settings' values.
 *
 *     [sweep]
 *     flow.end_time = 1, 10
 *     model affjord.initial_state = zero, learned    for one model
 *     sample = 16                                    of all combinations; all if left out
 *
 * Each line is an axis, each combination a point. Points are numbered from 0, the last axis fastest:
 *
 *     number = (i_1 n_2 + i_2) n_3 + i_3 ...,    i_a < n_a the value's position on axis a.
 *
 * A sample keeps these numbers. It is drawn with a fixed seed, and a smaller sample is part of every larger one. */
#ifndef AFFJORD_RUNNER_SWEEP_H
#define AFFJORD_RUNNER_SWEEP_H

#include "model/settings.h"

enum { SWEEP_POINTS_MAX = 100000, SWEEP_AXES_MAX = 64, SWEEP_NAME_MAX = SETTINGS_NAME_MAX + 64 };

typedef struct sweep_axis {
    char *model; /* the only model that it is for; "" for all */
    const setting_option *option;
    size_t count;
    char **values; /* (count), as settings_text prints them */
    char *text; /* as it was written */
    const char *path; /* of the file, which outlives the sweep */
    size_t line;
} sweep_axis;

/* Owns all memory that it points to, except paths. Zeroed: no sweep. */
typedef struct sweep {
    size_t axis_count;
    sweep_axis *axes;
    sweep_axis *open; /* the axis of the last line, which more lines may continue; NULL for none */
    uint64_t sample; /* number of points; 0: all */
    const char *sample_path; /* NULL: nowhere */
    size_t sample_line;
} sweep;

void sweep_release(sweep *self);

/* *out <- a copy with its own memory; its paths are NULL. Errors: STATUS_MEMORY. */
status sweep_copy(const sweep *self, sweep *out, error_info *err);

/* Add a line "key = value" of the section. A line replaces that of an included file (another path) for the same
 * setting. Errors: STATUS_INVALID, without the place; STATUS_MEMORY. */
status sweep_take(sweep *self, const char *key, const char *value, const char *path, size_t line, error_info *err);

/* Append more values to the axis that was taken last. Errors: as sweep_take. */
status sweep_continue(sweep *self, const char *more, error_info *err);

/* Check the sweep: its models are listed, it has at most SWEEP_POINTS_MAX points, and the sample is not larger. Errors:
 * STATUS_INVALID with "file:line: ". */
status sweep_check(const sweep *self, const char *models, error_info *err);

/* Return the axis of this setting for this model ("" for all), or NULL. */
const sweep_axis *sweep_find(const sweep *self, const char *model, const setting_option *option);

/* Return whether an axis applies to a model. */
bool sweep_concerns(const sweep_axis *axis, const char *model);

/* "flow.end_time"; for one model "model affjord.initial_state", as in the file. */
void sweep_axis_name(const sweep_axis *axis, char text[SWEEP_NAME_MAX]);

/* Return the number of combinations, 0 without axes. */
size_t sweep_size(const sweep *self);

/* Return the position of a point's value on an axis. */
size_t sweep_level(const sweep *self, size_t number, size_t axis);

/* Apply a point's values to a model's settings; axes for one model override axes for all. */
void sweep_apply(const sweep *self, size_t number, const char *model, settings *into);

/* *numbers (*count) <- the points of the sweep, ascending, in memory that the caller frees. Errors: STATUS_MEMORY. */
status sweep_draw(const sweep *self, size_t **numbers, size_t *count, error_info *err);

/* Keep only those of numbers (*count) that satisfy a condition: "flow.end_time = 1, 10", one or more values of an axis,
 * or "point = 3, 7". Errors: STATUS_INVALID if there is no such axis or value, or no point is left. */
status sweep_select(const sweep *self, const char *condition, size_t *numbers, size_t *count, error_info *err);

#endif
