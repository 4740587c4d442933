/* test_carry.c - an unfinished training is carried in an archive and continues in another folder, bit-identical to one
 * that was never interrupted; a part of it is repeated from its checkpoint. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "run_images_support.h"
#include "stop_support.h"

/* All state that a training can have: averages, the best epoch, phases of batches and of tolerances. */
#define ALL_STATE                                                                                                      \
    " --set train.average=0.9 --set train.clip_norm=5 --set train.decay=cosine --set train.iterations=24 --set "       \
    "train.batch_phases='3 until 5, 7 until 13' --set solver.tolerance_phases='1e-1 until 8'"

TestSuite(carry, .init = begin, .fini = end, .timeout = 300);

/* Return the results of an uninterrupted run of the image experiment with these options. */
static char *whole_run(const char *options) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --jobs 2 --quiet%s", options);
    return numbers("whole.db");
}

/* Stop a training of four runs, at least one of them within its course, some perhaps not begun. */
static void stop_within(const char *name, const char *options, int iterations) {
    char all[512], when[512];
    snprintf(all, sizeof all, "--jobs 2%s", options);
    snprintf(when, sizeof when, "now=$(" CHECKPOINTED("$TEST_DIR/%s.checkpoints") "); test \"$now\" -ge %d && echo 1",
             name, iterations);
    stop_new(name, all, when, RECORDING, SIGTERM);
}

#define STATES "SELECT count(*), min(checkpoint.iteration < run.iterations) FROM run JOIN checkpoint USING (run_id)"

static void carry(const char *options, const char *into) {
    EXPECT(0, "mkdir -p $TEST_DIR/carried $TEST_DIR/far/away");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/carried/c.db --db $TEST_DIR/begun.db --unfinished");
    EXPECT_SAYS(" unfinished;");
    EXPECT(0, "sqlite3 -readonly $TEST_DIR/carried/c.db \"" STATES "\"");
    cr_assert_str_neq(output, "0|\n");
    cr_assert_not_null(strstr(output, "|1"), "%s", output);
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/carried/c.db");
    EXPECT(0, "rm -r $TEST_DIR/begun.*; mv $TEST_DIR/carried/* $TEST_DIR/far/away");
    if (*into) EXPECT(0, "$AFFJORD merge $TEST_DIR/far/away/c.db --db $TEST_DIR/%s --quiet", into);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s --quiet%s", *into ? into : "far/away/c.db", options);
}

/* --- The same bits --- */

Test(carry, a_carried_training_of_images_ends_with_the_same_bits) {
    char *expected = whole_run(ALL_STATE " --set experiment.models=affjord --seeds 0");
    for (int iterations = 3; iterations <= 18; iterations += 15) {
        stop_within("begun", ALL_STATE " --set experiment.models=affjord --seeds 0", iterations);
        carry(ALL_STATE " --set experiment.models=affjord --seeds 0", "");
        check_same(expected, "far/away/c.db");
        EXPECT(0, "rm -r $TEST_DIR/far $TEST_DIR/carried");
    }
    free(expected);
}

Test(carry, a_carried_training_is_merged_into_another_database) {
    char *expected = whole_run(" --set experiment.models=ffjord --seeds 0");
    stop_within("begun", " --set experiment.models=ffjord --seeds 0", 6);
    carry(" --set experiment.models=ffjord --seeds 0", "other.db");
    check_same(expected, "other.db");
    free(expected);
}

/* The pictures of the data are in the database before the end of the training; the archive would round them. */
Test(carry, a_carried_training_of_points_ends_with_the_same_bits) {
    static const char points[] = TINY_EXPERIMENT("small", "0", "1000", "50");
    char path[128];
    scratch_path(folder, "small.ini", path);
    scratch_write(path, points, strlen(points));
#define POINTS " --set experiment.models=affjord --set train.batch_phases='16 until 320'"
    char *expected = whole_run(POINTS);
    stop_within("begun", POINTS, 250);
    EXPECT(0, "sqlite3 $TEST_DIR/begun.db 'SELECT count(*) FROM sample_blob'");
    cr_expect_str_neq(output, "0\n");
    carry(POINTS, "");
    check_same(expected, "far/away/c.db");
    free(expected);
}

