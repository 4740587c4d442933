/* png.c - a PNG picture, its header and its pixels. */
#include "data/photo.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    photo picture = {0};
    error_info err = {""};
    status outcome = png_decode("a.png", bytes, size, NULL, &picture, &err);
    fuzz_expect_reason(outcome, &err);
    const photo_request wanted = {.height = 1, .width = 1, .channels = picture.channels};
    if (outcome == STATUS_OK && picture.height * picture.width < 1 << 20)
        fuzz_expect_reason(png_decode("a.png", bytes, size, &wanted, &picture, &err), &err);
    photo_release(&picture);
    return 0;
}
