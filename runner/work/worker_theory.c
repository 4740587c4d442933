/* worker_theory.c - the paper's mathematics on the field that a worker has trained. */
#include <stdio.h>
#include <string.h>

#include "theory/statements.h"
#include "work/worker_internal.h"

#ifndef AFFJORD_DOUBLE

status worker_send_theory(worker *self, error_info *err) {
    (void)self;
    return error_set(err, STATUS_INVALID, "the mathematics is computed in double; make PRECISION=double");
}

#else

typedef struct reporting {
    worker *self;
    error_info *err;
} reporting;

static status report(void *argument, const theory_statement *one) {
    static const char *const relations[] = {[THEORY_SHOWN] = "", [THEORY_AT_MOST] = "<=", [THEORY_AT_LEAST] = ">="};
    reporting *to = argument;
    message m = {.kind = MESSAGE_THEORY,
                 .theory = {.x = one->x, .value = one->value, .bound = one->bound, .holds = theory_holds(one)}};
    snprintf(m.theory.item, sizeof m.theory.item, "%s", one->item);
    snprintf(m.theory.subject, sizeof m.theory.subject, "%s", one->subject);
    snprintf(m.theory.quantity, sizeof m.theory.quantity, "%s", one->quantity);
    snprintf(m.theory.relation, sizeof m.theory.relation, "%s", relations[one->relation]);
    return worker_send(to->self, m, NULL, to->err);
}

status worker_send_theory(worker *self, error_info *err) {
    const plan_run *run = self->task->run;
    const size_t shape[3] = {1, 8, 8};
    reporting to = {.self = self, .err = err};
    theory_subject subject = {.params = trainer_parameters(self->training),
                              .seed = run->seed,
                              .function = (activation)self->task->values->image_activation,
                              .report = report,
                              .argument = &to};
    char item[SETTINGS_TEXT_MAX];
    specification_flow(self->task->values, run->dataset->shape.dimension, &subject.flow);
    specification_image(self->task->values, shape, &subject.image);
    for (const char *cursor = self->task->values->experiment_theory; settings_list_next(&cursor, item);) {
        if (worker_stop_requested(self)) return STATUS_OK;
        TRY(theory_check(&subject, item, err));
    }
    return STATUS_OK;
}

#endif
