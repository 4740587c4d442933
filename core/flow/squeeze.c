/* squeeze.c - permutations of the numbers of images. */
#include "flow/squeeze.h"

#include <string.h>

/* Where row i, column j, channel k is. */
static size_t place(squeeze_shape s, size_t i, size_t j, size_t k) {
    return s.layout == SQUEEZE_CHANNEL_LAST ? (i * s.width + j) * s.channels + k : (k * s.height + i) * s.width + j;
}

static void permute(squeeze_shape before, size_t n, bool back, const real *in, real *out) {
    const squeeze_shape after = {4 * before.channels, before.height / 2, before.width / 2, before.layout};
    const size_t D = before.channels * before.height * before.width;
    for (size_t image = 0; image < n; image++, in += D, out += D)
        for (size_t i = 0; i < before.height; i++)
            for (size_t j = 0; j < before.width; j++)
                for (size_t k = 0; k < before.channels; k++) {
                    const size_t wide = place(before, i, j, k);
                    const size_t deep = place(after, i / 2, j / 2, 4 * k + 2 * (i % 2) + j % 2);
                    if (back) out[wide] = in[deep];
                    else out[deep] = in[wide];
                }
}

void squeeze_images(squeeze_shape shape, size_t n, const real *in, real *out) {
    permute(shape, n, false, in, out);
}

void unsqueeze_images(squeeze_shape shape, size_t n, const real *in, real *out) {
    permute(shape, n, true, in, out);
}

void split_channels(size_t pixels, size_t channels, const real *x, real *kept, real *left) {
    const size_t half = channels / 2;
    for (size_t p = 0; p < pixels; p++) {
        memcpy(left + p * half, x + p * channels + half, half * sizeof *x);
        memmove(kept + p * half, x + p * channels, half * sizeof *x);
    }
}

/* From the end, so that nothing of `kept` is overwritten before it is read. */
void join_channels(size_t pixels, size_t channels, const real *kept, const real *left, real *x) {
    const size_t half = channels / 2;
    for (size_t p = pixels; p-- > 0;) {
        memmove(x + p * channels, kept + p * half, half * sizeof *x);
        memcpy(x + p * channels + half, left + p * half, half * sizeof *x);
    }
}
