/* results_db_merging.h - the structure of a merge, for the files that implement it. */
#ifndef AFFJORD_RUNNER_RESULTS_DB_MERGING_H
#define AFFJORD_RUNNER_RESULTS_DB_MERGING_H

#include "record/results_db_internal.h"

/* One table's rows of a run: ?1 its number here, ?2 that in the shard; of tables with subjects ?2 is the subject. */
typedef struct merged_table {
    char *clear, *copy, *add; /* SQL of the steps; NULL: no such step */
    sqlite3_stmt *clearing, *copying, *adding; /* prepared when first used */
    bool filled; /* the attached shard has rows of it */
} merged_table;

struct merging {
    char *columns; /* columns of `run`, except those that change */
    char *insert_run, *update_run;
    sqlite3_stmt *inserting, *updating;
    char *look; /* one row: which tables the shard has rows of */
    sqlite3_stmt *looking;
    size_t table_count;
    merged_table *tables;
    char shard[PATH_MAX];
};

#endif
