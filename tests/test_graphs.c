/* test_graphs.c - steps of a solve that a device repeats by itself, on the device of tests/cuda_on_host: the bits of
 * single kernels, the number of host waits, the stored graphs, and refusals. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/memory.h"
#include "backend_training.h"
#include "device_support.h"
#include "train/trainer_internal.h"

enum { GRAPHS_KEPT = 64 };

/* Return a counter of the emulated CUDA. */
static size_t counted(const char *what) {
    void *file = dlopen(AFFJORD_LIBRARY_EMULATED, RTLD_NOW);
    cr_assert_not_null(file, "%s", dlerror());
    size_t (*count)(const char *what);
    void *symbol = dlsym(file, "emulated_count");
    memcpy(&count, &symbol, sizeof count);
    cr_assert_not_null(symbol);
    return count(what);
}

/* Open a device whose graphs fail as in `how`; NULL: no failures. */
static const backend_ops *open_as(const char *how) {
    if (how) setenv("AFFJORD_GRAPHS", how, 1);
    else unsetenv("AFFJORD_GRAPHS");
    return tested_images();
}

/* Check that nothing failed, and that the device repeats steps, or does not, with this message. */
static void close_as(const backend_ops **device, const char *words) {
    error_info which = {""};
    cr_expect_eq(tested_library()->images_graphs(*device, &which), !words, "%s", which.text);
    if (words) cr_expect_not_null(strstr(which.text, words), "no \"%s\" in: %s", words, which.text);
    tested_close(device);
    if (device_is_emulated()) cr_expect_eq(counted("graphs living"), 0);
}

/* --- The same bits --- */

static chain_spec spec_of(image_layer layer) {
    chain_spec spec = small_spec(layer == IMAGE_CONCAT ? IMAGE_FFJORD : IMAGE_AFFJORD, layer);
    spec.solver.options.atol = spec.solver.options.rtol = 1e-2;
    spec.model.height = spec.model.width = 4; /* one flow, D = 16 */
    return spec;
}

/* A training, stopped and resumed in between, on its own device. */
static double train_as(const char *how, const char *words, chain_spec spec, real *params, size_t P) {
    const backend_ops *device = open_as(how);
    const double loss = train(device, spec, params, P);
    close_as(&device, words);
    return loss;
}

static void check_same_bits(chain_spec spec, const char *what) {
    static const struct {
        const char *how, *words;
    } ways[] = {{"while", NULL}, {"step", "AFFJORD_GRAPHS = step"}, {NULL, NULL}};
    const size_t P = parameters_of(spec);
    real *expected = reals(P), *params = reals(P);
    const double loss = train_as("none", "AFFJORD_GRAPHS = none", spec, expected, P);
    cr_expect(isfinite(loss), "%s", what);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const double same = train_as(ways[i].how, ways[i].words, spec, params, P);
        cr_expect_eq(same, loss, "%s, way %zu: %a, not %a", what, i, same, loss);
        cr_expect_arr_eq(params, expected, P * sizeof *params, "%s, way %zu: parameters", what, i);
    }
    free(expected), free(params);
}

Test(any_device, all_layers_have_the_bits_of_plain_launches) {
    static const char *const names[] = {IMAGE_LAYERS(CHOICE_TEXT)};
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
        chain_spec spec = spec_of(layer);
        spec.keep_stages = layer % 2 == 0;
        spec.kinetic = spec.jacobian = layer < IMAGE_CONCAT ? 0.01 : 0;
        spec.learn_end_time = layer != IMAGE_CONCAT;
        spec.solver.options.stop_at_end = layer == IMAGE_CONCATSQUASH;
        check_same_bits(spec, names[layer]);
    }
}

