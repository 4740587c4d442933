/* process.c - another program, run to its end, never through a shell. */
#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_STARTED = 127, MESSAGE_BYTES = 700 };

/* Its three streams are files in memory, so no side ever waits for the other. */
typedef struct streams {
    int input, output, error;
} streams;

static bool fill(int descriptor, const char *text) {
    for (size_t left = text ? strlen(text) : 0; left > 0;) {
        const ssize_t part = write(descriptor, text, left);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return false;
        text += part;
        left -= (size_t)part;
    }
    return lseek(descriptor, 0, SEEK_SET) == 0;
}

static status open_streams(const char *input, streams *out, error_info *err) {
    out->input = memfd_create("input", MFD_CLOEXEC);
    out->output = memfd_create("output", MFD_CLOEXEC);
    out->error = memfd_create("error", MFD_CLOEXEC);
    if (out->input >= 0 && out->output >= 0 && out->error >= 0 && fill(out->input, input)) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot make files in memory: %s", strerror(errno));
}

static void close_streams(const streams *ends) {
    if (ends->input >= 0) close(ends->input);
    if (ends->output >= 0) close(ends->output);
    if (ends->error >= 0) close(ends->error);
}

_Noreturn static void become(const char *const *words, const streams *ends) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(ends->input, STDIN_FILENO);
    dup2(ends->output, STDOUT_FILENO);
    dup2(ends->error, STDERR_FILENO);
    execvp(words[0], (char *const *)words);
    _exit(NOT_STARTED);
}

/* Read a whole file in memory, and end it with a 0. */
static char *read_all(int descriptor) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) return NULL;
    const size_t size = (size_t)information.st_size;
    char *text = malloc(size + 1);
    size_t had = 0;
    while (text && had < size) {
        const ssize_t part = pread(descriptor, text + had, size - had, (off_t)had);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) break;
        had += (size_t)part;
    }
    if (text) text[had] = '\0';
    return text;
}

static status explain(const char *program, int outcome, const streams *ends, error_info *err) {
    char *message = read_all(ends->error);
    if (message) message[strcspn(message, "\r") < MESSAGE_BYTES ? strcspn(message, "\r") : MESSAGE_BYTES] = '\0';
    for (size_t length = message ? strlen(message) : 0; length > 0 && message[length - 1] == '\n';)
        message[--length] = '\0';
    for (char *c = message; c && *c; c++)
        if (*c == '\n') *c = ' ';
    status result;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == NOT_STARTED)
        result = error_set(err, STATUS_IO, "cannot start %s: is it installed, and on the PATH?", program);
    else
        result = error_set(err, STATUS_IO, "%s ended with %s %d: %s", program, WIFEXITED(outcome) ? "status" : "signal",
                           WIFEXITED(outcome) ? WEXITSTATUS(outcome) : WTERMSIG(outcome),
                           message && *message ? message : "no message");
    free(message);
    return result;
}

static status run(const char *const *words, const streams *ends, char **output, error_info *err) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) become(words, ends);
    if (child < 0) return error_set(err, STATUS_IO, "cannot start %s: %s", words[0], strerror(errno));
    int outcome = 0;
    while (waitpid(child, &outcome, 0) < 0 && errno == EINTR) continue;
    if (!WIFEXITED(outcome) || WEXITSTATUS(outcome) != 0) return explain(words[0], outcome, ends, err);
    *output = read_all(ends->output);
    return *output ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

status process_run(const char *const *words, const char *input, char **output, error_info *err) {
    streams ends;
    status outcome = open_streams(input, &ends, err);
    if (outcome == STATUS_OK) outcome = run(words, &ends, output, err);
    close_streams(&ends);
    return outcome;
}
