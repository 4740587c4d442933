/* plan.c - the runs of an experiment: data set x model x seed, of a sweep for each of its points. */
#include "plan/plan_variants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <sha2.h>

#include "base/edit_distance.h"
#include "base/number.h"
#include "base/real.h"
#include "data/image.h"
#include "record/results_db.h"
#include "settings/source.h"
#include "settings/table_report.h"
#include "theory/statements.h"

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory");
}

static void canonical_value(const settings *values, const setting_option *option, char out[SETTINGS_TEXT_MAX]) {
    const void *at = (const char *)values + option->offset;
    if (option->type == SETTING_REAL) number_print(out, SETTINGS_TEXT_MAX, "%.17g", *(const double *)at);
    else settings_hash_text(values, option, out);
}

void plan_run_key(const settings *values, const char *checksum, uint64_t seed, char key[PLAN_KEY_SIZE]) {
    SHA2_CTX hash;
    char line[2 * SETTINGS_TEXT_MAX], value[SETTINGS_TEXT_MAX];
    char digest[SHA256_DIGEST_STRING_LENGTH];
    SHA256Init(&hash);
    int length = snprintf(line, sizeof line, "format=%d\nreal=%s\ndata=%s\nseed=%" PRIu64 "\n", PLAN_FORMAT_VERSION,
                          REAL_NAME, checksum, seed);
    SHA256Update(&hash, (const uint8_t *)line, (size_t)length);
    if (values->experiment_task == TASK_THEORY) {
        length = snprintf(line, sizeof line, "theory=%s\n", values->experiment_theory);
        SHA256Update(&hash, (const uint8_t *)line, (size_t)length);
    }
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (!option->keyed || settings_same(values, settings_initial(), option)) continue;
        canonical_value(values, option, value);
        length = snprintf(line, sizeof line, "%s.%s=%s\n", option->section, settings_hash_key(option), value);
        SHA256Update(&hash, (const uint8_t *)line, (size_t)length);
    }
    SHA256End(&hash, digest);
    memcpy(key, digest, PLAN_KEY_SIZE - 1);
    key[PLAN_KEY_SIZE - 1] = '\0';
}

static size_t count_items(const char *list) {
    size_t count = 0;
    for (char item[SETTINGS_TEXT_MAX]; settings_list_next(&list, item);) count++;
    return count;
}

/* "file:line: experiment.data: ..." */
static status fail_at_list(const experiment_config *config, const char *name, status code, const char *reason,
                           error_info *err) {
    char origin[PATH_MAX];
    config_origin(config, name, origin);
    return error_set(err, code, "%s: %s: %s", origin, name, reason);
}

/* Set the data of images whose models are only counted: nothing is opened. */
static status describe_count(const experiment_config *config, const char *item, plan_dataset *out, error_info *err) {
    const image_kind *kind = image_kind_of(item);
    error_info reason;
    if (!kind) {
        const char *names[8];
        const size_t count = image_kind_count();
        for (size_t i = 0; i < count && i < 8; i++) names[i] = image_kind_name(image_kind_at(i));
        const char *nearest = suggest_name(item, count, names);
        error_describe(&reason, "no set of images \"%s\"%s%s", item, nearest ? "; the nearest is " : "",
                       nearest ? nearest : "");
        return fail_at_list(config, "experiment.data", STATUS_INVALID, reason.text, err);
    }
    const size_t length = strlen(item);
    size_t *shape = out->shape.image;
    if (length >= sizeof out->name)
        return fail_at_list(config, "experiment.data", STATUS_INVALID, "the name of a set of images is too long", err);
    image_kind_shape(kind, shape);
    out->shape.dimension = shape[0] * shape[1] * shape[2];
    memcpy(out->source, item, length + 1);
    memcpy(out->name, item, length + 1);
    snprintf(out->checksum, sizeof out->checksum, "%.30s %zux%zux%zu", item, shape[0], shape[1], shape[2]);
    return STATUS_OK;
}

/* origin <- "file:line" of the setting that a reason begins with, in a sweep, for a model (or NULL) on a data set.
 * Return false if the reason begins with no setting, or the setting has its default. */
static bool find_origin(const experiment_config *config, const char *item, const char *model, const char *reason,
                        char origin[PATH_MAX]) {
    char name[64];
    const size_t length = strcspn(reason, " :");
    const setting_option *option;
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), reason);
    if (settings_find_name(name, &option, NULL) != STATUS_OK) return false;
    const sweep_axis *axis = model ? sweep_find(config_sweep(config), model, option) : NULL;
    if (!axis) axis = sweep_find(config_sweep(config), "", option);
    if (axis) snprintf(origin, PATH_MAX, "%s:%zu", axis->path, axis->line);
    return axis || config_origin_for(config, name, item, model, origin);
}

