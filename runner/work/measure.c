/* measure.c - final losses with many points, a control variate and a finer solve. */
#include "work/measure.h"

#include <math.h>
#include <stdlib.h>

#include "backend/memory.h"
#include "data/image_batch.h"
#include "flow/chain.h"
#include "model/specification.h"

enum { TARGET_SEED = 1 }; /* purpose of points that no figure shows */

size_t measure_points_of(const settings *values, const dataset *data) {
    const uint64_t trained = specification_trained(values, values->train_iterations);
    uint64_t n = values->output_measure;
    if (n > trained / MEASURE_SHARE) n = trained / MEASURE_SHARE;
    if (n < MEASURE_LEAST || !dataset_is_drawn(data)) return 0;
    return (size_t)n;
}

/* Mean of x (n) less that of y (n, or NULL for zeros), and the standard error of paired differences. */
static measured mean_of(size_t n, const double *x, const double *y) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] - (y ? y[i] : 0);
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = x[i] - (y ? y[i] : 0) - mean;
        squares += off * off;
    }
    return (measured){.mean = mean, .error = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN};
}

measure_target measure_target_of(const dataset *data) {
    measure_target target = {.data = data};
    target.known = dataset_entropy(data, &target.entropy);
    return target;
}

/* log_density (n) <- log p; false if it is not known. */
static bool density_of(const measure_target *target, size_t n, const real *x, double *log_density) {
    const size_t D = dataset_dimension(target->data);
    double *point = calloc(D, sizeof *point);
    bool known = point && target->known;
    for (size_t i = 0; known && i < n; i++) {
        for (size_t d = 0; d < D; d++) point[d] = (double)x[i * D + d];
        known = dataset_log_density(target->data, point, &log_density[i]);
    }
    free(point);
    return known;
}

/* log_density (n) <- log q by the settings' flow. */
static status model_density(const settings *values, size_t D, parallel *workers, const real *params, real *x, size_t n,
                            model_stop *stop, void *argument, bool *stopped, double *log_density, error_info *err) {
    const specification_shape shape = {.dimension = D};
    model *flow;
    TRY(model_build(values, &shape, NULL, workers, NULL, &flow, err));
    model_lend(flow, params);
    flow->stop = stop, flow->stop_argument = argument;
    const status outcome =
        model_transform(flow, (model_rows){.reals = x}, 0, n, 0, (model_rows){.reals = NULL}, log_density, err);
    *stopped = stop && stop(argument);
    model_close(&flow);
    /* A failed solve leaves the numbers NaN and the training unchanged. */
    for (size_t i = 0; outcome > STATUS_OK && i < n; i++) log_density[i] = (double)NAN;
    return outcome > STATUS_OK ? STATUS_OK : outcome;
}

static measured shifted(double by, measured x) {
    return (measured){.mean = by + x.mean, .error = x.error};
}

static measured negative(measured x) {
    return (measured){.mean = -x.mean, .error = x.error};
}

status measure_points(const settings *values, const measure_target *target, parallel *workers, const real *params,
                      size_t n, model_stop *stop, void *argument, bool *stopped, measurement *out, error_info *err) {
    const size_t D = dataset_dimension(target->data), part = n / MEASURE_FINER;
    settings usual = *values;
    specification_evaluate(&usual);
    settings finer = usual;
    real *x = calloc(n * D, sizeof *x);
    double *p = calloc(2 * n + part, sizeof *p), *q = p + n, *fine = q + n;
    status outcome = x && p ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory to measure with %zu points", n);
    finer.solver_steps *= MEASURE_FINER;
    finer.solver_atol /= MEASURE_TIGHTER, finer.solver_rtol /= MEASURE_TIGHTER;
    *stopped = false;
    if (outcome == STATUS_OK) {
        dataset_batch(target->data, SPLIT_TARGET, TARGET_SEED, 0, 0, n, x);
        outcome = model_density(&usual, D, workers, params, x, n, stop, argument, stopped, q, err);
    }
    if (outcome == STATUS_OK && !*stopped)
        outcome = model_density(&finer, D, workers, params, x, part, stop, argument, stopped, fine, err);
    if (outcome == STATUS_OK && !*stopped) {
        const bool known = density_of(target, n, x, p);
        out->loss = negative(mean_of(n, q, NULL));
        out->best = known ? shifted(target->entropy, mean_of(n, p, q)) : out->loss;
        out->change = negative(mean_of(part, fine, q));
        out->fine =
            (measured){.mean = out->best.mean + out->change.mean, .error = hypot(out->best.error, out->change.error)};
    }
    free(x);
    free(p);
    return outcome;
}

