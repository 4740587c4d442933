/* partition.h - which pictures are for training, validation and test. */
#ifndef AFFJORD_DATA_PARTITION_H
#define AFFJORD_DATA_PARTITION_H

#include "data/image.h"
#include "data/photo_source.h"

/* splits (source->count) <- the split of each picture as the file `path` says:
 * lines of a name, a blank and 0 (training), 1 (validation) or 2 (test), one for
 * each picture and no other. A file ending in .csv has a comma in the place of
 * the blank, and may begin with the line "image_id,partition". The endings .jpg
 * and .jpeg, of small or large letters, stand for each other. Errors: STATUS_IO, STATUS_FORMAT naming path and
 * line, STATUS_MEMORY. */
status partition_read(const char *path, const photo_source *source, image_split *splits, failure *why);

/* The same by rule, in the order of names: `size` pictures each, in this order of
 * splits. The sizes add up to source->count. */
void partition_divide(const photo_source *source, const size_t size[IMAGE_SPLITS], image_split *splits);

#endif
