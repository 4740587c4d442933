/* verb_experiment.c - ./run FILE.ini: from an experiment file to rows and pictures. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"
#include "base/real.h"
#include "count.h"
#include "double_build.h"
#include "dry_run.h"
#include "enrolment.h"
#include "figures.h"
#include "machine.h"
#include "place.h"
#include "summary.h"
#include "verbs.h"
#include "workers.h"

enum { JOBS_MAX = 1024, THREADS_MAX = 256 };

/* What the command line says. */
typedef struct request {
    const char *file, *seeds, *device, *database;
    argument_texts set;
    uint64_t jobs, threads; /* 0: not said */
    bool dry_run, quiet;
} request;

/* The experiment, read. */
typedef struct experiment {
    request asked;
    experiment_config *config;
    plan *runs;
    recorder_experiment row;
    char database[PLACE_PATH_MAX];
    signals events;
} experiment;

static status read_request(int count, char **words, request *out, failure *why) {
    const argument_option options[] = {
        {.name = "--set", .type = ARGUMENT_TEXTS, .into = &out->set},
        {.name = "--seeds", .type = ARGUMENT_TEXT, .into = &out->seeds},
        {.name = "--jobs", .type = ARGUMENT_NUMBER, .into = &out->jobs, .minimum = 1, .maximum = JOBS_MAX},
        {.name = "--threads", .type = ARGUMENT_NUMBER, .into = &out->threads, .minimum = 1, .maximum = THREADS_MAX},
        {.name = "--device", .type = ARGUMENT_TEXT, .into = &out->device},
        {.name = "--db", .type = ARGUMENT_TEXT, .into = &out->database},
        {.name = "--dry-run", .type = ARGUMENT_FLAG, .into = &out->dry_run},
        {.name = "--quiet", .type = ARGUMENT_FLAG, .into = &out->quiet},
    };
    size_t files = 0;
    TRY(arguments_read(count, words, sizeof options / sizeof *options, options, 1, &out->file, &files, why));
    if (files == 0) return fail(why, STATUS_INVALID, "which experiment? Name its .ini file");
    return STATUS_OK;
}

/* cpu, cuda, cuda:N */
static int check_device(const char *device) {
    if (!device || strcmp(device, "cpu") == 0) return EXIT_DONE;
    const size_t digits = strncmp(device, "cuda:", 5) == 0 ? strspn(device + 5, "0123456789") : 0;
    if (strcmp(device, "cuda") == 0 || (digits > 0 && !device[5 + digits])) {
        fprintf(stderr, "--device %s: this build has no CUDA backend\n", device);
        return EXIT_FAILED;
    }
    fprintf(stderr, "--device %s: expected cpu, cuda or cuda:N\n", device);
    return EXIT_USAGE;
}

/* --- Running --- */

static bool counts(const experiment *self) {
    return config_settings(self->config)->experiment_task == TASK_COUNT;
}

/* How the wait for another process goes. */
typedef struct waiting {
    const experiment *self;
    bool said;
} waiting;

static bool wait_for_lock(void *argument, const char *holder) {
    waiting *state = argument;
    if (!state->said && !state->self->asked.quiet)
        fprintf(stderr, "Waiting for %s, which writes %s\n", holder, state->self->database);
    state->said = true;
    const int number = signals_read(&state->self->events);
    return number == 0 || number == SIGTSTP;
}

static status train(const experiment *self, recorder *book, const enrolment *list, const machine *here,
                    workers_result *result, failure *why) {
    const request *asked = &self->asked;
    const size_t threads = asked->threads ? (size_t)asked->threads : 1;
    size_t jobs = asked->jobs ? (size_t)asked->jobs : machine_jobs(threads);
    if (jobs > list->count - list->done) jobs = list->count - list->done;
    uint64_t iterations = 0;
    for (size_t i = 0; i < list->count; i++) {
        const recorder_run *run = &list->runs[i];
        if (run->state == RUN_DONE) continue;
        iterations += run->iterations - (run->has_checkpoint ? run->checkpoint_iteration : 0);
    }
    progress *shown;
    if (progress_create(stderr, asked->quiet, jobs, list->count, list->done, iterations, &shown) != STATUS_OK)
        return fail(why, STATUS_MEMORY, "out of memory");
    const workers_spec spec = {
        .runs = self->runs, .states = list->runs, .session = &here->session, .jobs = jobs, .threads = threads};
    const status outcome = workers_run(&spec, book, &self->events, shown, result, why);
    progress_destroy(&shown);
    return outcome;
}

