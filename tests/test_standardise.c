/* test_standardise.c - tables trained in standard units, with densities and samples in the table's units. */
#include <math.h>

#include "data/dataset.h"
#include "flow/cnf.h"
#include "stop_support.h"
#include "train/objective.h"

static const char experiment[] = "[experiment]\nname = small\ndata = big.csv\nmodels = ffjord, affjord\n"
                                 "[model]\nwidth = 8\nhypernet_width = 8\n"
                                 "[model ffjord]\ncontext = time\n"
                                 "[model affjord]\ncontext = augmented\nconcat = yes\n"
                                 "[solver]\nsteps = 6\n"
                                 "[train]\niterations = 60\nbatch = 64\nepoch_iterations = 10\ncheckpoint_epochs = 1\n"
                                 "learning_rate = 5e-3\n[data]\nstandardise = yes\n"
                                 "[output]\ndensity_cells = 128\nsamples = 200\nsnapshots = 3\n";

/* A table with another mean and deviation in each column: 2000 rows. */
static void begin(void) {
    begin_run(experiment);
    EXPECT(0,
           "awk 'BEGIN { srand(7); print \"north,east\"; for (i = 0; i < 2000; i++) {"
           "r = sqrt(-2 * log(1 - rand())); a = 6.283185307179586 * rand();"
           "printf \"%%.17g,%%.17g\\n\", 200 + 30 * r * cos(a), -4e6 + 1e6 * (sin(2 * r * cos(a)) + 0.3 * r * sin(a))"
           "} }' >$TEST_DIR/big.csv");
}

TestSuite(standardise, .init = begin, .fini = end_run, .timeout = 240);

static double number(const char *database, const char *query) {
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"%s\"", database, query);
    return atof(output);
}

/* Return the doubles of a .npy file of this program, whose header has 128 bytes; the caller frees them. */
static double *read_doubles(const char *name, size_t expected) {
    char path[128];
    size_t size;
    scratch_path(folder, name, path);
    unsigned char *bytes = scratch_read(path, &size);
    cr_assert_eq(size, 128 + expected * sizeof(double), "%s has %zu bytes", name, size);
    double *values = malloc(expected * sizeof *values);
    memcpy(values, bytes + 128, expected * sizeof *values);
    free(bytes);
    return values;
}

static dataset *open_table(const char *name, const char *text) {
    char path[128];
    dataset *data = NULL;
    error_info err = {""};
    scratch_path(folder, name, path);
    scratch_write(path, text, strlen(text));
    cr_assert_eq(dataset_open(path, &data, &err), STATUS_OK, "%s", err.text);
    return data;
}

/* Mean and deviation are those of the training rows, without the held-out row. */
Test(standardise, units_are_those_of_the_rows_that_are_trained_on) {
    dataset *data = open_table("four.csv", "x,t\n1,1700000000\n3,1700000001\n5,1700000003\n7,1700000007\n");
    error_info err = {""};
    real holdout[2], target[8], z[2 * 64];
    double numbers[6], mean[2] = {0, 0}, deviation[2] = {0, 0};
    size_t trained = 0;
    cr_assert_eq(dataset_size(data, SPLIT_VALIDATION), 1);
    dataset_batch(data, SPLIT_VALIDATION, 0, 0, 0, 1, holdout);
    for (size_t row = 0; row < 4; row++) {
        const double x = 1 + 2 * (double)row;
        if ((real)x == holdout[0]) continue;
        numbers[2 * trained] = x;
        numbers[2 * trained + 1] = 1700000000 + (double)((1u << row) - 1);
        trained++;
    }
    cr_assert_eq(trained, 3);
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < 3; i++) mean[d] += numbers[2 * i + d] / 3;
        for (size_t i = 0; i < 3; i++) deviation[d] += pow(numbers[2 * i + d] - mean[d], 2) / 3;
        deviation[d] = sqrt(deviation[d]);
    }
    cr_assert_eq(dataset_standardise(data, &err), STATUS_OK, "%s", err.text);
    const standard *units = dataset_units(data);
    cr_assert_not_null(units);
    for (size_t d = 0; d < 2; d++) {
        cr_expect_float_eq(units->mean[d], mean[d], 1e-6);
        cr_expect_float_eq(units->deviation[d] / deviation[d], 1, 1e-6);
    }
    cr_expect_float_eq(standard_log_volume(units), log(deviation[0]) + log(deviation[1]), 1e-6);
    /* Times in seconds that are equal as floats remain distinct. */
    bool seen[3] = {false};
    dataset_batch(data, SPLIT_TRAINING, 0, 1, 0, 64, z);
    for (size_t i = 0; i < 64; i++)
        for (size_t r = 0; r < 3; r++)
            seen[r] |= fabs((double)z[2 * i + 1] - (numbers[2 * r + 1] - mean[1]) / deviation[1]) < 1e-5;
    cr_expect(seen[0] && seen[1] && seen[2]);
    dataset_batch(data, SPLIT_TARGET, 0, 0, 0, 4, target);
    for (size_t i = 0; i < 4; i++) cr_expect_float_eq((double)target[2 * i + 1], 1700000003, 128);
    dataset_close(&data);
}