Test(any_device, adjoints_fixed_steps_and_exact_traces_have_them_too) {
    chain_spec spec = spec_of(IMAGE_HYPER);
    spec.gradient = GRADIENT_ADJOINT;
    check_same_bits(spec, "adjoint");
    spec = spec_of(IMAGE_CONCAT);
    spec.gradient = GRADIENT_ADJOINT;
    spec.solver.options.first_step = 0.1;
    check_same_bits(spec, "adjoint, clock, a first step");
    spec = spec_of(IMAGE_HYPER);
    spec.divergence = DIVERGENCE_EXACT;
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 3};
    check_same_bits(spec, "a grid and an exact trace");
    spec = spec_of(IMAGE_CONCATSQUASH);
    spec.keep_stages = true;
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_EULER), .steps = 5};
    check_same_bits(spec, "a grid whose stages are kept");
}

Test(graphs, convolutions_of_cudnn_are_recorded) {
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    check_same_bits(spec_of(IMAGE_HYPER), "cuDNN");
    chain_spec spec = spec_of(IMAGE_CONCAT);
    spec.math = MATH_TF32;
    check_same_bits(spec, "cuDNN, tf32");
}

/* --- Unsupported requests --- */

static void check_refused(const char *variable, const char *what, const char *words, chain_spec spec,
                          const real *expected, double loss, size_t P) {
    real *params = reals(P);
    setenv(variable, what, 1);
    const double same = train_as(NULL, words, spec, params, P);
    unsetenv(variable);
    cr_expect_eq(same, loss, "%s: %a, not %a", what, same, loss);
    cr_expect_arr_eq(params, expected, P * sizeof *params, "%s: parameters", what);
    free(params);
}

Test(graphs, falls_back_with_a_note_if_a_driver_refuses) {
    const chain_spec spec = spec_of(IMAGE_HYPER);
    const size_t P = parameters_of(spec);
    real *expected = reals(P);
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    const double loss = train_as("none", "AFFJORD_GRAPHS = none", spec, expected, P);
    check_refused("AFFJORD_EMULATED_GRAPHS", "while",
                  "the host checks after each step: CUDA: making a loop: an emulated error", spec, expected, loss, P);
    check_refused("AFFJORD_EMULATED_GRAPHS", "instance",
                  "the host checks after each step: CUDA: making a graph: an emulated error", spec, expected, loss, P);
    check_refused("AFFJORD_EMULATED_GRAPHS", "capture",
                  "kernels are launched one by one: CUDA: recording a step: an emulated error", spec, expected, loss,
                  P);
    check_refused("AFFJORD_EMULATED_CUDNN", "alone",
                  "kernels are launched one by one: cuDNN: computing a convolution: CUDNN_STATUS_NOT_SUPPORTED", spec,
                  expected, loss, P);
    free(expected);
}

