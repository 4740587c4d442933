/* status.c - format an error message. */
#include "base/status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* Shorten a message that is too long: keep its start, the object, and its end, the reason. */
static void keep_ends(failure *why, const char *whole, size_t length) {
    static const char gap[] = " [...] ";
    const size_t room = sizeof why->text - sizeof gap, head = room / 2;
    number_print(why->text, sizeof why->text, "%.*s%s%s", (int)head, whole, gap, whole + length - (room - head));
}

void failure_describe_list(failure *why, const char *format, va_list arguments) {
    if (!why) return;
    va_list again;
    va_copy(again, arguments);
    failure text = {""}; /* the arguments may point into *why */
    const int length = number_print_list(text.text, sizeof text.text, format, arguments);
    char *whole = length >= (int)sizeof text.text ? malloc((size_t)length + 1) : NULL;
    if (whole) number_print_list(whole, (size_t)length + 1, format, again);
    if (whole) keep_ends(&text, whole, (size_t)length);
    free(whole);
    va_end(again);
    *why = text;
}

void failure_describe(failure *why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failure_describe_list(why, format, arguments);
    va_end(arguments);
}
