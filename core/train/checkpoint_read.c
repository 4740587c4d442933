/* checkpoint_read.c - a checkpoint from its file, which may hold anything.
 *
 * Nothing is allocated or copied by a number from the file before that number
 * was checked against what the file holds. */
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "train/checkpoint_parts.h"
#include "train/json_memory.h"

/* An array as its header entry describes it. */
typedef struct described {
    const char *name; /* of the header */
    checkpoint_type type;
    size_t rank, shape[CHECKPOINT_RANK_MAX];
    size_t begin, end; /* in the data */
} described;

/* More than any model has; each array added is looked for among all others. */
enum { ARRAYS_MAX = 16384 };

/* A file in memory. */
typedef struct source {
    const char *path;
    const unsigned char *data; /* what follows the header */
    size_t size;
    failure *why;
} source;

#define MALFORMED(from, format, ...) fail((from)->why, STATUS_FORMAT, "\"%s\": " format, (from)->path, __VA_ARGS__)

static status memory_short(const source *from) {
    return fail(from->why, STATUS_MEMORY, "no memory to read \"%s\"", from->path);
}

static status read_type(const source *from, const char *name, const json_t *entry, checkpoint_type *type) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    for (int i = 0; dtype != NULL && i < CHECKPOINT_TYPES; i++) {
        if (strcmp(dtype, checkpoint_types[i].dtype) == 0) {
            *type = (checkpoint_type)i;
            return STATUS_OK;
        }
    }
    return MALFORMED(from, "array \"%.100s\": expected dtype F32, F64 or U64, found %.20s", name,
                     dtype == NULL ? "none" : dtype);
}

/* A JSON integer that is not negative; false for anything else. */
static bool read_count(const json_t *value, size_t *count) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *count = (size_t)json_integer_value(value);
    return true;
}

static status read_shape(const source *from, const json_t *entry, described *array) {
    const json_t *shape = json_object_get(entry, "shape");
    array->rank = json_array_size(shape);
    bool good = json_is_array(shape) && array->rank <= CHECKPOINT_RANK_MAX;
    for (size_t i = 0; good && i < array->rank; i++) good = read_count(json_array_get(shape, i), &array->shape[i]);
    if (good) return STATUS_OK;
    return MALFORMED(from, "array \"%.100s\": expected a shape of at most %d counts", array->name, CHECKPOINT_RANK_MAX);
}

static status read_offsets(const source *from, const json_t *entry, described *array) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (json_array_size(offsets) != 2 || !read_count(json_array_get(offsets, 0), &array->begin) ||
        !read_count(json_array_get(offsets, 1), &array->end) || array->begin > array->end || array->end > from->size) {
        return MALFORMED(from, "array \"%.100s\": expected two data_offsets within the %zu bytes of data", array->name,
                         from->size);
    }
    size_t elements, bytes;
    if (!checkpoint_size(array->type, array->rank, array->shape, &elements, &bytes) ||
        bytes != array->end - array->begin) {
        return MALFORMED(from, "array \"%.100s\": expected its shape to fill its %zu bytes", array->name,
                         array->end - array->begin);
    }
    return STATUS_OK;
}

static status read_description(const source *from, const char *name, const json_t *entry, described *array) {
    array->name = name;
    TRY(read_type(from, name, entry, &array->type));
    TRY(read_shape(from, entry, array));
    return read_offsets(from, entry, array);
}

