/* test_dataset.c - data sets by name and by file; valid and invalid files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include "data/dataset.h"
#include "data/npy.h"
#include "data/table.h"
#include "data/toy.h"
#include "scratch.h"

static char folder[64], path[128];

static void open_folder(void) {
    scratch_create(folder);
}

static void remove_folder(void) {
    scratch_remove(folder);
}

TestSuite(dataset, .init = open_folder, .fini = remove_folder);
TestSuite(csv, .init = open_folder, .fini = remove_folder);
TestSuite(npy, .init = open_folder, .fini = remove_folder);

/* Write a file and read it as a table. */
static status read_table(const char *name, const void *bytes, size_t size, table **out, error_info *err) {
    scratch_path(folder, name, path);
    scratch_write(path, bytes, size);
    return table_read(path, out, err);
}

/* Expect a table of these numbers. */
static void expect_table(table *points, size_t rows, size_t columns, const double *values) {
    cr_assert_eq(points->rows, rows);
    cr_assert_eq(points->columns, columns);
    for (size_t i = 0; i < rows * columns; i++) cr_expect_eq(points->values[i], (real)values[i]);
    table_destroy(&points);
    cr_expect_null(points);
}

Test(csv, good_files) {
    const char *const texts[] = {
        "1,2.5\n-3e0,4\n",
        "x,y\n1,2.5\n-3,4\n", /* a header */
        "# x y\n1 2.5\n-3\t4", /* numpy.savetxt with a header, no end of the last line */
        "\xef\xbb\xbfx;y\r\n1 , 2.5\r\n\r\n  -3,4  \r\n", /* from a spreadsheet, with an empty line */
        "\n\n1 2.5\n-3 4\n\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        table *points = NULL;
        error_info err = {""};
        cr_assert_eq(read_table("good.csv", texts[i], strlen(texts[i]), &points, &err), STATUS_OK, "%zu: %s", i,
                     err.text);
        expect_table(points, 2, 2, (double[]){1, 2.5, -3, 4});
    }
}

Test(csv, many_lines) {
    enum { ROWS = 5000 };
    char *text = malloc(ROWS * 32), *end = text;
    for (int i = 0; i < ROWS; i++) end += sprintf(end, "%d,%d,%d\n", i, -i, 7);
    table *points = NULL;
    cr_assert_eq(read_table("many.csv", text, (size_t)(end - text), &points, NULL), STATUS_OK);
    cr_expect_eq(points->rows, ROWS);
    cr_expect_eq(points->columns, 3);
    cr_expect_eq(points->values[3 * 4321 + 1], -4321);
    table_destroy(&points);
    free(text);
}

/* An invalid file, and a part of its message. */
typedef struct bad_case {
    const char *content;
    size_t size; /* 0: up to the terminator */
    const char *message;
} bad_case;

