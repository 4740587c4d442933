/* status.c - the sentence that goes with a failure. */
#include "base/status.h"

#include <stdarg.h>

#include "base/number.h"

void failure_describe(failure *why, const char *format, ...) {
    if (!why) return;
    va_list arguments;
    va_start(arguments, format);
    number_print_list(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
}
