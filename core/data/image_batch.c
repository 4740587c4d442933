/* image_batch.c - batches of images: order, dequantization, flips. */
#include "data/image_batch.h"

#include <assert.h>
#include <math.h>

#include "base/random.h"
#include "data/shuffle.h"

size_t image_at(const image_set *set, image_split split, uint64_t seed, uint64_t position) {
    const size_t size = set->size[split];
    assert(size > 0);
    const uint64_t epoch = position / size, place = position % size;
    return set->first[split] + (size_t)(split == IMAGE_TRAINING ? shuffle_at(seed, epoch, size, place) : place);
}

static random_purpose purpose_of(image_split split) {
    switch (split) {
    case IMAGE_TRAINING: return RANDOM_TRAINING;
    case IMAGE_VALIDATION: return RANDOM_VALIDATION;
    case IMAGE_TEST: break;
    }
    return RANDOM_TEST;
}

/* Return the largest real <= x, for x >= 0. */
static real round_down(double x) {
    const real nearest = (real)x;
    return (double)nearest <= x ? nearest : (real)nextafterf((float)nearest, 0);
}

/* Return (byte + w / 2^32) / 256, where w is the 32-bit word of u = (w + 1/2) / 2^32. All operations are exact in a
 * double. */
static real dequantize(unsigned char byte, double u) {
    return round_down((byte + (u - 0x1p-33)) * 0x1p-8);
}

/* x (one image) <- `bytes` (channels, height, width). Draws are indexed by the position with channels first, in either
 * layout. */
static void dequantize_image(const image_set *set, const unsigned char *bytes, random_stream noise, uint64_t place,
                             bool mirrored, image_layout layout, real *x) {
    const size_t width = set->width, plane = set->height * width;
    const size_t stride = layout == IMAGE_CHANNEL_FIRST ? 1 : set->channels;
    double u[4] = {0, 0, 0, 0};
    size_t number = 0;
    for (size_t c = 0; c < set->channels; c++) {
        real *out = x + (layout == IMAGE_CHANNEL_FIRST ? c * plane : c);
        for (size_t y = 0; y < set->height; y++, bytes += width) {
            for (size_t column = 0; column < width; column++, number++, out += stride) {
                if (number % 4 == 0) random_uniform4(noise, place, (uint32_t)(number / 4), u);
                *out = dequantize(bytes[mirrored ? width - 1 - column : column], u[number % 4]);
            }
        }
    }
}

void image_batch(const image_set *set, image_split split, uint64_t seed, uint64_t first, size_t count, bool flip,
                 image_layout layout, real *x) {
    const size_t size = set->size[split], numbers = set->channels * set->height * set->width;
    for (size_t i = 0; i < count; i++) {
        const uint64_t position = first + i, epoch = position / size, place = position % size;
        const unsigned char *bytes = set->pixels + image_at(set, split, seed, position) * numbers;
        const random_stream noise = {.seed = seed, .purpose = purpose_of(split), .iteration = epoch};
        const random_stream coin = {.seed = seed, .purpose = RANDOM_FLIP, .iteration = epoch};
        double u[4] = {1, 1, 1, 1};
        if (flip) random_uniform4(coin, place, (uint32_t)split, u);
        dequantize_image(set, bytes, noise, place, u[0] < 0.5, layout, x + i * numbers);
    }
}
