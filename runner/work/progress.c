/* progress.c - the progress of the runs, for the user. */
#include "work/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/number.h"
#include "system/clock.h"

enum { LABEL_MAX = 96, LINE_MAX_BYTES = 2048, COLUMNS_DEFAULT = 80 };
#define LIVE_SECONDS 0.2
#define PLAIN_SECONDS 10.0
#define RATE_SECONDS 3.0 /* time constant of the averaged rate */
#define RATE_LEAST 0.05 /* seconds of a rate: messages that waited together arrive within microseconds */

typedef struct progress_slot {
    bool active;
    char label[LABEL_MAX];
    uint64_t iteration, to;
    double loss;
    double rate; /* iterations per second; 0: unknown */
    uint64_t timed; /* iteration, */
    double seen; /* and time, from which the next rate is measured */
} progress_slot;

struct progress {
    FILE *stream;
    bool live, plain, colours; /* neither live nor plain: quiet */
    bool drawn; /* the live line is on the screen */
    double last;
    size_t runs, done, slots;
    uint64_t waiting; /* iterations of runs that have not started */
    double pace; /* mean rate of a slot, for the estimate between runs */
    progress_slot *slot; /* (slots) */
};

/* A terminal that can move to the start of a line. */
static bool is_terminal(FILE *stream) {
    const char *name = getenv("TERM");
    return isatty(fileno(stream)) && name && *name && strcmp(name, "dumb") != 0;
}

bool progress_colours(FILE *stream) {
    const char *refused = getenv("NO_COLOR");
    return is_terminal(stream) && !(refused && *refused);
}

status progress_create(FILE *stream, bool quiet, size_t slots, size_t runs, size_t done, uint64_t iterations,
                       progress **out) {
    progress *shown = calloc(1, sizeof *shown);
    if (!shown) return STATUS_MEMORY;
    shown->slot = calloc(slots ? slots : 1, sizeof *shown->slot);
    if (!shown->slot) {
        free(shown);
        return STATUS_MEMORY;
    }
    shown->stream = stream;
    shown->live = !quiet && is_terminal(stream);
    shown->plain = !quiet && !shown->live;
    shown->colours = progress_colours(stream);
    shown->runs = runs;
    shown->done = done;
    shown->slots = slots;
    shown->waiting = iterations;
    shown->last = clock_seconds();
    *out = shown;
    return STATUS_OK;
}

static void wipe(progress *shown) {
    if (shown->drawn) fputs("\r\033[K", shown->stream);
    shown->drawn = false;
}

void progress_destroy(progress **shown) {
    if (!*shown) return;
    wipe(*shown);
    fflush((*shown)->stream);
    free((*shown)->slot);
    free(*shown);
    *shown = NULL;
}

void progress_start(progress *shown, size_t slot, const char *label, uint64_t from, uint64_t to) {
    progress_slot *one = &shown->slot[slot];
    *one = (progress_slot){
        .active = true, .iteration = from, .timed = from, .to = to, .loss = NAN, .seen = clock_seconds()};
    snprintf(one->label, sizeof one->label, "%s", label);
    const uint64_t left = to > from ? to - from : 0;
    shown->waiting -= left < shown->waiting ? left : shown->waiting;
}

void progress_update(progress *shown, size_t slot, uint64_t iteration, double loss) {
    progress_slot *one = &shown->slot[slot];
    const double now = clock_seconds(), passed = now - one->seen;
    const bool first = isnan(one->loss); /* its time includes the preparations */
    one->loss = loss;
    if (iteration <= one->iteration) return;
    one->iteration = iteration;
    if (!first && passed < RATE_LEAST) return;
    if (!first) {
        const double rate = (double)(iteration - one->timed) / passed;
        const double weight = one->rate > 0 ? 1 - exp(-passed / RATE_SECONDS) : 1;
        one->rate += weight * (rate - one->rate);
        shown->pace = one->rate;
    }
    one->timed = iteration;
    one->seen = now;
}

