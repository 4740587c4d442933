/* jpeg.c - decode JPEG files. */
#include "data/jpeg.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

/* libjpeg's error handler must not return, so it jumps here. */
typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
    size_t offset; /* position of the error */
    size_t size; /* of the file */
} decoder;

static void on_error(j_common_ptr common) {
    decoder *self = common->client_data;
    self->errors.format_message(common, self->message);
    self->offset = self->jpeg.src == NULL ? 0 : self->size - self->jpeg.src->bytes_in_buffer;
    longjmp(self->failed, 1);
}

/* A warning means that libjpeg has invented pixels, except for two kinds that lose none. */
static void on_message(j_common_ptr common, int level) {
    const int code = common->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR) on_error(common);
}

/* libjpeg prints nothing; its message goes into the caller's failure. */
static void on_output(j_common_ptr common) {
    (void)common;
}

static status make_room(const char *path, size_t smallest, const decoder *self, photo *out, error_info *err) {
    const size_t width = self->jpeg.image_width, height = self->jpeg.image_height;
    if (width < smallest || height < smallest || width > JPEG_SIDE_MAX || height > JPEG_SIDE_MAX) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset %zu: expected a picture of %zu to %d pixels a side, found %zu x %zu", path,
                         self->size - self->jpeg.src->bytes_in_buffer, smallest, JPEG_SIDE_MAX, width, height);
    }
    if (3 * width * height > out->capacity) {
        unsigned char *rgb = realloc(out->rgb, 3 * width * height);
        if (rgb == NULL) return error_set(err, STATUS_MEMORY, "no memory for the picture \"%s\"", path);
        out->rgb = rgb;
        out->capacity = 3 * width * height;
    }
    out->width = width;
    out->height = height;
    return STATUS_OK;
}

/* Every call of libjpeg that may jump to `failed`. */
static status decode(const char *path, const unsigned char *bytes, size_t smallest, decoder *self, photo *out,
                     error_info *err) {
    jpeg_create_decompress(&self->jpeg);
    jpeg_mem_src(&self->jpeg, bytes, (unsigned long)self->size);
    (void)jpeg_read_header(&self->jpeg, TRUE);
    TRY(make_room(path, smallest, self, out, err));
    self->jpeg.out_color_space = JCS_RGB;
    self->jpeg.dct_method = JDCT_ISLOW;
    self->jpeg.do_fancy_upsampling = TRUE;
    (void)jpeg_start_decompress(&self->jpeg);
    while (self->jpeg.output_scanline < self->jpeg.output_height) {
        JSAMPROW row = out->rgb + 3 * out->width * self->jpeg.output_scanline;
        (void)jpeg_read_scanlines(&self->jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(&self->jpeg);
    return STATUS_OK;
}

status jpeg_decode(const char *path, const unsigned char *bytes, size_t size, size_t smallest, photo *out,
                   error_info *err) {
    decoder self = {.size = size};
    self.jpeg.err = jpeg_std_error(&self.errors);
    self.jpeg.client_data = &self;
    self.errors.error_exit = on_error;
    self.errors.emit_message = on_message;
    self.errors.output_message = on_output;
    if (size == 0)
        return error_set(err, STATUS_FORMAT, "\"%s\": offset 0: expected a JPEG picture, but the file is empty", path);
    status outcome;
    if (setjmp(self.failed) == 0) {
        outcome = decode(path, bytes, smallest, &self, out, err);
    } else {
        outcome = error_set(err, STATUS_FORMAT, "\"%s\": offset %zu: expected a valid JPEG file; libjpeg: %s", path,
                            self.offset, self.message);
    }
    jpeg_destroy_decompress(&self.jpeg);
    return outcome;
}

void jpeg_release(photo *picture) {
    free(picture->rgb);
    *picture = (photo){0};
}
