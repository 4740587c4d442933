/* gzip_reader.c - sequential reading of plain or gzip-compressed files. */
#include "data/gzip_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sha256.h>
#include <zlib.h>

/* Deflate's longest match, 258 bytes, needs at least two bits. */
enum { GZIP_RATIO_MAX = 1032, BUFFER_SIZE = 1 << 17 };

struct gzip_reader {
    char *path;
    gzFile stream;
    uint64_t size; /* of the file as stored */
    uint64_t offset; /* unpacked bytes read */
    bool is_gzip;
    SHA256_CTX hash;
};

static char *join_path(const char *folder, const char *name, const char *ending) {
    size_t size = strlen(folder) + strlen(name) + strlen(ending) + 2;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%s/%s%s", folder, name, ending);
    return path;
}

/* Return the path of the existing file, the plain one first; NULL if out of memory. */
static char *find_path(const char *folder, const char *name, bool *exists) {
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        char *path = join_path(folder, name, endings[i]);
        *exists = path != NULL && access(path, F_OK) == 0;
        if (path == NULL || *exists) return path;
        free(path);
    }
    return join_path(folder, name, "");
}

bool gzip_reader_exists(const char *folder, const char *name) {
    bool exists;
    free(find_path(folder, name, &exists));
    return exists;
}

/* Describe a read that failed or ended too early, with zlib's message. */
static status fail_stream(const gzip_reader *file, const char *what, error_info *err) {
    int code;
    const char *text = gzerror(file->stream, &code);
    unsigned long long offset = file->offset;
    if (code == Z_ERRNO) {
        return error_set(err, STATUS_IO, "cannot read \"%s\" at offset %llu: %s", file->path, offset, strerror(errno));
    }
    if (code == Z_MEM_ERROR) return error_set(err, STATUS_MEMORY, "no memory to unpack \"%s\"", file->path);
    if (code == Z_BUF_ERROR) {
        return error_set(err, STATUS_FORMAT, "\"%s\": offset %llu: expected %s, but the gzip file is cut off here",
                         file->path, offset, what);
    }
    return error_set(err, STATUS_FORMAT, "\"%s\": offset %llu: expected %s, but the gzip file is damaged here (%s)",
                     file->path, offset, what, text);
}

/* Read `size` bytes; *got is smaller only at the end of the file. */
static status read_some(gzip_reader *file, unsigned char *bytes, size_t size, const char *what, size_t *got,
                        error_info *err) {
    enum { PART_MAX = 1 << 30 };
    *got = 0;
    while (*got < size) {
        size_t left = size - *got;
        int part = gzread(file->stream, bytes + *got, left < PART_MAX ? (unsigned)left : PART_MAX);
        int code = Z_OK;
        if (part <= 0) (void)gzerror(file->stream, &code);
        if (part < 0 || code != Z_OK) return fail_stream(file, what, err);
        if (part == 0) break;
        SHA256_Update(&file->hash, bytes + *got, (size_t)part);
        *got += (size_t)part;
        file->offset += (uint64_t)part;
    }
    return STATUS_OK;
}

/* Take ownership of the descriptor; it is closed on failure. */
static status start_stream(gzip_reader *file, int descriptor, error_info *err) {
    struct stat information;
    if (fstat(descriptor, &information) != 0 || !S_ISREG(information.st_mode)) {
        close(descriptor);
        return error_set(err, STATUS_IO, "cannot read \"%s\": it is not a regular file", file->path);
    }
    file->size = (uint64_t)information.st_size;
    file->stream = gzdopen(descriptor, "rb");
    if (file->stream == NULL) {
        close(descriptor);
        return error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", file->path);
    }
    (void)gzbuffer(file->stream, BUFFER_SIZE);
    SHA256_Init(&file->hash);
    file->is_gzip = gzdirect(file->stream) == 0;
    int code;
    (void)gzerror(file->stream, &code);
    return code == Z_OK || code == Z_BUF_ERROR ? STATUS_OK : fail_stream(file, "a file to read", err);
}

static status open_found(gzip_reader *file, const char *folder, const char *name, error_info *err) {
    bool exists;
    file->path = find_path(folder, name, &exists);
    if (file->path == NULL) return error_set(err, STATUS_MEMORY, "no memory to read \"%s/%s\"", folder, name);
    if (!exists) return error_set(err, STATUS_IO, "\"%s\": not found, and no \"%s.gz\"", file->path, file->path);
    /* Without O_NONBLOCK, opening a named pipe would block until a writer opens it. */
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_set(err, STATUS_IO, "cannot read \"%s\": %s", file->path, strerror(errno));
    return start_stream(file, descriptor, err);
}

status gzip_reader_open(const char *folder, const char *name, gzip_reader **out, error_info *err) {
    gzip_reader *file = calloc(1, sizeof *file);
    if (file == NULL) return error_set(err, STATUS_MEMORY, "no memory to read \"%s/%s\"", folder, name);
    status outcome = open_found(file, folder, name, err);
    if (outcome != STATUS_OK) {
        gzip_reader_close(&file);
        return outcome;
    }
    *out = file;
    return STATUS_OK;
}

void gzip_reader_close(gzip_reader **file) {
    if (*file == NULL) return;
    if ((*file)->stream != NULL) (void)gzclose_r((*file)->stream);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

const char *gzip_reader_path(const gzip_reader *file) {
    return file->path;
}

status gzip_reader_expect(const gzip_reader *file, uint64_t offset, uint64_t total, const char *reason,
                          error_info *err) {
    const unsigned long long at = offset, wanted = total, size = file->size;
    if (file->is_gzip && total / GZIP_RATIO_MAX > file->size) {
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": offset %llu: expected %llu bytes in all (%s), more than gzip can have packed into the "
            "file's %llu",
            file->path, at, wanted, reason, size);
    }
    if (!file->is_gzip && total > file->size) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset %llu: expected %llu bytes in all (%s), but the file ends here", file->path,
                         size, wanted, reason);
    }
    if (!file->is_gzip && total < file->size) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset %llu: expected the end of the file (%s), found %llu more bytes", file->path,
                         wanted, reason, size - wanted);
    }
    return STATUS_OK;
}

status gzip_reader_read_next(gzip_reader *file, void *bytes, size_t size, const char *what, bool *got,
                             error_info *err) {
    size_t read;
    TRY(read_some(file, bytes, size, what, &read, err));
    if (read > 0 && read < size) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset %llu: expected %s, but the file ends after %zu of its %zu bytes", file->path,
                         (unsigned long long)(file->offset - read), what, read, size);
    }
    *got = read == size;
    return STATUS_OK;
}

status gzip_reader_read(gzip_reader *file, void *bytes, size_t size, const char *what, error_info *err) {
    bool got;
    TRY(gzip_reader_read_next(file, bytes, size, what, &got, err));
    if (got) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "\"%s\": offset %llu: expected %s, but the file ends here", file->path,
                     (unsigned long long)file->offset, what);
}

status gzip_reader_end(gzip_reader *file, char sha256[65], error_info *err) {
    unsigned char byte;
    size_t got;
    SHA256_CTX hash = file->hash;
    TRY(read_some(file, &byte, 1, "the end of the file", &got, err));
    if (got > 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": offset %llu: expected the end of the file, found more bytes",
                         file->path, (unsigned long long)(file->offset - 1));
    }
    SHA256_End(&hash, sha256);
    return STATUS_OK;
}
