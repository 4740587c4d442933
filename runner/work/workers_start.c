/* workers_start.c - start runs, each in a separate process, or several in one process on a device. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/specification.h"
#include "work/worker.h"
#include "work/workers_internal.h"

/* Return the missing parts of the data's own picture; the first run on the data stores it. */
static void want_target(workers *all, worker_task *task) {
    const plan *runs = all->spec->runs;
    const plan_dataset *data = task->run->dataset;
    const size_t index = (size_t)(data - runs->datasets);
    const settings *values = &runs->resolved[index * runs->model_count];
    bool density = false, samples = false;
    if (all->target_given[index]) return;
    all->target_given[index] = true;
    RECORD(all, db_has_blob(all->db, data->checksum, "density", &density, all->err));
    RECORD(all, db_has_blob(all->db, data->checksum, "samples", &samples, all->err));
    if (!density) task->target_cells = values->output_density_cells;
    if (!samples) task->target_samples = values->output_samples;
}

/* Return whether the runs are of images, which have a process each, also on a device. */
static bool trains_images(const workers *all) {
    return specification_is_image(&all->spec->runs->runs[0].dataset->shape);
}

/* The first slot of a device; its last is before that of the next device. */
static size_t first_slot(const workers *all, size_t device) {
    return device * all->spec->jobs / all->spec->devices->count;
}

/* Return the device of a slot; 0 without devices. */
static size_t device_of(const workers *all, size_t slot) {
    size_t device = 0;
    while (all->spec->devices && first_slot(all, device + 1) <= slot) device++;
    return device;
}

/* A run in a slot, and its pipe; *task <- its worker's task, with settings to be freed. */
static status place_job(workers *all, size_t slot, worker_task *task, error_info *err) {
    job *one = &all->jobs[slot];
    const size_t index = all->next++;
    const db_run *state = all->spec->states[index];
    int ends[2];
    const plan_run *run = &all->spec->runs->runs[index];
    *one = (job){.index = index,
                 .id = state->id,
                 .key = run->key,
                 .data_checksum = run->dataset->checksum,
                 .iteration = state->has_checkpoint ? state->checkpoint_iteration : 0,
                 .checkpoint_iteration = state->has_checkpoint ? state->checkpoint_iteration : 0,
                 .started = clock_seconds(),
                 .heard = clock_seconds(),
                 .wall_before = state->wall_seconds,
                 .state = RUN_RUNNING,
                 .pipe = -1};
    if (state->has_checkpoint) checkpoint_locate(db_path(all->db), state->checkpoint_path, one->checkpoint);
    settings *values = malloc(sizeof *values);
    if (!values) return error_set(err, STATUS_MEMORY, "out of memory");
    plan_run_settings(run, values);
    char label[96];
    workers_label(workers_run_of(all, one), label);
    progress_start(all->shown, slot, label, one->iteration, values->train_iterations);
    *task = (worker_task){.run = run,
                          .values = values,
                          .database = db_path(all->db),
                          .from = state,
                          .threads = all->spec->threads,
                          .parent = getpid(),
                          .output = -1};
    if (all->spec->devices && trains_images(all)) {
        task->on_device = true;
        task->device = all->spec->devices->numbers[device_of(all, slot)];
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(values);
        return error_set(err, STATUS_IO, "cannot make a pipe: %s", strerror(errno));
    }
    want_target(all, task);
    one->pipe = ends[0];
    task->output = ends[1];
    return STATUS_OK;
}

/* Record at once that it could not start. */
static void fail_job(workers *all, job *one) {
    one->state = RUN_FAILED;
    if (one->pipe >= 0) close(one->pipe);
    one->pipe = -1;
    one->active = all->commit_due = true;
    all->active++;
}

/* The child never opens the database. It keeps the lock, so that no other command resumes its runs while it is
 * alive. */
_Noreturn static void become_worker(const workers *all, size_t device, const worker_task *tasks, size_t count) {
    const device_list *devices = all->spec->devices;
    for (size_t i = 0; i < all->spec->jobs; i++)
        if (all->jobs[i].active && all->jobs[i].pipe >= 0) close(all->jobs[i].pipe);
    close(all->events->descriptor);
    const bool many = devices && !trains_images(all);
    _exit(many ? worker_run_many(tasks, count, devices->numbers[device]) : worker_run(tasks));
}

