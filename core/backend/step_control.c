/* step_control.c - the rules of step_rules.h compiled for the processor. */
#include "backend/step_control.h"

#include "base/detmath.h"

#define STEP_FUNCTION static
#define STEP_POWER(x, y) det_pow(x, y)
#include "backend/step_rules.h"

void step_control_act(step_action action, step_control *control) {
    rules_act(action, control);
}

void step_control_begin_grid(step_control *control) {
    rules_grid(control, 0);
}

void step_numbers_weigh(const tableau *method, double h, bool back, step_numbers *numbers) {
    for (size_t i = 0; i < RK_WEIGHTS_MAX; i++) numbers->one[i] = 1;
    numbers->apart[0] = 1;
    numbers->apart[1] = -1;
    rules_weigh(method, h, numbers);
    if (back) rules_weigh_back(method, h, method->stages, method->b, numbers);
}

void step_dense(const tableau *pair, double x, double *w) {
    rules_dense(pair, x, w);
}
