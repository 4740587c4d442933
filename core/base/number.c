/* number.c - locale-independent conversion between numbers and text. */
#include "base/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* Return the locale "C". It exists once, uses no memory and is never freed. */
static locale_t neutral(void) {
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool number_read(const char *start, const char *end, double *value) {
    /* strtod alone would also accept blanks, hexadecimal numbers and words. */
    for (const char *at = start; at < end; at++)
        if ((*at < '0' || *at > '9') && *at != '.' && *at != '-' && *at != '+' && *at != 'e' && *at != 'E')
            return false;
    if (start == end) return false;
    char *stop;
    const double read = strtod_l(start, &stop, neutral());
    if (stop != end) return false;
    *value = read;
    return true;
}

int number_print_list(char *text, size_t size, const char *format, va_list arguments) {
    const locale_t before = uselocale(neutral()); /* of this thread only */
    const int length = vsnprintf(text, size, format, arguments);
    uselocale(before);
    return length;
}

int number_print(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = number_print_list(text, size, format, arguments);
    va_end(arguments);
    return length;
}
