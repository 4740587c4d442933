/* choices.h - an enumeration and the names of its values from one table.
 *
 * A table is a macro that applies another to each of its entries:
 *
 *   #define COLOURS(ENTRY) ENTRY(COLOUR_RED, "red") ENTRY(COLOUR_BLUE, "blue")
 *   typedef enum colour { COLOURS(CHOICE_SYMBOL) } colour;
 *   const char *const texts[] = {COLOURS(CHOICE_TEXT)};
 *   const char *names = CHOICE_NAMES(COLOURS);           "red|blue", as options.def takes them */
#ifndef AFFJORD_BASE_CHOICES_H
#define AFFJORD_BASE_CHOICES_H

#define CHOICE_SYMBOL(symbol, name) symbol,
#define CHOICE_NAME(symbol, name) "|" name
#define CHOICE_TEXT(symbol, name) name,
#define CHOICE_NAMES(table) (&(table(CHOICE_NAME))[1])

#endif
