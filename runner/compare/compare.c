/* compare.c - compare a database with recorded values, and record values. */
#include "compare/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "system/columns.h"

/* --- Comparing --- */

typedef struct comparing {
    results_db *db;
    const baseline *recorded;
    bool all, headed;
    FILE *rows;
    compare_result result;
    db_run run; /* that of `values` */
    run_values values;
} comparing;

/* Return whether the row is the first of its run. */
static bool is_first(const baseline *recorded, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(recorded->rows[i].key, recorded->rows[index].key) == 0) return false;
    return true;
}

static void write_header(comparing *self) {
    if (self->headed) return;
    fputs("run\tdata\tmodel\tseed\tquantity\trecorded\tfound\tdifference\tallowed\treason\n", self->rows);
    self->headed = true;
}

/* `found` NULL: the value is missing. */
static void write_row(comparing *self, const baseline_row *row, const run_value *found) {
    char recorded[NUMBER_TEXT_MAX], value[NUMBER_TEXT_MAX] = "nothing", difference[NUMBER_TEXT_MAX] = "-";
    char allowed[TOLERANCE_TEXT_MAX];
    number_text(row->value, recorded);
    if (found) number_text(found->value, value);
    if (found && isfinite(row->value) && isfinite(found->value))
        number_print(difference, sizeof difference, "%.3g", found->value - row->value);
    tolerance_text(&row->allowed, allowed);
    write_header(self);
    fprintf(self->rows, "%.12s\t%s\t%s\t%" PRIu64 "\t%s\t%s\t%s\t%s\t%s\t%s\n", row->key, row->dataset, row->model,
            row->seed, row->quantity, recorded, value, difference, allowed, row->reason);
}

/* Read the row's run, unless it is the previous row's. */
static status take_run(comparing *self, const char *key, error_info *err) {
    if (strcmp(self->run.key, key) == 0) return STATUS_OK;
    TRY(db_find_run(self->db, key, &self->run, err));
    run_values_release(&self->values);
    memcpy(self->run.key, key, sizeof self->run.key);
    if (self->run.id == 0 || self->run.state != RUN_DONE) return STATUS_OK;
    return run_values_read(self->db, self->run.id, &self->values, err);
}

static status compare_row(comparing *self, size_t index, error_info *err) {
    baseline_row at = self->recorded->rows[index];
    const baseline_row *row = &at;
    const bool first = is_first(self->recorded, index);
    TRY(take_run(self, row->key, err));
    if (self->run.id == 0) {
        self->result.absent += first;
        return STATUS_OK;
    }
    if (self->run.state != RUN_DONE) {
        self->result.unfinished += first;
        return STATUS_OK;
    }
    const run_value *found = run_values_find(&self->values, row->quantity);
    run_promise promised;
    /* Bit-identical only if this program's kernels computed it. */
    if (at.allowed.kind == TOLERANCE_BITS && run_promise_of(&self->values, at.quantity, &promised))
        at.allowed = promised.allowed;
    const bool good = found && tolerance_allows(&row->allowed, row->value, found->value);
    self->result.runs += first;
    self->result.values++;
    self->result.breaches += !good;
    if (!good || self->all) write_row(self, row, found);
    return STATUS_OK;
}

static status count_unknown(void *argument, const db_run *run, error_info *err) {
    (void)err;
    comparing *self = argument;
    bool known = run->state != RUN_DONE;
    for (size_t i = 0; i < self->recorded->count && !known; i++)
        known = strcmp(self->recorded->rows[i].key, run->key) == 0;
    self->result.unknown += !known;
    return STATUS_OK;
}

status compare_database(results_db *db, const baseline *recorded, bool all, FILE *stream, compare_result *out,
                        error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    comparing self = {.db = db, .recorded = recorded, .all = all, .rows = table.rows};
    status outcome = STATUS_OK;
    for (size_t i = 0; i < recorded->count && outcome == STATUS_OK; i++) outcome = compare_row(&self, i, err);
    run_values_release(&self.values);
    TRY(columns_end(&table, outcome, "%-12s %-16s %-16s %6s  %-24s %24s %24s %11s  %-16s %s", stream, err));
    TRY(db_each_run(db, NULL, count_unknown, &self, err));
    *out = self.result;
    return STATUS_OK;
}

/* --- Recording --- */

typedef struct recording {
    results_db *db;
    baseline *into;
} recording;

/* A training that deviates stays deviated, so a few epochs show as much as all. */
static bool is_recorded(uint64_t epoch, uint64_t last) {
    return epoch == last || (epoch & (epoch - 1)) == 0;
}

/* The effects of single groups are omitted: their sum is the difference of two other numbers. */
static bool is_part(const char *quantity) {
    static const char start[] = "without_effect.";
    return strncmp(quantity, start, sizeof start - 1) == 0;
}

static uint64_t last_epoch(const run_values *values) {
    uint64_t last = 0, epoch;
    const char *split;
    for (size_t i = 0; i < values->count; i++)
        if (run_quantity_epoch(values->items[i].quantity, &epoch, &split) && epoch > last) last = epoch;
    return last;
}

static status add_values(const recording *self, const db_run *run, const run_values *values, error_info *err) {
    const uint64_t last = last_epoch(values);
    for (size_t i = 0; i < values->count; i++) {
        const run_value *item = &values->items[i];
        baseline_row row = {.seed = run->seed, .value = item->value};
        run_promise promised;
        uint64_t epoch;
        const char *split;
        if (run_quantity_epoch(item->quantity, &epoch, &split) && !is_recorded(epoch, last)) continue;
        if (is_part(item->quantity)) continue;
        if (!run_promise_of(values, item->quantity, &promised)) continue;
        memcpy(row.key, run->key, sizeof row.key);
        snprintf(row.dataset, sizeof row.dataset, "%.*s", BASELINE_NAME_MAX - 1, run->dataset);
        snprintf(row.model, sizeof row.model, "%.*s", BASELINE_NAME_MAX - 1, run->model);
        memcpy(row.quantity, item->quantity, sizeof row.quantity);
        row.allowed = promised.allowed;
        snprintf(row.reason, sizeof row.reason, "%s", promised.reason);
        TRY(baseline_add(self->into, &row, err));
    }
    return STATUS_OK;
}

static status record_run(void *argument, const db_run *run, error_info *err) {
    const recording *self = argument;
    run_values values;
    if (run->state != RUN_DONE) return STATUS_OK;
    status outcome = run_values_read(self->db, run->id, &values, err);
    if (outcome == STATUS_OK) outcome = add_values(self, run, &values, err);
    run_values_release(&values);
    return outcome;
}

status compare_record(results_db *db, const char *experiment, baseline *into, error_info *err) {
    recording self = {.db = db, .into = into};
    return db_each_run(db, experiment, record_run, &self, err);
}
