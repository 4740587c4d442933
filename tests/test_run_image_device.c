/* test_run_image_device.c - ./run --device cuda on images, on the emulated device of tests/cuda_on_host: the
 * processor's losses, the same bits after every stop, and refusals. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include "run_images_support.h"
#include "stop_support.h"

/* One model and a few iterations, because the emulated device is slow; a run to be stopped has a few more. */
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

/* Only the order of long sums differs: losses agree to 1e-6 bits, with equal evaluations. */
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
    /* The device fails, and the processor resumes the run. */
    EXPECT(1, "AFFJORD_EMULATED_LOST=5000 " TRAIN "--seeds 0 --db $TEST_DIR/both.db --device cuda");
    EXPECT(0, "sqlite3 $TEST_DIR/both.db 'SELECT status, iteration BETWEEN 1 AND 3 FROM run'");
    cr_assert_str_eq(output, "failed|1\n", "%s", output);
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/both.db");
    EXPECT(0, "sqlite3 $TEST_DIR/both.db \"ATTACH '$TEST_DIR/processor.db' AS other;"
              "SELECT count(*), max(abs(a.loss - b.loss)) < 1e-6 FROM epoch a JOIN run r USING (run_id) "
              "JOIN other.run o ON o.key = r.key "
              "JOIN other.epoch b ON b.run_id = o.run_id AND b.epoch = a.epoch AND b.split = a.split\"");
    cr_assert_str_eq(output, "4|1\n", "%s", output);
    /* A run has the same key on both, so finished runs are not repeated. */
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/device.db");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db 'SELECT count(*), max(gpu) FROM run'");
    cr_assert_str_eq(output, "1|fibers on a CPU, for tests\n");
}

/* The float32 numbers of a run's samples; the caller frees them. */
static float *samples_of(const char *database) {
    char path[128];
    size_t size;
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"SELECT writefile('$TEST_DIR/samples', data) FROM sample_blob\"", database);
    scratch_path(folder, "samples", path);
    void *bytes = scratch_read(path, &size);
    float *x = bytes;
    cr_assert_eq(size, SAMPLES * D * sizeof *x);
    return x;
}

/* With the same noise, samples agree as closely as losses: of the model trained on the device, and of the
 * processor's. */
Test(run_image_device, samples_are_the_processors) {
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/processor.db");
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/device.db --device cuda");
    EXPECT(0,
           "$AFFJORD sample $(sqlite3 $TEST_DIR/device.db 'SELECT key FROM run') --db $TEST_DIR/device.db --n %d "
           "--seed 0 --output $TEST_DIR/samples.npy",
           SAMPLES);
    char path[128];
    size_t size;
    scratch_path(folder, "samples.npy", path);
    unsigned char *file = scratch_read(path, &size);
    float *device = samples_of("device.db"), *host = samples_of("processor.db"), again[SAMPLES * D];
    cr_assert_gt(size, sizeof again);
    memcpy(again, file + size - sizeof again, sizeof again);
    double distance = 0, least = 1, most = 0;
    for (size_t i = 0; i < SAMPLES * D; i++) {
        distance =
            fmax(distance, fmax(fabs((double)device[i] - (double)host[i]), fabs((double)device[i] - (double)again[i])));
        least = fmin(least, (double)device[i]);
        most = fmax(most, (double)device[i]);
    }
    cr_expect(distance < 1e-6 && most - least > 0.5, "%g apart, from %g to %g", distance, least, most);
    free(device), free(host), free(file);
    /* The device fails after the training, so the samples are missing. */
    char *expected = numbers("device.db");
    EXPECT(0, "n=24000; while AFFJORD_EMULATED_LOST=$n " TRAIN "--seeds 0 --db $TEST_DIR/lost.db --device cuda; do "
              "rm -f $TEST_DIR/lost.db*; n=$((n * 96 / 100)); done");
    EXPECT(0, "sqlite3 $TEST_DIR/lost.db 'SELECT status, c.iteration, (SELECT count(*) FROM sample_blob) FROM run "
              "JOIN checkpoint c USING (run_id)'");
    cr_assert_str_eq(output, "failed|4|0\n", "%s", output);
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/lost.db --device cuda");
    check_same(expected, "lost.db");
    free(expected);
}

/* Rounding equals the processor's. Another order of a sum may change the rounded value, so losses agree less closely
 * than in fp32; the difference of bf16 from fp32 is larger. */
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

/* Two runs on two devices, one each; and the same runs one after the other on one device. */
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

