/* test_checkpoint_foreign.c - .safetensors files that another program rewrote: in another order, with other types,
 * without a checksum, without metadata. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "run_support.h"
#include "train/checkpoint.h"

static char path[128];

static void begin_foreign(void) {
    begin_run(TINY_EXPERIMENT("small", "0", "20", "10"));
    scratch_path(folder, "model.safetensors", path);
}

TestSuite(foreign, .init = begin_foreign, .fini = end_run, .timeout = 300);

/* A .safetensors file in parts. */
typedef struct parts {
    unsigned char *bytes;
    json_t *header;
    const unsigned char *data;
    size_t size; /* of the data */
} parts;

static parts parts_read(void) {
    parts out;
    size_t size;
    uint64_t length;
    out.bytes = scratch_read(path, &size);
    memcpy(&length, out.bytes, sizeof length);
    out.header = json_loadb((const char *)out.bytes + 8, (size_t)length, 0, NULL);
    cr_assert_not_null(out.header);
    out.data = out.bytes + 8 + length;
    out.size = size - 8 - (size_t)length;
    return out;
}

static void parts_free(parts *file) {
    free(file->bytes);
    json_decref(file->header);
}

static void write_parts(json_t *header, const unsigned char *data, size_t size) {
    char *text = json_dumps(header, JSON_COMPACT);
    const uint64_t length = strlen(text);
    unsigned char *bytes = malloc(8 + (size_t)length + size);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, text, (size_t)length);
    memcpy(bytes + 8 + length, data, size);
    scratch_write(path, bytes, 8 + (size_t)length + size);
    free(bytes);
    free(text);
}

/* A conversion of an array's numbers from `from` to `to` bytes. */
typedef struct conversion {
    const char *dtype;
    size_t from, to;
    void (*convert)(const unsigned char *from, unsigned char *to);
} conversion;

static int compare_keys(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Rewrite the file as other programs do: arrays sorted by name, F32 converted if a conversion is given. */
static void save_again(const conversion *as) {
    enum { ARRAYS_MAX = 64 };
    parts file = parts_read();
    const char *names[ARRAYS_MAX] = {NULL}, *name;
    json_t *entry, *header = json_object();
    size_t count = 0, used = 0;
    unsigned char *data = malloc(2 * file.size + 1);
    json_object_foreach(file.header, name, entry) {
        if (strcmp(name, "__metadata__") != 0) names[count++] = name;
    }
    qsort(names, count, sizeof *names, compare_keys);
    for (size_t i = 0; i < count; i++) {
        entry = json_object_get(file.header, names[i]);
        json_t *offsets = json_object_get(entry, "data_offsets");
        const size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
        const size_t size = (size_t)json_integer_value(json_array_get(offsets, 1)) - begin, start = used;
        if (as != NULL && strcmp(json_string_value(json_object_get(entry, "dtype")), "F32") == 0) {
            json_object_set_new(entry, "dtype", json_string(as->dtype));
            for (size_t k = 0; k < size; k += as->from, used += as->to) as->convert(file.data + begin + k, data + used);
        } else {
            memcpy(data + used, file.data + begin, size);
            used += size;
        }
        json_object_set_new(entry, "data_offsets", json_pack("[I, I]", (json_int_t)start, (json_int_t)used));
        json_object_set(header, names[i], entry);
    }
    json_object_set(header, "__metadata__", json_object_get(file.header, "__metadata__"));
    write_parts(header, data, used);
    json_decref(header);
    free(data);
    parts_free(&file);
}

/* Change the metadata of the header. */
static void change_metadata(void (*change)(json_t *header)) {
    parts file = parts_read();
    change(file.header);
    write_parts(file.header, file.data, file.size);
    parts_free(&file);
}

static void remove_checksum(json_t *header) {
    json_object_del(json_object_get(header, "__metadata__"), "sha256");
    json_object_del(json_object_get(header, "__metadata__"), "sha256_by_name");
}

static void remove_metadata(json_t *header) {
    json_object_del(header, "__metadata__");
}

static void widen(const unsigned char *from, unsigned char *to) {
    float narrow;
    memcpy(&narrow, from, sizeof narrow);
    const double wide = narrow;
    memcpy(to, &wide, sizeof wide);
}

/* Truncate, as some programs do for BF16. */
static void cut(const unsigned char *from, unsigned char *to) {
    memcpy(to, from + 2, 2);
}

static const conversion as_f64 = {"F64", 4, 8, widen}, as_bf16 = {"BF16", 4, 2, cut};

static const float first[] = {1, -2, 3.5F, NAN, -0.0F, 1e-42F}, second[] = {6, 5, 4, 3, 2, 1};
static const double means[] = {0.1, -1e300};
static const uint64_t counters[] = {UINT64_MAX};

static void write_example(void) {
    checkpoint *file;
    error_info err;
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "b.weight", CHECKPOINT_F32, 2, (size_t[]){3, 2}, first), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "a.weight", CHECKPOINT_F32, 2, (size_t[]){3, 2}, second), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "means", CHECKPOINT_F64, 1, (size_t[]){2}, means), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "counters", CHECKPOINT_U64, 0, NULL, counters), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "key", "value"), STATUS_OK);
    cr_assert_eq(checkpoint_write(file, path, NULL, &err), STATUS_OK, "%s", err.text);
    checkpoint_destroy(&file);
}

