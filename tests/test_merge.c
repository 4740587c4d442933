/* test_merge.c - merging shards: which rows are copied, which stay, and interruptions. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "record/results_db.h"
#include "stop_support.h"

/* Two models, two seeds, a few hundred tiny iterations each. */
static const char small_experiment[] = TINY_EXPERIMENT("small", "0-1", "600", "50");

static void begin(void) {
    begin_run(small_experiment);
}

TestSuite(merge, .init = begin, .fini = end_run, .timeout = 600);

/* The path of the n-th shard in the order of keys, for the shell. */
#define SHARD(n) "$(ls $TEST_DIR/shards/*/*.db | sed -n " #n "p)"

static void compute_shards(const char *options) {
    for (int i = 0; i < 4; i++)
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only %d --quiet %s", i, options);
}

Test(merge, shards_give_the_numbers_of_a_local_run_to_the_bit) {
    char *expected = undisturbed();
    compute_shards("");
    EXPECT(0, "test ! -e $TEST_DIR/merged.db && ls $TEST_DIR/shards/*/*-wal $TEST_DIR/shards/*/*-journal; "
              "sqlite3 " SHARD(1) " 'PRAGMA journal_mode'");
    cr_assert(strstr(output, "delete"), "%s", output);
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db");
    EXPECT_SAYS("4 shards: 4 runs merged into");
    check_same(expected, "merged.db");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/merged.db");
    EXPECT_SAYS("4 checkpoints; all whole");
    /* Host and program are merged too; the experiment has its runs. */
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db \"SELECT count(*), count(DISTINCT command_line), min(length(host)) > 0, "
              "sum(wall_seconds > 0) FROM run; SELECT name, count(*) FROM experiment JOIN experiment_run USING "
              "(experiment_id); PRAGMA foreign_key_check\"");
    cr_assert_str_eq(output, "4|4|1|4\nsmall|4\n");
    /* A second merge changes nothing, and no run is pending. */
    EXPECT(0,
           "sqlite3 $TEST_DIR/merged.db .dump | sha256sum > $TEST_DIR/before; $AFFJORD merge --db $TEST_DIR/merged.db;"
           "sqlite3 $TEST_DIR/merged.db .dump | sha256sum | cmp - $TEST_DIR/before");
    EXPECT_SAYS("0 runs merged");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db; sqlite3 $TEST_DIR/merged.db "
              "'SELECT max(sessions) FROM run'");
    EXPECT_SAYS("\n1\n");
    free(expected);
}

/* Runs that are long enough to be interrupted on any machine: several seconds here. */
static void lengthen(void) {
    EXPECT(0, "sed -i 's/^iterations = .*/iterations = 6000/' $TEST_DIR/small.ini");
}

Test(merge, a_task_resumes_from_the_checkpoint_of_its_shard) {
    char *expected = undisturbed();
    int stopped = 0;
    for (int i = 0; i < 4; i++) {
        char command[128];
        snprintf(command, sizeof command, START "--db $TEST_DIR/merged.db --only %d", i);
        stopped += stop_repeatedly(command, CHECKPOINTED("$TEST_DIR/shards/*/*.checkpoints"), 100, 600 * (i + 1),
                                   i % 2 ? KILLED : ASKED);
        EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only %d --quiet", i);
    }
    cr_assert_gt(stopped, 3, "stopped %d times", stopped);
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db --quiet");
    check_same(expected, "merged.db");
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db 'SELECT max(sessions) > 1 FROM run'");
    cr_assert_str_eq(output, "1\n");
    free(expected);
}

Test(merge, a_run_is_named_by_number_or_key_and_nothing_else) {
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only 4");
    EXPECT_SAYS("--only 4: the plan has runs 0 to 3");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only abc");
    EXPECT_SAYS("expected the number of a run in the plan, or at least 8 digits of its key");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only 00000000000");
    EXPECT_SAYS("none of the 4 runs of the plan has a key that begins so; were settings changed since?");
    EXPECT(0, "key=$($AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --dry-run | sed -n 's/^  "
              "\\([0-9a-f]\\{32\\}\\) .*/"
              "\\1/p' | sed -n 3p); $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only $key --quiet; "
              "ls $TEST_DIR/shards/*/$key.db");
}

