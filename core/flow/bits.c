/* bits.c - the unit of the losses on images. */
#include "flow/bits.h"

static const double log_two = 0.69314718055994530942;

double bits_per_dim(double log_density, size_t D) {
    return 8 - log_density / ((double)D * log_two);
}
