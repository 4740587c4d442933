/* run_values.c - the numbers of a run, with their names. */
#include "compare/run_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/number.h"

/* For convolutions with another order of sums: training multiplies a difference in the last digit by about ten every
 * 50 iterations of table1_small, until it is as large as that between two seeds. */
static const double image_relative_first = 2e-3, image_relative_later = 5e-2;
enum { IMAGE_FIRST_EPOCHS = 2 };

typedef struct reading {
    run_values *into;
    error_info *err;
} reading;

static status keep(void *argument, const char *quantity, double value) {
    const reading *state = argument;
    run_values *into = state->into;
    if (strlen(quantity) >= RUN_QUANTITY_MAX)
        return error_set(state->err, STATUS_FORMAT, "the name of a metric has %zu bytes, expected at most %d: %.200s",
                         strlen(quantity), RUN_QUANTITY_MAX - 1, quantity);
    if (into->count == into->capacity) {
        const size_t capacity = into->capacity ? 2 * into->capacity : 64;
        run_value *items = realloc(into->items, capacity * sizeof *items);
        if (!items) return error_set(state->err, STATUS_MEMORY, "out of memory");
        into->items = items;
        into->capacity = capacity;
    }
    run_value *item = &into->items[into->count++];
    item->value = value;
    memcpy(item->quantity, quantity, strlen(quantity) + 1);
    return STATUS_OK;
}

status run_values_read(results_db *db, int64_t run, run_values *out, error_info *err) {
    reading state = {.into = out, .err = err};
    *out = (run_values){.count = 0};
    return db_each_value(db, run, keep, &state, err);
}

void run_values_release(run_values *values) {
    free(values->items);
    *values = (run_values){.count = 0};
}

const run_value *run_values_find(const run_values *values, const char *quantity) {
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->items[i].quantity, quantity) == 0) return &values->items[i];
    return NULL;
}

bool run_quantity_epoch(const char *quantity, uint64_t *epoch, const char **split) {
    static const char start[] = "epoch.";
    if (strncmp(quantity, start, sizeof start - 1) != 0) return false;
    const char *number = quantity + sizeof start - 1;
    const size_t digits = strspn(number, "0123456789");
    if (digits == 0 || digits > 18 || number[digits] != '.' || !number[digits + 1]) return false;
    *epoch = strtoull(number, NULL, 10);
    *split = number + digits + 1;
    return true;
}

double run_convolutions(const run_values *values) {
    const run_value *kernels = run_values_find(values, "convolutions");
    return kernels ? kernels->value : 0;
}

void run_write_kernels(const run_values *values, size_t size, char *text) {
    const double kernels = run_convolutions(values);
    if (!run_values_find(values, "data_dimension")) text[0] = '\0';
    else if (kernels > 0) number_print(text, size, ", convolutions %.0f", kernels);
    else snprintf(text, size, ", convolutions of a library");
}

bool run_promise_of(const run_values *values, const char *quantity, run_promise *out) {
    static const char other[] = "convolutions were summed in another order";
    static const char promised[] = "the same operations in the same order everywhere", counted[] = "counted";
    /* Only trainings on images and counts of parameters have these. */
    const bool images = run_values_find(values, "data_dimension") != NULL;
    const bool count = run_values_find(values, "parameters_declared") != NULL;
    const bool number = strcmp(quantity, "parameters") == 0 || strcmp(quantity, "data_dimension") == 0;
    /* From pictures, samples and snapshots, which are optional. */
    static const char *const of_outputs[] = {"density_mass",         "field_change", "least_singular_value",
                                             "least_distance_ratio", "folded_share", "unsolved_samples"};
    for (size_t i = 0; i < sizeof of_outputs / sizeof *of_outputs; i++)
        if (strcmp(quantity, of_outputs[i]) == 0) return false;
    /* The best epoch of images can depend on the last digit of a loss. */
    const bool ours = run_convolutions(values) == CPU_CONVOLUTIONS;
    if (images && !ours && strcmp(quantity, "best_epoch") == 0) return false;
    /* The kernels of a run are not one of its results. */
    if (strcmp(quantity, "convolutions") == 0) return false;
    uint64_t epoch;
    const char *split;
    const bool first = run_quantity_epoch(quantity, &epoch, &split) && epoch <= IMAGE_FIRST_EPOCHS;
    if (images && !ours && !number)
        *out = (run_promise){
            .allowed = {.kind = TOLERANCE_RELATIVE, .amount = first ? image_relative_first : image_relative_later},
            .reason = other};
    else *out = (run_promise){.allowed = {.kind = TOLERANCE_BITS}, .reason = count || number ? counted : promised};
    return true;
}
