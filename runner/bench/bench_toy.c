/* bench_toy.c - `./run bench toy`: the training step of the toy experiments.
 *
 * Batch 512, classic Runge-Kutta with 40 steps (160 evaluations), width 64, exact trace, discrete gradient, Adam. The
 * cases alternate, so that a drift of the machine's speed affects all of them equally. */
#include "bench/bench_toy.h"

#include <math.h>
#include <stdio.h>

#include "bench/bench_peak.h"
#include "bench/bench_sort.h"
#include "system/clock.h"
#include "train/trainer.h"

enum { CASES_MAX = 16, THREADS_MAX = 2 };

typedef struct bench_case {
    char name[48];
    cpu_level level;
    size_t threads;
    trainer *training;
    double seconds[BENCH_REPEATS_MAX];
} bench_case;

objective_spec bench_toy_spec(cnf_context context, cpu_level level) {
    return (objective_spec){.flow = {.dimension = 2,
                                     .width = 64,
                                     .context = context,
                                     .join = context == CONTEXT_AUGMENTED,
                                     .hypernet_layers = 2,
                                     .hypernet_width = 32,
                                     .augmented_dimension = 2,
                                     .augmented_width = 3,
                                     .end_time = 10,
                                     .base_variance = 1,
                                     .solver = TABLEAU_RK4,
                                     .steps = 40,
                                     .backend = cpu_backend(level)},
                            .batch = 512,
                            .validation = 1};
}

/* Floating-point operations of one step, a fused multiply-add counted as two, of the field alone: for each hidden unit
 * of each point and evaluation, with D = 2 and T operations of a tanh,
 *   forward  h 2 D, tanh T, s 2, f 2 D, trace 2
 *   reverse  h 2 D, tanh T, s 2, r 2 + 2 D, hbar 1, bbar 1, zbar 2 D, wbar 2 D, ubar 2 D, cbar 2 */
static double step_operations(void) {
    const double D = 2, T = 16, units = 512.0 * 64 * 160;
    return units * (4 * D + 4 + T + 10 * D + 8 + T);
}

static status add_case(bench_case *cases, size_t *count, cnf_context context, cpu_level level, size_t threads,
                       const dataset *data, parallel *workers, error_info *err) {
    bench_case *one = &cases[*count];
    snprintf(one->name, sizeof one->name, "toy_step_%s_%s_%zu_thread%s",
             context == CONTEXT_CLOCK ? "ffjord" : "affjord", cpu_level_name(level), threads, threads > 1 ? "s" : "");
    one->level = level;
    one->threads = threads;
    const objective_spec spec = bench_toy_spec(context, level);
    const trainer_spec training = {.iterations = UINT64_MAX,
                                   .epoch_iterations = UINT64_MAX,
                                   .learning_rate = 1e-3,
                                   .stop_loss = -INFINITY,
                                   .backend = cpu_backend(level)};
    objective *obj;
    TRY(objective_create(&spec, (objective_data){.points = data}, workers, &obj, err));
    TRY(trainer_create(&training, &obj, &one->training, err));
    ++*count;
    return STATUS_OK;
}

static status time_cases(bench_case *cases, size_t count, const bench_options *options, error_info *err) {
    const size_t warm = options->brief ? 0 : 1; /* warm-up rounds */
    for (size_t r = 0; r < warm + options->repeats; r++)
        for (size_t i = 0; i < count; i++) {
            bool done;
            trainer_epoch epoch;
            const double start = clock_seconds();
            const status outcome = trainer_step(cases[i].training, NULL, &done, &epoch);
            if (outcome < 0) return error_set(err, outcome, "%s: the step failed", cases[i].name);
            if (r >= warm) cases[i].seconds[r - warm] = clock_seconds() - start;
        }
    return STATUS_OK;
}

static void report(bench_case *cases, size_t count, size_t repeats) {
    double peak[CPU_LEVELS];
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) peak[level] = bench_peak(level);
    printf("%-36s %12s %12s %8s  %s\n", "name", "median s", "minimum s", "repeats", "of the cores' peak");
    for (size_t i = 0; i < count; i++) {
        bench_sort(cases[i].seconds, repeats);
        const double median = cases[i].seconds[repeats / 2], limit = peak[cases[i].level] * (double)cases[i].threads;
        printf("%-36s %12.6f %12.6f %8zu  ", cases[i].name, median, cases[i].seconds[0], repeats);
        if (limit > 0) printf("%.0f%% of %.0f GFLOP/s\n", 100 * step_operations() / median / limit, limit / 1e9);
        else printf("-\n");
    }
}

static status add_level(bench_case *cases, size_t *count, cpu_level level, size_t threads_max, const dataset *data,
                        parallel *const *workers, error_info *err) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
        for (size_t threads = 1; threads <= threads_max; threads++)
            TRY(add_case(cases, count, context, level, threads, data, workers[threads], err));
    return STATUS_OK;
}

/* Every vector level of this processor; the portable one only if there is no other. */
static status add_cases(bench_case *cases, size_t *count, const bench_options *options, const dataset *data,
                        parallel *const *workers, error_info *err) {
    const cpu_level best = cpu_level_best();
    if (options->brief) return add_level(cases, count, best, 1, data, workers, err);
    for (cpu_level level = best < CPU_AVX2 ? best : CPU_AVX2; level <= best; level++)
        if (cpu_backend(level)) TRY(add_level(cases, count, level, THREADS_MAX, data, workers, err));
    return STATUS_OK;
}

int bench_toy(const bench_options *options) {
    static bench_case cases[CASES_MAX];
    size_t count = 0;
    error_info err = {""};
    dataset *data = NULL;
    parallel *workers[THREADS_MAX + 1] = {NULL};
    status outcome = dataset_open("hash_gaussian", &data, &err);
    if (outcome == STATUS_OK) outcome = parallel_create(THREADS_MAX, &workers[THREADS_MAX]);
    if (outcome == STATUS_OK) outcome = add_cases(cases, &count, options, data, workers, &err);
    if (outcome == STATUS_OK) outcome = time_cases(cases, count, options, &err);
    if (outcome == STATUS_OK) report(cases, count, options->repeats);
    else fprintf(stderr, "bench: %s\n", err.text);
    for (size_t i = 0; i < count; i++) trainer_destroy(&cases[i].training);
    parallel_destroy(&workers[THREADS_MAX]);
    dataset_close(&data);
    return outcome == STATUS_OK ? 0 : 1;
}
