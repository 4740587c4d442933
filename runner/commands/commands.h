/* commands.h - the commands of ./run. */
#ifndef AFFJORD_RUNNER_COMMANDS_H
#define AFFJORD_RUNNER_COMMANDS_H

#include <stddef.h>
#include <stdio.h>

#include "system/arguments.h"

/* The exit status of ./run. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* A command. Help, manual page and completion are made from this structure. */
typedef struct command {
    const char *name;
    const char *summary; /* one line of ./run --help */
    const char *const *forms; /* forms of the arguments after the name, terminated by NULL */
    const char *words; /* names that may follow, separated by blanks; NULL for none */
    const char *text; /* paragraphs, separated by "\n\n" */
    size_t option_count;
    const argument_option *options;
    /* Run it with the words after its name, and return the exit status. `all` and `all_count` are the program's whole
     * command line. */
    int (*run)(int count, char **words, int all_count, char **all);
} command;

extern const command command_experiment; /* ./run FILE.ini */
extern const command command_eval, command_sample, command_export;
extern const command command_transform, command_inverse, command_trajectory;
extern const command command_list, command_merge, command_check, command_report;
extern const command command_remove, command_measure, command_data, command_bench;

/* The commands, in the order of --help; command_experiment, which has no name, is not among them. */
size_t commands_count(void);
const command *commands_at(size_t index);

/* Read the words after a command's name into its request by its table of options; see arguments_read(). */
status command_read(const command *self, int count, char **words, void *request, size_t others_max, const char **others,
                    size_t *others_count, error_info *err);

/* Print the help of a command, with the name of the program: ./run or affjord. */
void command_write_help(const command *self, FILE *stream);

/* Print an error of the command line and how to get help. Return EXIT_USAGE. */
int usage_error(const command *self, const char *message);

/* Print an error. Return EXIT_FAILED. */
int command_failed(const char *message);

/* Run the command line ./run WORDS. Return the exit status. */
int commands_main(int count, char **words);

#endif
