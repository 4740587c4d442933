/* test_remove.c - ./run remove: removes rows and files of runs together, and nothing else. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include <pty.h>

#include "stop_support.h"

/* Two models, two seeds; the same ffjord in a second experiment. */
static const char small_experiment[] = TINY_EXPERIMENT("small", "0-1", "60", "20");

static void begin(void) {
    begin_run(small_experiment);
    EXPECT(0, "sed '/^.model affjord/,/^concat/d; s/^name = .*/name = other/; s/^models.*/models = ffjord/' "
              "$TEST_DIR/small.ini > $TEST_DIR/other.ini");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
}

TestSuite(removal, .init = begin, .fini = end_run, .timeout = 120);

#define REMOVE "$AFFJORD remove --db $TEST_DIR/r.db "
#define SQL(query) "sqlite3 $TEST_DIR/r.db \"" query "\""

static void expect_count(const char *expected, const char *sql) {
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"%s\"", sql);
    cr_expect_str_eq(output, expected, "%s: %s", sql, output);
}

static const char files[] = "ls $TEST_DIR/r.checkpoints $TEST_DIR/r.failures 2>/dev/null | grep -c safetensors";

static void expect_files(const char *expected) {
    shell("%s", files);
    cr_expect_str_eq(output, expected, "%s", output);
}

Test(removal, a_removed_run_leaves_the_others_and_comes_back_with_the_same_bits) {
    char *expected = numbers("r.db");
    EXPECT(0, "mkdir $TEST_DIR/r.failures; touch $TEST_DIR/r.failures/$(" SQL(
                  "SELECT key FROM run WHERE run_id = 3") ")-7.safetensors");
    EXPECT(0, REMOVE "3 --dry-run; cat $TEST_DIR/r.db | sha256sum");
    EXPECT_SAYS("seed 0      done; shown by small\nWould remove 1 run and 2 files: ");
    check_same(expected, "r.db");
    expect_files("5\n");
    EXPECT(
        0,
        "before=$(du -bc $TEST_DIR/r.db $TEST_DIR/r.checkpoints/* | tail -n 1 | cut -f 1); " REMOVE
        "3 --yes > $TEST_DIR/printed; after=$(du -bc $TEST_DIR/r.db $TEST_DIR/r.checkpoints/* | tail -n 1 | cut -f 1); "
        "cat $TEST_DIR/printed; grep -q \"^Freed $((before - after)) bytes: \" $TEST_DIR/printed");
    expect_files("3\n");
    expect_count("3|6\n", "SELECT count(*), (SELECT count(*) FROM sample_blob WHERE subject IN (SELECT key FROM run)) "
                          "FROM run");
    expect_count("", "PRAGMA foreign_key_check");
    EXPECT(0, "$AFFJORD check $TEST_DIR/r.db");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    check_same(expected, "r.db");
    free(expected);
}

Test(removal, an_experiment_leaves_runs_of_another_one) {
    EXPECT(0, "$AFFJORD $TEST_DIR/other.ini --db $TEST_DIR/r.db --quiet; mkdir -p $TEST_DIR/figures/small; "
              "touch $TEST_DIR/figures/small/fig6.png $TEST_DIR/figures/small/fig6.tex");
    EXPECT(0, REMOVE "small --yes");
    EXPECT_SAYS("These stay, as other experiments show them:\n");
    EXPECT_SAYS("ffjord           seed 1      done; shown by other\n");
    EXPECT_SAYS("To remove: experiment small, 2 runs and 4 files: ");
    expect_count("2|other\n", "SELECT (SELECT count(*) FROM run), group_concat(name) FROM experiment");
    expect_files("2\n");
    EXPECT(1, "test -e $TEST_DIR/figures/small");
    EXPECT(0, REMOVE "other --yes");
    expect_count("0|0|0|0\n", "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM experiment), "
                              "(SELECT count(*) FROM sample_blob), (SELECT count(*) FROM epoch)");
    expect_count("schema_version\n", "SELECT key FROM meta");
    expect_files("0\n");
}

