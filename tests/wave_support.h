/* wave_support.h - a field of callbacks, for tests. */
#ifndef AFFJORD_TESTS_WAVE_SUPPORT_H
#define AFFJORD_TESTS_WAVE_SUPPORT_H

#include <math.h>

#include "field/own_field.h"

/* f = (a z_1 + c_0 sin z_0, b z_0 z_1), with parameters a and b; `wrong` makes one of the gradients wrong. */
typedef struct wave {
    int wrong;
} wave;

static inline status wave_value(void *user, const real *p, const real *c, size_t n, const real *z, const real *e,
                                real *f, real *product) {
    (void)user;
    for (size_t i = 0; i < n; i++, z += 2, f += 2) {
        f[0] = p[0] * z[1] + c[0] * (real)sin((double)z[0]);
        f[1] = p[1] * z[0] * z[1];
        if (!e) continue;
        product[2 * i] = p[0] * e[2 * i + 1] + c[0] * (real)cos((double)z[0]) * e[2 * i];
        product[2 * i + 1] = p[1] * (z[1] * e[2 * i] + z[0] * e[2 * i + 1]);
    }
    return STATUS_OK;
}

static inline status wave_backward(void *user, const real *p, const real *c, size_t n, const real *z, const real *e,
                                   const real *fbar, const real *product_bar, real *zbar, real *gradient, real *cbar) {
    const wave *self = user;
    for (size_t i = 0; i < n; i++, z += 2, fbar += 2, zbar += 2) {
        const real s = (real)sin((double)z[0]), k = (real)cos((double)z[0]);
        zbar[0] = fbar[0] * c[0] * k + fbar[1] * p[1] * z[1];
        zbar[1] = fbar[0] * p[0] + fbar[1] * p[1] * z[0];
        gradient[0] += fbar[0] * z[1];
        gradient[1] += fbar[1] * z[0] * z[1] * (self->wrong == 1 ? (real)1.1 : 1);
        cbar[0] += fbar[0] * s;
        if (!product_bar) continue;
        const real *q = product_bar + 2 * i, *v = e + 2 * i;
        zbar[0] += -q[0] * c[0] * s * v[0] + q[1] * p[1] * v[1];
        zbar[1] += q[1] * p[1] * v[0];
        gradient[0] += q[0] * v[1];
        gradient[1] += q[1] * (z[1] * v[0] + z[0] * v[1]);
        cbar[0] += q[0] * k * v[0];
    }
    return STATUS_OK;
}

static inline status wave_vjp(void *user, const real *p, const real *c, size_t n, const real *z, const real *fbar,
                              real *zbar) {
    real gradient[2], cbar[1];
    return wave_backward(user, p, c, n, z, NULL, fbar, NULL, zbar, gradient, cbar);
}

static const field_parameter wave_parameters[] = {{"a", 1, 1}, {"b", 1, 1}};

static inline field_callbacks wave_callbacks(wave *user) {
    return (field_callbacks){.name = "wave",
                             .dimension = 2,
                             .context = 1,
                             .parameter_count = 2,
                             .parameters = wave_parameters,
                             .user = user,
                             .value = wave_value,
                             .backward = wave_backward};
}

/* A field that fails. */
static inline status wave_refuses(void *user, const real *p, const real *c, size_t n, const real *z, const real *e,
                                  real *f, real *product) {
    (void)user, (void)p, (void)c, (void)n, (void)z, (void)e, (void)f, (void)product;
    return STATUS_IO;
}

#endif
