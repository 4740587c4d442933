/* results_db_compare.c - the table `comparison`: every two models of every experiment, tested seed by seed. Those of
 * sweeps are compared at each point (results_db_compare_sweep.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/results_db_internal.h"
#include "statistics/tests.h"

/* The values of the column `quantity`, in the order of EACH_COMPARED's columns, and whether a run with an impossible
 * loss lacks it. */
enum { QUANTITIES = 10 };
static const struct {
    const char *name;
    bool fails;
} quantities[QUANTITIES] = {{"validation", true},
                            {"offset", true},
                            {"measured", true},
                            {"fine", false},
                            {"best", true},
                            {"chosen", true},
                            {"evaluations", false},
                            {"field_change", false},
                            {"evaluations_by_state", false},
                            {"evaluations_by_state_and_context", false}};

/* A finished run of the experiment. value: NaN where it is not known, infinite for an impossible loss. */
typedef struct entry {
    char dataset[DB_NAME_MAX], model[DB_NAME_MAX];
    uint64_t seed;
    double value[QUANTITIES];
} entry;

typedef struct entries {
    size_t count, capacity;
    entry *items; /* by data set, model and seed */
} entries;

static double number(sqlite3_stmt *row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(row, column);
}

static status add(entries *all, sqlite3_stmt *row, error_info *err) {
    if (all->count == all->capacity) {
        const size_t capacity = all->capacity ? 2 * all->capacity : 64;
        entry *items = realloc(all->items, capacity * sizeof *items);
        if (!items) return error_set(err, STATUS_MEMORY, "out of memory for the losses of an experiment");
        all->items = items;
        all->capacity = capacity;
    }
    entry *one = &all->items[all->count++];
    sqlite3_snprintf(sizeof one->dataset, one->dataset, "%s", db_text(row, 0));
    sqlite3_snprintf(sizeof one->model, one->model, "%s", db_text(row, 1));
    one->seed = (uint64_t)sqlite3_column_int64(row, 2);
    const bool impossible = sqlite3_column_int(row, 3 + QUANTITIES) != 0;
    for (int q = 0; q < QUANTITIES; q++) {
        one->value[q] = number(row, 3 + q);
        if (impossible && quantities[q].fails && !isnan(one->value[q])) one->value[q] = (double)INFINITY;
    }
    return STATUS_OK;
}

static status read_entries(results_db *db, const char *experiment, entries *all, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    TRY(db_select(db, STATEMENT_EACH_COMPARED, &rows, err, "t", experiment));
    status outcome;
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        outcome = add(all, rows, err);
        if (outcome != STATUS_OK) {
            sqlite3_reset(rows);
            return outcome;
        }
    }
    return outcome;
}

/* One row of the table, and the p that Holm's procedure corrects. */
typedef struct comparison {
    const entry *model, *other; /* any run of each */
    int quantity;
    bool last; /* failures are ranked last; otherwise left out */
    size_t n, failed, failed_other;
    double mean, mean_other, deviation, deviation_other, correlation;
    paired_effect effect;
    test_result paired, wilcoxon, welch, mann_whitney;
    double p, holm;
} comparison;

/* Losses of the seeds that both have; x (n), y (n). A group is a run of entries with one data set and model. */
typedef struct group {
    const entry *first;
    size_t count;
} group;

static size_t pair_up(const group *a, const group *b, comparison *row, double *x, double *y) {
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->count && j < b->count && n < TESTS_SEEDS_MAX;) {
        const entry *one = &a->first[i], *two = &b->first[j];
        if (one->seed != two->seed) {
            if (one->seed < two->seed) i++;
            else j++;
            continue;
        }
        i++, j++;
        const double u = one->value[row->quantity], v = two->value[row->quantity];
        if (isnan(u) || isnan(v)) continue;
        row->failed += isinf(u) != 0, row->failed_other += isinf(v) != 0;
        if (!row->last && (isinf(u) || isinf(v))) continue;
        x[n] = u, y[n] = v, n++;
    }
    return n;
}