status measure_offset(const settings *values, const measure_target *target, uint64_t seed, bool *known, double *offset,
                      error_info *err) {
    const size_t D = dataset_dimension(target->data), n = values->train_validation;
    *known = target->known;
    if (!*known) return STATUS_OK;
    real *x = calloc(n * D, sizeof *x);
    double *p = calloc(n, sizeof *p);
    status outcome = x && p ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory for %zu points", n);
    if (outcome == STATUS_OK) {
        dataset_batch(target->data, SPLIT_VALIDATION, seed, 0, 0, n, x);
        *known = density_of(target, n, x, p);
        if (*known) *offset = -mean_of(n, p, NULL).mean - target->entropy;
    }
    free(x);
    free(p);
    return outcome;
}

/* --- The field --- */

enum { FIELD_POINTS = MEASURE_FIELD_CELLS * MEASURE_FIELD_CELLS };

/* sums[0] += mean square of now (FIELD_POINTS, 2); sums[1] <- mean square of now - before; before <- now. */
static void add_change(const real *now, real *before, double sums[2]) {
    sums[1] = 0;
    for (size_t i = 0; i < 2 * (size_t)FIELD_POINTS; i++) {
        const double rate = (double)now[i], by = rate - (double)before[i];
        sums[0] += rate * rate / FIELD_POINTS;
        sums[1] += by * by / FIELD_POINTS;
        before[i] = now[i];
    }
}

status measure_field_change(cnf *flow, const real *params, const double window[4], const standard *units, double *out,
                            error_info *err) {
    const cnf_spec *spec = cnf_specification(flow);
    const size_t steps = cnf_moment_steps(flow), C = cnf_context_dimension(spec);
    real *points = calloc(6 * (size_t)FIELD_POINTS + C, sizeof *points), *rates = points + 2 * (size_t)FIELD_POINTS,
         *before = rates + 2 * (size_t)FIELD_POINTS, *context = before + 2 * (size_t)FIELD_POINTS;
    status outcome = points ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory for the change of a field");
    double sums[2] = {0}, fastest = 0, time_before = 0;
    for (size_t i = 0; points && i < FIELD_POINTS; i++) {
        double centre[2];
        outputs_cell_centre(window, MEASURE_FIELD_CELLS, i, centre);
        standard_take(units, 2, centre, 1, points + 2 * i);
    }
    for (size_t step = 0; step < steps && outcome == STATUS_OK; step++) {
        const double time = cnf_moment_time(flow, params, step), passed = time - time_before;
        outcome = cnf_moment_field(flow, params, step, points, FIELD_POINTS, rates, context);
        if (outcome != STATUS_OK) {
            cnf_explain(flow, outcome, err);
            break;
        }
        add_change(rates, before, sums);
        if (step > 0 && passed > 0) fastest = fmax(fastest, sqrt(sums[1]) / passed);
        time_before = time;
    }
    *out = steps < 2 ? (double)NAN : fastest / sqrt(sums[0] / (double)steps);
    free(points);
    return outcome;
}

/* --- Images --- */

size_t measure_images_of(const settings *values, const image_set *set) {
    const uint64_t trained = specification_trained(values, values->train_iterations);
    uint64_t n = set->size[objective_validation_split(set)];
    if (values->train_validation > 0 && n > values->train_validation) n = values->train_validation;
    if (n > trained / MEASURE_SHARE) n = trained / MEASURE_SHARE;
    if (n > values->output_measure) n = values->output_measure;
    return n < values->train_batch ? 0 : (size_t)n;
}

/* Constants of all solves of a measurement. */
typedef struct imaging {
    const image_set *set;
    image_split split;
    size_t first; /* image of the split */
    uint64_t stream; /* number of the first batch's probes */
    uint64_t seed;
    parallel *workers;
    const backend_ops *device;
    const real *params;
    model_stop *stop;
    void *argument;
} imaging;

