/* conv_gradient.c - bits per dimension and gradients of an image model, written to a file or compared with one, to
 * measure the error of the convolution kernels against float64.
 *
 *   cc -std=c11 -D_GNU_SOURCE -O2 -Icore -Irunner -Ibuild -o build/conv_gradient tests/benchmarks/conv_gradient.c \
 *       $(find build/runner/settings build/runner/system -name "*.o") build/libaffjord.a -linih -ljansson -lmd -lsleef \
 *       -ljpeg -lzip -lz -lm -lpthread
 *   AFFJORD_DATA=... build/conv_gradient MODEL.safetensors BATCHES TOLERANCE FILE
 *
 * TOLERANCE 0 is ten steps of RK4. If FILE does not exist, it is written. Otherwise prints the rms difference of bits
 * per dimension and, for each batch, the relative difference of the gradient. For float64, make PRECISION=double first,
 * and compile with -DAFFJORD_DOUBLE and the objects of build/double, -llapacke and -lopenblas. For direct convolutions,
 * build with a WINOGRAD_WORTH of 100000 (conv_own.c). The batches are 32 of MNIST's test images; both builds use the
 * same images, in float, and probes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/image_batch.h"
#include "flow/chain.h"
#include "model/specification.h"
#include "train/checkpoint.h"

enum { BATCH = 32, BATCHES_MAX = 64, ARGUMENTS = 4 };

static void must(status outcome, const char *what, const error_info *err) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "conv_gradient: %s: status %d: %s\n", what, (int)outcome, err->text);
    exit(1);
}

static void *room(size_t count, size_t size) {
    void *block = calloc(count, size);
    if (!block) exit(1);
    return block;
}

/* x <- the largest float that is not above x, as in the float build. */
static void round_images(size_t n, real *x) {
    for (size_t i = 0; i < n; i++) {
        const float nearest = (float)x[i];
        x[i] = (real)((double)nearest <= (double)x[i] ? nearest : nextafterf(nearest, 0));
    }
}

/* rows (batches, BATCH + P) <- bits per dimension of each image, then the gradient. */
static void measure(chain *model, const real *params, const image_set *set, size_t batches, double *rows) {
    const size_t D = chain_dimension(model), P = chain_parameters(model)->total;
    real *x = room(BATCH * D, sizeof *x), *z = room(BATCH * D, sizeof *z), *gradient = room(P, sizeof *gradient);
    error_info err = {""};
    chain_loss loss;
    chain_statistics statistics;
    for (size_t b = 0; b < batches; b++, rows += BATCH + P) {
        const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = b};
        image_batch(set, IMAGE_TEST, 1, b * BATCH, BATCH, false, IMAGE_CHANNEL_LAST, x);
        round_images(BATCH * D, x);
        must(chain_transform(model, params, x, BATCH, probe, z, rows, &statistics), "transform", &err);
        must(chain_loss_gradient(model, params, x, BATCH, probe, &loss, gradient, &statistics), "gradient", &err);
        for (size_t i = 0; i < BATCH; i++) rows[i] = 8 - rows[i] / (double)D / log(2);
        for (size_t i = 0; i < P; i++) rows[BATCH + i] = (double)gradient[i];
    }
    free(x), free(z), free(gradient);
}

static void compare(const double *rows, const double *with, size_t batches, size_t P) {
    double bits = 0;
    printf("gradient");
    for (size_t b = 0; b < batches; b++, rows += BATCH + P, with += BATCH + P) {
        double difference = 0, size = 0;
        for (size_t i = 0; i < BATCH; i++) bits += pow(rows[i] - with[i], 2) / (double)(batches * BATCH);
        for (size_t i = BATCH; i < BATCH + P; i++) {
            difference += pow(rows[i] - with[i], 2);
            size += pow(with[i], 2);
        }
        printf(" %.1e", sqrt(difference / size));
    }
    printf(", bits per dimension %.1e\n", sqrt(bits));
}

static bool load(const char *path, size_t n, double *out) {
    FILE *stream = fopen(path, "rb");
    const bool whole = stream && fread(out, sizeof *out, n, stream) == n;
    if (stream) fclose(stream);
    return whole;
}

static bool store(const char *path, size_t n, const double *numbers) {
    FILE *stream = fopen(path, "wb");
    const bool whole = stream && fwrite(numbers, sizeof *numbers, n, stream) == n;
    return (!stream || fclose(stream) == 0) && whole;
}

int main(int count, char **arguments) {
    const char *data = getenv("AFFJORD_DATA");
    const size_t batches = count > 2 ? strtoul(arguments[2], NULL, 10) : 0;
    error_info err = {""};
    checkpoint *file = NULL;
    image_set *set = NULL;
    settings values;
    specification_shape shape;
    chain_spec spec;
    chain *model;
    if (count != ARGUMENTS + 1 || !data || batches < 1 || batches > BATCHES_MAX) {
        fprintf(stderr, "AFFJORD_DATA=FOLDER conv_gradient MODEL.safetensors BATCHES TOLERANCE FILE\n");
        return 2;
    }
    const double tolerance = strtod(arguments[3], NULL);
    must(checkpoint_read(arguments[1], &file, &err), "checkpoint", &err);
    must(specification_read(file, arguments[1], &values, &shape, &err), "settings", &err);
    must(image_open("mnist", data, &set, &err), "MNIST", &err);
    must(image_average(set, set->height / shape.image[1], &err), "averages", &err);
    if (tolerance > 0) values.solver_atol = values.solver_rtol = tolerance;
    specification_chain(&values, shape.image, &spec);
    if (tolerance == 0) spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 10};
    must(chain_create(&spec, BATCH, true, NULL, &model, &err), "model", &err);
    const size_t P = chain_parameters(model)->total, numbers = batches * (BATCH + P);
    real *params = room(P, sizeof *params);
    double *rows = room(numbers, sizeof *rows), *with = room(numbers, sizeof *with);
    must(checkpoint_get_parameters(file, chain_parameters(model), params, &err), "parameters", &err);
    measure(model, params, set, batches, rows);
    const bool compared = access(arguments[4], F_OK) == 0;
    if (!(compared ? load(arguments[4], numbers, with) : store(arguments[4], numbers, rows))) {
        fprintf(stderr, "conv_gradient: %s: cannot be %s\n", arguments[4],
                compared ? "read; expected as many batches of this model" : "written");
        return 1;
    }
    if (compared) compare(rows, with, batches, P);
    free(params), free(rows), free(with);
    chain_destroy(&model);
    image_close(&set);
    checkpoint_destroy(&file);
    return 0;
}
