/* test_figures.c - paper_figures.sh and its figures of the toy data. */
#include "figures_support.h"

#include <math.h>
#include <sys/stat.h>

enum { CELLS = 16, SAMPLES = 200, EPOCHS = 8 };

/* A bump of the density around (x, y), and samples close to it. */
static void add_pictures(FILE *script, const char *subject, double x, double y, double deviation) {
    const double window[4] = {-1.5, 1.5, -1.5, 1.5};
    float density[CELLS * CELLS], points[2 * SAMPLES];
    for (int row = 0; row < CELLS; row++) {
        for (int column = 0; column < CELLS; column++) {
            const double dx = -1.5 + 3 * (column + 0.5) / CELLS - x, dy = -1.5 + 3 * (row + 0.5) / CELLS - y;
            const double square = (dx * dx + dy * dy) / (deviation * deviation);
            density[row * CELLS + column] = (float)(exp(-square / 2) / (2 * M_PI * deviation * deviation));
        }
    }
    for (int i = 0; i < SAMPLES; i++) {
        points[2 * i] = (float)(x + deviation * cos(i) * i / SAMPLES);
        points[2 * i + 1] = (float)(y + deviation * sin(i) * i / SAMPLES);
    }
    add_blob(script, subject, "density", CELLS, CELLS, window, density);
    add_blob(script, subject, "samples", SAMPLES, 2, window, points);
}

static void add_run_pictures(FILE *script, int run, double x, double y, double deviation) {
    char key[33];
    snprintf(key, sizeof key, "%032d", run);
    add_pictures(script, key, x, y, deviation);
}

/* Sums of these are exact. The first epoch is far off. */
static double loss_of(int dataset, int model, int seed, int epoch) {
    return (epoch == 1 ? 100000 : 1) + dataset * 0.5 + model * 0.25 + seed * 0.125 + ldexp(1, -epoch);
}

static const char *const datasets[] = {"hash_gaussian", "ty"}; /* as Figure 6 orders them */
static const char *const models[] = {"affjord", "ffjord"};

/* Both data sets, both models, two seeds. The target's bump is at the lower left. */
static void make_full(const char *experiment) {
    FILE *script = script_open();
    add_experiment(script, 1, experiment);
    int run = 0;
    for (int d = 0; d < 2; d++) {
        for (int m = 0; m < 2; m++) {
            for (int seed = 0; seed < 2; seed++) {
                add_run(script, ++run, 1, datasets[d], models[m], seed);
                for (int epoch = 1; epoch <= EPOCHS; epoch++)
                    add_epoch(script, run, epoch, "validation", loss_of(d, m, seed, epoch), 160);
                add_metric(script, run, "entropy_floor", 0.75 + d * 0.5);
                add_metric(script, run, "final_validation_loss", loss_of(d, m, seed, EPOCHS));
                add_metric(script, run, "best_validation_loss", loss_of(d, m, seed, EPOCHS));
                add_run_pictures(script, run, 0.9, 0.9, 0.4);
            }
        }
    }
    add_pictures(script, "ty-data", -1, -1, 0.2);
    add_pictures(script, "hash_gaussian-data", -1, -1, 0.2);
    script_run(script);
}

/* --- Tests ------------------------------------------------------------------------------------------------------- */

TestSuite(figures, .init = setup, .fini = teardown);

Test(figures, every_item_is_drawn) {
    make_full("fig6");
    cr_assert_eq(figures("--experiment fig6"), 0, "%s", output);
    expect_drawn("fig5");
    expect_drawn("fig5_samples");
    expect_drawn("fig6");
    expect_drawn("quickstart");

    read_text("out/fig5.txt");
    expect_output("TY AFFJORD seed 0, 1.504 nats, rank 1 of 2; TY FFJORD seed 0, 1.754 nats, rank 1 of 2");

    /* Rows of a density go up, columns to the right: the target's bump is bright at the lower left of both its panels,
     * which stand one above the other below a heading. */
    picture image = read_picture("out/fig5.png");
    long right_place = 0, elsewhere = 0;
    for (int y = 0; y < image.height; y++) {
        for (int x = 0; x < image.width * 3 / 10; x++) {
            if (!has_colour(&image, x, y, 252, 255, 164)) continue;
            const double row = ((double)y / image.height - 0.07) / 0.93 * 2;
            if (row - floor(row) > 0.5 && x < image.width * 15 / 100) right_place++;
            else elsewhere++;
        }
    }
    cr_expect_gt(right_place, 100);
    cr_expect_eq(elsewhere, 0);
    free(image.rgb);

    /* Both curves, AFFJORD's below FFJORD's. */
    image = read_picture("out/fig6.png");
    double below = 0, above = 0;
    cr_expect_gt(count_colour(&image, 0x00, 0x72, 0xB2, &below), 500);
    cr_expect_gt(count_colour(&image, 0xD5, 0x5E, 0x00, &above), 500);
    cr_expect_gt(below, above);
    free(image.rgb);

    /* The temporary folder is removed. */
    cr_expect_eq(shell("ls -A %s/out | grep -c drawing", folder), 1, "%s", output);
}

