/* settings.c - the table of settings, their parsing and their printing. */
#include "model/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv_method.h"
#include "base/choices.h"
#include "base/edit_distance.h"
#include "base/number.h"
#include "data/image.h"
#include "field/image_model.h"
#include "flow/cnf.h"

/* The names of all Runge-Kutta methods, "euler|midpoint|...". */
static const char TABLEAU_LIST[] =
#define TABLEAU(symbol, name, ...) "|" name
#define PAIR(symbol, name, ...) "|" name
#include "ode/tableau.def"
    ;
#define TABLEAU_NAMES (TABLEAU_LIST + 1)

static const setting_option OPTIONS[] = {
#define COMMON(section_, key_, type_, initial_, keyed_, help_)                                                         \
    .section = #section_, .key = #key_, .name = #section_ "." #key_, .type = type_, .initial = initial_,               \
    .keyed = keyed_, .help = help_, .offset = offsetof(settings, section_##_##key_)
#define INTEGER(section_, key_, minimum_, maximum_, initial_, keyed_, help_)                                           \
    {COMMON(section_, key_, SETTING_INTEGER, initial_, keyed_, help_), .minimum = minimum_, .maximum = maximum_},
#define REAL(section_, key_, minimum_, maximum_, initial_, keyed_, help_)                                              \
    {COMMON(section_, key_, SETTING_REAL, initial_, keyed_, help_), .minimum = minimum_, .maximum = maximum_},
#define BOOLEAN(section_, key_, initial_, keyed_, help_)                                                               \
    {COMMON(section_, key_, SETTING_BOOLEAN, initial_, keyed_, help_)},
#define CHOICE(section_, key_, names_, initial_, keyed_, help_)                                                        \
    {COMMON(section_, key_, SETTING_CHOICE, initial_, keyed_, help_), .choices = names_},
#define TEXT(section_, key_, items_, initial_, keyed_, help_)                                                          \
    {COMMON(section_, key_, SETTING_TEXT, initial_, keyed_, help_), .items = items_},
#define LIST(section_, key_, items_, initial_, keyed_, help_)                                                          \
    {COMMON(section_, key_, SETTING_LIST, initial_, keyed_, help_), .items = items_},
#include "model/options.def"
#undef COMMON
};

/* The names of before a setting was renamed, which keys, databases and checkpoints have. */
static const struct {
    const char *name, *key, *choices; /* choices: NULL for the current ones */
} HASH_NAMES[] = {
#define HASH_NAME(section_, key_, hash_key_, hash_names_) {#section_ "." #key_, hash_key_, hash_names_},
#include "model/options.def"
};

static const char *const SECTIONS[] = {
#define SECTION(section, help) #section,
#include "model/options.def"
};

enum {
    OPTION_COUNT = sizeof OPTIONS / sizeof *OPTIONS,
    SECTION_COUNT = sizeof SECTIONS / sizeof *SECTIONS,
    HASH_NAME_COUNT = sizeof HASH_NAMES / sizeof *HASH_NAMES,
    CHOICES_MAX = 16,
    SEED_RANGES_MAX = 512
};

/* A part of a list of seeds; one number is a range too. */
typedef struct seed_range {
    uint64_t first, last; /* both are in it */
} seed_range;

size_t settings_count(void) {
    return OPTION_COUNT;
}

const setting_option *settings_option(size_t index) {
    assert(index < OPTION_COUNT);
    return &OPTIONS[index];
}

const char *settings_hash_key(const setting_option *option) {
    for (size_t i = 0; i < HASH_NAME_COUNT; i++)
        if (strcmp(HASH_NAMES[i].name, option->name) == 0) return HASH_NAMES[i].key;
    return option->key;
}

const char *settings_hash_choices(const setting_option *option) {
    for (size_t i = 0; i < HASH_NAME_COUNT; i++)
        if (strcmp(HASH_NAMES[i].name, option->name) == 0 && HASH_NAMES[i].choices) return HASH_NAMES[i].choices;
    return option->choices;
}

/* Return the address of the field. */
static void *field(settings *values, const setting_option *option) {
    return (char *)values + option->offset;
}

static const void *field_of(const settings *values, const setting_option *option) {
    return (const char *)values + option->offset;
}

bool settings_section_known(const char *section, error_info *err) {
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (strcmp(SECTIONS[i], section) == 0) return true;
    const char *nearest = suggest_name(section, SECTION_COUNT, SECTIONS);
    if (nearest) error_describe(err, "unknown section [%s]; the nearest is [%s]", section, nearest);
    else error_describe(err, "unknown section [%s]", section);
    return false;
}

status settings_find(const char *section, const char *key, const setting_option **out, error_info *err) {
    if (!settings_section_known(section, err)) return STATUS_INVALID;
    const char *names[OPTION_COUNT];
    size_t count = 0;
    const setting_option *elsewhere = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const setting_option *option = &OPTIONS[i];
        const bool same_key = strcmp(option->key, key) == 0 || strcmp(settings_hash_key(option), key) == 0;
        if (strcmp(option->section, section) == 0) {
            if (same_key) {
                *out = option;
                return STATUS_OK;
            }
            names[count++] = option->key;
        } else if (same_key && !elsewhere) {
            elsewhere = option;
        }
    }
    /* A key in the wrong section is more likely than a wrong letter. */
    if (elsewhere)
        return error_set(err, STATUS_INVALID, "unknown setting %s.%s; the nearest is %s", section, key,
                         elsewhere->name);
    const char *nearest = suggest_name(key, count, names);
    if (nearest)
        return error_set(err, STATUS_INVALID, "unknown setting %s.%s; the nearest is %s.%s", section, key, section,
                         nearest);
    return error_set(err, STATUS_INVALID, "unknown setting %s.%s", section, key);
}

