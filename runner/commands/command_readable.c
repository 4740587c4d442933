/* command_readable.c - affjord readable DATABASE: for scripts, a name by which the sqlite3 program can read a database
 * without writing anything beside it. Where it is not the database's own, it is that of a copy, which is alone in a
 * folder that the script removes. */
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