/* Snapshots of a flow that moves the bump to the right, and its field, which doubles towards the end. */
static void add_moments(FILE *script, const char *subject, int context) {
    enum { FIELD = 9, MOMENTS = 5 };
    const double window[4] = {-1.5, 1.5, -1.5, 1.5};
    for (int moment = 0; moment < MOMENTS; moment++) {
        float density[CELLS * CELLS], points[2 * SAMPLES], field[FIELD * FIELD * 4], z[2] = {0.5F, (float)moment};
        for (int i = 0; i < CELLS * CELLS; i++) density[i] = i / CELLS == 3 * moment ? 1 : 0.1F;
        for (int i = 0; i < 2 * SAMPLES; i++) points[i] = (float)(cos(i + moment) + 0.2 * moment);
        for (int i = 0; i < FIELD * FIELD; i++) {
            field[4 * i] = (float)(-1.5 + 3 * (i % FIELD + 0.5) / FIELD);
            field[4 * i + 1] = (float)(-1.5 + 3 * (i / FIELD + 0.5) / FIELD);
            field[4 * i + 2] = moment < 2 ? 0.5F : 1;
            field[4 * i + 3] = 0;
        }
        add_moment(script, subject, "density", moment, 2.5 * moment, CELLS, CELLS, window, density);
        add_moment(script, subject, "samples", moment, 2.5 * moment, SAMPLES, 2, window, points);
        if (moment == MOMENTS - 1) continue;
        add_moment(script, subject, "field", moment, 2.5 * moment, FIELD * FIELD, 4, window, field);
        add_moment(script, subject, "context", moment, 2.5 * moment, 1, context, window, z);
    }
}

Test(figures, moments_are_drawn_and_filmed) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig1");
    for (int run = 1; run <= 2; run++) {
        char key[33];
        add_run(script, run, 1, "ty", models[run - 1], 0);
        add_epoch(script, run, 1, "validation", 0.75, 160);
        add_metric(script, run, "final_validation_loss", 0.75);
        snprintf(key, sizeof key, "%032d", run);
        add_moments(script, key, run == 1 ? 2 : 1);
    }
    script_run(script);
    cr_assert_eq(figures("fig1 film"), 0, "%s", output);
    expect_drawn("fig1_ty");
    read_text("out/fig1_ty.txt");
    expect_output("TY at eight times");
    expect_output("AFFJORD seed 0, 0.750 nats; FFJORD seed 0, 0.750 nats");
    /* The fastest has the highest colour: in the later half of the pictures, which is the lower line of both. */
    picture image = read_picture("out/fig1_ty.png");
    double height = 0;
    cr_expect_gt(count_colour(&image, 252, 255, 164, &height), image.width * image.height / 8);
    cr_expect_float_eq(height / image.height, 0.6, 0.1);
    free(image.rgb);
    /* Five frames, and repetitions of the last one: each begins with a graphic control block. */
    read_text("out/film_ty.txt");
    expect_output("from t = T to 0");
    cr_assert_eq(shell("head -c 6 %s/out/film_ty.gif; LC_ALL=C grep -aoP '\\x21\\xf9\\x04' %s/out/film_ty.gif | wc -l",
                       folder, folder),
                 0);
    cr_expect_str_eq(output, "GIF89a20\n");
    /* A data set's name is only a name. */
    cr_assert_eq(
        shell("sqlite3 %s/r.db \"UPDATE run SET dataset = 'it''s ' || char(34) || 'q' || char(34) || ' {a}'\"", folder),
        0);
    cr_assert_eq(figures("fig1 film --experiment fig1"), 0, "%s", output);
    cr_expect(exists("out/fig1_it's 'q' {a}.png"));
    /* Without snapshots, the message names the command that makes them. */
    cr_assert_eq(shell("sqlite3 %s/r.db 'DELETE FROM moment'", folder), 0);
    cr_assert_eq(figures("fig1"), 1);
    expect_output("fig1: the database has no rows for it; experiment fig1 stored no snapshots (possible for data of "
                  "two columns); "
                  "make them with: ./run experiments/fig1.ini --set output.snapshots=24\n");
    cr_assert_eq(shell("sqlite3 %s/r.db 'DROP TABLE moment'", folder), 0);
    cr_assert_eq(figures("film"), 1);
    expect_output("./run experiments/fig1.ini");
}

