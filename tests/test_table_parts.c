/* test_table_parts.c - arrays of archives, columns, and the parts of a table: files, numbers and fractions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "file_support.h"
#include "data/dataset.h"
#include "data/table.h"
#include "scratch.h"

static char folder[64];

static void begin(void) {
    scratch_create(folder);
}

static void end(void) {
    scratch_remove(folder);
}

TestSuite(npz, .init = begin, .fini = end);
TestSuite(table_columns, .init = begin, .fini = end);
TestSuite(table_parts, .init = begin, .fini = end);

/* Return the path of a file of the folder, valid for sixteen calls. */
static const char *at(const char *name) {
    static char paths[16][128];
    static size_t next;
    char *path = paths[next++ % 16];
    scratch_path(folder, name, path);
    return path;
}

static void write_text(const char *name, const char *text) {
    scratch_write(at(name), text, strlen(text));
}

#define EXPECT_REFUSED(outcome, expected, err, ...)                                                                    \
    do {                                                                                                               \
        const char *const words_[] = {__VA_ARGS__};                                                                    \
        cr_assert_eq(outcome, expected, "%s", (err).text);                                                             \
        for (size_t w_ = 0; w_ < sizeof words_ / sizeof *words_; w_++)                                                 \
            cr_expect_not_null(strstr((err).text, words_[w_]), "no \"%s\" in: %s", words_[w_], (err).text);            \
    } while (0)

/* --- Arrays of archives --- */

static const double numbers[] = {1, 2.5, -3, 4, 5, 6.25};

static void write_arrays(const char *name, bool deflated) {
    size_t x_size, y_size;
    unsigned char *x = array_bytes("<f8", false, "(3, 2)", numbers, sizeof numbers, &x_size);
    unsigned char *y = array_bytes("<f8", true, "(2, 3)", numbers, sizeof numbers, &y_size);
    const zip_content files[] = {{"x.npy", x, x_size}, {"y.npy", y, y_size}, {"readme.txt", "?", 1}};
    zip_write(at(name), files, 3, deflated);
    free(x);
    free(y);
}

