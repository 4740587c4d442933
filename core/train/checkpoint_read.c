/* checkpoint_read.c - read a checkpoint from its file, which may contain anything.
 *
 * No number from the file determines an allocation or a copy before it was checked against the file's size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "train/checkpoint_parts.h"
#include "train/json_memory.h"

/* The types that can be read, and their types in memory. */
typedef struct file_type {
    checkpoint_type_name stored;
    checkpoint_type type;
    float (*widen)(uint16_t bits); /* for a type without one */
} file_type;

static float widen_half(uint16_t bits) {
    const double sign = bits >> 15 ? -1 : 1, fraction = bits & 0x3ff;
    const int exponent = bits >> 10 & 0x1f;
    if (exponent == 0x1f) return fraction != 0 ? NAN : (float)sign * INFINITY;
    return (float)(sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25)));
}

/* The upper half of a float. */
static float widen_brain(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float number;
    memcpy(&number, &wide, sizeof number);
    return number;
}

static const file_type file_types[] = {{{"F32", 4}, CHECKPOINT_F32, NULL},
                                       {{"F64", 8}, CHECKPOINT_F64, NULL},
                                       {{"U64", 8}, CHECKPOINT_U64, NULL},
                                       {{"F16", 2}, CHECKPOINT_F32, widen_half},
                                       {{"BF16", 2}, CHECKPOINT_F32, widen_brain}};
enum { FILE_TYPES = sizeof file_types / sizeof *file_types };

/* An array as in its header entry. */
typedef struct described {
    const char *name; /* of the header */
    const file_type *type;
    size_t rank, shape[CHECKPOINT_RANK_MAX];
    size_t begin, end; /* in the data */
} described;

/* More than any model has; each added array is compared with all others. */
enum { ARRAYS_MAX = 16384 };

/* A file in memory. */
typedef struct source {
    const char *path;
    const unsigned char *data; /* the bytes after the header */
    size_t size;
    error_info *err;
} source;

#define MALFORMED(from, format, ...) error_set((from)->err, STATUS_FORMAT, "\"%s\": " format, (from)->path, __VA_ARGS__)

static status memory_short(const source *from) {
    return error_set(from->err, STATUS_MEMORY, "no memory to read \"%s\"", from->path);
}

static status read_type(const source *from, const char *name, const json_t *entry, const file_type **type) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    for (int i = 0; dtype != NULL && i < FILE_TYPES; i++) {
        if (strcmp(dtype, file_types[i].stored.dtype) == 0) {
            *type = &file_types[i];
            return STATUS_OK;
        }
    }
    return MALFORMED(from, "array \"%.100s\": expected dtype F32, F64, F16, BF16 or U64, found %.20s", name,
                     dtype == NULL ? "none" : dtype);
}

/* Return whether it is a JSON integer that is not negative. */
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
    /* Elements of 8 bytes are the largest; if they fit, so do others. */
    if (!checkpoint_size(CHECKPOINT_F64, array->rank, array->shape, &elements, &bytes) ||
        elements * array->type->stored.size != array->end - array->begin) {
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

/* Check that the arrays cover the data without a gap or an overlap. Changes the order of `arrays`. */
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

static bool has_half_numbers(const checkpoint *file) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->arrays[i].dtype, checkpoint_types[file->arrays[i].type].dtype) != 0) return true;
    return false;
}

/* found <- the checksum to compare with `expected`; older files have that of the data in file order. */
static status hash_like(const source *from, const checkpoint *file, bool by_name, char found[65]) {
    if (by_name) return checkpoint_digest(file, found);
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, from->data, from->size);
    SHA256_End(&hash, found);
    return STATUS_OK;
}

static status check_arrays(const source *from, const json_t *metadata, checkpoint *file) {
    char found[65];
    const json_t *named = json_object_get(metadata, CHECKPOINT_SHA256_BY_NAME);
    const char *expected = json_string_value(named ? named : json_object_get(metadata, CHECKPOINT_SHA256));
    if (expected == NULL) {
        file->check = CHECKPOINT_WITHOUT_CHECKSUM;
        return STATUS_OK;
    }
    if (hash_like(from, file, named != NULL, found) != STATUS_OK) return memory_short(from);
    if (strcmp(found, expected) == 0) return STATUS_OK;
    /* This program writes no 16-bit arrays, so such a file's checksum is that of the numbers before rounding. */
    if (has_half_numbers(file)) {
        file->check = CHECKPOINT_CONVERTED;
        return STATUS_OK;
    }
    return MALFORMED(from,
                     "its arrays are damaged: expected SHA-256 %.64s, found %s; if another program changed them%s, "
                     "remove \"%s\" and \"%s\" from the file's metadata",
                     expected, found, named ? "" : " or their order", CHECKPOINT_SHA256, CHECKPOINT_SHA256_BY_NAME);
}

static bool is_checksum(const char *key) {
    return strcmp(key, CHECKPOINT_SHA256) == 0 || strcmp(key, CHECKPOINT_SHA256_BY_NAME) == 0;
}

static status read_texts(const source *from, json_t *metadata, checkpoint *file) {
    if (metadata != NULL && !json_is_object(metadata))
        return MALFORMED(from, "expected a JSON object as %s", CHECKPOINT_METADATA);
    for (void *at = json_object_iter(metadata); at != NULL; at = json_object_iter_next(metadata, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (!json_is_string(value)) return MALFORMED(from, "expected text \"%.100s\" to be a string", key);
        if (is_checksum(key)) continue;
        if (checkpoint_put_text(file, key, json_string_value(value)) != STATUS_OK) {
            return memory_short(from);
        }
    }
    return check_arrays(from, metadata, file);
}

/* Add an array of 2-byte numbers as F32. */
static status put_widened(const described *array, const unsigned char *data, checkpoint *file) {
    const size_t count = (array->end - array->begin) / sizeof(uint16_t);
    float *wide = calloc(count + 1, sizeof *wide);
    if (wide == NULL) return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, data + i * sizeof bits, sizeof bits);
        wide[i] = array->type->widen(bits);
    }
    const status outcome = checkpoint_put(file, array->name, CHECKPOINT_F32, array->rank, array->shape, wide);
    free(wide);
    if (outcome == STATUS_OK) checkpoint_find(file, array->name)->dtype = array->type->stored.dtype;
    return outcome;
}

static status put_described(const described *array, const unsigned char *data, checkpoint *file) {
    if (array->type->widen != NULL) return put_widened(array, data, file);
    return checkpoint_put(file, array->name, array->type->type, array->rank, array->shape, data);
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
        if (put_described(&arrays[i], from->data + arrays[i].begin, file) != STATUS_OK) return memory_short(from);
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

static status read_bytes(const char *path, const unsigned char *bytes, size_t size, checkpoint **out, error_info *err) {
    uint64_t length;
    source from = {.path = path, .err = err};
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

status checkpoint_read(const char *path, checkpoint **out, error_info *err) {
    unsigned char *bytes;
    size_t size;
    TRY(file_read(path, &bytes, &size, err));
    status outcome = read_bytes(path, bytes, size, out, err);
    free(bytes);
    return outcome;
}
