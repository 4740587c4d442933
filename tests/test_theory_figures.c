/* test_theory_figures.c - the table and the figures of theorem checks, from rows alone. */
#include "figures_support.h"

TestSuite(theory_figures, .init = setup, .fini = teardown);

static void add_row(FILE *script, int run, const char *item, const char *subject, const char *quantity, double x,
                    double value, const char *claim) {
    fprintf(script, "INSERT INTO theory VALUES (%d, '%s', '%s', '%s', %.17g, %.17g, NULL, %s);\n", run, item, subject,
            quantity, x, value, claim);
}

/* A check of an order that passes, a check of a distance that fails, and errors on a logarithmic scale. */
static void make_database(void) {
    FILE *script = script_open();
    add_experiment(script, 1, "theory");
    add_run(script, 1, 1, "ty", "ffjord", 0);
    add_run(script, 2, 1, "ty", "affjord", 0);
    for (int run = 1; run <= 2; run++) {
        add_row(script, run, "cable", "trained", "order of the cable rule", 0, 4.0 + run, "'>=', 3.5, 1");
        add_row(script, run, "mapping", "fold of the line", "distance of two points", 0, 0.25, "'>=', 0.5, 0");
        for (int k = 1; k <= 5; k++) {
            const double h = 1.0 / (1 << k);
            add_row(script, run, "cable", "trained", "cable rule, eq. 11", h, h * h * h * h, "NULL, NULL, NULL");
            add_row(script, run, "cable", "trained", "product of Jacobians, eq. 20", h, h, "NULL, NULL, NULL");
            add_row(script, run, "magnus", "drawn", "1 term", h, h * h * h, "NULL, NULL, NULL");
            add_row(script, run, "magnus", "drawn", "4 terms", h, 1e-3 * h * h * h, "NULL, NULL, NULL");
        }
    }
    script_run(script);
}

Test(theory_figures, statements_make_a_table_with_their_verdicts) {
    make_database();
    cr_assert_eq(figures("theory"), 0, "%s", output);
    read_text("out/theory.md");
    expect_output(
        "| Cable rule | trained | order of the cable rule | 5 | ≥ 3.5 | holds |\n"); /* nearest to its bound */
    expect_output("| Mappings | fold of the line | distance of two points | 0.25 | ≥ 0.5 | does not hold |\n");
    expect_output("4 statements, 2 of which do not hold. Experiment theory.");
}

Test(theory_figures, errors_are_drawn_where_there_are_any) {
    make_database();
    cr_assert_eq(figures("theory_cable theory_magnus"), 0, "%s", output);
    cr_expect(exists("out/theory_cable.pdf") && exists("out/theory_cable.png"));
    cr_expect(exists("out/theory_magnus.pdf") && exists("out/theory_magnus.png"));
    read_text("out/theory_cable.txt");
    expect_output("the cable rule (eq. 11)");
    cr_expect_eq(figures("theory_derivative"), 1);
    expect_output("the database has no rows for it; make them with: ./run experiments/theory.ini");
}