static status write_and_train(const experiment *self, recorder *book, const machine *here, workers_result *result,
                              failure *why) {
    enrolment *list;
    TRY(enrolment_write(book, self->runs, &self->row, &list, why));
    if (list->stale_count > 0 && !self->asked.quiet)
        fprintf(stderr,
                "%zu run%s with other settings left experiment %s; they stay in the database under their keys\n",
                list->stale_count, list->stale_count == 1 ? "" : "s", self->row.name);
    status outcome = STATUS_OK;
    if (list->done < list->count && counts(self)) {
        outcome = count_runs(book, self->runs, list, &here->session, why);
        result->done = list->count - list->done;
    } else if (list->done < list->count) {
        outcome = train(self, book, list, here, result, why);
    }
    enrolment_destroy(&list);
    return outcome;
}

static status compute(const experiment *self, const machine *here, workers_result *result, failure *why) {
    recorder *book;
    failure closing;
    waiting state = {.self = self};
    TRY(recorder_open(self->database, wait_for_lock, &state, &book, why));
    const status outcome = write_and_train(self, book, here, result, why);
    const status closed = recorder_close(&book, &closing);
    if (outcome != STATUS_OK) return outcome;
    return closed == STATUS_OK ? STATUS_OK : fail(why, closed, "%s", closing.text);
}

/* *complete <- whether nothing is left to do, found without writing. */
static status look(const experiment *self, bool *complete, failure *why) {
    struct stat information;
    recorder *book;
    enrolment *list;
    *complete = false;
    if (stat(self->database, &information) != 0 || information.st_size == 0) return STATUS_OK;
    TRY(recorder_open_reading(self->database, &book, why));
    status outcome = enrolment_read(book, self->runs, &self->row, &list, why);
    if (outcome == STATUS_OK) {
        *complete = list->current && list->done == list->count;
        enrolment_destroy(&list);
    }
    recorder_close(&book, NULL);
    return outcome;
}

static status write_table(const experiment *self, recorder *book, FILE *stream, size_t *broken, failure *why) {
    const unsigned task = config_settings(self->config)->experiment_task;
    if (task == TASK_COUNT) return count_write(book, self->runs, stream, why);
    if (task == TASK_THEORY) return summary_write_theory(book, self->row.name, stream, broken, why);
    return summary_write(book, self->row.name, stream, why);
}

/* The table, then the pictures. *broken <- statements of the mathematics that do not keep their bound. */
static void show(const experiment *self, bool computed, size_t *broken) {
    const char *items = config_settings(self->config)->experiment_figures;
    failure why;
    recorder *book;
    /* Quiet, it is written to nowhere: what is broken counts all the same. */
    FILE *stream = self->asked.quiet ? fopen("/dev/null", "w") : stdout;
    if (stream && recorder_open_reading(self->database, &book, &why) == STATUS_OK) {
        if (write_table(self, book, stream, broken, &why) != STATUS_OK) fprintf(stderr, "%s\n", why.text);
        recorder_close(&book, NULL);
    }
    if (stream && stream != stdout) fclose(stream);
    if (*items && (computed || !figures_exist(self->database, self->row.name, items)))
        figures_draw(self->database, self->row.name, items, self->asked.quiet);
}

static int run(experiment *self, int all_count, char **all) {
    failure why = {""};
    bool complete = false;
    workers_result result = {0};
    machine here;
    status outcome = signals_open(&self->events, &why);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    outcome = look(self, &complete, &why);
    if (outcome == STATUS_OK && !complete) {
        machine_describe(&here, all_count, all);
        outcome = compute(self, &here, &result, &why);
    }
    signals_close(&self->events);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    if (result.stopped) {
        if (!self->asked.quiet) fprintf(stderr, "Stopped. The same command goes on from here.\n");
        return EXIT_FAILED;
    }
    size_t broken = 0;
    show(self, result.done > 0, &broken);
    if (broken > 0) fprintf(stderr, "%zu statements do not keep their bound\n", broken);
    if (result.failed == 0 && result.interrupted == 0) return broken ? EXIT_FAILED : EXIT_DONE;
    fprintf(stderr, "%zu of %zu runs failed; the same command takes them up again\n", result.failed,
            self->runs->run_count);
    return EXIT_FAILED;
}

