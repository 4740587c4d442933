/* resize.c - photos resized by a triangle filter and cropped to a square.
 *
 * With s = old size / new size, new pixel i has its centre at c = (i + 1/2) s in the old row. It is sum_j w_j old_j
 * over the old pixels within s of c,
 *
 *   w_j ~ 1 - |j + 1/2 - c| / s,    sum_j w_j = 1.
 *
 * Weights are integers in units of 2^-22 and the sums are exact, so the result does not depend on the machine. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "data/jpeg.h"

enum { CHANNELS = 3, WEIGHT_BITS = 22 };

/* The old pixels that contribute to one new pixel. */
typedef struct window {
    size_t first, count;
    int32_t *weights; /* (count) */
} window;

/* Compute the weights of new pixel `at`; `weights` has room for all old pixels within the filter. */
static window make_window(size_t old_size, double scale, size_t at, double *exact, int32_t *weights) {
    const double centre = ((double)at + 0.5) * scale;
    const double low = centre - scale + 0.5, high = centre + scale + 0.5;
    const size_t first = low < 0 ? 0 : (size_t)low;
    const size_t end = high > (double)old_size ? old_size : (size_t)high;
    const double inverse = 1 / scale;
    double sum = 0;
    for (size_t j = first; j < end; j++) {
        exact[j - first] = fmax(0, 1 - fabs(((double)j - centre + 0.5) * inverse));
        sum += exact[j - first];
    }
    for (size_t j = first; j < end; j++)
        weights[j - first] = (int32_t)(0.5 + exact[j - first] / sum * (double)(1 << WEIGHT_BITS));
    return (window){.first = first, .count = end - first, .weights = weights};
}

/* Return the weighted mean, rounded, of bytes at distance `stride`. */
static unsigned char weigh(const window *from, const unsigned char *bytes, size_t stride) {
    int64_t sum = 1 << (WEIGHT_BITS - 1);
    for (size_t j = 0; j < from->count; j++) sum += (int64_t)from->weights[j] * bytes[(from->first + j) * stride];
    sum >>= WEIGHT_BITS;
    return sum > 255 ? 255 : (unsigned char)sum;
}

/* The weights of a row or column, and the result of the first pass. */
typedef struct workspace {
    double *exact; /* (span) */
    int32_t *weights; /* (span) */
    unsigned char *narrow; /* (height, side, 3): resized along rows */
} workspace;

static void resize_rows(const photo *picture, size_t new_width, size_t left, size_t side, const workspace *work) {
    const double scale = (double)picture->width / (double)new_width;
    for (size_t x = 0; x < side; x++) {
        const window from = make_window(picture->width, scale, left + x, work->exact, work->weights);
        for (size_t y = 0; y < picture->height; y++) {
            const unsigned char *row = picture->rgb + CHANNELS * picture->width * y;
            for (size_t c = 0; c < CHANNELS; c++)
                work->narrow[CHANNELS * (side * y + x) + c] = weigh(&from, row + c, CHANNELS);
        }
    }
}

static void resize_columns(const photo *picture, size_t new_height, size_t top, size_t side, const workspace *work,
                           unsigned char *planes) {
    const double scale = (double)picture->height / (double)new_height;
    for (size_t y = 0; y < side; y++) {
        const window from = make_window(picture->height, scale, top + y, work->exact, work->weights);
        for (size_t x = 0; x < side; x++) {
            for (size_t c = 0; c < CHANNELS; c++)
                planes[side * (side * c + y) + x] = weigh(&from, work->narrow + CHANNELS * x + c, CHANNELS * side);
        }
    }
}

status resize_photo(const photo *picture, size_t side, unsigned char *planes) {
    const size_t width = picture->width, height = picture->height;
    const size_t shorter = width < height ? width : height, longer = width < height ? height : width;
    assert(side > 0 && side <= shorter);
    const size_t new_width = side * width / shorter, new_height = side * height / shorter;
    workspace work = {.exact = calloc(longer, sizeof *work.exact),
                      .weights = calloc(longer, sizeof *work.weights),
                      .narrow = calloc(height, CHANNELS * side)};
    status outcome = STATUS_MEMORY;
    if (work.exact != NULL && work.weights != NULL && work.narrow != NULL) {
        /* The middle; between two pixels, the later one. */
        resize_rows(picture, new_width, (new_width - side + 1) / 2, side, &work);
        resize_columns(picture, new_height, (new_height - side + 1) / 2, side, &work, planes);
        outcome = STATUS_OK;
    }
    free(work.exact);
    free(work.weights);
    free(work.narrow);
    return outcome;
}
