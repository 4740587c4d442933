/* test_figure_layout.c - the layout of figures on paper: widths, keys, grey print, folders, and the seed shown. */
#include "figures_support.h"

#include <math.h>

enum { CELLS = 8, EPOCHS = 60 };

static const double window[4] = {-1.5, 1.5, -1.5, 1.5};
static const char *const datasets[] = {"hash_gaussian", "ty"};
static const char *const models[] = {"affjord", "ffjord"};

/* Five seeds whose losses are in the order 3, 1, 4, 0, 2, of which some have pictures. */
static double loss_of(int model, int seed) {
    static const int rank[] = {3, 1, 4, 0, 2};
    return 1 + 0.25 * model + 0.125 * rank[seed];
}

static void add_full(FILE *script, int experiment, const char *name, const char *pictured) {
    add_experiment(script, experiment, name);
    int run = 100 * experiment;
    for (int i = 0; i < 20; i++) {
        const int d = i / 10, m = i / 5 % 2, seed = i % 5;
        char key[33];
        snprintf(key, sizeof key, "%032d", ++run);
        add_run(script, run, experiment, datasets[d], models[m], seed);
        for (int epoch = 1; epoch <= EPOCHS; epoch++)
            add_epoch(script, run, epoch, "validation", loss_of(m, seed) + 2.0 / epoch, 160);
        add_metric(script, run, "entropy_floor", 0.75);
        add_metric(script, run, "final_validation_loss", loss_of(m, seed));
        if (!strchr(pictured, '0' + seed)) continue;
        float density[CELLS * CELLS];
        for (int k = 0; k < CELLS * CELLS; k++) density[k] = (float)(k % (seed + 2));
        add_blob(script, key, "density", CELLS, CELLS, window, density);
    }
}

static void make(const char *name, const char *pictured) {
    FILE *script = script_open();
    add_full(script, 1, name, pictured);
    script_run(script);
}

static double width_in_inches(const char *name) {
    char path[128];
    scratch_path(folder, name, path);
    size_t size;
    unsigned char *pdf = scratch_read(path, &size);
    const char *box = memmem(pdf, size, "/MediaBox [ 0 0 ", 16);
    cr_assert_not_null(box);
    const double inches = strtod(box + 16, NULL) / 72;
    free(pdf);
    return inches;
}

TestSuite(figure_layout, .init = setup, .fini = teardown, .timeout = 120);

Test(figure_layout, figures_have_the_width_of_a_column_or_a_page) {
    make("fig6", "012");
    cr_assert_eq(figures("fig5 fig6 quickstart --experiment fig6"), 0, "%s", output);
    cr_expect_float_eq(width_in_inches("out/fig6.pdf"), 7, 0.02);
    cr_expect_float_eq(width_in_inches("out/fig5.pdf"), 7, 0.02);
    cr_expect_float_eq(width_in_inches("out/quickstart.pdf"), 7, 0.1);
    read_text("out/fig6.tex");
    expect_output("\\begin{figure*}");
    cr_assert_eq(figures("fig5 fig6 quickstart --experiment fig6 --width column"), 0, "%s", output);
    static const char *const names[] = {"out/fig5.pdf", "out/fig6.pdf", "out/quickstart.pdf"};
    for (int i = 0; i < 3; i++) cr_expect_float_eq(width_in_inches(names[i]), 3.4, 0.02, "%s", names[i]);
    read_text("out/fig6.tex");
    expect_output("\\begin{figure}\n\\centering\n\\includegraphics[width=\\linewidth]{fig6}");
    cr_expect_eq(figures("fig6 --width wide"), 2);
    expect_output("unknown width wide; expected column or page");
    cr_expect_eq(figures("fig6 --width"), 2);
}

/* Pixels of a colour in the band between two heights, as parts of the picture. */
static long colour_between(const picture *image, double from, double to, int red, int green, int blue) {
    long count = 0;
    for (int y = (int)(from * image->height); y < (int)(to * image->height); y++)
        for (int x = 0; x < image->width; x++) count += has_colour(image, x, y, red, green, blue);
    return count;
}

/* A small experiment's curves fill their panels; the key stands below all of them, and once. */
Test(figure_layout, the_key_covers_no_curve) {
    make("fig6", "");
    cr_assert_eq(shell("sqlite3 %s/r.db 'DELETE FROM epoch WHERE epoch > 2'", folder), 0);
    cr_assert_eq(figures("fig6"), 0, "%s", output);
    picture image = read_picture("out/fig6.png");
    const double key = 1 - 0.2 / (image.height / 300.0);
    long of_key = colour_between(&image, key, 1, 0x00, 0x72, 0xB2);
    cr_expect_gt(of_key, 100, "%ld", of_key);
    /* The upper corner of each panel has no key entry, which would be a horizontal line. */
    for (int y = image.height / 8; y < image.height / 2; y++) {
        long longest = 0, length = 0;
        for (int x = 0; x < image.width; x++) {
            length = has_colour(&image, x, y, 0x00, 0x72, 0xB2) ? length + 1 : 0;
            longest = length > longest ? length : longest;
        }
        cr_expect_lt(longest, 50, "a level line of %ld dots at %d", longest, y);
    }
    free(image.rgb);
}