/* Stopped after a checkpoint and resumed; after a device failure, resumed. */
Test(run_image_device, a_stopped_or_failed_run_ends_with_the_same_bits) {
    EXPECT(0, TRAIN_LONGER "--seeds 0 --db $TEST_DIR/whole.db --device cuda");
    char *expected = numbers("whole.db");
    const int outcome = stop_new("stopped", FEW "6 --seeds 0 --device cuda",
                                 ASK("stopped.db", "SELECT count(*) FROM checkpoint"), RECORDING, SIGTERM);
    cr_assert(WIFEXITED(outcome), "it ends in order");
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

/* --- Plans of convolutions --- */

#define WITH_CUDNN "AFFJORD_CUDNN=" AFFJORD_CUDNN_EMULATED " "
#define AS(mode) "AFFJORD_EMULATED_CUDNN=" mode " "

/* Train until after a checkpoint, then the device fails. Return the losses so far; another cuDNN resumes. */
static void lose(const char *database) {
    EXPECT(1, WITH_CUDNN "AFFJORD_EMULATED_LOST=11000 " TRAIN_LONGER "--seeds 0 --db $TEST_DIR/%s --device cuda",
           database);
    EXPECT(
        0,
        "sqlite3 $TEST_DIR/%s 'SELECT status, c.iteration BETWEEN 1 AND 5 FROM run JOIN checkpoint c USING (run_id)'",
        database);
    cr_assert_str_eq(output, "failed|1\n", "%s", output);
}

static void go_on(const char *how, const char *database) {
    EXPECT(0, "%s " TRAIN_LONGER "--seeds 0 --db $TEST_DIR/%s --device cuda", how, database);
}

/* A query about the plans of a database. */
static void expect_plans(const char *database, const char *columns, const char *expected) {
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"SELECT %s FROM convolution_plan\"", database, columns);
    cr_assert_str_eq(output, expected, "%s: %s", database, output);
}

/* Every kind of convolution has three directions, each with a plan from the start; for samples too. */
Test(run_image_device, plans_of_convolutions_are_stored) {
    go_on(WITH_CUDNN, "cudnn.db");
    expect_plans("cudnn.db", "count(*) = 3 * count(DISTINCT convolution), sum(iteration)", "1|0\n");
    expect_plans("cudnn.db", "DISTINCT way, plan",
                 "data|cuDNN 9.19.0 eng6_k2=6_k14=-3\nforward|cuDNN 9.19.0 eng6_k2=6_k14=-3\n"
                 "weight|cuDNN 9.19.0 eng6_k2=6_k14=4\n");
    expect_plans("cudnn.db", "sum(convolution = '4 to 1 channels, 20 images of 8 x 8, fp32')", "3\n");
    expect_plans("cudnn.db",
                 "count(DISTINCT convolution) FROM convolution_plan WHERE convolution "
                 "LIKE '% 100 images %' UNION SELECT 0",
                 "0\n5\n");
    go_on("", "own.db");
    expect_plans("own.db", "DISTINCT plan", "own kernels\n");
    EXPECT(0, TRAIN "--seeds 0 --db $TEST_DIR/processor.db");
    expect_plans("processor.db", "count(*)", "0\n");
}

/* Another GPU would choose other plans, but ends with the bits of the first one. */
Test(run_image_device, plans_are_those_that_a_run_began_with) {
    go_on(WITH_CUDNN, "whole.db");
    char *expected = numbers("whole.db");
    lose("same.db");
    go_on(WITH_CUDNN AS("moved"), "same.db");
    cr_assert_null(strstr(output, "plans of convolutions"), "%s", output);
    check_same(expected, "same.db");
    expect_plans("same.db", "count(DISTINCT plan), max(iteration)", "2|0\n");
    /* With its own choice from the start, the bits differ. */
    go_on(WITH_CUDNN AS("moved"), "moved.db");
    char *others = numbers("moved.db");
    cr_assert_str_neq(others, expected);
    expect_plans("moved.db", "DISTINCT way, plan",
                 "data|cuDNN 9.19.0 eng7_k2=7_k14=-3\nforward|cuDNN 9.19.0 eng7_k2=7_k14=-3\n"
                 "weight|cuDNN 9.19.0 eng7_k2=7_k14=4\n");
    /* A run that started with the library's own kernels keeps them. */
    EXPECT(1, "AFFJORD_EMULATED_LOST=11000 " TRAIN_LONGER "--seeds 0 --db $TEST_DIR/own.db --device cuda");
    go_on(WITH_CUDNN, "own.db");
    EXPECT_SAYS("convolutions by own kernels, which may be slower: the run began with them for ");
    expect_plans("own.db", "DISTINCT plan", "own kernels\n");
    free(expected);
    free(others);
}

