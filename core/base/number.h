/* number.h - numbers as text, the same in every locale.
 *
 * strtod and printf follow the locale of the program around the library: where that writes "1,5", a file's "1.5" ends
 * behind its 1. So numbers are read and written here, and nowhere else (make check-layout). */
#ifndef AFFJORD_BASE_NUMBER_H
#define AFFJORD_BASE_NUMBER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Read the text from `start` to `end` as one decimal number, such as -1.5e3. False, with *value as it was, where it is
 * anything else: hexadecimal, a word, with a blank. A number too large for a double is infinite. The text goes on
 * behind `end`, or ends there with a 0. */
bool number_read(const char *start, const char *end, double *value);

/* snprintf and vsnprintf with a decimal point. */
__attribute__((format(printf, 3, 4))) int number_print(char *text, size_t size, const char *format, ...);
int number_print_list(char *text, size_t size, const char *format, va_list arguments);

#endif
