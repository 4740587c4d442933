/* test_small_matrix.c - inverses, determinants and singular values of matrices of up to 8 rows. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/random.h"
#include "base/small_matrix.h"

Test(small_matrix, inverses_and_determinants) {
    for (size_t n = 1; n <= SMALL_MATRIX_MAX; n++) {
        double a[64], inverse[64], again[64];
        for (size_t i = 0; i < n * n; i++) {
            double u[4];
            random_normal4((random_stream){.seed = n, .purpose = RANDOM_PROBE}, i, 0, u);
            a[i] = u[0];
        }
        a[0] = 0; /* needs another pivot */
        if (n == 1) a[0] = -3;
        const double determinant = small_matrix_invert(n, a, inverse);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t k = 0; k < n; k++) sum += a[i * n + k] * inverse[k * n + j];
                cr_expect_float_eq(sum, i == j, 1e-11, "n = %zu", n);
            }
        cr_expect_float_eq(small_matrix_invert(n, inverse, again) * determinant, 1, 1e-10);
    }
    double inverse[9];
    const double known[9] = {0, 2, 1, 1, 0, 3, 4, 1, 0};
    cr_expect_float_eq(small_matrix_invert(3, known, inverse), 25, 1e-12);
    const double singular[4] = {1, 2, 2, 4};
    cr_expect_eq(small_matrix_invert(2, singular, inverse), 0);
    cr_expect(isnan(small_matrix_invert(2, (const double[]){NAN, 1, 1, 1}, inverse)));
}

/* [[a, b], [c, d]]: s1 s2 = |det|, s1^2 + s2^2 = a^2 + b^2 + c^2 + d^2; and a diagonal between reflections. */
Test(small_matrix, least_singular_values) {
    const double a[4] = {3, -1, 2, 0.5}, q = 14.25, p = 3.5;
    cr_expect_float_eq(small_matrix_least_singular(2, a), sqrt((q - sqrt(q * q - 4 * p * p)) / 2), 1e-14);
    cr_expect_float_eq(small_matrix_least_singular(2, (const double[]){1, 2, 2, 4}), 0, 1e-15);
    cr_expect(isnan(small_matrix_least_singular(2, (const double[]){1, NAN, 2, 4})));
    enum { n = 8 };
    double u[n], v[n], matrix[n * n], squares[2] = {0};
    for (size_t i = 0; i < n; i++) {
        u[i] = 1 + (double)(i * i % 5), v[i] = 2 - (double)(i % 3);
        squares[0] += u[i] * u[i], squares[1] += v[i] * v[i];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0; /* (I - 2uu'/u'u) diag (I - 2vv'/v'v) */
            for (size_t k = 0; k < n; k++)
                sum += ((i == k) - 2 * u[i] * u[k] / squares[0]) * (1e-4 + (double)k) *
                       ((k == j) - 2 * v[k] * v[j] / squares[1]);
            matrix[i * n + j] = sum;
        }
    cr_expect_float_eq(small_matrix_least_singular(n, matrix), 1e-4, 1e-12);
}
