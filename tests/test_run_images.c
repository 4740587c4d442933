/* test_run_images.c - ./run on images: the same numbers after every stop, the stored rows, and trained models. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include <math.h>

#include "data/image_batch.h"
#include "data/npy.h"
#include "flow/chain.h"
#include "run_images_support.h"
#include "stop_support.h"

TestSuite(run_images, .init = begin, .fini = end, .timeout = 240);

/* --- The same bits --- */

Test(run_images, jobs_and_threads_do_not_change_a_bit) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/jobs.db --jobs 1 --threads 1 --quiet");
    check_same(expected, "jobs.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/threads.db --jobs 1 --threads 2 --quiet");
    check_same(expected, "threads.db");
    free(expected);
    /* The settings in a checkpoint differ; its arrays do not. */
    expected = results("whole.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/kept.db --jobs 2 --quiet --set solver.store=steps");
    char *seen = results("kept.db");
    cr_expect_str_eq(seen, expected);
    free(seen);
    free(expected);
}

Test(run_images, a_longer_run_begins_where_a_finished_one_ends) {
    char *expected = undisturbed();
    /* 7 iterations end within the third epoch. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db --quiet --set train.iterations=7");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/c.db");
    EXPECT_SAYS("Note: 4 runs continue from finished runs with fewer iterations");
    EXPECT(0, "sqlite3 $TEST_DIR/c.db \"DELETE FROM sample_blob WHERE subject IN (SELECT key FROM run WHERE iterations "
              "= 7); DELETE FROM run WHERE iterations = 7\"");
    check_same(expected, "c.db");
    free(expected);
    EXPECT(0, "$AFFJORD eval 1:best --db $TEST_DIR/whole.db --input mnist-tiny --n 5");
    EXPECT_SAYS("parameters of the best epoch");
}

Test(run_images, transform_and_inverse_cancel) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet --seeds 0");
#define AFF "cd $TEST_DIR && $OLDPWD/$AFFJORD "
    EXPECT(0,
           AFF "transform 2 --db r.db --input mnist-tiny --n 5 --output z.npy && $OLDPWD/$AFFJORD inverse 2 --db r.db "
               "--input z.npy --set solver.rtol=1e-5 --set solver.atol=1e-5 --output x.npy");
    EXPECT_SAYS("trained solver (solver.rtol = 0.01, solver.atol = 0.01): results differ by ");
    EXPECT(0, AFF "eval 2 --db r.db --input x.npy --set solver.rtol=1e-5");
    EXPECT_SAYS("trained solver: 5 images: ");
    EXPECT(2, AFF "eval 2 --db r.db --check-density");
    EXPECT_SAYS("--check-density: expected a model of 1 or 2 columns, found one of 64");
    EXPECT(2, AFF "trajectory 2 --db r.db --input z.npy --times 2 --output t.npy");
    EXPECT_SAYS("2: a model of images, whose scales have flows of their own; expected one of points");
}

/* Rounded convolutions give another run, whose losses differ by rounding errors. Its checkpoint has the setting;
 * otherwise it could not be resumed with the same bits. */
Test(run_images, rounded_convolutions_are_a_setting_of_a_run) {
    free(undisturbed());
    EXPECT(0,
           "cp $TEST_DIR/whole.db $TEST_DIR/math.db && cp -r $TEST_DIR/whole.checkpoints $TEST_DIR/math.checkpoints");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/math.db --quiet --set solver.math=fp32");
    EXPECT(0, "sqlite3 $TEST_DIR/math.db 'SELECT count(*) FROM run'");
    cr_expect_str_eq(output, "4\n", "fp32 is what there was");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/math.db --quiet --seeds 0 --set solver.math=bf16 "
              "--set train.iterations=6");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/math.db --quiet --seeds 0 --set train.iterations=6");
    EXPECT(0,
           "sqlite3 $TEST_DIR/math.db \"WITH short AS (SELECT r.model, e.loss, s.value AS math FROM run r "
           "JOIN epoch e USING (run_id) JOIN setting s USING (run_id) WHERE r.iteration = 6 AND e.epoch = 2 AND "
           "e.split = 'validation' AND s.section = 'solver' AND s.key = 'math') "
           "SELECT count(*), min(abs(a.loss - b.loss)) > 0, max(abs(a.loss - b.loss)) < 0.01 FROM short a JOIN short b "
           "USING (model) WHERE a.math = 'fp32' AND b.math = 'bf16'\"");
    cr_expect_str_eq(output, "2|1|1\n", "%s", output);
}

