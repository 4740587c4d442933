/* main.c - ./run. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"

int main(int count, char **words) {
    const int outcome = commands_main(count, words);
    /* Check that standard output was written; it may fail, as on a full disk. */
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (!failed || outcome != EXIT_DONE) return outcome;
    fprintf(stderr, "cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}