static checkpoint *read_file(void) {
    checkpoint *file = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_read(path, &file, &err), STATUS_OK, "%s", err.text);
    return file;
}

static void expect_refused(const char *words) {
    checkpoint *file = NULL;
    error_info err = {""};
    cr_assert_eq(checkpoint_read(path, &file, &err), STATUS_FORMAT, "%s", words);
    cr_assert_not_null(strstr(err.text, words), "%s", err.text);
}

static void expect_array(const checkpoint *file, const char *name, checkpoint_type type, size_t count,
                         const void *values, size_t size) {
    const void *found = checkpoint_get(file, name, type, count);
    cr_assert_not_null(found, "%s", name);
    cr_expect_arr_eq(found, values, size, "%s", name);
}

static void expect_verified_example(void) {
    checkpoint *file = read_file();
    expect_array(file, "means", CHECKPOINT_F64, 2, means, sizeof means);
    expect_array(file, "counters", CHECKPOINT_U64, 1, counters, sizeof counters);
    cr_expect_eq(checkpoint_checked(file), CHECKPOINT_VERIFIED);
    cr_expect_str_eq(checkpoint_get_text(file, "key"), "value");
    checkpoint_destroy(&file);
}

Test(foreign, arrays_in_another_order_are_the_same) {
    write_example();
    save_again(NULL);
    checkpoint *file = read_file();
    expect_array(file, "b.weight", CHECKPOINT_F32, 6, first, sizeof first);
    expect_array(file, "a.weight", CHECKPOINT_F32, 6, second, sizeof second);
    checkpoint_destroy(&file);
    expect_verified_example();
}

Test(foreign, damage_is_found_in_every_order_and_width) {
    for (size_t k = 0; k < 3; k++) {
        size_t size;
        write_example();
        if (k > 0) save_again(k == 1 ? NULL : &as_f64);
        parts file = parts_read();
        const size_t data = (size_t)(file.data - file.bytes);
        parts_free(&file);
        unsigned char *bytes = scratch_read(path, &size);
        for (size_t i = 8 * data; i < 8 * size; i++) {
            bytes[i / 8] ^= (unsigned char)(1 << i % 8);
            scratch_write(path, bytes, size);
            expect_refused("its arrays are damaged: expected SHA-256");
            bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        }
        free(bytes);
    }
}

/* Changes that a checksum of the bytes does not detect. */
static void exchange_names(json_t *header) {
    json_t *a = json_incref(json_object_get(header, "a.weight"));
    json_object_set(header, "a.weight", json_object_get(header, "b.weight"));
    json_object_set_new(header, "b.weight", a);
}

static void turn_shape(json_t *header) {
    json_object_set_new(json_object_get(header, "b.weight"), "shape", json_pack("[i, i]", 2, 3));
}

static void rename_array(json_t *header) {
    json_object_set(header, "c.weight", json_object_get(header, "b.weight"));
    json_object_del(header, "b.weight");
}

Test(foreign, names_and_shapes_belong_to_the_checksum) {
    void (*const changes[])(json_t *) = {exchange_names, turn_shape, rename_array};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        write_example();
        change_metadata(changes[i]);
        expect_refused(
            "if another program changed them, remove \"sha256\" and \"sha256_by_name\" from the file's metadata");
    }
}

static void remove_younger_checksum(json_t *header) {
    json_object_del(json_object_get(header, "__metadata__"), "sha256_by_name");
}

