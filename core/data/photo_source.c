/* photo_source.c - JPEG and PNG files in a folder or in a zip archive. */
#include "data/photo_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "data/photo.h"

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

/* The endings of pictures and what they are normalised to; NULL for formats that are not read. */
static const struct {
    const char *ending, *name;
    photo_formats since; /* the first that has the format */
} endings[] = {{".jpg", ".jpg", PHOTO_JPEG},
               {".jpeg", ".jpg", PHOTO_JPEG},
               {".png", ".png", PHOTO_JPEG_PNG},
               {".bmp", NULL, 0},
               {".gif", NULL, 0},
               {".webp", NULL, 0},
               {".tif", NULL, 0},
               {".tiff", NULL, 0},
               {".ppm", NULL, 0},
               {".jp2", NULL, 0}};

/* Return whether a name is that of a picture; *name <- its normalised ending, NULL if `formats` exclude it. Some
 * systems add hidden files, whose names begin with a dot, to archives. */
static bool is_picture(photo_formats formats, const char *file, const char **name) {
    const char *dot = strrchr(file, '.');
    for (size_t i = 0; *file != '.' && dot != NULL && i < sizeof endings / sizeof *endings; i++) {
        if (!is_ending(dot, endings[i].ending)) continue;
        *name = endings[i].since <= formats ? endings[i].name : NULL;
        return true;
    }
    return false;
}

static bool is_photo(photo_formats formats, const char *file) {
    const char *name;
    return is_picture(formats, file, &name) && name != NULL;
}

bool photo_source_name(photo_formats formats, char *file) {
    const char *name;
    if (!is_picture(formats, file, &name) || name == NULL) return false;
    memcpy(strrchr(file, '.'), name, strlen(name) + 1); /* it is no longer */
    return true;
}

/* Count a picture in a format that is not read. */
static status count_other(photo_source *source, const char *file, error_info *err) {
    const char *name;
    if (!is_picture(source->formats, file, &name)) return STATUS_OK;
    if (source->others++ == 0 && (source->other = strdup(file)) == NULL)
        return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", source->path);
    return STATUS_OK;
}

static status keep_name(const photo_source *source, const char *file, photo_entry *entry, error_info *err) {
    entry->file = strdup(file);
    entry->name = strdup(file);
    if (entry->file != NULL && entry->name != NULL) {
        (void)photo_source_name(source->formats, entry->name);
        return STATUS_OK;
    }
    free(entry->file);
    free(entry->name);
    return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", source->path);
}

/* Add an entry; the capacity doubles when full. */
static status add_entry(photo_source *source, const char *file, photo_entry entry, error_info *err) {
    if (entry.size > PHOTO_FILE_MAX) {
        return error_set(err, STATUS_FORMAT, "\"%s\": \"%s\": expected a picture of at most %d bytes, found %llu",
                         source->path, file, PHOTO_FILE_MAX, (unsigned long long)entry.size);
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
        if (!is_photo(source->formats, entry->d_name)) {
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
    for (const struct dirent *entry; !found && (entry = readdir(folder)) != NULL;)
        found = is_photo(PHOTO_JPEG, entry->d_name);
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

static status open_archive(photo_source *source, error_info *err) {
    TRY(zip_reader_open(source->path, &source->archive, err));
    for (size_t i = 0; i < zip_reader_count(source->archive); i++) {
        zip_member member;
        TRY(zip_reader_member(source->archive, i, &member, err));
        const char *name = last_part(member.name);
        if (!is_photo(source->formats, name)) {
            TRY(count_other(source, name, err));
            continue;
        }
        TRY(add_entry(source, name, (photo_entry){.size = member.size, .mark = member.crc, .place = i}, err));
    }
    return STATUS_OK;
}

static int compare_names(const void *left, const void *right) {
    const photo_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static status check_names(photo_source *source, error_info *err) {
    const bool png = source->formats >= PHOTO_JPEG_PNG;
    if (source->count == 0)
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": expected files ending in .jpg%s or .jpeg, found none%s%s%s (%zu pictures in formats that are "
            "not read; convert them to JPEG%s)",
            source->path, png ? ", .png" : "", source->other ? ", but \"" : "", source->other ? source->other : "",
            source->other ? "\"" : "", source->others, png ? " or PNG" : "");
    qsort(source->entries, source->count, sizeof *source->entries, compare_names);
    for (size_t i = 1; i < source->count; i++) {
        if (strcmp(source->entries[i - 1].name, source->entries[i].name) == 0) {
            return error_set(err, STATUS_FORMAT, "\"%s\": expected each picture once, found \"%s\" and \"%s\"",
                             source->path, source->entries[i - 1].file, source->entries[i].file);
        }
    }
    return STATUS_OK;
}

status photo_source_open(const char *path, photo_formats formats, photo_source **out, error_info *err) {
    struct stat information;
    photo_source *source = calloc(1, sizeof *source);
    if (source == NULL) return error_set(err, STATUS_MEMORY, "no memory to list \"%s\"", path);
    source->path = strdup(path);
    source->formats = formats;
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
    zip_reader_close(&(*source)->archive);
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

status photo_source_read(photo_source *source, size_t index, unsigned char **bytes, size_t *size, error_info *err) {
    const photo_entry *entry = &source->entries[index];
    if (source->archive != NULL) return zip_reader_read(source->archive, entry->place, bytes, size, err);
    const size_t length = strlen(source->path) + strlen(entry->file) + 2;
    char *path = malloc(length);
    if (path == NULL) return error_set(err, STATUS_MEMORY, "no memory to read \"%s/%s\"", source->path, entry->file);
    snprintf(path, length, "%s/%s", source->path, entry->file);
    const status outcome = file_read(path, bytes, size, err);
    free(path);
    return outcome;
}
