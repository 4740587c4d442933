/* shell_words.h - words as a POSIX shell reads them. */
#ifndef AFFJORD_RUNNER_SHELL_WORDS_H
#define AFFJORD_RUNNER_SHELL_WORDS_H

#include <stdio.h>

/* Write the word so that a shell takes it for exactly that word, quoted only where it has to be. */
void shell_word(FILE *stream, const char *word);

#endif