Test(run_images, stopped_by_a_signal_and_started_again_it_ends_with_the_same_bits) {
    char *expected = undisturbed();
    stop_and_finish("stopped", ASKED);
    check_same(expected, "stopped.db");
    free(expected);
}

Test(run_images, killed_at_any_moment_it_ends_with_the_same_bits) {
    char *expected = undisturbed();
    stop_and_finish("killed", KILLED);
    check_same(expected, "killed.db");
    free(expected);
}

/* --- Stored rows --- */

Test(run_images, tables_have_the_results_of_a_training) {
    free(undisturbed());
    expect_number("whole.db", "SELECT count(*) FROM run WHERE status = 'done'", 4);
    expect_number("whole.db", "SELECT count(*) FROM epoch WHERE loss IS NOT NULL", 4 * EPOCHS * 2);
    /* Check rows of each flow, epoch and split, and that epochs are sums over flows. */
    expect_number("whole.db", "SELECT count(*) FROM flow", 4 * EPOCHS * 2 * FLOWS);
    expect_number("whole.db",
                  "SELECT count(*) FROM epoch e JOIN (SELECT run_id, epoch, split, count(*) AS flows, "
                  "sum(nfe_forward) AS forward, sum(nfe_backward) AS backward FROM flow GROUP BY 1, 2, 3) f "
                  "USING (run_id, epoch, split) WHERE flows = 3 AND abs(forward - nfe_forward) < 1e-9 "
                  "AND abs(backward - nfe_backward) < 1e-9",
                  4 * EPOCHS * 2);
    expect_number("whole.db",
                  "SELECT count(*) FROM flow WHERE nfe_forward < 7 OR end_time < 0.1 OR "
                  "(split = 'training') <> (nfe_backward > 0)",
                  0);
    expect_number("whole.db", "SELECT count(DISTINCT end_time) > 12 FROM flow", 1);

    expect_query("whole.db", "SELECT DISTINCT value FROM metric WHERE name = 'data_dimension'", "64.0\n");
    expect_number("whole.db",
                  "SELECT count(*) FROM metric m JOIN (SELECT run_id, min(loss) AS least FROM epoch "
                  "WHERE split = 'validation' GROUP BY run_id) USING (run_id) "
                  "WHERE name = 'best_bits_per_dim' AND value = least",
                  4);
    expect_query("whole.db", "SELECT DISTINCT dataset FROM run", "mnist-tiny\n");
    expect_query("whole.db",
                 "SELECT dataset, model, reported IS NULL, n_seeds, status FROM table1 WHERE dataset = 'mnist-tiny' "
                 "ORDER BY 2",
                 "mnist-tiny|affjord|1|2|done\nmnist-tiny|ffjord|1|2|done\n");
    expect_number("whole.db",
                  "SELECT count(*) FROM table1 t JOIN (SELECT model, avg(value) AS mean FROM run JOIN metric "
                  "USING (run_id) WHERE name = 'best_bits_per_dim' GROUP BY 1) USING (model) "
                  "WHERE abs(mean - ours_mean) < 1e-12",
                  2);
    expect_query("whole.db",
                 "SELECT count(*), sum(kind = 'samples'), rows, columns, x0, x1, y0, y1, length(data) FROM sample_blob "
                 "WHERE subject IN (SELECT key FROM run) GROUP BY 3, 4, 5, 6, 7, 8, 9",
                 "4|4|7|64|0.0|8.0|0.0|8.0|1792\n");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/whole.db");
}

