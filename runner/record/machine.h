/* machine.h - what a number depends on besides its settings: program, machine, libraries. */
#ifndef AFFJORD_RUNNER_MACHINE_H
#define AFFJORD_RUNNER_MACHINE_H

#include <stdio.h>

#include "record/results_db.h"

typedef struct machine {
    char host[256], cpu[256], libraries[256];
    char command_line[4096];
    db_session session; /* points into this */
} machine;

/* Ask the machine. `count` arguments are the program's command line. *out must
 * not be copied. */
void machine_describe(machine *out, int count, char **arguments);

/* How many runs with so many threads each the cores that this process may use have room for, at least one. */
size_t machine_jobs(size_t threads);

/* The program and the commit it was built from, in a few words. */
void machine_name_program(size_t size, char *out);

/* What --version prints. */
void machine_write_version(FILE *stream);

#endif
