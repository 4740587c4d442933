/* test_toy.c - toy densities: points against log-densities, entropies, and recorded bits. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include <sha256.h>

#include "data/quadrature.h"
#include "data/toy.h"
#include "data/toy_mixture.h"
#include "data/toy_ring.h"

Test(toy, names_are_known) {
    for (size_t i = 0; i < toy_count(); i++) cr_expect_eq(toy_find(toy_at(i)->name), toy_at(i));
    cr_expect_null(toy_find("tie"));
    cr_expect_str_eq(toy_suggest("hash-gausian"), "hash_gaussian");
    cr_expect_str_eq(toy_suggest("8gausians"), "8gaussians");
}

/* If this fails, a density has changed: increase its version, and put the new checksums here. */
Test(toy, definitions_and_points_are_these) {
    const struct {
        const char *name, *checksum, *points;
    } expected[] = {
        {"ty", "58f5c4cbf77b50ea8fefebdfd44c48b973eb95c2123e864838e9f83765cf10b9",
         "a3cc35713d2537f8968fa44bb7c4de64624015ee2a167c837293cbc82bbad2ee"},
        {"hash_gaussian", "23bfaf0f4ab824b15baef4c3dea0453f842bc5b34dfd1f0571495cfd94ec3a64",
         "7d01aa27afc8f1f0700455035c25b78a493ffd7072c5fd9b01764ee608f234f8"},
        {"checkerboard", "4adedd2e20072792189a2b762866cbb5c84edc180ea47117655ae29f2a226228",
         "2e8c981fb5f267e6a1fc27b9d139518baa1f783222853be8b1b0dc5ceb130194"},
        {"swissroll", "f568a5625f2dae296861444a90dd167c350f3abcf021af7e26f6bde4abca58dd",
         "4572726e618a7b824fcfc469d1bcaf40abf09f3d12d2eb96ade460f045b78a9d"},
        {"circles", "131b9ce468e78f5d2ca0350036c6f9bf5f34f31a90c3f450244569cf044af44d",
         "96c03e44d687e986f0342966ad5dd9eb8e466282d41068b94b80413ce424d071"},
        {"rings", "ff370b55b0bd31540385197d8d123e95a58541c2072a5ec598a610003c550eac",
         "b1c411b70c6a83783cbbefe612909d9904bf4efc9892ba03284a46cbd2d65430"},
        {"moons", "0154a7be4d6c737145b476980b44ed8096179279b0c885006cdc1a8be4c3e7b1",
         "86a31c8c79bdd3a941a2f29915ea7d90a686be5ceaabe7af65f03214de576800"},
        {"8gaussians", "4dd1c75406b75128a4545c33e2103e05a58d2fc59a8f06c724b94bf67d099380",
         "c5fb73adac2f5cd25dde5990d8015152d603def28ecaf0ee626986e2769ed10e"},
        {"pinwheel", "06918140075a9b38f48ba8136f962c7116c5c5b61cf5f587b809dd9861383019",
         "a9d66ef97a57caa4eb9bd88f0bb7dea2bdb54ace36f86414ea84383d3421a941"},
        {"2spirals", "8b95776d4141de9a688672677e5be5f4feb8c2f28a1f09daf4242c83a4c0dd03",
         "aad621b83eee35157bdfccf4d805f52562fd0470f92f0ab09ed77cf246d73f5b"},
        {"checkerboard_ffjord", "d6701e4d0990953be2986b783c4a26b145baf7a552a071a95f7f685db2626386",
         "7d7e8127716a9050e8992d8d2df46eaf3bfa7952182c17750b22a1a29016ec57"},
        {"ty_thin", "3d48223d65cde624b3f65875d5b24ff815987bf41521dd59dceda18b6cb31515",
         "ab95940b8cf6608e7e49d7afd8eea8377154fd3b2bcb61e9f07db46c80c3fc70"},
    };
    const size_t known = sizeof expected / sizeof *expected;
    cr_expect_eq(toy_count(), known, "add a line for each new density, with the sums printed below");
    for (size_t i = 0; i < toy_count(); i++) {
        char checksum[65], points[65];
        SHA256_CTX hash;
        SHA256_Init(&hash);
        for (uint64_t k = 0; k < 1000; k++) {
            double x[2];
            toy_sample(toy_at(i), (random_stream){3, RANDOM_TRAINING, 5}, k, x);
            SHA256_Update(&hash, (const uint8_t *)x, sizeof x);
        }
        SHA256_End(&hash, points);
        toy_checksum(toy_at(i), checksum);
        if (i >= known) cr_log_error("{\"%s\", \"%s\", \"%s\"},", toy_at(i)->name, checksum, points);
        if (i >= known) continue;
        cr_expect_str_eq(toy_at(i)->name, expected[i].name);
        cr_expect_str_eq(checksum, expected[i].checksum, "%s: %s", expected[i].name, checksum);
        cr_expect_str_eq(points, expected[i].points, "%s: %s", expected[i].name, points);
    }
}

