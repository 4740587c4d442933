/* test_command_line.c - the command line around a training: help, pictures, a repeated run, a pause from the
 * terminal. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include "stop_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0", "60", "30");

static void begin(void) {
    begin_run(small_experiment);
}

TestSuite(command_line, .init = begin, .fini = end_run, .timeout = 120);

Test(command_line, prints_version_and_help) {
    EXPECT(2, "$AFFJORD");
    EXPECT_SAYS("Commands (./run COMMAND --help for details):");
    EXPECT(0, "$AFFJORD --help");
    EXPECT_SAYS("usage: ./run FILE.ini");
    EXPECT_SAYS("learning_rate");
    EXPECT(0, "$AFFJORD --version");
    EXPECT_SAYS("numbers F32, kernels ");
    EXPECT(2, "$AFFJORD evall");
    EXPECT_SAYS("\"evall\": no experiment file and no command; the nearest command is eval");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --device gpu --db $TEST_DIR/r.db");
    EXPECT_SAYS("--device gpu: expected cpu, cuda, cuda:N or cuda:auto");
}

Test(command_line, a_terminal_sees_a_line_that_moves) {
    EXPECT(
        0,
        "sed -i 's/^iterations = .*/iterations = 6000/' $TEST_DIR/small.ini; TERM=xterm NO_COLOR= script -qec \"stty "
        "cols 40; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --jobs 1\" /dev/null");
    EXPECT_SAYS("\033[1m[0/2]\033[0m ");
    const char *line = strstr(output, "\033[1m[0/2]"), *end = line + strcspn(line, "\r\n");
    cr_assert_leq(end - line, 39 + 8, "cut to the terminal, but for two codes of colour: %.99s", line);
    EXPECT_SAYS("All numbers: ");
    EXPECT(0, "TERM=dumb script -qec \"$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/dumb.db\" /dev/null");
    cr_assert_null(strchr(output, '\033'), "%s", output);
}

/* The column of seeds ends below its title in every row. */
Test(command_line, columns_are_as_wide_as_the_longest_name) {
    EXPECT(0, "sed -i 's/affjord/a_model_of_twenty_nine_letters/g' $TEST_DIR/small.ini; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db");
    const char *title = strstr(output, "Validation loss of ");
    cr_assert_not_null(title, "%s", output);
    const char *line = strchr(title, '\n') + 1, *seeds = strstr(line, "seeds");
    const size_t end = (size_t)(seeds - line) + strlen("seeds");
    for (size_t row = 0; row < 2; row++) {
        line = strchr(line, '\n') + 1;
        cr_expect(strcspn(line, "\n") > end && line[end - 1] == '1' && line[end] == ' ', "%.99s", line);
    }
}

Test(command_line, pictures_are_drawn_once_and_numbers_outlive_them) {
    EXPECT(0, "sed -i '/^seeds/a figures = toy_table' $TEST_DIR/small.ini; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet; cat $TEST_DIR/figures/small/toy_table.md");
    EXPECT_SAYS("| TY | AFFJORD | 1 |");
    EXPECT(0,
           "touch -d 2020-01-01 $TEST_DIR/figures/small/*; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet; "
           "find $TEST_DIR/figures -newermt 2020-01-02 -type f");
    cr_assert_str_eq(output, "", "drawn again: %s", output);
    EXPECT(1, "rm -r $TEST_DIR/figures; touch $TEST_DIR/figures; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db");
    EXPECT_SAYS("figures: not all could be drawn; the reasons are above. All numbers are recorded in ");
    EXPECT(
        0,
        "rm $TEST_DIR/figures; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet; ls $TEST_DIR/figures/small");
    EXPECT_SAYS("toy_table.md");
}

/* The key of the first run. */
#define KEY "$(sqlite3 $TEST_DIR/r.db 'SELECT key FROM run ORDER BY run_id LIMIT 1')"

Test(command_line, an_interrupted_run_starts_again_with_restart) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(2, "$AFFJORD check --db $TEST_DIR/r.db --restart " KEY);
    EXPECT_SAYS(": done; expected an unfinished run");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"UPDATE run SET status = 'interrupted' WHERE key = '" KEY "'\"; "
              "$AFFJORD check --db $TEST_DIR/r.db --restart " KEY);
    EXPECT_SAYS("seed 0) starts again at the next start");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT status, iteration FROM run WHERE key = '" KEY "'\"");
    cr_assert_str_eq(output, "planned|0\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    check_same(expected, "r.db");
    EXPECT(1, "$AFFJORD check --db $TEST_DIR/nothing.db --restart " KEY);
    EXPECT(1, "test -e $TEST_DIR/nothing.db");
    free(expected);
}

Test(command_line, faults_of_a_database_are_counted) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet; "
              "rm \"$(ls $TEST_DIR/r.checkpoints/*.safetensors | head -n 1)\"");
    EXPECT(1, "$AFFJORD check --db $TEST_DIR/r.db");
    EXPECT_SAYS("; 1 fault\n");
    EXPECT(1, "sqlite3 $TEST_DIR/r.db 'DELETE FROM checkpoint'; $AFFJORD check --db $TEST_DIR/r.db");
    EXPECT_SAYS(": done, but it has no checkpoint");
    EXPECT_SAYS("; 2 faults\n");
}

Test(command_line, paused_from_the_terminal_it_continues) {
    EXPECT(0, "sed -i 's/^iterations = .*/iterations = 600/' $TEST_DIR/small.ini");
    const pid_t child = start(START "--db $TEST_DIR/r.db --jobs 2");
    int outcome = 0;
    cr_assert(hold(child, ASK("r.db", "SELECT count(*) FROM run WHERE status = 'running'"), &outcome));
    signal_all(child, SIGCONT); /* which discards pending stop signals */
    kill(child, SIGTSTP);
    cr_assert_eq(waitpid(child, &outcome, WUNTRACED), child);
    cr_assert(WIFSTOPPED(outcome), "it stops");
    kill(child, SIGCONT);
    outcome = wait_for(child);
    cr_assert(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0, "it goes on to its end");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT count(*) FROM run WHERE status = 'done' AND iteration = 600\"");
    cr_assert_str_eq(output, "2\n");
}

#endif
