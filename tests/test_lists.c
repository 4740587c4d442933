/* test_lists.c - lists over several lines, items in quotes, and long paths in experiment files. */
#include <limits.h>

#include "settings_support.h"

#define REST "models = m\n[model m]\n"

/* Load x.ini and compare the items of experiment.data with `expected`, terminated by NULL. */
static void expect_items(const char *content, const char *const *expected) {
    write_text("x.ini", content);
    experiment_config *config = load("x.ini", 0, NULL);
    const char *cursor = config_settings(config)->experiment_data;
    char item[SETTINGS_TEXT_MAX];
    for (; *expected; expected++) {
        cr_assert(settings_list_next(&cursor, item), "%s: %s is missing", content, *expected);
        cr_expect_str_eq(item, *expected, "%s: \"%s\", expected \"%s\"", content, item, *expected);
    }
    cr_expect_not(settings_list_next(&cursor, item), "%s: \"%s\" is too many", content, item);
    config_destroy(&config);
}

#define ITEMS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_ITEMS(data, ...) expect_items("[experiment]\nname = a\n" data REST, ITEMS(__VA_ARGS__))

TestSuite(lists, .init = enter_folder, .fini = leave_folder);

Test(lists, may_start_and_continue_in_indented_lines) {
    EXPECT_ITEMS("data = ty,\n    rings\n", "ty", "rings");
    EXPECT_ITEMS("data = ty\n    rings\n", "ty", "rings");
    EXPECT_ITEMS("data =\n    ty,\n    rings\n", "ty", "rings");
    EXPECT_ITEMS("data =\n\tty\n\trings\n", "ty", "rings");
    EXPECT_ITEMS("data = ; two\n\n    ; the first\n    ty ; this\n# none\n    rings\n", "ty", "rings");
    EXPECT_ITEMS("data =\r\n  ty,\r\n  rings\r\n", "ty", "rings");
    /* The last line of a file. */
    write_text("x.ini", "[model m]\n[experiment]\nname = a\nmodels = m\ndata =\n  ty");
    experiment_config *config = load("x.ini", 0, NULL);
    cr_expect_str_eq(config_settings(config)->experiment_data, "ty");
    config_destroy(&config);
}

Test(lists, items_in_quotes_have_commas_and_blanks) {
    EXPECT_ITEMS("data = \"a, b.csv\", ty\n", "a, b.csv", "ty");
    EXPECT_ITEMS("data = ty, \"a,b.csv\"\n", "ty", "a,b.csv");
    EXPECT_ITEMS("data = ty,\n   \"a,b.csv\" ; why\n   rings\n", "ty", "a,b.csv", "rings");
    EXPECT_ITEMS("data =\n  \"a ; b.csv\"\n  \" c.csv \" ; two\n", "a ; b.csv", " c.csv ");
    EXPECT_ITEMS("data = \"a ; b.csv\" ; one\n", "a ; b.csv");
    EXPECT_ITEMS("data = \"say \"\"yes\"\".csv\",a\"b.csv\n", "say \"yes\".csv", "a\"b.csv");
    EXPECT_ITEMS("data = \"\"\"\"\n", "\"");
    EXPECT_ITEMS("data = \"ty\"\n", "ty");
    /* A section names the item without quotes; a text keeps its quotes. */
    write_text("x.ini", "[experiment]\nname = a\ntitle = \"b\" = c ; d\ndata = \"p/a, b.csv\"\n" REST
                        "[data a, b]\ntrain.batch = 7\n[data p/a, b.csv]\ntrain.iterations = 8\n");
    experiment_config *config = load("x.ini", 0, NULL);
    settings values;
    char path[PATH_MAX];
    config_resolve(config, "p/a, b.csv", "m", &values);
    cr_expect_eq(values.train_batch, 7);
    cr_expect_eq(values.train_iterations, 8);
    cr_expect_str_eq(values.experiment_title, "\"b\" = c");
    cr_expect_eq(config_data_source(config, "p/a, b.csv", path, NULL), STATUS_OK);
    cr_expect_str_eq(path, "p/a, b.csv");
    config_destroy(&config);
    const char *const set[] = {"experiment.data=\"c,d.csv\", ty"};
    write_text("x.ini", GOOD);
    config = load("x.ini", 1, set);
    cr_expect_str_eq(config_settings(config)->experiment_data, "\"c,d.csv\", ty");
    config_destroy(&config);
}

