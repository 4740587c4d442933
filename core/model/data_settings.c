/* data_settings.c - the data of a training as [data] describes them. */
#include "model/data_settings.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 4096 }; /* pixels */

/* The items of a list. */
typedef struct item_list {
    size_t count;
    const char **items; /* (count) */
    char *text; /* that they are in */
} item_list;

static void release(item_list *list) {
    free(list->items);
    free(list->text);
}

static status read_list(const char *text, item_list *out, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    *out = (item_list){.items = calloc(strlen(text) + 1, sizeof *out->items), .text = calloc(strlen(text) + 1, 1)};
    if (out->items == NULL || out->text == NULL)
        return error_set(err, STATUS_MEMORY, "out of memory for a list of columns");
    char *into = out->text;
    for (const char *cursor = text; settings_list_next(&cursor, item); into += strlen(into) + 1)
        out->items[out->count++] = memcpy(into, item, strlen(item) + 1); /* the text has room for every item */
    return STATUS_OK;
}

/* Read the lists of columns; `use` and `ignore` own them, also after an error. */
static status read_columns(const settings *values, item_list *use, item_list *ignore, table_columns *out,
                           error_info *err) {
    TRY(read_list(values->data_columns, use, err));
    TRY(read_list(values->data_ignore, ignore, err));
    *out = (table_columns){
        .use = use->items, .use_count = use->count, .ignore = ignore->items, .ignore_count = ignore->count};
    return STATUS_OK;
}

static status read_parts(const settings *values, data_part *validation, data_part *test, error_info *err) {
    TRY(data_part_read("data.validation", values->data_validation, validation, err));
    return data_part_read("data.test", values->data_test, test, err);
}

status data_open_points(const settings *values, const char *name, dataset **out, error_info *err) {
    item_list use = {.count = 0}, ignore = {.count = 0};
    dataset_spec spec = {.name = name};
    dataset *data = NULL;
    status outcome = read_columns(values, &use, &ignore, &spec.columns, err);
    if (outcome == STATUS_OK) outcome = read_parts(values, &spec.validation, &spec.test, err);
    if (outcome == STATUS_OK) outcome = dataset_open_parts(&spec, &data, err);
    if (outcome == STATUS_OK && values->data_standardise) outcome = dataset_standardise(data, err);
    release(&use);
    release(&ignore);
    if (outcome == STATUS_OK) *out = data;
    else dataset_close(&data);
    return outcome;
}

/* Read a number of pixels; *at moves behind it. */
static size_t read_side(const char **at) {
    size_t side = 0;
    for (; **at >= '0' && **at <= '9' && side <= SIDE_MAX; ++*at) side = 10 * side + (size_t)(**at - '0');
    return side;
}

/* Read HEIGHTxWIDTH, or one number for both; zeros for "". */
static status read_size(const char *text, size_t *height, size_t *width, error_info *err) {
    const char *at = text;
    *height = *width = read_side(&at);
    if (*at == 'x') {
        at++;
        *width = read_side(&at);
    }
    if (!*text || (!*at && *height > 0 && *width > 0 && *height <= SIDE_MAX && *width <= SIDE_MAX)) return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "image.size: %.60s: expected HEIGHTxWIDTH in pixels, as in 32x48, with sides from 1 to %d", text,
                     SIDE_MAX);
}

status data_open_images(const settings *values, const char *path, bool whole, image_set **out, error_info *err) {
    image_files files = {.path = path, .fit = (image_fit)values->image_fit, .whole = whole};
    TRY(read_size(values->image_size, &files.height, &files.width, err));
    if (!whole) TRY(read_parts(values, &files.validation, &files.test, err));
    if (!whole && (*values->data_columns || *values->data_ignore))
        return error_set(err, STATUS_INVALID, "data.%s: \"%.300s\" holds images; expected it but for tables of points",
                         *values->data_columns ? "columns" : "ignore", path);
    return image_open_files(&files, out, err);
}

status data_read_points(const settings *values, const char *path, size_t dimension, table **out, error_info *err) {
    item_list use = {.count = 0}, ignore = {.count = 0};
    table_columns columns = {.use_count = 0};
    table *points = NULL;
    status outcome = read_columns(values, &use, &ignore, &columns, err);
    if (outcome == STATUS_OK && table_read_columns(path, &columns, &points, err) != STATUS_OK)
        outcome = table_read_numbers(path, &points, err); /* the file may lack the training file's other columns */
    release(&use);
    release(&ignore);
    if (outcome == STATUS_OK && points->columns != dimension)
        outcome = error_set(err, STATUS_FORMAT, "%s: found %zu columns, expected %zu, the dimension of the model", path,
                            points->columns, dimension);
    if (outcome == STATUS_OK) *out = points;
    else table_destroy(&points);
    return outcome;
}

void data_limit_points(const dataset *data, settings *values) {
    if (dataset_is_drawn(data)) return;
    if (values->train_validation > dataset_size(data, SPLIT_VALIDATION))
        values->train_validation = dataset_size(data, SPLIT_VALIDATION);
    if (values->train_test == 0) values->train_test = dataset_size(data, SPLIT_TEST);
}

void data_limit_images(const image_set *set, settings *values) {
    if (values->train_test == 0) values->train_test = set->size[IMAGE_TEST];
}
