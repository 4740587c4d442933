/* plan_variants.c - the settings of a plan's runs, each once, and the points of the sweep that have them. */
#include "plan/plan_variants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory");
}

/* Variants of one data set and model by their identity: open addressing. */
typedef struct variant_table {
    size_t size; /* a power of two, at least twice the number of points */
    plan_variant **slots; /* (size) */
} variant_table;

/* Return the slot of an identity, which is empty if it is new. */
static plan_variant **find_slot(const variant_table *table, const char *identity) {
    size_t hash = 1469598103934665603u;
    for (const char *c = identity; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = hash & (table->size - 1);; i = (i + 1) & (table->size - 1))
        if (!table->slots[i] || strcmp(table->slots[i]->identity, identity) == 0) return &table->slots[i];
}

/* *out <- a variant with these settings at the end of the plan's. */
static status append(plan *into, size_t d, size_t m, const settings *values, const char *identity, plan_variant **out,
                     error_info *err) {
    const size_t count = into->variant_count;
    if ((count & (count - 1)) == 0) { /* none, or a power of two: full */
        plan_variant **longer = realloc(into->variants, (count ? 2 * count : 1) * sizeof(plan_variant *));
        if (!longer) return fail_memory(err);
        into->variants = longer;
    }
    plan_variant *made = calloc(1, sizeof *made);
    if (!made) return fail_memory(err);
    *made = (plan_variant){.dataset = &into->datasets[d],
                           .model = &into->models[m],
                           .base = &into->resolved[d * into->model_count + m],
                           .swept = &into->swept,
                           .validation = values->train_validation,
                           .test = values->train_test};
    memcpy(made->identity, identity, sizeof made->identity);
    into->variants[into->variant_count++] = made;
    *out = made;
    return STATUS_OK;
}

static status add_point(plan_variant *to, size_t number, error_info *err) {
    const size_t count = to->point_count;
    if ((count & (count - 1)) == 0) { /* as above */
        size_t *longer = realloc(to->points, (count ? 2 * count : 1) * sizeof *longer);
        if (!longer) return fail_memory(err);
        to->points = longer;
    }
    to->points[to->point_count++] = number;
    return STATUS_OK;
}

/* Two models with the same settings would be one run under two names. */
static status check_models(const experiment_config *config, const plan *runs, size_t d, size_t p, error_info *err) {
    const size_t stride = runs->point_count > 0 ? runs->point_count : 1;
    plan_variant **at = &runs->at[d * runs->model_count * stride + p];
    char origin[PATH_MAX], where[64] = "";
    for (size_t m = 0; m < runs->model_count; m++)
        for (size_t i = 0; i < m; i++) {
            if (strcmp(at[i * stride]->identity, at[m * stride]->identity) != 0) continue;
            config_origin(config, "experiment.models", origin);
            if (runs->point_count > 0) snprintf(where, sizeof where, " at point %zu of the sweep", runs->points[p]);
            return error_set(err, STATUS_INVALID, "%s: experiment.models: %s and %s have the same settings on %s%s",
                             origin, runs->models[i].name, runs->models[m].name, runs->datasets[d].name, where);
        }
    return STATUS_OK;
}

/* The variants of one model. `values` is room for the settings of a point. */
static status add_model(plan *into, size_t d, size_t m, const variant_table *table, settings *values,
                        plan_check_variant *check, void *argument, error_info *err) {
    plan_variant **at = &into->at[(d * into->model_count + m) * into->point_count];
    char identity[PLAN_KEY_SIZE];
    memset(table->slots, 0, table->size * sizeof(plan_variant *));
    for (size_t p = 0; p < into->point_count; p++) {
        settings_copy(values, &into->resolved[d * into->model_count + m]);
        sweep_apply(&into->swept, into->points[p], into->models[m].name, values);
        TRY(check(argument, m, values, err));
        plan_run_key(values, into->datasets[d].checksum, 0, identity);
        plan_variant **slot = find_slot(table, identity);
        if (!*slot) TRY(append(into, d, m, values, identity, slot, err));
        at[p] = *slot;
        TRY(add_point(*slot, into->points[p], err));
    }
    return STATUS_OK;
}

static status add_swept(plan *into, size_t d, plan_check_variant *check, void *argument, error_info *err) {
    variant_table table = {.size = 2};
    while (table.size < 2 * into->point_count) table.size *= 2;
    table.slots = malloc(table.size * sizeof(plan_variant *));
    settings *values = malloc(sizeof *values);
    status outcome = table.slots && values ? STATUS_OK : fail_memory(err);
    for (size_t m = 0; m < into->model_count && outcome == STATUS_OK; m++)
        outcome = add_model(into, d, m, &table, values, check, argument, err);
    free(table.slots);
    free(values);
    return outcome;
}

status plan_add_variants(const experiment_config *config, plan *into, size_t d, plan_check_variant *check,
                         void *argument, error_info *err) {
    if (into->point_count > 0) {
        TRY(add_swept(into, d, check, argument, err));
        for (size_t p = 0; p < into->point_count; p++) TRY(check_models(config, into, d, p, err));
        return STATUS_OK;
    }
    for (size_t m = 0; m < into->model_count; m++) {
        settings *values = &into->resolved[d * into->model_count + m];
        char identity[PLAN_KEY_SIZE];
        TRY(check(argument, m, values, err));
        plan_run_key(values, into->datasets[d].checksum, 0, identity);
        TRY(append(into, d, m, values, identity, &into->at[d * into->model_count + m], err));
    }
    return check_models(config, into, d, 0, err);
}

