/* enrolment.h - a plan and the database: which of its runs are there, and how far.
 *
 * An experiment's runs in the database are those of its latest settings. Runs
 * under other settings (--set, an edited file) leave the experiment, or its
 * figures would average over both, but stay in the database and are found
 * again by their key. Runs of other seeds under the same settings remain. */
#ifndef AFFJORD_RUNNER_ENROLMENT_H
#define AFFJORD_RUNNER_ENROLMENT_H

#include "plan/plan.h"
#include "record/recorder.h"

typedef struct enrolment {
    size_t count; /* that of the plan's runs */
    recorder_run *runs; /* (count), in their order; id 0 where the database has none */
    size_t done; /* of them */
    size_t stale_count; /* runs under other settings that are still part of the experiment */
    int64_t *stale;
    bool current; /* nothing would have to be written but runs that are not done */
} enrolment;

/* Look the plan up. The caller destroys *out. Errors: those of the recorder, STATUS_MEMORY. */
status enrolment_read(recorder *book, const plan *runs, const recorder_experiment *experiment, enrolment **out,
                      failure *why);

/* Write what is missing: the experiment, its runs with their settings. Then read again. */
status enrolment_write(recorder *book, const plan *runs, const recorder_experiment *experiment, enrolment **out,
                       failure *why);

/* A plan without a database. */
status enrolment_empty(const plan *runs, enrolment **out, failure *why);

void enrolment_destroy(enrolment **list);

#endif
