/* image.h - sets of training images: MNIST, CIFAR-10, CelebA, and a user's own.
 *
 * Open a set by name from a data folder, or from files. It is kept in memory as the published bytes. image_batch.h
 * makes batches from it. docs/reference/data.md lists the files. Nothing is downloaded. */
#ifndef AFFJORD_DATA_IMAGE_H
#define AFFJORD_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/choices.h"
#include "base/export.h"
#include "base/status.h"
#include "data/data_part.h"

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

/* How a larger picture gets the size of the images: resize it until one side fits, and crop the longer side to its
 * middle; resize each side separately; or crop the middle without resizing. */
#define IMAGE_FITS(ENTRY)                                                                                              \
    ENTRY(IMAGE_COVER, "cover")                                                                                        \
    ENTRY(IMAGE_STRETCH, "stretch")                                                                                    \
    ENTRY(IMAGE_CROP, "crop")
/* An entry of the table. */
typedef enum image_fit { IMAGE_FITS(CHOICE_SYMBOL) } image_fit;

/* A user's own images: an array of bytes (N, H, W), (N, H, W, 1) or (N, H, W, 3) in a .npy file (also .npy.gz), or in
 * an archive as FILE.npz:NAME; or the JPEG and PNG files of a folder, or of an archive .zip. */
typedef struct image_files {
    const char *path; /* of the file or folder */
    data_part validation, test; /* the held-out parts */
    size_t height, width; /* 0: the size of the files, which must all have one size */
    image_fit fit; /* how files of another size get this size */
    bool whole; /* all images are the test split, in the file's order; the parts are ignored */
} image_files;

/* Return whether a path is one of these: a folder, a path that ends in .zip, or an array of 3 dimensions or more. */
bool image_is_files(const char *path);

/* Read the images; validation and test parts work as for a table (dataset.h). Pictures have three channels unless all
 * are grey. Decoded pictures are cached beside the folder's files or the archive. The caller owns *out. Its name is the
 * path without folder and ending; its checksum is that of the cache's lines and pixels (image_cache.h). Errors: those
 * of photo_source_open, photo_decode and npz_read; STATUS_FORMAT for pictures of different sizes (the message names
 * two) and for arrays of other types; STATUS_INVALID for parts that leave no training image; STATUS_MEMORY. */
status image_open_files(const image_files *spec, image_set **out, error_info *err);

/* Free the set and set *set to NULL; *set may be NULL. */
void image_close(image_set **set);

/* Make the last `count` training images of a set without validation images its validation split. The set's checksum
 * becomes a hash of the old one and the count. Errors: STATUS_INVALID if it has validation images, or no training
 * images would be left; the set is then unchanged. */
status image_hold_out(image_set *set, size_t count, error_info *err);

/* Downsample each channel by averaging factor x factor pixels, rounded to the nearest byte (halves up). The set's
 * checksum becomes a hash of the old one and the factor. Errors: STATUS_INVALID if the factor is 0 or does not divide
 * height and width; the set is then unchanged. */
status image_average(image_set *set, size_t factor, error_info *err);

AFFJORD_API_END

#endif
