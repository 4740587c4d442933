/* test_settings.c - the table of settings: parsing, printing, help and docs. */
#include "settings/settings_help.h"
#include "settings_support.h"

Test(settings, every_default_is_accepted_and_every_bound_kept) {
    settings values, other;
    settings_default(&values);
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i), *found = NULL;
        cr_expect_eq(settings_find_name(option->name, &found, NULL), STATUS_OK);
        cr_expect_eq(found, option);
        error_info err = {""};
        if (option->initial && *option->initial)
            cr_expect_eq(settings_parse(option, option->initial, &other, &err), STATUS_OK, "%s", err.text);
        if ((option->type != SETTING_INTEGER && option->type != SETTING_REAL) || isinf(option->minimum)) continue;
        char text[SETTINGS_TEXT_MAX];
        const double inside[] = {option->minimum, option->maximum};
        const bool above_zero = option->type == SETTING_REAL && option->minimum > 0;
        const double outside[] = {above_zero ? option->minimum / 2 : option->minimum - 1, option->maximum + 1};
        for (int k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "%.17g", inside[k]);
            cr_expect_eq(settings_parse(option, text, &other, NULL), STATUS_OK, "%s = %s", option->name, text);
            snprintf(text, sizeof text, "%.17g", outside[k]);
            cr_expect_eq(settings_parse(option, text, &other, NULL), STATUS_INVALID, "%s = %s", option->name, text);
        }
    }
    cr_expect_eq(values.train_batch, 512);
    cr_expect_eq(values.solver_steps, 40);
    cr_expect_eq(values.train_learning_rate, 1e-3);
    cr_expect(isinf(values.train_stop_loss) && values.train_stop_loss < 0);
}

Test(settings, texts_read_back_to_the_same_bits) {
    const double cases[] = {0.1,      1.0 / 3,   1e-3,      2.2250738585072014e-308, 1.03, -1.56,
                            INFINITY, -INFINITY, 0.1 + 0.2, 123456789.123456789};
    const setting_option *option;
    cr_assert_eq(settings_find("train", "stop_loss", &option, NULL), STATUS_OK);
    settings values, back;
    settings_default(&values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SETTINGS_TEXT_MAX];
        values.train_stop_loss = cases[i];
        settings_text(&values, option, text);
        cr_expect_eq(settings_parse(option, text, &back, NULL), STATUS_OK);
        cr_expect_eq(memcmp(&back.train_stop_loss, &cases[i], sizeof cases[i]), 0, "%s", text);
    }
    values.train_stop_loss = 0.1;
    char text[SETTINGS_TEXT_MAX];
    settings_text(&values, option, text);
    cr_expect_str_eq(text, "0.1"); /* the short form */
}

Test(settings, failed_parse_leaves_the_value) {
    settings values;
    settings_default(&values);
    const setting_option *option;
    cr_assert_eq(settings_find("train", "batch", &option, NULL), STATUS_OK);
    cr_expect_eq(settings_parse(option, "7x", &values, NULL), STATUS_INVALID);
    cr_expect_eq(values.train_batch, 512);
}

Test(settings, seeds_lists) {
    uint64_t *seeds = NULL;
    size_t count = 0;
    error_info err;
    cr_assert_eq(settings_seeds(" 0-3,40 ,  7-7, 9223372036854775807,", &seeds, &count, &err), STATUS_OK);
    const uint64_t expected[] = {0, 1, 2, 3, 40, 7, INT64_MAX};
    cr_assert_eq(count, 7);
    cr_expect_eq(memcmp(seeds, expected, sizeof expected), 0);
    free(seeds);
    seeds = NULL;
    cr_expect_eq(settings_seeds("", &seeds, &count, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "no seeds; expected a list such as 0-29, 40");
    cr_expect_eq(settings_seeds("0-99999, 100000", &seeds, &count, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "more than 100000 seeds");
    cr_expect_eq(settings_seeds("0-9223372036854775807", &seeds, &count, &err), STATUS_INVALID);
    cr_expect_eq(settings_seeds("4-9, 40, 0-4", &seeds, &count, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "seed 4 is listed twice");
    cr_expect_null(seeds);
    cr_expect_eq(count, 7);
}

Test(settings, a_seeds_list_of_hundreds_of_parts_is_refused) {
    char text[8192];
    size_t used = 0, count;
    for (int i = 0; i < 513; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%d,", 2 * i);
    uint64_t *seeds;
    error_info err;
    cr_expect_eq(settings_seeds(text, &seeds, &count, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "more than 512 seeds and ranges; expected ranges such as 0-29");
}

Test(settings, docs_match_the_table) {
    char *generated = NULL, *written;
    size_t size = 0, length;
    FILE *stream = open_memstream(&generated, &size);
    cr_assert(stream);
    settings_write_markdown(stream);
    cr_assert_eq(fclose(stream), 0);
    FILE *file = fopen("docs/reference/settings.md", "rb");
    cr_assert(file, "no docs/reference/settings.md; tests run in the repository's root");
    written = malloc(size + 2);
    cr_assert(written);
    length = fread(written, 1, size + 1, file);
    fclose(file);
    written[length] = '\0';
    cr_expect_str_eq(written, generated, "docs/reference/settings.md is not what settings_write_markdown() writes");
    for (size_t i = 0; i < settings_count(); i++) cr_expect(strstr(generated, settings_option(i)->help));
    free(generated);
    free(written);
}

Test(settings, help_names_every_setting) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert(stream);
    settings_write_help(stream);
    cr_assert_eq(fclose(stream), 0);
    for (size_t i = 0; i < settings_count(); i++) {
        char line[SETTINGS_TEXT_MAX];
        snprintf(line, sizeof line, "\n  %s: ", settings_option(i)->name);
        cr_expect(strstr(text, line), "%s", settings_option(i)->name);
    }
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) cr_expect_leq(strcspn(line, "\n"), 120);
    free(text);
}

/* The report shows current names; its list of renamed settings is that of options.def. */
Test(settings, the_report_has_every_renamed_setting) {
    char text[1 << 14], entry[256];
    FILE *file = fopen("plots/report_experiment.sql", "rb");
    cr_assert(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    size_t renamed = 0;
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (!settings_of_run(option) || strcmp(settings_hash_key(option), option->key) == 0) continue;
        snprintf(entry, sizeof entry, "('%s', '%s', '%s')", option->section, settings_hash_key(option), option->key);
        cr_expect(strstr(text, entry), "%s", entry);
        renamed++;
    }
    cr_expect_eq(renamed, 9);
}
