/* cnf.c - making a flow, and solving it forward and backward.
 *
 * A solve has a part that does not depend on the batch (the context's path and
 * the field's numbers at every evaluation) and one that is independent for
 * each chunk of points. Chunks are shared out to threads; each is integrated
 * over all steps while it is in the nearest cache. */
#include "flow/cnf.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/detmath.h"
#include "flow/cnf_internal.h"

_Static_assert((int)CNF_HYPER_DIMENSION_MAX == (int)TOY_DIMENSION_MAX, "columns of the toy field");

static const double log_two_pi = 1.8378770664093454836;

static bool is_fused(const cnf_spec *spec) {
    return !spec->general && spec->field == CNF_HYPER_MLP && spec->steps > 0 && !spec->learn_end_time &&
           spec->kinetic == 0 && spec->jacobian == 0;
}

static status check_toy(const cnf_spec *spec, failure *why) {
    if (spec->dimension > CNF_HYPER_DIMENSION_MAX)
        return fail(why, STATUS_INVALID, "data of %zu dimensions: expected 1 to %d", spec->dimension,
                    CNF_HYPER_DIMENSION_MAX);
    if (spec->width < 1) return fail(why, STATUS_INVALID, "width of the field is 0: expected at least 1");
    if (spec->hypernet_layers < 1 || spec->hypernet_layers > CNF_HIDDEN_MAX || spec->hypernet_width < 1)
        return fail(why, STATUS_INVALID, "hypernet of %zu hidden layers of %zu: expected 1 to %d layers, not empty",
                    spec->hypernet_layers, spec->hypernet_width, CNF_HIDDEN_MAX);
    return STATUS_OK;
}

/* An exact divergence is D evaluations of a field that has no trace of its own. */
static status check_general(const cnf_spec *spec, failure *why) {
    if (spec->field == CNF_OWN && !spec->own)
        return fail(why, STATUS_INVALID, "a field of one's own without callbacks: expected some");
    if (spec->kept_steps > 0 && spec->divergence == DIVERGENCE_EXACT && spec->dimension > CNF_EXACT_MAX)
        return fail(why, STATUS_INVALID,
                    "the exact divergence of %zu dimensions: expected at most %d to train, or rademacher or gaussian",
                    spec->dimension, CNF_EXACT_MAX);
    return STATUS_OK;
}

status cnf_check(const cnf_spec *spec, failure *why) {
    if (spec->dimension < 1 || spec->dimension > CNF_DIMENSION_MAX)
        return fail(why, STATUS_INVALID, "data of %zu dimensions: expected 1 to %d", spec->dimension,
                    CNF_DIMENSION_MAX);
    TRY(spec->field == CNF_HYPER_MLP ? check_toy(spec, why) : check_general(spec, why));
    if (spec->context == CONTEXT_AUGMENTED && (spec->augmented_dimension < 1 || spec->augmented_width < 1))
        return fail(why, STATUS_INVALID, "augmented context of dimension %zu and width %zu: expected at least 1",
                    spec->augmented_dimension, spec->augmented_width);
    if (!(spec->end_time > 0) || !isfinite(spec->end_time))
        return fail(why, STATUS_INVALID, "end time %g: expected a positive number", spec->end_time);
    if (!(spec->base_variance > 0) || !isfinite(spec->base_variance))
        return fail(why, STATUS_INVALID, "base variance %g: expected a positive number", spec->base_variance);
    if (!isfinite(spec->log_volume))
        return fail(why, STATUS_INVALID, "log volume %g: expected a number", spec->log_volume);
    if (spec->steps < 1 && !tableau_is_pair(tableau_get(spec->solver)))
        return fail(why, STATUS_INVALID, "0 steps: expected at least 1, or an embedded pair");
    return STATUS_OK;
}

context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method) {
    const bool augmented = spec->context == CONTEXT_AUGMENTED;
    return (context_spec){.augmented = augmented,
                          .dimension = augmented ? spec->augmented_dimension : 1,
                          .moving = augmented ? spec->augmented_dimension : 0,
                          .width = spec->augmented_width,
                          .activation = MLP_ELU,
                          .learn_start = augmented && spec->learn_start,
                          .fixed = spec->fixed_context,
                          .method = method};
}

