/* arguments.c - parse the words of a command line. */
#include "system/arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/edit_distance.h"

enum { OPTIONS_MAX = 32 };

/* Return the option of this name, which ends at `length`; NULL if there is none. */
static const argument_option *find(const char *word, size_t length, size_t count, const argument_option *options) {
    for (size_t i = 0; i < count; i++)
        if (options[i].name && strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0)
            return &options[i];
    return NULL;
}

static status fail_unknown(const char *word, size_t count, const argument_option *options, error_info *err) {
    const char *names[OPTIONS_MAX];
    char all[512] = "";
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (!options[i].name) continue;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", known > 0 ? ", " : "", options[i].name);
        names[known++] = options[i].name;
    }
    const char *nearest = suggest_name(word, known, names);
    if (!nearest) return error_set(err, STATUS_INVALID, "%s: unknown option; expected none", word);
    return error_set(err, STATUS_INVALID, "%s: unknown option; the nearest is %s; expected one of %s", word, nearest,
                     all);
}

static status store_number(const argument_option *option, const char *text, uint64_t *into, error_info *err) {
    char *end = NULL;
    const size_t digits = strspn(text, "0123456789");
    const uint64_t value = digits > 0 && digits < 20 && !text[digits] ? strtoull(text, &end, 10) : 0;
    if (!end || value < option->minimum || value > option->maximum)
        return error_set(err, STATUS_INVALID, "%s %s: expected an integer from %" PRIu64 " to %" PRIu64, option->name,
                         text, option->minimum, option->maximum);
    *into = value;
    return STATUS_OK;
}

static status store(const argument_option *option, const char *text, void *request, error_info *err) {
    void *into = (char *)request + option->offset;
    argument_texts *list = into;
    switch (option->type) {
    case ARGUMENT_FLAG: *(bool *)into = true; break;
    case ARGUMENT_TEXT: *(const char **)into = text; break;
    case ARGUMENT_NUMBER: return store_number(option, text, into, err);
    case ARGUMENT_TEXTS: list->items[list->count++] = text; break;
    }
    return STATUS_OK;
}

/* Parse the option at words[*at], and advance past its value. */
static status read_option(int count, char **words, int *at, size_t option_count, const argument_option *options,
                          void *request, error_info *err) {
    const char *word = words[*at], *value = NULL;
    const size_t length = strcspn(word, "=");
    const argument_option *option = find(word, length, option_count, options);
    if (!option) return fail_unknown(word, option_count, options, err);
    if (word[length]) value = word + length + 1;
    if (option->type == ARGUMENT_FLAG && value)
        return error_set(err, STATUS_INVALID, "%s: expected no value", option->name);
    if (option->type != ARGUMENT_FLAG && !value) {
        if (*at + 1 >= count)
            return error_set(err, STATUS_INVALID, "%s: the value is missing; expected %s %s", option->name,
                             option->name, option->value);
        value = words[++*at];
    }
    return store(option, value, request, err);
}

status arguments_read(int count, char **words, size_t option_count, const argument_option *options, void *request,
                      size_t others_max, const char **others, size_t *others_count, error_info *err) {
    *others_count = 0;
    for (int at = 0; at < count; at++) {
        if (words[at][0] == '-' && words[at][1]) {
            TRY(read_option(count, words, &at, option_count, options, request, err));
        } else {
            if (*others_count == others_max)
                return error_set(err, STATUS_INVALID, "\"%s\": unexpected argument", words[at]);
            others[(*others_count)++] = words[at];
        }
    }
    return STATUS_OK;
}
