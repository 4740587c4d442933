/* zip_reader.c - the files in a zip archive, by libzip. */
#include "data/zip_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zip.h>

enum { DEFLATE_RATIO_MAX = 1032 }; /* unpacked bytes for a packed one */

struct zip_reader {
    char *path;
    zip_t *archive;
    uint64_t size; /* of the file */
};

/* The directory of an archive is at its end, so a truncated archive has none. */
static status fail_archive(const zip_reader *self, const char *reason, error_info *err) {
    return error_set(err, STATUS_FORMAT,
                     "\"%s\": offset %llu, its end: expected the directory of a zip archive, but: %s", self->path,
                     (unsigned long long)self->size, reason);
}

static status open_archive(zip_reader *self, error_info *err) {
    struct stat information;
    int code = 0;
    if (stat(self->path, &information) == 0) self->size = (uint64_t)information.st_size;
    self->archive = zip_open(self->path, ZIP_RDONLY, &code);
    if (self->archive != NULL) return STATUS_OK;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const status outcome =
        code == ZIP_ER_MEMORY ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", self->path)
        : code == ZIP_ER_OPEN || code == ZIP_ER_NOENT || code == ZIP_ER_READ
            ? error_set(err, STATUS_IO, "cannot read \"%s\": %s", self->path, zip_error_strerror(&error))
            : fail_archive(self, zip_error_strerror(&error), err);
    zip_error_fini(&error);
    return outcome;
}

status zip_reader_open(const char *path, zip_reader **out, error_info *err) {
    zip_reader *self = calloc(1, sizeof *self);
    if (self != NULL) self->path = strdup(path);
    const status outcome = self == NULL || self->path == NULL
                               ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path)
                               : open_archive(self, err);
    if (outcome == STATUS_OK) *out = self;
    else zip_reader_close(&self);
    return outcome;
}

void zip_reader_close(zip_reader **archive) {
    if (*archive == NULL) return;
    if ((*archive)->archive != NULL) zip_discard((*archive)->archive);
    free((*archive)->path);
    free(*archive);
    *archive = NULL;
}

size_t zip_reader_count(const zip_reader *archive) {
    return (size_t)zip_get_num_entries(archive->archive, 0);
}

/* out <- the directory's entry. Errors: STATUS_FORMAT if it lacks a field. */
static status find(zip_reader *self, size_t index, zip_stat_t *out, error_info *err) {
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC;
    zip_stat_init(out);
    if (zip_stat_index(self->archive, index, 0, out) == 0 && (out->valid & wanted) == wanted) return STATUS_OK;
    return fail_archive(self, zip_strerror(self->archive), err);
}

status zip_reader_member(zip_reader *archive, size_t index, zip_member *out, error_info *err) {
    zip_stat_t stated;
    TRY(find(archive, index, &stated, err));
    *out = (zip_member){.name = stated.name, .size = stated.size, .crc = stated.crc};
    return STATUS_OK;
}

/* Describe an error at `offset` of the unpacked bytes. */
static status fail_member(const zip_reader *self, const zip_stat_t *member, uint64_t offset, const char *reason,
                          error_info *err) {
    return error_set(err, STATUS_FORMAT, "\"%s\": \"%s\": offset %llu: expected %llu bytes in all, but: %s", self->path,
                     member->name, (unsigned long long)offset, (unsigned long long)member->size, reason);
}

static status read_bytes(const zip_reader *self, const zip_stat_t *member, zip_file_t *file, unsigned char *bytes,
                         error_info *err) {
    uint64_t offset = 0;
    /* Try to read one byte more than expected: libzip checks the CRC at the end. */
    for (zip_int64_t part; (part = zip_fread(file, bytes + offset, member->size + 1 - offset)) != 0;) {
        if (part < 0) return fail_member(self, member, offset, zip_file_strerror(file), err);
        offset += (uint64_t)part;
        if (offset > member->size) return fail_member(self, member, member->size, "there are more", err);
    }
    if (offset < member->size) return fail_member(self, member, offset, "it ends here", err);
    bytes[offset] = 0;
    return STATUS_OK;
}

status zip_reader_read(zip_reader *archive, size_t index, unsigned char **bytes, size_t *size, error_info *err) {
    zip_stat_t member;
    TRY(find(archive, index, &member, err));
    if (member.comp_size > archive->size || member.size / DEFLATE_RATIO_MAX > member.comp_size)
        return fail_member(archive, &member, 0, "the archive is too short for them", err);
    zip_file_t *file = zip_fopen_index(archive->archive, index, 0);
    if (file == NULL) return fail_member(archive, &member, 0, zip_strerror(archive->archive), err);
    unsigned char *content = malloc(member.size + 1);
    status outcome = content == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\" of \"%s\"", member.name,
                                                 archive->path)
                                     : read_bytes(archive, &member, file, content, err);
    (void)zip_fclose(file);
    if (outcome != STATUS_OK) {
        free(content);
        return outcome;
    }
    *bytes = content;
    *size = (size_t)member.size;
    return STATUS_OK;
}

size_t zip_reader_head(zip_reader *archive, size_t index, unsigned char *bytes, size_t most) {
    zip_file_t *file = zip_fopen_index(archive->archive, index, 0);
    const zip_int64_t got = file != NULL ? zip_fread(file, bytes, most) : 0;
    if (file != NULL) (void)zip_fclose(file);
    return got > 0 ? (size_t)got : 0;
}
