/* rerun_compare.c - compare a run with its repetition. */
#include "compare/rerun_compare.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "compare/run_values.h"

/* Two sets of values, and the differences found. */
typedef struct pair {
    run_values recorded, again;
    bool all;
    FILE *stream;
    size_t compared, exact, far; /* far: outside of the tolerance */
    double largest; /* relative difference of values within the tolerance */
    error_info first; /* the first one outside */
} pair;

/* "epoch 3, validation" */
static void name_quantity(const char *quantity, char text[RUN_QUANTITY_MAX + 16]) {
    uint64_t epoch;
    const char *split;
    if (run_quantity_epoch(quantity, &epoch, &split))
        snprintf(text, RUN_QUANTITY_MAX + 16, "epoch %" PRIu64 ", %s", epoch, split);
    else snprintf(text, RUN_QUANTITY_MAX + 16, "%s", quantity);
}

static void text_of(const run_value *value, char text[NUMBER_TEXT_MAX]) {
    if (value) number_text(value->value, text);
    else snprintf(text, NUMBER_TEXT_MAX, "nothing");
}

static void describe(const run_value *recorded, const run_value *again, const tolerance *allowed, error_info *out) {
    char quantity[RUN_QUANTITY_MAX + 16], before[NUMBER_TEXT_MAX], now[NUMBER_TEXT_MAX], near[TOLERANCE_TEXT_MAX];
    name_quantity(recorded ? recorded->quantity : again->quantity, quantity);
    text_of(recorded, before);
    text_of(again, now);
    tolerance_text(allowed, near);
    error_describe(out, "%s: recorded %s, found %s (allowed: %s)", quantity, before, now, near);
}

/* One of both may be NULL. */
static void look_at(pair *self, const run_value *recorded, const run_value *again, const tolerance *allowed) {
    error_info text;
    self->compared++;
    const bool same = recorded && again && tolerance_same(recorded->value, again->value);
    const bool near = recorded && again && tolerance_allows(allowed, recorded->value, again->value);
    self->exact += same;
    if (same) return;
    describe(recorded, again, allowed, &text);
    if (near) self->largest = fmax(self->largest, fabs(again->value / recorded->value - 1));
    else if (self->far++ == 0) self->first = text;
    if (self->all) fprintf(self->stream, "  %s\n", text.text);
}

/* Return whether this split was recorded: older programs had fewer splits. */
static bool has_split(const run_values *values, const char *wanted) {
    uint64_t epoch;
    const char *split;
    for (size_t i = 0; i < values->count; i++)
        if (run_quantity_epoch(values->items[i].quantity, &epoch, &split) && strcmp(split, wanted) == 0) return true;
    return false;
}

static void look_at_all(pair *self) {
    run_promise promised;
    uint64_t epoch;
    const char *split;
    for (size_t i = 0; i < self->recorded.count; i++) {
        const run_value *value = &self->recorded.items[i];
        if (!run_promise_of(&self->recorded, value->quantity, &promised)) continue;
        look_at(self, value, run_values_find(&self->again, value->quantity), &promised.allowed);
    }
    /* Epochs that the repetition lacks. */
    for (size_t i = 0; i < self->again.count; i++) {
        const run_value *value = &self->again.items[i];
        if (!run_quantity_epoch(value->quantity, &epoch, &split) || !has_split(&self->recorded, split)) continue;
        if (run_values_find(&self->recorded, value->quantity)) continue;
        if (run_promise_of(&self->again, value->quantity, &promised)) look_at(self, NULL, value, &promised.allowed);
    }
}

static void write_verdict(const pair *self, const char *run) {
    FILE *stream = self->stream;
    char kernels[64], label[192];
    run_write_kernels(&self->recorded, sizeof kernels, kernels);
    snprintf(label, sizeof label, "%s%s", run, kernels);
    if (self->far > 0)
        fprintf(stream, "%s: differs, %zu of %zu values, first in %s\n", label, self->far, self->compared,
                self->first.text);
    else if (self->exact == self->compared)
        fprintf(stream, "%s: the same, %zu values to the bit\n", label, self->compared);
    else
        fprintf(stream,
                "%s: the same as far as is promised, %zu of %zu values to the bit, the others within a part of %.2g\n",
                label, self->exact, self->compared, self->largest);
}

static status compare_values(pair *self, results_db *recorded, results_db *again, int64_t before, int64_t now,
                             error_info *err) {
    TRY(run_values_read(recorded, before, &self->recorded, err));
    TRY(run_values_read(again, now, &self->again, err));
    look_at_all(self);
    return STATUS_OK;
}

status rerun_compare(results_db *recorded, results_db *again, const db_run *run, bool all, FILE *stream,
                     rerun_tally *tally, error_info *err) {
    char label[128];
    db_run now;
    pair self = {.all = all, .stream = stream};
    snprintf(label, sizeof label, "%.12s %.40s %.30s, seed %" PRIu64, run->key, run->dataset, run->model, run->seed);
    TRY(db_find_run(again, run->key, &now, err));
    if (now.id == 0 || now.state != RUN_DONE) {
        tally->missing++;
        fprintf(stream, "%s: not computed%s%s\n", label, now.id && now.state == RUN_FAILED ? ": " : "",
                now.id && now.state == RUN_FAILED ? now.error : "");
        return STATUS_OK;
    }
    const status outcome = compare_values(&self, recorded, again, run->id, now.id, err);
    if (outcome == STATUS_OK) {
        write_verdict(&self, label);
        if (self.far > 0) tally->different++;
        else tally->same++;
    }
    run_values_release(&self.recorded);
    run_values_release(&self.again);
    return outcome;
}
