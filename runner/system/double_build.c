/* double_build.c - make PRECISION=double, then exec. */
#include "system/double_build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/paths.h"

/* Without a Makefile, as with copied programs only, use the existing build. */
static bool build(const char *makefile) {
    char folder[PATH_MAX];
    if (access(makefile, R_OK) != 0) return true;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(makefile, '/') - makefile), makefile);
    char *const arguments[] = {"make", "-s", "-C", folder, "-j2", "PRECISION=double", "all", NULL};
    fflush(NULL);
    const pid_t process = fork();
    if (process == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int outcome = -1;
    if (process < 0) return false;
    while (waitpid(process, &outcome, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0;
}

status double_build_become(int count, char **words, error_info *err) {
    char makefile[PATH_MAX], program[PATH_MAX];
    install_path("Makefile", makefile);
    double_program_path(program);
    if (!build(makefile))
        return error_set(err, STATUS_IO,
                         "the program that computes in double could not be built; make PRECISION=double says "
                         "why");
    char **arguments = calloc((size_t)count + 1, sizeof *arguments);
    if (!arguments) return error_set(err, STATUS_MEMORY, "out of memory");
    memcpy(arguments, words, (size_t)count * sizeof *arguments);
    setenv("OPENBLAS_NUM_THREADS", "1", 1); /* its threads would receive signals for the runner */
    execv(program, arguments);
    free(arguments);
    return error_set(err, STATUS_IO, "cannot run %s, which computes in double: %s; make PRECISION=double makes it",
                     program, strerror(errno));
}
