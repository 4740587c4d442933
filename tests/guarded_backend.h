/* guarded_backend.h - a backend whose memory is protected except while an operation runs.
 *
 * It computes as one of the processor's does, in memory that can be read and
 * written only while one of its operations runs: code that looks into an array
 * on its own is ended by a fault, and an operation that is given an array from
 * elsewhere fails the test. So what passes on it needs no more from a device than
 * the table of operations. */
#ifndef AFFJORD_GUARDED_BACKEND_H
#define AFFJORD_GUARDED_BACKEND_H

#include "backend/backend.h"

/* Create a backend with `bytes` of memory that computes as `inner`; allocating more gives STATUS_MEMORY. */
const backend_ops *guarded_create(const backend_ops *inner, size_t bytes);
void guarded_destroy(const backend_ops *guarded);

/* Blocks taken and not given back. */
size_t guarded_bytes(const backend_ops *guarded);

/* Return the number of operations so far that returned data to the host, each of which waits for a device. */
size_t guarded_waits(const backend_ops *guarded);

#endif
