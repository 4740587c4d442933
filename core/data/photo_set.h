/* photo_set.h - the pictures of a folder or archive as images of one size, with a cache. */
#ifndef AFFJORD_DATA_PHOTO_SET_H
#define AFFJORD_DATA_PHOTO_SET_H

#include "data/image.h"
#include "data/photo_source.h"

/* How to make images of the pictures. */
typedef struct photo_set_spec {
    const char *folder, *cache; /* folder and name of the cache; not written if the folder is read-only */
    size_t channels, height, width; /* of the images; 0: 3 channels unless all are grey; the pictures' size */
    image_fit fit;
    const char *also; /* part of the cache's checksum besides names, sizes, marks and splits; or "" */
} photo_set_spec;

/* Fill sizes, pixels and checksum of `set` with the pictures, each split in the order of names. Read the cache if it
 * was made from the same pictures; otherwise decode them and write the cache. splits (source->count). A second process
 * waits for the first. Errors: those of photo_source_read and photo_decode; STATUS_FORMAT, naming two pictures, if
 * sizes differ and the spec has none; STATUS_MEMORY. */
status photo_set_read(const photo_set_spec *spec, photo_source *source, const image_split *splits, image_set *set,
                      error_info *err);

/* List the pictures that were not read in the set's note. */
void photo_set_note(const photo_source *source, image_set *set);

#endif
