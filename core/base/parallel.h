/* parallel.h - a fixed set of threads that share numbered tasks. */
#ifndef AFFJORD_BASE_PARALLEL_H
#define AFFJORD_BASE_PARALLEL_H

#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The threads. One thread at a time may use them. */
typedef struct parallel parallel;

/* Start `threads` - 1 helper threads; the caller is the remaining one. Helpers block all signals. The caller owns *out
 * and destroys it from the same thread. Errors: STATUS_INVALID for 0 threads, STATUS_MEMORY. */
status parallel_create(size_t threads, parallel **out);
/* End the helper threads, free them and set *workers to NULL; *workers may be NULL. */
void parallel_destroy(parallel **workers);

/* Return the number of threads; 1 for NULL. */
size_t parallel_threads(const parallel *workers);

/* Call body(argument, task, thread) once for each task 0 .. tasks - 1, on any thread 0 .. threads - 1, and return when
 * all are done. `workers` may be NULL. The assignment of tasks to threads varies, so results must not depend on it. */
void parallel_for(parallel *workers, size_t tasks, void (*body)(void *argument, size_t task, size_t thread),
                  void *argument);

AFFJORD_API_END

#endif
