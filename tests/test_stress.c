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

/* One of them waits for the other, or finds that nothing is left to do. */
Test(stress, programs_started_at_once_on_one_database_all_finish) {
    char *expected = undisturbed();
    for (int round = 0; round < 4; round++) {
        EXPECT(
            0,
            "cd $TEST_DIR; rm -rf r.*; for i in 1 2 3; do $OLDPWD/$AFFJORD small.ini --db r.db --jobs 2 > said.$i 2>&1 "
            "& all=\"$all $!\"; done; for one in $all; do wait $one || exit 1; done");
        EXPECT(0, "sed -n '/locked/p' $TEST_DIR/said.*");
        cr_expect_str_eq(output, "");
        check_same(expected, "r.db");
    }
    free(expected);
}

/* Every call that could fail, does; here one in forty, and one of three thousand for memory. */
Test(stress, disks_fail_and_memory_ends) {
    EXPECT(0, "tests/stress/faults.sh 40 3000 $(dirname $AFFJORD)");
    EXPECT_SAYS("memory");
}

/* Readers of other hosts would not see a write-ahead log. */
Test(stress, no_log_is_kept_on_a_network_disk) {
    EXPECT(0, "cd $TEST_DIR; export FAULT_LOG=$TEST_DIR/log FAULT=network; "
              "LD_PRELOAD=$OLDPWD/$(dirname $AFFJORD)/fault.so $OLDPWD/$AFFJORD small.ini --db r.db --quiet");
    EXPECT(0, "grep -c 'open .*r.db-journal' $TEST_DIR/log; sed -n '/-wal/p' $TEST_DIR/log");
    cr_expect_null(strstr(output, "-wal"));
    char *expected = undisturbed();
    check_same(expected, "r.db");
    free(expected);
}

/* A checkpoint is in place, and lasting, before the one before it goes. */
Test(stress, checkpoints_are_written_synced_renamed_and_only_then_the_old_one_removed) {
    EXPECT(0, "cd $TEST_DIR; LD_PRELOAD=$OLDPWD/$(dirname $AFFJORD)/fault.so FAULT=none FAULT_LOG=$TEST_DIR/log "
              "$OLDPWD/$AFFJORD small.ini --set experiment.models=ffjord --db r.db --jobs 1 --quiet");
    EXPECT(0, "sed -E 's|[^ ]*/||; s|[0-9a-f]{32}|KEY|' $TEST_DIR/log | grep -E 'KEY|checkpoints$' | uniq");
    cr_expect_str_eq(output, "mkdir r.checkpoints\n"
                             "open KEY-10.safetensors.tmp\n"
                             "write KEY-10.safetensors.tmp\n"
                             "fsync KEY-10.safetensors.tmp\n"
                             "rename KEY-10.safetensors\n"
                             "fsync r.checkpoints\n"
                             "open KEY-20.safetensors.tmp\n"
                             "write KEY-20.safetensors.tmp\n"
                             "fsync KEY-20.safetensors.tmp\n"
                             "rename KEY-20.safetensors\n"
                             "fsync r.checkpoints\n"
                             "unlink KEY-10.safetensors\n");
    /* The row that names the new one is committed between. */
    EXPECT(0, "awk '/^rename .*-20/ { renamed = NR } /^fdatasync .*-wal/ && renamed && !kept { kept = NR } "
              "/^unlink .*-10/ { gone = NR } END { exit !(renamed < kept && kept < gone) }' $TEST_DIR/log");
}

#endif
