/* test_examples.c - the examples that read results print the numbers of docs/explanation/results.md from the reference
 * database. */
#ifndef AFFJORD_DOUBLE /* scripts that both builds share */

#include "figures_support.h"

#include <math.h>

TestSuite(examples, .init = setup, .fini = teardown);

/* Return the mean in a line of the output for this experiment, data set and model, and its number of runs. */
static double mean_of(const char *experiment, const char *dataset, const char *model, int *runs) {
    char *copy = strdup(output), *rest = copy;
    double found = NAN;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char e[64], d[64], m[64];
        int n;
        double mean;
        if (sscanf(line, "%63s %63s %63s %d runs %lf", e, d, m, &n, &mean) != 5) continue;
        if (strcmp(e, experiment) != 0 || strcmp(d, dataset) != 0 || strcmp(m, model) != 0) continue;
        cr_expect(isnan(found), "twice: %s", line);
        found = mean;
        *runs = n;
    }
    free(copy);
    return found;
}

/* The row "| TY | 0.782 ± 0.019 | 0.769 ± 0.023 | ...": FFJORD's number, then AFFJORD's. */
static void read_row(const char *name, double of[2]) {
    char *line = NULL, start[32];
    size_t size = 0;
    FILE *page = fopen("docs/explanation/results.md", "r");
    cr_assert_not_null(page);
    snprintf(start, sizeof start, "| %s | ", name);
    of[0] = of[1] = NAN;
    while (getline(&line, &size, page) >= 0) {
        if (strncmp(line, start, strlen(start)) != 0 || !strstr(line, " ± ")) continue;
        char *second = strstr(line + strlen(start), " | ");
        of[0] = strtod(line + strlen(start), NULL);
        of[1] = second ? strtod(second + 3, NULL) : NAN;
        break;
    }
    free(line);
    fclose(page);
}

static void expect_readme(const char *command) {
    static const char *const rows[][2] = {{"Hash-Gaussian", "hash_gaussian"}, {"TY", "ty"}};
    cr_assert_eq(shell("cp results/reference.db %s/r.db && %s %s/r.db", folder, command, folder), 0, "%s", output);
    for (size_t i = 0; i < 2; i++) {
        double of[2];
        read_row(rows[i][0], of);
        cr_assert(of[0] > 0.5 && of[1] > 0.5, "no row %s", rows[i][0]);
        for (int m = 0; m < 2; m++) {
            int runs = 0;
            const double mean = mean_of("fig6", rows[i][1], m == 0 ? "ffjord" : "affjord", &runs);
            cr_expect_float_eq(mean, of[m], 0.0005001, "%s, model %d: %g, results.md %g", rows[i][0], m, mean, of[m]);
            /* Two of AFFJORD's on Hash-Gaussian compute no density. */
            cr_expect_eq(runs, i == 0 && m == 1 ? 28 : 30);
        }
    }
    /* Nine of AFFJORD's and two of FFJORD's sixty runs under the release's settings compute no density. */
    int runs = 0;
    cr_expect_float_eq(mean_of("fig6_release", "ty", "affjord", &runs), 0.7612, 0.0001);
    cr_expect_eq(runs, 25);
    cr_expect_float_eq(mean_of("table1_small", "mnist_14x14", "ffjord", &runs), 2.324, 0.0005);
}

Test(examples, python_gives_the_numbers_of_the_readme) {
    expect_readme("python3 examples/read_results.py");
    expect_output("0.761235 nats, 5 of no density left out\n");
    expect_output("2.323625 bits/dim\n");
}

Test(examples, r_gives_the_numbers_of_the_readme) {
    expect_readme("Rscript examples/read_results.R");
}

/* Every number of README.md, docs/explanation/{results,claims}.md and docs/lab/trainings.md, by R from the tables. */
Test(examples, r_computes_the_numbers_of_the_pages) {
    cr_expect_eq(shell("Rscript tests/results_pages.R"), 0, "%s", output);
    /* A wrong number is detected. */
    cr_expect_eq(
        shell("mkdir -p %s/w/results %s/w/docs && cp -r tests %s/w/ && cp -r docs/explanation docs/lab %s/w/docs/ && "
              "sed 's/^| TY: the same | [0-9]/| TY: the same | 7/' README.md >%s/w/README.md && "
              "ln -s $PWD/results/*.db %s/w/results/ && cd %s/w && ! Rscript tests/results_pages.R",
              folder, folder, folder, folder, folder, folder, folder),
        0, "%s", output);
    expect_output("README.md, claims: the page says");
}

/* Runs without a loss do not cause a failure. */
Test(examples, nothing_to_read_is_no_error) {
    FILE *script = script_open();
    add_experiment(script, 1, "mine");
    add_run(script, 1, 1, "ty", "affjord", 0);
    fputs("INSERT INTO metric VALUES (1, 'final_validation_loss', NULL, 'nan');\n", script);
    script_run(script);
    cr_assert_eq(shell("python3 examples/read_results.py %s/r.db", folder), 0, "%s", output);
    expect_output("   0 runs   no finite loss\n");
    cr_expect_not(exists("r.db-wal"));
}

#endif
