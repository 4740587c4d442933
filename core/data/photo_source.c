/* photo_source.c - JPEG files in a folder or in a zip archive. */
#include "data/photo_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <zip.h>

#include "base/file.h"
#include "data/jpeg.h"

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Return whether the text is the ending, in upper or lower case. */
static bool is_ending(const char *text, const char *ending) {
    for (; *text && *ending; text++, ending++)
        if (*text != *ending && (*text < 'A' || *text > 'Z' || *text - 'A' + 'a' != *ending)) return false;
    return *text == *ending;
}

/* Return the dot of a name's ending if the ending is in the list; NULL otherwise. */
static char *ending_among(const char *name, const char *const *endings) {
    char *dot = strrchr(name, '.');
    for (; dot != NULL && dot != name && *endings != NULL; endings++)
        if (is_ending(dot, *endings)) return dot;
    return NULL;
}

static const char *const read_endings[] = {".jpg", ".jpeg", NULL};

bool photo_source_name(char *name) {
    char *dot = ending_among(name, read_endings);
    if (dot != NULL) memcpy(dot, ".jpg", sizeof ".jpg");
    return dot != NULL;
}

/* Some systems add hidden files, whose names begin with a dot, to archives. */
static bool is_hidden(const char *name) {
    return name[0] == '.';
}

static bool is_photo(const char *name) {
    return !is_hidden(name) && ending_among(name, read_endings) != NULL;
}

/* Count a photo in a format that is not read. */
static status count_other(photo_source *source, const char *name, error_info *err) {
    static const char *const endings[] = {".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".jp2", NULL};
    if (is_hidden(name) || ending_among(name, endings) == NULL) return STATUS_OK;
    if (source->others++ == 0 && (source->other = strdup(name)) == NULL)
        return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", source->path);
    return STATUS_OK;
}

static status keep_name(const photo_source *source, const char *file, photo_entry *entry, error_info *err) {
    entry->file = strdup(file);
    entry->name = strdup(file);
    if (entry->file != NULL && entry->name != NULL) {
        (void)photo_source_name(entry->name);
        return STATUS_OK;
    }
    free(entry->file);
    free(entry->name);
    return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", source->path);
}

/* Add an entry; the capacity doubles when full. */
static status add_entry(photo_source *source, const char *file, photo_entry entry, error_info *err) {
    if (entry.size > JPEG_FILE_MAX) {
        return error_set(err, STATUS_FORMAT, "\"%s\": \"%s\": expected a picture of at most %d bytes, found %llu",
                         source->path, file, JPEG_FILE_MAX, (unsigned long long)entry.size);
    }
    const size_t count = source->count;
    if ((count & (count - 1)) == 0) {
        photo_entry *entries = realloc(source->entries, (count == 0 ? 1 : 2 * count) * sizeof *entries);
        if (entries == NULL) return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", source->path);
        source->entries = entries;
    }
    TRY(keep_name(source, file, &entry, err));
    source->entries[source->count++] = entry;
    return STATUS_OK;
}

static status list_folder(photo_source *source, DIR *folder, error_info *err) {
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat information;
        if (!is_photo(entry->d_name)) {
            TRY(count_other(source, entry->d_name, err));
            continue;
        }
        if (fstatat(dirfd(folder), entry->d_name, &information, 0) != 0) {
            return error_set(err, STATUS_IO, "cannot read \"%s/%s\": %s", source->path, entry->d_name, strerror(errno));
        }
        const uint64_t mark =
            (uint64_t)information.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)information.st_mtim.tv_nsec;
        TRY(add_entry(source, entry->d_name, (photo_entry){.size = (uint64_t)information.st_size, .mark = mark}, err));
    }
    return STATUS_OK;
}

bool photo_source_exists(const char *path) {
    bool found = false;
    DIR *folder = opendir(path);
    if (folder == NULL) return false;
    for (const struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) found = is_photo(entry->d_name);
    closedir(folder);
    return found;
}

static status open_folder(photo_source *source, error_info *err) {
    DIR *folder = opendir(source->path);
    if (folder == NULL) return error_set(err, STATUS_IO, "cannot read \"%s\": %s", source->path, strerror(errno));
    const status outcome = list_folder(source, folder, err);
    closedir(folder);
    return outcome;
}

/* The directory of an archive is at its end, so a truncated archive has none. */
static status fail_archive(const photo_source *source, const char *reason, error_info *err) {
    struct stat information;
    const unsigned long long size = stat(source->path, &information) == 0 ? (unsigned long long)information.st_size : 0;
    return error_set(err, STATUS_FORMAT,
                     "\"%s\": offset %llu, its end: expected the directory of a zip archive, but: %s", source->path,
                     size, reason);
}

static status list_archive(photo_source *source, error_info *err) {
    const zip_int64_t count = zip_get_num_entries(source->archive, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t information;
        zip_stat_init(&information);
        const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_CRC;
        if (zip_stat_index(source->archive, (zip_uint64_t)i, 0, &information) != 0 ||
            (information.valid & wanted) != wanted) {
            return fail_archive(source, zip_strerror(source->archive), err);
        }
        const char *name = last_part(information.name);
        if (!is_photo(name)) {
            TRY(count_other(source, name, err));
            continue;
        }
        const photo_entry entry = {.size = information.size, .mark = information.crc, .place = (uint64_t)i};
        TRY(add_entry(source, name, entry, err));
    }
    return STATUS_OK;
}