status settings_find_name(const char *name, const setting_option **out, error_info *err) {
    const char *dot = strchr(name, '.');
    char section[SETTINGS_TEXT_MAX];
    if (!dot || (size_t)(dot - name) >= sizeof section)
        return error_set(err, STATUS_INVALID, "unknown setting %.200s; expected section.key", name);
    memcpy(section, name, (size_t)(dot - name));
    section[dot - name] = '\0';
    return settings_find(section, dot + 1, out, err);
}

status settings_change(const char *text, const char *section, settings *values, error_info *err) {
    char name[SETTINGS_TEXT_MAX];
    const char *equals = strchr(text, '=');
    const setting_option *option;
    if (!equals || (size_t)(equals - text) >= sizeof name)
        return error_set(err, STATUS_INVALID, "%.200s: expected %s.KEY=VALUE", text, section);
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    TRY(settings_find_name(name, &option, err));
    if (strcmp(option->section, section) != 0)
        return error_set(err, STATUS_INVALID, "%.200s: expected a setting of [%s], found one of [%s]", text, section,
                         option->section);
    return settings_parse(option, equals + 1, values, err);
}

void settings_default(settings *out) {
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!OPTIONS[i].initial || !*OPTIONS[i].initial) continue;
        const status parsed = settings_parse(&OPTIONS[i], OPTIONS[i].initial, out, NULL);
        assert(parsed == STATUS_OK); /* test_settings parses every default */
        (void)parsed;
    }
}

static settings initial;

static void make_initial(void) {
    settings_default(&initial);
}

const settings *settings_initial(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_initial);
    return &initial;
}

void settings_copy(settings *to, const settings *from) {
#define INTEGER(section, key, ...) to->section##_##key = from->section##_##key;
#define REAL(section, key, ...) to->section##_##key = from->section##_##key;
#define BOOLEAN(section, key, ...) to->section##_##key = from->section##_##key;
#define CHOICE(section, key, ...) to->section##_##key = from->section##_##key;
#define TEXT(section, key, ...) memcpy(to->section##_##key, from->section##_##key, strlen(from->section##_##key) + 1);
#define LIST TEXT
#include "model/options.def"
}

bool settings_same(const settings *a, const settings *b, const setting_option *option) {
    const void *x = field_of(a, option), *y = field_of(b, option);
    switch (option->type) {
    case SETTING_INTEGER: return memcmp(x, y, sizeof(uint64_t)) == 0;
    case SETTING_REAL: return memcmp(x, y, sizeof(double)) == 0;
    case SETTING_BOOLEAN: return *(const bool *)x == *(const bool *)y;
    case SETTING_CHOICE: return memcmp(x, y, sizeof(unsigned)) == 0;
    case SETTING_TEXT:
    case SETTING_LIST: return strcmp(x, y) == 0;
    }
    return false;
}

/* item <- the text between the quotes that open at `start`. Return where the item ends, at a comma or the end of the
 * text; NULL if the quotes are not closed or something else follows them. */