Test(lists, errors_name_the_item) {
    static const char *const cases[][2] = {
        {"data =\n", "x.ini:3: experiment.data: the value is empty"},
        {"data =\n; none\n", "x.ini:3: experiment.data: the value is empty"},
        {"data =\nseeds = 1\n", "x.ini:3: experiment.data: the value is empty"},
        {"title =\n  a\ndata = ty\n", "x.ini:3: experiment.title: the value is empty"},
        {"data = \"a,b.csv\n",
         "x.ini:3: experiment.data = \"a,b.csv: expected a closing \" before the next comma or the end"},
        {"data = \"a\" b, ty\n",
         "x.ini:3: experiment.data = \"a\" b, ty: expected a closing \" before the next comma or the end"},
        {"data = ty,\n  \"a\n",
         "x.ini:4: experiment.data = ty, \"a: expected a closing \" before the next comma or the end"},
        {"data = \"\", ty\n", "x.ini:3: experiment.data = \"\", ty: an item is empty"},
        {"data = ty, \"ty\"\n", "x.ini:3: experiment.data = ty, \"ty\": ty is listed twice"},
        {"data = ty\nmodels = \"m,\"\n",
         "x.ini:4: experiment.models = \"m,\": \"m,\" has something else than letters, digits, _ and -"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char content[512];
        experiment_config *config = NULL;
        error_info err = {""};
        snprintf(content, sizeof content, "[experiment]\nname = a\n%s", cases[i][0]);
        write_text("x.ini", content);
        cr_expect_neq(config_load("x.ini", 0, NULL, &config, &err), STATUS_OK, "%s", content);
        cr_expect_str_eq(err.text, cases[i][1], "%s\n found    %s\n expected %s", content, err.text, cases[i][1]);
        config_destroy(&config);
    }
}

/* Return a path of `size` bytes, terminator included, with components that file systems accept. */
static void make_path(char *path, size_t size) {
    memset(path, 'p', size);
    for (size_t i = 0; i + 20 < size; i += 200) path[i] = '/';
    snprintf(path + size - 5, 5, ".csv");
}

Test(lists, paths_are_as_long_as_the_system_takes) {
    static char item[PATH_MAX], other[PATH_MAX], content[4 * PATH_MAX];
    make_path(item, sizeof item);
    make_path(other, 4000);
    other[1] = 'o';
    snprintf(content, sizeof content, "[experiment]\nname = a\ndata = %s,\n  \"%s\"\n" REST "[data]\ndir = %s\n", item,
             other, item);
    expect_items(content, ITEMS(item, other));
    experiment_config *config = load("x.ini", 0, NULL);
    char path[PATH_MAX];
    error_info err = {""};
    cr_expect_eq(config_data_source(config, item, path, NULL), STATUS_OK);
    cr_expect_str_eq(path, item);
    cr_expect_str_eq(config_settings(config)->data_dir, item);
    config_destroy(&config);
    /* One more byte, from the folder of the file, is rejected, not truncated. */
    cr_assert_eq(mkdir("f", 0700), 0);
    snprintf(content, sizeof content, "[experiment]\nname = a\ndata = %s\n" REST, item + 1);
    write_text("f/x.ini", content);
    config = load("f/x.ini", 0, NULL);
    cr_expect_eq(config_data_source(config, item + 1, path, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "the path is too long"), "%s", err.text);
    config_destroy(&config);
    /* A longer text than any value: the same. */
    snprintf(content, sizeof content, "[experiment]\nname = a\ndata = %s, %s, %s\n" REST, item, other, item + 1);
    write_text("x.ini", content);
    cr_expect_eq(config_load("x.ini", 0, NULL, &config, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "x.ini:3: experiment.data: the value has 12192 bytes, expected at most 8191"),
                       "%s", err.text);
    /* Long comments and includes; a long name does not truncate the reason of an error. */
    snprintf(content, sizeof content, "; %s\ninclude = %s\n", item, item);
    write_text("x.ini", content);
    cr_expect_eq(config_load("x.ini", 0, NULL, &config, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "x.ini:2: include: /ppp"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, ".csv: No such file or directory"), "%s", err.text);
}