/* "file:line: ..." of the setting that a reason begins with, or of the list of models. */
static status fail_at_setting(const experiment_config *config, const char *item, const char *model, status code,
                              const char *reason, error_info *err) {
    char origin[PATH_MAX], text[sizeof err->text];
    if (find_origin(config, item, model, reason, origin))
        return error_set(err, code, "%s: %.60s on %.200s: %s", origin, model, item, reason);
    snprintf(text, sizeof text, "%.60s on %.60s: %.800s", model, item, reason);
    return fail_at_list(config, "experiment.models", code, text, err);
}

/* "file:line: ..." of the setting that a reason begins with, or of the list of data. */
static status fail_at_data(const experiment_config *config, const char *item, status code, const char *reason,
                           error_info *err) {
    char origin[PATH_MAX];
    if (find_origin(config, item, NULL, reason, origin))
        return error_set(err, code, "%s: %.200s: %s", origin, item, reason);
    return fail_at_list(config, "experiment.data", code, reason, err);
}

/* `values` are those of the data set and the first model; *data stays open. */
static status describe_dataset(const experiment_config *config, const char *item, const settings *values,
                               plan_dataset *out, source *data, error_info *err) {
    error_info reason;
    settings plain = *values;
    plain.data_standardise = false; /* models may differ in it */
    status code = config_data_source(config, item, out->source, &reason);
    if (code == STATUS_OK) code = source_open(out->source, &plain, data, &reason);
    if (code != STATUS_OK) return fail_at_data(config, item, code, reason.text, err);
    source_name(data, values, out->name);
    snprintf(out->checksum, sizeof out->checksum, "%s", source_checksum(data));
    out->shape = source_shape(data);
    snprintf(out->note, sizeof out->note, "%s", source_note(data));
    if (specification_is_image(&out->shape) || out->shape.dimension <= CNF_DIMENSION_MAX) return STATUS_OK;
    error_describe(&reason, "\"%.800s\" has %zu columns: expected 1 to %d; leave out columns", out->source,
                   out->shape.dimension, CNF_DIMENSION_MAX);
    return fail_at_list(config, "experiment.data", STATUS_INVALID, reason.text, err);
}

static status check_theory(const settings *values, const plan_dataset *data, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    if (specification_is_image(&data->shape) || data->shape.dimension > 4)
        return error_set(err, STATUS_INVALID, "the theory is looked at on points of at most 4 dimensions");
    if (values->model_field != CNF_HYPER_MLP || tableau_is_pair(tableau_get((tableau_id)values->solver_method)) ||
        values->flow_learn_end_time)
        return error_set(err, STATUS_INVALID,
                         "the theory is looked at on model.field = hyper_mlp, on a fixed grid with a fixed end time");
    for (const char *cursor = values->experiment_theory; settings_list_next(&cursor, item);) {
        size_t count = 0;
        while (theory_items[count] && strcmp(theory_items[count], item) != 0) count++;
        if (theory_items[count]) continue;
        const char *nearest = suggest_name(item, count, theory_items);
        return error_set(err, STATUS_INVALID, "experiment.theory: no item \"%s\"%s%s", item,
                         nearest ? "; the nearest is " : "", nearest ? nearest : "");
    }
    return STATUS_OK;
}

static status check_outputs(const settings *values, const plan_dataset *data, error_info *err) {
    const uint64_t most = DB_BLOB_MAX / (data->shape.dimension * sizeof(float));
    if (values->output_samples <= most) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "output.samples: the database can hold %" PRIu64 " samples of %zu numbers",
                     most, data->shape.dimension);
}

/* The data settings are equal for all models. */
static status check_same_data(const settings *values, const settings *first, error_info *err) {
    static const char *const names[] = {"image.downsample", "image.size",      "image.fit", "data.columns",
                                        "data.ignore",      "data.validation", "data.test"};
    static const setting_option *options[sizeof names / sizeof *names];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!options[i]) TRY(settings_find_name(names[i], &options[i], err));
        if (!settings_same(values, first, options[i]))
            return error_set(err, STATUS_INVALID, "%s: expected the same for all models, which see the same data",
                             names[i]);
    }
    return STATUS_OK;
}

