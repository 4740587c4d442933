/* image_step.c - processor seconds of training steps on images, for comparison with tests/benchmarks/torch_images.py.
 *
 *   image_step ffjord|affjord HIDDEN SIDE BATCH TOLERANCE [STEPS [ROUNDS]]
 *
 * Trains Table 1's model for STEPS steps (3) from its start, on the synthetic images of `./run bench device`, on one
 * thread, ROUNDS times (3). A round repeats the same steps. Prints the mean over steps of the fastest time of each, the
 * evaluations per step, the first and last loss, and a checksum of the parameters, to compare two builds. AFFJORD_SIMD
 * selects the kernels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/settings.h"
#include "model/specification.h"
#include "train/trainer.h"

enum { IMAGES = 600, TRAINING_IMAGES = 400, SIDE_MAX = 28, STEPS_MAX = 100, ARGUMENTS = 5 };

static unsigned char pixels[IMAGES * SIDE_MAX * SIDE_MAX];

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void draw(size_t side) {
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++) {
                const double row = (double)(i * 7 % side), column = (double)(i * 11 % side);
                const double far = pow((double)y - row, 2) + pow((double)x - column, 2);
                pixels[(i * side + y) * side + x] = (unsigned char)(255 / (1 + far / (2 + (double)(i % 5))));
            }
}

static settings choose(bool augmented, size_t hidden, size_t batch, double tolerance, size_t steps) {
    settings values;
    settings_default(&values);
    values.model_context = augmented ? CONTEXT_AUGMENTED : CONTEXT_CLOCK;
    values.image_layer = augmented ? IMAGE_HYPER : IMAGE_CONCAT;
    values.image_variant = IMAGE_PAPER;
    values.image_hidden_layers = 3;
    values.image_hidden_channels = hidden;
    values.flow_end_time = values.flow_base_variance = 1;
    values.flow_learn_end_time = true;
    values.flow_divergence = DIVERGENCE_RADEMACHER;
    values.solver_method = TABLEAU_DOPRI5;
    values.solver_atol = values.solver_rtol = tolerance;
    values.train_batch = values.train_validation = batch;
    values.train_test = 0;
    values.train_iterations = values.train_epoch_iterations = steps + 1; /* no validation */
    values.train_learning_rate = 6e-4;
    values.train_warmup = 1000;
    return values;
}

static uint64_t checksum(const real *x, size_t n) {
    const unsigned char *bytes = (const unsigned char *)x;
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < n * sizeof *x; i++) sum = (sum ^ bytes[i]) * 1099511628211u;
    return sum;
}

int main(int count, char **arguments) {
    const size_t hidden = count > 2 ? strtoul(arguments[2], NULL, 10) : 0,
                 side = count > 3 ? strtoul(arguments[3], NULL, 10) : 0,
                 batch = count > 4 ? strtoul(arguments[4], NULL, 10) : 0,
                 steps = count > 6 ? strtoul(arguments[6], NULL, 10) : 3,
                 rounds = count > 7 ? strtoul(arguments[7], NULL, 10) : 3;
    const bool augmented = count > 1 && strcmp(arguments[1], "affjord") == 0;
    if (count < ARGUMENTS + 1 || !hidden || !side || side > SIDE_MAX || !batch || !steps || steps > STEPS_MAX ||
        !rounds || (!augmented && strcmp(arguments[1], "ffjord") != 0)) {
        fprintf(stderr, "image_step ffjord|affjord HIDDEN SIDE BATCH TOLERANCE [STEPS [ROUNDS]]\n");
        return 2;
    }
    const settings values = choose(augmented, hidden, batch, strtod(arguments[5], NULL), steps);
    image_set set = {.name = (char[]){"blobs"},
                     .count = IMAGES,
                     .channels = 1,
                     .height = side,
                     .width = side,
                     .pixels = pixels,
                     .first = {0, TRAINING_IMAGES, TRAINING_IMAGES},
                     .size = {TRAINING_IMAGES, 0, IMAGES - TRAINING_IMAGES}};
    double least[STEPS_MAX], loss[STEPS_MAX] = {0}, total = 0;
    uint64_t sum = 0;
    draw(side);
    for (size_t r = 0; r < rounds; r++) {
        objective_spec spec;
        trainer_spec training_spec;
        objective *obj = NULL;
        trainer *training = NULL;
        trainer_epoch epoch;
        error_info err = {"out of memory"};
        bool done;
        specification_objective(&values, &(specification_shape){.image = {1, side, side}}, 1, &spec);
        specification_trainer(&values, &training_spec);
        if (objective_create(&spec, (objective_data){.images = &set}, NULL, &obj, &err) != STATUS_OK ||
            trainer_create(&training_spec, &obj, &training, &err) != STATUS_OK) {
            fprintf(stderr, "image_step: %s\n", err.text);
            return 1;
        }
        for (size_t k = 0; k < steps; k++) {
            const double start = processor_seconds();
            if (trainer_step(training, &loss[k], &done, &epoch) != STATUS_OK) return 1;
            const double took = processor_seconds() - start;
            if (r == 0 || took < least[k]) least[k] = took;
        }
        sum = checksum(trainer_parameters(training), objective_parameters(trainer_objective(training))->total);
        trainer_destroy(&training);
    }
    for (size_t k = 0; k < steps; k++) total += least[k];
    printf("%.4f %.6f %.6f %016llx\n", total / (double)steps, loss[0], loss[steps - 1], (unsigned long long)sum);
    return 0;
}