/* Reals of workspace: of a gradient's solve and its reverse, or of an adjoint's state of 2 n. */
static size_t solve_reals(const cnf *flow) {
    const solve_spec by = cnf_solver(flow);
    const size_t adjoint = solve_workspace(&by, 2 * flow->length), reverse = solve_reverse_workspace(&by, flow->length);
    return adjoint > reverse ? adjoint : reverse;
}

static status build(cnf *flow) {
    const cnf_spec *spec = &flow->spec;
    const size_t C = spec->context == CONTEXT_AUGMENTED ? spec->augmented_dimension : 1, D = spec->dimension;
    flow->evaluations = spec->steps * flow->method->stages;
    flow->length = (D + 1) * CHUNK;
    flow->chunks_max = cnf_chunks(flow->batch_max);

    arena *memory = &flow->memory;
    const hyper_mlp_spec hyper = {.dimension = D,
                                  .width = spec->width,
                                  .context = C,
                                  .join = spec->join,
                                  .layers = spec->hypernet_layers,
                                  .hidden = spec->hypernet_width,
                                  .instants = flow->evaluations};
    const context_spec about = cnf_context_spec(spec, flow->method);
    TRY(hyper_mlp_create(&hyper, NULL, flow->backend, &flow->parameters, &flow->field, NULL));
    flow->grid = flow->field->ops->grid;
    TRY(context_create(&about, "context", flow->backend, &flow->parameters, memory, &flow->context, NULL));

    const size_t theta = flow->evaluations * flow->field->stride;
    TRY(ARENA_NEW(memory, flow->evaluations * C, &flow->path));
    TRY(ARENA_NEW(memory, flow->evaluations * C, &flow->pathbar));
    TRY(ARENA_NEW(memory, theta, &flow->theta));
    TRY(ARENA_NEW(memory, flow->chunks_max * theta, &flow->thetabar));
    TRY(ARENA_NEW(memory, flow->chunks_max, &flow->losses));
    if (spec->gradient == GRADIENT_ADJOINT) {
        TRY(ARENA_NEW(memory, flow->chunks_max * flow->length, &flow->final));
        TRY(ARENA_NEW(memory, flow->parameters.total, &flow->gradient));
    }
    const size_t threads = parallel_threads(flow->workers);
    TRY(ARENA_NEW(memory, threads, &flow->lanes));
    for (size_t i = 0; i < threads; i++) {
        cnf_lane *lane = &flow->lanes[i];
        TRY(ARENA_NEW(memory, flow->length, &lane->state));
        TRY(ARENA_NEW(memory, flow->length, &lane->cotangent));
        TRY(ARENA_NEW(memory, D * CHUNK, &lane->probe));
        if (spec->gradient == GRADIENT_DISCRETE)
            TRY(ARENA_NEW(memory, flow->evaluations * flow->length, &lane->states));
        TRY(ARENA_NEW(memory, solve_reals(flow), &lane->rk));
        TRY(ARENA_NEW(memory, flow->field->scratch, &lane->scratch));
        TRY(ARENA_NEW(memory, 2 * flow->length, &lane->joint));
    }
    return STATUS_OK;
}

status cnf_create(const cnf_spec *spec, size_t batch_max, parallel *workers, cnf **out, failure *why) {
    TRY(cnf_check(spec, why));
    arena memory = {0};
    cnf *flow;
    if (arena_take(&memory, 1, sizeof *flow, (void **)&flow) != STATUS_OK)
        return fail(why, STATUS_MEMORY, "out of memory for a flow");
    flow->spec = *spec;
    flow->backend = spec->backend ? spec->backend : cpu_backend(cpu_level_best());
    flow->workers = workers;
    flow->batch_max = batch_max;
    flow->memory = memory;
    flow->method = tableau_get(spec->solver);
    failure reason = {""};
    const status built = is_fused(spec) ? build(flow) : cnf_points_create(flow, &reason);
    if (built != STATUS_OK) {
        if (reason.text[0]) failure_describe(why, "%s", reason.text);
        else failure_describe(why, "out of memory for a flow: %zu bytes were taken before", flow->memory.bytes);
        cnf_destroy(&flow);
        return built;
    }
    *out = flow;
    return STATUS_OK;
}

