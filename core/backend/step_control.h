/* step_control.h - the state that controls a solve.
 *
 * At each step a solve decides whether the step is accepted, how long the next one is, the times of its stages, and
 * whether the end is reached. It decides on one structure in the backend's memory, by rules that processor and device
 * share (step_rules.h). Operations read their weights and times from it. The calls of a step are therefore always the
 * same, and a device can record and repeat them without host synchronization.
 *
 * Legend: s stages, h size of a step (negative backwards in time), n reals of a state. */
#ifndef AFFJORD_BACKEND_STEP_CONTROL_H
#define AFFJORD_BACKEND_STEP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/butcher.h"
#include "base/status.h"

/* The coefficients that the operations of a step read. Only the rows and entries of the method are set. */
typedef struct step_coefficients {
    double time[RK_WEIGHTS_MAX]; /* of each stage */
    double stage[RK_WEIGHTS_MAX][RK_WEIGHTS_MAX]; /* h a_ij; row s is h b_j */
    double error[RK_WEIGHTS_MAX]; /* h error_j */
    double result[RK_WEIGHTS_MAX]; /* h w_j of the final state, in the last step; before, of an Euler step */
    double backward[RK_WEIGHTS_MAX][RK_WEIGHTS_MAX]; /* row i: h w_i, then h a_ji of the stages j after stage i */
    double one[RK_WEIGHTS_MAX]; /* ones */
    double difference[2]; /* 1, -1 */
} step_coefficients;

/* Sizes are positive in both directions of time, except h. */
typedef struct step_control {
    /* The request, set by the host. */
    tableau method;
    double start, end, direction; /* 1 forward in time, -1 backward */
    size_t fixed_steps; /* number of equal steps from start to end; 0: adaptive steps */
    double first_step; /* 0: automatic */
    double min_step, max_step; /* max_step 0: unbounded */
    bool stop_at_end;
    size_t attempts; /* maximum */
    size_t capacity; /* steps that can be stored; SIZE_MAX if none are stored */
    double *times, *sizes; /* (capacity) in the backend's memory: t and h of accepted steps; NULL: not stored */

    /* Measured by operations. */
    /* Norms of the first state, of its derivative, and of the change of the derivative along an Euler step. */
    double state_norm, derivative_norm, second_derivative_norm;
    double ratio; /* error over tolerance, in the last attempt */

    /* The present state. */
    int going; /* whether a step remains */
    int outcome; /* a status, once none remains */
    double size; /* of the next attempt */
    double t, t_next, h; /* the current step */
    double reached; /* end of the last accepted step */
    /* Accepted and stored steps, the index of the current one. In a backward pass: the index of its step. */
    size_t steps;
    size_t count; /* in a backward pass: all stored steps */
    /* 1: the attempt becomes the state; 0: the state stays, because the attempt was rejected or the last. */
    size_t advance;
    bool finite; /* the last attempt */
    size_t evaluations, accepted, rejected;
    double smallest, largest; /* accepted steps */
    step_coefficients coefficients;
} step_control;

typedef enum step_action {
    /* For adaptive steps. */
    STEP_EULER, /* from state_norm and derivative_norm: prepare an Euler step to be measured, `result` and time[1] */
    STEP_BEGIN, /* from all three norms, or the given size: prepare the first attempt, unless start is end */
    STEP_ACCEPT_REJECT, /* from `ratio`: accept or reject the attempt; finish if it was the last */
    STEP_NEXT_SIZE, /* prepare the next attempt, after an accepted one has become the state */
    /* For fixed steps. */
    STEP_DONE, /* prepare the next step */
    /* For a backward pass through stored steps. */
    STEP_BACKWARD, /* prepare the step before the present one */
    STEP_BACKWARD_REST /* after an interpolated last step, which runs alone: whether others remain */
} step_action;

/* Perform one decision on a control in host memory. */
void step_control_act(step_action action, step_control *control);

/* Prepare the first of equal steps, on a host copy of an otherwise complete control. */
void step_control_begin_fixed(step_control *control);

/* Set the coefficients of a step of size h: `stage`; with `backward`, those of its backward pass with w = b; and the
 * constants. */
void step_coefficients_set(const tableau *method, double h, bool backward, step_coefficients *coefficients);

/* Dense output of a pair: w (s + 1) such that y + h sum_i w_i k_i is the polynomial of degree 4 through the values and
 * derivatives at both ends and the value in the middle, at t + x h, 0 <= x <= 1. Of second order for heun2, third for
 * bosh3 (for both it is the cubic Hermite polynomial), fourth for the others. */
void step_dense(const tableau *pair, double x, double *w);

#endif
