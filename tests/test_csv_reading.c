/* test_csv_reading.c - text tables with more than one interpretation. */
#include <string.h>

#include <criterion/criterion.h>

#include "data/table.h"
#include "scratch.h"

static char folder[64], path[128];

static void open_folder(void) {
    scratch_create(folder);
    scratch_path(folder, "points.csv", path);
}

static void remove_folder(void) {
    scratch_remove(folder);
}

TestSuite(csv_reading, .init = open_folder, .fini = remove_folder);

/* Texts and the parts of their messages: the place, and both interpretations or the advice. */
typedef struct doubtful {
    const char *text, *place, *words, *remedy;
} doubtful;

static void expect_refused(const doubtful *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        table *points = NULL;
        error_info err = {""};
        scratch_write(path, cases[i].text, strlen(cases[i].text));
        cr_expect_eq(table_read(path, &points, &err), STATUS_FORMAT, "%zu: %s", i, cases[i].text);
        cr_expect_null(points);
        cr_expect_not_null(strstr(err.text, cases[i].place), "%zu: %s", i, err.text);
        cr_expect_not_null(strstr(err.text, cases[i].words), "%zu: %s", i, err.text);
        cr_expect_not_null(strstr(err.text, cases[i].remedy), "%zu: %s", i, err.text);
    }
}
#define EXPECT_REFUSED(cases) expect_refused(cases, sizeof(cases) / sizeof *(cases))

/* `names`: the expected names, separated by commas; NULL for none. */
static void expect_read(const char *text, size_t rows, size_t columns, const double *values, const char *names) {
    table *points = NULL;
    error_info err = {""};
    char found[256] = "";
    scratch_write(path, text, strlen(text));
    cr_assert_eq(table_read(path, &points, &err), STATUS_OK, "%s: %s", text, err.text);
    cr_assert_eq(points->rows, rows, "%s", text);
    cr_assert_eq(points->columns, columns, "%s", text);
    for (size_t i = 0; i < rows * columns; i++) cr_expect_eq(points->values[i], (real)values[i], "%s: %zu", text, i);
    for (size_t i = 0; i < columns && table_name(points, i); i++) {
        if (i > 0) strcat(found, ",");
        strcat(found, table_name(points, i));
    }
    cr_expect_str_eq(found, names ? names : "", "%s", text);
    table_destroy(&points);
}

Test(csv_reading, decimal_commas_are_not_taken_for_columns) {
    static const doubtful cases[] = {
        {"x\ty\n1,5\t2,5\n3,5\t4,5\n", "points.csv:2:", "\"1,5\t2,5\": a comma is either inside a number",
         "write numbers as 1234.5"},
        {"1,5 2,5\n", "points.csv:1:", "or between two columns", "write numbers as 1234.5"},
        {"1,5\t2\n", "points.csv:1:", "a decimal comma", "write numbers as 1234.5"},
        {"1.5 2.5\n1,5 2,5\n", "points.csv:2:", "(line 1 has blanks)", "write numbers as 1234.5"},
        {"1 2\n3,4\n", "points.csv:2:", "(line 1 has blanks)", "write numbers as 1234.5"},
        {"1,2\n3 4\n", "points.csv:2:", "(line 1 has commas)", "write numbers as 1234.5"},
        {"1,5;2,5\n", "points.csv:1:", "expected a number, found '5;2'", "decimal points"},
        {"x;y\n1,5;2,5\n", "points.csv:2:", "found '5;2'", "decimal points"},
        {"x\n1,5\n2,5\n", "points.csv:1:", "1 names over 2 columns", "leave the index out"},
        {"x,y\n1,5,2,5\n", "points.csv:1:", "2 names over 4 columns", "write 1234.5"},
        {"0,34\n0,05\n", "points.csv:2:", "\"0,05\" is either one number with a decimal comma or two columns",
         "name all columns"},
        {"-0,34,-1,2\n", "points.csv:1:", "\"-0,34\" is either one number", "name all columns"},
        {"1,5\n2\n", "points.csv:2:", "expected 2 numbers, as in line 1, found 1", "write a number as 1234.5"},
    };
    EXPECT_REFUSED(cases);
    expect_read("x,y\n0,05\n1,10\n", 2, 2, (double[]){0, 5, 1, 10}, "x,y"); /* names say that they are two */
    expect_read("1, 2.5\n3 ,4\n5 , 6\n", 3, 2, (double[]){1, 2.5, 3, 4, 5, 6}, NULL);
    expect_read("1 \t2.5\n3  4\n", 2, 2, (double[]){1, 2.5, 3, 4}, NULL);
    expect_read("1,5\n2,7\n", 2, 2, (double[]){1, 5, 2, 7}, NULL);
}

