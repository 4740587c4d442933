/* cnf_gradient.c - the gradient of the mean negative log-likelihood, two ways.
 *
 * discrete: the solver's steps are reversed one by one from their stored
 * states; the gradient is exact for the computed solution.
 *
 * adjoint (eq. 4, 5): with a(t) = dL/dz(t), and dL/dl = -1/n at all times,
 *   da/dt = -(a . df/dz + dL/dl ddiv/dz),  dL/dtheta(t) = a . df/dtheta + dL/dl ddiv/dtheta per unit of time,
 * solved from T back to 0 beside z itself; no state of a point is stored on the way out.
 *
 * Both gather, for each chunk, the cotangent of the field's numbers at every
 * evaluation; the chunks are added in their order, and the sum goes back
 * through the field's preparation and the context. */
#include <string.h>

#include "flow/cnf_internal.h"

typedef struct gradient_job {
    cnf *flow;
    const real *x; /* (n, D) */
    size_t n;
    random_stream probe;
    real *final; /* (chunks, n_state) final states, of the adjoint's way out */
} gradient_job;

static real *chunk_thetabar(const cnf *flow, size_t chunk) {
    return flow->thetabar + chunk * flow->evaluations * flow->field->stride;
}

/* The first chunk's thetabar becomes the sum of all. */
static void add_chunk_range(void *argument, size_t evaluation, size_t thread) {
    (void)thread;
    const gradient_job *job = argument;
    const cnf *flow = job->flow;
    const size_t stride = flow->field->stride;
    const double one = 1;
    real *sum = flow->thetabar + evaluation * stride;
    for (size_t chunk = 1; chunk < cnf_chunks(job->n); chunk++) {
        const real *term = chunk_thetabar(flow, chunk) + evaluation * stride;
        flow->backend->combine(flow->backend, stride, sum, 1, &one, &term, sum);
    }
}

static double mean_loss(const cnf *flow, size_t n) {
    double sum = 0;
    for (size_t chunk = 0; chunk < cnf_chunks(n); chunk++) sum += flow->losses[chunk];
    return sum / (double)n;
}

static void discrete_chunk(void *argument, size_t chunk, size_t thread) {
    const gradient_job *job = argument;
    cnf *flow = job->flow;
    cnf_lane *lane = &flow->lanes[thread];
    const solve_spec by = cnf_solver(flow);
    cnf_chunk equation = {.flow = flow, .lane = lane, .thetabar = chunk_thetabar(flow, chunk)};
    equation.probe = cnf_load_chunk(flow, lane, job->x, job->n, chunk, job->probe);
    const ode_system system = cnf_system(&equation);
    adaptive_record record = {.capacity = by.steps, .states = lane->states, .stages = true};
    solve_integrate(&by, 0, flow->spec.end_time, &system, lane->state, &record, lane->rk, NULL);
    flow->losses[chunk] = cnf_terminal(flow, lane->state, cnf_chunk_points(job->n, chunk), job->n, lane->cotangent);
    solve_reverse(&by, &record, &system, lane->cotangent, lane->rk, NULL);
}

void cnf_gradient_discrete(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient) {
    gradient_job job = {.flow = flow, .x = x, .n = n, .probe = probe};
    const grid g = cnf_grid_forward(flow);
    cnf_prepare(flow, params, g);
    parallel_for(flow->workers, cnf_chunks(n), discrete_chunk, &job);
    parallel_for(flow->workers, flow->evaluations, add_chunk_range, &job);
    memset(gradient, 0, flow->parameters.total * sizeof *gradient);
    flow->grid->prepare_reverse(flow->field, flow->evaluations, params, flow->path, flow->thetabar, gradient,
                                flow->pathbar);
    context_path_reverse(flow->context, params, g, flow->path, flow->pathbar, gradient);
    *loss = mean_loss(flow, n);
}

