/* test_run_device.c - ./run --device cuda on the emulated device of tests/cuda_on_host: the processor's numbers after
 * every stop; messages without a device. */
#ifndef AFFJORD_DOUBLE

#include "stop_support.h"

/* Iterations of a millisecond or two on fibers; two models, so two launches side by side, and two data sets in each. */
static const char experiment[] =
    "[experiment]\nname = small\ndata = ty, hash_gaussian\nmodels = ffjord, affjord\nseeds = 0-1\n"
    "[model]\nwidth = 6\nhypernet_width = 5\n"
    "[model ffjord]\ncontext = time\n"
    "[model affjord]\ncontext = augmented\nconcat = yes\n"
    "[solver]\nsteps = 2\n"
    "[train]\niterations = 30\nbatch = 40\nepoch_iterations = 10\nvalidation = 50\ntest = 20\ncheckpoint_epochs = 1\n"
    "[output]\ndensity_cells = 8\nsamples = 50\n";

static void begin(void) {
    begin_run(experiment);
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
}

TestSuite(run_device, .init = begin, .fini = end_run, .timeout = 120);

/* With --jobs 3, in three processes one after another, the last with fewer runs. */
Test(run_device, a_device_gives_the_numbers_of_the_processor) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/device.db --device cuda --jobs 3 --threads 2 --quiet");
    check_same(expected, "device.db");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db 'SELECT DISTINCT gpu, driver FROM run'");
    cr_assert_str_eq(output, "fibers on a CPU, for tests|13.0\n");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db 'SELECT count(gpu) FROM run'");
    cr_assert_str_eq(output, "0\n");
    free(expected);
}

/* In a sweep, runs at one point share a launch, and a wave has launches of several points. */
Test(run_device, a_sweep_gives_the_numbers_of_the_processor) {
    EXPECT(0, "printf '[sweep]\\nflow.end_time = 10, 1\\nflow.base_variance = 1, 0.1\\nsolver.method = rk4, rk4_38\\n"
              "solver.steps = 2, 3\\ntrain.learning_rate = 1e-3, 3e-3\\nmodel affjord.initial_state = zero, learned\\n"
              "model affjord.concat = yes, no\\nsample = 5\\n' >> $TEST_DIR/small.ini");
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/device.db --device cuda --threads 2 --quiet");
    check_same(expected, "device.db");
    EXPECT(0, "sqlite3 $TEST_DIR/device.db 'SELECT count(DISTINCT point), count(DISTINCT run_id) > 30 FROM sweep_run'");
    cr_assert_str_eq(output, "5|1\n");
    EXPECT(0, "sqlite3 $TEST_DIR/whole.db 'SELECT * FROM sweep_effects' > $TEST_DIR/a; "
              "sqlite3 $TEST_DIR/device.db 'SELECT * FROM sweep_effects' | cmp - $TEST_DIR/a && wc -l < $TEST_DIR/a");
    cr_assert_str_eq(output, "20\n");
    free(expected);
}

/* Stopped, resumed on the same device, stopped again, finished by the processor. */
Test(run_device, device_and_processor_continue_each_others_runs) {
    char *expected = undisturbed();
    const int stopped = stop_repeatedly(START "--db $TEST_DIR/both.db --device cuda --jobs 2",
                                        CHECKPOINTED("$TEST_DIR/both.checkpoints"), 40, 240, ASKED);
    cr_assert_gt(stopped, 0, "it was stopped at least once");
    EXPECT(0, "sqlite3 $TEST_DIR/both.db \"SELECT count(*) FROM run WHERE status IN ('running', 'failed')\"");
    cr_assert_str_eq(output, "0\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/both.db --quiet");
    check_same(expected, "both.db");
    free(expected);
}

/* Start, and kill the training process whose pid `when` prints. */
static void kill_one(const char *device, const char *name, const char *when) {
    char options[64];
    snprintf(options, sizeof options, "--device %s --jobs 8", device);
    cr_assert_eq(WEXITSTATUS(stop_new(name, options, when, TRAINING_PROCESS, SIGKILL)), 1);
}

/* The runs of a killed process are interrupted; the next start resumes them. */
Test(run_device, a_killed_process_fails_all_its_runs_and_no_more) {
    char *expected = undisturbed();
    kill_one("cuda", "killed", ASK("killed.db", "SELECT process FROM run WHERE status = 'running'"));
    EXPECT(0, "sqlite3 $TEST_DIR/killed.db \"SELECT DISTINCT status, error LIKE '%%signal 9%%' FROM run\"");
    cr_assert_str_eq(output, "failed|1\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/killed.db --quiet");
    check_same(expected, "killed.db");
    free(expected);
}

/* Runs without a finite gradient fail as on the processor; the others end. */
Test(run_device, some_failures_leave_the_others_alone) {
    EXPECT(0, "seq 1 40 | sed 's/.*/3e38,-3e38/' > $TEST_DIR/far.csv");
    for (int device = 0; device < 2; device++)
        EXPECT(1,
               "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/odd%d.db --set experiment.data=$TEST_DIR/far.csv,ty "
               "--set train.test=0 --set 'data ty.train.test=0' --device %s --quiet",
               device, device ? "cuda" : "cpu");
    static const char what[] = "SELECT key, status, iteration, error FROM run ORDER BY 1; SELECT run.key, epoch.epoch, "
                               "split, loss, nonfinite FROM run JOIN epoch USING (run_id) ORDER BY 1, 2, 3";
    EXPECT(0, "sqlite3 $TEST_DIR/odd0.db \"%s\"", what);
    char *expected = strdup(output);
    cr_assert_not_null(strstr(expected, "failed|10|10 iterations in a row failed"), "%s", expected);
    cr_assert_not_null(strstr(expected, "done|30|"), "%s", expected);
    EXPECT(0, "sqlite3 $TEST_DIR/odd1.db \"%s\"", what);
    cr_assert_str_eq(output, expected);
    free(expected);
}

