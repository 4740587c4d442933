/* array_file.c - the bytes of a table or array. */
#include "data/array_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>
#include <zlib.h>

#include "base/file.h"
#include "data/npy_header.h"
#include "data/npz.h"

bool array_file_ends(const char *path, size_t length, const char *ending) {
    const size_t tail = strlen(ending);
    return length > tail && memcmp(path + length - tail, ending, tail) == 0;
}

void array_file_hash(const void *bytes, size_t size, char sha256[65]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, size);
    SHA256_End(&context, sha256);
}

/* *out <- the decompressed bytes and a 0 after them; the caller frees it. */
static status unpack(const char *path, const unsigned char *bytes, size_t size, unsigned char **out, size_t *out_size,
                     error_info *err) {
    enum { GZIP = 16 + MAX_WBITS };
    unsigned char *unpacked = NULL;
    size_t capacity = 0;
    if (size > UINT_MAX)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected less than 4 GB, found %zu bytes", path, size);
    z_stream stream = {.next_in = (unsigned char *)bytes, .avail_in = (unsigned)size}; /* zlib only reads it */
    int state = inflateInit2(&stream, GZIP) == Z_OK ? Z_OK : Z_MEM_ERROR;
    while (state == Z_OK) {
        const size_t more = capacity ? capacity : 65536;
        unsigned char *grown = more < UINT_MAX ? realloc(unpacked, capacity + more + 1) : NULL;
        if (grown == NULL) {
            state = Z_MEM_ERROR;
            break;
        }
        unpacked = grown;
        stream.next_out = unpacked + capacity;
        stream.avail_out = (unsigned)more;
        state = inflate(&stream, Z_NO_FLUSH);
        capacity += more;
        if (state == Z_OK && stream.avail_out > 0) state = Z_DATA_ERROR; /* the file ends early */
    }
    *out_size = capacity - stream.avail_out;
    const bool whole = state == Z_STREAM_END && stream.avail_in == 0;
    (void)inflateEnd(&stream);
    if (whole) {
        unpacked[*out_size] = 0;
        *out = unpacked;
        return STATUS_OK;
    }
    free(unpacked);
    *out = NULL;
    if (state == Z_MEM_ERROR) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    return error_set(err, STATUS_FORMAT,
                     "\"%s\": expected one file compressed by gzip, found damaged data after %zu decompressed bytes",
                     path, *out_size);
}

status array_file_read(const char *path, unsigned char **bytes, size_t *size, char sha256[65], error_info *err) {
    unsigned char *packed;
    size_t packed_size;
    TRY((npz_end(path) != NULL ? npz_read : file_read)(path, bytes, size, err));
    array_file_hash(*bytes, *size, sha256);
    if (npz_end(path) != NULL || !array_file_ends(path, strlen(path), ".gz")) return STATUS_OK;
    packed = *bytes;
    packed_size = *size;
    const status outcome = unpack(path, packed, packed_size, bytes, size, err);
    free(packed);
    return outcome;
}

size_t array_file_rank(const char *path) {
    unsigned char head[NPY_HEADER_MAX];
    size_t length = strlen(path), got = 0;
    npy_header header;
    if (npz_end(path) != NULL) {
        if (npz_head(path, head, sizeof head, &got) != STATUS_OK) return 0;
    } else {
        if (array_file_ends(path, length, ".gz")) length -= strlen(".gz");
        gzFile file = array_file_ends(path, length, ".npy") ? gzopen(path, "rb") : NULL; /* also reads plain files */
        if (file == NULL) return 0;
        const int read = gzread(file, head, sizeof head);
        got = read > 0 ? (size_t)read : 0;
        (void)gzclose_r(file);
    }
    return npy_header_read(path, head, got, &header, NULL) == STATUS_OK ? header.rank : 0;
}
