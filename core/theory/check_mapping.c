/* check_mapping.c - maps that are possible for the general augmentation but not for a homeomorphism. They are not
 * injective, so the general augmentation has no density (section 3.4). */
#include <math.h>
#include <string.h>

#include "base/detmath.h"
#include "theory/mapping.h"
#include "theory/statements_internal.h"

static const char item[] = "mapping";

enum { POINTS = 64 };

static status fit(const theory_subject *subject, size_t visible, size_t joined, size_t n, const real *x, const real *y,
                  mapping **out) {
    const mapping_spec spec = {.visible = visible,
                               .joined = joined,
                               .compared = 1,
                               .width = 12,
                               .steps = 6,
                               .iterations = 500,
                               .learning_rate = 3e-2,
                               .seed = subject->seed};
    return mapping_fit(&spec, n, x, y, out);
}

static status fit_both(const theory_subject *subject, size_t visible, size_t n, const real *x, const real *y,
                       double *plain, double *general) {
    mapping *one = NULL, *other = NULL;
    status outcome = fit(subject, visible, 0, n, x, y, &one);
    if (outcome == STATUS_OK) outcome = fit(subject, visible, 1, n, x, y, &other);
    if (outcome == STATUS_OK) {
        *plain = mapping_error(one);
        *general = mapping_error(other);
    }
    mapping_destroy(&one);
    mapping_destroy(&other);
    return outcome;
}

/* Fit x -> -x. A plain flow of the line is increasing, so its best fit is a constant, whose error is the variance of
 * y. */
static status run_reflection(const theory_subject *subject) {
    real x[POINTS], y[POINTS];
    double variance = 0, plain, general;
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = (real)(2 * ((double)i + 0.5) / POINTS - 1);
        y[i] = -x[i];
        variance += (double)(y[i] * y[i]) / POINTS;
    }
    TRY(fit_both(subject, 1, POINTS, x, y, &plain, &general));
    TRY(theory_claim(subject, item, "reflection of the line", "mean square error, plain", 0, plain, THEORY_AT_LEAST,
                     variance * (1 - 1e-6)));
    return theory_claim(subject, item, "reflection of the line", "mean square error, general", 0, general,
                        THEORY_AT_MOST, 0.01 * variance);
}

/* Fit a disc inside a ring: -1 on the disc, 1 on the ring, compared with the first coordinate. A flow of the plane
 * keeps the disc inside the ring, so every half-plane that contains the image of the ring meets that of the disc. A
 * third dimension separates them. */
static status run_annuli(const theory_subject *subject) {
    real x[2 * POINTS], y[POINTS];
    double plain, general;
    for (size_t i = 0; i < POINTS; i++) {
        const bool ring = i % 2;
        double sine, cosine;
        det_sincos(2 * 3.14159265358979323846 * (double)(i * 19 % POINTS) / POINTS, &sine, &cosine);
        const double radius = ring ? 1.1 + 0.2 * (double)(i % 5) / 4 : 0.5 * (double)(i % 7) / 6;
        x[2 * i] = (real)(radius * cosine);
        x[2 * i + 1] = (real)(radius * sine);
        y[i] = ring ? 1 : -1;
    }
    TRY(fit_both(subject, 2, POINTS, x, y, &plain, &general));
    TRY(theory_show(subject, item, "disc inside a ring", "mean square error, plain", 0, plain));
    TRY(theory_show(subject, item, "disc inside a ring", "mean square error, general", 0, general));
    return theory_claim(subject, item, "disc inside a ring", "plain over general", 0, plain / general, THEORY_AT_LEAST,
                        2);
}

/* Fit x -> |x| by the general form, which folds the line. Bisection finds two points with the same image. */
static status run_fold(const theory_subject *subject) {
    real x[POINTS], y[POINTS], right = (real)0.5, end[2], at[2];
    mapping *fold;
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = (real)(2 * ((double)i + 0.5) / POINTS - 1);
        y[i] = (real)fabs((double)x[i]);
    }
    TRY(fit(subject, 1, 1, POINTS, x, y, &fold));
    mapping_apply(fold, 1, &right, end);
    double low = -1, high = 0; /* the image decreases from about 1 to about 0 between them */
    for (int i = 0; i < 60; i++) {
        const real middle = (real)((low + high) / 2);
        mapping_apply(fold, 1, &middle, at);
        if (at[0] > end[0]) low = (double)middle;
        else high = (double)middle;
    }
    const real left = (real)((low + high) / 2);
    mapping_apply(fold, 1, &left, at);
    const double distance = fabs((double)(right - left)), images = fabs((double)(end[0] - at[0]));
    const double star = fabs((double)(end[1] - at[1])), error = mapping_error(fold);
    mapping_destroy(&fold);
    TRY(theory_claim(subject, item, "fold of the line", "mean square error, general", 0, error, THEORY_AT_MOST, 5e-3));
    TRY(theory_claim(subject, item, "fold of the line", "distance of two points", 0, distance, THEORY_AT_LEAST, 0.5));
    TRY(theory_claim(subject, item, "fold of the line", "distance of their images z(T)", 0, images, THEORY_AT_MOST,
                     1e-12));
    return theory_claim(subject, item, "fold of the line", "distance of their z*(T)", 0, star, THEORY_AT_LEAST, 1e-2);
}

status theory_mapping(const theory_subject *subject) {
    TRY(run_reflection(subject));
    TRY(run_annuli(subject));
    return run_fold(subject);
}
