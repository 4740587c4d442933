/* bits.h - the unit of the losses on images. */
#ifndef AFFJORD_FLOW_BITS_H
#define AFFJORD_FLOW_BITS_H

#include <stddef.h>

/* Bits that a code by the model needs for each of D bytes: -log2(p / 256^D) / D, from log p(x) in nats at x = (byte +
 * u) / 256. */
double bits_per_dim(double log_density, size_t D);

#endif