/* int p over [-half, half]^2 in panels whose edges are multiples of `width`. */
static double integrate_density(const toy *density, double half, double width) {
    size_t panels = (size_t)lround(2 * half / width);
    double sum = 0;
    for (size_t i = 0; i < panels * panels; i++) {
        double x[QUADRATURE_POINTS], y[QUADRATURE_POINTS], wx[QUADRATURE_POINTS], wy[QUADRATURE_POINTS];
        double left = -half + width * (double)(i / panels), low = -half + width * (double)(i % panels);
        quadrature_panel(left, left + width, x, wx);
        quadrature_panel(low, low + width, y, wy);
        for (int q = 0; q < QUADRATURE_POINTS; q++) {
            for (int r = 0; r < QUADRATURE_POINTS; r++) {
                double point[2] = {x[q], y[r]}, log_density;
                cr_assert(toy_log_density(density, point, &log_density));
                sum += wx[q] * wy[r] * exp(log_density);
            }
        }
    }
    return sum;
}

Test(toy, densities_integrate_to_one) {
    for (size_t i = 0; i < toy_count(); i++) {
        const toy *density = toy_at(i);
        if (density->ops->log_density == NULL) continue;
        bool large = density->window[1] > 2;
        double total = integrate_density(density, large ? 6 : 2.5, large ? 0.1 : 0.05);
        /* Only the arms of the Y are not along the panels. */
        double tolerance = strncmp(density->name, "ty", 2) == 0 ? 3e-4 : 1e-9;
        cr_expect_float_eq(total, 1, tolerance, "%s: %.12f", density->name, total);
    }
}

/* The mean of -log p over points is the entropy, up to its standard error. */
Test(toy, entropy_is_the_mean_of_minus_log_density) {
    enum { POINTS = 100000 };
    size_t known = 0;
    for (size_t i = 0; i < toy_count(); i++) {
        const toy *density = toy_at(i);
        double entropy, sum = 0, squares = 0;
        if (!toy_entropy(density, &entropy)) continue;
        known++;
        for (uint64_t k = 0; k < POINTS; k++) {
            double x[2], log_density;
            toy_sample(density, (random_stream){17, RANDOM_TARGET, 0}, k, x);
            cr_assert(toy_log_density(density, x, &log_density));
            cr_assert(isfinite(log_density), "%s: a point outside its support", density->name);
            sum -= log_density;
            squares += log_density * log_density;
        }
        double mean = sum / POINTS, error = sqrt(fmax(0, squares / POINTS - mean * mean) / POINTS);
        cr_expect_leq(fabs(mean - entropy), 5 * error + 1e-9, "%s: mean %.6f, entropy %.6f, error %.1e", density->name,
                      mean, entropy, error);
    }
    cr_expect_eq(known, 8);
}

enum { CELLS = 30 }; /* a side; the edges of all axis-parallel parallelograms fall on halves of cells */

