/* command_remove.c - ./run remove: deletes runs and their files.
 *
 * Rows go in one transaction, files only after its commit. A process killed in between leaves files that no row names,
 * which --orphans removes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/figures.h"
#include "commands/options.h"
#include "record/checkpoint_files.h"
#include "record/results_db.h"
#include "scale/shard.h"
#include "system/paths.h"

typedef struct request {
    const char *name, *database;
    bool failed, orphans, dry_run, yes;
} request;

/* The runs and files to remove. */
typedef struct removal {
    const request *args;
    results_db *db;
    bool locked; /* another process writes the database */
    const char *experiment; /* the experiment to remove too; NULL for none */
    size_t run_count, kept; /* runs to remove; runs of the experiment that stay */
    db_run *runs; /* (run_count) */
    size_t file_count;
    char **files; /* (file_count) */
    uint64_t file_bytes, picture_bytes;
} removal;

static void release(removal *self) {
    for (size_t i = 0; i < self->file_count; i++) free(self->files[i]);
    free(self->files);
    free(self->runs);
}

/* --- Files --- */

static uint64_t bytes_of(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 ? (uint64_t)information.st_size : 0;
}

static status add_file(void *argument, const char *path, error_info *err) {
    removal *self = argument;
    char **files = realloc(self->files, (self->file_count + 1) * sizeof *files);
    if (files) self->files = files;
    char *copy = files ? strdup(path) : NULL;
    if (!copy) return error_set(err, STATUS_MEMORY, "out of memory");
    self->files[self->file_count++] = copy;
    self->file_bytes += bytes_of(path);
    return STATUS_OK;
}

static int compare_runs(const void *left, const void *right) {
    return strcmp(((const db_run *)left)->key, ((const db_run *)right)->key);
}

/* Collect the files of runs to remove; self->runs are sorted by key. */
static status take_file_of_run(void *argument, const char *path, const char *key, error_info *err) {
    const removal *self = argument;
    db_run wanted = {.id = 0};
    snprintf(wanted.key, sizeof wanted.key, "%s", key);
    if (self->run_count == 0 || !bsearch(&wanted, self->runs, self->run_count, sizeof wanted, compare_runs))
        return STATUS_OK;
    return add_file(argument, path, err);
}

/* Collect checkpoints that no row names, and batches of runs that are not in the database. */
static status take_orphan(void *argument, const char *path, const char *key, error_info *err) {
    removal *self = argument;
    char folder[PATH_MAX], named[PATH_MAX];
    db_run run;
    TRY(db_find_run(self->db, key, &run, err));
    checkpoint_folder(db_path(self->db), folder);
    const bool checkpoint = strncmp(path, folder, strlen(folder)) == 0 && path[strlen(folder)] == '/';
    if (run.id != 0 && !checkpoint) return STATUS_OK;
    if (run.id != 0 && run.has_checkpoint) {
        checkpoint_locate(db_path(self->db), run.checkpoint_path, named);
        if (strcmp(named, path) == 0) return STATUS_OK;
    }
    return add_file(self, path, err);
}

static status take_pictures(void *argument, const char *experiment, error_info *err) {
    removal *self = argument;
    char folder[FIGURES_FOLDER_MAX];
    return figures_each(db_path(self->db), experiment, folder, add_file, self, err);
}

/* Remove the files, and folders of pictures that are then empty. Return the number of files that could not be
 * removed. */
static size_t remove_files(const removal *self) {
    size_t left = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        char *path = self->files[i];
        if (unlink(path) != 0 && errno != ENOENT) {
            fprintf(stderr, "cannot remove \"%s\": %s\n", path, strerror(errno));
            left++;
        }
    }
    for (size_t i = 0; i < self->file_count; i++) {
        char *slash = strrchr(self->files[i], '/');
        if (!slash || strstr(slash, ".safetensors")) continue;
        *slash = '\0';
        rmdir(self->files[i]); /* fails unless it is empty */
    }
    return left;
}

/* --- Choosing --- */

static status add_run(removal *self, const db_run *run, error_info *err) {
    db_run *runs = realloc(self->runs, (self->run_count + 1) * sizeof *runs);
    if (!runs) return error_set(err, STATUS_MEMORY, "out of memory");
    runs[self->run_count++] = *run;
    self->runs = runs;
    return STATUS_OK;
}

/* Write "small, other": the experiments that contain a run, except one. */
typedef struct owners {
    const char *without; /* NULL: all */
    char text[512];
} owners;

static status add_owner(void *argument, const char *name, error_info *err) {
    owners *self = argument;
    const size_t used = strlen(self->text);
    (void)err;
    if (self->without && strcmp(name, self->without) == 0) return STATUS_OK;
    snprintf(self->text + used, sizeof self->text - used, "%s%s", used > 0 ? ", " : "", name);
    return STATUS_OK;
}

