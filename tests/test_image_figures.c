/* test_image_figures.c - figures of images: curves of both splits, numbers of evaluations, grids of samples. */
#include "figures_support.h"

#include <math.h>

enum { EPOCHS = 6, DIGITS = 7, DIGIT = 14 * 14, FACES = 4, FACE = 8 };

static const char *const datasets[] = {"mnist_14x14", "celeba"};
static const char *const models[] = {"affjord", "ffjord"};
static const char *const splits[] = {"training", "validation"};

/* Sums of these are exact. */
static double loss_of(int dataset, int model, int split, int seed, int epoch) {
    return 1 + dataset + model * 0.25 + split * 0.125 + seed * 0.0625 + ldexp(1, -epoch);
}

static double evaluations_of(int model, int seed, int epoch) {
    return 100 + 20 * model + 4 * seed + 8 * epoch;
}

static const double digit_window[4] = {0, 14, 0, 14}, face_window[4] = {0, FACE, 0, FACE};

/* Black, with two white rows at the top; both values outside of the displayed range. */
static void add_digits(FILE *script, const char *subject) {
    float data[DIGITS * DIGIT];
    for (int i = 0; i < DIGITS * DIGIT; i++) data[i] = i % DIGIT < 2 * 14 ? 1.25F : -0.25F;
    add_blob(script, subject, "samples", DIGITS, DIGIT, digit_window, data);
}

/* The first has four fields: red and green above, blue and yellow below. The others have one colour: magenta, grey,
 * cyan. */
static void add_faces(FILE *script, const char *subject) {
    static const float fields[4][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}};
    static const float plain[FACES - 1][3] = {{1, 0, 1}, {0.5F, 0.5F, 0.5F}, {0, 1, 1}};
    float data[FACES * FACE * FACE * 3];
    for (int i = 0; i < FACES * FACE * FACE; i++) {
        const int face = i / (FACE * FACE), row = i / FACE % FACE, column = i % FACE;
        const float *colour = face > 0 ? plain[face - 1] : fields[2 * (row >= FACE / 2) + (column >= FACE / 2)];
        for (int c = 0; c < 3; c++) data[3 * i + c] = colour[c];
    }
    add_blob(script, subject, "samples", FACES, FACE * FACE * 3, face_window, data);
}

/* One experiment of images: both data sets, both models, two seeds. FFJORD's seed 0 has no samples. */
static void add_images(FILE *script, int experiment, const char *name) {
    add_experiment(script, experiment, name);
    int run = 100 * experiment;
    for (int i = 0; i < 8; i++) {
        const int d = i / 4, m = i / 2 % 2, seed = i % 2;
        char key[33];
        snprintf(key, sizeof key, "%032d", ++run);
        add_run(script, run, experiment, datasets[d], models[m], seed);
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            for (int s = 0; s < 2; s++)
                add_epoch(script, run, epoch, splits[s], loss_of(d, m, s, seed, epoch), evaluations_of(m, seed, epoch));
        }
        add_metric(script, run, "data_dimension", d == 0 ? DIGIT : FACE * FACE * 3);
        add_metric(script, run, "final_validation_loss", loss_of(d, m, 1, seed, EPOCHS));
        if (m == 1 && seed == 0) continue;
        (d == 0 ? add_digits : add_faces)(script, key);
    }
}

static void make_images(const char *experiment) {
    FILE *script = script_open();
    add_images(script, 1, experiment);
    script_run(script);
}

/* The position of a point in a grid of pictures, in dots: `across` and `down` from 0 to 1 in picture `number` of a grid
 * with `columns` columns. The grid is as wide as a text column, except its edge, below a heading. */
typedef struct place {
    int x, y;
} place;

static place in_grid(int columns, int number, double across, double down) {
    const double edge = 0.02, heading = 0.24, seam = 0.02, side = (3.4 - 2 * edge - (columns - 1) * seam) / columns;
    return (place){(int)(300 * (edge + number % columns * (side + seam) + across * side)),
                   (int)(300 * (heading + number / columns * (side + seam) + down * side))};
}

