/* count_parameters.c - declared and effective parameters, recorded and shown. */
#include "work/count_parameters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/specification.h"

/* The caller frees *out. */
static status expand(const plan_run *run, image_model **out, error_info *err) {
    image_spec spec;
    image_model *model = malloc(sizeof *model);
    if (!model) return error_set(err, STATUS_MEMORY, "out of memory");
    settings values;
    plan_run_settings(run, &values);
    specification_image(&values, run->dataset->shape.image, &spec);
    error_info reason;
    const status outcome = image_model_expand(&spec, model, &reason);
    if (outcome != STATUS_OK) {
        free(model);
        return error_set(err, outcome, "model %s on %s: %s", run->model->name, run->dataset->name, reason.text);
    }
    *out = model;
    return STATUS_OK;
}

static status record(results_db *db, int64_t run, const image_model *model, error_info *err) {
    TRY(db_put_parameters(db, run, model->effective, err));
    TRY(db_put_metric(db, run, "parameters_declared", (double)model->declared, err));
    TRY(db_put_metric(db, run, "parameters_effective", (double)model->effective, err));
    for (size_t f = 0; f < model->flow_count; f++)
        for (size_t g = 0; g < model->flows[f].group_count; g++) {
            const image_group *group = &model->flows[f].groups[g];
            if (group->declared == group->effective) continue;
            char name[sizeof group->name + 32];
            snprintf(name, sizeof name, "without_effect.%s", group->name);
            TRY(db_put_metric(db, run, name, (double)(group->declared - group->effective), err));
        }
    return db_end_run(db, run, RUN_DONE, NULL, 0, 0, err);
}

status count_parameters(results_db *db, const plan *runs, const run_status *list, const db_session *session,
                        error_info *err) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->runs[i]->state == RUN_DONE) continue;
        image_model *model;
        TRY(expand(&runs->runs[i], &model, err));
        status outcome = db_start_run(db, list->runs[i]->id, session, err);
        if (outcome == STATUS_OK) outcome = record(db, list->runs[i]->id, model, err);
        free(model);
        TRY(outcome);
    }
    return STATUS_OK;
}

static void write_count(uint64_t count, FILE *stream) {
    if (count) fprintf(stream, "  %10" PRIu64, count);
    else fprintf(stream, "  %10s", "-");
}

static void write_row(void *argument, const db_count *row) {
    FILE *stream = argument;
    fprintf(stream, "%-10s %-8s %-8s", row->dataset, row->architecture, row->model);
    write_count(row->paper, stream);
    write_count(row->declared, stream);
    write_count(row->effective, stream);
    fputc('\n', stream);
}

/* Sums over groups with the same reason, in the order in which reasons appear. */
static void write_reasons(const plan_run *run, const image_model *model, FILE *stream) {
    enum { REASONS_MAX = 16 };
    const char *reasons[REASONS_MAX];
    size_t sums[REASONS_MAX] = {0}, count = 0;
    for (size_t f = 0; f < model->flow_count; f++)
        for (size_t g = 0; g < model->flows[f].group_count; g++) {
            const image_group *group = &model->flows[f].groups[g];
            if (!group->reason) continue;
            size_t i = 0;
            while (i < count && strcmp(reasons[i], group->reason) != 0) i++;
            if (i == REASONS_MAX) continue;
            if (i == count) reasons[count++] = group->reason;
            sums[i] += group->declared - group->effective;
        }
    if (count) fprintf(stream, "%s on %s\n", run->model->name, run->dataset->name);
    for (size_t i = 0; i < count; i++) fprintf(stream, "  %10zu  %s\n", sums[i], reasons[i]);
}

status print_parameter_counts(results_db *db, const plan *runs, FILE *stream, error_info *err) {
    fprintf(stream, "Parameters: the paper's count, ours as declared, and those that can change the output\n");
    fprintf(stream, "%-10s %-8s %-8s  %10s  %10s  %10s\n", "data", "layer", "model", "paper", "declared", "effective");
    TRY(db_each_count(db, write_row, stream, err));
    fprintf(stream, "\nDeclared without effect, and why\n");
    for (size_t i = 0; i < runs->run_count; i++) {
        image_model *model;
        TRY(expand(&runs->runs[i], &model, err));
        write_reasons(&runs->runs[i], model, stream);
        free(model);
    }
    fprintf(stream, "All numbers: %s\n", db_path(db));
    fflush(stream);
    return STATUS_OK;
}
