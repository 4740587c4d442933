/* stop_support.h - stop a training in the middle, on a machine of any speed and load. The training runs a few
 * milliseconds at a time. In between, all its processes are stopped, and the test reads its rows or checkpoints to
 * decide when to send the signal. */
#ifndef AFFJORD_TESTS_STOP_SUPPORT_H
#define AFFJORD_TESTS_STOP_SUPPORT_H

#include <signal.h>

#include "run_support.h"

/* Return a shell command that prints the result of a query on a database of the test; nothing if it does not exist
 * yet. */
#define ASK(database, query) "sqlite3 $TEST_DIR/" database " \"" query "\" 2>/dev/null"

/* Return a shell command that prints the sum of the iterations of the checkpoints in these folders. A training process
 * writes them itself; rows may follow half a second later. */
#define CHECKPOINTED(folders)                                                                                          \
    "ls " folders " 2>/dev/null | sed -n 's/[.]safetensors$//p' | awk -F- '{ if ($2 + 0 > most[$1]) most[$1] = $2 + "  \
    "0 } END { for (run in most) sum += most[run]; print sum + 0 }'"

static inline void pause_for(double seconds) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 1e9)}, NULL);
}

/* Start a command, $AFFJORD with its arguments. What it prints is in $TEST_DIR/printed. */
static inline pid_t start(const char *command) {
    char whole[1024];
    snprintf(whole, sizeof whole, "exec env %s >$TEST_DIR/printed 2>&1", command);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", whole, (char *)NULL);
        _exit(127);
    }
    return child;
}

static inline int wait_for(pid_t child) {
    int outcome = 0;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    return outcome;
}

/* Send a signal to all descendants of a process. A training process has its own process group. */
static inline void signal_children(pid_t process, int number) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
    FILE *list = fopen(path, "r");
    if (!list) return; /* it has ended */
    for (int child; fscanf(list, "%d", &child) == 1;) {
        signal_children(child, number);
        kill(child, number);
    }
    fclose(list);
}

/* The same, and to the process itself. */
static inline void signal_all(pid_t process, int number) {
    signal_children(process, number);
    kill(process, number);
}

/* Stop the child, then its descendants. Return whether it stopped or had ended: a process cannot be stopped during
 * vfork(). */
static inline bool all_stopped(pid_t child, int *outcome) {
    kill(child, SIGSTOP);
    for (int attempt = 0; attempt < 50; attempt++) {
        const pid_t reported = waitpid(child, outcome, WUNTRACED | WNOHANG);
        cr_assert_geq(reported, 0);
        if (reported == child) {
            if (WIFSTOPPED(*outcome)) signal_children(child, SIGSTOP);
            return true;
        }
        pause_for(0.001);
    }
    return false;
}

/* Let the child run until the command `when` prints a number above 0, and leave it stopped. Return that number; 0 if
 * the child ended before, with *outcome its status. */
static inline int hold(pid_t child, const char *when, int *outcome) {
    for (;;) {
        pause_for(0.005);
        if (all_stopped(child, outcome)) {
            if (!WIFSTOPPED(*outcome)) return 0;
            shell("%s", when);
            if (atoi(output) > 0) return atoi(output);
        }
        signal_all(child, SIGCONT);
    }
}

/* The receiver of the signal: the recording process, the training process whose pid `when` prints, or both. */
typedef enum { RECORDING, TRAINING_PROCESS, ALL_PROCESSES } party;

/* Start, pause at the condition, send a signal, continue. Return whether the signal stopped the training before its
 * end. The caller checks `outcome` for an orderly stop (exit 1). */
static inline bool stop_at(const char *command, const char *when, party whom, int number, int *outcome) {
    const pid_t child = start(command);
    const int seen = hold(child, when, outcome);
    if (seen) {
        if (whom == ALL_PROCESSES) signal_all(child, number);
        else cr_assert_eq(kill(whom == RECORDING ? child : seen, number), 0);
        signal_all(child, SIGCONT);
        *outcome = wait_for(child);
    }
    return !(WIFEXITED(*outcome) && WEXITSTATUS(*outcome) == 0);
}

/* The start of a command that trains the experiment of the test. */
#define START "$AFFJORD $TEST_DIR/small.ini --quiet "

/* Train on a new database with these options; repeat until the signal stopped a training. A training process may
 * progress beyond its rows before they are read. */
static inline int stop_new(const char *name, const char *options, const char *when, party whom, int number) {
    int outcome = 0;
    for (int attempt = 0; attempt < 10; attempt++) {
        char command[512];
        snprintf(command, sizeof command, START "--db $TEST_DIR/%s.db %s", name, options);
        if (stop_at(command, when, whom, number, &outcome)) return outcome;
        EXPECT(0, "rm -r $TEST_DIR/%s.*", name);
    }
    cr_assert_fail("it always ended before it could be stopped");
    return outcome;
}

/* Stop in order, by SIGTERM or SIGINT to the recording process; or by SIGKILL to it alone or to all. */
typedef enum { ASKED, KILLED } manner;

/* Start and stop repeatedly, at most six times, until the command ends: each time when the number that `progress`
 * prints has grown by `step`. Do not stop it at `end`: then all runs are trained, and the process that summarises and
 * draws no longer handles signals. Return how often it was stopped. */
static inline int stop_repeatedly(const char *command, const char *progress, int step, int end, manner how) {
    int stopped = 0;
    for (; stopped < 6; stopped++) {
        char when[1024];
        shell("%s", progress);
        snprintf(when, sizeof when, "now=$(%s); test \"$now\" -ge %d && test \"$now\" -lt %d && echo 1", progress,
                 atoi(output) + step, end);
        const bool odd = stopped % 2;
        int outcome;
        if (!stop_at(command, when, how == KILLED && odd ? ALL_PROCESSES : RECORDING,
                     how == KILLED ? SIGKILL
                     : odd         ? SIGINT
                                   : SIGTERM,
                     &outcome))
            break;
        if (how == KILLED) continue;
        shell("cat $TEST_DIR/printed");
        cr_assert(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 1, "ended with %#x, not in order: %s", outcome, output);
    }
    return stopped;
}

/* Run the experiment of the test in two jobs, stopped up to six times and resumed until its end. */
static inline void stop_and_finish(const char *name, manner how) {
    EXPECT(0, ASK("whole.db", "SELECT sum(iteration) FROM run"));
    const int whole = atoi(output);
    cr_assert_gt(whole, 0, "the undisturbed run comes first");
    char command[256], progress[512];
    snprintf(command, sizeof command, START "--db $TEST_DIR/%s.db --jobs 2", name);
    snprintf(progress, sizeof progress, CHECKPOINTED("$TEST_DIR/%s.checkpoints"), name);
    const int stopped = stop_repeatedly(command, progress, whole / 8, whole, how);
    cr_assert_gt(stopped, how == KILLED ? 2 : 0, "stopped %d times", stopped);
    if (how == ASKED) {
        EXPECT(0, "sqlite3 $TEST_DIR/%s.db \"SELECT count(*) FROM run WHERE status = 'running'\"", name);
        cr_assert_str_eq(output, "0\n", "nothing is left running");
    }
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s.db --jobs 2 --quiet", name);
}

#endif