Test(graphs, an_unknown_option_is_rejected) {
    const backend_ops *device = NULL;
    error_info err = {""};
    setenv("AFFJORD_GRAPHS", "always", 1);
    cr_expect_eq(emulated_library()->images_open(0, &device, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "AFFJORD_GRAPHS = always: expected none, step or while");
}

/* --- Outcomes --- */

enum { LENGTH = 40, CAPACITY = 30 };

/* dy/dt = -50 y */
static void decay(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    const backend_ops *backend = argument;
    backend->scale(backend, LENGTH, -50, y, dy);
}

typedef struct outcome {
    status outcome;
    adaptive_statistics count;
    size_t steps;
    double reached, y;
} outcome;

/* All entries from `start`, solved to 1. */
static outcome solve_on(const backend_ops *backend, const adaptive_options *options, double start, size_t capacity,
                        bool steered) {
    const solve_spec by = {.method = tableau_get(TABLEAU_BOSH3), .options = *options};
    arena memory = {0};
    adaptive_record record = {.capacity = capacity};
    ode_system system = {.backend = backend, .length = LENGTH, .context = (void *)backend, .evaluate = decay};
    real *y, *workspace, first;
    cr_assert_eq(BACKEND_NEW(backend, &memory, LENGTH, &y), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(backend, &memory, solve_workspace(&by, LENGTH), &workspace), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(backend, &memory, CAPACITY, &record.time), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(backend, &memory, CAPACITY, &record.step), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(backend, &memory, CAPACITY * LENGTH, &record.states), STATUS_OK);
    if (steered) cr_assert_eq(BACKEND_NEW(backend, &memory, 1, &system.control), STATUS_OK);
    backend->fill(backend, LENGTH, 1, start, y);
    outcome got = {.y = 0};
    got.outcome = solve_integrate(&by, 0, 1, &system, y, &record, workspace, &got.count);
    backend->copy_to_host(backend, sizeof first, y, &first);
    got.y = (double)first, got.steps = record.steps, got.reached = record.reached;
    arena_release(&memory);
    return got;
}

/* A device and the processor return the same status of a solve, and the same numbers up to the order of sums. */
Test(graphs, outcomes_are_those_of_the_processor) {
    const adaptive_options loose = {.atol = 1e-2, .rtol = 1e-2}, tight = {.atol = 1e-3, .rtol = 1e-3};
    adaptive_options few = tight, coarse = tight, given = loose;
    few.max_attempts = 3;
    coarse.min_step = coarse.first_step = 0.3;
    given.first_step = 0.01, given.stop_at_end = true;
    const struct {
        const adaptive_options *options;
        double start;
        size_t capacity;
        status expected;
    } cases[] = {{&loose, 1, CAPACITY, STATUS_OK},           {&given, 1, CAPACITY, STATUS_OK},
                 {&few, 1, CAPACITY, STATUS_TOO_MANY_STEPS}, {&tight, 1, 2, STATUS_RECORD_FULL},
                 {&tight, 1, 0, STATUS_RECORD_FULL},         {&coarse, 1, CAPACITY, STATUS_STEP_TOO_SMALL},
                 {&given, NAN, CAPACITY, STATUS_NON_FINITE}};
    const backend_ops *device = open_as("while"), *host = cpu_backend(CPU_PORTABLE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const outcome a = solve_on(host, cases[i].options, cases[i].start, cases[i].capacity, i % 2);
        const outcome b = solve_on(device, cases[i].options, cases[i].start, cases[i].capacity, true);
        cr_expect_eq(a.outcome, cases[i].expected, "%zu: %d", i, (int)a.outcome);
        cr_expect_eq(b.outcome, cases[i].expected, "%zu: %d", i, (int)b.outcome);
        cr_expect(a.steps == b.steps && a.count.accepted == b.count.accepted && a.count.rejected == b.count.rejected,
                  "%zu: %zu and %zu steps", i, a.steps, b.steps);
        cr_expect_float_eq(a.reached, b.reached, 1e-9, "%zu: %g and %g", i, a.reached, b.reached);
        if (isnan(cases[i].start)) continue; /* the processor checks before it evaluates */
        cr_expect_eq(a.count.evaluations, b.count.evaluations);
        cr_expect_float_eq(a.y, b.y, 1e-6, "%zu: %g and %g", i, a.y, b.y);
        if (cases[i].expected != STATUS_OK) cr_expect_eq(b.y, cases[i].start, "y is as it was");
    }
    cr_expect_eq(solve_on(device, &loose, 1, CAPACITY, false).outcome, STATUS_INVALID, "nothing to steer it by");
    close_as(&device, NULL);
}

/* --- Waiting --- */

/* Host waits of the fourth iteration, which creates no new graph; *steps <- attempted steps of the forward solve. */
static size_t waits_of(const char *how, chain_spec spec, double tolerance, size_t *launches) {
    const backend_ops *device = open_as(how);
    spec.solver.options.atol = spec.solver.options.rtol = tolerance;
    trainer *training = make(device, spec);
    trainer_epoch epoch;
    bool done;
    size_t waits = 0, made = 0;
    for (size_t i = 0; i < 2; i++) {
        waits = counted("waits"), made = counted("graphs made"), *launches = counted("graphs launched");
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
    }
    cr_expect_eq(counted("graphs made"), made, "the second iteration has the first one's graphs");
    *launches = counted("graphs launched") - *launches;
    waits = counted("waits") - waits;
    trainer_destroy(&training);
    emulated_library()->images_close(&device);
    return waits;
}

Test(graphs, a_training_step_waits_a_few_times_for_each_flow) {
    enum { FLOWS = 1 };
    chain_spec spec = spec_of(IMAGE_HYPER);
    size_t launches, more;
    const size_t waits = waits_of("while", spec, 1e-2, &launches), as_many = waits_of("while", spec, 1e-5, &more);
    cr_expect_eq(waits, as_many, "however many steps there are: %zu and %zu", waits, as_many);
    cr_expect_leq(waits, 3 * FLOWS + 3, "%zu", waits);
    cr_expect_eq(launches, 3 * FLOWS, "out, the last step back, the others back: %zu", launches);
    cr_expect_eq(more, 3 * FLOWS);
    const size_t many = waits_of("none", spec, 1e-5, &launches);
    cr_expect_gt(many, 2 * waits, "a wait for each step: %zu, not %zu", many, waits);
    cr_expect_eq(launches, 0);
    spec.gradient = GRADIENT_ADJOINT;
    const size_t adjoint = waits_of("while", spec, 1e-4, &launches);
    cr_expect_leq(adjoint, 3 * FLOWS + 3, "%zu", adjoint);
    cr_expect_eq(launches, 2 * FLOWS);
    spec = spec_of(IMAGE_HYPER);
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 9};
    cr_expect_leq(waits_of("while", spec, 1e-4, &launches), 3 * FLOWS + 3);
    cr_expect_eq(launches, 2 * FLOWS);
}