/* The runs of a process, and their device. */
static db_session session_of(const workers *all, size_t device, pid_t process) {
    db_session session = *all->spec->session;
    const device_list *devices = all->spec->devices;
    session.process = process;
    if (!devices) return session;
    session.gpu = devices->about[device].name;
    session.driver = devices->about[device].driver;
    return session;
}

/* Start one process for the runs in slots first .. first + count - 1, on a device of the list, if there is one. */
static void start_process(workers *all, size_t device, size_t first, size_t count, worker_task *tasks) {
    child *process = &all->children[first];
    for (size_t i = 0; i < count; i++) all->jobs[first + i].active = true; /* the child closes the other pipes */
    fflush(NULL);
    const pid_t number = fork();
    if (number == 0) become_worker(all, device, tasks, count);
    const int error = errno;
    *process = (child){.process = number, .jobs = number > 0 ? count : 0, .ended = number < 0};
    for (size_t i = 0; i < count; i++) {
        job *one = &all->jobs[first + i];
        close(tasks[i].output);
        free(tasks[i].values); /* the child has its own */
        one->trained_by = process;
        one->active = number > 0;
        if (number < 0) {
            error_describe(&one->error, "cannot start a process: %s", strerror(error));
            fail_job(all, one);
            continue;
        }
        all->active++;
        all->listening++;
        const db_session session = session_of(all, device, number);
        RECORD(all, db_start_run(all->db, one->id, &session, all->err));
    }
}

bool workers_may_start(workers *all) {
    if (all->requests > 0 || all->recording != STATUS_OK) return false;
    while (all->next < all->spec->runs->run_count && all->spec->states[all->next]->state == RUN_DONE) all->next++;
    return all->next < all->spec->runs->run_count;
}

static void start_job(workers *all, size_t slot) {
    job *one = &all->jobs[slot];
    worker_task task;
    if (place_job(all, slot, &task, &one->error) == STATUS_OK) start_process(all, device_of(all, slot), slot, 1, &task);
    else fail_job(all, one);
}

/* Return the number of runs left for a device. Its share of the missing runs is that of its slots, so no device
 * takes more rounds than necessary. */
static size_t runs_due(const workers *all, size_t device) {
    const size_t jobs = all->spec->jobs;
    const size_t end = all->missing * first_slot(all, device + 1) / jobs;
    return end - all->missing * first_slot(all, device) / jobs - all->given[device];
}

/* Start a round on an idle device: as many runs as it has slots. */
static void start_many(workers *all, size_t device) {
    const size_t first = first_slot(all, device), slots = first_slot(all, device + 1) - first;
    size_t count = 0;
    worker_task *tasks = calloc(slots, sizeof *tasks);
    if (!tasks) {
        workers_keep_failure(all, error_set(all->err, STATUS_MEMORY, "out of memory"));
        return;
    }
    for (bool placed = true; placed && count < slots && runs_due(all, device) > 0 && workers_may_start(all);) {
        job *one = &all->jobs[first + count];
        placed = place_job(all, first + count, &tasks[count], &one->error) == STATUS_OK;
        all->given[device]++;
        if (placed) count++;
        else fail_job(all, one); /* others may have room once these have ended */
    }
    if (count > 0) start_process(all, device, first, count, tasks);
    free(tasks);
}

bool workers_is_free(child *process) {
    if (process->jobs > 0) return false;
    if (process->process <= 0 || process->ended) return true;
    process->ended = waitpid(process->process, &process->outcome, WNOHANG) == process->process;
    return process->ended;
}

/* Record the start too: the transaction is open then, and no later row has to wait. */
static bool may_start_now(workers *all) {
    return workers_may_start(all) && workers_can_record(all);
}

void workers_start(workers *all) {
    const device_list *devices = all->spec->devices;
    const bool many = devices && !trains_images(all);
    for (size_t i = 0; !many && i < all->spec->jobs; i++)
        while (!all->jobs[i].active && workers_is_free(&all->children[i]) && may_start_now(all)) start_job(all, i);
    for (size_t i = 0; many && i < devices->count; i++)
        while (runs_due(all, i) > 0 && workers_is_free(&all->children[first_slot(all, i)]) && may_start_now(all))
            start_many(all, i);
}
