/* task_command.h - the command line of a task that computes one run of a plan. */
#ifndef AFFJORD_RUNNER_TASK_COMMAND_H
#define AFFJORD_RUNNER_TASK_COMMAND_H

#include <stdint.h>
#include <stdio.h>

#include "system/arguments.h"
#include "system/paths.h"

/* The parts of the command line that determine the plan, its keys and its paths. No path depends on the working
 * folder. */
typedef struct task_command {
    char program[PATH_MAX], root[PATH_MAX], folder[PATH_MAX]; /* folder: the working folder */
    char file[PATH_MAX], database[PATH_MAX], shards[PATH_MAX];
    const argument_texts *set, *where;
    const char *seeds, *device; /* NULL: not given */
    uint64_t threads; /* 0: not given */
} task_command;

/* Fill in the paths from those of the command line (shards NULL: beside the database). Errors: STATUS_IO. */
status task_command_place(const char *file, const char *database, const char *shards, task_command *out,
                          error_info *err);

/* Write shell commands that change to the working folder and set the paths of the project and its data; then the
 * program with the arguments that all tasks share. */
void task_command_write_place(const task_command *self, FILE *stream);
void task_command_write(const task_command *self, FILE *stream);

#endif