static void print_run(const db_run *run, const char *shown) {
    printf("  %.12s  %-16s %-16s seed %-6" PRIu64 " %s%s%s\n", run->key, run->dataset, run->model, run->seed,
           db_state_name(run->state), *shown ? "; shown by " : "", shown);
}

/* Remove a run of the experiment unless another experiment contains it. */
static status visit_member(void *argument, const db_run *run, error_info *err) {
    removal *self = argument;
    owners others = {.without = self->experiment, .text = ""};
    TRY(db_each_owner(self->db, run->id, add_owner, &others, err));
    if (!*others.text) return add_run(self, run, err);
    if (self->kept++ == 0) printf("These stay, as other experiments show them:\n");
    print_run(run, others.text);
    return STATUS_OK;
}

static status visit_failed(void *argument, const db_run *run, error_info *err) {
    return run->state == RUN_FAILED ? add_run(argument, run, err) : STATUS_OK;
}

static status choose_named(removal *self, const char *name, error_info *err) {
    const db_experiment wanted = {.name = name, .title = ""};
    error_info reason;
    db_run run;
    int64_t id;
    bool same;
    TRY(db_find_experiment(self->db, &wanted, &id, &same, err));
    const status found = db_resolve_run(self->db, name, &run, &reason);
    if (found != STATUS_OK && found != STATUS_INVALID) return error_set(err, found, "%s", reason.text);
    if (id != 0 && found == STATUS_OK)
        return error_set(err, STATUS_INVALID,
                         "%s: an experiment, and run %s; name the run by its whole key, or rename the experiment", name,
                         run.key);
    if (id == 0)
        return found == STATUS_OK ? add_run(self, &run, err)
                                  : error_set(err, STATUS_INVALID, "no experiment, and %.900s", reason.text);
    self->experiment = name;
    return db_each_run(self->db, name, visit_member, self, err);
}

/* Training processes hold the database's lock, which this process also detects if it only reads. */
static status check_running(const removal *self, error_info *err) {
    for (size_t i = 0; i < self->run_count; i++)
        if (self->locked && self->runs[i].state == RUN_RUNNING)
            return error_set(err, STATUS_IO, "run %s is running; stop it first", self->runs[i].key);
    return STATUS_OK;
}

/* The next merge would restore the run of a shard. */
static void note_shard(const removal *self, const db_run *run) {
    char folder[PATH_MAX], path[PATH_MAX];
    error_info ignored;
    shard_folder(db_path(self->db), folder);
    if (shard_path(folder, run->key, SHARD_DATABASE, path, &ignored) == STATUS_OK && access(path, F_OK) == 0)
        printf("  Note: its shard %s stays, and ./run merge copies it again\n", path);
}

static status print_runs(removal *self, error_info *err) {
    if (self->run_count > 0) printf("These runs go:\n");
    for (size_t i = 0; i < self->run_count; i++) {
        owners shown = {.without = self->experiment, .text = ""};
        TRY(db_each_owner(self->db, self->runs[i].id, add_owner, &shown, err));
        print_run(&self->runs[i], shown.text);
        note_shard(self, &self->runs[i]);
    }
    return STATUS_OK;
}

static status choose(removal *self, error_info *err) {
    const request *args = self->args;
    if (args->orphans) {
        TRY(checkpoint_each_file(db_path(self->db), take_orphan, self, err));
        return db_each_removed(self->db, take_pictures, self, err);
    }
    if (args->failed) TRY(db_each_run(self->db, NULL, visit_failed, self, err));
    else TRY(choose_named(self, args->name, err));
    TRY(check_running(self, err));
    TRY(print_runs(self, err));
    if (self->run_count > 0) qsort(self->runs, self->run_count, sizeof *self->runs, compare_runs);
    TRY(db_begin_marks(self->db, err));
    for (size_t i = 0; i < self->run_count; i++) TRY(db_mark_run(self->db, self->runs[i].id, err));
    TRY(db_marked_pictures(self->db, &self->picture_bytes, err));
    TRY(checkpoint_each_file(db_path(self->db), take_file_of_run, self, err));
    return self->experiment ? take_pictures(self, self->experiment, err) : STATUS_OK;
}

/* --- Removing --- */

/* Print what is removed: "Experiment small, 3 runs and 5 files: 1.20 MB of files, 0.30 MB of stored pictures". */
static void print_removal(const removal *self, const char *before, const char *after) {
    printf("%s", before);
    if (self->experiment) printf("experiment %s, ", self->experiment);
    if (!self->args->orphans) printf("%zu run%s and ", self->run_count, self->run_count == 1 ? "" : "s");
    printf("%zu file%s: %.2f MB of files", self->file_count, self->file_count == 1 ? "" : "s",
           1e-6 * (double)self->file_bytes);
    if (!self->args->orphans) printf(", %.2f MB of stored pictures", 1e-6 * (double)self->picture_bytes);
    printf("%s", after);
    fflush(stdout);
}

