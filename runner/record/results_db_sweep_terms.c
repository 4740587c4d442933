/* results_db_sweep_terms.c - the table `sweep_term`: the effect of each swept setting on the difference of two models.
 *
 * For each seed s, a linear model of the differences d_s(point) = loss of `other` - loss of `model` is fitted by least
 * squares:
 *
 *   d_s = b_0 + sum_a sum_l b_al x_al + sum_(a < c) sum_(l, m) b_alcm x_al x_cm,
 *   x_al = [value l of axis a] - 1 / count_a,    l = 1 .. count_a - 1,
 *
 * so that in a full product b_0 is the mean over the points, b_al the mean change from the first value of a to value l,
 * and b_alcm the change of that change from the first value of c to value m. A term's estimate is the mean of its b_s
 * over the seeds, its error their deviation / sqrt n: seeds are independent observations; points are not, because they
 * share a seed's data and the other model's runs. If the points do not determine all terms, interactions are
 * omitted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/results_db_sweep_internal.h"
#include "statistics/linear.h"
#include "statistics/tests.h"

enum { AXES_MAX = 64, TERM_MAX = 2048 };

typedef struct axis {
    char *name; /* "flow.end_time", "affjord: model.concat" */
    size_t level_count;
    char **levels; /* (level_count) */
} axis;

/* A column of the design: the product of one or two indicators. count 0: the intercept. */
typedef struct term {
    size_t count, axis[2], level[2];
} term;

typedef struct design {
    size_t axis_count, point_count, term_count;
    axis axes[AXES_MAX];
    uint64_t *points; /* (point_count), ascending */
    size_t *level; /* (point_count, axis_count) */
    term *terms; /* (term_count) */
} design;

static status fail_memory(error_info *err) {
    return error_set(err, STATUS_MEMORY, "out of memory for the terms of a sweep");
}

static void release(design *self) {
    for (size_t a = 0; a < self->axis_count; a++) {
        for (size_t l = 0; l < self->axes[a].level_count; l++) sqlite3_free(self->axes[a].levels[l]);
        free(self->axes[a].levels);
        sqlite3_free(self->axes[a].name);
    }
    free(self->points);
    free(self->level);
    free(self->terms);
}

/* Record the name of an axis and of one of its values. Values are listed in the order of the file; one may be at no
 * point. */
static status add_level(axis *to, sqlite3_stmt *row, size_t level, error_info *err) {
    if (!to->name) {
        const char *model = db_text(row, 2);
        to->name = sqlite3_mprintf("%s%s%s", model, *model ? ": " : "", db_text(row, 3));
        if (!to->name) return fail_memory(err);
    }
    if (level >= to->level_count) {
        char **longer = realloc(to->levels, (level + 1) * sizeof *longer);
        if (!longer) return fail_memory(err);
        to->levels = longer;
        while (to->level_count <= level) longer[to->level_count++] = NULL;
    }
    if (!to->levels[level]) to->levels[level] = sqlite3_mprintf("%s", db_text(row, 5));
    return to->levels[level] ? STATUS_OK : fail_memory(err);
}

/* Rows are ordered by point and axis. */
static status add_setting(design *self, sqlite3_stmt *row, size_t rows_before, error_info *err) {
    const uint64_t point = (uint64_t)sqlite3_column_int64(row, 0);
    const size_t a = (size_t)sqlite3_column_int64(row, 1), level = (size_t)sqlite3_column_int64(row, 4);
    if (a >= AXES_MAX) return error_set(err, STATUS_FORMAT, "a sweep has more than %d settings", AXES_MAX);
    if (self->point_count == 0 || self->points[self->point_count - 1] != point) {
        uint64_t *points = realloc(self->points, (self->point_count + 1) * sizeof *points);
        if (!points) return fail_memory(err);
        self->points = points;
        points[self->point_count++] = point;
    }
    size_t *levels = realloc(self->level, (rows_before + 1) * sizeof *levels);
    if (!levels) return fail_memory(err);
    self->level = levels;
    levels[rows_before] = level;
    if (a >= self->axis_count) self->axis_count = a + 1;
    return add_level(&self->axes[a], row, level, err);
}

static status read_design(results_db *db, const char *experiment, design *out, error_info *err) {
    sqlite3_stmt *rows;
    bool more;
    status outcome;
    size_t count = 0;
    TRY(db_select(db, STATEMENT_EACH_SWEPT_LEVEL, &rows, err, "t", experiment));
    while ((outcome = db_next(db, rows, &more, err)) == STATUS_OK && more) {
        outcome = add_setting(out, rows, count++, err);
        if (outcome == STATUS_OK) continue;
        sqlite3_reset(rows);
        return outcome;
    }
    if (outcome == STATUS_OK && count != out->point_count * out->axis_count)
        return error_set(err, STATUS_FORMAT, "the points of %s have not the same settings", experiment);
    return outcome;
}

static status add_term(design *self, term one, error_info *err) {
    term *longer = realloc(self->terms, (self->term_count + 1) * sizeof *longer);
    if (!longer) return fail_memory(err);
    self->terms = longer;
    longer[self->term_count++] = one;
    return STATUS_OK;
}

static status add_terms(design *self, bool interactions, error_info *err) {
    self->term_count = 0;
    TRY(add_term(self, (term){.count = 0}, err));
    for (size_t a = 0; a < self->axis_count; a++)
        for (size_t l = 1; l < self->axes[a].level_count; l++)
            TRY(add_term(self, (term){.count = 1, .axis = {a}, .level = {l}}, err));
    for (size_t a = 0; a < self->axis_count && interactions; a++)
        for (size_t l = 1; l < self->axes[a].level_count; l++)
            for (size_t c = a + 1; c < self->axis_count; c++)
                for (size_t m = 1; m < self->axes[c].level_count; m++)
                    TRY(add_term(self, (term){.count = 2, .axis = {a, c}, .level = {l, m}}, err));
    return STATUS_OK;
}