static void expect_colour(const picture *image, place at, int red, int green, int blue) {
    cr_assert(at.x < image->width && at.y < image->height, "%d, %d", at.x, at.y);
    const unsigned char *pixel = &image->rgb[3 * ((size_t)at.y * (size_t)image->width + (size_t)at.x)];
    cr_expect(has_colour(image, at.x, at.y, red, green, blue), "%d %d %d at %d, %d instead of %d %d %d", pixel[0],
              pixel[1], pixel[2], at.x, at.y, red, green, blue);
}

TestSuite(image_figures, .init = setup, .fini = teardown);

Test(image_figures, every_item_is_drawn) {
    static const char *const items[] = {"fig7", "fig8", "fig8_pairs", "fig9", "fig15", "fig17", "fig18", "fig20"};
    make_images("fig7");
    cr_assert_eq(figures(""), 0, "%s", output);
    expect_output("fig16             no rows yet; make them with: ./run experiments/table1_cifar10.ini\n");
    expect_output("fig6              no rows yet; make them with: ./run experiments/fig6.ini\n");
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) expect_drawn(items[i]);
}

Test(image_figures, curves_have_the_inserted_rows) {
    make_images("fig7");
    cr_assert_eq(select_rows("-tabs", "'.read plots/fig7.sql'"), 0);
    int row = 0;
    char *rest = output;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; row++) {
        char set[32], model[32], split[32];
        int d, m, iteration, n;
        double mean, deviation, low, high;
        cr_assert_eq(sscanf(line, "%d\t%d\t%31[^\t]\t%31[^\t]\t%d\t%lf\t%lf\t%d\t\t%lf\t%lf\t%31s", &d, &m, set, model,
                            &iteration, &mean, &deviation, &n, &low, &high, split),
                     11, "%s", line);
        const int s = row / EPOCHS % 2, epoch = row % EPOCHS + 1;
        cr_expect_eq(d, row / (4 * EPOCHS));
        cr_expect_eq(m, row / (2 * EPOCHS) % 2 + 1);
        cr_expect_str_eq(set, d == 0 ? "MNIST (14×14)" : "CelebA (32×32)");
        cr_expect_str_eq(model, m == 1 ? "AFFJORD" : "FFJORD");
        cr_expect_str_eq(split, splits[s]);
        cr_expect_eq(iteration, 100 * epoch);
        cr_expect_eq(mean, (loss_of(d, m - 1, s, 0, epoch) + loss_of(d, m - 1, s, 1, epoch)) / 2);
        cr_expect_float_eq(deviation, 0.0625 / sqrt(2), 1e-12);
        cr_expect_eq(n, 2);
    }
    cr_expect_eq(row, 8 * EPOCHS);

    cr_assert_eq(select_rows("-tabs", "'.read plots/fig9.sql'"), 0);
    expect_output("0\t1\tMNIST (14×14)\tAFFJORD\t100\t110.0\t2.82842712474619\t2\t\t");
    expect_output("1\t2\tCelebA (32×32)\tFFJORD\t600\t170.0\t2.82842712474619\t2\t\t");
    cr_expect_null(strstr(output, "validation"));
}

