/* sweep.c - the section [sweep] of an experiment file: its axes, their product, a sample, a selection. */
#include "settings/sweep.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/edit_distance.h"
#include "base/random.h"
#include "settings/config_internal.h"

enum { VALUES_MAX = 1000 }; /* of an axis */

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory");
}

static void release_values(sweep_axis *axis) {
    for (size_t i = 0; i < axis->count; i++) free(axis->values[i]);
    free(axis->values);
    axis->values = NULL;
    axis->count = 0;
}

static void release_axis(sweep_axis *axis) {
    release_values(axis);
    free(axis->model);
    free(axis->text);
}

void sweep_release(sweep *self) {
    for (size_t a = 0; a < self->axis_count; a++) release_axis(&self->axes[a]);
    free(self->axes);
    *self = (sweep){.axis_count = 0};
}

static status add_value(sweep_axis *axis, const char *text, error_info *err) {
    char **longer = realloc(axis->values, (axis->count + 1) * sizeof *longer);
    if (!longer) return fail_memory(err);
    axis->values = longer;
    longer[axis->count] = strdup(text);
    if (!longer[axis->count]) return fail_memory(err);
    axis->count++;
    return STATUS_OK;
}

static status add_axis(sweep *self, const sweep_axis *axis, error_info *err) {
    sweep_axis *longer = realloc(self->axes, (self->axis_count + 1) * sizeof *longer);
    if (!longer) return fail_memory(err);
    self->axes = longer;
    longer[self->axis_count++] = *axis;
    return STATUS_OK;
}

status sweep_copy(const sweep *self, sweep *out, error_info *err) {
    status outcome = STATUS_OK;
    *out = (sweep){.sample = self->sample};
    for (size_t a = 0; a < self->axis_count && outcome == STATUS_OK; a++) {
        const sweep_axis *from = &self->axes[a];
        sweep_axis copy = {.model = strdup(from->model), .option = from->option, .text = strdup(from->text)};
        if (!copy.model || !copy.text) outcome = fail_memory(err);
        for (size_t i = 0; i < from->count && outcome == STATUS_OK; i++)
            outcome = add_value(&copy, from->values[i], err);
        if (outcome == STATUS_OK) outcome = add_axis(out, &copy, err);
        if (outcome != STATUS_OK) release_axis(&copy);
    }
    if (outcome != STATUS_OK) sweep_release(out);
    return outcome;
}

/* --- Reading --- */

/* Settings that are equal for all runs of an experiment. */
static status check_option(const setting_option *option, error_info *err) {
    if (!settings_of_run(option))
        return error_set(err, STATUS_INVALID, "%s cannot be swept: it is the same for all runs; set it in [%s]",
                         option->name, option->section);
    if (!option->keyed)
        return error_set(err, STATUS_INVALID, "%s cannot be swept: it changes no number of a run; set it in [%s]",
                         option->name, option->section);
    if (strcmp(option->name, "image.downsample") == 0)
        return error_set(err, STATUS_INVALID, "%s cannot be swept: it makes other data; set it in [image]",
                         option->name);
    return STATUS_OK;
}

static status read_values(sweep_axis *axis, error_info *err) {
    char item[SETTINGS_TEXT_MAX], text[SETTINGS_TEXT_MAX];
    settings scratch;
    for (const char *cursor = axis->text; settings_list_next(&cursor, item);) {
        settings_default(&scratch);
        TRY(settings_parse(axis->option, item, &scratch, err));
        settings_text(&scratch, axis->option, text);
        for (size_t i = 0; i < axis->count; i++)
            if (strcmp(axis->values[i], text) == 0)
                return error_set(err, STATUS_INVALID, "%s: %s is listed twice", axis->option->name, item);
        if (axis->count == VALUES_MAX)
            return error_set(err, STATUS_INVALID, "%s: more than %d values", axis->option->name, VALUES_MAX);
        TRY(add_value(axis, text, err));
    }
    if (axis->count == 0) return error_set(err, STATUS_INVALID, "%s: the value is empty", axis->option->name);
    return STATUS_OK;
}