/* A message names a new version, and its plans are recorded: the same or, if it lacks them, others. */
Test(run_image_device, plans_that_change_are_said_and_stored) {
    lose("newer.db");
    go_on(WITH_CUDNN AS("newer"), "newer.db");
    EXPECT_SAYS(" plans of convolutions are not those that came before, as cuDNN 9.20.0 eng6_k2=6_k14=-3 instead of "
                "cuDNN 9.19.0 eng6_k2=6_k14=-3: after iteration ");
    expect_plans("newer.db", "DISTINCT plan, iteration > 0",
                 "cuDNN 9.19.0 eng6_k2=6_k14=-3|0\ncuDNN 9.20.0 eng6_k2=6_k14=-3|1\n"
                 "cuDNN 9.19.0 eng6_k2=6_k14=4|0\ncuDNN 9.20.0 eng6_k2=6_k14=4|1\n");
    lose("other.db");
    go_on(WITH_CUDNN AS("other"), "other.db");
    EXPECT_SAYS("as cuDNN 9.20.0 eng7_k2=7_k14=-3 instead of cuDNN 9.19.0 eng6_k2=6_k14=-3");
    EXPECT(0, "sqlite3 $TEST_DIR/other.db 'SELECT count(*) = 2 * sum(iteration = 0), count(DISTINCT iteration) FROM "
              "convolution_plan; SELECT status FROM run'");
    cr_assert_str_eq(output, "1|2\ndone\n", "%s", output);
    /* Plans of a start without a checkpoint are deleted. */
    lose("back.db");
    EXPECT(1, WITH_CUDNN AS("newer") "AFFJORD_EMULATED_LOST=1000 " TRAIN_LONGER "--seeds 0 --db $TEST_DIR/back.db "
                                     "--device cuda");
    expect_plans("back.db", "max(plan > 'cuDNN 9.20'), max(iteration) > 0", "1|1\n");
    go_on(WITH_CUDNN, "back.db");
    expect_plans("back.db", "max(plan > 'cuDNN 9.20'), max(iteration) > 0", "0|0\n");
    /* After a restart, no plan of it remains. */
    lose("again.db");
    EXPECT(0, "$AFFJORD check $TEST_DIR/again.db --restart $(sqlite3 $TEST_DIR/again.db 'SELECT key FROM run')");
    expect_plans("again.db", "count(*)", "0\n");
}

/* A task's shard has them, the database that it is merged into, and an archive of that. */
Test(run_image_device, plans_go_where_their_run_goes) {
    go_on(WITH_CUDNN, "whole.db");
    EXPECT(0, WITH_CUDNN TRAIN_LONGER "--seeds 0 --only 0 --db $TEST_DIR/merged.db --device cuda");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db && $AFFJORD export --archive $TEST_DIR/archive.db --db "
              "$TEST_DIR/merged.db");
    EXPECT(0, "for db in whole merged archive; do sqlite3 $TEST_DIR/$db.db 'SELECT * FROM convolution_plan' "
              "> $TEST_DIR/$db; done; cmp $TEST_DIR/whole $TEST_DIR/merged && cmp $TEST_DIR/whole $TEST_DIR/archive "
              "&& wc -l < $TEST_DIR/whole");
    cr_assert_str_eq(output, "30\n");
}

/* The processor has no plans, and keeps those of the first device. */
Test(run_image_device, plans_outlast_the_processor) {
    lose("both.db");
    EXPECT(0, TRAIN_LONGER "--seeds 0 --db $TEST_DIR/both.db");
    EXPECT(0, "grep -ac 'cuDNN 9.19.0 eng6_k2=6_k14=4' $TEST_DIR/both.checkpoints/*-6.safetensors");
    expect_plans("both.db", "DISTINCT plan, iteration",
                 "cuDNN 9.19.0 eng6_k2=6_k14=-3|0\ncuDNN 9.19.0 eng6_k2=6_k14=4|0\n");
}

/* --- Self-attention, and cuBLAS --- */

#define WITH_CUBLAS "AFFJORD_CUBLAS=" AFFJORD_CUBLAS_EMULATED " "

/* Few steps, as the emulated device is slow, on images of which attention sees 64 pixels, then 16. */
#define ATTEND                                                                                                         \
    "$AFFJORD $TEST_DIR/small.ini --quiet --seeds 0 --set experiment.models=affjord --set image.attention_heads=2 "    \
    "--set image.attention_channels=4 --set train.epoch_iterations=1 --set train.batch=2 --set train.validation=2 "    \
    "--set output.samples=1 --set solver.method=midpoint --set solver.steps=1 --set train.iterations="

