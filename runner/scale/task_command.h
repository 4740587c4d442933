/* task_command.h - the command line of a task that computes one run of a plan. */
#ifndef AFFJORD_RUNNER_TASK_COMMAND_H
#define AFFJORD_RUNNER_TASK_COMMAND_H

#include <stdint.h>
#include <stdio.h>

#include "system/arguments.h"
#include "system/paths.h"

/* What of the command line decides the plan and its keys, and where files are; no path depends on the working folder. */
typedef struct task_command {
    char program[PATH_MAX], root[PATH_MAX], folder[PATH_MAX]; /* folder: the working one */
    char file[PATH_MAX], database[PATH_MAX], shards[PATH_MAX];
    const argument_texts *set, *where;
    const char *seeds, *device; /* NULL: not said */
    uint64_t threads; /* 0: not said */
} task_command;

/* Fill in the paths from those of the command line (shards NULL: beside the database). Errors: STATUS_IO. */
status task_command_place(const char *file, const char *database, const char *shards, task_command *out,
                          error_info *err);

/* Write lines of a shell that go to the working folder and set where the project and its data are; then the program
 * with the words that all tasks share. */
void task_command_write_place(const task_command *self, FILE *stream);
void task_command_write(const task_command *self, FILE *stream);

#endif
