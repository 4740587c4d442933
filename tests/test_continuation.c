/* test_continuation.c - a longer run starts where a finished one ends, and is bit-identical to an uninterrupted run;
 * the best epoch's model is stored. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "stop_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0-1", "1000", "50");

static void begin(void) {
    begin_run(small_experiment);
}

TestSuite(continuation, .init = begin, .fini = end_run, .timeout = 300);

/* Train the experiment with fewer iterations into a database. */
static void train_short(const char *database, const char *options) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s --quiet %s", database, options);
}

/* Check that the runs of 1000 iterations are bit-identical to uninterrupted runs, including checkpoints. */
static void check_long(const char *expected, const char *database) {
    EXPECT(0,
           "sqlite3 $TEST_DIR/%s \"DELETE FROM sample_blob WHERE subject IN (SELECT key FROM run WHERE iterations < "
           "1000); DELETE FROM run WHERE iterations < 1000\"",
           database);
    char *seen = numbers(database);
    cr_expect_str_eq(seen, expected);
    free(seen);
}

static void check_continued(const char *database, const char *iterations) {
    EXPECT(0,
           "sqlite3 $TEST_DIR/%s \"SELECT DISTINCT substr(value, 34) FROM meta JOIN run ON meta.key = 'continued.' "
           "|| run.key WHERE run.iterations = 1000\"",
           database);
    cr_expect_str_eq(output, iterations);
}

Test(continuation, of_two_shorter_runs_the_longest_is_where_a_longer_one_begins) {
    char *expected = undisturbed();
    train_short("c.db", "--set train.iterations=200");
    train_short("c.db", "--set train.iterations=750");
    train_short("c.db", "--seeds 0 --set train.iterations=900 --set train.batch=65"); /* another training */
    EXPECT(0, "sqlite3 $TEST_DIR/c.db \"SELECT substr(key, 1, 12) FROM run WHERE model = 'ffjord' AND seed = 0 AND "
              "iterations = 750\"");
    char words[64];
    snprintf(words, sizeof words, "continue from %.12s at 750\n", output);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db --dry-run");
    EXPECT_SAYS(words);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db");
    EXPECT_SAYS("Note: 4 runs continue from finished runs with fewer iterations");
    check_continued("c.db", "750\n");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/c.db");
    check_long(expected, "c.db");
    free(expected);
}

/* A longer run does not have the short epoch at the end of 120 or 730 iterations, but its sums. */
Test(continuation, within_an_epoch_and_killed_in_between_the_bits_are_the_same) {
    char *expected = undisturbed();
    train_short("killed.db", "--set train.iterations=120");
    train_short("killed.db", "--set train.iterations=230");
    stop_and_finish("killed", KILLED);
    check_continued("killed.db", "230\n");
    check_long(expected, "killed.db");
    free(expected);
}

Test(continuation, without_the_checkpoint_a_run_begins_at_the_next_shorter_or_at_its_start) {
    char *expected = undisturbed();
    train_short("c.db", "--seeds 0 --set train.iterations=200");
    train_short("c.db", "--set train.iterations=750");
    EXPECT(0, "rm $TEST_DIR/c.checkpoints/*-750.safetensors; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db");
    EXPECT_SAYS("Note: ty ffjord 0: not continued from run ");
    EXPECT_SAYS(" at iteration 750: cannot read the checkpoint ");
    EXPECT_SAYS("Note: 2 runs continue from finished runs with fewer iterations");
    check_continued("c.db", "200\n");
    check_long(expected, "c.db");
    free(expected);
}

Test(continuation, a_run_that_a_loss_stopped_is_where_a_longer_one_stops_too) {
    train_short("whole.db", "--set train.stop_loss=1.9");
    char *expected = results("whole.db");
    train_short("c.db", "--set train.stop_loss=1.9 --set train.iterations=900");
    EXPECT(0, "sqlite3 $TEST_DIR/c.db 'SELECT max(iteration) < 900 FROM run'");
    cr_assert_str_eq(output, "1\n", "stop_loss stops all");
    train_short("c.db", "--set train.stop_loss=1.9");
    EXPECT(0, "sqlite3 $TEST_DIR/c.db \"DELETE FROM sample_blob WHERE subject IN (SELECT key FROM run WHERE iterations "
              "< 1000); DELETE FROM run WHERE iterations < 1000\"");
    char *seen = results("c.db");
    cr_expect_str_eq(seen, expected);
    free(seen);
    free(expected);
}

