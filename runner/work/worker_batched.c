/* worker_batched.c - trainings of points side by side on a device, in one process.
 *
 * Each training has its own worker, with its own messages, checkpoints and failures. Trainings of the same model and
 * settings form one batched trainer; each trainer has one launch on the device at a time. Trainings that the
 * device's memory has no room for wait for the next wave. */
#include <stdlib.h>
#include <unistd.h>

#include "backend/device.h"
#include "train/batched_trainer.h"
#include "work/worker_internal.h"

/* One training. */
typedef struct one_of_many {
    worker worker;
    bool open;
    fused_kernel_spec program;
} one_of_many;

/* Trainings of one batched trainer. */
typedef struct kernel_group {
    batched_trainer *batched_trainer;
    one_of_many **members; /* (count) */
    size_t count;
} kernel_group;

typedef struct many {
    const device_table *table;
    int device;
    parallel *threads;
    one_of_many *all; /* (count) */
    size_t count;
    bool stop; /* a stop was requested */
    kernel_group *groups; /* of the wave; at most `count` */
    size_t group_count;
} many;

/* End one training. The parent detects that its output is closed. */
static void end(one_of_many *one, status outcome, error_info *err) {
    if (!one->open) return;
    worker_close(&one->worker, outcome, err);
    close(one->worker.task->output);
    one->open = false;
}

/* A stop applies to all trainings. */
static bool stop_requested(many *self) {
    for (size_t i = 0; i < self->count && !self->stop; i++)
        if (self->all[i].open) self->stop = worker_stop_requested(&self->all[i].worker);
    for (size_t i = 0; i < self->count && self->stop; i++) self->all[i].worker.stop = true;
    return self->stop;
}

static void finish(many *self, one_of_many *one) {
    error_info err = {""};
    const status outcome = worker_finish(&one->worker, &err);
    self->stop |= one->worker.stop;
    end(one, outcome, &err);
}

/* --- A wave --- */

/* End the trainings of a group that are still open. */
static void lose(const kernel_group *group, status outcome, const error_info *reason) {
    for (size_t i = 0; i < group->count; i++) {
        error_info err = *reason;
        end(group->members[i], outcome, &err);
    }
}

static status make_batched_trainer(many *self, kernel_group *group, error_info *err) {
    trainer **members = calloc(group->count, sizeof(trainer *));
    if (!members) return error_set(err, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < group->count; i++) members[i] = group->members[i]->worker.training;
    const status outcome = batched_trainer_create(self->table, self->device, members, group->count, self->threads,
                                                  &group->batched_trainer, err);
    free(members);
    return outcome;
}

/* The groups of the trainings first .. last - 1. */
static void form(many *self, one_of_many **room, size_t first, size_t last) {
    error_info err = {""};
    self->group_count = 0;
    for (size_t i = first; i < last; i++) {
        bool taken = !self->all[i].open;
        for (size_t g = 0; g < self->group_count && !taken; g++) {
            const kernel_group *group = &self->groups[g];
            taken = batched_trainer_same_spec(&group->members[0]->program, &self->all[i].program);
        }
        if (taken) continue;
        kernel_group *group = &self->groups[self->group_count++];
        *group = (kernel_group){.members = room};
        for (size_t k = i; k < last; k++)
            if (self->all[k].open && batched_trainer_same_spec(&self->all[i].program, &self->all[k].program))
                group->members[group->count++] = &self->all[k];
        room += group->count;
    }
    for (size_t g = 0; g < self->group_count; g++) {
        kernel_group *group = &self->groups[g];
        const status outcome = make_batched_trainer(self, group, &err);
        if (outcome != STATUS_OK) lose(group, outcome, &err);
    }
}

/* Pass the results of a launch to one training. */
static status take(kernel_group *group, size_t i, error_info *err) {
    worker *one = &group->members[i]->worker;
    status outcome;
    double loss;
    bool epoch_done;
    trainer_epoch epoch;
    while (batched_trainer_next(group->batched_trainer, i, &outcome, &loss, &epoch_done, &epoch))
        TRY(worker_on_step(one, outcome, loss, epoch_done, &epoch, err));
    return STATUS_OK;
}

static void take_all(many *self, kernel_group *group) {
    for (size_t i = 0; i < group->count; i++) {
        one_of_many *one = group->members[i];
        error_info err = {""};
        if (!one->open) continue;
        const status outcome = take(group, i, &err);
        if (outcome != STATUS_OK) end(one, outcome, &err);
        else if (trainer_finished(one->worker.training)) finish(self, one);
        if (!one->open) batched_trainer_leave(group->batched_trainer, i);
    }
}

