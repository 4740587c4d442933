/* test_check.c - ./run check and ./run export --archive as commands: comparisons with recorded numbers, repeated runs,
 * archives. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "picture_support.h"
#include "stop_support.h"

/* Two models, two seeds, a hundred tiny iterations each. */
static const char small_experiment[] = TINY_EXPERIMENT("fig5", "0-1", "100", "10");

static void begin(void) {
    begin_run(small_experiment);
    EXPECT(0, "mkdir $TEST_DIR/tmp");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --jobs 2 --quiet");
}

TestSuite(check, .init = begin, .fini = end_run, .timeout = 600);

#define CHECK "TMPDIR=$TEST_DIR/tmp $AFFJORD check $TEST_DIR/a.db "
#define CHANGE(sql) EXPECT(0, "sqlite3 $TEST_DIR/a.db \"" sql "\"")
#define EXPECT_NOTHING_LEFT                                                                                            \
    do {                                                                                                               \
        EXPECT(0, "ls -A $TEST_DIR/tmp");                                                                              \
        cr_assert_str_eq(output, "");                                                                                  \
    } while (0)

/* --- Recorded values --- */

Test(check, recorded_values_are_compared) {
    EXPECT(0, CHECK "--record $TEST_DIR/a.tsv");
    /* Epochs 1, 2, 4, 8 and 10 of two splits, and seven metrics at most. */
    EXPECT(0, "grep -c 'epoch\\.' $TEST_DIR/a.tsv; grep -c '\tepoch.10.validation\t' $TEST_DIR/a.tsv");
    cr_assert_str_eq(output, "40\n4\n");
    EXPECT(0, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS("4 runs, 4 done; 4 checkpoints; all whole");
    EXPECT_SAYS("values of 4 runs: all as recorded\n");
    cr_assert_null(strstr(output, "not compared"), "%s", output);
    cr_assert_null(strstr(output, "difference"), "%s", output);
    EXPECT(0, CHECK "--baselines $TEST_DIR/a.tsv --verbose");
    EXPECT_SAYS("difference");
    EXPECT_SAYS("epoch.8.training");
    EXPECT(2, CHECK "--record $TEST_DIR/a.tsv");
    EXPECT_SAYS("is there already; --force replaces it");
    EXPECT(0, CHECK "--record $TEST_DIR/a.tsv --force");
    /* The same database elsewhere gives the same file. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/b.db --threads 2 --quiet &&"
              "$AFFJORD check --db $TEST_DIR/b.db --record $TEST_DIR/b.tsv && cmp $TEST_DIR/a.tsv $TEST_DIR/b.tsv");
}

Test(check, the_last_bit_of_a_loss_counts_if_bits_are_guaranteed) {
    EXPECT(0, CHECK "--record $TEST_DIR/a.tsv");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db \"SELECT loss FROM epoch WHERE run_id = 1 AND epoch = 8 AND split = "
              "'validation'\"");
    const double loss = atof(output);
    cr_assert(loss > 1 && loss < 4, "%g", loss);
    EXPECT(0,
           "sqlite3 $TEST_DIR/a.db \"UPDATE epoch SET loss = loss + %s WHERE run_id = 1 AND epoch = 8 AND split = "
           "'validation'\"",
           loss < 2 ? "2.3e-16" : "4.5e-16");
    EXPECT(1, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS(": 1 value beyond the tolerance, expected none (table above)");
    EXPECT_SAYS("epoch.8.validation");
    EXPECT_SAYS("the same operations in the same order everywhere");
    EXPECT(0, "grep -c epoch.8.training $TEST_DIR/a.tsv");
    EXPECT(0, "sed -i 's/\\(epoch.8.validation\t[^\t]*\\)\tbits/\\1\trelative 1e-12/' $TEST_DIR/a.tsv");
    EXPECT(0, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS("all as recorded");
    /* A NaN or a missing number is not a rounding difference. */
    CHANGE("UPDATE epoch SET loss = NULL, nonfinite = 'nan' WHERE run_id = 1 AND epoch = 8");
    EXPECT(1, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS(": 2 values beyond the tolerance");
    CHANGE("DELETE FROM metric WHERE run_id = 2 AND name = 'entropy_floor'");
    EXPECT(1, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS("nothing");
    EXPECT_SAYS(": 3 values beyond the tolerance");
}

Test(check, unmatched_runs_are_counted) {
    EXPECT(0, CHECK "--record $TEST_DIR/a.tsv");
    EXPECT(0, "sed -i '4,20s/^.\\{8\\}/00000000/' $TEST_DIR/a.tsv");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --quiet --seeds 2");
    EXPECT(0, CHECK "--baselines $TEST_DIR/a.tsv");
    EXPECT_SAYS("  not compared: 2 runs with recorded values, not in this database; start their experiments");
    EXPECT_SAYS(
        "  not compared: 3 runs of this database, without recorded values; --sample N computes N of them again");
    EXPECT(1, CHECK "--baselines $TEST_DIR/small.ini");
    EXPECT_SAYS("small.ini:1: \"[experiment]\": expected the names of the columns");
    /* By default, the project's files are compared. */
    EXPECT(0, "AFFJORD_ROOT=$PWD " CHECK);
    EXPECT_SAYS("tests/baselines: nothing to compare\n");
}

Test(check, wrong_usage_is_reported) {
    EXPECT(2, CHECK "--db $TEST_DIR/b.db");
    EXPECT_SAYS("expected one database");
    EXPECT(2, CHECK "--sample 1 --record $TEST_DIR/a.tsv");
    EXPECT_SAYS("expected one of --baselines, --record, --sample, --run and --restart");
    EXPECT(2, CHECK "--sample 0");
    EXPECT(2, CHECK "--run ffff0000");
    EXPECT_SAYS("no run of");
    EXPECT(1, "$AFFJORD check $TEST_DIR/none.db");
    EXPECT_SAYS("none.db");
    EXPECT(1, CHECK "--record $TEST_DIR/no/folder/a.tsv");
    EXPECT_SAYS("no/folder/a.tsv");
}

/* --- Computed again --- */

Test(check, a_sample_comes_out_the_same) {
    EXPECT(0, CHECK "--sample 3 --seed 5 --jobs 2 --threads 2");
    EXPECT_SAYS("Computing 3 of 4 runs again, chosen by --seed 5");
    EXPECT_SAYS(": the same, ");
    EXPECT_SAYS("3 of 3 runs came out the same");
    EXPECT_NOTHING_LEFT;
    /* The seed selects the runs. */
    EXPECT(0, CHECK "--sample 2 --seed 7 2>/dev/null");
    char *first = strdup(output);
    EXPECT(0, CHECK "--sample 2 --seed 7 2>/dev/null");
    cr_assert_str_eq(output, first);
    free(first);
    EXPECT(2, CHECK "--run 1 --experiment fig5");
    EXPECT(1, CHECK "--sample 2 --experiment other");
    /* More runs than the database has. */
    EXPECT(0, CHECK "--sample 9");
    EXPECT_SAYS("4 of 4 runs came out the same");
}

Test(check, a_changed_number_is_found_with_its_epoch) {
    CHANGE("UPDATE epoch SET loss = loss + 1e-15 WHERE run_id = 2 AND split = 'validation' AND epoch IN (3, 7)");
    EXPECT(1, CHECK "--sample 4");
    EXPECT_SAYS("differs, 2 of ");
    EXPECT_SAYS("first in epoch 3, validation: recorded ");
    EXPECT_SAYS("3 of 4 runs came out the same");
    EXPECT(1, CHECK "--run 2 --verbose");
    EXPECT_SAYS("epoch 7, validation: recorded ");
    EXPECT(0, CHECK "--run 1");
    EXPECT_SAYS("1 of 1 run came out the same");
    CHANGE("DELETE FROM epoch WHERE run_id = 1 AND epoch = 10");
    CHANGE("UPDATE metric SET value = 0.5 WHERE run_id = 1 AND name = 'entropy_floor'");
    EXPECT(1, CHECK "--run 1 --verbose");
    EXPECT_SAYS("epoch 10, training: recorded nothing, found ");
    EXPECT_SAYS("entropy_floor: recorded 0.5, found ");
    EXPECT_NOTHING_LEFT;
}

Test(check, settings_of_another_run_are_reported) {
    CHANGE("UPDATE setting SET value = '17' WHERE run_id = 1 AND key = 'width'");
    CHANGE("UPDATE setting SET key = 'wings' WHERE run_id = 2 AND section = 'model' AND key = 'join'");
    CHANGE("UPDATE run SET status = 'interrupted' WHERE run_id = 3");
    EXPECT(0, CHECK "--sample 4");
    EXPECT_SAYS("their settings mean other runs for this version of the program");
    EXPECT_SAYS("does not support their settings: unknown setting model.wings");
    EXPECT_SAYS("1 of 1 run came out the same");
    EXPECT(2, CHECK "--run 1");
    EXPECT_SAYS("cannot be computed again: their settings mean other runs");
    EXPECT(2, CHECK "--run 3");
    EXPECT_SAYS("is interrupted; expected a finished one");
    /* A setting that is not stored is newer than the run. */
    CHANGE("DELETE FROM setting WHERE run_id = 4 AND section = 'image'");
    EXPECT(0, CHECK "--run 4");
    /* Rows have the names from before a renaming; current names are read too. */
    EXPECT(0, "sqlite3 $TEST_DIR/a.db \"SELECT DISTINCT key, value FROM setting WHERE run_id = 4 AND section = 'model' "
              "AND key IN ('context', 'join', 'concat', 'start', 'initial_state') ORDER BY 1\"");
    EXPECT_SAYS("join|yes");
    EXPECT_SAYS("start|zero");
    CHANGE("UPDATE setting SET key = 'concat' WHERE run_id = 4 AND key = 'join'");
    EXPECT(0, CHECK "--run 4");
}

Test(check, a_table_is_found_by_the_file_of_its_experiment) {
    EXPECT(0,
           "awk 'BEGIN { for (i = 0; i < 300; i++) printf \"%%.6f,%%.6f\\n\", sin(i), cos(3 * i) }' >$TEST_DIR/pts.csv;"
           "sed 's/= ty/= pts.csv/; s/fig5/own/' $TEST_DIR/small.ini >$TEST_DIR/own.ini;"
           "$AFFJORD $TEST_DIR/own.ini --db $TEST_DIR/a.db --jobs 2 --quiet");
    EXPECT(0, CHECK "--sample 8");
    EXPECT_SAYS("pts affjord, seed 1: the same, ");
    EXPECT_SAYS("8 of 8 runs came out the same");
    EXPECT(0, "sed -i 1d $TEST_DIR/pts.csv");
    EXPECT(0, CHECK "--sample 8");
    EXPECT_SAYS("Not chosen: 4 runs, as ");
    EXPECT_SAYS("pts.csv\" is not what it was: expected SHA-256 ");
    EXPECT_SAYS("4 of 4 runs came out the same");
    EXPECT(0, "rm $TEST_DIR/pts.csv");
    EXPECT(0, CHECK "--sample 8");
    EXPECT_SAYS("pts.csv");
    EXPECT(0, "rm $TEST_DIR/own.ini");
    EXPECT(0, CHECK "--sample 8");
    EXPECT_SAYS("the data \"pts\" is not here: expected a table of points");
}

Test(check, the_reference_database_has_the_recorded_numbers) {
    EXPECT(0, "$AFFJORD check results/reference.db");
    EXPECT_SAYS("all whole");
    EXPECT_SAYS(": all as recorded");
    EXPECT(0, "sqlite3 -readonly results/reference.db \"SELECT count(*) FROM claims WHERE verdict != 'not run'\"");
    cr_assert_geq(atoi(output), 13);
}

Test(check, counts_are_counted_again) {
    EXPECT(0, "$AFFJORD experiments/table2.ini --db $TEST_DIR/count.db --quiet");
    EXPECT(0, "TMPDIR=$TEST_DIR/tmp $AFFJORD check $TEST_DIR/count.db --sample 12");
    EXPECT_SAYS("12 of 12 runs came out the same");
    EXPECT(0, "sqlite3 $TEST_DIR/count.db \"UPDATE metric SET value = value + 1 WHERE run_id = 5 AND name = "
              "'parameters_effective'\"");
    EXPECT(1, "TMPDIR=$TEST_DIR/tmp $AFFJORD check $TEST_DIR/count.db --sample 12");
    EXPECT_SAYS("first in parameters_effective: recorded ");
    EXPECT_SAYS("11 of 12 runs came out the same");
    EXPECT_NOTHING_LEFT;
}

Test(check, a_signal_ends_it_and_leaves_nothing) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --jobs 2 --quiet --seeds 5 --set "
              "train.iterations=6000 --set experiment.models=ffjord --set experiment.name=long");
    int outcome;
    cr_assert(stop_at(CHECK "--run 5", "ls -d $TEST_DIR/tmp/*/again.checkpoints 2>/dev/null | wc -l", RECORDING, SIGINT,
                      &outcome));
    cr_assert_eq(WEXITSTATUS(outcome), 1);
    EXPECT(0, "cat $TEST_DIR/printed");
    EXPECT_SAYS("not computed");
    EXPECT_SAYS("0 of 1 run came out the same");
    EXPECT_SAYS("Stopped");
    EXPECT_NOTHING_LEFT;
}

/* --- Archives --- */

static double difference(const char *name, const char *one, const char *other) {
    char paths[2][128];
    snprintf(paths[0], sizeof paths[0], "%s/%s/%s", folder, one, name);
    snprintf(paths[1], sizeof paths[1], "%s/%s/%s", folder, other, name);
    return picture_difference(paths[0], paths[1]);
}

static void expect_alike(const char *name, const char *one, const char *other, double bound) {
    const double seen = difference(name, one, other);
    cr_expect_leq(seen, bound, "%s differs by %g", name, seen);
}

static void expect_other(const char *name, const char *one, const char *other, double bound) {
    const double seen = difference(name, one, other);
    cr_expect_gt(seen, bound, "%s differs by %g", name, seen);
}

Test(check, an_archive_keeps_all_numbers_and_the_drawn_pictures) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --jobs 2 --quiet --seeds 2-9 --set "
              "output.density_cells=64");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db \"UPDATE run SET status = 'failed' WHERE run_id = 4\"");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/b.db --db $TEST_DIR/a.db");
    EXPECT_SAYS("b.db: 19 of 20 runs, 6 of 42 pictures, no checkpoints; ");
    EXPECT(0, "test $(stat -c %%s $TEST_DIR/b.db) -lt $(stat -c %%s $TEST_DIR/a.db)");
    EXPECT(0, "ls $TEST_DIR | grep b.db");
    cr_assert_str_eq(output, "b.db\n");
    /* The same numbers. */
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --record $TEST_DIR/a.tsv; $AFFJORD check $TEST_DIR/b.db --record "
              "$TEST_DIR/b.tsv; cmp $TEST_DIR/a.tsv $TEST_DIR/b.tsv");
    EXPECT(0, "$AFFJORD check $TEST_DIR/b.db");
    EXPECT_SAYS("19 runs, 19 done; 0 checkpoints; archived at 2");
    EXPECT_SAYS("all whole");
    EXPECT(0, "$AFFJORD check $TEST_DIR/b.db --sample 1");
    /* The picture differs only by invisible rounding; another run's picture differs more. */
    EXPECT(0,
           "for d in a b; do ./paper_figures.sh --db $TEST_DIR/$d.db --out $TEST_DIR/$d fig5 >/dev/null || exit 1; "
           "done; cd $TEST_DIR; cmp a/fig5.txt b/fig5.txt; cp a.db c.db; sqlite3 c.db \"UPDATE metric SET value = -1 "
           "WHERE name = 'final_validation_loss' AND run_id IN (SELECT run_id FROM run WHERE seed > 7)\"");
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/c.db --out $TEST_DIR/c fig5");
    expect_alike("fig5.png", "a", "b", 0.5);
    expect_alike("fig5_samples.png", "a", "b", 0.1);
    expect_other("fig5.png", "a", "c", 2);
    /* Models cannot be used, and new ones can be trained. */
    EXPECT(1, "$AFFJORD sample 1 --db $TEST_DIR/b.db --n 3 --output $TEST_DIR/x.npy");
    EXPECT_SAYS("has no checkpoint");
    EXPECT_SAYS("was archived without them at 2");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/b.db --jobs 2 --quiet --seeds 0-10");
    EXPECT(0, "$AFFJORD check $TEST_DIR/b.db");
    EXPECT_SAYS("22 runs, 22 done; 3 checkpoints; archived at 2");
    EXPECT(0, "$AFFJORD sample 22 --db $TEST_DIR/b.db --n 3 --output $TEST_DIR/x.npy");
}

