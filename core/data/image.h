/* image.h - sets of images to train on: MNIST, CIFAR-10, CelebA.
 *
 * A set is opened by name from a folder of data and held in memory as the bytes
 * that were published. What a training sees of it, a batch, is made by
 * image_batch.h. docs/reference/data.md tells which files are read. Nothing is fetched. */
#ifndef AFFJORD_DATA_IMAGE_H
#define AFFJORD_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* As published: MNIST and CIFAR-10 have no validation images. */
typedef enum image_split { IMAGE_TRAINING, IMAGE_VALIDATION, IMAGE_TEST } image_split;
enum { IMAGE_SPLITS = 3, IMAGE_FILES_MAX = 6 };

/* Whether these are the images that others' results are about. */
typedef enum image_origin {
    IMAGE_OFFICIAL, /* yes, by the checksums of all files */
    IMAGE_UNVERIFIED, /* as far as their number, sizes and names go; no checksum is known */
    IMAGE_OTHER /* no: another set in the same layout */
} image_origin;

/* A file that was read. */
typedef struct image_file {
    char name[40]; /* without .gz */
    char sha256[65]; /* of its unpacked bytes */
    bool official; /* that is the published one's */
} image_file;

typedef struct image_set {
    char *name;
    size_t count, channels, height, width;
    unsigned char *pixels; /* (count, channels, height, width), 0 .. 255; the splits follow each other */
    size_t first[IMAGE_SPLITS]; /* first image of each split */
    size_t size[IMAGE_SPLITS]; /* and how many there are */
    char sha256[65]; /* checksum of the set, in hexadecimal; see docs/reference/data.md */
    image_origin origin;
    size_t file_count;
    image_file files[IMAGE_FILES_MAX];
    char note[1024]; /* sentences that a user should read, as what was left out and why; or "" */
} image_set;

/* The known sets, in the order of docs/reference/data.md. */
typedef struct image_kind image_kind;
size_t image_kind_count(void);
const image_kind *image_kind_at(size_t index);
const char *image_kind_name(const image_kind *kind);

/* Channels, height and width of its images, as they are used here. */
void image_kind_shape(const image_kind *kind, size_t shape[3]);

/* Which files the set needs, where they are published and where they go; a
 * sentence for the user. */
const char *image_kind_source(const image_kind *kind);

/* The kind of a name: that of a known set, or KIND-SOMETHING for another set in
 * the layout of a known one. NULL for any other word. */
const image_kind *image_kind_of(const char *name);

/* Whether there is a folder for the set of this name under `data`. */
bool image_exists(const char *name, const char *data);

/* Read the set `name` from its folder under `data` (as a rule data/name). A
 * plain name stands for the published set and nothing else: all files are
 * required, with as many images as published and with the published checksums
 * where those are known. KIND-SOMETHING takes what is there. Errors name file,
 * offset and what was expected: STATUS_INVALID for an unknown name, STATUS_IO,
 * STATUS_FORMAT, STATUS_MEMORY. The caller owns *out. */
status image_open(const char *name, const char *data, image_set **out, failure *why);
void image_close(image_set **set);

/* Replace each image by the means of its squares of factor x factor pixels,
 * channel by channel, rounded to the nearest byte (halves up). The set's
 * checksum becomes that of its old one and the factor. Errors: STATUS_INVALID if
 * the factor is 0 or does not divide height and width; the set is then as
 * before. */
status image_average(image_set *set, size_t factor, failure *why);

AFFJORD_API_END

#endif
