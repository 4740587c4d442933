/* peers_fields.h - the fields of peers.py for the programs peers_ours.c and peers_arkode.c.
 *
 * Fields have names. "toy" reads its weights from a file of doubles that peers.py writes: dz/dt = W2 tanh(W1 [z, t] +
 * b1) + b2 with W1 (HIDDEN, 3), b1 (HIDDEN), W2 (2, HIDDEN), b2 (2), for POINTS points. */
#ifndef AFFJORD_TESTS_PEERS_FIELDS_H
#define AFFJORD_TESTS_PEERS_FIELDS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEER_HIDDEN = 32, PEER_POINTS = 16, PEER_LENGTH_MAX = 2 * PEER_POINTS };

typedef struct peer_field {
    const char *name;
    size_t length;
    double end;
    double start[PEER_LENGTH_MAX];
    double W1[PEER_HIDDEN][3], b1[PEER_HIDDEN], W2[2][PEER_HIDDEN], b2[2];
} peer_field;

/* dy <- f(t, y) in double, for y of PEER_REAL. */
static void peer_evaluate(const peer_field *f, double t, const PEER_REAL *y, PEER_REAL *dy) {
    if (strcmp(f->name, "linear") == 0) {
        dy[0] = (PEER_REAL)(-0.1 * (double)y[0] + 2 * (double)y[1]);
        dy[1] = (PEER_REAL)(-2 * (double)y[0] - 0.1 * (double)y[1]);
    } else if (strcmp(f->name, "stiff") == 0) {
        dy[0] = (PEER_REAL)(-(double)y[0] + 99 * (double)y[1]);
        dy[1] = (PEER_REAL)(-100 * (double)y[1]);
    } else if (strcmp(f->name, "vdp") == 0) {
        dy[0] = y[1];
        dy[1] = (PEER_REAL)(5 * (1 - (double)y[0] * (double)y[0]) * (double)y[1] - (double)y[0]);
    } else if (strcmp(f->name, "zero") == 0) {
        dy[0] = dy[1] = 0;
    } else {
        for (size_t p = 0; p < PEER_POINTS; p++) {
            double out[2] = {f->b2[0], f->b2[1]};
            for (size_t j = 0; j < PEER_HIDDEN; j++) {
                const double h = tanh(f->W1[j][0] * (double)y[2 * p] + f->W1[j][1] * (double)y[2 * p + 1] +
                                      f->W1[j][2] * t + f->b1[j]);
                for (size_t d = 0; d < 2; d++) out[d] += f->W2[d][j] * h;
            }
            for (size_t d = 0; d < 2; d++) dy[2 * p + d] = (PEER_REAL)out[d];
        }
    }
}

/* A line of the file: name, end, then the start values (n), then for "toy" W1, b1, W2, b2. False at the file's end. */
static int peer_read(FILE *file, peer_field *f, char name[16]) {
    if (fscanf(file, "%15s %zu %lf", name, &f->length, &f->end) != 3 || f->length > PEER_LENGTH_MAX) return 0;
    f->name = name;
    const int toy = strcmp(name, "toy") == 0;
    struct {
        double *at;
        size_t count;
    } parts[] = {{f->start, f->length},
                 {&f->W1[0][0], toy ? 3 * PEER_HIDDEN : 0},
                 {f->b1, toy ? PEER_HIDDEN : 0},
                 {&f->W2[0][0], toy ? 2 * PEER_HIDDEN : 0},
                 {f->b2, toy ? 2 : 0}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (size_t j = 0; j < parts[i].count; j++)
            if (fscanf(file, "%lf", &parts[i].at[j]) != 1) return 0;
    return 1;
}

/* package,precision,field,method,tolerance,evaluations,rejected,first step,state at the end... */
static void peer_print(const char *package, const peer_field *f, const char *method, double tolerance, long evaluations,
                       long rejected, double first, const PEER_REAL *y) {
    printf("%s,%s,%s,%s,%g,%ld,%ld,%.9g", package, sizeof *y == 4 ? "float32" : "float64", f->name, method, tolerance,
           evaluations, rejected, first);
    for (size_t i = 0; i < f->length; i++) printf(",%.17g", (double)y[i]);
    printf("\n");
}

#endif
