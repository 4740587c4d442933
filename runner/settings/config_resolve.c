/* config_resolve.c - precedence of assignments, and checks of names. */
#include <assert.h>
#include <string.h>

#include "base/edit_distance.h"
#include "data/data_name.h"
#include "data/data_part.h"
#include "data/image.h"
#include "data/table.h"
#include "data/toy.h"
#include "settings/config_internal.h"

enum { NAMES_MAX = 64 }; /* candidates for a suggestion; more are ignored */

const char *config_scope_name(config_scope scope) {
    return scope == SCOPE_MODEL ? "model" : "data";
}

/* Return whether [data NAME] applies to this item of experiment.data. */
static bool data_matches(const char *name, const char *item) {
    char called[DATA_NAME_MAX];
    data_name(item, called);
    return strcmp(name, item) == 0 || strcmp(name, called) == 0;
}

static bool scope_matches(const config_assignment *assignment, const char *data, const char *model) {
    switch (assignment->scope) {
    case SCOPE_DATA: return data && data_matches(assignment->name, data);
    case SCOPE_MODEL: return model && strcmp(assignment->name, model) == 0;
    default: return true;
    }
}

/* Prepend the folder of the file that has the path, if the path is relative. Return whether it fits. */
static bool place(const config_assignment *assignment, const char *path, size_t size, char *out) {
    const char *slash = assignment && assignment->path ? strrchr(assignment->path, '/') : NULL;
    const size_t folder = slash && *path != '/' ? (size_t)(slash - assignment->path) + 1 : 0;
    const int length = snprintf(out, size, "%.*s%s", (int)folder, folder > 0 ? assignment->path : "", path);
    return length >= 0 && (size_t)length < size;
}

/* Get the value of an assignment; paths of data parts become relative to the current folder. */
static void value_of(const config_assignment *assignment, char value[SETTINGS_TEXT_MAX]) {
    const bool path = assignment->option->items == ITEMS_PART && data_part_is_path(assignment->value);
    if (path) place(assignment, assignment->value, SETTINGS_TEXT_MAX, value);
    else snprintf(value, SETTINGS_TEXT_MAX, "%s", assignment->value);
}

/* Apply all assignments in the order of precedence: files first, then --set if requested. */
static void apply(const experiment_config *config, const char *data, const char *model, bool with_set, settings *out) {
    settings_default(out);
    for (int set = 0; set <= (int)with_set; set++) {
        for (int scope = 0; scope < SCOPE_COUNT; scope++) {
            for (size_t i = 0; i < config->assignment_count; i++) {
                const config_assignment *assignment = &config->assignments[i];
                if ((int)assignment->scope != scope || (assignment->path == NULL) != (set == 1)) continue;
                if (!scope_matches(assignment, data, model)) continue;
                char value[SETTINGS_TEXT_MAX];
                value_of(assignment, value);
                const status parsed = settings_parse(assignment->option, value, out, NULL);
                assert(parsed == STATUS_OK); /* it was checked when it was read */
                (void)parsed;
            }
        }
    }
    if (!*out->experiment_title) memcpy(out->experiment_title, out->experiment_name, sizeof out->experiment_title);
}

void config_resolve_base(experiment_config *config, bool with_set) {
    apply(config, NULL, NULL, with_set, &config->base);
}

void config_resolve(const experiment_config *config, const char *source, const char *model, settings *out) {
    apply(config, source, model, true, out);
}

const sweep *config_sweep(const experiment_config *config) {
    return &config->swept;
}

const char *config_path(const experiment_config *config) {
    return config->path;
}

const settings *config_settings(const experiment_config *config) {
    return &config->base;
}

/* Return whether `later` overrides `earlier`, which comes before it in the order of apply(). */
static bool wins(const config_assignment *later, const config_assignment *earlier) {
    if (!earlier || (later->path == NULL) != (earlier->path == NULL)) return !earlier || !later->path;
    return later->scope >= earlier->scope;
}

