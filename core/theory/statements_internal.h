/* statements_internal.h - functions that the checks share. */
#ifndef AFFJORD_THEORY_STATEMENTS_INTERNAL_H
#define AFFJORD_THEORY_STATEMENTS_INTERNAL_H

#include "theory/dynamics.h"
#include "theory/statements.h"

/* One function for each item. */
status theory_cable(const theory_subject *subject);
status theory_magnus(const theory_subject *subject);
status theory_trace(const theory_subject *subject);
status theory_blocks(const theory_subject *subject);
status theory_derivative(const theory_subject *subject);
status theory_mapping(const theory_subject *subject);

/* The fields of each item: the trained one, and a drawn one with larger weights and the same specification. */
typedef struct theory_fields {
    dynamics *trained, *drawn;
    real *params; /* (P), of the drawn one */
} theory_fields;

status theory_fields_open(const theory_subject *subject, theory_fields *out);
void theory_fields_close(theory_fields *fields);

/* Draw parameters, `scale` times those that a training starts with, and create a field from them. The caller owns
 * both. */
status theory_draw(const cnf_spec *spec, uint64_t seed, double scale, dynamics **out, real **params);

/* z (n) <- a point of the standard normal distribution; `index` selects it among those of the subject's seed. */
void theory_point(const theory_subject *subject, uint64_t index, size_t n, real *z);

/* Report one number, without a bound or with one. */
status theory_show(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                   double value);
status theory_claim(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                    double value, theory_relation relation, double bound);

/* Return log2(error / half), the order of convergence from one halving. */
double theory_order(double error, double half);

#endif
