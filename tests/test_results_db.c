/* test_results_db.c - the results database: rows are read as written, and views have the right numbers. */
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "results_db_support.h"

TestSuite(results_db, .init = begin, .fini = end, .timeout = 60);

Test(results_db, new_database_has_every_table_and_view) {
    close_db(open_db());
    cr_expect_str_eq(query("SELECT value FROM meta WHERE key = 'schema_version'"), "13;");
    cr_expect_str_eq(
        query("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = 'table' "
              "ORDER BY name)"),
        "checkpoint comparison convolution_plan epoch experiment experiment_run flow memory meta metric moment "
        "reported run sample_blob setting sweep_comparison sweep_point sweep_run sweep_setting sweep_term "
        "theory;");
    cr_expect_str_eq(
        query("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = 'view' "
              "ORDER BY name)"),
        "adaptive_epochs claims final_losses image_losses image_nfe image_solves loss_curves nfe_curves regularized "
        "regularized_runs "
        "seed_statistics sweep_curves sweep_effects sweep_lengths sweep_losses sweep_runs sweep_settings table1 table2 "
        "theory_statements "
        "toy_losses toy_rates toy_tests;");
    cr_expect_str_eq(query("PRAGMA journal_mode"), "delete;");
    /* Opening it again changes nothing. */
    close_db(open_db());
    cr_expect_str_eq(query("SELECT count(*) FROM meta"), "1;");
}

Test(results_db, reported_values_have_rows_without_runs) {
    close_db(open_db());
    cr_expect_str_eq(query("SELECT model, reported, ours_mean, ours_std, n_seeds, best_epoch, status FROM table1 "
                           "WHERE dataset = 'cifar10' AND model IN ('AFFJORD', 'FFJORD') ORDER BY model"),
                     "AFFJORD|null|null|null|0|null|not run;FFJORD|3.4|null|null|0|null|not run;");
    cr_expect_str_eq(query("SELECT count(*), count(paper), sum(paper), count(declared), count(effective) FROM table2"),
                     "12|12|29774604|0|0;");
    cr_expect_str_eq(query("SELECT paper FROM table2 WHERE dataset = 'mnist' AND architecture = 'hyper' "
                           "AND model = 'AFFJORD'"),
                     "4556169;");
    cr_expect_str_eq(query("SELECT DISTINCT n, verdict FROM claims"), "0|not run;");
    cr_expect_str_eq(query("SELECT count(*) > 20 FROM claims"), "1;");
}

Test(results_db, views_return_the_inserted_values) {
    results_db *db = open_db();
    const int64_t experiment = put_experiment(db, "fig6"), other = put_experiment(db, "other");
    put_finished(db, experiment, "a0", "ffjord", 0, 1.0);
    put_finished(db, experiment, "a1", "ffjord", 1, 1.5);
    put_finished(db, experiment, "b0", "affjord", 0, 0.5);
    put_finished(db, experiment, "b1", "affjord", 1, 0.75);
    put_finished(db, other, "c0", "ffjord", 7, 9.0);
    close_db(db);
    cr_expect_str_eq(query("SELECT model, n, mean, printf('%.6f', std), best, entropy_floor FROM toy_losses "
                           "WHERE experiment = 'fig6' ORDER BY model"),
                     "affjord|2|0.625|0.176777|0.5|0.5;ffjord|2|1.25|0.353553|0.75|0.5;");
    cr_expect_str_eq(query("SELECT n, mean, std FROM toy_losses WHERE experiment = 'other'"), "1|9.0|null;");
    cr_expect_str_eq(query("SELECT split, iteration, mean, printf('%.6f', std), n FROM loss_curves "
                           "WHERE experiment = 'fig6' AND model = 'ffjord' ORDER BY split, iteration"),
                     "training|100|2.25|0.353553|2;training|200|1.75|0.353553|2;"
                     "validation|100|1.0|0.353553|2;validation|200|1.25|0.353553|2;");
    cr_expect_str_eq(query("SELECT nfe_forward, nfe_backward, n FROM nfe_curves WHERE experiment = 'fig6' "
                           "AND model = 'ffjord' AND split = 'training' AND iteration = 100"),
                     "160.0|160.0|2;");
    /* (1.25 - 0.625) / 0.353553 = 1.7678; two seeds have no interval. */
    cr_expect_str_eq(query("SELECT printf('%.4f', measured), expected, n, low, verdict "
                           "FROM claims WHERE id = 'toy_loss_ty'"),
                     "1.7678|2.0|2|null|undecided;");
    cr_expect_str_eq(query("SELECT verdict FROM claims WHERE id = 'toy_loss_hash_gaussian'"), "not run;");
    cr_expect_str_eq(query("SELECT name, value FROM metric JOIN run USING (run_id) WHERE key = 'a0' ORDER BY name"),
                     "best_epoch|1.0;best_validation_loss|0.75;entropy_floor|0.5;final_validation_loss|1.0;");
}

