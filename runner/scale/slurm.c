/* slurm.c - calls of Slurm's programs sbatch and squeue. */
#include "scale/slurm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/process.h"

status slurm_add(slurm_options *options, error_info *err, const char *format, ...) {
    if (options->count == 0) options->words[options->count++] = "sbatch";
    char *at = options->text + options->used;
    const size_t room = sizeof options->text - options->used;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    if (options->count == SLURM_OPTIONS_MAX || length < 0 || (size_t)length >= room)
        return error_set(err, STATUS_INVALID, "too many options for sbatch, or too long ones");
    options->used += (size_t)length + 1;
    options->words[options->count++] = at;
    options->words[options->count] = NULL;
    return STATUS_OK;
}

status slurm_add_words(slurm_options *options, const char *text, error_info *err) {
    static const char blank[] = " \t\n";
    for (;;) {
        text += strspn(text, blank);
        const size_t length = strcspn(text, blank);
        if (length == 0) return STATUS_OK;
        TRY(slurm_add(options, err, "%.*s", (int)length, text));
        text += length;
    }
}

/* With --parsable sbatch prints "ID" or "ID;CLUSTER". */
status slurm_submit(const slurm_options *options, const char *script, char id[SLURM_ID_MAX], error_info *err) {
    char *output;
    TRY(process_run(options->words, script, &output, err));
    const size_t digits = strspn(output, "0123456789");
    status outcome = STATUS_OK;
    if (digits == 0 || digits >= SLURM_ID_MAX)
        outcome = error_set(err, STATUS_FORMAT, "sbatch: expected the number of a job, found \"%.100s\"", output);
    else snprintf(id, SLURM_ID_MAX, "%.*s", (int)digits, output);
    free(output);
    return outcome;
}

/* "NAME|NUMBER|STATE|NODE|REASON"; other users' names may have any form, but then no number follows. */
static void take_line(char *line, const char *folder, const submitted_jobs *list, submitted_cache *cache) {
    char *fields[5] = {line};
    for (size_t i = 1; i < 5; i++) {
        fields[i] = strchr(fields[i - 1], '|');
        if (!fields[i]) return;
        *fields[i]++ = '\0';
    }
    const size_t digits = strspn(fields[1], "0123456789");
    if (strncmp(fields[0], "affjord.", 8) != 0 || strlen(fields[0]) >= SUBMITTED_NAME_MAX || digits == 0 ||
        digits > 9 || fields[1][digits])
        return;
    submitted_task *task = submitted_find_in(list, folder, fields[0], strtoul(fields[1], NULL, 10), cache);
    if (!task) return;
    task->queued = true;
    snprintf(task->state, sizeof task->state, "%s", fields[2]);
    snprintf(task->node, sizeof task->node, "%s", fields[3]);
    snprintf(task->reason, sizeof task->reason, "%s", fields[4]);
}

status slurm_read_queue(const char *folder, submitted_jobs *list, error_info *err) {
    static const char *const words[] = {"squeue", "--me", "--array", "--noheader", "--format=%j|%K|%T|%N|%r", NULL};
    char *output, *rest = NULL;
    submitted_cache cache = {.count = 0};
    TRY(process_run(words, NULL, &output, err));
    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        take_line(line, folder, list, &cache);
    submitted_drop(&cache);
    free(output);
    return STATUS_OK;
}