/* State of a chunk on the way back: [z | l | a | dL/dl]; l and dL/dl ride along unchanged in meaning. */
static void adjoint_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const cnf_chunk *chunk = argument;
    const cnf *flow = chunk->flow;
    const size_t n = flow->length, stride = flow->field->stride, l = flow->spec.dimension * CHUNK;
    const real *theta = flow->theta + evaluation * stride, *a = y + n;
    real *da = dy + n;
    flow->grid->evaluate(flow->field, theta, y, chunk->probe, dy, dy + l);
    flow->grid->reverse(flow->field, theta, y, chunk->probe, a, a + l, da, chunk->thetabar + evaluation * stride,
                        chunk->lane->scratch);
    for (size_t i = 0; i < l; i++) da[i] = -da[i];
    memset(da + l, 0, CHUNK * sizeof *da);
}

static void adjoint_out(void *argument, size_t chunk, size_t thread) {
    const gradient_job *job = argument;
    cnf *flow = job->flow;
    cnf_lane *lane = &flow->lanes[thread];
    cnf_chunk equation = {.flow = flow, .lane = lane};
    equation.probe = cnf_load_chunk(flow, lane, job->x, job->n, chunk, job->probe);
    const ode_system system = cnf_system(&equation);
    const solve_spec by = cnf_solver(flow);
    solve_integrate(&by, 0, flow->spec.end_time, &system, lane->state, NULL, lane->rk, NULL);
    memcpy(job->final + chunk * flow->length, lane->state, flow->length * sizeof *lane->state);
}

static void adjoint_back(void *argument, size_t chunk, size_t thread) {
    const gradient_job *job = argument;
    cnf *flow = job->flow;
    const size_t n = flow->length;
    cnf_lane *lane = &flow->lanes[thread];
    cnf_chunk equation = {.flow = flow, .lane = lane, .thetabar = chunk_thetabar(flow, chunk)};
    equation.probe = cnf_load_chunk(flow, lane, job->x, job->n, chunk, job->probe);
    ode_system system = cnf_system(&equation);
    system.length = 2 * n;
    system.evaluate = adjoint_evaluate;
    memcpy(lane->joint, job->final + chunk * n, n * sizeof *lane->joint);
    flow->losses[chunk] = cnf_terminal(flow, lane->joint, cnf_chunk_points(job->n, chunk), job->n, lane->joint + n);
    const solve_spec by = cnf_solver(flow);
    solve_integrate(&by, flow->spec.end_time, 0, &system, lane->joint, NULL, lane->rk, NULL);
}

void cnf_gradient_adjoint(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                          real *gradient) {
    gradient_job job = {.flow = flow, .x = x, .n = n, .probe = probe, .final = flow->final};
    const grid back = cnf_grid_backward(flow);
    const size_t stride = flow->field->stride;
    cnf_prepare(flow, params, cnf_grid_forward(flow));
    parallel_for(flow->workers, cnf_chunks(n), adjoint_out, &job);
    cnf_prepare(flow, params, back);
    parallel_for(flow->workers, cnf_chunks(n), adjoint_back, &job);
    parallel_for(flow->workers, flow->evaluations, add_chunk_range, &job);

    /* The context needs the density in time itself; its gradients of parameters are not wanted. A hypernet's need
     * the quadrature's weights, |h| b_i. */
    flow->grid->prepare_reverse(flow->field, flow->evaluations, params, flow->path, flow->thetabar, flow->gradient,
                                flow->pathbar);
    memset(gradient, 0, flow->parameters.total * sizeof *gradient);
    context_path_adjoint(flow->context, params, back, flow->path, flow->pathbar, gradient);
    flow->grid->prepare(flow->field, flow->evaluations, params, flow->path, flow->theta);
    for (size_t i = 0; i < flow->evaluations; i++) {
        const real weight = (real)(-grid_step(back) * flow->method->b[i % flow->method->stages]);
        for (size_t k = 0; k < stride; k++) flow->thetabar[i * stride + k] *= weight;
    }
    flow->grid->prepare_reverse(flow->field, flow->evaluations, params, flow->path, flow->thetabar, gradient,
                                flow->pathbar);
    *loss = mean_loss(flow, n);
}
