/* usage.h - the text that a verb prints for --help, whole and part by part.
 *
 * The text is written once, for people. Manual pages and completion are made
 * from it, which needs no more than its layout:
 *
 *     usage: ./run VERB X [--option N]         forms; what is further in goes on with the one above
 *                      [--flag]
 *            ./run VERB Y
 *
 *     A paragraph.
 *
 *       --option N     an item: two columns, two blanks or more between them
 *       --a --long one
 *                      or the first column in a line of its own */
#ifndef AFFJORD_RUNNER_USAGE_H
#define AFFJORD_RUNNER_USAGE_H

#include <stdbool.h>
#include <stdio.h>

typedef enum usage_kind { USAGE_FORM, USAGE_PARAGRAPH, USAGE_ITEM } usage_kind;

enum { USAGE_TERM_MAX = 128, USAGE_TEXT_MAX = 4096 };

typedef struct usage_part {
    usage_kind kind;
    char term[USAGE_TERM_MAX]; /* of an item: its first column */
    char text[USAGE_TEXT_MAX]; /* in one line; of a form without the program's name */
} usage_part;

/* Each call that returns true has put the next part into *out; start with *cursor = the text. */
bool usage_next(const char **cursor, usage_part *out);

/* Where a part may have options: a form, the first column of an item; "" for a paragraph. */
const char *usage_options(const usage_part *part);

/* The next option in such a text that starts at *cursor: its name with the dashes, and what stands for its value, "" for a
 * flag. Anything else is passed over. */
bool usage_option(const char **cursor, char name[USAGE_TERM_MAX], char value[USAGE_TERM_MAX]);

/* The whole text with the program called as it is here: ./run, or affjord. */
void usage_write(const char *text, FILE *stream);

#endif
