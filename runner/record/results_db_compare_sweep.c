/* results_db_compare_sweep.c - the table `sweep_comparison`: every two models at every point of a sweep, seed by
 * seed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/results_db_sweep_internal.h"
#include "statistics/tests.h"

/* Final losses, the best measured first, in the order of EACH_SWEPT's columns. */
enum { LOSSES = 4, NAMES_MAX = 256 };
static const char *const losses[LOSSES] = {"fine", "measured", "offset", "validation"};

/* Names of data sets and models, each once. */
typedef struct name_pool {
    size_t count;
    char *names[NAMES_MAX];
} name_pool;

/* A finished run at a point. value: NaN where it is not known. */
typedef struct entry {
    uint64_t point, seed;
    const char *dataset, *model; /* of the pool */
    double value[LOSSES];
    bool impossible;
} entry;

typedef struct swept {
    name_pool pool;
    size_t count, capacity;
    entry *entries; /* by point, data set, model, seed */
} swept;

typedef struct row {
    const entry *model, *other; /* any run of each */
    size_t n, failed, failed_other;
    double mean, mean_other, deviation, deviation_other, error;
    paired_effect effect;
    double p;
} row;

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory for the losses of a sweep");
}

static status intern(name_pool *pool, const char *text, const char **out, error_info *err) {
    size_t i = 0;
    while (i < pool->count && strcmp(pool->names[i], text) != 0) i++;
    if (i == NAMES_MAX)
        return error_set(err, STATUS_INVALID, "more than %d data sets and models in a sweep", NAMES_MAX);
    if (i == pool->count) {
        pool->names[i] = strdup(text);
        if (!pool->names[i]) return fail_memory(err);
        pool->count++;
    }
    *out = pool->names[i];
    return STATUS_OK;
}

