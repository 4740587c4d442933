/* test_recorder.c - the results database: what is put in comes out, and what must not be touched is not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"
#include "scratch.h"

static char folder[64], path[128];

static void begin(void) {
    scratch_create(folder);
    scratch_path(folder, "results.db", path);
}

static void end(void) {
    chmod(folder, 0700);
    scratch_remove(folder);
}

TestSuite(recorder, .init = begin, .fini = end, .timeout = 60);

static recorder *open_book(void) {
    recorder *book = NULL;
    failure why = {""};
    cr_assert_eq(recorder_open(path, NULL, NULL, &book, &why), STATUS_OK, "%s", why.text);
    return book;
}

static void close_book(recorder *book) {
    failure why = {""};
    cr_assert_eq(recorder_close(&book, &why), STATUS_OK, "%s", why.text);
    cr_assert_null(book);
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        failure why_ = {""};                                                                                           \
        failure *why = &why_;                                                                                          \
        cr_assert_eq((call), STATUS_OK, "%s", why->text);                                                              \
    } while (0)

/* What a query gives, as the sqlite3 program prints it: columns parted by |, rows by ;, NULL as "null". */
static const char *query(const char *sql) {
    static char text[65536];
    size_t used = 0;
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    text[0] = '\0';
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++) {
            const char *value = (const char *)sqlite3_column_text(rows, i);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "|" : "", value ? value : "null");
            cr_assert_lt(used, sizeof text);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, ";");
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return text;
}

static recorder_run make_run(recorder *book, const char *key, const char *model, uint64_t seed) {
    recorder_run run = {.seed = seed, .iterations = 200};
    snprintf(run.key, sizeof run.key, "%s", key);
    snprintf(run.data_checksum, sizeof run.data_checksum, "c0ffee");
    snprintf(run.dataset, sizeof run.dataset, "ty");
    snprintf(run.model, sizeof run.model, "%s", model);
    OK(recorder_put_run(book, &run, why));
    OK(recorder_find_run(book, key, &run, why));
    cr_assert_gt(run.id, 0);
    return run;
}

static void put_loss(recorder *book, int64_t run, uint64_t epoch, double training, double validation) {
    recorder_epoch row = {.epoch = epoch, .iteration = 100 * epoch, .loss = training, .nfe_forward = 160,
                          .nfe_backward = 160, .wall_seconds = 0.5, .peak_bytes = 1000};
    OK(recorder_put_epoch(book, run, &row, why));
    row.validation = true;
    row.loss = validation;
    row.nfe_backward = 0;
    OK(recorder_put_epoch(book, run, &row, why));
}

/* An experiment with a finished run whose final validation loss is this. */
static void put_finished(recorder *book, int64_t experiment, const char *key, const char *model, uint64_t seed,
                         double loss) {
    const recorder_run run = make_run(book, key, model, seed);
    OK(recorder_put_member(book, experiment, run.id, why));
    put_loss(book, run.id, 1, loss + 1, loss - 0.25);
    put_loss(book, run.id, 2, loss + 0.5, loss);
    OK(recorder_put_metric(book, run.id, "entropy_floor", 0.5, why));
    OK(recorder_end_run(book, run.id, RUN_DONE, NULL, 200, 2.5, why));
}

static int64_t put_experiment(recorder *book, const char *name) {
    const recorder_experiment row = {.name = name, .title = "A title", .file = "a.ini"};
    int64_t id = 0;
    OK(recorder_put_experiment(book, &row, &id, why));
    cr_assert_gt(id, 0);
    return id;
}

Test(recorder, new_database_has_every_table_and_view) {
    close_book(open_book());
    cr_expect_str_eq(query("SELECT value FROM meta WHERE key = 'schema_version'"), "1;");
    cr_expect_str_eq(query("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = 'table' "
                           "ORDER BY name)"),
                     "checkpoint epoch experiment experiment_run meta metric reported run sample_blob setting;");
    cr_expect_str_eq(query("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type = 'view' "
                           "ORDER BY name)"),
                     "claims loss_curves nfe_curves table1 table2 toy_losses;");
    cr_expect_str_eq(query("PRAGMA journal_mode"), "wal;");
    /* Opened again, it is as it was. */
    close_book(open_book());
    cr_expect_str_eq(query("SELECT count(*) FROM meta"), "1;");
}

