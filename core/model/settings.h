/* settings.h - the values of all settings and the table that describes them.
 *
 * options.def is the one list; everything here is made from it. */
#ifndef AFFJORD_MODEL_SETTINGS_H
#define AFFJORD_MODEL_SETTINGS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum {
    SETTINGS_TEXT_MAX = 2 * PATH_MAX, /* bytes of any value as text, terminator included */
    SETTINGS_NAME_MAX = 1024, /* bytes of the name of a data set or a model, terminator included */
    SETTINGS_SEEDS_MAX = 100000
};

/* One field for each setting, named section_key: settings.train_batch. An
 * integer is a uint64_t, a real a double, a boolean a bool, a choice the
 * position of its name in options.def, a text or list the text itself. */
typedef struct settings {
#define INTEGER(section, key, minimum, maximum, initial, keyed, help) uint64_t section##_##key;
#define REAL(section, key, minimum, maximum, initial, keyed, help) double section##_##key;
#define BOOLEAN(section, key, initial, keyed, help) bool section##_##key;
#define CHOICE(section, key, names, initial, keyed, help) unsigned section##_##key;
#define TEXT(section, key, items, initial, keyed, help) char section##_##key[SETTINGS_TEXT_MAX];
#define LIST(section, key, items, initial, keyed, help) char section##_##key[SETTINGS_TEXT_MAX];
#include "model/options.def"
} settings;

/* Indices of the choice experiment.task. */
enum { TASK_TRAIN, TASK_COUNT_PARAMETERS, TASK_THEORY };

typedef enum setting_type {
    SETTING_INTEGER,
    SETTING_REAL,
    SETTING_BOOLEAN,
    SETTING_CHOICE,
    SETTING_TEXT,
    SETTING_LIST
} setting_type;

/* The type of a text, or of an item of a list. */
typedef enum setting_items {
    ITEMS_ANY, /* any characters */
    ITEMS_NAME, /* letters, digits, _ and - */
    ITEMS_SEEDS, /* an integer, or a range of them as in 0-29 */
    ITEMS_PART /* a number, or the path of a file (data/data_part.h) */
} setting_items;

/* The description of one setting. */
typedef struct setting_option {
    const char *section, *key;
    const char *name; /* "section.key" */
    setting_type type;
    double minimum, maximum; /* of a number, both allowed */
    const char *choices; /* of a choice: names separated by | */
    setting_items items; /* of a text or a list */
    const char *initial; /* default as text; NULL where the user must set it */
    bool keyed; /* enters a run's key */
    const char *help; /* one sentence */
    size_t offset; /* of the field in `settings` */
} setting_option;

/* The table of all settings, in the order of options.def. */
size_t settings_count(void);
const setting_option *settings_option(size_t index);

/* Find the setting of this section and key; the key may be an old name. Errors: STATUS_INVALID, with the nearest
 * known name. */
status settings_find(const char *section, const char *key, const setting_option **out, error_info *err);
/* The same for a name "section.key". */
status settings_find_name(const char *name, const setting_option **out, error_info *err);

/* Apply a text "section.key=value" to the settings; only those of one section may change. Errors: STATUS_INVALID. */
status settings_change(const char *text, const char *section, settings *values, error_info *err);

/* Return whether this is the name of a section; if not, `err` names the nearest. */
bool settings_section_known(const char *section, error_info *err);

/* Return whether a text has only letters, digits, _ and -. Names of experiments and models must, because files are
 * named after them. */
bool settings_name_valid(const char *text);

/* Set every field to its default; required texts become empty. */
void settings_default(settings *out);

/* The defaults, made once. */
const settings *settings_initial(void);

/* Copy every field. Faster than an assignment, which also copies the unused bytes of texts. */
void settings_copy(settings *to, const settings *from);

/* Return whether a setting has the same value in both, to the bit. */
bool settings_same(const settings *a, const settings *b, const setting_option *option);

/* Parse `text` and store the value in `into`, which is unchanged on failure. Old names of choices are accepted. Errors:
 * STATUS_INVALID, with the setting, the text and the expected value. Allocates nothing. */
status settings_parse(const setting_option *option, const char *text, settings *into, error_info *err);

/* Write the value as text, from which settings_parse reads the same bits; reals with the fewest digits for that. */
void settings_text(const settings *values, const setting_option *option, char text[SETTINGS_TEXT_MAX]);

/* Return the key and the choices (NULL but for a choice) that run keys hash, and that databases and checkpoints
 * store: those of HASH_NAME in options.def if the setting was renamed, otherwise the current ones. */
const char *settings_hash_key(const setting_option *option);
const char *settings_hash_choices(const setting_option *option);
/* Write the value as settings_text() does, but with the choices of settings_hash_choices(). */
void settings_hash_text(const settings *values, const setting_option *option, char text[SETTINGS_TEXT_MAX]);

/* Return whether key or value, as a user wrote them and settings_parse() accepted them, are old names. today <- the
 * value in current names. */
bool settings_is_renamed(const setting_option *option, const char *key, const char *value,
                         char today[SETTINGS_TEXT_MAX]);

/* Return whether a setting belongs to a run and may differ between data sets and models: those of [experiment] list the
 * runs, and data.dir is a path. */
bool settings_of_run(const setting_option *option);

/* Visit every setting of a run as text, except empty texts, in the order of options.def, with the names of
 * settings_hash_key() and settings_hash_text(). These are the rows of the table `setting` and the texts of a
 * checkpoint. */
void settings_each(const settings *values,
                   void (*visit)(void *argument, const char *section, const char *key, const char *value),
                   void *argument);

/* Iterate over the items of a list: start with *cursor = the list's text; each call that returns true has copied the
 * next item to `item`, without surrounding blanks. Commas separate items. A quoted item is the text between the
 * double quotes, with commas and blanks; "" in it is one ". */
bool settings_list_next(const char **cursor, char item[SETTINGS_TEXT_MAX]);

/* Parse a list of seeds such as "0-29, 40", in its order, into memory that the caller frees. Errors: STATUS_INVALID
 * for any other text, a seed listed twice, none or more than SETTINGS_SEEDS_MAX, more than 512 parts; STATUS_MEMORY. */
status settings_seeds(const char *text, uint64_t **out, size_t *count, error_info *err);

#endif