Test(csv_reading, thousands_are_not_taken_for_columns) {
    static const doubtful cases[] = {
        {"1,234.5\n12,345.6\n", "points.csv:1:", "columns 1 and 2 are either two columns or",
         "write one number as 1234.5"},
        {"1,234,567\n8,900,000\n", "points.csv:", "is either one number", "name all columns"},
        {"1,234,567\n8,911,100\n", "points.csv:1:", "thousands apart", "name all columns"},
        {"0.5,1,234\n0.7,2,345\n", "points.csv:1:", "columns 2 and 3", "name all columns"},
        {"1 234\n2 500\n", "points.csv:1:", "thousands apart", "name all columns"},
        {"1.234,5\n2.345,6\n", "points.csv:1:", "columns 1 and 2", "name all columns"},
        {"1,234.5\t2.5\n", "points.csv:1:", "a comma is either inside a number", "write numbers as 1234.5"},
        {"\"1,234\"\n\"5,678\"\n", "points.csv:2:1:", "expected a number, found '\"5,678\"'", ""},
        {"price\n1,234\n", "points.csv:1:", "1 names over 2 columns", "name every column"},
        {"a,b\n1,234,5\n", "points.csv:1:", "2 names over 3 columns", "name every column"},
        {"1_000 2\n", "points.csv:1:", "found '1_000'", ""},
        {"0x10 2\n", "points.csv:1:", "found '0x10'", ""},
    };
    EXPECT_REFUSED(cases);
    expect_read("a b\n1 234\n", 1, 2, (double[]){1, 234}, "a,b");
    expect_read("1,234\n2,34\n", 2, 2, (double[]){1, 234, 2, 34}, NULL); /* not in every line */
    expect_read("1, 234\n2, 345\n", 2, 2, (double[]){1, 234, 2, 345}, NULL);
    expect_read("1.5,234\n2.5,345\n", 2, 2, (double[]){1.5, 234, 2.5, 345}, NULL);
    expect_read("1\t234\n2\t345\n", 2, 2, (double[]){1, 234, 2, 345}, NULL);
}

Test(csv_reading, an_index_is_not_taken_for_a_coordinate) {
    static const doubtful cases[] = {
        {",x,y\n0,0.34,0.82\n", "points.csv:1:", "either an index, as pandas and R write it, or a coordinate",
         "index=False"},
        {"\"\",\"x\",\"y\"\n1,0.3,0.8\n", "points.csv:1:", "either an index", "index=False"},
        {"Unnamed: 0,x\n0,0.3\n", "points.csv:1:", "expected a number, found 'Unnamed:'", "no number in it"},
        {"x y\n1 0.34 0.82\n", "points.csv:1:", "2 names over 3 columns: the first column is either an index",
         "index=False"},
        {"x,,z\n1,2,3\n", "points.csv:1:", "column 2 has no name", "expected one for every column"},
        {"x,y,\n1,2\n", "points.csv:1:", "3 names over 2 columns", "name every column once"},
        {"x,y,z\n1,2\n", "points.csv:1:", "3 names over 2 columns", "name every column once"},
    };
    EXPECT_REFUSED(cases);
    expect_read("i,x\n0,0.34\n1,0.82\n", 2, 2, (double[]){0, 0.34, 1, 0.82}, "i,x");
}

