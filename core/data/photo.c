/* photo.c - select the decoder by a picture's first bytes. */
#include "data/photo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_png(const unsigned char *bytes, size_t size) {
    static const unsigned char magic[] = {0x89, 'P', 'N', 'G'};
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

status photo_describe(const char *path, const unsigned char *bytes, size_t size, photo *out, error_info *err) {
    return (is_png(bytes, size) ? png_decode : jpeg_decode)(path, bytes, size, NULL, out, err);
}

status photo_decode(const char *path, const unsigned char *bytes, size_t size, const photo_request *wanted, photo *out,
                    error_info *err) {
    return (is_png(bytes, size) ? png_decode : jpeg_decode)(path, bytes, size, wanted, out, err);
}

status photo_make_room(const char *path, size_t offset, const photo_request *wanted, photo *out, error_info *err) {
    const size_t smallest[2] = {wanted ? wanted->height : 1, wanted ? wanted->width : 1};
    if (out->height < smallest[0] || out->width < smallest[1] || out->width > PHOTO_SIDE_MAX ||
        out->height > PHOTO_SIDE_MAX)
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": offset %zu: expected a picture of %zu x %zu to %d x %d pixels (height x width), found %zu "
            "x %zu",
            path, offset, smallest[0], smallest[1], PHOTO_SIDE_MAX, PHOTO_SIDE_MAX, out->height, out->width);
    const size_t bytes = wanted ? out->height * out->width * out->channels : 0;
    if (bytes <= out->capacity) return STATUS_OK;
    unsigned char *pixels = realloc(out->pixels, bytes);
    if (pixels == NULL) return error_set(err, STATUS_MEMORY, "no memory for the picture \"%s\"", path);
    out->pixels = pixels;
    out->capacity = bytes;
    return STATUS_OK;
}

void photo_release(photo *picture) {
    free(picture->pixels);
    *picture = (photo){0};
}
