/* verbs.h - the commands of ./run. */
#ifndef AFFJORD_RUNNER_VERBS_H
#define AFFJORD_RUNNER_VERBS_H

#include <stddef.h>
#include <stdio.h>

#include "system/arguments.h"

/* How ./run ends. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* A command. Help, manual page and completion are made from this structure. */
typedef struct verb {
    const char *name;
    const char *summary; /* one line of ./run --help */
    const char *const *forms; /* what may follow the name, ended by NULL */
    const char *words; /* names that may follow, with blanks between; NULL for none */
    const char *text; /* paragraphs with "\n\n" between */
    size_t option_count;
    const argument_option *options;
    /* Run it with the words after its name, and return the exit status. `all` and `all_count` are the program's whole
     * command line. */
    int (*run)(int count, char **words, int all_count, char **all);
} verb;

extern const verb verb_experiment; /* ./run FILE.ini */
extern const verb verb_eval, verb_sample, verb_export;
extern const verb verb_list, verb_merge, verb_check, verb_report;
extern const verb verb_measure, verb_data, verb_bench;

/* The commands, in the order of --help; verb_experiment, which has no name, is not among them. */
size_t verbs_count(void);
const verb *verbs_at(size_t index);

/* Read the words after a command's name into its request by its table of options; see arguments_read(). */
status verb_read(const verb *self, int count, char **words, void *request, size_t others_max, const char **others,
                 size_t *others_count, error_info *err);

/* Print the help of a command, with the program's name as it is called here: ./run or affjord. */
void verb_write_help(const verb *self, FILE *stream);

/* Print what is wrong with the command line, and where the help is. Returns EXIT_USAGE. */
int usage_error(const verb *self, const char *message);

/* Print what failed. Returns EXIT_FAILED. */
int verb_failed(const char *message);

/* ./run WORDS. Returns the exit status. */
int verbs_main(int count, char **words);

#endif
