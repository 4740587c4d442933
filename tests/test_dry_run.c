/* test_dry_run.c - --dry-run shows the settings that affect the experiment's data. */
#ifndef AFFJORD_DOUBLE /* the same in both */

#include "run_images_support.h"

static void begin_dry(void) {
    begin_run("");
    data_begin();
    setenv("AFFJORD_DATA", data_folder, 1);
}

static void end_dry(void) {
    data_end();
    end_run();
}

TestSuite(dry_run, .init = begin_dry, .fini = end_dry, .timeout = 60);

static void plan(const char *experiment, const char *options) {
    char path[128];
    scratch_path(folder, "small.ini", path);
    scratch_write(path, experiment, strlen(experiment));
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run %s", options);
}

static void expect_none(const char *words) {
    cr_expect_null(strstr(output, words), "\"%s\" in:\n%s", words, output);
}

Test(dry_run, points_have_no_settings_of_images) {
    plan(TINY_EXPERIMENT("small", "0", "20", "10"), "");
    EXPECT_SAYS("  model.width = 16\n");
    EXPECT_SAYS("  solver.steps = 5\n");
    EXPECT_SAYS("  output.density_cells = 16\n");
    EXPECT_SAYS("  flow.kinetic = 0\n");
    static const char *const of_images[] = {"image.", "solver.math", "without effect"};
    for (size_t i = 0; i < sizeof of_images / sizeof *of_images; i++) expect_none(of_images[i]);
    /* Fixed steps have no tolerances, and adaptive steps have no number. */
    static const char *const of_pairs[] = {"solver.atol",      "solver.rtol", "solver.max_stored_steps",
                                           "solver.seminorm",  "max_steps",   "solver.min_step",
                                           "solver.error_norm"};
    for (size_t i = 0; i < sizeof of_pairs / sizeof *of_pairs; i++) expect_none(of_pairs[i]);
    plan(TINY_EXPERIMENT("small", "0", "20", "10"), "--set solver.method=dopri5");
    for (size_t i = 0; i < sizeof of_pairs / sizeof *of_pairs; i++) EXPECT_SAYS(of_pairs[i]);
    expect_none("  solver.steps");
}

Test(dry_run, images_have_no_settings_of_points) {
    write_images("mnist-tiny/train-images-idx3-ubyte", 0, TRAINING, SIDE);
    write_images("mnist-tiny/t10k-images-idx3-ubyte", TRAINING, TEST, SIDE);
    plan(small_experiment, "");
    EXPECT_SAYS("  image.hidden_channels = 4\n");
    EXPECT_SAYS("  solver.atol = 0.01\n");
    EXPECT_SAYS("  model.context = time\n");
    EXPECT_SAYS("  model.initial_state = ");
    EXPECT_SAYS("  output.samples = 7\n");
    static const char *const of_points[] = {"model.width",   "model.concat",     "model.hypernet", "model.augmented",
                                            "density_cells", "output.snapshots", "without effect"};
    for (size_t i = 0; i < sizeof of_points / sizeof *of_points; i++) expect_none(of_points[i]);
    /* Both kinds in one experiment have the settings of both. */
    plan(small_experiment, "--set experiment.data=mnist-tiny,ty --set solver.method=rk4");
    EXPECT_SAYS("model.width");
    EXPECT_SAYS("image.hidden_channels");
}

/* A setting without effect may enter the run's key, so it is listed. */
Test(dry_run, a_setting_without_effect_is_named) {
    plan(TINY_EXPERIMENT("small", "0", "20", "10"), "--set image.flip=yes --set 'model affjord.solver.atol=1'");
    EXPECT_SAYS("Set, but without effect: image.flip, solver.atol\n");
}

#endif
