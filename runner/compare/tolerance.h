/* tolerance.h - tolerances of recorded numbers. */
#ifndef AFFJORD_RUNNER_TOLERANCE_H
#define AFFJORD_RUNNER_TOLERANCE_H

#include <stdbool.h>

#include "base/status.h"

enum { TOLERANCE_TEXT_MAX = 64, NUMBER_TEXT_MAX = 32 }; /* bytes of their texts, terminators included */

typedef enum tolerance_kind {
    TOLERANCE_BITS, /* the same bits */
    TOLERANCE_ABSOLUTE, /* |found - recorded| <= amount */
    TOLERANCE_RELATIVE /* |found - recorded| <= amount |recorded| */
} tolerance_kind;

typedef struct tolerance {
    tolerance_kind kind;
    double amount; /* 0 for bits */
} tolerance;

/* Return whether `found` is within the tolerance. Values that are not finite must be equal. */
bool tolerance_allows(const tolerance *allowed, double recorded, double found);

/* Return whether both are the same number, or both nan. */
bool tolerance_same(double recorded, double found);

/* Write and read "bits", "absolute 0.002", "relative 0.002". Errors: STATUS_INVALID, with the expected value. */
void tolerance_text(const tolerance *allowed, char text[TOLERANCE_TEXT_MAX]);
status tolerance_parse(const char *text, tolerance *out, error_info *err);

/* Write and read a number with all its bits, nan, inf or -inf. Errors: STATUS_INVALID, with the expected value. */
void number_text(double value, char text[NUMBER_TEXT_MAX]);
status number_parse(const char *text, double *out, error_info *err);

#endif
