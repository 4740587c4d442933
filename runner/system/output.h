/* output.h - the rule for files that a user names for a command's output.
 *
 * "-" is standard output. Devices, pipes and links are written through. An existing file is replaced only if it is
 * empty or has the command's own format; otherwise the command needs --force. A file that the command reads, a
 * database, and a database's files are never replaced. */
#ifndef AFFJORD_RUNNER_OUTPUT_H
#define AFFJORD_RUNNER_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "data/npy.h"

enum { OUTPUT_HEAD = 4096, OUTPUT_INPUTS_MAX = 4 };

typedef enum output_content {
    OUTPUT_OWN, /* the kind that the command writes */
    OUTPUT_OTHER, /* replaced with --force only */
    OUTPUT_KEPT /* never replaced */
} output_content;

/* A kind of output. */
typedef struct output_kind {
    const char *name; /* with its article */
    const char *const *endings; /* that a file may have, ended by NULL; NULL for any. With two, it is a table */
    bool needs_force; /* needs --force for its own kind too: the old content may not be reproducible */
    /* Describe a file from its first bytes (size), at most OUTPUT_HEAD. */
    output_content (*look)(const char *path, const unsigned char *head, size_t size, size_t columns);
} output_kind;

/* Numbers, as .npy or .csv: `columns` of them a row, 0 for a single one. */
extern const output_kind output_table;

/* The output that a command line requests. */
typedef struct output_request {
    const char *name;
    const output_kind *kind;
    size_t columns;
    bool force;
    const char *inputs[OUTPUT_INPUTS_MAX]; /* files that the command reads; NULL is no file */
} output_request;

/* The destination. */
typedef struct output {
    char path[PATH_MAX]; /* of the file, links followed; /dev/stdout for "-" */
    bool stream; /* written directly, not replaced */
    bool standard; /* standard output: messages go to standard error */
    bool text; /* of a table: as CSV. Streams whose name has no ending are text. */
} output;

/* Check a request before any work for it. Nothing is written. Errors: STATUS_INVALID for a forbidden target;
 * STATUS_IO for one that cannot be written. */
status output_check(const output_request *request, output *out, error_info *err);

/* Repeat the checks, because files may have changed since, and write a table; (rows) if `columns` is 0. */
status output_write_table(const output_request *request, npy_type type, const void *values, size_t rows,
                          error_info *err);

/* The same for bytes. */
status output_write(const output_request *request, const void *bytes, size_t size, error_info *err);

/* The stream for messages of a command that writes to `to`, so that they do not mix with its output. */
#define OUTPUT_MESSAGES(to) ((to)->standard ? stderr : stdout)

#endif