static double column(const design *self, const term *one, size_t p) {
    double x = 1;
    for (size_t i = 0; i < one->count; i++) {
        const size_t a = one->axis[i], level = self->level[p * self->axis_count + a];
        x *= (level == one->level[i] ? 1.0 : 0.0) - 1 / (double)self->axes[a].level_count;
    }
    return x;
}

static size_t find_point(const design *self, uint64_t point) {
    size_t low = 0, high = self->point_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (self->points[middle] < point) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* b (term_count) <- the fit of the differences of one seed; *fitted <- false if they do not determine it. */
static status fit_seed(const design *self, const sweep_differences *all, uint64_t seed, double *b, bool *fitted,
                       error_info *err) {
    const size_t p = self->term_count;
    double *X = calloc(all->count * p + 1, sizeof *X), *y = calloc(all->count + 1, sizeof *y);
    size_t n = 0;
    if (!X || !y) {
        free(X);
        free(y);
        return fail_memory(err);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].seed != seed) continue;
        const size_t at = find_point(self, all->items[i].point);
        for (size_t t = 0; t < p; t++) X[n * p + t] = column(self, &self->terms[t], at);
        y[n++] = all->items[i].difference;
    }
    *fitted = linear_fit(n, p, X, y, b);
    free(X);
    free(y);
    return STATUS_OK;
}

/* "flow.end_time = 1", "flow.end_time = 1 x solver.steps = 20" */
static void name_term(const design *self, const term *one, char text[TERM_MAX]) {
    sqlite3_snprintf(TERM_MAX, text, "%s", one->count == 0 ? "mean" : "");
    for (size_t i = 0; i < one->count; i++) {
        const axis *of = &self->axes[one->axis[i]];
        const char *level = of->levels ? of->levels[one->level[i]] : NULL;
        const size_t used = strlen(text);
        sqlite3_snprintf((int)(TERM_MAX - used), text + used, "%s%s = %s", i > 0 ? " x " : "", of->name,
                         level ? level : "");
    }
}

/* Write the terms from b (seeds, term_count). */
static status put_terms(results_db *db, const design *self, const sweep_differences *all, size_t seeds, const double *b,
                        error_info *err) {
    static const double zeros[TESTS_SEEDS_MAX] = {0}; /* one thread records */
    static double values[TESTS_SEEDS_MAX];
    const size_t count = self->term_count, n = seeds < TESTS_SEEDS_MAX ? seeds : TESTS_SEEDS_MAX;
    double *p = calloc(2 * count, sizeof *p), *holm = p + count;
    status outcome = p ? STATUS_OK : fail_memory(err);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t t = 0; t < count && outcome == STATUS_OK; t++) {
            char name[TERM_MAX];
            for (size_t s = 0; s < n; s++) values[s] = b[s * count + t];
            p[t] = tests_paired(n, zeros, values).p;
            if (pass == 0) continue;
            name_term(self, &self->terms[t], name);
            outcome = db_write(db, STATEMENT_PUT_SWEEP_TERM, err, "tttttuuddddu", all->experiment, all->dataset,
                               all->model, all->other, name, (uint64_t)self->terms[t].count, (uint64_t)n,
                               tests_mean(n, values), tests_deviation(n, values) / sqrt((double)n), p[t],
                               t == 0 ? (double)NAN : holm[t], (uint64_t)count - 1);
        }
        /* The mean is no effect of a setting, so it is not among the tests. */
        if (pass == 0 && outcome == STATUS_OK) tests_holm(count - 1, p + 1, holm + 1);
    }
    free(p);
    return outcome;
}

static status fit_all(results_db *db, const design *self, const sweep_differences *all, bool *fitted, error_info *err) {
    uint64_t *seen = calloc(all->count + 1, sizeof *seen);
    double *b = NULL;
    size_t seen_count = 0, seeds = 0;
    status outcome = seen ? STATUS_OK : fail_memory(err);
    for (size_t i = 0; i < all->count && outcome == STATUS_OK; i++) {
        bool known = false, one = false;
        for (size_t s = 0; s < seen_count && !known; s++) known = seen[s] == all->items[i].seed;
        if (known) continue;
        seen[seen_count++] = all->items[i].seed;
        double *longer = realloc(b, (seeds + 1) * self->term_count * sizeof *longer);
        if (!longer) {
            outcome = fail_memory(err);
            break;
        }
        b = longer;
        outcome = fit_seed(self, all, all->items[i].seed, b + seeds * self->term_count, &one, err);
        seeds += one;
    }
    *fitted = seeds >= (seen_count < 2 ? 1 : 2); /* one seed gives estimates without errors */
    if (outcome == STATUS_OK && *fitted) outcome = put_terms(db, self, all, seeds, b, err);
    free(b);
    free(seen);
    return outcome;
}

status db_put_sweep_terms(results_db *db, const sweep_differences *all, error_info *err) {
    design self = {.axis_count = 0};
    bool fitted = false;
    status outcome = read_design(db, all->experiment, &self, err);
    for (int interactions = 1; interactions >= 0 && outcome == STATUS_OK && !fitted; interactions--) {
        outcome = add_terms(&self, interactions == 1, err);
        if (outcome == STATUS_OK) outcome = fit_all(db, &self, all, &fitted, err);
    }
    release(&self);
    return outcome;
}
