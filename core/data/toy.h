/* toy.h - two-dimensional densities to train on.
 *
 * Each is an infinite population: point `index` of a stream is drawn on its
 * own, so any point can be had at any time. docs/reference/data.md gives all definitions. */
#ifndef AFFJORD_DATA_TOY_H
#define AFFJORD_DATA_TOY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

/* Takes one line of a definition, without its end of line. */
typedef void toy_line(void *argument, const char *text);

/* What a kind of density can do; `shape` is the table of numbers that makes it
 * one density of its kind. */
typedef struct toy_ops {
    /* x (2) <- point `index` of the stream. */
    void (*sample)(const void *shape, random_stream stream, uint64_t index, double x[2]);
    /* log p(x) in nats, -INFINITY outside the support; NULL if there is no closed form. */
    double (*log_density)(const void *shape, const double x[2]);
    /* Differential entropy in nats; NULL if log_density is. */
    double (*entropy)(const void *shape);
    /* Pass the canonical text of the shape's numbers on, line by line. */
    void (*define)(const void *shape, toy_line *line, void *argument);
} toy_ops;

typedef struct toy {
    const char *name; /* in settings and tables */
    const char *title; /* in figures */
    int version; /* raised when its points change though its numbers do not */
    double window[4]; /* {x0, x1, y0, y1}, where it is drawn */
    const toy_ops *ops;
    const void *shape;
} toy;

/* The known densities, in the order of docs/reference/data.md. */
size_t toy_count(void);
const toy *toy_at(size_t index);

/* The density of this name, or NULL; and the name most like an unknown one. */
const toy *toy_find(const char *name);
const char *toy_nearest(const char *name);

/* Point `index` of the stream. */
void toy_sample(const toy *density, random_stream stream, uint64_t index, double x[2]);

/* Exact log p(x) and entropy in nats; false where there is no closed form. The
 * entropy takes some milliseconds of quadrature and is right to 1e-8. */
bool toy_log_density(const toy *density, const double x[2], double *log_density);
bool toy_entropy(const toy *density, double *entropy);

/* SHA-256, in hexadecimal, of name, version and the canonical text. */
void toy_checksum(const toy *density, char hexadecimal[65]);

#endif