/* Fields of one line of a query's output. */
static int split(char *line, char *fields[16]) {
    int count = 0;
    for (char *field; (field = strsep(&line, "\t")) != NULL && count < 16;) fields[count++] = field;
    return count;
}

Test(figures, figure_6_has_the_inserted_rows) {
    make_full("fig6");
    cr_assert_eq(select_rows("-tabs", "'.read plots/fig6.sql'"), 0);
    int row = 0;
    char *rest = output;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; row++) {
        char *f[16];
        cr_assert_eq(split(line, f), 12);
        const int d = row / (2 * EPOCHS), m = row / EPOCHS % 2, epoch = row % EPOCHS + 1;
        cr_assert_lt(d, 2);
        cr_expect_eq(atoi(f[0]), d);
        cr_expect_eq(atoi(f[1]), m + 1);
        cr_expect_str_eq(f[2], d == 0 ? "Hash-Gaussian" : "TY");
        cr_expect_str_eq(f[3], m == 0 ? "AFFJORD" : "FFJORD");
        cr_expect_eq(atoi(f[4]), 100 * epoch);
        const double a = loss_of(d, m, 0, epoch), b = loss_of(d, m, 1, epoch);
        cr_expect_float_eq(strtod(f[5], NULL), (a + b) / 2, 1e-12 * a, "row %d: %s", row, f[5]);
        cr_expect_float_eq(strtod(f[6], NULL), 0.125 / sqrt(2), 1e-12, "row %d: %s", row, f[6]);
        cr_expect_eq(atoi(f[7]), 2);
        cr_expect_float_eq(strtod(f[8], NULL), 0.75 + d * 0.5, 1e-14);
        /* The range starts at the floor and leaves the first epoch out. */
        cr_expect_float_eq(strtod(f[9], NULL), 0.75 + d * 0.5, 1e-14);
        cr_expect_gt(strtod(f[10], NULL), loss_of(d, 1, 1, EPOCHS));
        cr_expect_lt(strtod(f[10], NULL), 3);
    }
    cr_expect_eq(row, 2 * 2 * EPOCHS);
}

Test(figures, tables_have_the_inserted_numbers) {
    make_full("fig6");
    cr_assert_eq(figures("toy_table table1 table2"), 0, "%s", output);
    /* Losses 1.75390625 and 1.87890625 over a floor of 1.25. */
    read_text("out/toy_table.md");
    expect_output("| TY | FFJORD | 2 | 1.8164 ± 0.0884 | 1.7539 | 1.2500 | 0.5664 |\n");
    read_text("out/toy_table.tex");
    expect_output("\\toprule");
    expect_output(" & FFJORD & 2 & 1.8164 $\\pm$ 0.0884 & 1.7539 & 1.2500 & 0.5664 \\\\\n");
    read_text("out/table1.md");
    expect_output("| CIFAR-10 | FFJORD | 3.40 | not run | — | — | — | — | — | — |\n");
    expect_output("| CIFAR-10 | AFFJORD | not in our source | not run | — | — | — | — | — | — |\n");
    read_text("out/table2.md");
    expect_output("| MNIST | hyper | AFFJORD | 4,556,169 | not run | not run |\n");
}

