/* scratch.h - a folder under /tmp for a test that writes files. */
#ifndef AFFJORD_TESTS_SCRATCH_H
#define AFFJORD_TESTS_SCRATCH_H

#include <stddef.h>

/* Create the folder; remove it with its content. */
void scratch_create(char folder[64]);
void scratch_remove(const char *folder);

/* path <- folder/name. */
void scratch_path(const char *folder, const char *name, char path[128]);

/* Write a file; read one into fresh memory. */
void scratch_write(const char *path, const void *bytes, size_t size);
unsigned char *scratch_read(const char *path, size_t *size);

#endif