void cnf_destroy(cnf **flow) {
    if (!*flow) return;
    field_destroy(&(*flow)->field);
    chain_destroy(&(*flow)->model);
    arena memory = (*flow)->memory; /* holds the flow itself */
    arena_release(&memory);
    *flow = NULL;
}

const cnf_spec *cnf_specification(const cnf *flow) {
    return &flow->spec;
}

bool cnf_is_fused(const cnf *flow) {
    return !flow->model;
}

size_t cnf_bytes(const cnf *flow) {
    return flow->memory.bytes + (flow->model ? chain_bytes(flow->model) : field_bytes(flow->field));
}

size_t cnf_kept_bytes(const cnf *flow) {
    return flow->model ? chain_kept_bytes(flow->model) : 0;
}

void cnf_explain(const cnf *flow, status outcome, failure *why) {
    if (flow->model && outcome != STATUS_MEMORY) chain_explain(&flow->last, outcome, why);
    else
        failure_describe(why,
                         outcome == STATUS_NON_FINITE ? "the loss or its gradient is not finite" : "out of memory");
}

const parameter_table *cnf_parameters(const cnf *flow) {
    return flow->model ? chain_parameters(flow->model) : &flow->parameters;
}

void cnf_initialise(const cnf *flow, uint64_t seed, real *params) {
    if (flow->model) {
        chain_initialise(flow->model, seed, params);
        return;
    }
    field_initialise(flow->field, seed, params);
    context_initialise(flow->context, seed, params);
}

void cnf_prepare(cnf *flow, const real *params, grid g) {
    context_path(flow->context, params, g, flow->path);
    flow->grid->prepare(flow->field, flow->evaluations, params, flow->path, flow->theta);
}

const real *cnf_load_chunk(const cnf *flow, cnf_lane *lane, const real *x, size_t n, size_t chunk,
                           random_stream probe) {
    const size_t D = flow->spec.dimension, first = chunk * CHUNK, points = cnf_chunk_points(n, chunk);
    memset(lane->state, 0, flow->length * sizeof *lane->state);
    for (size_t i = 0; i < points; i++)
        for (size_t d = 0; d < D; d++) lane->state[d * CHUNK + i] = x[(first + i) * D + d];
    if (flow->spec.divergence == DIVERGENCE_EXACT) return NULL;
    memset(lane->probe, 0, D * CHUNK * sizeof *lane->probe);
    for (size_t i = 0; i < points; i++) {
        if (!flow->given_probe) noise_probe(flow->spec.divergence, probe, first + i, 0, D, CHUNK, lane->probe + i);
        else
            for (size_t d = 0; d < D; d++) lane->probe[d * CHUNK + i] = flow->given_probe[(first + i) * D + d];
    }
    return lane->probe;
}

static void chunk_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const cnf_chunk *chunk = argument;
    const cnf *flow = chunk->flow;
    flow->grid->evaluate(flow->field, flow->theta + (chunk->first + evaluation) * flow->field->stride, y, chunk->probe,
                         dy, dy + flow->spec.dimension * CHUNK);
}

static void chunk_reverse(void *argument, size_t evaluation, const double *t, const real *y, const real *k,
                          real *ybar) {
    (void)t;
    const cnf_chunk *chunk = argument;
    const cnf *flow = chunk->flow;
    const size_t stride = flow->field->stride, l = flow->spec.dimension * CHUNK;
    flow->grid->reverse(flow->field, flow->theta + evaluation * stride, y, chunk->probe, k, k + l, ybar,
                        chunk->thetabar + evaluation * stride, chunk->lane->scratch);
    memset(ybar + l, 0, CHUNK * sizeof *ybar); /* nothing depends on l */
}

ode_system cnf_system(cnf_chunk *chunk) {
    return (ode_system){.backend = chunk->flow->backend,
                        .length = chunk->flow->length,
                        .context = chunk,
                        .evaluate = chunk_evaluate,
                        .reverse = chunk_reverse};
}

double cnf_base_logarithm(const cnf *flow) {
    return (double)flow->spec.dimension * (log_two_pi + det_log(flow->spec.base_variance)) + 2 * flow->spec.log_volume;
}

