/* test_sweep_run.c - ./run of an experiment with a section [sweep]: selection, shared runs, shards, rows of the
 * database. */
#ifndef AFFJORD_DOUBLE /* the same in both */

#include "run_support.h"

#define SWEEP                                                                                                          \
    TINY_EXPERIMENT("small", "0-1", "40", "10")                                                                        \
    "[sweep]\nflow.end_time = 10, 1\nmodel affjord.initial_state = zero, learned\n"

static void begin_sweep(void) {
    begin_run(SWEEP);
}

TestSuite(sweep_run, .init = begin_sweep, .fini = end_run, .timeout = 120);

#define RUN "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/"
#define QUERY(database, sql) EXPECT(0, "sqlite3 $TEST_DIR/" database " \"" sql "\"")

static const char summary[] =
    "SELECT point, label, dataset, model, n, mean, deviation, impossible FROM sweep_losses ORDER BY 1, 4; "
    "SELECT point, model, other, quantity, n, difference, error, paired_p, holm_p, tests FROM sweep_effects ORDER BY "
    "1, 2; "
    "SELECT point, model, iteration, n, difference, error FROM sweep_curves ORDER BY 1, 2, 3; "
    "SELECT * FROM sweep_settings ORDER BY 2, 3";

static char *summarise(const char *database) {
    EXPECT(0, "sqlite3 $TEST_DIR/%s \"%s\"", database, summary);
    cr_assert_gt(strlen(output), 1000);
    return strdup(output);
}

Test(sweep_run, a_dry_run_has_points_runs_and_hours) {
    EXPECT(0, RUN "r.db --dry-run");
    EXPECT_SAYS("Swept, in place of the values above\n  flow.end_time = 10, 1\n"
                "  model affjord.initial_state = zero, learned\nPoints: 4\nRuns: 12, of which 0 are done\n");
    EXPECT_SAYS("  point 0 and 1 more\n");
    EXPECT_SAYS(" core-hours, ");
    EXPECT_SAYS("from trying 12 of the 12 missing runs");
    EXPECT(0, RUN "r.db --dry-run --where flow.end_time=1 --where 'model affjord.initial_state = learned'");
    EXPECT_SAYS("Points: 4, of which 1 are selected\nRuns: 4, of which 0 are done\n");
    EXPECT(2, RUN "r.db --where flow.end_time=2");
    EXPECT_SAYS("--where \"flow.end_time=2\": flow.end_time = 2: expected 10 or 1");
    EXPECT(0, "test ! -e $TEST_DIR/r.db");
}

/* Partial starts complete the sweep; trained seeds remain; runs with changed settings leave it. */
Test(sweep_run, selected_points_are_parts_of_the_whole) {
    EXPECT(0, RUN "whole.db");
    EXPECT_SAYS("affjord          ffjord                 2       4");
    char *whole = summarise("whole.db");
    EXPECT(0, RUN "r.db --quiet --where flow.end_time=1");
    QUERY("r.db", "SELECT count(*) FROM run; SELECT group_concat(point) FROM sweep_point");
    cr_expect_str_eq(output, "6\n2,3\n");
    EXPECT(0, RUN "r.db --quiet --seeds 1");
    QUERY("r.db", "SELECT point, count(*) FROM sweep_run GROUP BY point");
    cr_expect_str_eq(output, "0|2\n1|2\n2|4\n3|4\n");
    EXPECT(0, RUN "r.db --quiet");
    char *parts = summarise("r.db");
    cr_expect_str_eq(parts, whole);
    EXPECT(0, RUN "r.db --dry-run");
    EXPECT_SAYS("Runs: 12, of which 12 are done\n");
    cr_expect_null(strstr(output, "Expected"));
    /* Other values, by a file of the same name: old points leave, and shared runs stay. */
    EXPECT(0, "sed -i 's/end_time = 10, 1/end_time = 1, 2/' $TEST_DIR/small.ini");
    EXPECT(0, RUN "r.db --where flow.end_time=1");
    EXPECT_SAYS("6 runs with older settings left experiment small");
    QUERY("r.db", "SELECT point, label, (SELECT count(*) FROM sweep_run r WHERE r.point = p.point) FROM sweep_point p; "
                  "SELECT count(*) FROM run");
    cr_expect_str_eq(output, "0|flow.end_time = 1, model affjord.initial_state = zero|4\n"
                             "1|flow.end_time = 1, model affjord.initial_state = learned|4\n12\n");
    /* Without the section there are no points. */
    EXPECT(0, "sed -i '/sweep/,$d' $TEST_DIR/small.ini");
    EXPECT(0, RUN "r.db --quiet --set flow.end_time=1");
    QUERY("r.db", "SELECT (SELECT count(*) FROM sweep_point) + (SELECT count(*) FROM sweep_run), count(*) FROM run; "
                  "SELECT count(*) > 0 FROM comparison; SELECT count(*) FROM sweep_comparison");
    cr_expect_str_eq(output, "0|12\n1\n0\n");
    free(whole);
    free(parts);
}

