/* test_run_image_device.c - ./run --device cuda on images from outside, on the device of tests/cuda_on_host: the
 * processor's losses, the same bits however it goes, and what cannot be done. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include "run_images_support.h"

/* One model and a few iterations, as a device of fibers is slow; one that is to be stopped has a few more. */
#define FEW                                                                                                            \
    "--set experiment.models=affjord --set train.validation=10 --set train.epoch_iterations=2 --quiet "                \
    "--set train.iterations="
#define TRAIN "$AFFJORD $TEST_DIR/small.ini " FEW "4 "
#define TRAIN_LONGER "$AFFJORD $TEST_DIR/small.ini " FEW "6 "

static void begin_device(void) {
    begin();
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
}

TestSuite(run_image_device, .init = begin_device, .fini = end, .timeout = 240);

/* The order of long sums is another one, and no more: to 1e-6 of a bit, with as many evaluations. */
Test(run_image_device, a_device_gives_the_losses_of_the_processor) {
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/processor.db");
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/device.db --device cuda");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db \"ATTACH '$TEST_DIR/processor.db' AS other;"
              "SELECT count(*), max(abs(a.loss - b.loss)) < 1e-6, "
              "sum(a.nfe_forward <> b.nfe_forward OR a.nfe_backward <> b.nfe_backward) FROM epoch a "
              "JOIN run r USING (run_id) JOIN other.run o ON o.key = r.key "
              "JOIN other.epoch b ON b.run_id = o.run_id AND b.epoch = a.epoch AND b.split = a.split\"");
    cr_assert_str_eq(output, "4|1|0\n", "%s", output);
    EXPECT(0, "sqlite3 $TEST_DIR/device.db 'SELECT gpu, driver, status FROM run; SELECT count(*) FROM sample_blob'");
    cr_assert_str_eq(output, "fibers on a CPU, for tests|13.0|done\n1\n");
    /* Lost on the device, and gone on with by the processor. */
    EXPECT(1, "AFFJORD_EMULATED_LOST=5000 " TRAIN "--seeds 0 --db $TEST_DIR/both.db --device cuda");
    EXPECT(0, "sqlite3 $TEST_DIR/both.db 'SELECT status, iteration BETWEEN 1 AND 3 FROM run'");
    cr_assert_str_eq(output, "failed|1\n", "%s", output);
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/both.db");
    EXPECT(0, "sqlite3 $TEST_DIR/both.db \"ATTACH '$TEST_DIR/processor.db' AS other;"
              "SELECT count(*), max(abs(a.loss - b.loss)) < 1e-6 FROM epoch a JOIN run r USING (run_id) "
              "JOIN other.run o ON o.key = r.key "
              "JOIN other.epoch b ON b.run_id = o.run_id AND b.epoch = a.epoch AND b.split = a.split\"");
    cr_assert_str_eq(output, "4|1\n", "%s", output);
    /* A run has one key on both, so what is done is not done again. */
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/device.db");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db 'SELECT count(*), max(gpu) FROM run'");
    cr_assert_str_eq(output, "1|fibers on a CPU, for tests\n");
}

/* The rounding is the processor's. Another order of a sum may send a number to the next of so few, so losses agree to less
 * than in fp32, from which those of bf16 are further away. */
Test(run_image_device, rounded_convolutions_are_the_processors) {
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/fp32.db");
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/processor.db --set solver.math=bf16");
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/device.db --set solver.math=bf16 --device cuda");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db \"ATTACH '$TEST_DIR/processor.db' AS other;"
              "ATTACH '$TEST_DIR/fp32.db' AS plain;"
              "SELECT count(*), max(abs(a.loss - b.loss)) < 1e-3, "
              "max(abs(a.loss - b.loss)) < max(abs(a.loss - c.loss)) FROM epoch a "
              "JOIN other.epoch b USING (epoch, split) JOIN plain.epoch c USING (epoch, split)\"");
    cr_assert_str_eq(output, "4|1|1\n", "%s", output);
}

/* Two runs on two devices, one each, and the same one after the other on one of them. */
Test(run_image_device, a_run_is_the_same_on_any_device) {
    setenv("AFFJORD_EMULATED_DEVICES", "2", 1);
    EXPECT(0, TRAIN "--db $TEST_DIR/two.db --device cuda:auto");
    EXPECT(0, "sqlite3 $TEST_DIR/two.db 'SELECT gpu, count(*) FROM run GROUP BY 1'");
    cr_assert_str_eq(output, "fibers 1|1\nfibers on a CPU, for tests|1\n", "%s", output);
    char *expected = numbers("two.db");
    EXPECT(0, TRAIN "--db $TEST_DIR/one.db --device cuda:1");
    check_same(expected, "one.db");
    EXPECT(0, "sqlite3 $TEST_DIR/one.db 'SELECT DISTINCT gpu FROM run'");
    cr_assert_str_eq(output, "fibers 1\n");
    free(expected);
}