Test(recorder, reported_values_stand_beside_what_was_not_run) {
    close_book(open_book());
    cr_expect_str_eq(query("SELECT model, reported, ours_mean, ours_std, n_seeds, best_epoch, status FROM table1 "
                           "WHERE dataset = 'cifar10' AND model IN ('AFFJORD', 'FFJORD') ORDER BY model"),
                     "AFFJORD|null|null|null|0|null|not run;FFJORD|3.4|null|null|0|null|not run;");
    cr_expect_str_eq(query("SELECT count(*), count(paper), sum(paper), count(declared), count(effective) FROM table2"),
                     "12|12|29774158|0|0;");
    cr_expect_str_eq(query("SELECT paper FROM table2 WHERE dataset = 'mnist' AND architecture = 'hyper' "
                           "AND model = 'AFFJORD'"),
                     "4556169;");
    cr_expect_str_eq(query("SELECT id, n, verdict FROM claims ORDER BY id"),
                     "toy_loss_hash_gaussian|0|not run;toy_loss_ty|0|not run;");
}

Test(recorder, views_return_what_was_put_in) {
    recorder *book = open_book();
    const int64_t experiment = put_experiment(book, "fig6"), other = put_experiment(book, "other");
    put_finished(book, experiment, "a0", "ffjord", 0, 1.0);
    put_finished(book, experiment, "a1", "ffjord", 1, 1.5);
    put_finished(book, experiment, "b0", "affjord", 0, 0.5);
    put_finished(book, experiment, "b1", "affjord", 1, 0.75);
    put_finished(book, other, "c0", "ffjord", 7, 9.0);
    close_book(book);
    cr_expect_str_eq(query("SELECT model, n, mean, printf('%.6f', std), best, entropy_floor FROM toy_losses "
                           "WHERE experiment = 'fig6' ORDER BY model"),
                     "affjord|2|0.625|0.176777|0.25|0.5;ffjord|2|1.25|0.353553|0.75|0.5;");
    cr_expect_str_eq(query("SELECT n, mean, std FROM toy_losses WHERE experiment = 'other'"), "1|9.0|null;");
    cr_expect_str_eq(query("SELECT split, iteration, mean, printf('%.6f', std), n FROM loss_curves "
                           "WHERE experiment = 'fig6' AND model = 'ffjord' ORDER BY split, iteration"),
                     "training|100|2.25|0.353553|2;training|200|1.75|0.353553|2;"
                     "validation|100|1.0|0.353553|2;validation|200|1.25|0.353553|2;");
    cr_expect_str_eq(query("SELECT nfe_forward, nfe_backward, n FROM nfe_curves WHERE experiment = 'fig6' "
                           "AND model = 'ffjord' AND split = 'training' AND iteration = 100"),
                     "160.0|160.0|2;");
    /* (1.25 - 0.625) / 0.353553 = 1.7678; its error is the root of 1/2 + (1/2)^2/2 + 1.7678^2/2. */
    cr_expect_str_eq(query("SELECT printf('%.4f', measured), expected, n, printf('%.4f', uncertainty), verdict "
                           "FROM claims WHERE id = 'toy_loss_ty'"),
                     "1.7678|2.0|2|1.4790|supported;");
    cr_expect_str_eq(query("SELECT verdict FROM claims WHERE id = 'toy_loss_hash_gaussian'"), "not run;");
    cr_expect_str_eq(query("SELECT name, value FROM metric JOIN run USING (run_id) WHERE key = 'a0' ORDER BY name"),
                     "best_epoch|1.0;best_validation_loss|0.75;entropy_floor|0.5;final_validation_loss|1.0;");
}

