/* table_parts.c - the parts and columns of a table as one table. */
#include "data/table_parts.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

enum { TRAINING, VALIDATION, TEST, FILES };

static bool is_given(const data_part *part) {
    return part->path != NULL || part->share > 0;
}

const char *dataset_spec_given(const dataset_spec *spec) {
    return spec->columns.use_count > 0      ? "data.columns"
           : spec->columns.ignore_count > 0 ? "data.ignore"
           : is_given(&spec->validation)    ? "data.validation"
           : is_given(&spec->test)          ? "data.test"
                                            : NULL;
}

/* Check that a part has the columns of the first file. */
static status check_columns(const char *setting, const char *first_path, const table *first, const char *path,
                            const table *part, error_info *err) {
    if (part->columns != first->columns)
        return error_set(err, STATUS_FORMAT, "%s: \"%.300s\": expected %zu columns, as \"%.300s\" has, found %zu",
                         setting, path, first->columns, first_path, part->columns);
    if ((part->names == NULL) != (first->names == NULL))
        return error_set(err, STATUS_FORMAT,
                         "%s: \"%.300s\" %s names of columns and \"%.300s\" %s; expected the same names in both",
                         setting, path, part->names ? "has" : "has no", first_path, first->names ? "has" : "has none");
    for (size_t i = 0; part->names != NULL && i < part->columns; i++)
        if (strcmp(table_name(part, i), table_name(first, i)) != 0)
            return error_set(
                err, STATUS_FORMAT,
                "%s: \"%.300s\": column %zu: expected the name \"%.60s\", as \"%.300s\" has, found \"%.60s\"", setting,
                path, i + 1, table_name(first, i), first_path, table_name(part, i));
    return STATUS_OK;
}

/* Read the parts that are files; parts[0] is the first file. */
static status read_parts(const dataset_spec *spec, table *parts[FILES], error_info *err) {
    static const char *const settings[FILES] = {[VALIDATION] = "data.validation", [TEST] = "data.test"};
    const char *const paths[FILES] = {spec->name, spec->validation.path, spec->test.path};
    TRY(table_read_columns(spec->name, &spec->columns, &parts[TRAINING], err));
    for (size_t i = 1; i < FILES; i++) {
        if (paths[i] == NULL) continue;
        TRY(table_read_columns(paths[i], &spec->columns, &parts[i], err));
        TRY(check_columns(settings[i], spec->name, parts[TRAINING], paths[i], parts[i], err));
    }
    return STATUS_OK;
}

/* Check that the files differ. With a copy, validation would use training points. */
static status check_different(const dataset_spec *spec, table *const parts[FILES], error_info *err) {
    const char *const paths[FILES] = {spec->name, spec->validation.path, spec->test.path};
    for (size_t i = 1; i < FILES; i++)
        for (size_t j = 0; j < i; j++)
            if (parts[i] != NULL && parts[j] != NULL && strcmp(parts[i]->sha256, parts[j]->sha256) == 0)
                return error_set(
                    err, STATUS_INVALID,
                    "data.%s: \"%.300s\" holds the same as \"%.300s\"; expected other points than those of the "
                    "other parts",
                    i == TEST ? "test" : "validation", paths[i], paths[j]);
    return STATUS_OK;
}

/* sha256 <- the checksum of the lines in table_parts.h. */
static void hash_parts(table *const parts[FILES], const size_t held_out[2], char sha256[65]) {
    static const char *const words[FILES] = {"table", "validation", "test"};
    SHA256_CTX context;
    SHA256_Init(&context);
    for (size_t i = 0; i < FILES; i++) {
        char line[128];
        const int length = parts[i] != NULL ? snprintf(line, sizeof line, "%s %s\n", words[i], parts[i]->sha256)
                                            : snprintf(line, sizeof line, "%s %zu\n", words[i], held_out[i - 1]);
        SHA256_Update(&context, (const unsigned char *)line, (size_t)length);
    }
    SHA256_End(&context, sha256);
}

/* Append the rows of the other parts to those of the first. */
static status join(table *parts[FILES], const char *path, error_info *err) {
    table *first = parts[TRAINING];
    for (size_t i = 1; i < FILES; i++) {
        if (parts[i] == NULL) continue;
        const size_t have = first->rows * first->columns, more = parts[i]->rows * first->columns;
        double *numbers = realloc(first->numbers, (have + more) * sizeof *numbers);
        if (numbers == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
        memcpy(numbers + have, parts[i]->numbers, more * sizeof *numbers);
        first->numbers = numbers;
        first->rows += parts[i]->rows;
    }
    return STATUS_OK;
}

static status combine(const dataset_spec *spec, table *parts[FILES], size_t held_out[2], size_t files[2],
                      error_info *err) {
    table *first = parts[TRAINING];
    assert(first != NULL);
    const size_t rows = first->rows;
    const bool validation = spec->validation.path != NULL, test = spec->test.path != NULL;
    if (rows < (validation ? 1 : 2) || rows > UINT32_MAX)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected between 2 and 2^32 points to split, found %zu",
                         spec->name, rows);
    TRY(data_part_sizes(spec->name, rows, &spec->validation, &spec->test, held_out, err));
    TRY(check_different(spec, parts, err));
    files[0] = validation ? parts[VALIDATION]->rows : 0;
    files[1] = test ? parts[TEST]->rows : 0;
    const bool usual = !validation && !test && held_out[0] == (rows / 10 > 0 ? rows / 10 : 1) && held_out[1] == 0;
    char sha256[65];
    hash_parts(parts, held_out, sha256);
    TRY(join(parts, spec->name, err));
    if (!usual) memcpy(first->sha256, sha256, sizeof sha256);
    return STATUS_OK;
}

status table_parts_read(const dataset_spec *spec, table **out, size_t held_out[2], size_t files[2], error_info *err) {
    table *parts[FILES] = {NULL, NULL, NULL};
    status outcome = read_parts(spec, parts, err);
    if (outcome == STATUS_OK) outcome = combine(spec, parts, held_out, files, err);
    if (outcome == STATUS_OK) *out = parts[TRAINING];
    else table_destroy(&parts[TRAINING]);
    table_destroy(&parts[VALIDATION]);
    table_destroy(&parts[TEST]);
    return outcome;
}
