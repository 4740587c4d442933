/* run_images_support.h - shared by tests of ./run on images: an experiment on a tiny set of images. */
#ifndef AFFJORD_TESTS_RUN_IMAGES_SUPPORT_H
#define AFFJORD_TESTS_RUN_IMAGES_SUPPORT_H

#include <math.h>

#include "image_support.h"
#include "run_support.h"

enum {
    TRAINING = 200,
    TEST = 60,
    SIDE = 8,
    D = SIDE * SIDE,
    BATCH = 10,
    SAMPLES = 7,
    ITERATIONS = 15,
    EPOCHS = ITERATIONS / 3,
    FLOWS = 3, /* two scales */
    VALIDATION = 30
};

/* Two models, two seeds, some tiny iterations each. */
static const char small_experiment[] = "[experiment]\n"
                                       "name = table1_tiny\n"
                                       "data = mnist-tiny\n"
                                       "models = ffjord, affjord\n"
                                       "seeds = 0-1\n"
                                       "[image]\n"
                                       "hidden_layers = 1\n"
                                       "hidden_channels = 4\n"
                                       "augmented_dims = 6\n"
                                       "hypernet_inputs = 3\n"
                                       "variant = paper\n"
                                       "[flow]\n"
                                       "end_time = 1\n"
                                       "learn_end_time = yes\n"
                                       "divergence = rademacher\n"
                                       "[solver]\n"
                                       "method = dopri5\n"
                                       "atol = 1e-2\n"
                                       "rtol = 1e-2\n"
                                       "[train]\n"
                                       "batch = 10\n"
                                       "learning_rate = 1e-2\n"
                                       "iterations = 15\n"
                                       "epoch_iterations = 3\n"
                                       "validation = 30\n"
                                       "checkpoint_epochs = 1\n"
                                       "[output]\n"
                                       "samples = 7\n"
                                       "[model ffjord]\n"
                                       "context = time\n"
                                       "[model affjord]\n"
                                       "context = augmented\n";

/* Write blobs on black, with random positions and sizes. */
static inline void write_images(const char *name, size_t first, size_t count, size_t side) {
    size_t size;
    unsigned char *pixels = calloc(count, side * side);
    cr_assert_not_null(pixels);
    for (size_t i = 0; i < count; i++) {
        const size_t image = first + i;
        const double row = (double)(image * 7 % side), column = (double)(image * 11 % side);
        const double width = 2 + (double)(image % 5);
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++) {
                const double far = pow((double)y - row, 2) + pow((double)x - column, 2);
                pixels[(i * side + y) * side + x] = (unsigned char)(255 / (1 + far / width));
            }
    }
    unsigned char *bytes =
        idx_bytes(3, (uint32_t[]){(uint32_t)count, (uint32_t)side, (uint32_t)side}, pixels, count * side * side, &size);
    data_write(name, bytes, size, false);
    free(bytes);
    free(pixels);
}

static inline void write_set(const char *name, size_t side) {
    char file[64];
    snprintf(file, sizeof file, "%s/train-images-idx3-ubyte", name);
    write_images(file, 0, TRAINING, side);
    snprintf(file, sizeof file, "%s/t10k-images-idx3-ubyte", name);
    write_images(file, TRAINING, TEST, side);
}

static inline void begin(void) {
    begin_run(small_experiment);
    data_begin();
    write_set("mnist-tiny", SIDE);
    setenv("AFFJORD_DATA", data_folder, 1);
}

static inline void end(void) {
    data_end();
    end_run();
}

static inline void expect_query(const char *database, const char *query, const char *expected) {
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"%s\"", database, query);
    cr_expect_str_eq(output, expected, "%s:\n%s", query, output);
}

static inline void expect_number(const char *database, const char *query, int expected) {
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"%s\"", database, query);
    cr_expect_eq(atoi(output), expected, "%s: %s", query, output);
}

#endif