Test(foreign, older_files_have_a_checksum_of_their_data) {
    write_example();
    change_metadata(remove_younger_checksum);
    expect_verified_example();
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    bytes[size - 1] ^= 1;
    scratch_write(path, bytes, size);
    expect_refused("its arrays are damaged");
    bytes[size - 1] ^= 1;
    scratch_write(path, bytes, size);
    free(bytes);
    save_again(NULL);
    expect_refused("if another program changed them or their order, remove");
    change_metadata(remove_checksum);
    checkpoint *file = read_file();
    cr_expect_eq(checkpoint_checked(file), CHECKPOINT_WITHOUT_CHECKSUM);
    checkpoint_destroy(&file);
}

Test(foreign, files_without_a_checksum_have_a_note) {
    void (*const changes[])(json_t *) = {remove_checksum, remove_metadata};
    for (size_t i = 0; i < 2; i++) {
        write_example();
        change_metadata(changes[i]);
        checkpoint *file = read_file();
        expect_array(file, "b.weight", CHECKPOINT_F32, 6, first, sizeof first);
        cr_expect_eq(checkpoint_checked(file), CHECKPOINT_WITHOUT_CHECKSUM);
        checkpoint_destroy(&file);
    }
}

Test(foreign, wider_arrays_have_the_same_checksum) {
    write_example();
    save_again(&as_f64);
    expect_verified_example();
    checkpoint *file = read_file();
    const double *wide = checkpoint_get(file, "b.weight", CHECKPOINT_F64, 6);
    cr_assert_not_null(wide);
    cr_expect_eq(wide[5], (double)1e-42F);
    cr_expect_str_eq(checkpoint_dtype(file, "b.weight"), "F64");
    cr_expect_null(checkpoint_dtype(file, "c.weight"));
    checkpoint_destroy(&file);
}

Test(foreign, arrays_of_16_bits_are_widened) {
    write_example();
    save_again(&as_bf16);
    checkpoint *file = read_file();
    const float *brain = checkpoint_get(file, "b.weight", CHECKPOINT_F32, 6);
    cr_assert_not_null(brain);
    cr_expect(brain[0] == 1 && brain[1] == -2 && brain[2] == 3.5F && isnan(brain[3]) && signbit(brain[4]));
    cr_expect_str_eq(checkpoint_dtype(file, "b.weight"), "BF16");
    cr_expect_str_eq(checkpoint_dtype(file, "means"), "F64");
    cr_expect_eq(checkpoint_checked(file), CHECKPOINT_CONVERTED);
    checkpoint_destroy(&file);
}

/* Every 16-bit float, by the definition of the format. */
Test(foreign, every_half_number) {
    enum { HALVES = 1 << 16 };
    uint16_t *halves = malloc(HALVES * sizeof *halves);
    for (size_t i = 0; i < HALVES; i++) halves[i] = (uint16_t)i;
    json_t *header =
        json_pack("{s:{s:s, s:[i], s:[i, i]}}", "h", "dtype", "F16", "shape", HALVES, "data_offsets", 0, 2 * HALVES);
    write_parts(header, (const unsigned char *)halves, HALVES * sizeof *halves);
    checkpoint *file = read_file();
    const float *numbers = checkpoint_get(file, "h", CHECKPOINT_F32, HALVES);
    cr_assert_not_null(numbers);
    for (unsigned i = 0; i < HALVES; i++) {
        const unsigned exponent = i >> 10 & 31, fraction = i & 1023;
        const double size =
            exponent == 0 ? fraction * pow(2, -24) : (1 + fraction / 1024.0) * pow(2, (int)exponent - 15);
        const float number = numbers[i];
        cr_assert_eq(signbit(number) != 0, i >> 15 != 0 && !(exponent == 31 && fraction), "%x", i);
        if (exponent == 31) cr_assert(fraction ? isnan(number) : isinf(number), "%x", i);
        else cr_assert_eq((double)fabsf(number), size, "%x: %g", i, (double)number);
    }
    checkpoint_destroy(&file);
    json_decref(header);
    free(halves);
}

