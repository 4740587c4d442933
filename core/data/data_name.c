/* data_name.c - the name of a data set that is read from files. */
#include "data/data_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "data/array_file.h"
#include "data/npz.h"
#include "data/table.h"

void data_name(const char *path, char name[DATA_NAME_MAX]) {
    const char *member = npz_end(path);
    const size_t stem = table_stem(path);
    size_t end = stem > 0 ? stem : strlen(path);
    if (stem == 0 && array_file_ends(path, end, ".zip")) end -= strlen(".zip");
    while (end > 1 && path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    const int length = (int)(end - start < DATA_NAME_MAX ? end - start : DATA_NAME_MAX - 1);
    const bool one = member != NULL && *member == ':';
    snprintf(name, DATA_NAME_MAX, "%.*s%s%s", length, path + start, one ? "_" : "", one ? member + 1 : "");
}
