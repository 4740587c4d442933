/* test_scheduler.c - plans submitted to schedulers: commands for any scheduler, and Slurm's programs replaced by
 * scripts.
 *
 * A real Slurm is in tests/slurm/test.sh. Here sbatch stores its input, and squeue prints a file. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include "stop_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0-2", "100", "50");

/* A job's number is that of its file; more than `room` jobs are rejected. */
static const char fake_sbatch[] = "#!/bin/sh\n"
                                  "n=$(($(ls \"$TEST_DIR\"/jobs | grep -c script) + 1))\n"
                                  "[ -e \"$TEST_DIR/room\" ] && [ $n -gt $(cat \"$TEST_DIR/room\") ] && {\n"
                                  "    echo 'sbatch: error: Batch job submission failed: no room' >&2\n"
                                  "    exit 1\n"
                                  "}\n"
                                  "cat >\"$TEST_DIR/jobs/$n.script\"\n"
                                  "printf '%s\\n' \"$@\" >\"$TEST_DIR/jobs/$n.words\"\n"
                                  "echo \"$n;cluster\"\n";
static const char fake_squeue[] = "#!/bin/sh\n[ -e \"$TEST_DIR/queue\" ] && cat \"$TEST_DIR/queue\" || exit 0\n";

static void write_program(const char *name, const char *text) {
    char path[128];
    scratch_path(folder, name, path);
    scratch_write(path, text, strlen(text));
    cr_assert_eq(chmod(path, 0755), 0);
}

static void begin(void) {
    begin_run(small_experiment);
    EXPECT(0, "mkdir $TEST_DIR/bin $TEST_DIR/jobs");
    write_program("bin/sbatch", fake_sbatch);
    write_program("bin/squeue", fake_squeue);
    char path[4096];
    snprintf(path, sizeof path, "%s/bin:%.3900s", folder, getenv("PATH"));
    setenv("PATH", path, 1);
}

TestSuite(scheduler, .init = begin, .fini = end_run, .timeout = 600);

/* Run every task of every array, one after another. */
static const char run_jobs[] = "for words in $TEST_DIR/jobs/*.words; do last=$(sed -n 's/^--array=0-//p' $words); "
                               "[ -n \"$last\" ] || continue; i=0; while [ $i -le $last ]; do "
                               "SLURM_ARRAY_TASK_ID=$i sh ${words%words}script; i=$((i + 1)); done; done";

Test(scheduler, commands_are_independent_and_quoted) {
    char *expected = undisturbed();
    EXPECT(
        0,
        "mkdir \"$TEST_DIR/it's a folder\"; cp $TEST_DIR/small.ini \"$TEST_DIR/it's a folder/a b.ini\"; program=$PWD/"
        "$AFFJORD; cd \"$TEST_DIR/it's a folder\"; $program 'a b.ini' --db '$(touch x) \"r.db' --set "
        "'experiment.title=one; touch y; # $HOME `z`' --seeds 0-1,2 --dry-run --format commands > ../commands; "
        "wc -l < ../commands; grep -c shards ../commands");
    cr_assert_str_eq(output, "6\n6\n");
    /* Any program that runs shell commands can run them. */
    EXPECT(0, "cd /; head -n 3 $TEST_DIR/commands | parallel --will-cite -j 2; "
              "tail -n 3 $TEST_DIR/commands | xargs -d '\\n' -n 1 -P 2 sh -c");
    cr_assert_str_eq(output, "");
    EXPECT(0,
           "program=$PWD/$AFFJORD; cd \"$TEST_DIR/it's a folder\"; ls -d x y z 2> /dev/null; $program 'a b.ini' --db "
           "'$(touch x) \"r.db' --dry-run --format commands --set experiment.title=t; $program merge --db "
           "'$(touch x) \"r.db'; cp '$(touch x) \"r.db' ../merged.db; cp -r '$(touch x) \"r.checkpoints' "
           "../merged.checkpoints");
    EXPECT_SAYS("6 shards: 6 runs merged");
    cr_assert_null(strstr(output, "--only"), "nothing is missing: %s", output);
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db \"SELECT substr(path, 20) FROM checkpoint WHERE path NOT LIKE "
              "'%%.checkpoints/%%'\"");
    cr_assert_str_eq(output, "");
    char *seen = results("merged.db"), *local = results("whole.db");
    cr_assert_str_eq(seen, local);
    free(seen);
    free(local);
    free(expected);
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --format commands");
    EXPECT_SAYS("expected --dry-run --format commands");
}

