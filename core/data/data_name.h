/* data_name.h - the name of a data set that is read from files. */
#ifndef AFFJORD_DATA_DATA_NAME_H
#define AFFJORD_DATA_DATA_NAME_H

enum { DATA_NAME_MAX = 1024 };

/* name <- the path without its folder and the ending of a table, an array or an archive; FILE_NAME for FILE.npz:NAME.
 * Trailing slashes of a folder are dropped. Names that are too long are cut. */
void data_name(const char *path, char name[DATA_NAME_MAX]);

#endif