/* log p(x) = log p(z) - sum log deviation, to the last digits: with the parameters of one seed. */
Test(standardise, densities_and_losses_have_the_log_determinant) {
    cnf_spec spec = {.dimension = 2,
                     .width = 4,
                     .context = CONTEXT_CLOCK,
                     .hypernet_layers = 1,
                     .hypernet_width = 3,
                     .end_time = 1,
                     .base_variance = 1,
                     .solver = TABLEAU_RK4,
                     .steps = 4};
    const double volume = log(30) + log(1e6);
    const real z[] = {0, 0, 1, -1, (real)0.5, 2};
    const random_stream probe = {.purpose = RANDOM_PROBE};
    double plain[3] = {0}, moved[3] = {0}, loss[2];
    error_info err = {""};
    for (int k = 0; k < 2; k++) {
        cnf *flow;
        spec.log_volume = k ? volume : 0;
        cr_assert_eq(cnf_create(&spec, 3, NULL, &flow, &err), STATUS_OK, "%s", err.text);
        real *params = calloc(cnf_parameters(flow)->total, sizeof *params);
        real *gradient = calloc(cnf_parameters(flow)->total, sizeof *gradient);
        cnf_initialise(flow, 5, params);
        cnf_log_density(flow, params, z, 3, probe, k ? moved : plain, NULL);
        cr_assert_eq(cnf_loss_gradient(flow, params, z, 3, probe, &loss[k], gradient, NULL), STATUS_OK);
        free(params);
        free(gradient);
        cnf_destroy(&flow);
    }
    for (size_t i = 0; i < 3; i++) cr_expect_float_eq(moved[i], plain[i] - volume, 1e-12);
    cr_expect_float_eq(loss[1], loss[0] + volume, 1e-12);
}

/* A stored array of the first run; the caller frees it. */
static float *read_blob(const char *from, const char *which, size_t *count) {
    char path[128];
    size_t size;
    EXPECT(
        0,
        "sqlite3 $TEST_DIR/big.db \"SELECT writefile('$TEST_DIR/blob', data) FROM %s WHERE subject IN (SELECT key FROM "
        "run) AND %s LIMIT 1\"",
        from, which);
    scratch_path(folder, "blob", path);
    unsigned char *bytes = scratch_read(path, &size);
    float *values = malloc(size);
    memcpy(values, bytes, size);
    free(bytes);
    *count = size / sizeof *values;
    return values;
}

static void expect_near(const float *x, size_t n, const double mean[2], const double deviation[2]) {
    double sum[2] = {0, 0};
    cr_assert_gt(n, 100);
    for (size_t i = 0; i < 2 * n; i++) sum[i % 2] += (double)x[i] / (double)n;
    for (size_t d = 0; d < 2; d++) cr_expect_float_eq(sum[d], mean[d], 0.5 * deviation[d]);
}