static const char *read_quoted(const char *start, char item[SETTINGS_TEXT_MAX]) {
    size_t length = 0;
    const char *at = start + 1;
    for (; *at && (*at != '"' || at[1] == '"'); at++) {
        if (length + 1 < SETTINGS_TEXT_MAX) item[length++] = *at;
        at += *at == '"';
    }
    if (!*at) return NULL;
    item[length] = '\0';
    at += 1 + strspn(at + 1, " \t");
    return !*at || *at == ',' ? at : NULL;
}

bool settings_list_next(const char **cursor, char item[SETTINGS_TEXT_MAX]) {
    const char *start = *cursor + strspn(*cursor, " \t");
    if (!*start) return false;
    const char *quoted = *start == '"' ? read_quoted(start, item) : NULL;
    const char *end = quoted ? quoted : start + strcspn(start, ",");
    *cursor = *end ? end + 1 : end;
    if (quoted) return true;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) end--;
    const size_t length = (size_t)(end - start) < SETTINGS_TEXT_MAX ? (size_t)(end - start) : SETTINGS_TEXT_MAX - 1;
    memcpy(item, start, length);
    item[length] = '\0';
    return true;
}

static bool is_digits(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return length > 0;
}

/* ASCII only, in any locale. */
bool settings_name_valid(const char *text) {
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

/* A seed is also an integer of the database, hence at most 2^63 - 1. */
static bool parse_seed(const char *text, size_t length, uint64_t *out) {
    if (!is_digits(text, length) || length > 19) return false;
    uint64_t value = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): is_digits has read that far */
    for (size_t i = 0; i < length; i++) value = 10 * value + (uint64_t)(text[i] - '0');
    if (value > INT64_MAX) return false;
    *out = value;
    return true;
}

/* The list as its parts, in its order. It allocates nothing: a value can be checked when no memory is left. */
static status read_seed_ranges(const char *text, seed_range ranges[SEED_RANGES_MAX], size_t *count, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    uint64_t seeds = 0;
    *count = 0;
    while (settings_list_next(&text, item)) {
        const size_t length = strlen(item), head = strcspn(item, "-");
        seed_range range;
        bool good = parse_seed(item, head, &range.first);
        range.last = good ? range.first : 0;
        if (good && head < length)
            good = parse_seed(item + head + 1, length - head - 1, &range.last) && range.first <= range.last;
        if (!good)
            return error_set(err, STATUS_INVALID, "\"%s\" is not a seed nor a range of seeds such as 0-29", item);
        for (size_t i = 0; i < *count; i++) {
            const uint64_t common = range.first > ranges[i].first ? range.first : ranges[i].first;
            if (common <= range.last && common <= ranges[i].last)
                return error_set(err, STATUS_INVALID, "seed %" PRIu64 " is listed twice", common);
        }
        const uint64_t more = range.last - range.first; /* and one */
        if (more >= SETTINGS_SEEDS_MAX - seeds)
            return error_set(err, STATUS_INVALID, "more than %d seeds", SETTINGS_SEEDS_MAX);
        seeds += more + 1;
        if (*count == SEED_RANGES_MAX)
            return error_set(err, STATUS_INVALID, "more than %d seeds and ranges; expected ranges such as 0-29",
                             SEED_RANGES_MAX);
        ranges[(*count)++] = range;
    }
    if (*count == 0) return error_set(err, STATUS_INVALID, "no seeds; expected a list such as 0-29, 40");
    return STATUS_OK;
}

status settings_seeds(const char *text, uint64_t **out, size_t *count, error_info *err) {
    seed_range ranges[SEED_RANGES_MAX];
    size_t range_count, total = 0;
    TRY(read_seed_ranges(text, ranges, &range_count, err));
    for (size_t i = 0; i < range_count; i++) total += (size_t)(ranges[i].last - ranges[i].first) + 1;
    uint64_t *seeds = malloc(total * sizeof *seeds);
    if (!seeds) return error_set(err, STATUS_MEMORY, "out of memory");
    *out = seeds;
    *count = total;
    for (size_t i = 0; i < range_count; i++)
        for (uint64_t seed = ranges[i].first; seed <= ranges[i].last; seed++) *seeds++ = seed;
    return STATUS_OK;
}

/* "name = found: expected ..." for a number. */
static status fail_number(const setting_option *option, const char *text, error_info *err) {
    const char *const kind = option->type == SETTING_INTEGER ? "an integer" : "a number";
    if (isinf(option->minimum))
        return error_set(err, STATUS_INVALID, "%s = %s: expected %s or -inf", option->name, text, kind);
    return error_set(err, STATUS_INVALID, "%s = %s: expected %s from %.15g to %.15g", option->name, text, kind,
                     option->minimum, option->maximum);
}

