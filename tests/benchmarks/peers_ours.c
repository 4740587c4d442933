/* peers_ours.c - this library's solvers on the fields of peers.py, with an interpolated end, and with the last step
 * ending there. Built by peers.py for each precision. */
#include "affjord.h"

#define PEER_REAL real
#include "peers_fields.h"

typedef struct counted {
    const peer_field *field;
    double c1, first; /* the second stage is at t = first c1 */
} counted;

static void evaluate(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    counted *self = context;
    if (evaluation == 2) self->first = *t / self->c1;
    peer_evaluate(self->field, *t, y, dy);
}

int main(void) {
    static const char *const methods[] = {"heun2", "bosh3", "dopri5", "tsit5", "dopri8"};
    static peer_field field;
    char name[16];
    while (peer_read(stdin, &field, name))
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
            for (int each = 0; each < 2 * (strcmp(methods[m], "heun2") == 0 ? 3 : 6); each++) {
                const int digits = 3 + each / 2;
                const bool other = each % 2; /* the other way to end */
                const tableau *method = tableau_find(methods[m]);
                const double tolerance = pow(10, -digits);
                const solve_spec by = {.method = method,
                                       .options = {.atol = tolerance,
                                                   .rtol = tolerance,
                                                   .stop_at_end = (strcmp(methods[m], "dopri8") == 0) != other,
                                                   .max_attempts = 1000000}};
                counted self = {.field = &field, .c1 = method->c[1]};
                const ode_system system = {.backend = cpu_backend(cpu_level_best()),
                                           .length = field.length,
                                           .context = &self,
                                           .evaluate = evaluate};
                real y[PEER_LENGTH_MAX], *work = malloc(solve_workspace(&by, field.length) * sizeof *work);
                adaptive_statistics out;
                for (size_t i = 0; i < field.length; i++) y[i] = (real)field.start[i];
                if (!work || solve_integrate(&by, 0, field.end, &system, y, NULL, work, &out) != STATUS_OK)
                    for (size_t i = 0; i < field.length; i++) y[i] = (real)NAN;
                peer_print(other ? "ours with the other end" : "ours", &field, methods[m], tolerance,
                           (long)out.evaluations, (long)out.rejected, self.first, y);
                free(work);
            }
    return 0;
}
