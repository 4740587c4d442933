/* test_theory_matrix.c - logarithms of determinants, exponentials and the rest against closed forms. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include <math.h>

#include "theory/matrix.h"
#include "theory_support.h"

TestSuite(theory_matrix, .timeout = 20);

Test(theory_matrix, log_determinants_are_known) {
    const double three[] = {2, 1, 0, 1, 3, 1, 0, 1, 4}, swapped[] = {0, 2, 3, 0}, one[] = {-5};
    const double wide[] = {1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e-200};
    double seen;
    cr_assert_eq(matrix_log_determinant(3, three, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(18), 1e-14);
    cr_assert_eq(matrix_log_determinant(2, swapped, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(6), 1e-14, "the sign of the determinant does not count");
    cr_assert_eq(matrix_log_determinant(1, one, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(5), 1e-14);
    cr_assert_eq(matrix_log_determinant(3, wide, &seen), STATUS_OK);
    cr_assert_float_eq(seen, 200 * log(10), 1e-12, "where the determinant itself would overflow");
}

Test(theory_matrix, singular_and_non_finite_matrices_are_errors) {
    const double singular[] = {1, 2, 2, 4}, zero[4] = {0}, wrong[][4] = {{NAN, 1, 1, 2}, {1, 0, 0, NAN}};
    const double infinite[][4] = {{INFINITY, 0, 0, 1}, {1, 0, 0, -INFINITY}};
    double seen = 7, x[] = {3, 4}, all[4] = {0};
    cr_assert_eq(matrix_log_determinant(2, singular, &seen), STATUS_NON_FINITE);
    cr_assert_eq(matrix_log_determinant(2, zero, &seen), STATUS_NON_FINITE);
    cr_assert_eq(matrix_solve(2, 1, singular, x), STATUS_NON_FINITE);
    cr_assert(x[0] == 3 && x[1] == 4);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(matrix_log_determinant(2, wrong[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_log_determinant(2, infinite[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_solve(2, 1, wrong[i], x), STATUS_NON_FINITE);
        cr_assert_eq(matrix_norm(2, wrong[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_exponential(2, wrong[i], all), STATUS_NON_FINITE);
        cr_assert_eq(matrix_exponential(2, infinite[i], all), STATUS_NON_FINITE);
    }
    cr_assert_eq(seen, 7, "what fails leaves its result alone");
    cr_assert_eq(matrix_largest(4, all), 0);
}

Test(theory_matrix, a_distance_is_nan_wherever_the_nan_is) {
    const double zero[3] = {0}, wrong[3][3] = {{NAN, 1, 2}, {1, NAN, 2}, {1, 2, NAN}}, right[] = {1, -3, 2};
    for (size_t i = 0; i < 3; i++) cr_assert(isnan(matrix_distance(3, wrong[i], zero)), "entry %zu", i);
    cr_assert_eq(matrix_distance(3, right, zero), 3);
}

static void check_exponential(size_t n, const double *a, const double *expected, double within) {
    double seen[36];
    cr_assert_eq(matrix_exponential(n, a, seen), STATUS_OK);
    CHECK_CLOSE(n * n, seen, expected, within * fmax(1, matrix_largest(n * n, expected)));
}

Test(theory_matrix, exponentials_have_closed_forms) {
    const double angles[] = {0.3, 3, 40};
    for (size_t i = 0; i < 3; i++) {
        const double t = angles[i];
        check_exponential(2, (double[]){0, -t, t, 0}, (double[]){cos(t), -sin(t), sin(t), cos(t)}, 1e-13);
    }
    const double shift[16] = {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, row[] = {1, 1, 1.0 / 2, 1.0 / 6};
    double series[16] = {0};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = i; j < 4; j++) series[i * 4 + j] = row[j - i];
    check_exponential(4, shift, series, 1e-15);
    /* Large entries are halved eight times; the small exponential keeps its digits too. */
    double seen[9];
    cr_assert_eq(matrix_exponential(3, (double[]){300, 0, 0, 0, -300, 0, 0, 0, 1}, seen), STATUS_OK);
    cr_assert_float_eq(seen[0] / exp(300), 1, 1e-12);
    cr_assert_float_eq(seen[4] / exp(-300), 1, 1e-12);
    cr_assert_float_eq(seen[8] / exp(1), 1, 1e-12);
    check_exponential(2, (double[]){2, 5, 0, -1}, (double[]){exp(2), 5 * (exp(2) - exp(-1)) / 3, 0, exp(-1)}, 1e-14);
    check_exponential(2, (double[4]){0}, (double[]){1, 0, 0, 1}, 1e-15);
    check_exponential(1, (double[]){-20}, (double[]){exp(-20)}, 1e-15);
}

Test(theory_matrix, exponential_of_the_negative_is_the_inverse) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        enum { N = 6, COUNT = N * N };
        double a[COUNT], back[COUNT], there[COUNT], product[COUNT], unit[COUNT], determinant;
        draw(seed, COUNT, a);
        for (size_t i = 0; i < COUNT; i++) a[i] *= 0.2 * (double)(seed + 1), back[i] = -a[i];
        cr_assert_eq(matrix_exponential(N, a, there), STATUS_OK);
        cr_assert_eq(matrix_log_determinant(N, there, &determinant), STATUS_OK);
        cr_assert_float_eq(determinant, matrix_trace(N, a), 1e-10);
        cr_assert_eq(matrix_exponential(N, back, back), STATUS_OK, "in place");
        matrix_multiply(N, 1, there, back, 0, product);
        matrix_unit(N, unit);
        CHECK_CLOSE(COUNT, product, unit, 1e-13 * matrix_largest(COUNT, there) * matrix_largest(COUNT, back));
    }
}

Test(theory_matrix, solutions_norms_and_commutators) {
    enum { N = 5, COLUMNS = 3 };
    double a[N * N], x[N * COLUMNS], b[N * COLUMNS] = {0}, norm;
    draw(11, N * N, a), draw(12, N * COLUMNS, x);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            for (size_t j = 0; j < COLUMNS; j++) b[i * COLUMNS + j] += a[i * N + k] * x[k * COLUMNS + j];
    cr_assert_eq(matrix_solve(N, COLUMNS, a, b), STATUS_OK);
    CHECK_CLOSE(N * COLUMNS, b, x, 1e-12);

    cr_assert_eq(matrix_norm(2, (double[]){0, -3, 3, 0}, &norm), STATUS_OK);
    cr_assert_float_eq(norm, 3, 1e-14);
    cr_assert_eq(matrix_norm(2, (double[]){3, 6, 4, 8}, &norm), STATUS_OK); /* (3, 4)^T (1, 2) */
    cr_assert_float_eq(norm, 5 * sqrt(5), 1e-13);
    cr_assert_eq(matrix_norm(3, (double[]){1, 0, 0, 0, -7, 0, 0, 0, 2}, &norm), STATUS_OK);
    cr_assert_float_eq(norm, 7, 1e-14);

    const double e[] = {0, 1, 0, 0}, f[] = {0, 0, 1, 0}, h[] = {1, 0, 0, -1};
    double c[] = {1, 0, 0, -1};
    matrix_commute(2, -1, e, f, 2, c); /* 2 h - [e, f] */
    CHECK_CLOSE(4, c, h, 0);
    matrix_commute(2, 0.5, h, e, 0, c);
    CHECK_CLOSE(4, c, e, 0);
    cr_assert_eq(matrix_trace(2, (double[]){1, 7, 7, 5}), 6);
}

#endif
