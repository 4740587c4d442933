/* test_tables.c - tables of points: reading, messages, and rejections before a run. */
#include <math.h>

#include "data/dataset.h"
#include "run_support.h"
#include "train/objective.h"

static const char experiment[] = "[experiment]\nname = small\ndata = points.csv\nmodels = ffjord\n"
                                 "[model]\nwidth = 8\nhypernet_width = 8\n"
                                 "[model ffjord]\ncontext = time\n"
                                 "[solver]\nsteps = 3\n"
                                 "[train]\niterations = 10\nbatch = 32\nepoch_iterations = 10\n"
                                 "[output]\ndensity_cells = 0\nsamples = 0\n";

static void write_points(const char *name, const char *header, const char *row, int rows) {
    EXPECT(0,
           "awk 'BEGIN { srand(3); %s for (i = 0; i < %d; i++) { u = 2 * rand() - 1; v = 2 * rand() - 1; %s } }' "
           ">$TEST_DIR/%s",
           header, rows, row, name);
}

static void begin(void) {
    begin_run(experiment);
    write_points("points.csv", "print \"x,y\";", "print u \",\" u * u + 0.1 * v;", 3000);
}

TestSuite(tables, .init = begin, .fini = end_run, .timeout = 120);

/* The mean over the 300 held-out rows, even if more are requested. */
Test(tables, each_row_that_is_held_out_counts_once) {
    char path[128];
    dataset *data = NULL;
    error_info err = {""};
    scratch_path(folder, "points.csv", path);
    cr_assert_eq(dataset_open(path, &data, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(dataset_size(data, SPLIT_VALIDATION), 300);
    objective_spec spec = {.flow = {.dimension = 2,
                                    .width = 8,
                                    .hypernet_layers = 2,
                                    .hypernet_width = 8,
                                    .end_time = 10,
                                    .base_variance = 1,
                                    .solver = TABLEAU_RK4,
                                    .steps = 3},
                           .batch = 32};
    real x[2 * 300];
    double log_density[300], expected = 0;
    dataset_batch(data, SPLIT_VALIDATION, 0, 0, 0, 300, x);
    static const size_t requested[] = {300, 301, 450, 4096};
    for (size_t k = 0; k < 4; k++) {
        objective *obj = NULL;
        objective_counts counts;
        double loss;
        spec.validation = requested[k];
        cr_assert_eq(objective_create(&spec, (objective_data){.points = data}, NULL, &obj, &err), STATUS_OK, "%s",
                     err.text);
        cr_expect_eq(objective_holdout_size(obj, OBJECTIVE_VALIDATION), 300);
        real *params = calloc(objective_parameters(obj)->total, sizeof *params);
        objective_initialise(obj, params);
        if (k == 0) {
            cnf_log_density(objective_points(obj), params, x, 300, (random_stream){.purpose = RANDOM_PROBE},
                            log_density, NULL);
            for (size_t i = 0; i < 300; i++) expected -= log_density[i] / 300;
        }
        cr_assert_eq(objective_measure(obj, OBJECTIVE_VALIDATION, 1, params, &loss, &counts), STATUS_OK);
        cr_expect_float_eq(loss, expected, 1e-9, "validation = %zu: %.9g and %.9g", requested[k], loss, expected);
        free(params);
        objective_destroy(&obj);
    }
    dataset_close(&data);
}

/* Such runs have the numbers and the key of a run that requests exactly these rows; older runs have another key. Fewer
 * rows are the first of them, as before. */
Test(tables, requests_beyond_the_data_do_not_change_the_key) {
    for (int k = 0; k < 3; k++)
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet --set train.validation=%d",
               (const int[]){300, 4096, 6000}[k]);
    EXPECT(0,
           "sqlite3 $TEST_DIR/r.db \"SELECT count(*), value FROM run JOIN setting USING (run_id) WHERE setting.key = "
           "'validation'\"");
    cr_assert_str_eq(output, "1|300\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet --set train.validation=299");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db 'SELECT count(DISTINCT key) FROM run'");
    cr_assert_str_eq(output, "2\n");
}

/* A run that was computed before with such settings is not reused. */
Test(tables, a_run_that_repeated_rows_is_not_computed_again_as_another) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(0, "$AFFJORD check $TEST_DIR/r.db --sample 1");
    static const char line[] =
        "format=1\\nreal=%s\\ndata=%s\\nseed=0\\nmodel.width=8\\nmodel.hypernet_width=8\\nsolver.steps=3"
        "\\ntrain.iterations=10\\ntrain.batch=32\\ntrain.epoch_iterations=10\\n";
    EXPECT(0, "sha256sum <$TEST_DIR/points.csv | cut -c1-64 | tr -d '\\n'");
    char sum[65], text[512], key[65];
    snprintf(sum, sizeof sum, "%.64s", output);
    snprintf(text, sizeof text, line, sizeof(real) == sizeof(float) ? "F32" : "F64", sum);
    EXPECT(0, "printf '%s' | sha256sum | cut -c1-32 | tr -d '\\n'", text);
    snprintf(key, sizeof key, "%.64s", output);
    EXPECT(0,
           "sqlite3 $TEST_DIR/r.db \"UPDATE run SET key = '%s'; UPDATE setting SET value = '4096' WHERE key = "
           "'validation'\"",
           key);
    EXPECT(1, "$AFFJORD check $TEST_DIR/r.db --sample 1");
    EXPECT_SAYS("their validation batches of 4096 repeat some of the table's 300 held-out rows");
}

static const char read_line[] = "points: 3000 rows, 300 of them held out; 2 columns: x -";

