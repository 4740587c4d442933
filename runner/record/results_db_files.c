/* results_db_files.c - permissions and owners of a database's files, in a folder that several users share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/results_db_internal.h"
#include "system/file_copy.h"

status db_make_file(const char *path, int *file, error_info *err) {
    *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*file >= 0) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot write the database \"%s\": %s", path, strerror(errno));
}

bool db_is_read(int file) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = DB_LOCK_FIRST, .l_len = DB_LOCK_SIZE};
    return fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void db_take_side_files(const char *path, int file) {
    static const char *const endings[] = {"-wal", "-journal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[PATH_MAX];
        error_info ignored; /* SQLite reports the problem */
        if (snprintf(name, sizeof name, "%s%s", path, endings[i]) >= (int)sizeof name) continue;
        if (access(name, F_OK) != 0 || faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) == 0 || db_is_read(file)) continue;
        if (strcmp(endings[i], "-shm") == 0) unlink(name); /* SQLite makes it from the log */
        else file_copy_over(name, &ignored);
    }
}
