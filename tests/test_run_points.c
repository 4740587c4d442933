/* test_run_points.c - ./run on points with other fields and solvers than the toy experiments': training, resuming,
 * eval, sample, export, check; and refusals before the start. */
#include "run_support.h"

/* A general field with adaptive steps and all options, and the toy field with adaptive steps and the adjoint. */
static const char experiment[] = "[experiment]\n"
                                 "name = small\n"
                                 "data = ty\n"
                                 "models = tabular, toy\n"
                                 "seeds = 0\n"
                                 "[model]\n"
                                 "context = augmented\n"
                                 "[model tabular]\n"
                                 "field = mlp\n"
                                 "hidden = 12, 12\n"
                                 "layer = concatsquash\n"
                                 "initial_state = learned\n"
                                 "flow.kinetic = 0.01\n"
                                 "flow.jacobian = 0.01\n"
                                 "[model toy]\n"
                                 "width = 8\n"
                                 "concat = yes\n"
                                 "solver.gradient = adjoint\n"
                                 "[flow]\n"
                                 "end_time = 1\n"
                                 "learn_end_time = yes\n"
                                 "base_variance = 0.1\n"
                                 "[solver]\n"
                                 "method = dopri5\n"
                                 "atol = 1e-4\n"
                                 "rtol = 1e-4\n"
                                 "[train]\n"
                                 "iterations = 12\n"
                                 "batch = 64\n"
                                 "epoch_iterations = 4\n"
                                 "validation = 100\n"
                                 "checkpoint_epochs = 1\n"
                                 "[output]\n"
                                 "density_cells = 128\n"
                                 "samples = 50\n"
                                 "snapshots = 3\n";

static void begin(void) {
    begin_run(experiment);
}

static void end(void) {
    end_run();
}

TestSuite(run_points, .init = begin, .fini = end, .timeout = 300);

static double number(const char *query) {
    EXPECT(0, "sqlite3 -bail $TEST_DIR/whole.db \"%s\"", query);
    return atof(output);
}

Test(run_points, other_fields_are_trained_and_stored) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --quiet");
    cr_expect_eq(number("SELECT count(*) FROM run WHERE status = 'done'"), 2);
    /* A row of the flow's evaluations and end time for each epoch and split. */
    cr_expect_eq(number("SELECT count(*) FROM flow"), 2 * 3 * 2);
    cr_expect_gt(number("SELECT min(nfe_forward) FROM flow"), 6);
    cr_expect_gt(number("SELECT min(nfe_backward) FROM flow WHERE split = 'training'"), 6);
    cr_expect_eq(number("SELECT count(*) FROM flow WHERE end_time = 1"), 0, "the end time is learned");
    cr_expect_eq(number("SELECT count(*) FROM epoch WHERE nfe_forward > 6"), 2 * 3 * 2);
    /* The density of the plane, samples, and snapshots of the flow. */
    cr_expect_float_eq(number("SELECT min(value) FROM metric WHERE name = 'density_mass'"), 1, 0.05);
    cr_expect_float_eq(number("SELECT max(value) FROM metric WHERE name = 'density_mass'"), 1, 0.05);
    cr_expect_eq(number("SELECT count(*) FROM sample_blob WHERE kind = 'samples'"), 3, "of two models and the data");
    cr_expect_eq(number("SELECT count(DISTINCT subject) FROM moment"), 2);
}

/* A run stopped after four iterations and resumed by another process has the same bits. */
Test(run_points, a_stopped_training_resumes_with_the_same_bits) {
    char *expected = undisturbed();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/two.db --quiet --threads 2");
    check_same(expected, "two.db");
    /* Stopped after its first epoch. */
    EXPECT(0,
           "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/cut.db --quiet & p=$!; "
           "while [ \"$(sqlite3 $TEST_DIR/cut.db 'SELECT count(*) FROM checkpoint' 2>/dev/null || echo 0)\" = 0 ]; do "
           "sleep 0.02; done; kill -INT $p; wait $p; true");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/cut.db --quiet");
    check_same(expected, "cut.db");
    free(expected);
}

Test(run_points, a_model_is_evaluated_sampled_and_exported) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --quiet");
    EXPECT(0,
           "awk 'BEGIN { for (i = 0; i < 30; i++) printf \"%%.4f,%%.4f\\n\", sin(i), cos(2 * i) }' > $TEST_DIR/x.csv");
    for (int run = 1; run <= 2; run++) {
        EXPECT(0, "$AFFJORD eval %d --db $TEST_DIR/whole.db --input $TEST_DIR/x.csv --output $TEST_DIR/a.npy", run);
        EXPECT(0, "$AFFJORD export %d --db $TEST_DIR/whole.db --output $TEST_DIR/m.safetensors", run);
        EXPECT(0, "t=$TEST_DIR; $AFFJORD eval $t/m.safetensors --input $t/x.csv --output $t/b.npy --threads 2 && "
                  "cmp $t/a.npy $t/b.npy");
        EXPECT(0,
               "t=$TEST_DIR; $AFFJORD sample $t/m.safetensors --n 40 --output $t/c.npy && "
               "$AFFJORD sample %d --db $t/whole.db --n 40 --output $t/d.npy && cmp $t/c.npy $t/d.npy",
               run);
    }
}

