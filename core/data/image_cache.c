/* image_cache.c - one file for a set of images that was made from other files. */
#include "data/image_cache.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "data/gzip_reader.h"
#include "data/image_reader.h"

enum { HEADER = 512, DIMENSIONS = 4, DIGEST = 65, LINES = 256 };

static const char first_line[] = "affjord images 1\n";

/* The content of the header. */
typedef struct header {
    uint64_t shape[DIMENSIONS], splits[IMAGE_SPLITS];
    char source[DIGEST], pixels[DIGEST];
} header;

/* Write the two lines that the checksum covers. */
static size_t write_lines(const header *head, char lines[LINES]) {
    return (size_t)snprintf(lines, LINES,
                            "shape %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\nsplits %" PRIu64 " %" PRIu64
                            " %" PRIu64 "\n",
                            head->shape[0], head->shape[1], head->shape[2], head->shape[3], head->splits[0],
                            head->splits[1], head->splits[2]);
}

static size_t image_bytes(const image_set *set) {
    return set->channels * set->height * set->width;
}

/* hexadecimal <- the checksum of these lines and the pixels. */
static void hash_pixels(const header *head, const image_set *set, char hexadecimal[DIGEST]) {
    char lines[LINES];
    SHA256_CTX context;
    SHA256_Init(&context);
    const size_t length = write_lines(head, lines);
    SHA256_Update(&context, (const unsigned char *)lines, length);
    SHA256_Update(&context, set->pixels, set->count * image_bytes(set));
    SHA256_End(&context, hexadecimal);
}

static header header_of(const image_set *set) {
    return (header){.shape = {set->count, set->channels, set->height, set->width},
                    .splits = {set->size[0], set->size[1], set->size[2]}};
}

/* Write the text of a header. A header is compared as a whole, so that only this format is accepted. */
static void write_header(const header *head, char text[HEADER]) {
    char lines[LINES];
    (void)write_lines(head, lines);
    const int used =
        snprintf(text, HEADER, "%s%ssource %s\npixels %s\n", first_line, lines, head->source, head->pixels);
    memset(text + used, ' ', HEADER - 1 - (size_t)used);
    text[HEADER - 1] = '\n';
}

static bool parse_header(const char text[HEADER + 1], header *head) {
    char again[HEADER];
    *head = (header){0};
    const int found = sscanf(text,
                             "affjord images 1\nshape %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "\nsplits %" SCNu64
                             " %" SCNu64 " %" SCNu64 "\nsource %64[0-9a-f]\npixels %64[0-9a-f]\n",
                             &head->shape[0], &head->shape[1], &head->shape[2], &head->shape[3], &head->splits[0],
                             &head->splits[1], &head->splits[2], head->source, head->pixels);
    if (found != DIMENSIONS + IMAGE_SPLITS + 2) return false;
    write_header(head, again);
    return memcmp(text, again, HEADER) == 0;
}

/* Return whether the sizes are within their bounds. The product of the bounds is below 2^64. The file's size is
 * compared separately. */
static bool header_is_possible(const header *head) {
    const uint64_t *shape = head->shape;
    uint64_t sum = 0;
    for (size_t s = 0; s < IMAGE_SPLITS; s++) {
        if (head->splits[s] > shape[0]) return false;
        sum += head->splits[s];
    }
    return shape[0] > 0 && shape[0] <= UINT32_MAX && shape[1] > 0 && shape[1] <= 4 && shape[2] > 0 &&
           shape[2] <= 4096 && shape[3] > 0 && shape[3] <= 4096 && sum == shape[0];
}

static status read_pixels(gzip_reader *file, const header *head, image_set *set, error_info *err) {
    char sha256[DIGEST];
    const size_t sizes[IMAGE_SPLITS] = {head->splits[0], head->splits[1], head->splits[2]};
    const size_t bytes = head->shape[0] * head->shape[1] * head->shape[2] * head->shape[3];
    TRY(gzip_reader_expect(file, 0, HEADER + bytes, "by its first lines", err));
    TRY(image_allocate(set, gzip_reader_path(file), sizes, head->shape[1], head->shape[2], head->shape[3], err));
    TRY(gzip_reader_read(file, set->pixels, bytes, "pixels", err));
    TRY(gzip_reader_end(file, sha256, err));
    hash_pixels(head, set, sha256);
    if (strcmp(sha256, head->pixels) != 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": damaged: offset %d: expected pixels with SHA-256 %s, found %s",
                         gzip_reader_path(file), HEADER, head->pixels, sha256);
    }
    memcpy(set->sha256, sha256, sizeof sha256);
    return STATUS_OK;
}

static status read_open_cache(gzip_reader *file, const char *source, image_set *set, error_info *err) {
    char text[HEADER + 1] = "";
    header head;
    TRY(gzip_reader_read(file, text, HEADER, "a header of 512 bytes", err));
    if (!parse_header(text, &head) || !header_is_possible(&head)) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset 0: expected the header of a set of images, beginning with "
                         "\"affjord images 1\"",
                         gzip_reader_path(file));
    }
    if (source != NULL && strcmp(head.source, source) != 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": made from files that have changed since", gzip_reader_path(file));
    }
    return read_pixels(file, &head, set, err);
}

status image_cache_read(const char *folder, const char *name, const char *source, image_set *set, error_info *err) {
    gzip_reader *file;
    TRY(gzip_reader_open(folder, name, &file, err));
    const status outcome = read_open_cache(file, source, set, err);
    gzip_reader_close(&file);
    return outcome;
}

void image_cache_hash(image_set *set) {
    const header head = header_of(set);
    hash_pixels(&head, set, set->sha256);
}

status image_cache_write(file_replacement *file, const char *source, const image_set *set, error_info *err) {
    char text[HEADER];
    header head = header_of(set);
    snprintf(head.source, sizeof head.source, "%s", source);
    snprintf(head.pixels, sizeof head.pixels, "%s", set->sha256);
    write_header(&head, text);
    TRY(file_replace_write(file, text, sizeof text, err));
    return file_replace_write(file, set->pixels, set->count * image_bytes(set), err);
}
