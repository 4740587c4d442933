/* options.h - options that several commands have; `request` is the structure into which they are read. */
#ifndef AFFJORD_RUNNER_OPTIONS_H
#define AFFJORD_RUNNER_OPTIONS_H

#include "system/arguments.h"

enum { OPTION_JOBS_MAX = 1024, OPTION_THREADS_MAX = 256 };

#define OPTION(type_, request, field, name_, value_, help_)                                                            \
    { .name = name_, .value = value_, .type = type_, .offset = offsetof(request, field), .help = help_ }
#define OPTION_FLAG(request, field, name, help) OPTION(ARGUMENT_FLAG, request, field, name, NULL, help)
#define OPTION_TEXT(request, field, name, value, help) OPTION(ARGUMENT_TEXT, request, field, name, value, help)
#define OPTION_TEXTS(request, field, name, value, help) OPTION(ARGUMENT_TEXTS, request, field, name, value, help)
#define OPTION_NUMBER(request, field, name_, value_, minimum_, maximum_, help_)                                        \
    {                                                                                                                  \
        .name = name_, .value = value_, .type = ARGUMENT_NUMBER, .offset = offsetof(request, field),                   \
        .minimum = minimum_, .maximum = maximum_, .help = help_                                                        \
    }
#define OPTION_HEADING(help_)                                                                                          \
    { .help = help_ }

#define OPTION_DATABASE(request)                                                                                       \
    OPTION_TEXT(request, database, "--db", "PATH", "the results database (results/results.db)")
#define OPTION_THREADS(request)                                                                                        \
    OPTION_NUMBER(request, threads, "--threads", "N", 1, OPTION_THREADS_MAX, "number of threads (1)")
#define OPTION_QUIET(request) OPTION_FLAG(request, quiet, "--quiet", "print errors only")
#define OPTION_FORCE(request)                                                                                          \
    OPTION_FLAG(request, force, "--force",                                                                             \
                "replace a file that this command did not write; an input or a database is never replaced")

/* The last members of a command. */
#define OPTIONS(table) .option_count = sizeof table / sizeof *table, .options = table

#endif