Test(results_db, rows_of_runs_are_read_as_written) {
    results_db *db = open_db();
    db_run run = make_run(db, "0123456789abcdef0123456789abcdef", "affjord", 3);
    cr_expect_eq(run.state, RUN_PLANNED);
    cr_expect_not(run.has_checkpoint);
    const db_session here = {.process = 42,
                             .host = "h",
                             .cpu = "c",
                             .simd = "avx2",
                             .git_commit = "abc",
                             .git_dirty = true,
                             .compiler = "cc",
                             .compiler_flags = "-O2",
                             .libraries = "SQLite",
                             .command_line = "./run a.ini"};
    OK(db_start_run(db, run.id, &here, err));
    OK(db_put_parameters(db, run.id, 20179, err));
    OK(db_put_setting(db, run.id, "train", "batch", "512", err));
    OK(db_put_setting(db, run.id, "train", "batch", "64", err));
    const db_checkpoint saved = {.iteration = 100, .bytes = 77, .path = "results.checkpoints/x", .sha256 = "00"};
    OK(db_put_checkpoint(db, run.id, &saved, err));
    OK(db_put_progress(db, run.id, 120, 1.5, err));
    OK(db_find_run(db, run.key, &run, err));
    cr_expect_eq(run.state, RUN_RUNNING);
    cr_expect_eq(run.seed, 3);
    cr_expect_eq(run.parameters, 20179);
    cr_expect_eq(run.iteration, 120);
    cr_expect_eq(run.iterations, 200);
    cr_expect_eq(run.wall_seconds, 1.5);
    cr_expect(run.has_checkpoint);
    cr_expect_eq(run.checkpoint_iteration, 100);
    cr_expect_eq(run.checkpoint_bytes, 77);
    cr_expect_str_eq(run.checkpoint_path, "results.checkpoints/x");
    OK(db_end_run(db, run.id, RUN_FAILED, "no luck", 120, 2.0, err));
    OK(db_start_run(db, run.id, &here, err));
    OK(db_end_run(db, run.id, RUN_FAILED, "no luck again", 130, 3.0, err));
    OK(db_resolve_run(db, "01234", &run, err));
    cr_expect_eq(run.state, RUN_FAILED);
    cr_expect_str_eq(run.error, "no luck again");
    close_db(db);
    cr_expect_str_eq(query("SELECT sessions, process, host, simd, git_commit, git_dirty, gpu, wall_seconds FROM run"),
                     "2|null|h|avx2|abc|1|null|3.0;");
    cr_expect_str_eq(query("SELECT section, key, value FROM setting"), "train|batch|64;");
}

Test(results_db, runs_are_found_by_number_key_and_beginning) {
    results_db *db = open_db();
    db_run found;
    error_info reason = {""};
    make_run(db, "aa11", "m", 0);
    make_run(db, "aa22", "m", 1);
    OK(db_resolve_run(db, "2", &found, err));
    cr_expect_str_eq(found.key, "aa22");
    OK(db_resolve_run(db, "aa1", &found, err));
    cr_expect_str_eq(found.key, "aa11");
    cr_expect_eq(db_resolve_run(db, "aa", &found, &reason), STATUS_INVALID);
    cr_expect_not_null(strstr(reason.text, "several runs"), "%s", reason.text);
    cr_expect_eq(db_resolve_run(db, "zz", &found, &reason), STATUS_INVALID);
    cr_expect_eq(db_resolve_run(db, "", &found, &reason), STATUS_INVALID);
    cr_expect_eq(db_resolve_run(db, "%", &found, &reason), STATUS_INVALID);
    OK(db_find_run(db, "nowhere", &found, err));
    cr_expect_eq(found.id, 0);
    close_db(db);
}

