/* cnf.c - flows of points: the toy field with fixed steps by its fused solve (fused.h); any field and solver as a
 * chain of one flow (chain_internal.h), which solves batches in parts of up to batch_max points, each one state. */
#include "flow/cnf.h"

#include <math.h>

#include "backend/cpu/cpu.h"
#include "field/mlp_field.h"
#include "flow/chain_internal.h"
#include "flow/fused.h"
#include "flow/lifted.h"
#include "flow/noise.h"

struct cnf {
    cnf_spec spec; /* with its backend */
    arena memory; /* owns the flow itself */
    size_t batch_max;

    /* One of the three. */
    fused *fused;
    lifted *lifted;
    chain *model;

    parameter_table parameters; /* of a fused flow */
    chain_statistics last; /* of the last call of the chain, or of the lifted flow */
};

_Static_assert((int)CNF_HYPER_DIMENSION_MAX == (int)TOY_DIMENSION_MAX, "columns of the toy field");

static status check_toy(const cnf_spec *spec, error_info *err) {
    if (spec->dimension > CNF_HYPER_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "data of %zu dimensions: expected 1 to %d", spec->dimension,
                         CNF_HYPER_DIMENSION_MAX);
    if (spec->width < 1) return error_set(err, STATUS_INVALID, "width of the field is 0: expected at least 1");
    if (spec->hypernet_layers < 1 || spec->hypernet_layers > CNF_HIDDEN_MAX || spec->hypernet_width < 1)
        return error_set(err, STATUS_INVALID,
                         "hypernet of %zu hidden layers of %zu: expected 1 to %d layers, not empty",
                         spec->hypernet_layers, spec->hypernet_width, CNF_HIDDEN_MAX);
    return STATUS_OK;
}

/* The exact divergence of a field without its own trace takes D evaluations. */
static status check_general(const cnf_spec *spec, error_info *err) {
    if (spec->field == CNF_OWN && !spec->own)
        return error_set(err, STATUS_INVALID, "a field of one's own without callbacks: expected some");
    if (spec->kept_steps > 0 && spec->divergence == DIVERGENCE_EXACT && spec->dimension > CNF_EXACT_MAX)
        return error_set(
            err, STATUS_INVALID,
            "the exact divergence of %zu dimensions: expected at most %d to train, or rademacher or gaussian",
            spec->dimension, CNF_EXACT_MAX);
    return STATUS_OK;
}

status cnf_check(const cnf_spec *spec, error_info *err) {
    if (spec->dimension < 1 || spec->dimension > CNF_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "data of %zu dimensions: expected 1 to %d", spec->dimension,
                         CNF_DIMENSION_MAX);
    TRY(spec->field == CNF_HYPER_MLP ? check_toy(spec, err) : check_general(spec, err));
    if (spec->context == CONTEXT_LIFTED) TRY(lifted_check(spec, err));
    if (spec->context >= CONTEXT_AUGMENTED && (spec->augmented_dimension < 1 || spec->augmented_width < 1))
        return error_set(err, STATUS_INVALID, "augmented context of dimension %zu and width %zu: expected at least 1",
                         spec->augmented_dimension, spec->augmented_width);
    if (!(spec->end_time > 0) || !isfinite(spec->end_time))
        return error_set(err, STATUS_INVALID, "end time %g: expected a positive number", spec->end_time);
    if (!(spec->base_variance > 0) || !isfinite(spec->base_variance))
        return error_set(err, STATUS_INVALID, "base variance %g: expected a positive number", spec->base_variance);
    if (!isfinite(spec->log_volume))
        return error_set(err, STATUS_INVALID, "log volume %g: expected a number", spec->log_volume);
    if (spec->steps < 1 && !tableau_is_pair(tableau_get(spec->solver)))
        return error_set(err, STATUS_INVALID, "0 steps: expected at least 1, or an embedded pair");
    return STATUS_OK;
}

