/* result_tables.c - the small table at the end of an experiment. */
#include "commands/result_tables.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "statistics/tests.h"

/* Write a number, or "-" if it is not known. */
static void number(double value, char text[32]) {
    if (isnan(value)) snprintf(text, 32, "-");
    else number_print(text, 32, "%.4f", value);
}

/* Widths of the columns of names, at least NAME_WIDTH. */
enum { NAME_WIDTH = 16 };
typedef struct name_widths {
    int data, model, other;
} name_widths;

static void widen(int *width, const char *text) {
    const size_t length = strnlen(text, 1000);
    if ((int)length > *width) *width = (int)length;
}

typedef struct summary_writing {
    FILE *stream;
    name_widths widths;
    uint64_t impossible;
} summary_writing;

static void widen_row(void *argument, const db_losses *row) {
    summary_writing *state = argument;
    widen(&state->widths.data, row->dataset);
    widen(&state->widths.model, row->model);
}

static void write_row(void *argument, const db_losses *row) {
    summary_writing *state = argument;
    FILE *stream = state->stream;
    char mean[32], deviation[32], entropy[32], runs[64];
    number(row->mean, mean);
    number(row->deviation, deviation);
    number(row->entropy_floor, entropy);
    snprintf(runs, sizeof runs, row->done < row->runs ? "%" PRIu64 " of %" PRIu64 : "%" PRIu64, row->done, row->runs);
    fprintf(stream, "%-*s %-*s %9s  %10s  %10s  %10s  %s", state->widths.data, row->dataset, state->widths.model,
            row->model, runs, mean, deviation, entropy, row->images ? "bits/dim" : "nats");
    const uint64_t infinite = row->done - row->finite - row->impossible;
    if (infinite > 0) fprintf(stream, "  %" PRIu64 " not finite", infinite);
    if (row->impossible > 0) fprintf(stream, "  %" PRIu64 " of no density, left out", row->impossible);
    fputc('\n', stream);
    state->impossible += row->impossible;
}

status print_losses(results_db *db, const char *experiment, FILE *stream, error_info *err) {
    summary_writing state = {.stream = stream, .widths = {NAME_WIDTH, NAME_WIDTH, NAME_WIDTH}};
    TRY(db_each_loss(db, experiment, widen_row, &state, err));
    fprintf(stream, "Validation loss of %s at the end, over the finished seeds\n", experiment);
    fprintf(stream, "%-*s %-*s %9s  %10s  %10s  %10s  %s\n", state.widths.data, "data", state.widths.model, "model",
            "seeds", "mean", "deviation", "entropy", "unit");
    TRY(db_each_loss(db, experiment, write_row, &state, err));
    if (state.impossible > 0)
        fprintf(
            stream,
            "No density: the computed p(x) sums to more than 1, or the loss is below the entropy of the data. The\n"
            "solver's steps are too long for the learned field, so the loss means nothing. Use more solver.steps; for\n"
            "a table whose numbers are not of order one, set data.standardise = yes, or scale it. See "
            "docs/explanation/claims.md.\n");
    fprintf(stream, "All numbers: %s\n", db_path(db));
    fflush(stream);
    return STATUS_OK;
}

typedef struct sweep_writing {
    FILE *stream;
    name_widths widths;
} sweep_writing;

static void widen_sweep_row(void *argument, const db_sweep_summary *row) {
    sweep_writing *state = argument;
    widen(&state->widths.data, row->dataset);
    widen(&state->widths.model, row->model);
    widen(&state->widths.other, row->other);
}

static void write_sweep_row(void *argument, const db_sweep_summary *row) {
    const sweep_writing *state = argument;
    char seeds[48], lower[24] = "-", higher[24] = "-"; /* fewer seeds have no intervals */
    if (row->seeds_most >= TESTS_RESAMPLED_LEAST) {
        snprintf(lower, sizeof lower, "%" PRIu64, row->surely_lower);
        snprintf(higher, sizeof higher, "%" PRIu64, row->surely_higher);
    }
    snprintf(seeds, sizeof seeds, row->seeds_least < row->seeds_most ? "%" PRIu64 "-%" PRIu64 : "%" PRIu64,
             row->seeds_least, row->seeds_most);
    fprintf(state->stream, "%-*s %-*s %-*s %7s %7" PRIu64 " %7" PRIu64 " %14s %14s %16.4f\n", state->widths.data,
            row->dataset, state->widths.model, row->model, state->widths.other, row->other, seeds, row->points,
            row->lower, lower, higher, row->difference);
}

static void write_length_row(void *argument, const db_sweep_length *row) {
    const sweep_writing *state = argument;
    fprintf(state->stream,
            "%-*s %-*s %-*s nearer at %" PRIu64 " of %" PRIu64
            " points (%.0f%%), mean difference %.4f at iteration %" PRIu64 ", %.4f at %" PRIu64 "\n",
            state->widths.data, row->dataset, state->widths.model, row->model, state->widths.other, row->other,
            row->nearer, row->points, floor(100 * (double)row->nearer / (double)row->points + 0.5),
            row->third_difference, row->third_iteration, row->end_difference, row->end_iteration);
}

status print_sweep(results_db *db, const char *experiment, FILE *stream, error_info *err) {
    sweep_writing state = {.stream = stream, .widths = {NAME_WIDTH, NAME_WIDTH, NAME_WIDTH}};
    TRY(db_each_sweep_summary(db, experiment, widen_sweep_row, &state, err));
    fprintf(stream,
            "Points of %s at which a model's final loss is lower than another's; surely: by an interval of 95%%\n",
            experiment);
    fprintf(stream, "%-*s %-*s %-*s %7s %7s %7s %14s %14s %16s\n", state.widths.data, "data", state.widths.model,
            "model", state.widths.other, "other", "seeds", "points", "lower", "surely lower", "surely higher",
            "mean difference");
    TRY(db_each_sweep_summary(db, experiment, write_sweep_row, &state, err));
    fprintf(stream, "Validation losses of two models from a third of the training to its end\n");
    TRY(db_each_sweep_length(db, experiment, write_length_row, &state, err));
    fprintf(stream, "All numbers: %s, views sweep_losses, sweep_effects and sweep_lengths\n", db_path(db));
    fflush(stream);
    return STATUS_OK;
}

typedef struct theory_writing {
    FILE *stream;
    size_t statements, broken;
    char item[32];
} theory_writing;

static void write_theory_row(void *argument, const char *model, const db_theory *row) {
    theory_writing *to = argument;
    to->statements++;
    to->broken += !row->holds;
    if (strcmp(to->item, row->item) != 0) {
        snprintf(to->item, sizeof to->item, "%s", row->item);
        fprintf(to->stream, "\n%s\n", row->item);
    }
    fprintf(to->stream, "  %-5s %-8s %-36s %-58s %10.3g %s %g\n", row->holds ? "holds" : "FAILS", model, row->subject,
            row->quantity, row->value, row->relation, row->bound);
}

status print_theory(results_db *db, const char *experiment, FILE *stream, size_t *broken, error_info *err) {
    theory_writing to = {.stream = stream};
    TRY(db_each_theory(db, experiment, write_theory_row, &to, err));
    fprintf(stream, "\n%zu statements, of which %zu do not keep their bound\nAll numbers: %s\n", to.statements,
            to.broken, db_path(db));
    fflush(stream);
    *broken = to.broken;
    return STATUS_OK;
}
