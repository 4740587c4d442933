/* submitted_jobs.h - lists of the runs that were submitted to Slurm, one for each job array.
 *
 * Slurm identifies a task by the array's name and a number. The list
 * FOLDER/slurm/NAME.tasks has a line for each task, from number 0, with the
 * run's key and the iteration of its checkpoint at that time. It is written
 * before the array is submitted, so every task in the queue has its line. */
#ifndef AFFJORD_RUNNER_SUBMITTED_JOBS_H
#define AFFJORD_RUNNER_SUBMITTED_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"
#include "system/paths.h"

enum { SUBMITTED_NAME_MAX = 64, SUBMITTED_WORD_MAX = 64 };

typedef struct submitted_task {
    char key[PLAN_KEY_SIZE];
    uint64_t iteration; /* of its checkpoint when it was last submitted */
    bool seen; /* for callers that iterate */
    bool queued; /* in the queue; then: */
    char state[SUBMITTED_WORD_MAX], node[SUBMITTED_WORD_MAX], reason[SUBMITTED_WORD_MAX]; /* as Slurm prints them */
} submitted_task;

/* Every run that was ever submitted, sorted by key. */
typedef struct submitted_jobs {
    size_t count;
    submitted_task *tasks;
} submitted_jobs;

/* name <- a new name for an array of an experiment: affjord.EXPERIMENT.NUMBER. */
void submitted_name(const char *experiment, char name[SUBMITTED_NAME_MAX]);
/* out <- the path of an array's file: its list (".tasks") or its output (".log"). */
status submitted_path(const char *folder, const char *name, const char *ending, char out[PATH_MAX], error_info *err);

/* Write or remove the list of an array. Errors: STATUS_IO naming the file. */
status submitted_write(const char *folder, const char *name, size_t count, const submitted_task *tasks,
                       error_info *err);
void submitted_forget(const char *folder, const char *name);

/* Read all lists. The caller calls submitted_release. Errors: STATUS_IO, STATUS_MEMORY. */
status submitted_read(const char *folder, submitted_jobs *out, error_info *err);
void submitted_release(submitted_jobs *list);

/* Return the task of a run; NULL if it was never submitted. */
submitted_task *submitted_find(const submitted_jobs *list, const char *key);

/* The list that submitted_find_in() read last; starts with {0}, and submitted_drop() frees it. */
typedef struct submitted_cache {
    char name[SUBMITTED_NAME_MAX];
    size_t count;
    submitted_task *tasks;
} submitted_cache;
/* Return the task with this number in an array; NULL for other arrays. */
submitted_task *submitted_find_in(const submitted_jobs *list, const char *folder, const char *name, size_t number,
                                  submitted_cache *cache);
void submitted_drop(submitted_cache *cache);

#endif
