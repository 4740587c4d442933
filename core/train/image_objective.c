/* image_objective.c - batches of a set of images through the multiscale model. */
#include "train/image_objective.h"

#include <math.h>

#include "base/arena.h"
#include "data/image_batch.h"
#include "flow/bits.h"

typedef struct image_objective {
    objective base;
    image_objective_spec spec;
    const image_set *set;
    arena memory; /* holds itself too */
    chain *model;
    size_t validation; /* images validated on */
    real *batch, *measured; /* (B, D): of the last step, and of the last measurement */
    double *log_density; /* (B) */
    /* Of the last step. A measurement behind it, at the end of an epoch, leaves them and its batch as they are: they
     * are asked for if the step failed. */
    uint64_t iteration;
    chain_statistics statistics;
} image_objective;

static const image_objective *as_images(const objective *self) {
    return (const image_objective *)self;
}

image_split image_objective_validation(const image_set *set) {
    return set->size[IMAGE_VALIDATION] > 0 ? IMAGE_VALIDATION : IMAGE_TEST;
}

static size_t images_validated(const image_objective_spec *spec, const image_set *set) {
    const size_t available = set->size[image_objective_validation(set)];
    return spec->validation > 0 && spec->validation < available ? spec->validation : available;
}

static const parameter_table *parameters(const objective *self) {
    return chain_parameters(as_images(self)->model);
}

static size_t bytes(const objective *self) {
    return as_images(self)->memory.bytes + chain_bytes(as_images(self)->model);
}

static size_t kept_bytes(const objective *self) {
    return chain_kept_bytes(as_images(self)->model);
}

static void initialise(const objective *self, real *params) {
    chain_initialise(as_images(self)->model, as_images(self)->spec.seed, params);
}

/* A reversal makes the evaluation it reverses, so what is counted backwards are evaluations with a reverse: the solver's
 * of an adjoint solve, the reversals of one through the steps. */
static void count(const chain_statistics *s, objective_counts *counts) {
    *counts = (objective_counts){.flow_count = s->flow_count};
    for (size_t f = 0; f < s->flow_count; f++) {
        const adaptive_statistics *back = &s->flows[f].backward;
        counts->flows[f] =
            (objective_flow){.forward = (double)s->flows[f].forward.evaluations,
                             .backward = back->reversals ? (double)back->reversals : (double)back->evaluations,
                             .end_time = s->flows[f].end_time};
    }
}

static random_stream probe_at(const image_objective *self, uint64_t iteration) {
    return (random_stream){.seed = self->spec.seed, .purpose = RANDOM_PROBE, .iteration = iteration};
}

static status step(objective *base, uint64_t iteration, const real *params, double *loss, real *gradient,
                   objective_counts *counts) {
    image_objective *self = (image_objective *)base;
    const image_objective_spec *spec = &self->spec;
    chain_loss value = {.total = NAN};
    image_batch(self->set, IMAGE_TRAINING, spec->seed, (iteration - 1) * spec->batch, spec->batch, spec->flip,
                IMAGE_CHANNEL_LAST, self->batch);
    self->iteration = iteration;
    const status outcome = chain_loss_gradient(self->model, params, self->batch, spec->batch, probe_at(self, iteration),
                                               &value, gradient, &self->statistics);
    *loss = value.bits;
    if (outcome != STATUS_OK && outcome != STATUS_NON_FINITE) *loss = NAN;
    count(&self->statistics, counts);
    return outcome;
}

static size_t held(const objective *base, objective_held which) {
    const image_objective *self = as_images(base);
    return which == OBJECTIVE_VALIDATION ? self->validation : self->spec.test;
}

