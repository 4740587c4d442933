/* toy_mixture.c - mixtures of uniform parallelograms and isotropic Gaussians.
 *
 * Let u be the constant density of the parallelograms and g the part of the Gaussians:
 *
 *   p = n u + g,  n(x) = number of parallelograms that contain x.
 *
 * The entropy is split so that every integrand is smooth on its domain, even where a Gaussian's tail crosses an edge:
 *
 *   H = - int_plane g log g - sum over cells of int_cell [(n u + g) log(n u + g) - g log g],
 *
 * where a cell is a part of a parallelogram in which n is constant. */
#include "data/toy_mixture.h"

#include <assert.h>
#include <math.h>

#include "base/detmath.h"
#include "base/number.h"
#include "data/quadrature.h"

/* Deviations beyond which the integrals omit a Gaussian: it has exp(-32) of its weight there. */
static const double reach = 8;

static double cross(const double a[2], const double b[2]) {
    return a[0] * b[1] - a[1] * b[0];
}

/* libm's hypot may differ between machines. */
static double length(double a, double b) {
    return sqrt(a * a + b * b);
}

static double parallelogram_area(const mixture_parallelogram *parallelogram) {
    return fabs(cross(parallelogram->along, parallelogram->across));
}

static double total_area(const mixture *shape) {
    double area = 0;
    for (size_t i = 0; i < shape->parallelogram_count; i++) area += parallelogram_area(&shape->parallelograms[i]);
    return area;
}

/* Return u, the density of one parallelogram's points. */
static double parallelogram_density(const mixture *shape) {
    return shape->parallelogram_count == 0 ? 0 : shape->parallelogram_share / total_area(shape);
}

/* Compute the coordinates s, t of x in a parallelogram. */
static void parallelogram_coordinates(const mixture_parallelogram *parallelogram, const double x[2], double *s,
                                      double *t) {
    double from_corner[2] = {x[0] - parallelogram->corner[0], x[1] - parallelogram->corner[1]};
    double area = cross(parallelogram->along, parallelogram->across);
    *s = cross(from_corner, parallelogram->across) / area;
    *t = cross(parallelogram->along, from_corner) / area;
}

static bool parallelogram_contains(const mixture_parallelogram *parallelogram, const double x[2]) {
    double s, t;
    parallelogram_coordinates(parallelogram, x, &s, &t);
    return s >= 0 && s < 1 && t >= 0 && t < 1;
}

static void parallelogram_point(const mixture_parallelogram *parallelogram, double s, double t, double x[2]) {
    for (int d = 0; d < 2; d++)
        x[d] = parallelogram->corner[d] + s * parallelogram->along[d] + t * parallelogram->across[d];
}

/* Return the factor of the exponential of a Gaussian in g. */
static double gaussian_peak(const mixture *shape) {
    double variance = shape->deviation * shape->deviation;
    return (1 - shape->parallelogram_share) / (double)shape->gaussian_count / (2 * M_PI * variance);
}

static double gaussian_exponent(const mixture *shape, size_t i, const double x[2]) {
    double a = (x[0] - shape->centres[i][0]) / shape->deviation;
    double b = (x[1] - shape->centres[i][1]) / shape->deviation;
    return -0.5 * (a * a + b * b);
}

/* Return log g, finite at any distance. */
static double gaussian_log_density(const mixture *shape, const double x[2]) {
    if (shape->gaussian_count == 0) return -INFINITY;
    double exponent[MIXTURE_PARTS_MAX], greatest = -INFINITY, sum = 0;
    for (size_t i = 0; i < shape->gaussian_count; i++) {
        exponent[i] = gaussian_exponent(shape, i, x);
        greatest = fmax(greatest, exponent[i]);
    }
    for (size_t i = 0; i < shape->gaussian_count; i++) sum += det_exp(exponent[i] - greatest);
    return greatest + det_log(sum * gaussian_peak(shape));
}

static double mixture_log_density(const void *shape, const double x[2]) {
    const mixture *self = shape;
    size_t containing = 0;
    for (size_t i = 0; i < self->parallelogram_count; i++)
        containing += parallelogram_contains(&self->parallelograms[i], x);
    double log_gaussian = gaussian_log_density(self, x);
    if (containing == 0) return log_gaussian;
    return det_log((double)containing * parallelogram_density(self) + det_exp(log_gaussian));
}

