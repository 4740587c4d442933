/* machine.h - the origin of a number besides its settings: program, machine, libraries. */
#ifndef AFFJORD_RUNNER_MACHINE_H
#define AFFJORD_RUNNER_MACHINE_H

#include <stdio.h>

#include "record/results_db.h"

typedef struct machine {
    char host[256], cpu[256], libraries[256];
    char command_line[4096];
    db_session session; /* points into this */
} machine;

/* Collect the facts. `count` arguments are the program's command line. *out must not be copied. */
void machine_describe(machine *out, int count, char **arguments);

/* Return how many runs with `threads` threads each fit on the available cores, at least one. */
size_t machine_jobs(size_t threads);

/* Return the program and its commit, in a few words. */
void machine_name_program(size_t size, char *out);

/* Write the text of --version. */
void machine_write_version(FILE *stream);

#endif
