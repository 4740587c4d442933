/* test_output.c - output files that a user names; no other file of the user is changed. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include <math.h>

#include "data/csv_write.h"
#include "run_support.h"

/* One model in r.db, exported as m.safetensors, and a table x.csv. */
static void begin(void) {
    begin_run(TINY_EXPERIMENT("out", "0", "20", "10"));
    char *program = realpath(binary, NULL); /* for use in the folder */
    setenv("AFFJORD", program, 1);
    free(program);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet && cd $TEST_DIR &&"
              "$AFFJORD export 1 --db r.db --output m.safetensors && printf '1.5,2\\n-0.25,1\\n0.5,0.125\\n' >x.csv &&"
              "echo 'my notes' >notes && cp r.db kept.db");
}

TestSuite(output, .init = begin, .fini = end_run, .timeout = 300);

#define IN "cd $TEST_DIR && "
#define EVAL IN "$AFFJORD eval m.safetensors --db r.db --input x.csv --output "
#define SAMPLE IN "$AFFJORD sample m.safetensors --db r.db --n 5 --output "
#define EXPORT IN "$AFFJORD export m.safetensors --db r.db --output "
#define ARCHIVE IN "$AFFJORD export --archive --db r.db "
#define RECORD IN "$AFFJORD check r.db --record "
#define REPORT IN "$AFFJORD report --db r.db --output "

static const char *const commands[] = {EVAL, SAMPLE, EXPORT, ARCHIVE, RECORD, REPORT};
/* A name that all these commands accept. */
static const char *const endings[] = {".npy", ".csv", ".safetensors", ".db", ".tsv", ".html"};
enum { COMMANDS = sizeof commands / sizeof *commands };

#define EXPECT_COMMAND(status, command, ...)                                                                           \
    do {                                                                                                               \
        char rest_[512], line_[1024];                                                                                  \
        snprintf(rest_, sizeof rest_, __VA_ARGS__);                                                                    \
        snprintf(line_, sizeof line_, "%s%s", command, rest_);                                                         \
        const int found_ = shell("%s", line_);                                                                         \
        cr_assert_eq(found_, status, "exit %d, expected %d: %s\n%s", found_, status, line_, output);                   \
    } while (0)

/* --- Files that are never replaced --- */

Test(output, a_database_is_never_replaced) {
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *ending = endings[i];
        EXPECT(0, IN "rm -f hard* link* && ln r.db hard%s && ln -s r.db link%s && cp r.db other%s", ending, ending,
               ending);
        EXPECT_COMMAND(2, commands[i], "hard%s --force", ending);
        EXPECT_COMMAND(2, commands[i], "link%s --force", ending);
        EXPECT_COMMAND(2, commands[i], "other%s --force", ending); /* which may have other experiments */
        EXPECT_COMMAND(2, commands[i], "./../$(basename $TEST_DIR)/link%s --force", ending);
        EXPECT(0, IN "cmp r.db kept.db && cmp other%s kept.db && test hard%s -ef r.db && test -L link%s", ending,
               ending, ending);
    }
    EXPECT_COMMAND(2, REPORT, "r.db --force");
    EXPECT_COMMAND(2, ARCHIVE, "r.db --force");
    EXPECT_COMMAND(2, RECORD, "r.db --force");
    /* Nor a database's other files. */
    EXPECT(0, IN "cp notes r.db-journal");
    EXPECT_COMMAND(2, RECORD, "r.db-journal --force");
    EXPECT(0, IN "cmp notes r.db-journal && rm r.db-journal");
    EXPECT_COMMAND(2, RECORD, "r.db.lock --force");
    EXPECT_COMMAND(2, REPORT, "r.db.lock --force");
    EXPECT(0, IN "cmp r.db kept.db");
}

Test(output, a_checkpoint_is_never_replaced) {
    EXPECT(0, IN "mkdir before && cp r.checkpoints/* before");
    EXPECT(0, IN "for f in r.checkpoints/*; do for m in 1 2 m.safetensors; do $AFFJORD export $m --db r.db --force "
                 "--output $f; test $? = 2 || exit 3; done; done");
    EXPECT_SAYS("is read by this command");
    EXPECT_SAYS("is a database or belongs to one");
    EXPECT(
        0, IN
        "for f in $TEST_DIR/r.checkpoints/*; do for c in \"archive $f\" \"check --record $f\" \"report --output $f\"; "
        "do cd r.checkpoints; $AFFJORD $c --db $TEST_DIR/r.db --force; test $? = 2 || exit 3; cd ..; done; done");
    /* A copy of a checkpoint is rejected too, by its content. */
    EXPECT(2, IN "cp $(ls r.checkpoints/* | head -n 1) copy.safetensors; $AFFJORD export 1 --db r.db --force --output "
                 "copy.safetensors");
    EXPECT_SAYS("is in use, and is not replaced");
    EXPECT(0, IN "diff -r before r.checkpoints && $AFFJORD check r.db");
}

