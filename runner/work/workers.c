/* workers.c - processes that train, what they tell of each run, and its way into the database. */
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

/* How a worker ended that did not say so itself. */
static void explain_death(const workers *all, job *one, int outcome) {
    one->state = RUN_FAILED;
    if (WIFSIGNALED(outcome) && all->requests > 1) one->state = RUN_INTERRUPTED;
    else if (WIFSIGNALED(outcome))
        failure_describe(&one->error, "its process was ended by signal %d (%s)%s", WTERMSIG(outcome),
                         strsignal(WTERMSIG(outcome)),
                         WTERMSIG(outcome) == SIGKILL ? "; if nobody did, memory may have been short" : "");
    else failure_describe(&one->error, "its process ended with status %d without a word", WEXITSTATUS(outcome));
}

void workers_end_job(workers *all, job *one) {
    const plan_run *run = workers_run_of(all, one);
    const char *error = one->state == RUN_FAILED ? one->error.text : NULL;
    RECORD(all, recorder_end_run(all->book, workers_state_of(all, one)->id, one->state, error, one->iteration,
                                 workers_wall_seconds(all, one), all->why));
    RECORD(all, recorder_commit(all->book, all->why));
    progress_end(all->shown, (size_t)(one - all->jobs), one->state == RUN_DONE);
    if (one->littered && all->recording == STATUS_OK)
        checkpoint_clean(recorder_path(all->book), run->key, one->checkpoint);
    if (one->state == RUN_DONE) all->result.done++;
    else if (one->state == RUN_INTERRUPTED) all->result.interrupted++;
    else {
        char label[96];
        workers_label(run, label);
        all->result.failed++;
        all->target_given[run->dataset - all->spec->runs->datasets] = false; /* perhaps it was this one's to send */
        progress_say(all->shown, "%s failed: %s", label, error);
    }
}

static void wait_for(child *process) {
    if (process->ended) return;
    while (waitpid(process->process, &process->outcome, 0) < 0 && errno == EINTR) continue;
    process->ended = true;
}

static void listen_to(workers *all, job *one) {
    bool open = true;
    message m;
    const void *bytes;
    if (message_receive(&one->reader, one->pipe, &open) != STATUS_OK) {
        /* Without its messages the worker is of no use. */
        kill(one->trained_by->process, SIGKILL);
        open = false;
    }
    while (message_next(&one->reader, &m, &bytes)) workers_take_message(all, one, &m, bytes);
    if (open) return;
    one->trained_by->jobs--;
    if (one->state == RUN_RUNNING) { /* a run that ended without a word ended with its process */
        wait_for(one->trained_by);
        explain_death(all, one, one->trained_by->outcome);
    }
    close(one->pipe);
    message_release(&one->reader);
    one->active = false;
    all->active--;
    workers_end_job(all, one);
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
        if (++all->requests == 1) {
            if (all->active > 0)
                progress_note(all->shown, "Stopping after the step under way; once more stops at once");
            signal_workers(all, SIGTERM);
        } else signal_workers(all, SIGKILL);
    }
}

static void wait_for_news(workers *all) {
    const size_t jobs = all->spec->jobs;
    double due = progress_due(all->shown);
    const double commit = recorder_due(all->book);
    if (commit >= 0 && all->recording == STATUS_OK && commit < due) due = commit;
    all->polled[0] = (struct pollfd){.fd = all->events->descriptor, .events = POLLIN};
    for (size_t i = 0; i < jobs; i++)
        all->polled[1 + i] = (struct pollfd){.fd = all->jobs[i].active ? all->jobs[i].pipe : -1, .events = POLLIN};
    if (poll(all->polled, 1 + jobs, due < 1000 ? (int)ceil(1000 * due) : -1) <= 0) return;
    if (all->polled[0].revents) take_signals(all);
    for (size_t i = 0; i < jobs; i++)
        if (all->polled[1 + i].revents && all->jobs[i].active) listen_to(all, &all->jobs[i]);
}

static void loop(workers *all) {
    for (;;) {
        take_signals(all);
        workers_start(all);
        if (all->active == 0 && !workers_may_start(all)) break;
        wait_for_news(all); /* of a run, a request, or that a process has ended and made room */
        RECORD(all, recorder_tick(all->book, all->why));
        progress_draw(all->shown);
    }
}

/* They have said all they had to, and still hold the database's lock, which who comes next would wait for. */
static void see_off(workers *all) {
    const double end = clock_seconds() + FAREWELL_SECONDS;
    for (size_t i = 0; i < all->spec->jobs; i++)
        for (;;) {
            take_signals(all); /* before the look: an end after it is an event again */
            if (workers_is_free(&all->children[i]) || clock_seconds() > end) break;
            signals_wait(all->events, 1000);
        }
}

/* Each run under way has a pipe, of which both ends are open while its process is started: for many runs the usual
 * 1,024 descriptors are too few. */
static void allow_descriptors(size_t jobs) {
    struct rlimit limit;
    const rlim_t needed = 2 * (rlim_t)jobs + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
    limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static size_t missing_runs(const workers_spec *spec) {
    size_t missing = 0;
    for (size_t i = 0; i < spec->runs->run_count; i++) missing += spec->states[i].state != RUN_DONE;
    return missing;
}

status workers_run(const workers_spec *spec, recorder *book, const signals *events, progress *shown,
                   workers_result *out, failure *why) {
    workers all = {.spec = spec, .book = book, .events = events, .shown = shown, .recording = STATUS_OK, .why = why};
    TRY(checkpoint_make_folder(recorder_path(book), why));
    all.missing = missing_runs(spec);
    all.jobs = calloc(spec->jobs, sizeof *all.jobs);
    all.children = calloc(spec->jobs, sizeof *all.children);
    all.polled = calloc(1 + spec->jobs, sizeof *all.polled);
    all.target_given = calloc(spec->runs->dataset_count, sizeof *all.target_given);
    if (all.jobs && all.children && all.polled && all.target_given) {
        allow_descriptors(spec->jobs);
        loop(&all);
        see_off(&all);
    } else all.recording = fail(why, STATUS_MEMORY, "out of memory");
    RECORD(&all, recorder_commit(book, why));
    free(all.jobs);
    free(all.children);
    free(all.polled);
    free(all.target_given);
    *out = all.result;
    return all.recording;
}
