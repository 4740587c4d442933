/* wrap.c - text in lines of a terminal's width. */
#include "system/wrap.h"

#include <string.h>

void wrap_write(FILE *stream, const char *text, int indent, int column) {
    text += strspn(text, " ");
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > WRAP_COLUMNS) {
            fputc('\n', stream);
            column = 0;
        }
        if (column <= indent) column += fprintf(stream, "%*s", indent - column, "");
        else column += fprintf(stream, " ");
        column += fprintf(stream, "%.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}