static int compare_begins(const void *left, const void *right) {
    const described *a = left, *b = right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* Arrays must cover the data without a gap or an overlap. Changes the order of `arrays`. */
static status check_coverage(const source *from, described *arrays, size_t count) {
    qsort(arrays, count, sizeof *arrays, compare_begins);
    size_t reached = 0;
    for (size_t i = 0; i < count; i++) {
        if (arrays[i].begin != reached) {
            return MALFORMED(from,
                             "array \"%.100s\": expected its data to begin at byte %zu, after its neighbour's, "
                             "found %zu",
                             arrays[i].name, reached, arrays[i].begin);
        }
        reached = arrays[i].end;
    }
    if (reached == from->size) return STATUS_OK;
    return MALFORMED(from, "expected %zu bytes of data, as the header describes, found %zu", reached, from->size);
}

static status read_texts(const source *from, json_t *metadata, checkpoint *file) {
    const char *expected = json_string_value(json_object_get(metadata, CHECKPOINT_SHA256));
    if (expected == NULL) {
        return MALFORMED(from, "expected the text \"%s\" in its %s", CHECKPOINT_SHA256, CHECKPOINT_METADATA);
    }
    char found[65];
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, from->data, from->size);
    SHA256_End(&hash, found);
    if (strcmp(found, expected) != 0) {
        return MALFORMED(from, "its arrays are damaged: expected SHA-256 %.64s, found %s", expected, found);
    }
    for (void *at = json_object_iter(metadata); at != NULL; at = json_object_iter_next(metadata, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (!json_is_string(value)) return MALFORMED(from, "expected text \"%.100s\" to be a string", key);
        if (strcmp(key, CHECKPOINT_SHA256) == 0) continue;
        if (checkpoint_put_text(file, key, json_string_value(value)) != STATUS_OK) {
            return memory_short(from);
        }
    }
    return STATUS_OK;
}

static status read_arrays(const source *from, json_t *header, described *arrays, checkpoint *file) {
    size_t count = 0;
    if (json_object_size(header) > ARRAYS_MAX) {
        return MALFORMED(from, "expected at most %d arrays, found %zu", ARRAYS_MAX, json_object_size(header));
    }
    for (void *at = json_object_iter(header); at != NULL; at = json_object_iter_next(header, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, CHECKPOINT_METADATA) == 0) continue;
        TRY(read_description(from, name, json_object_iter_value(at), &arrays[count++]));
    }
    TRY(check_coverage(from, arrays, count));
    for (size_t i = 0; i < count; i++) {
        const described *array = &arrays[i];
        if (checkpoint_put(file, array->name, array->type, array->rank, array->shape, from->data + array->begin) !=
            STATUS_OK) {
            return memory_short(from);
        }
    }
    return STATUS_OK;
}

static status read_header(const source *from, json_t *header, checkpoint **out) {
    checkpoint *file = NULL;
    described *arrays = calloc(json_object_size(header) + 1, sizeof *arrays);
    if (arrays == NULL || checkpoint_create(&file) != STATUS_OK) {
        free(arrays);
        return memory_short(from);
    }
    status outcome = read_arrays(from, header, arrays, file);
    if (outcome == STATUS_OK) outcome = read_texts(from, json_object_get(header, CHECKPOINT_METADATA), file);
    free(arrays);
    if (outcome != STATUS_OK) {
        checkpoint_destroy(&file);
        return outcome;
    }
    *out = file;
    return STATUS_OK;
}

static status read_bytes(const char *path, const unsigned char *bytes, size_t size, checkpoint **out, failure *why) {
    uint64_t length;
    source from = {.path = path, .why = why};
    if (size < sizeof length) {
        return MALFORMED(&from, "expected a .safetensors file, which begins with 8 bytes of length, found %zu bytes",
                         size);
    }
    memcpy(&length, bytes, sizeof length);
    if (length > size - sizeof length) {
        return MALFORMED(&from,
                         "expected a header of at most %zu bytes, all that the file has left, found a length of "
                         "%llu",
                         size - sizeof length, (unsigned long long)length);
    }
    from.data = bytes + sizeof length + length;
    from.size = size - sizeof length - (size_t)length;
    if (length > CHECKPOINT_HEADER_MAX)
        return MALFORMED(&from, "expected a header of at most %d bytes, found one of %llu", CHECKPOINT_HEADER_MAX,
                         (unsigned long long)length);
    json_memory_watch();
    if (!json_memory_reserve(JSON_MEMORY_TO_READ(length))) return memory_short(&from);
    json_error_t error;
    json_t *header = json_loadb((const char *)bytes + sizeof length, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    status outcome;
    if (!json_memory_end(&header)) outcome = memory_short(&from);
    else if (header == NULL) outcome = MALFORMED(&from, "expected a header in JSON: %.150s", error.text);
    else if (!json_is_object(header)) outcome = MALFORMED(&from, "expected a JSON %s as header", "object");
    else outcome = read_header(&from, header, out);
    json_decref(header);
    return outcome;
}

status checkpoint_read(const char *path, checkpoint **out, failure *why) {
    unsigned char *bytes;
    size_t size;
    TRY(file_read(path, &bytes, &size, why));
    status outcome = read_bytes(path, bytes, size, out, why);
    free(bytes);
    return outcome;
}
