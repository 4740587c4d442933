/* cifar_pickle.c - read a batch of CIFAR-10's Python version without Python.
 *
 * A pickle is a program for a stack machine. The published batches, and NumPy's pickles of the same dictionary, use few
 * of its instructions. This reader treats them as a sequence of strings and integers; it builds and calls nothing. The
 * string "labels" is followed by a list of integers, the string "data" by the description of a byte array (count, 3072)
 * and its bytes. */
#include "data/cifar_pickle.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { PIXELS = 3072, RECORD = 1 + PIXELS, LABELS = 10 };

typedef enum token_kind { TOKEN_STRING, TOKEN_INTEGER, TOKEN_PAIR, TOKEN_FALSE, TOKEN_END, TOKEN_OTHER } token_kind;

typedef struct token {
    token_kind kind;
    size_t offset; /* of the instruction in the file */
    const unsigned char *bytes; /* of a string */
    size_t size;
    int64_t number; /* of an integer */
} token;

typedef struct pickle {
    const char *path;
    const unsigned char *bytes;
    size_t size, at;
    error_info *err;
} pickle;

#define MALFORMED(file, offset, format, ...)                                                                           \
    error_set((file)->err, STATUS_FORMAT, "\"%s\": offset %zu: " format, (file)->path, (size_t)(offset), __VA_ARGS__)

/* The operand of an instruction: a number; for strings, the number of bytes that follow it. */
typedef struct instruction {
    unsigned char code, operand; /* operand: bytes of the number */
    token_kind kind;
} instruction;

static const instruction instructions[] = {
    {0x80, 1, TOKEN_OTHER}, /* version of the format */
    {0x95, 8, TOKEN_OTHER}, /* a frame and its size */
    {'q', 1, TOKEN_OTHER},   {'r', 4, TOKEN_OTHER},   {0x94, 0, TOKEN_OTHER}, /* memoize */
    {'h', 1, TOKEN_OTHER},   {'j', 4, TOKEN_OTHER}, /* a memoized object */
    {'}', 0, TOKEN_OTHER},   {']', 0, TOKEN_OTHER},   {')', 0, TOKEN_OTHER},  {'(', 0, TOKEN_OTHER},
    {'t', 0, TOKEN_OTHER},   {0x85, 0, TOKEN_OTHER},  {0x87, 0, TOKEN_OTHER}, /* tuples */
    {0x86, 0, TOKEN_PAIR},   {'u', 0, TOKEN_OTHER},   {'s', 0, TOKEN_OTHER},  {'a', 0, TOKEN_OTHER},
    {'e', 0, TOKEN_OTHER}, /* insert into a dictionary or list */
    {'R', 0, TOKEN_OTHER},   {'b', 0, TOKEN_OTHER},   {0x93, 0, TOKEN_OTHER}, /* calls, which are skipped */
    {'N', 0, TOKEN_OTHER},   {0x88, 0, TOKEN_OTHER},  {0x89, 0, TOKEN_FALSE}, {'K', 1, TOKEN_INTEGER},
    {'M', 2, TOKEN_INTEGER}, {'J', 4, TOKEN_INTEGER}, {'U', 1, TOKEN_STRING}, {'T', 4, TOKEN_STRING},
    {'X', 4, TOKEN_STRING},  {0x8c, 1, TOKEN_STRING}, {'C', 1, TOKEN_STRING}, {'B', 4, TOKEN_STRING},
    {0x8e, 8, TOKEN_STRING}, {'.', 0, TOKEN_END},
};

static const instruction *find_instruction(unsigned char code) {
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if (instructions[i].code == code) return &instructions[i];
    return NULL;
}

/* Skip the name of a function, two lines. */
static status skip_lines(pickle *file, token *out) {
    out->kind = TOKEN_OTHER;
    for (int i = 0; i < 2; i++) {
        const unsigned char *end = memchr(file->bytes + file->at, '\n', file->size - file->at);
        if (end == NULL) return MALFORMED(file, file->at, "expected the end of a %s", "line");
        file->at = (size_t)(end - file->bytes) + 1;
    }
    return STATUS_OK;
}

static status read_token(pickle *file, token *out) {
    *out = (token){.offset = file->at};
    if (file->at == file->size) return MALFORMED(file, file->at, "expected the end of a %s", "pickle");
    const unsigned char code = file->bytes[file->at++];
    if (code == 'c') return skip_lines(file, out);
    const instruction *one = find_instruction(code);
    if (one == NULL)
        return MALFORMED(
            file, out->offset,
            "expected a pickle as CIFAR-10's Python version has it, found the instruction %02x; the binary "
            "version, data_batch_1.bin and so on, is read in its place",
            code);
    if (one->operand > file->size - file->at)
        return MALFORMED(file, out->offset, "expected %u bytes more, but the file ends here", one->operand);
    uint64_t number = 0;
    for (unsigned i = 0; i < one->operand; i++) number |= (uint64_t)file->bytes[file->at + i] << 8 * i;
    file->at += one->operand;
    out->kind = one->kind;
    out->number = one->operand == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
    if (one->kind != TOKEN_STRING) return STATUS_OK;
    if (number > file->size - file->at)
        return MALFORMED(file, out->offset, "expected a string of %llu bytes, but the file ends after %zu of them",
                         (unsigned long long)number, file->size - file->at);
    out->bytes = file->bytes + file->at;
    out->size = (size_t)number;
    file->at += (size_t)number;
    return STATUS_OK;
}

