/* jpeg.c - decode JPEG files. */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

#include "data/photo.h"

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

/* libjpeg prints nothing; its message becomes the caller's error. */
static void on_output(j_common_ptr common) {
    (void)common;
}

/* Every call of libjpeg that may jump to `failed`. */
static status decode(const char *path, const unsigned char *bytes, const photo_request *wanted, decoder *self,
                     photo *out, error_info *err) {
    jpeg_create_decompress(&self->jpeg);
    jpeg_mem_src(&self->jpeg, bytes, (unsigned long)self->size);
    (void)jpeg_read_header(&self->jpeg, TRUE);
    const J_COLOR_SPACE found = self->jpeg.jpeg_color_space;
    out->width = self->jpeg.image_width;
    out->height = self->jpeg.image_height;
    out->channels = wanted ? wanted->channels : found == JCS_GRAYSCALE ? 1 : 3;
    TRY(photo_make_room(path, self->size - self->jpeg.src->bytes_in_buffer, wanted, out, err));
    if (!wanted) return STATUS_OK;
    self->jpeg.out_color_space = out->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    self->jpeg.dct_method = JDCT_ISLOW;
    self->jpeg.do_fancy_upsampling = TRUE;
    (void)jpeg_start_decompress(&self->jpeg);
    while (self->jpeg.output_scanline < self->jpeg.output_height) {
        JSAMPROW row = out->pixels + out->channels * out->width * self->jpeg.output_scanline;
        (void)jpeg_read_scanlines(&self->jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(&self->jpeg);
    return STATUS_OK;
}

status jpeg_decode(const char *path, const unsigned char *bytes, size_t size, const photo_request *wanted, photo *out,
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
        outcome = decode(path, bytes, wanted, &self, out, err);
    } else {
        outcome = error_set(err, STATUS_FORMAT, "\"%s\": offset %zu: expected a valid JPEG file; libjpeg: %s", path,
                            self.offset, self.message);
    }
    jpeg_destroy_decompress(&self.jpeg);
    return outcome;
}
