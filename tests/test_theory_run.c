/* test_theory_run.c - the theory from the command line: invalid settings are refused, statements are recorded. The
 * float program passes them to the double build. */
#include "run_support.h"

static const char small_theory[] = "[experiment]\n"
                                   "name = small\n"
                                   "task = theory\n"
                                   "data = ty\n"
                                   "models = ffjord, affjord\n"
                                   "seeds = 0\n"
                                   "theory = blocks\n"
                                   "[model]\n"
                                   "width = 5\n"
                                   "hypernet_layers = 1\n"
                                   "hypernet_width = 4\n"
                                   "[model ffjord]\n"
                                   "context = time\n"
                                   "[model affjord]\n"
                                   "context = augmented\n"
                                   "[solver]\n"
                                   "steps = 3\n"
                                   "[train]\n"
                                   "iterations = 10\n"
                                   "epoch_iterations = 10\n"
                                   "batch = 32\n"
                                   "validation = 32\n"
                                   "[output]\n"
                                   "density_cells = 0\n"
                                   "samples = 0\n";

static void begin(void) {
    begin_run(small_theory);
}

TestSuite(theory_run, .init = begin, .fini = end_run, .timeout = 600);

Test(theory_run, the_general_form_has_no_density_to_train) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --set experiment.task=train "
              "--set model.context=general");
    EXPECT_SAYS("there is no density to train; expected time, augmented or lifted");
    EXPECT(2, "sed 's/context = augmented/context = general/' $TEST_DIR/small.ini > $TEST_DIR/general.ini;"
              "$AFFJORD $TEST_DIR/general.ini --db $TEST_DIR/none.db");
    EXPECT_SAYS("affjord on ty");
    EXPECT_SAYS("model.context = general");
    EXPECT(0, "ls $TEST_DIR");
    cr_assert_str_eq(output, "general.ini\nsmall.ini\n");
}

Test(theory_run, unknown_items_are_refused_with_the_nearest) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --set 'experiment.theory=trace, cabel'");
    EXPECT_SAYS("no item \"cabel\"; the nearest is cable");
    EXPECT(0, "ls $TEST_DIR");
    cr_assert_str_eq(output, "small.ini\n");
}

/* The program makes the double build if it is missing or outdated, hence the long timeout; `make test-all` makes it
 * before. */
Test(theory_run, statements_are_recorded_by_the_double_build, .timeout = 900) {
    EXPECT(0, "MAKEFLAGS= $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/small.db");
    EXPECT_SAYS("holds");
    cr_assert_null(strstr(output, "FAILS"), "%s", output);
    EXPECT(0, "sqlite3 $TEST_DIR/small.db 'SELECT count(*), sum(holds), count(DISTINCT subject), "
              "count(DISTINCT run_id) FROM theory'");
    cr_assert_str_eq(output, "18|18|3|2\n");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/small.db");
}