void plan_variant_settings(const plan_variant *variant, settings *out) {
    settings_copy(out, variant->base);
    if (variant->point_count > 0) sweep_apply(variant->swept, variant->points[0], variant->model->name, out);
    out->train_validation = variant->validation;
    out->train_test = variant->test;
}

void plan_run_settings(const plan_run *run, settings *out) {
    if (run->variant) plan_variant_settings(run->variant, out);
    else settings_copy(out, run->base);
}

static bool plays_part(const plan *runs, size_t m, const setting_option *option) {
    settings values;
    for (size_t i = 0; i < runs->variant_count; i++) {
        const plan_variant *one = runs->variants[i];
        if (one->model != &runs->models[m]) continue;
        plan_variant_settings(one, &values);
        if (specification_uses(&values, &one->dataset->shape, option)) return true;
    }
    return false;
}

status plan_check_axes(const experiment_config *config, const plan *runs, error_info *err) {
    const sweep *swept = config_sweep(config);
    for (size_t a = 0; a < swept->axis_count; a++) {
        const sweep_axis *axis = &swept->axes[a];
        for (size_t m = 0; m < runs->model_count; m++) {
            if (!sweep_concerns(axis, runs->models[m].name) || plays_part(runs, m, axis->option)) continue;
            return error_set(err, STATUS_INVALID,
                             "%s:%zu: %s plays no part for model %s, whose runs would be the same; sweep it for the "
                             "models that use it, as in \"model NAME.%s\"",
                             axis->path, axis->line, axis->option->name, runs->models[m].name, axis->option->name);
        }
    }
    return STATUS_OK;
}

/* The runs of a variant: the first one's number, and how far apart those of its seeds are. */
static void add_runs(plan *into, const plan_variant *variant, size_t first, size_t stride, const uint64_t *seeds) {
    settings values;
    plan_variant_settings(variant, &values);
    for (size_t s = 0; s < into->seed_count; s++) {
        const size_t number = first + s * stride;
        plan_run *run = &into->runs[number];
        *run = (plan_run){.number = number,
                          .dataset = variant->dataset,
                          .model = variant->model,
                          .seed = seeds[s],
                          .base = variant->base,
                          .variant = variant};
        plan_run_key(&values, run->dataset->checksum, run->seed, run->key);
    }
}

status plan_fill_runs(plan *into, const uint64_t *seeds, error_info *err) {
    const size_t pairs = into->dataset_count * into->model_count;
    plan_variant **order = calloc(into->variant_count + 1, sizeof(plan_variant *));
    into->runs = calloc(into->variant_count * into->seed_count, sizeof *into->runs);
    status outcome = into->runs && order ? STATUS_OK : fail_memory(err);
    size_t count = 0;
    for (size_t p = 0; p < into->point_count && outcome == STATUS_OK; p++)
        for (size_t pair = 0; pair < pairs; pair++) {
            plan_variant *variant = into->at[pair * into->point_count + p];
            if (variant->points[0] == into->points[p]) order[count++] = variant; /* other variants share it */
        }
    for (size_t i = 0; i < into->variant_count && outcome == STATUS_OK; i++)
        if (count > 0) add_runs(into, order[i], i, count, seeds);
        else add_runs(into, into->variants[i], i * into->seed_count, 1, seeds);
    free(order);
    into->planned = into->run_count = into->variant_count * into->seed_count;
    return outcome;
}

/* --- Points --- */

static int by_number(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static bool has_point(const plan_variant *variant, const size_t *chosen, size_t count) {
    for (size_t i = 0; i < variant->point_count; i++)
        if (bsearch(&variant->points[i], chosen, count, sizeof *chosen, by_number)) return true;
    return false;
}

status plan_where(plan *runs, size_t condition_count, const char *const *conditions, error_info *err) {
    size_t *chosen = malloc((runs->point_count + 1) * sizeof *chosen), count = runs->point_count, kept = 0;
    if (!chosen) return fail_memory(err);
    for (size_t i = 0; i < count; i++) chosen[i] = runs->points[i];
    status outcome = STATUS_OK;
    for (size_t i = 0; i < condition_count && outcome == STATUS_OK; i++) {
        error_info reason;
        outcome = sweep_select(&runs->swept, conditions[i], chosen, &count, &reason);
        if (outcome != STATUS_OK) error_describe(err, "--where \"%.100s\": %s", conditions[i], reason.text);
    }
    for (size_t i = 0; i < runs->run_count && outcome == STATUS_OK && condition_count > 0; i++)
        if (has_point(runs->runs[i].variant, chosen, count)) runs->runs[kept++] = runs->runs[i];
    if (outcome == STATUS_OK && condition_count > 0) {
        runs->run_count = kept;
        runs->chosen_count = count;
    }
    free(chosen);
    return outcome;
}

status plan_point_label(const plan *runs, size_t number, char **out, error_info *err) {
    size_t size;
    FILE *stream = open_memstream(out, &size);
    if (!stream) return fail_memory(err);
    for (size_t a = 0; a < runs->swept.axis_count; a++) {
        const sweep_axis *axis = &runs->swept.axes[a];
        char name[SWEEP_NAME_MAX];
        sweep_axis_name(axis, name);
        fprintf(stream, "%s%s = %s", a > 0 ? ", " : "", name, axis->values[sweep_level(&runs->swept, number, a)]);
    }
    return fclose(stream) == 0 && *out ? STATUS_OK : fail_memory(err);
}
