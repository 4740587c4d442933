/* scheduler.c - submits a plan to a scheduler, which runs tasks on many machines. */
#include "scale/scheduler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scale/pending_runs.h"
#include "scale/slurm.h"
#include "system/shell_words.h"

enum { DEPENDENCY_MAX = 4096 };

static status place(const scheduler_request *request, task_command *out, error_info *err) {
    *out = (task_command){.set = request->set,
                          .where = request->where,
                          .seeds = request->seeds,
                          .device = request->device,
                          .threads = request->threads};
    return task_command_place(request->file, request->database, request->shards, out, err);
}

status scheduler_write_commands(const scheduler_request *request, const plan *runs, const run_status *list,
                                FILE *stream, error_info *err) {
    task_command command;
    pending_runs found;
    TRY(place(request, &command, err));
    const pending_query query = {.runs = runs, .list = list, .folder = command.shards};
    TRY(pending_runs_find(&query, &found, err));
    for (size_t i = 0; i < found.count; i++) {
        task_command_write_place(&command, stream);
        fputs(" && ", stream);
        task_command_write(&command, stream);
        fprintf(stream, " --only %s\n", found.tasks[i].key);
    }
    pending_runs_release(&found);
    if (fflush(stream) == 0 && !ferror(stream)) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot write the commands");
}

/* --- Slurm --- */

/* One submission. */
typedef struct submission {
    const scheduler_request *request;
    task_command command;
    const char *experiment;
    char dependency[DEPENDENCY_MAX]; /* "afterany:ID:ID" */
    char last_name[SUBMITTED_NAME_MAX]; /* of an array */
    size_t submitted, arrays;
} submission;

/* A script's text while it is written. */
typedef struct script {
    FILE *stream;
    char *text;
    size_t size;
} script;

