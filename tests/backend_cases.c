/* backend_cases.c - the cases, and their comparison. */
#include "backend_cases_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/memory.h"
#include "base/random.h"

void case_must(status outcome) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "backend cases: status %d\n", (int)outcome);
    abort();
}

/* Allocate n reals on the device: zeros; random numbers in (-range, range), different in each call; given bytes. */
real *case_room(work *w, size_t n) {
    real *x;
    case_must(BACKEND_NEW(w->backend, &w->memory, n, &x));
    return x;
}
double *case_room_double(work *w, size_t n) {
    double *x;
    case_must(BACKEND_NEW(w->backend, &w->memory, n, &x));
    return x;
}
real *case_drawn(work *w, size_t n, double range) {
    const random_stream stream = {.seed = 21, .purpose = RANDOM_PROBE, .iteration = ++w->draws};
    real *x, *host = malloc(n * sizeof *host);
    if (!host) case_must(STATUS_MEMORY);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_uniform4(stream, i, 0, u);
        host[i] = (real)(range * (2 * u[0] - 1));
    }
    x = case_room(w, n);
    w->backend->copy_to_device(w->backend, n * sizeof *x, host, x);
    free(host);
    return x;
}

/* Numbers in double on the device. */
static double *doubles(work *w, size_t n, const double *values) {
    double *x = case_room_double(w, n);
    w->backend->copy_to_device(w->backend, n * sizeof *x, values, x);
    return x;
}
static const double *one_double(work *w, double value) {
    return doubles(w, 1, &value);
}

void case_give(work *w, size_t n, double *values) {
    if (w->count == RESULTS_MAX) case_must(STATUS_MEMORY);
    w->length[w->count] = n;
    w->results[w->count++] = values;
}
double *case_values(work *w, size_t n) {
    double *x;
    case_must(ARENA_NEW(&w->memory, n, &x));
    return x;
}

/* Record a result of the operation: n reals, n doubles, or one number. */
void case_result(work *w, size_t n, const real *x) {
    double *all = case_values(w, n);
    real *host = malloc((n + 1) * sizeof *host);
    if (!host) case_must(STATUS_MEMORY);
    w->backend->copy_to_host(w->backend, n * sizeof *x, x, host);
    for (size_t i = 0; i < n; i++) all[i] = (double)host[i];
    free(host);
    case_give(w, n, all);
}
void case_result_double(work *w, size_t n, const double *x) {
    double *all = case_values(w, n);
    w->backend->copy_to_host(w->backend, n * sizeof *x, x, all);
    case_give(w, n, all);
}
static void result_number(work *w, double x) {
    double *one = case_values(w, 1);
    *one = x;
    case_give(w, 1, one);
}

/* --- Vectors --- */

static const size_t lengths[] = {1, 15, 16, 1027};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void run_moves(work *w) {
    const backend_ops *b = w->backend;
    for (size_t i = 0; i < LENGTHS; i++) {
        const size_t n = lengths[i];
        real *x = case_drawn(w, n, 3), *y = case_room(w, n), *z = case_drawn(w, 3 * n, 1);
        b->copy(b, n, x, y);
        b->scale(b, n, 0.3, x, x);
        b->scale_by(b, n, one_double(w, 1.0 / 7), x, x);
        b->fill(b, n, 3, 1.0 / 3, z + 1);
        b->add_rows(b, 1, n, y, 0, x);
        case_result(w, n, x);
        case_result(w, n, y);
        case_result(w, 3 * n, z);
        b->zero(b, n, y);
        case_result(w, n, y);
    }
}

/* Numbers of every size, including the smallest and the largest; also in place. */
static void run_round(work *w) {
    const backend_ops *b = w->backend;
    enum { SIZES = 277, EACH = 5 };
    for (conv_math math = MATH_TF32; math < CONV_MATHS; math++) {
        real *x = case_drawn(w, SIZES * EACH, 1), *y = case_room(w, SIZES * EACH);
        for (int i = 0; i < SIZES; i++) b->scale(b, EACH, ldexp(1, i - 149), x + i * EACH, x + i * EACH);
        b->round(b, SIZES * EACH, math, x, y);
        b->round(b, SIZES, math, x, x);
        case_result(w, SIZES * EACH, y);
        case_result(w, SIZES, x);
    }
}

