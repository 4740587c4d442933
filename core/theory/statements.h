/* statements.h - the paper's mathematics as numbers, each with the bound that it has to keep.
 *
 * A statement is one number: an error, an order of convergence, a distance. What is proven equal has to be small, what
 * is proven different has to be large. All go through the library's own fields, contexts and solvers, in the double
 * build. */
#ifndef AFFJORD_THEORY_STATEMENTS_H
#define AFFJORD_THEORY_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "field/image_model.h"
#include "flow/cnf.h"

typedef enum theory_relation { THEORY_SHOWN, THEORY_AT_MOST, THEORY_AT_LEAST } theory_relation;

typedef struct theory_statement {
    const char *item; /* of the list below */
    const char *subject; /* the field that it is about */
    const char *quantity;
    double x; /* what it is drawn against: a step, a time; 0 where it is one number */
    double value;
    theory_relation relation; /* THEORY_SHOWN: no bound */
    double bound;
} theory_statement;

bool theory_holds(const theory_statement *one);

/* Takes statements one by one; what it returns ends the item unless it is STATUS_OK. */
typedef status theory_report(void *argument, const theory_statement *one);

/* What is looked at. */
typedef struct theory_subject {
    cnf_spec flow; /* a toy flow; its end time is T */
    const real *params; /* (P), trained */
    uint64_t seed; /* of all that is drawn */
    image_spec image; /* a model whose first flow, of 8 x 8 images, is looked at with drawn parameters */
    activation function;
    theory_report *report;
    void *argument;
} theory_subject;

/* One item, of theory_items. Errors: STATUS_INVALID for an unknown name; STATUS_MEMORY; those of solves. */
status theory_check(const theory_subject *subject, const char *item, failure *why);

/* The names, ended by NULL:
 *   cable       eq. 11, 20, 38: Y' = A Y against differences and against the product of the steps' Jacobians
 *   magnus      eq. 12, 35, 42 to 48: truncations of the series, one dimension, where it fails
 *   trace       eq. 6, appendix E: tr Omega_k, log|det|, int tr, Hutchinson's estimate
 *   blocks      eq. 15 to 17, appendix F: the block structure of AFFJORD and of the general augmentation
 *   derivative  eq. 13, 14, 39, appendices B, C, G, H: dz(T)/dtheta four ways
 *   mapping     section 3.4: what a plain flow cannot map, what the general one can, and what that costs */
extern const char *const theory_items[];

#endif