/* Kernels in Table 1's steps, as in docs/guide/gpu.md: forward, in the last backward step, and in the others. */
static void check_kernels(image_architecture architecture, image_layer layer, const size_t expected[3]) {
    chain_spec spec = small_spec(architecture, layer);
    spec.model.height = spec.model.width = 4;
    spec.model.hidden_layers = 3;
    for (size_t i = 0; i < 3; i++) spec.model.hidden[i] = 16;
    spec.keep_stages = true;
    spec.solver.options.atol = spec.solver.options.rtol = 1e-3;
    const backend_ops *device = open_as("while");
    trainer *training = make(device, spec);
    trainer_epoch epoch;
    bool done;
    const size_t before = counted("graphs made");
    cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
    cr_assert_eq(counted("graphs made"), before + 3);
    for (size_t i = 0; i < 3; i++) {
        char which[32];
        snprintf(which, sizeof which, "nodes %zu", before + i);
        cr_expect_eq(counted(which), expected[i] + 2, "%s: %zu besides two for the loop, not %zu", which,
                     counted(which) - 2, expected[i]);
    }
    trainer_destroy(&training);
    emulated_library()->images_close(&device);
}

Test(graphs, steps_have_the_documented_number_of_kernels) {
    check_kernels(IMAGE_FFJORD, IMAGE_CONCAT, (const size_t[]){152, 654, 561});
    check_kernels(IMAGE_AFFJORD, IMAGE_HYPER, (const size_t[]){225, 815, 699});
}

/* --- Stored graphs --- */

/* Fixed steps, each of which adds x to y. */
typedef struct adding {
    const backend_ops *device;
    arena memory;
    step_control *control;
    size_t n;
    real *x, *y;
    bool reads; /* whether each step reads a number on the host */
} adding;

static adding begin_adding(const backend_ops *device, size_t n) {
    adding self = {.device = device, .n = n};
    cr_assert_eq(BACKEND_NEW(device, &self.memory, 1, &self.control), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(device, &self.memory, n, &self.x), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(device, &self.memory, n, &self.y), STATUS_OK);
    device->fill(device, n, 1, 1, self.x);
    return self;
}

