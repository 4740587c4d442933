/* test_results_db_files.c - databases that are not writable or not valid: messages, and no lost rows. */
#include <signal.h>
#include <sys/resource.h>

#include "results_db_support.h"

TestSuite(results_db_files, .init = begin, .fini = end, .timeout = 60);

/* Check that the file is unchanged. */
static void check_untouched(const unsigned char *before, size_t size) {
    size_t now;
    unsigned char *after = scratch_read(path, &now);
    cr_expect_eq(now, size);
    cr_expect_eq(memcmp(before, after, size), 0);
    free(after);
}

static void check_refused(const char *words, const char *more) {
    size_t size;
    unsigned char *before = scratch_read(path, &size);
    for (int reading = 0; reading < 2; reading++) {
        results_db *db = NULL;
        error_info reason = {""};
        const status outcome = reading ? db_open_reading(path, &db, &reason) : db_open(path, NULL, NULL, &db, &reason);
        cr_expect_eq(outcome, STATUS_FORMAT);
        cr_expect_null(db);
        cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
        cr_expect_not_null(strstr(reason.text, words), "%s", reason.text);
        cr_expect_not_null(strstr(reason.text, more), "%s", reason.text);
    }
    check_untouched(before, size);
    free(before);
}

Test(results_db_files, other_schema_versions_are_refused_with_both_numbers) {
    close_db(open_db());
    change("UPDATE meta SET value = '14' WHERE key = 'schema_version'");
    check_refused("schema version 14", "supports versions up to 13: use a newer version");
    change("UPDATE meta SET value = '0' WHERE key = 'schema_version'");
    check_refused("of another program", "--db");
}

/* A database of version 1: without later tables, and with its own views. */
static void make_version_1(void) {
    results_db *db = open_db();
    put_finished(db, put_experiment(db, "e"), "k", "m", 3, 1.0);
    close_db(db);
    change("ALTER TABLE epoch DROP COLUMN running; DROP TABLE flow; DROP TABLE memory; DROP TABLE theory; DROP TABLE "
           "convolution_plan; "
           "DROP TABLE comparison; DROP TABLE sweep_run; DROP TABLE sweep_setting; DROP TABLE sweep_point; DROP TABLE "
           "sweep_comparison; DROP TABLE sweep_term; DROP VIEW table1; "
           "CREATE VIEW table1 AS SELECT "
           "'old' AS dataset;"
           "UPDATE meta SET value = '1' WHERE key = 'schema_version'");
}

/* Version 2 had two splits, and a check that rejects others. */
Test(results_db_files, version_2_gets_the_test_split) {
    results_db *db = open_db();
    put_finished(db, put_experiment(db, "e"), "k", "m", 3, 1.0);
    close_db(db);
    change("ALTER TABLE epoch DROP COLUMN running; DROP TABLE comparison;"
           "CREATE TABLE younger AS SELECT * FROM epoch; DROP TABLE epoch;"
           "CREATE TABLE epoch (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, iteration INTEGER NOT "
           "NULL, split TEXT NOT NULL CHECK (split IN ('training', 'validation')), loss REAL, nonfinite TEXT, "
           "nfe_forward REAL NOT NULL, nfe_backward REAL NOT NULL, wall_seconds REAL NOT NULL, peak_bytes INTEGER NOT "
           "NULL, PRIMARY KEY (run_id, epoch, split)) WITHOUT ROWID;"
           "INSERT INTO epoch SELECT * FROM younger; DROP TABLE younger; DROP TABLE moment;"
           "UPDATE meta SET value = '2' WHERE key = 'schema_version'");
    static const char rows[] = "SELECT run_id, epoch, iteration, split, loss, nfe_forward, peak_bytes FROM epoch WHERE "
                               "split != 'test' ORDER BY epoch, split";
    char *before = strdup(query(rows));
    cr_assert_gt(strlen(before), 50);
    db = open_db();
    const db_epoch tested = {.epoch = 1, .iteration = 100, .split = DB_TEST, .loss = 0.5};
    OK(db_put_epoch(db, 1, &tested, err));
    close_db(db);
    cr_expect_str_eq(query(rows), before);
    cr_expect_str_eq(query("SELECT loss FROM epoch WHERE split = 'test'"), "0.5;");
    cr_expect_str_eq(query("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%before'"), "0;");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
    cr_expect_str_eq(query("SELECT n FROM loss_curves WHERE split = 'test'"), "1;");
    free(before);
}