Test(csv_reading, names_that_are_numbers_are_not_taken_for_a_point) {
    static const doubtful cases[] = {
        {"0,1\n0.34,0.82\n0.5,0.25\n",
         "points.csv:1:1:", "either names or a point: this line has whole numbers, from 0 and 1", "0.0"},
        {"0,1\n0.34,1\n0.5,2\n", "points.csv:1:1:", "either names or a point", "names with letters"}, /* pandas' own */
        {"2020,2021\n0.34,0.82\n0.5,0.25\n", "points.csv:1:1:", "from 2020 and 2021", "2020.0"},
        {"0\n0.34\n0.82\n", "points.csv:1:1:", "either names or a point", "0.0"},
        {"1 2 3\n0.1 0.2 0.3\n", "points.csv:1:1:", "from 1 and 2", "1.0"},
    };
    EXPECT_REFUSED(cases);
    expect_read("0.0,1.0\n0.34,0.82\n", 2, 2, (double[]){0, 1, 0.34, 0.82}, NULL);
    expect_read("0,0\n0.34,0.82\n", 2, 2, (double[]){0, 0, 0.34, 0.82}, NULL); /* names are different */
    expect_read("2,5\n0.34,7\n", 2, 2, (double[]){2, 5, 0.34, 7}, NULL);
    expect_read("0,1\n2,3\n", 2, 2, (double[]){0, 1, 2, 3}, NULL);
    expect_read("\"0\",\"1\"\n0.34,0.82\n", 1, 2, (double[]){0.34, 0.82}, "0,1");
}

Test(csv_reading, missing_numbers_are_not_names) {
    static const doubtful cases[] = {
        {"NA,NA\n1,2\n", "points.csv:1:1:", "either a point whose numbers are missing or names", "leave the line out"},
        {"nan nan\n1 2\n", "points.csv:1:1:", "numbers are missing", "leave the line out"},
        {"null\n1\n", "points.csv:1:1:", "numbers are missing", "leave the line out"},
        {"NA,1\n1,2\n", "points.csv:1:1:", "row 1: expected a finite number, found NA", "leave out rows"},
        {"x,y\n1,2\n3,NA\n", "points.csv:3:3:", "row 2: expected a finite number, found NA", "leave out rows"},
        {"x,y\n1,2\n-inf,3\n", "points.csv:3:1:", "found -inf", "leave out rows"},
    };
    EXPECT_REFUSED(cases);
    expect_read("Na,K\n1,2\n", 1, 2, (double[]){1, 2}, "Na,K");
}

Test(csv_reading, names_are_read_as_they_are_written) {
    const double two[] = {1, 2.5};
    expect_read("x,y\n1,2.5\n", 1, 2, two, "x,y");
    expect_read("sepal length, \"sepal width\"\r\n1,2.5\r\n", 1, 2, two, "sepal length,sepal width");
    expect_read("x;y\n1,2.5\n", 1, 2, two, "x,y");
    expect_read("x first\ty\n1\t2.5\n", 1, 2, two, "x first,y");
    expect_read("# x y\n1 2.5\n", 1, 2, two, "x,y");
    expect_read("# made by somebody\n1 2.5\n", 1, 2, two, NULL); /* a remark */
    expect_read("x   y\n1 2.5\n", 1, 2, two, "x,y");
    expect_read("# made by somebody\n# x y\n1 2.5\n# the end\n", 1, 2, two, "x,y");
    expect_read("# version 1.5\nx,y\n#, as 1,2\n1,2.5\n", 1, 2, two, "x,y");
}

Test(csv_reading, numbers_may_be_quoted) {
    const double four[] = {1, 2.5, -3, 4e2};
    expect_read("1,\"2.5\"\n\"-3\",\"4e2\"\n", 2, 2, four, NULL);
    expect_read("\"x\",\"y\"\n\"1\", \"2.5\"\n\"-3\" , 4e2\n", 2, 2, four, "x,y");
    static const doubtful cases[] = {
        {"\"1\",\"2\"\n3,\"4\"\n", ":1:1:", "either names or a point", "as line 2 has too"},
        {"1,\"2,5\"\n", ":1:3:", "expected a number", "'\"2,5\"'"},
        {"1,\"2\n3,4\n", ":1:3:", "expected a number", "'\"2'"},
        {"1,\"\"\n", ":1:3:", "expected a number", "'\"\"'"}};
    EXPECT_REFUSED(cases);
}

/* Values with more digits than a float are stored as doubles. */
Test(csv_reading, numbers_are_kept_as_they_are_written) {
    table *points = NULL;
    error_info err = {""};
    static const char text[] = "t\n1700000000.125\n1700000001.25\n";
    scratch_write(path, text, strlen(text));
    cr_assert_eq(table_read_numbers(path, &points, &err), STATUS_OK, "%s", err.text);
    cr_expect_null(points->values);
    cr_expect_eq(points->numbers[0], 1700000000.125);
    cr_expect_eq(points->numbers[1], 1700000001.25);
    table_destroy(&points);
}
