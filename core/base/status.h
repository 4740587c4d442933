/* status.h - how functions of the library report failure.
 *
 * A function that can fail returns a status and gives its results through
 * out-pointers, which it leaves untouched when it fails. Functions that read
 * what a user wrote (files, names) take a last argument `failure *why` and
 * describe there, in one sentence, what was found and what was expected. */
#ifndef AFFJORD_BASE_STATUS_H
#define AFFJORD_BASE_STATUS_H

#include <stdarg.h>

#include "base/export.h"

AFFJORD_API_BEGIN

/* 0 is success, positive values are recoverable, negative ones are not. */
typedef enum status {
    STATUS_OK = 0,
    STATUS_NON_FINITE = 1, /* a state, loss or gradient became NaN or infinite */
    STATUS_STEP_TOO_SMALL = 2, /* a solver's error stays too large at the smallest step */
    STATUS_TOO_MANY_STEPS = 3, /* a solver has tried as many steps as it may */
    STATUS_RECORD_FULL = 4, /* more accepted steps than there is room to keep */
    STATUS_INVALID = -1, /* an argument or setting outside its range */
    STATUS_MEMORY = -2, /* an allocation failed */
    STATUS_IO = -3, /* the operating system refused a read or a write */
    STATUS_FORMAT = -4 /* a file's content is not what its format says */
} status;

/* A sentence for the user; always terminated. One that is too long has its middle left out. */
typedef struct failure {
    char text[1024];
} failure;

/* Write the sentence into `why`, which may be NULL. */
__attribute__((format(printf, 2, 3))) void failure_describe(failure *why, const char *format, ...);
__attribute__((format(printf, 2, 0))) void failure_describe_list(failure *why, const char *format, va_list arguments);

/* return fail(why, STATUS_IO, "%s: ...", path): the sentence and the status in one. A macro, so that static analysers
 * see which status is returned. */
#define fail(why, code, ...) (failure_describe(why, __VA_ARGS__), (code))

/* Pass any outcome but success on to the caller. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        status try_status_ = (call);                                                                                   \
        if (try_status_ != STATUS_OK) return try_status_;                                                              \
    } while (0)

AFFJORD_API_END

#endif
