/* verbs.h - what ./run can be asked to do. */
#ifndef AFFJORD_RUNNER_VERBS_H
#define AFFJORD_RUNNER_VERBS_H

#include <stddef.h>

/* How ./run ends. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct verb {
    const char *name;
    const char *summary; /* one line of ./run --help */
    const char *usage; /* what ./run NAME --help prints */
    /* Do it, with the words after the verb, and return the exit status. `all` and `all_count` are the program's whole
     * command line. */
    int (*run)(int count, char **words, int all_count, char **all);
} verb;

extern const verb verb_experiment; /* ./run FILE.ini */
extern const verb verb_eval, verb_sample, verb_export;
extern const verb verb_list, verb_check, verb_report, verb_data, verb_replay, verb_bench;
extern const verb verb_archive, verb_merge, verb_measure;

/* The verbs, in the order of --help; verb_experiment, which has no name, is not among them. */
size_t verbs_count(void);
const verb *verbs_at(size_t index);

/* Say what was wrong with the command line, and how it goes. Returns EXIT_USAGE. */
int verb_misused(const verb *self, const char *message);

/* Say what went wrong. Returns EXIT_FAILED. */
int verb_failed(const char *message);

/* ./run WORDS. Returns the exit status. */
int verbs_main(int count, char **words);

#endif
