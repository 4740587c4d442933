/* number.h - locale-independent conversion between numbers and text.
 *
 * strtod and printf follow the locale of the calling program. Where it writes "1,5", strtod reads "1.5" as 1. All
 * conversions of numbers with a fraction are therefore in this file (`make check-layout` checks this). */
#ifndef AFFJORD_BASE_NUMBER_H
#define AFFJORD_BASE_NUMBER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Read the text from `start` to `end` as one decimal number, such as -1.5e3. Return false and leave *value unchanged
 * for anything else: hexadecimal, words, blanks. A number too large for a double gives infinity. Text must follow
 * `end`, or a 0. */
bool number_read(const char *start, const char *end, double *value);

/* snprintf and vsnprintf with a decimal point in every locale. */
__attribute__((format(printf, 3, 4))) int number_print(char *text, size_t size, const char *format, ...);
int number_print_list(char *text, size_t size, const char *format, va_list arguments);

#endif
