/* test_packages.c - runner/packages.sh lists packages with their purpose, and prompts on a terminal. Fake apt-get, sudo
 * and pip install nothing. */
#ifndef AFFJORD_DOUBLE /* the same in both */

#include "run_support.h"

/* A copy of the script with two more missing packages, and programs in $TEST_DIR/bin that log their calls. The fake
 * apt-get also stores the output so far. */
static void begin(void) {
    begin_run("");
    EXPECT(0, "mkdir -p $TEST_DIR/p/runner $TEST_DIR/bin && "
              "sed -e 's|^libsqlite3-dev .*|&\\nfake-build usr/none/b|' -e 's|^libcriterion-dev .*|&\\nfake-test "
              "usr/none/t|' -e 's|usr/sbin/slurmd|bin/sh|' -e 's|usr/sbin/munged|bin/sh|' runner/packages.sh "
              "> $TEST_DIR/p/runner/packages.sh");
    EXPECT(0, "cd $TEST_DIR/bin && echo 'echo ${USER_ID:-0}' > id && "
              "echo '[ -z \"$NO_SUDO\" ] || exit 1; [ \"$1\" != -n ] || exit 0; echo sudo \"$@\" >> $TEST_DIR/calls; "
              "\"$@\"' > sudo && "
              "echo 'echo apt-get \"$@\" >> $TEST_DIR/calls; cp $TEST_DIR/printed $TEST_DIR/before; "
              "[ -z \"$APT_FAILS\" ] || { echo E: no such package; exit 100; }' > apt-get && "
              "echo 'echo python3 \"$@\" >> $TEST_DIR/calls; mkdir -p axe_playwright_python; "
              "echo rules > axe_playwright_python/axe.min.js' > python3 && sed -i '1i #!/bin/sh' * && chmod 755 *");
    unsetenv("CI");
}

TestSuite(packages, .init = begin, .fini = end_run, .timeout = 60);

#define SCRIPT "PATH=$TEST_DIR/bin:$PATH sh $TEST_DIR/p/runner/packages.sh "
/* The logged calls. */
#define SHOW "touch $TEST_DIR/calls; cat $TEST_DIR/calls"

static void expect_no_call(void) {
    EXPECT(0, SHOW);
    cr_assert_str_eq(output, "");
}

Test(packages, without_a_terminal_it_lists_and_installs) {
    EXPECT(0, SCRIPT "install test-all < /dev/null > $TEST_DIR/printed 2>&1; cat $TEST_DIR/before");
    EXPECT_SAYS("Missing packages, to be installed by apt-get with what they need:\n");
    EXPECT_SAYS("  libraries and programs that affjord computes, records and draws with: fake-build");
    EXPECT_SAYS("  for the tests: fake-test");
    EXPECT_SAYS("Missing axe-core, to be fetched by pip into .deps/axe:\n"
                "  to test that the report's page is accessible: axe-playwright-python==");
    cr_assert_null(strstr(output, "[Y/n]"), "%s", output);
    EXPECT(0, SHOW);
    EXPECT_SAYS("apt-get -q update\napt-get -q -y --no-install-recommends install ");
    EXPECT_SAYS("fake-build");
    EXPECT_SAYS("python3 -m pip");
    EXPECT(0, "cat $TEST_DIR/p/.deps/axe/axe.min.js");
}

Test(packages, only_packages_of_a_goal_are_listed) {
    EXPECT(0, SCRIPT "install < /dev/null > $TEST_DIR/printed 2>&1; cat $TEST_DIR/printed");
    EXPECT_SAYS("fake-build");
    cr_assert_null(strstr(output, "fake-test"), "%s", output);
    cr_assert_null(strstr(output, "axe"), "%s", output);
    EXPECT(0, SCRIPT "missing test");
    EXPECT_SAYS("fake-test\n");
    EXPECT(0, SCRIPT "install test < /dev/null > $TEST_DIR/printed 2>&1; cat $TEST_DIR/printed");
    EXPECT_SAYS("  for the tests: fake-test");
    static const char *const others[] = {"axe", "chromium", "r-base", "python3-pip", "for the other tests"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) cr_assert_null(strstr(output, others[i]), "%s", output);
}

Test(packages, prints_nothing_if_nothing_is_missing) {
    EXPECT(0, SCRIPT "install slurm");
    cr_assert_str_eq(output, "");
    expect_no_call();
}

/* Type the answer into a pseudo-terminal, in which the script runs. */
static int answer(const char *typed, const char *environment) {
    return shell(
        "printf '%s' | %s script -qec 'PATH=$TEST_DIR/bin:$PATH sh $TEST_DIR/p/runner/packages.sh install test-all' "
        "$TEST_DIR/printed",
        typed, environment);
}

Test(packages, on_a_terminal_enter_means_yes) {
    static const char *const yes[] = {"\\n", "y\\n", "YES\\n"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        cr_assert_eq(answer(yes[i], ""), 0, "%s", output);
        EXPECT_SAYS("fake-test");
        EXPECT_SAYS("axe-playwright-python==");
        EXPECT_SAYS("Go on? [Y/n]");
        EXPECT(0, SHOW);
        EXPECT_SAYS("apt-get -q -y");
        EXPECT(0, "rm -r $TEST_DIR/calls $TEST_DIR/p/.deps");
    }
}

Test(packages, on_a_terminal_no_means_no) {
    static const char *const no[] = {"n\\n", "no\\n", "what\\n", "\\004"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        cr_assert_eq(answer(no[i], ""), 1, "%s", output);
        EXPECT_SAYS("Nothing was installed. By hand: sudo apt-get install ");
        expect_no_call();
    }
}

Test(packages, does_not_prompt_in_continuous_integration) {
    cr_assert_eq(answer("", "CI=true"), 0, "%s", output);
    EXPECT_SAYS("fake-test");
    cr_assert_null(strstr(output, "[Y/n]"), "%s", output);
    EXPECT(0, SHOW);
    EXPECT_SAYS("apt-get -q -y");
}

Test(packages, with_sudo_or_manually) {
    EXPECT(0, "USER_ID=1000 " SCRIPT "install < /dev/null > $TEST_DIR/printed 2>&1; cat $TEST_DIR/printed");
    EXPECT_SAYS("to be installed by sudo apt-get");
    EXPECT(0, SHOW);
    EXPECT_SAYS("sudo apt-get -q update");
    EXPECT(0, "rm $TEST_DIR/calls");
    EXPECT(1, "USER_ID=1000 NO_SUDO=1 " SCRIPT "install");
    EXPECT_SAYS("    sudo apt-get install ");
    EXPECT_SAYS("make deps-local");
    expect_no_call();
}

Test(packages, failures_are_shown) {
    EXPECT(1, "APT_FAILS=1; export APT_FAILS; " SCRIPT
              "install test-all 2> $TEST_DIR/printed; got=$?; cat $TEST_DIR/printed; "
              "exit $got");
    EXPECT_SAYS("E: no such package");
    EXPECT_SAYS("apt-get failed; its whole output is in ");
    EXPECT(0, SHOW);
    cr_assert_null(strstr(output, "python3"), "%s", output);
}

Test(packages, unpacked_packages_are_listed_too) {
    (void)shell(SCRIPT "local test > $TEST_DIR/printed 2>&1");
    EXPECT(0, "cat $TEST_DIR/before");
    EXPECT_SAYS("Missing packages, to be unpacked into .deps with what they need:");
    EXPECT_SAYS("fake-test");
}

#endif