void progress_end(progress *shown, size_t slot, bool finished) {
    shown->slot[slot].active = false;
    if (finished) shown->done++;
}

void progress_time(double duration, char text[32]) {
    if (!isfinite(duration) || duration > 1e8) {
        snprintf(text, 32, "?");
        return;
    }
    const long whole = lround(ceil(duration)), hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
    if (hours > 0) snprintf(text, 32, "%ld:%02ld:%02ld", hours, minutes, rest);
    else snprintf(text, 32, "%ld:%02ld", minutes, rest);
}

/* Return the seconds until the end, if later runs are as fast as the running ones. */
static double estimate(const progress *shown) {
    double rates = 0, left = (double)shown->waiting, longest = 0;
    for (size_t i = 0; i < shown->slots; i++) {
        const progress_slot *one = &shown->slot[i];
        if (!one->active) continue;
        const double rest = one->to > one->iteration ? (double)(one->to - one->iteration) : 0;
        const double rate = one->rate > 0 ? one->rate : shown->pace;
        rates += rate;
        left += rest;
        if (rate > 0 && rest / rate > longest) longest = rest / rate;
    }
    return rates > 0 ? fmax(left / rates, longest) : INFINITY;
}

__attribute__((format(printf, 3, 4))) static void append(char line[LINE_MAX_BYTES], size_t *used, const char *format,
                                                         ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = number_print_list(line + *used, LINE_MAX_BYTES - *used, format, arguments);
    va_end(arguments);
    *used = *used + (size_t)length < LINE_MAX_BYTES ? *used + (size_t)length : LINE_MAX_BYTES - 1;
}

/* Write the whole state: runs, their iterations, and the remaining time. */
static void compose(const progress *shown, char line[LINE_MAX_BYTES]) {
    size_t used = 0;
    char time_left[32];
    progress_time(estimate(shown), time_left);
    append(line, &used, "[%zu/%zu] %s left", shown->done, shown->runs, time_left);
    for (size_t i = 0; i < shown->slots; i++) {
        const progress_slot *one = &shown->slot[i];
        if (!one->active) continue;
        append(line, &used, " | %s %" PRIu64 "/%" PRIu64, one->label, one->iteration, one->to);
        if (one->iteration >= one->to) append(line, &used, " storing");
        else if (one->rate > 0) append(line, &used, " loss %.4f %.*f it/s", one->loss, one->rate < 10, one->rate);
    }
}

static size_t columns_of(FILE *stream) {
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return COLUMNS_DEFAULT;
}

double progress_due(const progress *shown) {
    if (!shown->live && !shown->plain) return INFINITY;
    const double left = (shown->live ? LIVE_SECONDS : PLAIN_SECONDS) - (clock_seconds() - shown->last);
    return left > 0 ? left : 0;
}

void progress_draw(progress *shown) {
    if (progress_due(shown) > 0) return;
    char line[LINE_MAX_BYTES];
    compose(shown, line);
    shown->last = clock_seconds();
    if (shown->plain) {
        fprintf(shown->stream, "%s\n", line);
    } else {
        const size_t columns = columns_of(shown->stream), head = strcspn(line, " ");
        if (columns > 0 && strlen(line) >= columns) line[columns - 1] = '\0';
        wipe(shown);
        if (shown->colours && strlen(line) > head)
            fprintf(shown->stream, "\033[1m%.*s\033[0m%s", (int)head, line, line + head);
        else fputs(line, shown->stream);
        shown->drawn = true;
    }
    fflush(shown->stream);
}

void progress_say(progress *shown, const char *format, ...) {
    wipe(shown);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(shown->stream, format, arguments);
    va_end(arguments);
    fputc('\n', shown->stream);
    fflush(shown->stream);
}

void progress_note(progress *shown, const char *text) {
    if (shown->live || shown->plain) progress_say(shown, "%s", text);
}