/* The same table, divided by the units before, gives the same model, in other units. */
Test(standardise, a_model_equals_that_of_the_divided_table) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/big.db");
    EXPECT_SAYS("big: 2000 rows, 200 of them held out; 2 columns: north ");
    EXPECT_SAYS("; standardised for training");
    cr_expect_null(strstr(output, "warning"), "%s", output);
    static const char unit[] =
        "SELECT value FROM metric JOIN run USING (run_id) WHERE model = 'ffjord' AND name = '%s'";
    double mean[2], deviation[2];
    for (int d = 0; d < 2; d++) {
        char query[256], name[32];
        snprintf(name, sizeof name, "data_mean_%d", d + 1);
        snprintf(query, sizeof query, unit, name);
        mean[d] = number("big.db", query);
        snprintf(name, sizeof name, "data_deviation_%d", d + 1);
        snprintf(query, sizeof query, unit, name);
        deviation[d] = number("big.db", query);
    }
    cr_assert_float_eq(deviation[0], 30, 2);
    cr_assert_float_eq(deviation[1], 0.76e6, 0.05e6);
    const double volume = log(deviation[0]) + log(deviation[1]);
    EXPECT(
        0,
        "awk -F, 'NR == 1 { print; next } { printf \"%%.17g,%%.17g\\n\", ($1 - %.17g) / %.17g, ($2 - %.17g) / %.17g }' "
        "$TEST_DIR/big.csv >$TEST_DIR/unit.csv",
        mean[0], deviation[0], mean[1], deviation[1]);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/unit.db --set experiment.data=$TEST_DIR/unit.csv "
              "--set data.standardise=no --quiet");
    for (int m = 0; m < 2; m++) {
        static const char *const models[] = {"ffjord", "affjord"};
        char query[256];
        double big[2], small[2];
        static const char *const what[] = {"final_validation_loss", "density_mass"};
        for (int k = 0; k < 2; k++) {
            snprintf(query, sizeof query,
                     "SELECT value FROM metric JOIN run USING (run_id) WHERE model = '%s' AND name = '%s'", models[m],
                     what[k]);
            big[k] = number("big.db", query);
            small[k] = number("unit.db", query);
        }
        cr_expect_float_eq(big[0], small[0] + volume, 1e-3, "%s: %g and %g", models[m], big[0], small[0] + volume);
        cr_expect_float_eq(big[1], small[1], 1e-3);
        cr_expect_float_eq(big[1], 1, 0.02, "p(x) sums to %g over x", big[1]);
    }
    /* Densities of rows, samples, and both from an exported file. */
    static const char *const names[] = {"big", "unit"};
    for (int d = 0; d < 2; d++) {
        EXPECT(0, "sqlite3 $TEST_DIR/%s.db \"SELECT key FROM run WHERE model = 'affjord'\"", names[d]);
        output[32] = '\0';
        setenv("KEY", output, 1);
        setenv("D", names[d], 1);
        EXPECT(0, "$AFFJORD eval $KEY --db $TEST_DIR/$D.db --input $TEST_DIR/$D.csv --output $TEST_DIR/$D-log.npy");
        EXPECT(0, "$AFFJORD sample $KEY --db $TEST_DIR/$D.db --n 100 --seed 3 --output $TEST_DIR/$D-x.npy");
        EXPECT(0, "$AFFJORD export $KEY --db $TEST_DIR/$D.db --output $TEST_DIR/$D.safetensors");
        EXPECT(0, "$AFFJORD eval $TEST_DIR/$D.safetensors --input $TEST_DIR/$D.csv --output $TEST_DIR/e.npy");
        EXPECT(0, "$AFFJORD sample $TEST_DIR/$D.safetensors --n 100 --seed 3 --output $TEST_DIR/s.npy");
        EXPECT(0, "cmp $TEST_DIR/e.npy $TEST_DIR/$D-log.npy && cmp $TEST_DIR/s.npy $TEST_DIR/$D-x.npy");
    }
    double *big = read_doubles("big-log.npy", 2000), *small = read_doubles("unit-log.npy", 2000);
    for (size_t i = 0; i < 2000; i++) cr_assert_float_eq(big[i], small[i] - volume, 5e-3, "row %zu", i);
    free(big);
    free(small);
    double *x = read_doubles("big-x.npy", 200); /* doubles, in the table's units */
    for (size_t i = 0; i < 100; i++) {
        cr_assert_float_eq(x[2 * i], mean[0], 8 * deviation[0]);
        cr_assert_float_eq(x[2 * i + 1], mean[1], 8 * deviation[1]);
    }
    free(x);
    /* Stored pictures are in the table's units too, at all times. */
    size_t n;
    float *points = read_blob("sample_blob", "kind = 'samples'", &n);
    expect_near(points, n / 2, mean, deviation);
    free(points);
    points = read_blob("moment", "kind = 'samples' AND moment = 0", &n);
    expect_near(points, n / 2, mean, deviation);
    free(points);
    float *p = read_blob("moment", "kind = 'density' AND moment = 0", &n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)p[i];
    sum *= number("big.db", "SELECT (x1 - x0) * (y1 - y0) / rows / columns FROM moment WHERE kind = 'density' LIMIT 1");
    cr_expect_float_eq(sum, 1, 0.02, "p(x) of a moment sums to %g", sum);
    free(p);
}

