/* baseline.c - recorded values for later comparisons, as a text file. */
#include "compare/baseline.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "plan/plan.h"

enum { KEY, DATASET, MODEL, SEED, QUANTITY, VALUE, TOLERANCE, REASON, COLUMNS };

static const char *const columns[COLUMNS] = {"run",      "dataset", "model",     "seed",
                                             "quantity", "value",   "tolerance", "reason"};
static const char header[] = "run\tdataset\tmodel\tseed\tquantity\tvalue\ttolerance\treason";

void baseline_release(baseline *self) {
    for (size_t i = 0; i < self->file_count; i++) free(self->files[i]);
    free(self->files);
    free(self->rows);
    *self = (baseline){.count = 0};
}

status baseline_add(baseline *into, const baseline_row *row, error_info *err) {
    if (into->count == into->capacity) {
        const size_t capacity = into->capacity ? 2 * into->capacity : 128;
        baseline_row *rows = realloc(into->rows, capacity * sizeof *rows);
        if (!rows) return error_set(err, STATUS_MEMORY, "out of memory");
        into->rows = rows;
        into->capacity = capacity;
    }
    into->rows[into->count++] = *row;
    return STATUS_OK;
}

/* --- Reading --- */

static const char *file_of(const baseline *self, const baseline_row *row) {
    return self->files[row->file];
}

/* "file:line: column: ..." */
static status fail_at(const baseline *self, const baseline_row *row, int column, const char *reason, error_info *err) {
    return error_set(err, STATUS_FORMAT, "%s:%zu: %s: %s", file_of(self, row), row->line, columns[column], reason);
}

/* Copy a required text. */
static status read_text(const baseline *self, const baseline_row *row, int column, const char *text, size_t size,
                        char *into, error_info *err) {
    error_info reason;
    const size_t length = strlen(text);
    if (length == 0 || length >= size) {
        error_describe(&reason, "%zu bytes; expected 1 to %zu", length, size - 1);
        return fail_at(self, row, column, reason.text, err);
    }
    memcpy(into, text, length + 1);
    return STATUS_OK;
}

static status read_seed(const baseline *self, baseline_row *row, const char *text, error_info *err) {
    error_info reason;
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits]) {
        error_describe(&reason, "\"%.60s\": expected an integer", text);
        return fail_at(self, row, SEED, reason.text, err);
    }
    row->seed = strtoull(text, NULL, 10);
    return STATUS_OK;
}

static status read_quantity(const baseline *self, baseline_row *row, const char *text, error_info *err) {
    uint64_t epoch;
    const char *split;
    error_info reason;
    TRY(read_text(self, row, QUANTITY, text, sizeof row->quantity, row->quantity, err));
    if (strncmp(text, "epoch.", 6) != 0 || run_quantity_epoch(text, &epoch, &split)) return STATUS_OK;
    error_describe(&reason, "\"%.60s\": expected epoch.NUMBER.SPLIT, as epoch.3.validation, or a metric", text);
    return fail_at(self, row, QUANTITY, reason.text, err);
}

static status read_fields(const baseline *self, char *const fields[COLUMNS], baseline_row *row, error_info *err) {
    error_info reason;
    if (!plan_begins_with_key(fields[KEY]) || fields[KEY][PLAN_KEY_SIZE - 1]) {
        error_describe(&reason, "\"%.60s\": expected a run's key, 32 hexadecimal digits", fields[KEY]);
        return fail_at(self, row, KEY, reason.text, err);
    }
    memcpy(row->key, fields[KEY], sizeof row->key);
    TRY(read_text(self, row, DATASET, fields[DATASET], sizeof row->dataset, row->dataset, err));
    TRY(read_text(self, row, MODEL, fields[MODEL], sizeof row->model, row->model, err));
    TRY(read_seed(self, row, fields[SEED], err));
    TRY(read_quantity(self, row, fields[QUANTITY], err));
    if (number_parse(fields[VALUE], &row->value, &reason) != STATUS_OK)
        return fail_at(self, row, VALUE, reason.text, err);
    if (tolerance_parse(fields[TOLERANCE], &row->allowed, &reason) != STATUS_OK)
        return fail_at(self, row, TOLERANCE, reason.text, err);
    return read_text(self, row, REASON, fields[REASON], sizeof row->reason, row->reason, err);
}

/* Every quantity of a run is recorded once, and a run has one name. */
static status check_row(const baseline *self, const baseline_row *row, error_info *err) {
    for (size_t i = 0; i < self->count; i++) {
        const baseline_row *other = &self->rows[i];
        if (memcmp(other->key, row->key, sizeof row->key) != 0) continue;
        if (strcmp(other->quantity, row->quantity) == 0)
            return error_set(err, STATUS_FORMAT,
                             "%s:%zu: %s of run %.12s is recorded in %s:%zu already; expected it once",
                             file_of(self, row), row->line, row->quantity, row->key, file_of(self, other), other->line);
        if (strcmp(other->dataset, row->dataset) != 0 || strcmp(other->model, row->model) != 0 ||
            other->seed != row->seed)
            return error_set(err, STATUS_FORMAT,
                             "%s:%zu: run %.12s is %s %s, seed %" PRIu64 "; expected %s %s, seed %" PRIu64
                             " as in %s:%zu",
                             file_of(self, row), row->line, row->key, row->dataset, row->model, row->seed,
                             other->dataset, other->model, other->seed, file_of(self, other), other->line);
    }
    return STATUS_OK;
}

