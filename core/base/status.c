/* status.c - format an error message. */
#include "base/status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* Shorten a message that is too long: keep its start, the object, and its end, the reason. */
static void keep_ends(error_info *err, const char *whole, size_t length) {
    static const char gap[] = " [...] ";
    const size_t room = sizeof err->text - sizeof gap, head = room / 2;
    number_print(err->text, sizeof err->text, "%.*s%s%s", (int)head, whole, gap, whole + length - (room - head));
}

void error_describe_list(error_info *err, const char *format, va_list arguments) {
    if (!err) return;
    va_list again;
    va_copy(again, arguments);
    error_info text = {""}; /* the arguments may point into *err */
    const int length = number_print_list(text.text, sizeof text.text, format, arguments);
    char *whole = length >= (int)sizeof text.text ? malloc((size_t)length + 1) : NULL;
    if (whole) number_print_list(whole, (size_t)length + 1, format, again);
    if (whole) keep_ends(&text, whole, (size_t)length);
    free(whole);
    va_end(again);
    *err = text;
}

void error_describe(error_info *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_describe_list(err, format, arguments);
    va_end(arguments);
}