/* Return the assignment in effect for a model on a data set, NULL for those of all; or NULL. */
static const config_assignment *find_winner_for(const experiment_config *config, const char *name, const char *data,
                                                const char *model) {
    const config_assignment *winner = NULL;
    for (size_t i = 0; i < config->assignment_count; i++) {
        const config_assignment *assignment = &config->assignments[i];
        if (strcmp(assignment->option->name, name) == 0 && scope_matches(assignment, data, model) &&
            wins(assignment, winner))
            winner = assignment;
    }
    return winner;
}

static const config_assignment *find_winner(const experiment_config *config, const char *name) {
    return find_winner_for(config, name, NULL, NULL);
}

static void describe_origin(const config_assignment *winner, const char *otherwise, char text[PATH_MAX]) {
    if (!winner) snprintf(text, PATH_MAX, "%s", otherwise);
    else if (!winner->path) snprintf(text, PATH_MAX, "--set");
    else snprintf(text, PATH_MAX, "%s:%zu", winner->path, winner->line);
}

void config_origin(const experiment_config *config, const char *name, char text[PATH_MAX]) {
    describe_origin(find_winner(config, name), config->path, text);
}

bool config_origin_for(const experiment_config *config, const char *name, const char *source, const char *model,
                       char text[PATH_MAX]) {
    const config_assignment *winner = find_winner_for(config, name, source, model);
    describe_origin(winner, config->path, text);
    return winner != NULL;
}

/* Return whether an item of experiment.data is a path; path <- the same from the current folder. */
static bool is_path(const char *item, const char *path) {
    if (image_kind_of(item) || toy_find(item)) return false;
    return table_is_path(item) || strchr(item, '/') || image_is_files(path);
}

status config_data_source(const experiment_config *config, const char *item, char path[PATH_MAX], error_info *err) {
    const config_assignment *winner = find_winner(config, "experiment.data");
    if (!place(winner, item, PATH_MAX, path)) return error_set(err, STATUS_INVALID, "%s: the path is too long", item);
    if (!is_path(item, path)) snprintf(path, PATH_MAX, "%s", item);
    return STATUS_OK;
}

status config_note_renamed(experiment_config *config, const char *key, config_assignment *assignment, error_info *err) {
    char today[SETTINGS_TEXT_MAX], text[2 * SETTINGS_TEXT_MAX];
    const setting_option *option = assignment->option;
    const char *dot = strrchr(key, '.');
    const char *bare = dot ? dot + 1 : key;
    if (!settings_is_renamed(option, bare, assignment->value, today)) return STATUS_OK;
    if (strcmp(today, assignment->value) == 0)
        snprintf(text, sizeof text, "%s.%s is now called %s", option->section, bare, option->name);
    else
        snprintf(text, sizeof text, "%s.%s = %s is now called %s = %s", option->section, bare, assignment->value,
                 option->name, today);
    return config_keep(config, text, &assignment->renamed, err);
}

/* Files are distinguished by the address of their path. */
void config_write_renamed(const experiment_config *config, FILE *stream) {
    for (size_t i = 0; i < config->assignment_count; i++) {
        const config_assignment *assignment = &config->assignments[i];
        size_t before = 0, after = 0;
        for (size_t j = 0; j < config->assignment_count; j++) {
            const config_assignment *other = &config->assignments[j];
            if (j == i || !other->renamed || other->path != assignment->path) continue;
            before += j < i;
            after += j > i;
        }
        if (!assignment->renamed || before > 0) continue;
        if (assignment->path) fprintf(stream, "Note: %s:%zu: ", assignment->path, assignment->line);
        else fprintf(stream, "Note: --set: ");
        fprintf(stream, "%s; the old name still works", assignment->renamed);
        if (after > 0) fprintf(stream, " (and %zu more renamed setting%s)", after, after > 1 ? "s" : "");
        fputc('\n', stream);
    }
}