/* model, option <- the model and setting of the left side of a line or condition. */
static status read_target(const char *key, char model[SETTINGS_NAME_MAX], const setting_option **option,
                          error_info *err) {
    char target[SETTINGS_TEXT_MAX], *name, *rest;
    config_assignment found = {0};
    if (strlen(key) >= sizeof target) return error_set(err, STATUS_INVALID, "the setting's name is too long");
    snprintf(target, sizeof target, "%s", key);
    TRY(config_parse_target(target, &found, &name, &rest, err));
    if (found.scope == SCOPE_DATA)
        return error_set(err, STATUS_INVALID,
                         "%s: a sweep is for all data sets; expected section.key or model NAME.key", key);
    if (strlen(name) >= SETTINGS_NAME_MAX) return error_set(err, STATUS_INVALID, "the model's name is too long");
    snprintf(model, SETTINGS_NAME_MAX, "%s", name);
    *option = found.option;
    return STATUS_OK;
}

/* Digits up to `most`; false for anything else. */
static bool read_count(const char *text, uint64_t most, uint64_t *out) {
    uint64_t value = 0;
    const size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 9 || text[length]) return false;
    for (size_t i = 0; i < length; i++) value = 10 * value + (uint64_t)(text[i] - '0');
    *out = value;
    return value <= most;
}

static status take_sample(sweep *self, const char *value, const char *path, size_t line, error_info *err) {
    if (self->sample_path == path)
        return error_set(err, STATUS_INVALID, "sample is already set on line %zu", self->sample_line);
    if (!read_count(value, SWEEP_POINTS_MAX, &self->sample) || self->sample == 0)
        return error_set(err, STATUS_INVALID, "sample = %s: expected an integer from 1 to %d", value, SWEEP_POINTS_MAX);
    self->open = NULL;
    self->sample_path = path;
    self->sample_line = line;
    return STATUS_OK;
}

const sweep_axis *sweep_find(const sweep *self, const char *model, const setting_option *option) {
    for (size_t a = 0; a < self->axis_count; a++)
        if (self->axes[a].option == option && strcmp(self->axes[a].model, model) == 0) return &self->axes[a];
    return NULL;
}

status sweep_take(sweep *self, const char *key, const char *value, const char *path, size_t line, error_info *err) {
    char model[SETTINGS_NAME_MAX];
    const setting_option *option;
    if (strcmp(key, "sample") == 0) return take_sample(self, value, path, line, err);
    TRY(read_target(key, model, &option, err));
    TRY(check_option(option, err));
    const sweep_axis *before = sweep_find(self, model, option);
    if (before && before->path == path)
        return error_set(err, STATUS_INVALID, "%s is already swept on line %zu", option->name, before->line);
    if (!before && self->axis_count == SWEEP_AXES_MAX)
        return error_set(err, STATUS_INVALID, "%s: more than %d settings are swept", option->name, SWEEP_AXES_MAX);
    sweep_axis axis = {.model = strdup(model), .option = option, .text = strdup(value), .path = path, .line = line};
    status outcome = axis.model && axis.text ? STATUS_OK : fail_memory(err);
    if (outcome == STATUS_OK && *value) outcome = read_values(&axis, err); /* a list may begin on the next line */
    if (outcome == STATUS_OK && !before) outcome = add_axis(self, &axis, err);
    if (outcome != STATUS_OK) {
        release_axis(&axis);
        return outcome;
    }
    self->open = before ? &self->axes[before - self->axes] : &self->axes[self->axis_count - 1];
    if (!before) return STATUS_OK;
    release_axis(self->open);
    *self->open = axis;
    return STATUS_OK;
}

status sweep_continue(sweep *self, const char *more, error_info *err) {
    sweep_axis *last = self->open;
    if (!last) return error_set(err, STATUS_FORMAT, "an indented line continues the list above, and there is none");
    const size_t length = strlen(last->text), size = length + strlen(more) + 3;
    const bool parted = length == 0 || last->text[length - 1] == ',';
    char *joined = malloc(size);
    if (!joined) return fail_memory(err);
    snprintf(joined, size, "%s%s%s", last->text, parted ? "" : ", ", more);
    free(last->text);
    last->text = joined;
    release_values(last);
    return read_values(last, err);
}

/* --- The whole --- */

bool sweep_concerns(const sweep_axis *axis, const char *model) {
    return !*axis->model || strcmp(axis->model, model) == 0;
}