/* 75 iterations of 10 images: measured on the first 30 validation images, with the same noise and probes. */
Test(run_images, a_finished_training_is_evaluated_by_finer_solves_and_either_rule) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/m.db --quiet --set train.iterations=75 --set "
              "train.epoch_iterations=25 --set solver.error_norm=state");
    expect_number("m.db",
                  "SELECT count(*) FROM metric WHERE name IN ('final_loss', 'final_loss_error', 'final_loss_fine', "
                  "'final_loss_fine_error', 'solver_error', 'solver_error_error', 'error_by_state', "
                  "'error_by_state_error', 'error_by_state_and_context', 'error_by_state_and_context_error', "
                  "'evaluations_by_state', 'evaluations_by_state_and_context')",
                  4 * 12);
    /* The loss at tolerance 1e-2 has an error of that size; the loss at 1e-5 is closer to that at 1e-6. */
    expect_number("m.db",
                  "SELECT count(*) FROM metric f JOIN metric v USING (run_id) JOIN metric s USING (run_id) "
                  "JOIN metric e USING (run_id) WHERE f.name = 'final_loss' AND v.name = 'final_validation_loss' "
                  "AND s.name = 'solver_error' AND e.name = 'error_by_state' AND f.value <> v.value "
                  "AND abs(f.value - v.value) < 0.1 AND abs(s.value) < abs(e.value)",
                  4);
    /* With the time as context there is no z*, so both rules are equal. */
    expect_number("m.db",
                  "SELECT count(*) FROM run r JOIN metric a USING (run_id) JOIN metric b USING (run_id) "
                  "WHERE r.model = 'ffjord' AND a.name = 'evaluations_by_state' AND a.value >= 21 "
                  "AND b.name = 'evaluations_by_state_and_context' AND a.value = b.value",
                  2);
    for (int again = 0; again < 2; again++) { /* measured once */
        EXPECT(0, "$AFFJORD measure --db $TEST_DIR/m.db --probes 8");
        EXPECT_SAYS(again ? "\n0 losses of test images" : "\n4 losses of test images measured with 8 probes");
    }
    expect_number("m.db",
                  "SELECT count(*) FROM metric a JOIN metric b USING (run_id) JOIN metric e USING (run_id) "
                  "WHERE a.name = 'test_loss_1_probe' AND b.name = 'test_loss_8_probes' AND e.name = "
                  "'test_loss_8_probes_error' AND a.value <> b.value AND abs(a.value - b.value) < 4 * e.value",
                  4);
    EXPECT(0, "sqlite3 $TEST_DIR/m.db \"DELETE FROM metric WHERE name LIKE 'test_loss%%'\"");
    expect_number("m.db", "SELECT count(*) FROM image_solves WHERE n = 2 AND trained_by = 'state'", 4);
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/m.db --out $TEST_DIR/out nfe_table table1");
    EXPECT(0, "cat $TEST_DIR/out/nfe_table.md");
    EXPECT_SAYS("| Trained by | In training | By z | Error | By z, z\\* | Its error |");
    EXPECT_SAYS("AFFJORD | 2 | 1e-02 | z | ");
    /* The command gives the same numbers. */
    EXPECT(0, "sqlite3 $TEST_DIR/m.db \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" >$TEST_DIR/before");
    EXPECT(0, "sqlite3 $TEST_DIR/m.db \"DELETE FROM metric WHERE name LIKE 'final_loss%%' OR name LIKE "
              "'%%error%%' OR name LIKE 'evaluations%%'\"");
    EXPECT(0, "$AFFJORD measure --db $TEST_DIR/m.db");
    EXPECT(0,
           "sqlite3 $TEST_DIR/m.db \"SELECT run_id, name, value FROM metric ORDER BY 1, 2\" | cmp - $TEST_DIR/before");
}

/* The test batch is the images after the validation images, with subsequent batch numbers: a validation on all of them
 * gives the same losses. */
Test(run_images, a_test_batch_follows_the_validation_batch) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/both.db --seeds 0 --quiet --set train.validation=50");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/apart.db --seeds 0 --quiet --set train.test=20");
    expect_number("apart.db", "SELECT count(*) FROM flow WHERE split = 'test' AND nfe_forward >= 7",
                  2 * EPOCHS * FLOWS);
    EXPECT(0,
           "sqlite3 $TEST_DIR/apart.db \"ATTACH '$TEST_DIR/both.db' AS other;"
           "SELECT count(*), max(abs(0.6 * v.loss + 0.4 * t.loss - b.loss)) < 1e-9 FROM epoch v "
           "JOIN run r USING (run_id) JOIN epoch t ON t.run_id = v.run_id AND t.epoch = v.epoch AND t.split = 'test' "
           "JOIN other.run o ON o.model = r.model JOIN other.epoch b ON b.run_id = o.run_id AND b.epoch = v.epoch "
           "AND b.split = 'validation' WHERE v.split = 'validation'\"");
    char expected[32];
    snprintf(expected, sizeof expected, "%d|1\n", 2 * EPOCHS);
    cr_assert_str_eq(output, expected);
    /* The test loss of the epoch that the validation selects. */
    expect_number("apart.db",
                  "SELECT count(*) FROM metric m JOIN metric b ON b.run_id = m.run_id AND b.name = 'best_epoch' "
                  "JOIN epoch t ON t.run_id = m.run_id AND t.epoch = b.value AND t.split = 'test' AND t.loss = m.value "
                  "WHERE m.name = 'chosen_test_loss'",
                  2);
    expect_number("apart.db", "SELECT count(*) FROM metric WHERE name = 'final_test_loss'", 2);
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/many.db --seeds 0 --set train.test=31");
    EXPECT_SAYS("31 test images of mnist-tiny: expected at most the 30 that are not validated on");
}

