/* test_measure.c - the final loss of a training is measured again: at its end, by ./run measure, and in closed form. */
#ifndef AFFJORD_DOUBLE /* the double build trains too slowly for these */

#include <math.h>

#include "run_support.h"

/* 500 x 64 points trained on: measured on 1,280. */
static void begin(void) {
    begin_run(TINY_EXPERIMENT("measured", "0-1", "500", "100"));
}

TestSuite(measure, .init = begin, .fini = end_run, .timeout = 600);

static double number(const char *query) {
    EXPECT(0, "sqlite3 -readonly $TEST_DIR/m.db \"%s\"", query);
    return strtod(output, NULL);
}

#define METRIC(name) "(SELECT value FROM metric m WHERE m.run_id = r.run_id AND name = '" name "')"

Test(measure, the_end_of_a_training_and_the_command_give_the_same_numbers) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet");
    cr_expect_eq(
        number("SELECT count(*) FROM metric WHERE name IN ('final_loss', 'final_loss_error', 'final_loss_fine', "
               "'final_loss_fine_error', 'final_loss_plain', 'final_loss_plain_error', 'solver_error', "
               "'solver_error_error', 'validation_offset')"),
        4 * 9);
    cr_expect_eq(number("SELECT count(*) FROM run r WHERE abs(" METRIC("final_loss") " - " METRIC(
                     "final_loss_plain") ") < 5 * " METRIC("final_loss_plain_error")),
                 4, "both are means of the same loss");
    cr_expect_eq(number("SELECT count(*) FROM run r WHERE abs(" METRIC("final_loss") " + " METRIC(
                     "solver_error") " - " METRIC("final_loss_fine") ") < 1e-12"),
                 4);
    /* Five steps are coarse: a finer solve changes the loss by more than the noise of the validation points. */
    cr_expect_eq(number("SELECT count(*) FROM run r WHERE abs(" METRIC("solver_error") ") > 0"), 4);
    cr_expect_eq(number("SELECT count(DISTINCT quantity) FROM comparison WHERE quantity IN ('validation', 'offset', "
                        "'measured', 'fine')"),
                 4);
    cr_expect_eq(number("SELECT count(*) FROM metric WHERE name = 'field_change' AND value > 0"), 4);
    cr_expect_gt(number("SELECT count(*) FROM comparison WHERE quantity = 'field_change'"), 0);
    cr_expect_eq(number("SELECT count(*) FROM epoch WHERE running IS NOT NULL"), 4 * 5, "of training rows alone");

    EXPECT(0, "sqlite3 $TEST_DIR/m.db \".mode list\" \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" "
              ">$TEST_DIR/before");
    EXPECT(0,
           "sqlite3 $TEST_DIR/m.db \"DELETE FROM metric WHERE name LIKE 'final_loss%%' OR name LIKE 'solver_error%%' "
           "OR name IN ('validation_offset', 'field_change'); DELETE FROM comparison\"");
    EXPECT(0, "$AFFJORD measure --db $TEST_DIR/m.db");
    EXPECT(0, "sqlite3 $TEST_DIR/m.db \".mode list\" \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" | cmp - "
              "$TEST_DIR/before");
    cr_expect_gt(number("SELECT count(*) FROM comparison"), 0);
}

/* An archive with parameters can be measured without its database. */
Test(measure, an_archive_with_parameters_is_measured) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet");
    EXPECT(0, "sqlite3 $TEST_DIR/m.db \".mode list\" \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" "
              ">$TEST_DIR/before");
    EXPECT(
        0,
        "sqlite3 $TEST_DIR/m.db \"DELETE FROM metric WHERE name LIKE 'final_loss%%' OR name LIKE 'solver_error%%'\"");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/a.db --db $TEST_DIR/m.db --with-parameters");
    EXPECT_SAYS("the parameters of 4;");
    EXPECT(0, "$AFFJORD export $(sqlite3 $TEST_DIR/m.db 'SELECT key FROM run LIMIT 1') --db $TEST_DIR/m.db "
              "--output $TEST_DIR/one.safetensors");
    EXPECT(0, "rm -r $TEST_DIR/m.db $TEST_DIR/m.checkpoints");
    EXPECT(0,
           "cmp $TEST_DIR/one.safetensors $(ls $TEST_DIR/a.checkpoints/$(sqlite3 $TEST_DIR/a.db 'SELECT key FROM run "
           "LIMIT 1')*)");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/a.db");
    EXPECT(0, "$AFFJORD measure --db $TEST_DIR/a.db");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db \".mode list\" \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" | cmp - "
              "$TEST_DIR/before");
    EXPECT(2, "$AFFJORD export --archive - --db $TEST_DIR/a.db --with-parameters >$TEST_DIR/none");
    EXPECT(0, "cp $TEST_DIR/a.db $TEST_DIR/b.db");
    EXPECT(2, "$AFFJORD export --archive $TEST_DIR/a.db --db $TEST_DIR/b.db --force");
}

Test(measure, the_shared_part_of_a_seed_is_subtracted) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet");
    /* Both models of a seed are validated on the same points; seeds are not. */
    cr_expect_eq(number("SELECT count(DISTINCT value) FROM metric WHERE name = 'validation_offset'"), 2);
    cr_expect_lt(fabs(number("SELECT max(abs(value)) FROM metric WHERE name = 'validation_offset'")), 5 / sqrt(200));
}

Test(measure, tiny_trainings_and_measure_0_are_not_measured) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet --seeds 0 --set output.measure=0");
    cr_expect_eq(number("SELECT count(*) FROM metric WHERE name LIKE 'final_loss%'"), 0);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet --seeds 0 --set train.iterations=100");
    cr_expect_eq(number("SELECT count(*) FROM metric WHERE name LIKE 'final_loss%'"), 0);
}

#endif
