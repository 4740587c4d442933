/* checkpoint_digest.c - a checksum of what a checkpoint holds, whatever the file looks like.
 *
 * Other programs write the same arrays in another order, or wider. So arrays are taken by their names, and numbers as
 * the 8 bytes of the double that they are. */
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "train/checkpoint_parts.h"

static int compare_names(const void *left, const void *right) {
    const checkpoint_array *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* The bits of the same number as a double. A conversion would make one NaN of two. */
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