/* Tasks run, are stopped and resumed during merges, some of which are killed. */
Test(merge, merged_while_tasks_run_and_killed_at_any_moment) {
    lengthen();
    char *expected = undisturbed();
    EXPECT(0, "for i in 0 1 2 3; do $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --only $i --quiet & done; "
              "n=0; while [ $n -lt 25 ]; do n=$((n + 1)); "
              "timeout --signal=KILL 0.0$((n %% 10)) $AFFJORD merge --db $TEST_DIR/merged.db --quiet; "
              "$AFFJORD merge --db $TEST_DIR/merged.db --quiet && $AFFJORD check --db $TEST_DIR/merged.db | "
              "grep -v 'all whole'; done 2>&1 | grep -v Killed | grep fault; wait");
    cr_assert_str_eq(output, "", "%s", output);
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db");
    check_same(expected, "merged.db");
    EXPECT(0, "ls $TEST_DIR/merged.checkpoints | wc -l");
    cr_assert_str_eq(output, "4\n", "older checkpoints were swept: %s", output);
    free(expected);
}

/* A finished run is not replaced; of unfinished ones the later iteration stays, and a local run resumes there. */
Test(merge, later_iterations_win_and_finished_runs_stay) {
    char *expected = undisturbed();
    int outcome = 0;
    cr_assert(stop_at(START "--db $TEST_DIR/merged.db --only 0",
                      "ls $TEST_DIR/shards/*/*.checkpoints/*.safetensors 2>/dev/null | wc -l", RECORDING, SIGTERM,
                      &outcome));
    EXPECT(0, "mkdir $TEST_DIR/old; cp -r $TEST_DIR/shards $TEST_DIR/old/; $AFFJORD merge --db $TEST_DIR/merged.db; "
              "sqlite3 $TEST_DIR/merged.db 'SELECT status, iteration > 0, process FROM run'");
    EXPECT_SAYS("\ninterrupted|1|\n");
    EXPECT_SAYS("1 not done yet");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --quiet");
    check_same(expected, "merged.db");
    EXPECT(0, "$AFFJORD merge --shards $TEST_DIR/old/shards --db $TEST_DIR/merged.db");
    EXPECT_SAYS("0 runs merged");
    check_same(expected, "merged.db");
    /* The reverse: the shard has more iterations than the database. */
    EXPECT(0, "$AFFJORD merge --shards $TEST_DIR/old/shards --db $TEST_DIR/again.db --quiet; "
              "$AFFJORD merge $TEST_DIR/merged.db --db $TEST_DIR/again.db");
    EXPECT_SAYS("1 shard: 4 runs merged");
    check_same(expected, "again.db");
    free(expected);
}

/* After a change of settings, an experiment does not get its older runs back. */
Test(merge, shards_under_older_settings_stay_out_of_the_experiment) {
    compute_shards("--set train.iterations=50");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db --quiet; sleep 1.1; "
              "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/merged.db --set train.iterations=100 --quiet; "
              "$AFFJORD merge --db $TEST_DIR/merged.db --quiet; sqlite3 $TEST_DIR/merged.db \"SELECT count(*), "
              "min(iterations), (SELECT count(*) FROM run) FROM experiment_run JOIN run USING (run_id)\"");
    cr_assert_str_eq(output, "4|100|8\n", "%s", output);
}

Test(merge, moments_made_later_are_added_to_a_finished_run) {
    compute_shards("");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db --quiet; sleep 1.1");
    compute_shards("--set output.snapshots=3");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db; $AFFJORD merge --db $TEST_DIR/merged.db --quiet; "
              "sqlite3 $TEST_DIR/merged.db 'SELECT count(*), count(DISTINCT subject) FROM moment'");
    EXPECT_SAYS("40|4\n");
}

/* A run is computed again for numbers that its rows lack. They are merged only if the run is bit-identical; a different
 * run is counted. */
Test(merge, finished_runs_are_completed_with_numbers_they_lack) {
    const char *const tables = "sqlite3 $TEST_DIR/merged.db 'SELECT * FROM metric; SELECT * FROM epoch' | sha256sum";
    compute_shards("");
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db --quiet; %s > $TEST_DIR/whole", tables);
    EXPECT(0,
           "sqlite3 $TEST_DIR/merged.db \"DELETE FROM metric WHERE name LIKE 'final_loss%%'; "
           "SELECT changes() > 0; UPDATE epoch SET running = NULL\"; "
           "$AFFJORD merge --db $TEST_DIR/merged.db; %s | cmp - $TEST_DIR/whole && "
           "$AFFJORD merge --db $TEST_DIR/merged.db",
           tables);
    EXPECT_SAYS("1\n4 shards: 0 runs merged");
    EXPECT_SAYS("4 completed with numbers they lacked\n4 shards: 0 runs merged");
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db \"DELETE FROM metric WHERE name LIKE 'final_loss%%'; UPDATE epoch SET "
              "loss = loss + 1e-15 WHERE epoch = 1 AND run_id IN (SELECT run_id FROM run WHERE seed = 0)\"; "
              "$AFFJORD merge --db $TEST_DIR/merged.db");
    EXPECT_SAYS("2 completed with numbers they lacked, 2 not completed, as their losses differ\n");
}

