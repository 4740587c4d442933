/* test_figure_values.c - figures with infinite, missing or NaN numbers, and of runs without data. */
#include "figures_support.h"

#include <math.h>
#include <sys/stat.h>

enum { CELLS = 8, SAMPLES = 40, EPOCHS = 8, MOMENTS = 3, FIELD = 9, SIDE = 8 };

static const double window[4] = {-1.5, 1.5, -1.5, 1.5}, pixels[4] = {0, SIDE, 0, SIDE};
static const char *const models[] = {"affjord", "ffjord"};

/* A bump or, for a useless run, a constant. */
static void add_pictures(FILE *script, const char *subject, float everywhere) {
    float density[CELLS * CELLS], points[2 * SAMPLES];
    for (int i = 0; i < CELLS * CELLS; i++)
        density[i] = everywhere == 1 ? (float)(1 + sin(i / 8) * cos(i % 8)) : everywhere;
    for (int i = 0; i < 2 * SAMPLES; i++) points[i] = everywhere == 1 ? (float)cos(i * i) : everywhere;
    add_blob(script, subject, "density", CELLS, CELLS, window, density);
    add_blob(script, subject, "samples", SAMPLES, 2, window, points);
}

static void add_moments(FILE *script, const char *subject) {
    for (int moment = 0; moment < MOMENTS; moment++) {
        float density[CELLS * CELLS], points[2 * SAMPLES], field[FIELD * FIELD * 4], z[2] = {0.5F, (float)moment};
        for (int i = 0; i < CELLS * CELLS; i++) density[i] = (float)(1 + sin(i + moment));
        for (int i = 0; i < 2 * SAMPLES; i++) points[i] = (float)cos(i + moment);
        for (int i = 0; i < FIELD * FIELD; i++) {
            field[4 * i] = (float)(-1.5 + 3 * (i % FIELD + 0.5) / FIELD);
            field[4 * i + 1] = (float)(-1.5 + 3 * (i / FIELD + 0.5) / FIELD);
            field[4 * i + 2] = (float)cos(i);
            field[4 * i + 3] = (float)sin(i);
        }
        add_moment(script, subject, "density", moment, 5 * moment, CELLS, CELLS, window, density);
        add_moment(script, subject, "samples", moment, 5 * moment, SAMPLES, 2, window, points);
        add_moment(script, subject, "field", moment, 5 * moment, FIELD * FIELD, 4, window, field);
        add_moment(script, subject, "context", moment, 5 * moment, 1, 2, window, z);
    }
}

/* Runs 1 and 2 on the plane, 3 and 4 on images, 5 and 6 on a line, 7 and 8 in space; and errors of theorem checks. */
static void make_all(float everywhere) {
    FILE *script = script_open();
    static const char *const data[] = {"ty", "mnist", "line", "cube"};
    add_experiment(script, 1, "quickstart");
    for (int run = 1; run <= 8; run++) {
        char key[33], target[32];
        const int set = (run - 1) / 2;
        snprintf(key, sizeof key, "%032d", run);
        snprintf(target, sizeof target, "%s-data", data[set]);
        add_run(script, run, 1, data[set], models[(run - 1) % 2], 0);
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            add_epoch(script, run, epoch, "validation", 1 + run + ldexp(1, -epoch), 160);
            add_epoch(script, run, epoch, "training", 1 + run + ldexp(2, -epoch), 100 + 10 * run + epoch);
        }
        add_metric(script, run, "final_validation_loss", 1 + run);
        float numbers[SAMPLES * SIDE * SIDE];
        for (int i = 0; i < SAMPLES * SIDE * SIDE; i++) numbers[i] = (float)(0.5 + 0.5 * cos(0.7 * i));
        if (set == 0) {
            add_pictures(script, key, run == 1 ? everywhere : 1);
            add_moments(script, key);
        } else if (set == 1) {
            add_metric(script, run, "data_dimension", SIDE * SIDE);
            add_blob(script, key, "samples", SAMPLES, SIDE * SIDE, pixels, numbers);
        } else if (set == 2) {
            add_blob(script, key, "density", 1, CELLS, window, numbers);
            add_blob(script, key, "samples", SAMPLES, 1, window, numbers);
        } else add_blob(script, key, "samples", SAMPLES, 3, window, numbers);
        if (run % 2 == 0 && set != 1)
            add_blob(script, target, "samples", SAMPLES, set == 0 ? 2 : set == 2 ? 1 : 3, window, numbers);
        for (int k = 1; k <= 4 && run < 3; k++)
            fprintf(script,
                    "INSERT INTO theory VALUES (%d, 'cable', 'trained', 'cable rule, eq. 11', %g, %g, NULL, NULL, "
                    "NULL, NULL), (%d, 'cable', 'drawn', 'cable rule, eq. 11', %g, %g, NULL, NULL, NULL, NULL);\n",
                    run, ldexp(1, -k), ldexp(1, -4 * k), run, ldexp(1, -k), ldexp(2, -4 * k));
    }
    fputs("INSERT INTO metric SELECT run_id, 'entropy_floor', 0.5, NULL FROM run WHERE dataset = 'ty';\n", script);
    script_run(script);
}

