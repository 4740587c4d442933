/* test_drawings.c - figures that are drawings: rectangles of appendix A, dependencies, the multiscale architecture. */
#include "figures_support.h"

#include "backend/backend.h"
#include "backend/cpu/cpu.h"

enum { DOTS = 300, SIDE = 28, DIGIT = SIDE * SIDE, DIGITS = 2 };

static const char *const plain[] = {"fig3", "fig10", "fig11", "fig12", "fig13", "fig14"};

static bool pdf_has(const char *name, const char *word) {
    char path[128];
    scratch_path(folder, name, path);
    size_t size;
    unsigned char *pdf = scratch_read(path, &size);
    const bool found = memmem(pdf, size, word, strlen(word)) != NULL;
    free(pdf);
    return found;
}

TestSuite(drawings, .init = setup, .fini = teardown);

/* --- Drawings without rows --------------------------------------------------------------------------------------- */

Test(drawings, no_database_is_needed) {
    cr_assert_eq(figures("fig3 fig10 fig11 fig12 fig13 fig14"), 0, "%s", output);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        expect_drawn(plain[i]);
        char name[64];
        snprintf(name, sizeof name, "out/%s.pdf", plain[i]);
        cr_expect_not(pdf_has(name, "/Subtype /Image"), "%s is a bitmap", name);
    }
    cr_expect_not(exists("r.db"));

    /* Widths are unchanged, and formulas are typeset. */
    read_text("out/fig13.txt");
    expect_output("The rectangles of S̄₂ⁿ: all but those on the diagonal.");
    read_text("out/fig13.tex");
    expect_output("\\includegraphics[width=0.67\\linewidth]{fig13}");
    expect_output("The rectangles of $\\bar{S}_2^n$: all but");
    read_text("out/fig14.tex");
    expect_output("\\begin{figure*}\n\\centering\n\\includegraphics[width=0.68\\linewidth]{fig14}");
    expect_output("$\\theta$(t$_k$) influences z(T) only through z(t$_{k+1}$)");

    /* Figures with rows need a database. */
    cr_expect_eq(figures("fig10 fig2"), 1);
    expect_output("no database ");
    cr_expect_eq(figures("fig10 --experiment fig6"), 1);
    cr_expect_eq(figures(""), 1);
}

Test(drawings, they_come_with_all_items) {
    script_run(script_open());
    cr_assert_eq(figures(""), 0, "%s", output);
    expect_output("fig2              fig2.pdf fig2.png fig2.txt fig2.tex\n");
    expect_output("fig12             fig12.pdf fig12.png fig12.txt fig12.tex\n");
    expect_output("fig5              no rows yet");
    expect_drawn("fig2");
    expect_drawn("fig4");
    expect_drawn("fig14");
    /* Also when the script is called directly. */
    cr_expect_eq(select_rows("-list", "'.read plots/rectangles.sql'"), 0);
    cr_expect_str_eq(output, "fig10\n");
}

/* Return whether rectangle (i, j) has the colour, below its middle, where its label is. */
static bool rectangle_is(const picture *image, int i, int j, int red, int green, int blue) {
    const double left = 0.32, bottom = 0.28, cell = 0.31;
    const int x = (int)(DOTS * (left + (i + 0.4) * cell)),
              y = image->height - (int)(DOTS * (bottom + (j + 0.12) * cell));
    return has_colour(image, x, y, red, green, blue);
}

Test(drawings, sums_take_their_rectangles) {
    cr_assert_eq(figures("fig10 fig11 fig12 fig13"), 0, "%s", output);
    static const char *const names[] = {"out/fig10.png", "out/fig11.png", "out/fig12.png", "out/fig13.png"};
    for (int figure = 0; figure < 4; figure++) {
        picture image = read_picture(names[figure]);
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 6; j++) {
                const bool dark = figure < 2 ? (i == 4 && j == 1) || (figure == 1 && i == 1 && j == 4) : j < i;
                const bool pale = figure == 3 && j > i;
                cr_expect(dark   ? rectangle_is(&image, i, j, 140, 192, 220)
                          : pale ? rectangle_is(&image, i, j, 213, 236, 250)
                                 : rectangle_is(&image, i, j, 255, 255, 255),
                          "%s: (%d, %d)", names[figure], i, j);
            }
        }
        free(image.rgb);
    }
}