#ifndef __SANITIZE_ADDRESS__ /* which needs much more memory */
/* The prediction omits library code that the first step loads, about 7 MB for any batch. The part that grows with the
 * batch is accurate to a few per cent. */
Test(run_images, memory_is_as_predicted) {
    double predicted[2][2], peak[2][2];
    write_set("mnist-large", 28);
    for (int large = 0; large < 2; large++) {
        EXPECT(0,
               "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/memory.db --seeds 0 --quiet --set experiment.data="
               "mnist-large --set train.iterations=1 --set train.validation=10 --set image.hidden_channels=16 "
               "--set solver.max_stored_steps=2 --set output.samples=0 --set train.batch=%d",
               large ? 120 : BATCH);
        EXPECT(0,
               "sqlite3 -separator ' ' $TEST_DIR/memory.db \"SELECT predicted_bytes, peak_bytes FROM memory "
               "JOIN run USING (run_id) JOIN setting s USING (run_id) WHERE s.section = 'train' AND s.key = 'batch' "
               "AND s.value = '%d' ORDER BY model\"",
               large ? 120 : BATCH);
        cr_assert_eq(sscanf(output, "%lf %lf %lf %lf", &predicted[large][0], &peak[large][0], &predicted[large][1],
                            &peak[large][1]),
                     4);
    }
    for (int m = 0; m < 2; m++) {
        for (int large = 0; large < 2; large++)
            cr_expect_lt(peak[large][m], predicted[large][m] + 12e6, "%g of %g", peak[large][m], predicted[large][m]);
        const double grown = peak[1][m] - peak[0][m], expected = predicted[1][m] - predicted[0][m];
        cr_expect_gt(expected, 15e6);
        cr_expect_lt(grown, 1.05 * expected + 1e6, "%g, expected %g", grown, expected);
        cr_expect_gt(grown, 0.8 * expected - 1e6, "%g, expected %g", grown, expected);
    }
}
#endif

/* --- Trained models --- */

/* The key of the run of AFFJORD with seed 1. */
static void find_key(char key[64]) {
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db \"SELECT key FROM run WHERE model = 'affjord' AND seed = 1\"");
    snprintf(key, 64, "%.32s", output);
}

/* The numbers of a file of `count` float64. */
static void read_densities(const char *name, size_t count, double *into) {
    char path[128];
    size_t size;
    scratch_path(folder, name, path);
    unsigned char *bytes = scratch_read(path, &size);
    cr_assert_gt(size, count * sizeof *into);
    cr_expect_lt(size, count * sizeof *into + 200);
    memcpy(into, bytes + size - count * sizeof *into, count * sizeof *into);
    free(bytes);
}