Test(standardise, a_stopped_training_ends_with_the_same_bits) {
    char *expected = undisturbed();
    stop_new("stopped", "--jobs 1", ASK("stopped.db", "SELECT count(*) FROM checkpoint"), RECORDING, SIGTERM);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/stopped.db --quiet");
    check_same(expected, "stopped.db");
    free(expected);
}

#ifndef AFFJORD_DOUBLE
Test(standardise, a_device_gives_the_numbers_of_the_processor) {
    EXPECT(0, "sed -i 's/iterations = 60/iterations = 20/; s/width = 8/width = 4/g; s/moments = 3/moments = 0/' "
              "$TEST_DIR/small.ini");
    char *expected = undisturbed();
    EXPECT(0, "AFFJORD_DEVICE_LIBRARY=%s $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/device.db --device cuda --quiet",
           AFFJORD_LIBRARY_EMULATED);
    check_same(expected, "device.db");
    free(expected);
}
#endif

Test(standardise, only_tables_with_deviations_are_standardised) {
    static const struct {
        const char *options, *says;
    } cases[] = {
        {"--set experiment.data=ty", "--set: ffjord on ty: data.standardise = yes: \"ty\" is a toy density"},
        {"--set experiment.data=$TEST_DIR/flat.csv",
         "data.standardise: column 2 (c) of \"flat\" is constant in the rows that are trained on"},
    };
    EXPECT(0, "awk 'BEGIN { print \"x,c\"; for (i = 0; i < 50; i++) print i / 10 \",7\" }' >$TEST_DIR/flat.csv");
    for (size_t i = 0; i < 2; i++) {
        EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db %s --set data.standardise=yes", cases[i].options);
        EXPECT_SAYS(cases[i].says);
        EXPECT(0, "test ! -e $TEST_DIR/no.db");
    }
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/no.db --set experiment.data=ty");
    EXPECT_SAYS("small.ini:"); /* with the line */
}

/* test_plan.c and the baselines check that keys and numbers of toy densities are unchanged. */
Test(standardise, units_are_part_of_a_key) {
    static const char *const options[] = {"", "--set data.standardise=no"};
    for (int k = 0; k < 2; k++)
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --dry-run %s | grep 'seed 0' | cut -c1-34 >>$TEST_DIR/keys",
               options[k]);
    EXPECT(0, "sort -u $TEST_DIR/keys | wc -l");
    cr_assert_str_eq(output, "4\n");
}
