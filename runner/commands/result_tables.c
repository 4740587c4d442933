/* result_tables.c - the small table at the end of an experiment. */
#include "commands/result_tables.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "statistics/tests.h"
#include "system/columns.h"

/* Write a number, or "-" if it is not known. */
static void number(double value, char text[32]) {
    if (isnan(value)) snprintf(text, 32, "-");
    else number_print(text, 32, "%.4f", value);
}

typedef struct summary_writing {
    FILE *rows;
    uint64_t impossible;
} summary_writing;

static void write_row(void *argument, const db_losses *row) {
    summary_writing *state = argument;
    FILE *rows = state->rows;
    char mean[32], deviation[32], entropy[32], runs[64];
    number(row->mean, mean);
    number(row->deviation, deviation);
    number(row->entropy_floor, entropy);
    snprintf(runs, sizeof runs, row->done < row->runs ? "%" PRIu64 " of %" PRIu64 : "%" PRIu64, row->done, row->runs);
    fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s", row->dataset, row->model, runs, mean, deviation, entropy,
            row->images ? "bits/dim" : "nats");
    const uint64_t infinite = row->done - row->finite - row->impossible;
    if (infinite > 0) fprintf(rows, "  %" PRIu64 " not finite", infinite);
    if (row->impossible > 0) fprintf(rows, "  %" PRIu64 " of no density, left out", row->impossible);
    fputc('\n', rows);
    state->impossible += row->impossible;
}

status print_losses(results_db *db, const char *experiment, FILE *stream, error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    summary_writing state = {.rows = table.rows};
    fprintf(table.rows, "Validation loss of %s at the end, over the finished seeds\n", experiment);
    fputs("data\tmodel\tseeds\tmean\tdeviation\tentropy\tunit\n", table.rows);
    const status outcome = db_each_loss(db, experiment, write_row, &state, err);
    TRY(columns_end(&table, outcome, "%-16s %-16s %9s  %10s  %10s  %10s  %s", stream, err));
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

static void write_sweep_row(void *argument, const db_sweep_summary *row) {
    char seeds[48], lower[24] = "-", higher[24] = "-"; /* fewer seeds have no intervals */
    if (row->seeds_most >= TESTS_RESAMPLED_LEAST) {
        snprintf(lower, sizeof lower, "%" PRIu64, row->surely_lower);
        snprintf(higher, sizeof higher, "%" PRIu64, row->surely_higher);
    }
    snprintf(seeds, sizeof seeds, row->seeds_least < row->seeds_most ? "%" PRIu64 "-%" PRIu64 : "%" PRIu64,
             row->seeds_least, row->seeds_most);
    fprintf(argument, "%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%.4f\n", row->dataset, row->model, row->other,
            seeds, row->points, row->lower, lower, higher, row->difference);
}

static void write_length_row(void *argument, const db_sweep_length *row) {
    fprintf(argument,
            "%s\t%s\t%s\tnearer at %" PRIu64 " of %" PRIu64
            " points (%.0f%%), mean difference %.4f at iteration %" PRIu64 ", %.4f at %" PRIu64 "\n",
            row->dataset, row->model, row->other, row->nearer, row->points,
            floor(100 * (double)row->nearer / (double)row->points + 0.5), row->third_difference, row->third_iteration,
            row->end_difference, row->end_iteration);
}

status print_sweep(results_db *db, const char *experiment, FILE *stream, error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    fprintf(table.rows,
            "Points of %s at which a model's final loss is lower than another's; surely: by an interval of 95%%\n",
            experiment);
    fputs("data\tmodel\tother\tseeds\tpoints\tlower\tsurely lower\tsurely higher\tmean difference\n", table.rows);
    status outcome = db_each_sweep_summary(db, experiment, write_sweep_row, table.rows, err);
    TRY(columns_end(&table, outcome, "%-16s %-16s %-16s %7s %7s %7s %14s %14s %16s", stream, err));
    TRY(columns_begin(&table, err));
    fputs("Validation losses of two models from a third of the training to its end\n", table.rows);
    outcome = db_each_sweep_length(db, experiment, write_length_row, table.rows, err);
    TRY(columns_end(&table, outcome, "%-16s %-16s %-16s %s", stream, err));
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