Test(merge, removed_when_they_are_in_the_database) {
    char *expected = undisturbed();
    compute_shards("");
    EXPECT(0, "$AFFJORD merge --remove --db $TEST_DIR/merged.db; find $TEST_DIR/shards -type f");
    EXPECT_SAYS("4 removed\n");
    cr_assert_null(strstr(output, "/shards/"), "%s", output);
    check_same(expected, "merged.db");
    EXPECT(0, "$AFFJORD check --db $TEST_DIR/merged.db");
    free(expected);
}

Test(merge, unmergeable_shards_are_named_and_others_merged) {
    compute_shards("--set train.iterations=50");
    EXPECT(0, "sqlite3 " SHARD(1) " \"UPDATE meta SET value = '0' WHERE key = 'schema_version'\"; "
                                  "sqlite3 " SHARD(2) " \"UPDATE meta SET value = '99' WHERE key = 'schema_version'\"; "
                                                      "head -c 100000 /dev/urandom > " SHARD(
                                                          3) "; "
                                                             "mkdir -p $TEST_DIR/shards/00; : > "
                                                             "$TEST_DIR/shards/00/00000000000000000000000000000000.db");
    EXPECT(1, "$AFFJORD merge --db $TEST_DIR/merged.db");
    EXPECT_SAYS(": it is a database of another program");
    EXPECT_SAYS(
        "its schema has version 99, that of the database version 13; use the version of the program that wrote it");
    EXPECT_SAYS("merged.db\": file is not a database");
    EXPECT_SAYS("5 shards: 1 run merged");
    EXPECT_SAYS("3 refused");
    EXPECT(1, "$AFFJORD merge $TEST_DIR/nothing.db --db $TEST_DIR/merged.db");
    EXPECT_SAYS("nothing.db\" into");
    EXPECT(1, "$AFFJORD merge $TEST_DIR/merged.db --db $TEST_DIR/merged.db");
    EXPECT_SAYS("they are one file");
}

/* It is read as a copy with this version's schema, and is not changed. */
Test(merge, shards_of_an_older_version_are_merged) {
    compute_shards("--set train.iterations=50");
    EXPECT(0, "sqlite3 " SHARD(1) " \"ALTER TABLE epoch DROP COLUMN running; UPDATE meta SET value = '4' WHERE key = "
                                  "'schema_version'\"; sha256sum " SHARD(
                                      1) " > $TEST_DIR/sum; "
                                         "$AFFJORD merge --db $TEST_DIR/merged.db; sha256sum -c $TEST_DIR/sum");
    EXPECT_SAYS("4 shards: 4 runs merged");
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db \"SELECT count(*), sum(running IS NULL) FROM epoch WHERE split = "
              "'training'; SELECT count(*) FROM run WHERE status = 'done'\"");
    EXPECT_SAYS("4|1\n4\n");
}

/* --- Many --- */

