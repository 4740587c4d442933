/* status.c - the sentence that goes with a failure. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

status fail(failure *why, status code, const char *format, ...) {
    if (why != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
    }
    return code;
}
