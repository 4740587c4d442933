/* plan.c - the runs of an experiment: data set x model x seed. */
#include "plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <sha2.h>

#include "base/nearest.h"
#include "base/real.h"
#include "data/image.h"
#include "settings/source.h"
#include "theory/statements.h"

static status fail_memory(failure *why) {
    return fail(why, STATUS_MEMORY, "out of memory");
}

static void canonical_value(const settings *values, const setting_option *option, char out[SETTINGS_TEXT_MAX]) {
    const void *at = (const char *)values + option->offset;
    if (option->type == SETTING_REAL) snprintf(out, SETTINGS_TEXT_MAX, "%.17g", *(const double *)at);
    else settings_text(values, option, out);
}

void plan_run_key(const settings *values, const char *checksum, uint64_t seed, char key[PLAN_KEY_SIZE]) {
    SHA2_CTX hash;
    settings initial;
    settings_default(&initial);
    char line[2 * SETTINGS_TEXT_MAX], value[SETTINGS_TEXT_MAX], usual[SETTINGS_TEXT_MAX];
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
        if (!option->keyed) continue;
        canonical_value(values, option, value);
        canonical_value(&initial, option, usual);
        if (strcmp(value, usual) == 0) continue;
        length = snprintf(line, sizeof line, "%s=%s\n", option->name, value);
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
                           failure *why) {
    char origin[CONFIG_PATH_MAX];
    config_origin(config, name, origin);
    return fail(why, code, "%s: %s: %s", origin, name, reason);
}

/* Of images whose models are only counted: nothing is opened. */
static status describe_count(const experiment_config *config, const char *item, plan_dataset *out, failure *why) {
    const image_kind *kind = image_kind_of(item);
    failure reason;
    if (!kind) {
        const char *names[8];
        const size_t count = image_kind_count();
        for (size_t i = 0; i < count && i < 8; i++) names[i] = image_kind_name(image_kind_at(i));
        const char *nearest = nearest_name(item, count, names);
        failure_describe(&reason, "no set of images \"%s\"%s%s", item, nearest ? "; the nearest is " : "",
                         nearest ? nearest : "");
        return fail_at_list(config, "experiment.data", STATUS_INVALID, reason.text, why);
    }
    size_t *shape = out->shape.image;
    image_kind_shape(kind, shape);
    out->shape.dimension = shape[0] * shape[1] * shape[2];
    snprintf(out->source, sizeof out->source, "%s", item);
    snprintf(out->name, sizeof out->name, "%s", item);
    snprintf(out->checksum, sizeof out->checksum, "%.30s %zux%zux%zu", item, shape[0], shape[1], shape[2]);
    return STATUS_OK;
}

/* `values` are those of the data set and the first model. */
static status describe_dataset(const experiment_config *config, const char *item, const settings *values,
                               plan_dataset *out, failure *why) {
    failure reason;
    source data;
    if (config_settings(config)->experiment_task == TASK_COUNT) return describe_count(config, item, out, why);
    status code = config_data_source(config, item, out->source, &reason);
    if (code == STATUS_OK) code = source_open(out->source, values, &data, &reason);
    if (code != STATUS_OK) return fail_at_list(config, "experiment.data", code, reason.text, why);
    source_name(&data, values, out->name);
    snprintf(out->checksum, sizeof out->checksum, "%s", source_checksum(&data));
    out->shape = source_shape(&data);
    source_close(&data);
    return STATUS_OK;
}