static bool is_confirmed(const request *args) {
    char answer[16];
    if (args->yes) return true;
    printf("Remove? [y/N] ");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static status remove_all(removal *self, bool *whole, error_info *err) {
    const uint64_t before = bytes_of(db_path(self->db));
    error_info reason;
    if (self->args->orphans) TRY(db_remove_orphans(self->db, err));
    else TRY(db_remove_marked(self->db, err));
    if (self->experiment) TRY(db_remove_experiment(self->db, self->experiment, err));
    TRY(db_commit(self->db, err));
    const size_t left = remove_files(self);
    *whole = left == 0;
    if (*whole) TRY(db_forget_removed(self->db, err));
    /* The space of rows that another program is reading is reused later. */
    if (db_shrink(self->db, &reason) != STATUS_OK) fprintf(stderr, "Note: %s\n", reason.text);
    const uint64_t after = bytes_of(db_path(self->db)), rows = before > after ? before - after : 0;
    printf("Freed %" PRIu64 " bytes: %" PRIu64 " of files, %" PRIu64 " of the database\n", self->file_bytes + rows,
           self->file_bytes, rows);
    if (left > 0) return error_set(err, STATUS_IO, "%zu files stay; --orphans removes them", left);
    return STATUS_OK;
}

static status look_and_remove(removal *self, bool *whole, error_info *err) {
    *whole = true;
    TRY(choose(self, err));
    const bool nothing = self->file_count == 0 && self->run_count == 0 && !self->experiment;
    if (nothing && !self->args->orphans) {
        printf("Nothing to remove\n");
        return STATUS_OK;
    }
    print_removal(self, self->args->dry_run ? "Would remove " : "To remove: ", "\n");
    if (self->args->dry_run) return STATUS_OK;
    if (nothing || is_confirmed(self->args)) return remove_all(self, whole, err);
    printf("Nothing was removed\n");
    *whole = false;
    return STATUS_OK;
}

/* --- The command --- */

static const argument_option options[] = {
    OPTION_DATABASE(request), OPTION_FLAG(request, failed, "--failed", "remove all runs that failed"),
    OPTION_FLAG(request, orphans, "--orphans",
                "remove files and pictures that belong to no run, as a process that was killed leaves them"),
    OPTION_FLAG(request, dry_run, "--dry-run", "print what would be removed; remove nothing"),
    OPTION_FLAG(request, yes, "--yes", "no confirmation")};

static status read_request(int count, char **words, request *out, error_info *err) {
    size_t names = 0;
    TRY(command_read(&command_remove, count, words, out, 1, &out->name, &names, err));
    if ((names > 0) + out->failed + out->orphans != 1)
        return error_set(err, STATUS_INVALID, "expected one of RUN, EXPERIMENT, --failed and --orphans");
    if (!out->dry_run && !out->yes && !isatty(STDIN_FILENO))
        return error_set(err, STATUS_INVALID, "no terminal for the confirmation; expected --yes or --dry-run");
    return STATUS_OK;
}

/* Take the lock before listing, so that exactly the printed runs are removed. Opening for writing would create a
 * missing database. */
static status open_database(removal *self, error_info *err) {
    TRY(db_open_reading(self->args->database, &self->db, err));
    self->locked = db_is_locked(db_path(self->db));
    if (self->args->dry_run) return STATUS_OK;
    db_close(&self->db, NULL);
    return db_open(self->args->database, NULL, NULL, &self->db, err);
}

static int run_remove(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    request args = {.name = NULL};
    removal self = {.args = &args};
    error_info err = {""}, closing;
    char usual[PATH_MAX];
    bool whole = false;
    if (read_request(count, words, &args, &err) != STATUS_OK) return usage_error(&command_remove, err.text);
    install_path(DEFAULT_DATABASE, usual);
    if (!args.database) args.database = usual;
    status outcome = open_database(&self, &err);
    if (outcome == STATUS_OK) outcome = look_and_remove(&self, &whole, &err);
    release(&self);
    const status closed = db_close(&self.db, &closing);
    if (outcome == STATUS_INVALID) return usage_error(&command_remove, err.text);
    if (outcome != STATUS_OK) return command_failed(err.text);
    if (closed != STATUS_OK) return command_failed(closing.text);
    return whole ? EXIT_DONE : EXIT_FAILED;
}

const command command_remove = {
    .name = "remove",
    .summary = "delete runs with their checkpoints and pictures",
    .forms = (const char *const[]){"RUN|EXPERIMENT|--failed|--orphans [--dry-run] [--yes] [--db PATH]", NULL},
    .text =
        "Deletes a run (its number, its key, or the beginning of its key), an experiment with the runs that no other "
        "experiment shows, or the runs that failed: rows, stored pictures, checkpoints, batches of failed iterations, "
        "and of an experiment the drawn figures. Lists what it will remove, with the experiments that show it, asks "
        "for "
        "confirmation, and prints the bytes that it freed.\n\n"
        "While a process writes the database, nothing is removed. If the command is killed, run it with --orphans.",
    OPTIONS(options),
    .run = run_remove};