/* The training goes on, and is killed, while it is exported again and again. */
Test(carry, a_training_is_exported_while_it_runs) {
    char *expected = whole_run(ALL_STATE);
    const pid_t child = start("$AFFJORD $TEST_DIR/small.ini --quiet --jobs 2 --db $TEST_DIR/begun.db" ALL_STATE);
    int exported = 0;
    EXPECT(0, "mkdir $TEST_DIR/carried");
    for (int attempt = 0; attempt < 200 && exported < 5; attempt++) {
        exported += shell("$AFFJORD export --archive $TEST_DIR/carried/c.db --db $TEST_DIR/begun.db --unfinished "
                          "--force") == 0;
        pause_for(0.01);
    }
    cr_expect_eq(exported, 5, "%s", output);
    signal_all(child, SIGKILL);
    wait_for(child);
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/carried/c.db");
    EXPECT(0, "sqlite3 -readonly $TEST_DIR/carried/c.db \"SELECT count(*) FROM run WHERE status = 'running'\"");
    cr_expect_str_eq(output, "0\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/carried/c.db --quiet" ALL_STATE);
    /* Finished runs of an archive have rounded pictures and no checkpoints. */
    char *seen = results("carried/c.db"), *plain = results("whole.db");
    cr_expect_eq(strncmp(seen, plain, (size_t)(strstr(plain, "picture|") - plain)), 0, "%s\n%s", seen, plain);
    free(seen);
    free(plain);
    free(expected);
}

/* --- Replacing --- */

Test(carry, a_later_state_replaces_an_earlier_one_and_not_the_other_way_round) {
#define ONE " --set experiment.models=ffjord --seeds 0"
#define EXPORT "$AFFJORD export --archive $TEST_DIR/c.db --db $TEST_DIR/begun.db --unfinished"
    stop_within("begun", ONE, 3);
    EXPECT(0, EXPORT);
    EXPECT(2, EXPORT);
    EXPECT_SAYS("--force");
    EXPECT(0, EXPORT " --force");
    EXPECT(0, "cp -r $TEST_DIR/begun.db $TEST_DIR/early.db; cp -r $TEST_DIR/begun.checkpoints $TEST_DIR/kept");
    EXPECT(0, "ls $TEST_DIR/c.checkpoints | wc -l");
    cr_expect_str_eq(output, "1\n");
    /* It continues in the archive itself, which then is a database like any other. */
    EXPECT(0, "cp $TEST_DIR/c.db $TEST_DIR/d.db; cp -r $TEST_DIR/c.checkpoints $TEST_DIR/d.checkpoints; "
              "sqlite3 $TEST_DIR/d.db \"UPDATE checkpoint SET path = replace(path, 'c.', 'd.')\"");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/d.db --quiet" ONE);
    EXPECT(2, "$AFFJORD export --archive $TEST_DIR/d.db --db $TEST_DIR/begun.db --unfinished --force");
    /* An earlier state, or a database without the run, does not replace it. */
    EXPECT(0, "sqlite3 $TEST_DIR/begun.db \"UPDATE checkpoint SET iteration = iteration - 1\"");
    EXPECT(2, EXPORT " --force");
    EXPECT_SAYS("expected a later one; use ");
    EXPECT(0, "sqlite3 $TEST_DIR/begun.db \"DELETE FROM checkpoint\"");
    EXPECT(2, EXPORT " --force");
    EXPECT_SAYS(" has it at 0;");
    /* The finished run does, and its state is removed. */
    EXPECT(0, "rm -r $TEST_DIR/begun.*; $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/begun.db --quiet" ONE);
    EXPECT(0, EXPORT " --force");
    EXPECT_SAYS("the states of 0 unfinished");
    EXPECT(0, "ls $TEST_DIR/c.checkpoints | wc -l");
    cr_expect_str_eq(output, "0\n");
    EXPECT(2, "$AFFJORD export --archive - --db $TEST_DIR/begun.db --unfinished >$TEST_DIR/none");
    EXPECT(2, "$AFFJORD export 1 --output $TEST_DIR/m.safetensors --db $TEST_DIR/begun.db --unfinished");
}