static bool is_string(const token *one, const char *text) {
    return one->kind == TOKEN_STRING && one->size == strlen(text) && memcmp(one->bytes, text, one->size) == 0;
}

/* The content of a batch. */
typedef struct batch {
    unsigned char *labels; /* (most) */
    size_t most, label_count;
    const unsigned char *pixels; /* in the file's bytes; NULL until found */
    size_t count;
} batch;

/* Read the integers of a list, up to the next string or any token that is not part of a list. */
static status read_labels(pickle *file, batch *out) {
    token one;
    for (;;) {
        const size_t before = file->at;
        TRY(read_token(file, &one));
        if (one.kind == TOKEN_OTHER) continue;
        if (one.kind != TOKEN_INTEGER) {
            file->at = before;
            return STATUS_OK;
        }
        if (one.number < 0 || one.number >= LABELS)
            return MALFORMED(file, one.offset, "expected a label from 0 to 9, found %lld", (long long)one.number);
        if (out->label_count == out->most)
            return MALFORMED(file, one.offset, "expected at most %zu labels, found more", out->most);
        out->labels[out->label_count++] = (unsigned char)one.number;
    }
}

/* Read an array: its shape is the only pair of integers, its type is the string "u1", and a flag before its bytes gives
 * C order. */
static status read_pixels(pickle *file, batch *out) {
    token one;
    int64_t last[2] = {0, 0}, shape[2] = {0, 0};
    bool bytes = false, rows = false;
    do {
        TRY(read_token(file, &one));
        if (one.kind == TOKEN_INTEGER) {
            last[0] = last[1];
            last[1] = one.number;
        }
        if (one.kind == TOKEN_PAIR) memcpy(shape, last, sizeof shape);
        bytes |= is_string(&one, "u1");
        if (one.kind == TOKEN_FALSE) rows = bytes;
    } while (one.kind != TOKEN_END && (one.kind != TOKEN_STRING || one.size < PIXELS));
    if (one.kind == TOKEN_END || !rows || shape[1] != PIXELS || shape[0] < 1 || (size_t)shape[0] > out->most ||
        one.size != (size_t)shape[0] * PIXELS)
        return MALFORMED(file, one.offset,
                         "expected an array of 1 to %zu x 3072 bytes, row by row, found %zu bytes described as %lld x "
                         "%lld%s",
                         out->most, one.size, (long long)shape[0], (long long)shape[1],
                         rows ? "" : ", of another type or order");
    out->pixels = one.bytes;
    out->count = (size_t)shape[0];
    return STATUS_OK;
}

static status read_batch(pickle *file, batch *out) {
    token one;
    do {
        TRY(read_token(file, &one));
        if (is_string(&one, "labels") && out->label_count == 0) TRY(read_labels(file, out));
        if (is_string(&one, "data") && out->pixels == NULL) TRY(read_pixels(file, out));
    } while (one.kind != TOKEN_END);
    if (file->at != file->size)
        return MALFORMED(file, file->at, "expected the end of the file, found %s", "more bytes");
    if (out->pixels == NULL) return MALFORMED(file, file->at, "expected an array \"%s\" before the end", "data");
    if (out->label_count != out->count)
        return MALFORMED(file, file->at, "expected a label for each of the %zu images, found %zu", out->count,
                         out->label_count);
    return STATUS_OK;
}

status cifar_pickle_read(const char *path, size_t most, unsigned char **records, size_t *count, error_info *err) {
    unsigned char *bytes;
    pickle file = {.path = path, .err = err};
    batch found = {.most = most};
    TRY(file_read(path, &bytes, &file.size, err));
    file.bytes = bytes;
    found.labels = malloc(most);
    status outcome = found.labels == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path)
                                          : read_batch(&file, &found);
    unsigned char *made = outcome == STATUS_OK ? malloc(found.count * RECORD) : NULL;
    if (outcome == STATUS_OK && made == NULL) outcome = error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path);
    for (size_t i = 0; made != NULL && i < found.count; i++) {
        made[i * RECORD] = found.labels[i];
        memcpy(made + i * RECORD + 1, found.pixels + i * PIXELS, PIXELS);
    }
    free(found.labels);
    free(bytes);
    if (outcome != STATUS_OK) return outcome;
    *records = made;
    *count = found.count;
    return STATUS_OK;
}
