/* statements.c - dispatch by item name, and functions that the checks share. */
#include "theory/statements.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "theory/statements_internal.h"

status theory_check(const theory_subject *subject, const char *item, error_info *err) {
    static status (*const checks[])(const theory_subject *subject) = {theory_cable,  theory_magnus,     theory_trace,
                                                                      theory_blocks, theory_derivative, theory_mapping};
    for (size_t i = 0; theory_items[i]; i++) {
        if (strcmp(item, theory_items[i]) != 0) continue;
        const status outcome = checks[i](subject);
        return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "theory item %s: computation failed", item);
    }
    return error_set(err, STATUS_INVALID, "theory item \"%s\": unknown", item);
}

status theory_draw(const cnf_spec *spec, uint64_t seed, double scale, dynamics **out, real **params) {
    cnf *flow;
    TRY(cnf_create(spec, 1, NULL, &flow, NULL));
    const size_t P = cnf_parameters(flow)->total;
    real *drawn = calloc(P, sizeof *drawn);
    status outcome = drawn ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        cnf_initialise(flow, seed, drawn);
        for (size_t i = 0; i < P; i++) drawn[i] *= (real)scale;
        outcome = dynamics_toy(spec, drawn, out);
    }
    cnf_destroy(&flow);
    if (outcome == STATUS_OK) *params = drawn;
    else free(drawn);
    return outcome;
}

status theory_fields_open(const theory_subject *subject, theory_fields *out) {
    *out = (theory_fields){.trained = NULL};
    TRY(dynamics_toy(&subject->flow, subject->params, &out->trained));
    const status outcome = theory_draw(&subject->flow, subject->seed + 1, 3, &out->drawn, &out->params);
    if (outcome != STATUS_OK) theory_fields_close(out);
    return outcome;
}

void theory_fields_close(theory_fields *fields) {
    dynamics_destroy(&fields->trained);
    dynamics_destroy(&fields->drawn);
    free(fields->params);
    fields->params = NULL;
}

void theory_point(const theory_subject *subject, uint64_t index, size_t n, real *z) {
    const random_stream stream = {.seed = subject->seed, .purpose = RANDOM_TARGET, .iteration = index};
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4(stream, i, 0, u);
        z[i] = (real)u[0];
    }
}

status theory_show(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                   double value) {
    return theory_claim(subject, item, name, quantity, x, value, THEORY_SHOWN, 0);
}

status theory_claim(const theory_subject *subject, const char *item, const char *name, const char *quantity, double x,
                    double value, theory_relation relation, double bound) {
    const theory_statement one = {.item = item,
                                  .subject = name,
                                  .quantity = quantity,
                                  .x = x,
                                  .value = value,
                                  .relation = relation,
                                  .bound = bound};
    return subject->report(subject->argument, &one);
}

double theory_order(double error, double half) {
    return log2(error / half);
}