static void add_once(void *argument) {
    const adding *self = argument;
    if (self->reads) self->device->is_finite(self->device, 1, self->x);
    self->device->add_rows(self->device, 1, self->n, self->x, 0, self->y);
    self->device->decide(self->device, STEP_DONE, self->control);
}

/* y is `expected` after `steps` steps, and the memory after it is unchanged. */
static void expect_added(adding *self, size_t steps, double expected) {
    step_control c = {.method = *tableau_get(TABLEAU_EULER), .end = 1, .fixed_steps = steps, .going = steps > 0};
    real last[2];
    step_control_begin_fixed(&c);
    self->device->copy_to_device(self->device, sizeof c, &c, self->control);
    self->device->repeat(self->device, add_once, self, &self->control->going);
    self->device->copy_to_host(self->device, sizeof *last, self->y, last);
    self->device->copy_to_host(self->device, sizeof *last, self->y + self->n - 1, last + 1);
    cr_expect(last[0] == (real)expected && last[1] == (real)expected, "%g and %g, not %g", (double)last[0],
              (double)last[1], expected);
}

Test(graphs, a_graph_is_used_again_by_those_that_would_launch_the_same) {
    const backend_ops *device = open_as("while");
    adding one = begin_adding(device, 300);
    expect_added(&one, 0, 0); /* without steps, nothing is recorded */
    cr_expect_eq(counted("graphs made"), 0);
    expect_added(&one, 1, 1);
    expect_added(&one, 4, 5);
    expect_added(&one, 0, 5);
    cr_expect_eq(counted("graphs made"), 1);
    adding other = one; /* the host's structure may differ */
    expect_added(&other, 2, 7);
    cr_expect_eq(counted("graphs made"), 1);
    arena_release(&one.memory);
    close_as(&device, NULL);
}

/* Each difference needs another graph: a length, an array, the launched kernel, a decision of the host. */
Test(graphs, a_graph_is_not_used_by_others) {
    const backend_ops *device = open_as("while");
    adding one = begin_adding(device, 300), other = begin_adding(device, 300), fewer = one, further = one;
    fewer.n = 299, further.y = other.y;
    expect_added(&one, 2, 2);
    expect_added(&fewer, 2, 4);
    expect_added(&further, 3, 3);
    expect_added(&other, 3, 6);
    real end;
    device->copy_to_host(device, sizeof end, one.y + 299, &end);
    cr_expect_eq(end, 2, "what a shorter step does not reach");
    cr_expect_eq(counted("graphs made"), 4);
    arena_release(&one.memory);
    arena_release(&other.memory);
    close_as(&device, NULL);
}

/* Fixed steps, each of which convolves x to y. */
typedef struct convolving {
    adding of; /* its control and arrays */
    conv *by;
    real *weight, *result;
} convolving;

static void convolve_once(void *argument) {
    const convolving *self = argument;
    conv_forward(self->by, self->weight, self->of.x, self->result);
    self->of.device->decide(self->of.device, STEP_DONE, self->of.control);
}

/* Convolve ones with a weight of ones, and read the centre of a 3 x 3 image. */
static void expect_convolved(convolving *self, double expected) {
    step_control c = {.method = *tableau_get(TABLEAU_EULER), .end = 1, .fixed_steps = 2, .going = 1};
    const backend_ops *device = self->of.device;
    real middle;
    step_control_begin_fixed(&c);
    device->copy_to_device(device, sizeof c, &c, self->of.control);
    device->repeat(device, convolve_once, self, &self->of.control->going);
    device->copy_to_host(device, sizeof middle, self->result + 4, &middle);
    cr_expect_eq(middle, (real)expected, "%g, not %g", (double)middle, expected);
}

