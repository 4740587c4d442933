/* command_readable.h - affjord readable DATABASE, which scripts use and --help does not list. */
#ifndef AFFJORD_RUNNER_COMMAND_READABLE_H
#define AFFJORD_RUNNER_COMMAND_READABLE_H

/* Print the name. Returns the exit status. */
int readable_run(int count, char **words);

#endif
