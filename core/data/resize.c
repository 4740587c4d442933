/* resize.c - photos resized by a triangle filter and cropped.
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

#include "data/photo.h"

enum { WEIGHT_BITS = 22 };

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
    unsigned char *narrow; /* (old height, new width, channels): resized along rows */
} workspace;

/* One side: resized from `old` to `scaled` pixels, of which `size` are kept from `first` on. */
typedef struct side {
    size_t old, scaled, first, size;
} side;

static void resize_rows(const photo *picture, side x_axis, const workspace *work) {
    const double scale = (double)x_axis.old / (double)x_axis.scaled;
    const size_t channels = picture->channels;
    for (size_t x = 0; x < x_axis.size; x++) {
        const window from = make_window(x_axis.old, scale, x_axis.first + x, work->exact, work->weights);
        for (size_t y = 0; y < picture->height; y++) {
            const unsigned char *row = picture->pixels + channels * picture->width * y;
            for (size_t c = 0; c < channels; c++)
                work->narrow[channels * (x_axis.size * y + x) + c] = weigh(&from, row + c, channels);
        }
    }
}

static void resize_columns(size_t channels, side y_axis, size_t width, const workspace *work, unsigned char *planes) {
    const double scale = (double)y_axis.old / (double)y_axis.scaled;
    for (size_t y = 0; y < y_axis.size; y++) {
        const window from = make_window(y_axis.old, scale, y_axis.first + y, work->exact, work->weights);
        for (size_t x = 0; x < width; x++) {
            for (size_t c = 0; c < channels; c++)
                planes[width * (y_axis.size * c + y) + x] =
                    weigh(&from, work->narrow + channels * x + c, channels * width);
        }
    }
}

/* Keep the middle; between two pixels, the later one. */
static side make_side(size_t old, size_t scaled, size_t size) {
    return (side){.old = old, .scaled = scaled, .first = (scaled - size + 1) / 2, .size = size};
}

status photo_resize(const photo *picture, size_t height, size_t width, image_fit fit, unsigned char *planes) {
    const size_t old_width = picture->width, old_height = picture->height;
    size_t new_width = old_width, new_height = old_height; /* IMAGE_CROP */
    assert(height > 0 && width > 0 && height <= old_height && width <= old_width);
    if (fit != IMAGE_CROP) {
        new_width = width;
        new_height = height;
    }
    /* The side that is longer than needed keeps its proportion. */
    if (fit == IMAGE_COVER && old_width * height >= old_height * width) new_width = height * old_width / old_height;
    else if (fit == IMAGE_COVER) new_height = width * old_height / old_width;
    const size_t longer = old_width > old_height ? old_width : old_height;
    workspace work = {.exact = calloc(longer, sizeof *work.exact),
                      .weights = calloc(longer, sizeof *work.weights),
                      .narrow = calloc(old_height, picture->channels * width)};
    status outcome = STATUS_MEMORY;
    if (work.exact != NULL && work.weights != NULL && work.narrow != NULL) {
        resize_rows(picture, make_side(old_width, new_width, width), &work);
        resize_columns(picture->channels, make_side(old_height, new_height, height), width, &work, planes);
        outcome = STATUS_OK;
    }
    free(work.exact);
    free(work.weights);
    free(work.narrow);
    return outcome;
}
