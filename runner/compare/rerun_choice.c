/* rerun_choice.c - choose the finished runs of a database to compute again.
 *
 * It finds all candidates first, so a seed chooses the same runs of the same database in any order. */
#include "compare/rerun_choice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/shuffle.h"

/* Runs that are skipped for the same reason. */
typedef struct refusal {
    error_info reason;
    size_t runs;
    char key[PLAN_KEY_SIZE]; /* of the first */
} refusal;

typedef struct choosing {
    results_db *db;
    size_t row_count, refusal_count;
    db_run *rows; /* finished */
    refusal *refusals;
    stored_cache cache;
} choosing;

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory");
}

void rerun_choice_release(rerun_choice *choice) {
    free(choice->items);
    *choice = (rerun_choice){.count = 0};
}

/* Read all rows before their settings, so that no statement is left half read. */
static status take_row(void *argument, const db_run *row, error_info *err) {
    choosing *self = argument;
    if (row->state != RUN_DONE) return STATUS_OK;
    db_run *rows = realloc(self->rows, (self->row_count + 1) * sizeof *rows);
    if (!rows) return fail_memory(err);
    self->rows = rows;
    rows[self->row_count++] = *row;
    return STATUS_OK;
}

static status refuse(choosing *self, const db_run *row, const error_info *reason, error_info *err) {
    for (size_t i = 0; i < self->refusal_count; i++) {
        if (strcmp(self->refusals[i].reason.text, reason->text) != 0) continue;
        self->refusals[i].runs++;
        return STATUS_OK;
    }
    refusal *refusals = realloc(self->refusals, (self->refusal_count + 1) * sizeof *refusals);
    if (!refusals) return fail_memory(err);
    self->refusals = refusals;
    refusal *last = &refusals[self->refusal_count++];
    *last = (refusal){.reason = *reason, .runs = 1};
    memcpy(last->key, row->key, sizeof last->key);
    return STATUS_OK;
}

static void write_refusals(const choosing *self) {
    for (size_t i = 0; i < self->refusal_count; i++) {
        const refusal *one = &self->refusals[i];
        if (one->runs == 1) printf("Not chosen: run %.12s: %s\n", one->key, one->reason.text);
        else printf("Not chosen: %zu runs, as %.12s: %s\n", one->runs, one->key, one->reason.text);
    }
}

/* Keep the rows that can be computed again. */
static status sieve(choosing *self, size_t *count, error_info *err) {
    stored_run *one = malloc(sizeof *one);
    status outcome = one ? STATUS_OK : fail_memory(err);
    *count = 0;
    for (size_t i = 0; i < self->row_count && outcome == STATUS_OK; i++) {
        bool able;
        error_info reason = {""};
        outcome = stored_run_prepare(self->db, &self->rows[i], &self->cache, one, &able, &reason, err);
        if (outcome != STATUS_OK) break;
        if (able) self->rows[(*count)++] = self->rows[i];
        else outcome = refuse(self, &self->rows[i], &reason, err);
    }
    free(one);
    return outcome;
}

static status take(choosing *self, const db_run *row, rerun_choice *out, error_info *err) {
    bool able;
    error_info reason = {""};
    stored_run *item = &out->items[out->count];
    TRY(stored_run_prepare(self->db, row, &self->cache, item, &able, &reason, err));
    if (!able)
        return error_set(err, STATUS_INVALID, "run %.12s cannot be computed again: %.900s", row->key, reason.text);
    out->count++;
    return STATUS_OK;
}

static status choose_some(choosing *self, const rerun_request *request, rerun_choice *out, error_info *err) {
    TRY(db_each_run(self->db, request->experiment, take_row, self, err));
    TRY(sieve(self, &out->able, err));
    write_refusals(self);
    const size_t wanted = request->sample < out->able ? (size_t)request->sample : out->able;
    out->items = calloc(wanted + 1, sizeof *out->items);
    if (!out->items) return fail_memory(err);
    for (size_t i = 0; i < wanted; i++)
        TRY(take(self, &self->rows[shuffle_at(request->seed, 0, out->able, i)], out, err));
    return STATUS_OK;
}

static status choose_one(choosing *self, const rerun_request *request, rerun_choice *out, error_info *err) {
    db_run row;
    TRY(db_resolve_run(self->db, request->run, &row, err));
    if (row.state != RUN_DONE)
        return error_set(err, STATUS_INVALID, "run %.12s is %s; expected a finished one", row.key,
                         db_state_name(row.state));
    out->items = calloc(1, sizeof *out->items);
    if (!out->items) return fail_memory(err);
    out->able = 1;
    return take(self, &row, out, err);
}

status rerun_choose(results_db *db, const rerun_request *request, rerun_choice *out, error_info *err) {
    choosing self = {.db = db};
    *out = (rerun_choice){.count = 0};
    const status outcome = request->run ? choose_one(&self, request, out, err) : choose_some(&self, request, out, err);
    stored_cache_release(&self.cache);
    free(self.rows);
    free(self.refusals);
    if (outcome != STATUS_OK) rerun_choice_release(out);
    return outcome;
}