static void expect_near_losses(const char *database) {
    EXPECT(0,
           "sqlite3 $TEST_DIR/%s \"ATTACH '$TEST_DIR/processor.db' AS other;"
           "SELECT count(*), max(abs(a.loss - b.loss)) < 1e-5, sum(a.nfe_forward <> b.nfe_forward) FROM epoch a "
           "JOIN run r USING (run_id) JOIN other.run o ON o.key = r.key "
           "JOIN other.epoch b ON b.run_id = o.run_id AND b.epoch = a.epoch AND b.split = a.split\"",
           database);
    cr_assert_str_eq(output, "4|1|0\n", "%s: %s", database, output);
}

/* By own kernels, with a note; by cuBLAS, recorded with the plans; a resumed run keeps own kernels. */
Test(run_image_device, attention_gives_the_losses_of_the_processor) {
    EXPECT(0, ATTEND "2 --db $TEST_DIR/processor.db");
    EXPECT(0, ATTEND "2 --db $TEST_DIR/own.db --device cuda");
    EXPECT_SAYS("products of attention or hypernets by own kernels, which may be slower: AFFJORD_CUBLAS = none");
    expect_near_losses("own.db");
    expect_plans("own.db", "DISTINCT plan", "own kernels\n");
    EXPECT(0, WITH_CUBLAS ATTEND "2 --db $TEST_DIR/cublas.db --device cuda");
    cr_assert_null(strstr(output, "products of attention"), "%s", output);
    expect_near_losses("cublas.db");
    expect_plans("cublas.db", "DISTINCT convolution LIKE 'attention%', plan, iteration",
                 "0|own kernels|0\n1|cuBLAS 13.1.0|0\n");
    EXPECT(0, ATTEND "1 --db $TEST_DIR/longer.db --device cuda");
    EXPECT(0, WITH_CUBLAS ATTEND "2 --db $TEST_DIR/longer.db --device cuda");
    EXPECT_SAYS("products of attention or hypernets by own kernels, which may be slower: the run began with them for ");
    expect_near_losses("longer.db");
}

/* The report of `make gpu-check`, in its short form. */
Test(run_image_device, the_bench_compares_with_the_processor) {
    EXPECT(0, WITH_CUDNN WITH_CUBLAS "$AFFJORD bench device --brief > $TEST_DIR/report");
    EXPECT(0, "grep -c 'processor and device, own kernels | near' $TEST_DIR/report");
    cr_expect_str_eq(output, "3\n");
    EXPECT(0, "grep -c 'steps repeated and kernels one by one, .* | same bits' $TEST_DIR/report");
    cr_expect_str_eq(output, "6\n");
    EXPECT(0, "grep -c 'device, twice, cuDNN 9.19.0 | same bits' $TEST_DIR/report");
    cr_expect_str_eq(output, "2\n");
    EXPECT(0, "grep -c 'with attention | device, twice, cuDNN 9.19.0, cuBLAS 13.1.0 | same bits' $TEST_DIR/report");
    cr_expect_str_eq(output, "1\n");
}

Test(run_image_device, unsupported_requests_are_rejected) {
    EXPECT(1, "AFFJORD_EMULATED_MEMORY=700000 $AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/no.db "
              "--device cuda " FEW "4");
    EXPECT_SAYS("out of memory");
    EXPECT_SAYS("on CUDA device 0 or beside it: 0.4 MB of its 0.7 MB are free");
    EXPECT_SAYS("a smaller train.batch needs less");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/printed.db --device cuda --set train.iterations=1 "
              "--set experiment.models=ffjord --set train.validation=10 --set output.samples=0");
    EXPECT_SAYS("convolutions by own kernels, which may be slower: AFFJORD_CUDNN = none");
    EXPECT(0,
           "AFFJORD_EMULATED_GRAPHS=while $AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/looks.db --device cuda "
           "--set train.iterations=1 --set experiment.models=ffjord --set train.validation=10 --set output.samples=0");
    EXPECT_SAYS("steps are not repeated by the device, which may be slower: the host checks after each step: "
                "CUDA: making a loop");
    EXPECT(1, "AFFJORD_EMULATED_DEVICES=0 " TRAIN "--db $TEST_DIR/none.db --device cuda");
    cr_assert_str_eq(output, "CUDA: no device found\n");
    EXPECT(1, TRAIN "--db $TEST_DIR/none.db --device cuda:7");
    EXPECT_SAYS("CUDA device 7: not found");
    /* Rejected before the start, with the setting's name. */
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