Test(run_points, a_run_computed_again_is_the_same) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --quiet");
    EXPECT(0, "$AFFJORD check $TEST_DIR/whole.db --sample 2");
    EXPECT_SAYS("2 of 2 runs came out the same");
}

/* Six columns, as POWER has, by the preset; and a hundred. */
Test(run_points, tables_train_by_the_preset) {
    EXPECT(0, "for n in 6 100; do awk -v n=$n 'BEGIN { for (i = 0; i < 300; i++) { for (k = 0; k < n; k++) printf "
              "\"%%s%%.4f\", k ? \",\" : \"\", sin(i * (k + 1)) + 0.3 * cos(3 * i + k); print \"\" } }' "
              "> $TEST_DIR/t$n.csv; done");
    EXPECT(0, "printf 'include = %%s/configs/tabular.ini\n[experiment]\nname = t\ndata = t6.csv, t100.csv\nmodels = "
              "ffjord_table, affjord_table\n[model]\nhidden = 8, 8\n[train]\niterations = 6\nbatch = 32\n"
              "epoch_iterations = 3\nvalidation = 20\n[output]\nsamples = 5\n' $PWD > $TEST_DIR/t.ini");
    EXPECT(0, "$AFFJORD $TEST_DIR/t.ini --db $TEST_DIR/whole.db --quiet");
    cr_expect_eq(number("SELECT count(*) FROM run WHERE status = 'done'"), 4);
    cr_expect_eq(number("SELECT count(*) FROM epoch WHERE loss IS NULL"), 0);
    /* The density of a hundred columns is exact too, if it is only evaluated. */
    EXPECT(
        0,
        "head -n 5 $TEST_DIR/t100.csv > $TEST_DIR/x.csv; $AFFJORD eval $(sqlite3 $TEST_DIR/whole.db \"SELECT key FROM "
        "run WHERE dataset = 't100' LIMIT 1\") --db $TEST_DIR/whole.db --input $TEST_DIR/x.csv --output "
        "$TEST_DIR/l.npy");
}

Test(run_points, invalid_settings_are_rejected_before_the_start) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --set model.hidden=64,x");
    EXPECT_SAYS("model.hidden: \"x\"; expected integers from 1 to 4096, as in 64, 64");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --set model.hidden=1,1,1,1,1,1,1,1,1");
    EXPECT_SAYS("model.hidden: more than 8 hidden layers");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --set model.field=mlp");
    EXPECT_SAYS("model.concat = yes: expected no for an mlp, whose layers use the context as model.layer sets");
    EXPECT(0, "awk 'BEGIN { for (i = 0; i < 40; i++) { for (k = 0; k < 70; k++) printf \"%%s%%.4f\", k ? \",\" : \"\", "
              "sin(i * k + k); print \"\" } }' > $TEST_DIR/wide.csv");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --set experiment.data=$TEST_DIR/wide.csv");
    EXPECT_SAYS("flow.divergence = exact: of model.field = mlp it is for up to 32 columns, and the data have 70");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --set experiment.data=$TEST_DIR/wide.csv --set "
              "flow.divergence=rademacher");
    EXPECT_SAYS("model.field = hyper_mlp: for up to 64 columns, and the data have 70; expected mlp");
    EXPECT(0, "test ! -e $TEST_DIR/a.db");
}

#ifndef AFFJORD_DOUBLE
/* Unsupported settings of a device are named, and no run starts. */
Test(run_points, a_device_rejects_unsupported_settings_by_name) {
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
    static const char *const cases[][2] = {
        {"--set experiment.models=tabular", "model.field: --device cuda trains hyper_mlp on points, and no other"},
        {"--set experiment.models=toy", "solver.method: --device cuda takes a fixed grid on points"},
        {"--set experiment.models=toy --set solver.method=rk4",
         "flow.learn_end_time = yes: --device cuda takes a fixed"},
        {"--set experiment.models=toy --set solver.method=rk4 --set flow.learn_end_time=no --set flow.kinetic=1",
         "flow.kinetic, flow.jacobian: --device cuda has no regularizers on points; expected 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --device cuda %s", cases[i][0]);
        EXPECT_SAYS(cases[i][1]);
    }
    EXPECT(0, "test ! -e $TEST_DIR/a.db");
}
#endif