static status test_pair(const group *a, const group *b, comparison *row, error_info *err) {
    static double x[TESTS_SEEDS_MAX], y[TESTS_SEEDS_MAX]; /* one thread records */
    const size_t n = row->n = pair_up(a, b, row, x, y);
    const double none = (double)NAN;
    const interval unknown = {none, none};
    status outcome = tests_wilcoxon(n, x, y, &row->wilcoxon);
    if (outcome == STATUS_OK) outcome = tests_mann_whitney(n, x, n, y, &row->mann_whitney);
    row->mean = row->mean_other = row->deviation = row->deviation_other = row->correlation = none;
    row->effect = (paired_effect){none, none, none, unknown, unknown, unknown};
    row->paired = row->welch = (test_result){none, none, none};
    if (!row->last && outcome == STATUS_OK) {
        row->mean = tests_mean(n, x), row->mean_other = tests_mean(n, y);
        row->deviation = tests_deviation(n, x), row->deviation_other = tests_deviation(n, y);
        row->correlation = tests_correlation(n, x, y);
        row->paired = tests_paired(n, x, y);
        row->welch = tests_welch(n, x, n, y);
        outcome = tests_effect(n, x, y, &row->effect);
    }
    row->p = row->last ? row->wilcoxon.p : row->paired.p;
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "out of memory to compare two models");
}

static status put_row(results_db *db, const char *experiment, const comparison *row, size_t tests, error_info *err) {
    const paired_effect *e = &row->effect;
    return db_write(db, STATEMENT_PUT_COMPARISON, err, "ttttttuuuddddddddddddddddddddddddu", experiment,
                    row->model->dataset, row->model->model, row->other->model, quantities[row->quantity].name,
                    row->last ? "last" : "left out", (uint64_t)row->n, (uint64_t)row->failed,
                    (uint64_t)row->failed_other, row->mean, row->mean_other, row->deviation, row->deviation_other,
                    row->correlation, e->difference, e->difference_95.low, e->difference_95.high, e->effect,
                    e->effect_95.low, e->effect_95.high, e->ratio, e->ratio_95.low, e->ratio_95.high,
                    row->paired.statistic, row->paired.p, row->wilcoxon.statistic, row->wilcoxon.p,
                    row->welch.statistic, row->welch.df, row->welch.p, row->mann_whitney.statistic, row->mann_whitney.p,
                    row->holm, (uint64_t)tests);
}

/* All ordered pairs, both ways of failures, of one quantity. A pair is one test whichever of the two is first. */
static status compare_quantity(results_db *db, const char *experiment, size_t groups, const group *of, int quantity,
                               error_info *err) {
    const size_t most = groups * groups;
    for (int last = 0; last < 2; last++) {
        comparison *rows = calloc(most, sizeof *rows);
        double *p = calloc(2 * most, sizeof *p), *adjusted = p + most;
        size_t count = 0, tests = 0;
        status outcome = rows && p
                             ? STATUS_OK
                             : error_set(err, STATUS_MEMORY, "out of memory to compare the models of %s", experiment);
        for (size_t a = 0; a < groups && outcome == STATUS_OK; a++)
            for (size_t b = 0; b < groups && outcome == STATUS_OK; b++) {
                if (a == b || strcmp(of[a].first->dataset, of[b].first->dataset) != 0) continue;
                comparison *row = &rows[count];
                *row =
                    (comparison){.model = of[a].first, .other = of[b].first, .quantity = quantity, .last = last == 1};
                outcome = test_pair(&of[a], &of[b], row, err);
                p[count] = a < b ? row->p : (double)NAN;
                tests += isnan(p[count]) ? 0 : 1;
                count += row->n >= (row->last ? 2 : 1); /* one seed has a difference, but no test */
            }
        if (outcome == STATUS_OK) {
            tests_holm(count, p, adjusted);
            for (size_t i = 0; i < count; i++) rows[i].holm = adjusted[i];
            for (size_t i = 0; i < count; i++) /* the other direction has the same p */
                for (size_t j = 0; j < count; j++)
                    if (isnan(adjusted[i]) && rows[j].model == rows[i].other && rows[j].other == rows[i].model)
                        rows[i].holm = adjusted[j];
        }
        for (size_t i = 0; i < count && outcome == STATUS_OK; i++)
            outcome = put_row(db, experiment, &rows[i], tests, err);
        free(rows);
        free(p);
        TRY(outcome);
    }
    return STATUS_OK;
}