Test(recorder, what_a_run_is_comes_back) {
    recorder *book = open_book();
    recorder_run run = make_run(book, "0123456789abcdef0123456789abcdef", "affjord", 3);
    cr_expect_eq(run.state, RUN_PLANNED);
    cr_expect_not(run.has_checkpoint);
    const recorder_session here = {.process = 42, .host = "h", .cpu = "c", .simd = "avx2", .git_commit = "abc",
                                   .git_dirty = true, .compiler = "cc", .compiler_flags = "-O2",
                                   .libraries = "SQLite", .command_line = "./run a.ini"};
    OK(recorder_start_run(book, run.id, &here, why));
    OK(recorder_put_parameters(book, run.id, 20179, why));
    OK(recorder_put_setting(book, run.id, "train", "batch", "512", why));
    OK(recorder_put_setting(book, run.id, "train", "batch", "64", why));
    const recorder_checkpoint saved = {.iteration = 100, .bytes = 77, .path = "results.checkpoints/x", .sha256 = "00"};
    OK(recorder_put_checkpoint(book, run.id, &saved, why));
    OK(recorder_put_progress(book, run.id, 120, 1.5, why));
    OK(recorder_find_run(book, run.key, &run, why));
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
    OK(recorder_end_run(book, run.id, RUN_FAILED, "no luck", 120, 2.0, why));
    OK(recorder_start_run(book, run.id, &here, why));
    OK(recorder_end_run(book, run.id, RUN_FAILED, "no luck again", 130, 3.0, why));
    OK(recorder_resolve_run(book, "01234", &run, why));
    cr_expect_eq(run.state, RUN_FAILED);
    cr_expect_str_eq(run.error, "no luck again");
    close_book(book);
    cr_expect_str_eq(query("SELECT sessions, process, host, simd, git_commit, git_dirty, gpu, wall_seconds FROM run"),
                     "2|null|h|avx2|abc|1|null|3.0;");
    cr_expect_str_eq(query("SELECT section, key, value FROM setting"), "train|batch|64;");
}

Test(recorder, runs_are_found_by_number_key_and_beginning) {
    recorder *book = open_book();
    recorder_run found;
    failure why = {""};
    make_run(book, "aa11", "m", 0);
    make_run(book, "aa22", "m", 1);
    OK(recorder_resolve_run(book, "2", &found, why));
    cr_expect_str_eq(found.key, "aa22");
    OK(recorder_resolve_run(book, "aa1", &found, why));
    cr_expect_str_eq(found.key, "aa11");
    cr_expect_eq(recorder_resolve_run(book, "aa", &found, &why), STATUS_INVALID);
    cr_expect_not_null(strstr(why.text, "several runs"), "%s", why.text);
    cr_expect_eq(recorder_resolve_run(book, "zz", &found, &why), STATUS_INVALID);
    cr_expect_eq(recorder_resolve_run(book, "", &found, &why), STATUS_INVALID);
    cr_expect_eq(recorder_resolve_run(book, "%", &found, &why), STATUS_INVALID);
    OK(recorder_find_run(book, "nowhere", &found, why));
    cr_expect_eq(found.id, 0);
    close_book(book);
}

Test(recorder, numbers_that_are_not_finite_keep_their_kind) {
    recorder *book = open_book();
    const recorder_run run = make_run(book, "k", "m", 0);
    put_loss(book, run.id, 1, NAN, 2.0);
    put_loss(book, run.id, 2, INFINITY, 1.0);
    put_loss(book, run.id, 3, -INFINITY, NAN);
    OK(recorder_put_metric(book, run.id, "odd", -INFINITY, why));
    OK(recorder_end_run(book, run.id, RUN_DONE, NULL, 300, 1, why));
    close_book(book);
    cr_expect_str_eq(query("SELECT loss, nonfinite FROM epoch WHERE split = 'training' ORDER BY epoch"),
                     "null|nan;null|inf;null|-inf;");
    cr_expect_str_eq(query("SELECT loss, nonfinite FROM epoch WHERE split = 'validation' ORDER BY epoch"),
                     "2.0|null;1.0|null;null|nan;");
    cr_expect_str_eq(query("SELECT name, value, nonfinite FROM metric ORDER BY name"),
                     "best_epoch|2.0|null;best_validation_loss|1.0|null;final_validation_loss|null|nan;"
                     "odd|null|-inf;");
}

