/* arguments.c - the words of a command line. */
#include "system/arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

enum { OPTIONS_MAX = 32 };

/* The option of this name, which ends at `length`; NULL if there is none. */
static const argument_option *find(const char *word, size_t length, size_t count, const argument_option *options) {
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0) return &options[i];
    return NULL;
}

static status fail_unknown(const char *word, size_t count, const argument_option *options, failure *why) {
    const char *names[OPTIONS_MAX];
    char all[512] = "";
    for (size_t i = 0; i < count; i++) {
        names[i] = options[i].name;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = nearest_name(word, count, names);
    if (!nearest) return fail(why, STATUS_INVALID, "unknown option %s; there are none here", word);
    return fail(why, STATUS_INVALID, "unknown option %s; the nearest is %s, of %s", word, nearest, all);
}

static status store_number(const argument_option *option, const char *text, failure *why) {
    char *end = NULL;
    const size_t digits = strspn(text, "0123456789");
    const uint64_t value = digits > 0 && digits < 20 && !text[digits] ? strtoull(text, &end, 10) : 0;
    if (!end || value < option->minimum || value > option->maximum)
        return fail(why, STATUS_INVALID, "%s %s: expected an integer from %" PRIu64 " to %" PRIu64, option->name, text,
                    option->minimum, option->maximum);
    *(uint64_t *)option->into = value;
    return STATUS_OK;
}

static status store(const argument_option *option, const char *text, failure *why) {
    argument_texts *list = option->into;
    switch (option->type) {
    case ARGUMENT_FLAG: *(bool *)option->into = true; break;
    case ARGUMENT_TEXT: *(const char **)option->into = text; break;
    case ARGUMENT_NUMBER: return store_number(option, text, why);
    case ARGUMENT_TEXTS: list->items[list->count++] = text; break;
    }
    return STATUS_OK;
}

/* Read the option at words[*at], and step over its value. */
static status read_option(int count, char **words, int *at, size_t option_count, const argument_option *options,
                          failure *why) {
    const char *word = words[*at], *value = NULL;
    const size_t length = strcspn(word, "=");
    const argument_option *option = find(word, length, option_count, options);
    if (!option) return fail_unknown(word, option_count, options, why);
    if (word[length]) value = word + length + 1;
    if (option->type == ARGUMENT_FLAG && value) return fail(why, STATUS_INVALID, "%s takes no value", option->name);
    if (option->type != ARGUMENT_FLAG && !value) {
        if (*at + 1 >= count) return fail(why, STATUS_INVALID, "%s needs a value", option->name);
        value = words[++*at];
    }
    return store(option, value, why);
}

status arguments_read(int count, char **words, size_t option_count, const argument_option *options, size_t others_max,
                      const char **others, size_t *others_count, failure *why) {
    *others_count = 0;
    for (int at = 0; at < count; at++) {
        if (words[at][0] == '-' && words[at][1]) {
            TRY(read_option(count, words, &at, option_count, options, why));
        } else {
            if (*others_count == others_max) return fail(why, STATUS_INVALID, "\"%s\" is one word too many", words[at]);
            others[(*others_count)++] = words[at];
        }
    }
    return STATUS_OK;
}
