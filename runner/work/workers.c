/* workers.c - run worker processes, receive their messages, and record them in the database. */
#include "work/workers.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work/workers_internal.h"

#define FAREWELL_SECONDS 10.0
#define LOCK_POLL_SECONDS 0.1 /* between two attempts to write a locked database */

enum {
    UNCOMMITTED_BYTES = 1 << 26, /* of messages, after which a transaction is committed at once */
    WAITING_BYTES = 1 << 28 /* of unrecorded messages of all runs; beyond it, workers have to wait */
};

static void signal_workers(const workers *all, int signal) {
    for (size_t i = 0; i < all->spec->jobs; i++)
        if (all->children[i].process > 0 && !all->children[i].ended) kill(all->children[i].process, signal);
}

void workers_keep_failure(workers *all, status outcome) {
    if (outcome == STATUS_OK || all->recording != STATUS_OK) return;
    all->recording = outcome;
    signal_workers(all, SIGTERM);
}

/* --- Ending --- */

/* Describe how a worker ended that sent no last message. */
static void explain_death(const workers *all, job *one, int outcome) {
    one->state = RUN_FAILED;
    if (WIFSIGNALED(outcome) && all->requests > 1) one->state = RUN_INTERRUPTED;
    else if (WIFSIGNALED(outcome))
        error_describe(&one->error, "its process was ended by signal %d (%s)%s", WTERMSIG(outcome),
                       strsignal(WTERMSIG(outcome)),
                       WTERMSIG(outcome) == SIGKILL ? "; if nobody did, memory may have been short" : "");
    else
        error_describe(&one->error, "worker: the process exited with status %d and no error message",
                       WEXITSTATUS(outcome));
}

static void wait_for(child *process) {
    if (process->ended) return;
    while (waitpid(process->process, &process->outcome, 0) < 0 && errno == EINTR) continue;
    process->ended = true;
}

/* Show received messages, and queue them for recording. */
static void listen_to(workers *all, job *one) {
    bool open = true;
    message m;
    const void *bytes;
    one->heard = clock_seconds();
    if (message_receive(&one->reader, one->pipe, &open) != STATUS_OK) {
        /* A worker whose messages cannot be received is useless. */
        kill(one->trained_by->process, SIGKILL);
        open = false;
    }
    while (message_see(&one->reader, &m, &bytes)) workers_show_message(all, one, &m, bytes);
    if (open) return;
    one->trained_by->jobs--;
    if (one->state == RUN_RUNNING) { /* a run without a last message ended with its process */
        wait_for(one->trained_by);
        explain_death(all, one, one->trained_by->outcome);
    }
    close(one->pipe);
    one->pipe = -1;
    all->listening--;
}

static bool has_ended(const job *one) {
    return one->active && !one->ended && one->pipe < 0;
}

/* Record queued messages, as far as the database can be written. */
static void record(workers *all) {
    message m;
    const void *bytes;
    if (all->committing) workers_commit(all);
    for (size_t i = 0; i < all->spec->jobs; i++) {
        job *one = &all->jobs[i];
        while (one->active && message_waits(&one->reader)) {
            if (!workers_can_record(all)) return;
            message_next(&one->reader, &m, &bytes);
            workers_take_message(all, one, &m, bytes);
            if (all->commit_due || one->reader.taken - one->reader.kept > UNCOMMITTED_BYTES) workers_commit(all);
        }
        if (!has_ended(one)) continue;
        if (!workers_can_record(all)) return;
        workers_end_job(all, one);
        workers_commit(all);
    }
    if (!all->committing && (all->commit_due || db_due(all->db) == 0)) workers_commit(all);
}

/* --- The loop --- */

static void pause_all(workers *all) {
    signal_workers(all, SIGSTOP);
    raise(SIGSTOP);
    signal_workers(all, SIGCONT);
}

static void take_signals(workers *all) {
    for (int number; (number = signals_read(all->events)) != 0;) {
        if (number == SIGTSTP) {
            pause_all(all);
            continue;
        }
        all->result.stopped = true;
        if (number == SIGALRM && all->requests > 0) continue; /* a stop was requested already */
        all->result.timed = number == SIGALRM;
        if (++all->requests == 1) {
            if (all->active > 0)
                progress_note(all->shown, "Stopping after the step under way; once more stops at once");
            signal_workers(all, SIGTERM);
        } else signal_workers(all, SIGKILL);
    }
}