void sweep_axis_name(const sweep_axis *axis, char text[SWEEP_NAME_MAX]) {
    const bool bare = *axis->model && strcmp(axis->option->section, "model") == 0;
    snprintf(text, SWEEP_NAME_MAX, "%s%s%s%s", *axis->model ? "model " : "", axis->model, *axis->model ? "." : "",
             bare ? axis->option->key : axis->option->name);
}

static status check_model(const sweep_axis *axis, const char *models, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    if (!*axis->model) return STATUS_OK;
    for (const char *cursor = models; settings_list_next(&cursor, item);)
        if (strcmp(item, axis->model) == 0) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s:%zu: [sweep]: experiment.models lists no %s; expected one of %s",
                     axis->path, axis->line, axis->model, models);
}

status sweep_check(const sweep *self, const char *models, error_info *err) {
    size_t size = self->axis_count > 0;
    for (size_t a = 0; a < self->axis_count; a++) {
        const sweep_axis *axis = &self->axes[a];
        TRY(check_model(axis, models, err));
        if (axis->count == 0)
            return error_set(err, STATUS_INVALID, "%s:%zu: %s: the value is empty", axis->path, axis->line,
                             axis->option->name);
        if (size * axis->count > SWEEP_POINTS_MAX)
            return error_set(err, STATUS_INVALID,
                             "%s:%zu: [sweep]: the product has %zu points with %s; expected at most %d", axis->path,
                             axis->line, size * axis->count, axis->option->name, SWEEP_POINTS_MAX);
        size *= axis->count;
    }
    if (self->sample > size)
        return error_set(err, STATUS_INVALID,
                         "%s:%zu: sample = %" PRIu64 ": the product has %zu points; expected at "
                         "most that many",
                         self->sample_path, self->sample_line, self->sample, size);
    return STATUS_OK;
}

size_t sweep_size(const sweep *self) {
    size_t size = self->axis_count > 0;
    for (size_t a = 0; a < self->axis_count; a++) size *= self->axes[a].count;
    return size;
}

size_t sweep_level(const sweep *self, size_t number, size_t axis) {
    for (size_t a = self->axis_count - 1; a > axis; a--) number /= self->axes[a].count;
    return number % self->axes[axis].count;
}

void sweep_apply(const sweep *self, size_t number, const char *model, settings *into) {
    for (int alone = 0; alone < 2; alone++)
        for (size_t a = 0; a < self->axis_count; a++) {
            const sweep_axis *axis = &self->axes[a];
            if ((*axis->model != '\0') != (alone == 1) || !sweep_concerns(axis, model)) continue;
            const status parsed = settings_parse(axis->option, axis->values[sweep_level(self, number, a)], into, NULL);
            assert(parsed == STATUS_OK); /* settings_text wrote it */
            (void)parsed;
        }
}

/* --- A sample --- */

typedef struct ticket {
    double draw;
    size_t number;
} ticket;

