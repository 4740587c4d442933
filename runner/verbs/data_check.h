/* data_check.h - ./run data check: which sets of images are there, and whether they are sound. */
#ifndef AFFJORD_RUNNER_DATA_CHECK_H
#define AFFJORD_RUNNER_DATA_CHECK_H

/* Says for each known set of images what was found in --dir, else $AFFJORD_DATA,
 * else ./data, with its checksums, or which files are to be had from where.
 * `words` are those after ./run data; a first one that is "check" is passed over.
 * Returns the exit status: EXIT_DONE if every set that is there is sound,
 * EXIT_FAILED if not or if a folder that was asked for is not there, EXIT_USAGE. */
int data_check_run(int count, char **words);

#endif