Test(csv, bad_files_are_refused_with_the_place) {
    const bad_case cases[] = {
        {"1,2\n3,x4\n", 0, "bad.csv:2:3: expected a number, found 'x4'"},
        {"1,2\n3,4.5.6\n", 0, "bad.csv:2:3: expected a number, found '4.5.6'"},
        {"1,2\n3\n", 0, "bad.csv:2:2: expected 2 numbers, as in line 1, found 1"},
        {"a,b\n1,2\n3,4,5\n", 0, "bad.csv:3:6: expected 2 numbers, as in line 2, found 3"},
        {"1,,2\n", 0, "bad.csv:1:3: expected a number, found nothing"},
        {"1,2,\n", 0, "bad.csv:1:5: expected a number, found nothing"},
        {",1\n", 0, "bad.csv:1:1: expected a number, found nothing"},
        {"1;2\n", 0, "expected a line of numbers"}, /* no number in it: a header */
        {"1,2\n3;4\n", 0, "bad.csv:2:1: expected a number, found '3;4'"},
        {"x,1\n2,3\n", 0, "bad.csv:1:1: expected a number, found 'x'"},
        {"1,2\nnan,3\n", 0, "bad.csv:2:1: row 2: expected a finite number"},
        {"x\n1\n2\n-inf\n", 0, "bad.csv:4:1: row 3: expected a finite number"},
        {"1e999\n", 0, "bad.csv:1:1: row 1: expected a finite number"},
        {"x,y\n", 0, "bad.csv:2:1: expected a line of numbers"},
        {"", 0, "bad.csv:1:1: expected a line of numbers"},
        {"1,2\n3,\0004\n", 9, "bad.csv:2:3: expected a number, found a zero byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table *points = NULL;
        error_info err = {""};
        size_t size = cases[i].size > 0 ? cases[i].size : strlen(cases[i].content);
        cr_expect_eq(read_table("bad.csv", cases[i].content, size, &points, &err), STATUS_FORMAT, "%zu", i);
        cr_expect_null(points);
        cr_expect_not_null(strstr(err.text, cases[i].message), "%zu: %s", i, err.text);
        cr_expect_not_null(strstr(err.text, folder), "%zu: %s", i, err.text);
    }
}

/* The bytes of a .npy file of a version, with this header and these numbers; returns their count. */
static size_t npy_bytes(unsigned char *bytes, unsigned version, const char *header, const void *numbers, size_t size) {
    size_t length = strlen(header), at = 0;
    memcpy(bytes, "\x93NUMPY", 6);
    at = 6;
    bytes[at++] = (unsigned char)version;
    bytes[at++] = 0;
    for (unsigned i = 0; i < (version == 1 ? 2u : 4u); i++) bytes[at++] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + at, header, length);
    memcpy(bytes + at + length, numbers, size);
    return at + length + size;
}

static const float floats[] = {1, 2.5F, -3, 4, 5, 6.25F};
static const double doubles[] = {1, 2.5, -3, 4, 5, 6.25};

Test(npy, good_files) {
    const struct {
        unsigned version;
        const char *header;
        const void *numbers;
        size_t size;
    } cases[] = {
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }          \n", floats, sizeof floats},
        {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }          \n", doubles, sizeof doubles},
        {2, "{\"shape\":(3,2),\"fortran_order\":False,\"descr\":\"<f8\"}", doubles, sizeof doubles},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[256];
        size_t size = npy_bytes(bytes, cases[i].version, cases[i].header, cases[i].numbers, cases[i].size);
        table *points = NULL;
        error_info err = {""};
        cr_assert_eq(read_table("good.npy", bytes, size, &points, &err), STATUS_OK, "%zu: %s", i, err.text);
        expect_table(points, 3, 2, doubles);
    }
}

