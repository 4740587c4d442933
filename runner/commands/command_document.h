/* command_document.h - the pages that the program writes of itself, for `make install` and for docs/. */
#ifndef AFFJORD_RUNNER_COMMAND_DOCUMENT_H
#define AFFJORD_RUNNER_COMMAND_DOCUMENT_H

/* Print a page: ./run document PAGE. --help does not list it, because only the build needs it. Return the exit
 * status. */
int document_run(int count, char **words);

#endif