/* The runs of points are those of a plain experiment. */
Test(sweep_run, runs_are_shared_with_other_experiments) {
    EXPECT(0, RUN "r.db --quiet");
    EXPECT(0, "sed -e '/sweep/,$d' -e 's/name = small/name = plain/' $TEST_DIR/small.ini > $TEST_DIR/plain.ini");
    EXPECT(0, "$AFFJORD $TEST_DIR/plain.ini --db $TEST_DIR/r.db --dry-run --set flow.end_time=1 "
              "--set 'model affjord.initial_state=learned'");
    EXPECT_SAYS("Runs: 4, of which 4 are done\n");
}

/* Does the difference at the end lie nearer 0 than at a third of the training? */
Test(sweep_run, the_view_of_lengths_counts_points) {
    EXPECT(0, RUN "r.db");
    EXPECT_SAYS(
        "from a third of the training to its end\nty               affjord          ffjord           nearer at ");
    QUERY("r.db", "SELECT points, third_iteration, end_iteration FROM sweep_lengths");
    cr_expect_str_eq(output, "4|10|40\n4|10|40\n");
    /* Losses that are known. */
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"UPDATE epoch SET loss = iif(iteration = 10, 0.5, 0.25) WHERE split = "
              "'validation' AND "
              "run_id IN (SELECT run_id FROM run WHERE model = 'ffjord'); "
              "UPDATE epoch SET loss = iif(iteration = 10, 0.25, 0.5) WHERE split = 'validation' AND run_id IN (SELECT "
              "run_id FROM "
              "run WHERE model = 'affjord'); "
              "UPDATE epoch SET loss = 0.125 WHERE split = 'validation' AND iteration = 40 AND run_id IN "
              "(SELECT run_id FROM sweep_run JOIN run USING (run_id) WHERE model = 'affjord' AND point = 2)\"");
    /* Point 2: 0.25, then 0.125. Others: 0.25, then -0.25, which is as far from 0. */
    QUERY("r.db", "SELECT model, nearer, smaller, third_difference, end_difference FROM sweep_lengths ORDER BY 1");
    cr_expect_str_eq(output, "affjord|1|4|0.25|-0.15625\nffjord|1|0|-0.25|0.15625\n");
}

/* One seed has differences and estimates, but nothing that needs a deviation between seeds. */
Test(sweep_run, one_seed_gives_no_intervals) {
    EXPECT(0, RUN "r.db --seeds 0");
    cr_expect_not_null(strstr(output, " -              - "), "%s", output);
    QUERY("r.db", "SELECT count(*), count(difference), max(n), count(error) + count(effect) + count(paired_p) + "
                  "count(difference_low) FROM sweep_effects; SELECT count(*) > 0, count(*) = count(estimate), max(n), "
                  "count(error) + count(p) FROM sweep_term; SELECT count(readings) FROM claims");
    cr_expect_str_eq(output, "8|8|1|0\n1|1|1|0\n0\n");
}

/* An archive of some seeds, in the repository: a copy of it is trained further, and both parts count alike. */
Test(sweep_run, an_archive_of_some_seeds_gets_more) {
    EXPECT(0, RUN "whole.db --quiet --seeds 0-2");
    char *whole = summarise("whole.db");
    EXPECT(0, RUN "first.db --quiet --seeds 0-1");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/archive.db --db $TEST_DIR/first.db");
    QUERY("archive.db", "SELECT (SELECT count(*) FROM checkpoint), count(*), "
                        "group_concat(DISTINCT n) FROM sweep_losses");
    cr_expect_str_eq(output, "0|8|2\n");
    EXPECT(0, "cp $TEST_DIR/archive.db $TEST_DIR/work.db");
    EXPECT(0, RUN "work.db --dry-run --seeds 0-2");
    EXPECT_SAYS("Runs: 18, of which 12 are done\n");
    EXPECT(0, RUN "work.db --quiet --seeds 0-2");
    QUERY(
        "work.db",
        "SELECT seed, count(*), count(DISTINCT command_line) FROM run GROUP BY seed; "
        "SELECT count(*) FROM run WHERE command_line LIKE '%%work.db%%'; "
        "SELECT DISTINCT n FROM sweep_losses; SELECT DISTINCT n FROM sweep_effects; SELECT DISTINCT n FROM sweep_term");
    cr_expect_str_eq(output, "0|6|1\n1|6|1\n2|6|1\n6\n3\n3\n3\n");
    char *work = summarise("work.db");
    cr_expect_str_eq(work, whole);
    /* Archived again; the third seed may come from the other archive, too. */
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/archive.db --db $TEST_DIR/work.db --force");
    char *archived = summarise("archive.db");
    cr_expect_str_eq(archived, whole);
    free(whole);
    free(work);
    free(archived);
}

/* Tasks name runs by number or key; shards have their points, which are merged also into a database without the
 * plan. */