static void run_rows(work *w) {
    const backend_ops *b = w->backend;
    enum { ROWS = 7, COLUMNS = 19, APART = 23 };
    real *x = case_drawn(w, ROWS * APART, 1), *y = case_drawn(w, ROWS * APART, 1), *sum = case_drawn(w, COLUMNS, 1);
    real *turned = case_room(w, ROWS * APART), *same = case_room(w, ROWS * COLUMNS);
    b->copy_rows(b, ROWS, COLUMNS, x, APART, y, COLUMNS + 1);
    b->copy_rows(b, ROWS, COLUMNS, x, 0, same, COLUMNS);
    b->transpose(b, ROWS, APART, x, turned);
    b->add_rows(b, ROWS, COLUMNS, x, APART, sum);
    case_result(w, ROWS * APART, y);
    case_result(w, ROWS * COLUMNS, same);
    case_result(w, ROWS * APART, turned);
    case_result(w, COLUMNS, sum);
}

/* Slots of x and of y, and one case in which source and destination are equal. */
static void run_slots(work *w) {
    const backend_ops *b = w->backend;
    enum { N = 300, SLOTS = 3 };
    for (size_t slot = 0; slot < SLOTS; slot++) {
        real *x = case_drawn(w, SLOTS * N, 1), *y = case_drawn(w, SLOTS * N, 1);
        size_t *which;
        case_must(BACKEND_NEW(b, &w->memory, 1, &which));
        b->copy_to_device(b, sizeof slot, &slot, which);
        b->copy_slot(b, N, which, x, N, y, 0);
        b->copy_slot(b, N - 1, which, x + N, 0, y, N);
        b->copy_slot(b, N, which, x, N, x, 0);
        case_result(w, SLOTS * N, x);
        case_result(w, SLOTS * N, y);
    }
}

static void run_product(work *w) {
    real *y = case_room(w, 1);
    w->backend->product(w->backend, one_double(w, 1.0 / 3), one_double(w, -0.7), y);
    case_result(w, 1, y);
}

static void run_combine(work *w) {
    const backend_ops *b = w->backend;
    const double *weight = doubles(w, 4, (const double[]){0.5, 0, 1.0 / 3, -2});
    for (size_t i = 0; i < LENGTHS; i++) {
        const size_t n = lengths[i];
        const real *k[] = {case_drawn(w, n, 1), case_drawn(w, n, 1), case_drawn(w, n, 1), case_drawn(w, n, 1)};
        real *x = case_drawn(w, n, 1), *y = case_room(w, n);
        b->combine(b, n, x, 4, weight, k, y);
        b->combine(b, n, x, 0, weight, k, x);
        case_result(w, n, y);
        case_result(w, n, x);
    }
}

static void run_adam(work *w) {
    const backend_ops *b = w->backend;
    const adam_step step = {.beta1 = 0.9, .beta2 = 0.999, .step_size = 0.01, .root_correction = 0.5, .epsilon = 1e-8};
    enum { N = 135 };
    real *g = case_drawn(w, N, 1), *m = case_drawn(w, N, 1), *v = case_drawn(w, N, 1), *p = case_drawn(w, N, 1),
         *square = case_room(w, N);
    const real *term = square;
    b->tanh(b, N, v, square);
    b->combine(b, N, square, 1, one_double(w, 1), &term, v); /* some are negative: NaN on every backend */
    b->adam(b, N, &step, g, m, v, p);
    case_result(w, N, m);
    case_result(w, N, v);
    case_result(w, N, p);
}

static void result_error(work *w, const error_norm *norm, size_t terms, const double *weight, const real *const *k,
                         const real *y, const real *next) {
    double *size = case_room_double(w, 1);
    w->backend->measure_error(w->backend, norm, terms, weight, k, y, next, size);
    case_result_double(w, 1, size);
}