/* Of two curves that are one above the other, one is whole and one has gaps, whatever their colours are. */
Test(figure_layout, curves_differ_without_colours) {
    make("fig6", "");
    cr_assert_eq(
        shell("sqlite3 %s/r.db \"UPDATE epoch SET loss = 2 + (SELECT model = 'ffjord' FROM run r WHERE r.run_id = "
              "epoch.run_id)\"",
              folder),
        0);
    cr_assert_eq(figures("fig6"), 0, "%s", output);
    picture image = read_picture("out/fig6.png");
    int gaps[2] = {0, 0};
    static const int colours[2][3] = {{0x00, 0x72, 0xB2}, {0xD5, 0x5E, 0x00}};
    for (int m = 0; m < 2; m++) {
        int best = 0;
        long most = 0;
        for (int y = 0; y < image.height * 3 / 4; y++) {
            long here = 0;
            for (int x = 0; x < image.width / 2; x++)
                here += has_colour(&image, x, y, colours[m][0], colours[m][1], colours[m][2]);
            if (here > most) most = here, best = y;
        }
        bool drawn = false;
        for (int x = 0; x < image.width / 2; x++) {
            const bool here = has_colour(&image, x, best, colours[m][0], colours[m][1], colours[m][2]);
            gaps[m] += drawn && !here;
            drawn = here;
        }
    }
    free(image.rgb);
    cr_expect_lt(gaps[0], 12, "AFFJORD: %d", gaps[0]);
    cr_expect_gt(gaps[1], 20, "FFJORD: %d", gaps[1]);
}

/* --- Which seed ------------------------------------------------------------------------------------------------- */

static void expect_shown(const char *pictured, const char *words) {
    make("fig6", pictured);
    cr_assert_eq(figures("fig5"), 0, "%s", output);
    read_text("out/fig5.txt");
    expect_output(
        "The figure shows the seed with the median validation loss among those with stored pictures (rank 1 is the "
        "lowest loss of all seeds): ");
    expect_output(words);
    cr_assert_eq(shell("rm %s/r.db", folder), 0);
}

Test(figure_layout, the_median_seed_is_shown) {
    expect_shown("01234", "TY AFFJORD seed 4, 1.250 nats, rank 3 of 5; ");
    expect_shown("013", "TY AFFJORD seed 1, 1.125 nats, rank 2 of 5; ");
    expect_shown("02", "TY AFFJORD seed 0, 1.375 nats, rank 4 of 5; "); /* of two the lower */
    expect_shown("2", "TY AFFJORD seed 2, 1.500 nats, rank 5 of 5; ");
}

/* A run without a density is shown only if all runs lack one. */
Test(figure_layout, an_impossible_run_is_not_shown) {
    make("fig6", "34");
    cr_assert_eq(
        shell("sqlite3 %s/r.db \"INSERT INTO metric SELECT run_id, 'density_mass', 7, NULL FROM run WHERE seed = 3\"",
              folder),
        0);
    cr_assert_eq(figures("fig5"), 0, "%s", output);
    read_text("out/fig5.txt");
    expect_output("TY AFFJORD seed 4, 1.250 nats, rank 2 of 4; ");
    cr_assert_eq(
        shell("sqlite3 %s/r.db \"INSERT INTO metric SELECT run_id, 'density_mass', 7, NULL FROM run WHERE seed != 3\"",
              folder),
        0);
    cr_assert_eq(figures("fig5"), 0, "%s", output);
    read_text("out/fig5.txt");
    expect_output("TY AFFJORD seed 3, 1.000 nats, no density; ");
}

/* --- Folders ----------------------------------------------------------------------------------------------------- */

/* Installed, the script writes below the folder that it is called in. */
static int figures_difference(const char *arguments) {
    return shell("cd %s && share/affjord/paper_figures.sh --db r.db %s", folder, arguments);
}

Test(figure_layout, experiments_do_not_overwrite_each_other) {
    FILE *script = script_open();
    add_full(script, 1, "fig6", "0");
    add_full(script, 2, "other", "0");
    fputs("UPDATE experiment SET name = 'a/../b' WHERE experiment_id = 2;\n", script);
    script_run(script);
    cr_assert_eq(
        shell(
            "mkdir -p %s/share/affjord/runner && cp -r paper_figures.sh plots %s/share/affjord && cp -r runner/record "
            "%s/share/affjord/runner",
            folder, folder, folder),
        0, "%s", output);
    cr_assert_eq(figures_difference("fig6 fig3 toy_table"), 0, "%s", output);
    expect_output("fig6              fig6/fig6.pdf fig6/fig6.png fig6/fig6.txt fig6/fig6.tex  (experiment fig6)\n");
    cr_assert_eq(figures_difference("fig6 --experiment a/../b"), 0, "%s", output);
    cr_expect(exists("results/figures/fig6/fig6.png"));
    cr_expect(exists("results/figures/fig6/toy_table.md"));
    cr_expect(exists("results/figures/fig3.png"), "a drawing is of no experiment");
    cr_expect(exists("results/figures/a_.._b/fig6.png"), "%s", output);
    cr_assert_eq(figures_difference("fig6 --out here"), 0, "%s", output);
    cr_expect(exists("here/fig6.png"));
}
