/* shuffle.h - the order of an epoch, computed one position at a time. */
#ifndef AFFJORD_DATA_SHUFFLE_H
#define AFFJORD_DATA_SHUFFLE_H

#include <stdint.h>

/* Return the index of the item at position `place` in the order of this seed's epoch; place < count < 2^32. For fixed
 * seed, epoch and count it is a bijection of 0 .. count - 1. */
uint64_t shuffle_at(uint64_t seed, uint64_t epoch, uint64_t count, uint64_t place);

#endif
