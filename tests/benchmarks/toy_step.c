/* toy_step.c - processor milliseconds of the toy training step, for comparison with tests/benchmarks/jax_toy.py.
 *
 *   toy_step ffjord|affjord STEPS
 *
 * The step of `./run bench toy` on one thread, with a clock that does not count the time of other programs. Prints
 * model, median, minimum and number of steps, after a first step that is not timed. AFFJORD_SIMD selects the kernels.
 * It needs the library alone, so that it can be built against any commit's, FOLDER/build/libaffjord.a:
 *
 *   gcc -std=c11 -D_GNU_SOURCE -O2 -IFOLDER/core -o toy_step toy_step.c FOLDER/build/libaffjord.a LIBRARIES
 *
 * LIBRARIES are CORE_LIBS of the Makefile. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train/trainer.h"

enum { STEPS_MAX = 1000 };

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments) {
    const size_t steps = count == 3 ? strtoul(arguments[2], NULL, 10) : 0;
    const bool augmented = count == 3 && strcmp(arguments[1], "affjord") == 0;
    if (!steps || steps > STEPS_MAX || (!augmented && strcmp(arguments[1], "ffjord") != 0)) {
        fprintf(stderr, "toy_step ffjord|affjord STEPS\n");
        return 2;
    }
    const objective_spec loss = {.flow = {.dimension = 2,
                                          .width = 64,
                                          .context = augmented ? CONTEXT_AUGMENTED : CONTEXT_CLOCK,
                                          .join = augmented,
                                          .hypernet_layers = 2,
                                          .hypernet_width = 32,
                                          .augmented_dimension = 2,
                                          .augmented_width = 3,
                                          .end_time = 10,
                                          .base_variance = 1,
                                          .solver = TABLEAU_RK4,
                                          .steps = 40},
                                 .batch = 512,
                                 .validation = 1};
    const trainer_spec adam = {
        .iterations = UINT64_MAX, .epoch_iterations = UINT64_MAX, .learning_rate = 1e-3, .stop_loss = -INFINITY};
    double milliseconds[STEPS_MAX];
    error_info err = {""};
    dataset *data = NULL;
    objective *obj = NULL;
    trainer *training = NULL;
    if (dataset_open("hash_gaussian", &data, &err) != STATUS_OK ||
        objective_create(&loss, (objective_data){.points = data}, NULL, &obj, &err) != STATUS_OK ||
        trainer_create(&adam, &obj, &training, &err) != STATUS_OK) {
        fprintf(stderr, "toy_step: %s\n", err.text);
        return 1;
    }
    for (size_t k = 0; k <= steps; k++) {
        bool done;
        trainer_epoch epoch;
        const double start = processor_seconds();
        if (trainer_step(training, NULL, &done, &epoch) < 0) return 1;
        if (k > 0) milliseconds[k - 1] = 1e3 * (processor_seconds() - start);
    }
    qsort(milliseconds, steps, sizeof *milliseconds, compare);
    printf("%s, %.2f, %.2f, %zu\n", arguments[1], milliseconds[steps / 2], milliseconds[0], steps);
    trainer_destroy(&training);
    dataset_close(&data);
    return 0;
}
