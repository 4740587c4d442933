/* commands.c - chooses the command of a command line, and prints help. */
#include "commands/commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"
#include "base/edit_distance.h"
#include "commands/command_document.h"
#include "commands/command_readable.h"
#include "record/machine.h"
#include "settings/settings_help.h"
#include "system/paths.h"

static const command *const commands[] = {&command_eval,       &command_sample, &command_transform, &command_inverse,
                                          &command_trajectory, &command_export, &command_list,      &command_merge,
                                          &command_check,      &command_remove, &command_report,    &command_measure,
                                          &command_data,       &command_bench};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* Former commands that are now options of other commands. */
static const struct {
    const char *name, *command, *option;
} joined[] = {{"replay", "eval", "--replay"}, {"archive", "export", "--archive"}};

static void write_help(FILE *stream) {
    command_write_help(&command_experiment, stream);
    fprintf(stream, "\nCommands (%s COMMAND --help for details):\n", command_name());
    for (size_t i = 0; i < COMMANDS; i++) fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nExit status: 0 success; 1 failed or stopped; 2 invalid command line or settings.\n", stream);
}

size_t commands_count(void) {
    return COMMANDS;
}

const command *commands_at(size_t index) {
    return commands[index];
}

status command_read(const command *self, int count, char **words, void *request, size_t others_max, const char **others,
                    size_t *others_count, error_info *err) {
    return arguments_read(count, words, self->option_count, self->options, request, others_max, others, others_count,
                          err);
}

int usage_error(const command *self, const char *message) {
    fprintf(stderr, "%s\n", message);
    fprintf(stderr, "See %s %s%s--help\n", command_name(), self->name, *self->name ? " " : "");
    return EXIT_USAGE;
}

int command_failed(const char *message) {
    fprintf(stderr, "%s\n", message);
    return EXIT_FAILED;
}

static bool wants_help(int count, char **words) {
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) return true;
    return false;
}

static int run_command(const command *self, int count, char **words, int all_count, char **all) {
    if (!wants_help(count, words)) return self->run(count, words, all_count, all);
    command_write_help(self, stdout);
    return EXIT_DONE;
}

/* A word that can only be an experiment file. */
static bool looks_like_file(const char *word) {
    return strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0;
}

static const command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0) return commands[i];
    return NULL;
}

/* ./run replay FILE is ./run eval --replay FILE. */
static int run_joined(size_t index, int count, char **words, int all_count, char **all) {
    char **more = calloc((size_t)count + 2, sizeof *more);
    if (!more) return command_failed("out of memory");
    fprintf(stderr, "Note: \"%s\" is now called \"%s %s\"; the old name still works\n", joined[index].name,
            joined[index].command, joined[index].option);
    more[0] = (char *)joined[index].option;
    memcpy(more + 1, words, (size_t)count * sizeof *more);
    const int outcome = run_command(find_command(joined[index].command), count + 1, more, all_count, all);
    free(more);
    return outcome;
}

static int unknown_command(const char *word) {
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i]->name;
    fprintf(stderr,
            "\"%s\": no experiment file and no command; the nearest command is %s\n"
            "See %s --help\n",
            word, suggest_name(word, COMMANDS, names), command_name());
    return EXIT_USAGE;
}

/* Reject a misspelt level. If it were ignored, its numbers would be attributed to the wrong level. */
static bool level_is_known(void) {
    const char *level = getenv("AFFJORD_SIMD");
    if (!level || cpu_level_named(level) < CPU_LEVELS) return true;
    fprintf(stderr, "AFFJORD_SIMD = %s: expected portable, avx2 or avx512\n", level);
    return false;
}

int commands_main(int count, char **words) {
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
    const command *named = find_command(first);
    if (named) return run_command(named, count - 2, words + 2, count, words);
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++)
        if (strcmp(first, joined[i].name) == 0) return run_joined(i, count - 2, words + 2, count, words);
    if (wants_help(count - 1, words + 1)) {
        write_help(stdout);
        fputc('\n', stdout);
        settings_write_help(stdout);
        return EXIT_DONE;
    }
    if (first[0] != '-' && !looks_like_file(first)) return unknown_command(first);
    return command_experiment.run(count - 1, words + 1, count, words);
}