Test(continuation, learning_rates_that_depend_on_the_end_forbid_it) {
    train_short("c.db", "--seeds 0 --set train.decay=cosine --set train.iterations=100");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db --seeds 0 --set train.decay=cosine --set "
              "train.iterations=150 --dry-run");
    EXPECT_SAYS("seed 0      compute\n");
    EXPECT_SAYS("2 runs cannot continue finished runs with fewer iterations, because of train.decay = cosine");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db --seeds 0 --set train.decay=cosine --set "
              "train.iterations=150");
    EXPECT_SAYS("with train.decay = cosine, learning rates depend on train.iterations");
    EXPECT(0, "sqlite3 $TEST_DIR/c.db \"SELECT count(*) FROM meta WHERE key LIKE 'continued.%%'\"");
    cr_expect_str_eq(output, "0\n");
    /* A warm-up has the same learning rates for any number of iterations. */
    train_short("c.db", "--seeds 0 --set train.warmup=120 --set train.iterations=100");
    train_short("c.db", "--seeds 0 --set train.warmup=120 --set train.iterations=150");
    EXPECT(0, "sqlite3 $TEST_DIR/c.db \"SELECT count(*) FROM meta WHERE key LIKE 'continued.%%'\"");
    cr_expect_str_eq(output, "2\n");
}

/* --- The best epoch --- */

/* The model of the best epoch of a run is the last one of a run that ends there. */
Test(continuation, the_best_epochs_model_is_that_of_a_run_that_ends_there) {
    free(undisturbed());
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db \"SELECT r.run_id || ' ' || e.iteration FROM run r JOIN metric m USING "
              "(run_id) JOIN epoch e ON e.run_id = r.run_id AND e.epoch = m.value AND e.split = 'validation' WHERE "
              "m.name = 'best_epoch' AND r.model = 'affjord' AND e.iteration < 1000 ORDER BY 1 LIMIT 1\"");
    int run = 0, iteration = 0;
    cr_assert_eq(sscanf(output, "%d %d", &run, &iteration), 2, "a run whose best epoch is not its last: %s", output);
    EXPECT(0, "$AFFJORD sample %d:best --db $TEST_DIR/whole.db --n 100 --output $TEST_DIR/best.npy", run);
    EXPECT(0, "$AFFJORD export %d:best --db $TEST_DIR/whole.db --output $TEST_DIR/best.safetensors", run);
    char words[64];
    snprintf(words, sizeof words, "parameters of the best epoch, after %d iterations", iteration);
    EXPECT_SAYS(words);
    EXPECT(0, "$AFFJORD sample $TEST_DIR/best.safetensors --n 100 --output $TEST_DIR/exported.npy");
    EXPECT(0, "$AFFJORD sample %d --db $TEST_DIR/whole.db --n 100 --output $TEST_DIR/last.npy", run);
    EXPECT(0, "cmp $TEST_DIR/best.npy $TEST_DIR/exported.npy && ! cmp -s $TEST_DIR/best.npy $TEST_DIR/last.npy");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db 'SELECT seed FROM run WHERE run_id = %d'", run);
    char options[128];
    snprintf(options, sizeof options, "--seeds %d --set train.iterations=%d", atoi(output), iteration);
    train_short("there.db", options);
    EXPECT(0, "$AFFJORD sample $(sqlite3 $TEST_DIR/there.db \"SELECT key FROM run WHERE model = 'affjord'\") --db "
              "$TEST_DIR/there.db --n 100 --output $TEST_DIR/there.npy");
    EXPECT(0, "cmp $TEST_DIR/best.npy $TEST_DIR/there.npy");
}

Test(continuation, runs_without_a_best_epoch_have_a_message) {
    train_short("c.db", "--seeds 0 --set train.iterations=100 --set train.keep_best=no");
    EXPECT(2, "$AFFJORD sample 1:best --db $TEST_DIR/c.db --n 1 --output $TEST_DIR/x.npy");
    EXPECT_SAYS("the file keeps no best epoch; expected a checkpoint of a training with train.keep_best = yes");
    /* The earlier epochs are unknown, so later ones have no best epoch either. */
    train_short("c.db", "--seeds 0 --set train.iterations=200");
    EXPECT(2, "$AFFJORD sample 3:best --db $TEST_DIR/c.db --n 1 --output $TEST_DIR/x.npy");
    EXPECT_SAYS("the file keeps no best epoch");
    EXPECT(2, "$AFFJORD sample 3:worst --db $TEST_DIR/c.db --n 1 --output $TEST_DIR/x.npy");
    EXPECT_SAYS("expected RUN, RUN:best or a .safetensors file");
    EXPECT(2, "$AFFJORD sample zz:best --db $TEST_DIR/c.db --n 1 --output $TEST_DIR/x.npy");
    EXPECT_SAYS("has the number zz or a key that begins with it");
}

#endif
