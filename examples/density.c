/* density.c - train a flow on your own points and write log p(x) of each.
 *
 *   ./density points.csv 2000 > density.csv      2000 iterations; each line is log p(x) in nats, then x */
#include <affjord/affjord.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static error_info err;

static void check(status outcome) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

int main(int count, char **words) {
    if (count != 3) return fprintf(stderr, "usage: density POINTS ITERATIONS\n"), 2;
    /* Draw random batches; hold out a tenth of the rows for validation. */
    dataset *data;
    check(dataset_open(words[1], &data, &err));

    /* AFFJORD: a hypernet makes the weights from z*(t), which is also concatenated with the points. */
    /* clang-format off */
    const cnf_spec flow = {.dimension = dataset_dimension(data), .width = 64, .context = CONTEXT_AUGMENTED,
        .join = true, .hypernet_layers = 2, .hypernet_width = 32, .augmented_dimension = 2, .augmented_width = 3,
        .end_time = 10, .base_variance = 1, .solver = TABLEAU_RK4, .steps = 20};
    /* clang-format on */
    const objective_spec loss = {.flow = flow, .seed = 0, .batch = 128, .validation = 128};
    const uint64_t iterations = strtoull(words[2], NULL, 10);
    const trainer_spec by = {iterations, .epoch_iterations = 100, .learning_rate = 3e-3, .stop_loss = -INFINITY};
    objective *obj;
    trainer *adam;
    check(objective_create(&loss, (objective_data){.points = data}, NULL, &obj, &err));
    check(trainer_create(&by, &obj, &adam, &err));
    while (!trainer_finished(adam)) {
        bool done;
        trainer_epoch epoch;
        trainer_step(adam, NULL, &done, &epoch); /* skips an iteration whose loss is not finite, and counts it */
        if (done) fprintf(stderr, "%6u  %.4f nats\n", (unsigned)epoch.iteration, epoch.validation_loss);
    }

    table *points;
    check(table_read(words[1], &points, &err));
    double *density = malloc(points->rows * sizeof *density);
    cnf_log_density(objective_points(trainer_objective(adam)), trainer_parameters(adam), points->values, points->rows,
                    (random_stream){.purpose = RANDOM_PROBE}, density, NULL);
    for (size_t i = 0; i < points->rows; i++) {
        printf("%.6f", density[i]);
        for (size_t d = 0; d < points->columns; d++) printf(",%.7g", (double)points->values[i * points->columns + d]);
        putchar('\n');
    }
    free(density);
    table_destroy(&points);
    trainer_destroy(&adam); /* and the objective */
    dataset_close(&data);
}