/* A replacement of sqlite3: in the selected rows of a figure, it writes $VALUE into the fields $FIELDS of line $LINE,
 * and the bytes $BYTES over number 4 of each blob of the kind $KIND. */
static void put_between(void) {
    static const char script[] =
        "#!/bin/sh\n"
        "\"$REAL\" \"$@\"; status=$?\n"
        "if [ -n \"$FIELDS\" ] && [ -f done.txt ]; then\n"
        "    awk -F '\\t' -v OFS='\\t' 'NR == ENVIRON[\"LINE\"] { n = split(ENVIRON[\"FIELDS\"], f, \" \")\n"
        "        for (i = 1; i <= n; i++) $f[i] = ENVIRON[\"VALUE\"] } { print }' rows.tsv >changed && mv changed "
        "rows.tsv\n"
        "fi\n"
        "if [ -n \"$KIND\" ] && [ -f done.txt ]; then\n"
        "    for blob in *.$KIND*; do printf \"$BYTES\" | dd of=\"$blob\" bs=1 seek=16 conv=notrunc 2>/dev/null; done\n"
        "fi\n"
        "exit $status\n";
    char path[128];
    cr_assert_eq(shell("command -v sqlite3"), 0);
    output[strcspn(output, "\n")] = '\0';
    setenv("REAL", output, 1);
    cr_assert_eq(shell("mkdir %s/bin", folder), 0);
    scratch_path(folder, "bin/sqlite3", path);
    scratch_write(path, script, sizeof script - 1);
    cr_assert_eq(chmod(path, 0755), 0);
    snprintf(path, sizeof path, "%s/bin", folder);
    char whole[4096];
    snprintf(whole, sizeof whole, "%s:%s", path, getenv("PATH"));
    setenv("PATH", whole, 1);
    setenv("AFFJORD_PNG_DOTS", "60", 1);
}

/* Draw an item into a separate folder. */
static void draw(const char *item, const char *into) {
    cr_assert_eq(
        shell("./paper_figures.sh --db %s/r.db --out %s/%s --experiment quickstart %s", folder, folder, into, item), 0,
        "%s, value %s %s: %s", item, getenv("VALUE"), getenv("BYTES"), output);
    cr_expect_null(strstr(output, "warning"), "%s", output);
}

static bool same_pictures(const char *a, const char *b) {
    return shell("cd %s && for f in %s/*.png %s/*.gif; do [ ! -e $f ] || cmp $f %s/${f#*/} || exit 1; done", folder, a,
                 a, b) == 0;
}

TestSuite(figure_values, .init = setup, .fini = teardown, .timeout = 900);

/* All representations of "no number" give the same picture without it. */
Test(figure_values, every_figure_omits_non_finite_numbers) {
    static const char *const values[] = {"nan", "inf", "-inf", "NULL", "a word", ""};
    static const struct {
        const char *item, *line, *fields;
        bool hidden; /* another row has the same point, or none */
    } figures_of[] = {
        {"fig6", "4", "6", false},       {"fig6", "4", "5", false},         {"fig6", "4", "7 8", true},
        {"fig6", "4", "9 10 11", true},  {"fig7", "4", "6 7", false},       {"fig9", "4", "6", false},
        {"fig5", "3", "7 11", false},    {"fig5", "3", "13", false},        {"fig1", "2", "8", false},
        {"fig1", "2", "10 13", false},   {"film", "2", "7", false},         {"film", "2", "11", false},
        {"quickstart", "3", "7", false}, {"theory_cable", "2", "5", false}, {"theory_cable", "2", "6", false},
    };
    make_all(1);
    put_between();
    for (size_t i = 0; i < sizeof figures_of / sizeof *figures_of; i++) {
        unsetenv("FIELDS");
        cr_assert_eq(shell("rm -rf %s/plain %s/none", folder, folder), 0);
        draw(figures_of[i].item, "plain");
        setenv("LINE", figures_of[i].line, 1);
        setenv("FIELDS", figures_of[i].fields, 1);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            setenv("VALUE", values[v], 1);
            draw(figures_of[i].item, v == 0 ? "none" : "other");
            cr_expect(v == 0 || same_pictures("none", "other"), "%s, field %s, \"%s\": %s", figures_of[i].item,
                      figures_of[i].fields, values[v], output);
        }
        cr_expect(figures_of[i].hidden || !same_pictures("plain", "none"), "%s: field %s is not drawn",
                  figures_of[i].item, figures_of[i].fields);
    }
}

