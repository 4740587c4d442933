/* verbs.c - which verb a command line means, and help. */
#include "verbs/verbs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"
#include "base/nearest.h"
#include "bench/bench.h"
#include "record/machine.h"
#include "settings/settings_help.h"
#include "system/place.h"
#include "verbs/data_check.h"
#include "verbs/usage.h"
#include "verbs/verb_document.h"
#include "verbs/verb_readable.h"

static int run_bench(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return bench_run(count, words);
}

const verb verb_bench = {
    .name = "bench",
    .summary = "time the parts that decide how long a training takes",
    .usage = "usage: ./run bench toy|conv|device [--repeats N] [--brief]\n"
             "\n"
             "toy: the training step of the toy experiments. conv: the convolutional field and its\n"
             "reverse beside bare convolutions of the same shapes. Median and minimum seconds of\n"
             "N repeats (41).\n"
             "device: trainings on a CUDA device against the processor's, bit by bit, then the speed\n"
             "of Figure 6's runs, and the same of images, as a report in Markdown.\n"
             "\n"
             "  --brief        a few cases once, or iterations without the speed: to see that it works\n",
    .run = run_bench};

static int run_data(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    return data_check_run(count, words);
}

const verb verb_data = {
    .name = "data",
    .summary = "say which sets of images are there, and what is read of a table",
    .usage = "usage: ./run data check [--dir DIR]\n"
             "       ./run data check FILE\n"
             "\n"
             "Looks for MNIST, CIFAR-10 and CelebA in DIR, else $AFFJORD_DATA, else ./data: what was\n"
             "found, its checksum, and otherwise which files to get from where. Nothing is downloaded.\n"
             "\n"
             "Of FILE, a table of points (.csv or .npy), says how many rows there are and how many are held out,\n"
             "the names of the columns with their ranges and deviations, and warns of what has no density.\n",
    .run = run_data};

enum { VERBS = 12 };
static const verb *const verbs[VERBS] = {&verb_eval,    &verb_sample, &verb_export,  &verb_list,
                                         &verb_merge,   &verb_check,  &verb_archive, &verb_report,
                                         &verb_measure, &verb_data,   &verb_replay,  &verb_bench};

static void write_help(FILE *stream) {
    usage_write(verb_experiment.usage, stream);
    fprintf(stream, "\nOther verbs (%s VERB --help tells more):\n", place_command());
    for (size_t i = 0; i < VERBS; i++) fprintf(stream, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\nExit status: 0 done; 1 failed while running, or stopped; 2 wrong usage or settings.\n", stream);
}

size_t verbs_count(void) {
    return VERBS;
}

const verb *verbs_at(size_t index) {
    return verbs[index];
}

int verb_misused(const verb *self, const char *message) {
    fprintf(stderr, "%s\n", message);
    fprintf(stderr, "See %s %s%s--help\n", place_command(), self->name, *self->name ? " " : "");
    return EXIT_USAGE;
}

int verb_failed(const char *message) {
    fprintf(stderr, "%s\n", message);
    return EXIT_FAILED;
}

static bool wants_help(int count, char **words) {
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) return true;
    return false;
}

static int run_verb(const verb *self, int count, char **words, int all_count, char **all) {
    if (!wants_help(count, words)) return self->run(count, words, all_count, all);
    usage_write(self->usage, stdout);
    return EXIT_DONE;
}

/* A word that can only be an experiment file. */
static bool looks_like_file(const char *word) {
    return strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0;
}

static int unknown_verb(const char *word) {
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++) names[i] = verbs[i]->name;
    fprintf(stderr,
            "\"%s\" is neither an experiment file nor a verb; the nearest verb is %s\n"
            "See %s --help\n",
            word, nearest_name(word, VERBS, names), place_command());
    return EXIT_USAGE;
}

/* A level misspelt would pass for none, and its numbers for those of that level. */
static bool level_is_known(void) {
    const char *level = getenv("AFFJORD_SIMD");
    if (!level || cpu_level_named(level) < CPU_LEVELS) return true;
    fprintf(stderr, "AFFJORD_SIMD is \"%s\"; it can be portable, avx2 or avx512\n", level);
    return false;
}

int verbs_main(int count, char **words) {
    if (!level_is_known()) return EXIT_USAGE;
    if (!place_root_fits()) {
        fprintf(stderr, "AFFJORD_ROOT is too long: expected at most %d bytes\n", PLACE_ROOT_MAX - 1);
        return EXIT_USAGE;
    }
    if (count < 2) {
        write_help(stderr);
        return EXIT_USAGE;
    }
    const char *first = words[1];
    if (strcmp(first, "--version") == 0) {
        machine_write_version(stdout);
        return EXIT_DONE;
    }
    if (strcmp(first, "document") == 0) return document_run(count - 2, words + 2);
    if (strcmp(first, "readable") == 0) return readable_run(count - 2, words + 2);
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(first, verbs[i]->name) == 0) return run_verb(verbs[i], count - 2, words + 2, count, words);
    if (wants_help(count - 1, words + 1)) {
        write_help(stdout);
        fputc('\n', stdout);
        settings_write_help(stdout);
        return EXIT_DONE;
    }
    if (first[0] != '-' && !looks_like_file(first)) return unknown_verb(first);
    return verb_experiment.run(count - 1, words + 1, count, words);
}
