/* step_control.h - the numbers that a solve is steered by.
 *
 * A solve decides at every step: whether the step is accepted, how long the next
 * one is, at which times its stages are evaluated, whether the end is reached. It
 * decides on one structure in the backend's memory, by one text for processor and
 * device (step_rules.h). Operations read their weights and times there too, so
 * that the calls of a step are the same each time, whatever it decides, and a
 * device that has recorded them repeats them without a word from the program.
 *
 * Legend: s stages, h size of a step (negative backwards in time), n reals of a state. */
#ifndef AFFJORD_BACKEND_STEP_CONTROL_H
#define AFFJORD_BACKEND_STEP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

enum {
    RK_STAGES_MAX = 13,
    RK_WEIGHTS_MAX = RK_STAGES_MAX + 1 /* with the derivative at the step's end */
};

typedef struct tableau {
    const char *name; /* of the program's memory; no device reads it */
    size_t order;
    size_t stages; /* s, evaluations that the result of a step needs */
    double a[RK_STAGES_MAX][RK_STAGES_MAX];
    double b[RK_STAGES_MAX];
    double c[RK_STAGES_MAX];
    /* Of embedded pairs, zero otherwise: weights of k_0 .. k_s, where k_s = F(t + h, y+). */
    double error[RK_WEIGHTS_MAX]; /* h sum_i error_i k_i estimates the error of y+ */
    double mid[RK_WEIGHTS_MAX]; /* y + h sum_i mid_i k_i is near y(t + h/2) */
} tableau;

/* What a step's operations read. Only rows and entries that the method has are set. */
typedef struct step_numbers {
    double time[RK_WEIGHTS_MAX]; /* of each stage */
    double stage[RK_WEIGHTS_MAX][RK_WEIGHTS_MAX]; /* h a_ij; row s is h b_j */
    double error[RK_WEIGHTS_MAX]; /* h error_j */
    double result[RK_WEIGHTS_MAX]; /* h w_j of what a solve ends with, in its last step; before, of an Euler step */
    double back[RK_WEIGHTS_MAX][RK_WEIGHTS_MAX]; /* row i: h w_i, then h a_ji of the stages j behind stage i */
    double one[RK_WEIGHTS_MAX]; /* ones */
    double apart[2]; /* 1, -1 */
} step_numbers;

/* Sizes are positive in both directions of time but for h. */
typedef struct step_control {
    /* What is asked for; set by the program. */
    tableau method;
    double start, end, direction; /* 1 forward in time, -1 backward */
    size_t grid; /* equal steps from start to end; 0: adaptive steps */
    double first_step; /* 0: to be chosen */
    double min_step, max_step; /* max_step 0: no bound */
    bool land;
    size_t attempts; /* at most */
    size_t capacity; /* steps that can be kept; SIZE_MAX where none are */
    double *times, *sizes; /* (capacity) in the backend's memory: t and h of accepted steps; NULL: not kept */

    /* What operations measure. */
    double size_norm, slope_norm,
        bend_norm; /* of the first state, its derivative, and how that changes along an Euler step */
    double ratio; /* of error and tolerance, in the step that was tried */

    /* How it stands. */
    int going; /* whether there is another step to do */
    int outcome; /* a status, once there is none */
    double size; /* wanted of the next attempt */
    double t, until, h; /* the step under way */
    double reached; /* by the last accepted step */
    size_t steps; /* accepted and kept: where the step under way is kept. On the way back: which step it is */
    size_t count; /* of the way back: all steps that were kept */
    size_t advance; /* 1: what was tried becomes the state; 0: the state stays, as the step was rejected or the last */
    bool finite; /* the last attempt */
    size_t evaluations, accepted, rejected;
    double smallest, largest; /* accepted step */
    step_numbers numbers;
} step_control;

typedef enum step_action {
    /* Of adaptive steps. */
    STEP_EULER, /* from size_norm and slope_norm: an Euler step to be measured, `result` and time[1] */
    STEP_BEGIN, /* from all three norms, or the given size: the first attempt; the start may be the end of it all */
    STEP_JUDGE, /* from `ratio`: whether the attempt is accepted, and whether it was the last */
    STEP_PLAN, /* the next attempt, after what was accepted has become the state */
    /* Of a fixed grid. */
    STEP_DONE, /* the next step, after one was done */
    /* On the way back through kept steps. */
    STEP_BACK, /* the step before the one that was reversed */
    STEP_FURTHER /* after an interpolated last step, alone: the others, if there are any */
} step_action;

/* One decision, on a control that the program can look into. */
void step_control_act(step_action action, step_control *control);

/* The first step of the grid, on the program's copy of a control that is otherwise set up. */
void step_control_begin_grid(step_control *control);

/* Weights of a step of size h: `stage`, and where `back`, those of its reverse with b for w; and what is constant. */
void step_numbers_weigh(const tableau *method, double h, bool back, step_numbers *numbers);

/* w (s + 1) of tableau_dense (ode/tableau.h). */
void step_dense(const tableau *pair, double x, double *w);

AFFJORD_API_END

#endif
