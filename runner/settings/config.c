/* config.c - read an experiment file and its includes with inih.
 *
 * inih splits lines into sections, keys and values. As built for Debian, it cuts lines at 199 bytes and section
 * names at 49, accepts empty sections, takes ':' for '=', ends a value at a ; in quotes, and reads an indented line
 * as a continuation of the previous value. The lines therefore pass through next_line(), which counts them, refuses
 * those that inih would change, and passes on only the key of a line that inih would cut. */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/config_internal.h"
#include "system/paths.h"

enum {
    SECTION_NAME_MAX = 49, /* limit of a section's name in inih */
    FILE_MAX = 1 << 20 /* bytes; no experiment file is nearly as long */
};

/* One file while it is read. */
typedef struct source {
    experiment_config *config;
    const struct source *includer; /* NULL for the experiment file */
    const char *path;
    dev_t device;
    ino_t inode;
    char *content;
    size_t length, position; /* bytes; position of the next line */
    size_t line; /* from 1 */
    const char *raw; /* the unchanged line, raw_length bytes */
    size_t raw_length;
    config_scope scope; /* of the current section */
    const char *section; /* its plain name; NULL before the first section */
    const char *name;
    bool sweep; /* the current section is [sweep] */
    bool indented; /* the line starts with a blank */
    bool has_key; /* the section has one already, which an indented line would continue */
    bool whole; /* inih has only the line's key; the value is in `raw` */
    status code;
    error_info *err;
} source;

static status read_source(experiment_config *config, const char *path, const source *includer, error_info *err);

status config_keep(experiment_config *config, const char *text, const char **out, error_info *err) {
    char **texts = realloc(config->texts, (config->text_count + 1) * sizeof *texts);
    if (texts) config->texts = texts;
    char *copy = texts ? strdup(text) : NULL;
    if (!copy) return error_set(err, STATUS_MEMORY, "out of memory");
    config->texts[config->text_count++] = copy;
    *out = copy;
    return STATUS_OK;
}

status config_assign(experiment_config *config, const config_assignment *assignment, error_info *err) {
    config_assignment *grown = realloc(config->assignments, (config->assignment_count + 1) * sizeof *grown);
    if (!grown) return error_set(err, STATUS_MEMORY, "out of memory");
    config->assignments = grown;
    grown[config->assignment_count++] = *assignment;
    return STATUS_OK;
}

static status add_section(source *from) {
    experiment_config *config = from->config;
    config_section *grown = realloc(config->sections, (config->section_count + 1) * sizeof *grown);
    if (!grown) return error_set(from->err, STATUS_MEMORY, "out of memory");
    config->sections = grown;
    grown[config->section_count++] = (config_section){.scope = from->scope,
                                                      .name = from->name,
                                                      .path = from->path,
                                                      .line = from->line,
                                                      .included = from->includer != NULL};
    return STATUS_OK;
}

/* "file:line: ..." */
__attribute__((format(printf, 3, 4))) static status fail_at(const source *from, status code, const char *format, ...) {
    error_info text;
    va_list arguments;
    va_start(arguments, format);
    error_describe_list(&text, format, arguments);
    va_end(arguments);
    return error_set(from->err, code, "%s:%zu: %s", from->path, from->line, text.text);
}

/* Remove blanks at both ends, in place. */
static char *trim(char *text) {
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1])) text[--length] = '\0';
    return text;
}

/* [data NAME] or [model NAME], with `rest` = NAME. */
static status open_scoped_section(source *from, config_scope scope, const char *rest) {
    if (scope == SCOPE_MODEL && !settings_name_valid(rest))
        return fail_at(from, STATUS_INVALID, "[model %s]: expected only letters, digits, _ and - in the name", rest);
    TRY(config_keep(from->config, rest, &from->name, from->err));
    from->scope = scope;
    from->section = "model";
    return add_section(from);
}