/* Version 7 had no sweeps: it can be read unchanged, and gets their tables when it is written. */
Test(results_db_files, version_7_gets_the_tables_of_sweeps) {
    results_db *db = open_db();
    const int64_t experiment = put_experiment(db, "e");
    put_finished(db, experiment, "k", "m", 3, 1.0);
    close_db(db);
    change("DROP TABLE sweep_run; DROP TABLE sweep_setting; DROP TABLE sweep_point; DROP TABLE sweep_comparison; "
           "DROP TABLE sweep_term; UPDATE meta SET value = '7' WHERE key = 'schema_version'");
    uint64_t points, pairs;
    OK(db_open_reading(path, &db, err));
    OK(db_count_points(db, experiment, &points, &pairs, err));
    cr_expect_eq(points + pairs, 0);
    OK(db_close(&db, err));
    db = open_db();
    OK(db_put_point(db, experiment, 5, "solver.steps = 3", err));
    OK(db_put_point_run(db, experiment, 5, 1, err));
    close_db(db);
    cr_expect_str_eq(query("SELECT point, label, model, seed, loss FROM sweep_runs"), "5|solver.steps = 3|m|3|1.0;");
    cr_expect_str_eq(query("SELECT count(*) FROM run"), "1;");
    /* Removing an experiment removes its points. */
    change("PRAGMA foreign_keys = ON; DELETE FROM experiment_run; DELETE FROM experiment");
    cr_expect_str_eq(query("SELECT (SELECT count(*) FROM sweep_point) + (SELECT count(*) FROM sweep_run)"), "0;");
}

static const char old_rows[] = "SELECT key, dataset, model, seed, status FROM run UNION ALL "
                               "SELECT epoch, split, iteration, loss, nfe_forward FROM epoch UNION ALL "
                               "SELECT name, value, nonfinite, '', '' FROM metric ORDER BY 1, 2";

Test(results_db_files, an_older_database_is_read_as_it_is) {
    make_version_1();
    size_t size;
    unsigned char *before = scratch_read(path, &size);
    results_db *db = NULL;
    db_run run = {.id = 0};
    OK(db_open_reading(path, &db, err));
    OK(db_find_run(db, "k", &run, err));
    cr_expect(run.id == 1 && run.state == RUN_DONE && run.seed == 3);
    OK(db_close(&db, err));
    check_untouched(before, size);
    free(before);
    cr_expect_str_eq(query("SELECT value FROM meta WHERE key = 'schema_version'"), "1;");
}

Test(results_db_files, an_older_database_gets_missing_tables_and_keeps_its_rows) {
    char version[16];
    make_version_1();
    char *before = strdup(query(old_rows));
    cr_assert_gt(strlen(before), 100);
    results_db *db = open_db();
    /* The new tables can be written. */
    db_run run = make_run(db, "l", "m", 4);
    OK(db_put_prediction(db, run.id, 5000, err));
    OK(db_put_peak(db, run.id, 4000, err));
    OK(db_put_peak(db, run.id, 3000, err));
    db_epoch row = {.epoch = 1, .iteration = 100, .peak_bytes = 4000, .flow_count = 2};
    row.flows[1] = (db_flow){.nfe_forward = 14, .nfe_backward = 13, .end_time = 1.5};
    OK(db_put_epoch(db, run.id, &row, err));
    OK(db_put_plan(db, run.id, 0, &(db_plan){"c", "data", "p"}, err));
    close_db(db);
    cr_expect_str_eq(query("SELECT plan FROM convolution_plan"), "p;");
    cr_expect_str_eq(query("SELECT run_id, predicted_bytes, peak_bytes FROM memory"), "2|5000|4000;");
    cr_expect_str_eq(query("SELECT flow, nfe_forward, nfe_backward, end_time FROM flow"),
                     "0|0.0|0.0|0.0;1|14.0|13.0|1.5;");
    change("DELETE FROM flow; DELETE FROM memory; DELETE FROM convolution_plan; DELETE FROM epoch WHERE run_id = 2; "
           "DELETE FROM run WHERE run_id = 2");
    cr_expect_str_eq(query(old_rows), before);
    snprintf(version, sizeof version, "%d;", DB_SCHEMA_VERSION);
    cr_expect_str_eq(query("SELECT value FROM meta WHERE key = 'schema_version'"), version);
    cr_expect_str_eq(query("SELECT count(*) FROM table1 WHERE dataset = 'old'"), "0;");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
    /* A second update changes nothing. */
    close_db(open_db());
    cr_expect_str_eq(query(old_rows), before);
    free(before);
}

Test(results_db_files, files_that_are_no_results_database_are_refused) {
    static const char words[] = "this is a letter, and long enough not to be taken for an empty file of SQLite's, "
                                "whose header has a hundred bytes; it has more than that.";
    scratch_write(path, words, sizeof words);
    check_refused("is not a database", "");
    cr_assert_eq(unlink(path), 0);
    change("CREATE TABLE mail (sender TEXT)");
    check_refused("another program", "--db");
}