/* Return whether experiment.data or experiment.models lists the name. */
static bool is_listed(const settings *values, config_scope scope, const char *name) {
    const char *cursor = scope == SCOPE_MODEL ? values->experiment_models : values->experiment_data;
    for (char item[SETTINGS_TEXT_MAX]; settings_list_next(&cursor, item);)
        if (scope == SCOPE_MODEL ? strcmp(name, item) == 0 : data_matches(name, item)) return true;
    return false;
}

/* "...; the nearest is NAME" for a name that is not in the list. */
static status fail_unlisted(const settings *values, config_scope scope, const char *name, error_info *err) {
    const char *list = scope == SCOPE_MODEL ? values->experiment_models : values->experiment_data;
    char items[NAMES_MAX][SETTINGS_TEXT_MAX];
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (const char *cursor = list; count < NAMES_MAX && settings_list_next(&cursor, items[count]); count++)
        names[count] = items[count];
    const char *nearest = suggest_name(name, count, names);
    return error_set(err, STATUS_INVALID, "[%s %s]: experiment.%s lists only %s%s%s", config_scope_name(scope), name,
                     scope == SCOPE_MODEL ? "models" : "data", list, nearest ? "; the nearest is " : "",
                     nearest ? nearest : "");
}

status config_check_sections(const experiment_config *config, error_info *err) {
    for (size_t i = 0; i < config->section_count; i++) {
        const config_section *section = &config->sections[i];
        const char *list =
            section->scope == SCOPE_MODEL ? config->base.experiment_models : config->base.experiment_data;
        if (section->included || !*list || is_listed(&config->base, section->scope, section->name)) continue;
        error_info reason;
        fail_unlisted(&config->base, section->scope, section->name, &reason);
        return error_set(err, STATUS_INVALID, "%s:%zu: %s", section->path, section->line, reason.text);
    }
    return STATUS_OK;
}

static status check_required(const experiment_config *config, error_info *err) {
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (!option->initial && !find_winner(config, option->name))
            return error_set(err, STATUS_INVALID, "%s: %s is missing", config->path, option->name);
    }
    return STATUS_OK;
}

/* Each listed model needs a section, or a slip in its name would train defaults. */
static status check_models(const experiment_config *config, error_info *err) {
    const char *cursor = config->base.experiment_models;
    for (char model[SETTINGS_TEXT_MAX]; settings_list_next(&cursor, model);) {
        const char *names[NAMES_MAX];
        size_t count = 0;
        bool declared = false;
        for (size_t i = 0; i < config->section_count; i++) {
            const config_section *section = &config->sections[i];
            if (section->scope != SCOPE_MODEL) continue;
            declared = declared || strcmp(section->name, model) == 0;
            if (count < NAMES_MAX) names[count++] = section->name;
        }
        if (declared) continue;
        char origin[PATH_MAX];
        config_origin(config, "experiment.models", origin);
        const char *nearest = suggest_name(model, count, names);
        return error_set(err, STATUS_INVALID,
                         "%s: experiment.models lists %s, but there is no section [model %s]%s%s%s", origin, model,
                         model, nearest ? "; the nearest is [model " : "", nearest ? nearest : "", nearest ? "]" : "");
    }
    return STATUS_OK;
}

/* A point's value overrides all others, so --set of the same setting would have no effect. */
static status check_swept(const experiment_config *config, const config_assignment *assignment, error_info *err) {
    for (size_t a = 0; a < config->swept.axis_count; a++) {
        const sweep_axis *axis = &config->swept.axes[a];
        if (axis->option == assignment->option)
            return error_set(err, STATUS_INVALID, "--set %s: %s:%zu sweeps it; select points by --where",
                             axis->option->name, axis->path, axis->line);
    }
    return STATUS_OK;
}