/* Memory for about two runs: the others wait. */
Test(run_device, a_small_memory_means_more_waves) {
    char *expected = undisturbed();
    EXPECT(0, "AFFJORD_EMULATED_MEMORY=250000 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/waves.db --device cuda "
              "--jobs 8 --quiet");
    check_same(expected, "waves.db");
    EXPECT(1, "AFFJORD_EMULATED_MEMORY=20000 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db --device cuda");
    EXPECT_SAYS("out of memory on CUDA device 0: 1 runs need 0 MB, and 0 MB are free");
    free(expected);
}

/* Three devices, one of which is too old: the others train all eight runs, in proportion to their slots, in several
 * rounds. */
Test(run_device, runs_are_shared_among_devices) {
    char *expected = undisturbed();
    setenv("AFFJORD_EMULATED_DEVICES", "3", 1);
    setenv("AFFJORD_EMULATED_OLD", "1", 1);
    static const char *const jobs[] = {"", "--jobs 4", "--jobs 3", "--jobs 1"};
    static const char *const shares[] = {"fibers 2|4\nfibers on a CPU, for tests|4\n",
                                         "fibers 2|4\nfibers on a CPU, for tests|4\n",
                                         "fibers 2|6\nfibers on a CPU, for tests|2\n", /* it has two of three slots */
                                         "fibers on a CPU, for tests|8\n"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/shared%zu.db --device cuda:auto %s --quiet", i, jobs[i]);
        char name[32];
        snprintf(name, sizeof name, "shared%zu.db", i);
        check_same(expected, name);
        EXPECT(0, "sqlite3 $TEST_DIR/%s 'SELECT gpu, count(*) FROM run GROUP BY 1'", name);
        cr_expect_str_eq(output, shares[i], "%s", jobs[i]);
    }
    EXPECT(0, "$AFFJORD list devices");
    EXPECT_SAYS("cuda:1   cannot be used: CUDA device 1 is an sm_90, and libaffjord_cuda.so was built for ");
    EXPECT_SAYS("cuda:2   fibers 2, ");
    EXPECT(1, "AFFJORD_EMULATED_DEVICES=2 AFFJORD_EMULATED_OLD=1 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db "
              "--device cuda:1");
    EXPECT_SAYS("CUDA device 1 is an sm_90");
    EXPECT(1, "AFFJORD_EMULATED_DEVICES=1 AFFJORD_EMULATED_OLD=0 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db "
              "--device cuda:auto");
    EXPECT_SAYS("CUDA device 0 is an sm_90");
    free(expected);
}

/* The process of one device is killed: its unfinished runs fail, and all runs of the other device finish. */
Test(run_device, a_device_failure_does_not_affect_other_devices) {
    setenv("AFFJORD_EMULATED_DEVICES", "2", 1);
    char *expected = undisturbed();
    kill_one("cuda:auto", "lost",
             ASK("lost.db", "SELECT process FROM run WHERE status = 'running' AND gpu = 'fibers 1'"));
    EXPECT(0, "sqlite3 $TEST_DIR/lost.db \"SELECT DISTINCT gpu, status FROM run WHERE gpu != 'fibers 1' OR "
              "status != 'done' ORDER BY 1\"");
    cr_assert_str_eq(output, "fibers 1|failed\nfibers on a CPU, for tests|done\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/lost.db --device cuda:auto --quiet");
    check_same(expected, "lost.db");
    free(expected);
}

/* It needs no device, so all experiments accept the same options. */
Test(run_device, experiments_without_training_use_the_processor) {
    EXPECT(0, "AFFJORD_EMULATED_DEVICES=0 $AFFJORD experiments/table2.ini --db $TEST_DIR/count.db --device cuda");
    EXPECT_SAYS("--device cuda: experiment table2 trains nothing; it runs on the CPU");
    EXPECT(0, "sqlite3 -readonly $TEST_DIR/count.db \"SELECT count(*) FROM table2 WHERE paper = declared\"");
    cr_assert_str_eq(output, "12\n");
}

Test(run_device, unsupported_requests_are_rejected) {
    EXPECT(0, "$AFFJORD list devices");
    EXPECT_SAYS("cpu ");
    EXPECT_SAYS("cuda:0   fibers on a CPU, for tests, 4.3 GB, sm_90, 4 processors, driver for CUDA 13.0");
    EXPECT(0, "AFFJORD_EMULATED_DRIVER=0 $AFFJORD list devices");
    EXPECT_SAYS("cuda     none: CUDA: no NVIDIA driver is installed");
    EXPECT(1, "AFFJORD_EMULATED_DEVICES=0 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --device cuda");
    cr_assert_str_eq(output, "CUDA: no device found\n");
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --device cuda:7");
    EXPECT_SAYS("CUDA device 7: not found");
    EXPECT(1, "AFFJORD_DEVICE_LIBRARY=/nowhere.so $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --device cuda");
    EXPECT_SAYS("CUDA backend: /nowhere.so: cannot open");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --device gpu");
    EXPECT_SAYS("--device gpu: expected cpu, cuda, cuda:N or cuda:auto");
    EXPECT(2, "ls $TEST_DIR/no.db"); /* no run was started */
}

#endif
