/* test_stress.c - short forms of tests/stress: kills at random times, three concurrent starts, failing system calls;
 * the order of system calls that replaces a checkpoint. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include "run_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0", "40", "20");

static void begin(void) {
    begin_run(small_experiment);
    setenv("TMPDIR", folder, 1);
    setenv("FAULT_LAYER", AFFJORD_FAULT_LAYER, 1);
}

TestSuite(stress, .init = begin, .fini = end_run, .timeout = 600);

Test(stress, killed_twenty_times_it_ends_with_the_same_bits) {
    EXPECT(0, "sh tests/stress/kill.sh 20 1");
    EXPECT_SAYS("20 rounds");
}

Test(stress, three_at_once_wait_for_each_other) {
    EXPECT(0, "sh tests/stress/concurrent_starts.sh 3");
    EXPECT_SAYS("3 times three at once");
}

/* AddressSanitizer replaces the allocator itself, and must be loaded first. */
#ifndef __SANITIZE_ADDRESS__

Test(stress, calls_that_fail_lose_nothing) {
    EXPECT(0, "sh tests/stress/faults.sh short");
    EXPECT_SAYS(" faults in ");
}

/* Test the command that reads and writes a checkpoint's texts. */
Test(stress, a_model_is_exported_whole_or_not_at_all_as_memory_ends) {
    EXPECT(0, "sh tests/stress/commands.sh export");
    EXPECT_SAYS("reported\n");
}

/* A checkpoint is written under another name and synced before the rename; then its folder is synced. The older one is
 * removed only after the row with the new one is committed: the database is synced, and its journal removed. */
Test(stress, a_checkpoint_replaces_another_in_this_order) {
    EXPECT(0, "FAULT_TRACE=$TEST_DIR/trace FAULT_PATH='*' LD_PRELOAD=$FAULT_LAYER "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/traced.db --jobs 1 --quiet");
    EXPECT(
        0,
        "awk '"
        /* In the worker: the calls so far on the file that is being written. */
        "$1 == \"worker\" && $4 ~ /[.]tmp$/ && $2 == \"open\" { at = \"opened\" } "
        "$1 == \"worker\" && $4 ~ /[.]tmp$/ && $2 == \"write\" { at = \"written\" } "
        "$1 == \"worker\" && $4 ~ /[.]tmp$/ && $2 == \"sync\" { if (at == \"written\") at = \"synced\" } "
        "$1 == \"worker\" && $2 == \"rename\" { if (at != \"synced\") print \"renamed when \" at; at = \"renamed\" } "
        "$1 == \"worker\" && $4 ~ /checkpoints$/ && $2 == \"sync\" { if (at == \"renamed\") { at = \"folder\"; whole++ "
        "} } "
        /* The message about a checkpoint follows the sync of the folder. */
        "$1 == \"worker\" && $4 ~ /^pipe:/ { if (at == \"renamed\") print \"sent before the folder was synced\" } "
        /* In the parent: sync of the database, removal of its journal, then removal of the older file. */
        "$1 == \"parent\" && $4 ~ /traced[.]db$/ && $2 == \"write\" { rows = \"written\" } "
        "$1 == \"parent\" && $4 ~ /traced[.]db$/ && $2 == \"sync\" && rows == \"written\" { rows = \"synced\" } "
        "$1 == \"parent\" && $4 ~ /traced[.]db-journal$/ && $2 == \"unlink\" && rows == \"synced\" { rows = \"whole\" "
        "} "
        "$1 == \"parent\" && $4 !~ /traced/ && $2 == \"sync\" && rows == \"whole\" { rows = \"committed\" } "
        "$1 == \"parent\" && $4 ~ /safetensors$/ && $2 == \"unlink\" "
        "{ removed++; if (rows != \"committed\") print \"removed when the rows were \" rows } "
        "END { print whole \" written, \" removed \" removed\" }' $TEST_DIR/trace");
    cr_assert_str_eq(output, "4 written, 2 removed\n");
}

/* Writers and readers create no file beside the database except its journal and the lock. */
Test(stress, a_database_has_a_journal_and_no_log) {
    setenv("TRACED", "env FAULT_TRACE=$TEST_DIR/trace FAULT_PATH=* LD_PRELOAD=$FAULT_LAYER", 1);
    EXPECT(0, "set -f; eval $TRACED $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/far.db --jobs 2 --quiet &&"
              "eval $TRACED $AFFJORD list runs --db $TEST_DIR/far.db");
    EXPECT(1, "grep -e '-wal$' -e '-shm$' $TEST_DIR/trace");
    EXPECT(0, "grep -q 'write.*far.db-journal$' $TEST_DIR/trace");
    EXPECT(0, "cd $TEST_DIR; ls -d far*");
    cr_assert_str_eq(output, "far.checkpoints\nfar.db\nfar.db.lock\n");
}

#endif
#endif