Test(drawings, only_the_left_side_lets_z_enter_the_augmented) {
    cr_assert_eq(figures("fig3"), 0, "%s", output);
    /* Between the two lines of circles, whose centres are 0.67 and 1.33 inches up. */
    picture image = read_picture("out/fig3.png");
    long of_z[2] = {0, 0}, of_augmented[2] = {0, 0};
    for (int y = image.height - (int)(DOTS * 1.1); y < image.height - (int)(DOTS * 0.9); y++) {
        for (int x = 0; x < image.width; x++) {
            const int side = x > image.width / 2;
            of_z[side] += has_colour(&image, x, y, 0x00, 0x72, 0xB2);
            of_augmented[side] += has_colour(&image, x, y, 0xD5, 0x5E, 0x00);
        }
    }
    cr_expect_gt(of_z[0], 100);
    cr_expect_eq(of_z[1], 0);
    cr_expect_gt(of_augmented[0], 100);
    cr_expect_gt(of_augmented[1], 100);
    free(image.rgb);
}

/* --- The multiscale architecture --------------------------------------------------------------------------------- */

/* Five greys, so that a misplaced pixel is detected. AFFJORD's are the negative of FFJORD's. */
static real grey(int model, int i, int j) {
    const real value = (real)((7 * i + 13 * j + i * j / 3) % 5) / 4;
    return model == 0 ? 1 - value : value;
}

static void add_digits(FILE *script, const char *subject, int model, int side) {
    const double window[4] = {0, side, 0, side};
    float data[DIGITS * DIGIT];
    for (int n = 0; n < DIGITS; n++)
        for (int i = 0; i < side; i++)
            for (int j = 0; j < side; j++) data[(n * side + i) * side + j] = n == 0 ? (float)grey(model, i, j) : 0.5F;
    add_blob(script, subject, "samples", DIGITS, side * side, window, data);
}

/* MNIST and a variant, both models, two seeds; the first has no samples. */
static void make_digits(bool whole) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_mnist");
    for (int run = whole ? 0 : 4; run < 8; run++) {
        const int model = run / 2 % 2, seed = run % 2, side = run < 4 ? SIDE : SIDE / 2;
        char key[33];
        snprintf(key, sizeof key, "%032d", run);
        add_run(script, run, 1, run < 4 ? "mnist" : "mnist_14x14", model == 0 ? "affjord" : "ffjord", seed);
        add_metric(script, run, "data_dimension", side * side);
        if (seed == 1) add_digits(script, key, model, side);
    }
    script_run(script);
}

/* Compare tiles, `columns` in a line from this corner on (inches from the upper left), with channels of x (side, side,
 * channels) from `first` on. */
static void expect_tiles(const picture *image, double left, double down, double whole, int columns, int lines,
                         const real *x, int side, int channels, int first) {
    const double tile = whole / columns, pixel = tile / side;
    int wrong = 0;
    for (int p = 0; p < columns * lines; p++) {
        for (int i = 0; i < side; i++) {
            for (int j = 0; j < side; j++) {
                const int across = (int)(DOTS * (left + p % columns * tile + (j + 0.5) * pixel));
                const int below = (int)(DOTS * (down + p / columns * tile + (i + 0.5) * pixel));
                const int value = (int)(255 * x[(i * side + j) * channels + first + p]);
                cr_assert(across < image->width && below < image->height);
                wrong += !has_colour(image, across, below, value, value, value);
            }
        }
    }
    cr_expect_eq(wrong, 0, "%d of %d pixels from %g, %g on", wrong, columns * lines * side * side, left, down);
}