/* Probability of each cell of the window. */
static void cell_probabilities(const toy *density, double probability[CELLS][CELLS]) {
    enum { PARTS = 2 };
    double low = density->window[0], width = (density->window[1] - low) / CELLS / PARTS;
    memset(probability, 0, CELLS * sizeof *probability);
    for (int i = 0; i < CELLS * PARTS; i++) {
        for (int j = 0; j < CELLS * PARTS; j++) {
            double x[QUADRATURE_POINTS], y[QUADRATURE_POINTS], wx[QUADRATURE_POINTS], wy[QUADRATURE_POINTS];
            quadrature_panel(low + width * i, low + width * (i + 1), x, wx);
            quadrature_panel(low + width * j, low + width * (j + 1), y, wy);
            for (int q = 0; q < QUADRATURE_POINTS * QUADRATURE_POINTS; q++) {
                int a = q / QUADRATURE_POINTS, b = q % QUADRATURE_POINTS;
                double point[2] = {x[a], y[b]}, log_density;
                toy_log_density(density, point, &log_density);
                probability[i / PARTS][j / PARTS] += wx[a] * wy[b] * exp(log_density);
            }
        }
    }
}

Test(toy, histogram_fits_the_density) {
    enum { POINTS = 100000 };
    for (size_t i = 0; i < toy_count(); i++) {
        const toy *density = toy_at(i);
        if (density->ops->log_density == NULL) continue;
        static double probability[CELLS][CELLS], count[CELLS][CELLS];
        memset(count, 0, sizeof count);
        cell_probabilities(density, probability);
        double low = density->window[0], width = (density->window[1] - low) / CELLS;
        for (uint64_t k = 0; k < POINTS; k++) {
            double x[2];
            toy_sample(density, (random_stream){23, RANDOM_TRAINING, 1}, k, x);
            double a = floor((x[0] - low) / width), b = floor((x[1] - low) / width);
            if (a >= 0 && a < CELLS && b >= 0 && b < CELLS) count[(int)a][(int)b]++;
        }
        /* Cells with few expected points are merged with the outside of the window. */
        double chi2 = 0, rest = POINTS, rest_expected = POINTS, cells = 0;
        for (int c = 0; c < CELLS * CELLS; c++) {
            double expected = POINTS * probability[c / CELLS][c % CELLS], found = count[c / CELLS][c % CELLS];
            if (expected < 10) continue;
            chi2 += (found - expected) * (found - expected) / expected;
            rest -= found;
            rest_expected -= expected;
            cells++;
        }
        cr_expect_gt(cells, 50);
        if (rest_expected > 10) {
            chi2 += (rest - rest_expected) * (rest - rest_expected) / rest_expected;
        } else {
            cr_expect_leq(rest, 40, "%s: %g points where %g are expected", density->name, rest, rest_expected);
            cells--;
        }
        cr_expect_lt(fabs(chi2 - cells), 5 * sqrt(2 * cells), "%s: chi-square %.1f of %.0f cells", density->name, chi2,
                     cells);
    }
}

static double entropy_of(const char *name) {
    double entropy = NAN;
    cr_assert(toy_entropy(toy_find(name), &entropy));
    return entropy;
}