Test(carry, a_lost_checkpoint_is_an_error) {
    stop_within("begun", ONE, 3);
    EXPECT(0, "rm $TEST_DIR/begun.checkpoints/*");
    EXPECT(1, EXPORT);
    EXPECT_SAYS("there is no checkpoint");
    EXPECT(1, "test -e $TEST_DIR/c.db");
}

/* --- A part of a training --- */

#define CHECK "$AFFJORD check $TEST_DIR/c.db --run 1 --iterations 2 "

Test(carry, a_part_is_repeated_from_a_carried_checkpoint) {
    stop_within("begun", ONE ALL_STATE, 6);
    EXPECT(0, EXPORT);
    EXPECT(0, CHECK "--record $TEST_DIR/part.tsv");
    EXPECT(0, "grep -c 'iteration[.]' $TEST_DIR/part.tsv");
    cr_expect_str_eq(output, "3\n", "two losses and a norm");
    EXPECT(0, "mkdir $TEST_DIR/far; mv $TEST_DIR/c.* $TEST_DIR/far; "
              "$AFFJORD check $TEST_DIR/far/c.db --run 1 --iterations 2 --baselines $TEST_DIR/part.tsv --threads 2");
    EXPECT_SAYS(": the same, ");
    EXPECT(0, "mv $TEST_DIR/far/c.* $TEST_DIR; sed -i 's/\\t\\([0-9]*\\)[.]\\([0-9]\\)/\\t\\1.\\2\\2/' "
              "$TEST_DIR/part.tsv");
    EXPECT(1, CHECK "--baselines $TEST_DIR/part.tsv");
    EXPECT_SAYS(": differs, 3 of 3 values, first in iteration.");
    EXPECT(2, "$AFFJORD check $TEST_DIR/c.db --run 1 --iterations 1");
    EXPECT_SAYS("nothing is known of iterations");
}

/* From an earlier checkpoint: the epochs on the way and the state at the database's checkpoint. */
Test(carry, a_part_ends_at_a_later_checkpoint) {
    stop_within("begun", ONE ALL_STATE, 3);
    EXPECT(0, "cp $TEST_DIR/begun.checkpoints/*.safetensors $TEST_DIR/early.safetensors");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/begun.db --quiet" ONE ALL_STATE);
    EXPECT(0, "$AFFJORD check $TEST_DIR/begun.db --run 1 --iterations 100 --from $TEST_DIR/early.safetensors");
    EXPECT_SAYS(" to 24: the same, ");
    EXPECT(2, "$AFFJORD check $TEST_DIR/begun.db --run 1 --iterations 100");
    EXPECT_SAYS("the end of the training, at iteration 24; expected an earlier checkpoint");
    EXPECT(0, "sqlite3 $TEST_DIR/begun.db \"UPDATE epoch SET loss = loss + 1e-9 WHERE iteration = 24\"");
    EXPECT(1, "$AFFJORD check $TEST_DIR/begun.db --run 1 --iterations 100 --from $TEST_DIR/early.safetensors");
    EXPECT_SAYS("first in epoch.8.training: recorded ");
    EXPECT(1, "$AFFJORD check $TEST_DIR/begun.db --run 1 --iterations 1 --from $TEST_DIR/small.ini");
    EXPECT(0, "$AFFJORD export 1 --db $TEST_DIR/begun.db --output $TEST_DIR/model.safetensors");
    EXPECT(1, "$AFFJORD check $TEST_DIR/begun.db --run 1 --iterations 1 --from $TEST_DIR/model.safetensors");
    EXPECT(2, "$AFFJORD check $TEST_DIR/begun.db --iterations 3");
    EXPECT(2, "$AFFJORD check $TEST_DIR/begun.db --run 1 --from $TEST_DIR/early.safetensors");
}
#endif
