/* test_equations.c - docs/reference/equations.md: every named function is in the named file. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *contents(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    cr_assert(file && text, "no %s; tests run in the repository's root", path);
    text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Return whether `text` has the function: its name, as a word, followed by "(". */
static bool has_function(const char *text, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += length) {
        const bool begins = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        if (begins && at[length] == '(') return true;
    }
    return false;
}

/* "core/....c `name`" after one another in a row's last cell; returns how many. */
static size_t check_cell(const char *cell) {
    char path[256], name[128];
    size_t count = 0;
    for (const char *at = cell; (at = strstr(at, "core/")) != NULL; count++) {
        const size_t length = strcspn(at, " ");
        cr_assert_lt(length, sizeof path);
        memcpy(path, at, length);
        path[length] = '\0';
        at += length;
        cr_assert_eq(sscanf(at, " `%127[a-z0-9_]`", name), 1, "%s: expected a function behind it, found %.40s", path,
                     at);
        char *text = contents(path);
        cr_expect(has_function(text, name), "%s has no function %s", path, name);
        free(text);
    }
    return count;
}

Test(equations, every_function_is_in_the_named_file) {
    char *page = contents("docs/reference/equations.md");
    size_t rows = 0;
    for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] != '|' || strncmp(line, "|---", 4) == 0 || strstr(line, "file and function")) continue;
        cr_expect_gt(check_cell(line), 0, "no function: %s", line);
        rows++;
    }
    cr_expect_gt(rows, 20);
    free(page);
}
