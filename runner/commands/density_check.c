/* density_check.c - ./run eval --check-density: check whether a model's density integrates to 1.
 *
 *   mass = area of a cell * sum over cells of p(centre)
 *
 * The grid covers the model's own samples: in each column the range of all but the outermost thousandth at either end,
 * plus a quarter of that range on each side. No data are needed. Mass outside of the grid is not counted. */
#include "commands/density_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "work/outputs.h"

enum { SAMPLES = 10000, CELLS = 512, TAIL = SAMPLES / 1000 };

#define MARGIN 0.25 /* of the range, on each side */
#define MASS_TOLERANCE 0.01 /* a larger error prints a note with possible causes */

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* window (2 D) <- the ends of the grid in each column; `sorted` (SAMPLES) is scratch. */
static void find_window(const double *x, size_t D, double *sorted, double window[4]) {
    for (size_t d = 0; d < D; d++) {
        for (size_t i = 0; i < SAMPLES; i++) sorted[i] = x[i * D + d];
        qsort(sorted, SAMPLES, sizeof *sorted, compare);
        const double from = sorted[TAIL], to = sorted[SAMPLES - 1 - TAIL], margin = MARGIN * (to - from);
        window[2 * d] = from - margin;
        window[2 * d + 1] = to + margin;
    }
}

static status make_window(const model_request *args, model *trained, double window[4], error_info *err) {
    const size_t D = model_dimension(trained);
    double *x = calloc((D + 1) * SAMPLES, sizeof *x);
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %d samples", SAMPLES);
    const status outcome = model_sample(trained, args->seed, 0, SAMPLES, (model_rows){.doubles = x}, err);
    bool finite = true;
    for (size_t i = 0; i < D * SAMPLES; i++) finite &= isfinite(x[i]);
    if (outcome == STATUS_OK && finite) find_window(x, D, x + D * SAMPLES, window);
    free(x);
    if (outcome != STATUS_OK || finite) return outcome;
    return error_set(err, STATUS_NON_FINITE, "--check-density: samples of the model are not finite numbers");
}

/* The grid of a density. */
typedef struct grid {
    double window[4];
    size_t cells;
    float *p; /* (rows, cells) */
} grid;

static status compute_mass(const model_request *args, model *trained, void *argument, void *out, error_info *err) {
    const grid *self = argument;
    (void)args;
    TRY(outputs_density(trained, self->window, self->cells, self->p, err));
    *(double *)out = outputs_density_mass(self->p, model_dimension(trained), self->cells, self->window);
    return STATUS_OK;
}

static void print_mass(const model_request *args, const grid *self, size_t D, double mass) {
    const double *w = self->window;
    fprintf(args->messages, "mass %.6f: sum of p(x) over %zu", mass, self->cells);
    if (D == 2) fprintf(args->messages, " x %zu", self->cells);
    fprintf(args->messages, " cells of [%.4g, %.4g]", w[0], w[1]);
    if (D == 2) fprintf(args->messages, " x [%.4g, %.4g]", w[2], w[3]);
    fprintf(args->messages, "\n");
    if (!(fabs(mass - 1) <= MASS_TOLERANCE))
        fprintf(args->messages,
                "expected 1 within %g: compare with more --cells, and with a finer solver (--set solver.steps=N)\n",
                MASS_TOLERANCE);
}

status density_check(model_request *args, model *trained, error_info *err) {
    const size_t D = model_dimension(trained);
    grid self = {.cells = args->cells ? (size_t)args->cells : CELLS};
    double mass;
    void *before = NULL;
    if (trained->images || D > 2)
        return error_set(err, STATUS_INVALID, "--check-density: expected a model of 1 or 2 columns, found one of %zu",
                         D);
    TRY(make_window(args, trained, self.window, err));
    self.p = calloc(outputs_density_rows(D, self.cells) * self.cells, sizeof *self.p);
    if (!self.p) return error_set(err, STATUS_MEMORY, "out of memory for %zu cells a side", self.cells);
    const model_work work = {
        .compute = compute_mass, .argument = &self, .type = NPY_F64, .count = 1, .what = "the mass differs"};
    const status outcome = model_command_compute(args, trained, &work, &mass, &before, err);
    if (outcome == STATUS_OK) print_mass(args, &self, D, mass);
    free(before);
    free(self.p);
    return outcome;
}