static void mixture_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    const mixture *self = shape;
    double u[4];
    random_uniform4(stream, index, 0, u);
    if (u[0] < self->parallelogram_share) {
        double rest = u[0] / self->parallelogram_share * total_area(self);
        size_t i = 0;
        while (i + 1 < self->parallelogram_count && rest >= parallelogram_area(&self->parallelograms[i])) {
            rest -= parallelogram_area(&self->parallelograms[i]);
            i++;
        }
        parallelogram_point(&self->parallelograms[i], u[1], u[2], x);
        return;
    }
    double part = (u[0] - self->parallelogram_share) / (1 - self->parallelogram_share) * (double)self->gaussian_count;
    size_t i = (size_t)fmin(part, (double)(self->gaussian_count - 1));
    double n[4];
    random_normal4(stream, index, 1, n);
    for (int d = 0; d < 2; d++) x[d] = self->centres[i][d] + self->deviation * n[d];
}

static double times_log(double p) {
    return p > 0 ? p * det_log(p) : 0;
}

/* Return the distance of c from the interval [a, b]. */
static double distance_to(double c, double a, double b) {
    return fmax(0, fmax(a - c, c - b));
}

/* Return int g log g over the rectangle [a0, b0] x [a1, b1], one panel. */
static double gaussian_panel(const mixture *shape, const double a[2], const double b[2]) {
    double x[2][QUADRATURE_POINTS], w[2][QUADRATURE_POINTS];
    double factor[2][MIXTURE_PARTS_MAX][QUADRATURE_POINTS]; /* a Gaussian is a product over the two coordinates */
    size_t near = 0;
    for (int d = 0; d < 2; d++) quadrature_panel(a[d], b[d], x[d], w[d]);
    for (size_t i = 0; i < shape->gaussian_count; i++) {
        const double *centre = shape->centres[i];
        if (length(distance_to(centre[0], a[0], b[0]), distance_to(centre[1], a[1], b[1])) > reach * shape->deviation) {
            continue;
        }
        for (int d = 0; d < 2; d++) {
            for (int q = 0; q < QUADRATURE_POINTS; q++) {
                double z = (x[d][q] - centre[d]) / shape->deviation;
                factor[d][near][q] = det_exp(-0.5 * z * z);
            }
        }
        near++;
    }
    double sum = 0;
    for (int q = 0; near > 0 && q < QUADRATURE_POINTS; q++) {
        for (int r = 0; r < QUADRATURE_POINTS; r++) {
            double g = 0;
            for (size_t i = 0; i < near; i++) g += factor[0][i][q] * factor[1][i][r];
            sum += w[0][q] * w[1][r] * times_log(g * gaussian_peak(shape));
        }
    }
    return sum;
}

/* Return int g log g over the plane. */
static double gaussian_integral(const mixture *shape, double panel) {
    if (shape->gaussian_count == 0) return 0;
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    double step[2];
    size_t panels[2];
    for (int d = 0; d < 2; d++) {
        for (size_t i = 0; i < shape->gaussian_count; i++) {
            low[d] = fmin(low[d], shape->centres[i][d] - reach * shape->deviation);
            high[d] = fmax(high[d], shape->centres[i][d] + reach * shape->deviation);
        }
        panels[d] = quadrature_panels(high[d] - low[d], panel * shape->deviation);
        step[d] = (high[d] - low[d]) / (double)panels[d];
    }
    double sum = 0;
    for (size_t i = 0; i < panels[0]; i++) {
        for (size_t j = 0; j < panels[1]; j++) {
            double a[2] = {low[0] + (double)i * step[0], low[1] + (double)j * step[1]};
            double b[2] = {a[0] + step[0], a[1] + step[1]};
            sum += gaussian_panel(shape, a, b);
        }
    }
    return sum;
}

/* Return int (n u + g) log(n u + g) - g log g over s0 <= s < s1, t0 <= t < t1 of a parallelogram. */
static double cell_integral(const mixture *shape, const mixture_parallelogram *parallelogram, const double s[2],
                            const double t[2], double uniform, double panel) {
    size_t across[2] = {1, 1};
    if (shape->gaussian_count > 0) {
        double width = panel * shape->deviation;
        across[0] = quadrature_panels((s[1] - s[0]) * length(parallelogram->along[0], parallelogram->along[1]), width);
        across[1] =
            quadrature_panels((t[1] - t[0]) * length(parallelogram->across[0], parallelogram->across[1]), width);
    }
    double ds = (s[1] - s[0]) / (double)across[0], dt = (t[1] - t[0]) / (double)across[1];
    double sum = 0;
    for (size_t i = 0; i < across[0]; i++) {
        double sq[QUADRATURE_POINTS], ws[QUADRATURE_POINTS];
        quadrature_panel(s[0] + (double)i * ds, s[0] + (double)(i + 1) * ds, sq, ws);
        for (size_t j = 0; j < across[1]; j++) {
            double tq[QUADRATURE_POINTS], wt[QUADRATURE_POINTS];
            quadrature_panel(t[0] + (double)j * dt, t[0] + (double)(j + 1) * dt, tq, wt);
            for (int q = 0; q < QUADRATURE_POINTS; q++) {
                for (int r = 0; r < QUADRATURE_POINTS; r++) {
                    double x[2];
                    parallelogram_point(parallelogram, sq[q], tq[r], x);
                    double g = det_exp(gaussian_log_density(shape, x));
                    sum += ws[q] * wt[r] * (times_log(uniform + g) - times_log(g));
                }
            }
        }
    }
    return sum * parallelogram_area(parallelogram);
}