Test(npz, an_array_is_read_by_name) {
    table *x = NULL, *y = NULL;
    error_info err = {""};
    for (int deflated = 0; deflated < 2; deflated++) {
        write_arrays("two.npz", deflated);
        cr_assert_eq(table_read(at("two.npz:x"), &x, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(table_read(at("two.npz:y"), &y, &err), STATUS_OK, "%s", err.text);
        cr_expect(x->rows == 3 && x->columns == 2 && y->rows == 2 && y->columns == 3);
        for (size_t i = 0; i < 6; i++) cr_expect_eq(x->values[i], (real)numbers[i]);
        cr_expect_eq(y->values[1], (real)-3);
        cr_expect_str_neq(x->sha256, y->sha256);
        table_destroy(&x);
        table_destroy(&y);
    }
}

/* The checksum is that of the array, as a .npy file has it. */
Test(npz, the_only_array_needs_no_name) {
    table *one = NULL, *plain = NULL;
    size_t size;
    unsigned char *bytes = array_bytes("<f8", false, "(3, 2)", numbers, sizeof numbers, &size);
    zip_write(at("one.npz"), &(zip_content){"only.npy", bytes, size}, 1, true);
    scratch_write(at("plain.npy"), bytes, size);
    free(bytes);
    cr_assert_eq(table_read(at("one.npz"), &one, NULL), STATUS_OK);
    cr_assert_eq(table_read(at("plain.npy"), &plain, NULL), STATUS_OK);
    cr_expect_str_eq(one->sha256, plain->sha256);
    table_destroy(&one);
    table_destroy(&plain);
}

Test(npz, missing_names_are_rejected_with_a_list) {
    table *points = NULL;
    error_info err = {""};
    write_arrays("two.npz", false);
    EXPECT_REFUSED(table_read(at("two.npz:z"), &points, &err), STATUS_INVALID, err, "two.npz\": no array \"z\"",
                   "expected one of x, y");
    EXPECT_REFUSED(table_read(at("two.npz"), &points, &err), STATUS_INVALID, err, "two.npz\": found 2 arrays",
                   "two.npz:NAME, with NAME one of x, y");
    zip_write(at("none.npz"), &(zip_content){"readme.txt", "?", 1}, 1, false);
    EXPECT_REFUSED(table_read(at("none.npz"), &points, &err), STATUS_FORMAT, err, "expected arrays (NAME.npy)");
    EXPECT_REFUSED(table_read(at("absent.npz:x"), &points, &err), STATUS_IO, err, "absent.npz");
}

Test(npz, damaged_archives_are_refused) {
    table *points = NULL;
    error_info err = {""};
    for (int deflated = 0; deflated < 2; deflated++) {
        write_arrays("bad.npz", deflated);
        size_t size;
        unsigned char *bytes = scratch_read(at("bad.npz"), &size);
        bytes[deflated ? 60 : 150] ^= 0x55; /* within the first array */
        scratch_write(at("bad.npz"), bytes, size);
        EXPECT_REFUSED(table_read(at("bad.npz:x"), &points, &err), STATUS_FORMAT, err, "bad.npz\": \"x.npy\": offset ");
        for (size_t length = 0; length < size; length += 7) {
            scratch_write(at("bad.npz"), bytes, length);
            cr_expect_eq(table_read(at("bad.npz:x"), &points, &err), STATUS_FORMAT, "%zu", length);
        }
        free(bytes);
    }
    size_t size;
    unsigned char *text = array_bytes("|S3", false, "(2,)", "abcdef", 6, &size);
    zip_write(at("bad.npz"), &(zip_content){"words.npy", text, size}, 1, false);
    free(text);
    EXPECT_REFUSED(table_read(at("bad.npz"), &points, &err), STATUS_FORMAT, err, "found '|S3'");
}

/* --- Columns --- */

/* Words and commas: unused columns may contain anything. */
static const char labelled[] = "x,kind,y,note\n1,a b,2,\n3,\"c,d\",4,NA\n5,7,6,end\n";

static status read_columns(const char *name, const char *use, const char *ignore, table **out, error_info *err) {
    const table_columns columns = {
        .use = &use, .ignore = &ignore, .use_count = use != NULL, .ignore_count = ignore != NULL};
    return table_read_columns(at(name), &columns, out, err);
}

Test(table_columns, by_names_and_numbers) {
    table *points = NULL;
    error_info err = {""};
    write_text("l.csv", labelled);
    const table_columns cases[] = {{.use = (const char *const[]){"x", "y"}, .use_count = 2},
                                   {.use = (const char *const[]){"1", "3"}, .use_count = 2},
                                   {.ignore = (const char *const[]){"note", "kind"}, .ignore_count = 2},
                                   {.use = (const char *const[]){"x", "y", "note"},
                                    .use_count = 3,
                                    .ignore = (const char *const[]){"4"},
                                    .ignore_count = 1}};
    char sha256[65] = "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(table_read_columns(at("l.csv"), &cases[i], &points, &err), STATUS_OK, "%zu: %s", i, err.text);
        cr_assert(points->rows == 3 && points->columns == 2);
        for (size_t k = 0; k < 6; k++) cr_expect_eq(points->numbers[k], (double)k + 1);
        cr_expect_str_eq(table_name(points, 1), "y");
        if (i > 0) cr_expect_str_eq(points->sha256, sha256, "%zu", i); /* the same data by another description */
        memcpy(sha256, points->sha256, sizeof sha256);
        table_destroy(&points);
    }
    const table_columns turned = {.use = (const char *const[]){"y", "x"}, .use_count = 2};
    cr_assert_eq(table_read_columns(at("l.csv"), &turned, &points, &err), STATUS_OK, "%s", err.text);
    cr_expect(points->numbers[0] == 2 && points->numbers[1] == 1);
    cr_expect_str_eq(table_name(points, 0), "y");
    cr_expect_str_neq(points->sha256, sha256);
    table_destroy(&points);
}

Test(table_columns, all_of_them_are_the_file_itself) {
    table *all = NULL, *plain = NULL;
    write_text("p.csv", "x,y\n1,2\n3,4\n");
    const table_columns both = {.use = (const char *const[]){"x", "2"}, .use_count = 2};
    cr_assert_eq(table_read_columns(at("p.csv"), &both, &all, NULL), STATUS_OK);
    cr_assert_eq(table_read_numbers(at("p.csv"), &plain, NULL), STATUS_OK);
    cr_expect_str_eq(all->sha256, plain->sha256);
    table_destroy(&all);
    table_destroy(&plain);
}

Test(table_columns, missing_columns_are_rejected) {
    table *points = NULL;
    error_info err = {""};
    write_text("l.csv", labelled);
    EXPECT_REFUSED(read_columns("l.csv", NULL, "lable", &points, &err), STATUS_INVALID, err,
                   "data.ignore: no column \"lable\" in ", "expected one of x, kind, y, note, or a number from 1 to 4");
    EXPECT_REFUSED(read_columns("l.csv", "5", NULL, &points, &err), STATUS_INVALID, err,
                   "data.columns: no column \"5\"");
    EXPECT_REFUSED(read_columns("l.csv", "0", NULL, &points, &err), STATUS_INVALID, err,
                   "data.columns: no column \"0\"");
    EXPECT_REFUSED(read_columns("l.csv", "x", "x", &points, &err), STATUS_INVALID, err,
                   "data.ignore: ", "no other columns");
    EXPECT_REFUSED(read_columns("l.csv", "kind", NULL, &points, &err), STATUS_FORMAT, err,
                   "l.csv:2:3: expected a number, found 'a'");
    EXPECT_REFUSED(read_columns("l.csv", "note", NULL, &points, &err), STATUS_FORMAT, err,
                   "l.csv:2:9: ", "found nothing");
    EXPECT_REFUSED(read_columns("l.csv", NULL, "kind", &points, &err), STATUS_FORMAT, err, "l.csv:2:9: ");
    const table_columns twice = {.use = (const char *const[]){"x", "1"}, .use_count = 2};
    EXPECT_REFUSED(table_read_columns(at("l.csv"), &twice, &points, &err), STATUS_INVALID, err,
                   "data.columns: \"1\" is column 1, which is listed before");
    write_text("d.csv", "x,x,y\n1,2,3\n");
    EXPECT_REFUSED(read_columns("d.csv", "x", NULL, &points, &err), STATUS_INVALID, err, "has 2 columns \"x\"");
    write_text("n.csv", "1,2\n3,nan\n");
    EXPECT_REFUSED(read_columns("n.csv", "2", NULL, &points, &err), STATUS_FORMAT, err, "n.csv:2:3: row 2: ");
    write_text("b.csv", "1 a 2\n3 b c 4\n");
    EXPECT_REFUSED(read_columns("b.csv", NULL, "2", &points, &err), STATUS_FORMAT, err, "b.csv:2:", "found 4");
    cr_expect_null(points);
}

/* --- Parts --- */

static void write_rows(const char *name, const char *header, size_t rows, double first) {
    char text[16384];
    int used = sprintf(text, "%s", header);
    for (size_t i = 0; i < rows; i++)
        used += sprintf(text + used, "%g,%g\n", first + (double)i, sin(first + (double)i));
    write_text(name, text);
}

/* Count the rows of a split whose first number is between the two, in each of `count` points. */
static size_t count_between(const dataset *data, dataset_split split, size_t count, double low, double high) {
    size_t found = 0;
    real *x = calloc(count, 2 * sizeof *x);
    dataset_batch(data, split, 0, 1, 0, count, x);
    for (size_t i = 0; i < count; i++) found += (double)x[2 * i] >= low && (double)x[2 * i] < high;
    free(x);
    return found;
}

static dataset *open_parts(dataset_spec spec) {
    dataset *data = NULL;
    error_info err = {""};
    cr_assert_eq(dataset_open_parts(&spec, &data, &err), STATUS_OK, "%s", err.text);
    return data;
}

Test(table_parts, files_are_the_splits) {
    write_rows("a.csv", "x,y\n", 50, 0);
    write_rows("b.csv", "x,y\n", 20, 100);
    write_rows("c.csv", "x,y\n", 30, 200);
    dataset *data = open_parts(
        (dataset_spec){.name = at("a.csv"), .validation = {.path = at("b.csv")}, .test = {.path = at("c.csv")}});
    cr_expect_eq(dataset_size(data, SPLIT_TRAINING), 50);
    cr_expect_eq(dataset_size(data, SPLIT_VALIDATION), 20);
    cr_expect_eq(dataset_size(data, SPLIT_TEST), 30);
    cr_expect_eq(count_between(data, SPLIT_TRAINING, 500, 0, 50), 500);
    cr_expect_eq(count_between(data, SPLIT_VALIDATION, 20, 100, 120), 20);
    cr_expect_eq(count_between(data, SPLIT_TEST, 30, 200, 230), 30);
    cr_expect_eq(count_between(data, SPLIT_TARGET, 50, 0, 50), 50, "figures show what is trained on");
    real x[2 * 20];
    bool seen[20] = {false};
    dataset_batch(data, SPLIT_VALIDATION, 0, 1, 0, 20, x);
    for (size_t i = 0; i < 20; i++) seen[(size_t)x[2 * i] - 100] = true;
    for (size_t i = 0; i < 20; i++) cr_expect(seen[i], "each row is there once: %zu", i);
    /* Units are those of the training rows: the mean of 0 .. 49. */
    cr_assert_eq(dataset_standardise(data, NULL), STATUS_OK);
    cr_expect_float_eq(dataset_units(data)->mean[0], 24.5, 1e-12);
    dataset_close(&data);
}

Test(table_parts, numbers_and_fractions_are_rows_of_the_file) {
    write_rows("a.csv", "", 50, 0);
    write_rows("b.csv", "", 20, 100);
    const dataset_spec cases[] = {{.name = at("a.csv"), .validation = {.share = 7}, .test = {.share = 0.2}},
                                  {.name = at("a.csv"), .validation = {.share = 7}, .test = {.path = at("b.csv")}},
                                  {.name = at("a.csv"), .validation = {.path = at("b.csv")}, .test = {.share = 9}}};
    const size_t sizes[][3] = {{33, 7, 10}, {43, 7, 20}, {41, 20, 9}};
    for (size_t k = 0; k < 3; k++) {
        dataset *data = open_parts(cases[k]);
        size_t of_all[150] = {0};
        for (dataset_split split = SPLIT_TRAINING; split <= SPLIT_TEST; split++) {
            cr_assert_eq(dataset_size(data, split), sizes[k][split], "%zu, split %d", k, split);
            real x[2 * 1000];
            dataset_batch(data, split, 0, 1, 0, 1000, x);
            for (size_t i = 0; i < 1000; i++) of_all[(size_t)x[2 * i]] |= (size_t)1 << split;
        }
        for (size_t row = 0; row < (k == 0 ? 50 : 120); row++)
            if (row < 50 || row >= 100)
                cr_expect(of_all[row] == 1 || of_all[row] == 2 || of_all[row] == 4, "%zu: row %zu is in %zu", k, row,
                          of_all[row]);
        dataset_close(&data);
    }
}

/* A tenth is the default; it is the same data. */
Test(table_parts, the_usual_parts_leave_the_checksum) {
    write_rows("a.csv", "", 50, 0);
    write_rows("b.csv", "", 20, 100);
    dataset *usual = open_parts((dataset_spec){.name = at("a.csv")}),
            *tenth = open_parts((dataset_spec){.name = at("a.csv"), .validation = {.share = 0.1}});
    dataset *five = open_parts((dataset_spec){.name = at("a.csv"), .validation = {.share = 5}});
    dataset *other = open_parts((dataset_spec){.name = at("a.csv"), .validation = {.share = 6}});
    dataset *file = open_parts((dataset_spec){.name = at("a.csv"), .validation = {.path = at("b.csv")}});
    dataset *tested = open_parts((dataset_spec){.name = at("a.csv"), .test = {.path = at("b.csv")}});
    cr_expect_str_eq(dataset_checksum(tenth), dataset_checksum(usual));
    cr_expect_str_eq(dataset_checksum(five), dataset_checksum(usual));
    cr_expect_str_neq(dataset_checksum(other), dataset_checksum(usual));
    cr_expect_str_neq(dataset_checksum(file), dataset_checksum(usual));
    cr_expect_str_neq(dataset_checksum(tested), dataset_checksum(file));
    dataset *all[] = {usual, tenth, five, other, file, tested};
    for (size_t i = 0; i < 6; i++) dataset_close(&all[i]);
}

Test(table_parts, parts_that_do_not_fit_are_refused) {
    dataset *data = NULL;
    error_info err = {""};
    write_rows("a.csv", "x,y\n", 50, 0);
    write_rows("other.csv", "x,z\n", 20, 0);
    write_rows("none.csv", "", 20, 0);
    write_rows("empty.csv", "x,y\n", 0, 0);
    write_text("three.csv", "x,y,z\n1,2,3\n");
    const struct {
        dataset_spec spec;
        status outcome;
        const char *words, *more;
    } cases[] = {
        {{.validation = {.path = "other.csv"}},
         STATUS_FORMAT,
         "data.validation: ",
         "column 2: expected the name \"y\""},
        {{.test = {.path = "none.csv"}}, STATUS_FORMAT, "data.test: ", "has no names of columns"},
        {{.test = {.path = "three.csv"}}, STATUS_FORMAT, "data.test: ", "expected 2 columns"},
        {{.test = {.path = "empty.csv"}}, STATUS_FORMAT, "empty.csv:2:1: ", "expected a line of numbers"},
        {{.test = {.path = "absent.csv"}}, STATUS_IO, "absent.csv", ""},
        {{.validation = {.path = "a.csv"}}, STATUS_INVALID, "data.validation: ", "holds the same as"},
        {{.validation = {.share = 50}}, STATUS_INVALID, "data.validation: ", "has 50 rows"},
        {{.validation = {.share = 20}, .test = {.share = 0.7}}, STATUS_INVALID, "data.test: ", "20 + 35"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dataset_spec spec = cases[i].spec;
        spec.name = at("a.csv");
        if (spec.validation.path) spec.validation.path = at(spec.validation.path);
        if (spec.test.path) spec.test.path = at(spec.test.path);
        EXPECT_REFUSED(dataset_open_parts(&spec, &data, &err), cases[i].outcome, err, cases[i].words, cases[i].more);
        cr_expect_null(data);
    }
    const dataset_spec toy = {.name = "ty", .test = {.share = 10}};
    EXPECT_REFUSED(dataset_open_parts(&toy, &data, &err), STATUS_INVALID, err, "data.test: \"ty\" is a toy density");
}

Test(table_parts, texts_of_settings) {
    data_part part;
    error_info err = {""};
    cr_assert_eq(data_part_read("data.test", "", &part, &err), STATUS_OK);
    cr_expect(part.path == NULL && part.share == 0);
    cr_assert_eq(data_part_read("data.test", "0.25", &part, &err), STATUS_OK);
    cr_expect_eq(part.share, 0.25);
    cr_assert_eq(data_part_read("data.test", "1000", &part, &err), STATUS_OK);
    cr_expect_eq(part.share, 1000);
    cr_assert_eq(data_part_read("data.test", "1000.csv", &part, &err), STATUS_OK);
    cr_expect_str_eq(part.path, "1000.csv");
    static const char *const bad[] = {"0", "-1", "1.5", "1e12"};
    for (size_t i = 0; i < 4; i++)
        EXPECT_REFUSED(data_part_read("data.test", bad[i], &part, &err), STATUS_INVALID, err, "data.test: ", bad[i]);
}
