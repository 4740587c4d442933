/* shuffle.c - the order of an epoch, computed one position at a time.
 *
 * Let n be the smallest number of bits with 2^n >= count. An n-bit number is cut into an upper and a lower half; the
 * lower one is longer if n is odd. Rounds 0 .. ROUNDS - 1 change the halves alternately,
 *
 *   even:  upper <- upper xor F(round, lower)      odd:  lower <- lower xor F(round, upper)
 *
 * where F is the first word of the generator with RANDOM_SHUFFLE, the epoch as iteration, the other half as sample and
 * the round as block. Each round is its own inverse, so the rounds together are a bijection of the 2^n numbers (Luby
 * and Rackoff 1988). A result >= count is mapped again until it is below count, fewer than twice on average; this gives
 * a bijection of the numbers below count. */
#include "data/shuffle.h"

#include <assert.h>

#include "base/random.h"

enum { ROUNDS = 12 };

static uint64_t word_of(random_stream stream, uint64_t half, uint32_t round) {
    double u[4];
    random_uniform4(stream, half, round, u);
    return (uint64_t)(u[0] * 0x1p32);
}

static uint64_t permute(random_stream stream, unsigned bits, uint64_t number) {
    const unsigned lower_bits = bits - bits / 2;
    const uint64_t lower_mask = (UINT64_C(1) << lower_bits) - 1, upper_mask = (UINT64_C(1) << bits / 2) - 1;
    uint64_t upper = number >> lower_bits, lower = number & lower_mask;
    for (uint32_t round = 0; round < ROUNDS; round += 2) {
        upper ^= word_of(stream, lower, round) & upper_mask;
        lower ^= word_of(stream, upper, round + 1) & lower_mask;
    }
    return upper << lower_bits | lower;
}

uint64_t shuffle_at(uint64_t seed, uint64_t epoch, uint64_t count, uint64_t place) {
    assert(place < count && count <= UINT32_MAX);
    random_stream stream = {.seed = seed, .purpose = RANDOM_SHUFFLE, .iteration = epoch};
    unsigned bits = 0;
    while (UINT64_C(1) << bits < count) bits++;
    do place = permute(stream, bits, place);
    while (place >= count);
    return place;
}