static status parse_integer(const setting_option *option, const char *text, settings *into, error_info *err) {
    uint64_t value = 0;
    if (!parse_seed(text, strlen(text), &value) || (double)value < option->minimum || (double)value > option->maximum)
        return fail_number(option, text, err);
    *(uint64_t *)field(into, option) = value;
    return STATUS_OK;
}

static status parse_real(const setting_option *option, const char *text, settings *into, error_info *err) {
    double value = *text == '-' ? -INFINITY : INFINITY;
    if (strcmp(text, "inf") != 0 && strcmp(text, "-inf") != 0 &&
        (!number_read(text, text + strlen(text), &value) || isinf(value)))
        return fail_number(option, text, err);
    if (!(value >= option->minimum && value <= option->maximum)) return fail_number(option, text, err);
    *(double *)field(into, option) = value;
    return STATUS_OK;
}

static status parse_boolean(const setting_option *option, const char *text, settings *into, error_info *err) {
    const bool yes = strcmp(text, "yes") == 0;
    if (!yes && strcmp(text, "no") != 0)
        return error_set(err, STATUS_INVALID, "%s = %s: expected yes or no", option->name, text);
    *(bool *)field(into, option) = yes;
    return STATUS_OK;
}

/* Split "a|b|c" in `copy` and point at the parts. */
static size_t split_choices(const char *choices, char copy[SETTINGS_TEXT_MAX], const char *names[CHOICES_MAX]) {
    size_t count = 0;
    snprintf(copy, SETTINGS_TEXT_MAX, "%s", choices);
    for (char *rest = copy, *name; (name = strsep(&rest, "|"));) {
        assert(count < CHOICES_MAX);
        names[count++] = name;
    }
    return count;
}

static status parse_choice(const setting_option *option, const char *text, settings *into, error_info *err) {
    char copy[SETTINGS_TEXT_MAX], hash_copy[SETTINGS_TEXT_MAX], listed[SETTINGS_TEXT_MAX] = "";
    const char *names[CHOICES_MAX], *hash_names[CHOICES_MAX];
    const size_t count = split_choices(option->choices, copy, names);
    split_choices(settings_hash_choices(option), hash_copy, hash_names);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0 || strcmp(hash_names[i], text) == 0) {
            *(unsigned *)field(into, option) = (unsigned)i;
            return STATUS_OK;
        }
        const size_t used = strlen(listed);
        snprintf(listed + used, sizeof listed - used, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
    }
    const char *nearest = suggest_name(text, count, names);
    return error_set(err, STATUS_INVALID, "%s = %s: expected %s%s%s", option->name, text, listed,
                     nearest ? "; the nearest is " : "", nearest ? nearest : "");
}

static status check_items(const setting_option *option, const char *text, error_info *err) {
    char item[SETTINGS_TEXT_MAX], other[SETTINGS_TEXT_MAX];
    for (const char *cursor = text, *start = cursor; settings_list_next(&cursor, item); start = cursor) {
        start += strspn(start, " \t");
        if (*start == '"' && !read_quoted(start, other))
            return error_set(err, STATUS_INVALID, "%s = %s: expected a closing \" before the next comma or the end",
                             option->name, text);
        if (!*item) return error_set(err, STATUS_INVALID, "%s = %s: an item is empty", option->name, text);
        if (option->items == ITEMS_NAME && !settings_name_valid(item))
            return error_set(err, STATUS_INVALID, "%s = %s: \"%s\" has something else than letters, digits, _ and -",
                             option->name, text, item);
        for (const char *rest = cursor; settings_list_next(&rest, other);)
            if (strcmp(item, other) == 0)
                return error_set(err, STATUS_INVALID, "%s = %s: %s is listed twice", option->name, text, item);
    }
    return STATUS_OK;
}

static status check_seeds(const setting_option *option, const char *text, error_info *err) {
    seed_range ranges[SEED_RANGES_MAX];
    size_t count;
    error_info reason;
    const status parsed = read_seed_ranges(text, ranges, &count, &reason);
    return parsed == STATUS_OK ? STATUS_OK : error_set(err, parsed, "%s = %s: %s", option->name, text, reason.text);
}

