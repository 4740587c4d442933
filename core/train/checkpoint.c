/* checkpoint.c - named arrays and strings in memory, arrays of a block of parameters among them; and their file.
 *
 * In the file, arrays of 8-byte elements come first, and the header is padded to a multiple of 8 bytes, so every
 * array is aligned. Readers that map the file into memory, such as PyTorch's, require that. */
#include "train/checkpoint.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "train/checkpoint_parts.h"
#include "train/json_memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are copied between files and memory as they are");

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
    json_memory_watch(); /* this comes before any other call of jansson */
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

/* Make room for one more array, not counted yet. */
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

/* JSON is UTF-8. A path in a setting may contain any bytes. Those that are not UTF-8 become '?': such a text is only
 * informative. */
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

/* --- Parameters --- */

status checkpoint_put_parameters(checkpoint *file, const parameter_table *table, const real *params) {
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t shape[] = {entry->rows, entry->columns};
        const size_t rank = entry->columns == 1 && !strstr(entry->name, "weight") ? 1 : 2;
        TRY(checkpoint_put(file, entry->name, CHECKPOINT_REAL, rank, shape, params + entry->offset));
    }
    return STATUS_OK;
}

/* The numbers of an array; one of the two pointers is NULL. */
typedef struct numbers {
    const float *narrow;
    const double *wide;
} numbers;

static bool find_numbers(const checkpoint *file, const char *name, size_t elements, numbers *out) {
    *out = (numbers){.narrow = checkpoint_get(file, name, CHECKPOINT_F32, elements),
                     .wide = checkpoint_get(file, name, CHECKPOINT_F64, elements)};
    return out->narrow != NULL || out->wide != NULL;
}

/* A number outside of the range of real would become infinite. */
static bool fits(const numbers *values, size_t elements) {
    for (size_t i = 0; values->wide != NULL && i < elements; i++)
        if (isfinite(values->wide[i]) && !isfinite((real)values->wide[i])) return false;
    return true;
}

status checkpoint_get_parameters(const checkpoint *file, const parameter_table *table, real *params, error_info *err) {
    numbers values[PARAMETERS_MAX];
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t elements = entry->rows * entry->columns;
        if (!find_numbers(file, entry->name, elements, &values[i]))
            return error_set(err, STATUS_FORMAT, "no array \"%s\" of %zu floating-point numbers", entry->name,
                             elements);
        if (!fits(&values[i], elements))
            return error_set(err, STATUS_FORMAT, "array \"%s\": expected numbers in the range of %s, found larger ones",
                             entry->name, REAL_NAME);
    }
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        real *out = params + entry->offset;
        for (size_t k = 0; k < entry->rows * entry->columns; k++)
            out[k] = values[i].narrow != NULL ? (real)values[i].narrow[k] : (real)values[i].wide[k];
    }
    return STATUS_OK;
}

/* --- A checksum of the content, independent of the file ---
 *
 * Other programs write the same arrays in another order, or with wider numbers. So arrays are hashed in the order of
 * their names, and numbers as the 8 bytes of a double. */

static int compare_names(const void *left, const void *right) {
    const checkpoint_array *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* The bits of the same number as a double. A conversion would map all NaNs to one. */
static uint64_t widen(float number) {
    uint32_t bits;
    uint64_t wide;
    const double same = number;
    memcpy(&bits, &number, sizeof bits);
    memcpy(&wide, &same, sizeof wide);
    if (number == number) return wide;
    return (uint64_t)(bits >> 31) << 63 | UINT64_C(0x7ff) << 52 | (uint64_t)(bits & 0x7fffff) << 29;
}

static void hash_numbers(SHA256_CTX *hash, uint64_t number) {
    SHA256_Update(hash, (const unsigned char *)&number, sizeof number);
}

static void hash_floats(SHA256_CTX *hash, const float *values, size_t count) {
    enum { PART = 512 };
    uint64_t wide[PART];
    for (size_t done = 0; done < count;) {
        const size_t part = count - done < PART ? count - done : PART;
        for (size_t i = 0; i < part; i++) wide[i] = widen(values[done + i]);
        SHA256_Update(hash, (const unsigned char *)wide, part * sizeof *wide);
        done += part;
    }
}

static void hash_array(SHA256_CTX *hash, const checkpoint_array *array) {
    const char *kind = array->type == CHECKPOINT_U64 ? "U" : "F";
    SHA256_Update(hash, (const unsigned char *)array->name, strlen(array->name) + 1);
    SHA256_Update(hash, (const unsigned char *)kind, 1);
    hash_numbers(hash, array->rank);
    for (size_t i = 0; i < array->rank; i++) hash_numbers(hash, array->shape[i]);
    if (array->type == CHECKPOINT_F32) hash_floats(hash, array->values, array->elements);
    else SHA256_Update(hash, array->values, array->elements * sizeof(uint64_t));
}

status checkpoint_digest(const checkpoint *file, char sha256[65]) {
    const checkpoint_array **sorted = calloc(file->count + 1, sizeof(void *));
    if (sorted == NULL) return STATUS_MEMORY;
    for (size_t i = 0; i < file->count; i++) sorted[i] = &file->arrays[i];
    qsort(sorted, file->count, sizeof(void *), compare_names);
    SHA256_CTX hash;
    SHA256_Init(&hash);
    for (size_t i = 0; i < file->count; i++) hash_array(&hash, sorted[i]);
    SHA256_End(&hash, sha256);
    free(sorted);
    return STATUS_OK;
}

/* --- Writing --- */

/* Sizes of elements, in the order of their arrays in the file. */
static const size_t element_sizes[] = {8, 4};
enum { ELEMENT_SIZES = sizeof element_sizes / sizeof *element_sizes };

/* Call visit for each array in the order of the file, until one fails. */
static status each_array(const checkpoint *file, status (*visit)(void *argument, const checkpoint_array *array),
                         void *argument) {
    for (size_t pass = 0; pass < ELEMENT_SIZES; pass++) {
        for (size_t i = 0; i < file->count; i++) {
            const checkpoint_array *array = &file->arrays[i];
            if (checkpoint_types[array->type].size == element_sizes[pass]) TRY(visit(argument, array));
        }
    }
    return STATUS_OK;
}

static size_t bytes_of(const checkpoint_array *array) {
    return array->elements * checkpoint_types[array->type].size;
}

static status hash_bytes(void *argument, const checkpoint_array *array) {
    SHA256_Update(argument, array->values, bytes_of(array));
    return STATUS_OK;
}

/* The two checksums of the arrays: any reader can check the first; the second does not depend on the order. */
typedef struct checksums {
    char data[65], by_name[65];
} checksums;

static status take_checksums(const checkpoint *file, checksums *out) {
    SHA256_CTX hash;
    SHA256_Init(&hash);
    (void)each_array(file, hash_bytes, &hash); /* never fails */
    SHA256_End(&hash, out->data);
    return checkpoint_digest(file, out->by_name);
}

typedef struct header_build {
    json_t *object;
    size_t offset;
} header_build;

static status describe_array(void *argument, const checkpoint_array *array) {
    header_build *build = argument;
    json_t *shape = json_array();
    int failed = shape == NULL;
    for (size_t i = 0; i < array->rank; i++)
        failed |= json_array_append_new(shape, json_integer((json_int_t)array->shape[i]));
    size_t end = build->offset + bytes_of(array);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", checkpoint_types[array->type].dtype, "shape", shape,
                              "data_offsets", (json_int_t)build->offset, (json_int_t)end);
    build->offset = end;
    if (failed) {
        json_decref(entry);
        return STATUS_MEMORY;
    }
    return json_object_set_new(build->object, array->name, entry) == 0 ? STATUS_OK : STATUS_MEMORY;
}