Test(results_db, numbers_that_are_not_finite_keep_their_kind) {
    results_db *db = open_db();
    const db_run run = make_run(db, "k", "m", 0);
    put_loss(db, run.id, 1, NAN, 2.0);
    put_loss(db, run.id, 2, INFINITY, 1.0);
    put_loss(db, run.id, 3, -INFINITY, NAN);
    OK(db_put_metric(db, run.id, "odd", -INFINITY, err));
    OK(db_end_run(db, run.id, RUN_DONE, NULL, 300, 1, err));
    close_db(db);
    cr_expect_str_eq(query("SELECT loss, nonfinite FROM epoch WHERE split = 'training' ORDER BY epoch"),
                     "null|nan;null|inf;null|-inf;");
    cr_expect_str_eq(query("SELECT loss, nonfinite FROM epoch WHERE split = 'validation' ORDER BY epoch"),
                     "2.0|null;1.0|null;null|nan;");
    cr_expect_str_eq(query("SELECT name, value, nonfinite FROM metric ORDER BY name"),
                     "best_epoch|2.0|null;best_validation_loss|1.0|null;final_validation_loss|null|nan;"
                     "odd|null|-inf;");
}

Test(results_db, rows_written_again_replace_themselves) {
    results_db *db = open_db();
    const db_run run = make_run(db, "k", "m", 0);
    for (int i = 0; i < 2; i++) {
        make_run(db, "k", "m", 0);
        put_loss(db, run.id, 1, 0.1, 0.2);
        OK(db_put_metric(db, run.id, "entropy_floor", 0.1 + 0.2, err));
    }
    close_db(db);
    cr_expect_str_eq(query("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM epoch), "
                           "(SELECT count(*) FROM metric)"),
                     "1|2|1;");
    cr_expect_str_eq(query("SELECT value = 0.1 + 0.2 FROM metric"), "1;", "the same bits");
}

/* One row from the start, and another at each change of plans; repeated iterations leave the same rows. */
Test(results_db, plans_are_rows_where_they_change) {
    static const char rows[] = "SELECT way, iteration, plan FROM convolution_plan ORDER BY way, iteration";
    const db_plan one = {"c", "data", "p"}, two = {"c", "weight", "p"}, other = {"c", "data", "q"};
    results_db *db = open_db();
    const int64_t id = make_run(db, "k", "m", 0).id;
    OK(db_put_plan(db, id, 0, &one, err));
    OK(db_put_plan(db, id, 0, &two, err));
    OK(db_put_plan(db, id, 10, &one, err));
    OK(db_put_plan(db, id, 20, &other, err));
    OK(db_put_plan(db, id, 20, &two, err));
    OK(db_put_plan(db, id, 30, &one, err));
    OK(db_commit(db, err));
    cr_expect_str_eq(query(rows), "data|0|p;data|20|q;data|30|p;weight|0|p;");
    OK(db_drop_plans(db, id, 20, err));
    OK(db_put_plan(db, id, 20, &one, err));
    OK(db_commit(db, err));
    cr_expect_str_eq(query(rows), "data|0|p;weight|0|p;");
    OK(db_put_plan(db, make_run(db, "l", "m", 1).id, 0, &other, err));
    OK(db_reset_run(db, id, err));
    close_db(db);
    cr_expect_str_eq(query(rows), "data|0|q;");
}

Test(results_db, blobs_are_their_bytes) {
    results_db *db = open_db();
    const float values[] = {0.1F, -0.0F, NAN, INFINITY, 1e-40F, 3.0F};
    bool has = true;
    OK(db_has_blob(db, "k", "density", &has, err));
    cr_expect_not(has);
    const db_blob blob = {
        .subject = "k", .kind = "density", .rows = 2, .columns = 3, .window = {-1.5, 1.5, -1, 1}, .data = values};
    OK(db_put_blob(db, &blob, err));
    OK(db_has_blob(db, "k", "density", &has, err));
    cr_expect(has);
    OK(db_has_blob(db, "k", "samples", &has, err));
    cr_expect_not(has);
    close_db(db);
    char expected[128] = "";
    for (size_t i = 0; i < sizeof values; i++)
        snprintf(expected + 2 * i, 3, "%02X", ((const unsigned char *)values)[i]);
    strcat(expected, "|2|3|-1.5|1.5|-1.0|1.0;");
    cr_expect_str_eq(query("SELECT hex(data), rows, columns, x0, x1, y0, y1 FROM sample_blob"), expected);
}

/* Kill a process with this running run and uncommitted rows. */
static void die_while_writing(double seconds_between) {
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        results_db *db = NULL;
        error_info reason;
        const db_session here = {.process = getpid()};
        if (db_open(path, NULL, NULL, &db, &reason) != STATUS_OK) _exit(1);
        db_start_run(db, 1, &here, &reason);
        db_commit(db, &reason);
        db_put_metric(db, 1, "first", 1, &reason);
        nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * seconds_between)}, NULL);
        if (db_due(db) == 0) db_commit(db, &reason);
        db_put_metric(db, 1, "second", 2, &reason);
        if (db_due(db) == 0) db_commit(db, &reason);
        raise(SIGKILL);
    }
    int outcome = 0;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    cr_assert(WIFSIGNALED(outcome));
}