/* Check one model on the data; `first` has the settings of the first model. Reports everything that a worker would
 * reject. */
static status check_settings(const experiment_config *config, const source *opened, const plan_dataset *data,
                             const char *item, const char *model, const settings *values, const settings *first,
                             error_info *err) {
    error_info reason;
    status code = STATUS_OK;
    code = check_same_data(values, first, &reason);
    if (code == STATUS_OK && values->experiment_task == TASK_THEORY) code = check_theory(values, data, &reason);
    if (code == STATUS_OK) code = source_check(opened, values, &reason);
    if (code == STATUS_OK) code = check_outputs(values, data, &reason);
    return code == STATUS_OK ? STATUS_OK : fail_at_setting(config, item, model, code, reason.text, err);
}

/* Check that data sets differ in name, which figures use, and in checksum, which keys use. */
static status check_dataset(const experiment_config *config, const plan *runs, size_t index, error_info *err) {
    const plan_dataset *data = runs->datasets;
    for (size_t i = 0; i < index; i++) {
        const bool same_name = strcmp(data[i].name, data[index].name) == 0;
        if (!same_name && strcmp(data[i].checksum, data[index].checksum) != 0) continue;
        error_info reason;
        error_describe(&reason, "%s and %s %s", data[i].source, data[index].source,
                       same_name ? "have the same name" : "hold the same data");
        return fail_at_list(config, "experiment.data", STATUS_INVALID, reason.text, err);
    }
    return STATUS_OK;
}

/* A data set during the creation of its variants. */
typedef struct filling {
    const experiment_config *config;
    const char *item;
    source *opened;
    plan *into;
    size_t d;
    bool standardised; /* by all models */
} filling;

static status check_variant(void *argument, size_t m, settings *values, error_info *err) {
    filling *self = argument;
    const plan *into = self->into;
    self->standardised &= values->data_standardise;
    if (values->experiment_task == TASK_COUNT_PARAMETERS) return STATUS_OK;
    TRY(check_settings(self->config, self->opened, &into->datasets[self->d], self->item, into->models[m].name, values,
                       &into->resolved[self->d * into->model_count], err));
    source_limit(self->opened, values);
    return STATUS_OK;
}

/* Make the settings of all models on an item of experiment.data, and open the data. */
static status fill_dataset(const experiment_config *config, const char *item, source *opened, plan *into, size_t d,
                           error_info *err) {
    plan_dataset *data = &into->datasets[d];
    settings *values = &into->resolved[d * into->model_count];
    filling self = {.config = config, .item = item, .opened = opened, .into = into, .d = d, .standardised = true};
    for (size_t m = 0; m < into->model_count; m++) config_resolve(config, item, into->models[m].name, &values[m]);
    const bool counts = config_settings(config)->experiment_task == TASK_COUNT_PARAMETERS;
    char path[PATH_MAX];
    TRY(config_data_source(config, item, path, err));
    TRY(counts && !source_is_files(path) ? describe_count(config, item, data, err)
                                         : describe_dataset(config, item, values, data, opened, err));
    TRY(check_dataset(config, into, d, err));
    TRY(plan_add_variants(config, into, d, check_variant, &self, err));
    if (counts || !opened->points) return STATUS_OK;
    return table_report(opened->points, self.standardised, TABLE_REPORT_COLUMNS, &data->report, err);
}

static status fill_resolved(const experiment_config *config, plan *into, error_info *err) {
    const settings *base = config_settings(config);
    const char *cursor = base->experiment_models;
    for (size_t m = 0; m < into->model_count; m++) {
        char item[SETTINGS_TEXT_MAX]; /* a model's name is shorter, because inih limits a section's header */
        settings_list_next(&cursor, item);
        snprintf(into->models[m].name, sizeof into->models[m].name, "%.*s", SETTINGS_NAME_MAX - 1, item);
    }
    cursor = base->experiment_data;
    for (size_t d = 0; d < into->dataset_count; d++) {
        char item[SETTINGS_TEXT_MAX];
        source opened = {.points = NULL};
        settings_list_next(&cursor, item);
        const status filled = fill_dataset(config, item, &opened, into, d, err);
        source_close(&opened);
        TRY(filled);
    }
    return STATUS_OK;
}

