/* image.h - sets of training images: MNIST, CIFAR-10, CelebA.
 *
 * A set is opened by name from a data folder and held in memory as the published bytes. image_batch.h makes batches
 * from it. docs/reference/data.md lists the files. Nothing is downloaded. */
#ifndef AFFJORD_DATA_IMAGE_H
#define AFFJORD_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The published splits: MNIST and CIFAR-10 have no validation images. */
typedef enum image_split { IMAGE_TRAINING, IMAGE_VALIDATION, IMAGE_TEST } image_split;
enum { IMAGE_SPLITS = 3, IMAGE_FILES_MAX = 6 };

/* Whether a set is the published one. */
typedef enum image_origin {
    IMAGE_OFFICIAL, /* yes, by the checksums of all files */
    IMAGE_UNVERIFIED, /* number, sizes and names agree; no checksum is known */
    IMAGE_OTHER /* no: another set in the same layout */
} image_origin;

/* A file that was read. */
typedef struct image_file {
    char name[40]; /* without .gz */
    char sha256[65]; /* of its unpacked bytes */
    bool official; /* has the published checksum */
} image_file;

/* A set of images in memory. */
typedef struct image_set {
    char *name; /* as it was opened */
    size_t count, channels, height, width; /* of all splits together; of an image */
    unsigned char *pixels; /* (count, channels, height, width), 0 .. 255, split after split */
    size_t first[IMAGE_SPLITS]; /* first image of each split */
    size_t size[IMAGE_SPLITS]; /* images of each split */
    char sha256[65]; /* checksum of the set, in hexadecimal; see docs/reference/data.md */
    image_origin origin; /* whether it is the published set */
    size_t file_count; /* files that were read */
    image_file files[IMAGE_FILES_MAX]; /* (file_count) */
    char note[1024]; /* notes for the user, such as omitted files; or "" */
} image_set;

/* The known sets, in the order of docs/reference/data.md. */
typedef struct image_kind image_kind;
/* Return the number of known sets. */
size_t image_kind_count(void);
/* Return a known set, from 0; it lives as long as the program. */
const image_kind *image_kind_at(size_t index);
/* Return its name, as in "mnist". */
const char *image_kind_name(const image_kind *kind);

/* shape <- channels, height and width of the set's images as used here. */
void image_kind_shape(const image_kind *kind, size_t shape[3]);

/* Return a message for the user: the required files, their source and their folder. */
const char *image_kind_source(const image_kind *kind);

/* Return the kind of a set's name: a known set, or KIND-SOMETHING for another set in the layout of a known one; NULL
 * for any other word. */
const image_kind *image_kind_of(const char *name);

/* Return whether `data` has a folder for this set. */
bool image_exists(const char *name, const char *data);

/* Read the set `name` from its folder below `data`, usually data/name. A plain name means the published set: all files
 * are required, with the published number of images and the published checksums where known. KIND-SOMETHING accepts
 * whatever the folder has. The caller owns *out. Errors, with file, offset and the expected value: STATUS_INVALID for
 * an unknown name, STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status image_open(const char *name, const char *data, image_set **out, error_info *err);
/* Free the set and set *set to NULL; *set may be NULL. */
void image_close(image_set **set);

/* Downsample each channel by averaging factor x factor pixels, rounded to the nearest byte (halves up). The set's
 * checksum becomes a hash of the old one and the factor. Errors: STATUS_INVALID if the factor is 0 or does not divide
 * height and width; the set is then unchanged. */
status image_average(image_set *set, size_t factor, error_info *err);

AFFJORD_API_END

#endif
