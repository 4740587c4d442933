/* tolerance.c - tolerances of recorded numbers. */
#include "compare/tolerance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static const char *const names[] = {
    [TOLERANCE_BITS] = "bits", [TOLERANCE_ABSOLUTE] = "absolute", [TOLERANCE_RELATIVE] = "relative"};

bool tolerance_same(double recorded, double found) {
    return recorded == found || (isnan(recorded) && isnan(found));
}

bool tolerance_allows(const tolerance *allowed, double recorded, double found) {
    if (tolerance_same(recorded, found)) return true;
    if (!isfinite(recorded) || !isfinite(found)) return false;
    const double difference = fabs(found - recorded);
    switch (allowed->kind) {
    case TOLERANCE_BITS: return false;
    case TOLERANCE_ABSOLUTE: return difference <= allowed->amount;
    case TOLERANCE_RELATIVE: return difference <= allowed->amount * fabs(recorded);
    }
    return false;
}

void number_text(double value, char text[NUMBER_TEXT_MAX]) {
    if (isnan(value)) snprintf(text, NUMBER_TEXT_MAX, "nan");
    else number_print(text, NUMBER_TEXT_MAX, "%.17g", value);
}

status number_parse(const char *text, double *out, error_info *err) {
    static const char *const kinds[] = {"nan", "inf", "-inf"};
    const double values[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(text, kinds[i]) != 0) continue;
        *out = values[i];
        return STATUS_OK;
    }
    double value;
    if (!number_read(text, text + strlen(text), &value) || !isfinite(value))
        return error_set(err, STATUS_INVALID, "\"%.60s\": expected a number, nan, inf or -inf", text);
    *out = value;
    return STATUS_OK;
}

void tolerance_text(const tolerance *allowed, char text[TOLERANCE_TEXT_MAX]) {
    if (allowed->kind == TOLERANCE_BITS) snprintf(text, TOLERANCE_TEXT_MAX, "%s", names[TOLERANCE_BITS]);
    else number_print(text, TOLERANCE_TEXT_MAX, "%s %.15g", names[allowed->kind], allowed->amount);
}

status tolerance_parse(const char *text, tolerance *out, error_info *err) {
    if (strcmp(text, names[TOLERANCE_BITS]) == 0) {
        *out = (tolerance){.kind = TOLERANCE_BITS};
        return STATUS_OK;
    }
    for (tolerance_kind kind = TOLERANCE_ABSOLUTE; kind <= TOLERANCE_RELATIVE; kind++) {
        const size_t length = strlen(names[kind]);
        double amount;
        if (strncmp(text, names[kind], length) != 0 || text[length] != ' ') continue;
        if (number_parse(text + length + 1, &amount, NULL) != STATUS_OK || !(amount >= 0) || isinf(amount)) break;
        *out = (tolerance){.kind = kind, .amount = amount};
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID,
                     "\"%.60s\": expected bits, \"absolute NUMBER\" or \"relative NUMBER\", the number at least 0",
                     text);
}
