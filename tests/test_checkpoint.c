/* test_checkpoint.c - checkpoints: round trips, and truncated, damaged and hostile files. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <jansson.h>
#include <sha256.h>

#include "scratch.h"
#include "train/checkpoint.h"

static char folder[64], path[128];

static void open_folder(void) {
    scratch_create(folder);
    scratch_path(folder, "model.safetensors", path);
}

static void remove_folder(void) {
    scratch_remove(folder);
}

TestSuite(checkpoint, .init = open_folder, .fini = remove_folder);

static const float weights[] = {1, -2, 3.5F, 4, 5, 6.25F, 7, 8, 9, 10, 11, 12, -0.0F, 14, 15};
static const double moments[] = {0.1, -1e300, 3};
static const uint64_t iteration[] = {UINT64_MAX - 1};

/* A checkpoint with every type, ranks 0 to 4, an empty array, and texts. */
static checkpoint *make_example(void) {
    checkpoint *file = NULL;
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    /* An odd count of 4-byte elements before 8-byte elements. */
    cr_assert_eq(checkpoint_put(file, "hypernet.0.weight", CHECKPOINT_F32, 2, (size_t[]){3, 5}, weights), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "iteration", CHECKPOINT_U64, 0, NULL, iteration), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "moments", CHECKPOINT_F64, 1, (size_t[]){3}, moments), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "empty", CHECKPOINT_F64, 2, (size_t[]){0, 7}, NULL), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "box", CHECKPOINT_F32, 4, (size_t[]){1, 2, 1, 3}, weights), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "train.seed", "7"), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "data.name", "\"ty\" \\ \xc3\xa9\n"), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "a.first", ""), STATUS_OK);
    return file;
}

static void expect_bytes(const checkpoint *file, const char *name, checkpoint_type type, size_t elements,
                         const void *bytes, size_t size) {
    const void *values = checkpoint_get(file, name, type, elements);
    cr_assert_not_null(values, "%s", name);
    cr_expect_arr_eq(values, bytes, size, "%s", name);
}

static void append_key(void *argument, const char *key, const char *value) {
    strcat(argument, key);
    strcat(argument, "=");
    strcat(argument, value);
    strcat(argument, ";");
}

static void expect_example(const checkpoint *file) {
    expect_bytes(file, "hypernet.0.weight", CHECKPOINT_F32, 15, weights, sizeof weights);
    expect_bytes(file, "iteration", CHECKPOINT_U64, 1, iteration, sizeof iteration);
    expect_bytes(file, "moments", CHECKPOINT_F64, 3, moments, sizeof moments);
    expect_bytes(file, "box", CHECKPOINT_F32, 6, weights, 6 * sizeof *weights);
    cr_expect_not_null(checkpoint_get(file, "empty", CHECKPOINT_F64, 0));
    cr_expect_null(checkpoint_get(file, "moments", CHECKPOINT_F32, 3), "another type");
    cr_expect_null(checkpoint_get(file, "moments", CHECKPOINT_F64, 4), "another size");
    cr_expect_null(checkpoint_get(file, "moment", CHECKPOINT_F64, 3), "another name");
    char texts[256] = "";
    checkpoint_each_text(file, append_key, texts);
    cr_expect_str_eq(texts, "train.seed=7;data.name=\"ty\" \\ \xc3\xa9\n;a.first=;");
    cr_expect_str_eq(checkpoint_get_text(file, "train.seed"), "7");
    cr_expect_null(checkpoint_get_text(file, "train"));
}

