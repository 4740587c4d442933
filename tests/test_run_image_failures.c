/* test_run_image_failures.c - ./run on images: refused settings, failed iterations, and losses that no density has. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "data/image_batch.h"
#include "run_images_support.h"
#include "train/checkpoint.h"

TestSuite(run_image_failures, .init = begin, .fini = end, .timeout = 240);

/* --- Failed iterations --- */

/* Check that a file of a failed iteration has the batch of that iteration. */
static void expect_kept_batch(const char *path, size_t iteration) {
    checkpoint *file = NULL;
    error_info err = {""};
    real x[BATCH * D];
    image_set *set = open_set("mnist-tiny");
    cr_assert_eq(checkpoint_read(path, &file, &err), STATUS_OK, "%s", err.text);
    const real *kept = checkpoint_get(file, "batch", CHECKPOINT_REAL, BATCH * D);
    const uint64_t *number = checkpoint_get(file, "batch.iteration", CHECKPOINT_U64, 1);
    cr_assert(kept != NULL && number != NULL);
    cr_expect_eq(*number, iteration);
    image_batch(set, IMAGE_TRAINING, 0, (iteration - 1) * BATCH, BATCH, false, IMAGE_CHANNEL_LAST, x);
    cr_expect_eq(memcmp(kept, x, sizeof x), 0, "%s holds another batch", path);
    checkpoint_destroy(&file);
    image_close(&set);
}

/* Ten iterations of both models with seed 0 fail. The batches of the first three are saved; the third is the last of an
 * epoch, before a validation. */
static void expect_failures(const char *set, const char *reason) {
    char key[64], path[512], message[1024];
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/f.db --jobs 1 --seeds 0 --set %s 2> $TEST_DIR/printed", set);
    expect_query("f.db", "SELECT DISTINCT status, iteration FROM run", "failed|10\n");
    EXPECT(0, "sqlite3 $TEST_DIR/f.db \"SELECT error FROM run\"");
    EXPECT_SAYS("10 iterations in a row failed, the last one, 10, so: flow ");
    EXPECT_SAYS(reason);
    EXPECT(0, "ls $TEST_DIR/f.failures | wc -l");
    cr_expect_eq(atoi(output), 2 * 3, "%s", output);
    EXPECT(0, "sqlite3 $TEST_DIR/f.db \"SELECT key FROM run WHERE model = 'affjord'\"");
    snprintf(key, sizeof key, "%.32s", output);
    for (size_t i = 1; i <= 3; i++) {
        snprintf(path, sizeof path, "%s/f.failures/%s-%zu.safetensors", folder, key, i);
        expect_kept_batch(path, i);
        EXPECT(0, "$AFFJORD eval --replay %s", path);
        char line[128];
        snprintf(line, sizeof line, "Iteration %zu of run %s: affjord on mnist-tiny", i, key);
        EXPECT_SAYS(line);
        const char *fails = strstr(output, "Result: failed: ");
        cr_assert_not_null(fails, "%s", output);
        cr_expect_not_null(strstr(fails, reason), "%s", output);
        snprintf(message, sizeof message, "%.900s", fails + strlen("Result: failed: "));
        message[strcspn(message, "\n")] = '\0';
        EXPECT(0, "grep -c -F 'affjord 0: iteration %zu skipped: %s; ' $TEST_DIR/printed", i, message);
    }
    /* Rows are complete: a loss, or the kind of non-finite number. */
    expect_number("f.db", "SELECT count(*) FROM epoch", 2 * 3 * 2);
    expect_number("f.db", "SELECT count(*) FROM epoch WHERE (loss IS NULL) = (nonfinite IS NULL)", 0);
    expect_number("f.db", "SELECT count(*) FROM epoch WHERE split = 'training' AND nonfinite = 'nan'", 2 * 3);
    expect_number("f.db", "SELECT count(*) FROM flow WHERE split = 'training'", 2 * 3 * FLOWS);
    expect_query("f.db", "SELECT DISTINCT name FROM metric ORDER BY 1", "convolutions\ndata_dimension\nparameters\n");
    expect_number("f.db", "SELECT count(*) FROM sample_blob", 0);
    expect_query("f.db", "SELECT DISTINCT status FROM table1 WHERE dataset = 'mnist-tiny'", "not finished\n");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/f.db");
}

/* One step of Euler's method lets a training move all images to one point at a constant volume. */
Test(run_image_failures, losses_that_no_density_has_are_reported_once) {
    EXPECT(
        0,
        "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/low.db --jobs 1 --seeds 0 --set experiment.models=affjord --set "
        "solver.method=euler --set solver.steps=1 --set train.learning_rate=0.03 --set train.iterations=100 --set "
        "train.epoch_iterations=100 2> $TEST_DIR/printed");
    expect_number("low.db", "SELECT running < 0 FROM epoch WHERE split = 'training'", 1);
    EXPECT(
        0,
        "grep -c 'affjord 0: training loss: 10 iterations in a row are below 0 bits per dimension' $TEST_DIR/printed");
    cr_expect_str_eq(output, "1\n");
}