Test(npy, bad_headers_are_refused) {
#define NPY(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"
    const struct {
        const char *header, *message;
    } cases[] = {
        {NPY("'<c8'", "False", "(3, 2)"), "expected floating-point numbers or integers of up to 8 bytes, found '<c8'"},
        {NPY("'<f3'", "False", "(3, 2)"), "found '<f3'"},
        {NPY("'<f16'", "False", "(3, 2)"), "found '<f16'"},
        {NPY("'|b2'", "False", "(3, 2)"), "found '|b2'"},
        {NPY("[('x', '<f4')]", "False", "(3, 2)"), "expected a header"},
        {NPY("'<f4'", "0", "(3, 2)"), "expected a header"},
        {NPY("'<f4'", "False", "(5,)"), "shape (5, 1) of '<f4' does not fit the 24 bytes"},
        {NPY("'<f4'", "False", "()"), "expected an array of 2 dimensions (points, coordinates), or of 1"},
        {NPY("'<f4'", "False", "(3, 2, 1)"), "found 3"},
        {NPY("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), "expected a header"},
        {NPY("'<f4'", "False", "(0, 2)"), "expected at least one point"},
        {NPY("'<f4'", "False", "(3, 0)"), "expected at least one point"},
        {NPY("'<f4'", "False", "(2, 2)"), "does not fit the 24 bytes"},
        {NPY("'<f4'", "False", "(4, 2)"), "does not fit the 24 bytes"},
        {NPY("'<f8'", "False", "(3, 2)"), "does not fit the 24 bytes"},
        {NPY("'<f4'", "False", "(-3, 2)"), "expected a header"},
        {NPY("'<f4'", "False", "(4611686018427387904, 4)"), "does not fit the 24 bytes"},
        {NPY("'<f4'", "False", "(2305843009213693955, 2)"), "does not fit the 24 bytes"}, /* 2^64 + 24 bytes */
        {NPY("'<f4'", "False", "(18446744073709551615, 18446744073709551615)"), "does not fit the 24 bytes"},
        {NPY("'<f4'", "False", "(18446744073709551616, 2)"), "expected a header"},
        {"{'descr': '<f4', 'shape': (3, 2)}", "expected a header"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", "expected a header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}", "expected a header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)} x", "expected a header"},
        {"{'descr': '<f4", "expected a header"},
        {"", "expected a header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[512];
        size_t size = npy_bytes(bytes, 1, cases[i].header, floats, sizeof floats);
        table *points = NULL;
        error_info err = {""};
        cr_expect_eq(read_table("bad.npy", bytes, size, &points, &err), STATUS_FORMAT, "%zu", i);
        cr_expect_not_null(strstr(err.text, cases[i].message), "%zu: %s", i, err.text);
        cr_expect_not_null(strstr(err.text, path), "%zu: %s", i, err.text);
    }
}

/* Three rows of two, in every type: 1 2 / 3 4 / 5 6, except extreme values of some types. */
Test(npy, types_orders_and_vectors_are_read) {
    const struct {
        const char *header;
        const char *bytes;
        size_t size, rows, columns;
        double expected[6];
    } cases[] = {
        {NPY("'<f2'", "False", "(3, 2)"),
         "\0\x3c\0\xc0\1\0\xff\x7b\0\4\x55\x35",
         12,
         3,
         2,
         {1, -2, 0x1p-24, 65504, 0x1p-14, 0.333251953125}},
        {NPY("'>f4'", "True", "(1, 2)"), "\x3f\x80\0\0\xc0\0\0\0", 8, 1, 2, {1, -2}},
        {NPY("'>f8'", "False", "(1,)"), "\xbf\xf8\0\0\0\0\0\0", 8, 1, 1, {-1.5}},
        {NPY("'|i1'", "True", "(3, 2)"), "\1\3\5\2\4\xff", 6, 3, 2, {1, 2, 3, 4, 5, -1}},
        {NPY("'|u1'", "False", "(6,)"), "\1\2\3\4\5\xff", 6, 6, 1, {1, 2, 3, 4, 5, 255}},
        {NPY("'|b1'", "False", "(2,)"), "\0\1", 2, 2, 1, {0, 1}},
        {NPY("'>i2'", "False", "(2, 1)"), "\x80\0\1\2", 4, 2, 1, {-32768, 258}},
        {NPY("'<u4'", "False", "(1, 1)"), "\xff\xff\xff\xff", 4, 1, 1, {4294967295}},
        {NPY("'<i8'", "False", "(1, 1)"), "\xfe\xff\xff\xff\xff\xff\xff\xff", 8, 1, 1, {-2}},
        {NPY("'>u8'", "False", "(1, 1)"), "\x80\0\0\0\0\0\0\0", 8, 1, 1, {0x1p63}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[256];
        const size_t size = npy_bytes(bytes, 1, cases[i].header, cases[i].bytes, cases[i].size);
        table *points = NULL;
        error_info err = {""};
        cr_assert_eq(read_table("any.npy", bytes, size, &points, &err), STATUS_OK, "%zu: %s", i, err.text);
        expect_table(points, cases[i].rows, cases[i].columns, cases[i].expected);
    }
}

/* The name lacks both endings; a truncated or damaged file, or one with further bytes, is rejected. */
Test(dataset, packed_tables_are_read) {
    const char text[] = "1\t2\n3\t4\n";
    unsigned char bytes[256];
    size_t size;
    dataset *data = NULL;
    table *points = NULL;
    error_info err = {""};
    scratch_path(folder, "some.tsv.gz", path);
    gzFile file = gzopen(path, "wb");
    cr_assert_eq(gzwrite(file, text, sizeof text - 1), (int)sizeof text - 1);
    cr_assert_eq(gzclose(file), Z_OK);
    cr_assert_eq(dataset_open(path, &data, &err), STATUS_OK, "%s", err.text);
    cr_expect_str_eq(dataset_name(data), "some");
    cr_expect_eq(dataset_dimension(data), 2);
    dataset_close(&data);
    unsigned char *whole = scratch_read(path, &size);
    for (size_t kept = 0; kept < size; kept++)
        cr_expect_eq(read_table("cut.tsv.gz", whole, kept, &points, &err), STATUS_FORMAT, "%zu", kept);
    memcpy(bytes, whole, size);
    memcpy(bytes + size, whole, size);
    cr_expect_eq(read_table("two.tsv.gz", bytes, 2 * size, &points, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "expected one file compressed by gzip"), "%s", err.text);
    free(whole);
}

Test(npy, every_truncation_is_refused) {
    unsigned char bytes[256];
    size_t size = npy_bytes(bytes, 2, NPY("'<f4'", "False", "(3, 2)"), floats, sizeof floats);
    for (size_t kept = 0; kept < size; kept++) {
        table *points = NULL;
        error_info err = {""};
        cr_expect_eq(read_table("cut.npy", bytes, kept, &points, &err), STATUS_FORMAT, "%zu", kept);
        cr_expect_not_null(strstr(err.text, path), "%zu: %s", kept, err.text);
    }
    bytes[6] = 3;
    table *points = NULL;
    error_info err;
    cr_expect_eq(read_table("cut.npy", bytes, size, &points, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "expected version 1 or 2"), "%s", err.text);
}

Test(npy, infinite_numbers_name_their_row) {
    const float numbers[] = {1, 2, 3, NAN, 5, 6};
    unsigned char bytes[256];
    size_t size = npy_bytes(bytes, 1, NPY("'<f4'", "False", "(3, 2)"), numbers, sizeof numbers);
    table *points = NULL;
    error_info err = {""};
    cr_expect_eq(read_table("nan.npy", bytes, size, &points, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "row 2, column 2"), "%s", err.text);
}

Test(npy, written_files_read_back) {
    table *points = NULL;
    scratch_path(folder, "out.npy", path);
    cr_assert_eq(npy_write(path, NPY_F64, doubles, 3, 2, NULL), STATUS_OK);
    cr_assert_eq(table_read(path, &points, NULL), STATUS_OK);
    expect_table(points, 3, 2, doubles);
    cr_assert_eq(npy_write(path, NPY_F32, floats, 2, 3, NULL), STATUS_OK);
    cr_assert_eq(table_read(path, &points, NULL), STATUS_OK);
    expect_table(points, 2, 3, doubles);
}

Test(npy, written_bytes_are_as_numpy_writes_them) {
    static const char head[] = "\x93NUMPY\1\0\x76\0{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }";
    scratch_path(folder, "out.npy", path);
    cr_assert_eq(npy_write(path, NPY_F64, doubles, 6, 0, NULL), STATUS_OK);
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    cr_assert_eq(size, 128 + sizeof doubles);
    cr_expect_arr_eq(bytes, head, sizeof head - 1);
    for (size_t i = sizeof head - 1; i < 127; i++) cr_expect_eq(bytes[i], ' ');
    cr_expect_eq(bytes[127], '\n');
    cr_expect_arr_eq(bytes + 128, doubles, sizeof doubles);
    free(bytes);
    error_info err;
    scratch_path(folder, "no/folder/out.npy", path);
    cr_expect_eq(npy_write(path, NPY_F64, doubles, 6, 0, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, path));
}

Test(dataset, unknown_names) {
    dataset *data = NULL;
    error_info err = {""};
    cr_expect_eq(dataset_open("checkerbord", &data, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "\"checkerbord\""));
    cr_expect_not_null(strstr(err.text, "did you mean \"checkerboard\"?"), "%s", err.text);
    cr_expect_eq(dataset_open("/nowhere/points.npy", &data, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "/nowhere/points.npy"));
    cr_expect_null(data);
}

Test(dataset, toys) {
    for (size_t i = 0; i < toy_count(); i++) {
        const toy *density = toy_at(i);
        dataset *data = NULL;
        cr_assert_eq(dataset_open(density->name, &data, NULL), STATUS_OK);
        cr_expect_str_eq(dataset_name(data), density->name);
        cr_expect_eq(dataset_dimension(data), 2);
        char checksum[65];
        toy_checksum(density, checksum);
        cr_expect_str_eq(dataset_checksum(data), checksum);
        double window[4], origin[2] = {0, 0}, log_density, entropy;
        dataset_window(data, window);
        cr_expect_arr_eq(window, density->window, sizeof window);
        cr_expect_eq(dataset_log_density(data, origin, &log_density), density->ops->log_density != NULL);
        cr_expect_eq(dataset_entropy(data, &entropy), density->ops->entropy != NULL);
        dataset_close(&data);
        cr_expect_null(data);
    }
}

Test(dataset, a_batch_is_the_same_in_pieces) {
    dataset *data = NULL;
    cr_assert_eq(dataset_open("ty", &data, NULL), STATUS_OK);
    real whole[2 * 100], pieces[2 * 100];
    dataset_batch(data, SPLIT_TRAINING, 4, 9, 0, 100, whole);
    dataset_batch(data, SPLIT_TRAINING, 4, 9, 63, 37, pieces + 2 * 63);
    dataset_batch(data, SPLIT_TRAINING, 4, 9, 0, 63, pieces);
    cr_expect_arr_eq(whole, pieces, sizeof whole);
    /* and another for another seed, iteration or split */
    const struct {
        dataset_split split;
        uint64_t seed, iteration;
    } others[] = {{SPLIT_TRAINING, 5, 9}, {SPLIT_TRAINING, 4, 10}, {SPLIT_VALIDATION, 4, 9}, {SPLIT_TARGET, 4, 9}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        dataset_batch(data, others[i].split, others[i].seed, others[i].iteration, 0, 100, pieces);
        cr_expect_neq(memcmp(whole, pieces, sizeof whole), 0, "%zu", i);
    }
    dataset_close(&data);
}

enum { ROWS = 100 };

/* A table whose row r is (r, 1000 + r, -r). */
static dataset *open_rows(void) {
    static double values[3 * ROWS];
    for (int r = 0; r < ROWS; r++) {
        values[3 * r] = r;
        values[3 * r + 1] = 1000 + r;
        values[3 * r + 2] = -r;
    }
    scratch_path(folder, "some.rows.npy", path);
    cr_assert_eq(npy_write(path, NPY_F64, values, ROWS, 3, NULL), STATUS_OK);
    dataset *data = NULL;
    error_info err = {""};
    cr_assert_eq(dataset_open(path, &data, &err), STATUS_OK, "%s", err.text);
    return data;
}

/* Return the row of a point. */
static size_t row_of(const real *point) {
    size_t row = (size_t)point[0];
    cr_assert_lt(row, ROWS);
    cr_assert_eq(point[1], (real)(1000 + row));
    cr_assert_eq(point[2], -(real)row);
    return row;
}

Test(dataset, table_splits) {
    enum { DRAWS = 20000 };
    dataset *data = open_rows();
    static real x[3 * DRAWS];
    bool held_out[ROWS] = {false};
    dataset_batch(data, SPLIT_VALIDATION, 1, 0, 0, 20, x);
    size_t validation = 0;
    for (int i = 0; i < 10; i++) {
        size_t row = row_of(x + 3 * i);
        validation += !held_out[row];
        held_out[row] = true;
        cr_expect_eq(row_of(x + 3 * (i + 10)), row, "wraps after a tenth of the rows");
    }
    cr_expect_eq(validation, ROWS / 10);
    real again[3 * 10];
    dataset_batch(data, SPLIT_VALIDATION, 2, 7, 0, 10, again);
    cr_expect_arr_eq(again, x, sizeof again, "the same for every seed");

    size_t drawn[ROWS] = {0};
    dataset_batch(data, SPLIT_TRAINING, 1, 0, 0, DRAWS, x);
    for (int i = 0; i < DRAWS; i++) drawn[row_of(x + 3 * i)]++;
    double expected = (double)DRAWS / (ROWS - ROWS / 10), chi2 = 0;
    for (int r = 0; r < ROWS; r++) {
        if (held_out[r]) {
            cr_expect_eq(drawn[r], 0, "row %d is for validation", r);
        } else {
            chi2 += ((double)drawn[r] - expected) * ((double)drawn[r] - expected) / expected;
        }
    }
    cr_expect_lt(fabs(chi2 - 89), 5 * sqrt(2 * 89.0), "chi-square %.1f of 90 rows", chi2);

    bool shown[ROWS] = {false};
    dataset_batch(data, SPLIT_TARGET, 1, 0, 0, ROWS, x);
    for (int i = 0; i < ROWS; i++) shown[row_of(x + 3 * i)] = true;
    for (int r = 0; r < ROWS; r++) cr_expect(shown[r], "row %d is not among the target's", r);
    dataset_close(&data);
}

Test(dataset, table_properties) {
    dataset *data = open_rows();
    cr_expect_str_eq(dataset_name(data), "some.rows");
    cr_expect_eq(dataset_dimension(data), 3);
    double window[4], point[3] = {0}, value;
    dataset_window(data, window);
    cr_expect_float_eq(window[0], -0.05 * 99, 1e-9);
    cr_expect_float_eq(window[1], 1.05 * 99, 1e-9);
    cr_expect_float_eq(window[2], 1000 - 0.05 * 99, 1e-9);
    cr_expect_float_eq(window[3], 1000 + 1.05 * 99, 1e-9);
    cr_expect_not(dataset_log_density(data, point, &value));
    cr_expect_not(dataset_entropy(data, &value));
    dataset_close(&data);
}

Test(dataset, tables_of_one_column_and_of_few_rows) {
    dataset *data = NULL;
    error_info err = {""};
    scratch_path(folder, "line.csv", path);
    scratch_write(path, "1\n2\n3\n", 6);
    cr_assert_eq(dataset_open(path, &data, NULL), STATUS_OK);
    cr_expect_eq(dataset_dimension(data), 1);
    /* sha256sum of these six bytes */
    cr_expect_str_eq(dataset_checksum(data), "14c5e74c4b96ccef41cd94db73a9ec3348038ac094feca4fd897cecffa07cdae");
    double window[4];
    dataset_window(data, window);
    cr_expect(window[2] < window[3]);
    real x[4];
    dataset_batch(data, SPLIT_VALIDATION, 0, 0, 0, 4, x);
    cr_expect(x[0] == x[1] && x[1] == x[3], "one row of three is held out");
    dataset_close(&data);

    scratch_write(path, "1\n", 2);
    cr_expect_eq(dataset_open(path, &data, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "line.csv"), "%s", err.text);
}
