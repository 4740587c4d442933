/* statements.h - numerical checks of the paper's theorems, each with a bound.
 *
 * A statement is one number: an error, an order of convergence or a distance. A quantity that is proven zero must be
 * small; one that is proven non-zero must be large. All checks use the library's own fields, contexts and solvers, in
 * the double build. */
#ifndef AFFJORD_THEORY_STATEMENTS_H
#define AFFJORD_THEORY_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "field/image_model.h"
#include "flow/cnf.h"

typedef enum theory_relation { THEORY_SHOWN, THEORY_AT_MOST, THEORY_AT_LEAST } theory_relation;

typedef struct theory_statement {
    const char *item; /* from theory_items */
    const char *subject; /* the field that was checked */
    const char *quantity;
    double x; /* the abscissa of a plot, a step or a time; 0 for a single number */
    double value;
    theory_relation relation; /* THEORY_SHOWN: no bound */
    double bound;
} theory_statement;

bool theory_holds(const theory_statement *one);

/* Receives the statements one by one. A result other than STATUS_OK ends the item. */
typedef status theory_report(void *argument, const theory_statement *one);

/* The models to check. */
typedef struct theory_subject {
    cnf_spec flow; /* a toy flow; its end time is T */
    const real *params; /* (P), trained */
    uint64_t seed; /* of all random draws */
    image_spec image; /* a model whose first flow, on 8 x 8 images, is checked with drawn parameters */
    activation function;
    theory_report *report;
    void *argument;
} theory_subject;

/* Compute one item of theory_items. Errors: STATUS_INVALID for an unknown name; STATUS_MEMORY; those of solves. */
status theory_check(const theory_subject *subject, const char *item, error_info *err);

/* The names of the items, terminated by NULL:
 *
 *   cable       eq. 11, 20, 38: Y' = A Y against differences and against the product of the steps' Jacobians
 *   magnus      eq. 12, 35, 42 to 48: truncations of the series, one dimension, a case of divergence
 *   trace       eq. 6, appendix E: tr Omega_k, log|det|, int tr, Hutchinson's estimator
 *   blocks      eq. 15 to 17, appendix F: the block structure of AFFJORD and of the general augmentation
 *   derivative  eq. 13, 14, 39, appendices B, C, G, H: four methods for dz(T)/dtheta
 *   mapping     section 3.4: maps that a plain flow cannot fit and the general augmentation can, and their cost
 */
extern const char *const theory_items[];

#endif