/* A section's header; `text` is the part between the brackets. */
static status open_section(source *from, char *text) {
    error_info reason;
    text = trim(text);
    const size_t word = strcspn(text, " \t");
    char *rest = text[word] ? trim(text + word) : text + word;
    from->has_key = false;
    from->sweep = strcmp(text, "sweep") == 0;
    if (from->sweep) {
        from->section = "sweep";
        return STATUS_OK;
    }
    if (strncmp(text, "data", word) == 0 && word == 4 && *rest) return open_scoped_section(from, SCOPE_DATA, rest);
    if (strncmp(text, "model", word) == 0 && word == 5 && *rest) return open_scoped_section(from, SCOPE_MODEL, rest);
    if (!settings_section_known(text, &reason)) return fail_at(from, STATUS_INVALID, "%s", reason.text);
    TRY(config_keep(from->config, text, &from->section, from->err));
    from->scope = SCOPE_ALL;
    from->name = "";
    return STATUS_OK;
}

/* Process a line before inih reads it. */
static status check_line(source *from) {
    const char *raw = from->raw;
    const size_t blanks = strspn(raw, " \t");
    from->indented = blanks > 0;
    if (raw[blanks] != '[') return STATUS_OK;
    if (from->indented) return fail_at(from, STATUS_FORMAT, "a section must start in the first column");
    const char *end = memchr(raw, ']', from->raw_length);
    if (!end) return STATUS_OK; /* inih reports it */
    const char *after = end + 1 + strspn(end + 1, " \t\r");
    if (after < raw + from->raw_length && *after != ';' && *after != '#')
        return fail_at(from, STATUS_FORMAT, "unexpected text after the section's ]");
    const size_t length = (size_t)(end - raw) - 1;
    if (length > SECTION_NAME_MAX)
        return fail_at(from, STATUS_FORMAT, "the section's name has %zu bytes, expected at most %d", length,
                       SECTION_NAME_MAX);
    char text[SECTION_NAME_MAX + 1];
    memcpy(text, raw + 1, length);
    text[length] = '\0';
    return open_section(from, text);
}

/* Return how many bytes of the line inih gets: all; up to the = if it would change the value; for a comment or a
 * section, as many as it has room for. */
static size_t part_for_inih(source *from, size_t room) {
    const char *text = from->raw + strspn(from->raw, " \t");
    const char *equals = memchr(from->raw, '=', from->raw_length);
    const bool pair = *text != ';' && *text != '#' && *text != '[';
    const bool fits = from->raw_length <= room;
    from->whole = pair && (!fits || memchr(from->raw, '"', from->raw_length));
    if (fits && !from->whole) return from->raw_length;
    const size_t key = equals && !from->indented ? (size_t)(equals - from->raw) + 1 : room;
    return key < room ? key : room < from->raw_length ? room : from->raw_length;
}

/* The reader that inih calls for a line, as fgets. Ends the file at the first failure. */
static char *next_line(char *buffer, int size, void *stream) {
    source *from = stream;
    if (from->code != STATUS_OK || from->position >= from->length) return NULL;
    from->line++;
    from->raw = from->content + from->position;
    from->raw_length = strcspn(from->raw, "\n");
    from->position += from->raw_length + 1;
    if (from->raw_length > 0 && from->raw[from->raw_length - 1] == '\r') from->raw_length--;
    from->code = check_line(from);
    if (from->code != STATUS_OK) return NULL;
    const size_t part = part_for_inih(from, (size_t)size - 3); /* as ini.h says: \r, \n and \0 */
    memcpy(buffer, from->raw, part);
    buffer[part] = '\n';
    buffer[part + 1] = '\0';
    return buffer;
}

/* Cut `text` at a comment, a ; after a blank that is not within quotes where they mean something. */
static void cut_comment(char *text, bool quotes) {
    bool quoted = false;
    for (char *at = text; *at; at++) {
        quoted ^= quotes && *at == '"';
        if (*at != ';' || quoted || (at > text && at[-1] != ' ' && at[-1] != '\t')) continue;
        *at = '\0';
        break;
    }
    trim(text);
}