static status open_archive(photo_source *source, error_info *err) {
    int code = 0;
    source->archive = zip_open(source->path, ZIP_RDONLY, &code);
    if (source->archive != NULL) return list_archive(source, err);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const status outcome =
        code == ZIP_ER_MEMORY ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", source->path)
        : code == ZIP_ER_OPEN || code == ZIP_ER_NOENT || code == ZIP_ER_READ
            ? error_set(err, STATUS_IO, "cannot read \"%s\": %s", source->path, zip_error_strerror(&error))
            : fail_archive(source, zip_error_strerror(&error), err);
    zip_error_fini(&error);
    return outcome;
}

static int compare_names(const void *left, const void *right) {
    const photo_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static status check_names(photo_source *source, error_info *err) {
    if (source->count == 0)
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": expected files ending in .jpg or .jpeg, found none%s%s%s (%zu pictures in formats that are "
            "not read; convert them to JPEG)",
            source->path, source->other ? ", but \"" : "", source->other ? source->other : "",
            source->other ? "\"" : "", source->others);
    qsort(source->entries, source->count, sizeof *source->entries, compare_names);
    for (size_t i = 1; i < source->count; i++) {
        if (strcmp(source->entries[i - 1].name, source->entries[i].name) == 0) {
            return error_set(err, STATUS_FORMAT, "\"%s\": expected each picture once, found \"%s\" and \"%s\"",
                             source->path, source->entries[i - 1].file, source->entries[i].file);
        }
    }
    return STATUS_OK;
}

status photo_source_open(const char *path, photo_source **out, error_info *err) {
    struct stat information;
    photo_source *source = calloc(1, sizeof *source);
    if (source == NULL) return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", path);
    source->path = strdup(path);
    status outcome;
    if (source->path == NULL) {
        outcome = error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", path);
    } else if (stat(path, &information) != 0) {
        outcome = error_set(err, STATUS_IO, "cannot read \"%s\": %s", path, strerror(errno));
    } else {
        outcome = S_ISDIR(information.st_mode) ? open_folder(source, err) : open_archive(source, err);
    }
    if (outcome == STATUS_OK) outcome = check_names(source, err);
    if (outcome != STATUS_OK) {
        photo_source_close(&source);
        return outcome;
    }
    *out = source;
    return STATUS_OK;
}

void photo_source_close(photo_source **source) {
    if (*source == NULL) return;
    if ((*source)->archive != NULL) zip_discard((*source)->archive);
    for (size_t i = 0; i < (*source)->count; i++) {
        free((*source)->entries[i].name);
        free((*source)->entries[i].file);
    }
    free((*source)->other);
    free((*source)->entries);
    free((*source)->path);
    free(*source);
    *source = NULL;
}

/* Describe libzip's error for a file in the archive; `offset` counts its unpacked bytes. */
static status fail_entry(const photo_source *source, const photo_entry *entry, uint64_t offset, const char *reason,
                         error_info *err) {
    return error_set(err, STATUS_FORMAT, "\"%s\": \"%s\": offset %llu: expected %llu bytes in all, but: %s",
                     source->path, entry->file, (unsigned long long)offset, (unsigned long long)entry->size, reason);
}

static status read_member(const photo_source *source, const photo_entry *entry, zip_file_t *file, unsigned char *bytes,
                          error_info *err) {
    uint64_t offset = 0;
    /* Try to read one byte more than expected: libzip checks the CRC at the end. */
    for (zip_int64_t part; (part = zip_fread(file, bytes + offset, entry->size + 1 - offset)) != 0;) {
        if (part < 0) return fail_entry(source, entry, offset, zip_file_strerror(file), err);
        offset += (uint64_t)part;
        if (offset > entry->size) return fail_entry(source, entry, entry->size, "there are more", err);
    }
    if (offset < entry->size) return fail_entry(source, entry, offset, "it ends here", err);
    return STATUS_OK;
}

status photo_source_read(photo_source *source, size_t index, unsigned char **bytes, size_t *size, error_info *err) {
    const photo_entry *entry = &source->entries[index];
    if (source->archive == NULL) {
        const size_t length = strlen(source->path) + strlen(entry->file) + 2;
        char *path = malloc(length);
        if (path == NULL)
            return error_set(err, STATUS_MEMORY, "no memory to read \"%s/%s\"", source->path, entry->file);
        snprintf(path, length, "%s/%s", source->path, entry->file);
        const status outcome = file_read(path, bytes, size, err);
        free(path);
        return outcome;
    }
    zip_file_t *file = zip_fopen_index(source->archive, entry->place, 0);
    if (file == NULL) return fail_entry(source, entry, 0, zip_strerror(source->archive), err);
    unsigned char *content = malloc(entry->size + 1);
    status outcome =
        content == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\" of \"%s\"", entry->file, source->path)
                        : read_member(source, entry, file, content, err);
    (void)zip_fclose(file);
    if (outcome != STATUS_OK) {
        free(content);
        return outcome;
    }
    *bytes = content;
    *size = (size_t)entry->size;
    return STATUS_OK;
}
