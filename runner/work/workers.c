/* workers.c - processes that train, what they tell of each run, and its way into the database. */
#include "work/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/checkpoint_files.h"
#include "system/clock.h"
#include "work/message.h"
#include "work/worker.h"

#define HEARTBEAT_SECONDS 2.0

/* A process, with the runs that it trains: one, or on a device several. */
typedef struct child {
    pid_t process;
    size_t jobs; /* that it still has */
    bool ended; /* and was waited for; */
    int outcome; /* how */
} child;

/* One run under way. */
typedef struct job {
    bool active;
    size_t index; /* of the run in the plan */
    child *trained_by;
    int pipe;
    message_reader reader;
    uint64_t iteration; /* reached */
    double started, heartbeat; /* seconds */
    uint64_t peak; /* bytes that its worker is known to have held */
    char checkpoint[CHECKPOINT_PATH_MAX]; /* the file that its committed row names; "" for none */
    bool littered; /* an older one could not be removed */
    recorder_state state; /* RUNNING until its last message */
    failure error;
} job;

typedef struct workers {
    const workers_spec *spec;
    recorder *book;
    const signals *events;
    progress *shown;
    job *jobs; /* (spec->jobs) */
    child *children; /* (spec->jobs) */
    struct pollfd *polled; /* (1 + spec->jobs) */
    size_t next; /* run of the plan to start next */
    size_t active;
    bool *target_given; /* (dataset_count): some worker sends the data's own picture */
    int requests; /* signals so far */
    status recording; /* the recorder's first failure */
    failure *why;
    workers_result result;
} workers;

static const plan_run *run_of(const workers *all, const job *one) {
    return &all->spec->runs->runs[one->index];
}

static const recorder_run *state_of(const workers *all, const job *one) {
    return &all->spec->states[one->index];
}

static double wall_seconds(const workers *all, const job *one) {
    return state_of(all, one)->wall_seconds + clock_seconds() - one->started;
}

/* "ty affjord 3" */
static void label_run(const plan_run *run, char text[96]) {
    snprintf(text, 96, "%.40s %.30s %" PRIu64, run->dataset->name, run->model->name, run->seed);
}

static void signal_workers(const workers *all, int signal) {
    for (size_t i = 0; i < all->spec->jobs; i++)
        if (all->children[i].jobs > 0 && !all->children[i].ended) kill(all->children[i].process, signal);
}

/* After the recorder's first failure nothing more is recorded, and the workers are asked to end: what they computed
 * since their last recorded checkpoint will be computed again. */
static void keep_failure(workers *all, status outcome) {
    if (outcome == STATUS_OK || all->recording != STATUS_OK) return;
    all->recording = outcome;
    signal_workers(all, SIGTERM);
}

/* RECORD(all, recorder_...(all->book, ..., all->why)) */
#define RECORD(all, call)                                                                                              \
    do {                                                                                                               \
        if ((all)->recording == STATUS_OK) keep_failure((all), (call));                                                \
    } while (0)

/* --- Starting --- */

/* What the data's own picture still lacks, as the first run on this data stores it. */
static void want_target(workers *all, worker_task *task) {
    const plan *runs = all->spec->runs;
    const plan_dataset *data = task->run->dataset;
    const size_t index = (size_t)(data - runs->datasets);
    const settings *values = &runs->resolved[index * runs->model_count];
    bool density = false, samples = false;
    if (all->target_given[index]) return;
    all->target_given[index] = true;
    RECORD(all, recorder_has_blob(all->book, data->checksum, "density", &density, all->why));
    RECORD(all, recorder_has_blob(all->book, data->checksum, "samples", &samples, all->why));
    if (!density) task->target_cells = values->output_density_cells;
    if (!samples) task->target_samples = values->output_samples;
}

/* Whether runs are of images, each a process's, also on a device. */
static bool trains_images(const workers *all) {
    return specification_is_image(&all->spec->runs->runs[0].dataset->shape);
}

/* Slots of a device, of which each has its part: from its first to that of the next one. */
static size_t first_slot(const workers *all, size_t device) {
    return device * all->spec->jobs / all->spec->devices->count;
}

/* The device that has a slot; 0 where there are none. */
static size_t device_of(const workers *all, size_t slot) {
    size_t device = 0;
    while (all->spec->devices && first_slot(all, device + 1) <= slot) device++;
    return device;
}

