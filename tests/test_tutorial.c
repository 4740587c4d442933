/* test_tutorial.c - execute docs/guide/tutorial.md and own_data.md: write their files, run their commands with the
 * installed program, and compare the output with the pages.
 *
 * A block ```console has commands, after "$ ", and the lines that they print; trailing blanks are ignored. Any other
 * block is a file; a comment in its first line has its name. */
#ifndef AFFJORD_DOUBLE /* the float build is installed */

#include <ctype.h>

#include "run_support.h"

enum { LINE_MAX_BYTES = 1024, EXPECTED_MAX = 16384 };

typedef struct tutorial {
    FILE *page;
    char line[LINE_MAX_BYTES];
    int number; /* of the line */
    int commands, files;
} tutorial;

static bool next_line(tutorial *self) {
    if (!fgets(self->line, sizeof self->line, self->page)) return false;
    self->number++;
    size_t length = strlen(self->line);
    cr_assert_lt(length, sizeof self->line - 1, "line %d is too long", self->number);
    while (length > 0 && isspace((unsigned char)self->line[length - 1])) self->line[--length] = '\0';
    return true;
}

static bool at_fence(const tutorial *self) {
    return strncmp(self->line, "```", 3) == 0;
}

/* The lines of `text` without blanks at their ends. */
static void trim_lines(char *text) {
    char *to = text;
    for (char *from = text; *from; from++) {
        if (*from == '\n')
            while (to > text && to[-1] == ' ') to--;
        *to++ = *from;
    }
    *to = '\0';
}

static void write_file(tutorial *self) {
    char name[64], path[256];
    cr_assert(next_line(self));
    cr_assert_eq(sscanf(self->line, "%*s %63s", name), 1, "line %d names no file: %s", self->number, self->line);
    snprintf(path, sizeof path, "%s/mine/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    do fprintf(file, "%s\n", self->line);
    while (next_line(self) && !at_fence(self));
    cr_assert_eq(fclose(file), 0);
    self->files++;
}

/* The command in the present line, and its expected output, up to the next command or the block's end. */
static void run_command(tutorial *self) {
    char expected[EXPECTED_MAX] = "", script[256];
    const int number = self->number;
    snprintf(script, sizeof script, "%s/command.sh", folder);
    scratch_write(script, self->line + 2, strlen(self->line + 2));
    while (next_line(self) && !at_fence(self) && strncmp(self->line, "$ ", 2) != 0) {
        cr_assert_lt(strlen(expected) + strlen(self->line) + 2, sizeof expected);
        strcat(strcat(expected, self->line), "\n");
    }
    const int status = shell("cd $TEST_DIR/mine; sh ../command.sh 2>../errors");
    trim_lines(output);
    cr_assert_eq(status, 0, "line %d: exit %d\n%s", number, status, output);
    cr_assert_str_eq(output, expected, "line %d prints\n%s\ninstead of\n%s", number, output, expected);
    self->commands++;
}

static void run_commands(tutorial *self) {
    cr_assert(next_line(self));
    while (!at_fence(self)) {
        cr_assert_eq(strncmp(self->line, "$ ", 2), 0, "line %d is no command: %s", self->number, self->line);
        run_command(self);
    }
}

/* The program is in the folder AFFJORD_INSTALLED, as in tests of packages; otherwise it is installed for this test. */
static void begin(void) {
    const char *installed = getenv("AFFJORD_INSTALLED");
    char path[4096];
    begin_run("");
    unsetenv("AFFJORD_ROOT");
    EXPECT(0, "mkdir $TEST_DIR/mine");
    if (!installed) {
        EXPECT(0, "flock build/install.lock env -u MAKEFLAGS -u MAKELEVEL make -s install PREFIX=$TEST_DIR/usr");
        snprintf(path, sizeof path, "%s/usr/bin:%s", folder, getenv("PATH"));
    } else snprintf(path, sizeof path, "%s:%s", installed, getenv("PATH"));
    setenv("PATH", path, 1);
}

static void end(void) {
    if (*folder) end_run();
}

TestSuite(tutorial, .init = begin, .fini = end, .timeout = 900);

static tutorial do_page(const char *path) {
    tutorial self = {.page = fopen(path, "r")};
    cr_assert_not_null(self.page);
    while (next_line(&self)) {
        if (!at_fence(&self)) continue;
        if (strcmp(self.line, "```console") == 0) run_commands(&self);
        else write_file(&self);
    }
    fclose(self.page);
    return self;
}

Test(tutorial, tutorial_page_is_executable) {
    const tutorial done = do_page("docs/guide/tutorial.md");
    cr_expect_gt(done.commands, 8);
    cr_expect_eq(done.files, 3);
    EXPECT(0, "cd $TEST_DIR/mine && test -s samples.npy && test -s affjord.safetensors && "
              "test -s results/figures/crescents/fig5.png");
}

Test(tutorial, own_data_page_is_executable) {
    const tutorial done = do_page("docs/guide/own_data.md");
    cr_expect_gt(done.commands, 12);
    cr_expect_eq(done.files, 5);
    EXPECT(0, "test -s $TEST_DIR/mine/discs/images_8x8_cover.cache");
}

#endif
