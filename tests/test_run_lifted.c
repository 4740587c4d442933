/* test_run_lifted.c - ./run on models with model.context = lifted: trained, stopped and resumed, evaluated, sampled,
 * flagged where they fold, and refused where they do not apply. */
#include "run_support.h"

static const char experiment[] = "[experiment]\n"
                                 "name = small\n"
                                 "data = ty\n"
                                 "models = lifted\n"
                                 "seeds = 0\n"
                                 "[model lifted]\n"
                                 "context = lifted\n"
                                 "field = mlp\n"
                                 "hidden = 8, 8\n"
                                 "activation = tanh\n"
                                 "augmented_width = 4\n"
                                 "[flow]\n"
                                 "end_time = 1\n"
                                 "base_variance = 0.1\n"
                                 "[solver]\n"
                                 "steps = 6\n"
                                 "[train]\n"
                                 "iterations = 12\n"
                                 "batch = 64\n"
                                 "epoch_iterations = 4\n"
                                 "validation = 100\n"
                                 "checkpoint_epochs = 1\n"
                                 "[output]\n"
                                 "density_cells = 128\n"
                                 "samples = 50\n";

static void begin(void) {
    begin_run(experiment);
}

static void end(void) {
    end_run();
}

TestSuite(run_lifted, .init = begin, .fini = end, .timeout = 300);

static double number(const char *query) {
    EXPECT(0, "sqlite3 -bail $TEST_DIR/whole.db \"%s\"", query);
    return atof(output);
}

Test(run_lifted, it_is_trained_measured_and_used_as_other_models) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --quiet");
    cr_expect_eq(number("SELECT count(*) FROM run WHERE status = 'done'"), 1);
    cr_expect_eq(number("SELECT count(*) FROM epoch WHERE nfe_forward = 24 AND loss IS NOT NULL"), 6);
    cr_expect_float_eq(number("SELECT value FROM metric WHERE name = 'density_mass'"), 1, 0.05);
    cr_expect_eq(number("SELECT value FROM metric WHERE name = 'folded_share'"), 0);
    cr_expect_eq(number("SELECT value FROM metric WHERE name = 'unsolved_samples'"), 0);
    cr_expect_gt(number("SELECT min(value) FROM metric WHERE name LIKE 'least_%'"), 0.05);
    cr_expect_eq(number("SELECT impossible FROM final_losses"), 0);
    EXPECT(0,
           "awk 'BEGIN { for (i = 0; i < 30; i++) printf \"%%.4f,%%.4f\\n\", sin(i), cos(2 * i) }' > $TEST_DIR/x.csv");
    EXPECT(0, "t=$TEST_DIR; $AFFJORD export 1 --db $t/whole.db --output $t/m.safetensors && "
              "$AFFJORD eval 1 --db $t/whole.db --input $t/x.csv --output $t/a.npy && "
              "$AFFJORD eval $t/m.safetensors --input $t/x.csv --output $t/b.npy --threads 2 && cmp $t/a.npy $t/b.npy");
    EXPECT(0, "t=$TEST_DIR; $AFFJORD sample $t/m.safetensors --n 40 --output $t/c.npy && "
              "$AFFJORD sample 1 --db $t/whole.db --n 40 --output $t/d.npy && cmp $t/c.npy $t/d.npy");
    EXPECT(0, "$AFFJORD inverse 1 --db $TEST_DIR/whole.db --input $TEST_DIR/x.csv --output $TEST_DIR/y.npy 2>&1");
    cr_expect_null(strstr(output, "nan"), "%s", output);
    EXPECT(0, "$AFFJORD check $TEST_DIR/whole.db --sample 1");
    EXPECT_SAYS("1 of 1 run came out the same");
}

Test(run_lifted, a_stopped_training_resumes_with_the_same_bits) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/two.db --quiet --threads 2");
    check_same(expected, "two.db");
    EXPECT(0,
           "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/cut.db --quiet & p=$!; "
           "while [ \"$(sqlite3 $TEST_DIR/cut.db 'SELECT count(*) FROM checkpoint' 2>/dev/null || echo 0)\" = 0 ]; do "
           "sleep 0.02; done; kill -INT $p; wait $p; true");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/cut.db --quiet");
    check_same(expected, "cut.db");
    free(expected);
}

#ifndef AFFJORD_DOUBLE /* whose runs do the same with other numbers */
/* A learning rate that is far too large makes a map that folds. A message names it, and its loss counts as
 * impossible. */
Test(run_lifted, a_fold_has_a_message_and_its_loss_is_impossible) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --set train.learning_rate=0.3 2>&1");
    EXPECT_SAYS("z(T) is not one-to-one: det dz(T)/dz(0) has both signs");
    cr_expect_gt(number("SELECT value FROM metric WHERE name = 'folded_share'"), 0);
    cr_expect_eq(number("SELECT impossible FROM final_losses"), 1);
    cr_expect_gt(number("SELECT value FROM metric WHERE name = 'unsolved_samples'"), 0);
    EXPECT(0, "$AFFJORD sample 1 --db $TEST_DIR/whole.db --n 200 --output $TEST_DIR/s.npy 2>&1");
    EXPECT_SAYS(" of 400 numbers are nan: no x with the z(T) of these points was found");
}
#endif

static void expect_refused(const char *set, const char *words) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db %s", set);
    EXPECT_SAYS(words);
    EXPECT(0, "test ! -e $TEST_DIR/a.db");
}

Test(run_lifted, unsupported_settings_are_rejected_before_the_start) {
    EXPECT(0, "awk 'BEGIN { for (i = 0; i < 40; i++) { for (k = 0; k < 9; k++) printf \"%%s%%.4f\", k ? \",\" : \"\", "
              "sin(i * k + k); print \"\" } }' > $TEST_DIR/wide.csv");
    expect_refused("--set experiment.data=$TEST_DIR/wide.csv",
                   "wide.csv: model.context = lifted: data of 9 columns; expected at most 8");
    expect_refused("--set 'model lifted.field=hyper_mlp'", "expected model.field = mlp");
    expect_refused("--set solver.gradient=adjoint", "solver.gradient = adjoint with model.context = lifted");
    expect_refused("--set flow.divergence=gaussian", "flow.divergence = rademacher or gaussian with model.context");
    expect_refused("--set flow.learn_end_time=yes", "flow.learn_end_time = yes with model.context = lifted");
    expect_refused("--set flow.kinetic=1", "flow.kinetic or flow.jacobian with model.context = lifted");
    expect_refused("--set model.initial_state=learned", "model.initial_state = learned or model.dynamics = fixed");
    expect_refused("--set model.concat=yes", "model.concat = yes: expected no for an mlp");
    expect_refused("--set output.snapshots=3", "output.snapshots: 3 with model.context = lifted");
    expect_refused("--set experiment.task=theory", "the theory is looked at on model.field = hyper_mlp");
}

#ifndef AFFJORD_DOUBLE
Test(run_lifted, a_device_refuses_it_by_name) {
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
    expect_refused("--device cuda", "model.context: --device cuda takes time or augmented on points");
}
#endif
