/* data_name.h - what a data set from files is called. */
#ifndef AFFJORD_DATA_DATA_NAME_H
#define AFFJORD_DATA_DATA_NAME_H

enum { DATA_NAME_MAX = 1024 };

/* name <- the path without its folder and the ending of a table, an array or an archive; FILE_NAME for FILE.npz:NAME. The
 * slashes at the end of a folder are left out. Too long names are cut. */
void data_name(const char *path, char name[DATA_NAME_MAX]);

#endif
