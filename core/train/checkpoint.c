/* checkpoint.c - named arrays and strings, in memory. */
#include "train/checkpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "train/checkpoint_parts.h"
#include "train/json_memory.h"

const checkpoint_type_name checkpoint_types[CHECKPOINT_TYPES] = {
    [CHECKPOINT_F32] = {.dtype = "F32", .size = 4},
    [CHECKPOINT_F64] = {.dtype = "F64", .size = 8},
    [CHECKPOINT_U64] = {.dtype = "U64", .size = 8},
};

bool checkpoint_size(checkpoint_type type, size_t rank, const size_t *shape, size_t *elements, size_t *bytes) {
    size_t product = 1;
    for (size_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(product, shape[i], &product)) return false;
    }
    *elements = product;
    return !__builtin_mul_overflow(product, checkpoint_types[type].size, bytes);
}

status checkpoint_create(checkpoint **out) {
    checkpoint *file = calloc(1, sizeof *file);
    if (file == NULL) return STATUS_MEMORY;
    json_memory_watch(); /* the first is before any other call of jansson */
    file->texts = json_object();
    (void)json_memory_end(&file->texts);
    if (file->texts == NULL) {
        free(file);
        return STATUS_MEMORY;
    }
    *out = file;
    return STATUS_OK;
}

void checkpoint_destroy(checkpoint **file) {
    if (*file == NULL) return;
    for (size_t i = 0; i < (*file)->count; i++) {
        free((*file)->arrays[i].name);
        free((*file)->arrays[i].values);
    }
    free((*file)->arrays);
    json_decref((*file)->texts);
    free(*file);
    *file = NULL;
}

checkpoint_array *checkpoint_find(const checkpoint *file, const char *name) {
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->arrays[i].name, name) == 0) return &file->arrays[i];
    }
    return NULL;
}

/* Room for one more array, not yet counted. */
static checkpoint_array *grow(checkpoint *file) {
    if (file->count == file->capacity) {
        size_t capacity = file->capacity == 0 ? 16 : 2 * file->capacity;
        checkpoint_array *arrays = realloc(file->arrays, capacity * sizeof *arrays);
        if (arrays == NULL) return NULL;
        file->arrays = arrays;
        file->capacity = capacity;
    }
    return &file->arrays[file->count];
}

status checkpoint_put(checkpoint *file, const char *name, checkpoint_type type, size_t rank, const size_t *shape,
                      const void *values) {
    assert(rank <= CHECKPOINT_RANK_MAX);
    assert(strcmp(name, CHECKPOINT_METADATA) != 0);
    checkpoint_array array = {.type = type, .rank = rank, .dtype = checkpoint_types[type].dtype};
    size_t bytes;
    if (!checkpoint_size(type, rank, shape, &array.elements, &bytes)) return STATUS_MEMORY;
    if (rank > 0) memcpy(array.shape, shape, rank * sizeof *shape);
    array.name = strdup(name);
    array.values = malloc(bytes > 0 ? bytes : 1);
    checkpoint_array *place = checkpoint_find(file, name);
    bool new = place == NULL;
    if (new) place = grow(file);
    if (array.name == NULL || array.values == NULL || place == NULL) {
        free(array.name);
        free(array.values);
        return STATUS_MEMORY;
    }
    if (bytes > 0) memcpy(array.values, values, bytes);
    if (new) {
        file->count++;
    } else {
        free(place->name);
        free(place->values);
    }
    *place = array;
    return STATUS_OK;
}

/* JSON is UTF-8. A path in a setting may be any bytes: those that are not UTF-8 become '?', as such a text only
 * informs. */
static json_t *text_of(const char *value) {
    json_memory_watch();
    json_t *text = json_string(value);
    if (!json_memory_end(&text) || text != NULL) return text;
    char *copy = strdup(value);
    if (copy == NULL) return NULL;
    for (char *c = copy; *c != 0; c++) {
        if ((unsigned char)*c >= 0x80) *c = '?';
    }
    text = json_string(copy);
    free(copy);
    return text;
}

status checkpoint_put_text(checkpoint *file, const char *key, const char *value) {
    assert(strcmp(key, CHECKPOINT_SHA256) != 0 && strcmp(key, CHECKPOINT_SHA256_BY_NAME) != 0);
    return json_object_set_new(file->texts, key, text_of(value)) == 0 ? STATUS_OK : STATUS_MEMORY;
}

const void *checkpoint_get(const checkpoint *file, const char *name, checkpoint_type type, size_t elements) {
    const checkpoint_array *array = checkpoint_find(file, name);
    return array != NULL && array->type == type && array->elements == elements ? array->values : NULL;
}

const char *checkpoint_dtype(const checkpoint *file, const char *name) {
    const checkpoint_array *array = checkpoint_find(file, name);
    return array != NULL ? array->dtype : NULL;
}

checkpoint_check checkpoint_checked(const checkpoint *file) {
    return file->check;
}

const char *checkpoint_get_text(const checkpoint *file, const char *key) {
    return json_string_value(json_object_get(file->texts, key));
}

void checkpoint_each_text(const checkpoint *file, void (*visit)(void *argument, const char *key, const char *value),
                          void *argument) {
    json_t *texts = file->texts;
    for (void *at = json_object_iter(texts); at != NULL; at = json_object_iter_next(texts, at)) {
        visit(argument, json_object_iter_key(at), json_string_value(json_object_iter_value(at)));
    }
}