Test(toy, entropies_in_closed_form) {
    cr_expect_float_eq(entropy_of("checkerboard"), log(8 * 0.75 * 0.75), 1e-14);
    cr_expect_float_eq(entropy_of("checkerboard_ffjord"), log(32), 1e-14);

    const double one_centre[][2] = {{0.3, -2}};
    const mixture gaussian = {.gaussian_count = 1, .centres = one_centre, .deviation = 0.37};
    cr_expect_float_eq(mixture_entropy(&gaussian, MIXTURE_PANEL), log(2 * M_PI * M_E * 0.37 * 0.37), 1e-10);

    const double centres[][2] = {{-50, 0}, {50, 0}};
    const mixture distance = {.gaussian_count = 2, .centres = centres, .deviation = 0.5};
    cr_expect_float_eq(mixture_entropy(&distance, MIXTURE_PANEL), log(2 * M_PI * M_E * 0.25) + log(2), 1e-10);

    /* Two bars 3 x 1 and 1 x 2 that share a unit square: density 1/5 on 3 of 4 squares of area 1, 2/5 on the other. */
    const mixture_parallelogram bars[] = {{{0, 0}, {3, 0}, {0, 1}}, {{1, 0}, {1, 0}, {0, 2}}};
    const mixture crossed = {.parallelogram_share = 1, .parallelogram_count = 2, .parallelograms = bars};
    cr_expect_float_eq(mixture_entropy(&crossed, MIXTURE_PANEL), 3.0 / 5 * log(5) + 2.0 / 5 * log(5.0 / 2), 1e-14);

    const double nothing[] = {0};
    const ring point = {.count = 1, .radii = nothing, .deviation = 0.37};
    cr_expect_float_eq(ring_entropy(&point, RING_PANEL), log(2 * M_PI * M_E * 0.37 * 0.37), 1e-10);
}

Test(toy, entropies_do_not_move_when_the_quadrature_is_refined) {
    size_t refined = 0;
    for (size_t i = 0; i < toy_count(); i++) {
        const toy *density = toy_at(i);
        double entropy, finer;
        if (!toy_entropy(density, &entropy)) continue;
        if (density->ops == &mixture_ops) {
            finer = mixture_entropy(density->shape, 0.7 * MIXTURE_PANEL);
        } else {
            finer = ring_entropy(density->shape, 0.7 * RING_PANEL);
        }
        refined++;
        cr_expect_float_eq(entropy, finer, 1e-8, "%s: %.12f, refined %.12f", density->name, entropy, finer);
    }
    cr_expect_eq(refined, 8);
}

/* Uniform parallelograms whose edges a Gaussian straddles, against a fine sum that ignores edges. */
Test(toy, entropy_of_a_gaussian_on_an_edge) {
    const mixture_parallelogram bar[] = {{{0, -1}, {2, 0}, {0, 2}}};
    const double centres[][2] = {{0, 0}};
    const mixture shape = {.parallelogram_share = 0.5,
                           .parallelogram_count = 1,
                           .parallelograms = bar,
                           .gaussian_count = 1,
                           .centres = centres,
                           .deviation = 0.25};
    double sum = 0, step = 1.0 / 128;
    for (int i = -512; i < 512; i++) {
        for (int j = -512; j < 512; j++) {
            double x[2] = {(i + 0.5) * step, (j + 0.5) * step};
            double log_density = mixture_ops.log_density(&shape, x);
            sum -= exp(log_density) * log_density * step * step;
        }
    }
    cr_expect_float_eq(mixture_entropy(&shape, MIXTURE_PANEL), sum, 1e-4);
}

Test(toy, log_density_far_away_is_finite) {
    const double far[2] = {300, -400};
    const char *const names[] = {"ty", "hash_gaussian", "8gaussians", "circles", "rings"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double log_density;
        cr_assert(toy_log_density(toy_find(names[i]), far, &log_density));
        cr_expect(isfinite(log_density) && log_density < -1e5, "%s: %g", names[i], log_density);
    }
    double log_density;
    cr_assert(toy_log_density(toy_find("checkerboard"), far, &log_density));
    cr_expect_eq(log_density, -INFINITY);
    cr_expect_not(toy_log_density(toy_find("moons"), far, &log_density));
}

/* exp(-x) I_0(x) from a table; its two formulas meet at 20. */
Test(toy, bessel_function) {
    const double table[][2] = {
        {0, 1},
        {0.5, 0.64503527044914999},
        {1, 0.46575960759364043},
        {5, 0.18354081260932834},
        {19.999999, 0.089780314158915797},
        {20, 0.089780311884826006},
        {100, 0.03994437929909668},
        {1406.25, 0.010639406830202702},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double value = bessel_i0_scaled(table[i][0]);
        cr_expect_float_eq(value / table[i][1], 1, 1e-14, "x = %g: %.17g", table[i][0], value);
    }
}