Test(results_db_files, a_damaged_database_is_refused_and_kept) {
    results_db *db = open_db();
    put_finished(db, put_experiment(db, "e"), "k", "m", 0, 1.0);
    close_db(db);
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    memset(bytes + 100, 0xAB, 3000); /* the table of tables */
    scratch_write(path, bytes, size);
    free(bytes);
    check_refused("damaged", ".recover");
}

Test(results_db_files, an_empty_file_becomes_a_database) {
    results_db *db = NULL;
    error_info reason = {""};
    scratch_write(path, "", 0); /* as after a kill during its creation */
    cr_expect_eq(db_open_reading(path, &db, &reason), STATUS_FORMAT);
    cr_expect_not_null(strstr(reason.text, "empty"), "%s", reason.text);
    close_db(open_db());
    cr_expect_str_eq(query("SELECT count(*) FROM run"), "0;");
}

/* The state after a kill between the change to a write-ahead log and the creation of tables. */
Test(results_db_files, a_database_without_tables_is_one_that_nothing_was_recorded_in) {
    results_db *db = NULL;
    error_info reason = {""};
    OK(db_open_begun(path, &db, err));
    cr_expect_null(db, "there is no file");
    scratch_write(path, "", 0);
    cr_expect_str_eq(query("PRAGMA journal_mode = WAL"), "wal;");
    struct stat information;
    cr_assert_eq(stat(path, &information), 0);
    cr_assert_gt(information.st_size, 0);
    OK(db_open_begun(path, &db, err));
    cr_expect_null(db, "there are no tables");
    cr_expect_eq(db_open_reading(path, &db, &reason), STATUS_FORMAT);
    close_db(open_db());
    OK(db_open_begun(path, &db, err));
    cr_assert_not_null(db);
    close_db(db);
}

Test(results_db_files, missing_folders_and_files_are_named) {
    results_db *db = NULL;
    error_info reason = {""};
    cr_expect_eq(db_open_reading(path, &db, &reason), STATUS_IO);
    cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
    cr_expect_neq(access(path, F_OK), 0, "reading makes no file");
    scratch_path(folder, "none/none/results.db", path);
    cr_expect_eq(db_open(path, NULL, NULL, &db, &reason), STATUS_IO);
    cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
    cr_expect_null(db);
    /* One missing folder is made. */
    scratch_path(folder, "new/results.db", path);
    close_db(open_db());
    cr_expect_str_eq(query("SELECT count(*) FROM run"), "0;");
}

/* Root may write anywhere, so the check runs as another user. */
static void become_nobody(void) {
    if (geteuid() != 0) return;
    cr_assert_eq(chown(folder, 65534, 65534), 0);
    if (access(path, F_OK) == 0) cr_assert_eq(chown(path, 65534, 65534), 0);
    cr_assert_eq(setegid(65534), 0);
    cr_assert_eq(seteuid(65534), 0);
}

Test(results_db_files, a_read_only_folder_can_be_read_and_is_not_written) {
    results_db *db = open_db();
    make_run(db, "k", "m", 0);
    close_db(db);
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    cr_assert_eq(unlink(lock), 0);
    become_nobody();
    cr_assert_eq(chmod(folder, 0500), 0);
    error_info reason = {""};
    db_run run = {.id = 0};
    cr_expect_eq(db_open(path, NULL, NULL, &db, &reason), STATUS_IO);
    cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
    cr_expect_not_null(strstr(reason.text, "Permission denied"), "%s", reason.text);
    OK(db_open_reading(path, &db, err));
    OK(db_find_run(db, "k", &run, err));
    cr_expect_eq(run.id, 1);
    db_close(&db, NULL);
}

Test(results_db_files, a_failed_write_is_an_error_and_loses_no_committed_row) {
    results_db *db = open_db();
    const db_run run = make_run(db, "k", "m", 0);
    OK(db_put_metric(db, run.id, "before", 1, err));
    OK(db_commit(db, err));
    /* Limit files to 256 KiB, which has the effect of a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 262144, .rlim_max = RLIM_INFINITY}), 0);
    const size_t bytes = 1 << 20;
    void *data = calloc(1, bytes);
    cr_assert_not_null(data);
    const db_blob blob = {.subject = "k", .kind = "density", .rows = 512, .columns = 512, .data = data};
    error_info reason = {""};
    status outcome = db_put_blob(db, &blob, &reason);
    if (outcome == STATUS_OK) outcome = db_commit(db, &reason);
    cr_expect_eq(outcome, STATUS_IO);
    cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
    db_close(&db, NULL);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY}), 0);
    free(data);
    cr_expect_str_eq(query("SELECT name FROM metric"), "before;");
    cr_expect_str_eq(query("SELECT count(*) FROM sample_blob"), "0;");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
    close_db(open_db());
}
