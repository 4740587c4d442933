/* rerun_choice.c - which finished runs of a database are computed again.
 *
 * All that can be are found first, so that a seed chooses the same ones of the
 * same database whatever came before it. */
#include "compare/rerun_choice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/shuffle.h"

/* Runs that are skipped for the same reason. */
typedef struct refusal {
    failure reason;
    size_t runs;
    char key[PLAN_KEY_SIZE]; /* of the first */
} refusal;

typedef struct choosing {
    recorder *book;
    size_t row_count, refusal_count;
    recorder_run *rows; /* finished */
    refusal *refusals;
    stored_cache cache;
} choosing;

static status fail_memory(failure *why) {
    return fail(why, STATUS_MEMORY, "out of memory");
}

void rerun_choice_release(rerun_choice *choice) {
    free(choice->items);
    *choice = (rerun_choice){.count = 0};
}

/* Rows are gone through first and their settings read after, as a statement is not left half read. */
static status take_row(void *argument, const recorder_run *row, failure *why) {
    choosing *self = argument;
    if (row->state != RUN_DONE) return STATUS_OK;
    recorder_run *rows = realloc(self->rows, (self->row_count + 1) * sizeof *rows);
    if (!rows) return fail_memory(why);
    self->rows = rows;
    rows[self->row_count++] = *row;
    return STATUS_OK;
}

static status refuse(choosing *self, const recorder_run *row, const failure *reason, failure *why) {
    for (size_t i = 0; i < self->refusal_count; i++) {
        if (strcmp(self->refusals[i].reason.text, reason->text) != 0) continue;
        self->refusals[i].runs++;
        return STATUS_OK;
    }
    refusal *refusals = realloc(self->refusals, (self->refusal_count + 1) * sizeof *refusals);
    if (!refusals) return fail_memory(why);
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

/* Leave the rows that can be computed again. */
static status sieve(choosing *self, size_t *count, failure *why) {
    stored_run *one = malloc(sizeof *one);
    status outcome = one ? STATUS_OK : fail_memory(why);
    *count = 0;
    for (size_t i = 0; i < self->row_count && outcome == STATUS_OK; i++) {
        bool able;
        failure reason = {""};
        outcome = stored_run_prepare(self->book, &self->rows[i], &self->cache, one, &able, &reason, why);
        if (outcome != STATUS_OK) break;
        if (able) self->rows[(*count)++] = self->rows[i];
        else outcome = refuse(self, &self->rows[i], &reason, why);
    }
    free(one);
    return outcome;
}

static status take(choosing *self, const recorder_run *row, rerun_choice *out, failure *why) {
    bool able;
    failure reason = {""};
    stored_run *item = &out->items[out->count];
    TRY(stored_run_prepare(self->book, row, &self->cache, item, &able, &reason, why));
    if (!able) return fail(why, STATUS_INVALID, "run %.12s cannot be computed again: %.900s", row->key, reason.text);
    out->count++;
    return STATUS_OK;
}

static status choose_some(choosing *self, const rerun_request *asked, rerun_choice *out, failure *why) {
    TRY(recorder_each_run(self->book, asked->experiment, take_row, self, why));
    TRY(sieve(self, &out->able, why));
    write_refusals(self);
    const size_t wanted = asked->sample < out->able ? (size_t)asked->sample : out->able;
    out->items = calloc(wanted + 1, sizeof *out->items);
    if (!out->items) return fail_memory(why);
    for (size_t i = 0; i < wanted; i++)
        TRY(take(self, &self->rows[shuffle_at(asked->seed, 0, out->able, i)], out, why));
    return STATUS_OK;
}

static status choose_one(choosing *self, const rerun_request *asked, rerun_choice *out, failure *why) {
    recorder_run row;
    TRY(recorder_resolve_run(self->book, asked->run, &row, why));
    if (row.state != RUN_DONE)
        return fail(why, STATUS_INVALID, "run %.12s is %s; expected a finished one", row.key,
                    recorder_state_name(row.state));
    out->items = calloc(1, sizeof *out->items);
    if (!out->items) return fail_memory(why);
    out->able = 1;
    return take(self, &row, out, why);
}

status rerun_choose(recorder *book, const rerun_request *asked, rerun_choice *out, failure *why) {
    choosing self = {.book = book};
    *out = (rerun_choice){.count = 0};
    const status outcome = asked->run ? choose_one(&self, asked, out, why) : choose_some(&self, asked, out, why);
    stored_cache_release(&self.cache);
    free(self.rows);
    free(self.refusals);
    if (outcome != STATUS_OK) rerun_choice_release(out);
    return outcome;
}
