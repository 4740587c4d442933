/* usage.c - the text that a verb prints for --help, whole and part by part. */
#include "verbs/usage.h"

#include <string.h>

#include "system/place.h"

enum { ITEM_INDENT = 2, FORM_INDENT = 7 }; /* columns at which items and further forms begin */

static const char FIRST_FORM[] = "usage: ", PROGRAM[] = "./run";

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Append `length` bytes as words of the same line; what has no room is cut. */
static void append(char *text, size_t size, const char *from, size_t length) {
    size_t used = strlen(text);
    if (used > 0 && used + 1 < size) text[used++] = ' ';
    if (length > size - 1 - used) length = size - 1 - used;
    memcpy(text + used, from, length);
    text[used + length] = '\0';
}

/* A line, and how far in it begins. */
typedef struct line {
    const char *text; /* without the blanks before it */
    size_t length, indent;
    bool form; /* begins one, `text` standing behind the program's name */
} line;

static line read_line(const char *at) {
    line out = {.form = starts(at, FIRST_FORM)};
    if (out.form) at += strlen(FIRST_FORM);
    else at += out.indent = strspn(at, " ");
    out.form = starts(at, PROGRAM) && (out.form || out.indent == FORM_INDENT);
    if (out.form) at += strlen(PROGRAM) + (at[strlen(PROGRAM)] == ' ');
    out.text = at;
    out.length = strcspn(at, "\n");
    return out;
}

static const char *end_of(const line *of) {
    return of->text + of->length + (of->text[of->length] == '\n');
}

/* Whether the next line goes on with a part of this kind. */
static bool goes_on(usage_kind kind, const line *next) {
    if (next->length == 0 || next->form) return false;
    switch (kind) {
    case USAGE_FORM: return next->indent > FORM_INDENT;
    case USAGE_ITEM: return next->indent > ITEM_INDENT;
    default: return next->indent != ITEM_INDENT;
    }
}

/* Where the words in small letters begin, for a first column that leaves no room for two blanks. */
static size_t names_length(const line *first) {
    size_t length = strcspn(first->text, " \n");
    while (length < first->length && strchr("-\"ABCDEFGHIJKLMNOPQRSTUVWXYZ", first->text[length + 1]))
        length += 1 + strcspn(first->text + length + 1, " \n");
    return length;
}

/* The two columns of an item's first line; the first alone where there is no second, but lines that go on. */
static void split_item(const line *first, bool has_more, usage_part *out) {
    const char *gap = strstr(first->text, "  ");
    const bool wide = gap && gap < first->text + first->length;
    const size_t term = wide ? (size_t)(gap - first->text) : has_more ? first->length : names_length(first);
    const size_t blanks = strspn(first->text + term, " ");
    append(out->term, sizeof out->term, first->text, term);
    append(out->text, sizeof out->text, first->text + term + blanks, first->length - term - blanks);
}

bool usage_next(const char **cursor, usage_part *out) {
    const char *at = *cursor;
    at += strspn(at, "\n");
    *cursor = at;
    if (!*at) return false;
    const line first = read_line(at);
    out->kind = first.form ? USAGE_FORM : first.indent == ITEM_INDENT ? USAGE_ITEM : USAGE_PARAGRAPH;
    out->term[0] = out->text[0] = '\0';
    at = end_of(&first);
    line next = read_line(at);
    if (out->kind == USAGE_ITEM) split_item(&first, goes_on(USAGE_ITEM, &next), out);
    else append(out->text, sizeof out->text, first.text, first.length);
    for (; goes_on(out->kind, &next); next = read_line(at)) {
        append(out->text, sizeof out->text, next.text, next.length);
        at = end_of(&next);
    }
    *cursor = at;
    return true;
}

/* Copy until one of `ends`, brackets being counted: cpu|cuda[:N] is one value. */
static size_t copy_until(const char *at, const char *ends, char text[USAGE_TERM_MAX]) {
    size_t length = 0, depth = 0;
    while (at[length] && (depth > 0 || !strchr(ends, at[length])) && length + 1 < USAGE_TERM_MAX) {
        depth += at[length] == '[';
        depth -= at[length] == ']';
        text[length] = at[length];
        length++;
    }
    text[length] = '\0';
    return length;
}

const char *usage_options(const usage_part *part) {
    if (part->kind == USAGE_FORM) return part->text;
    return part->kind == USAGE_ITEM ? part->term : "";
}

bool usage_option(const char **cursor, char name[USAGE_TERM_MAX], char value[USAGE_TERM_MAX]) {
    const char *at = strstr(*cursor, "--");
    value[0] = '\0';
    if (!at) return false;
    at += copy_until(at, " ]|=[\n", name);
    if ((*at == ' ' || *at == '=') && at[1] && !strchr("[|-(", at[1])) at += 1 + copy_until(at + 1, " ]\n", value);
    *cursor = at;
    return true;
}

void usage_write(const char *text, FILE *stream) {
    const char *command = place_command(), *next;
    for (; (next = strstr(text, PROGRAM)); text = next + strlen(PROGRAM))
        fprintf(stream, "%.*s%s", (int)(next - text), text, command);
    fputs(text, stream);
}