Test(check, an_archive_keeps_the_moments_that_films_show) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --jobs 2 --quiet --set output.snapshots=3");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/b.db --db $TEST_DIR/a.db");
    EXPECT(0, "for d in a b; do sqlite3 $TEST_DIR/$d.db 'SELECT count(DISTINCT subject) FROM moment'; done;"
              "sqlite3 $TEST_DIR/b.db 'SELECT DISTINCT r.seed FROM moment m JOIN run r ON r.key = m.subject'");
    cr_assert_str_eq(output, "4\n2\n0\n");
    EXPECT(0, CHECK "--sample 1");
}

Test(check, an_archive_replaces_nothing_by_mistake) {
    EXPECT(2, "$AFFJORD export --archive");
    EXPECT_SAYS("export: the name is missing; expected the file of the archive");
    EXPECT(2, "$AFFJORD export --archive $TEST_DIR/a.db --db $TEST_DIR/a.db --force");
    EXPECT_SAYS("is read by this command");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/b.db --db $TEST_DIR/a.db");
    EXPECT(2, "$AFFJORD export --archive $TEST_DIR/b.db --db $TEST_DIR/a.db");
    EXPECT_SAYS("is there already; --force replaces it");
    EXPECT(0, "touch $TEST_DIR/b.db-wal; $AFFJORD export --archive $TEST_DIR/b.db --db $TEST_DIR/a.db --force");
    EXPECT(1, "$AFFJORD export --archive $TEST_DIR/c.db --db $TEST_DIR/none.db");
    EXPECT_SAYS("none.db");
    EXPECT(1, "$AFFJORD export --archive $TEST_DIR/no/c.db --db $TEST_DIR/a.db");
    EXPECT_SAYS("no/c.db");
    EXPECT(0, "ls $TEST_DIR | grep -e tmp. -e c.db -e wal || true");
    cr_assert_str_eq(output, "");
}

#endif