Test(output, an_input_is_never_replaced) {
    EXPECT(0, IN "cp x.csv before && ln x.csv hard.csv && ln -s x.csv link.csv && ln -s x.csv link.npy");
    static const char *const names[] = {"x.csv", "hard.csv", "link.csv", "link.npy", "./x.csv", "$TEST_DIR/x.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        EXPECT_COMMAND(2, EVAL, "%s --force", names[i]);
        EXPECT_SAYS("is read by this command");
    }
    EXPECT_COMMAND(2, EXPORT, "m.safetensors --force");
    EXPECT_SAYS("is read by this command");
    EXPECT(0, IN "cmp before x.csv && test -L link.csv && $AFFJORD sample m.safetensors --n 1 --output -");
}

/* --- Replaced files --- */

Test(output, a_file_of_another_kind_is_replaced_with_force_only) {
    for (size_t i = 0; i < COMMANDS; i++) {
        EXPECT(0, IN "cp notes a%s", endings[i]);
        EXPECT_COMMAND(2, commands[i], "a%s", endings[i]);
        EXPECT_SAYS("--force replaces it");
        EXPECT(0, IN "cmp notes a%s", endings[i]);
        EXPECT_COMMAND(0, commands[i], "a%s --force", endings[i]);
        EXPECT(1, IN "cmp notes a%s", endings[i]);
        /* A command may replace its own output, except output that may not be reproducible. */
        const bool needs_force = commands[i] == commands[3] || commands[i] == commands[4];
        EXPECT_COMMAND(needs_force ? 2 : 0, commands[i], "a%s", endings[i]);
        EXPECT_COMMAND(0, commands[i], "a%s --force", endings[i]);
        /* An empty file is replaced. */
        EXPECT(0, IN ": >b%s", endings[i]);
        EXPECT_COMMAND(0, commands[i], "b%s", endings[i]);
        EXPECT(0, IN "rm -f a* b*");
    }
}

Test(output, tables_of_other_rows_are_other_tables) {
    EXPECT(0, SAMPLE "a.npy && $AFFJORD sample m.safetensors --n 5 --output a.csv && cp a.npy b && cp a.csv c");
    EXPECT(2, EVAL "a.npy");
    EXPECT_SAYS("holds an array of NumPy's; expected a table as this command writes it; --force");
    EXPECT(2, EVAL "a.csv");
    EXPECT(0, IN "cmp a.npy b && cmp a.csv c");
    EXPECT(0, EVAL "p.npy && $AFFJORD eval m.safetensors --input x.csv --output p.npy && cp p.npy p.csv");
    EXPECT(2, SAMPLE "p.npy");
    EXPECT(2, EVAL "p.csv"); /* an array in a file named .csv */
    EXPECT(0, IN "printf '1\\n2' >t.csv; printf 'a\\n1\\n' >u.csv; printf '1\\n\\n' >v.csv");
    EXPECT(2, EVAL "t.csv");
    EXPECT(2, EVAL "u.csv");
    EXPECT(2, EVAL "v.csv");
}

Test(output, rights_and_neighbours_stay) {
    EXPECT(0, IN "echo mine >p.npy.tmp; : >p.npy; chmod 600 p.npy");
    EXPECT(0, EVAL "p.npy; stat -c %%a p.npy; cat p.npy.tmp; ls -A | grep -c affjord.tmp || true");
    EXPECT_SAYS("600\nmine\n0\n");
    EXPECT(0, IN "cp notes page.html; chmod 640 page.html");
    EXPECT(0, REPORT "page.html --force && stat -c %%a page.html");
    EXPECT_SAYS("640\n");
}

Test(output, links_stay_and_their_targets_are_written) {
    EXPECT(0, IN "mkdir there");
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *ending = endings[i];
        EXPECT(0, IN "ln -s there/a%s link%s && ln -s link%s twice%s", ending, ending, ending, ending);
        EXPECT_COMMAND(0, commands[i], "twice%s", ending); /* the target does not exist yet */
        EXPECT(0, IN "test -L twice%s && test -L link%s && test -f there/a%s && test ! -L there/a%s", ending, ending,
               ending, ending);
        EXPECT_COMMAND(0, commands[i], "link%s --force", ending);
        EXPECT(0, IN "test -L link%s && test -s there/a%s", ending, ending);
    }
    EXPECT(0, IN "ln -s loop.npy pool.npy; ln -s pool.npy loop.npy");
    EXPECT(1, EVAL "loop.npy");
    EXPECT_SAYS("symbolic links");
}

