/* random.h - random numbers as a function of their use.
 *
 * Philox4x32-10 (Salmon et al. 2011, from Random123) is keyed by (seed, purpose) and counts (iteration, sample, block).
 * Results do not depend on how threads or processes divide the work, and a resumed run needs no stored state. */
#ifndef AFFJORD_BASE_RANDOM_H
#define AFFJORD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/export.h"

AFFJORD_API_BEGIN

/* The purpose of a draw. The values are part of the reproducible format. */
typedef enum random_purpose {
    RANDOM_INITIALISATION = 1,
    RANDOM_TRAINING = 2,
    RANDOM_VALIDATION = 3,
    RANDOM_PROBE = 4,
    RANDOM_SAMPLING = 5,
    RANDOM_SPLIT = 6,
    RANDOM_TARGET = 7, /* samples of a target density, shown in figures */
    RANDOM_SHUFFLE = 8, /* the order of training images in an epoch */
    RANDOM_FLIP = 9, /* which images are mirrored */
    RANDOM_TEST = 10, /* dequantization of test images; test points */
    RANDOM_TEST_PROBE = 11, /* probes of a loss that is measured but not trained on */
    RANDOM_BOOTSTRAP = 12, /* seeds of a bootstrap resample */
    RANDOM_SWEEP = 13 /* which points of a sweep are in its sample */
} random_purpose;

/* One sequence of draws. */
typedef struct random_stream {
    uint64_t seed; /* of the run */
    random_purpose purpose; /* of the draws */
    uint64_t iteration; /* or another number that distinguishes streams of a purpose */
} random_stream;

/* u (4) <- independent uniform numbers in (0, 1), symmetric about 1/2, with 32 bits each, for draw `block` of
 * `sample`. */
void random_uniform4(random_stream stream, uint64_t sample, uint32_t block, double u[4]);

/* Return 64 random bits: those of the first two numbers of block 0 of `sample`. */
uint64_t random_bits64(random_stream stream, uint64_t sample);

/* n (4) <- independent standard normal numbers, by Box-Muller from random_uniform4. */
void random_normal4(random_stream stream, uint64_t sample, uint32_t block, double n[4]);

AFFJORD_API_END

#endif