Test(recorder, rows_written_again_replace_themselves) {
    recorder *book = open_book();
    const recorder_run run = make_run(book, "k", "m", 0);
    for (int i = 0; i < 2; i++) {
        make_run(book, "k", "m", 0);
        put_loss(book, run.id, 1, 0.1, 0.2);
        OK(recorder_put_metric(book, run.id, "entropy_floor", 0.1 + 0.2, why));
    }
    close_book(book);
    cr_expect_str_eq(query("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM epoch), "
                           "(SELECT count(*) FROM metric)"),
                     "1|2|1;");
    cr_expect_str_eq(query("SELECT value = 0.1 + 0.2 FROM metric"), "1;", "the same bits");
}

Test(recorder, blobs_are_their_bytes) {
    recorder *book = open_book();
    const float values[] = {0.1F, -0.0F, NAN, INFINITY, 1e-40F, 3.0F};
    bool has = true;
    OK(recorder_has_blob(book, "k", "density", &has, why));
    cr_expect_not(has);
    const recorder_blob blob = {.subject = "k", .kind = "density", .rows = 2, .columns = 3,
                                .window = {-1.5, 1.5, -1, 1}, .data = values};
    OK(recorder_put_blob(book, &blob, why));
    OK(recorder_has_blob(book, "k", "density", &has, why));
    cr_expect(has);
    OK(recorder_has_blob(book, "k", "samples", &has, why));
    cr_expect_not(has);
    close_book(book);
    char expected[128] = "";
    for (size_t i = 0; i < sizeof values; i++)
        snprintf(expected + 2 * i, 3, "%02X", ((const unsigned char *)values)[i]);
    strcat(expected, "|2|3|-1.5|1.5|-1.0|1.0;");
    cr_expect_str_eq(query("SELECT hex(data), rows, columns, x0, x1, y0, y1 FROM sample_blob"), expected);
}

/* End a process that has this run under way, and rows not committed. */
static void die_while_writing(double seconds_between) {
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        recorder *book = NULL;
        failure why;
        const recorder_session here = {.process = getpid()};
        if (recorder_open(path, NULL, NULL, &book, &why) != STATUS_OK) _exit(1);
        recorder_start_run(book, 1, &here, &why);
        recorder_commit(book, &why);
        recorder_put_metric(book, 1, "first", 1, &why);
        nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * seconds_between)}, NULL);
        recorder_tick(book, &why);
        recorder_put_metric(book, 1, "second", 2, &why);
        recorder_tick(book, &why);
        raise(SIGKILL);
    }
    int outcome = 0;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    cr_assert(WIFSIGNALED(outcome));
}

Test(recorder, rows_are_committed_in_time_and_a_dead_writer_leaves_no_running_run) {
    recorder *book = open_book();
    make_run(book, "k", "m", 0);
    close_book(book);
    die_while_writing(0.01);
    cr_expect_str_eq(query("SELECT status FROM run"), "running;");
    cr_expect_str_eq(query("SELECT count(*) FROM metric"), "0;", "too soon to be committed");
    die_while_writing(RECORDER_COMMIT_SECONDS + 0.05);
    cr_expect_str_eq(query("SELECT name FROM metric"), "first;");
    book = open_book();
    recorder_run run;
    OK(recorder_find_run(book, "k", &run, why));
    cr_expect_eq(run.state, RUN_INTERRUPTED);
    close_book(book);
    cr_expect_str_eq(query("SELECT status, process FROM run"), "interrupted|null;");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
}

static bool count_and_give_up(void *argument, const char *holder) {
    int *asked = argument;
    cr_expect_not_null(strstr(holder, "process "), "%s", holder);
    return ++*asked < 2;
}

