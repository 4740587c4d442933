/* count_parameters.c - declared and effective parameters, recorded and shown. */
#include "work/count_parameters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/specification.h"

/* The caller frees *out. */
static status expand(const plan_run *run, image_model **out, failure *why) {
    image_spec spec;
    image_model *model = malloc(sizeof *model);
    if (!model) return fail(why, STATUS_MEMORY, "out of memory");
    specification_image(run->values, run->dataset->shape.image, &spec);
    failure reason;
    const status outcome = image_model_expand(&spec, model, &reason);
    if (outcome != STATUS_OK) {
        free(model);
        return fail(why, outcome, "model %s on %s: %s", run->model->name, run->dataset->name, reason.text);
    }
    *out = model;
    return STATUS_OK;
}

static status record(recorder *book, int64_t run, const image_model *model, failure *why) {
    TRY(recorder_put_parameters(book, run, model->effective, why));
    TRY(recorder_put_metric(book, run, "parameters_declared", (double)model->declared, why));
    TRY(recorder_put_metric(book, run, "parameters_effective", (double)model->effective, why));
    for (size_t f = 0; f < model->flow_count; f++)
        for (size_t g = 0; g < model->flows[f].group_count; g++) {
            const image_group *group = &model->flows[f].groups[g];
            if (group->declared == group->effective) continue;
            char name[sizeof group->name + 32];
            snprintf(name, sizeof name, "without_effect.%s", group->name);
            TRY(recorder_put_metric(book, run, name, (double)(group->declared - group->effective), why));
        }
    return recorder_end_run(book, run, RUN_DONE, NULL, 0, 0, why);
}

status count_parameters(recorder *book, const plan *runs, const run_status *list, const recorder_session *session,
                        failure *why) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->runs[i].state == RUN_DONE) continue;
        image_model *model;
        TRY(expand(&runs->runs[i], &model, why));
        status outcome = recorder_start_run(book, list->runs[i].id, session, why);
        if (outcome == STATUS_OK) outcome = record(book, list->runs[i].id, model, why);
        free(model);
        TRY(outcome);
    }
    return STATUS_OK;
}

static void write_count(uint64_t count, FILE *stream) {
    if (count) fprintf(stream, "  %10" PRIu64, count);
    else fprintf(stream, "  %10s", "-");
}

static void write_row(void *argument, const recorder_count *row) {
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

status print_parameter_counts(recorder *book, const plan *runs, FILE *stream, failure *why) {
    fprintf(stream, "Parameters: the paper's count, ours as declared, and those that can change the output\n");
    fprintf(stream, "%-10s %-8s %-8s  %10s  %10s  %10s\n", "data", "layer", "model", "paper", "declared", "effective");
    TRY(recorder_each_count(book, write_row, stream, why));
    fprintf(stream, "\nDeclared without effect, and why\n");
    for (size_t i = 0; i < runs->run_count; i++) {
        image_model *model;
        TRY(expand(&runs->runs[i], &model, why));
        write_reasons(&runs->runs[i], model, stream);
        free(model);
    }
    fprintf(stream, "All numbers: %s\n", recorder_path(book));
    fflush(stream);
    return STATUS_OK;
}
