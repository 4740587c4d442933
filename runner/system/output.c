/* output.c - the one rule for files that a user names for a command to write. */
#include "system/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/file.h"
#include "data/csv_write.h"

static bool ends_with(const char *text, const char *ending) {
    const size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcmp(text + length - tail, ending) == 0;
}

/* --- Tables --- */

/* Return the numbers per row of an array, from its header: "'shape': (3,)" or "'shape': (3, 2)". */
static bool array_has_columns(const char *header, size_t columns) {
    unsigned long long rows, found;
    char end;
    const char *shape = strstr(header, "'shape': (");
    if (!shape) return false;
    if (columns == 0) return sscanf(shape, "'shape': (%llu,%c", &rows, &end) == 2 && end == ')';
    return sscanf(shape, "'shape': (%llu, %llu%c", &rows, &found, &end) == 3 && end == ')' && found == columns;
}

/* Return whether a cell has a number as csv_write() writes it. */
static bool is_number(const char *cell, const char *end) {
    static const char *const words[] = {"nan", "-nan", "inf", "-inf"};
    double unused;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == (size_t)(end - cell) && strncmp(cell, words[i], (size_t)(end - cell)) == 0) return true;
    return number_read(cell, end, &unused);
}

/* Return how many comma-separated numbers a line has; 0 if it has anything else. */
static size_t count_numbers(const char *line) {
    for (size_t count = 1;; count++) {
        const char *end = line + strcspn(line, ",");
        if (!is_number(line, end)) return 0;
        if (!*end) return count;
        line = end + 1;
    }
}

/* Return whether each line has `columns` numbers. If the text continues, ignore its incomplete last line. */
static bool text_has_columns(char *text, size_t columns, bool goes_on) {
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) && rest)
        if (count_numbers(line) != (columns == 0 ? 1 : columns)) return false;
    return goes_on ? !line[strspn(line, "0123456789+-.einfa,")] : !*line;
}

static output_content look_at_table(const char *path, const unsigned char *head, size_t size, size_t columns) {
    static const char magic[] = "\x93NUMPY";
    char text[OUTPUT_HEAD + 1];
    const size_t skip = size >= 10 && memcmp(head, magic, 6) == 0 ? 10 : 0; /* to the header of an array */
    memcpy(text, head + skip, size - skip);
    text[size - skip] = '\0';
    if (ends_with(path, ".npy")) return skip > 0 && array_has_columns(text, columns) ? OUTPUT_OWN : OUTPUT_OTHER;
    return skip == 0 && strlen(text) == size && text_has_columns(text, columns, size == OUTPUT_HEAD) ? OUTPUT_OWN
                                                                                                     : OUTPUT_OTHER;
}

static const char *const table_endings[] = {".csv", ".npy", NULL};
const output_kind output_table = {
    .name = "a table as this command writes it", .endings = table_endings, .look = look_at_table};

/* --- Existing files --- */

/* Return whether the file is a checkpoint or a failed batch, in one of the folders beside a database. */
static bool is_in_folder_of_database(const char *path) {
    char *whole = realpath(path, NULL);
    const bool found = whole && (strstr(whole, ".checkpoints/") || strstr(whole, ".failures/"));
    free(whole);
    return found && ends_with(path, ".safetensors");
}

/* Return whether the file is one of SQLite's beside a database ("-shm" etc.), or this program's lock. */
static bool belongs_to_database(const char *path) {
    static const char *const endings[] = {"-wal", "-shm", "-journal", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char database[PATH_MAX];
        struct stat information;
        if (!ends_with(path, endings[i])) continue;
        snprintf(database, sizeof database, "%.*s", (int)(strlen(path) - strlen(endings[i])), path);
        if (stat(database, &information) == 0 && S_ISREG(information.st_mode)) return true;
    }
    return is_in_folder_of_database(path);
}

