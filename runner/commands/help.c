/* help.c - the help of a command, from its tables. */
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "system/paths.h"
#include "system/wrap.h"

enum { TERM_COLUMNS = 22 }; /* of an option and its placeholder; longer ones have a separate line */

static const char PROGRAM[] = "./run";

static void write_forms(const command *self, FILE *stream) {
    char form[512];
    for (size_t i = 0; self->forms[i]; i++) {
        snprintf(form, sizeof form, "%s %s%s%s", PROGRAM, self->name, *self->name ? " " : "", self->forms[i]);
        const int column = fprintf(stream, "%s", i == 0 ? "usage: " : "       ");
        wrap_write(stream, form, column, column);
    }
}

static void write_paragraphs(const char *text, FILE *stream) {
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const size_t length = end ? (size_t)(end - text) : strlen(text);
        char *paragraph = strndup(text, length);
        fputc('\n', stream);
        if (paragraph) wrap_write(stream, paragraph, 0, 0);
        free(paragraph);
        text += length + (end ? 2 : 0);
    }
}

static void write_options(const command *self, FILE *stream) {
    bool heading = true; /* the next item is the first one below a paragraph */
    for (size_t i = 0; i < self->option_count; i++) {
        const argument_option *option = &self->options[i];
        if (!option->name) {
            write_paragraphs(option->help, stream);
            heading = true;
            continue;
        }
        if (heading) fputc('\n', stream);
        heading = false;
        int column =
            fprintf(stream, "  %s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
        if (column > TERM_COLUMNS) {
            fputc('\n', stream);
            column = 0;
        }
        wrap_write(stream, option->help, TERM_COLUMNS + 1, column);
    }
}

void command_write_help(const command *self, FILE *stream) {
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (!memory) return;
    write_forms(self, memory);
    write_paragraphs(self->text, memory);
    write_options(self, memory);
    if (fclose(memory) == 0) {
        const char *at = text, *next;
        for (; (next = strstr(at, PROGRAM)); at = next + strlen(PROGRAM))
            fprintf(stream, "%.*s%s", (int)(next - at), at, command_name());
        fputs(at, stream);
    }
    free(text);
}
