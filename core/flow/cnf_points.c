/* cnf_points.c - the flow of points with any field and any solver: a model of one flow (chain_internal.h).
 *
 * A batch is solved in parts of up to batch_max points, each of which is one state. */
#include "field/mlp_field.h"
#include "flow/cnf_internal.h"

static status make_field(const void *argument, size_t batch, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, failure *why) {
    const cnf_spec *spec = argument;
    const size_t C = cnf_context_spec(spec, NULL).dimension;
    if (spec->field == CNF_OWN) return field_from_callbacks(spec->own, "field", batch, backend, table, out, why);
    if (spec->field == CNF_MLP) {
        mlp_field_spec layers = spec->mlp;
        layers.dimension = spec->dimension;
        layers.context = C;
        return mlp_field_create(&layers, "field", workers, backend, table, out, why);
    }
    const hyper_mlp_spec hyper = {.dimension = spec->dimension,
                                  .width = spec->width,
                                  .context = C,
                                  .join = spec->join,
                                  .layers = spec->hypernet_layers,
                                  .hidden = spec->hypernet_width,
                                  .instants = 1,
                                  .batches = true};
    return hyper_mlp_create(&hyper, workers, backend, table, out, why);
}

status cnf_points_create(cnf *flow, failure *why) {
    const cnf_spec *spec = &flow->spec;
    const chain_spec model = {.end_time = spec->end_time,
                              .learn_end_time = spec->learn_end_time,
                              .base_variance = spec->base_variance,
                              .divergence = spec->divergence,
                              .gradient = spec->gradient,
                              .seminorm = spec->seminorm,
                              .error_norm = spec->error_norm,
                              .kinetic = spec->kinetic,
                              .jacobian = spec->jacobian,
                              .kept_steps = spec->kept_steps > 0 ? spec->kept_steps : 1,
                              .keep_stages = spec->keep_stages,
                              .solver = {.method = flow->method, .steps = spec->steps, .options = spec->options},
                              .backend = flow->backend};
    const chain_points points = {.dimension = spec->dimension,
                                 .context = cnf_context_spec(spec, NULL),
                                 .make_field = make_field,
                                 .argument = spec};
    return chain_create_points(&model, &points, flow->batch_max, spec->kept_steps > 0, flow->workers, &flow->model,
                               why);
}

static size_t part_at(const cnf *flow, size_t first, size_t n) {
    return n - first < flow->batch_max ? n - first : flow->batch_max;
}

/* Evaluations of a part, to the sum over all; and the mean over `parts`. */
static void count(const cnf *flow, cnf_statistics *sum) {
    const chain_flow *one = &flow->last.flows[0];
    sum->evaluations_forward += (double)one->forward.evaluations;
    sum->evaluations_backward +=
        (double)(one->backward.reversals ? one->backward.reversals : one->backward.evaluations);
    sum->end_time = one->end_time;
}
static void finish(const cnf_statistics *sum, double parts, cnf_statistics *out) {
    if (out)
        *out = (cnf_statistics){.evaluations_forward = sum->evaluations_forward / parts,
                                .evaluations_backward = sum->evaluations_backward / parts,
                                .end_time = sum->end_time};
}

status cnf_points_transform(cnf *flow, const real *params, double from, const real *x, size_t n, random_stream probe,
                            real *z, double *log_density, cnf_statistics *statistics) {
    const size_t D = flow->spec.dimension;
    cnf_statistics sum = {0};
    double parts = 0;
    for (size_t first = 0; first < n; first += flow->batch_max, parts++) {
        const size_t part = part_at(flow, first, n);
        flow->model->first_row = first;
        TRY(chain_transform_from(flow->model, params, from, x + first * D, part, probe, z ? z + first * D : NULL,
                                 log_density + first, &flow->last));
        count(flow, &sum);
    }
    for (size_t i = 0; i < n; i++) log_density[i] -= flow->spec.log_volume;
    finish(&sum, parts, statistics);
    return STATUS_OK;
}

status cnf_points_invert(cnf *flow, const real *params, double to, const real *z, size_t n, real *x,
                         cnf_statistics *statistics) {
    const size_t D = flow->spec.dimension;
    cnf_statistics sum = {0};
    double parts = 0;
    for (size_t done = 0; done < n; done += flow->batch_max, parts++) {
        const size_t part = part_at(flow, done, n);
        TRY(chain_invert_to(flow->model, params, to, z + done * D, part, x + done * D, &flow->last));
        count(flow, &sum);
    }
    finish(&sum, parts, statistics);
    return STATUS_OK;
}

status cnf_points_field(cnf *flow, const real *params, double at, const real *z, size_t n, real *dz, real *c) {
    const size_t D = flow->spec.dimension;
    ode_flow *one = flow->model->flows[0];
    adaptive_statistics unused;
    context_start(flow_context(one), params, c);
    TRY(flow_move_context(one, params, at, c, &unused));
    for (size_t first = 0; first < n; first += flow->batch_max)
        TRY(flow_field(one, params, at, part_at(flow, first, n), z + first * D, c, dz + first * D));
    return STATUS_OK;
}

status cnf_points_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient, cnf_statistics *statistics) {
    chain_loss value = {.bits = NAN};
    cnf_statistics sum = {0};
    if (flow->spec.kept_steps == 0) return STATUS_INVALID;
    flow->model->first_row = 0;
    const status outcome = chain_loss_gradient(flow->model, params, x, n, probe, &value, gradient, &flow->last);
    *loss = outcome == STATUS_OK || outcome == STATUS_NON_FINITE ? value.bits + flow->spec.log_volume : NAN;
    count(flow, &sum);
    finish(&sum, 1, statistics);
    return outcome;
}

static bool are_times(size_t count, const double *times, double end) {
    double before = 0;
    for (size_t i = 0; i < count; before = times[i++])
        if (!(times[i] >= before && times[i] <= end)) return false;
    return true;
}

status cnf_trajectory(cnf *flow, const real *params, const real *x, size_t n, size_t count, const double *times,
                      real *z) {
    const size_t D = flow->spec.dimension;
    if (!flow->model || !are_times(count, times, cnf_end_time(flow, params))) return STATUS_INVALID;
    for (size_t first = 0; first < n; first += flow->batch_max)
        TRY(chain_trajectory(flow->model, params, x + first * D, part_at(flow, first, n), count, times, z + first * D,
                             n, &flow->last));
    return STATUS_OK;
}

status cnf_score(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room) {
    const size_t D = flow->spec.dimension;
    if (!flow->model || flow->spec.kept_steps == 0) return STATUS_INVALID;
    for (size_t first = 0; first < n; first += flow->batch_max) {
        flow->model->first_row = first;
        TRY(chain_score(flow->model, params, x + first * D, part_at(flow, first, n), probe, dx + first * D, room,
                        &flow->last));
    }
    return STATUS_OK;
}