static status parse_text(const setting_option *option, const char *text, settings *into, error_info *err) {
    const size_t length = strlen(text);
    if (length >= SETTINGS_TEXT_MAX)
        return error_set(err, STATUS_INVALID, "%s: the value has %zu bytes, expected at most %d", option->name, length,
                         SETTINGS_TEXT_MAX - 1);
    if (option->items == ITEMS_SEEDS) TRY(check_seeds(option, text, err));
    else if (option->type == SETTING_LIST) TRY(check_items(option, text, err));
    else if (option->items == ITEMS_NAME && !settings_name_valid(text))
        return error_set(err, STATUS_INVALID, "%s = %s: expected only letters, digits, _ and -", option->name, text);
    memcpy(field(into, option), text, length + 1);
    return STATUS_OK;
}

status settings_parse(const setting_option *option, const char *text, settings *into, error_info *err) {
    if (!*text) return error_set(err, STATUS_INVALID, "%s: the value is empty", option->name);
    switch (option->type) {
    case SETTING_INTEGER: return parse_integer(option, text, into, err);
    case SETTING_REAL: return parse_real(option, text, into, err);
    case SETTING_BOOLEAN: return parse_boolean(option, text, into, err);
    case SETTING_CHOICE: return parse_choice(option, text, into, err);
    case SETTING_TEXT:
    case SETTING_LIST: return parse_text(option, text, into, err);
    }
    return error_set(err, STATUS_INVALID, "%s: no such type", option->name);
}

/* The shortest of the three precisions that reads back to the same bits. */
static void print_real(double value, char text[SETTINGS_TEXT_MAX]) {
    for (int digits = 15; digits <= 17; digits++) {
        double again = value; /* for inf and -inf, which are not decimal numbers */
        number_print(text, SETTINGS_TEXT_MAX, "%.*g", digits, value);
        number_read(text, text + strlen(text), &again);
        if (again == value) return;
    }
}

/* With `choices` for the names of a choice. */
static void print_value(const settings *values, const setting_option *option, const char *choices,
                        char text[SETTINGS_TEXT_MAX]) {
    const void *at = field_of(values, option);
    char copy[SETTINGS_TEXT_MAX];
    const char *names[CHOICES_MAX];
    switch (option->type) {
    case SETTING_INTEGER: snprintf(text, SETTINGS_TEXT_MAX, "%" PRIu64, *(const uint64_t *)at); break;
    case SETTING_REAL: print_real(*(const double *)at, text); break;
    case SETTING_BOOLEAN: snprintf(text, SETTINGS_TEXT_MAX, "%s", *(const bool *)at ? "yes" : "no"); break;
    case SETTING_CHOICE:
        split_choices(choices, copy, names);
        snprintf(text, SETTINGS_TEXT_MAX, "%s", names[*(const unsigned *)at]);
        break;
    case SETTING_TEXT:
    case SETTING_LIST: snprintf(text, SETTINGS_TEXT_MAX, "%s", (const char *)at); break;
    }
}

void settings_text(const settings *values, const setting_option *option, char text[SETTINGS_TEXT_MAX]) {
    print_value(values, option, option->choices, text);
}

void settings_hash_text(const settings *values, const setting_option *option, char text[SETTINGS_TEXT_MAX]) {
    print_value(values, option, settings_hash_choices(option), text);
}

bool settings_is_renamed(const setting_option *option, const char *key, const char *value,
                         char today[SETTINGS_TEXT_MAX]) {
    settings scratch;
    bool renamed = strcmp(key, option->key) != 0;
    if (option->type == SETTING_CHOICE && settings_parse(option, value, &scratch, NULL) == STATUS_OK) {
        settings_text(&scratch, option, today);
        renamed |= strcmp(today, value) != 0;
    } else {
        snprintf(today, SETTINGS_TEXT_MAX, "%s", value);
    }
    return renamed;
}

bool settings_of_run(const setting_option *option) {
    return strcmp(option->section, "experiment") != 0 && strcmp(option->name, "data.dir") != 0;
}

void settings_each(const settings *values,
                   void (*visit)(void *argument, const char *section, const char *key, const char *value),
                   void *argument) {
    char text[SETTINGS_TEXT_MAX];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!settings_of_run(&OPTIONS[i])) continue;
        settings_hash_text(values, &OPTIONS[i], text);
        if (*text) visit(argument, OPTIONS[i].section, settings_hash_key(&OPTIONS[i]), text);
    }
}