Test(checkpoint, round_trip) {
    checkpoint *file = make_example(), *back = NULL;
    expect_example(file);
    error_info err = {""};
    char sha256[65], again[65];
    cr_assert_eq(checkpoint_write(file, path, sha256, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(checkpoint_read(path, &back, &err), STATUS_OK, "%s", err.text);
    expect_example(back);
    SHA256_File(path, again);
    cr_expect_str_eq(sha256, again, "it is the hash of the file");

    size_t size;
    unsigned char *first = scratch_read(path, &size), *second;
    cr_assert_eq(checkpoint_write(file, path, NULL, NULL), STATUS_OK);
    second = scratch_read(path, &size);
    cr_expect_arr_eq(first, second, size, "writing it again gives the same bytes");
    free(first);
    free(second);
    checkpoint_destroy(&file);
    checkpoint_destroy(&back);
    cr_expect_null(back);
}

Test(checkpoint, an_empty_one) {
    checkpoint *file = NULL, *back = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(checkpoint_write(file, path, NULL, NULL), STATUS_OK);
    cr_assert_eq(checkpoint_read(path, &back, &err), STATUS_OK, "%s", err.text);
    checkpoint_destroy(&file);
    checkpoint_destroy(&back);
}

Test(checkpoint, arrays_are_aligned_in_the_file) {
    checkpoint *file = make_example();
    cr_assert_eq(checkpoint_write(file, path, NULL, NULL), STATUS_OK);
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    cr_expect_eq(length % 8, 0);
    cr_expect_eq(bytes[8], '{');
    /* The 8-byte elements are in front, in the order in which they were added. */
    cr_expect_arr_eq(bytes + 8 + length, iteration, sizeof iteration);
    cr_expect_arr_eq(bytes + 8 + length + 8, moments, sizeof moments);
    cr_expect_arr_eq(bytes + 8 + length + 32, weights, sizeof weights);
    cr_expect_eq(size, 8 + length + 32 + sizeof weights + 6 * sizeof *weights);
    free(bytes);
    checkpoint_destroy(&file);
}

Test(checkpoint, a_name_put_twice_is_replaced) {
    checkpoint *file = make_example();
    cr_assert_eq(checkpoint_put(file, "moments", CHECKPOINT_F32, 1, (size_t[]){2}, weights), STATUS_OK);
    cr_expect_null(checkpoint_get(file, "moments", CHECKPOINT_F64, 3));
    expect_bytes(file, "moments", CHECKPOINT_F32, 2, weights, 2 * sizeof *weights);
    cr_assert_eq(checkpoint_put_text(file, "train.seed", "8"), STATUS_OK);
    cr_expect_str_eq(checkpoint_get_text(file, "train.seed"), "8");
    checkpoint_destroy(&file);
}

Test(checkpoint, text_that_is_not_utf8_is_kept_readable) {
    checkpoint *file = make_example(), *back = NULL;
    cr_assert_eq(checkpoint_put_text(file, "path", "a\xff.ini"), STATUS_OK);
    cr_assert_eq(checkpoint_write(file, path, NULL, NULL), STATUS_OK);
    cr_assert_eq(checkpoint_read(path, &back, NULL), STATUS_OK);
    cr_expect_str_eq(checkpoint_get_text(back, "path"), "a?.ini");
    checkpoint_destroy(&file);
    checkpoint_destroy(&back);
}

/* Write bytes to the path and read them as a checkpoint; the caller checks *err. */
static status read_bytes(const void *bytes, size_t size, error_info *err) {
    checkpoint *file = NULL;
    scratch_write(path, bytes, size);
    err->text[0] = 0;
    status outcome = checkpoint_read(path, &file, err);
    if (outcome == STATUS_OK) {
        checkpoint_destroy(&file);
    } else {
        cr_expect_null(file);
        cr_expect_not_null(strstr(err->text, path), "%s", err->text);
    }
    return outcome;
}

static unsigned char *example_bytes(size_t *size, size_t *data) {
    checkpoint *file = make_example();
    uint64_t length;
    cr_assert_eq(checkpoint_write(file, path, NULL, NULL), STATUS_OK);
    checkpoint_destroy(&file);
    unsigned char *bytes = scratch_read(path, size);
    memcpy(&length, bytes, sizeof length);
    *data = 8 + (size_t)length;
    return bytes;
}

Test(checkpoint, every_truncation_is_refused) {
    size_t size, data;
    unsigned char *bytes = example_bytes(&size, &data);
    error_info err;
    for (size_t kept = 0; kept < size; kept++) {
        cr_expect_eq(read_bytes(bytes, kept, &err), STATUS_FORMAT, "%zu of %zu bytes", kept, size);
    }
    cr_expect_eq(read_bytes(bytes, size, &err), STATUS_OK, "%s", err.text);
    unsigned char *longer = malloc(size + 1);
    memcpy(longer, bytes, size);
    longer[size] = 0;
    cr_expect_eq(read_bytes(longer, size + 1, &err), STATUS_FORMAT, "a byte too many");
    free(longer);
    free(bytes);
}

Test(checkpoint, every_flipped_byte_of_an_array_is_found) {
    size_t size, data;
    unsigned char *bytes = example_bytes(&size, &data);
    error_info err;
    for (size_t i = data; i < size; i++) {
        bytes[i] ^= 0x10;
        cr_expect_eq(read_bytes(bytes, size, &err), STATUS_FORMAT, "byte %zu", i);
        cr_expect_not_null(strstr(err.text, "damaged: expected SHA-256"), "%s", err.text);
        bytes[i] ^= 0x10;
    }
    free(bytes);
}

/* The header has no checksum, so not every flip is detected. No flip may cause harm, and a flip in the length, a number
 * or punctuation is detected. */
Test(checkpoint, flipped_bytes_of_the_header_do_no_harm) {
    size_t size, data, refused = 0;
    unsigned char *bytes = example_bytes(&size, &data);
    error_info err;
    for (size_t i = 0; i < data; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            status outcome = read_bytes(bytes, size, &err);
            cr_expect(outcome == STATUS_OK || outcome == STATUS_FORMAT);
            cr_expect(i >= 8 || outcome == STATUS_FORMAT, "byte %zu is of the length", i);
            refused += outcome != STATUS_OK;
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    }
    cr_expect_gt(refused, 8 * data / 2);
    free(bytes);
}

/* Read a file of this header and `data` bytes of zeros. */
static status read_header(const char *header, size_t data, error_info *err) {
    uint64_t length = strlen(header);
    unsigned char *bytes = calloc(1, 8 + (size_t)length + data);
    cr_assert_not_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, (size_t)length);
    status outcome = read_bytes(bytes, 8 + (size_t)length + data, err);
    free(bytes);
    return outcome;
}

/* SHA-256 of 16 zero bytes. */
#define ZEROS "374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb"
#define WITH(arrays) "{\"__metadata__\":{\"sha256\":\"" ZEROS "\"}," arrays "}"
#define ARRAY(name, dtype, shape, offsets)                                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

Test(checkpoint, hostile_headers) {
    const struct {
        const char *header, *message;
    } cases[] = {
        {"", "expected a header in JSON"},
        {"{", "expected a header in JSON"},
        {"[]", "expected a JSON object"},
        {"{} {}", "expected a header in JSON"},
        {"{\"a\":1,\"a\":2}", "expected a header in JSON"},
        {WITH("\"a\":3"), "array \"a\": expected dtype F32, F64, F16, BF16 or U64, found none"},
        {WITH(ARRAY("a", "I32", "[4]", "[0,16]")), "array \"a\": expected dtype F32, F64, F16, BF16 or U64, found I32"},
        {WITH(ARRAY("a", "F32", "4", "[0,16]")), "expected a shape of at most 4 counts"},
        {WITH(ARRAY("a", "F32", "[-4]", "[0,16]")), "expected a shape of at most 4 counts"},
        {WITH(ARRAY("a", "F32", "[4.0]", "[0,16]")), "expected a shape of at most 4 counts"},
        {WITH(ARRAY("a", "F32", "[1,1,1,1,4]", "[0,16]")), "expected a shape of at most 4 counts"},
        {WITH(ARRAY("a", "F32", "[4]", "[0,17]")), "expected two data_offsets within the 16 bytes of data"},
        {WITH(ARRAY("a", "F32", "[4]", "[16,0]")), "expected two data_offsets"},
        {WITH(ARRAY("a", "F32", "[4]", "[-16,0]")), "expected two data_offsets"},
        {WITH(ARRAY("a", "F32", "[4]", "[0]")), "expected two data_offsets"},
        {WITH(ARRAY("a", "F32", "[4]", "{}")), "expected two data_offsets"},
        {WITH(ARRAY("a", "F32", "[4]", "[0,18446744073709551616]")), "expected a header in JSON"},
        {WITH(ARRAY("a", "F32", "[4]", "[0,9223372036854775807]")), "expected two data_offsets"},
        {WITH(ARRAY("a", "F32", "[5]", "[0,16]")), "expected its shape to fill its 16 bytes"},
        {WITH(ARRAY("a", "F64", "[4]", "[0,16]")), "expected its shape to fill its 16 bytes"},
        {WITH(ARRAY("a", "F32", "[4611686018427387905,4]", "[0,16]")), "expected its shape to fill"},
        {WITH(ARRAY("a", "F32", "[4294967296,4294967296,4]", "[0,16]")), "expected its shape to fill"},
        {WITH(ARRAY("a", "F32", "[2]", "[0,8]") "," ARRAY("b", "F32", "[3]", "[4,16]")),
         "array \"b\": expected its data to begin at byte 8"},
        {WITH(ARRAY("a", "F32", "[1]", "[0,4]") "," ARRAY("b", "F32", "[2]", "[8,16]")),
         "array \"b\": expected its data to begin at byte 4"},
        {WITH(ARRAY("a", "F32", "[2]", "[8,16]")), "expected its data to begin at byte 0"},
        {WITH(ARRAY("a", "F32", "[2]", "[0,8]")), "expected 8 bytes of data, as the header describes, found 16"},
        {WITH(ARRAY("a", "BF16", "[4]", "[0,16]")), "expected its shape to fill its 16 bytes"},
        {"{\"__metadata__\":[]," ARRAY("a", "F32", "[4]", "[0,16]") "}", "expected a JSON object as __metadata__"},
        {"{\"__metadata__\":{\"sha256\":\"" ZEROS "\",\"n\":3}," ARRAY("a", "F32", "[4]", "[0,16]") "}",
         "expected text \"n\" to be a string"},
    };
    error_info err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(read_header(cases[i].header, 16, &err), STATUS_FORMAT, "%zu", i);
        cr_expect_not_null(strstr(err.text, cases[i].message), "%zu: %s", i, err.text);
    }
    cr_expect_eq(read_header(WITH(ARRAY("b", "F32", "[2]", "[8,16]") "," ARRAY("a", "U64", "[]", "[0,8]")), 16, &err),
                 STATUS_OK, "arrays may be listed in any order: %s", err.text);
    cr_expect_eq(read_header(WITH(ARRAY("a", "F32", "[4]", "[0,16]") "          "), 16, &err), STATUS_OK);
}

