/* step_control.c - the rules of step_rules.h compiled for the processor. */
#include "backend/step_control.h"

#include "base/detmath.h"

#define STEP_FUNCTION static
#define STEP_POWER(x, y) det_pow(x, y)
#include "backend/step_rules.h"

void step_control_act(step_action action, step_control *control) {
    rules_act(action, control);
}

void step_control_begin_fixed(step_control *control) {
    rules_fixed_step(control, 0);
}

void step_coefficients_set(const tableau *method, double h, bool backward, step_coefficients *coefficients) {
    for (size_t i = 0; i < RK_WEIGHTS_MAX; i++) coefficients->one[i] = 1;
    coefficients->difference[0] = 1;
    coefficients->difference[1] = -1;
    rules_coefficients(method, h, coefficients);
    if (backward) rules_backward_coefficients(method, h, method->stages, method->b, coefficients);
}

void step_dense(const tableau *pair, double x, double *w) {
    rules_dense(pair, x, w);
}
