/* choices.h - an enumeration and the names of its values from one table.
 *
 * A table is a macro that applies another to each of its entries:
 *
 *   #define COLOURS(ENTRY) ENTRY(COLOUR_RED, "red") ENTRY(COLOUR_BLUE, "blue")
 *   typedef enum colour { COLOURS(CHOICE_SYMBOL) } colour;
 *   #define COLOUR_COUNT CHOICE_COUNT(COLOURS)
 *   const char *const texts[] = {COLOURS(CHOICE_TEXT)};
 *   const char *names = CHOICE_NAMES(COLOURS);           "red|blue", as options.def takes them */
#ifndef AFFJORD_BASE_CHOICES_H
#define AFFJORD_BASE_CHOICES_H

/* An entry as an enumerator. */
#define CHOICE_SYMBOL(symbol, name) symbol,
/* An entry as a part of CHOICE_NAMES. */
#define CHOICE_NAME(symbol, name) "|" name
/* An entry as an element of an array of names. */
#define CHOICE_TEXT(symbol, name) name,
/* An entry as a term of CHOICE_COUNT. */
#define CHOICE_ONE(symbol, name) +1
/* How many entries a table has. */
#define CHOICE_COUNT(table) (0 table(CHOICE_ONE))
/* The names of a table, with | between them. */
#define CHOICE_NAMES(table) (&(table(CHOICE_NAME))[1])

#endif
