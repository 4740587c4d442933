/* dry_run.c - the output of ./run FILE.ini --dry-run. */
#include "plan/dry_run.h"

#include <inttypes.h>
#include <string.h>

#include "system/columns.h"

/* The scope of a setting: how many of a plan's runs share its value. */
typedef enum reach { REACH_ALL, REACH_MODEL, REACH_PAIR } reach;

/* Return whether a setting has an effect on any run. */
static bool is_used(const plan *runs, const setting_option *option) {
    for (size_t i = 0; i < runs->dataset_count * runs->model_count; i++)
        if (specification_uses(&runs->resolved[i], &runs->datasets[i / runs->model_count].shape, option)) return true;
    return false;
}

/* Return whether a setting is the same for the pairs of data set and model from `first` on, `stride` apart. */
static bool is_same(const plan *runs, const setting_option *option, size_t first, size_t stride) {
    char expected[SETTINGS_TEXT_MAX], text[SETTINGS_TEXT_MAX];
    settings_text(&runs->resolved[first], option, expected);
    for (size_t i = first + stride; i < runs->dataset_count * runs->model_count; i += stride) {
        settings_text(&runs->resolved[i], option, text);
        if (strcmp(text, expected) != 0) return false;
    }
    return true;
}

static reach reach_of(const plan *runs, const setting_option *option) {
    if (is_same(runs, option, 0, 1)) return REACH_ALL;
    for (size_t m = 0; m < runs->model_count; m++)
        if (!is_same(runs, option, m, runs->model_count)) return REACH_PAIR;
    return REACH_MODEL;
}

/* Write the settings of this scope under a title, if there are any. */
static void write_block(const plan *runs, size_t pair, reach wanted, const char *title, FILE *stream) {
    bool titled = false;
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        char text[SETTINGS_TEXT_MAX];
        if (!settings_of_run(option) || !is_used(runs, option) || reach_of(runs, option) != wanted) continue;
        settings_text(&runs->resolved[pair], option, text);
        if (!*text) continue;
        if (!titled) fprintf(stream, "%s\n", title);
        titled = true;
        fprintf(stream, "  %s = %s\n", option->name, text);
    }
}

static void write_settings(const plan *runs, FILE *stream) {
    char title[2 * SETTINGS_TEXT_MAX + 64];
    write_block(runs, 0, REACH_ALL, "Settings of all runs", stream);
    for (size_t m = 0; m < runs->model_count; m++) {
        snprintf(title, sizeof title, "Settings of %s", runs->models[m].name);
        write_block(runs, m, REACH_MODEL, title, stream);
    }
    for (size_t d = 0; d < runs->dataset_count; d++)
        for (size_t m = 0; m < runs->model_count; m++) {
            snprintf(title, sizeof title, "Settings of %s on %s", runs->models[m].name, runs->datasets[d].name);
            write_block(runs, d * runs->model_count + m, REACH_PAIR, title, stream);
        }
}

/* Name the settings that were changed and have no effect. */
static void write_unused(const plan *runs, FILE *stream) {
    settings initial;
    bool titled = false;
    settings_default(&initial);
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        char text[SETTINGS_TEXT_MAX], set[SETTINGS_TEXT_MAX];
        if (!settings_of_run(option) || is_used(runs, option)) continue;
        settings_text(&initial, option, text);
        settings_text(&runs->resolved[0], option, set);
        if (is_same(runs, option, 0, 1) && strcmp(text, set) == 0) continue;
        fprintf(stream, "%s%s", titled ? ", " : "Set, but without effect: ", option->name);
        titled = true;
    }
    if (titled) fputc('\n', stream);
}

static void write_sweep(const plan *runs, FILE *stream) {
    if (runs->swept.axis_count == 0) return;
    fprintf(stream, "Swept, in place of the values above\n");
    for (size_t a = 0; a < runs->swept.axis_count; a++) {
        const sweep_axis *axis = &runs->swept.axes[a];
        char name[SWEEP_NAME_MAX];
        sweep_axis_name(axis, name);
        fprintf(stream, "  %s =", name);
        for (size_t i = 0; i < axis->count; i++) fprintf(stream, "%s %s", i > 0 ? "," : "", axis->values[i]);
        fputc('\n', stream);
    }
    const size_t size = sweep_size(&runs->swept);
    fprintf(stream, "Points: %zu", runs->point_count);
    if (runs->point_count < size) fprintf(stream, ", a sample of %zu", size);
    if (runs->chosen_count < runs->point_count) fprintf(stream, ", of which %zu are selected", runs->chosen_count);
    fputc('\n', stream);
}

static void write_points(const plan_run *run, FILE *stream) {
    const plan_variant *variant = run->variant;
    if (!variant || variant->point_count == 0) return;
    fprintf(stream, "  point %zu", variant->points[0]);
    if (variant->point_count > 1) fprintf(stream, " and %zu more", variant->point_count - 1);
}

static void write_run(const plan_run *run, const db_run *row, const db_run *from, FILE *stream) {
    fprintf(stream, "%s\t%s\t%s\t%" PRIu64 "\t", run->key, run->dataset->name, run->model->name, run->seed);
    if (row->id != 0 && row->state == RUN_DONE) fprintf(stream, "done");
    else if (from) fprintf(stream, "continue from %.12s at %" PRIu64, from->key, from->checkpoint_iteration);
    else if (row->has_checkpoint) fprintf(stream, "resume at iteration %" PRIu64, row->checkpoint_iteration);
    else fprintf(stream, "compute");
    if (row->state == RUN_FAILED) fprintf(stream, " (failed: %s)", row->error);
    write_points(run, stream);
    fputc('\n', stream);
}

status dry_run_write(const settings *base, const plan *runs, const run_status *list, const char *database, FILE *stream,
                     error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    fprintf(stream, "Experiment %s: %s\nDatabase %s\n", base->experiment_name, base->experiment_title, database);
    plan_write_reports(runs, stream);
    write_settings(runs, stream);
    write_unused(runs, stream);
    write_sweep(runs, stream);
    fprintf(stream, "Runs: %zu, of which %zu are done\n", list->count, list->done);
    for (size_t i = 0; i < list->count; i++)
        write_run(&runs->runs[i], list->runs[i], list->sources ? list->sources[i] : NULL, table.rows);
    TRY(columns_end(&table, STATUS_OK, "  %s  %-16s %-16s seed %-6s %s", stream, err));
    if (list->by_decay > 0)
        fprintf(stream,
                "%zu runs cannot continue finished runs with fewer iterations, because of train.decay = cosine\n",
                list->by_decay);
    if (list->outdated_count > 0)
        fprintf(stream, "%zu runs with other settings would leave the experiment\n", list->outdated_count);
    return STATUS_OK;
}