/* Evaluations are means over the batches, in each of which they differ. */
static status measure(objective *base, objective_held which, uint64_t iteration, const real *params, double *loss,
                      objective_counts *counts) {
    image_objective *self = (image_objective *)base;
    const image_objective_spec *spec = &self->spec;
    const bool test = which == OBJECTIVE_TEST;
    const image_split split = test ? IMAGE_TEST : image_objective_validation(self->set);
    const size_t D = chain_dimension(self->model), images = held(base, which);
    /* Test images that are validated on come first, and batches are numbered on behind those of the validation. */
    const size_t start = test && image_objective_validation(self->set) == IMAGE_TEST ? self->validation : 0;
    const size_t before = test ? (self->validation + spec->batch - 1) / spec->batch : 0;
    objective_counts sums = {.flow_count = 0};
    chain_statistics statistics;
    double sum = 0, batches = 0;
    (void)iteration; /* always the same batches */
    *loss = NAN;
    for (size_t first = 0; first < images; first += spec->batch, batches++) {
        const size_t n = images - first < spec->batch ? images - first : spec->batch;
        /* The same noise and probes after every epoch; a batch has those of its number. */
        const random_stream probe = {
            .seed = spec->seed, .purpose = RANDOM_TEST_PROBE, .iteration = before + first / spec->batch};
        image_batch(self->set, split, spec->seed, start + first, n, false, IMAGE_CHANNEL_LAST, self->measured);
        TRY(chain_transform(self->model, params, self->measured, n, probe, NULL, self->log_density, &statistics));
        for (size_t i = 0; i < n; i++) sum += self->log_density[i];
        objective_counts one;
        count(&statistics, &one);
        for (size_t f = 0; f < one.flow_count; f++) {
            sums.flows[f].forward += one.flows[f].forward;
            sums.flows[f].end_time = one.flows[f].end_time;
        }
        sums.flow_count = one.flow_count;
    }
    for (size_t f = 0; f < sums.flow_count; f++) sums.flows[f].forward /= batches;
    *counts = sums;
    *loss = bits_per_dim(sum / (double)images, D);
    return isfinite(*loss) ? STATUS_OK : STATUS_NON_FINITE;
}

static void describe(const objective *base, status outcome, failure *why) {
    chain_explain(&as_images(base)->statistics, outcome, why);
}

static status save_batch(const objective *base, checkpoint *into) {
    const image_objective *self = as_images(base);
    const size_t shape[] = {self->spec.batch, chain_dimension(self->model)}, one = 1;
    TRY(checkpoint_put(into, "batch", CHECKPOINT_REAL, 2, shape, self->batch));
    return checkpoint_put(into, "batch.iteration", CHECKPOINT_U64, 1, &one, &self->iteration);
}

static void destroy(objective *base) {
    image_objective *self = (image_objective *)base;
    chain_destroy(&self->model);
    arena memory = self->memory;
    arena_release(&memory);
}

static const objective_ops ops = {
    .name = "images",
    .parameters = parameters,
    .bytes = bytes,
    .kept_bytes = kept_bytes,
    .initialise = initialise,
    .step = step,
    .held = held,
    .measure = measure,
    .describe = describe,
    .save_batch = save_batch,
    .destroy = destroy,
};

static status build(image_objective *self, parallel *workers, failure *why) {
    const image_objective_spec *spec = &self->spec;
    TRY(chain_create(&spec->model, spec->batch, true, workers, &self->model, why));
    TRY(ARENA_NEW(&self->memory, spec->batch * chain_dimension(self->model), &self->batch));
    TRY(ARENA_NEW(&self->memory, spec->batch * chain_dimension(self->model), &self->measured));
    return ARENA_NEW(&self->memory, spec->batch, &self->log_density);
}

/* Images of the test split that are not validated on. */
static size_t left_to_test(const image_objective_spec *spec, const image_set *set) {
    return set->size[IMAGE_TEST] - (image_objective_validation(set) == IMAGE_TEST ? images_validated(spec, set) : 0);
}

status image_objective_check(const image_objective_spec *spec, const image_set *set, failure *why) {
    const image_spec *model = &spec->model.model;
    if (model->channels != set->channels || model->height != set->height || model->width != set->width)
        return fail(why, STATUS_INVALID, "a model for images of %zu x %zu x %zu on images of %zu x %zu x %zu",
                    model->channels, model->height, model->width, set->channels, set->height, set->width);
    if (set->size[IMAGE_TRAINING] < 1 || set->size[image_objective_validation(set)] < 1)
        return fail(why, STATUS_INVALID, "%s has no images to train or to validate on", set->name);
    if (spec->batch < 1) return fail(why, STATUS_INVALID, "batches of 0 images: expected at least 1");
    if (spec->test > left_to_test(spec, set))
        return fail(why, STATUS_INVALID,
                    "train.test: %zu test images of %s: expected at most the %zu that are not validated on", spec->test,
                    set->name, left_to_test(spec, set));
    return STATUS_OK;
}

status image_objective_create(const image_objective_spec *spec, const image_set *set, parallel *workers,
                              objective **out, failure *why) {
    TRY(image_objective_check(spec, set, why));
    arena memory = {0};
    image_objective *self;
    failure reason = {""};
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a training");
    *self = (image_objective){.base = {&ops}, .spec = *spec, .set = set, .memory = memory};
    self->validation = images_validated(spec, set);
    const status built = build(self, workers, &reason);
    if (built != STATUS_OK) {
        destroy(&self->base);
        return fail(why, built, "%s", reason.text[0] ? reason.text : "out of memory for a training");
    }
    *out = &self->base;
    return STATUS_OK;
}
