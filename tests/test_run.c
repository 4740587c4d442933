/* test_run.c - ./run as a command: the same numbers for every schedule and stop; errors lose no rows. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include <math.h>

#include "stop_support.h"

/* Two models, two seeds, a thousand tiny iterations each. */
static const char small_experiment[] = TINY_EXPERIMENT("small", "0-1", "1000", "50");

static void begin(void) {
    begin_run(small_experiment);
}

TestSuite(run, .init = begin, .fini = end_run, .timeout = 600);

Test(run, jobs_and_threads_do_not_change_a_bit) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/jobs.db --jobs 1 --threads 1 --quiet");
    check_same(expected, "jobs.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/threads.db --jobs 3 --threads 2 --quiet");
    check_same(expected, "threads.db");
    free(expected);
}

Test(run, stopped_by_a_signal_and_started_again_it_ends_with_the_same_bits) {
    char *expected = undisturbed();
    stop_and_finish("stopped", ASKED);
    check_same(expected, "stopped.db");
    free(expected);
}

/* --until stops it after a time; ./run list shows the remaining iterations and the rate. */
Test(run, stopped_by_its_time_it_ends_with_the_same_bits) {
    char *expected = undisturbed();
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/timed.db --jobs 1 --until 0.1s");
    EXPECT_SAYS("Stopped after 0.1s. Run the same command to resume.\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/timed.db --quiet --until 1h30m");
    check_same(expected, "timed.db");
    EXPECT(0, "sqlite3 $TEST_DIR/timed.db \"UPDATE run SET status = 'interrupted', iteration = 400, wall_seconds = 800 "
              "WHERE run_id = 1; SELECT value / 2 FROM setting WHERE run_id = 1 AND key = 'batch'\"; "
              "$AFFJORD list runs --db $TEST_DIR/timed.db | grep interrupted");
    char rate_and_rest[64];
    snprintf(rate_and_rest, sizeof rate_and_rest, " 400/1000 %7d.0     20:00", atoi(output));
    EXPECT_SAYS(rate_and_rest);
    /* 200 batches of 32, then of 64: 19,200 of 57,600 points. */
    EXPECT(0,
           "sqlite3 $TEST_DIR/timed.db \"UPDATE setting SET value = '64' WHERE key = 'batch'; INSERT OR REPLACE INTO "
           "setting VALUES (1, 'train', 'batch_phases', '32 until 200')\"; "
           "$AFFJORD list runs --db $TEST_DIR/timed.db | grep interrupted");
    EXPECT_SAYS(" 400/1000      24.0     26:40");
    static const char *const wrong[] = {"4", "0s", "-1h", "30m1h", "1h 30m", "1.2.3h", "soon", "nanh"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --until '%s'", wrong[i]);
        EXPECT_SAYS(": expected a time in days, hours, minutes or seconds, as in 4h or 1h30m");
    }
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --until 4h --slurm");
    EXPECT_SAYS("--until 4h: expected no --slurm beside it");
    free(expected);
}

Test(run, killed_at_any_moment_it_ends_with_the_same_bits) {
    char *expected = undisturbed();
    stop_and_finish("killed", KILLED);
    check_same(expected, "killed.db");
    EXPECT(0, "ls $TEST_DIR/killed.checkpoints");
    cr_assert_null(strstr(output, "tmp"), "%s", output);
    EXPECT(0, "ls $TEST_DIR/killed.checkpoints | wc -l");
    cr_assert_eq(atoi(output), 4, "one checkpoint a run: %s", output);
    free(expected);
}

Test(run, killed_worker_is_marked_and_resumed) {
    char *expected = undisturbed();
    const int outcome =
        stop_new("worker", "--jobs 1", ASK("worker.db", "SELECT process FROM run WHERE status = 'running'"),
                 TRAINING_PROCESS, SIGKILL);
    cr_assert_eq(WEXITSTATUS(outcome), 1);
    EXPECT(0, "sqlite3 $TEST_DIR/worker.db \"SELECT status, error FROM run WHERE status = 'failed'\"");
    EXPECT_SAYS("failed|");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/worker.db --quiet");
    check_same(expected, "worker.db");
    free(expected);
}

