/* statements_internal.h - what the files of the statements share. */
#ifndef AFFJORD_THEORY_STATEMENTS_INTERNAL_H
#define AFFJORD_THEORY_STATEMENTS_INTERNAL_H

#include "theory/dynamics.h"
#include "theory/statements.h"

/* The items. */
status theory_cable(const theory_subject *subject);
status theory_magnus(const theory_subject *subject);
status theory_trace(const theory_subject *subject);
status theory_blocks(const theory_subject *subject);
status theory_derivative(const theory_subject *subject);
status theory_mapping(const theory_subject *subject);

/* The fields of every item: the trained one, and a livelier one that was drawn, with the same specification. */
typedef struct theory_fields {
    dynamics *trained, *drawn;
    real *params; /* (P), of the drawn one */
} theory_fields;

status theory_fields_open(const theory_subject *subject, theory_fields *out);
void theory_fields_close(theory_fields *fields);

/* A drawn field of a specification, and its parameters, `scale` times a training's start; both the caller's. */
status theory_draw(const cnf_spec *spec, uint64_t seed, double scale, dynamics **out, real **params);

/* z (n) <- a point of the standard normal distribution, number `index` of the subject's seed. */
void theory_point(const theory_subject *subject, uint64_t index, size_t n, real *z);

/* Report one number without a bound, or with one. */
status theory_show(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                   double value);
status theory_claim(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                    double value, theory_relation relation, double bound);

/* log2 of how much an error falls where its x is halved. */
double theory_order(double error, double half);

#endif
