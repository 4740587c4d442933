/* task_command.c - the command line of a task that computes one run of a plan. */
#include "scale/task_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scale/shard.h"
#include "system/shell_words.h"

/* Resolve links and dots of a path; for a missing file, those of its folder. */
static status make_absolute(const char *path, const char *folder, char out[PATH_MAX], error_info *err) {
    char *real = realpath(path, NULL);
    int length;
    if (real) length = snprintf(out, PATH_MAX, "%s", real);
    else if (path[0] == '/') length = snprintf(out, PATH_MAX, "%s", path);
    else length = snprintf(out, PATH_MAX, "%s/%s", folder, path);
    free(real);
    if (length < PATH_MAX) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "the path is too long: \"%.200s...\"", path);
}

status task_command_place(const char *file, const char *database, const char *shards, task_command *out,
                          error_info *err) {
    char standard[PATH_MAX], root[PATH_MAX];
    /* Call the program itself, because ./run would check on every machine whether a build is needed. */
    const ssize_t length = readlink("/proc/self/exe", out->program, sizeof out->program - 1);
    if (length <= 0 || !getcwd(out->folder, sizeof out->folder))
        return error_set(err, STATUS_IO, "cannot find the path of the program: %s", strerror(errno));
    out->program[length] = '\0';
    install_root(root);
    TRY(make_absolute(root, out->folder, out->root, err));
    TRY(make_absolute(file, out->folder, out->file, err));
    TRY(make_absolute(database, out->folder, out->database, err));
    shard_folder(out->database, standard);
    return make_absolute(shards ? shards : standard, out->folder, out->shards, err);
}

static void write_option(FILE *stream, const char *name, const char *value) {
    fprintf(stream, " %s ", name);
    shell_word(stream, value);
}

void task_command_write_place(const task_command *self, FILE *stream) {
    fputs("cd ", stream);
    shell_word(stream, self->folder);
    fputs(" && AFFJORD_ROOT=", stream);
    shell_word(stream, self->root);
    fputs(" && export AFFJORD_ROOT", stream);
    /* Environment variables that a task may need; of the schedulers only Slurm passes them on. */
    static const char *const submitted_on[] = {"AFFJORD_DATA", "LD_LIBRARY_PATH"};
    for (size_t i = 0; i < sizeof submitted_on / sizeof *submitted_on; i++) {
        const char *value = getenv(submitted_on[i]);
        if (!value) continue;
        fprintf(stream, " && %s=", submitted_on[i]);
        shell_word(stream, value);
        fprintf(stream, " && export %s", submitted_on[i]);
    }
}

void task_command_write(const task_command *self, FILE *stream) {
    shell_word(stream, self->program);
    fputc(' ', stream);
    shell_word(stream, self->file);
    for (size_t i = 0; i < self->set->count; i++) write_option(stream, "--set", self->set->items[i]);
    for (size_t i = 0; i < self->where->count; i++) write_option(stream, "--where", self->where->items[i]);
    if (self->seeds) write_option(stream, "--seeds", self->seeds);
    if (self->device) write_option(stream, "--device", self->device);
    if (self->threads > 0) fprintf(stream, " --threads %" PRIu64, self->threads);
    write_option(stream, "--db", self->database);
    write_option(stream, "--shards", self->shards);
    fputs(" --quiet", stream);
}