static status fill_plan(const experiment_config *config, const uint64_t *seeds, plan *into, error_info *err) {
    const settings *base = config_settings(config);
    into->dataset_count = count_items(base->experiment_data);
    into->model_count = count_items(base->experiment_models);
    const size_t pairs = into->dataset_count * into->model_count;
    TRY(sweep_copy(config_sweep(config), &into->swept, err));
    if (into->swept.axis_count > 0) TRY(sweep_draw(&into->swept, &into->points, &into->point_count, err));
    into->chosen_count = into->point_count;
    into->datasets = calloc(into->dataset_count, sizeof *into->datasets);
    into->models = calloc(into->model_count, sizeof *into->models);
    into->resolved = calloc(pairs, sizeof *into->resolved);
    into->at = calloc(pairs * (into->point_count > 0 ? into->point_count : 1), sizeof(plan_variant *));
    if (!into->datasets || !into->models || !into->resolved || !into->at) return fail_memory(err);
    TRY(fill_resolved(config, into, err));
    TRY(plan_check_axes(config, into, err));
    return plan_fill_runs(into, seeds, err);
}

status plan_create(const experiment_config *config, const char *seeds, plan **out, error_info *err) {
    uint64_t *numbers;
    size_t count;
    error_info reason;
    const status listed =
        settings_seeds(seeds ? seeds : config_settings(config)->experiment_seeds, &numbers, &count, &reason);
    if (listed != STATUS_OK)
        return error_set(err, listed, "%s: %s", seeds ? "--seeds" : "experiment.seeds", reason.text);

    plan *made = calloc(1, sizeof *made);
    status code = made ? STATUS_OK : fail_memory(err);
    if (made) {
        made->seed_count = count;
        code = fill_plan(config, numbers, made, err);
    }
    free(numbers);
    if (code != STATUS_OK) {
        plan_destroy(&made);
        return code;
    }
    *out = made;
    return STATUS_OK;
}

bool plan_begins_with_key(const char *text) {
    return strspn(text, "0123456789abcdef") == PLAN_KEY_SIZE - 1;
}

/* Return whether a word is the number of a run rather than the beginning of a key. */
static bool is_number(const char *text) {
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= PLAN_NUMBER_DIGITS && !text[digits];
}

status plan_select(plan *runs, const char *text, error_info *err) {
    const size_t length = strlen(text);
    size_t chosen = runs->run_count, found = 0;
    if (is_number(text)) {
        const size_t number = strtoul(text, NULL, 10);
        if (number >= runs->planned)
            return error_set(err, STATUS_INVALID, "--only %s: the plan has runs 0 to %zu", text, runs->planned - 1);
        for (chosen = 0; chosen < runs->run_count && runs->runs[chosen].number != number;) chosen++;
        if (chosen == runs->run_count)
            return error_set(err, STATUS_INVALID, "--only %s: not among the runs that --where selects", text);
    } else {
        if (length <= PLAN_NUMBER_DIGITS || length >= PLAN_KEY_SIZE || strspn(text, "0123456789abcdef") != length)
            return error_set(
                err, STATUS_INVALID,
                "--only %.100s: expected the number of a run in the plan, or at least %d digits of its key", text,
                PLAN_NUMBER_DIGITS + 1);
        for (size_t i = 0; i < runs->run_count; i++) {
            if (strncmp(runs->runs[i].key, text, length) != 0) continue;
            chosen = i;
            found++;
        }
        if (found != 1)
            return error_set(err, STATUS_INVALID,
                             "--only %s: %s of the %zu runs of the plan ha%s a key that begins so%s", text,
                             found == 0 ? "none" : "several", runs->run_count, found == 0 ? "s" : "ve",
                             found == 0 ? "; were settings changed since?" : "");
    }
    runs->runs[0] = runs->runs[chosen];
    runs->run_count = 1;
    return STATUS_OK;
}

void plan_write_reports(const plan *runs, FILE *stream) {
    for (size_t d = 0; d < runs->dataset_count; d++)
        if (runs->datasets[d].report) fputs(runs->datasets[d].report, stream);
}

void plan_destroy(plan **runs) {
    if (!*runs) return;
    for (size_t d = 0; (*runs)->datasets && d < (*runs)->dataset_count; d++) free((*runs)->datasets[d].report);
    for (size_t i = 0; i < (*runs)->variant_count; i++) {
        plan_variant *one = (*runs)->variants[i];
        free(one->points);
        free(one);
    }
    free((*runs)->variants);
    free((*runs)->at);
    free((*runs)->points);
    sweep_release(&(*runs)->swept);
    free((*runs)->datasets);
    free((*runs)->models);
    free((*runs)->resolved);
    free((*runs)->runs);
    free(*runs);
    *runs = NULL;
}