static bool is_database(const unsigned char *head, size_t size) {
    static const char magic[] = "SQLite format 3";
    return size >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

/* Describe the existing file in words. */
static const char *describe(const unsigned char *head, size_t size) {
    static const struct {
        size_t at;
        const char *bytes, *name;
    } known[] = {{0, "\x93NUMPY", "an array of NumPy's"},   {0, "SQLite format 3", "a database"},
                 {0, "\x89PNG", "a picture (PNG)"},         {0, "%PDF-", "a document (PDF)"},
                 {0, "<!DOCTYPE", "a page of HTML"},        {0, "PK\x03\x04", "an archive (ZIP)"},
                 {0, "\x1f\x8b", "compressed data (gzip)"}, {8, "{\"", "a model (safetensors)"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t length = strlen(known[i].bytes);
        if (size >= known[i].at + length && memcmp(head + known[i].at, known[i].bytes, length) == 0)
            return known[i].name;
    }
    return memchr(head, 0, size) ? "other data" : "another text";
}

static status check_inputs(const output_request *request, const struct stat *there, error_info *err) {
    for (size_t i = 0; i < OUTPUT_INPUTS_MAX; i++) {
        struct stat input;
        if (request->inputs[i] && stat(request->inputs[i], &input) == 0 && input.st_dev == there->st_dev &&
            input.st_ino == there->st_ino)
            return error_set(err, STATUS_INVALID,
                             "\"%s\" is read by this command (as \"%s\") and is not replaced; name another file",
                             request->name, request->inputs[i]);
    }
    return STATUS_OK;
}

static status read_head(const char *path, unsigned char head[OUTPUT_HEAD], size_t *size, error_info *err) {
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t got = file >= 0 ? read(file, head, OUTPUT_HEAD) : -1;
    const int error = errno;
    if (file >= 0) close(file);
    if (got < 0) return error_set(err, STATUS_IO, "cannot see what \"%s\" holds: %s", path, strerror(error));
    *size = (size_t)got;
    return STATUS_OK;
}

static status check_content(const output_request *request, const char *path, error_info *err) {
    unsigned char head[OUTPUT_HEAD];
    size_t size;
    TRY(read_head(path, head, &size, err));
    if (size == 0 && !belongs_to_database(path)) return STATUS_OK;
    const output_content content = request->kind->look(request->name, head, size, request->columns);
    if (content != OUTPUT_OWN && (is_database(head, size) || belongs_to_database(path)))
        return error_set(err, STATUS_INVALID,
                         "\"%s\" is a database or belongs to one, and is not replaced; name another file",
                         request->name);
    if (content == OUTPUT_KEPT)
        return error_set(err, STATUS_INVALID, "\"%s\" is in use, and is not replaced; name another file",
                         request->name);
    if (request->force || (content == OUTPUT_OWN && !request->kind->needs_force)) return STATUS_OK;
    if (content == OUTPUT_OWN)
        return error_set(err, STATUS_INVALID, "\"%s\" is there already; --force replaces it", request->name);
    return error_set(err, STATUS_INVALID, "\"%s\" is there already and holds %s; expected %s; --force replaces it",
                     request->name, describe(head, size), request->kind->name);
}

static status check_file(const output_request *request, const char *path, const struct stat *there, error_info *err) {
    if (S_ISDIR(there->st_mode))
        return error_set(err, STATUS_IO, "cannot write \"%s\": it is a folder; name a file", request->name);
    if (!S_ISREG(there->st_mode))
        return error_set(err, STATUS_INVALID, "\"%s\" is no file; name a file, a pipe or a character device",
                         request->name);
    TRY(check_inputs(request, there, err));
    TRY(check_content(request, path, err));
    if (access(path, W_OK) == 0) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot write \"%s\": %s", request->name, strerror(errno));
}

/* Check that the folder is writable. */
static status check_folder(const char *path, error_info *err) {
    char copy[PATH_MAX];
    struct stat information;
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    if (stat(folder, &information) == 0 && !S_ISDIR(information.st_mode)) errno = ENOTDIR;
    else if (access(folder, W_OK | X_OK) == 0) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot write \"%s\" in the folder \"%s\": %s", path, folder, strerror(errno));
}

/* --- Checks --- */

/* Tables are CSV or NPY by their ending; a stream may have none. */
static status check_ending(const output_request *request, output *out, error_info *err) {
    const char *const *endings = request->kind->endings;
    const bool table = endings == table_endings;
    out->text = table && !ends_with(request->name, ".npy");
    if (!endings || out->stream) return STATUS_OK;
    for (size_t i = 0; endings[i]; i++)
        if (ends_with(request->name, endings[i])) return STATUS_OK;
    if (table)
        return error_set(err, STATUS_INVALID,
                         "\"%s\": expected a name that ends in .csv (text) or .npy (NumPy's format)", request->name);
    return error_set(err, STATUS_INVALID, "\"%s\": expected a name that ends in %s", request->name, endings[0]);
}

static status find(const output_request *request, output *out, error_info *err) {
    char *target;
    const bool dash = strcmp(request->name, "-") == 0;
    if (!*request->name)
        return error_set(err, STATUS_INVALID, "the name of the output is empty; name a file, or - for standard output");
    TRY(file_follow(dash ? "/dev/stdout" : request->name, &target, err));
    const int length = snprintf(out->path, sizeof out->path, "%s", target);
    out->stream = file_is_stream(target);
    out->standard = strcmp(target, "/dev/stdout") == 0 || strcmp(target, "/proc/self/fd/1") == 0 ||
                    strcmp(target, "/dev/fd/1") == 0;
    free(target);
    if (length < (int)sizeof out->path) return STATUS_OK;
    return error_set(err, STATUS_IO, "the path is too long: %d bytes, expected at most %d: \"%s\"", length,
                     PATH_MAX - 1, request->name);
}

status output_check(const output_request *request, output *out, error_info *err) {
    struct stat there;
    *out = (output){.stream = false};
    TRY(find(request, out, err));
    TRY(check_ending(request, out, err));
    if (out->stream) {
        /* A closed pipe is an error to report, not the end of this process. */
        signal(SIGPIPE, SIG_IGN);
        return stat(out->path, &there) == 0 && S_ISREG(there.st_mode) ? check_inputs(request, &there, err) : STATUS_OK;
    }
    if (stat(out->path, &there) == 0) TRY(check_file(request, out->path, &there, err));
    else if (errno != ENOENT)
        return error_set(err, STATUS_IO, "cannot write \"%s\": %s", request->name, strerror(errno));
    return check_folder(out->path, err);
}

status output_write_table(const output_request *request, npy_type type, const void *values, size_t rows,
                          error_info *err) {
    output to;
    TRY(output_check(request, &to, err));
    return (to.text ? csv_write : npy_write)(to.path, type, values, rows, request->columns, err);
}

status output_write(const output_request *request, const void *bytes, size_t size, error_info *err) {
    output to;
    TRY(output_check(request, &to, err));
    return file_write(to.path, bytes, size, err);
}