Test(scheduler, arrays_have_the_pending_runs_and_a_job_that_merges) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm --slurm-array 4 --threads 2 --slurm-opt "
              "'--gres=gpu:1   --time=24:00:00' --slurm-opt --qos=a --slurm-merge-opt --time=10");
    EXPECT_SAYS("6 runs: 0 done, 0 done in shards, 0 queued or running, 6 submitted to Slurm now");
    EXPECT(0, "cd $TEST_DIR/jobs; ls | tr '\\n' ' '; sed 's/small[.].*/small/' 1.words; grep array 2.words; "
              "grep -v output 3.words");
    EXPECT_SAYS("1.script 1.words 2.script 2.words 3.script 3.words ");
    EXPECT_SAYS("--parsable\n--job-name=affjord.small\n--array=0-3\n--requeue\n--open-mode=append\n--signal=B:TERM@60\n"
                "--cpus-per-task=2\n");
    EXPECT_SAYS("--gres=gpu:1\n--time=24:00:00\n--qos=a\n");
    EXPECT_SAYS("--array=0-1\n");
    EXPECT_SAYS("--dependency=afterany:1:2\n--requeue\n--open-mode=append\n--time=10\n");
    EXPECT(0, "%s; $AFFJORD list tasks --db $TEST_DIR/r.db; sh $TEST_DIR/jobs/3.script", run_jobs);
    EXPECT_SAYS("6 tasks of ");
    EXPECT_SAYS(", 6 done; merge their shards with ./run merge");
    EXPECT_SAYS("6 shards: 6 runs merged");
    EXPECT_SAYS("6 runs: 6 done, 0 done in shards, 0 queued or running, 0 submitted to Slurm now");
    check_same(expected, "r.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm; ls $TEST_DIR/jobs/*.script | wc -l");
    EXPECT_SAYS("\n3\n");
    free(expected);
}

/* The name of the only array so far. */
#define ARRAY "$(cd $TEST_DIR/shards/slurm; ls *.tasks | sed 's/.tasks//')"

Test(scheduler, only_pending_runs_are_submitted_again) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm --quiet");
    /* 0 waits, 1 runs, 2 is done in its shard, 3 in the database; jobs of other users and jobs without a list are
     * ignored. */
    EXPECT(0,
           "a=" ARRAY
           "; { echo \"$a|0|PENDING||Priority\"; echo \"$a|1|RUNNING|node7|None\"; echo 'x|2|RUNNING|n|None';"
           " echo 'affjord.small.00000000|3|RUNNING|n|None'; echo \"$a.merge|N/A|PENDING||Dependency\"; echo 'a|b'; } "
           "> $TEST_DIR/queue; SLURM_ARRAY_TASK_ID=2 sh $TEST_DIR/jobs/1.script; "
           "SLURM_ARRAY_TASK_ID=3 sh $TEST_DIR/jobs/1.script; $AFFJORD merge --db $TEST_DIR/r.db --quiet "
           "$(for k in $(sed -n '4s/ .*//p' $TEST_DIR/shards/slurm/*.tasks); do ls $TEST_DIR/shards/*/$k.db; done)");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run --format commands | wc -l");
    cr_assert_str_eq(output, "4\n", "commands do not depend on Slurm's queue: %s", output);
    EXPECT(0, "$AFFJORD list tasks --db $TEST_DIR/r.db");
    EXPECT_SAYS("queued                0/100                                  Priority");
    EXPECT_SAYS("running               0/100  node7");
    EXPECT_SAYS(", 2 done, 1 queued, 1 running, 2 not begun;");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm");
    EXPECT_SAYS("6 runs: 1 done, 1 done in shards, 2 queued or running, 2 submitted to Slurm now");
    EXPECT(0, "sed -n 's/^    \\([0-9a-f]*\\).*/\\1/p' $TEST_DIR/jobs/3.script | wc -l");
    cr_assert_str_eq(output, "2\n");
}

