/* toy.h - two-dimensional densities to train on.
 *
 * Each density is an infinite population: point `index` of a stream is drawn independently, so any point can be
 * computed at any time. docs/reference/data.md has all definitions. */
#ifndef AFFJORD_DATA_TOY_H
#define AFFJORD_DATA_TOY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

/* Receives one line of a definition, without a newline. */
typedef void toy_line(void *argument, const char *text);

/* The operations of a kind of density; `shape` holds the constants of one density of the kind. */
typedef struct toy_ops {
    /* x (2) <- point `index` of the stream. */
    void (*sample)(const void *shape, random_stream stream, uint64_t index, double x[2]);
    /* log p(x) in nats, -INFINITY outside the support; NULL if there is no closed form. */
    double (*log_density)(const void *shape, const double x[2]);
    /* Differential entropy in nats; NULL if log_density is. */
    double (*entropy)(const void *shape);
    /* Pass the canonical text of the constants to `line`, line by line. */
    void (*define)(const void *shape, toy_line *line, void *argument);
} toy_ops;

typedef struct toy {
    const char *name; /* in settings and tables */
    int version; /* increased when the points change but the constants do not */
    double window[4]; /* {x0, x1, y0, y1}, the plotted rectangle */
    const toy_ops *ops;
    const void *shape;
} toy;

/* The known densities, in the order of docs/reference/data.md. */
size_t toy_count(void);
const toy *toy_at(size_t index);

/* Return the density of this name, or NULL; return the name most similar to an unknown one. */
const toy *toy_find(const char *name);
const char *toy_suggest(const char *name);

/* x (2) <- point `index` of the stream. */
void toy_sample(const toy *density, random_stream stream, uint64_t index, double x[2]);

/* Compute exact log p(x) and entropy in nats; return false if there is no closed form. The entropy takes some
 * milliseconds of quadrature and is accurate to 1e-8. */
bool toy_log_density(const toy *density, const double x[2], double *log_density);
bool toy_entropy(const toy *density, double *entropy);

/* hexadecimal <- the SHA-256 of name, version and canonical text. */
void toy_checksum(const toy *density, char hexadecimal[65]);

#endif
