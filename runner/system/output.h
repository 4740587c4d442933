/* output.h - the one rule for files that a user names for a command to write.
 *
 * "-" is standard output. Devices, pipes and links are written through. A file that is there is replaced only if it is
 * empty or holds what the command writes, otherwise the command needs --force. A file that the command reads, a
 * database and what belongs to one are never replaced. */
#ifndef AFFJORD_RUNNER_OUTPUT_H
#define AFFJORD_RUNNER_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "data/npy.h"

enum { OUTPUT_HEAD = 4096, OUTPUT_INPUTS_MAX = 4 };

typedef enum output_content {
    OUTPUT_OWN, /* what the command writes */
    OUTPUT_OTHER, /* replaced with --force only */
    OUTPUT_KEPT /* never replaced */
} output_content;

/* What a command writes. */
typedef struct output_kind {
    const char *name; /* with its article */
    const char *const *endings; /* that a file may have, ended by NULL; NULL for any. With two, it is a table */
    bool asks; /* needs --force for its own kind too: what is replaced may not come again */
    /* What a file holds, whose first bytes (size) are these, as many as OUTPUT_HEAD. */
    output_content (*look)(const char *path, const unsigned char *head, size_t size, size_t columns);
} output_kind;

/* Numbers, as .npy or .csv: `columns` of them a row, 0 for a single one. */
extern const output_kind output_table;

/* What a command line asks for. */
typedef struct output_request {
    const char *name;
    const output_kind *kind;
    size_t columns;
    bool force;
    const char *inputs[OUTPUT_INPUTS_MAX]; /* files that the command reads; NULL is no file */
} output_request;

/* Where it goes. */
typedef struct output {
    char path[PATH_MAX]; /* of the file, links followed; /dev/stdout for "-" */
    bool stream; /* written as it comes, not replaced */
    bool standard; /* standard output: messages belong elsewhere */
    bool text; /* of a table: as CSV. Streams whose name has no ending are text. */
} output;

/* Check a request, before any work is done for it. Nothing is written. Errors: STATUS_INVALID for what is not allowed;
 * STATUS_IO for what cannot be written. */
status output_check(const output_request *request, output *out, error_info *err);

/* Check again what may have changed during the work, and write a table, (rows) where `columns` is 0. */
status output_write_table(const output_request *request, npy_type type, const void *values, size_t rows,
                          error_info *err);

/* The same for bytes. */
status output_write(const output_request *request, const void *bytes, size_t size, error_info *err);

/* Where a command that writes to `to` prints its messages: not into what it writes. */
#define OUTPUT_MESSAGES(to) ((to)->standard ? stderr : stdout)

#endif