/* FFJORD's seed 0 has no samples, so seed 1 is the one of all models. */
Test(image_figures, pairs_are_of_one_seed) {
    static const char *const rows[] = {
        "0\tMNIST (14×14), "
        "AFFJORD\tAFFJORD\t1\t\t00000000000000000000000000000102\tsamples\t7\t2\t2\t14\t14\t1\tdrawn\tseed 1\n",
        "1\tMNIST (14×14), "
        "FFJORD\tFFJORD\t1\t\t00000000000000000000000000000104\tsamples\t7\t2\t2\t14\t14\t1\tdrawn\tseed 1\n",
        "2\tCelebA (32×32), "
        "AFFJORD\tAFFJORD\t1\t\t00000000000000000000000000000106\tsamples\t4\t2\t2\t8\t8\t3\tdrawn\tseed 1\n",
        "3\tCelebA (32×32), "
        "FFJORD\tFFJORD\t1\t\t00000000000000000000000000000108\tsamples\t4\t2\t2\t8\t8\t3\tdrawn\tseed 1\n"};
    make_images("fig7");
    cr_assert_eq(select_rows("-tabs", "'.read plots/images_pairs.sql'"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_output(rows[i]);
    cr_assert_eq(figures("fig8_pairs"), 0, "%s", output);
    read_text("out/fig8_pairs.txt");
    expect_output("Samples of several models from the same base points");
    expect_output("seed 1");
}

Test(image_figures, curves_show_both_models) {
    make_images("fig7");
    cr_assert_eq(figures("fig7 fig9"), 0, "%s", output);
    /* AFFJORD's losses are the lower ones, and so are its evaluations. */
    static const char *const names[] = {"out/fig7.png", "out/fig9.png"};
    for (int i = 0; i < 2; i++) {
        picture image = read_picture(names[i]);
        double below = 0, above = 0;
        cr_expect_gt(count_colour(&image, 0x00, 0x72, 0xB2, &below), 500);
        cr_expect_gt(count_colour(&image, 0xD5, 0x5E, 0x00, &above), 500);
        cr_expect_gt(below, above);
        free(image.rgb);
    }
    read_text("out/fig7.txt");
    expect_output("Evaluation loss (solid) and training loss (dashed)");
    expect_output("MNIST (14×14) AFFJORD 2; MNIST (14×14) FFJORD 2; CelebA (32×32) AFFJORD 2");
}

Test(image_figures, numbers_that_never_change_are_drawn) {
    FILE *script = script_open();
    add_images(script, 1, "fig7");
    /* Constant, for one data set and model only; another run never started. */
    fputs("DELETE FROM epoch WHERE run_id > 102;\n"
          "UPDATE epoch SET nfe_forward = 160, loss = 2;\n",
          script);
    script_run(script);
    cr_assert_eq(figures("fig7 fig9"), 0, "%s", output);
    expect_drawn("fig7");
    expect_drawn("fig9");
    read_text("out/fig9.txt");
    expect_output("MNIST (14×14) AFFJORD 2; MNIST (14×14) FFJORD not run; CelebA (32×32) AFFJORD not run");
}

Test(image_figures, samples_have_their_positions) {
    make_images("fig7");
    cr_assert_eq(figures("fig15 fig17"), 0, "%s", output);
    /* Seven make two full rows of three. */
    picture image = read_picture("out/fig15.png");
    for (int i = 0; i < 6; i++) {
        expect_colour(&image, in_grid(3, i, 0.5, 1 / 14.0), 255, 255, 255);
        expect_colour(&image, in_grid(3, i, 0.02, 1.5 / 14.0), 255, 255, 255);
        expect_colour(&image, in_grid(3, i, 0.5, 2.5 / 14.0), 0, 0, 0);
        expect_colour(&image, in_grid(3, i, 0.98, 0.98), 0, 0, 0);
    }
    expect_colour(&image, in_grid(3, 0, 1.006, 0.5), 255, 255, 255); /* the seam */
    cr_expect_eq(image.width, 1020);
    cr_expect_lt(abs(image.height - in_grid(3, 3, 0, 1).y), 10);
    free(image.rgb);

    image = read_picture("out/fig17.png");
    expect_colour(&image, in_grid(2, 0, 0.25, 0.25), 255, 0, 0);
    expect_colour(&image, in_grid(2, 0, 0.48, 0.48), 255, 0, 0);
    expect_colour(&image, in_grid(2, 0, 0.75, 0.25), 0, 255, 0);
    expect_colour(&image, in_grid(2, 0, 0.25, 0.75), 0, 0, 255);
    expect_colour(&image, in_grid(2, 0, 0.52, 0.52), 255, 255, 0);
    expect_colour(&image, in_grid(2, 1, 0.5, 0.5), 255, 0, 255);
    expect_colour(&image, in_grid(2, 2, 0.5, 0.5), 128, 128, 128);
    expect_colour(&image, in_grid(2, 3, 0.5, 0.5), 0, 255, 255);
    free(image.rgb);
}

Test(image_figures, captions_describe_the_figure) {
    make_images("fig7");
    cr_assert_eq(figures("fig8 fig15 fig18"), 0, "%s", output);
    read_text("out/fig8.txt");
    expect_output("Generated samples of MNIST (14×14) and CelebA (32×32) by AFFJORD. ");
    /* 1 + 0.125 + 1/64 */
    expect_output("MNIST (14×14) seed 0, 1.141 bits/dim, rank 1 of 2, the first 6 samples; ");
    expect_output("CelebA (32×32) seed 0, 2.141 bits/dim, rank 1 of 2, 4 samples. Experiment fig7.");
    read_text("out/fig15.txt");
    expect_output("Generated samples of MNIST (14×14) by AFFJORD. ");
    /* The first seed has none. */
    read_text("out/fig18.txt");
    expect_output("by FFJORD. ");
    expect_output("MNIST (14×14) seed 1, 1.453 bits/dim, rank 2 of 2, the first 6 samples. Experiment fig7.");
}

Test(image_figures, the_experiment_is_found) {
    FILE *script = script_open();
    add_images(script, 1, "long");
    add_images(script, 2, "table1_mnist");
    fputs("UPDATE run SET iteration = 10 WHERE run_id > 200;\n", script);
    script_run(script);
    /* Grids prefer the experiment whose file makes them, curves the longest. */
    cr_assert_eq(figures("fig7 fig8 fig15 fig17"), 0, "%s", output);
    expect_output("fig7.tex  (experiment long)\n");
    expect_output("fig8.tex  (experiment long)\n");
    expect_output("fig15.tex  (experiment table1_mnist)\n");
    expect_output("fig17.tex  (experiment long)\n");

    /* Only experiments with pictures are used; a variant of the model is accepted, under its own name. */
    cr_assert_eq(shell("sqlite3 %s/r.db \"DELETE FROM sample_blob WHERE subject LIKE '%%2__';"
                       "UPDATE run SET model = 'affjord_concat' WHERE model = 'affjord' AND run_id < 200\"",
                       folder),
                 0, "%s", output);
    cr_assert_eq(figures("fig15"), 0, "%s", output);
    expect_output("fig15.tex  (experiment long)\n");
    read_text("out/fig15.txt");
    expect_output("Generated samples of MNIST (14×14) by AFFJORD (concat). ");

    /* Toy figures do not show images, even if requested. */
    cr_expect_eq(figures("fig6 --experiment long"), 1);
    expect_output("fig6: the database has no rows for it");
}

Test(image_figures, missing_rows_name_the_command) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    add_run(script, 1, 1, "ty", "affjord", 0);
    add_run(script, 2, 1, "ty", "ffjord", 0);
    for (int run = 1; run <= 2; run++) add_epoch(script, run, 1, "validation", 1, 160);
    script_run(script);
    cr_expect_eq(figures("fig7 fig18 fig19 fig20"), 1);
    expect_output("fig7: the database has no rows for it; make them with: ./run experiments/fig7.ini\n");
    expect_output("fig18: the database has no rows for it; make them with: ./run experiments/table1_mnist.ini\n");
    expect_output("fig19: the database has no rows for it; make them with: ./run experiments/table1_cifar10.ini\n");
    expect_output("fig20: the database has no rows for it; make them with: ./run experiments/table1_celeba.ini\n");
    cr_expect_not(exists("out/fig7.pdf"));
}