double cnf_point_loss(const cnf *flow, const real *state, size_t i) {
    const size_t D = flow->spec.dimension;
    double square = 0;
    for (size_t d = 0; d < D; d++) square += (double)state[d * CHUNK + i] * (double)state[d * CHUNK + i];
    return 0.5 * (square / flow->spec.base_variance + cnf_base_logarithm(flow)) - (double)state[D * CHUNK + i];
}

double cnf_terminal(const cnf *flow, const real *state, size_t points, size_t n, real *cotangent) {
    const size_t D = flow->spec.dimension;
    double sum = 0;
    memset(cotangent, 0, flow->length * sizeof *cotangent);
    for (size_t i = 0; i < points; i++) {
        sum += cnf_point_loss(flow, state, i);
        for (size_t d = 0; d < D; d++)
            cotangent[d * CHUNK + i] = (real)((double)state[d * CHUNK + i] / (flow->spec.base_variance * (double)n));
        cotangent[D * CHUNK + i] = (real)(-1 / (double)n);
    }
    return sum;
}

/* One solve of a batch, shared out by chunks. */
typedef struct solve_job {
    cnf *flow;
    grid g; /* what is solved: the grid that was prepared, or the part of it that begins with evaluation `first` */
    size_t first;
    const real *x; /* (n, D) */
    size_t n;
    random_stream probe;
    real *z; /* (n, D), or NULL */
    double *log_density; /* (n), or NULL */
} solve_job;

static void solve_chunk(void *argument, size_t chunk, size_t thread) {
    const solve_job *job = argument;
    const cnf *flow = job->flow;
    const size_t D = flow->spec.dimension, first = chunk * CHUNK;
    cnf_lane *lane = &flow->lanes[thread];
    cnf_chunk equation = {.flow = flow, .lane = lane, .first = job->first};
    equation.probe = cnf_load_chunk(flow, lane, job->x, job->n, chunk, job->probe);
    const ode_system system = cnf_system(&equation);
    const solve_spec by = {.method = flow->method, .steps = job->g.steps};
    if (by.steps > 0) solve_integrate(&by, job->g.start, job->g.end, &system, lane->state, NULL, lane->rk, NULL);
    for (size_t i = 0; i < cnf_chunk_points(job->n, chunk); i++) {
        if (job->log_density) job->log_density[first + i] = -cnf_point_loss(flow, lane->state, i);
        if (!job->z) continue;
        for (size_t d = 0; d < D; d++) job->z[(first + i) * D + d] = lane->state[d * CHUNK + i];
    }
}

static void count(const cnf *flow, size_t backward, cnf_statistics *statistics) {
    if (!statistics) return;
    *statistics = (cnf_statistics){.evaluations_forward = (double)flow->evaluations,
                                   .evaluations_backward = (double)backward,
                                   .end_time = flow->spec.end_time};
}

status cnf_transform(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *z,
                     double *log_density, cnf_statistics *statistics) {
    if (flow->model) return cnf_points_transform(flow, params, 0, x, n, probe, z, log_density, statistics);
    solve_job job = {
        .flow = flow, .g = cnf_grid_forward(flow), .x = x, .n = n, .probe = probe, .z = z, .log_density = log_density};
    cnf_prepare(flow, params, job.g);
    parallel_for(flow->workers, cnf_chunks(n), solve_chunk, &job);
    count(flow, 0, statistics);
    return STATUS_OK;
}

status cnf_log_density(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *log_density,
                       cnf_statistics *statistics) {
    return cnf_transform(flow, params, x, n, probe, NULL, log_density, statistics);
}

status cnf_sample(cnf *flow, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                  cnf_statistics *statistics) {
    noise_base(stream, flow->spec.base_variance, first, n, flow->spec.dimension, x);
    return cnf_invert(flow, params, x, n, x, statistics);
}

status cnf_invert(cnf *flow, const real *params, const real *z, size_t n, real *x, cnf_statistics *statistics) {
    if (flow->model) return cnf_points_invert(flow, params, 0, z, n, x, statistics);
    solve_job job = {.flow = flow, .g = cnf_grid_backward(flow), .x = z, .n = n, .z = x};
    cnf_prepare(flow, params, job.g);
    parallel_for(flow->workers, cnf_chunks(n), solve_chunk, &job);
    count(flow, 0, statistics);
    return STATUS_OK;
}