/* Stopped runs are resubmitted; runs that failed or made no progress are not. */
Test(scheduler, the_merging_job_submits_interrupted_runs) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set train.iterations=100000 --slurm --quiet");
    for (int i = 0; i < 2; i++) {
        char command[64];
        int outcome;
        snprintf(command, sizeof command, "SLURM_ARRAY_TASK_ID=%d sh $TEST_DIR/jobs/1.script", i);
        cr_assert(stop_at(command,
                          "for shard in $TEST_DIR/shards/*/*.db; do sqlite3 $shard \"SELECT 1 FROM run WHERE status = "
                          "'running'\"; done 2>/dev/null",
                          ALL_PROCESSES, SIGTERM, &outcome));
    }
    EXPECT(0, "sh $TEST_DIR/jobs/2.script");
    EXPECT_SAYS("2 runs merged into");
    EXPECT_SAYS("2 submitted to Slurm now, 4 failed or not begun and left alone");
    EXPECT(0, "sh $TEST_DIR/jobs/4.script; ls $TEST_DIR/jobs/*.script | wc -l");
    EXPECT_SAYS("0 submitted to Slurm now, 6 failed or not begun and left alone\n4\n");
    /* A manual submission includes all of them. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set train.iterations=100000 --slurm");
    EXPECT_SAYS("6 submitted to Slurm now");
}

Test(scheduler, errors_of_sbatch_are_printed_and_the_rest_is_merged) {
    EXPECT(0, "echo 1 > $TEST_DIR/room");
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm --slurm-array 2");
    EXPECT_SAYS(
        "Slurm: 2 of 6 runs were submitted, then: sbatch ended with status 1: sbatch: error: Batch job submission "
        "failed: no room");
    EXPECT(0, "ls $TEST_DIR/shards/slurm | grep -c tasks; rm $TEST_DIR/room; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm --slurm-array 100");
    cr_assert_eq(output[0], '1', "only lists of arrays that were taken stay: %s", output);
    EXPECT(0, "rm $TEST_DIR/bin/sbatch; mv $TEST_DIR/bin/squeue $TEST_DIR/squeue");
    EXPECT(1, "PATH=/bin $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/other.db --slurm");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --slurm-opt --time=1");
    EXPECT_SAYS("--slurm-opt: expected --slurm beside it");
}

Test(scheduler, failed_tasks_are_listed_with_the_end_of_their_logs) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --slurm --quiet; cd $TEST_DIR/shards; "
              "k=$(sed -n '1s/ .*//p' slurm/*.tasks); p=$(printf %%.2s $k); mkdir -p $p; "
              "printf 'one\\ntwo\\nthree\\nlibsleef.so.3: cannot open\\n' > $p/$k.log");
    EXPECT(0, "$AFFJORD list tasks --db $TEST_DIR/r.db");
    EXPECT_SAYS(" failed ");
    EXPECT_SAYS("        two\n        three\n        libsleef.so.3: cannot open\n");
    EXPECT_SAYS(", 1 failed, 5 not begun;");
    /* A failed run has its own reason. */
    EXPECT(0, "SLURM_ARRAY_TASK_ID=2 sh $TEST_DIR/jobs/1.script; cd $TEST_DIR/shards; k=$(sed -n '3s/ .*//p' "
              "slurm/*.tasks); sqlite3 */$k.db \"UPDATE run SET status = 'failed', error = 'the disk is full'\"");
    EXPECT(0, "$AFFJORD list --db $TEST_DIR/r.db");
    EXPECT_SAYS("the disk is full");
    EXPECT_SAYS(", 2 failed, 4 not begun;");
}

#endif
