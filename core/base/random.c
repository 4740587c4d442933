/* random.c - random numbers as a function of their use.
 *
 * Philox4x32-10 maps a key and a counter to four words of 32 bits. The assignment is part of the reproducible format:
 *
 *   key[0]      seed, low 32 bits          key[1]      seed, high 32 bits
 *   counter[0]  sample, below 2^32
 *   counter[1]  bits 0..23 block, bits 24..31 purpose
 *   counter[2]  iteration, low 32 bits     counter[3]  iteration, high 32 bits
 *
 * Each field has its own bits, so different (seed, purpose, iteration, sample, block) give different keys or counters.
 * For one seed, Philox is a bijection of counters, so two purposes never share an output. */
#include "base/random.h"

#include <assert.h>
#include <math.h>

#include <Random123/philox.h>

#include "base/detmath.h"

enum { BLOCK_BITS = 24 };

void random_uniform4(random_stream stream, uint64_t sample, uint32_t block, double u[4]) {
    assert(sample <= UINT32_MAX);
    assert(block < UINT32_C(1) << BLOCK_BITS);
    assert((unsigned)stream.purpose <= UINT8_MAX);
    philox4x32_key_t key = {{(uint32_t)stream.seed, (uint32_t)(stream.seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)sample, block | (uint32_t)stream.purpose << BLOCK_BITS,
                                 (uint32_t)stream.iteration, (uint32_t)(stream.iteration >> 32)}};
    philox4x32_ctr_t words = philox4x32(counter, key);
    /* Take the centre of each of 2^32 equal cells of [0, 1]: exact in a double, never 0 or 1. */
    for (int i = 0; i < 4; i++) u[i] = ((double)words.v[i] + 0.5) * 0x1p-32;
}

uint64_t random_bits64(random_stream stream, uint64_t sample) {
    double u[4];
    random_uniform4(stream, sample, 0, u);
    return (uint64_t)(u[0] * 0x1p32) << 32 | (uint64_t)(u[1] * 0x1p32);
}

void random_normal4(random_stream stream, uint64_t sample, uint32_t block, double n[4]) {
    double u[4];
    random_uniform4(stream, sample, block, u);
    for (int i = 0; i < 4; i += 2) {
        double radius = sqrt(-2 * det_log(u[i]));
        double sine, cosine;
        det_sincospi(2 * u[i + 1], &sine, &cosine);
        n[i] = radius * cosine;
        n[i + 1] = radius * sine;
    }
}
