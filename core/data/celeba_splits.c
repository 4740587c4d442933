/* celeba_splits.c - the training, validation and test splits of CelebA. */
#include "data/celeba_splits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const int NOT_NAMED = -1;

typedef struct celeba_splits {
    const char *path;
    const char *at, *end; /* *end is 0 */
    size_t line; /* from 1 */
    bool commas; /* between name and number, instead of blanks */
} celeba_splits;

static int compare_name(const void *name, const void *entry) {
    return strcmp(name, ((const photo_entry *)entry)->name);
}

/* Skip a first line with the names of the columns. */
static void skip_header(celeba_splits *text) {
    static const char header[] = "image_id,partition";
    const size_t length = strcspn(text->at, "\r\n");
    if (!text->commas || length != sizeof header - 1 || strncmp(text->at, header, length) != 0) return;
    text->at += length + strspn(text->at + length, "\r");
    text->at += *text->at == '\n';
    text->line++;
}

/* Read one line and set the split of the photo that it names. */
static status read_line(celeba_splits *text, const photo_source *source, int *marks, error_info *err) {
    enum { NAME_MAX_SHOWN = 128 };
    char name[NAME_MAX_SHOWN];
    const size_t length = strcspn(text->at, text->commas ? ",\r\n" : " \t\r\n");
    const char *blank = text->at + length, *digit = blank + strspn(blank, text->commas ? ", \t" : " \t");
    const char *after = digit + (*digit != 0) + strspn(digit + (*digit != 0), " \t\r");
    if (length == 0 || length >= sizeof name || digit == blank || *digit < '0' || *digit > '2' ||
        (*after != '\n' && after != text->end)) {
        return error_set(err, STATUS_FORMAT, "%s:%zu: expected a name, a %s and 0, 1 or 2, found '%.*s'", text->path,
                         text->line, text->commas ? "comma" : "blank",
                         (int)strcspn(text->at, "\r\n") > 40 ? 40 : (int)strcspn(text->at, "\r\n"), text->at);
    }
    memcpy(name, text->at, length);
    name[length] = 0;
    char wanted[NAME_MAX_SHOWN];
    memcpy(wanted, name, sizeof wanted);
    (void)photo_source_name(PHOTO_JPEG, wanted);
    const photo_entry *entry = bsearch(wanted, source->entries, source->count, sizeof *entry, compare_name);
    if (entry == NULL) {
        return error_set(err, STATUS_FORMAT, "%s:%zu: expected a picture of \"%s\", found '%s', which is not there",
                         text->path, text->line, source->path, name);
    }
    int *mark = &marks[entry - source->entries];
    if (*mark != NOT_NAMED)
        return error_set(err, STATUS_FORMAT, "%s:%zu: expected each picture once, found '%s' again", text->path,
                         text->line, name);
    *mark = *digit - '0';
    text->at = after < text->end ? after + 1 : after;
    return STATUS_OK;
}

static status read_lines(celeba_splits *text, const photo_source *source, int *marks, error_info *err) {
    for (size_t i = 0; i < source->count; i++) marks[i] = NOT_NAMED;
    skip_header(text);
    for (; text->at < text->end; text->line++) TRY(read_line(text, source, marks, err));
    for (size_t i = 0; i < source->count; i++) {
        if (marks[i] == NOT_NAMED) {
            return error_set(err, STATUS_FORMAT, "%s:%zu: expected a line for '%s' of \"%s\", but the file ends here",
                             text->path, text->line, source->entries[i].name, source->path);
        }
    }
    return STATUS_OK;
}

status celeba_splits_read(const char *path, const photo_source *source, image_split *splits, error_info *err) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(file_read(path, &bytes, &size, err));
    int *marks = malloc(source->count * sizeof *marks);
    const size_t length = strlen(path);
    celeba_splits text = {.path = path,
                          .at = (const char *)bytes,
                          .end = (const char *)bytes + size,
                          .line = 1,
                          .commas = length > 4 && strcmp(path + length - 4, ".csv") == 0};
    status outcome = marks == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path)
                                   : read_lines(&text, source, marks, err);
    for (size_t i = 0; outcome == STATUS_OK && i < source->count; i++) splits[i] = (image_split)marks[i];
    free(marks);
    free(bytes);
    return outcome;
}

void celeba_splits_divide(const photo_source *source, const size_t size[IMAGE_SPLITS], image_split *splits) {
    size_t split = 0, left = size[0];
    for (size_t i = 0; i < source->count; i++, left--) {
        while (left == 0) left = size[++split];
        splits[i] = (image_split)split;
    }
}
