/* slurm.h - calls of Slurm's programs sbatch and squeue. */
#ifndef AFFJORD_RUNNER_SLURM_H
#define AFFJORD_RUNNER_SLURM_H

#include "scale/submitted_jobs.h"

enum { SLURM_ID_MAX = 32, SLURM_OPTIONS_MAX = 64 };

/* Arguments for sbatch, terminated by NULL, with their memory. */
typedef struct slurm_options {
    size_t count;
    const char *words[SLURM_OPTIONS_MAX + 1];
    char text[8192];
    size_t used;
} slurm_options;

/* Add a word; add the words of a text, separated by blanks. Errors: STATUS_INVALID if there are too many. */
__attribute__((format(printf, 3, 4))) status slurm_add(slurm_options *options, error_info *err, const char *format,
                                                       ...);
status slurm_add_words(slurm_options *options, const char *text, error_info *err);

/* Run sbatch OPTIONS with `script` as input; id <- the job's number. Errors: STATUS_IO with sbatch's message. */
status slurm_submit(const slurm_options *options, const char *script, char id[SLURM_ID_MAX], error_info *err);

/* Run squeue for this user's tasks, and mark those in the lists of this folder. Errors: STATUS_IO with squeue's
 * message. */
status slurm_read_queue(const char *folder, submitted_jobs *list, error_info *err);

#endif
