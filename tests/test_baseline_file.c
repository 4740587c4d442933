/* test_baseline_file.c - files of recorded values: reading, writing, and the messages about bad ones. */
#include <math.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compare/baseline.h"
#include "scratch.h"

static char folder[64], path[128];

static void begin(void) {
    scratch_create(folder);
    scratch_path(folder, "values.tsv", path);
}

static void end(void) {
    scratch_remove(folder);
}

TestSuite(baseline_file, .init = begin, .fini = end, .timeout = 60);

#define HEADER "run\tdataset\tmodel\tseed\tquantity\tvalue\ttolerance\treason\n"
#define KEY "0123456789abcdef0123456789abcdef"
#define RUN KEY "\tty\taffjord\t3\t"
#define ROW RUN "best_epoch\t6\tbits\tcounted\n"

static void write_text(const char *name, const char *text) {
    char to[128];
    scratch_path(folder, name, to);
    scratch_write(to, text, strlen(text));
}

Test(baseline_file, written_values_are_read_again) {
    static const double values[] = {0.1, -1.0 / 3, 1e-300, 5e-324, NAN, INFINITY, -INFINITY, 16};
    enum { COUNT = sizeof values / sizeof *values };
    baseline written = {.count = 0}, seen = {.count = 0};
    error_info err = {""};
    for (size_t i = 0; i < COUNT; i++) {
        baseline_row row = {.key = KEY,
                            .dataset = "my points",
                            .model = "affjord",
                            .seed = 3,
                            .value = values[i],
                            .allowed = {.kind = (tolerance_kind)(i % 3), .amount = i % 3 ? 1e-3 * (double)i : 0},
                            .reason = "a reason, with a comma"};
        snprintf(row.quantity, sizeof row.quantity, "epoch.%d.validation", (int)i);
        cr_assert_eq(baseline_add(&written, &row, &err), STATUS_OK);
    }
    cr_assert_eq(baseline_write(&written, "# Why.\n",
                                &(output_request){.name = path, .kind = &output_baseline, .force = false}, &err),
                 STATUS_OK, "%s", err.text);
    cr_assert_eq(baseline_read(&seen, path, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(seen.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const baseline_row *a = &written.rows[i], *b = &seen.rows[i];
        cr_expect(tolerance_same(a->value, b->value), "%g, %g", a->value, b->value);
        cr_expect(a->allowed.kind == b->allowed.kind && a->allowed.amount == b->allowed.amount);
        cr_expect_str_eq(a->key, b->key);
        cr_expect_str_eq(a->quantity, b->quantity);
        cr_expect_str_eq(a->dataset, b->dataset);
        cr_expect_str_eq(a->reason, b->reason);
        cr_expect_eq(b->line, i + 3);
    }
    /* It is not replaced without --force. */
    cr_expect_eq(
        baseline_write(&written, "", &(output_request){.name = path, .kind = &output_baseline, .force = false}, &err),
        STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "--force"), "%s", err.text);
    cr_expect_eq(
        baseline_write(&written, "", &(output_request){.name = path, .kind = &output_baseline, .force = true}, &err),
        STATUS_OK);
    baseline_release(&written);
    baseline_release(&seen);
}

Test(baseline_file, tolerances_are_applied) {
    static const struct {
        const char *allowed;
        double recorded, found;
        bool good;
    } cases[] = {
        {"bits", 1.5, 1.5, true},           {"bits", 1.5, 1.5000000000000002, false},
        {"bits", NAN, NAN, true},           {"bits", INFINITY, -INFINITY, false},
        {"absolute 0.25", 1.5, 1.75, true}, {"absolute 0.25", 1.5, 1.7500000000000002, false},
        {"absolute 1e9", 1.5, NAN, false},  {"absolute 1e9", INFINITY, 1.5, false},
        {"relative 0.25", -2, -2.5, true},  {"relative 0.25", -2, -2.6, false},
        {"relative 0.25", 0, 1e-9, false},  {"relative 0", 3, 3, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tolerance allowed;
        cr_assert_eq(tolerance_parse(cases[i].allowed, &allowed, NULL), STATUS_OK);
        cr_expect_eq(tolerance_allows(&allowed, cases[i].recorded, cases[i].found), cases[i].good, "%s: %.17g, %.17g",
                     cases[i].allowed, cases[i].recorded, cases[i].found);
    }
}

Test(baseline_file, an_invalid_line_is_named_with_the_expected_value) {
    static const struct {
        const char *text, *line, *words;
    } cases[] = {
        {"", "values.tsv: ", "expected at least one value"},
        {"# nothing else\n\n", "values.tsv: ", "expected at least one value"},
        {HEADER, "values.tsv: ", "expected at least one value"},
        {ROW, ":1: ", "expected the names of the columns, parted by tabs: run, dataset"},
        {"# why\nrun,dataset\n", ":2: ", "expected the names of the columns"},
        {HEADER RUN "best_epoch\t6\tbits\n", ":2: ", "7 fields; expected 8 parted by tabs"},
        {HEADER "\n" ROW "word\n", ":4: ", "1 field; expected 8 parted by tabs"},
        {HEADER RUN "best_epoch\t6\tbits\tcounted\tmore\n", ":2: ", "9 fields"},
        {HEADER "0123\tty\taffjord\t3\tbest_epoch\t6\tbits\tcounted\n", ":2: run: \"0123\"", "32 hexadecimal digits"},
        {HEADER KEY "\t\taffjord\t3\tbest_epoch\t6\tbits\tcounted\n", ":2: dataset: 0 bytes", "expected 1 to 127"},
        {HEADER KEY "\tty\t\t3\tbest_epoch\t6\tbits\tcounted\n", ":2: model: 0 bytes", "expected 1 to 127"},
        {HEADER KEY "\tty\taffjord\t-3\tbest_epoch\t6\tbits\tcounted\n", ":2: seed: \"-3\"", "expected an integer"},
        {HEADER RUN "\t6\tbits\tcounted\n", ":2: quantity: 0 bytes", "expected 1 to 95"},
        {HEADER RUN "epoch.x.validation\t6\tbits\tcounted\n", ":2: quantity: ", "expected epoch.NUMBER.SPLIT"},
        {HEADER RUN "epoch.3.\t6\tbits\tcounted\n", ":2: quantity: ", "expected epoch.NUMBER.SPLIT"},
        {HEADER RUN "best_epoch\tsix\tbits\tcounted\n", ":2: value: \"six\"", "expected a number, nan, inf or -inf"},
        {HEADER RUN "best_epoch\t0x6\tbits\tcounted\n", ":2: value: \"0x6\"", "expected a number"},
        {HEADER RUN "best_epoch\t1e999\tbits\tcounted\n", ":2: value: ", "expected a number"},
        {HEADER RUN "best_epoch\t\tbits\tcounted\n", ":2: value: \"\"", "expected a number"},
        {HEADER RUN "best_epoch\t6\tbit\tcounted\n", ":2: tolerance: \"bit\"", "expected bits, \"absolute NUMBER\""},
        {HEADER RUN "best_epoch\t6\trelative -1\tcounted\n", ":2: tolerance: ", "at least 0"},
        {HEADER RUN "best_epoch\t6\tabsolute nan\tcounted\n", ":2: tolerance: ", "at least 0"},
        {HEADER RUN "best_epoch\t6\tabsolute\tcounted\n", ":2: tolerance: ", "absolute NUMBER"},
        {HEADER RUN "best_epoch\t6\tbits\t\n", ":2: reason: 0 bytes", "expected 1 to 255"},
        {HEADER ROW ROW, ":3: best_epoch of run 0123456789ab is recorded in ", "values.tsv:2 already"},
        {HEADER ROW KEY "\tty\taffjord\t4\tparameters\t6\tbits\tcounted\n",
         ":3: run 0123456789ab is ty affjord, seed 4", "expected ty affjord, seed 3 as in"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        baseline seen = {.count = 0};
        error_info err = {""};
        write_text("values.tsv", cases[i].text);
        cr_expect_eq(baseline_read(&seen, path, &err), STATUS_FORMAT, "%s", cases[i].text);
        cr_expect_not_null(strstr(err.text, path), "%s", err.text);
        cr_expect_not_null(strstr(err.text, cases[i].line), "no \"%s\" in: %s", cases[i].line, err.text);
        cr_expect_not_null(strstr(err.text, cases[i].words), "no \"%s\" in: %s", cases[i].words, err.text);
        baseline_release(&seen);
    }
}

Test(baseline_file, a_folder_is_all_its_files) {
    baseline seen = {.count = 0};
    error_info err = {""};
    cr_expect_eq(baseline_read(&seen, folder, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "*.tsv"), "%s", err.text);
    write_text("b.tsv", HEADER ROW);
    write_text("a.tsv", HEADER RUN "parameters\t6\tbits\tcounted\n");
    write_text("notes.txt", "not looked at");
    cr_assert_eq(baseline_read(&seen, folder, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(seen.count, 2);
    cr_expect_str_eq(seen.rows[0].quantity, "parameters");
    baseline_release(&seen);
    write_text("c.tsv", HEADER ROW);
    cr_expect_eq(baseline_read(&seen, folder, &err), STATUS_FORMAT);
    cr_expect(strstr(err.text, "c.tsv:2") && strstr(err.text, "b.tsv:2 already"), "%s", err.text);
    baseline_release(&seen);
    scratch_path(folder, "none.tsv", path);
    cr_expect_eq(baseline_read(&seen, path, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "none.tsv"), "%s", err.text);
    baseline_release(&seen);
}

/* The project's recorded files are readable. */
Test(baseline_file, the_project_s_own_files_are_good) {
    baseline seen = {.count = 0};
    error_info err = {""};
    cr_assert_eq(baseline_read(&seen, "tests/baselines", &err), STATUS_OK, "%s", err.text);
    cr_expect_gt(seen.count, 40);
    baseline_release(&seen);
}
