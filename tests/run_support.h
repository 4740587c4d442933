/* run_support.h - what the tests of ./run from outside share: an experiment, the shell, numbers of databases, and ways
 * to stop a training. */
#ifndef AFFJORD_TESTS_RUN_SUPPORT_H
#define AFFJORD_TESTS_RUN_SUPPORT_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
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

/* An experiment file: both models on TY, so many seeds, iterations that take a millisecond. All are texts. */
#define TINY_EXPERIMENT(name, seeds, iterations, epoch)                                                                \
    "[experiment]\nname = " name "\ndata = ty\nmodels = ffjord, affjord\nseeds = " seeds "\n"                          \
    "[model]\nwidth = 16\n"                                                                                            \
    "[model ffjord]\ncontext = clock\n"                                                                                \
    "[model affjord]\ncontext = augmented\njoin = yes\n"                                                               \
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

/* Run a shell command line, in which $AFFJORD is the program and $TEST_DIR the folder of the test; what it prints is in
 * `output`. Returns its exit status. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *format, ...) {
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    char whole[5000];
    snprintf(whole, sizeof whole, "{ %s ; } 2>&1", command);
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

/* Every number that a database's trainings gave (tests/results.sql); the caller frees it. */
static inline char *results(const char *database) {
    EXPECT(0, "sqlite3 -bail $TEST_DIR/%s < tests/results.sql", database);
    cr_assert_gt(strlen(output), 1000);
    return strdup(output);
}

/* These, and the settings and checkpoints (tests/kept.sql). */
static inline char *numbers(const char *database) {
    EXPECT(0, "cat tests/results.sql tests/kept.sql | sqlite3 -bail $TEST_DIR/%s", database);
    cr_assert_gt(strlen(output), 2000);
    return strdup(output);
}

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double undisturbed_seconds;

/* The numbers of an undisturbed run, and how long it took. */
static inline char *undisturbed(void) {
    const double from = now();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/whole.db --jobs 2 --quiet");
    undisturbed_seconds = now() - from;
    return numbers("whole.db");
}

static inline void check_same(const char *expected, const char *database) {
    char *seen = numbers(database);
    cr_assert_str_eq(seen, expected);
    free(seen);
    EXPECT(0, "sqlite3 $TEST_DIR/%s 'PRAGMA integrity_check'", database);
    cr_assert_str_eq(output, "ok\n");
}

/* Start the experiment on a device in a process group of its own; it ends by itself or by a signal. */
static inline pid_t start_on(const char *device, const char *database, int jobs) {
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        setpgid(0, 0);
        char ini[128], db[128], count[16];
        scratch_path(folder, "small.ini", ini);
        scratch_path(folder, database, db);
        snprintf(count, sizeof count, "%d", jobs);
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execl(binary, binary, ini, "--db", db, "--device", device, "--jobs", count, "--quiet", (char *)NULL);
        _exit(127);
    }
    return child;
}

static inline pid_t start(const char *database, int jobs) {
    return start_on("cpu", database, jobs);
}

static inline void pause_for(double seconds) {
    const long whole = (long)seconds;
    nanosleep(&(struct timespec){.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)}, NULL);
}

static inline int wait_for(pid_t child) {
    int outcome = 0;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    return outcome;
}

/* Wait until a query gives something other than nothing and 0, or the time is over; it is in `output`. */
static inline int wait_until(const char *database, const char *query) {
    for (int attempt = 0; attempt < 500; attempt++) {
        shell("sqlite3 $TEST_DIR/%s \"%s\" 2>/dev/null", database, query);
        if (atoi(output) > 0) return atoi(output);
        pause_for(0.01);
    }
    return 0;
}

/* Start the experiment and ask it to end, again and again, ever later; then let it finish. */
static inline void interrupt_repeatedly(const char *database) {
    int interrupted = 0;
    for (int attempt = 0; attempt < 6; attempt++) {
        const pid_t child = start(database, 2);
        wait_until(database, "SELECT count(*) FROM run WHERE status = 'running'");
        pause_for(undisturbed_seconds * 0.05 * attempt);
        kill(child, attempt % 2 ? SIGINT : SIGTERM);
        const int outcome = wait_for(child);
        cr_assert(WIFEXITED(outcome), "it ends in order");
        if (WEXITSTATUS(outcome) == 0) break;
        interrupted++;
        EXPECT(0, "sqlite3 $TEST_DIR/%s \"SELECT count(*) FROM run WHERE status = 'running'\"", database);
        cr_assert_str_eq(output, "0\n", "nothing is left running");
    }
    cr_assert_gt(interrupted, 0, "it was stopped at least once");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s --jobs 2 --quiet", database);
}

/* The same by SIGKILL, to the parent alone or to the group. */
static inline void kill_repeatedly(const char *database) {
    int killed = 0;
    for (int attempt = 0; attempt < 8; attempt++) {
        const pid_t child = start(database, 2);
        pause_for(undisturbed_seconds * (0.04 + 0.061 * attempt));
        kill(attempt % 2 ? child : -child, SIGKILL);
        if (WIFSIGNALED(wait_for(child))) killed++;
        pause_for(0.02);
    }
    cr_assert_gt(killed, 2, "it was still at work when killed");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s --jobs 2 --quiet", database);
}

#endif
