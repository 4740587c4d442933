/* celeba_splits.h - the training, validation and test splits of CelebA. */
#ifndef AFFJORD_DATA_CELEBA_SPLITS_H
#define AFFJORD_DATA_CELEBA_SPLITS_H

#include "data/image.h"
#include "data/photo_source.h"

/* splits (source->count) <- the split of each photo from the file `path`. Each line has a name, a blank and 0
 * (training), 1 (validation) or 2 (test); each photo has exactly one line. In a file ending in .csv, a comma replaces
 * the blank, and the first line may be "image_id,partition". The endings .jpg and .jpeg, in upper or lower case, are
 * equivalent. Errors, with path and line: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status celeba_splits_read(const char *path, const photo_source *source, image_split *splits, error_info *err);

/* Set the splits by position in the order of names: the first `size[0]` photos are the first split, and so on. The
 * sizes add up to source->count. */
void celeba_splits_divide(const photo_source *source, const size_t size[IMAGE_SPLITS], image_split *splits);

#endif
