/* checkpoint_write.c - a checkpoint to its file.
 *
 * Arrays of 8-byte elements come first and the header is padded to a multiple
 * of 8 bytes, so that every array is aligned in the file: readers that map it
 * into memory, PyTorch's among them, insist on that. */
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "train/checkpoint_parts.h"
#include "train/json_memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are copied between files and memory as they are");

/* Sizes of elements, in the order in which their arrays stand in the file. */
static const size_t element_sizes[] = {8, 4};
enum { ELEMENT_SIZES = sizeof element_sizes / sizeof *element_sizes };

/* Calls visit for each array in the order of the file, until one fails. */
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

static status hash_array(void *argument, const checkpoint_array *array) {
    SHA256_Update(argument, array->values, bytes_of(array));
    return STATUS_OK;
}

/* The two checksums of the arrays: any reader can take the first, and the second outlives another order. */
typedef struct checksums {
    char data[65], by_name[65];
} checksums;

static status take_checksums(const checkpoint *file, checksums *out) {
    SHA256_CTX hash;
    SHA256_Init(&hash);
    (void)each_array(file, hash_array, &hash); /* never fails */
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

/* The header's text, for json_memory_release; NULL if memory is short. */
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

/* Where bytes go: into the file, and into the hash of the whole file. */
typedef struct output {
    file_replacement file;
    SHA256_CTX hash;
    failure *why;
} output;

static status put(output *out, const void *bytes, size_t size) {
    SHA256_Update(&out->hash, bytes, size);
    return file_replace_write(&out->file, bytes, size, out->why);
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

status checkpoint_write(const checkpoint *file, const char *path, char sha256_hex[65], failure *why) {
    output out = {.why = why};
    char file_sha256[65];
    checksums sums;
    char *header = take_checksums(file, &sums) == STATUS_OK ? header_text(file, &sums) : NULL;
    if (header == NULL) return fail(why, STATUS_MEMORY, "no memory to write \"%s\"", path);
    SHA256_Init(&out.hash);
    status outcome = STATUS_OK;
    if (strlen(header) > CHECKPOINT_HEADER_MAX - CHECKPOINT_ALIGNMENT)
        outcome = fail(why, STATUS_INVALID, "\"%s\": names and texts take %zu bytes, expected at most %d", path,
                       strlen(header), CHECKPOINT_HEADER_MAX - CHECKPOINT_ALIGNMENT);
    if (outcome == STATUS_OK) outcome = file_replace_begin(path, &out.file, why);
    if (outcome == STATUS_OK) outcome = file_replace_end(&out.file, put_all(&out, file, header), why);
    json_memory_release(header);
    if (outcome != STATUS_OK) return outcome;
    SHA256_End(&out.hash, file_sha256);
    if (sha256_hex != NULL) memcpy(sha256_hex, file_sha256, sizeof file_sha256);
    return STATUS_OK;
}
