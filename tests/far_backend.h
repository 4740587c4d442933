/* far_backend.h - a backend whose memory is out of the program's reach.
 *
 * It computes as one of the processor's does, in memory that can be read and
 * written only while one of its operations runs: code that looks into an array
 * on its own is ended by a fault, and an operation that is given an array from
 * elsewhere fails the test. So what passes on it needs no more from a device than
 * the table of operations. */
#ifndef AFFJORD_FAR_BACKEND_H
#define AFFJORD_FAR_BACKEND_H

#include "backend/backend.h"

/* A backend of so many bytes that computes as `near`; taking more is STATUS_MEMORY. */
const backend_ops *far_create(const backend_ops *near, size_t bytes);
void far_destroy(const backend_ops *far);

/* Blocks taken and not given back. */
size_t far_taken(const backend_ops *far);

/* Operations so far that brought something back to the program, for which a device has to be waited for. */
size_t far_waits(const backend_ops *far);

#endif