/* bits (n) <- bits of each image by the settings' model, in the batches of a validation. *evaluations <- evaluations
 * of all flows, mean over batches. A failed solve leaves them NaN. */
static status solve_images(const imaging *by, chain *images, const real *params, size_t n, real *x, double *bits,
                           double *evaluations) {
    const size_t D = chain_dimension(images), batch = chain_batch(images);
    chain_statistics statistics;
    double batches = 0;
    *evaluations = 0;
    for (size_t first = 0; first < n; first += batch, batches++) {
        const size_t part = n - first < batch ? n - first : batch;
        const random_stream probe = {
            .seed = by->seed, .purpose = RANDOM_TEST_PROBE, .iteration = by->stream + first / batch};
        if (by->stop && by->stop(by->argument)) return STATUS_OK;
        image_batch(by->set, by->split, by->seed, by->first + first, part, false, IMAGE_CHANNEL_LAST, x);
        const status outcome = chain_transform(images, params, x, part, probe, NULL, bits + first, &statistics);
        for (size_t i = first; i < first + part; i++)
            bits[i] = outcome == STATUS_OK ? bits_per_dim(bits[i], D) : (double)NAN;
        if (outcome < STATUS_OK) return outcome;
        for (size_t f = 0; f < statistics.flow_count; f++)
            *evaluations += (double)statistics.flows[f].forward.evaluations;
    }
    *evaluations /= batches;
    return STATUS_OK;
}

static status image_bits(const imaging *by, const settings *values, size_t n, double *bits, double *evaluations,
                         error_info *err) {
    const size_t shape[3] = {by->set->channels, by->set->height, by->set->width}, batch = values->train_batch;
    chain_spec spec;
    chain *images = NULL;
    arena memory = {0};
    real *params = NULL;
    specification_chain(values, shape, &spec);
    spec.backend = by->device;
    TRY(chain_create(&spec, batch, false, by->workers, &images, err));
    const size_t P = chain_parameters(images)->total;
    real *x = calloc(batch * chain_dimension(images), sizeof *x);
    status outcome = x ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK && by->device) {
        outcome = BACKEND_NEW(by->device, &memory, P, &params);
        if (outcome == STATUS_OK) by->device->copy_to_device(by->device, P * sizeof *params, by->params, params);
    }
    if (outcome == STATUS_OK) outcome = solve_images(by, images, params ? params : by->params, n, x, bits, evaluations);
    if (outcome == STATUS_MEMORY) outcome = error_set(err, outcome, "out of memory to measure with %zu images", n);
    free(x);
    arena_release(&memory);
    chain_destroy(&images);
    return outcome;
}

/* The settings with other tolerances; with fixed steps, with more steps if the tolerances are below
 * MEASURE_TOLERANCE. */
static settings with_tolerance(const settings *values, double most) {
    settings other = *values;
    other.solver_atol = fmin(values->solver_atol, most), other.solver_rtol = fmin(values->solver_rtol, most);
    if (most < MEASURE_TOLERANCE) other.solver_steps *= MEASURE_FINER;
    return other;
}

status measure_images(const settings *trained, const image_set *set, uint64_t seed, parallel *workers,
                      const backend_ops *device, const real *params, size_t n, model_stop *stop, void *argument,
                      bool *stopped, image_measurement *out, error_info *err) {
    const imaging by = {set, objective_validation_split(set), 0, 0, seed, workers, device, params, stop, argument};
    settings solved = *trained;
    specification_evaluate(&solved);
    const settings *values = &solved;
    const size_t batch = values->train_batch, whole = n / MEASURE_FINER / batch * batch, part = whole ? whole : batch;
    const double tolerance = fmin(MEASURE_TOLERANCE, fmin(values->solver_atol, values->solver_rtol));
    const settings usual = with_tolerance(values, MEASURE_TOLERANCE),
                   finer = with_tolerance(values, tolerance / MEASURE_IMAGES_TIGHTER);
    double *bits = calloc(3 * n, sizeof *bits), unused;
    if (!bits) return error_set(err, STATUS_MEMORY, "out of memory to measure with %zu images", n);
    double *fine = bits + n, *loose = fine + n;
    status outcome = image_bits(&by, &usual, n, bits, &unused, err);
    if (outcome == STATUS_OK) outcome = image_bits(&by, &finer, part, fine, &unused, err);
    out->best = mean_of(n, bits, NULL);
    out->change = mean_of(part, fine, bits);
    out->fine =
        (measured){.mean = out->best.mean + out->change.mean, .error = hypot(out->best.error, out->change.error)};
    for (int way = 0; way < MEASURE_WAYS && outcome == STATUS_OK; way++) {
        settings other = *values;
        other.solver_error_norm = (unsigned)way;
        out->ways[way] = out->ways[0];
        if (way > 0 && values->model_context == CONTEXT_CLOCK) continue; /* there is no z* */
        outcome = image_bits(&by, &other, part, loose, &out->ways[way].evaluations, err);
        out->ways[way].change = mean_of(part, fine, loose);
    }
    *stopped = stop && stop(argument);
    free(bits);
    return outcome;
}