static int by_draw(const void *a, const void *b) {
    const ticket *x = a, *y = b;
    if (x->draw != y->draw) return x->draw < y->draw ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static int by_number(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

status sweep_draw(const sweep *self, size_t **numbers, size_t *count, error_info *err) {
    const size_t size = sweep_size(self), wanted = self->sample > 0 ? (size_t)self->sample : size;
    ticket *tickets = calloc(size + 1, sizeof *tickets);
    size_t *chosen = calloc(wanted + 1, sizeof *chosen);
    if (!tickets || !chosen) {
        free(tickets);
        free(chosen);
        return fail_memory(err);
    }
    for (size_t i = 0; i < size; i++) {
        double u[4];
        random_uniform4((random_stream){.seed = 0, .purpose = RANDOM_SWEEP, .iteration = 0}, i, 0, u);
        tickets[i] = (ticket){.draw = u[0], .number = i};
    }
    if (wanted < size) qsort(tickets, size, sizeof *tickets, by_draw);
    for (size_t i = 0; i < wanted; i++) chosen[i] = tickets[i].number;
    qsort(chosen, wanted, sizeof *chosen, by_number);
    free(tickets);
    *numbers = chosen;
    *count = wanted;
    return STATUS_OK;
}

/* --- A selection --- */

static status fail_axis(const sweep *self, const char *key, error_info *err) {
    char names[SWEEP_AXES_MAX][SWEEP_NAME_MAX];
    const char *list[SWEEP_AXES_MAX + 1] = {"point"};
    for (size_t a = 0; a < self->axis_count; a++) {
        sweep_axis_name(&self->axes[a], names[a]);
        list[a + 1] = names[a];
    }
    return error_set(err, STATUS_INVALID, "%.100s is not swept; the nearest is %s", key,
                     suggest_name(key, self->axis_count + 1, list));
}

static status fail_value(const sweep_axis *axis, const char *item, error_info *err) {
    char list[256] = "";
    for (size_t i = 0; i < axis->count; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s",
                 i == 0                 ? ""
                 : i + 1 == axis->count ? " or "
                                        : ", ",
                 axis->values[i]);
    }
    return error_set(err, STATUS_INVALID, "%s = %.100s: expected %s", axis->option->name, item, list);
}

/* keep (count of the axis) <- whether a value is among those of the text. */
static status read_wanted(const sweep_axis *axis, const char *text, bool *keep, error_info *err) {
    char item[SETTINGS_TEXT_MAX], value[SETTINGS_TEXT_MAX];
    settings scratch;
    for (const char *cursor = text; settings_list_next(&cursor, item);) {
        size_t i = axis->count;
        settings_default(&scratch);
        if (settings_parse(axis->option, item, &scratch, NULL) == STATUS_OK) {
            settings_text(&scratch, axis->option, value);
            for (i = 0; i < axis->count && strcmp(axis->values[i], value) != 0;) i++;
        }
        if (i == axis->count) return fail_value(axis, item, err);
        keep[i] = true;
    }
    return STATUS_OK;
}

static status select_by_axis(const sweep *self, size_t axis, const char *text, size_t *numbers, size_t *count,
                             error_info *err) {
    bool keep[VALUES_MAX] = {false};
    size_t kept = 0;
    TRY(read_wanted(&self->axes[axis], text, keep, err));
    for (size_t i = 0; i < *count; i++)
        if (keep[sweep_level(self, numbers[i], axis)]) numbers[kept++] = numbers[i];
    *count = kept;
    return STATUS_OK;
}

static status select_by_number(const char *text, size_t *numbers, size_t *count, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    size_t kept = 0, asked = 0;
    for (const char *cursor = text; settings_list_next(&cursor, item); asked++) {
        uint64_t number;
        size_t i = kept;
        if (!read_count(item, SWEEP_POINTS_MAX, &number))
            return error_set(err, STATUS_INVALID, "point = %.40s: expected the number of a point", item);
        while (i < *count && numbers[i] != number) i++;
        if (i == *count)
            return error_set(err, STATUS_INVALID,
                             "point = %" PRIu64 ": the sweep has no such point, or it is listed twice", number);
        const size_t found = numbers[i];
        numbers[i] = numbers[kept];
        numbers[kept++] = found;
    }
    qsort(numbers, kept, sizeof *numbers, by_number);
    *count = kept;
    return STATUS_OK;
}

status sweep_select(const sweep *self, const char *condition, size_t *numbers, size_t *count, error_info *err) {
    char key[SWEEP_NAME_MAX], model[SETTINGS_NAME_MAX];
    const char *equals = strchr(condition, '=');
    const setting_option *option = NULL;
    if (self->axis_count == 0) return error_set(err, STATUS_INVALID, "the experiment has no section [sweep]");
    if (!equals || (size_t)(equals - condition) >= sizeof key)
        return error_set(err, STATUS_INVALID, "expected SETTING=VALUE, as in \"flow.end_time=10\"");
    size_t length = (size_t)(equals - condition);
    while (length > 0 && condition[length - 1] == ' ') length--;
    snprintf(key, sizeof key, "%.*s", (int)length, condition);
    if (strcmp(key, "point") == 0) {
        TRY(select_by_number(equals + 1, numbers, count, err));
    } else {
        if (read_target(key, model, &option, NULL) != STATUS_OK) return fail_axis(self, key, err);
        const sweep_axis *axis = sweep_find(self, model, option);
        if (!axis) return fail_axis(self, key, err);
        TRY(select_by_axis(self, (size_t)(axis - self->axes), equals + 1, numbers, count, err));
    }
    return *count > 0 ? STATUS_OK : error_set(err, STATUS_INVALID, "no point of the sweep is left");
}