status cnf_is_for_device(const cnf_spec *spec, error_info *err) {
    if (spec->context > CONTEXT_AUGMENTED)
        return error_set(err, STATUS_INVALID, "model.context: --device cuda takes time or augmented on points");
    if (spec->field != CNF_HYPER_MLP)
        return error_set(err, STATUS_INVALID, "model.field: --device cuda trains hyper_mlp on points, and no other");
    if (spec->dimension > TOY_DEVICE_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "points of %zu dimensions: --device cuda takes at most %d",
                         spec->dimension, TOY_DEVICE_DIMENSION_MAX);
    if (spec->steps == 0)
        return error_set(err, STATUS_INVALID,
                         "solver.method: --device cuda takes a fixed grid on points: euler, midpoint, rk4 or rk4_38");
    if (spec->learn_end_time)
        return error_set(err, STATUS_INVALID,
                         "flow.learn_end_time = yes: --device cuda takes a fixed end time on points");
    if (spec->kinetic > 0 || spec->jacobian > 0)
        return error_set(err, STATUS_INVALID,
                         "flow.kinetic, flow.jacobian: --device cuda has no regularizers on points; expected 0");
    if (spec->gradient != GRADIENT_DISCRETE)
        return error_set(err, STATUS_INVALID, "solver.gradient = adjoint: --device cuda takes discrete");
    if (spec->divergence != DIVERGENCE_EXACT)
        return error_set(err, STATUS_INVALID,
                         "flow.divergence: --device cuda takes exact, which points have by default");
    return STATUS_OK;
}

size_t cnf_context_dimension(const cnf_spec *spec) {
    return spec->context == CONTEXT_AUGMENTED ? spec->augmented_dimension : 1;
}

context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method) {
    const bool augmented = spec->context == CONTEXT_AUGMENTED;
    return (context_spec){.augmented = augmented,
                          .dimension = cnf_context_dimension(spec),
                          .moving = augmented ? spec->augmented_dimension : 0,
                          .width = spec->augmented_width,
                          .activation = MLP_ELU,
                          .learn_start = augmented && spec->learn_start,
                          .fixed = spec->fixed_context,
                          .method = method};
}

hyper_mlp_spec cnf_hyper_spec(const cnf_spec *spec, size_t instants, bool batches) {
    return (hyper_mlp_spec){.dimension = spec->dimension,
                            .width = spec->width,
                            .context = cnf_context_dimension(spec),
                            .join = spec->join,
                            .layers = spec->hypernet_layers,
                            .hidden = spec->hypernet_width,
                            .instants = instants,
                            .batches = batches};
}

/* --- Creation --- */

static status make_field(const void *argument, size_t batch, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, error_info *err) {
    const cnf_spec *spec = argument;
    const size_t C = cnf_context_dimension(spec);
    if (spec->field == CNF_OWN) return field_from_callbacks(spec->own, "field", batch, backend, table, out, err);
    if (spec->field == CNF_MLP) {
        mlp_field_spec layers = spec->mlp;
        layers.dimension = spec->dimension;
        layers.context = C;
        return mlp_field_create(&layers, "field", workers, backend, table, out, err);
    }
    const hyper_mlp_spec hyper = cnf_hyper_spec(spec, 1, true);
    return hyper_mlp_create(&hyper, workers, backend, table, out, err);
}

static status make_chain(cnf *flow, parallel *workers, error_info *err) {
    const cnf_spec *spec = &flow->spec;
    const chain_spec model = {
        .end_time = spec->end_time,
        .learn_end_time = spec->learn_end_time,
        .base_variance = spec->base_variance,
        .divergence = spec->divergence,
        .gradient = spec->gradient,
        .seminorm = spec->seminorm,
        .error_norm = spec->error_norm,
        .kinetic = spec->kinetic,
        .jacobian = spec->jacobian,
        .regularizers = spec->regularizers,
        .kept_steps = spec->kept_steps > 0 ? spec->kept_steps : 1,
        .keep_stages = spec->keep_stages,
        .solver = {.method = tableau_get(spec->solver), .steps = spec->steps, .options = spec->options},
        .backend = spec->backend};
    const chain_points points = {.dimension = spec->dimension,
                                 .context = cnf_context_spec(spec, NULL),
                                 .make_field = make_field,
                                 .argument = spec};
    return chain_create_points(&model, &points, flow->batch_max, spec->kept_steps > 0, workers, &flow->model, err);
}