static status add(swept *all, sqlite3_stmt *from, error_info *err) {
    if (all->count == all->capacity) {
        const size_t capacity = all->capacity ? 2 * all->capacity : 256;
        entry *entries = realloc(all->entries, capacity * sizeof *entries);
        if (!entries) return fail_memory(err);
        all->entries = entries;
        all->capacity = capacity;
    }
    entry *one = &all->entries[all->count];
    one->point = (uint64_t)sqlite3_column_int64(from, 0);
    TRY(intern(&all->pool, db_text(from, 1), &one->dataset, err));
    TRY(intern(&all->pool, db_text(from, 2), &one->model, err));
    one->seed = (uint64_t)sqlite3_column_int64(from, 3);
    for (int i = 0; i < LOSSES; i++)
        one->value[i] =
            sqlite3_column_type(from, 4 + i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(from, 4 + i);
    one->impossible = sqlite3_column_int(from, 4 + LOSSES) != 0;
    all->count++;
    return STATUS_OK;
}

static status read_all(results_db *db, const char *experiment, swept *all, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    status outcome;
    TRY(db_select(db, STATEMENT_EACH_SWEPT, &rows, err, "t", experiment));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        outcome = add(all, rows, err);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
    return outcome;
}

/* Return the loss that the most runs have, the best measured of these. */
static int choose_loss(const swept *all) {
    size_t most = 0;
    int chosen = LOSSES - 1;
    for (int i = 0; i < LOSSES; i++) {
        size_t known = 0;
        for (size_t k = 0; k < all->count; k++) known += isnan(all->entries[k].value[i]) ? 0 : 1;
        if (known > most) {
            chosen = i;
            most = known;
        }
    }
    return chosen;
}

/* A run that is impossible in the other solve too counts as failed; its seed is left out for both models. */
static bool is_known(const entry *one, int loss) {
    return isfinite(one->value[loss]) && (loss == 0 || !one->impossible);
}

/* Compare models a and b at a point, of na and nb entries by seed. */
static status compare(const entry *a, size_t na, const entry *b, size_t nb, int loss, row *out, error_info *err) {
    static double x[TESTS_SEEDS_MAX], y[TESTS_SEEDS_MAX], by[TESTS_SEEDS_MAX]; /* one thread records */
    size_t n = 0;
    *out = (row){.model = a, .other = b};
    for (size_t i = 0, j = 0; i < na && j < nb && n < TESTS_SEEDS_MAX;) {
        if (a[i].seed < b[j].seed) {
            i++;
        } else if (a[i].seed > b[j].seed) {
            j++;
        } else {
            out->failed += a[i].impossible, out->failed_other += b[j].impossible;
            if (is_known(&a[i], loss) && is_known(&b[j], loss)) {
                x[n] = a[i].value[loss], y[n] = b[j].value[loss];
                by[n] = y[n] - x[n];
                n++;
            }
            i++, j++;
        }
    }
    out->n = n;
    out->mean = tests_mean(n, x), out->mean_other = tests_mean(n, y);
    out->deviation = tests_deviation(n, x), out->deviation_other = tests_deviation(n, y);
    out->error = tests_deviation(n, by) / sqrt((double)n);
    out->p = tests_paired(n, x, y).p;
    const status outcome = tests_effect(n, x, y, &out->effect);
    return outcome == STATUS_OK ? STATUS_OK : fail_memory(err);
}

static bool same_group(const entry *a, const entry *b) {
    return a->point == b->point && a->dataset == b->dataset && a->model == b->model;
}

/* rows (*count) <- all ordered pairs of models at each point and data set; the caller frees. */
static status compare_all(const swept *all, int loss, row **rows, size_t *count, error_info *err) {
    size_t *first = calloc(all->count + 1, sizeof *first), groups = 0, capacity = 0;
    if (!first) return fail_memory(err);
    for (size_t i = 0; i < all->count; i++)
        if (i == 0 || !same_group(&all->entries[i], &all->entries[i - 1])) first[groups++] = i;
    first[groups] = all->count;
    status outcome = STATUS_OK;
    for (size_t g = 0; g < groups; g++)
        for (size_t h = g + 1; h < groups && outcome == STATUS_OK; h++) {
            const entry *a = &all->entries[first[g]], *b = &all->entries[first[h]];
            if (a->point != b->point || a->dataset != b->dataset) break;
            if (*count + 2 > capacity) {
                capacity = capacity ? 2 * capacity : 256;
                row *longer = realloc(*rows, capacity * sizeof *longer);
                if (!longer) {
                    outcome = fail_memory(err);
                    break;
                }
                *rows = longer;
            }
            const size_t na = first[g + 1] - first[g], nb = first[h + 1] - first[h];
            outcome = compare(a, na, b, nb, loss, &(*rows)[*count], err);
            if (outcome == STATUS_OK) outcome = compare(b, nb, a, na, loss, &(*rows)[*count + 1], err);
            if (outcome == STATUS_OK && (*rows)[*count].n >= 1) *count += 2;
        }
    free(first);
    return outcome;
}

/* A pair is one test whichever of the two is first. */
static status put_rows(results_db *db, const char *experiment, int loss, size_t count, const row *rows,
                       error_info *err) {
    double *p = calloc(count + 1, sizeof *p), *holm = calloc(count + 1, sizeof *holm);
    uint64_t tests = 0;
    status outcome = p && holm ? STATUS_OK : fail_memory(err);
    for (size_t i = 0; i < count / 2 && outcome == STATUS_OK; i++) {
        p[i] = rows[2 * i].p;
        tests += isnan(p[i]) ? 0 : 1;
    }
    if (outcome == STATUS_OK) tests_holm(count / 2, p, holm);
    for (size_t i = 0; i < count && outcome == STATUS_OK; i++) {
        const row *r = &rows[i];
        const paired_effect *e = &r->effect;
        outcome =
            db_write(db, STATEMENT_PUT_SWEEP_COMPARISON, err, "tuttttuuudddddddddddddu", experiment, r->model->point,
                     r->model->dataset, r->model->model, r->other->model, losses[loss], (uint64_t)r->n,
                     (uint64_t)r->failed, (uint64_t)r->failed_other, r->mean, r->mean_other, r->deviation,
                     r->deviation_other, e->difference, r->error, e->difference_95.low, e->difference_95.high,
                     e->effect, e->effect_95.low, e->effect_95.high, r->p, holm[i / 2], tests);
    }
    free(p);
    free(holm);
    return outcome;
}

/* The differences of a and b, of na and nb entries, at the end of all->items. */
static void add_differences(const entry *a, size_t na, const entry *b, size_t nb, int loss, sweep_differences *all) {
    for (size_t i = 0, j = 0; i < na && j < nb;) {
        if (a[i].seed == b[j].seed) {
            if (is_known(&a[i], loss) && is_known(&b[j], loss))
                all->items[all->count++] = (sweep_difference){
                    .point = a[i].point, .seed = a[i].seed, .difference = b[j].value[loss] - a[i].value[loss]};
            i++, j++;
        } else if (a[i].seed < b[j].seed) i++;
        else j++;
    }
}

static size_t group_end(const swept *all, size_t first) {
    size_t end = first + 1;
    while (end < all->count && same_group(&all->entries[first], &all->entries[end])) end++;
    return end;
}

/* The terms of one ordered pair of models on one data set. */
static status put_pair_terms(results_db *db, const char *experiment, const swept *all, int loss, const row *pair,
                             sweep_difference *room, error_info *err) {
    sweep_differences found = {.experiment = experiment,
                               .dataset = pair->model->dataset,
                               .model = pair->model->model,
                               .other = pair->other->model,
                               .items = room};
    for (size_t g = 0; g < all->count; g = group_end(all, g))
        for (size_t h = g; h < all->count && all->entries[h].point == all->entries[g].point; h = group_end(all, h)) {
            const entry *a = &all->entries[g], *b = &all->entries[h];
            if (a->dataset != found.dataset || b->dataset != found.dataset) continue;
            if (a->model == found.other && b->model == found.model) {
                const entry *swap = a;
                a = b, b = swap;
            }
            if (a->model != found.model || b->model != found.other) continue;
            add_differences(a, group_end(all, (size_t)(a - all->entries)) - (size_t)(a - all->entries), b,
                            group_end(all, (size_t)(b - all->entries)) - (size_t)(b - all->entries), loss, &found);
        }
    return db_put_sweep_terms(db, &found, err);
}

static bool is_first(const row *rows, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (rows[i].model->dataset == rows[at].model->dataset && rows[i].model->model == rows[at].model->model &&
            rows[i].other->model == rows[at].other->model)
            return false;
    return true;
}

static status put_terms(results_db *db, const char *experiment, const swept *all, int loss, size_t count,
                        const row *rows, error_info *err) {
    sweep_difference *room = calloc(all->count + 1, sizeof *room);
    status outcome = room ? STATUS_OK : fail_memory(err);
    for (size_t i = 0; i < count && outcome == STATUS_OK; i++)
        if (is_first(rows, i)) outcome = put_pair_terms(db, experiment, all, loss, &rows[i], room, err);
    free(room);
    return outcome;
}

status db_compare_sweep(results_db *db, const char *experiment, error_info *err) {
    swept all = {.count = 0};
    row *rows = NULL;
    size_t count = 0;
    status outcome = read_all(db, experiment, &all, err);
    const int loss = choose_loss(&all);
    if (outcome == STATUS_OK) outcome = compare_all(&all, loss, &rows, &count, err);
    if (outcome == STATUS_OK) outcome = put_rows(db, experiment, loss, count, rows, err);
    if (outcome == STATUS_OK) outcome = put_terms(db, experiment, &all, loss, count, rows, err);
    for (size_t i = 0; i < all.pool.count; i++) free(all.pool.names[i]);
    free(all.entries);
    free(rows);
    return outcome;
}