static status check_theory(const settings *values, const plan_dataset *data, failure *why) {
    char item[SETTINGS_TEXT_MAX];
    if (specification_is_image(&data->shape) || data->shape.dimension > 4)
        return fail(why, STATUS_INVALID, "the theory is looked at on points of at most 4 dimensions");
    if (values->model_field != CNF_HYPER_MLP || values->solver_method >= SETTINGS_GRID_METHODS ||
        values->flow_learn_end_time)
        return fail(why, STATUS_INVALID,
                    "the theory is looked at on model.field = hyper_mlp, on a fixed grid with a fixed end time");
    for (const char *cursor = values->experiment_theory; settings_list_next(&cursor, item);) {
        size_t count = 0;
        while (theory_items[count] && strcmp(theory_items[count], item) != 0) count++;
        if (theory_items[count]) continue;
        const char *nearest = nearest_name(item, count, theory_items);
        return fail(why, STATUS_INVALID, "experiment.theory: no item \"%s\"%s%s", item,
                    nearest ? "; the nearest is " : "", nearest ? nearest : "");
    }
    return specification_check(values, &data->shape, why);
}

/* The settings of one model on it, of which `first` are those of the first model. */
static status check_settings(const experiment_config *config, const plan_dataset *data, const char *model,
                             const settings *values, const settings *first, failure *why) {
    failure reason;
    status code = STATUS_OK;
    char text[sizeof reason.text];
    if (config_settings(config)->experiment_task == TASK_COUNT) return STATUS_OK;
    if (values->image_average != first->image_average)
        code =
            fail(&reason, STATUS_INVALID, "image.average: expected the same for all models, which see the same data");
    else if (values->experiment_task == TASK_THEORY) code = check_theory(values, data, &reason);
    else code = specification_check(values, &data->shape, &reason);
    if (code == STATUS_OK) return STATUS_OK;
    snprintf(text, sizeof text, "%.60s on %.60s: %.800s", model, data->name, reason.text);
    return fail_at_list(config, "experiment.models", code, text, why);
}

/* Data sets are told apart by name in figures and by checksum in keys. */
static status check_dataset(const experiment_config *config, const plan *runs, size_t index, failure *why) {
    const plan_dataset *data = runs->datasets;
    for (size_t i = 0; i < index; i++) {
        const bool same_name = strcmp(data[i].name, data[index].name) == 0;
        if (!same_name && strcmp(data[i].checksum, data[index].checksum) != 0) continue;
        failure reason;
        failure_describe(&reason, "%s and %s %s", data[i].source, data[index].source,
                         same_name ? "have the same name" : "hold the same data");
        return fail_at_list(config, "experiment.data", STATUS_INVALID, reason.text, why);
    }
    return STATUS_OK;
}

/* Two models with the same settings would be one run under two names. */
static status check_models(const experiment_config *config, const plan *runs, size_t d, size_t m, failure *why) {
    char key[PLAN_KEY_SIZE], other[PLAN_KEY_SIZE];
    const settings *resolved = runs->resolved + d * runs->model_count;
    plan_run_key(&resolved[m], runs->datasets[d].checksum, 0, key);
    for (size_t i = 0; i < m; i++) {
        plan_run_key(&resolved[i], runs->datasets[d].checksum, 0, other);
        if (strcmp(key, other) != 0) continue;
        failure reason;
        failure_describe(&reason, "%s and %s have the same settings on %s", runs->models[i].name, runs->models[m].name,
                         runs->datasets[d].name);
        return fail_at_list(config, "experiment.models", STATUS_INVALID, reason.text, why);
    }
    return STATUS_OK;
}

static status fill_resolved(const experiment_config *config, plan *into, failure *why) {
    const settings *base = config_settings(config);
    const char *cursor = base->experiment_models;
    for (size_t m = 0; m < into->model_count; m++) settings_list_next(&cursor, into->models[m].name);
    cursor = base->experiment_data;
    for (size_t d = 0; d < into->dataset_count; d++) {
        char item[SETTINGS_TEXT_MAX];
        settings_list_next(&cursor, item);
        settings *values = &into->resolved[d * into->model_count];
        for (size_t m = 0; m < into->model_count; m++) config_resolve(config, item, into->models[m].name, &values[m]);
        TRY(describe_dataset(config, item, values, &into->datasets[d], why));
        TRY(check_dataset(config, into, d, why));
        for (size_t m = 0; m < into->model_count; m++) {
            TRY(check_settings(config, &into->datasets[d], into->models[m].name, &values[m], values, why));
            TRY(check_models(config, into, d, m, why));
        }
    }
    return STATUS_OK;
}