/* A run in a slot, and its pipe; *task is what its worker is told. */
static status place_job(workers *all, size_t slot, worker_task *task, failure *why) {
    job *one = &all->jobs[slot];
    const size_t index = all->next++;
    const recorder_run *state = &all->spec->states[index];
    int ends[2];
    *one = (job){.index = index,
                 .iteration = state->has_checkpoint ? state->checkpoint_iteration : 0,
                 .started = clock_seconds(),
                 .state = RUN_RUNNING,
                 .pipe = -1};
    if (state->has_checkpoint) checkpoint_locate(recorder_path(all->book), state->checkpoint_path, one->checkpoint);
    char label[96];
    label_run(run_of(all, one), label);
    progress_start(all->shown, slot, label, one->iteration, run_of(all, one)->values->train_iterations);
    *task = (worker_task){.run = run_of(all, one),
                          .database = recorder_path(all->book),
                          .from = state,
                          .threads = all->spec->threads,
                          .parent = getpid(),
                          .output = -1};
    if (all->spec->devices && trains_images(all)) {
        task->on_device = true;
        task->device = all->spec->devices->numbers[device_of(all, slot)];
    }
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(why, STATUS_IO, "cannot make a pipe: %s", strerror(errno));
    want_target(all, task);
    one->pipe = ends[0];
    task->output = ends[1];
    return STATUS_OK;
}

static void end_job(workers *all, job *one);

static void fail_job(workers *all, job *one) {
    one->state = RUN_FAILED;
    if (one->pipe >= 0) close(one->pipe);
    end_job(all, one);
}

/* The child never touches the database. It keeps the lock, so that nobody takes its runs up while it is alive. */
_Noreturn static void become_worker(const workers *all, size_t device, const worker_task *tasks, size_t count) {
    const device_list *devices = all->spec->devices;
    for (size_t i = 0; i < all->spec->jobs; i++)
        if (all->jobs[i].active) close(all->jobs[i].pipe);
    close(all->events->descriptor);
    const bool many = devices && !trains_images(all);
    _exit(many ? worker_run_many(tasks, count, devices->numbers[device]) : worker_run(tasks));
}

/* Who trains what, and on what. */
static recorder_session session_of(const workers *all, size_t device, pid_t process) {
    recorder_session session = *all->spec->session;
    const device_list *devices = all->spec->devices;
    session.process = process;
    if (!devices) return session;
    session.gpu = devices->about[device].name;
    session.driver = devices->about[device].driver;
    return session;
}

/* One process for the runs in slots first .. first + count - 1, on a device of the list, if there is one. */
static void start_process(workers *all, size_t device, size_t first, size_t count, const worker_task *tasks) {
    child *process = &all->children[first];
    for (size_t i = 0; i < count; i++) all->jobs[first + i].active = true; /* the child closes their pipes */
    fflush(NULL);
    const pid_t number = fork();
    if (number == 0) become_worker(all, device, tasks, count);
    const int error = errno;
    *process = (child){.process = number, .jobs = number > 0 ? count : 0};
    for (size_t i = 0; i < count; i++) {
        job *one = &all->jobs[first + i];
        close(tasks[i].output);
        one->trained_by = process;
        one->active = number > 0;
        if (number < 0) {
            failure_describe(&one->error, "cannot start a process: %s", strerror(error));
            fail_job(all, one);
            continue;
        }
        all->active++;
        const recorder_session session = session_of(all, device, number);
        RECORD(all, recorder_start_run(all->book, state_of(all, one)->id, &session, all->why));
    }
}

static void start_job(workers *all, size_t slot) {
    job *one = &all->jobs[slot];
    worker_task task;
    if (place_job(all, slot, &task, &one->error) == STATUS_OK) start_process(all, device_of(all, slot), slot, 1, &task);
    else fail_job(all, one);
}

static bool may_start(workers *all);

static size_t runs_left(const workers *all) {
    size_t left = 0;
    for (size_t i = all->next; i < all->spec->runs->run_count; i++) left += all->spec->states[i].state != RUN_DONE;
    return left;
}

/* As many runs as a device without any has slots, but no more than its share. */
static void start_many(workers *all, size_t device, size_t share) {
    const size_t first = first_slot(all, device), slots = first_slot(all, device + 1) - first;
    size_t count = 0;
    worker_task *tasks = calloc(slots, sizeof *tasks);
    if (!tasks) {
        keep_failure(all, fail(all->why, STATUS_MEMORY, "out of memory"));
        return;
    }
    while (count < slots && count < share && may_start(all)) {
        job *one = &all->jobs[first + count];
        if (place_job(all, first + count, &tasks[count], &one->error) == STATUS_OK) count++;
        else fail_job(all, one);
    }
    if (count > 0) start_process(all, device, first, count, tasks);
    free(tasks);
}

