/* workers_lock.c - recording while another program may lock the database.
 *
 * A transaction can wait twice: when it begins, if another program writes, and at its commit, if another one reads.
 * The recorder waits for neither: training continues, messages are kept in memory up to a limit, and both are tried
 * again until the lock is gone or the timeout has passed. */
#include <string.h>
#include <unistd.h>

#include "work/workers_internal.h"

#define REPORT_SECONDS 2.0 /* time until a message about a lock is printed */
#define STOPPING_SECONDS 5.0 /* timeout after a stop */

static void note_lock(workers *all, bool locked) {
    const double now = clock_seconds();
    if (!locked) {
        all->locked = 0;
        all->lock_reported = false;
        return;
    }
    if (all->locked == 0) all->locked = now;
    if (all->lock_reported || now - all->locked < REPORT_SECONDS) return;
    all->lock_reported = true;
    char text[PATH_MAX + 128];
    snprintf(text, sizeof text,
             "%s: locked by another program; the training goes on, and is recorded when the lock goes",
             db_path(all->db));
    progress_note(all->shown, text);
}

bool workers_can_record(workers *all) {
    bool done = false;
    if (all->abandoned || all->committing) return false;
    if (all->recording != STATUS_OK) return true; /* nothing can be recorded */
    workers_keep_failure(all, db_try_begin(all->db, &done, all->err));
    note_lock(all, !done && all->recording == STATUS_OK);
    return done || all->recording != STATUS_OK;
}

/* All recorded rows of a run are committed, or never will be. */
static void settle(workers *all, job *one) {
    const bool recorded = all->recording == STATUS_OK;
    message_forget_taken(&one->reader);
    if (*one->next_checkpoint && recorded) { /* now the older one is not needed */
        if (*one->checkpoint && strcmp(one->checkpoint, one->next_checkpoint) != 0 && unlink(one->checkpoint) != 0)
            one->littered = true;
        memcpy(one->checkpoint, one->next_checkpoint, sizeof one->checkpoint);
        one->checkpoint_iteration = one->next_iteration;
    }
    one->next_checkpoint[0] = '\0';
    if (!one->ended) return;
    if (one->littered && recorded) checkpoint_clean(db_path(all->db), one->key, one->checkpoint);
    message_release(&one->reader);
    one->active = false;
    all->active--;
}

void workers_commit(workers *all) {
    bool done = true;
    if (all->abandoned) return;
    if (all->recording == STATUS_OK) workers_keep_failure(all, db_try_commit(all->db, &done, all->err));
    if (all->recording != STATUS_OK) done = true;
    note_lock(all, !done);
    all->committing = !done;
    if (!done) return;
    all->commit_due = false;
    for (size_t i = 0; i < all->spec->jobs; i++)
        if (all->jobs[i].active) settle(all, &all->jobs[i]);
}

bool workers_have_waited(const workers *all) {
    if (all->locked == 0 || all->abandoned) return false;
    const double seconds = clock_seconds() - all->locked;
    return seconds > all->spec->lock_seconds ||
           (all->requests > 0 && all->listening == 0 && seconds > STOPPING_SECONDS);
}

void workers_abandon(workers *all) {
    const double seconds = clock_seconds() - all->locked;
    db_give_up(all->db);
    workers_keep_failure(all,
                         error_set(all->err, STATUS_IO,
                                   "\"%s\": locked by another program for %.0f s; expected it to be free within %.0f s "
                                   "(--lock-timeout); rerun the command to resume",
                                   db_path(all->db), seconds, all->spec->lock_seconds));
    all->abandoned = true;
    all->committing = all->commit_due = false;
}