Test(tables, a_line_describes_the_table) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run");
    EXPECT_SAYS(read_line);
    EXPECT_SAYS(", deviation 0.576; y -0.");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db");
    EXPECT_SAYS(read_line);
    cr_expect_null(strstr(output, "warning"), "%s", output);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    cr_expect_str_eq(output, "");
    EXPECT(0, "$AFFJORD data check $TEST_DIR/points.csv");
    EXPECT_SAYS("points: 3000 rows, 300 of them held out; 2 columns:\n    x -");
    /* Without names, and with more columns than a line shows. */
    write_points("wide.csv", "", "for (d = 0; d < 40; d++) printf \"%.3f%s\", rand(), d < 39 ? \" \" : \"\\n\";", 100);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --dry-run --set experiment.data=$TEST_DIR/wide.csv");
    EXPECT_SAYS("wide: 100 rows, 10 of them held out; 40 columns: column 1 0.");
    EXPECT_SAYS("; column 6 0.");
    EXPECT_SAYS("; and 34 more\n");
    EXPECT(0, "$AFFJORD data check $TEST_DIR/wide.csv | grep -c '^    column .*, deviation 0[.]'");
    cr_expect_str_eq(output, "40\n");
    EXPECT(1, "printf '1,5 2,5\\n' >$TEST_DIR/comma.csv; $AFFJORD data check $TEST_DIR/comma.csv");
    EXPECT_SAYS("comma.csv: NOT SOUND");
    EXPECT_SAYS("a comma is either inside a number");
    EXPECT(2, "$AFFJORD data check mnist");
    EXPECT_SAYS(": no table or images; expected a path that ends in .npy, .npz, .csv, .tsv or .zip, or a folder");
    EXPECT(2, "$AFFJORD data check $TEST_DIR/points.csv --dir $TEST_DIR");
}

Test(tables, columns_without_a_density_are_warned_of) {
    write_points("bad.csv", "print \"i,t,c,x,x2,neg,kind,wide\";",
                 "printf \"%d,%.3f,7,%.17g,%.17g,%.17g,%d,%.17g\\n\", i + 1, 1.7e9 + 10 * u, v, v, 3 - 2 * v, i % 2, "
                 "1e6 * rand();",
                 500);
    static const char *const warnings[] = {
        "bad: warning: i counts the rows",
        "bad: warning: t has ",
        "of which float32 keeps ",
        "bad: warning: c is constant, 7",
        "bad: warning: x2 is x again",
        "bad: warning: neg is x again",
        "bad: warning: kind has only 2 different numbers",
        "bad: warning: wide has mean ",
        "data.standardise = yes",
    };
    static const char *const commands[] = {
        "data check $TEST_DIR/bad.csv", "$TEST_DIR/small.ini --dry-run --set experiment.data=$TEST_DIR/bad.csv",
        "$TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/bad.csv"};
    for (size_t k = 0; k < 3; k++) {
        shell("$AFFJORD %s", commands[k]);
        for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++) {
            if (sizeof(real) == sizeof(double) && (i == 1 || i == 2)) continue; /* they differ as doubles */
            EXPECT_SAYS(warnings[i]);
        }
        cr_expect_null(strstr(output, "warning: x "), "%s", output);
    }
    /* In standard units, scale and offset cause no warning. */
    EXPECT(0, "cut -d, -f2,4,8 $TEST_DIR/bad.csv >$TEST_DIR/far.csv");
    EXPECT(0,
           "$AFFJORD $TEST_DIR/small.ini --dry-run --set experiment.data=$TEST_DIR/far.csv --set data.standardise=yes");
    cr_expect_null(strstr(output, "warning"), "%s", output);
}

/* Check that no run has started: no database, status 2, and a message with the line. */
static void expect_refused(const char *options, const char *says) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db %s", options);
    EXPECT_SAYS(says);
    EXPECT(0, "test ! -e $TEST_DIR/no.db");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --dry-run %s", options);
    EXPECT_SAYS(says);
}

Test(tables, errors_of_workers_are_found_before_the_start) {
    write_points("wide.csv", "", "for (d = 0; d < 65; d++) printf \"%.3f%s\", rand(), d < 64 ? \" \" : \"\\n\";", 100);
    expect_refused("--set experiment.data=$TEST_DIR/wide.csv",
                   "model.field = hyper_mlp: for up to 64 columns, and the data have 65; expected mlp");
    expect_refused("--set solver.math=bf16", "--set: ffjord on points.csv: solver.math: points have no convolutions");
    expect_refused("--set train.test=10", "--set: ffjord on points.csv: train.test: 10 test points");
    EXPECT(0, "cut -d' ' -f1-60 $TEST_DIR/wide.csv >$TEST_DIR/sixty.csv");
    expect_refused("--set experiment.data=$TEST_DIR/sixty.csv --set output.samples=10000000",
                   "output.samples: the database can hold ");
    EXPECT(0, "cut -d' ' -f1-17 $TEST_DIR/wide.csv >$TEST_DIR/some.csv");
    expect_refused("--set experiment.data=$TEST_DIR/some.csv --device cuda",
                   "points of 17 dimensions: --device cuda takes at most 16");
    EXPECT(0, "printf '[data points]\ntrain.test = 5\n' >>$TEST_DIR/small.ini");
    expect_refused("", "small.ini:20: ffjord on points.csv: train.test: 5 test points");
}

/* Steps too long for a table at another scale. */
Test(tables, a_run_of_no_density_has_a_reason_and_a_remedy) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"INSERT OR REPLACE INTO metric (run_id, name, value) SELECT run_id, "
              "'density_mass', 4 FROM run\"");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db");
    EXPECT_SAYS("1 of no density, left out");
    EXPECT_SAYS("No density: the computed p(x) sums to more than 1");
    EXPECT_SAYS("Use more solver.steps");
    EXPECT_SAYS("data.standardise = yes");
}
