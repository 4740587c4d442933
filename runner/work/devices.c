/* devices.c - list the devices of the device library. */
#include "work/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"
#include "record/machine.h"

/* The result that the child process sends to its parent. */
typedef struct answer {
    status outcome;
    error_info err;
    device_list list;
} answer;

static status describe(const device_table *table, int number, device_list *out, error_info *err) {
    TRY(table->describe(number, &out->about[out->count], err));
    out->numbers[out->count++] = number;
    return STATUS_OK;
}

/* Unusable devices are left out. */
static status describe_all(const device_table *table, device_list *out, error_info *err) {
    int count;
    error_info later;
    status outcome = STATUS_OK; /* the first failure, described by `err` */
    TRY(table->count(&count, err));
    for (int i = 0; i < count && out->count < DEVICES_MAX; i++) {
        const status described = describe(table, i, out, outcome == STATUS_OK ? err : &later);
        if (outcome == STATUS_OK) outcome = described;
    }
    return out->count > 0 ? STATUS_OK : outcome;
}

static status list_devices(const device_choice *choice, device_list *out, error_info *err) {
    const device_table *table;
    TRY(device_open(&table, err));
    return choice->all ? describe_all(table, out, err) : describe(table, choice->number, out, err);
}

_Noreturn static void answer_and_exit(const device_choice *choice, int output) {
    static answer given; /* zero, as all its bytes are sent */
    FILE *stream = fdopen(output, "w");
    given.outcome = list_devices(choice, &given.list, &given.err);
    const bool sent = stream && fwrite(&given, sizeof given, 1, stream) == 1 && fflush(stream) == 0;
    _exit(sent ? 0 : 1);
}

static bool read_answer(int input, answer *out) {
    FILE *stream = fdopen(input, "r");
    const bool whole = stream && fread(out, sizeof *out, 1, stream) == 1;
    if (stream) fclose(stream);
    else close(input);
    return whole;
}

status devices_query(const device_choice *choice, device_list *out, error_info *err) {
    int ends[2], outcome = 0;
    answer got;
    if (pipe(ends) != 0) return error_set(err, STATUS_IO, "cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    const pid_t process = fork();
    if (process == 0) answer_and_exit(choice, ends[1]);
    close(ends[1]);
    const bool whole = read_answer(ends[0], &got); /* empty if there is no process */
    while (process > 0 && waitpid(process, &outcome, 0) < 0 && errno == EINTR) continue;
    if (!whole) return error_set(err, STATUS_IO, "the process that looks for CUDA devices ended without an answer");
    if (got.outcome != STATUS_OK) return error_set(err, got.outcome, "%s", got.err.text);
    *out = got.list;
    return STATUS_OK;
}

static void write_device(const device_table *table, int number, FILE *stream) {
    device_about about;
    error_info err;
    fprintf(stream, "cuda:%-3d ", number);
    if (table->describe(number, &about, &err) == STATUS_OK)
        fprintf(stream, "%s, %.1f GB, sm_%d%d, %d processors, driver for CUDA %s\n", about.name,
                1e-9 * (double)about.memory, about.major, about.minor, about.processors, about.driver);
    else fprintf(stream, "cannot be used: %s\n", err.text);
}

static status write_library(FILE *stream, error_info *err) {
    const device_table *table;
    int count;
    TRY(device_open(&table, err));
    TRY(table->count(&count, err));
    for (int i = 0; i < count; i++) write_device(table, i, stream);
    return STATUS_OK;
}

void devices_write(FILE *stream) {
    error_info err;
    fprintf(stream, "cpu      %s kernels, %zu threads\n", cpu_level_name(cpu_level_best()), machine_jobs(1));
    if (write_library(stream, &err) != STATUS_OK) fprintf(stream, "cuda     none: %s\n", err.text);
}
