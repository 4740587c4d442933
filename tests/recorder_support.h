/* recorder_support.h - what the tests of the results database share. */
#ifndef AFFJORD_TESTS_RECORDER_SUPPORT_H
#define AFFJORD_TESTS_RECORDER_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/recorder.h"
#include "scratch.h"

static char folder[64], path[128];

static inline void begin(void) {
    scratch_create(folder);
    scratch_path(folder, "results.db", path);
}

static inline void end(void) {
    if (getuid() == 0) { /* a test may have become somebody else */
        cr_assert_eq(seteuid(0), 0);
        cr_assert_eq(setegid(0), 0);
        prctl(PR_SET_DUMPABLE, 1);
    }
    chmod(folder, 0700);
    scratch_remove(folder);
}

static inline recorder *open_book(void) {
    recorder *book = NULL;
    failure reason = {""};
    cr_assert_eq(recorder_open(path, NULL, NULL, &book, &reason), STATUS_OK, "%s", reason.text);
    return book;
}

static inline void close_book(recorder *book) {
    failure reason = {""};
    cr_assert_eq(recorder_close(&book, &reason), STATUS_OK, "%s", reason.text);
    cr_assert_null(book);
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        failure why_ = {""};                                                                                           \
        failure *why = &why_;                                                                                          \
        cr_assert_eq((call), STATUS_OK, "%s", why->text);                                                              \
    } while (0)

/* What a query gives, as the sqlite3 program prints it: columns parted by |, rows by ;, NULL as "null". */
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

static inline recorder_run make_run(recorder *book, const char *key, const char *model, uint64_t seed) {
    recorder_run run = {.seed = seed, .iterations = 200};
    snprintf(run.key, sizeof run.key, "%s", key);
    snprintf(run.data_checksum, sizeof run.data_checksum, "c0ffee");
    snprintf(run.dataset, sizeof run.dataset, "ty");
    snprintf(run.model, sizeof run.model, "%s", model);
    OK(recorder_put_run(book, &run, why));
    OK(recorder_find_run(book, key, &run, why));
    cr_assert_gt(run.id, 0);
    return run;
}

static inline void put_loss(recorder *book, int64_t run, uint64_t epoch, double training, double validation) {
    recorder_epoch row = {.epoch = epoch,
                          .iteration = 100 * epoch,
                          .loss = training,
                          .nfe_forward = 160,
                          .nfe_backward = 160,
                          .wall_seconds = 0.5,
                          .peak_bytes = 1000};
    OK(recorder_put_epoch(book, run, &row, why));
    row.split = RECORDER_VALIDATION;
    row.loss = validation;
    row.running = NAN;
    row.nfe_backward = 0;
    OK(recorder_put_epoch(book, run, &row, why));
}

/* An experiment with a finished run whose final validation loss is this. */
static inline void put_finished(recorder *book, int64_t experiment, const char *key, const char *model, uint64_t seed,
                                double loss) {
    const recorder_run run = make_run(book, key, model, seed);
    OK(recorder_put_member(book, experiment, run.id, why));
    put_loss(book, run.id, 1, loss + 1, loss - 0.25);
    put_loss(book, run.id, 2, loss + 0.5, loss);
    OK(recorder_put_metric(book, run.id, "entropy_floor", 0.5, why));
    OK(recorder_end_run(book, run.id, RUN_DONE, NULL, 200, 2.5, why));
}

static inline int64_t put_experiment(recorder *book, const char *name) {
    const recorder_experiment row = {.name = name, .title = "A title", .file = "a.ini"};
    int64_t id = 0;
    OK(recorder_put_experiment(book, &row, &id, why));
    cr_assert_gt(id, 0);
    return id;
}

/* Change the database behind the recorder's back. */
static inline void change(const char *sql) {
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

#endif
