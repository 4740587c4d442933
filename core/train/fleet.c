/* fleet.c - launches, and the trainers' books about them. */
#include "train/fleet.h"

#include <math.h>
#include <string.h>

#include "flow/cnf_program.h"
#include "train/adam.h"
#include "train/objective.h"
#include "train/trainer_internal.h"

/* Iterations of a launch, at most: long enough to hide what comes between two launches, short enough to be stopped
 * within seconds. */
enum { BLOCK_MAX = 128, PLACES = 2 };

/* The batches that lie in a place: so many iterations from `first` on. */
typedef struct drawn {
    uint64_t first;
    size_t count;
} drawn;

typedef struct member {
    trainer *training;
    bool left;
    drawn batches[PLACES];
    size_t next; /* iteration of the launch that is handed out next */
    double held_loss[OBJECTIVE_HELD];
    status held[OBJECTIVE_HELD];
} member;

struct fleet {
    arena memory; /* holds the fleet itself */
    const device_table *table;
    toy_fleet *device;
    toy_program program;
    parallel *workers;
    size_t count, block;
    member *members; /* (count) */
    toy_order *orders; /* (count) */
    toy_adam *adam; /* (count, block) */
    double *losses; /* (count, block) */
    double *log_density; /* (the larger held batch) */
    size_t place; /* of the launch's batches; the other one is filled meanwhile */
    bool launched;
};

_Static_assert((int)TOY_HELD_MAX == (int)OBJECTIVE_HELD, "held batches");

status fleet_program(const trainer *training, toy_program *out, failure *why) {
    const objective *goal = training->goal;
    memset(out, 0, sizeof *out); /* programs are compared by their bytes */
    if (!objective_points(goal)) return fail(why, STATUS_INVALID, "--device cuda trains models of points so far");
    if (training->spec.clip_norm > 0 || training->spec.average > 0)
        return fail(
            why, STATUS_INVALID,
            "train.clip_norm = %g, train.average = %g: --device cuda trains models of points with neither; expected "
            "0; train on the CPU",
            training->spec.clip_norm, training->spec.average);
    const objective_spec *spec = objective_specification(goal);
    const adam_step constants = adam_step_at(training->spec.learning_rate, 1);
    TRY(cnf_program(objective_points(goal), out, why));
    out->batch = (uint32_t)spec->batch;
    out->held[OBJECTIVE_VALIDATION] = (uint32_t)spec->validation;
    out->held[OBJECTIVE_TEST] = (uint32_t)spec->test;
    out->beta1 = (float)constants.beta1;
    out->rest1 = (float)(1 - constants.beta1);
    out->beta2 = (float)constants.beta2;
    out->rest2 = (float)(1 - constants.beta2);
    out->epsilon = (float)constants.epsilon;
    out->running_decay = trainer_running_decay;
    out->stop_loss = training->spec.stop_loss;
    return STATUS_OK;
}

bool fleet_same_program(const toy_program *a, const toy_program *b) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    return memcmp(x, y, sizeof *a) == 0;
}

static size_t block_of(const trainer *training) {
    const uint64_t epoch = training->spec.epoch_iterations;
    return epoch < BLOCK_MAX ? (size_t)epoch : BLOCK_MAX;
}

size_t fleet_member_bytes(const device_table *table, const toy_program *program, const trainer *training) {
    return table->toy_bytes(program, block_of(training));
}

/* --- Making one --- */

static status put_member(fleet *self, size_t i, failure *why) {
    const trainer *training = self->members[i].training;
    const device_table *table = self->table;
    TRY(table->toy_put(self->device, i, training->params, training->first, training->second, why));
    for (size_t which = 0; which < OBJECTIVE_HELD; which++)
        if (self->program.held[which] > 0)
            TRY(table->toy_hold(self->device, i, which, objective_held_points(training->goal, (objective_held)which),
                                why));
    return STATUS_OK;
}