/* A named run is removed from every experiment that shows it; the message names them all. */
Test(removal, a_shared_run_goes_with_the_names_of_its_experiments) {
    EXPECT(0, "$AFFJORD $TEST_DIR/other.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(0, SQL("UPDATE run SET status = 'failed' WHERE model = 'ffjord' AND seed = 1") "; " REMOVE "--failed --yes");
    EXPECT_SAYS("ffjord           seed 1      failed; shown by other, small\n");
    expect_count("3|2\n", "SELECT count(*), (SELECT count(*) FROM experiment) FROM run");
    EXPECT(0, REMOVE "--failed --yes");
    EXPECT_SAYS("Nothing to remove\n");
}

Test(removal, killed_in_between_it_loses_nothing_and_the_orphans_are_removed) {
    setenv("FAULT_LAYER", AFFJORD_FAULT_LAYER, 1);
    char *expected = numbers("r.db");
#define KILLED_AT(path) "LD_PRELOAD=$FAULT_LAYER FAULT_CALL=unlink FAULT_WHAT=kill FAULT_PATH='" path "' "
    /* Killed before the commit, which removes the journal: nothing is changed. */
    EXPECT(137, KILLED_AT("*-journal") REMOVE "small --yes");
    check_same(expected, "r.db");
    expect_files("4\n");
    /* Killed after it: no row names the files. */
    EXPECT(0, "mkdir -p $TEST_DIR/figures/small $TEST_DIR/figures/mine; touch $TEST_DIR/figures/small/a.png "
              "$TEST_DIR/figures/small/notes.odt $TEST_DIR/figures/mine/a.png");
    EXPECT(137, KILLED_AT("*.safetensors") REMOVE "small --yes");
    expect_count("0\n", "SELECT count(*) FROM run");
    expect_files("4\n");
    EXPECT(0, "$AFFJORD remove --orphans --dry-run --db $TEST_DIR/r.db");
    EXPECT_SAYS("Would remove 5 files: ");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --seeds 0 --quiet; "
              "touch $TEST_DIR/r.checkpoints/$(" SQL("SELECT key FROM run LIMIT 1") ")-7.safetensors.affjord.tmp; " SQL(
                  "INSERT INTO sample_blob SELECT 'nobody', kind, rows, columns, x0, x1, y0, y1, data FROM sample_blob "
                  "LIMIT 1"));
    EXPECT(0, "$AFFJORD remove --orphans --dry-run --db $TEST_DIR/r.db");
    EXPECT_SAYS("Would remove 3 files: ");
    EXPECT(0, REMOVE "--orphans --yes");
    EXPECT_SAYS("Freed ");
    expect_files("2\n");
    expect_count(
        "0|0\n",
        "SELECT sum(subject = 'nobody'), (SELECT count(*) FROM meta WHERE key LIKE 'removed.%%') FROM sample_blob");
    /* If the experiment exists again, its pictures remain; otherwise only files that are not pictures remain. */
    EXPECT(0, "ls $TEST_DIR/figures/*/a.png | wc -l");
    cr_expect_str_eq(output, "2\n");
    EXPECT(137, KILLED_AT("*.safetensors") REMOVE "small --yes");
    EXPECT(0, REMOVE "--orphans --yes; cd $TEST_DIR/figures; ls */*");
    EXPECT_SAYS("\nmine/a.png\nsmall/notes.odt\n");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    check_same(expected, "r.db");
    free(expected);
}

/* Answer the prompt of a command on a terminal; output <- its output. */
static int answer(const char *command, const char *words) {
    int terminal, outcome;
    size_t had = 0;
    const pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    cr_assert_eq(write(terminal, words, strlen(words)), (ssize_t)strlen(words));
    for (ssize_t got; (got = read(terminal, output + had, sizeof output - 1 - had)) > 0;) had += (size_t)got;
    output[had] = '\0';
    close(terminal);
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    return WEXITSTATUS(outcome);
}

Test(removal, prompts_on_a_terminal) {
    cr_expect_eq(answer(REMOVE "small", "n\n"), 1);
    EXPECT_SAYS("Remove? [y/N] ");
    EXPECT_SAYS("Nothing was removed");
    expect_count("4\n", "SELECT count(*) FROM run");
    cr_expect_eq(answer(REMOVE "small", "y\n"), 0);
    EXPECT_SAYS("Freed ");
    expect_count("0\n", "SELECT count(*) FROM run");
}

Test(removal, running_runs_are_refused) {
    EXPECT(0, "sed -i 's/^iterations = .*/iterations = 100000/' $TEST_DIR/small.ini");
    const pid_t child = start(START "--db $TEST_DIR/r.db --jobs 1");
    int outcome = 0;
    cr_assert(hold(child, ASK("r.db", "SELECT count(*) FROM run WHERE status = 'running'"), &outcome));
    EXPECT(1, REMOVE "$(" SQL("SELECT key FROM run WHERE status = 'running'") ") --dry-run");
    EXPECT_SAYS(" is running; stop it first\n");
    EXPECT(1, REMOVE "small --yes");
    EXPECT_SAYS(" is being written by process ");
    signal_all(child, SIGKILL);
    signal_all(child, SIGCONT);
    wait_for(child);
    expect_count("8\n", "SELECT count(*) FROM run");
}

Test(removal, invalid_requests_are_rejected) {
    static const struct {
        int status;
        const char *words, *sentence;
    } cases[] = {
        {2, "--yes", "expected one of RUN, EXPERIMENT, --failed and --orphans"},
        {2, "small --failed --yes", "expected one of RUN, EXPERIMENT, --failed and --orphans"},
        {2, "small < /dev/null", "no terminal for the confirmation; expected --yes or --dry-run"},
        {2, "smal --yes", "no experiment, and no run of "},
        {2, "abcd --yes", "no experiment, and several runs of "},
        {2, "1 --yes", "1: an experiment, and run abcd"},
    };
    EXPECT(0,
           SQL("UPDATE run SET key = 'abcd' || substr(key, 5) WHERE run_id < 3; INSERT INTO experiment (name, title, "
               "file, updated) VALUES ('1', '', '', '')"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT(cases[i].status, REMOVE "%s", cases[i].words);
        cr_expect(strstr(output, cases[i].sentence), "%s: %s", cases[i].words, output);
    }
    expect_count("4\n", "SELECT count(*) FROM run");
    EXPECT(1, "$AFFJORD remove small --yes --db $TEST_DIR/none.db");
    EXPECT(1, "test -e $TEST_DIR/none.db");
}

#endif