static void start_all(workers *all) {
    const device_list *devices = all->spec->devices;
    const bool many = devices && !trains_images(all);
    for (size_t i = 0; !many && i < all->spec->jobs; i++)
        while (!all->jobs[i].active && may_start(all)) start_job(all, i);
    size_t share = 0; /* of those that are left before any device takes some: who begins together has as many */
    for (size_t i = 0; many && i < devices->count; i++)
        while (all->children[first_slot(all, i)].jobs == 0 && may_start(all)) {
            if (share == 0) share = (runs_left(all) + devices->count - 1) / devices->count;
            start_many(all, i, share);
        }
}

/* --- Messages --- */

static void record_checkpoint(workers *all, job *one, const message *m, const char *name) {
    const recorder_checkpoint row = {
        .iteration = m->iteration, .bytes = m->file.bytes, .path = name, .sha256 = m->file.sha256};
    RECORD(all, recorder_put_checkpoint(all->book, state_of(all, one)->id, &row, all->why));
    RECORD(all,
           recorder_put_progress(all->book, state_of(all, one)->id, m->iteration, wall_seconds(all, one), all->why));
    RECORD(all, recorder_commit(all->book, all->why));
    if (all->recording != STATUS_OK) return;
    /* Only now is the older one of no use. */
    char path[CHECKPOINT_PATH_MAX];
    checkpoint_locate(recorder_path(all->book), name, path);
    if (*one->checkpoint && strcmp(one->checkpoint, path) != 0 && unlink(one->checkpoint) != 0) one->littered = true;
    memcpy(one->checkpoint, path, sizeof path);
}

static void record_blob(workers *all, const job *one, const message *m, const void *bytes) {
    const plan_run *run = run_of(all, one);
    recorder_blob row = {.subject = m->blob.target ? run->dataset->checksum : run->key,
                         .kind = m->blob.kind,
                         .rows = m->blob.rows,
                         .columns = m->blob.columns,
                         .data = bytes};
    memcpy(row.window, m->blob.window, sizeof row.window);
    if (m->blob.moving) RECORD(all, recorder_put_moment(all->book, &row, m->blob.moment, m->blob.time, all->why));
    else RECORD(all, recorder_put_blob(all->book, &row, all->why));
}

static void say_of(workers *all, const job *one, const char *text) {
    char label[96];
    label_run(run_of(all, one), label);
    progress_say(all->shown, "%s: %s", label, text);
}

/* Points need little; a model of images says what it may take before it takes it. */
static void record_start(workers *all, const job *one, const message *m) {
    const int64_t id = state_of(all, one)->id;
    RECORD(all, recorder_put_parameters(all->book, id, m->started.parameters, all->why));
    RECORD(all, recorder_put_prediction(all->book, id, m->started.predicted_bytes, all->why));
    if (!specification_is_image(&run_of(all, one)->dataset->shape)) return;
    char label[96], text[256];
    label_run(run_of(all, one), label);
    snprintf(text, sizeof text,
             "%s: %" PRIu64 " parameters; at most %.0f MB of memory, of these %.0f MB for kept steps", label,
             m->started.parameters, 1e-6 * (double)m->started.predicted_bytes, 1e-6 * (double)m->started.kept_bytes);
    progress_note(all->shown, text);
}

static void record_theory(workers *all, const job *one, const message *m) {
    const recorder_theory row = {.item = m->theory.item,
                                 .subject = m->theory.subject,
                                 .quantity = m->theory.quantity,
                                 .x = m->theory.x,
                                 .value = m->theory.value,
                                 .relation = m->theory.relation[0] ? m->theory.relation : NULL,
                                 .bound = m->theory.bound,
                                 .holds = m->theory.holds};
    RECORD(all, recorder_put_theory(all->book, state_of(all, one)->id, &row, all->why));
}

static void record_progress(workers *all, job *one, const message *m) {
    progress_update(all->shown, (size_t)(one - all->jobs), m->iteration, m->loss);
    if (clock_seconds() - one->heartbeat < HEARTBEAT_SECONDS) return;
    one->heartbeat = clock_seconds();
    RECORD(all,
           recorder_put_progress(all->book, state_of(all, one)->id, m->iteration, wall_seconds(all, one), all->why));
}