/* The value on this line, for free(); NULL if memory is short. */
static char *value_here(const source *from, const char *value, bool list) {
    const char *equals = from->indented && from->has_key ? NULL : memchr(from->raw, '=', from->raw_length);
    if (!from->whole) return strdup(value);
    const char *start = equals ? equals + 1 : from->raw;
    char *copy = strndup(start, (size_t)(from->raw + from->raw_length - start));
    if (!copy) return NULL;
    const size_t blanks = strspn(copy, " \t\r");
    memmove(copy, copy + blanks, strlen(copy + blanks) + 1);
    cut_comment(copy, list);
    return copy;
}

/* Return whether the next non-blank line is indented: more items of a list. */
static bool goes_on(const source *from) {
    const char *line = from->content + (from->position < from->length ? from->position : from->length);
    for (;; line += strcspn(line, "\n") + 1) {
        const char *text = line + strspn(line, " \t\r");
        if (!*text) return false;
        if (*text != '\n' && *text != ';' && *text != '#') return text > line && *text != '[';
        if (!line[strcspn(line, "\n")]) return false;
    }
}

/* "first, more" in fresh memory; NULL if memory is short. */
static char *join(const char *first, const char *more) {
    const size_t length = strlen(first), size = length + strlen(more) + 3;
    const char *between = length == 0 ? "" : first[length - 1] == ',' ? " " : ", ";
    char *joined = malloc(size);
    if (joined) snprintf(joined, size, "%s%s%s", first, between, more);
    return joined;
}

/* An indented line: more items for the list above. */
static status continue_list(source *from, const char *value) {
    experiment_config *config = from->config;
    config_assignment *last = config->assignment_count ? &config->assignments[config->assignment_count - 1] : NULL;
    if (!last || last->path != from->path || last->option->type != SETTING_LIST)
        return fail_at(from, STATUS_FORMAT,
                       "an indented line continues the list above, and there is none; "
                       "a setting must start in the first column");
    char *more = value_here(from, value, true);
    if (more) cut_comment(more, true); /* inih does so only for the line with the key */
    char *joined = more ? join(last->value, more) : NULL;
    settings scratch;
    error_info reason;
    status outcome = joined ? settings_parse(last->option, joined, &scratch, &reason)
                            : error_set(&reason, STATUS_MEMORY, "out of memory");
    if (outcome != STATUS_OK) fail_at(from, outcome, "%s", reason.text);
    else outcome = config_keep(config, joined, &last->value, from->err);
    free(joined);
    free(more);
    return outcome;
}

/* A line of [sweep], or more values for the one above. */
static status take_axis(source *from, const char *key, const char *value) {
    sweep *into = &from->config->swept;
    error_info reason;
    char *own = value_here(from, value, true);
    if (own) cut_comment(own, true);
    const status outcome = !own  ? error_set(&reason, STATUS_MEMORY, "out of memory")
                           : key ? sweep_take(into, key, own, from->path, from->line, &reason)
                                 : sweep_continue(into, own, &reason);
    free(own);
    return outcome == STATUS_OK ? STATUS_OK : fail_at(from, outcome, "%s", reason.text);
}

static status include_file(source *from, const char *value) {
    char path[PATH_MAX];
    if (from->section) return fail_at(from, STATUS_INVALID, "include must stand above the first section");
    if (!*value) return fail_at(from, STATUS_INVALID, "include: the value is empty");
    const char *slash = strrchr(from->path, '/');
    const int folder = *value == '/' || !slash ? 0 : (int)(slash - from->path) + 1;
    const int length = snprintf(path, sizeof path, "%.*s%s", folder, from->path, value);
    if (length >= PATH_MAX) return fail_at(from, STATUS_INVALID, "include = %s: the path is too long", value);
    /* The project's presets can be included by a path as if they were beside the file. */
    char preset[PATH_MAX];
    if (access(path, F_OK) != 0 && shipped_path("configs", value, preset))
        return read_source(from->config, preset, from, from->err);
    return read_source(from->config, path, from, from->err);
}