Test(run, finished_runs_are_not_repeated_and_return_at_once) {
    free(undisturbed());
    EXPECT(0, "stat -c %%Y.%%s $TEST_DIR/whole.db; sqlite3 $TEST_DIR/whole.db 'SELECT max(ended) FROM run'");
    char before[200];
    snprintf(before, sizeof before, "%.150s", output);
    double least = 1;
    for (int attempt = 0; attempt < 5; attempt++) {
        const double from = now();
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db");
        least = fmin(least, now() - from);
    }
    cr_assert_lt(least, 0.2, "%g s", least);
    EXPECT_SAYS("affjord");
    EXPECT(0, "stat -c %%Y.%%s $TEST_DIR/whole.db; sqlite3 $TEST_DIR/whole.db 'SELECT max(ended) FROM run'");
    cr_assert(strstr(output, strchr(before, '\n') + 1), "nothing ran: %s %s", before, output);
}

/* Snapshots of a finished run are computed from its checkpoint: nothing is trained, no number changes. */
Test(run, moments_are_made_when_they_are_first_wanted) {
    char *expected = undisturbed();
    static const char count[] = "SELECT count(*) || ' of ' || count(DISTINCT subject) || ', ' || sum(kind = 'field') "
                                "|| ', ' || count(DISTINCT moment) FROM moment";
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db \"UPDATE run SET git_commit = 'of its training'\"");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --set output.snapshots=3 --seeds 1 --quiet");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db 'SELECT DISTINCT git_commit FROM run'");
    cr_assert_str_eq(output, "of its training\n");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db \"%s\"", count);
    cr_assert_str_eq(output,
                     "20 of 2, 4, 3\n"); /* 2 models: density and samples at 3 moments, field and context at 2 */
    EXPECT(
        0,
        "sqlite3 $TEST_DIR/whole.db \"SELECT DISTINCT rows, columns, length(data) FROM moment ORDER BY kind, 1, 2\"");
    cr_assert_str_eq(output, "1|1|4\n1|2|8\n80|80|25600\n1089|4|17424\n1000|2|8000\n");
    char *seen = results("whole.db");
    char *before = results("whole.db");
    free(seen);
    /* A second start changes nothing. Without a checkpoint, nothing is computed and nothing is lost. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --set output.snapshots=3 --seeds 1 --quiet;"
              "sqlite3 $TEST_DIR/whole.db 'SELECT max(sessions) FROM run'");
    cr_assert_str_eq(output, "2\n");
    EXPECT(0, "rm $TEST_DIR/whole.checkpoints/*;"
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --set output.snapshots=3 --quiet;"
              "sqlite3 $TEST_DIR/whole.db 'SELECT count(*), sum(status = \"done\"), max(sessions) FROM run'");
    cr_assert_str_eq(output, "4|4|2\n");
    seen = results("whole.db");
    cr_assert_str_eq(seen, before);
    free(seen);
    free(before);
    free(expected);
}

Test(run, experiments_share_runs_by_key) {
    free(undisturbed());
    EXPECT(0, "sed 's/name = small/name = other/' $TEST_DIR/small.ini > $TEST_DIR/other.ini;"
              "$AFFJORD $TEST_DIR/other.ini --db $TEST_DIR/whole.db --quiet;"
              "sqlite3 $TEST_DIR/whole.db 'SELECT count(*), (SELECT count(*) FROM experiment), "
              "(SELECT count(*) FROM experiment_run) FROM run'");
    cr_assert_str_eq(output, "4|2|8\n");
}

Test(run, table_2_is_counted_to_the_last_parameter) {
    EXPECT(0, "$AFFJORD experiments/table2.ini --db $TEST_DIR/count.db");
    EXPECT_SAYS("8976115     8976115");
    EXPECT_SAYS("outputs for z* are computed and dropped");
    EXPECT(0,
           "sqlite3 $TEST_DIR/count.db 'SELECT count(*) FROM table2 WHERE declared = paper AND effective <= declared'");
    cr_assert_str_eq(output, "12\n");
    /* The groups' parameters without effect add up to the difference. */
    EXPECT(0,
           "sqlite3 $TEST_DIR/count.db \"SELECT count(*) FROM (SELECT sum(CASE name WHEN 'parameters_declared' THEN "
           "value ELSE -value END) AS rest FROM metric WHERE name <> 'parameters' GROUP BY run_id) WHERE rest = 0\"");
    cr_assert_str_eq(output, "12\n");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/count.db");
    /* Counts of other experiments do not change Table 2. */
    EXPECT(0, "$AFFJORD experiments/table2.ini --db $TEST_DIR/count.db --set image.hidden_channels=32 "
              "--set experiment.name=narrow");
    EXPECT(0, "sqlite3 $TEST_DIR/count.db 'SELECT count(*) FROM table2 WHERE declared = paper'");
    cr_assert_str_eq(output, "12\n");
    EXPECT(2, "$AFFJORD experiments/table2.ini --db $TEST_DIR/none.db --set experiment.data=mnits");
    EXPECT_SAYS("no set of images \"mnits\"; the nearest is mnist");
    EXPECT(2, "AFFJORD_DATA=$TEST_DIR $AFFJORD experiments/table2.ini --db $TEST_DIR/none.db "
              "--set experiment.task=train");
    EXPECT_SAYS("the images \"mnist\" are not in the folder");
}