/* Other arrays, and another convolution, even if it reuses the memory of the first one's plans. */
Test(graphs, a_graph_with_a_plan_of_cudnn_is_not_used_by_others) {
    const conv_shape shape = {1, 3, 3, 1, 1}, deep = {1, 3, 3, 2, 1};
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    const backend_ops *device = open_as("while");
    convolving one = {.of = begin_adding(device, 18)}, other;
    cr_assert_eq(BACKEND_NEW(device, &one.of.memory, 18, &one.weight), STATUS_OK);
    device->fill(device, 18, 1, 1, one.weight);
    one.result = one.of.y;
    cr_assert_eq(conv_create(device, shape, CONV_AUTO, MATH_FP32, &one.by), STATUS_OK);
    expect_convolved(&one, 9);
    other = one;
    other.result = one.of.y + 9;
    expect_convolved(&other, 9);
    expect_convolved(&one, 9);
    cr_expect_eq(counted("graphs made"), 2);
    conv_destroy(&one.by);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(conv_create(device, i % 2 ? shape : deep, CONV_AUTO, MATH_FP32, &one.by), STATUS_OK);
        expect_convolved(&one, i % 2 ? 9 : 18);
        conv_destroy(&one.by);
    }
    cr_expect_eq(counted("graphs made"), 6);
    arena_release(&one.of.memory);
    close_as(&device, NULL);
}

/* The least recently used graph is removed. */
Test(graphs, the_cache_has_a_limit) {
    enum { SIZES = GRAPHS_KEPT + 6 };
    const backend_ops *device = open_as("while");
    adding one = begin_adding(device, 2 * SIZES);
    for (one.n = SIZES; one.n < 2 * SIZES; one.n++) {
        adding first = one;
        first.n = SIZES;
        expect_added(&one, 1, 1);
        expect_added(&first, 2, 3);
        device->zero(device, 2 * SIZES, one.y);
    }
    cr_expect_eq(counted("graphs made"), SIZES);
    cr_expect_eq(counted("graphs living"), GRAPHS_KEPT);
    one.n = SIZES; /* always used */
    expect_added(&one, 1, 1);
    cr_expect_eq(counted("graphs made"), SIZES);
    device->zero(device, 2 * SIZES, one.y);
    one.n = SIZES + 1; /* removed */
    expect_added(&one, 1, 1);
    cr_expect_eq(counted("graphs made"), SIZES + 1);
    arena_release(&one.memory);
    close_as(&device, NULL);
}

Test(graphs, a_step_that_reads_on_the_host_is_not_recorded) {
    const backend_ops *device = open_as(NULL);
    adding one = begin_adding(device, 300);
    one.reads = true;
    expect_added(&one, 3, 3);
    expect_added(&one, 2, 5);
    cr_expect_eq(counted("graphs made"), 0);
    arena_release(&one.memory);
    close_as(&device, "kernels are launched one by one: repeating a step: it copies between host and device");
}

/* --- A device that is lost --- */

Test(graphs, a_device_failure_while_repeating_ends_the_solve) {
    for (size_t way = 0; way < 3; way++) {
        static const char *const hows[] = {"none", "step", "while"};
        const backend_ops *device = open_as(hows[way]);
        chain_spec spec = spec_of(IMAGE_HYPER);
        trainer *training = make(device, spec);
        trainer_epoch epoch;
        error_info err = {""};
        bool done;
        cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
        adding one = begin_adding(device, 10);
        expect_added(&one, 3, 3);
        setenv("AFFJORD_EMULATED_LOST", "1", 1);
        trainer_step(training, NULL, &done, &epoch);
        step_control c = {.method = *tableau_get(TABLEAU_EULER), .end = 1, .fixed_steps = 3, .going = 1};
        device->copy_to_device(device, sizeof c, &c, one.control);
        device->repeat(device, add_once, &one, &one.control->going);
        unsetenv("AFFJORD_EMULATED_LOST");
        cr_expect_eq(emulated_library()->images_state(device, &err), STATUS_IO);
        cr_expect_not_null(strstr(err.text, "unspecified launch failure"), "%s", err.text);
        arena_release(&one.memory);
        trainer_destroy(&training);
        emulated_library()->images_close(&device);
    }
}

#endif