Test(figures, unfinished_experiments_are_drawn) {
    FILE *script = script_open();
    add_experiment(script, 1, "quickstart");
    /* One model, one data set; the first seed has no picture, a number is missing from its curve. */
    add_run(script, 1, 1, "ty", "ffjord", 3);
    add_run(script, 2, 1, "ty", "ffjord", 4);
    for (int epoch = 1; epoch <= EPOCHS; epoch++)
        add_epoch(script, 1, epoch, "validation", loss_of(0, 0, 0, epoch), 160);
    for (int epoch = 1; epoch <= 3; epoch++) add_epoch(script, 2, epoch, "validation", loss_of(0, 0, 1, epoch), 160);
    fputs("UPDATE epoch SET loss = NULL, nonfinite = 'nan' WHERE run_id = 2 AND epoch = 3;\n", script);
    add_run_pictures(script, 2, 0, 0, 0.5);
    script_run(script);
    cr_assert_eq(figures("quickstart fig5 fig6 --experiment quickstart"), 0, "%s", output);
    expect_drawn("quickstart");
    expect_drawn("fig6");
    read_text("out/fig5.txt");
    expect_output("TY AFFJORD not run; TY FFJORD seed 4. Experiment");
    read_text("out/fig6.txt");
    expect_output("TY AFFJORD not run; TY FFJORD 1 to 2");

    cr_assert_eq(select_rows("-list", "'.read plots/quickstart.sql'"), 0);
    expect_output("0|0|density|TY|Target|||ty-data|||||||not known|1|plane||\n");
    expect_output("0|1|density|TY|AFFJORD||||||||||not run|1|plane||\n");
    expect_output(
        "0|2|density|TY|FFJORD|4||00000000000000000000000000000002|16|16|-1.5|1.5|-1.5|1.5|drawn|0|plane|seed 4|\n");
    /* Of one seed there is no deviation. */
    cr_assert_eq(select_rows("-list",
                             "\"CREATE TEMP TABLE request AS SELECT 'fig6' AS item, 'quickstart' AS experiment, "
                             "0 AS fallback, NULL AS home, 'toy' AS data, NULL AS model\" '.read plots/fig6.sql'"),
                 0);
    expect_output("0|2|TY|FFJORD|300|1.125||1||");
}

/* Four runs, the last of which stops in the middle of an epoch, with no density. */
Test(figures, where_one_run_stopped_there_is_no_point_of_the_curve) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int run = 1; run <= 4; run++) {
        add_run(script, run, 1, "ty", "ffjord", run);
        for (int epoch = 1; epoch <= (run < 4 ? EPOCHS : 2); epoch++)
            add_epoch(script, run, epoch, "validation", loss_of(0, 0, run, epoch), 160);
        add_metric(script, run, "final_validation_loss", 1);
        add_metric(script, run, "density_mass", run < 4 ? 1 : 7);
    }
    fputs("UPDATE epoch SET iteration = 150 WHERE run_id = 4 AND epoch = 2;\n", script);
    script_run(script);
    cr_assert_eq(select_rows("-list", "'.read plots/fig6.sql'"), 0);
    expect_output("|FFJORD|100|");
    expect_output("|FFJORD|200|");
    cr_expect_null(strstr(output, "|FFJORD|150|"), "%s", output);
    cr_assert_eq(figures("fig6"), 0, "%s", output);
    read_text("out/fig6.txt");
    expect_output("TY FFJORD 3 to 4. Experiment fig6. Among them are runs with an impossible loss, which tables "
                  "exclude: TY FFJORD 1.\n");
}

Test(figures, missing_rows_name_the_command) {
    script_run(script_open());
    cr_expect_eq(figures(""), 0);
    expect_output("fig5              no rows yet; make them with: ./run experiments/fig5.ini\n");
    expect_output("quickstart        no rows yet; make them with: ./run experiments/quickstart.ini\n");
    expect_output("toy_table         no rows yet; make them with: ./run experiments/fig6.ini\n");
    cr_expect_eq(figures("table2 fig6"), 1);
    expect_output("fig6: the database has no rows for it; make them with: ./run experiments/fig6.ini\n");
    cr_expect(exists("out/table2.md"));
    cr_expect_not(exists("out/fig6.pdf"));
}