static status script_open(script *out, error_info *err) {
    *out = (script){.text = NULL};
    out->stream = open_memstream(&out->text, &out->size);
    return out->stream ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

static status script_close(script *self, error_info *err) {
    return fclose(self->stream) == 0 && self->text ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

/* The shell becomes the program, so the signal that Slurm sends it ahead of the time limit reaches the program, which
 * writes a checkpoint and ends. The task's output goes to a separate file beside its shard. */
static void write_tasks(const submission *self, size_t count, const submitted_task *tasks, FILE *stream) {
    fputs("#!/bin/sh\n# One run for each task of the array: the key at its number.\nset --", stream);
    for (size_t i = 0; i < count; i++) fprintf(stream, " \\\n    %s", tasks[i].key);
    fputs("\nshift \"$SLURM_ARRAY_TASK_ID\" || exit\n", stream);
    task_command_write_place(&self->command, stream);
    fputs(" || exit\nplace=", stream);
    shell_word(stream, self->command.shards);
    fputs("/$(printf %.2s \"$1\")\nmkdir -p \"$place\" || exit\nexec ", stream);
    task_command_write(&self->command, stream);
    fputs(" --only \"$1\" >\"$place/$1.log\" 2>&1\n", stream);
}

/* The script of the merging job: the same submission, which first merges and then submits the interrupted runs. */
static void write_merging(const submission *self, FILE *stream) {
    const scheduler_request *request = self->request;
    fputs("#!/bin/sh\n# Merge the shards of the tasks, and submit interrupted runs again.\n", stream);
    task_command_write_place(&self->command, stream);
    fputs(" || exit\nexec ", stream);
    task_command_write(&self->command, stream);
    fprintf(stream, " --slurm-again --slurm-array %" PRIu64, request->array_size);
    for (size_t i = 0; i < request->options->count; i++) {
        fputs(" --slurm-opt ", stream);
        shell_word(stream, request->options->items[i]);
    }
    for (size_t i = 0; i < request->merge_options->count; i++) {
        fputs(" --slurm-merge-opt ", stream);
        shell_word(stream, request->merge_options->items[i]);
    }
    fputc('\n', stream);
}

/* The file of Slurm's own messages on all tasks. It is a pattern, in which % is special. */
static status add_log(slurm_options *options, const submission *self, const char *name, error_info *err) {
    char path[PATH_MAX], pattern[2 * PATH_MAX];
    size_t used = 0;
    TRY(submitted_path(self->command.shards, name, ".log", path, err));
    for (const char *c = path; *c; c++) {
        if (*c == '%') pattern[used++] = '%';
        pattern[used++] = *c;
    }
    pattern[used] = '\0';
    return slurm_add(options, err, "--output=%s", pattern);
}

static status add_texts(slurm_options *options, const argument_texts *texts, error_info *err) {
    for (size_t i = 0; i < texts->count; i++) TRY(slurm_add_words(options, texts->items[i], err));
    return STATUS_OK;
}

static status add_array(slurm_options *options, const submission *self, const char *name, size_t count,
                        error_info *err) {
    TRY(slurm_add(options, err, "--parsable"));
    TRY(slurm_add(options, err, "--job-name=%s", name));
    TRY(slurm_add(options, err, "--array=0-%zu", count - 1));
    TRY(slurm_add(options, err, "--requeue")); /* after a lost node or a preemption */
    TRY(slurm_add(options, err, "--open-mode=append"));
    TRY(slurm_add(options, err, "--signal=B:TERM@60"));
    if (self->request->threads > 0) TRY(slurm_add(options, err, "--cpus-per-task=%" PRIu64, self->request->threads));
    TRY(add_log(options, self, name, err));
    return add_texts(options, self->request->options, err);
}

static status submit_script(const slurm_options *options, const submission *self, size_t count,
                            const submitted_task *tasks, char id[SLURM_ID_MAX], error_info *err) {
    script text;
    TRY(script_open(&text, err));
    if (tasks) write_tasks(self, count, tasks, text.stream);
    else write_merging(self, text.stream);
    status outcome = script_close(&text, err);
    if (outcome == STATUS_OK) outcome = slurm_submit(options, text.text, id, err);
    free(text.text);
    return outcome;
}

/* Write the list first, so that the next submission recognizes the queued tasks. */
static status submit_array(submission *self, size_t count, const submitted_task *tasks, error_info *err) {
    slurm_options options = {.count = 0};
    char id[SLURM_ID_MAX];
    submitted_name(self->experiment, self->last_name);
    TRY(add_array(&options, self, self->last_name, count, err));
    TRY(submitted_write(self->command.shards, self->last_name, count, tasks, err));
    const status outcome = submit_script(&options, self, count, tasks, id, err);
    if (outcome != STATUS_OK) {
        submitted_forget(self->command.shards, self->last_name);
        return outcome;
    }
    const size_t used = strlen(self->dependency);
    snprintf(self->dependency + used, sizeof self->dependency - used, "%s:%s", used ? "" : "afterany", id);
    self->submitted += count;
    self->arrays++;
    if (!self->request->quiet) printf("Job %s (%s): %zu runs\n", id, self->last_name, count);
    return STATUS_OK;
}

static status submit_merging(submission *self, error_info *err) {
    slurm_options options = {.count = 0};
    const argument_texts *texts =
        self->request->merge_options->count > 0 ? self->request->merge_options : self->request->options;
    char id[SLURM_ID_MAX];
    TRY(slurm_add(&options, err, "--parsable"));
    TRY(slurm_add(&options, err, "--job-name=%s.merge", self->last_name));
    TRY(slurm_add(&options, err, "--dependency=%s", self->dependency));
    TRY(slurm_add(&options, err, "--requeue"));
    TRY(slurm_add(&options, err, "--open-mode=append"));
    TRY(add_log(&options, self, self->last_name, err));
    TRY(add_texts(&options, texts, err));
    TRY(submit_script(&options, self, 0, NULL, id, err));
    if (!self->request->quiet) printf("Job %s merges their shards when all have ended\n", id);
    return STATUS_OK;
}

/* If Slurm rejects an array, earlier arrays remain submitted and are merged. */
static status submit_all(submission *self, const pending_runs *found, error_info *err) {
    status outcome = STATUS_OK;
    for (size_t first = 0; first < found->count && outcome == STATUS_OK;) {
        const size_t left = found->count - first, most = (size_t)self->request->array_size;
        const size_t count = left < most ? left : most;
        outcome = submit_array(self, count, found->tasks + first, err);
        first += count;
        /* The list of the jobs that the merging job waits for is limited. */
        const bool full = strlen(self->dependency) + SLURM_ID_MAX + 2 > sizeof self->dependency;
        if (self->dependency[0] && (full || outcome != STATUS_OK || first >= found->count)) {
            error_info reason;
            const status merging = submit_merging(self, &reason);
            if (merging != STATUS_OK && outcome == STATUS_OK) outcome = error_set(err, merging, "%s", reason.text);
            self->dependency[0] = '\0';
        }
    }
    return outcome;
}

static status explain(const submission *self, const pending_runs *found, status outcome, const error_info *reason,
                      error_info *err) {
    if (outcome == STATUS_OK) return STATUS_OK;
    return error_set(err, outcome, "Slurm: %zu of %zu runs were submitted, then: %.800s%s", self->submitted,
                     found->count, reason->text,
                     strstr(reason->text, "Invalid job array specification")
                         ? " (--slurm-array N has to be at most the cluster's MaxArraySize)"
                         : "");
}

status scheduler_submit(const scheduler_request *request, const char *experiment, const plan *runs,
                        const run_status *list, error_info *err) {
    submission self = {.request = request, .experiment = experiment};
    submitted_jobs queue;
    pending_runs found;
    error_info reason = {""};
    TRY(place(request, &self.command, err));
    TRY(submitted_read(self.command.shards, &queue, err));
    status outcome = slurm_read_queue(self.command.shards, &queue, err);
    const pending_query query = {
        .runs = runs, .list = list, .folder = self.command.shards, .queue = &queue, .interrupted_only = request->again};
    if (outcome == STATUS_OK) outcome = pending_runs_find(&query, &found, err);
    submitted_release(&queue);
    if (outcome != STATUS_OK) return outcome;
    outcome = explain(&self, &found, submit_all(&self, &found, &reason), &reason, err);
    if (outcome == STATUS_OK && !request->quiet) {
        printf("%zu runs: %zu done, %zu done in shards, %zu queued or running, %zu submitted to Slurm now",
               runs->run_count, found.done, found.in_shards, found.at_work, self.submitted);
        if (found.left > 0) printf(", %zu failed or not begun and left alone", found.left);
        putchar('\n');
    }
    pending_runs_release(&found);
    return outcome;
}