Test(sweep_run, shards_merge_into_the_same_points) {
    EXPECT(0, RUN "whole.db --quiet");
    char *whole = summarise("whole.db");
    EXPECT(0, RUN
           "r.db --dry-run --format commands --where flow.end_time=1 > $TEST_DIR/tasks.sh; wc -l < $TEST_DIR/tasks.sh");
    cr_expect_str_eq(output, "6\n");
    EXPECT(0, "grep -c -- \"--where .*flow.end_time=1\" $TEST_DIR/tasks.sh");
    EXPECT(0, "sh $TEST_DIR/tasks.sh");
    EXPECT(0, "for n in 0 1 2 6 7 8; do " RUN "r.db --quiet --only $n || exit; done");
    EXPECT(2, RUN "r.db --quiet --only 0 --where flow.end_time=1");
    EXPECT_SAYS("--only 0: not among the runs that --where selects");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/r.db");
    char *merged = summarise("r.db");
    cr_expect_str_eq(merged, whole);
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/archive.db --db $TEST_DIR/r.db");
    char *archived = summarise("archive.db");
    cr_expect_str_eq(archived, whole);
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/r.db");
    free(whole);
    free(merged);
    free(archived);
}

/* The figure of experiments with a sweep, under another name: drawn, with counts in its caption. */
Test(sweep_run, figures_show_all_points) {
    EXPECT(0, RUN "r.db --quiet");
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/out --experiment small choices choices_length "
              "choices_terms");
    EXPECT(0, "cd $TEST_DIR/out && ls choices.pdf choices.png choices_length.pdf && cat choices.txt choices_length.txt "
              "choices_terms.md");
    EXPECT_SAYS(" of 4 combinations, by an interval in ");
    EXPECT_SAYS("Holm's correction for all 4 tests");
    EXPECT_SAYS("From iteration 10, a third of the training, to its end the models draw nearer in ");
    EXPECT_SAYS(" of 4 combinations on TY (");
    EXPECT_SAYS("| TY | Mean | ");
    EXPECT_SAYS("| TY | End time: 1 | ");
    EXPECT_SAYS("| TY | z\\*(0): learned | ");
    /* Other items do not average over the points. */
    EXPECT(1, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/out fig6 toy_table");
    EXPECT_SAYS("fig6: the database has no rows for it");
    EXPECT_SAYS("toy_table: the database has no rows for it");
    EXPECT(0, "$AFFJORD report --db $TEST_DIR/r.db --output $TEST_DIR/report.html");
}

/* Losses with known effects: FFJORD's less AFFJORD's is, with x = [end time 1], y = [learned] and seed s,
 * 0.1 + 0.02 x + 0.03 y + 0.04 x y + 0.01 s x. Over the product, x and y have mean 1/2. */
Test(sweep_run, known_effects_are_found) {
    EXPECT(0, RUN "r.db --quiet");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"UPDATE metric SET value = 2 WHERE name = 'final_validation_loss'; "
              "UPDATE metric SET value = (SELECT 1.9 - 0.02 * x - 0.03 * y - 0.04 * x * y - 0.01 * seed * x FROM "
              "(SELECT point / 2 AS x, point %% 2 AS y, seed FROM sweep_run JOIN run USING (run_id) "
              "WHERE run_id = metric.run_id)) WHERE name = 'final_validation_loss' AND run_id IN "
              "(SELECT run_id FROM run WHERE model = 'affjord')\"");
    EXPECT(0, "$AFFJORD merge $TEST_DIR/r.db --db $TEST_DIR/new.db");
    QUERY("new.db",
          "SELECT term, printf('%%.6f %%.6f', estimate, error) FROM sweep_term WHERE model = 'affjord' ORDER BY "
          "settings, term");
    cr_expect_str_eq(output, "mean|0.137500 0.002500\n"
                             "affjord: model.initial_state = learned|0.050000 0.000000\n"
                             "flow.end_time = 1|0.045000 0.005000\n"
                             "flow.end_time = 1 x affjord: model.initial_state = learned|0.040000 0.000000\n");
    QUERY("new.db",
          "SELECT point, printf('%%.4f %%.4f', difference, error) FROM sweep_effects WHERE model = 'affjord'");
    cr_expect_str_eq(output, "0|0.1000 0.0000\n1|0.1300 0.0000\n2|0.1250 0.0050\n3|0.1950 0.0050\n");
}

/* The tables of comparisons and of the linear model are those of R's t.test and lm. */
Test(sweep_run, r_finds_the_same_effects) {
    EXPECT(0, "sed -i 's/zero, learned/zero, learned\\nsolver.steps = 5, 4, 3/' $TEST_DIR/small.ini");
    EXPECT(0, RUN "r.db --quiet --seeds 0-2");
    EXPECT(0, "Rscript tests/sweep_terms.R $TEST_DIR/r.db");
    EXPECT_SAYS("2 pairs, ");
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"UPDATE sweep_term SET estimate = estimate + 1e-4 WHERE settings = 2\"");
    EXPECT(1, "Rscript tests/sweep_terms.R $TEST_DIR/r.db");
    EXPECT_SAYS("estimate ours");
}

#endif