Test(run_images, eval_of_a_set) {
    char key[64];
    double log_density[TEST], bits, sum = 0, recorded;
    free(undisturbed());
    find_key(key);
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --output $TEST_DIR/p.npy", key);
    cr_assert_eq(sscanf(output, "60 images: %lf bits per dimension, standard error", &bits), 1, "%s", output);
    read_densities("p.npy", TEST, log_density);
    for (size_t i = 0; i < TEST; i++) sum += bits_per_dim(log_density[i], D);
    cr_expect_float_eq(sum / TEST, bits, 6e-5);
    /* Twice, with threads, and from an exported file. */
    EXPECT(0, "$AFFJORD export %s --db $TEST_DIR/whole.db --output $TEST_DIR/m.safetensors", key);
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --threads 2 --output $TEST_DIR/q.npy", key);
    EXPECT(0, "cmp $TEST_DIR/p.npy $TEST_DIR/q.npy");
    EXPECT(0, "$AFFJORD eval $TEST_DIR/m.safetensors --input mnist-tiny --output $TEST_DIR/q.npy");
    EXPECT(0, "cmp $TEST_DIR/p.npy $TEST_DIR/q.npy");
    /* Other noise and probes give another estimate of the same quantity. */
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --seed 3 --output $TEST_DIR/q.npy", key);
    EXPECT(1, "cmp $TEST_DIR/p.npy $TEST_DIR/q.npy");
    /* The first images, without a file: the final validation loss, except for batches, noise and probes. */
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --n %d", key, VALIDATION);
    cr_assert_eq(sscanf(output, "30 images: %lf bits per dimension", &bits), 1, "%s", output);
    EXPECT(0,
           "sqlite3 $TEST_DIR/whole.db \"SELECT value FROM metric JOIN run USING (run_id) WHERE key = '%s' "
           "AND name = 'final_validation_loss'\"",
           key);
    recorded = atof(output);
    cr_expect_lt(fabs(bits - recorded), 0.2, "%g, %g at the end of the training", bits, recorded);
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --n 1", key);
    cr_expect_null(strstr(output, "nan"), "%s", output);
    /* Rejected requests. */
    write_set("mnist-other", 12);
    EXPECT(1, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-other", key);
    EXPECT_SAYS("mnist-other: found images of 1 x 12 x 12, expected 1 x 8 x 8, those of the model");
    EXPECT(1, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-none", key);
    EXPECT_SAYS("mnist-none: the image data set is not in \"");
}

Test(run_images, eval_of_rows) {
    char key[64], path[128];
    error_info err = {""};
    real x[TEST * D];
    free(undisturbed());
    find_key(key);
    image_set *set = open_set("mnist-tiny");
    image_batch(set, IMAGE_TEST, 0, 0, TEST, false, IMAGE_CHANNEL_LAST, x);
    image_close(&set);
    scratch_path(folder, "x.npy", path);
    cr_assert_eq(npy_write(path, NPY_REAL, x, TEST, D, &err), STATUS_OK, "%s", err.text);
    /* The same result as by the set's name, with the same noise. */
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input $TEST_DIR/x.npy --output $TEST_DIR/p.npy", key);
    EXPECT_SAYS("60 images: ");
    EXPECT(0, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input mnist-tiny --output $TEST_DIR/q.npy", key);
    EXPECT(0, "cmp $TEST_DIR/p.npy $TEST_DIR/q.npy");
    x[17 * D + 4] = (real)1.5;
    cr_assert_eq(npy_write(path, NPY_REAL, x, TEST, D, &err), STATUS_OK, "%s", err.text);
    EXPECT(1, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input $TEST_DIR/x.npy --output $TEST_DIR/r.npy", key);
    EXPECT_SAYS("x.npy: row 18, column 5: found 1.5, expected a number from 0 to 1");
    cr_assert_eq(npy_write(path, NPY_REAL, x, TEST, D / 2, &err), STATUS_OK, "%s", err.text);
    EXPECT(1, "$AFFJORD eval %s --db $TEST_DIR/whole.db --input $TEST_DIR/x.npy --output $TEST_DIR/r.npy", key);
    EXPECT_SAYS("found 32 columns, expected 64, the dimension of the model");
    EXPECT(1, "test -e $TEST_DIR/r.npy");
}

Test(run_images, samples) {
    char key[64];
    free(undisturbed());
    find_key(key);
    EXPECT(0, "$AFFJORD sample %s --db $TEST_DIR/whole.db --n 60 --seed 5 --output $TEST_DIR/a.npy", key);
    EXPECT(0, "$AFFJORD sample %s --db $TEST_DIR/whole.db --n 60 --seed 5 --threads 2 --output $TEST_DIR/b.npy", key);
    EXPECT(0, "cmp $TEST_DIR/a.npy $TEST_DIR/b.npy; head -c 128 $TEST_DIR/a.npy | tr -d '\\0'");
    EXPECT_SAYS("(60, 64)");
    EXPECT(0, "$AFFJORD export %s --db $TEST_DIR/whole.db --output $TEST_DIR/m.safetensors", key);
    EXPECT(0, "$AFFJORD sample $TEST_DIR/m.safetensors --n 60 --seed 5 --output $TEST_DIR/b.npy");
    EXPECT(0, "cmp $TEST_DIR/a.npy $TEST_DIR/b.npy");
    EXPECT(0, "$AFFJORD sample %s --db $TEST_DIR/whole.db --n 60 --seed 6 --output $TEST_DIR/b.npy", key);
    EXPECT(1, "cmp $TEST_DIR/a.npy $TEST_DIR/b.npy");
    /* The database's samples use the run's seed. */
    EXPECT(0, "$AFFJORD sample %s --db $TEST_DIR/whole.db --n %d --seed 1 --output $TEST_DIR/c.npy", key, SAMPLES);
    EXPECT(0,
           "sqlite3 $TEST_DIR/whole.db \"SELECT lower(hex(data)) FROM sample_blob WHERE subject = '%s'\" "
           "> $TEST_DIR/hex; tail -c %d $TEST_DIR/c.npy | od -An -v -tx1 | tr -d ' \\n' > $TEST_DIR/other; "
           "echo >> $TEST_DIR/other; cmp $TEST_DIR/hex $TEST_DIR/other",
           key, SAMPLES * D * 4);
}

#endif
