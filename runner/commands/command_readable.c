/* command_readable.c - affjord readable DATABASE: print a path from which the sqlite3 program can read a database
 * without writing files beside it. It is the database's own path, or that of a copy, in a folder that the calling
 * script removes. */
#include "commands/command_readable.h"

#include <stdio.h>

#include "commands/commands.h"
#include "record/results_db.h"

int readable_run(int count, char **words) {
    char name[PATH_MAX], folder[PATH_MAX];
    error_info err = {""};
    if (count != 1) return command_failed("readable: expected the path of a database");
    if (db_make_readable(words[0], name, folder, &err) != STATUS_OK) return command_failed(err.text);
    puts(name);
    return EXIT_DONE;
}