static void run_error(work *w) {
    const backend_ops *b = w->backend;
    const double *weight = doubles(w, 3, (const double[]){0.1, 0, -0.2});
    const size_t n = 1900, parts[] = {1500, 1, 300};
    const real *k[] = {case_drawn(w, n, 1), case_drawn(w, n, 1), case_drawn(w, n, 1)};
    real *y = case_drawn(w, n, 2), *next = case_drawn(w, n, 2);
    error_norm norm = {.atol = 1e-3, .rtol = 1e-2, .parts = 3, .length = parts};
    result_error(w, &norm, 3, weight, k, y, next);
    norm.finite = n;
    result_error(w, &norm, 3, weight, k, y, next);
    norm.parts = 1;
    result_error(w, &norm, 2, weight, k, y, y);
    result_number(w, b->is_finite(b, n, next));
    b->fill(b, 1, 1, INFINITY, next + n - 1); /* outside of all parts */
    result_error(w, &norm, 3, weight, k, y, next);
    result_number(w, b->is_finite(b, n, next));
    norm.finite = 0;
    result_error(w, &norm, 3, weight, k, y, next);
}

static void run_sums(work *w) {
    const backend_ops *b = w->backend;
    enum { N = 37, D = 29 };
    double *sums = case_room_double(w, N), *squares = case_room_double(w, N);
    real *x = case_drawn(w, N * D, 2);
    b->accumulate(b, N, x, sums);
    b->accumulate(b, N, x + N, sums);
    b->squares(b, N, D, x, squares);
    case_result_double(w, N, sums);
    case_result_double(w, N, squares);
}

/* --- Networks --- */

static void run_matmul(work *w) {
    const backend_ops *b = w->backend;
    enum { M = 7, N = 45, K = 13 };
    real *x = case_drawn(w, M * K, 1), *y = case_drawn(w, K * N, 1), *bias = case_drawn(w, N, 1),
         *z = case_room(w, M * N);
    b->matmul(b, M, N, K, x, K, 1, y, bias, z);
    case_result(w, M * N, z);
    b->matmul(b, M, N, K, x, 1, M, y, NULL, z);
    case_result(w, M * N, z);
}

static void run_apply(work *w) {
    const backend_ops *b = w->backend;
    const size_t shapes[][2] = {{1, 1}, {40, 3}, {1153, 10}, {33, 16}, {29, 43}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t rows = shapes[i][0], columns = shapes[i][1];
        real *matrix = case_drawn(w, rows * columns, 1), *bias = case_drawn(w, rows, 1), *x = case_drawn(w, columns, 1);
        real *y = case_room(w, rows), *ybar = case_drawn(w, rows, 1);
        real *matrix_bar = case_drawn(w, rows * columns, 1), *bias_bar = case_drawn(w, rows, 1),
             *xbar = case_drawn(w, columns, 1);
        b->apply(b, rows, columns, matrix, bias, x, y);
        case_result(w, rows, y);
        b->apply(b, rows, columns, matrix, NULL, x, y);
        case_result(w, rows, y);
        b->apply_backward(b, rows, columns, matrix, x, ybar, matrix_bar, bias_bar, xbar);
        b->apply_backward(b, rows, columns, matrix, x, ybar, matrix_bar, NULL, xbar);
        case_result(w, rows * columns, matrix_bar);
        case_result(w, rows, bias_bar);
        case_result(w, columns, xbar);
    }
}

static void run_curves(work *w) {
    const backend_ops *b = w->backend;
    enum { N = 1003 };
    real *x = case_drawn(w, N, 12), *y = case_room(w, N), *bar = case_drawn(w, N, 1);
    b->tanh(b, N, x, y);
    b->tanh_backward(b, N, y, bar);
    case_result(w, N, y);
    case_result(w, N, bar);
    b->sigmoid(b, N, x, y);
    case_result(w, N, y);
    b->elu(b, N, x, y);
    b->elu_backward(b, N, y, bar);
    case_result(w, N, y);
    case_result(w, N, bar);
}

