/* image_layout.h - where other programs put the files of a set, and what they call them; for core/data alone. */
#ifndef AFFJORD_DATA_IMAGE_LAYOUT_H
#define AFFJORD_DATA_IMAGE_LAYOUT_H

#include "data/image.h"

enum { LAYOUT_NAME_MAX = 128 };

/* The places of one file, each list ending in NULL: in any of these folders below the set's, "" being its own, under any
 * of these names. The first of both is what our pages name. */
typedef struct image_layout {
    const char *const *folders, *const *names;
} image_layout;

/* found <- the first place that has the file, as it is or with .gz, below `folder`; the first of all if none has. Adds
 * to the set's note which others were left out. Returns whether there is one. */
bool image_layout_find(const image_layout *layout, const char *folder, image_set *set, char found[LAYOUT_NAME_MAX]);

/* Append a sentence to the set's note; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) void image_note(image_set *set, const char *format, ...);

#endif