/* --- Pipes, devices and standard output --- */

Test(output, pipes_are_written_through) {
    EXPECT(0, IN "mkfifo p");
    for (size_t i = 0; i < COMMANDS; i++) {
        EXPECT(0, IN "rm -f a%s; cat p >got 2>/dev/null & true", endings[i]);
        EXPECT_COMMAND(0, commands[i], "p && test -p p");
        EXPECT(0, IN "for i in 1 2 3 4 5 6 7 8 9; do test -s got && break; sleep 0.2; done; sleep 0.1; cp got got%s",
               endings[i]);
        EXPECT_COMMAND(0, commands[i], "a%s", endings[i]);
    }
    EXPECT(0, SAMPLE "s.csv");
    EXPECT(0, EVAL
           "e.csv && cmp e.csv got.npy && cmp s.csv got.csv && cmp a.safetensors got.safetensors && cmp a.tsv got.tsv");
    EXPECT(0, IN "$AFFJORD check got.db && grep -q '</html>' got.html");
    EXPECT(0,
           IN "mkfifo q.npy; cat q.npy >got 2>/dev/null & $AFFJORD eval m.safetensors --input $TEST_DIR/x.csv --output "
              "$TEST_DIR/q.npy && "
              "wait && cd $TEST_DIR && cmp got a.npy");
}

Test(output, standard_output_and_devices_are_written_through) {
    for (size_t i = 0; i < COMMANDS; i++) {
        EXPECT_COMMAND(0, commands[i], "- 2>printed >dash%s", endings[i]);
        EXPECT_COMMAND(0, commands[i], "/dev/stdout 2>printed | cat >pipe%s", endings[i]);
        EXPECT_COMMAND(0, commands[i], "/dev/fd/3 3>three 2>printed");
        EXPECT_COMMAND(0, commands[i], "/dev/null");
        EXPECT(0, "test -c /dev/null && test -L /dev/stdout");
        EXPECT(0, IN "test -s dash%s && test -s three", endings[i]);
        if (commands[i] != commands[3] && commands[i] != commands[5]) /* these have the time in them */
            EXPECT(0, IN "cmp dash%s pipe%s && cmp dash%s three", endings[i], endings[i], endings[i]);
    }
    EXPECT(0, EVAL "- 2>/dev/null | wc -l");
    cr_assert_str_eq(output, "3\n");
    /* Earlier content remains. */
    EXPECT(0, IN "echo first >all; $AFFJORD eval m.safetensors --input x.csv --output /dev/stdout >>all 2>/dev/null; "
                 "wc -l <all");
    cr_assert_str_eq(output, "4\n");
    EXPECT(0, IN "$AFFJORD check dash.db && $AFFJORD sample dash.safetensors --n 1 --output -");
}

Test(output, a_full_disk_and_a_reader_that_leaves_are_errors) {
    for (size_t i = 0; i < COMMANDS; i++) {
        EXPECT_COMMAND(1, commands[i], "/dev/full");
        cr_expect(strstr(output, "No space left") || strstr(output, "cannot write"), "%s", output);
        EXPECT_COMMAND(1, commands[i], "- >/dev/full");
    }
    EXPECT(0, IN "{ $AFFJORD sample m.safetensors --n 100000 --output -; echo status $? >&2; } 2>printed | head -n 1 "
                 ">first; cat printed");
    EXPECT_SAYS("Broken pipe");
    EXPECT_SAYS("status 1\n");
    /* A failed write leaves no file. */
    EXPECT(0, IN "ulimit -f 1; $AFFJORD sample m.safetensors --n 100000 --output big.csv; test $? != 0; ls | grep big "
                 "| grep -v tmp || true");
    cr_assert_null(strstr(output, "big.csv\n"), "%s", output);
}

/* --- Rejected before any work --- */

Test(output, names_are_checked_before_the_work) {
    static const char *const wrong[] = {"a", "a.txt", "a.NPY", "csv", ".npy2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        EXPECT_COMMAND(2, EVAL, "%s", wrong[i]);
        EXPECT_SAYS(".csv");
        EXPECT_SAYS(".npy");
        EXPECT_COMMAND(2, SAMPLE, "%s", wrong[i]);
        EXPECT(1, IN "test -e %s", wrong[i]);
    }
    EXPECT(2, EXPORT "a.npy");
    EXPECT_SAYS(".safetensors");
    for (size_t i = 0; i < COMMANDS; i++) {
        EXPECT_COMMAND(1, commands[i], "none/a%s", endings[i]);
        EXPECT_SAYS("none");
        EXPECT(0, IN "mkdir folder%s", endings[i]);
        EXPECT_COMMAND(1, commands[i], "folder%s", endings[i]);
        EXPECT_SAYS("folder");
    }
    /* A billion samples take an hour. */
    EXPECT(2, "timeout 20 $AFFJORD sample $TEST_DIR/m.safetensors --n 900000000 --output a.txt");
    EXPECT(2, EVAL "''");
    EXPECT_SAYS("is empty");
}

