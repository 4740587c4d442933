/* results_db_support.h - shared by tests of the results database. */
#ifndef AFFJORD_TESTS_RESULTS_DB_SUPPORT_H
#define AFFJORD_TESTS_RESULTS_DB_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/results_db.h"
#include "scratch.h"

static char folder[64], path[128];

static inline void begin(void) {
    scratch_create(folder);
    scratch_path(folder, "results.db", path);
}

static inline void end(void) {
    if (getuid() == 0) { /* a test may have changed its user */
        cr_assert_eq(seteuid(0), 0);
        cr_assert_eq(setegid(0), 0);
        prctl(PR_SET_DUMPABLE, 1);
    }
    chmod(folder, 0700);
    scratch_remove(folder);
}

static inline results_db *open_db(void) {
    results_db *db = NULL;
    error_info reason = {""};
    cr_assert_eq(db_open(path, NULL, NULL, &db, &reason), STATUS_OK, "%s", reason.text);
    return db;
}

static inline void close_db(results_db *db) {
    error_info reason = {""};
    cr_assert_eq(db_close(&db, &reason), STATUS_OK, "%s", reason.text);
    cr_assert_null(db);
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        error_info why_ = {""};                                                                                        \
        error_info *err = &why_;                                                                                       \
        cr_assert_eq((call), STATUS_OK, "%s", err->text);                                                              \
    } while (0)

/* Return the result of a query as the sqlite3 program prints it: columns separated by |, rows by ;, NULL as "null". */
static inline const char *query(const char *sql) {
    static char text[65536];
    size_t used = 0;
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    text[0] = '\0';
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++) {
            const char *value = (const char *)sqlite3_column_text(rows, i);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "|" : "", value ? value : "null");
            cr_assert_lt(used, sizeof text);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, ";");
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return text;
}

static inline db_run make_run(results_db *db, const char *key, const char *model, uint64_t seed) {
    db_run run = {.seed = seed, .iterations = 200};
    snprintf(run.key, sizeof run.key, "%s", key);
    snprintf(run.data_checksum, sizeof run.data_checksum, "c0ffee");
    snprintf(run.dataset, sizeof run.dataset, "ty");
    snprintf(run.model, sizeof run.model, "%s", model);
    OK(db_put_run(db, &run, err));
    OK(db_find_run(db, key, &run, err));
    cr_assert_gt(run.id, 0);
    return run;
}

static inline void put_loss(results_db *db, int64_t run, uint64_t epoch, double training, double validation) {
    db_epoch row = {.epoch = epoch,
                    .iteration = 100 * epoch,
                    .loss = training,
                    .nfe_forward = 160,
                    .nfe_backward = 160,
                    .wall_seconds = 0.5,
                    .peak_bytes = 1024000};
    OK(db_put_epoch(db, run, &row, err));
    row.split = DB_VALIDATION;
    row.loss = validation;
    row.running = NAN;
    row.nfe_backward = 0;
    OK(db_put_epoch(db, run, &row, err));
}

/* Add an experiment with a finished run and this final validation loss. */
static inline void put_finished(results_db *db, int64_t experiment, const char *key, const char *model, uint64_t seed,
                                double loss) {
    const db_run run = make_run(db, key, model, seed);
    OK(db_put_member(db, experiment, run.id, err));
    put_loss(db, run.id, 1, loss + 1, loss - 0.25);
    put_loss(db, run.id, 2, loss + 0.5, loss);
    OK(db_put_metric(db, run.id, "entropy_floor", 0.5, err));
    OK(db_end_run(db, run.id, RUN_DONE, NULL, 200, 2.5, err));
}

static inline int64_t put_experiment(results_db *db, const char *name) {
    const db_experiment row = {.name = name, .title = "A title", .file = "a.ini"};
    int64_t id = 0;
    OK(db_put_experiment(db, &row, &id, err));
    cr_assert_gt(id, 0);
    return id;
}

/* Change the database without the recorder. */
static inline void change(const char *sql) {
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

#endif
