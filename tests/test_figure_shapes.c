/* test_figure_shapes.c - Figure 5 of tables of one, three and more columns: stored samples, and pictures. */
#ifndef AFFJORD_DOUBLE /* the scripts are the same in both builds */

#include "picture_support.h"
#include "run_support.h"

static void begin(void) {
    begin_run(TINY_EXPERIMENT("small", "0, 1", "30", "15"));
    EXPECT(0, "cd $TEST_DIR && awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { x = rand() + rand() - 1; y = rand(); "
              "print x > \"line.csv\"; print x \",\" y \",\" x * y > \"cube.csv\"; "
              "for (k = 1; k < 10; k++) printf \"%%g,\", rand() > \"wide.csv\"; print y > \"wide.csv\" } }'");
    EXPECT(0, "cd $TEST_DIR && sed -i 's/^data = .*/data = line.csv, cube.csv, wide.csv, ty/; "
              "s/^density_cells = .*/density_cells = 128/; s/^seeds/figures = fig5\\nseeds/' small.ini");
}

TestSuite(figure_shapes, .init = begin, .fini = end_run, .timeout = 600);

#define FIGURES(words) "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/out " words

Test(figure_shapes, tables_of_any_columns_have_pictures) {
    EXPECT(0,
           "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet --jobs 2; cd $TEST_DIR/figures/small && ls *.png");
    cr_assert_str_eq(output,
                     "fig5.png\nfig5_curves.png\nfig5_pairs1.png\nfig5_pairs2.png\nfig5_pairs3.png\nfig5_pairs4.png\n"
                     "fig5_samples.png\n");
    /* Of one column the density is stored, in one row, and sums to one. */
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT DISTINCT r.dataset, b.kind, b.rows, b.columns, length(b.data) FROM "
              "sample_blob b "
              "JOIN run r ON r.key = b.subject WHERE r.dataset != 'wide' ORDER BY 1, 2\"");
    cr_assert_str_eq(output, "cube|samples|50|3|600\nline|density|1|128|512\nline|samples|50|1|200\n"
                             "ty|density|128|128|65536\nty|samples|50|2|400\n");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT count(*), min(value) > 0.5, max(value) < 1.01 FROM metric JOIN run "
              "USING (run_id) "
              "WHERE name = 'density_mass' AND dataset = 'line'\"");
    cr_assert_str_eq(output, "4|1|1\n");
    EXPECT(0, "cat $TEST_DIR/figures/small/fig5_curves.txt");
    EXPECT_SAYS("Densities learnt by AFFJORD and FFJORD (curves) over the histogram of the data.");
    EXPECT_SAYS("line AFFJORD seed ");
    EXPECT(0, "cat $TEST_DIR/figures/small/fig5_pairs3.txt");
    EXPECT_SAYS("wide in pairs of columns: ");
    EXPECT_SAYS("shown are the first 8 of 10 columns");
    EXPECT(0, "cat $TEST_DIR/figures/small/fig5.txt");
    cr_assert_null(strstr(output, "cube"), "%s", output);

    /* A finished experiment is not drawn again. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db");
    cr_assert_null(strstr(output, "fig5_curves"), "%s", output);

    /* An archive shows the same. */
    EXPECT(
        0,
        "$AFFJORD export --archive $TEST_DIR/a.db --db $TEST_DIR/r.db && ./paper_figures.sh --db $TEST_DIR/a.db --out "
        "$TEST_DIR/a fig5 --experiment small && cd $TEST_DIR/figures/small && for f in *.txt *_curves.png "
        "*_pairs*.png; do cmp $f $TEST_DIR/a/$f || exit 1; done");
    static const char *const rounded[] = {"fig5.png", "fig5_samples.png"};
    for (size_t i = 0; i < 2; i++) {
        char one[128], other[128];
        snprintf(one, sizeof one, "%s/figures/small/%s", folder, rounded[i]);
        snprintf(other, sizeof other, "%s/a/%s", folder, rounded[i]);
        const double seen = picture_difference(one, other);
        cr_expect_leq(seen, 0.5, "%s differs by %g", rounded[i], seen);
    }
}

Test(figure_shapes, runs_of_older_databases_show_their_samples) {
    EXPECT(0, "sed -i 's/^data = .*/data = line.csv/' $TEST_DIR/small.ini; $AFFJORD $TEST_DIR/small.ini --db "
              "$TEST_DIR/r.db --quiet");
    EXPECT(
        0,
        FIGURES("fig5 --experiment small") " && cp $TEST_DIR/out/fig5_curves.png $TEST_DIR/with.png; "
                                           "sqlite3 $TEST_DIR/r.db \"DELETE FROM sample_blob WHERE kind = 'density'\"");
    EXPECT(0, FIGURES("fig5 --experiment small"));
    EXPECT(1, "cmp -s $TEST_DIR/with.png $TEST_DIR/out/fig5_curves.png");
    EXPECT(0, "ls $TEST_DIR/out/*.png");
    cr_assert_null(strstr(output, "fig5.png"), "no empty panels of a plane: %s", output);
    /* The figure of the quick start is checked too. */
    EXPECT(1, FIGURES("quickstart --experiment small"));
    EXPECT_SAYS("stored no such pictures");
}

#endif