static bool any_open(const kernel_group *group) {
    for (size_t i = 0; i < group->count; i++)
        if (group->members[i]->open) return true;
    return false;
}

static void launch_all(many *self) {
    for (size_t g = 0; g < self->group_count; g++) {
        kernel_group *group = &self->groups[g];
        error_info err = {""};
        const status outcome = any_open(group) ? batched_trainer_begin(group->batched_trainer, &err) : STATUS_OK;
        if (outcome != STATUS_OK) lose(group, outcome, &err);
    }
    for (size_t g = 0; g < self->group_count; g++) {
        kernel_group *group = &self->groups[g];
        error_info err = {""};
        const status outcome = any_open(group) ? batched_trainer_end(group->batched_trainer, &err) : STATUS_OK;
        if (outcome != STATUS_OK) lose(group, outcome, &err);
        else take_all(self, group);
    }
}

static void train_wave(many *self, one_of_many **room, size_t first, size_t last) {
    form(self, room, first, last);
    /* A finished training that lacked only its outputs. */
    for (size_t i = first; i < last; i++)
        if (self->all[i].open && trainer_finished(self->all[i].worker.training)) finish(self, &self->all[i]);
    for (bool any = true; any && !stop_requested(self);) {
        launch_all(self);
        any = false;
        for (size_t g = 0; g < self->group_count; g++) any |= any_open(&self->groups[g]);
    }
    for (size_t g = 0; g < self->group_count; g++) batched_trainer_destroy(&self->groups[g].batched_trainer);
}

/* --- All trainings --- */

/* Return how many trainings from `first` on fit into the device together, at least one. */
static status end_of_wave(const many *self, size_t first, size_t *last, error_info *err) {
    device_about about;
    TRY(self->table->describe(self->device, &about, err));
    size_t left = about.available - about.available / 10;
    for (*last = first; *last < self->count; (*last)++) {
        const one_of_many *one = &self->all[*last];
        const size_t bytes =
            one->open ? batched_trainer_run_bytes(self->table, &one->program, one->worker.training) : 0;
        if (bytes > left && *last > first) return STATUS_OK;
        left -= bytes < left ? bytes : left;
    }
    return STATUS_OK;
}

static status train_all(many *self, error_info *err) {
    one_of_many **room = calloc(self->count, sizeof(one_of_many *));
    status outcome = room ? STATUS_OK : STATUS_MEMORY;
    for (size_t first = 0, last = 0; outcome == STATUS_OK && first < self->count && !stop_requested(self);
         first = last) {
        outcome = end_of_wave(self, first, &last, err);
        if (outcome == STATUS_OK) train_wave(self, room, first, last);
    }
    free(room);
    return outcome;
}

static void open_all(many *self, const worker_task *tasks) {
    for (size_t i = 0; i < self->count; i++) {
        one_of_many *one = &self->all[i];
        error_info err = {""};
        one->worker = (worker){.task = &tasks[i], .threads = self->threads, .shares_threads = true};
        one->open = true;
        status outcome = worker_open(&one->worker, &err);
        if (outcome == STATUS_OK) outcome = batched_trainer_spec(one->worker.training, &one->program, &err);
        if (outcome != STATUS_OK) end(one, outcome, &err);
    }
}

static status make(many *self, const worker_task *tasks, error_info *err) {
    TRY(device_open(&self->table, err));
    if (tasks[0].threads > 1 && parallel_create(tasks[0].threads, &self->threads) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "cannot start %zu threads", tasks[0].threads);
    return STATUS_OK;
}

static status train_and_end(many *self, const worker_task *tasks) {
    error_info err = {""};
    status outcome = make(self, tasks, &err);
    open_all(self, tasks);
    if (outcome == STATUS_OK) outcome = train_all(self, &err);
    /* Stopped, or the failure of all. */
    for (size_t i = 0; i < self->count; i++) {
        error_info reason = err;
        if (!self->all[i].open) continue;
        if (outcome == STATUS_OK) finish(self, &self->all[i]);
        else end(&self->all[i], outcome, &reason);
    }
    parallel_destroy(&self->threads);
    return outcome;
}

int worker_run_many(const worker_task *tasks, size_t count, int device) {
    many self = {.device = device, .count = count};
    if (!worker_become_child(tasks[0].parent)) return 1;
    self.all = calloc(count, sizeof *self.all);
    self.groups = calloc(count, sizeof *self.groups);
    const bool made = self.all && self.groups; /* else the parent reports the exit status */
    const status outcome = made ? train_and_end(&self, tasks) : STATUS_MEMORY;
    free(self.all);
    free(self.groups);
    return outcome == STATUS_OK ? 0 : 1;
}
