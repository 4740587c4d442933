/* conv_math.c - the effect of the convolution method on a trained image model: on log p, its gradient and evaluations.
 * Compares fp32, fp32 in plain loops, and the precisions of solver.math.
 *
 *   make && cc -std=c11 -D_GNU_SOURCE -O2 -Icore -Irunner -Ibuild -o build/conv_math tests/benchmarks/conv_math.c \
 *       $(find build/runner/settings build/runner/system -name "*.o") build/libaffjord.a -linih -ljansson -lmd -lsleef \
 *       -ljpeg -lzip -lz -lm -lpthread
 *   AFFJORD_DATA=... build/conv_math MODEL.safetensors [batches]
 *
 * MODEL is a checkpoint of experiments/table1_small.ini. Batches of 32 of MNIST's test images at 14 x 14, with the same
 * noise and the same probes for every setting. For each tolerance, and for fixed steps, prints the mean of bits per
 * dimension; the rms differences of an image's bits and of a batch's gradient (relative norm) from fp32, and from fp32
 * at the smallest tolerance; and the forward and backward evaluations of all fields. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "data/image_batch.h"
#include "flow/chain.h"
#include "model/specification.h"
#include "train/checkpoint.h"

enum { BATCH = 32, BATCHES_MAX = 16, STEPS_MAX = 100 /* attempted steps of a solve; more count as a failure */ };

/* The first is the reference of the others. */
static const struct variant {
    const char *name;
    conv_method method;
    conv_math math;
} variants[] = {{"fp32", CONV_AUTO, MATH_FP32},
                {"fp32, plain loops", CONV_REFERENCE, MATH_FP32},
                {"tf32", CONV_AUTO, MATH_TF32},
                {"bf16", CONV_AUTO, MATH_BF16}};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

/* The results of a model on all batches. */
typedef struct measured {
    size_t parameters; /* P */
    double *bits; /* (batches BATCH), of each image */
    real *gradients; /* (batches, P) */
    double evaluations[2]; /* forward and backward, per batch */
} measured;

static void forget(const measured *one) {
    free(one->bits);
    free(one->gradients);
}

static void *room(size_t count, size_t size) {
    void *block = calloc(count, size);
    if (!block) exit(1);
    return block;
}

static void must(status outcome, const char *what, const error_info *err) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "%s: status %d: %s\n", what, (int)outcome, err->text);
    exit(1);
}

static size_t total(const chain_statistics *statistics, bool back) {
    size_t sum = 0;
    for (size_t f = 0; f < statistics->flow_count; f++)
        sum += back ? statistics->flows[f].backward.evaluations + statistics->flows[f].backward.vjps
                    : statistics->flows[f].forward.evaluations;
    return sum;
}

/* bits: NULL if a solve has too many steps. */
static measured measure(const checkpoint *file, const chain_spec *spec, const image_set *set, size_t batches) {
    error_info err = {""};
    chain *model;
    chain_loss loss;
    chain_statistics statistics;
    must(chain_create(spec, BATCH, true, NULL, &model, &err), "model", &err);
    const parameter_table *table = chain_parameters(model);
    const size_t D = chain_dimension(model), P = table->total;
    real *params = room(P, sizeof *params), *x = room(BATCH * D, sizeof *x), *z = room(BATCH * D, sizeof *z);
    measured out = {
        .parameters = P, .bits = room(batches * BATCH, sizeof *out.bits), .gradients = room(batches * P, sizeof(real))};
    must(checkpoint_get_parameters(file, table, params, &err), "parameters", &err);
    for (size_t b = 0; b < batches; b++) {
        const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = b};
        double *bits = out.bits + b * BATCH;
        image_batch(set, IMAGE_TEST, 1, b * BATCH, BATCH, false, IMAGE_CHANNEL_LAST, x);
        status done = chain_transform(model, params, x, BATCH, probe, z, bits, &statistics);
        if (done == STATUS_OK)
            done = chain_loss_gradient(model, params, x, BATCH, probe, &loss, out.gradients + b * P, &statistics);
        if (done != STATUS_OK) {
            forget(&out);
            out.bits = NULL;
            break;
        }
        for (size_t i = 0; i < BATCH; i++) bits[i] = 8 - bits[i] / (double)D / log(2);
        for (size_t i = 0; i < 2; i++) out.evaluations[i] += (double)total(&statistics, i) / (double)batches;
    }
    free(params), free(x), free(z);
    chain_destroy(&model);
    return out;
}

