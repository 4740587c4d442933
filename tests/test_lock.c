/* test_lock.c - another SQLite program locks the database while a training writes to it. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic */

#include <dirent.h>
#include <inttypes.h>
#include <sqlite3.h>

#include "record/results_db.h"
#include "stop_support.h"
#include "work/workers.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0", "6000", "20");

static char path[128];

static void begin(void) {
    begin_run(small_experiment);
    scratch_path(folder, "r.db", path);
}

TestSuite(lock, .init = begin, .fini = end_run, .timeout = 300);

/* The two kinds of locks: at the start of a transaction, and at its commit. */
static const char writing[] = "BEGIN IMMEDIATE", reading[] = "BEGIN; SELECT count(*) FROM run";

/* This process is the other program until sqlite3_close(). */
static sqlite3 *lock(const char *how) {
    sqlite3 *other = NULL;
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    sqlite3_busy_timeout(other, 60000);
    cr_assert_eq(sqlite3_exec(other, how, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(other));
    return other;
}

/* Return the smaller iteration of the newest checkpoint files of both runs. */
static int checkpointed(void) {
    shell(
        "ls $TEST_DIR/r.checkpoints | sed -n 's/[.]safetensors$//p' | sort -t - -k 1,1 -k 2,2n | "
        "awk -F - '{ newest[$1] = $2 } END { for (run in newest) if (!n++ || newest[run] < least) least = newest[run]; "
        "print n == 2 ? least : 0 }'");
    return atoi(output);
}

static void wait_until_checkpointed(int iteration) {
    const double end = now() + 120;
    while (checkpointed() < iteration) {
        cr_assert_lt(now(), end, "no checkpoint of iteration %d in two minutes", iteration);
        pause_for(0.05);
    }
}

/* Start the training, and take the lock once both runs have checkpoints. */
static pid_t start_and_lock(const char *options, const char *how, sqlite3 **other) {
    char command[256];
    snprintf(command, sizeof command, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --jobs 2 %s", options);
    const pid_t child = start(command);
    wait_until_checkpointed(20);
    *other = lock(how);
    return child;
}

static int recorded(void) {
    EXPECT(0, "sqlite3 -readonly $TEST_DIR/r.db 'SELECT count(*) FROM epoch'");
    return atoi(output);
}

static void check_said(const char *words, int times) {
    EXPECT(0, "grep -c '%s' $TEST_DIR/printed; cat $TEST_DIR/printed", words);
    cr_expect_eq(atoi(output), times, "\"%s\", %d times expected:\n%s", words, times, output);
}

static void check_status(int outcome, int expected) {
    shell("cat $TEST_DIR/printed");
    cr_assert(WIFEXITED(outcome) && WEXITSTATUS(outcome) == expected, "ended with status %#x, expected exit %d:\n%s",
              (unsigned)outcome, expected, output);
}

static void start_again(const char *expected) {
    EXPECT(0, START "--db $TEST_DIR/r.db --jobs 2");
    check_same(expected, "r.db");
    EXPECT(0, "cd $TEST_DIR; ls -d r.*; ls r.checkpoints | wc -l");
    cr_expect_str_eq(output, "r.checkpoints\nr.db\nr.db.lock\n2\n");
}

/* Return the processor seconds of the recording process. */
static double worked(pid_t process) {
    char name[64];
    double nanoseconds = 0;
    snprintf(name, sizeof name, "/proc/%d/schedstat", process);
    FILE *file = fopen(name, "r");
    cr_assert(file && fscanf(file, "%lf", &nanoseconds) == 1);
    fclose(file);
    return 1e-9 * nanoseconds;
}

/* A training of this length is still running when a test stops it. */
static void check_goes_on(const char *how) {
    sqlite3 *other;
    char *expected = undisturbed();
    const pid_t child = start_and_lock("", how, &other);
    const double locked = now(), idle = worked(child);
    const int before = recorded(), newest = checkpointed();
    wait_until_checkpointed(newest + 500);
    while (now() < locked + 3) pause_for(0.1);
    cr_expect_eq(recorded(), before, "nothing can be recorded while it is locked");
    cr_expect_lt(worked(child) - idle, 0.2 * (now() - locked), "it waits without work");
    sqlite3_close(other);
    check_status(wait_for(child), 0);
    check_said("locked by another program", 1);
    check_same(expected, "r.db");
    EXPECT(0, "ls $TEST_DIR/r.checkpoints | wc -l");
    cr_expect_str_eq(output, "2\n", "older checkpoints are removed");
    free(expected);
}

Test(lock, of_a_writer_delays_only_recording) {
    check_goes_on(writing);
}

Test(lock, of_a_reader_delays_only_recording) {
    check_goes_on(reading);
}

static void check_stops(const char *how) {
    sqlite3 *other;
    char *expected = undisturbed();
    const pid_t child = start_and_lock("--lock-timeout 2", how, &other);
    check_status(wait_for(child), 1);
    check_said("locked by another program for", 1);
    const int newest = checkpointed();
    sqlite3_close(other);

    /* The next start records the stored messages. */
    results_db *db = NULL;
    error_info err = {""};
    cr_assert_eq(db_open(path, NULL, NULL, &db, &err), STATUS_OK, "%s", err.text);
    for (int taken = 0; taken < 2; taken++) {
        uint64_t least = UINT64_MAX;
        for (int i = 1; i <= 2; i++) {
            db_run run;
            cr_assert_eq(db_resolve_run(db, i == 1 ? "1" : "2", &run, &err), STATUS_OK);
            cr_expect_eq(run.state, RUN_INTERRUPTED);
            if (run.checkpoint_iteration < least) least = run.checkpoint_iteration;
        }
        if (taken) cr_expect_eq(least, newest, "%d, recorded %d", newest, (int)least);
        else cr_expect_lt(least, newest);
        cr_assert_eq(workers_take_pending(db, &err), STATUS_OK, "%s", err.text);
    }
    cr_assert_eq(db_close(&db, &err), STATUS_OK);
    start_again(expected);
    free(expected);
}

Test(lock, of_a_writer_that_stays_ends_in_order_and_loses_nothing) {
    check_stops(writing);
}

Test(lock, of_a_reader_that_stays_ends_in_order_and_loses_nothing) {
    check_stops(reading);
}

/* Only stored messages that continue the present rows are recorded. */
Test(lock, stored_messages_that_do_not_continue_rows_are_dropped) {
    static const char *const changes[] = {
        "$AFFJORD check $TEST_DIR/r.db --restart 1",
        ("rm $TEST_DIR/r.checkpoints/$(sqlite3 $TEST_DIR/r.db 'SELECT key FROM run WHERE run_id = 1')-*; "
         "$AFFJORD check $TEST_DIR/r.db --restart 1"),
        "echo damaged >$TEST_DIR/r.db.pending",
        "head -c 5000 $TEST_DIR/r.db.pending >$TEST_DIR/part; mv $TEST_DIR/part $TEST_DIR/r.db.pending",
        "$AFFJORD merge --db $TEST_DIR/r.db --quiet", /* which removes checkpoints that no row names */
    };
    char *expected = undisturbed();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sqlite3 *other;
        const pid_t child = start_and_lock("--lock-timeout 1", i % 2 ? writing : reading, &other);
        check_status(wait_for(child), 1);
        sqlite3_close(other);
        EXPECT(0, "test -s $TEST_DIR/r.db.pending; %s", changes[i]);
        start_again(expected);
        EXPECT(0, "rm -r $TEST_DIR/r.*");
    }
    free(expected);
}

Test(lock, does_not_delay_a_stop) {
    sqlite3 *other;
    char *expected = undisturbed();
    const pid_t child = start_and_lock("", writing, &other);
    const double requested = now();
    cr_assert_eq(kill(child, SIGINT), 0);
    check_status(wait_for(child), 1);
    cr_expect_lt(now() - requested, 60, "%.0f s", now() - requested);
    sqlite3_close(other);
    start_again(expected);
    free(expected);
}

Test(lock, at_the_start_is_awaited_with_a_message) {
    EXPECT(0, START "--db $TEST_DIR/r.db --jobs 2 --set train.iterations=20");
    sqlite3 *other = lock(writing);
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set train.iterations=40 --lock-timeout 3");
    EXPECT_SAYS("r.db: locked by another program; waiting\n");
    EXPECT_SAYS("another program keeps it locked");
    const pid_t child = start(START "--db $TEST_DIR/r.db --jobs 2 --set train.iterations=40");
    pause_for(1);
    sqlite3_close(other);
    check_status(wait_for(child), 0);
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT count(*) FROM run WHERE status = 'done'\"");
    cr_expect_str_eq(output, "4\n");
    /* A database of an older version is updated only when no process reads it. */
    EXPECT(0, "sqlite3 $TEST_DIR/r.db 'PRAGMA journal_mode = WAL'");
    other = lock(reading);
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set train.iterations=60 --lock-timeout 3");
    EXPECT_SAYS("r.db: locked by another program; waiting\n");
    sqlite3_close(other);
    EXPECT(0, START "--db $TEST_DIR/r.db --set train.iterations=60; sqlite3 $TEST_DIR/r.db 'PRAGMA journal_mode'");
    cr_expect_str_eq(output, "delete\n");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --lock-timeout 0");
    EXPECT_SAYS("--lock-timeout 0: expected an integer from 1 to");
}

#endif