/* Parse one line, in place. */
static status read_line(baseline *into, char *line, size_t number, error_info *err) {
    char *fields[COLUMNS] = {NULL};
    baseline_row row = {.file = into->file_count - 1, .line = number};
    size_t count = 0;
    for (char *rest = line, *field; (field = strsep(&rest, "\t")); count++)
        if (count < COLUMNS) fields[count] = field;
    if (count != COLUMNS)
        return error_set(err, STATUS_FORMAT,
                         "%s:%zu: %zu field%s; expected %d parted by tabs: run, dataset, model, seed, quantity, value, "
                         "tolerance, reason",
                         file_of(into, &row), number, count, count == 1 ? "" : "s", COLUMNS);
    TRY(read_fields(into, fields, &row, err));
    TRY(check_row(into, &row, err));
    return baseline_add(into, &row, err);
}

static status read_lines(baseline *into, char *text, error_info *err) {
    const char *path = into->files[into->file_count - 1];
    const size_t before = into->count;
    bool headed = false;
    size_t number = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        number++;
        if (!*line || *line == '#') continue;
        if (headed) {
            TRY(read_line(into, line, number, err));
            continue;
        }
        headed = strcmp(line, header) == 0;
        if (!headed)
            return error_set(
                err, STATUS_FORMAT,
                "%s:%zu: \"%.40s\": expected the names of the columns, parted by tabs: run, dataset, model, "
                "seed, quantity, value, tolerance, reason",
                path, number, line);
    }
    if (into->count > before) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "%s: nothing is recorded; expected at least one value", path);
}

static status read_file(baseline *into, const char *path, error_info *err) {
    unsigned char *bytes = NULL;
    size_t size;
    char **files = realloc(into->files, (into->file_count + 1) * sizeof *files);
    if (!files) return error_set(err, STATUS_MEMORY, "out of memory");
    into->files = files;
    files[into->file_count] = strdup(path);
    if (!files[into->file_count]) return error_set(err, STATUS_MEMORY, "out of memory");
    into->file_count++;
    TRY(file_read(path, &bytes, &size, err));
    const status outcome = memchr(bytes, 0, size)
                               ? error_set(err, STATUS_FORMAT, "%s: a byte that is 0; expected a text", path)
                               : read_lines(into, (char *)bytes, err);
    free(bytes);
    return outcome;
}

static int wanted(const struct dirent *entry) {
    static const char ending[] = ".tsv";
    const size_t length = strlen(entry->d_name), tail = sizeof ending - 1;
    return entry->d_name[0] != '.' && length > tail && strcmp(entry->d_name + length - tail, ending) == 0;
}

static status read_folder(baseline *into, const char *path, error_info *err) {
    struct dirent **entries;
    const int count = scandir(path, &entries, wanted, alphasort);
    status outcome = STATUS_OK;
    if (count < 0) return error_set(err, STATUS_IO, "cannot read the folder \"%s\"", path);
    if (count == 0) outcome = error_set(err, STATUS_IO, "the folder \"%s\" has no file *.tsv of recorded values", path);
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];
        const int length = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (outcome == STATUS_OK && length >= (int)sizeof name)
            outcome = error_set(err, STATUS_IO, "the path is too long: \"%.200s...\"", name);
        if (outcome == STATUS_OK) outcome = read_file(into, name, err);
        free(entries[i]);
    }
    free(entries);
    return outcome;
}

status baseline_read(baseline *into, const char *path, error_info *err) {
    struct stat information;
    const bool folder = stat(path, &information) == 0 && S_ISDIR(information.st_mode);
    return folder ? read_folder(into, path, err) : read_file(into, path, err);
}

/* --- Writing --- */

static status write_rows(const baseline *from, FILE *stream) {
    for (size_t i = 0; i < from->count; i++) {
        const baseline_row *row = &from->rows[i];
        char value[NUMBER_TEXT_MAX], allowed[TOLERANCE_TEXT_MAX];
        number_text(row->value, value);
        tolerance_text(&row->allowed, allowed);
        fprintf(stream, "%s\t%s\t%s\t%" PRIu64 "\t%s\t%s\t%s\t%s\n", row->key, row->dataset, row->model, row->seed,
                row->quantity, value, allowed, row->reason);
    }
    return fflush(stream) == 0 ? STATUS_OK : STATUS_MEMORY;
}

/* Values of another machine or an older version may not be reproducible. */
static output_content look(const char *path, const unsigned char *head, size_t size, size_t width) {
    (void)path;
    (void)width;
    return memmem(head, size, header, sizeof header - 1) ? OUTPUT_OWN : OUTPUT_OTHER;
}

const output_kind output_baseline = {.name = "recorded values", .needs_force = true, .look = look};

status baseline_write(const baseline *from, const char *comment, const output_request *to, error_info *err) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return error_set(err, STATUS_MEMORY, "out of memory");
    fprintf(stream, "%s%s\n", comment, header);
    status outcome = write_rows(from, stream);
    if (fclose(stream) != 0) outcome = STATUS_MEMORY;
    outcome = outcome == STATUS_OK ? output_write(to, text, size, err) : error_set(err, outcome, "out of memory");
    free(text);
    return outcome;
}