/* --- Content --- */

Test(output, texts_have_all_digits) {
    EXPECT(0, EVAL "p.npy && $AFFJORD eval m.safetensors --input x.csv --output p.csv");
    EXPECT(0, SAMPLE "s.npy && $AFFJORD sample m.safetensors --n 5 --output s.csv");
    char path[128];
    size_t size;
    const struct {
        const char *name;
        size_t item, count;
    } tables[] = {{"p", sizeof(double), 3}, {"s", sizeof(float), 10}};
    for (size_t i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s.npy", tables[i].name);
        scratch_path(folder, name, path);
        unsigned char *bytes = scratch_read(path, &size);
        const unsigned char *values = bytes + size - tables[i].item * tables[i].count;
        EXPECT(0, IN "tr , '\\n' <%s.csv", tables[i].name);
        char *at = output;
        for (size_t k = 0; k < tables[i].count; k++) {
            double number = strtod(at, &at);
            float single = (float)number;
            const void *found = tables[i].item == sizeof(float) ? (const void *)&single : (const void *)&number;
            cr_expect(memcmp(found, values + k * tables[i].item, tables[i].item) == 0, "%s, number %zu", name, k);
        }
        free(bytes);
    }
    /* A table of samples is data. */
    EXPECT(0, IN "$AFFJORD eval m.safetensors --input s.csv --output - 2>/dev/null | wc -l");
    cr_assert_str_eq(output, "5\n");
}

Test(output, eval_of_points_prints_the_mean_and_its_error) {
    double mean, error, x[3], sum = 0, squares = 0;
    EXPECT(0, EVAL "p.csv");
    cr_assert_eq(sscanf(output, "3 points: mean log-likelihood %lf nats, standard error %lf", &mean, &error), 2, "%s",
                 output);
    EXPECT(0, IN "cat p.csv");
    cr_assert_eq(sscanf(output, "%lf %lf %lf", &x[0], &x[1], &x[2]), 3, "%s", output);
    for (size_t i = 0; i < 3; i++) sum += x[i];
    for (size_t i = 0; i < 3; i++) squares += (x[i] - sum / 3) * (x[i] - sum / 3);
    cr_expect_float_eq(mean, sum / 3, 6e-5);
    cr_expect_float_eq(error, sqrt(squares / 2 / 3), 6e-5);
    /* Without an output file too; for one point without an error. */
    EXPECT(0, IN "head -n 1 x.csv >one.csv && $AFFJORD eval 1 --db r.db --input one.csv");
    EXPECT_SAYS("1 point: mean log-likelihood ");
    cr_assert_null(strstr(output, "error"), "%s", output);
}

/* --- Figures --- */

Test(output, figures_replace_figures_only) {
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3 toy_table --experiment out");
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3 toy_table --experiment out");
    static const char *const names[] = {"fig3.png", "fig3.pdf",     "fig3.tex",
                                        "fig3.txt", "toy_table.md", "toy_table.tex"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        EXPECT(0, IN "cp f/%s before; printf 'my own\\nnotes\\n' >f/%s; cp f/%s mine", names[i], names[i], names[i]);
        EXPECT(1, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3 toy_table --experiment out");
        EXPECT_SAYS(names[i]);
        EXPECT_SAYS("--force replaces it");
        EXPECT(0, IN "cmp mine f/%s && cp before f/%s", names[i], names[i]);
    }
    EXPECT(0, IN "cp notes f/fig3.txt; rm f/fig3.png");
    EXPECT(1, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3");
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3 --force && test -e $TEST_DIR/f/fig3.png");
    EXPECT(0, IN "rm f/fig3.pdf; ln -s ../there.pdf f/fig3.pdf; rm f/fig3.png; ln $TEST_DIR/r.db f/fig3.png");
    EXPECT(1, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3 --force");
    EXPECT(0, IN "cmp r.db kept.db && rm f/fig3.png");
    EXPECT(0, "./paper_figures.sh --db $TEST_DIR/r.db --out $TEST_DIR/f fig3");
    EXPECT(0, IN "test -L f/fig3.pdf && test -s there.pdf");
}

#endif