static status put_path(fleet *self, failure *why) {
    const cnf *flow = objective_points(self->members[0].training->goal);
    real *path;
    if (self->program.augmented) return STATUS_OK;
    TRY(ARENA_NEW(&self->memory, cnf_evaluations(flow), &path));
    cnf_clock_path(flow, path);
    return self->table->toy_path(self->device, path, why);
}

static status build(fleet *self, int device, trainer *const *members, failure *why) {
    const size_t count = self->count;
    const toy_program *program = &self->program;
    size_t held = 0;
    for (size_t which = 0; which < OBJECTIVE_HELD; which++)
        if (program->held[which] > held) held = program->held[which];
    TRY(ARENA_NEW(&self->memory, count, &self->members));
    TRY(ARENA_NEW(&self->memory, count, &self->orders));
    TRY(ARENA_NEW(&self->memory, count * self->block, &self->adam));
    TRY(ARENA_NEW(&self->memory, count * self->block, &self->losses));
    TRY(ARENA_NEW(&self->memory, held, &self->log_density));
    for (size_t i = 0; i < count; i++) self->members[i].training = members[i];
    TRY(self->table->toy_create(device, program, count, self->block, &self->device, why));
    TRY(put_path(self, why));
    for (size_t i = 0; i < count; i++) TRY(put_member(self, i, why));
    return STATUS_OK;
}

status fleet_create(const device_table *table, int device, trainer *const *members, size_t count, parallel *workers,
                    fleet **out, failure *why) {
    toy_program program;
    arena memory = {0};
    fleet *self;
    TRY(fleet_program(members[0], &program, why));
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a fleet");
    *self = (fleet){.memory = memory,
                    .table = table,
                    .program = program,
                    .workers = workers,
                    .count = count,
                    .block = block_of(members[0])};
    failure reason = {"out of memory for a fleet"};
    const status built = build(self, device, members, &reason);
    if (built != STATUS_OK) {
        fleet_destroy(&self);
        return fail(why, built, "%s", reason.text);
    }
    *out = self;
    return STATUS_OK;
}