Test(figures, experiments_are_found) {
    make_full("fig6_small");
    /* A variant has files with its own name; the plain item may use a variant's experiment; quickstart uses only its
     * own. */
    cr_assert_eq(figures("fig6_small fig6"), 0, "%s", output);
    expect_drawn("fig6_small");
    expect_output("{fig6_small}");
    expect_drawn("fig6");
    read_text("out/fig6.txt");
    expect_output("Experiment fig6_small.");
    cr_expect_eq(figures("quickstart"), 1);
    cr_expect_eq(figures("fig6 --experiment other"), 1);
    expect_output("no experiment other in ");
    expect_output("it has: fig6_small\n");
}

/* An experiment's figures are items or, like fig6_release, variants with their own name. */
Test(figures, experiments_ask_for_items_that_there_are) {
    cr_assert_eq(shell("./paper_figures.sh --list >%s/items; for file in experiments/*.ini; do "
                       "name=$(sed -n 's/^name = //p' $file); "
                       "for figure in $(sed -n 's/^figures = //p' $file | tr ',' ' '); do "
                       "grep -q \"^$figure \" %s/items || "
                       "{ [ $figure = $name ] && grep -q \"^${name%%%%_*} \" %s/items; } || "
                       "echo \"$file requests $figure\"; done; done",
                       folder, folder, folder),
                 0);
    cr_expect_str_eq(output, "");
}

Test(figures, wrong_usage_is_reported) {
    make_full("fig6");
    cr_expect_eq(figures("fgi6"), 2);
    expect_output("unknown item fgi6; expected one of: fig1 fig2 fig3");
    cr_expect_eq(figures("fig6_nothing"), 2);
    expect_output("unknown item fig6_nothing; ");
    expect_output("/r.db has no experiment of that name; run one (name = fig6_nothing in its file), or draw fig6 by "
                  "--experiment with one of: fig6");
    cr_expect_eq(figures("fig10_nothing"), 2);
    expect_output("unknown item fig10_nothing; expected one of: fig1 ");
    cr_expect_eq(figures("--colour"), 2);
    expect_output("usage:");
    cr_expect_eq(shell("./paper_figures.sh --db %s/none.db", folder), 1);
    expect_output("/none.db");
    cr_expect_eq(shell("./paper_figures.sh --db tests/test_figures.c --out %s/out", folder), 1);
    expect_output("test_figures.c is no results database");
    cr_expect_eq(shell("sqlite3 %s/r.db \"UPDATE meta SET value = '12' WHERE key = 'schema_version'; DROP VIEW "
                       "adaptive_epochs\"",
                       folder),
                 0);
    cr_expect_eq(figures("fig9"), 1);
    expect_output("it has schema version 12, without adaptive_epochs; bring it up to date with: ./run measure --db ");
    cr_expect_eq(shell("sqlite3 %s/r.db \"UPDATE meta SET value = '1000' WHERE key = 'schema_version'\"", folder), 0);
    cr_expect_eq(figures("fig6"), 1);
    expect_output("has schema version 1000");
    cr_expect_not(exists("out/fig6.pdf"));
    cr_expect_eq(shell("./paper_figures.sh --list"), 0);
    expect_output("toy_table   ");
}

Test(figures, a_failed_drawing_leaves_the_old_one) {
    static const char *const gnuplots[] = {"#!/bin/sh\necho no ink >&2\nexit 3\n", "#!/bin/sh\nexit 0\n"};
    make_full("fig6");
    cr_assert_eq(shell("mkdir %s/out %s/bin && echo old >%s/out/fig6.pdf", folder, folder, folder), 0);
    char path[128];
    scratch_path(folder, "bin/gnuplot", path);
    for (size_t i = 0; i < sizeof gnuplots / sizeof gnuplots[0]; i++) {
        scratch_write(path, gnuplots[i], strlen(gnuplots[i]));
        cr_assert_eq(chmod(path, 0755), 0);
        cr_expect_eq(
            shell("PATH=%s/bin:$PATH ./paper_figures.sh --db %s/r.db --out %s/out fig6", folder, folder, folder), 1,
            "%s", output);
        expect_output("fig6 could not be drawn");
        read_text("out/fig6.pdf");
        cr_expect_str_eq(output, "old\n");
        cr_expect_eq(shell("ls -A %s/out", folder), 0);
        cr_expect_str_eq(output, "fig6.pdf\n");
    }
}
