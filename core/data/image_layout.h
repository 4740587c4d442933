/* image_layout.h - folders and names that the files of a set may have; for core/data only. */
#ifndef AFFJORD_DATA_IMAGE_LAYOUT_H
#define AFFJORD_DATA_IMAGE_LAYOUT_H

#include "data/image.h"

enum { LAYOUT_NAME_MAX = 128 };

/* The candidates for one file; each list ends with NULL. The file may be in any of these folders below the set's, where
 * "" is the set's folder itself, under any of these names. The first folder and name are the documented ones. */
typedef struct image_layout {
    const char *const *folders, *const *names;
} image_layout;

/* found <- the first candidate below `folder` that exists, plain or with .gz; the first candidate if none exists.
 * Return whether one exists. Further existing candidates are listed in the set's note. */
bool image_layout_find(const image_layout *layout, const char *folder, image_set *set, char found[LAYOUT_NAME_MAX]);

/* Append a sentence to the set's note, truncated to its size. */
__attribute__((format(printf, 2, 3))) void image_note(image_set *set, const char *format, ...);

#endif