status config_check_whole(const experiment_config *config, error_info *err) {
    TRY(check_required(config, err));
    TRY(check_models(config, err));
    TRY(sweep_check(&config->swept, config->base.experiment_models, err));
    for (size_t i = 0; i < config->assignment_count; i++) {
        const config_assignment *assignment = &config->assignments[i];
        if (assignment->path) continue;
        TRY(check_swept(config, assignment, err));
        if (assignment->scope == SCOPE_ALL) continue;
        if (is_listed(&config->base, assignment->scope, assignment->name)) continue;
        error_info reason;
        fail_unlisted(&config->base, assignment->scope, assignment->name, &reason);
        return error_set(err, STATUS_INVALID, "--set: %s", reason.text);
    }
    return STATUS_OK;
}

/* Cut blanks off both ends of text[0 .. *length). */
static const char *trim(const char *text, size_t *length) {
    while (*length > 0 && (*text == ' ' || *text == '\t')) text++, (*length)--;
    while (*length > 0 && (text[*length - 1] == ' ' || text[*length - 1] == '\t')) (*length)--;
    return text;
}

/* Split "NAME.key" or "NAME.section.key" in place; the NAME of a table of points may contain dots. Return the
 * setting's name, or NULL. */
static char *split_scoped(char *text) {
    char *last = strrchr(text, '.');
    if (!last || last == text) return NULL;
    *last = '\0';
    char *before = strrchr(text, '.');
    const bool whole = before && before != text && settings_section_known(before + 1, NULL);
    *last = whole ? '.' : '\0';
    char *cut = whole ? before : last;
    *cut = '\0';
    return cut + 1;
}

status config_parse_target(char *target, config_assignment *out, char **name, char **key, error_info *err) {
    const config_scope scopes[] = {SCOPE_DATA, SCOPE_MODEL};
    out->scope = SCOPE_ALL;
    *name = target + strlen(target);
    for (size_t i = 0; i < 2; i++) {
        const char *word = config_scope_name(scopes[i]);
        const size_t length = strlen(word);
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): strncmp has read that far */
        if (strncmp(target, word, length) != 0 || (target[length] != ' ' && target[length] != '\t')) continue;
        out->scope = scopes[i];
        *name = target + length + strspn(target + length, " \t");
        target = split_scoped(*name);
        if (!target) return error_set(err, STATUS_INVALID, "expected \"%s NAME.key=value\"", word);
        break;
    }
    *key = target;
    if (out->scope != SCOPE_ALL && !strchr(target, '.')) return settings_find("model", target, &out->option, err);
    TRY(settings_find_name(target, &out->option, err));
    if (out->scope != SCOPE_ALL && !settings_of_run(out->option))
        return error_set(err, STATUS_INVALID, "%s cannot differ between data sets or models", out->option->name);
    return STATUS_OK;
}

status config_assign_text(experiment_config *config, const char *text, error_info *err) {
    const char *equals = strchr(text, '=');
    if (!equals) return error_set(err, STATUS_INVALID, "expected section.key=value");
    char target[SETTINGS_TEXT_MAX], *name, *key;
    size_t length = (size_t)(equals - text);
    const char *left = trim(text, &length);
    if (length >= sizeof target) return error_set(err, STATUS_INVALID, "expected section.key=value");
    memcpy(target, left, length);
    target[length] = '\0';

    config_assignment assignment = {0};
    TRY(config_parse_target(target, &assignment, &name, &key, err));
    char value[SETTINGS_TEXT_MAX];
    length = strlen(equals + 1);
    const char *right = trim(equals + 1, &length);
    if (length >= sizeof value)
        return error_set(err, STATUS_INVALID, "%s: the value has %zu bytes, expected at most %d",
                         assignment.option->name, length, SETTINGS_TEXT_MAX - 1);
    memcpy(value, right, length);
    value[length] = '\0';
    settings scratch;
    TRY(settings_parse(assignment.option, value, &scratch, err));
    TRY(config_keep(config, name, &assignment.name, err));
    TRY(config_keep(config, value, &assignment.value, err));
    TRY(config_note_renamed(config, key, &assignment, err));
    return config_assign(config, &assignment, err);
}
