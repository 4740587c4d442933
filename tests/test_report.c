/* test_report.c - ./run report: the content of its page, and the page in a browser. */
#ifndef AFFJORD_DOUBLE /* the page is the same script's in both builds */

#include "figures_support.h"

#include "record/results_db.h"

#include <math.h>

/* Names and errors of a database are text, never markup. */
#define NASTY_SQL "a<b>&\"c''" /* as SQL quotes it */
#define NASTY_SHOWN "a&lt;b&gt;&amp;&quot;c&#39;"

static const char *const datasets[] = {"ty", "hash_gaussian"};
static const char *const models[] = {"affjord", "ffjord"};

/* Figure 6 with two seeds, of which AFFJORD is better on TY; and an experiment with a run that failed. */
static void make_database(void) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    int run = 0;
    for (int d = 0; d < 2; d++) {
        for (int m = 0; m < 2; m++) {
            for (int seed = 0; seed < 2; seed++) {
                const double end = 1 + 0.5 * m * (1 - d) + 0.125 * seed;
                add_run(script, ++run, 1, datasets[d], models[m], seed);
                for (int epoch = 1; epoch <= 4; epoch++)
                    add_epoch(script, run, epoch, "validation", end + ldexp(1, 4 - epoch) - 1, 160);
                add_epoch(script, run, 4, "training", end, 80 + 80 * m);
                add_metric(script, run, "entropy_floor", 0.75);
                add_metric(script, run, "final_validation_loss", end);
                fprintf(script,
                        "INSERT INTO setting VALUES (%d, 'model', 'context', '%s'), (%d, 'solver', 'steps', '40');\n",
                        run, m == 0 ? "augmented" : "clock", run);
            }
        }
    }
    fputs("INSERT INTO experiment VALUES (2, '" NASTY_SQL "', '<script>alert(1)</script>', 'x.ini', '2025-01-02');\n"
          "INSERT INTO run (run_id, key, dataset, data_checksum, model, seed, iterations, status, created, error)\n"
          "VALUES (90, 'k', '" NASTY_SQL "', 'c', '" NASTY_SQL "', 3, 10, 'failed', '2025-01-01', '" NASTY_SQL
          "' || char(10, 9, 7, 30, 31) || 'the end');\n"
          "INSERT INTO experiment_run VALUES (2, 90);\n"
          "UPDATE run SET started = '2025-01-01T10:00:00Z', ended = '2025-01-01T11:00:00Z', wall_seconds = 3725,\n"
          "    sessions = 1, git_commit = 'c0ffee', git_dirty = 1, host = '" NASTY_SQL "', compiler = 'cc 12'\n"
          "WHERE run_id < 90;\n",
          script);
    script_run(script);

    /* As at the end of a run. */
    char path[128];
    results_db *db;
    error_info err;
    scratch_path(folder, "r.db", path);
    cr_assert_eq(db_open(path, NULL, NULL, &db, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(db_outdate_comparisons(db, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(db_close(&db, &err), STATUS_OK, "%s", err.text);
}

static int report(const char *arguments) {
    return shell("%s report --db %s/r.db %s", AFFJORD_BINARY, folder, arguments);
}

/* Return whether the page has these words, which have no quotes. */
static void expect_page(const char *words) {
    char found[600];
    snprintf(found, sizeof found, "%s", words);
    cr_expect_eq(shell("grep -qF -e '%s' %s/report.html", words, folder), 0, "no \"%s\"", found);
}

static const char *browser(void) {
    static const char *const places[] = {"/usr/lib/chromium/chromium-headless-shell",
                                         ".deps/usr/lib/chromium/chromium-headless-shell"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0) return places[i];
    return NULL;
}

/* Open a copy of report.html, after these changes by sed to it, in a window of this width; output <- the findings. */
static void look(int width, const char *changes) {
    cr_assert_eq(shell("sed -e '%s' %s/report.html >%s/changed.html", changes, folder, folder), 0, "%s", output);
    cr_assert_eq(
        shell("sed 's|<meta charset=\"utf-8\">|&<script src=\"axe.js\"></script><script src=\"look.js\"></script>|'"
              " %s/changed.html >%s/looked.html; cp .deps/axe/axe.min.js %s/axe.js;"
              "cp tests/report_look.js %s/look.js",
              folder, folder, folder, folder),
        0, "%s", output);
    shell("HOME=%s timeout -k 5 120 %s --no-sandbox --disable-gpu --user-data-dir=%s/profile --window-size=%d,900 "
          "--virtual-time-budget=30000 --dump-dom file://%s/looked.html 2>%s/errors | grep -E '^(found|looked): '",
          folder, browser(), folder, width, folder, folder);
    cr_assert_not_null(strstr(output, "looked: "), "Chromium did not get to the end: %s", output);
    cr_assert_not_null(strstr(output, " rules passed"), "%s", output);
}

static void expect_sound(int width, const char *changes) {
    look(width, changes);
    cr_expect_null(strstr(output, "found: "), "%d wide, %s:\n%s", width, changes, output);
}

/* `make test-all` installs all programs, so that no test is skipped. */
static bool can_look(void) {
    if (browser() && access(".deps/axe/axe.min.js", R_OK) == 0) return true;
    cr_assert_null(getenv("MAKELEVEL"), "no Chromium or axe-core: run sh runner/packages.sh install test-all");
    cr_skip_test("not looked at by a browser: Chromium or axe-core is missing (make deps FOR=test-all)");
}

TestSuite(report, .init = setup, .fini = teardown, .timeout = 600);

Test(report, a_browser_reports_no_errors) {
    make_database();
    cr_assert_eq(report(""), 0, "%s", output);
    expect_output("/report.html: ");
    cr_expect_eq(shell("test $(stat -c %%s %s/report.html) -lt 5000000", folder), 0);
    cr_expect_eq(shell("ls -A %s | grep -c '^[.]report'", folder), 1, "what it is made in is gone: %s", output);

    expect_page("2 undecided, ");
    expect_page("Validation loss against iteration: mean over the seeds");
    /* The description of Figure 6; the losses of two seeds differ by 1/8. */
    expect_page("alt=\"Figure 6: validation loss against iteration on the toy data. "
                "TY, AFFJORD: from 8.063 after 100 iterations to 1.063 after 400; "
                "TY, FFJORD: from 8.563 after 100 iterations to 1.563 after 400; ");
    expect_page("<th scope=\"row\">AFFJORD</th><td>2 done</td><td>0–1</td><td class=\"number\">800</td>");
    expect_page(">1 h 02 min</td>");
    expect_page("in the last epoch, forward and backward: AFFJORD on TY 80 and ");
    expect_page("; FFJORD on Hash-Gaussian 160 and ");
    expect_page("<code>c0ffee, with changes that are not in it</code>");
    expect_page("<code>model.context</code></th><td>augmented</td><td>time</td>");
    expect_page("<code>./run experiments/fig7.ini</code>");
    expect_page("<th scope=\"row\">FFJORD</th><td class=\"number\">400,323</td>");
    /* Text of the database is text. */
    expect_page(">&lt;script&gt;alert(1)&lt;/script&gt;</h3>");
    expect_page("<dd>" NASTY_SHOWN "</dd>");
    expect_page("<td>" NASTY_SHOWN);
    expect_page("the end</td>");
    cr_expect_eq(shell("grep -cF -e '<script' -e 'a<b>' %s/report.html", folder), 1, "%s", output);
    cr_expect_eq(shell("grep -cE '(src|href)=\"?(http|//|file)' %s/report.html", folder), 0);
    cr_expect_str_eq(output, "1\n", "but for one link to the paper");

    if (!can_look()) return;
    expect_sound(360, "");
    expect_output("looked: 360 wide");
    expect_sound(1200, "");
    expect_sound(2000, "");
    look(1200, "s/max-width: 75rem/max-width: 40rem/");
    expect_output("found: cut table: ");
    /* All collapsed parts, in dark colours. */
    expect_sound(360, "s/<details>/<details open>/; s/screen and (prefers-color-scheme: dark)/all/");

    /* Check that all these changes would be detected. */
    look(360, "s/base64,iVBOR/base64,AAAAA/; s/class=.scroll. role/role/; s/ alt=\"[^\"]*\"//; "
              "s/--soft: #57534b/--soft: #b9b5ab/; s|id=\"claims\"|id=\"claim\"|; "
              "s|</main>|<img alt=\"\" src=\"https://example.invalid/a.png\"><script>alert(1)</script></main>|");
    static const char *const faults[] = {"broken picture: ",     "overflow: ",     "axe image-alt: ",
                                         "axe color-contrast: ", "request: https", "request: inline",
                                         "dead link: #claims"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        cr_expect_not_null(strstr(output, faults[i]), "no \"%s\" in:\n%s", faults[i], output);
}

Test(report, an_empty_database_lists_missing_results) {
    script_run(script_open());
    cr_assert_eq(shell("sqlite3 %s/r.db 'PRAGMA journal_mode = WAL'", folder), 0, "%s", output);
    cr_assert_eq(report(""), 0, "%s", output);
    cr_expect_not(exists("r.db-wal"), "it was only read");
    expect_page("The database has no runs yet. <code>./run experiments/quickstart.ini</code>");
    expect_page("0 experiments, 0 runs");
    expect_page(" not run.</p>");
    expect_page("<code>./run experiments/fig5.ini</code>");
    /* Only the line with the date may differ. */
    cr_assert_eq(
        shell("SOURCE_DATE_EPOCH=86400 %s report --db %s/r.db --output %s/b.html", AFFJORD_BINARY, folder, folder), 0,
        "%s", output);
    cr_expect_eq(shell("diff %s/report.html %s/b.html", folder, folder), 1);
    expect_output("> <p class=\"made\">Made on 1970-01-02 00:00 UTC from r.db by affjord ");
    cr_expect_eq(shell("diff %s/report.html %s/b.html | grep -c '^[<>]'", folder, folder), 0);
    cr_expect_str_eq(output, "2\n");
    if (can_look()) expect_sound(360, "");
}

/* A project whose paper_figures.sh only copies prepared files. */
static void make_project(void) {
    static const char stub[] =
        "#!/bin/sh\n"
        "case $* in --list) echo 'fig1   four pictures'; echo 'fig9   a film & more'; echo 'fig10  no'\n"
        "    echo 'more   a table'; exit ;; esac\n"
        "mkdir -p \"$4\"; cp \"${0%/*}\"/made/* \"$4\"\n"
        "echo 'fig1   a.pdf a.png a.txt b.png'\n"
        "echo 'fig9   film.gif film.png film.txt  (experiment x y)'\n"
        "echo 'more   more.md more.tex'\n"
        "echo 'paper_figures.sh: fig10 could not be drawn' >&2\n"
        "exit 1\n";
    char path[128];
    cr_assert_eq(shell("mkdir -p %s/p/made && cp -r plots %s/p/ && cp docs/figures/fig6.png %s/p/made/a.png && "
                       "cp docs/figures/fig6.png %s/p/made/film.png && cd %s/p/made && echo A caption. >a.txt && "
                       "printf 'GIF89a\\020\\000\\010\\000' >film.gif && printf '| A | B |\\n|---|---:|\\n"
                       "| x \\\\| y\\\\* | 1 |\\n\\nOf more.\\n' >more.md",
                       folder, folder, folder, folder, folder),
                 0, "%s", output);
    scratch_path(folder, "p/paper_figures.sh", path);
    scratch_write(path, stub, strlen(stub));
    cr_assert_eq(shell("chmod +x %s", path), 0);
}

static int stubbed_report(void) {
    return shell("AFFJORD_ROOT=%s/p %s report --db %s/r.db", folder, AFFJORD_BINARY, folder);
}

Test(report, new_items_need_no_new_code) {
    script_run(script_open());
    make_project();
    cr_expect_eq(shell("cp %s/p/made/a.png %s/p/made/b.png", folder, folder), 0);
    cr_expect_eq(stubbed_report(), 1, "%s", output);
    expect_output("fig10 could not be drawn");
    expect_page("<h3 id=\"item-fig9\">Figure 9: a film &amp; more</h3>");
    expect_page("<img width=\"16\" height=\"8\"");
    expect_page("src=\"data:image/gif;base64,");
    expect_page("<th scope=\"row\" class=\"lead\">x | y*</th><td class=\"number\">1</td>");
    expect_page("<code>./paper_figures.sh fig10</code>");

    /* A film that is too large is replaced by its still picture, a picture by a sentence. */
    cr_expect_eq(shell("truncate -s 4M %s/p/made/film.gif && truncate -s 4M %s/p/made/b.png", folder, folder), 0);
    cr_expect_eq(stubbed_report(), 1, "%s", output);
    cr_expect_eq(shell("grep -c 'data:image/gif' %s/report.html", folder), 1);
    expect_page("<code>./paper_figures.sh fig1</code> draws it.");
    cr_expect_eq(shell("grep -c 'data:image/png' %s/report.html", folder), 0);
    cr_expect_str_eq(output, "2\n");
    cr_expect_eq(shell("test $(stat -c %%s %s/report.html) -lt 5000000", folder), 0);
}

Test(report, errors_are_named_and_leave_the_old_page) {
    cr_expect_eq(report(""), 1);
    expect_output("cannot read the database");
    cr_expect_eq(shell("%s report --colour", AFFJORD_BINARY), 2);
    expect_output("--colour");
    cr_expect_eq(shell("%s report --db %s/r.db --output=", AFFJORD_BINARY, folder), 2);
    cr_expect_eq(shell("%s report --help", AFFJORD_BINARY), 0);
    expect_output("--output FILE");
    script_run(script_open());
    char arguments[200];
    static const char *const outputs[][2] = {{".", "it is a folder"}, {"none/a.html", "no folder "}};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        snprintf(arguments, sizeof arguments, "--output %s/%s", folder, outputs[i][0]);
        cr_expect_eq(report(arguments), 1, "%s", output);
        expect_output(outputs[i][1]);
    }
    snprintf(arguments, sizeof arguments, "--output %s/r.db", folder);
    cr_expect_eq(report(arguments), 2, "%s", output);
    expect_output("it is the database");
    cr_expect_eq(report("--output /proc/a.html"), 1);
    expect_output("cannot write to the folder /proc");
    cr_expect_eq(shell("SOURCE_DATE_EPOCH=soon %s report --db %s/r.db", AFFJORD_BINARY, folder), 1);
    expect_output("SOURCE_DATE_EPOCH is no number of seconds: soon");

    /* Without a required program, the old page is unchanged. */
    make_project();
    cr_expect_eq(shell("echo 'old AFFJORD: results beside the paper' >%s/report.html; printf '#!/bin/sh\\necho no ink "
                       ">&2; exit 1\\n' >%s/p/paper_figures.sh",
                       folder, folder),
                 0);
    cr_expect_eq(stubbed_report(), 1);
    expect_output("no ink");
    read_text("report.html");
    cr_expect_str_eq(output, "old AFFJORD: results beside the paper\n");
}

#endif