/* Make a shard with one finished run, this number of epoch rows, and its checkpoint. */
static void make_template(const char *file, uint64_t rows) {
    results_db *db;
    error_info err = {""};
    int64_t experiment;
    db_run run = {.iterations = rows, .seed = 0, .dataset = "ty", .model = "ffjord", .data_checksum = "c0ffee"};
    snprintf(run.key, sizeof run.key, "%032d", 0);
    cr_assert_eq(db_open_shard(file, NULL, NULL, &db, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(db_put_experiment(db, &(db_experiment){"many", "many", "many.ini"}, &experiment, &err), 0);
    cr_assert_eq(db_put_run(db, &run, &err), STATUS_OK);
    cr_assert_eq(db_find_run(db, run.key, &run, &err), STATUS_OK);
    cr_assert_eq(db_put_member(db, experiment, run.id, &err), STATUS_OK);
    cr_assert_eq(db_put_setting(db, run.id, "train", "iterations", "1", &err), STATUS_OK);
    cr_assert_eq(db_start_run(db, run.id, &(db_session){.host = "node"}, &err), STATUS_OK);
    for (uint64_t i = 0; i < rows; i++) {
        const db_epoch epoch = {.epoch = i / 2 + 1, .iteration = i / 2 + 1, .split = i % 2, .loss = 1.0 / (double)i};
        cr_assert_eq(db_put_epoch(db, run.id, &epoch, &err), STATUS_OK);
    }
    const db_checkpoint last = {.iteration = rows, .bytes = 4, .path = "x.checkpoints/x", .sha256 = "0"};
    cr_assert_eq(db_put_checkpoint(db, run.id, &last, &err), STATUS_OK);
    cr_assert_eq(db_end_run(db, run.id, RUN_DONE, NULL, rows, 1, &err), STATUS_OK);
    cr_assert_eq(db_close(&db, &err), STATUS_OK);
}

/* Make shards 0 to n - 1 as copies of a template; their runs differ in key and seed. */
static void make_shards(size_t n, uint64_t rows) {
    char template[128], path[256], sql[256];
    size_t size;
    scratch_path(folder, "template.db", template);
    make_template(template, rows);
    unsigned char *bytes = scratch_read(template, &size);
    EXPECT(0, "mkdir $TEST_DIR/shards; cd $TEST_DIR/shards; for a in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do mkdir "
              "${a}0 ${a}1 ${a}2 ${a}3 ${a}4 ${a}5 ${a}6 ${a}7 ${a}8 ${a}9 ${a}a ${a}b ${a}c ${a}d ${a}e ${a}f; done; "
              "mkdir x.checkpoints; printf test > x.checkpoints/x");
    for (size_t i = 0; i < n; i++) {
        sqlite3 *db;
        const unsigned place = (unsigned)(i * 2654435761u) >> 24 & 0xff;
        snprintf(path, sizeof path, "%s/shards/%02x/%02x%030zx.db", folder, place, place, i);
        scratch_write(path, bytes, size);
        cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
        snprintf(
            sql, sizeof sql,
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; UPDATE run SET key = '%02x%030zx', seed = %zu; "
            "UPDATE checkpoint SET path = '../x.checkpoints/x'",
            place, i, i);
        cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
        sqlite3_close(db);
    }
    free(bytes);
}

/* The maximum over all ended children. */
static double busy_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Merging needs constant memory, and time proportional to the number of shards. AFFJORD_MERGE_SHARDS sets the number;
 * tests/benchmarks/merge_shards.sh takes 10,000. */
Test(merge, many_shards, .timeout = 1800) {
    const char *requested = getenv("AFFJORD_MERGE_SHARDS");
    const int n = requested ? atoi(requested) : 200;
    make_shards((size_t)n, 1000);
    const double from = now(), busy = busy_seconds();
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db");
    const double seconds = now() - from, worked = busy_seconds() - busy;
    EXPECT_SAYS("runs merged into");
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used); /* the largest of all that were started */
    if (requested)
        fprintf(stderr, "%d shards of 1000 rows: %.1f s, of which %.1f of processor time; %ld kB; %s", n, seconds,
                worked, used.ru_maxrss, output);
    const double again = now();
    EXPECT(0, "$AFFJORD merge --db $TEST_DIR/merged.db");
    EXPECT_SAYS(": 0 runs merged");
    const double once_more = now() - again, listing = now();
    EXPECT(0, "$AFFJORD list tasks --db $TEST_DIR/merged.db");
    EXPECT_SAYS(" done; merge their shards with ./run merge");
    if (requested) fprintf(stderr, "once more: %.1f s; ./run list tasks: %.1f s\n", once_more, now() - listing);
    EXPECT(0, "sqlite3 $TEST_DIR/merged.db 'SELECT count(*), (SELECT count(*) FROM epoch), (SELECT count(*) FROM "
              "checkpoint), (SELECT count(*) FROM experiment_run) FROM run'");
    char expected[128];
    snprintf(expected, sizeof expected, "%d|%d|%d|%d\n", n, 1000 * n, n, n);
    cr_assert_str_eq(output, expected);
#ifndef __SANITIZE_ADDRESS__ /* it retains freed memory */
    cr_assert_lt(used.ru_maxrss, 64000, "%ld kB", used.ru_maxrss);
#endif
    cr_assert_lt(seconds, requested ? 600 : 30);
}

#endif