/* The header's text, for json_memory_release; NULL if out of memory. */
static char *header_text(const checkpoint *file, const checksums *sums) {
    char *text = NULL;
    json_memory_watch();
    header_build build = {.object = json_object()};
    json_t *texts = json_copy(file->texts);
    if (build.object != NULL && texts != NULL &&
        json_object_set_new(texts, CHECKPOINT_SHA256, json_string(sums->data)) == 0 &&
        json_object_set_new(texts, CHECKPOINT_SHA256_BY_NAME, json_string(sums->by_name)) == 0 &&
        json_object_set(build.object, CHECKPOINT_METADATA, texts) == 0 &&
        each_array(file, describe_array, &build) == STATUS_OK) {
        text = json_dumps(build.object, JSON_COMPACT);
    }
    json_decref(texts);
    json_decref(build.object);
    if (json_memory_end(NULL)) return text;
    json_memory_release(text);
    return NULL;
}

/* Write bytes to the file, and to the hash of the whole file. */
typedef struct output {
    file_replacement file;
    SHA256_CTX hash;
    error_info *err;
} output;

static status put(output *out, const void *bytes, size_t size) {
    SHA256_Update(&out->hash, bytes, size);
    return file_replace_write(&out->file, bytes, size, out->err);
}

static status put_array(void *argument, const checkpoint_array *array) {
    return put(argument, array->values, bytes_of(array));
}

static status put_all(output *out, const checkpoint *file, const char *header) {
    static const char blanks[CHECKPOINT_ALIGNMENT] = "        ";
    size_t used = strlen(header);
    size_t padding = (CHECKPOINT_ALIGNMENT - used % CHECKPOINT_ALIGNMENT) % CHECKPOINT_ALIGNMENT;
    uint64_t length = used + padding;
    TRY(put(out, &length, sizeof length));
    TRY(put(out, header, used));
    TRY(put(out, blanks, padding));
    return each_array(file, put_array, out);
}

status checkpoint_write(const checkpoint *file, const char *path, char sha256_hex[65], error_info *err) {
    output out = {.err = err};
    char file_sha256[65];
    checksums sums;
    char *header = take_checksums(file, &sums) == STATUS_OK ? header_text(file, &sums) : NULL;
    if (header == NULL) return error_set(err, STATUS_MEMORY, "no memory to write \"%s\"", path);
    SHA256_Init(&out.hash);
    status outcome = STATUS_OK;
    if (strlen(header) > CHECKPOINT_HEADER_MAX - CHECKPOINT_ALIGNMENT)
        outcome = error_set(err, STATUS_INVALID, "\"%s\": names and texts take %zu bytes, expected at most %d", path,
                            strlen(header), CHECKPOINT_HEADER_MAX - CHECKPOINT_ALIGNMENT);
    if (outcome == STATUS_OK) outcome = file_replace_begin(path, &out.file, err);
    if (outcome == STATUS_OK) outcome = file_replace_end(&out.file, put_all(&out, file, header), err);
    json_memory_release(header);
    if (outcome != STATUS_OK) return outcome;
    SHA256_End(&out.hash, file_sha256);
    if (sha256_hex != NULL) memcpy(sha256_hex, file_sha256, sizeof file_sha256);
    return STATUS_OK;
}
