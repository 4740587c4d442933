/* clock.c - the monotonic clock of the system, and durations. */
#include "system/clock.h"

#include <string.h>
#include <time.h>

#include "base/number.h"

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Accept each unit at most once, the larger first; "30m1h" is an error. */
bool clock_read_duration(const char *text, double *seconds) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    double sum = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && *text; i++) {
        const char *end = text + strspn(text, "0123456789.");
        double value;
        if (*end != units[i].unit) continue;
        if (!number_read(text, end, &value)) return false;
        sum += value * units[i].seconds;
        text = end + 1;
    }
    if (*text || !(sum > 0)) return false;
    *seconds = sum;
    return true;
}