/* Means of x0, x1 and |x|^2 of the densities without a closed form, derived analytically. */
Test(toy, moments_of_curves) {
    enum { POINTS = 200000 };
    const double turn = 9 * M_PI * M_PI; /* of the spirals: the greatest t^2 */
    const struct {
        const char *name;
        double mean[2], square;
    } expected[] = {
        {"swissroll", {NAN, NAN}, (9.75 * M_PI * M_PI + 2) / 25},
        {"moons", {0, 0.3}, NAN},
        {"pinwheel", {0, 0}, 4 * (1 + 0.09 + 0.01)},
        {"2spirals", {0, 0}, (turn / 2 + 1.0 / 6 + 0.5 * (2 * (turn - 4) / turn + 12 * M_PI / turn)) / 9 + 0.02},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        double sum[3] = {0}, squares[3] = {0};
        for (uint64_t k = 0; k < POINTS; k++) {
            double x[2];
            toy_sample(toy_find(expected[i].name), (random_stream){29, RANDOM_VALIDATION, 0}, k, x);
            double values[3] = {x[0], x[1], x[0] * x[0] + x[1] * x[1]};
            for (int m = 0; m < 3; m++) {
                sum[m] += values[m] / POINTS;
                squares[m] += values[m] * values[m] / POINTS;
            }
        }
        for (int m = 0; m < 3; m++) {
            double wanted = m < 2 ? expected[i].mean[m] : expected[i].square;
            if (isnan(wanted)) continue;
            double error = sqrt((squares[m] - sum[m] * sum[m]) / POINTS);
            cr_expect_lt(fabs(sum[m] - wanted), 5 * error, "%s, %d: %g, expected %g", expected[i].name, m, sum[m],
                         wanted);
        }
    }
}

/* Distance of a point from a curve given by 4000 of its points. */
static double distance_from(void (*curve)(double at, double x[2]), const double x[2]) {
    double least = INFINITY;
    for (int i = 0; i <= 4000; i++) {
        double on[2];
        curve(i / 4000.0, on);
        least = fmin(least, hypot(x[0] - on[0], x[1] - on[1]));
    }
    return least;
}

static void moons_curve(double at, double x[2]) {
    double angle = M_PI * fmod(2 * at, 1.0000001);
    bool upper = 2 * at <= 1;
    x[0] = 2 * (upper ? cos(angle) : 1 - cos(angle)) - 1;
    x[1] = 2 * (upper ? sin(angle) : 0.5 - sin(angle)) - 0.2;
}

static void swissroll_curve(double at, double x[2]) {
    double t = 1.5 * M_PI * (1 + 2 * at);
    x[0] = t * cos(t) / 5;
    x[1] = t * sin(t) / 5;
}

/* The distance from a smooth curve is the noise perpendicular to it: about |N(0, s)|, whose square has mean s^2. */
Test(toy, curves_have_their_noise) {
    const struct {
        const char *name;
        void (*curve)(double at, double x[2]);
        double deviation;
    } cases[] = {{"moons", moons_curve, 0.2}, {"swissroll", swissroll_curve, 0.2}};
    for (size_t i = 0; i < 2; i++) {
        enum { POINTS = 2000 };
        double sum = 0;
        for (uint64_t k = 0; k < POINTS; k++) {
            double x[2];
            toy_sample(toy_find(cases[i].name), (random_stream){31, RANDOM_TRAINING, 0}, k, x);
            double distance = distance_from(cases[i].curve, x);
            cr_expect_lt(distance, 6 * cases[i].deviation);
            sum += distance * distance / POINTS;
        }
        cr_expect_float_eq(sqrt(sum), cases[i].deviation, 0.1 * cases[i].deviation, "%s: %g", cases[i].name, sqrt(sum));
    }
}