/* Stopped after a checkpoint and gone on with; lost, and gone on with. */
Test(run_image_device, a_run_that_was_stopped_or_lost_ends_with_the_same_bits) {
    EXPECT(0, TRAIN_LONGER "--seeds 0 --db $TEST_DIR/whole.db --device cuda");
    char *expected = numbers("whole.db");
    EXPECT(1,
           TRAIN_LONGER "--seeds 0 --db $TEST_DIR/stopped.db --device cuda & "
                        "until sqlite3 $TEST_DIR/stopped.db 'SELECT count(*) FROM checkpoint' 2>/dev/null | grep -q 1; "
                        "do sleep 0.02; done; kill $!; wait $!");
    EXPECT(0, "sqlite3 $TEST_DIR/stopped.db 'SELECT status, iteration BETWEEN 2 AND 5 FROM run'");
    cr_assert_str_eq(output, "interrupted|1\n");
    EXPECT(0, TRAIN_LONGER "--seeds 0 --db $TEST_DIR/stopped.db --device cuda");
    check_same(expected, "stopped.db");
    EXPECT(1, "AFFJORD_EMULATED_LOST=8000 " TRAIN_LONGER "--seeds 0 --db $TEST_DIR/lost.db --device cuda");
    EXPECT(0, "sqlite3 $TEST_DIR/lost.db 'SELECT status, iteration > 0, error FROM run'");
    cr_assert_str_eq(output, "failed|1|CUDA: starting a kernel: unspecified launch failure\n");
    EXPECT(0, TRAIN_LONGER "--seeds 0 --db $TEST_DIR/lost.db --device cuda");
    check_same(expected, "lost.db");
    free(expected);
}

/* The report of `make gpu-check`, in short. */
Test(run_image_device, the_bench_compares_and_says_so) {
    EXPECT(0, "AFFJORD_CUDNN=" AFFJORD_CUDNN_EMULATED " $AFFJORD bench device --brief > $TEST_DIR/report");
    EXPECT(0, "grep -c 'processor and device, own convolutions | near' $TEST_DIR/report");
    cr_expect_str_eq(output, "2\n");
    EXPECT(0, "grep -c 'steps repeated and kernels one by one, .* | same bits' $TEST_DIR/report");
    cr_expect_str_eq(output, "4\n");
    EXPECT(0, "grep -c 'device, twice, cuDNN 9.19.0 | same bits' $TEST_DIR/report");
    cr_expect_str_eq(output, "2\n");
}

Test(run_image_device, what_cannot_be_done_is_said) {
    EXPECT(1, "AFFJORD_EMULATED_MEMORY=700000 $AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/no.db "
              "--device cuda " FEW "4");
    EXPECT_SAYS("out of memory");
    EXPECT_SAYS("on CUDA device 0 or beside it: 0.4 MB of its 0.7 MB are free");
    EXPECT_SAYS("a smaller train.batch needs less");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/said.db --device cuda --set train.iterations=1 "
              "--set experiment.models=ffjord --set train.validation=10 --set output.samples=0");
    EXPECT_SAYS("convolutions by own kernels, which may be slower: cuDNN is not asked for");
    EXPECT(0,
           "AFFJORD_EMULATED_GRAPHS=while $AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/looks.db --device cuda "
           "--set train.iterations=1 --set experiment.models=ffjord --set train.validation=10 --set output.samples=0");
    EXPECT_SAYS("steps are not repeated by the device, which may be slower: the program has to look after each step: "
                "CUDA: making a loop");
    EXPECT(1, "AFFJORD_EMULATED_DEVICES=0 " TRAIN "--db $TEST_DIR/none.db --device cuda");
    cr_assert_str_eq(output, "CUDA: there is no device\n");
    EXPECT(1, TRAIN "--db $TEST_DIR/none.db --device cuda:7");
    EXPECT_SAYS("there is no CUDA device 7");
    /* Before anything is begun, with the setting's name. */
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --device cuda --set experiment.data=mnist-tiny,ty "
              "--set 'data ty.solver.method=rk4' --set 'data ty.flow.divergence=exact' "
              "--set 'data ty.flow.learn_end_time=no'");
    EXPECT_SAYS("experiment table1_tiny has points and images");
    EXPECT(2, "$AFFJORD experiments/fig6.ini --db $TEST_DIR/none.db --device cuda --set solver.gradient=adjoint");
    EXPECT_SAYS("solver.gradient = adjoint: --device cuda takes discrete");
    EXPECT(2, "$AFFJORD experiments/fig6.ini --db $TEST_DIR/none.db --device cuda --set flow.divergence=rademacher");
    EXPECT_SAYS("flow.divergence: --device cuda takes exact");
    EXPECT(2, "ls $TEST_DIR/none.db");
}

#endif
