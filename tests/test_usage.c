/* test_usage.c - the verbs' help as manual pages and completion read it: all of it is understood, and it names every
 * option that there is. */
#include "run_support.h"
#include "verbs/usage.h"
#include "verbs/verbs.h"

TestSuite(usage, .timeout = 60);

static const char text[] = "usage: ./run do RUN|FILE [--flag] [--set S.KEY=VALUE]...\n"
                           "                [--device cpu|cuda[:N]]\n"
                           "       ./run do --other NAME | --all\n"
                           "\n"
                           "Words of ./run do\n"
                           "in two lines.\n"
                           "\n"
                           "  --flag       does it; goes on\n"
                           "               here\n"
                           "  --other NAME one blank alone\n"
                           "  --set it --all\n"
                           "               in two lines\n"
                           "\n"
                           "The end.\n";

Test(usage, a_text_comes_apart_into_forms_paragraphs_and_items) {
    static const usage_part expected[] = {
        {USAGE_FORM, "", "do RUN|FILE [--flag] [--set S.KEY=VALUE]... [--device cpu|cuda[:N]]"},
        {USAGE_FORM, "", "do --other NAME | --all"},
        {USAGE_PARAGRAPH, "", "Words of ./run do in two lines."},
        {USAGE_ITEM, "--flag", "does it; goes on here"},
        {USAGE_ITEM, "--other NAME", "one blank alone"},
        {USAGE_ITEM, "--set it --all", "in two lines"},
        {USAGE_PARAGRAPH, "", "The end."},
    };
    const char *at = text;
    usage_part part;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert(usage_next(&at, &part), "part %zu", i);
        cr_expect_eq(part.kind, expected[i].kind, "part %zu", i);
        cr_expect_str_eq(part.term, expected[i].term, "part %zu", i);
        cr_expect_str_eq(part.text, expected[i].text, "part %zu", i);
    }
    cr_expect_not(usage_next(&at, &part));
}

Test(usage, options_have_what_stands_for_their_value) {
    static const char *const expected[][2] = {
        {"--flag", ""}, {"--set", "S.KEY=VALUE"}, {"--device", "cpu|cuda[:N]"}, {"--other", "NAME"}, {"--all", ""}};
    const char *at = text;
    char name[USAGE_TERM_MAX], value[USAGE_TERM_MAX];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert(usage_option(&at, name, value), "%s", expected[i][0]);
        cr_expect_str_eq(name, expected[i][0]);
        cr_expect_str_eq(value, expected[i][1], "%s", name);
    }
}

/* Parts of a text, by their kind. */
static void count_parts(const char *usage, size_t counts[USAGE_ITEM + 1]) {
    usage_part part;
    memset(counts, 0, (USAGE_ITEM + 1) * sizeof *counts);
    while (usage_next(&usage, &part)) {
        counts[part.kind]++;
        cr_expect_gt(strlen(part.text), 0, "%s: no words", part.term);
        cr_expect_lt(strlen(part.text), USAGE_TEXT_MAX - 1, "cut: %s", part.text);
        if (part.kind == USAGE_ITEM) cr_expect_eq(strncmp(part.term, "--", 2), 0, "no option: %s", part.term);
    }
}

Test(usage, every_verb_is_understood) {
    size_t counts[USAGE_ITEM + 1];
    for (size_t i = 0; i < verbs_count(); i++) {
        count_parts(verbs_at(i)->usage, counts);
        cr_expect_gt(counts[USAGE_FORM], 0, "%s", verbs_at(i)->name);
    }
    count_parts(verb_experiment.usage, counts);
    cr_expect_gt(counts[USAGE_FORM], 2);
    cr_expect_gt(counts[USAGE_ITEM], 7);
}

/* A form or an item of the text has the option. */
static bool has_option(const char *usage, const char *wanted) {
    usage_part part;
    char name[USAGE_TERM_MAX], value[USAGE_TERM_MAX];
    while (usage_next(&usage, &part)) {
        const char *at = usage_options(&part);
        while (usage_option(&at, name, value))
            if (strcmp(name, wanted) == 0) return true;
    }
    return false;
}

/* A verb that does not know an option names those that it knows. */
static size_t expect_options(const verb *self, const char *words) {
    size_t known = 0;
    setenv("AFFJORD", binary, 1);
    EXPECT(2, "$AFFJORD %s --no-such-option", words);
    char *list = strstr(output, ", of --");
    if (!list) return 0;
    for (char *name = strtok(list + 4, ", \n"); name && strncmp(name, "--", 2) == 0; name = strtok(NULL, ", \n")) {
        cr_expect(has_option(self->usage, name), "%s %s is not in its help", words, name);
        known++;
    }
    return known;
}

Test(usage, every_option_is_in_the_help) {
    size_t known = expect_options(&verb_experiment, "experiments/fig6.ini");
    for (size_t i = 0; i < verbs_count(); i++) {
        const verb *one = verbs_at(i);
        known += expect_options(one, strcmp(one->name, "data") == 0 ? "data check" : one->name);
    }
    cr_expect_gt(known, 25, "%zu options", known);
}
