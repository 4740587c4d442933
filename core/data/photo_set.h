/* photo_set.h - the pictures of a folder or archive as images of one size, with a cache. */
#ifndef AFFJORD_DATA_PHOTO_SET_H
#define AFFJORD_DATA_PHOTO_SET_H

#include "data/image.h"
#include "data/photo_source.h"

/* What becomes of the pictures. */
typedef struct photo_set_spec {
    const char *folder, *cache; /* folder and name of the cache, which is written there if it can be */
    size_t channels, height, width; /* of the images; 0: three channels unless all are grey; the size that all have */
    image_fit fit;
    const char *also; /* text that the cache depends on beside names, sizes, marks and splits of the pictures, or "" */
} photo_set_spec;

/* Fill sizes, pixels and checksum of `set` with the pictures, each split in the order of names: from the cache if it was
 * made from the same ones, otherwise by decoding them and writing the cache. `splits` has one of each picture. A second
 * process waits for the first. Errors: those of photo_source_read and photo_decode; STATUS_FORMAT, with two
 * pictures, if they have several sizes and none is asked for; STATUS_MEMORY. */
status photo_set_read(const photo_set_spec *spec, photo_source *source, const image_split *splits, image_set *set,
                      error_info *err);

/* Note the pictures that were not read. */
void photo_set_note(const photo_source *source, image_set *set);

#endif
