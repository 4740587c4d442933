/* settings_help.c - the table of settings for people: --help, docs/reference/settings.md and affjord.ini(5). */
#include "settings/settings_help.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "flow/cnf.h"
#include "model/settings.h"
#include "system/roff.h"
#include "system/wrap.h"

static const struct {
    const char *section, *help;
} SECTIONS[] = {
#define SECTION(section_, help_) {#section_, help_},
#include "model/options.def"
};

/* Write the possible values, briefly, with `separator` between choices. */
static void describe_range(const setting_option *option, const char *separator, char text[SETTINGS_TEXT_MAX]) {
    static const char *const TEXTS[] = {[ITEMS_ANY] = "text",
                                        [ITEMS_PART] = "number or path",
                                        [ITEMS_NAME] = "letters, digits, _ and -",
                                        [ITEMS_SEEDS] = "integers and ranges"};
    static const char *const LISTS[] = {
        [ITEMS_ANY] = "list", [ITEMS_NAME] = "list of names", [ITEMS_SEEDS] = "list of integers and ranges"};
    size_t used = 0;
    switch (option->type) {
    case SETTING_INTEGER:
        number_print(text, SETTINGS_TEXT_MAX, "integer, %.15g to %.15g", option->minimum, option->maximum);
        break;
    case SETTING_REAL:
        if (isinf(option->minimum)) snprintf(text, SETTINGS_TEXT_MAX, "number or -inf");
        else number_print(text, SETTINGS_TEXT_MAX, "number, %.15g to %.15g", option->minimum, option->maximum);
        break;
    case SETTING_BOOLEAN: snprintf(text, SETTINGS_TEXT_MAX, "yes%sno", separator); break;
    case SETTING_CHOICE:
        for (const char *from = option->choices; *from && used < SETTINGS_TEXT_MAX;) {
            const size_t length = strcspn(from, "|");
            const int written = snprintf(text + used, SETTINGS_TEXT_MAX - used, "%.*s%s", (int)length, from,
                                         from[length] ? separator : "");
            used += (size_t)written;
            from += length + (from[length] == '|');
        }
        break;
    case SETTING_TEXT: snprintf(text, SETTINGS_TEXT_MAX, "%s", TEXTS[option->items]); break;
    case SETTING_LIST: snprintf(text, SETTINGS_TEXT_MAX, "%s", LISTS[option->items]); break;
    }
}

/* The default as shown; never empty. */
static const char *describe_initial(const setting_option *option) {
    if (!option->initial) return "required";
    return *option->initial ? option->initial : "none";
}

void settings_write_help(FILE *stream) {
    char range[SETTINGS_TEXT_MAX];
    fprintf(stream, "Settings (--set section.key=value, or in the file under [section]):\n");
    for (size_t s = 0; s < sizeof SECTIONS / sizeof *SECTIONS; s++) {
        fprintf(stream, "\n[%s]\n", SECTIONS[s].section);
        wrap_write(stream, SECTIONS[s].help, 2, 0);
        for (size_t i = 0; i < settings_count(); i++) {
            const setting_option *option = settings_option(i);
            if (strcmp(option->section, SECTIONS[s].section) != 0) continue;
            describe_range(option, " | ", range);
            fprintf(stream, "  %s.%s: %s; default: %s\n", option->section, option->key, range,
                    describe_initial(option));
            wrap_write(stream, option->help, 6, 0);
        }
    }
}

static void write_introduction(FILE *stream) {
    fputs(
        "# Settings\n"
        "\n"
        "This page is generated from `core/model/options.def`, and a test compares the two.\n"
        "\n"
        "An experiment is one INI file:\n"
        "\n"
        "```ini\n"
        "include = ../configs/toy_paper.ini   ; a preset, relative to this file; only above the first section\n"
        "\n"
        "[experiment]\n"
        "name = mine\n"
        "data = ty, hash_gaussian, points.npy\n"
        "models = ffjord, affjord\n"
        "seeds = 0-4\n"
        "\n"
        "[train]\n"
        "iterations = 2000\n"
        "\n"
        "[model affjord]                      ; declares a model; a bare key is of the section [model]\n"
        "width = 128\n"
        "train.learning_rate = 5e-4\n"
        "\n"
        "[data ty]                            ; for one data set only\n"
        "train.stop_loss = 0.5\n"
        "```\n"
        "\n"
        "Where there is no such file beside it, `configs/NAME` and `../configs/NAME` are the presets of the checkout,\n"
        "or the installed ones.\n"
        "\n"
        "Later in this list wins: defaults, included files, the file itself, `[data NAME]`, `[model NAME]`,\n"
        "`--set section.key=value`, `--set \"data NAME.section.key=value\"`,\n"
        "`--set \"model NAME.section.key=value\"`, a point of the sweep.\n"
        "Every model of `experiment.models` needs a section `[model NAME]`, which may be empty. `NAME` of a data set\n"
        "is what `experiment.data` says, or its file name without folder and ending.\n"
        "\n"
        "A section `[sweep]` lists values of settings, as in `flow.end_time = 1, 10` or, for one model,\n"
        "`model affjord.initial_state = zero, learned`. Every combination is trained, or a `sample` of them\n"
        "([guide](../guide/experiments.md#sweep-settings)).\n"
        "\n"
        "Commas separate the items of a list. A list may continue, or begin, in indented lines. Put an item that\n"
        "contains a comma in double quotes, as in `data = \"a, b.csv\", ty`; write `\"\"` for a quote inside them. "
        "`;`\n"
        "after a blank starts a comment, and so do `;` and `#` at the start of a line. A value has at most 8191\n"
        "bytes. Every other line is an error with file and line, and nothing is run.\n"
        "\n"
        "*In key* says whether a setting is part of a run's key. Runs with the same key are the same training and\n"
        "are computed once, for any number of experiments.\n",
        stream);
}