/* Test images that are not validated on; all of them where all are. */
static size_t test_images(const settings *values, const image_set *set, size_t *first) {
    const size_t all = set->size[IMAGE_TEST], validated = values->train_validation > 0 ? values->train_validation : all;
    *first = objective_validation_split(set) == IMAGE_TEST && validated < all ? validated : 0;
    const size_t left = all - *first;
    return values->train_test > 0 && values->train_test < left ? values->train_test : left;
}

status measure_test_images(const settings *trained, const image_set *set, uint64_t seed, parallel *workers,
                           const real *params, size_t probes, measured out[2], error_info *err) {
    settings solved = *trained;
    specification_evaluate(&solved);
    const settings by_paper = with_tolerance(&solved, MEASURE_TOLERANCE);
    imaging by = {.set = set, .split = IMAGE_TEST, .seed = seed, .workers = workers, .params = params};
    const size_t n = test_images(&solved, set, &by.first), batch = solved.train_batch;
    double *bits = calloc(2 * n + 1, sizeof *bits), *sum = bits + n, unused;
    status outcome = bits ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory for %zu test images", n);
    for (size_t k = 0; k < probes && outcome == STATUS_OK; k++) {
        /* The first probes are those of the training's test batch. */
        by.stream = ((uint64_t)k << 32) + (by.first + batch - 1) / batch;
        outcome = image_bits(&by, &by_paper, n, bits, &unused, err);
        for (size_t i = 0; i < n; i++) sum[i] += bits[i] / (double)probes;
        if (k == 0) out[0] = mean_of(n, bits, NULL);
    }
    out[1] = mean_of(n, sum, NULL);
    free(bits);
    return outcome;
}

/* --- Names --- */

typedef struct named {
    const char *name, *error;
    measured value;
} named;

static status visit_all(size_t count, const named *all, measure_visit *visit, void *argument, error_info *err) {
    for (size_t i = 0; i < count; i++) {
        TRY(visit(argument, all[i].name, all[i].value.mean, err));
        TRY(visit(argument, all[i].error, all[i].value.error, err));
    }
    return STATUS_OK;
}

status measure_each(const measurement *from, measure_visit *visit, void *argument, error_info *err) {
    const named all[] = {{"final_loss_plain", "final_loss_plain_error", from->loss},
                         {"final_loss", "final_loss_error", from->best},
                         {"final_loss_fine", "final_loss_fine_error", from->fine},
                         {"solver_error", "solver_error_error", from->change}};
    return visit_all(sizeof all / sizeof *all, all, visit, argument, err);
}

status measure_each_of_images(const image_measurement *from, measure_visit *visit, void *argument, error_info *err) {
    const named all[] = {
        {"final_loss", "final_loss_error", from->best},
        {"final_loss_fine", "final_loss_fine_error", from->fine},
        {"solver_error", "solver_error_error", from->change},
        {"error_by_state_and_context", "error_by_state_and_context_error", from->ways[ERROR_STATE_AND_CONTEXT].change},
        {"error_by_state", "error_by_state_error", from->ways[ERROR_STATE].change}};
    TRY(visit_all(sizeof all / sizeof *all, all, visit, argument, err));
    TRY(visit(argument, "evaluations_by_state_and_context", from->ways[ERROR_STATE_AND_CONTEXT].evaluations, err));
    return visit(argument, "evaluations_by_state", from->ways[ERROR_STATE].evaluations, err);
}