/* Root mean squares over images and batches. */
static double bits_difference(const measured *a, const measured *b, size_t batches) {
    double sum = 0;
    for (size_t i = 0; i < batches * BATCH; i++) sum += pow(a->bits[i] - b->bits[i], 2);
    return sqrt(sum / (double)(batches * BATCH));
}
static double gradients_difference(const measured *a, const measured *b, size_t batches) {
    const size_t P = a->parameters;
    double sum = 0;
    for (size_t k = 0; k < batches; k++) {
        double difference = 0, size = 0;
        for (size_t i = k * P; i < (k + 1) * P; i++) {
            difference += pow((double)a->gradients[i] - (double)b->gradients[i], 2);
            size += pow((double)b->gradients[i], 2);
        }
        sum += difference / size;
    }
    return sqrt(sum / (double)batches);
}

static void say(const char *how, const char *name, const measured *a, const measured *fp32, const measured *finest,
                size_t batches) {
    double mean = 0;
    if (!a->bits) {
        printf("| %s | %s | more than %d steps | | | | | |\n", how, name, STEPS_MAX);
        return;
    }
    for (size_t i = 0; i < batches * BATCH; i++) mean += a->bits[i] / (double)(batches * BATCH);
    printf("| %s | %s | %.4f | %.2g | %.2g | %.2g | %.2g | %.0f + %.0f |\n", how, name, mean,
           bits_difference(a, fp32, batches), bits_difference(a, finest, batches),
           gradients_difference(a, fp32, batches), gradients_difference(a, finest, batches), a->evaluations[0],
           a->evaluations[1]);
    fflush(stdout);
}

/* `finest` is the reference of the others: the first result of fp32. */
static void compare(const checkpoint *file, const chain_spec *given, const char *how, const image_set *set,
                    size_t batches, measured *finest) {
    chain_spec spec = *given;
    measured fp32 = {.bits = NULL};
    for (size_t i = 0; i < VARIANTS; i++) {
        spec.method = variants[i].method;
        spec.math = variants[i].math;
        const measured one = measure(file, &spec, set, batches);
        if (i == 0) fp32 = one;
        if (!finest->bits) *finest = one;
        say(how, variants[i].name, &one, &fp32, finest, batches);
        if (i > 0 && one.bits) forget(&one);
    }
    if (fp32.bits != finest->bits) forget(&fp32);
}

int main(int count, char **arguments) {
    const char *data = getenv("AFFJORD_DATA");
    const size_t batches = count > 2 ? strtoul(arguments[2], NULL, 10) : 4;
    error_info err = {""};
    checkpoint *file = NULL;
    image_set *set = NULL;
    settings values;
    specification_shape shape;
    chain_spec spec;
    measured finest = {.bits = NULL};
    if (count < 2 || !data || batches < 1 || batches > BATCHES_MAX) {
        fprintf(stderr, "AFFJORD_DATA=FOLDER conv_math MODEL.safetensors [BATCHES, up to %d]\n", BATCHES_MAX);
        return 2;
    }
    must(checkpoint_read(arguments[1], &file, &err), "checkpoint", &err);
    must(specification_read(file, arguments[1], &values, &shape, &err), "settings", &err);
    must(image_open("mnist", data, &set, &err), "MNIST", &err);
    must(image_average(set, set->height / shape.image[1], &err), "averages", &err);
    for (int digits = 5; digits >= 3; digits--) {
        char how[32];
        values.solver_atol = values.solver_rtol = pow(10, -digits);
        snprintf(how, sizeof how, "tolerance 1e-%d", digits);
        specification_chain(&values, shape.image, &spec);
        spec.solver.options.max_attempts = STEPS_MAX;
        compare(file, &spec, how, set, batches, &finest);
    }
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 10};
    compare(file, &spec, "10 steps of RK4", set, batches, &finest);
    forget(&finest);
    image_close(&set);
    checkpoint_destroy(&file);
    return 0;
}
