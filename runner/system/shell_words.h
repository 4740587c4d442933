/* shell_words.h - quote words for a POSIX shell. */
#ifndef AFFJORD_RUNNER_SHELL_WORDS_H
#define AFFJORD_RUNNER_SHELL_WORDS_H

#include <stdio.h>

/* Write the word, quoted if necessary, so that a shell reads exactly this word. */
void shell_word(FILE *stream, const char *word);

#endif
