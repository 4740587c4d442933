/* verbs.c - chooses the command of a command line, and prints help. */
#include "verbs/verbs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"
#include "base/edit_distance.h"
#include "record/machine.h"
#include "settings/settings_help.h"
#include "system/paths.h"
#include "verbs/verb_document.h"
#include "verbs/verb_readable.h"

enum { VERBS = 10 };
static const verb *const verbs[VERBS] = {&verb_eval,  &verb_sample, &verb_export,  &verb_list, &verb_merge,
                                         &verb_check, &verb_report, &verb_measure, &verb_data, &verb_bench};

/* Commands that are options of others now. */
static const struct {
    const char *name, *verb, *option;
} joined[] = {{"replay", "eval", "--replay"}, {"archive", "export", "--archive"}};

static void write_help(FILE *stream) {
    verb_write_help(&verb_experiment, stream);
    fprintf(stream, "\nCommands (%s COMMAND --help for details):\n", command_name());
    for (size_t i = 0; i < VERBS; i++) fprintf(stream, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\nExit status: 0 success; 1 failed or stopped; 2 invalid command line or settings.\n", stream);
}

size_t verbs_count(void) {
    return VERBS;
}

const verb *verbs_at(size_t index) {
    return verbs[index];
}

status verb_read(const verb *self, int count, char **words, void *request, size_t others_max, const char **others,
                 size_t *others_count, error_info *err) {
    return arguments_read(count, words, self->option_count, self->options, request, others_max, others, others_count,
                          err);
}

int usage_error(const verb *self, const char *message) {
    fprintf(stderr, "%s\n", message);
    fprintf(stderr, "See %s %s%s--help\n", command_name(), self->name, *self->name ? " " : "");
    return EXIT_USAGE;
}

int verb_failed(const char *message) {
    fprintf(stderr, "%s\n", message);
    return EXIT_FAILED;
}

static bool wants_help(int count, char **words) {
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) return true;
    return false;
}

static int run_verb(const verb *self, int count, char **words, int all_count, char **all) {
    if (!wants_help(count, words)) return self->run(count, words, all_count, all);
    verb_write_help(self, stdout);
    return EXIT_DONE;
}

/* A word that can only be an experiment file. */
static bool looks_like_file(const char *word) {
    return strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0;
}

static const verb *find_verb(const char *name) {
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(name, verbs[i]->name) == 0) return verbs[i];
    return NULL;
}

/* ./run replay FILE is ./run eval --replay FILE. */
static int run_joined(size_t index, int count, char **words, int all_count, char **all) {
    char **more = calloc((size_t)count + 2, sizeof *more);
    if (!more) return verb_failed("out of memory");
    fprintf(stderr, "Note: \"%s\" is now called \"%s %s\"; the old name still works\n", joined[index].name,
            joined[index].verb, joined[index].option);
    more[0] = (char *)joined[index].option;
    memcpy(more + 1, words, (size_t)count * sizeof *more);
    const int outcome = run_verb(find_verb(joined[index].verb), count + 1, more, all_count, all);
    free(more);
    return outcome;
}

static int unknown_verb(const char *word) {
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++) names[i] = verbs[i]->name;
    fprintf(stderr,
            "\"%s\": no experiment file and no command; the nearest command is %s\n"
            "See %s --help\n",
            word, suggest_name(word, VERBS, names), command_name());
    return EXIT_USAGE;
}

/* A misspelt level must not be ignored: numbers would be taken for those of that level. */
static bool level_is_known(void) {
    const char *level = getenv("AFFJORD_SIMD");
    if (!level || cpu_level_named(level) < CPU_LEVELS) return true;
    fprintf(stderr, "AFFJORD_SIMD = %s: expected portable, avx2 or avx512\n", level);
    return false;
}

int verbs_main(int count, char **words) {
    if (!level_is_known()) return EXIT_USAGE;
    if (!install_root_fits()) {
        fprintf(stderr, "AFFJORD_ROOT: the path is too long; expected at most %d bytes\n", INSTALL_ROOT_MAX - 1);
        return EXIT_USAGE;
    }
    if (count < 2) {
        write_help(stderr);
        return EXIT_USAGE;
    }
    const char *first = words[1];
    if (strcmp(first, "--version") == 0) {
        machine_write_version(stdout);
        return EXIT_DONE;
    }
    if (strcmp(first, "document") == 0) return document_run(count - 2, words + 2);
    if (strcmp(first, "readable") == 0) return readable_run(count - 2, words + 2);
    const verb *named = find_verb(first);
    if (named) return run_verb(named, count - 2, words + 2, count, words);
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++)
        if (strcmp(first, joined[i].name) == 0) return run_joined(i, count - 2, words + 2, count, words);
    if (wants_help(count - 1, words + 1)) {
        write_help(stdout);
        fputc('\n', stdout);
        settings_write_help(stdout);
        return EXIT_DONE;
    }
    if (first[0] != '-' && !looks_like_file(first)) return unknown_verb(first);
    return verb_experiment.run(count - 1, words + 1, count, words);
}