Test(checkpoint, header_longer_than_the_file) {
    error_info err;
    const uint64_t lengths[] = {17, 1 << 20, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        unsigned char bytes[24] = {0};
        memcpy(bytes, &lengths[i], 8);
        cr_expect_eq(read_bytes(bytes, sizeof bytes, &err), STATUS_FORMAT);
        cr_expect_not_null(strstr(err.text, "expected a header of at most 16 bytes"), "%s", err.text);
    }
}

Test(checkpoint, header_of_more_than_4_megabytes) {
    enum { LENGTH = (4 << 20) + 1 };
    char *header = malloc(LENGTH + 1);
    cr_assert_not_null(header);
    memset(header, ' ', LENGTH);
    memcpy(header, "{}", 2);
    header[LENGTH] = 0;
    error_info err;
    cr_expect_eq(read_header(header, 0, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "expected a header of at most 4194304 bytes, found one of 4194305"));
    header[LENGTH - 1] = 0;
    cr_expect_eq(read_header(header, 0, &err), STATUS_OK, "%s", err.text);
    free(header);
}

Test(checkpoint, deeply_nested_headers_do_not_exhaust_the_stack) {
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH + 1);
    cr_assert_not_null(header);
    memset(header, '[', DEPTH);
    header[DEPTH] = 0;
    error_info err;
    cr_expect_eq(read_header(header, 0, &err), STATUS_FORMAT);
    free(header);
}

