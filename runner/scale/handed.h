/* handed.h - what was handed to Slurm: a list for each job array.
 *
 * Slurm knows a task by its array's name and its number in it. The list
 * FOLDER/slurm/NAME.tasks says which run that is: a line for each task, from
 * number 0, with the run's key and the iteration of its checkpoint at that
 * time. It is written before the array is submitted, so no task in the queue
 * is ever without one. */
#ifndef AFFJORD_RUNNER_HANDED_H
#define AFFJORD_RUNNER_HANDED_H

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"
#include "system/place.h"

enum { HANDED_NAME_MAX = 64, HANDED_WORD_MAX = 64 };

typedef struct handed_task {
    char key[PLAN_KEY_SIZE];
    uint64_t iteration; /* of its checkpoint when it was last handed over */
    bool seen; /* for the use of who goes through them */
    bool queued; /* still in the queue, so: */
    char state[HANDED_WORD_MAX], node[HANDED_WORD_MAX], reason[HANDED_WORD_MAX]; /* in Slurm's words */
} handed_task;

/* Every run that was ever handed over, by its key. */
typedef struct handed {
    size_t count;
    handed_task *tasks;
} handed;

/* A name for an array of an experiment: affjord.EXPERIMENT.NUMBER, other than any in the folder. */
void handed_name(const char *experiment, char name[HANDED_NAME_MAX]);
/* The file of an array: its list (".tasks") or what its tasks print beyond their own logs (".log"). */
status handed_path(const char *folder, const char *name, const char *ending, char out[PLACE_PATH_MAX], failure *why);

/* Write, and take back, the list of an array. Errors: STATUS_IO naming the file. */
status handed_write(const char *folder, const char *name, size_t count, const handed_task *tasks, failure *why);
void handed_forget(const char *folder, const char *name);

/* Read all lists. The caller calls handed_release. Errors: STATUS_IO, STATUS_MEMORY. */
status handed_read(const char *folder, handed *out, failure *why);
void handed_release(handed *list);

/* NULL if the key was never handed over. */
handed_task *handed_find(const handed *list, const char *key);

/* Mark the task of an array as queued; arrays of others are passed over. `cache` starts with {0} and is freed by
 * handed_drop: it keeps the list read last. */
typedef struct handed_cache {
    char name[HANDED_NAME_MAX];
    size_t count;
    handed_task *tasks;
} handed_cache;
handed_task *handed_find_in(const handed *list, const char *folder, const char *name, size_t number,
                            handed_cache *cache);
void handed_drop(handed_cache *cache);

#endif