Test(run_image_failures, iterations_without_a_loss_end_the_run_and_are_kept) {
    expect_failures("solver.max_steps=1", "forward: too many steps (solver.max_steps)");
    /* Parameters are unchanged, and another solver computes the loss of the first iteration. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/one.db --seeds 0 --quiet --set train.iterations=1");
    EXPECT(0,
           "sqlite3 $TEST_DIR/one.db \"SELECT printf('Result: loss %%.6f bits per dimension, finite', loss) FROM epoch "
           "JOIN run USING (run_id) WHERE model = 'affjord' AND split = 'training'\"");
    char loss[100];
    snprintf(loss, sizeof loss, "%.90s", output);
    loss[strcspn(loss, "\n")] = '\0';
    EXPECT(0, "file=$(grep -o '/[^ ]*-1.safetensors' $TEST_DIR/printed | tail -n 1); "
              "$AFFJORD eval --replay $file --set solver.max_steps=1000 --threads 2");
    EXPECT_SAYS(loss);
    cr_expect_null(strstr(output, "Result: failed"), "%s", output);
    EXPECT(2, "file=$(ls $TEST_DIR/f.failures/*-2.safetensors | head -n 1); "
              "$AFFJORD eval --replay $file --set train.batch=3");
    EXPECT_SAYS("--set train.batch=3");
    EXPECT_SAYS("expected a setting of [solver]");
    EXPECT(2, "file=$(ls $TEST_DIR/f.failures/*-2.safetensors | head -n 1); "
              "$AFFJORD eval --replay $file --set solver.max_step=3");
    EXPECT_SAYS("solver.max_steps");
    EXPECT(1, "file=$(ls $TEST_DIR/f.checkpoints/*.safetensors | head -n 1); $AFFJORD eval --replay $file");
    EXPECT_SAYS("batch.iteration is missing; expected a file from a folder *.failures");
    EXPECT(1, "$AFFJORD eval --replay $TEST_DIR/none.safetensors");
    EXPECT_SAYS("none.safetensors");
}

Test(run_image_failures, more_steps_than_can_be_stored) {
    expect_failures("solver.max_stored_steps=1", "forward: more steps than solver.max_stored_steps");
    /* A validation stores no steps. */
    expect_number("f.db", "SELECT count(*) FROM epoch WHERE split = 'validation' AND loss IS NOT NULL", 2 * 3);
}

/* Failures continue after a resume: the number of consecutive failures is part of the state. */
Test(run_image_failures, a_failed_run_taken_up_again_fails_again) {
    for (int i = 0; i < 3; i++) {
        EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/f.db --seeds 0 --quiet --set solver.max_stored_steps=1 "
                  "--set train.iterations=12");
        expect_query("f.db", "SELECT DISTINCT status, iteration FROM run", "failed|10\n");
    }
}

/* The message about a failed backward solve names it. AFFJORD with seed 0 fails, by its initial parameters. */
Test(run_image_failures, a_failing_way_back_is_named) {
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/f.db --seeds 0 --set solver.gradient=adjoint "
              "--set solver.max_steps=2 --set solver.atol=1e-3 --set solver.rtol=1e-3");
    EXPECT_SAYS(", backward: too many steps (solver.max_steps)");
}

/* --- Settings --- */

static void expect_refused_setting(const char *set, const char *words) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --set \"%s\"", set);
    EXPECT_SAYS(words);
    EXPECT(0, "ls $TEST_DIR");
    cr_expect_str_eq(output, "small.ini\n", "%s left %s", set, output);
}

Test(run_image_failures, wrong_settings_exit_2_and_write_nothing) {
    expect_refused_setting("model.field=mlp", "ffjord on mnist-tiny: model.field = mlp: the field of images is made of "
                                              "convolutions ([image]); expected hyper_mlp");
    expect_refused_setting("model ffjord.context=lifted",
                           "model.context: images have time or augmented; expected one of them");
    expect_refused_setting("solver.math=fp16", "solver.math = fp16: expected fp32, tf32 or bf16");
    expect_refused_setting("image.downsample=3", "--set: mnist-tiny: image.downsample: ");
    expect_refused_setting("image.downsample=3", "8 x 8 pixels cannot be averaged over squares of 3");
    expect_refused_setting("image.downsample=4", "images of 2 x 2 pixels: expected sides of 4 to 512");
    expect_refused_setting("model affjord.image.downsample=2", "image.downsample: expected the same for all models");
    expect_refused_setting("image.augmented_dims=33",
                           "--set: affjord on mnist-tiny: image.augmented_dims: "
                           "found 33, expected at most the 32 entries that z* of flow 2 has");
    expect_refused_setting("image.hypernet_inputs=7", "expected 1 to 6, those that move");
    expect_refused_setting("data.dir=/nonexistent",
                           "small.ini:3: experiment.data: the images \"mnist-tiny\" are not in "
                           "the folder \"/nonexistent\"; AFFJORD_DATA or data.dir = FOLDER");
    expect_refused_setting("experiment.data=mnist-tny", "the images \"mnist-tny\" are not in the folder");
    expect_refused_setting("experiment.data=mnits", "\"mnits\" is not a known data set; did you mean \"mnist\"?");
    expect_refused_setting("experiment.data=celebra", "did you mean \"celeba\"?");
    expect_refused_setting("experiment.data=hash-gausian", "did you mean \"hash_gaussian\"?");
}

#endif