Test(run, wrong_settings_exit_2_and_write_nothing) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --set solver.stepz=3");
    EXPECT_SAYS("solver.steps");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --set train.batch=0");
    EXPECT(2, "$AFFJORD $TEST_DIR/missing.ini --db $TEST_DIR/none.db");
    EXPECT_SAYS("missing.ini");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --seds 0-1");
    EXPECT_SAYS("--seeds");
    EXPECT(0, "ls $TEST_DIR");
    cr_assert_str_eq(output, "small.ini\n");
}

Test(run, dry_run_prints_and_writes_nothing) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --dry-run --seeds 0-2");
    EXPECT_SAYS("affjord");
    EXPECT_SAYS("steps");
    EXPECT(0, "ls $TEST_DIR");
    cr_assert_str_eq(output, "small.ini\n");
}

Test(run, eval_sample_and_export_agree) {
    free(undisturbed());
    EXPECT(0, "$AFFJORD list runs --db $TEST_DIR/whole.db");
    EXPECT_SAYS("done");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db \"SELECT key FROM run WHERE model = 'affjord' AND seed = 1\"");
    char key[64];
    snprintf(key, sizeof key, "%.32s", output);
    EXPECT(0, "$AFFJORD export %s --db $TEST_DIR/whole.db --output $TEST_DIR/model.safetensors", key);
    EXPECT(0, "$AFFJORD sample %.12s --db $TEST_DIR/whole.db --n 300 --seed 5 --output $TEST_DIR/a.npy", key);
    EXPECT(0, "$AFFJORD sample $TEST_DIR/model.safetensors --n 300 --seed 5 --output $TEST_DIR/b.npy");
    EXPECT(0, "cmp $TEST_DIR/a.npy $TEST_DIR/b.npy");
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input $TEST_DIR/a.npy --output $TEST_DIR/p.npy", key);
    EXPECT(0, "$AFFJORD eval $TEST_DIR/model.safetensors --input $TEST_DIR/b.npy --output $TEST_DIR/q.npy");
    EXPECT(0, "cmp $TEST_DIR/p.npy $TEST_DIR/q.npy; stat -c %%s $TEST_DIR/p.npy");
    cr_assert_geq(atoi(output), 300 * 4);
    EXPECT(2, "$AFFJORD sample zzzz --db $TEST_DIR/whole.db --n 3 --seed 5 --output $TEST_DIR/c.npy");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/whole.db");
}

Test(run, corrupt_checkpoint_is_named_and_nothing_is_lost) {
#define UNFINISHED "FROM checkpoint c JOIN run r USING (run_id) WHERE r.status != 'done'"
    stop_new("torn", "--jobs 1", ASK("torn.db", "SELECT count(*) " UNFINISHED), ALL_PROCESSES, SIGKILL);
    EXPECT(0, ASK("torn.db", "SELECT c.path " UNFINISHED));
    output[strcspn(output, "\n")] = '\0';
    char path[512];
    snprintf(path, sizeof path, "%s/%.400s", folder, output);
    EXPECT(0, "cp %s $TEST_DIR/good; printf x | dd of=%s bs=1 seek=3000 conv=notrunc status=none", path, path);
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/torn.db --quiet");
    EXPECT_SAYS(strrchr(path, '/') + 1);
    EXPECT(0, "sqlite3 $TEST_DIR/torn.db \"SELECT count(*) FROM run WHERE status = 'done'\"");
    cr_assert_str_eq(output, "3\n", "the others went on");
    EXPECT(0, "cp $TEST_DIR/good %s && $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/torn.db --quiet", path);
    char *expected = undisturbed();
    check_same(expected, "torn.db");
    free(expected);
}

#endif