/* Rows of epochs are most of what is recorded, so the peak is only where it is new. */
static void record_epoch(workers *all, job *one, const message *m, const unsigned char *bytes) {
    const int64_t id = state_of(all, one)->id;
    recorder_epoch row = {0};
    for (uint64_t at = 0; at < m->size; at += sizeof row) {
        memcpy(&row, bytes + at, sizeof row);
        RECORD(all, recorder_put_epoch(all->book, id, &row, all->why));
    }
    if (row.peak_bytes <= one->peak) return;
    one->peak = row.peak_bytes;
    RECORD(all, recorder_put_peak(all->book, id, one->peak, all->why));
}

static void take_message(workers *all, job *one, const message *m, const void *bytes) {
    const int64_t id = state_of(all, one)->id;
    if (m->kind != MESSAGE_FAILED || m->iteration > one->iteration) one->iteration = m->iteration;
    switch (m->kind) {
    case MESSAGE_STARTED: record_start(all, one, m); break;
    case MESSAGE_NOTE: say_of(all, one, bytes); break;
    case MESSAGE_PROGRESS: record_progress(all, one, m); break;
    case MESSAGE_EPOCH: record_epoch(all, one, m, bytes); break;
    case MESSAGE_METRIC:
        RECORD(all, recorder_put_metric(all->book, id, m->metric.name, m->metric.value, all->why));
        break;
    case MESSAGE_THEORY: record_theory(all, one, m); break;
    case MESSAGE_BLOB: record_blob(all, one, m, bytes); break;
    case MESSAGE_CHECKPOINT: record_checkpoint(all, one, m, bytes); break;
    case MESSAGE_DONE: one->state = RUN_DONE; break;
    case MESSAGE_INTERRUPTED: one->state = RUN_INTERRUPTED; break;
    case MESSAGE_FAILED:
        one->state = RUN_FAILED;
        failure_describe(&one->error, "%s", (const char *)bytes);
        break;
    }
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

static void end_job(workers *all, job *one) {
    const plan_run *run = run_of(all, one);
    const char *error = one->state == RUN_FAILED ? one->error.text : NULL;
    RECORD(all, recorder_end_run(all->book, state_of(all, one)->id, one->state, error, one->iteration,
                                 wall_seconds(all, one), all->why));
    RECORD(all, recorder_commit(all->book, all->why));
    progress_end(all->shown, (size_t)(one - all->jobs), one->state == RUN_DONE);
    if (one->littered && all->recording == STATUS_OK)
        checkpoint_clean(recorder_path(all->book), run->key, one->checkpoint);
    if (one->state == RUN_DONE) all->result.done++;
    else if (one->state == RUN_INTERRUPTED) all->result.interrupted++;
    else {
        char label[96];
        label_run(run, label);
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
    while (message_next(&one->reader, &m, &bytes)) take_message(all, one, &m, bytes);
    if (open) return;
    one->trained_by->jobs--;
    /* A run that ended without a word ended with its process; one that said so may leave others behind. */
    if (one->state == RUN_RUNNING || one->trained_by->jobs == 0) wait_for(one->trained_by);
    if (one->state == RUN_RUNNING) explain_death(all, one, one->trained_by->outcome);
    close(one->pipe);
    message_release(&one->reader);
    one->active = false;
    all->active--;
    end_job(all, one);
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

static bool may_start(workers *all) {
    if (all->requests > 0 || all->recording != STATUS_OK) return false;
    while (all->next < all->spec->runs->run_count && all->spec->states[all->next].state == RUN_DONE) all->next++;
    return all->next < all->spec->runs->run_count;
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
        start_all(all);
        if (all->active == 0) break;
        wait_for_news(all);
        RECORD(all, recorder_tick(all->book, all->why));
        progress_draw(all->shown);
    }
}

status workers_run(const workers_spec *spec, recorder *book, const signals *events, progress *shown,
                   workers_result *out, failure *why) {
    workers all = {.spec = spec, .book = book, .events = events, .shown = shown, .recording = STATUS_OK, .why = why};
    TRY(checkpoint_make_folder(recorder_path(book), why));
    all.jobs = calloc(spec->jobs, sizeof *all.jobs);
    all.children = calloc(spec->jobs, sizeof *all.children);
    all.polled = calloc(1 + spec->jobs, sizeof *all.polled);
    all.target_given = calloc(spec->runs->dataset_count, sizeof *all.target_given);
    if (all.jobs && all.children && all.polled && all.target_given) loop(&all);
    else all.recording = fail(why, STATUS_MEMORY, "out of memory");
    RECORD(&all, recorder_commit(book, why));
    free(all.jobs);
    free(all.children);
    free(all.polled);
    free(all.target_given);
    *out = all.result;
    return all.recording;
}