static void run_gate(work *w) {
    const backend_ops *b = w->backend;
    enum { ROWS = 21, COLUMNS = 45 };
    real *gate = case_drawn(w, ROWS, 1), *x = case_drawn(w, ROWS * COLUMNS, 1), *bias = case_drawn(w, ROWS, 1);
    real *y = case_room(w, ROWS * COLUMNS), *shift = case_drawn(w, ROWS, 1), *ybar = case_drawn(w, ROWS * COLUMNS, 1);
    real *x_bar = case_drawn(w, ROWS * COLUMNS, 1), *bias_bar = case_drawn(w, ROWS, 1),
         *shift_bar = case_drawn(w, ROWS, 1);
    b->gate(b, ROWS, COLUMNS, gate, x, bias, y, shift);
    b->gate_backward(b, ROWS, COLUMNS, gate, x, bias, ybar, x_bar, bias_bar, shift_bar);
    case_result(w, ROWS * COLUMNS, y);
    case_result(w, ROWS, shift);
    case_result(w, ROWS * COLUMNS, x_bar);
    case_result(w, ROWS, bias_bar);
    case_result(w, ROWS, shift_bar);
}

static void run_time(work *w) {
    const backend_ops *b = w->backend;
    real *a = case_drawn(w, 2000, 1), *c = case_drawn(w, 2000, 1), *root = case_drawn(w, 1, 1),
         *bar = case_drawn(w, 1, 1);
    const double *s = one_double(w, 0.7);
    const dot_terms terms = {3, {1500, 3, 6}, {a, NULL, a + 1500}, {c, c, c + 1500}};
    b->time_backward(b, &terms, s, a, root, bar);
    case_result(w, 1, bar);
    b->time_backward(b, &terms, s, NULL, root, bar);
    case_result(w, 1, bar);
}

/* --- The table --- */

#ifdef AFFJORD_DOUBLE
#define SUMMED 1e-13
#else
#define SUMMED 1e-5
#endif

static const struct {
    const char *name;
    void (*run)(work *w);
    double tolerance; /* 0: a fixed sequence of IEEE operations, so results are bit-identical */
} cases[] = {
    {"moves", run_moves, 0},
    {"rows", run_rows, 0},
    {"round", run_round, 0},
    {"slots", run_slots, 0},
    {"product", run_product, 0},
    {"control", case_control, 0},
    {"grid", case_grid, 0},
    {"repeat", case_repeat, 0},
    {"combine", run_combine, 0},
    {"adam", run_adam, 0},
    {"error", run_error, 1e-12},
    {"sums", run_sums, 1e-14},
    {"matmul", run_matmul, SUMMED},
    {"apply", run_apply, SUMMED},
    {"curves", run_curves, 1e-6},
    {"gate", run_gate, SUMMED},
    {"time", run_time, 1e-6},
    {"dual", case_dual, SUMMED},
    {"bias", case_bias, SUMMED},
    {"products", case_products, 1e-6},
    {"context", case_context, SUMMED},
    {"attention", case_attention, SUMMED},
    {"conv", case_conv, SUMMED},
    {"logit", case_logit, 1e-6},
    {"squeeze", case_squeeze, 0},
};

size_t backend_case_count(void) {
    return sizeof cases / sizeof *cases;
}

const char *backend_case_name(size_t index) {
    return cases[index].name;
}

/* NaN equals NaN, whatever its bits; 0 is not -0. */
static bool same(double a, double b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static bool compare(size_t index, const work *a, const work *b, bool exact, char *err, size_t size) {
    for (size_t r = 0; r < a->count; r++) {
        double largest = 0;
        for (size_t i = 0; i < a->length[r]; i++)
            if (fabs(a->results[r][i]) > largest) largest = fabs(a->results[r][i]);
        for (size_t i = 0; i < a->length[r]; i++) {
            const double x = a->results[r][i], y = b->results[r][i];
            if (same(x, y) || (!exact && fabs(x - y) <= cases[index].tolerance * largest)) continue;
            snprintf(err, size, "%s on %s: result %zu, number %zu is %a, on %s %a", cases[index].name, b->backend->name,
                     r, i, y, a->backend->name, x);
            return false;
        }
    }
    return true;
}

bool backend_case_agrees(size_t index, const backend_ops *reference, const backend_ops *other, bool exact, char *err,
                         size_t size) {
    work a = {.backend = reference}, b = {.backend = other};
    cases[index].run(&a);
    cases[index].run(&b);
    const bool agrees = compare(index, &a, &b, exact || cases[index].tolerance == 0, err, size);
    arena_release(&a.memory);
    arena_release(&b.memory);
    return agrees;
}
