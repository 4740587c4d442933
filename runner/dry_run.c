/* dry_run.c - what ./run FILE.ini --dry-run prints. */
#include "dry_run.h"

#include <inttypes.h>
#include <string.h>

static bool of_experiment(const setting_option *option) {
    return strcmp(option->section, "experiment") == 0;
}

/* The same for all data sets and models. */
static bool is_common(const plan *runs, const setting_option *option) {
    char first[SETTINGS_TEXT_MAX], text[SETTINGS_TEXT_MAX];
    settings_text(&runs->resolved[0], option, first);
    for (size_t i = 1; i < runs->dataset_count * runs->model_count; i++) {
        settings_text(&runs->resolved[i], option, text);
        if (strcmp(text, first) != 0) return false;
    }
    return true;
}

static void write_setting(const settings *values, const setting_option *option, FILE *stream) {
    char text[SETTINGS_TEXT_MAX];
    settings_text(values, option, text);
    fprintf(stream, "  %s = %s\n", option->name, text);
}

static void write_settings(const plan *runs, FILE *stream) {
    fprintf(stream, "Settings of all runs\n");
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (!of_experiment(option) && is_common(runs, option)) write_setting(&runs->resolved[0], option, stream);
    }
    for (size_t d = 0; d < runs->dataset_count; d++)
        for (size_t m = 0; m < runs->model_count; m++) {
            bool first = true;
            for (size_t i = 0; i < settings_count(); i++) {
                const setting_option *option = settings_option(i);
                if (of_experiment(option) || is_common(runs, option)) continue;
                if (first)
                    fprintf(stream, "Settings of %s on %s alone\n", runs->models[m].name, runs->datasets[d].name);
                first = false;
                write_setting(&runs->resolved[d * runs->model_count + m], option, stream);
            }
        }
}

static void write_run(const plan_run *run, const recorder_run *row, FILE *stream) {
    fprintf(stream, "  %s  %-16s %-16s seed %-6" PRIu64 " ", run->key, run->dataset->name, run->model->name, run->seed);
    if (row->id != 0 && row->state == RUN_DONE) fprintf(stream, "done");
    else if (row->has_checkpoint) fprintf(stream, "go on from iteration %" PRIu64, row->checkpoint_iteration);
    else fprintf(stream, "compute");
    if (row->state == RUN_FAILED) fprintf(stream, " (failed: %s)", row->error);
    fputc('\n', stream);
}

void dry_run_write(const settings *base, const plan *runs, const enrolment *list, const char *database, FILE *stream) {
    fprintf(stream, "Experiment %s: %s\nDatabase %s\n", base->experiment_name, base->experiment_title, database);
    write_settings(runs, stream);
    fprintf(stream, "Runs: %zu, of which %zu are done\n", list->count, list->done);
    for (size_t i = 0; i < list->count; i++) write_run(&runs->runs[i], &list->runs[i], stream);
    if (list->stale_count > 0)
        fprintf(stream, "%zu runs with other settings would leave the experiment\n", list->stale_count);
}