status cnf_create(const cnf_spec *spec, size_t batch_max, parallel *workers, cnf **out, error_info *err) {
    TRY(cnf_check(spec, err));
    arena memory = {0};
    cnf *flow;
    error_info reason = {"out of memory for a flow"};
    if (ARENA_NEW(&memory, 1, &flow) != STATUS_OK) return error_set(err, STATUS_MEMORY, "%s", reason.text);
    *flow = (cnf){.spec = *spec, .memory = memory, .batch_max = batch_max};
    if (!spec->backend) flow->spec.backend = cpu_backend(cpu_level_best());
    const status built =
        spec->context == CONTEXT_LIFTED ? lifted_create(&flow->spec, batch_max, workers, &flow->lifted, &reason)
        : fused_takes(spec)             ? fused_create(&flow->spec, batch_max, workers, &flow->parameters, &flow->fused)
                                        : make_chain(flow, workers, &reason);
    if (built != STATUS_OK) {
        cnf_destroy(&flow);
        return error_set(err, built, "%s", reason.text);
    }
    *out = flow;
    return STATUS_OK;
}

void cnf_destroy(cnf **flow) {
    if (!*flow) return;
    fused_destroy(&(*flow)->fused);
    lifted_destroy(&(*flow)->lifted);
    chain_destroy(&(*flow)->model);
    arena memory = (*flow)->memory; /* owns the flow itself */
    arena_release(&memory);
    *flow = NULL;
}

const cnf_spec *cnf_specification(const cnf *flow) {
    return &flow->spec;
}
bool cnf_is_fused(const cnf *flow) {
    return flow->fused != NULL;
}
fused *cnf_fused(const cnf *flow) {
    return flow->fused;
}
size_t cnf_bytes(const cnf *flow) {
    return flow->memory.bytes + (flow->fused    ? fused_bytes(flow->fused)
                                 : flow->lifted ? lifted_bytes(flow->lifted)
                                                : chain_bytes(flow->model));
}
size_t cnf_kept_bytes(const cnf *flow) {
    if (flow->lifted) return lifted_kept_bytes(flow->lifted);
    return flow->fused ? 0 : chain_kept_bytes(flow->model);
}
const parameter_table *cnf_parameters(const cnf *flow) {
    if (flow->lifted) return lifted_parameters(flow->lifted);
    return flow->fused ? &flow->parameters : chain_parameters(flow->model);
}
void cnf_initialise(const cnf *flow, uint64_t seed, real *params) {
    if (flow->fused) fused_initialise(flow->fused, seed, params);
    else if (flow->lifted) lifted_initialise(flow->lifted, seed, params);
    else chain_initialise(flow->model, seed, params);
}
void cnf_set_tolerances(cnf *flow, double atol, double rtol) {
    flow->spec.options.atol = atol;
    flow->spec.options.rtol = rtol;
    if (flow->lifted) lifted_set_tolerances(flow->lifted, atol, rtol);
    if (flow->model) chain_set_tolerances(flow->model, atol, rtol);
}
double cnf_end_time(const cnf *flow, const real *params) {
    return flow->fused || flow->lifted ? flow->spec.end_time : flow_end_time(flow->model->flows[0], params);
}

void cnf_explain(const cnf *flow, status outcome, error_info *err) {
    if (outcome == STATUS_MEMORY) error_describe(err, "out of memory");
    else if (flow->fused) error_describe(err, "the loss or its gradient is not finite");
    else chain_explain(&flow->last, outcome, err);
}

/* --- Values --- */

static size_t part_at(const cnf *flow, size_t first, size_t n) {
    return n - first < flow->batch_max ? n - first : flow->batch_max;
}

