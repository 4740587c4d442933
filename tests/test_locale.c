/* test_locale.c - the library reads and writes nothing in the locale of its calling program. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/number.h"
#include "compare/tolerance.h"
#include "data/table.h"
#include "data/toy.h"
#include "plan/plan.h"
#include "run_support.h"

/* A locale with decimal commas, created for the test, because few machines have one. Each test is a separate
 * process. */
static void enter_decimal_commas(void) {
    char text[16];
    scratch_create(folder);
    setenv("TEST_DIR", folder, 1);
    EXPECT(0, "localedef -i de_DE -f UTF-8 $TEST_DIR/de_DE.UTF-8");
    setenv("LOCPATH", folder, 1);
    cr_assert_not_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    snprintf(text, sizeof text, "%.1f", 1.5);
    cr_assert_str_eq(text, "1,5", "the locale has decimal commas");
}

TestSuite(locale, .init = enter_decimal_commas, .fini = end_run);

Test(locale, a_table_keeps_all_its_rows) {
    char path[128];
    table *points = NULL;
    error_info err = {""};
    scratch_path(folder, "points.csv", path);
    static const char *const texts[] = {"1.5 2.5\n3 4\n5 6\n", "1.5,2.5\n3,4\n5,6\n", "x,y\n1.5,2.5\n3e0,.4e1\n5,6\n"};
    const double expected[] = {1.5, 2.5, 3, 4, 5, 6};
    for (size_t t = 0; t < 3; t++) {
        scratch_write(path, texts[t], strlen(texts[t]));
        cr_assert_eq(table_read(path, &points, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(points->rows, 3);
        cr_assert_eq(points->columns, 2);
        for (size_t i = 0; i < 6; i++) cr_expect_eq(points->values[i], (real)expected[i]);
        table_destroy(&points);
    }
}

/* Checksums hash texts with numbers; compute them first in the locale "C". */
Test(locale, checksums_of_toy_densities, .init = NULL) {
    char neutral[32][65], found[65];
    const size_t count = toy_count();
    cr_assert_leq(count, 32);
    for (size_t i = 0; i < count; i++) toy_checksum(toy_at(i), neutral[i]);
    enter_decimal_commas();
    for (size_t i = 0; i < count; i++) {
        toy_checksum(toy_at(i), found);
        cr_expect_str_eq(found, neutral[i], "%s", toy_at(i)->name);
    }
}

Test(locale, keys_and_settings, .init = NULL) {
    settings values, again;
    char neutral[PLAN_KEY_SIZE], found[PLAN_KEY_SIZE];
    settings_default(&values);
    values.train_learning_rate = 0.00123;
    values.flow_end_time = 2.5;
    plan_run_key(&values, "abc", 7, neutral);
    enter_decimal_commas();
    plan_run_key(&values, "abc", 7, found);
    cr_expect_str_eq(found, neutral);
    settings_default(&again);
    for (size_t i = 0; i < settings_count(); i++) {
        char text[SETTINGS_TEXT_MAX];
        error_info err = {""};
        const setting_option *option = settings_option(i);
        settings_text(&values, option, text);
        cr_expect_null(option->type == SETTING_REAL ? strchr(text, ',') : NULL, "%s = %s", option->name, text);
        if (*text) cr_expect_eq(settings_parse(option, text, &again, &err), STATUS_OK, "%s", err.text);
    }
    cr_expect_eq(again.train_learning_rate, 0.00123);
    cr_expect_eq(again.train_stop_loss, -INFINITY);
}

Test(locale, recorded_values_and_messages) {
    char text[64];
    double value = 0;
    error_info err;
    number_text(0.1, text);
    cr_expect_str_eq(text, "0.10000000000000001");
    cr_expect_eq(number_parse("2.5e-1", &value, &err), STATUS_OK);
    cr_expect_eq(value, 0.25);
    error_describe(&err, "%.2f", 1.25);
    cr_expect_str_eq(err.text, "1.25");
    static const char comma[] = "1,5";
    cr_expect(!number_read(comma, comma + 3, &value));
    snprintf(text, sizeof text, "%.1f", 1.5);
    cr_expect_str_eq(text, "1,5", "the program's own locale is as it was");
}