double cnf_end_time(const cnf *flow, const real *params) {
    return flow->model ? flow_end_time(flow->model->flows[0], params) : flow->spec.end_time;
}

/* --- Moments --- */

size_t cnf_moment_steps(const cnf *flow) {
    return flow->spec.steps > 0 ? flow->spec.steps : CNF_MOMENTS;
}

double cnf_moment_time(const cnf *flow, const real *params, size_t step) {
    return (double)step * cnf_end_time(flow, params) / (double)cnf_moment_steps(flow);
}

/* The moment as a part of T. */
static double part_of(const cnf *flow, size_t step) {
    return (double)step / (double)cnf_moment_steps(flow);
}

status cnf_moment_log_density(cnf *flow, const real *params, size_t step, const real *z, size_t n, random_stream probe,
                              double *log_density) {
    if (flow->model)
        return cnf_points_transform(flow, params, part_of(flow, step), z, n, probe, NULL, log_density, NULL);
    const size_t steps = flow->spec.steps;
    solve_job job = {
        .flow = flow,
        .g = {.start = cnf_moment_time(flow, params, step), .end = flow->spec.end_time, .steps = steps - step},
        .first = step * flow->method->stages,
        .x = z,
        .n = n,
        .probe = probe,
        .log_density = log_density};
    cnf_prepare(flow, params, cnf_grid_forward(flow));
    parallel_for(flow->workers, cnf_chunks(n), solve_chunk, &job);
    return STATUS_OK;
}

status cnf_moment_sample(cnf *flow, const real *params, size_t step, random_stream stream, uint64_t first, size_t n,
                         real *z) {
    noise_base(stream, flow->spec.base_variance, first, n, flow->spec.dimension, z);
    if (flow->model) return cnf_points_invert(flow, params, part_of(flow, step), z, n, z, NULL);
    const size_t steps = flow->spec.steps;
    solve_job job = {
        .flow = flow,
        .g = {.start = flow->spec.end_time, .end = cnf_moment_time(flow, params, step), .steps = steps - step},
        .x = z,
        .n = n,
        .probe = stream,
        .z = z};
    cnf_prepare(flow, params, cnf_grid_backward(flow));
    parallel_for(flow->workers, cnf_chunks(n), solve_chunk, &job);
    return STATUS_OK;
}

status cnf_moment_field(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *dz, real *c) {
    if (flow->model) return cnf_points_field(flow, params, part_of(flow, step), z, n, dz, c);
    const size_t D = flow->spec.dimension, C = context_dimension(flow->context);
    const size_t evaluation = step * flow->method->stages; /* the step's first stage, at its beginning */
    cnf_lane *lane = &flow->lanes[0];
    cnf_prepare(flow, params, cnf_grid_forward(flow));
    memcpy(c, flow->path + evaluation * C, C * sizeof *c);
    for (size_t chunk = 0; chunk < cnf_chunks(n); chunk++) {
        const random_stream unused = {.seed = 0};
        const real *probe = cnf_load_chunk(flow, lane, z, n, chunk, unused);
        flow->grid->evaluate(flow->field, flow->theta + evaluation * flow->field->stride, lane->state, probe,
                             lane->cotangent, lane->cotangent + D * CHUNK);
        for (size_t i = 0; i < cnf_chunk_points(n, chunk); i++)
            for (size_t d = 0; d < D; d++) dz[(chunk * CHUNK + i) * D + d] = lane->cotangent[d * CHUNK + i];
    }
    return STATUS_OK;
}

status cnf_loss_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                         real *gradient, cnf_statistics *statistics) {
    if (n < 1 || n > flow->batch_max) return STATUS_INVALID;
    if (flow->model) return cnf_points_gradient(flow, params, x, n, probe, loss, gradient, statistics);
    if (flow->spec.gradient == GRADIENT_DISCRETE) cnf_gradient_discrete(flow, params, x, n, probe, loss, gradient);
    else cnf_gradient_adjoint(flow, params, x, n, probe, loss, gradient);
    count(flow, flow->evaluations, statistics);
    if (!isfinite(*loss)) return STATUS_NON_FINITE;
    for (size_t i = 0; i < flow->parameters.total; i++)
        if (!isfinite(gradient[i])) return STATUS_NON_FINITE;
    return STATUS_OK;
}
