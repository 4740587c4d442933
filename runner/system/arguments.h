/* arguments.h - command-line options: one table for parsing, --help, the manual page and completion. */
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

/* In the order of the command line. The caller provides room in `items` for all words. */
typedef struct argument_texts {
    size_t count;
    const char **items;
} argument_texts;

/* An option. One without a name is a heading in the help. */
typedef struct argument_option {
    const char *name; /* with its dashes */
    const char *value; /* placeholder in the help: N, PATH, DIR, SECTION.KEY=VALUE, or choices a|b; NULL for a flag */
    argument_type type;
    size_t offset; /* of the field in the request */
    uint64_t minimum, maximum; /* of a number */
    const char *help;
} argument_option;

/* Parse `count` words into the fields of `request`. Words that are no options go to `others` (room for others_max),
 * *others_count of them. Errors: STATUS_INVALID, with a suggestion for an unknown option. */
status arguments_read(int count, char **words, size_t option_count, const argument_option *options, void *request,
                      size_t others_max, const char **others, size_t *others_count, error_info *err);

#endif
