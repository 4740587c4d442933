/* run_support.h - shared by tests of ./run from outside: an experiment, the shell, numbers of databases. */
#ifndef AFFJORD_TESTS_RUN_SUPPORT_H
#define AFFJORD_TESTS_RUN_SUPPORT_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scratch.h"

static const char binary[] = AFFJORD_BINARY; /* of the same build */

/* An experiment file: both models on TY, these seeds and iterations, of a millisecond each. All arguments are texts. */
#define TINY_EXPERIMENT(name, seeds, iterations, epoch)                                                                \
    "[experiment]\nname = " name "\ndata = ty\nmodels = ffjord, affjord\nseeds = " seeds "\n"                          \
    "[model]\nwidth = 16\n"                                                                                            \
    "[model ffjord]\ncontext = time\n"                                                                                 \
    "[model affjord]\ncontext = augmented\nconcat = yes\n"                                                             \
    "[solver]\nsteps = 5\n"                                                                                            \
    "[train]\niterations = " iterations "\nbatch = 64\nepoch_iterations = " epoch "\nvalidation = 200\n"               \
    "checkpoint_epochs = 1\n"                                                                                          \
    "[output]\ndensity_cells = 16\nsamples = 50\n"

static char folder[64];

/* A folder for the test, with the experiment small.ini in it. */
static inline void begin_run(const char *experiment) {
    scratch_create(folder);
    char path[128];
    scratch_path(folder, "small.ini", path);
    scratch_write(path, experiment, strlen(experiment));
    setenv("TEST_DIR", folder, 1);
    setenv("AFFJORD", binary, 1);
}

static inline void end_run(void) {
    scratch_remove(folder);
}

static char output[1 << 20];

/* Run a shell command line, in which $AFFJORD is the program and $TEST_DIR the folder of the test. output <- its
 * standard output and error. Return its exit status. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char whole[5000];
    snprintf(whole, sizeof whole, "{ %s ; } 2>&1", text);
    FILE *pipe = popen(whole, "r");
    cr_assert_not_null(pipe);
    const size_t had = fread(output, 1, sizeof output - 1, pipe);
    output[had] = '\0';
    const int outcome = pclose(pipe);
    return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : 128 + WTERMSIG(outcome);
}

#define EXPECT(status, ...)                                                                                            \
    do {                                                                                                               \
        const int status_ = shell(__VA_ARGS__);                                                                        \
        cr_assert_eq(status_, status, "exit %d, expected %d:\n%s", status_, status, output);                           \
    } while (0)

#define EXPECT_SAYS(words) cr_assert_not_null(strstr(output, words), "no \"%s\" in:\n%s", words, output)

/* Return all results of a database's trainings (tests/results.sql); the caller frees the text. */
static inline char *results(const char *database) {
    EXPECT(0, "sqlite3 -bail $TEST_DIR/%s < tests/results.sql", database);
    cr_assert_gt(strlen(output), 1000);
    return strdup(output);
}

/* Return the results, the settings and the checkpoints (tests/checkpoints.sql). */
static inline char *numbers(const char *database) {
    EXPECT(0, "cat tests/results.sql tests/checkpoints.sql | sqlite3 -bail $TEST_DIR/%s", database);
    cr_assert_gt(strlen(output), 2000);
    return strdup(output);
}

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Return the results of an uninterrupted run. */
static inline char *undisturbed(void) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --jobs 2 --quiet");
    return numbers("whole.db");
}

static inline void check_same(const char *expected, const char *database) {
    char *seen = numbers(database);
    cr_assert_str_eq(seen, expected);
    free(seen);
    EXPECT(0, "sqlite3 $TEST_DIR/%s 'PRAGMA integrity_check'", database);
    cr_assert_str_eq(output, "ok\n");
}

#endif
