/* image_layout.c - find the files of a set. */
#include "data/image_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void image_note(image_set *set, const char *format, ...) {
    const size_t used = strlen(set->note), room = sizeof set->note - used;
    const char *blank = used > 0 ? " " : "";
    char text[sizeof set->note];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(set->note + used, room, "%s%s", blank, text);
}

/* Some archives unpack to a folder with the file's name that contains the file. */
static bool is_file(const char *folder, const char *name) {
    static const char *const endings[] = {"", ".gz"};
    char path[4096];
    for (size_t i = 0; i < 2; i++) {
        struct stat information;
        if (snprintf(path, sizeof path, "%s/%s%s", folder, name, endings[i]) < (int)sizeof path &&
            stat(path, &information) == 0 && !S_ISDIR(information.st_mode))
            return true;
    }
    return false;
}

bool image_layout_find(const image_layout *layout, const char *folder, image_set *set, char found[LAYOUT_NAME_MAX]) {
    bool any = false;
    snprintf(found, LAYOUT_NAME_MAX, "%s", layout->names[0]);
    for (const char *const *below = layout->folders; *below != NULL; below++) {
        for (const char *const *name = layout->names; *name != NULL; name++) {
            char place[LAYOUT_NAME_MAX];
            snprintf(place, sizeof place, "%s%s%s", *below, **below != 0 ? "/" : "", *name);
            if (!is_file(folder, place)) continue;
            if (any) image_note(set, "Ignored %s, because %s exists.", place, found);
            else memcpy(found, place, sizeof place);
            any = true;
        }
    }
    return any;
}