static bool axis_parallel(const mixture_parallelogram *parallelogram) {
    return parallelogram->along[1] == 0 && parallelogram->across[0] == 0;
}

/* cuts <- 0, 1 and the sorted positions in [0, 1] at which edges of other axis-parallel parallelograms cross coordinate
 * d of parallelogram `self`; return their number. */
static size_t parallelogram_cuts(const mixture *shape, size_t self, int d, double cuts[2 * MIXTURE_PARTS_MAX + 2]) {
    const mixture_parallelogram *parallelogram = &shape->parallelograms[self];
    size_t count = 0;
    cuts[count++] = 0;
    cuts[count++] = 1;
    for (size_t j = 0; axis_parallel(parallelogram) && j < shape->parallelogram_count; j++) {
        const mixture_parallelogram *other = &shape->parallelograms[j];
        if (j == self || !axis_parallel(other)) continue;
        for (int end = 0; end < 2; end++) {
            double edge = other->corner[d] + end * (d == 0 ? other->along[0] : other->across[1]);
            double cut =
                (edge - parallelogram->corner[d]) / (d == 0 ? parallelogram->along[0] : parallelogram->across[1]);
            if (cut <= 0 || cut >= 1) continue;
            size_t place = count++;
            while (cuts[place - 1] > cut) {
                cuts[place] = cuts[place - 1];
                place--;
            }
            cuts[place] = cut;
        }
    }
    return count;
}

/* Integrate over the cells of parallelogram `self` that are in no earlier parallelogram. */
static double parallelogram_integral(const mixture *shape, size_t self, double panel) {
    double s[2 * MIXTURE_PARTS_MAX + 2], t[2 * MIXTURE_PARTS_MAX + 2];
    size_t s_count = parallelogram_cuts(shape, self, 0, s), t_count = parallelogram_cuts(shape, self, 1, t);
    double sum = 0;
    for (size_t i = 0; i + 1 < s_count; i++) {
        for (size_t j = 0; j + 1 < t_count; j++) {
            double middle[2];
            parallelogram_point(&shape->parallelograms[self], 0.5 * (s[i] + s[i + 1]), 0.5 * (t[j] + t[j + 1]), middle);
            size_t before = 0, containing = 0;
            for (size_t k = 0; k < shape->parallelogram_count; k++) {
                bool contains = parallelogram_contains(&shape->parallelograms[k], middle);
                containing += contains;
                if (k < self) before += contains;
            }
            if (before > 0) continue;
            sum += cell_integral(shape, &shape->parallelograms[self], &s[i], &t[j],
                                 (double)containing * parallelogram_density(shape), panel);
        }
    }
    return sum;
}

double mixture_entropy(const mixture *shape, double panel) {
    assert(shape->parallelogram_count <= MIXTURE_PARTS_MAX && shape->gaussian_count <= MIXTURE_PARTS_MAX);
    double sum = gaussian_integral(shape, panel);
    for (size_t i = 0; i < shape->parallelogram_count; i++) sum += parallelogram_integral(shape, i, panel);
    return -sum;
}

static double mixture_entropy_default(const void *shape) {
    return mixture_entropy(shape, MIXTURE_PANEL);
}

static void mixture_define(const void *shape, toy_line *line, void *argument) {
    const mixture *self = shape;
    char text[256];
    number_print(text, sizeof text, "stroke_share %.17g", self->parallelogram_share);
    line(argument, text);
    for (size_t i = 0; i < self->parallelogram_count; i++) {
        const mixture_parallelogram *parallelogram = &self->parallelograms[i];
        number_print(text, sizeof text, "stroke %.17g %.17g  %.17g %.17g  %.17g %.17g", parallelogram->corner[0],
                     parallelogram->corner[1], parallelogram->along[0], parallelogram->along[1],
                     parallelogram->across[0], parallelogram->across[1]);
        line(argument, text);
    }
    for (size_t i = 0; i < self->gaussian_count; i++) {
        number_print(text, sizeof text, "gaussian %.17g %.17g  %.17g", self->centres[i][0], self->centres[i][1],
                     self->deviation);
        line(argument, text);
    }
}

const toy_ops mixture_ops = {
    .sample = mixture_sample,
    .log_density = mixture_log_density,
    .entropy = mixture_entropy_default,
    .define = mixture_define,
};
