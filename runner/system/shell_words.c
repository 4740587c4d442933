/* shell_words.c - quote words for a POSIX shell. */
#include "system/shell_words.h"

#include <string.h>

void shell_word(FILE *stream, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+@";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, stream);
        return;
    }
    /* Inside single quotes nothing is special but the quote itself. */
    fputc('\'', stream);
    for (const char *c = word; *c; c++) {
        if (*c == '\'') fputs("'\\''", stream);
        else fputc(*c, stream);
    }
    fputc('\'', stream);
}