Test(drawings, pictures_are_squeezed_as_the_library_squeezes) {
    make_digits(true);
    cr_assert_eq(figures("fig2 fig4"), 0, "%s", output);
    expect_output("fig2.tex  (experiment table1_mnist)\n");
    for (int model = 0; model < 2; model++) {
        static real x[DIGIT], once[DIGIT], kept[DIGIT / 2], left[DIGIT / 2], twice[DIGIT / 2];
        for (int i = 0; i < DIGIT; i++) x[i] = grey(model, i / SIDE, i % SIDE);
        const backend_ops *backend = cpu_backend(CPU_PORTABLE);
        const squeeze_shape first = {1, 28, 28, SQUEEZE_CHANNEL_LAST}, second = {2, 14, 14, SQUEEZE_CHANNEL_LAST};
        backend->squeeze(backend, &first, 1, false, x, once);
        backend->copy_rows(backend, 14 * 14, 2, once, 4, kept, 2);
        backend->copy_rows(backend, 14 * 14, 2, once + 2, 4, left, 2);
        backend->squeeze(backend, &second, 1, false, kept, twice);

        /* As in plots/multiscale.gp: columns, and the upper edges of the data. */
        const bool augmented = model == 0;
        const double whole = augmented ? 0.68 : 0.86, begin = 0.18, flow = augmented ? 0.24 : 0.34;
        const double squeezed = begin + whole + flow + 0.57 + 3 * 0.11;
        const double array = 4.8 - 0.04 - whole - (augmented ? whole + 0.08 : 0);
        double line[3], top = augmented ? 0.22 : 0.04;
        for (int s = 0; s < 3; s++) {
            const double tall = whole / (1 << s);
            line[s] = top + (augmented ? tall + 0.21 : 0);
            top = line[s] + tall + 0.17 + 0.3;
        }
        picture image = read_picture(augmented ? "out/fig4.png" : "out/fig2.png");
        expect_tiles(&image, begin, line[0], whole, 1, 1, x, 28, 1, 0);
        expect_tiles(&image, squeezed, line[0], whole, 2, 2, once, 14, 4, 0);
        expect_tiles(&image, array, line[0] + whole / 4, whole, 2, 1, left, 14, 2, 0);
        expect_tiles(&image, begin, line[1], whole, 2, 1, kept, 14, 2, 0);
        expect_tiles(&image, squeezed, line[1], whole, 4, 2, twice, 7, 8, 0);
        expect_tiles(&image, array, line[1] + whole / 8, whole, 4, 1, twice, 7, 8, 4);
        expect_tiles(&image, begin, line[2], whole, 4, 1, twice, 7, 8, 0);
        expect_tiles(&image, array, line[2], whole, 4, 1, twice, 7, 8, 0);
        free(image.rgb);
        cr_expect(pdf_has(augmented ? "out/fig4.pdf" : "out/fig2.pdf", "/Subtype /Image"));
    }
    read_text("out/fig2.txt");
    expect_output("The multiscale architecture on MNIST; ");
    expect_output("Pictures: a sample of FFJORD (seed 1, experiment table1_mnist) at the data's end. ");
    read_text("out/fig4.txt");
    expect_output("The augmented multiscale architecture on MNIST; ");
    expect_output("Pictures: a sample of AFFJORD (seed 1, ");
}

Test(drawings, sizes_are_those_of_the_picture) {
    make_digits(false);
    cr_assert_eq(figures("fig2"), 0, "%s", output);
    read_text("out/fig2.txt");
    expect_output("architecture on MNIST (14×14); ");
    picture image = read_picture("out/fig2.png");
    real x[DIGIT / 4];
    for (int i = 0; i < DIGIT / 4; i++) x[i] = grey(1, i / 14, i % 14);
    expect_tiles(&image, 0.18, 0.04, 0.86, 1, 1, x, 14, 1, 0);
    /* Two scales. */
    cr_expect_float_eq(image.height, DOTS * (0.04 + 0.86 + 0.17 + 0.3 + 0.43 + 0.17), 1);
    free(image.rgb);
}

Test(drawings, missing_samples_have_a_message) {
    script_run(script_open());
    cr_assert_eq(figures("fig2 fig4"), 0, "%s", output);
    static const char *const items[] = {"fig2", "fig4"};
    for (int i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "out/%s.txt", items[i]);
        read_text(name);
        expect_output(" Pictures: not run.\n");
        snprintf(name, sizeof name, "out/%s.pdf", items[i]);
        cr_expect_not(pdf_has(name, "/Subtype /Image"));
    }
    /* The place of the missing picture. */
    picture image = read_picture("out/fig2.png");
    cr_expect(has_colour(&image, (int)(DOTS * 0.6), (int)(DOTS * 0.3), 217, 234, 243));
    free(image.rgb);

    /* Runs without samples are not shown either. */
    FILE *script = script_open();
    add_experiment(script, 1, "other");
    add_run(script, 1, 1, "mnist", "ffjord", 0);
    add_metric(script, 1, "data_dimension", DIGIT);
    script_run(script);
    cr_assert_eq(figures("fig2 --experiment other"), 0, "%s", output);
    read_text("out/fig2.txt");
    expect_output(" Pictures: not stored.\n");
}