static status find_option(source *from, const char *key, const setting_option **out) {
    error_info reason;
    const bool whole = from->scope != SCOPE_ALL && strchr(key, '.');
    const status found =
        whole ? settings_find_name(key, out, &reason) : settings_find(from->section, key, out, &reason);
    if (found != STATUS_OK) return fail_at(from, found, "%s", reason.text);
    if (from->scope != SCOPE_ALL && !settings_of_run(*out))
        return fail_at(from, STATUS_INVALID, "%s cannot differ between data sets or models; set it in [%s]",
                       (*out)->name, (*out)->section);
    return STATUS_OK;
}

/* A list may begin on the next line. */
static status assign(source *from, const char *key, const setting_option *option, const char *value) {
    settings scratch;
    error_info reason;
    const bool later = !*value && option->type == SETTING_LIST && goes_on(from);
    const status parsed = later ? STATUS_OK : settings_parse(option, value, &scratch, &reason);
    if (parsed != STATUS_OK) return fail_at(from, parsed, "%s", reason.text);
    config_assignment assignment = {
        .scope = from->scope, .name = from->name, .option = option, .path = from->path, .line = from->line};
    TRY(config_keep(from->config, value, &assignment.value, from->err));
    TRY(config_note_renamed(from->config, key, &assignment, from->err));
    return config_assign(from->config, &assignment, from->err);
}

static status take_pair(source *from, const char *key, const char *value) {
    const char *separator = strpbrk(from->raw, "=:");
    if (!*key || !separator || *separator == ':') return fail_at(from, STATUS_FORMAT, "expected \"key = value\"");
    if (strcmp(key, "include") == 0) {
        char *own = value_here(from, value, false);
        const status outcome = own ? include_file(from, own) : fail_at(from, STATUS_MEMORY, "out of memory");
        free(own);
        return outcome;
    }
    if (!from->section) return fail_at(from, STATUS_INVALID, "%s stands above the first section", key);
    if (from->sweep) return take_axis(from, key, value);

    const setting_option *option = NULL;
    TRY(find_option(from, key, &option));
    const experiment_config *config = from->config;
    for (size_t i = 0; i < config->assignment_count; i++) {
        const config_assignment *other = &config->assignments[i];
        if (other->path == from->path && other->option == option && other->scope == from->scope &&
            strcmp(other->name, from->name) == 0)
            return fail_at(from, STATUS_INVALID, "%s is already set on line %zu", option->name, other->line);
    }
    char *own = value_here(from, value, option->type == SETTING_LIST);
    const status outcome = own ? assign(from, key, option, own) : fail_at(from, STATUS_MEMORY, "out of memory");
    free(own);
    return outcome;
}

/* inih's handler; 0 for failure. */
static int handle_pair(void *user, const char *section, const char *name, const char *value) {
    source *from = user;
    (void)section; /* the message of next_line() is more precise */
    if (from->code != STATUS_OK) return 0;
    if (!from->indented || !from->has_key) from->code = take_pair(from, name, value);
    else from->code = from->sweep ? take_axis(from, NULL, value) : continue_list(from, value);
    from->has_key = true;
    return from->code == STATUS_OK;
}

/* The file's bytes, with a terminator, in memory that the caller frees. */
static status read_content(const char *path, source *from, error_info *err) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_set(err, STATUS_IO, "%s: %s", path, strerror(errno));
    struct stat about;
    status code = STATUS_OK;
    if (fstat(descriptor, &about) != 0) code = error_set(err, STATUS_IO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(about.st_mode))
        code = error_set(err, STATUS_IO, "%s: is a folder, expected an experiment file", path);
    else if (!S_ISREG(about.st_mode) || about.st_size > FILE_MAX)
        code = error_set(err, STATUS_IO, "%s: is no file of at most %d bytes, expected an experiment file", path,
                         FILE_MAX);
    if (code != STATUS_OK) {
        close(descriptor);
        return code;
    }
    from->device = about.st_dev;
    from->inode = about.st_ino;
    const size_t wanted = (size_t)about.st_size;
    from->content = malloc(wanted + 1);
    if (!from->content) code = error_set(err, STATUS_MEMORY, "out of memory");
    while (code == STATUS_OK && from->length < wanted) {
        const ssize_t got = read(descriptor, from->content + from->length, wanted - from->length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) code = error_set(err, STATUS_IO, "%s: %s", path, strerror(errno));
        if (got <= 0) break;
        from->length += (size_t)got;
    }
    if (from->content) from->content[from->length] = '\0';
    close(descriptor);
    return code;
}