Test(recorder, a_second_writer_waits_or_is_told) {
    recorder *book = open_book(), *second = NULL;
    make_run(book, "k", "m", 0);
    OK(recorder_commit(book, why));
    cr_expect(recorder_is_held(path));
    failure why = {""};
    int asked = 0;
    cr_expect_eq(recorder_open(path, NULL, NULL, &second, &why), STATUS_IO);
    cr_expect_not_null(strstr(why.text, path), "%s", why.text);
    cr_expect_eq(recorder_open(path, count_and_give_up, &asked, &second, &why), STATUS_IO);
    cr_expect_eq(asked, 2);
    cr_expect_null(second);
    /* Reading goes on meanwhile. */
    recorder_run run;
    OK(recorder_open_reading(path, &second, why));
    OK(recorder_find_run(second, "k", &run, why));
    cr_expect_eq(run.id, 1);
    cr_expect_neq(recorder_put_metric(second, 1, "x", 1, &why), STATUS_OK, "a reader cannot write");
    recorder_close(&second, NULL);
    close_book(book);
    cr_expect_not(recorder_is_held(path));
    close_book(open_book());
}

/* Every byte of the file is what it was. */
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
        recorder *book = NULL;
        failure why = {""};
        const status outcome =
            reading ? recorder_open_reading(path, &book, &why) : recorder_open(path, NULL, NULL, &book, &why);
        cr_expect_eq(outcome, STATUS_FORMAT);
        cr_expect_null(book);
        cr_expect_not_null(strstr(why.text, path), "%s", why.text);
        cr_expect_not_null(strstr(why.text, words), "%s", why.text);
        cr_expect_not_null(strstr(why.text, more), "%s", why.text);
    }
    check_untouched(before, size);
    free(before);
}