/* Return whether to read a worker's messages: not while too many of them are queued. */
static bool has_room(const workers *all, const job *one) {
    return all->locked == 0 || all->requests > 0 || all->abandoned ||
           one->reader.used - one->reader.kept < WAITING_BYTES / all->spec->jobs;
}

static double seconds_to_wait(const workers *all) {
    const double due = progress_due(all->shown);
    if (all->locked > 0) return LOCK_POLL_SECONDS < due ? LOCK_POLL_SECONDS : due;
    if (all->commit_due) return 0; /* the row of a run that could not start */
    const double commit = all->recording == STATUS_OK ? db_due(all->db) : -1;
    return commit >= 0 && commit < due ? commit : due;
}

static void wait_for_news(workers *all) {
    const size_t jobs = all->spec->jobs;
    const double due = seconds_to_wait(all);
    all->polled[0] = (struct pollfd){.fd = all->events->descriptor, .events = POLLIN};
    for (size_t i = 0; i < jobs; i++) {
        const job *one = &all->jobs[i];
        all->polled[1 + i] = (struct pollfd){.fd = one->active && one->pipe >= 0 && has_room(all, one) ? one->pipe : -1,
                                             .events = POLLIN};
    }
    if (poll(all->polled, 1 + jobs, due < 1000 ? (int)ceil(1000 * due) : -1) <= 0) return;
    if (all->polled[0].revents) take_signals(all);
    for (size_t i = 0; i < jobs; i++)
        if (all->polled[1 + i].revents && all->jobs[i].active) listen_to(all, &all->jobs[i]);
}

static void loop(workers *all) {
    for (;;) {
        take_signals(all);
        workers_start(all);
        if (all->abandoned ? all->listening == 0 : all->active == 0 && !workers_may_start(all)) break;
        wait_for_news(all); /* the message of a run, a request, or the end of a process */
        record(all);
        if (workers_have_waited(all)) workers_abandon(all);
        progress_draw(all->shown);
    }
}

/* They have sent all messages, but still hold the database's lock, which the next command would wait for. */
static void see_off(workers *all) {
    const double end = clock_seconds() + FAREWELL_SECONDS;
    for (size_t i = 0; i < all->spec->jobs; i++)
        for (;;) {
            take_signals(all); /* before checking: a later end is an event again */
            if (workers_is_free(&all->children[i]) || clock_seconds() > end) break;
            signals_wait(all->events, 1000);
        }
}

/* A failure to keep them is one more message; only time is lost then. */
static void keep_pending(workers *all) {
    error_info reason;
    const error_info before = *all->err;
    if (workers_keep_pending(all, &reason) != STATUS_OK)
        error_describe(all->err, "%.600s; what was computed meanwhile could not be kept: %.300s", before.text,
                       reason.text);
}

/* Each run has a pipe, with both ends open while its process starts: many runs need more than the usual 1,024
 * descriptors. */
static void allow_descriptors(size_t jobs) {
    struct rlimit limit;
    const rlim_t needed = 2 * (rlim_t)jobs + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
    limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static size_t missing_runs(const workers_spec *spec) {
    size_t missing = 0;
    for (size_t i = 0; i < spec->runs->run_count; i++) missing += spec->states[i]->state != RUN_DONE;
    return missing;
}

status workers_run(const workers_spec *spec, results_db *db, const signals *events, progress *shown,
                   workers_result *out, error_info *err) {
    workers all = {.spec = spec, .db = db, .events = events, .shown = shown, .recording = STATUS_OK, .err = err};
    TRY(checkpoint_make_folder(db_path(db), err));
    all.missing = missing_runs(spec);
    all.jobs = calloc(spec->jobs, sizeof *all.jobs);
    all.children = calloc(spec->jobs, sizeof *all.children);
    all.polled = calloc(1 + spec->jobs, sizeof *all.polled);
    all.target_given = calloc(spec->runs->dataset_count, sizeof *all.target_given);
    if (all.jobs && all.children && all.polled && all.target_given) {
        allow_descriptors(spec->jobs);
        loop(&all);
        see_off(&all);
    } else all.recording = error_set(err, STATUS_MEMORY, "out of memory");
    RECORD(&all, db_commit(db, err));
    if (all.abandoned) {
        db_leave_comparisons(db); /* another program still locks it; the next start records and compares */
        keep_pending(&all);
    }
    for (size_t i = 0; all.jobs && i < spec->jobs; i++) message_release(&all.jobs[i].reader);
    free(all.jobs);
    free(all.children);
    free(all.polled);
    free(all.target_given);
    *out = all.result;
    return all.recording;
}
