/* test_subjects.c - tests/checks/subjects.sh on synthetic histories. */
#ifndef AFFJORD_DOUBLE /* the same in both */

#include "run_support.h"

#define GIT "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false "
#define COMMIT(subject) GIT "commit -q --allow-empty -m '" subject "' && "
#define CHECK "cp $OLDPWD/tests/checks/subjects.sh . && sh subjects.sh "

static void begin(void) {
    begin_run("");
    EXPECT(0,
           "mkdir $TEST_DIR/r && cd $TEST_DIR/r && git init -q && " COMMIT("Before the rule, anything goes.") "true");
}

TestSuite(subjects, .init = begin, .fini = end_run, .timeout = 60);

Test(subjects, of_the_right_form_pass) {
    EXPECT(0, "cd $TEST_DIR/r && " COMMIT("flow: rename multiscale to chain") COMMIT("core/ode: speed up a step")
                  COMMIT("tests: seed the shuffle") CHECK "HEAD~3");
    cr_expect_str_eq(output, "");
}

Test(subjects, of_another_form_are_named) {
#define REFUSED(subject, words)                                                                                        \
    EXPECT(1, "cd $TEST_DIR/r && " COMMIT(subject) CHECK "HEAD~1");                                                    \
    EXPECT_SAYS(words)
    REFUSED("Rename everything", "no area before a colon");
    REFUSED("flow: Rename it", "no verb in lower case");
    REFUSED("flow: renamed it", "\"renamed\" is no imperative");
    REFUSED("flow: renaming it", "\"renaming\" is no imperative");
    REFUSED("flow: a chain", "\"a\" is no imperative");
    REFUSED("flow: rename it.", "a full stop");
    REFUSED("flow: rename every field and every context and every solver of the library", "74 characters");
    EXPECT(0, "cd $TEST_DIR/r && " CHECK "HEAD");
}

Test(subjects, without_a_history_it_prints_that_nothing_was_checked) {
    EXPECT(0, "cd $TEST_DIR/r && " COMMIT("flow: rename it") CHECK);
    EXPECT_SAYS("is not in the history");
    EXPECT(0, "cd $TEST_DIR && git clone -q --depth 1 file://$TEST_DIR/r s && cd $OLDPWD && cd $TEST_DIR/s && " CHECK);
    EXPECT_SAYS("not checked: the clone is shallow");
    EXPECT(0, "mkdir $TEST_DIR/r/t && cd $TEST_DIR/r/t && " CHECK);
    EXPECT_SAYS("not checked: no git repository of its own");
    EXPECT(0, "mkdir $TEST_DIR/t && cd $TEST_DIR/t && " CHECK);
    EXPECT_SAYS("not checked: no git repository here");
}

#endif
