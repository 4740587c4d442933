/* arguments.h - the words of a command line. */
#ifndef AFFJORD_RUNNER_ARGUMENTS_H
#define AFFJORD_RUNNER_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum argument_type {
    ARGUMENT_FLAG, /* bool: --quiet */
    ARGUMENT_TEXT, /* const char *: --db PATH or --db=PATH */
    ARGUMENT_NUMBER, /* uint64_t from minimum to maximum */
    ARGUMENT_TEXTS /* argument_texts: an option that may be repeated */
} argument_type;

/* In the order of the command line; `items` has room for as many as it has words. */
typedef struct argument_texts {
    size_t count;
    const char **items;
} argument_texts;

typedef struct argument_option {
    const char *name; /* with its dashes */
    argument_type type;
    void *into;
    uint64_t minimum, maximum;
} argument_option;

/* Read `count` words. Those that are no options go to `others` (room for
 * others_max), *others_count of them. Errors: STATUS_INVALID, with the nearest
 * name for an unknown option. */
status arguments_read(int count, char **words, size_t option_count, const argument_option *options, size_t others_max,
                      const char **others, size_t *others_count, failure *why);

#endif
