/* test_hostile.c - hostile names, for a shell, SQL, plots, pages and paths; and hostile sizes. tests/fuzz tests readers
 * of files with arbitrary bytes. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and trains too slowly for these */

#include <sys/resource.h>

#include "data/table.h"
#include "run_support.h"

/* The name of a table of points, a database, a folder, and a part of a title. */
#define HOSTILE "it's $(touch pwned) `touch pwned` \"q\" <script>pwn()<_script> %s^{2} @x {x} &amp; DROP TABLE run --"

static void begin(void) {
    begin_run(TINY_EXPERIMENT("hostile", "0", "20", "10"));
    setenv("NAME", HOSTILE, 1);
    EXPECT(0, "cd $TEST_DIR && mkdir \"$NAME\" && cd \"$NAME\" && "
              "awk 'BEGIN { for (srand(1); i < 400; i++) print rand() \",\" 2 * rand() }' > \"$NAME.csv\" && "
              "printf 'include = ../small.ini\\n[experiment]\\ndata = %%s.csv\\ntitle = '\\''); %%s</title>\\n' "
              "\"$NAME\" \"$NAME\" > \"$NAME.ini\"");
}

TestSuite(hostile, .init = begin, .fini = end_run, .timeout = 300);

/* Run a command in the folder of that name. */
#define CALL(words) EXPECT(0, "program=$PWD/$AFFJORD; cd \"$TEST_DIR/$NAME\"; \"$program\" " words)

Test(hostile, names_are_only_names) {
    CALL("\"$NAME.ini\" --quiet "
         "--db \"$NAME.db\"");
    CALL("list --db \"$NAME.db\"");
    EXPECT(0, "cd \"$TEST_DIR/$NAME\"; sqlite3 \"$NAME.db\" \"SELECT substr(key, 1, 12) FROM run LIMIT 1\"");
    output[strcspn(output, "\n")] = '\0';
    setenv("KEY", output, 1);
    CALL("eval $KEY --db \"$NAME.db\" --input \"$NAME.csv\" --output \"$NAME.npy\"");
    CALL("sample $KEY --db \"$NAME.db\" --n 5 --output \"$NAME samples.npy\"");
    CALL("export $KEY --db \"$NAME.db\" --output \"$NAME.safetensors\"");
    CALL("check \"$NAME.db\" --sample 1");
    CALL("archive \"$NAME 2.db\" --db \"$NAME.db\"");
    CALL("merge \"$NAME 2.db\" --db \"$NAME 3.db\"");
    CALL("\"$NAME.ini\" --dry-run --format commands --db \"$NAME 4.db\" > ../commands");
    EXPECT(0, "sh -n $TEST_DIR/commands");
    EXPECT(0, "./paper_figures.sh --db \"$TEST_DIR/$NAME/$NAME.db\" --out \"$TEST_DIR/$NAME/$NAME figures\" "
              "--experiment hostile fig5 fig6 toy_table");
    CALL("report --db \"$NAME.db\" --output \"$NAME.html\"");

    EXPECT(
        0,
        "sqlite3 \"$TEST_DIR/$NAME/$NAME.db\" 'SELECT count(*), title LIKE \"%%DROP TABLE%%\" FROM run, experiment'");
    cr_expect_str_eq(output, "2|1\n", "the tables stand");
    EXPECT(0, "find . $TEST_DIR -name 'pwned*'");
    cr_expect_str_eq(output, "", "no shell took a name for a command");
    EXPECT(1, "cd \"$TEST_DIR/$NAME\"; grep -rl '<script>pwn' --include='*.html' --include='*.md' .");
    cr_expect_str_eq(output, "", "no page took a name for its own text");
    EXPECT(0, "cd \"$TEST_DIR/$NAME\"; grep -c '&lt;script&gt;pwn' \"$NAME.html\" \"$NAME figures/toy_table.md\"");
    EXPECT(0, "cd \"$TEST_DIR/$NAME\"; ls *.npy *.safetensors *.db *.html *figures/fig6.png | wc -l");
    cr_expect_str_eq(output, "8\n", "each file has its name");
}

/* A name that becomes a file's name must not lead out of the folder of results. */
Test(hostile, experiments_cannot_leave_the_results) {
    static const char *const names[] = {"../out", "/tmp/out", "..", ".", "a/b", "a\\b", "a b", "$(x)", "é", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("BAD", names[i], 1);
        EXPECT(2, "cd $TEST_DIR; $OLDPWD/$AFFJORD small.ini --set \"experiment.name=$BAD\" --db x.db");
        EXPECT_SAYS("experiment.name");
        EXPECT(2, "cd $TEST_DIR; printf '[model %%s]\\n[experiment]\\nmodels = %%s\\n' \"$BAD\" \"$BAD\" > bad.ini; "
                  "$OLDPWD/$AFFJORD bad.ini --db x.db");
    }
    EXPECT(0, "ls $TEST_DIR");
    cr_expect_null(strstr(output, "x.db"), "nothing was made: %s", output);
}

/* 2^60 points, in 200 bytes. */
Test(hostile, sizes_are_checked_before_memory_is_taken) {
    static const char header[] = "\x93NUMPY\1\0\x76\0{'descr': '<f8', 'fortran_order': False, "
                                 "'shape': (1152921504606846976, 2), }";
    char bytes[200], path[128];
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, header, sizeof header - 1);
    bytes[127] = '\n';
    scratch_path(folder, "vast.npy", path);
    scratch_write(path, bytes, sizeof bytes);

    table *points = NULL;
    error_info err = {""};
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double least = 1;
    for (int attempt = 0; attempt < 20; attempt++) {
        const double from = now();
        cr_assert_eq(table_read(path, &points, &err), STATUS_FORMAT, "%s", err.text);
        if (now() - from < least) least = now() - from;
    }
    getrusage(RUSAGE_SELF, &after);
    cr_expect_not_null(strstr(err.text, "1152921504606846976"), "%s", err.text);
    cr_expect_lt(least, 1e-3, "%g s", least);
    cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 1024, "kB");
}

#endif
