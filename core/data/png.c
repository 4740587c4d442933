/* png.c - decode PNG files. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "data/photo.h"

enum { CHUNK_MAX = 1 << 20 }; /* bytes of a chunk beside the pixels, unpacked */

/* libpng's error handler must not return, so it jumps to the address that png_set_longjmp_fn gives. */
typedef struct decoder {
    const char *path;
    const unsigned char *bytes;
    size_t size, offset;
    char message[128];
    png_structp png;
    png_infop info;
    unsigned char **rows; /* (height) */
    unsigned char *alpha; /* (height, width, channels + 1), of a picture with transparency */
} decoder;

static void on_error(png_structp png, png_const_charp message) {
    decoder *self = png_get_error_ptr(png);
    snprintf(self->message, sizeof self->message, "%s", message);
    png_longjmp(png, 1);
}

/* A warning means that libpng repaired or ignored something; no pixel is lost. */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t count) {
    decoder *self = png_get_io_ptr(png);
    if (count > self->size - self->offset) png_error(png, "the file ends here");
    memcpy(out, self->bytes + self->offset, count);
    self->offset += count;
}

/* Set libpng to 8 bits, and to grey or RGB, with an alpha channel if the file has transparency. */
static bool set_transforms(decoder *self, const photo *out) {
    const int colour = png_get_color_type(self->png, self->info);
    const bool transparent =
        (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(self->png, self->info, PNG_INFO_tRNS);
    png_set_scale_16(self->png);
    png_set_expand(self->png); /* palettes, fewer than 8 bits, and transparent colours to an alpha channel */
    if (out->channels == 3 && (colour & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(self->png);
    (void)png_set_interlace_handling(self->png);
    png_read_update_info(self->png, self->info);
    return transparent;
}

/* Drop the alpha channel, which has to be full. */
static status drop_alpha(const decoder *self, photo *out, error_info *err) {
    const size_t channels = out->channels, pixels = out->width * out->height;
    for (size_t i = 0; i < pixels; i++) {
        const unsigned char *from = self->alpha + i * (channels + 1);
        if (from[channels] != 255)
            return error_set(
                err, STATUS_FORMAT,
                "\"%s\": row %zu, column %zu (both from 1): expected an opaque pixel, found alpha %d of 255; "
                "lay the picture over a background",
                self->path, i / out->width + 1, i % out->width + 1, from[channels]);
        memcpy(out->pixels + i * channels, from, channels);
    }
    return STATUS_OK;
}

/* Every call of libpng that may jump. */
static status decode(decoder *self, const photo_request *wanted, photo *out, error_info *err) {
    png_set_read_fn(self->png, self, on_read);
    png_set_chunk_malloc_max(self->png, CHUNK_MAX);
    png_read_info(self->png, self->info);
    const int colour = png_get_color_type(self->png, self->info);
    out->width = png_get_image_width(self->png, self->info);
    out->height = png_get_image_height(self->png, self->info);
    out->channels = wanted ? wanted->channels : (colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    TRY(photo_make_room(self->path, self->offset, wanted, out, err));
    if (!wanted) return STATUS_OK;
    const size_t channels = out->channels + set_transforms(self, out), row = channels * out->width;
    if (png_get_rowbytes(self->png, self->info) != row)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected a grey picture, as the others are", self->path);
    self->rows = calloc(out->height, sizeof *self->rows);
    if (channels > out->channels) self->alpha = malloc(row * out->height);
    if (self->rows == NULL || (channels > out->channels && self->alpha == NULL))
        return error_set(err, STATUS_MEMORY, "no memory for the picture \"%s\"", self->path);
    for (size_t y = 0; y < out->height; y++) self->rows[y] = (self->alpha ? self->alpha : out->pixels) + y * row;
    png_read_image(self->png, self->rows);
    png_read_end(self->png, NULL);
    return self->alpha ? drop_alpha(self, out, err) : STATUS_OK;
}

status png_decode(const char *path, const unsigned char *bytes, size_t size, const photo_request *wanted, photo *out,
                  error_info *err) {
    decoder self = {.path = path, .bytes = bytes, .size = size};
    self.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &self, on_error, on_warning);
    if (self.png != NULL) self.info = png_create_info_struct(self.png);
    status outcome;
    if (self.info == NULL) outcome = error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path);
    else if (setjmp(png_jmpbuf(self.png)) == 0) outcome = decode(&self, wanted, out, err);
    else
        outcome = error_set(err, STATUS_FORMAT, "\"%s\": offset %zu: expected a valid PNG file; libpng: %s", path,
                            self.offset, self.message);
    png_destroy_read_struct(&self.png, &self.info, NULL);
    free(self.rows);
    free(self.alpha);
    return outcome;
}
