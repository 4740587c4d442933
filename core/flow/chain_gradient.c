/* chain_gradient.c - the gradient of the loss, through all flows from the last to the first.
 *
 * Images, with N = n D log 2:
 *
 *   loss = 1/N sum_i (-log p(x_i) + log 2 (weight_K K_i + weight_R R_i)) + 8
 *
 * Points, with N = n:
 *
 *   loss = 1/N sum_i (-log p(x_i) + 1/D (weight_K K_i + weight_R R_i))
 *
 * Cotangents are those of N times the loss, hence of order one; the gradient is divided by N at the end. The logit
 * has no parameters and needs no backward pass. */
#include <math.h>

#include "flow/chain_internal.h"

static const double log_two = 0.69314718055994530942;

double bits_per_dim(double log_density, size_t D) {
    return 8 - log_density / ((double)D * log_two);
}

/* Replace `left` by the cotangent of the channels that left, z / s^2. */
static void start_backward(chain *self, size_t n) {
    self->backend->scale(self->backend, n * self->D, 1 / self->spec.base_variance, self->left, self->left);
}

/* context_bar[0] <- cotangent of the context at the end of flow f, from that at the start of the next one. */
static void context_step_backward(chain *self, size_t f) {
    const size_t C = context_dimension(flow_context(self->flows[f]));
    real **bar = self->context_bar;
    if (chain_squeezes(self, f) && C > 1) {
        chain_squeeze(self, f, SQUEEZE_CHANNEL_FIRST, 1, true, bar[0], bar[1]);
        real *swap = bar[0];
        bar[0] = bar[1], bar[1] = swap;
    } else {
        self->backend->zero(self->backend, C, bar[0]);
    }
}

/* z[*now] <- the cotangent of the input of the first flow, in the backend's memory. */
static status backward(chain *self, const real *params, size_t n, real *gradient, size_t *now,
                       chain_statistics *statistics) {
    const double regular = self->of_points ? 1 / (double)self->D : log_two;
    const flow_weights bar = {
        .divergence = -1, .kinetic = regular * self->spec.kinetic, .jacobian = regular * self->spec.jacobian};
    *now = 0;
    start_backward(self, n);
    statistics->failed_backward = true;
    for (size_t f = self->model.flow_count; f-- > 0;) {
        chain_step(self, f, n, true, now);
        context_step_backward(self, f);
        TRY(chain_note(self, f,
                       flow_backward(self->flows[f], params, n, chain_probes(self, f), bar, self->z[*now],
                                     self->context_bar[0], gradient, &statistics->flows[f].backward),
                       statistics));
        if (chain_starts(self, f)) context_start_backward(flow_context(self->flows[f]), self->context_bar[0], gradient);
    }
    statistics->failed_backward = false;
    return STATUS_OK;
}

static void measure(const chain *self, size_t n, chain_loss *loss) {
    const double *all_kinetic = chain_row(self, self->known, SUM_KINETIC);
    const double *all_jacobian = chain_row(self, self->known, SUM_JACOBIAN);
    double log_density = 0, kinetic = 0, jacobian = 0;
    for (size_t i = 0; i < n; i++) {
        log_density += self->log_density[i];
        kinetic += all_kinetic[i];
        jacobian += all_jacobian[i];
    }
    const double all = (double)n * (double)self->D;
    *loss = (chain_loss){.bits = self->of_points ? -log_density / (double)n
                                                 : bits_per_dim(log_density / (double)n, self->D),
                         .kinetic = self->spec.kinetic > 0 ? kinetic / all : 0,
                         .jacobian = self->spec.jacobian > 0 ? jacobian / all : 0};
    loss->total = loss->bits + self->spec.kinetic * loss->kinetic + self->spec.jacobian * loss->jacobian;
}

status chain_loss_gradient(chain *self, const real *params, const real *x, size_t n, random_stream probe,
                           chain_loss *loss, real *gradient, chain_statistics *statistics) {
    chain_statistics unused = {.flow_count = 0}, *counts = statistics ? statistics : &unused;
    const size_t P = self->parameters.total;
    size_t now;
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    const backend_ops *backend = self->backend;
    backend->zero(backend, P, gradient);
    TRY(chain_forward(self, params, 0, x, n, probe, true, counts));
    measure(self, n, loss);
    TRY(backward(self, params, n, gradient, &now, counts));
    backend->scale(backend, P, 1 / (self->of_points ? (double)n : (double)n * (double)self->D * log_two), gradient,
                   gradient);
    return isfinite(loss->total) && backend->is_finite(backend, P, gradient) ? STATUS_OK : STATUS_NON_FINITE;
}

/* dx <- d log p/dx from -dx, the cotangent of the logit's result: with y = alpha + (1 - 2 alpha) x, dz/dx = (1 - 2
 * alpha) (1/y + 1/(1 - y)), and the derivative of log|dz/dx| is (1 - 2 alpha) (1/(1 - y) - 1/y). */
static void through_logit(double alpha, size_t count, const real *x, real *dx) {
    const double scale = 1 - 2 * alpha;
    for (size_t i = 0; i < count; i++) {
        const double y = alpha + scale * (double)x[i], below = 1 / y, above = 1 / (1 - y);
        dx[i] = (real)(scale * (above - below - (double)dx[i] * (below + above)));
    }
}

status chain_score(chain *self, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room,
                   chain_statistics *statistics) {
    chain_statistics unused = {.flow_count = 0}, *counts = statistics ? statistics : &unused;
    const backend_ops *backend = self->backend;
    size_t now;
    if (n < 1 || n > self->batch_max || self->spec.kinetic > 0 || self->spec.jacobian > 0) return STATUS_INVALID;
    backend->zero(backend, self->parameters.total, room);
    TRY(chain_forward(self, params, 0, x, n, probe, true, counts));
    TRY(backward(self, params, n, room, &now, counts));
    backend->copy_to_host(backend, n * self->D * sizeof *dx, self->z[now], dx);
    if (!self->of_points) through_logit(self->spec.alpha, n * self->D, x, dx);
    else
        for (size_t i = 0; i < n * self->D; i++) dx[i] = -dx[i];
    return STATUS_OK;
}