Test(results_db, rows_are_committed_in_time_and_a_dead_writer_leaves_no_running_run) {
    results_db *db = open_db();
    make_run(db, "k", "m", 0);
    close_db(db);
    die_while_writing(0.01);
    cr_expect_str_eq(query("SELECT status FROM run"), "running;");
    cr_expect_str_eq(query("SELECT count(*) FROM metric"), "0;", "too soon to be committed");
    die_while_writing(DB_COMMIT_SECONDS + 0.05);
    cr_expect_str_eq(query("SELECT name FROM metric"), "first;");
    db = open_db();
    db_run run;
    OK(db_find_run(db, "k", &run, err));
    cr_expect_eq(run.state, RUN_INTERRUPTED);
    close_db(db);
    cr_expect_str_eq(query("SELECT status, process FROM run"), "interrupted|null;");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
}

static bool count_and_give_up(void *argument, const char *holder, double seconds) {
    int *calls = argument;
    cr_expect_not_null(strstr(holder, "process "), "%s", holder);
    cr_expect_geq(seconds, 0);
    return ++*calls < 2;
}

Test(results_db, a_second_writer_waits_or_fails) {
    results_db *db = open_db(), *second = NULL;
    make_run(db, "k", "m", 0);
    OK(db_commit(db, err));
    cr_expect(db_is_locked(path));
    error_info reason = {""};
    int calls = 0;
    cr_expect_eq(db_open(path, NULL, NULL, &second, &reason), STATUS_IO);
    cr_expect_not_null(strstr(reason.text, path), "%s", reason.text);
    cr_expect_eq(db_open(path, count_and_give_up, &calls, &second, &reason), STATUS_IO);
    cr_expect_eq(calls, 2);
    cr_expect_null(second);
    /* Readers are not blocked. */
    db_run run;
    OK(db_open_reading(path, &second, err));
    OK(db_find_run(second, "k", &run, err));
    cr_expect_eq(run.id, 1);
    cr_expect_neq(db_put_metric(second, 1, "x", 1, &reason), STATUS_OK, "a reader cannot write");
    db_close(&second, NULL);
    close_db(db);
    cr_expect_not(db_is_locked(path));
    close_db(open_db());
}

Test(results_db, a_run_begun_again_has_nothing_left) {
    results_db *db = open_db();
    put_finished(db, put_experiment(db, "e"), "k", "m", 0, 1.0);
    put_finished(db, put_experiment(db, "e"), "l", "m", 1, 1.0);
    const float value = 1;
    const db_blob blob = {.subject = "k", .kind = "samples", .rows = 1, .columns = 1, .data = &value};
    const db_checkpoint saved = {.iteration = 200, .bytes = 1, .path = "p", .sha256 = "0"};
    OK(db_put_blob(db, &blob, err));
    OK(db_put_checkpoint(db, 1, &saved, err));
    OK(db_reset_run(db, 1, err));
    close_db(db);
    cr_expect_str_eq(query("SELECT key, status, iteration, (SELECT count(*) FROM epoch e WHERE e.run_id = r.run_id), "
                           "(SELECT count(*) FROM metric m WHERE m.run_id = r.run_id), (SELECT count(*) FROM "
                           "sample_blob), (SELECT count(*) FROM checkpoint) FROM run r ORDER BY key"),
                     "k|planned|0|0|0|0|0;l|done|200|4|4|0|0;");
}

static void count_faults(void *argument, const char *text) {
    cr_log_info("%s", text);
    ++*(int *)argument;
}

Test(results_db, check_detects_damage) {
    results_db *db = open_db();
    put_finished(db, put_experiment(db, "e"), "k", "m", 0, 1.0);
    close_db(db);
    int faults = 0;
    OK(db_open_reading(path, &db, err));
    OK(db_check(db, count_faults, &faults, err));
    db_close(&db, NULL);
    cr_expect_eq(faults, 0);
    change("PRAGMA foreign_keys = OFF; DELETE FROM run");
    OK(db_open_reading(path, &db, err));
    OK(db_check(db, count_faults, &faults, err));
    db_close(&db, NULL);
    cr_expect_geq(faults, 2);
}
