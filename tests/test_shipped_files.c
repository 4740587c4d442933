/* test_shipped_files.c - presets and experiments of a checkout, named from any folder as in the documentation. */
#ifndef AFFJORD_DOUBLE /* the same in both */

#include "run_support.h"

static void begin(void) {
    begin_run("");
    EXPECT(0, "ln -s $PWD/$AFFJORD $TEST_DIR/affjord");
}

TestSuite(shipped_files, .init = begin, .fini = end_run, .timeout = 60);

#define EXPERIMENT "[experiment]\nname = mine\ndata = ty\nmodels = ffjord\n"

/* Write the experiment after these lines, in the test's folder, and plan it there; its exit status. */
static int plan(const char *include) {
    char text[512], path[128];
    snprintf(text, sizeof text, "%s\n" EXPERIMENT, include);
    scratch_path(folder, "small.ini", path);
    scratch_write(path, text, strlen(text));
    return shell("cd $TEST_DIR && ./affjord small.ini --dry-run");
}

Test(shipped_files, a_preset_is_included_as_the_pages_write_it) {
    EXPECT(0, "$AFFJORD document affjord.ini.5 | grep -o '^include = [^ ]*'");
    cr_assert_str_eq(output, "include = configs/toy_paper.ini\n");
    cr_assert_eq(plan("include = configs/toy_paper.ini"), 0, "%s", output);
    EXPECT_SAYS("train.iterations = 10000");
    cr_assert_eq(plan("include = ../configs/toy_release.ini"), 0, "%s", output);
    EXPECT_SAYS("solver.method = rk4_38");
}

Test(shipped_files, a_file_beside_comes_first) {
    EXPECT(0, "mkdir $TEST_DIR/configs && printf '[solver]\\nsteps = 17\\n[model ffjord]\\n' > "
              "$TEST_DIR/configs/toy_paper.ini");
    cr_assert_eq(plan("include = configs/toy_paper.ini"), 0, "%s", output);
    EXPECT_SAYS("solver.steps = 17");
}

Test(shipped_files, missing_files_are_an_error) {
    cr_assert_eq(plan("include = configs/toy_papre.ini"), 2);
    EXPECT_SAYS("small.ini:1: include: configs/toy_papre.ini: No such file or directory");
    cr_assert_eq(plan("include = experiments/fig6.ini"), 2, "an experiment is no preset");
    cr_assert_eq(plan("include = configs/../configs/toy_paper.ini"), 2);
}

Test(shipped_files, an_experiment_is_found_from_any_folder) {
    EXPECT(0, "cd $TEST_DIR && ./affjord experiments/quickstart.ini --dry-run");
    EXPECT_SAYS("Experiment quickstart");
    EXPECT(2, "cd $TEST_DIR && ./affjord experiments/quickstrat.ini --dry-run");
    EXPECT_SAYS("experiments/quickstrat.ini: No such file or directory");
}

#endif