Test(checkpoint, failures_to_write_and_read_name_the_path) {
    checkpoint *file = make_example(), *back = NULL;
    error_info err;
    char missing[128];
    scratch_path(folder, "no/folder.safetensors", missing);
    cr_expect_eq(checkpoint_write(file, missing, NULL, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, missing), "%s", err.text);
    cr_expect_eq(checkpoint_read(missing, &back, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, missing), "%s", err.text);
    cr_expect_eq(checkpoint_read(folder, &back, &err), STATUS_IO);
    cr_expect_null(back);
    checkpoint_destroy(&file);
}

/* jansson's allocator: the call at which `until` reaches 0 fails. */
static long until;

static void *limited(size_t size) {
    return --until == 0 ? NULL : malloc(size);
}

/* Without the hook, jansson may omit a letter of a text, or a member of an object. */
Test(checkpoint, where_jansson_has_no_memory_nothing_is_lost) {
    json_set_alloc_funcs(limited, free);
    checkpoint *file = make_example(), *again = NULL;
    error_info err;
    long refused_writing = 0, refused_reading = 0;
    for (bool met = true; met; refused_writing += met) {
        until = refused_writing + 1;
        const status written = checkpoint_write(file, path, NULL, &err);
        met = until <= 0;
        cr_assert_eq(written, met ? STATUS_MEMORY : STATUS_OK, "call %ld", refused_writing + 1);
        cr_assert_eq(access(path, F_OK) == 0, !met, "call %ld", refused_writing + 1);
    }
    for (bool met = true; met; refused_reading += met) {
        until = refused_reading + 1;
        const status read = checkpoint_read(path, &again, &err);
        met = until <= 0;
        cr_assert_eq(read, met ? STATUS_MEMORY : STATUS_OK, "call %ld: %s", refused_reading + 1, err.text);
    }
    cr_expect_gt(refused_writing, 50);
    cr_expect_gt(refused_reading, 50);
    expect_example(again);
    checkpoint_destroy(&again);
    checkpoint_destroy(&file);
}
