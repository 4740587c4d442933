/* squeeze.h - trading space for channels in the multiscale architecture, and dropping half of them.
 *
 * A squeeze takes (h, w, c) to (h/2, w/2, 4c): the number at row i, column j, channel k goes to row i/2, column j/2,
 * channel 4 k + 2 (i mod 2) + j mod 2. A split keeps the first half of the channels and lets the second leave. */
#ifndef AFFJORD_FLOW_SQUEEZE_H
#define AFFJORD_FLOW_SQUEEZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

/* Images are channel-last (h, w, c); the augmented state is channel-first (c, h, w). */
typedef enum squeeze_layout { SQUEEZE_CHANNEL_LAST, SQUEEZE_CHANNEL_FIRST } squeeze_layout;

/* What is squeezed: h and w are even. */
typedef struct squeeze_shape {
    size_t channels, height, width; /* before */
    squeeze_layout layout;
} squeeze_shape;

/* out (n images) <- in squeezed; out is not in. And the way back, which is its reverse too. */
void squeeze_images(squeeze_shape shape, size_t n, const real *in, real *out);
void unsqueeze_images(squeeze_shape shape, size_t n, const real *in, real *out);

/* kept, left (pixels, channels/2) <- the halves of the channels of x (pixels, channels), the images of a batch being
 * so many pixels; `kept` may be x. And the way back; x may be `kept` where it has room. */
void split_channels(size_t pixels, size_t channels, const real *x, real *kept, real *left);
void join_channels(size_t pixels, size_t channels, const real *kept, const real *left, real *x);

#endif