static void fill_runs(plan *into, const uint64_t *seeds) {
    for (size_t d = 0; d < into->dataset_count; d++) {
        for (size_t m = 0; m < into->model_count; m++) {
            for (size_t s = 0; s < into->seed_count; s++) {
                plan_run *run = &into->runs[into->run_count++];
                run->dataset = &into->datasets[d];
                run->model = &into->models[m];
                run->seed = seeds[s];
                run->values = &into->resolved[d * into->model_count + m];
                plan_run_key(run->values, run->dataset->checksum, run->seed, run->key);
            }
        }
    }
}

static status fill_plan(const experiment_config *config, const uint64_t *seeds, plan *into, failure *why) {
    const settings *base = config_settings(config);
    into->dataset_count = count_items(base->experiment_data);
    into->model_count = count_items(base->experiment_models);
    const size_t pairs = into->dataset_count * into->model_count;
    into->datasets = calloc(into->dataset_count, sizeof *into->datasets);
    into->models = calloc(into->model_count, sizeof *into->models);
    into->resolved = calloc(pairs, sizeof *into->resolved);
    into->runs = calloc(pairs * into->seed_count, sizeof *into->runs);
    if (!into->datasets || !into->models || !into->resolved || !into->runs) return fail_memory(why);
    TRY(fill_resolved(config, into, why));
    fill_runs(into, seeds);
    return STATUS_OK;
}

status plan_create(const experiment_config *config, const char *seeds, plan **out, failure *why) {
    uint64_t *numbers;
    size_t count;
    failure reason;
    const status listed =
        settings_seeds(seeds ? seeds : config_settings(config)->experiment_seeds, &numbers, &count, &reason);
    if (listed != STATUS_OK) return fail(why, listed, "%s: %s", seeds ? "--seeds" : "experiment.seeds", reason.text);

    plan *made = calloc(1, sizeof *made);
    status code = made ? STATUS_OK : fail_memory(why);
    if (made) {
        made->seed_count = count;
        code = fill_plan(config, numbers, made, why);
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

/* Whether a word is the number of a run rather than the beginning of a key. */
static bool is_number(const char *text) {
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= PLAN_NUMBER_DIGITS && !text[digits];
}

status plan_select(plan *runs, const char *text, failure *why) {
    const size_t length = strlen(text);
    size_t chosen = runs->run_count, found = 0;
    if (is_number(text)) {
        chosen = strtoul(text, NULL, 10);
        if (chosen >= runs->run_count)
            return fail(why, STATUS_INVALID, "--only %s: the plan has runs 0 to %zu", text, runs->run_count - 1);
    } else {
        if (length <= PLAN_NUMBER_DIGITS || length >= PLAN_KEY_SIZE || strspn(text, "0123456789abcdef") != length)
            return fail(why, STATUS_INVALID,
                        "--only %.100s: expected the number of a run in the plan, or at least %d digits of its key",
                        text, PLAN_NUMBER_DIGITS + 1);
        for (size_t i = 0; i < runs->run_count; i++) {
            if (strncmp(runs->runs[i].key, text, length) != 0) continue;
            chosen = i;
            found++;
        }
        if (found != 1)
            return fail(why, STATUS_INVALID, "--only %s: %s of the %zu runs of the plan ha%s a key that begins so%s",
                        text, found == 0 ? "none" : "several", runs->run_count, found == 0 ? "s" : "ve",
                        found == 0 ? "; were settings changed since?" : "");
    }
    runs->runs[0] = runs->runs[chosen];
    runs->run_count = 1;
    return STATUS_OK;
}

void plan_destroy(plan **runs) {
    if (!*runs) return;
    free((*runs)->datasets);
    free((*runs)->models);
    free((*runs)->resolved);
    free((*runs)->runs);
    free(*runs);
    *runs = NULL;
}