/* --- The verb --- */

static int dry_run(const experiment *self) {
    failure why = {""};
    struct stat information;
    recorder *book = NULL;
    enrolment *list = NULL;
    status outcome;
    if (stat(self->database, &information) != 0 || information.st_size == 0) {
        outcome = enrolment_empty(self->runs, &list, &why);
    } else {
        outcome = recorder_open_reading(self->database, &book, &why);
        if (outcome == STATUS_OK) outcome = enrolment_read(book, self->runs, &self->row, &list, &why);
    }
    if (outcome == STATUS_OK) dry_run_write(config_settings(self->config), self->runs, list, self->database, stdout);
    enrolment_destroy(&list);
    recorder_close(&book, NULL);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

static int read_and_run(experiment *self, int all_count, char **all) {
    const request *asked = &self->asked;
    failure why = {""};
    char installed[PLACE_PATH_MAX];
    const bool elsewhere = access(asked->file, F_OK) != 0 && place_installed("experiments", asked->file, installed);
    const char *file = elsewhere ? installed : asked->file;
    status outcome = config_load(file, asked->set.count, asked->set.items, &self->config, &why);
    if (outcome == STATUS_OK) outcome = plan_create(self->config, asked->seeds, &self->runs, &why);
    if (outcome != STATUS_OK) {
        fprintf(stderr, "%s\n", why.text);
        return outcome == STATUS_MEMORY ? EXIT_FAILED : EXIT_USAGE;
    }
    const settings *values = config_settings(self->config);
    if (values->experiment_task == TASK_THEORY && sizeof(real) == sizeof(float) && !asked->dry_run)
        return double_build_become(all_count, all, &why) == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
    self->row = (recorder_experiment){.name = values->experiment_name, .title = values->experiment_title, .file = file};
    return asked->dry_run ? dry_run(self) : run(self, all_count, all);
}

static int run_experiment(int count, char **words, int all_count, char **all) {
    experiment self = {.events = {.descriptor = -1}};
    failure why = {""};
    self.asked.set.items = calloc((size_t)count, sizeof *self.asked.set.items);
    if (!self.asked.set.items) return verb_failed("out of memory");
    int result = EXIT_USAGE;
    if (read_request(count, words, &self.asked, &why) != STATUS_OK) {
        result = verb_misused(&verb_experiment, why.text);
    } else if ((result = check_device(self.asked.device)) == EXIT_DONE) {
        place_path(PLACE_DATABASE, self.database);
        if (self.asked.database) snprintf(self.database, sizeof self.database, "%s", self.asked.database);
        result = read_and_run(&self, all_count, all);
    }
    plan_destroy(&self.runs);
    config_destroy(&self.config);
    free(self.asked.set.items);
    return result;
}

const verb verb_experiment = {
    .name = "",
    .usage = "usage: ./run FILE.ini [--set SECTION.KEY=VALUE]... [--seeds LIST] [--jobs N] [--threads N]\n"
             "                      [--device cpu|cuda[:N]] [--db PATH] [--dry-run] [--quiet]\n"
             "       ./run VERB ...\n"
             "       ./run --help | --version\n"
             "\n"
             "Trains what the experiment file asks for and the database does not have yet, prints the losses, and\n"
             "draws its figures. Started again, it goes on where it was; what is done is never repeated.\n"
             "\n"
             "Where the program is installed, a FILE.ini that is not in the current folder is one of its own\n"
             "experiments, as in affjord fig6.ini, and results lie under the current folder.\n"
             "\n"
             "  --set S.K=V    a setting on top of the file; may be repeated. --set \"model NAME.S.K=V\" and\n"
             "                 --set \"data NAME.S.K=V\" are for one model or data set\n"
             "  --seeds LIST   seeds instead of the file's, as in 0-4,7\n"
             "  --jobs N       runs at a time (as many as there are cores for their threads)\n"
             "  --threads N    threads in each of them (1)\n"
             "  --device D     cpu, or cuda[:N] where the build has it (cpu)\n"
             "  --db PATH      the results database (results/results.db); while another process writes it, wait\n"
             "  --dry-run      print the settings and what would be computed; write nothing\n"
             "  --quiet        print nothing but errors\n"
             "\n"
             "Ctrl-C finishes the step under way and leaves a checkpoint; a second one stops at once.\n",
    .run = run_experiment};
