/* guarded_backend.h - a backend whose memory is protected except while an operation runs.
 *
 * It computes like a backend of the processor, but its memory is accessible only while one of its operations runs. Code
 * that reads an array directly ends with a fault, and an operation on an array in other memory fails the test. So code
 * that passes on this backend needs only the table of operations from a device. */
#ifndef AFFJORD_GUARDED_BACKEND_H
#define AFFJORD_GUARDED_BACKEND_H

#include "backend/backend.h"

/* Create a backend with `bytes` of memory that computes with `inner`; further allocations return STATUS_MEMORY. */
const backend_ops *guarded_create(const backend_ops *inner, size_t bytes);
void guarded_destroy(const backend_ops *guarded);

/* Return the number of allocated blocks. */
size_t guarded_bytes(const backend_ops *guarded);

/* Return the number of operations so far that returned data to the host, each of which waits for a device. */
size_t guarded_waits(const backend_ops *guarded);

#endif
