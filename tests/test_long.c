/* test_long.c - long trainings and large databases, in short form: memory does not grow, and queries use indexes. A
 * million iterations and ten million rows are in tests/stress. */
#include "results_db_support.h"

Test(long_runs, memory_stays_as_it_is, .timeout = 300) {
    setenv("AFFJORD", AFFJORD_BINARY, 1);
    FILE *pipe = popen("sh tests/stress/long.sh 80000 2>&1", "r");
    cr_assert_not_null(pipe);
    char printed[4096];
    printed[fread(printed, 1, sizeof printed - 1, pipe)] = '\0';
    cr_assert_eq(pclose(pipe), 0, "%s", printed);
    cr_assert_not_null(strstr(printed, "80000 iterations, 3200 rows"), "%s", printed);
}

/* --- Queries --- */

/* A small version of the database of tests/stress/queries.sh. */
Test(long_runs, a_large_database_can_be_made_and_queried, .timeout = 300, .init = begin, .fini = end) {
    char command[512];
    snprintf(command, sizeof command,
             "AFFJORD=" AFFJORD_BINARY
             " sh tests/stress/make_large_db.sh %s/rows.db 20 2>&1 && sh tests/stress/queries.sh %s/rows.db 2>&1",
             folder, folder);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    char printed[8192];
    printed[fread(printed, 1, sizeof printed - 1, pipe)] = '\0';
    cr_assert_eq(pclose(pipe), 0, "%s", printed);
    cr_assert_not_null(strstr(printed, "rows of epoch"), "%s", printed);
}

/* SQLite's query plan. Without ANALYZE, the plan depends only on the schema, so an empty database has the plans of a
 * large one. */
static const char *plan(const char *question) {
    char sql[8192];
    cr_assert_lt(snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", question), (int)sizeof sql);
    return query(sql);
}

/* Return whether a step scans a whole table with rows for every epoch, by its names in the views. */
static bool reads_all_epochs(const char *steps) {
    static const char *const tables[] = {"epoch", "flow", "p", "q"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const char *at = steps; (at = strstr(at, "SCAN ")) != NULL;) {
            at += strlen("SCAN ");
            const size_t length = strcspn(at, " ;");
            if (length == strlen(tables[i]) && strncmp(at, tables[i], length) == 0) return true;
        }
    return false;
}

Test(long_runs, no_view_reads_all_epochs, .init = begin, .fini = end) {
    close_db(open_db());
    cr_assert(reads_all_epochs(plan("SELECT * FROM epoch p WHERE loss < 1")), "one that does is known");
    cr_assert(reads_all_epochs(plan("SELECT sum(loss) FROM epoch")), "one that does is known");
    static const char *const views[] = {"table1",       "table2",      "claims",       "toy_losses",
                                        "toy_rates",    "toy_tests",   "image_losses", "image_nfe",
                                        "image_solves", "loss_curves", "nfe_curves"};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        char question[128];
        snprintf(question, sizeof question, "SELECT * FROM %s", views[i]);
        cr_expect_not(reads_all_epochs(plan(question)), "%s: %s", question, plan(question));
    }
}

/* The curves of an experiment are read only from its runs, by the first column of the primary key. */
Test(long_runs, curves_are_found_by_experiment, .init = begin, .fini = end) {
    close_db(open_db());
    static const char *const questions[] = {
        "SELECT * FROM loss_curves WHERE experiment = 'fig6'",
        "SELECT * FROM loss_curves WHERE experiment = 'fig6' AND dataset = 'ty' AND model = 'affjord' AND split = "
        "'test'",
        "SELECT * FROM loss_curves WHERE experiment = 'fig6' AND split = 'validation' AND iteration % 500 = 0",
        "SELECT * FROM nfe_curves WHERE experiment = 'fig9' AND split = 'training'"};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const char *steps = plan(questions[i]);
        cr_expect_not_null(strstr(steps, "SEARCH e USING COVERING INDEX"), "%s: %s", questions[i], steps);
        cr_expect_not_null(strstr(steps, "SEARCH er USING"), "%s: %s", questions[i], steps);
        cr_expect_not_null(strstr(steps, "SEARCH p USING PRIMARY KEY (run_id=?"), "%s: %s", questions[i], steps);
    }
}

/* Queries and statements during trainings. */
Test(long_runs, no_statement_of_the_recorder_reads_all_epochs, .init = begin, .fini = end) {
    close_db(open_db());
    static const char *const statements[] = {
#define STATEMENT(name, sql) (sql),
#include "record/results_db_statements.def"
#undef STATEMENT
    };
    int looked_at = 0;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const char *sql = statements[i];
        if (strstr(sql, "shard.") || !strstr(sql, "epoch") || strncmp(sql, "INSERT OR REPLACE INTO epoch", 28) == 0)
            continue; /* of another file; of other tables; a single row */
        const char *steps = plan(sql);
        cr_expect_not(reads_all_epochs(steps) || strstr(steps, "SCAN t"), "%s: %s", sql, steps);
        looked_at++;
    }
    cr_expect_geq(looked_at, 6);
}