/* Older names, which files may still use. */
static void write_renamed(FILE *stream) {
    fputs("\n## Renamed settings\n\n"
          "Files and `--set` may use the older names; the program then prints a note. Run keys, the table `setting` of "
          "the\n"
          "database and checkpoints contain the older names, so that runs of all versions have the same keys.\n\n"
          "| name | older name |\n|---|---|\n",
          stream);
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        const char *key = settings_hash_key(option), *names = settings_hash_choices(option);
        if (strcmp(key, option->key) != 0) fprintf(stream, "| `%s` | `%s.%s` |\n", option->name, option->section, key);
        if (!names || strcmp(names, option->choices) == 0) continue;
        for (const char *now = option->choices, *before = names; *now && *before;) {
            const int length = (int)strcspn(now, "|"), old_length = (int)strcspn(before, "|");
            if (length != old_length || strncmp(now, before, (size_t)length) != 0)
                fprintf(stream, "| `%s = %.*s` | `%s.%s = %.*s` |\n", option->name, length, now, option->section, key,
                        old_length, before);
            now += length + (now[length] == '|');
            before += old_length + (before[old_length] == '|');
        }
    }
}

void settings_write_markdown(FILE *stream) {
    char range[SETTINGS_TEXT_MAX];
    write_introduction(stream);
    for (size_t s = 0; s < sizeof SECTIONS / sizeof *SECTIONS; s++) {
        fprintf(stream, "\n## [%s]\n\n%s\n\n", SECTIONS[s].section, SECTIONS[s].help);
        fprintf(stream, "| key | value | default | in key | meaning |\n|---|---|---|---|---|\n");
        for (size_t i = 0; i < settings_count(); i++) {
            const setting_option *option = settings_option(i);
            if (strcmp(option->section, SECTIONS[s].section) != 0) continue;
            describe_range(option, ", ", range);
            fprintf(stream, "| `%s` | %s | %s | %s | %s |\n", option->key, range, describe_initial(option),
                    option->keyed ? "yes" : "no", option->help);
        }
    }
    write_renamed(stream);
}

static void write_manual_introduction(FILE *stream) {
    roff_write_head(stream, "affjord.ini", "5", "an experiment of affjord");
    fputs(".SH DESCRIPTION\n"
          "An experiment is one INI file:\n"
          ".PP\n.nf\n.RS\n"
          "include = configs/toy_paper.ini      ; a preset; only above the first section\n"
          ".sp\n"
          "[experiment]\n"
          "name = mine\n"
          "data = ty, hash_gaussian, points.npy\n"
          "models = ffjord, affjord\n"
          "seeds = 0\\-4\n"
          ".sp\n"
          "[train]\n"
          "iterations = 2000\n"
          ".sp\n"
          "[model affjord]                      ; declares a model; a bare key is of the section [model]\n"
          "width = 128\n"
          "train.learning_rate = 5e\\-4\n"
          ".sp\n"
          "[data ty]                            ; for one data set only\n"
          "train.stop_loss = 0.5\n"
          ".RE\n.fi\n"
          ".PP\n",
          stream);
    roff_write_text(
        stream,
        "A file to include is looked for beside the file that includes it. Where there is none, configs/NAME "
        "and ../configs/NAME are the presets that come with the program. Later in this list wins: defaults, included "
        "files, the file itself, [data NAME], [model NAME], --set section.key=value, --set \"data "
        "NAME.section.key=value\", --set \"model NAME.section.key=value\", a point of the sweep. Every model of "
        "experiment.models "
        "needs a section [model NAME], which may be empty. NAME of a data set is what experiment.data says, or "
        "its file name without folder and ending.");
    fputs(".PP\n", stream);
    roff_write_text(stream,
                    "A section [sweep] lists values of settings, as in flow.end_time = 1, 10 or, for one model, model "
                    "affjord.initial_state = zero, learned. Every combination is trained, or sample = N of them.");
    fputs(".PP\n", stream);
    roff_write_text(
        stream,
        "Commas separate the items of a list. A list may continue, or begin, in indented lines. Put an item that "
        "contains a comma in double quotes, as in data = \"a, b.csv\", ty; write \"\" for a quote inside them. ; "
        "after a blank starts a comment, and so do ; and # at the start of a line. A value has at most 8191 "
        "bytes. Every other line is an error with file and line, and nothing is run.");
}

void settings_write_manual(FILE *stream) {
    char range[SETTINGS_TEXT_MAX], term[2 * SETTINGS_TEXT_MAX];
    write_manual_introduction(stream);
    fputs(".SH SETTINGS\n", stream);
    for (size_t s = 0; s < sizeof SECTIONS / sizeof *SECTIONS; s++) {
        fprintf(stream, ".SS [%s]\n", SECTIONS[s].section);
        roff_write_text(stream, SECTIONS[s].help);
        for (size_t i = 0; i < settings_count(); i++) {
            const setting_option *option = settings_option(i);
            if (strcmp(option->section, SECTIONS[s].section) != 0) continue;
            describe_range(option, " | ", range);
            snprintf(term, sizeof term, "%s = %s", option->key, range);
            fputs(".TP\n.B ", stream);
            roff_write_text(stream, term);
            roff_write_text(stream, option->help);
            fputs("Default: ", stream);
            roff_write_text(stream, describe_initial(option));
        }
    }
    fputs(".SH SEE ALSO\n.BR affjord (1)\n", stream);
}