static status compare_experiment(results_db *db, const char *experiment, error_info *err) {
    entries all = {0};
    status outcome = read_entries(db, experiment, &all, err);
    group *groups = calloc(all.count + 1, sizeof *groups);
    size_t count = 0;
    if (outcome == STATUS_OK && !groups) outcome = error_set(err, STATUS_MEMORY, "out of memory to compare models");
    for (size_t i = 0; i < all.count && outcome == STATUS_OK; i++) {
        const entry *one = &all.items[i];
        if (i == 0 || strcmp(one->dataset, one[-1].dataset) != 0 || strcmp(one->model, one[-1].model) != 0)
            groups[count++].first = one;
        groups[count - 1].count++;
    }
    for (int q = 0; q < QUANTITIES && outcome == STATUS_OK && count > 1; q++)
        outcome = compare_quantity(db, experiment, count, groups, q, err);
    free(groups);
    free(all.items);
    return outcome;
}

typedef struct compared_experiment {
    char name[DB_NAME_MAX];
    bool swept; /* it has points of a sweep, which are compared one by one */
} compared_experiment;

status db_compare(results_db *db, error_info *err) {
    if (!db->outdated) return STATUS_OK;
    sqlite3_stmt *rows;
    bool more;
    status outcome;
    size_t count = 0;
    compared_experiment *list = NULL;
    TRY(db_select(db, STATEMENT_EACH_EXPERIMENT_NAME, &rows, err, ""));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        void *longer = realloc(list, (count + 1) * sizeof *list);
        if (!longer) {
            outcome = error_set(err, STATUS_MEMORY, "out of memory for the names of experiments");
            sqlite3_reset(rows);
            break;
        }
        list = longer;
        sqlite3_snprintf(sizeof list[count].name, list[count].name, "%s", db_text(rows, 0));
        list[count++].swept = sqlite3_column_int(rows, 1) != 0;
    }
    if (outcome == STATUS_OK) outcome = db_write(db, STATEMENT_DROP_COMPARISONS, err, "");
    if (outcome == STATUS_OK) outcome = db_write(db, STATEMENT_DROP_SWEEP_COMPARISONS, err, "");
    if (outcome == STATUS_OK) outcome = db_write(db, STATEMENT_DROP_SWEEP_TERMS, err, "");
    for (size_t i = 0; i < count && outcome == STATUS_OK; i++)
        outcome = list[i].swept ? db_compare_sweep(db, list[i].name, err) : compare_experiment(db, list[i].name, err);
    free(list);
    if (outcome == STATUS_OK) outcome = db_write(db, STATEMENT_DROP_OUTDATED, err, "");
    db->outdated = outcome != STATUS_OK;
    return outcome == STATUS_OK ? db_commit(db, err) : outcome;
}

status db_comparisons_outdated(results_db *db, bool *out, error_info *err) {
    long rows;
    TRY(db_read_number(db, "SELECT count(*) FROM meta WHERE key = 'outdated'", 0, &rows, err));
    *out = rows > 0 && !db->shard;
    return STATUS_OK;
}

status db_outdate_comparisons(results_db *db, error_info *err) {
    if (db->shard) return STATUS_OK;
    db->outdated = true;
    return db_write(db, STATEMENT_PUT_OUTDATED, err, "");
}

void db_leave_comparisons(results_db *db) {
    db->outdated = false;
}