/* Add the evaluations of a part to the sum; divide by `parts`. */
static void add_part(const cnf *flow, cnf_statistics *sum) {
    const chain_flow *one = &flow->last.flows[0];
    sum->evaluations_forward += (double)one->forward.evaluations;
    sum->evaluations_backward += (double)(one->backward.vjps ? one->backward.vjps : one->backward.evaluations);
    sum->end_time = one->end_time;
}
static void finish(const cnf_statistics *sum, double parts, cnf_statistics *out) {
    if (out)
        *out = (cnf_statistics){.evaluations_forward = sum->evaluations_forward / parts,
                                .evaluations_backward = sum->evaluations_backward / parts,
                                .end_time = sum->end_time};
}
static void count_fused(const cnf *flow, bool backward, cnf_statistics *out) {
    const double evaluations = (double)fused_evaluations(flow->fused);
    finish(&(cnf_statistics){evaluations, backward ? evaluations : 0, flow->spec.end_time}, 1, out);
}

size_t cnf_moment_steps(const cnf *flow) {
    return flow->spec.steps > 0 ? flow->spec.steps : CNF_MOMENTS;
}
double cnf_moment_time(const cnf *flow, const real *params, size_t step) {
    return (double)step * cnf_end_time(flow, params) / (double)cnf_moment_steps(flow);
}

/* The time of a step as a share of T. */
static double part_of(const cnf *flow, size_t step) {
    return (double)step / (double)cnf_moment_steps(flow);
}

/* Rows of a batch, from its row `first` on. */
static status transform_part(cnf *flow, const real *params, size_t step, const real *x, size_t first, size_t n,
                             random_stream probe, real *z, double *log_density) {
    if (flow->lifted && step > 0) return STATUS_INVALID;
    if (flow->lifted) return lifted_transform(flow->lifted, params, x, n, z, log_density, &flow->last);
    flow->model->first_row = first;
    return chain_transform_from(flow->model, params, part_of(flow, step), x, n, probe, z, log_density, &flow->last);
}
static status invert_part(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *x) {
    if (flow->lifted && step > 0) return STATUS_INVALID;
    if (flow->lifted) return lifted_invert(flow->lifted, params, z, n, x, &flow->last);
    return chain_invert_to(flow->model, params, part_of(flow, step), z, n, x, &flow->last);
}

/* From a step's time to T. */
static status transform(cnf *flow, const real *params, size_t step, const real *x, size_t n, random_stream probe,
                        real *z, double *log_density, cnf_statistics *statistics) {
    const size_t D = flow->spec.dimension;
    cnf_statistics sum = {0};
    double parts = 0;
    if (flow->fused) {
        fused_transform(flow->fused, params, step, x, n, probe, z, log_density);
        count_fused(flow, false, statistics);
        return STATUS_OK;
    }
    for (size_t first = 0; first < n; first += flow->batch_max, parts++) {
        TRY(transform_part(flow, params, step, x + first * D, first, part_at(flow, first, n), probe,
                           z ? z + first * D : NULL, log_density + first));
        add_part(flow, &sum);
    }
    for (size_t i = 0; i < n; i++) log_density[i] -= flow->spec.log_volume;
    finish(&sum, parts, statistics);
    return STATUS_OK;
}

/* From T to a step's time. */
static status invert(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *x,
                     cnf_statistics *statistics) {
    const size_t D = flow->spec.dimension;
    cnf_statistics sum = {0};
    double parts = 0;
    if (flow->fused) {
        fused_invert(flow->fused, params, step, z, n, x);
        count_fused(flow, false, statistics);
        return STATUS_OK;
    }
    for (size_t first = 0; first < n; first += flow->batch_max, parts++) {
        TRY(invert_part(flow, params, step, z + first * D, part_at(flow, first, n), x + first * D));
        add_part(flow, &sum);
    }
    finish(&sum, parts, statistics);
    return STATUS_OK;
}