void fleet_destroy(fleet **self) {
    if (!*self) return;
    (*self)->table->toy_destroy(&(*self)->device);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

void fleet_leave(fleet *self, size_t i) {
    self->members[i].left = true;
}

/* --- Batches --- */

/* What a launch does after `iteration` iterations: to the epoch's end, as far as a block reaches. */
static size_t span(const fleet *self, const trainer *training, uint64_t iteration) {
    const trainer_spec *spec = &training->spec;
    const uint64_t epoch_end = (iteration / spec->epoch_iterations + 1) * spec->epoch_iterations;
    const uint64_t end = epoch_end < spec->iterations ? epoch_end : spec->iterations;
    const uint64_t left = end > iteration ? end - iteration : 0;
    return left < self->block ? (size_t)left : self->block;
}

static bool trains(const member *one) {
    return !one->left && !trainer_finished(one->training);
}

static void draw(fleet *self, size_t i, size_t place, uint64_t iteration) {
    member *one = &self->members[i];
    const drawn wanted = {.first = iteration + 1, .count = span(self, one->training, iteration)};
    drawn *there = &one->batches[place];
    if (there->first == wanted.first && there->count >= wanted.count) return;
    objective_batches(one->training->goal, wanted.first, wanted.count,
                      self->table->toy_batches(self->device, place, i));
    *there = wanted;
}

/* Of the launch to come, where that before it has not drawn them. */
static void draw_now(void *argument, size_t i, size_t thread) {
    (void)thread;
    fleet *self = argument;
    if (trains(&self->members[i])) draw(self, i, self->place, self->members[i].training->iteration);
}

/* Of the launch after it, should all its iterations be done. */
static void draw_ahead(void *argument, size_t i, size_t thread) {
    (void)thread;
    fleet *self = argument;
    const member *one = &self->members[i];
    if (self->orders[i].iterations > 0)
        draw(self, i, 1 - self->place, one->training->iteration + self->orders[i].iterations);
}

/* --- Launches --- */

static void give_order(fleet *self, size_t i) {
    const trainer *training = self->members[i].training;
    toy_order *order = &self->orders[i];
    *order = (toy_order){.running = training->running};
    if (!trains(&self->members[i])) return;
    const uint64_t iteration = training->iteration;
    order->iterations = (uint32_t)span(self, training, iteration);
    const uint64_t end = iteration + order->iterations;
    order->measure = end % training->spec.epoch_iterations == 0 || end == training->spec.iterations;
    for (size_t k = 0; k < order->iterations; k++) {
        const adam_step step =
            adam_step_at(trainer_learning_rate(training, iteration + k + 1), training->updates + k + 1);
        self->adam[i * self->block + k] =
            (toy_adam){.size = (float)step.step_size, .correction = (float)step.root_correction};
    }
}

status fleet_begin(fleet *self, failure *why) {
    bool any = false;
    self->place = 1 - self->place;
    parallel_for(self->workers, self->count, draw_now, self);
    for (size_t i = 0; i < self->count; i++) {
        give_order(self, i);
        self->members[i].next = 0;
        any |= self->orders[i].iterations > 0;
    }
    if (!any) return STATUS_OK;
    TRY(self->table->toy_begin(self->device, self->place, self->orders, self->adam, why));
    self->launched = true;
    parallel_for(self->workers, self->count, draw_ahead, self);
    return STATUS_OK;
}

static status take_results(fleet *self, size_t i, failure *why) {
    member *one = &self->members[i];
    trainer *training = one->training;
    if (self->orders[i].done == 0) return STATUS_OK;
    TRY(self->table->toy_get(self->device, i, training->params, training->first, training->second, why));
    if (!self->orders[i].measured) return STATUS_OK;
    for (size_t which = 0; which < OBJECTIVE_HELD; which++) {
        const size_t n = self->program.held[which];
        if (n == 0) continue;
        TRY(self->table->toy_measured(self->device, i, which, self->log_density, why));
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += self->log_density[k];
        one->held[which] = objective_mean(training->goal, n, sum, &one->held_loss[which]);
    }
    return STATUS_OK;
}

status fleet_end(fleet *self, failure *why) {
    if (!self->launched) return STATUS_OK;
    self->launched = false;
    TRY(self->table->toy_end(self->device, self->orders, self->losses, why));
    for (size_t i = 0; i < self->count; i++) TRY(take_results(self, i, why));
    return STATUS_OK;
}

static void end_epoch(const member *one, const objective_counts *last, trainer_epoch *epoch) {
    trainer *training = one->training;
    trainer_end_epoch(training, last, epoch);
    epoch->validation = one->held[OBJECTIVE_VALIDATION];
    epoch->validation_loss = one->held_loss[OBJECTIVE_VALIDATION];
    objective_count(training->goal, false, &epoch->validation_counts);
    if (!epoch->tested) return;
    epoch->test = one->held[OBJECTIVE_TEST];
    epoch->test_loss = one->held_loss[OBJECTIVE_TEST];
    objective_count(training->goal, false, &epoch->test_counts);
}

bool fleet_next(fleet *self, size_t i, status *outcome, double *loss, bool *epoch_done, trainer_epoch *epoch) {
    member *one = &self->members[i];
    const toy_order *order = &self->orders[i];
    objective_counts counts;
    if (one->next >= order->done) return false;
    *loss = self->losses[i * self->block + one->next];
    *outcome = ++one->next == order->done && order->skipped ? STATUS_NON_FINITE : STATUS_OK;
    objective_count(one->training->goal, true, &counts);
    trainer_count(one->training, *outcome, *loss, &counts);
    *epoch_done = trainer_ends_epoch(one->training);
    if (*epoch_done) end_epoch(one, &counts, epoch);
    return true;
}
