/* npz.c - one array of NumPy's archives: zip archives with a file NAME.npy for each array. */
#include "data/npz.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/zip_reader.h"

enum { LISTED_MAX = 500 }; /* bytes of a list of names in a message */

static const char ending[] = ".npz", member_ending[] = ".npy";

const char *npz_end(const char *path) {
    const size_t length = strlen(path), tail = sizeof ending - 1;
    for (const char *at = path; (at = strstr(at, ending)) != NULL; at++)
        if (at > path && at[tail] == ':' && at[tail + 1] != 0) return at + tail;
    return length > tail && strcmp(path + length - tail, ending) == 0 ? path + length : NULL;
}

/* Return whether a file of the archive is an array; *length <- the length of the array's name. */
static bool is_array(const char *member, size_t *length) {
    const size_t tail = sizeof member_ending - 1, all = strlen(member);
    if (all <= tail || strcmp(member + all - tail, member_ending) != 0) return false;
    *length = all - tail;
    return true;
}

/* Find the array in the archive `file`; *index <- its number. `name` may be "". */
static status find(const char *file, const char *name, zip_reader *archive, size_t *index, error_info *err) {
    char list[LISTED_MAX] = "";
    size_t arrays = 0, used = 0;
    for (size_t i = 0; i < zip_reader_count(archive); i++) {
        zip_member member;
        size_t length;
        TRY(zip_reader_member(archive, i, &member, err));
        if (!is_array(member.name, &length)) continue;
        arrays++;
        if (*name == 0 || (strlen(name) == length && memcmp(name, member.name, length) == 0)) *index = i;
        if (*name != 0 && *index == i) return STATUS_OK;
        if (used < LISTED_MAX)
            used += (size_t)snprintf(list + used, LISTED_MAX - used, "%s%.*s", arrays > 1 ? ", " : "", (int)length,
                                     member.name);
    }
    if (arrays == 0) return error_set(err, STATUS_FORMAT, "\"%s\": expected arrays (NAME.npy), found none", file);
    if (*name != 0)
        return error_set(err, STATUS_INVALID, "\"%s\": no array \"%.60s\"; expected one of %s", file, name, list);
    if (arrays > 1)
        return error_set(err, STATUS_INVALID, "\"%s\": found %zu arrays; expected %s:NAME, with NAME one of %s", file,
                         arrays, file, list);
    return STATUS_OK;
}

/* Open the archive of the path and find its array. The caller owns *archive. */
static status open_array(const char *path, zip_reader **archive, size_t *index, error_info *err) {
    const char *end = npz_end(path), *name = *end == ':' ? end + 1 : end;
    char *file = strndup(path, (size_t)(end - path));
    *index = SIZE_MAX;
    status outcome = file == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path)
                                  : zip_reader_open(file, archive, err);
    if (outcome == STATUS_OK) {
        outcome = find(file, name, *archive, index, err);
        if (outcome != STATUS_OK) zip_reader_close(archive);
    }
    free(file);
    return outcome;
}

status npz_read(const char *path, unsigned char **bytes, size_t *size, error_info *err) {
    zip_reader *archive;
    size_t index;
    TRY(open_array(path, &archive, &index, err));
    const status outcome = zip_reader_read(archive, index, bytes, size, err);
    zip_reader_close(&archive);
    return outcome;
}

status npz_head(const char *path, unsigned char *bytes, size_t most, size_t *got) {
    zip_reader *archive;
    size_t index;
    TRY(open_array(path, &archive, &index, NULL));
    *got = zip_reader_head(archive, index, bytes, most);
    zip_reader_close(&archive);
    return STATUS_OK;
}
