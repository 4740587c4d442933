/* density_of_model.c - log p(x) of points or images under a trained model.
 *
 *   affjord export 1 --output model.safetensors
 *   ./density_of_model model.safetensors points.csv      one number per line, in nats */
#include <affjord/affjord.h>

#include <stdio.h>
#include <stdlib.h>

static error_info err;

static void check(status outcome) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

int main(int count, char **words) {
    if (count != 3) return fprintf(stderr, "usage: density_of_model MODEL POINTS\n"), 2;
    model *flow;
    table *points;
    check(model_open(words[1], 1, &flow, &err));
    check(table_read_numbers(words[2], &points, &err));
    if (points->columns != model_dimension(flow)) return fprintf(stderr, "%s: other columns\n", words[2]), 1;
    double *log_p = malloc(points->rows * sizeof *log_p);
    const model_rows x = {.doubles = points->numbers}, unwanted = {.reals = NULL};
    check(model_transform(flow, x, 0, points->rows, 0, unwanted, log_p, &err));
    for (size_t i = 0; i < points->rows; i++) printf("%.17g\n", log_p[i]);
    free(log_p);
    table_destroy(&points);
    model_close(&flow);
}
