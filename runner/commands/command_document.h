/* command_document.h - the pages that the program writes of itself, for `make install` and for docs/. */
#ifndef AFFJORD_RUNNER_COMMAND_DOCUMENT_H
#define AFFJORD_RUNNER_COMMAND_DOCUMENT_H

/* ./run document PAGE, on standard output. It is no command of --help: nobody but the build needs it. Returns the exit
 * status. */
int document_run(int count, char **words);

#endif