status cnf_transform(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *z,
                     double *log_density, cnf_statistics *statistics) {
    return transform(flow, params, 0, x, n, probe, z, log_density, statistics);
}
status cnf_log_density(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *log_density,
                       cnf_statistics *statistics) {
    return transform(flow, params, 0, x, n, probe, NULL, log_density, statistics);
}
status cnf_moment_log_density(cnf *flow, const real *params, size_t step, const real *z, size_t n, random_stream probe,
                              double *log_density) {
    return transform(flow, params, step, z, n, probe, NULL, log_density, NULL);
}
status cnf_invert(cnf *flow, const real *params, const real *z, size_t n, real *x, cnf_statistics *statistics) {
    return invert(flow, params, 0, z, n, x, statistics);
}
status cnf_sample(cnf *flow, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                  cnf_statistics *statistics) {
    noise_base(stream, flow->spec.base_variance, first, n, flow->spec.dimension, x);
    return invert(flow, params, 0, x, n, x, statistics);
}
status cnf_moment_sample(cnf *flow, const real *params, size_t step, random_stream stream, uint64_t first, size_t n,
                         real *z) {
    noise_base(stream, flow->spec.base_variance, first, n, flow->spec.dimension, z);
    return invert(flow, params, step, z, n, z, NULL);
}

status cnf_moment_field(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *dz, real *c) {
    const size_t D = flow->spec.dimension;
    const double at = part_of(flow, step);
    adaptive_statistics unused;
    if (flow->fused) {
        fused_field(flow->fused, params, step, z, n, dz, c);
        return STATUS_OK;
    }
    if (flow->lifted) return STATUS_INVALID;
    ode_flow *one = flow->model->flows[0];
    context_start(flow_context(one), params, c);
    TRY(flow_integrate(one, params, 0, at, 0, NULL, false, dz, c, NULL, &unused));
    for (size_t first = 0; first < n; first += flow->batch_max)
        TRY(flow_field(one, params, at, part_at(flow, first, n), z + first * D, c, dz + first * D));
    return STATUS_OK;
}

status cnf_loss_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                         real *gradient, cnf_statistics *statistics) {
    chain_loss value = {.bits = NAN};
    cnf_statistics sum = {0};
    if (n < 1 || n > flow->batch_max) return STATUS_INVALID;
    if (flow->fused) {
        count_fused(flow, true, statistics);
        return fused_loss_gradient(flow->fused, params, x, n, probe, loss, gradient);
    }
    if (flow->spec.kept_steps == 0) return STATUS_INVALID;
    if (!flow->lifted) flow->model->first_row = 0;
    const status outcome = flow->lifted
                               ? lifted_loss_gradient(flow->lifted, params, x, n, &value.bits, gradient, &flow->last)
                               : chain_loss_gradient(flow->model, params, x, n, probe, &value, gradient, &flow->last);
    *loss = outcome == STATUS_OK || outcome == STATUS_NON_FINITE ? value.bits + flow->spec.log_volume : NAN;
    add_part(flow, &sum);
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
    if (flow->fused || flow->lifted || !are_times(count, times, cnf_end_time(flow, params))) return STATUS_INVALID;
    for (size_t first = 0; first < n; first += flow->batch_max)
        TRY(chain_trajectory(flow->model, params, x + first * D, part_at(flow, first, n), count, times, z + first * D,
                             n, &flow->last));
    return STATUS_OK;
}

status cnf_score(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room) {
    const size_t D = flow->spec.dimension;
    if (flow->fused || flow->lifted || flow->spec.kept_steps == 0) return STATUS_INVALID;
    for (size_t first = 0; first < n; first += flow->batch_max) {
        flow->model->first_row = first;
        TRY(chain_score(flow->model, params, x + first * D, part_at(flow, first, n), probe, dx + first * D, room,
                        &flow->last));
    }
    return STATUS_OK;
}

status cnf_examine(cnf *flow, const real *params, const real *x, size_t n, cnf_injectivity *out) {
    if (!flow->lifted || n < 2) return STATUS_INVALID;
    return lifted_examine(flow->lifted, params, x, n, out, &flow->last);
}
