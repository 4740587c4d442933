/* test_theory_statements.c - results of the theory's items. */
#ifdef AFFJORD_DOUBLE

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "theory_support.h"
#include "work/message.h"

enum { ROWS_MAX = 512, KEY_MAX = 160 };

/* Statements that were reported, by their key in the database. */
typedef struct db {
    size_t count, bounded;
    const char *item;
    char key[ROWS_MAX][KEY_MAX];
} db;

/* Each must hold, have a unique key, and fit into its message. */
static status keep(void *argument, const theory_statement *one) {
    db *self = argument;
    const message m = {.kind = MESSAGE_THEORY};
    cr_assert_str_eq(one->item, self->item);
    cr_assert(strlen(one->item) < sizeof m.theory.item);
    cr_assert(*one->subject && strlen(one->subject) < sizeof m.theory.subject, "%s", one->subject);
    cr_assert(*one->quantity && strlen(one->quantity) < sizeof m.theory.quantity, "%s", one->quantity);
    cr_assert(isfinite(one->x) && isfinite(one->value) && isfinite(one->bound), "%s, %s", one->subject, one->quantity);
    cr_assert(theory_holds(one), "%s, %s, %s: %g where %g is the bound", one->item, one->subject, one->quantity,
              one->value, one->bound);
    cr_assert_lt(self->count, (size_t)ROWS_MAX);
    char *key = self->key[self->count];
    cr_assert_lt(snprintf(key, KEY_MAX, "%s|%s|%.17g", one->subject, one->quantity, one->x), KEY_MAX);
    for (size_t i = 0; i < self->count; i++) cr_assert_str_neq(self->key[i], key);
    self->count++;
    self->bounded += one->relation != THEORY_SHOWN;
    return STATUS_OK;
}

static theory_subject make_subject(cnf_context context, real **params) {
    theory_subject self = {.flow = toy(context, context == CONTEXT_AUGMENTED, 2),
                           .seed = 6,
                           .image = {.channels = 1,
                                     .height = 8,
                                     .width = 8,
                                     .layer = IMAGE_CONCATSQUASH,
                                     .hidden_layers = 1,
                                     .hidden = {1},
                                     .moving = 3,
                                     .fed = 2},
                           .function = ACTIVATION_TANH,
                           .report = keep};
    cnf *flow;
    self.flow.width = self.flow.hypernet_width = 3;
    self.flow.steps = 6;
    cr_assert_eq(cnf_create(&self.flow, 1, NULL, &flow, NULL), STATUS_OK);
    const size_t P = cnf_parameters(flow)->total;
    *params = calloc(P, sizeof **params);
    cnf_initialise(flow, 2, *params);
    for (size_t i = 0; i < P; i++) (*params)[i] *= 2;
    cnf_destroy(&flow);
    self.params = *params;
    return self;
}

/* All checks pass for this seed. With other seeds, a measured order may miss its bound by chance, if a step crosses a
 * kink of g or two powers of T nearly cancel; and some fits end in a poor minimum. */
static void check_item(const char *item, cnf_context context, uint64_t seed, size_t count, size_t bounded) {
    real *params;
    db *kept = calloc(1, sizeof *kept);
    error_info err = {""};
    theory_subject subject = make_subject(context, &params);
    kept->item = item;
    subject.seed = seed;
    subject.argument = kept;
    cr_assert_eq(theory_check(&subject, item, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(kept->count, count, "%zu statements", kept->count);
    cr_assert_eq(kept->bounded, bounded, "%zu statements have a bound", kept->bounded);
    free(kept);
    free(params);
}

TestSuite(theory_statements, .timeout = 600);

Test(theory_statements, cable) {
    check_item("cable", CONTEXT_CLOCK, 6, 31, 9);
}

Test(theory_statements, magnus) {
    check_item("magnus", CONTEXT_AUGMENTED, 6, 82, 14);
}

Test(theory_statements, trace) {
    check_item("trace", CONTEXT_CLOCK, 6, 12, 12);
    check_item("trace", CONTEXT_AUGMENTED, 6, 12, 12);
}

Test(theory_statements, blocks) {
    check_item("blocks", CONTEXT_CLOCK, 6, 9, 9);
    check_item("blocks", CONTEXT_AUGMENTED, 6, 9, 9);
}

Test(theory_statements, derivative) {
    check_item("derivative", CONTEXT_AUGMENTED, 6, 96, 32);
}

Test(theory_statements, mapping) {
    check_item("mapping", CONTEXT_CLOCK, 1, 9, 7);
}

Test(theory_statements, bounds_hold_on_their_side) {
    const struct {
        theory_relation relation;
        double value, bound;
        bool holds;
    } cases[] = {
        {THEORY_AT_MOST, 1, 2, true},     {THEORY_AT_MOST, 2, 2, true},     {THEORY_AT_MOST, 3, 2, false},
        {THEORY_AT_MOST, NAN, 2, false},  {THEORY_AT_MOST, 1, NAN, false},  {THEORY_AT_MOST, INFINITY, 2, false},
        {THEORY_AT_LEAST, 3, 2, true},    {THEORY_AT_LEAST, 2, 2, true},    {THEORY_AT_LEAST, 1, 2, false},
        {THEORY_AT_LEAST, NAN, 2, false}, {THEORY_AT_LEAST, 3, NAN, false}, {THEORY_AT_LEAST, -INFINITY, 2, false},
        {THEORY_SHOWN, 3, 0, true},       {THEORY_SHOWN, -3, 0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const theory_statement one = {.relation = cases[i].relation, .value = cases[i].value, .bound = cases[i].bound};
        cr_assert_eq(theory_holds(&one), cases[i].holds, "case %zu", i);
    }
}

Test(theory_statements, unknown_items_are_refused) {
    real *params;
    db kept = {.count = 0};
    error_info err = {""};
    theory_subject subject = make_subject(CONTEXT_CLOCK, &params);
    subject.argument = &kept;
    cr_assert_eq(theory_check(&subject, "cabel", &err), STATUS_INVALID);
    cr_assert_not_null(strstr(err.text, "\"cabel\""), "%s", err.text);
    cr_assert_eq(theory_check(&subject, "", &err), STATUS_INVALID);
    cr_assert_eq(kept.count, 0);
    for (size_t i = 0; theory_items[i]; i++) {
        const message m = {.kind = MESSAGE_THEORY};
        cr_assert(strlen(theory_items[i]) < sizeof m.theory.item, "%s", theory_items[i]);
    }
    free(params);
}

static status refuse(void *argument, const theory_statement *one) {
    (void)one;
    ++*(size_t *)argument;
    return STATUS_IO;
}

Test(theory_statements, a_report_that_fails_ends_the_item) {
    real *params;
    size_t calls = 0;
    error_info err = {""};
    theory_subject subject = make_subject(CONTEXT_CLOCK, &params);
    subject.report = refuse;
    subject.argument = &calls;
    cr_assert_eq(theory_check(&subject, "blocks", &err), STATUS_IO);
    cr_assert_eq(calls, 1);
    cr_assert_not_null(strstr(err.text, "blocks"), "%s", err.text);
    free(params);
}

Test(theory_statements, too_many_dimensions_are_refused) {
    static const char *const bounded[] = {"magnus", "trace", "blocks", "derivative"};
    real *params;
    db kept = {.count = 0};
    theory_subject subject = make_subject(CONTEXT_CLOCK, &params);
    subject.argument = &kept;
    subject.flow.augmented_dimension = 17;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(theory_check(&subject, bounded[i], NULL), STATUS_INVALID, "%s", bounded[i]);
    cr_assert_eq(kept.count, 0);
    free(params);
}

#endif
