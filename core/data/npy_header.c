/* npy_header.c - the beginning of NumPy's array files.
 *
 * The file has 6 bytes of magic, 2 of version, the length of the header (little endian, 2 bytes in version 1, 4 in
 * version 2), the header and the numbers. The header is a Python dictionary with exactly the keys 'descr',
 * 'fortran_order' and 'shape', padded with blanks so that the numbers start at a multiple of 64. */
#include "data/npy_header.h"

#include <string.h>

static const char magic[] = "\x93NUMPY";

enum { MAGIC_SIZE = 6, TEXT_MAX = NPY_DESCR_MAX };

/* The rest of the text, and the values found so far. */
typedef struct reading {
    const char *at, *end;
    npy_header found;
} reading;

static void skip_space(reading *self) {
    while (self->at < self->end && (*self->at == ' ' || *self->at == '\n')) self->at++;
}

static bool take(reading *self, char wanted) {
    skip_space(self);
    if (self->at == self->end || *self->at != wanted) return false;
    self->at++;
    return true;
}

/* Read a quoted string without escapes, truncated to the longest known value. */
static bool read_string(reading *self, char text[TEXT_MAX]) {
    char quote = '\'';
    if (!take(self, quote)) {
        quote = '"';
        if (!take(self, quote)) return false;
    }
    size_t length = 0;
    while (self->at < self->end && *self->at != quote) {
        if (length + 1 < TEXT_MAX) text[length++] = *self->at;
        self->at++;
    }
    text[length] = 0;
    return take(self, quote);
}

static bool take_word(reading *self, const char *word) {
    size_t length = strlen(word);
    skip_space(self);
    if ((size_t)(self->end - self->at) < length || memcmp(self->at, word, length) != 0) return false;
    self->at += length;
    return true;
}

static bool take_bool(reading *self, bool *value) {
    *value = take_word(self, "True");
    return *value || take_word(self, "False");
}

static bool take_count(reading *self, uint64_t *value) {
    skip_space(self);
    bool any = false;
    *value = 0;
    for (; self->at < self->end && *self->at >= '0' && *self->at <= '9'; self->at++) {
        unsigned digit = (unsigned)(*self->at - '0');
        if (*value > (UINT64_MAX - digit) / 10) return false;
        *value = 10 * *value + digit;
        any = true;
    }
    return any;
}

static bool take_shape(reading *self) {
    self->found.rank = 0;
    if (!take(self, '(')) return false;
    while (!take(self, ')')) {
        if (self->found.rank == NPY_DIMENSIONS_MAX || !take_count(self, &self->found.shape[self->found.rank]))
            return false;
        self->found.rank++;
        if (!take(self, ',')) return take(self, ')');
    }
    return true;
}

static bool take_header(reading *self) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false, false, false};
    if (!take(self, '{')) return false;
    while (!take(self, '}')) {
        char key[TEXT_MAX];
        if (!read_string(self, key) || !take(self, ':')) return false;
        size_t which = 0;
        while (which < 3 && strcmp(key, keys[which]) != 0) which++;
        if (which == 3 || seen[which]) return false;
        seen[which] = true;
        if (which == 0 && !read_string(self, self->found.descr)) return false;
        if (which == 1 && !take_bool(self, &self->found.fortran_order)) return false;
        if (which == 2 && !take_shape(self)) return false;
        if (!take(self, ',')) {
            if (!take(self, '}')) return false;
            break;
        }
    }
    skip_space(self);
    return self->at == self->end && seen[0] && seen[1] && seen[2];
}

static uint64_t little_endian(const unsigned char *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = count; i > 0; i--) value = value << 8 | bytes[i - 1];
    return value;
}

/* Find the text and the numbers behind it. */
static status locate(const char *path, const unsigned char *bytes, size_t size, reading *out, error_info *err) {
    if (size < MAGIC_SIZE + 2 || memcmp(bytes, magic, MAGIC_SIZE) != 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": not a .npy file: expected it to begin with NumPy's magic bytes",
                         path);
    }
    unsigned major = bytes[MAGIC_SIZE];
    if (major != 1 && major != 2) {
        return error_set(err, STATUS_FORMAT, "\"%s\": expected version 1 or 2 of the .npy format, found %u", path,
                         major);
    }
    size_t length_size = major == 1 ? 2 : 4;
    size_t text = MAGIC_SIZE + 2 + length_size;
    uint64_t length = size < text ? UINT64_MAX : little_endian(bytes + MAGIC_SIZE + 2, length_size);
    if (size < text || length > size - text) {
        return error_set(err, STATUS_FORMAT, "\"%s\": its header is longer than the file of %zu bytes", path, size);
    }
    *out = (reading){.at = (const char *)bytes + text, .end = (const char *)bytes + text + length};
    out->found.start = text + (size_t)length;
    return STATUS_OK;
}

static bool read_kind(const char *descr, npy_kind *out) {
    if (strlen(descr) != 3 || !strchr("<>|=", descr[0]) || descr[2] < '1' || descr[2] > '8') return false;
    *out = (npy_kind){.letter = descr[1], .swapped = descr[0] == '>', .bytes = (size_t)(descr[2] - '0')};
    const bool power = (out->bytes & (out->bytes - 1)) == 0;
    switch (out->letter) {
    case 'f': return power && out->bytes >= 2;
    case 'i':
    case 'u': return power;
    case 'b': return out->bytes == 1;
    default: return false;
    }
}

status npy_header_read(const char *path, const unsigned char *bytes, size_t size, npy_header *out, error_info *err) {
    reading self;
    TRY(locate(path, bytes, size, &self, err));
    if (!take_header(&self))
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": expected a header of just 'descr', 'fortran_order' and 'shape' as NumPy writes it",
                         path);
    if (!read_kind(self.found.descr, &self.found.kind))
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": expected floating-point numbers or integers of up to 8 bytes, found '%s'", path,
                         self.found.descr);
    *out = self.found;
    return STATUS_OK;
}
