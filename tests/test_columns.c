/* test_columns.c - rows of text in columns. */
#include "base/status.h"
#include "system/columns.h"
#include <criterion/criterion.h>
#include <stdlib.h>

/* Return what columns_end writes for these rows; the caller frees it. */
static char *written(const char *rows, const char *format, status outcome) {
    columns table;
    error_info err = {""};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(columns_begin(&table, &err), STATUS_OK);
    fputs(rows, table.rows);
    cr_assert_eq(columns_end(&table, outcome, format, stream, &err), outcome);
    fclose(stream);
    return text;
}

static void expect(const char *rows, const char *format, const char *expected) {
    char *text = written(rows, format, STATUS_OK);
    cr_expect_str_eq(text, expected, "%s", rows);
    free(text);
}

Test(columns, are_as_wide_as_their_widest_cell) {
    expect("data\tn\tunit\na\t1\tnats\nlonger\t12345\tbits\n", "%-4s %3s  %s",
           "data       n  unit\n"
           "a          1  nats\n"
           "longer 12345  bits\n");
    expect("a\tb\tc\n", "%-4s %3s  %s", "a      b  c\n");
    expect("", "%-4s %3s  %s", "");
}

Test(columns, other_lines_and_tabs_of_the_last_cell_stay) {
    expect("a title that is long\nx\t1\tone\ttwo\n", "  %-2s%2s %s", "a title that is long\n  x  1 one\ttwo\n");
}

Test(columns, lines_end_without_blanks) {
    expect("x\t\t\nlong\t2\t\ny\t3\tz\n", "%-3s %4s %-9s", "x\nlong    2\ny       3 z\n");
}

Test(columns, a_failure_writes_nothing) {
    char *text = written("a\tb\n", "%s %s", STATUS_FORMAT);
    cr_expect_str_empty(text);
    free(text);
}