static void change(const char *sql) {
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(recorder, other_schema_versions_are_refused_with_both_numbers) {
    close_book(open_book());
    change("UPDATE meta SET value = '7' WHERE key = 'schema_version'");
    check_refused("schema version 7", "knows version 1: use a newer version");
    change("UPDATE meta SET value = '0' WHERE key = 'schema_version'");
    check_refused("schema version 0", "an older version");
}

Test(recorder, files_that_are_no_results_database_are_refused) {
    static const char words[] = "this is a letter, and long enough not to be taken for an empty file of SQLite's, "
                                "whose header has a hundred bytes; it has more than that.";
    scratch_write(path, words, sizeof words);
    check_refused("is not a database", "");
    cr_assert_eq(unlink(path), 0);
    change("CREATE TABLE mail (sender TEXT)");
    check_refused("another program", "--db");
}

Test(recorder, a_damaged_database_is_refused_and_kept) {
    recorder *book = open_book();
    put_finished(book, put_experiment(book, "e"), "k", "m", 0, 1.0);
    close_book(book);
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    memset(bytes + 100, 0xAB, 3000); /* the table of tables */
    scratch_write(path, bytes, size);
    free(bytes);
    check_refused("damaged", ".recover");
}

Test(recorder, an_empty_file_becomes_a_database) {
    recorder *book = NULL;
    failure why = {""};
    scratch_write(path, "", 0); /* as a process leaves it that is killed while it makes one */
    cr_expect_eq(recorder_open_reading(path, &book, &why), STATUS_FORMAT);
    cr_expect_not_null(strstr(why.text, "empty"), "%s", why.text);
    close_book(open_book());
    cr_expect_str_eq(query("SELECT count(*) FROM run"), "0;");
}

Test(recorder, missing_folders_and_files_are_named) {
    recorder *book = NULL;
    failure why = {""};
    cr_expect_eq(recorder_open_reading(path, &book, &why), STATUS_IO);
    cr_expect_not_null(strstr(why.text, path), "%s", why.text);
    cr_expect_neq(access(path, F_OK), 0, "reading makes no file");
    scratch_path(folder, "none/results.db", path);
    cr_expect_eq(recorder_open(path, NULL, NULL, &book, &why), STATUS_IO);
    cr_expect_not_null(strstr(why.text, path), "%s", why.text);
    cr_expect_null(book);
}

/* Root may write anywhere; the check is made as somebody else. */
static void become_nobody(void) {
    if (geteuid() != 0) return;
    cr_assert_eq(chown(folder, 65534, 65534), 0);
    if (access(path, F_OK) == 0) cr_assert_eq(chown(path, 65534, 65534), 0);
    cr_assert_eq(setegid(65534), 0);
    cr_assert_eq(seteuid(65534), 0);
}

Test(recorder, a_read_only_folder_can_be_read_and_is_not_written) {
    recorder *book = open_book();
    make_run(book, "k", "m", 0);
    close_book(book);
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    cr_assert_eq(unlink(lock), 0);
    become_nobody();
    cr_assert_eq(chmod(folder, 0500), 0);
    failure why = {""};
    recorder_run run = {.id = 0};
    cr_expect_eq(recorder_open(path, NULL, NULL, &book, &why), STATUS_IO);
    cr_expect_not_null(strstr(why.text, path), "%s", why.text);
    cr_expect_not_null(strstr(why.text, "Permission denied"), "%s", why.text);
    OK(recorder_open_reading(path, &book, why));
    OK(recorder_find_run(book, "k", &run, why));
    cr_expect_eq(run.id, 1);
    recorder_close(&book, NULL);
}

Test(recorder, a_full_disk_is_told_and_loses_no_committed_row) {
    recorder *book = open_book();
    const recorder_run run = make_run(book, "k", "m", 0);
    OK(recorder_put_metric(book, run.id, "before", 1, why));
    OK(recorder_commit(book, why));
    /* A process may not make files longer than this; the write fails as it does on a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit_bytes {
        unsigned long bytes;
    } limit = {0};
    (void)limit;
    close_book(book);
    cr_expect_str_eq(query("SELECT name FROM metric"), "before;");
}

Test(recorder, a_run_begun_again_has_nothing_left) {
    recorder *book = open_book();
    put_finished(book, put_experiment(book, "e"), "k", "m", 0, 1.0);
    put_finished(book, put_experiment(book, "e"), "l", "m", 1, 1.0);
    const float value = 1;
    const recorder_blob blob = {.subject = "k", .kind = "samples", .rows = 1, .columns = 1, .data = &value};
    const recorder_checkpoint saved = {.iteration = 200, .bytes = 1, .path = "p", .sha256 = "0"};
    OK(recorder_put_blob(book, &blob, why));
    OK(recorder_put_checkpoint(book, 1, &saved, why));
    OK(recorder_reset_run(book, 1, why));
    close_book(book);
    cr_expect_str_eq(query("SELECT key, status, iteration, (SELECT count(*) FROM epoch e WHERE e.run_id = r.run_id), "
                           "(SELECT count(*) FROM metric m WHERE m.run_id = r.run_id), (SELECT count(*) FROM "
                           "sample_blob), (SELECT count(*) FROM checkpoint) FROM run r ORDER BY key"),
                     "k|planned|0|0|0|0|0;l|done|200|4|4|0|0;");
}

static void count_faults(void *argument, const char *text) {
    cr_log_info("%s", text);
    ++*(int *)argument;
}

Test(recorder, check_finds_what_is_broken) {
    recorder *book = open_book();
    put_finished(book, put_experiment(book, "e"), "k", "m", 0, 1.0);
    close_book(book);
    int faults = 0;
    OK(recorder_open_reading(path, &book, why));
    OK(recorder_check(book, count_faults, &faults, why));
    recorder_close(&book, NULL);
    cr_expect_eq(faults, 0);
    change("PRAGMA foreign_keys = OFF; DELETE FROM run");
    OK(recorder_open_reading(path, &book, why));
    OK(recorder_check(book, count_faults, &faults, why));
    recorder_close(&book, NULL);
    cr_expect_geq(faults, 2);
}
