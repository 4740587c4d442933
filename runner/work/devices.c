/* devices.c - asking the library of the devices what there is. */
#include "work/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"
#include "record/machine.h"

/* What the process that asks hands back. */
typedef struct answer {
    status outcome;
    failure why;
    device_about about;
} answer;

static status ask(int number, device_about *out, failure *why) {
    const device_table *table;
    TRY(device_open(&table, why));
    return table->describe(number, out, why);
}

_Noreturn static void answer_and_exit(int number, int output) {
    answer given;
    memset(&given, 0, sizeof given);
    given.outcome = ask(number, &given.about, &given.why);
    _exit(write(output, &given, sizeof given) == (ssize_t)sizeof given ? 0 : 1);
}

status devices_ask(const device_choice *choice, device_about *out, failure *why) {
    int ends[2], outcome = 0;
    answer got;
    if (pipe(ends) != 0) return fail(why, STATUS_IO, "cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    const pid_t process = fork();
    if (process == 0) answer_and_exit(choice->number, ends[1]);
    close(ends[1]);
    /* An answer is shorter than what a pipe hands over at once. */
    const ssize_t size = process > 0 ? read(ends[0], &got, sizeof got) : -1;
    close(ends[0]);
    while (process > 0 && waitpid(process, &outcome, 0) < 0 && errno == EINTR) continue;
    if (size != (ssize_t)sizeof got)
        return fail(why, STATUS_IO, "the process that looks for CUDA devices ended without an answer");
    if (got.outcome != STATUS_OK) return fail(why, got.outcome, "%s", got.why.text);
    *out = got.about;
    return STATUS_OK;
}

static status write_library(FILE *stream, failure *why) {
    const device_table *table;
    int count;
    TRY(device_open(&table, why));
    TRY(table->count(&count, why));
    for (int i = 0; i < count; i++) {
        device_about about;
        TRY(table->describe(i, &about, why));
        fprintf(stream, "cuda:%-3d %s, %.1f GB, sm_%d%d, %d processors, driver for CUDA %s\n", i, about.name,
                1e-9 * (double)about.memory, about.major, about.minor, about.processors, about.driver);
    }
    return STATUS_OK;
}

void devices_write(FILE *stream) {
    failure why;
    fprintf(stream, "cpu      %s kernels, %zu threads\n", cpu_level_name(cpu_level_best()), machine_jobs(1));
    if (write_library(stream, &why) != STATUS_OK) fprintf(stream, "cuda     none: %s\n", why.text);
}
