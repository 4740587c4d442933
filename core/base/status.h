/* status.h - error codes and messages.
 *
 * A function that can fail returns a status and writes its results through pointers, which it leaves unchanged on
 * failure. Functions that read user input (files, names) have a last argument `error_info *err` and describe the error
 * there: `object: problem; expected X, found Y; do Z`. */
#ifndef AFFJORD_BASE_STATUS_H
#define AFFJORD_BASE_STATUS_H

#include <stdarg.h>

#include "base/export.h"

AFFJORD_API_BEGIN

/* 0 is success, positive values are recoverable, negative ones are not. */
typedef enum status {
    STATUS_OK = 0,
    STATUS_NON_FINITE = 1, /* a state, loss or gradient became NaN or infinite */
    STATUS_STEP_TOO_SMALL = 2, /* the error estimate exceeds the tolerance at the smallest step */
    STATUS_TOO_MANY_STEPS = 3, /* the solver's limit of steps is reached */
    STATUS_RECORD_FULL = 4, /* more accepted steps than can be stored */
    STATUS_INVALID = -1, /* an argument or setting outside its range */
    STATUS_MEMORY = -2, /* an allocation failed */
    STATUS_IO = -3, /* the operating system refused a read or a write */
    STATUS_FORMAT = -4 /* the content of a file violates its format */
} status;

/* An error message, always terminated. A message that is too long loses its middle. */
typedef struct error_info {
    char text[1024]; /* terminated */
} error_info;

/* Format the message into `err`, which may be NULL. */
__attribute__((format(printf, 2, 3))) void error_describe(error_info *err, const char *format, ...);
/* The same with the arguments as a list. */
__attribute__((format(printf, 2, 0))) void error_describe_list(error_info *err, const char *format, va_list arguments);

/* Use as `return error_set(err, STATUS_IO, "%s: ...", path)`: formats the message and evaluates to the status. A macro,
 * so that static analysers see the status. */
#define error_set(err, code, ...) (error_describe(err, __VA_ARGS__), (code))

/* Return from the calling function if the status is not STATUS_OK. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        status try_status_ = (call);                                                                                   \
        if (try_status_ != STATUS_OK) return try_status_;                                                              \
    } while (0)

AFFJORD_API_END

#endif