/* Report an error inside inih. */
static status explain_line(source *from, size_t line) {
    const char *text = from->content;
    for (size_t i = 1; i < line; i++) text += strcspn(text, "\n") + 1;
    from->line = line;
    if (text[strspn(text, " \t")] == '[') return fail_at(from, STATUS_FORMAT, "the section has no ]");
    return fail_at(from, STATUS_FORMAT, "expected \"key = value\"");
}

static status parse_content(source *from) {
    const char *nul = memchr(from->content, '\0', from->length);
    if (nul) {
        from->line = 1;
        for (const char *at = from->content; (at = memchr(at, '\n', (size_t)(nul - at))); at++) from->line++;
        return fail_at(from, STATUS_FORMAT, "a NUL byte; expected text");
    }
    static const char MARK[] = "\xef\xbb\xbf"; /* of UTF-8 */
    if (strncmp(from->content, MARK, 3) == 0) from->position = 3;
    const int first_bad = ini_parse_stream(next_line, from, handle_pair, from);
    /* inih continues after a line that it cannot read, so that line may be before the one where we stopped. */
    if (first_bad > 0 && (from->code == STATUS_OK || (size_t)first_bad < from->line))
        return explain_line(from, (size_t)first_bad);
    if (first_bad < 0) return error_set(from->err, STATUS_MEMORY, "out of memory");
    return from->code;
}

static status read_source(experiment_config *config, const char *path, const source *includer, error_info *err) {
    source from = {.config = config, .includer = includer, .name = "", .err = err};
    error_info reason;
    TRY(config_keep(config, path, &from.path, err));
    status code = read_content(path, &from, &reason);
    if (code != STATUS_OK) {
        code = includer ? fail_at(includer, code, "include: %s", reason.text) : error_set(err, code, "%s", reason.text);
    } else {
        for (const source *outer = includer; outer && code == STATUS_OK; outer = outer->includer)
            if (outer->device == from.device && outer->inode == from.inode)
                code = fail_at(includer, STATUS_INVALID, "include: %s: the file includes itself", path);
        if (code == STATUS_OK) code = parse_content(&from);
    }
    free(from.content);
    return code;
}

static status load_everything(experiment_config *config, const char *path, size_t set_count, const char *const *set,
                              error_info *err) {
    TRY(config_keep(config, path, &config->path, err));
    TRY(read_source(config, path, NULL, err));
    config_resolve_base(config, false);
    TRY(config_check_sections(config, err));
    for (size_t i = 0; i < set_count; i++) {
        error_info reason;
        const status assigned = config_assign_text(config, set[i], &reason);
        if (assigned != STATUS_OK) return error_set(err, assigned, "--set %s: %s", set[i], reason.text);
    }
    config_resolve_base(config, true);
    return config_check_whole(config, err);
}

status config_load(const char *path, size_t set_count, const char *const *set, experiment_config **out,
                   error_info *err) {
    experiment_config *config = calloc(1, sizeof *config);
    if (!config) return error_set(err, STATUS_MEMORY, "out of memory");
    const status loaded = load_everything(config, path, set_count, set, err);
    if (loaded != STATUS_OK) {
        config_destroy(&config);
        return loaded;
    }
    *out = config;
    return STATUS_OK;
}

void config_destroy(experiment_config **config) {
    if (!*config) return;
    for (size_t i = 0; i < (*config)->text_count; i++) free((*config)->texts[i]);
    sweep_release(&(*config)->swept);
    free((*config)->texts);
    free((*config)->assignments);
    free((*config)->sections);
    free(*config);
    *config = NULL;
}
