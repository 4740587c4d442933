/* test_stress.c - the short forms of tests/stress: killed at random moments, with disks that fail and memory that ends. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include "run_support.h"

static void begin(void) {
    begin_run(TINY_EXPERIMENT("small", "0", "20", "10"));
}

TestSuite(stress, .init = begin, .fini = end_run, .timeout = 600);

/* A program that is killed in its first moment leaves a file with a database's header and nothing in it. */
Test(stress, a_database_in_which_nothing_is_yet_is_a_new_one) {
    EXPECT(0, "sqlite3 $TEST_DIR/header.db 'PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t; VACUUM'");
    EXPECT(0, ": > $TEST_DIR/nothing.db; ls -s $TEST_DIR/header.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/header.db --dry-run; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/nothing.db --dry-run");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/header.db --quiet; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/nothing.db --quiet");
    char *expected = undisturbed();
    check_same(expected, "header.db");
    check_same(expected, "nothing.db");
    free(expected);
}

Test(stress, killed_twenty_times) {
    EXPECT(0, "tests/stress/kill.sh 20 1 $AFFJORD");
    EXPECT_SAYS("20 rounds: killed");
}

#endif