Test(foreign, parameters_are_converted_to_real) {
    const parameter_table table = {
        .count = 2, .total = 8, .entries = {{.name = "w", .rows = 3, .columns = 2}, {"v", 2, 1, 6}}};
    real params[8] = {0};
    double wide[] = {0.1, 2, 3, 4, 5, -6};
    const float narrow[] = {0.1F, 7};
    error_info err;
    checkpoint *file;
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "w", CHECKPOINT_F64, 2, (size_t[]){3, 2}, wide), STATUS_OK);
    cr_assert_eq(checkpoint_put(file, "v", CHECKPOINT_F32, 1, (size_t[]){2}, narrow), STATUS_OK);
    cr_assert_eq(checkpoint_get_parameters(file, &table, params, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(params[0], (real)0.1);
    cr_expect_eq(params[5], (real)-6);
    cr_expect_eq(params[6], (real)0.1F);
    wide[4] = 1e300;
    cr_assert_eq(checkpoint_put(file, "w", CHECKPOINT_F64, 2, (size_t[]){3, 2}, wide), STATUS_OK);
    params[0] = 9;
    const status outcome = checkpoint_get_parameters(file, &table, params, &err);
    if (sizeof(real) == sizeof(double)) {
        cr_expect_eq(outcome, STATUS_OK);
    } else {
        cr_expect_eq(outcome, STATUS_FORMAT);
        cr_expect_str_eq(err.text, "array \"w\": expected numbers in the range of F32, found larger ones");
        cr_expect_eq(params[0], 9, "nothing is written by a failure");
    }
    checkpoint_destroy(&file);
}

#ifndef AFFJORD_DOUBLE /* trainings are too slow there */

/* The log-densities of some points under the file, as text; notes and errors go to `output` alone. */
#define EVALUATE "$AFFJORD eval $TEST_DIR/model.safetensors --input $TEST_DIR/x.npy --output "

static void train_and_export(void) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(0, "$AFFJORD export 2 --db $TEST_DIR/r.db --force --output $TEST_DIR/model.safetensors");
    EXPECT(0, "$AFFJORD sample 2 --db $TEST_DIR/r.db --n 40 --output $TEST_DIR/x.npy");
    EXPECT(0, EVALUATE "$TEST_DIR/p.npy");
    cr_assert_null(strstr(output, "Note"), "%s", output);
}

Test(foreign, a_model_saved_again_has_the_same_densities) {
    train_and_export();
    save_again(NULL);
    EXPECT(0, EVALUATE "$TEST_DIR/q.npy && cmp $TEST_DIR/p.npy $TEST_DIR/q.npy");
    cr_assert_null(strstr(output, "Note"), "%s", output);
    save_again(&as_f64);
    EXPECT(0, EVALUATE "$TEST_DIR/r.npy && cmp $TEST_DIR/p.npy $TEST_DIR/r.npy");
    EXPECT_SAYS("Note: ");
    EXPECT_SAYS("model.safetensors: converted arrays to F32: 10 of F64");
    change_metadata(remove_checksum);
    EXPECT(0, EVALUATE "$TEST_DIR/s.npy && cmp $TEST_DIR/p.npy $TEST_DIR/s.npy");
    EXPECT_SAYS("model.safetensors has no checksum (metadata entry sha256_by_name), so damage would not be noticed");
    EXPECT(0, "$AFFJORD sample $TEST_DIR/model.safetensors --n 3 --output $TEST_DIR/y.npy");
    EXPECT_SAYS("has no checksum");
    EXPECT(0, "$AFFJORD export $TEST_DIR/model.safetensors --output $TEST_DIR/again.safetensors");
    EXPECT_SAYS("converted arrays to F32");
    EXPECT(0, "mv $TEST_DIR/again.safetensors $TEST_DIR/model.safetensors; " EVALUATE
              "$TEST_DIR/t.npy && cmp $TEST_DIR/p.npy $TEST_DIR/t.npy");
    cr_assert_null(strstr(output, "Note"), "exported again, it is as before: %s", output);
}

Test(foreign, a_model_of_16_bits_is_evaluated) {
    train_and_export();
    save_again(&as_bf16);
    EXPECT(0, EVALUATE "$TEST_DIR/q.npy");
    EXPECT_SAYS("was rounded to 16 bits by another program");
    EXPECT_SAYS("converted arrays to F32: 10 of BF16");
}

static void keep_no_setting(json_t *header) {
    json_object_set_new(header, "__metadata__", json_pack("{s:s}", "dimension", "2"));
}

Test(foreign, a_model_without_its_settings_is_rejected_with_advice) {
    void (*const changes[])(json_t *) = {remove_metadata, keep_no_setting};
    for (size_t i = 0; i < 2; i++) {
        train_and_export();
        change_metadata(changes[i]);
        EXPECT(1, EVALUATE "$TEST_DIR/q.npy");
        EXPECT_SAYS("model.safetensors: expected the settings of the model in the file's metadata");
        EXPECT_SAYS(i == 0 ? "found no dimension" : "found no setting");
        EXPECT_SAYS("save_file(arrays, path, metadata=safe_open(original, \"numpy\").metadata())");
        EXPECT(0, "rm $TEST_DIR/r.db");
    }
}

#endif