Test(figure_values, numbers_in_blobs_are_left_out_too) {
    static const char *const values[] = {"\\000\\000\\300\\177", "\\000\\000\\200\\177", "\\000\\000\\200\\377"};
    static const char *const kinds[][2] = {{"fig5", "density"},       {"fig5", "samples"}, {"quickstart", "density"},
                                           {"quickstart", "samples"}, {"fig1", "field"},   {"film", "density"},
                                           {"film", "samples"},       {"fig8", "samples"}, {"fig2", "samples"}};
    make_all(1);
    put_between();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        setenv("KIND", kinds[i][1], 1);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            setenv("BYTES", values[v], 1);
            draw(kinds[i][0], v == 0 ? "none" : "other");
            cr_expect(v == 0 || same_pictures("none", "other"), "%s of %s, %s: %s", kinds[i][1], kinds[i][0], values[v],
                      output);
        }
    }
}

/* In the panel of a model in Figure 5, count grey pixels, as of letters, and bright pixels, as of a density. */
static void count_panel(const picture *image, int model, long *letters, long *bright) {
    *letters = *bright = 0;
    const int left = image->width * (3 + 30 * model) / 100, right = image->width * (27 + 30 * model) / 100;
    for (int y = image->height / 5; y < image->height; y++) {
        for (int x = left; x < right; x++) {
            *letters += has_colour(image, x, y, 0x70, 0x70, 0x70);
            *bright += has_colour(image, x, y, 252, 255, 164) || has_colour(image, x, y, 0xED, 0x69, 0x25);
        }
    }
}

Test(figure_values, one_useless_run_leaves_the_other_panels) {
    static const float useless[] = {0, NAN, INFINITY, -1};
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
        make_all(useless[i]);
        cr_assert_eq(figures("fig5 quickstart"), 0, "%g: %s", (double)useless[i], output);
        picture image = read_picture("out/fig5.png");
        long letters, bright;
        count_panel(&image, 1, &letters, &bright);
        cr_expect_gt(letters, 50, "%g: %ld", (double)useless[i], letters);
        cr_expect_eq(bright, 0, "%g: %ld", (double)useless[i], bright);
        count_panel(&image, 2, &letters, &bright);
        cr_expect_gt(bright, 1000, "%g: %ld", (double)useless[i], bright);
        free(image.rgb);
        cr_assert_eq(shell("rm %s/r.db", folder), 0);
    }
}

/* Curves of infinite losses only have a note; other curves are drawn. */
Test(figure_values, a_panel_without_finite_values_has_a_note) {
    make_all(1);
    cr_assert_eq(shell("sqlite3 %s/r.db \"UPDATE epoch SET loss = 9e999 WHERE run_id IN (1, 2)\"", folder), 0);
    cr_assert_eq(figures("fig6"), 0, "%s", output);
    expect_drawn("fig6");
    /* Those that are infinite do not stretch the axis of the others. */
    cr_assert_eq(shell("sqlite3 %s/r.db \"UPDATE epoch SET loss = iif(epoch > 4, 9e999, 1 + 1.0 / epoch)\"", folder),
                 0);
    cr_assert_eq(select_rows("-tabs", "'.read plots/fig6.sql' | cut -f 11 | grep -c Inf"), 1);
    cr_assert_eq(shell("sqlite3 %s/r.db \"UPDATE epoch SET loss = NULL\"", folder), 0);
    cr_expect_eq(figures("fig6 --experiment quickstart"), 1);
    expect_output(
        "fig6: the database has no rows for it; experiment quickstart has no finite values; make them with: ");
}

/* Commands that would change nothing are not recommended. */
Test(figure_values, only_useful_commands_are_recommended) {
    make_all(1);
    cr_assert_eq(shell("sqlite3 %s/r.db \"DELETE FROM sample_blob WHERE subject NOT LIKE '%%data'\"", folder), 0);
    cr_expect_eq(figures("fig5 fig8"), 1);
    expect_output(
        "fig5: the database has no rows for it; the finished runs of experiment quickstart stored no such pictures; "
        "make them with: ./run experiments/quickstart.ini --seeds 1 --set output.samples=10000");
    cr_assert_eq(shell("sqlite3 %s/r.db \"UPDATE run SET status = 'interrupted' WHERE run_id = 1\"", folder), 0);
    cr_expect_eq(figures("fig5"), 1);
    expect_output("fig5: the database has no rows for it; make them with: ./run experiments/quickstart.ini\n");
    cr_assert_eq(shell("sqlite3 %s/r.db \"DELETE FROM metric WHERE name = 'data_dimension'\"", folder), 0);
    cr_expect_eq(figures("fig7 --experiment quickstart"), 1);
    expect_output(
        "experiment quickstart has no runs on data that it shows; make them with: ./run experiments/fig7.ini\n");
}
