/* results_db.h - the results database; only runner/record uses SQLite.
 *
 * One process writes at a time: it holds a lock (flock) on the file PATH.lock until its last worker, which inherits it,
 * has ended. Others may read in the meantime. Rows are written in a transaction that is committed at least every
 * DB_COMMIT_SECONDS and then survives a power failure. Writing an existing row replaces it, so a resumed run may write
 * the same rows again.
 *
 * Errors of all functions: STATUS_IO with a message that names the database if SQLite or the operating system fails;
 * STATUS_FORMAT for a file that is not a results database of this schema. */
#ifndef AFFJORD_RUNNER_RESULTS_DB_H
#define AFFJORD_RUNNER_RESULTS_DB_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "system/temporary.h"

enum {
    DB_SCHEMA_VERSION = 13,
    DB_KEY_SIZE = 33, /* of a run: 32 hexadecimal digits and a terminator */
    DB_FLOWS_MAX = 16,
    DB_NAME_MAX = 1024, /* bytes of a name, terminator included */
    DB_BLOB_MAX = 900000000 /* bytes of a blob; SQLite's own limit is 10^9 of a row */
};
#define DB_COMMIT_SECONDS 0.5
#define DB_SHARD_COMMIT_SECONDS 10.0

typedef struct results_db results_db;

/* Called repeatedly while another process holds the lock; `holder` describes it. `holder` is NULL while another
 * program, which SQLite does not name, locks the database. `seconds` have passed since the first call. Return false
 * to give up. The database keeps the callback until it is closed. */
typedef bool db_wait(void *argument, const char *holder, double seconds);

/* Open for writing: wait for the lock (`wait` NULL: do not wait), create the database and its folder if missing,
 * bring an older schema up to date, and mark runs of dead processes as interrupted. The caller closes *out. */
status db_open(const char *path, db_wait *wait, void *argument, results_db **out, error_info *err);

/* The same for the database of one task (shard.h), which is often on a network disk: without views, and rows are
 * committed only every DB_SHARD_COMMIT_SECONDS, so that a thousand tasks do not wear out their file server. */
status db_open_shard(const char *path, db_wait *wait, void *argument, results_db **out, error_info *err);

/* Open for reading, without the lock. It writes no file beside the database, which may be on a read-only medium or
 * belong to another user (results_db_reading.c). */
status db_open_reading(const char *path, results_db **out, error_info *err);

/* The same if there may be no database: *out <- NULL if the file is missing, or has no commit because its program
 * was killed at once. */
status db_open_begun(const char *path, results_db **out, error_info *err);

/* *name <- a path at which other programs can read the database without writing beside it: its own, or that of a
 * recovered copy in a new private folder. `folder` is that folder, which the caller removes when the copy is no
 * longer needed; "" if there is none. */
status db_make_readable(const char *path, char name[PATH_MAX], char folder[PATH_MAX], error_info *err);

/* Commit and close; *db is NULL after it even if committing failed. */
status db_close(results_db **db, error_info *err);

/* Return whether a process has the database open for writing. */
bool db_is_locked(const char *path);

/* Return the path of the database with links resolved; return the version of SQLite. */
const char *db_path(const results_db *db);
const char *db_library_version(void);

/* --- Transactions --- */

/* Commit all rows written so far. */
status db_commit(results_db *db, error_info *err);
/* Return the seconds until the first uncommitted row is DB_COMMIT_SECONDS old; negative if there is none. */
double db_due(const results_db *db);

/* Open a transaction, after which only its commit may wait; commit it. *done <- false if another program's lock
 * prevents it, with nothing changed: try again. */
status db_try_begin(results_db *db, bool *done, error_info *err);
status db_try_commit(results_db *db, bool *done, error_info *err);
/* Roll back all rows since the last commit. */
void db_give_up(results_db *db);

/* --- Experiments and runs --- */

typedef struct db_experiment {
    const char *name, *title, *file;
} db_experiment;

typedef enum db_state { RUN_PLANNED, RUN_RUNNING, RUN_INTERRUPTED, RUN_FAILED, RUN_DONE } db_state;
const char *db_state_name(db_state state);

/* A row of `run`, with its checkpoint. */
typedef struct db_run {
    int64_t id; /* 0: no such row */
    char key[DB_KEY_SIZE], data_checksum[65];
    char dataset[DB_NAME_MAX], model[DB_NAME_MAX];
    uint64_t seed;
    uint64_t parameters; /* 0: not known yet */
    uint64_t iterations, iteration; /* planned at most, reached */
    db_state state;
    char error[DB_NAME_MAX];
    double wall_seconds;
    bool has_checkpoint;
    uint64_t checkpoint_iteration, checkpoint_bytes;
    char checkpoint_path[DB_NAME_MAX]; /* relative to the database's folder */
    char checkpoint_sha256[65];
} db_run;

/* The host of a run and the time of its last message, both "" before its first start. */
typedef struct db_place {
    char host[DB_NAME_MAX], heartbeat[32];
} db_place;

/* Add or rename an experiment. */
status db_put_experiment(results_db *db, const db_experiment *experiment, int64_t *id, error_info *err);
/* *id <- its number, 0 if there is none; *same <- whether it has this title. */
status db_find_experiment(results_db *db, const db_experiment *experiment, int64_t *id, bool *same, error_info *err);
/* Add a run to an experiment; remove it from the experiment. */
status db_put_member(results_db *db, int64_t experiment, int64_t run, error_info *err);
status db_drop_member(results_db *db, int64_t experiment, int64_t run, error_info *err);

/* The value of a swept setting at a point of an experiment's sweep. */
typedef struct db_point_setting {
    uint64_t point, axis, level; /* the point's number; the setting's, and its value's, in the order of the file */
    const char *model; /* the only model that it applies to; "" for all */
    const char *setting, *value; /* "section.key" */
} db_point_setting;

/* Points of the sweep of an experiment: add a point, a setting of it, a run of it; delete all points with their
 * rows. */
status db_put_point(results_db *db, int64_t experiment, uint64_t point, const char *label, error_info *err);
status db_put_point_setting(results_db *db, int64_t experiment, const db_point_setting *row, error_info *err);
status db_put_point_run(results_db *db, int64_t experiment, uint64_t point, int64_t run, error_info *err);
status db_drop_points(results_db *db, int64_t experiment, error_info *err);
/* *points <- how many there are; *pairs <- how many pairs of point and run. Visit all settings. */
status db_count_points(results_db *db, int64_t experiment, uint64_t *points, uint64_t *pairs, error_info *err);
status db_each_point_setting(results_db *db, int64_t experiment,
                             status (*visit)(void *argument, const db_point_setting *row, error_info *err),
                             void *argument, error_info *err);

/* Add a planned run (key, data_checksum, dataset, model, seed, iterations are
 * read) unless its key is there. */
status db_put_run(results_db *db, const db_run *run, error_info *err);
status db_put_setting(results_db *db, int64_t run, const char *section, const char *key, const char *value,
                      error_info *err);

/* out->id is 0 if there is no run of this key. */
status db_find_run(results_db *db, const char *key, db_run *out, error_info *err);
/* Find the run that `text` names: its number, its key, or an unambiguous prefix of the key. Errors: STATUS_INVALID
 * if there is none, or several. */
status db_resolve_run(results_db *db, const char *text, db_run *out, error_info *err);
status db_find_place(results_db *db, int64_t run, db_place *out, error_info *err);
/* Visit the runs of an experiment, or all for NULL, in the order of their numbers. */
status db_each_run(results_db *db, const char *experiment,
                   status (*visit)(void *argument, const db_run *run, error_info *err), void *argument,
                   error_info *err);

/* --- A run's life --- */

/* Where and how a run is computed; texts may be NULL. */
typedef struct db_session {
    long process;
    const char *host, *cpu, *simd, *gpu, *driver;
    const char *git_commit, *compiler, *compiler_flags, *libraries, *command_line;
    bool git_dirty;
} db_session;

/* Evaluations of one flow's field, and its end time. */
typedef struct db_flow {
    double nfe_forward, nfe_backward, end_time;
} db_flow;

typedef enum db_split { DB_TRAINING, DB_VALIDATION, DB_TEST } db_split;

typedef struct db_epoch {
    uint64_t epoch, iteration;
    db_split split;
    double loss; /* may be infinite or NaN */
    double running; /* running mean (0.99) of the training loss; NaN of other splits */
    double nfe_forward, nfe_backward;
    double wall_seconds;
    uint64_t peak_bytes;
    size_t flow_count; /* 0 if flows are not counted separately */
    db_flow flows[DB_FLOWS_MAX];
} db_epoch;

/* One statement of the mathematics. */
typedef struct db_theory {
    const char *item, *subject, *quantity;
    double x, value;
    const char *relation; /* NULL: no bound */
    double bound;
    bool holds;
} db_theory;

typedef struct db_blob {
    const char *subject, *kind; /* 'density', 'samples'; for snapshots also 'field', 'context' */
    uint64_t rows, columns;
    double window[4]; /* x0, x1, y0, y1 */
    const void *data; /* float32, (rows, columns), aligned or not */
} db_blob;

typedef struct db_checkpoint {
    uint64_t iteration, bytes;
    const char *path, *sha256;
} db_checkpoint;

/* How one pass of a convolution is computed. */
typedef struct db_plan {
    const char *convolution, *way, *plan;
} db_plan;

status db_start_run(results_db *db, int64_t run, const db_session *session, error_info *err);
status db_put_parameters(results_db *db, int64_t run, uint64_t parameters, error_info *err);
/* Record the upper bound of a worker's memory in bytes, known before its first step. */
status db_put_prediction(results_db *db, int64_t run, uint64_t bytes, error_info *err);
status db_put_progress(results_db *db, int64_t run, uint64_t iteration, double wall_seconds, error_info *err);
status db_put_epoch(results_db *db, int64_t run, const db_epoch *epoch, error_info *err);
/* Record a worker's memory in bytes; the maximum is stored. */
status db_put_peak(results_db *db, int64_t run, uint64_t bytes, error_info *err);
status db_put_metric(results_db *db, int64_t run, const char *name, double value, error_info *err);
status db_put_theory(results_db *db, int64_t run, const db_theory *row, error_info *err);
status db_put_blob(results_db *db, const db_blob *blob, error_info *err);
/* The same for a snapshot of a flow at one time, numbered from 0. */
status db_put_moment(results_db *db, const db_blob *blob, uint64_t moment, double time, error_info *err);
status db_has_moments(results_db *db, const char *subject, bool *has, error_info *err);
status db_has_blob(results_db *db, const char *subject, const char *kind, bool *has, error_info *err);
status db_put_checkpoint(results_db *db, int64_t run, const db_checkpoint *checkpoint, error_info *err);

/* A convolution's plan from an iteration on, which is a row if it is not the one before. Delete those from an iteration
 * on, which will be repeated. */
status db_put_plan(results_db *db, int64_t run, uint64_t iteration, const db_plan *plan, error_info *err);
status db_drop_plans(results_db *db, int64_t run, uint64_t iteration, error_info *err);

/* End the run, finally or until it is resumed. RUN_DONE computes metrics from its epochs: final_validation_loss;
 * best_validation_loss and best_epoch, among finite losses; best_bits_per_dim, if it has the metric data_dimension,
 * as trainings on images have; final_test_loss, and chosen_test_loss of the best epoch, if it has test losses.
 * `error` may be NULL. */
status db_end_run(results_db *db, int64_t run, db_state state, const char *error, uint64_t iteration,
                  double wall_seconds, error_info *err);

/* Let the models of all experiments be compared again (table `comparison`) when the database is closed, as after the
 * end of a run. A row in `meta` says so in the same transaction: if the process is killed before, the next one that
 * opens the database for writing compares. Shards have no comparisons. */
status db_outdate_comparisons(results_db *db, error_info *err);
status db_comparisons_outdated(results_db *db, bool *out, error_info *err);

/* Leave the comparisons to the next process, as when another program keeps the database locked. */
void db_leave_comparisons(results_db *db);

/* Delete a run's results, so that it starts from the beginning. Files stay. */
status db_reset_run(results_db *db, int64_t run, error_info *err);

/* --- Longer runs that begin where finished ones end --- */

/* Visit the planned iterations of finished runs with a checkpoint, each number once, from the highest down. */
status db_each_length(results_db *db, status (*visit)(void *argument, uint64_t iterations, error_info *err),
                      void *argument, error_info *err);

/* Start `run` at the checkpoint of the finished run `from`, as if it had been interrupted there: copy its epochs that
 * end at multiples of `epoch_iterations`, the metrics of its start, its time. The checkpoint is the run's own, written
 * before. Table meta gets a row 'continued.KEY': the key of `from`, and the iteration. */
status db_continue_run(results_db *db, const db_run *run, const db_run *from, uint64_t epoch_iterations,
                       const db_checkpoint *checkpoint, error_info *err);

/* --- Removing runs (results_db_remove.c) --- */

/* Remove runs with everything that belongs to them, in the open transaction: mark them, then remove the marked ones. A
 * data set's own pictures go with its last run. Files stay. The marks are the connection's own, so that a database
 * opened for reading has them too. */
status db_begin_marks(results_db *db, error_info *err);
status db_mark_run(results_db *db, int64_t run, error_info *err);
status db_remove_marked(results_db *db, error_info *err);
/* *bytes <- bytes of the pictures of the marked runs. */
status db_marked_pictures(results_db *db, uint64_t *bytes, error_info *err);

/* Remove an experiment, whose runs stay. Until db_forget_removed, a row 'removed.NAME' of table meta says that its
 * pictures are still to be removed. */
status db_remove_experiment(results_db *db, const char *name, error_info *err);
status db_each_removed(results_db *db, status (*visit)(void *argument, const char *name, error_info *err),
                       void *argument, error_info *err);
status db_forget_removed(results_db *db, error_info *err);

/* Remove pictures and notes of runs and data sets that the database no longer has. */
status db_remove_orphans(results_db *db, error_info *err);

/* Visit the names of the experiments that show a run. */
status db_each_owner(results_db *db, int64_t run, status (*visit)(void *argument, const char *name, error_info *err),
                     void *argument, error_info *err);

/* Commit, and return the freed space to the file system. Errors: STATUS_IO, for example while another program reads the
 * database; the commit remains. */
status db_shrink(results_db *db, error_info *err);

/* --- Merging shards (docs/guide/scaling.md) --- */

/* Return whether the checkpoint of a shard's run is among the files of this database; its path <- the one here. */
typedef bool db_ready(void *argument, db_run *run);

typedef struct db_merged {
    uint64_t taken; /* runs that were new or had more iterations */
    uint64_t unfinished; /* of all the shard's runs, those that are not done */
    uint64_t completed; /* finished here, which got numbers that they lacked */
    uint64_t differing; /* finished here, which lack numbers but have other losses */
    uint64_t lost; /* missing checkpoints */
} db_merged;

/* Call these before shards are attached, and afterwards. In between, a power failure may undo transactions unless
 * `durable`; merging again repairs that. */
status db_begin_merging(results_db *db, bool durable, error_info *err);
void db_end_merging(results_db *db);

/* Attach another database, as far as it is committed, until db_detach; *empty <- whether it has nothing yet. Errors:
 * STATUS_FORMAT unless it is a database of this schema version; then nothing is attached. */
status db_attach(results_db *db, const char *shard, bool *empty, error_info *err);
status db_detach(results_db *db, error_info *err);

/* Visit the attached runs that the merge would copy and that have a checkpoint. *out <- the result as far as it is
 * known without merging; *needed <- whether the merge would write anything. */
status db_each_wanted(results_db *db, status (*visit)(void *argument, const db_run *run, error_info *err),
                      void *argument, db_merged *out, bool *needed, error_info *err);

/* Copy the attached database's runs with all their rows, in one transaction. A finished run is not changed, except
 * that it gets missing pictures, and missing numbers if all its losses are the same there. Of two unfinished runs,
 * the one with the later iteration is taken. "running" becomes "interrupted", because no process that writes this
 * database computes it. `ready` returns the new path of a checkpoint. If one is not ready, *again <- true and
 * nothing is written; with `last`, it is omitted instead. */
status db_merge(results_db *db, db_ready *ready, void *argument, bool last, db_merged *out, bool *again,
                error_info *err);

/* --- For people --- */

typedef struct db_summary {
    const char *name, *title, *updated;
    uint64_t runs, done, running, interrupted, failed;
} db_summary;
status db_each_experiment(results_db *db, void (*visit)(void *argument, const db_summary *experiment), void *argument,
                          error_info *err);

/* One data set and model of an experiment; NaN where a number is not known. */
typedef struct db_losses {
    const char *dataset, *model;
    uint64_t runs, done, finite; /* of `done`, runs with a finite and possible loss */
    uint64_t impossible; /* runs whose loss or picture is not that of a density (view final_losses) */
    double mean, deviation, entropy_floor;
    bool images; /* bits per dimension instead of nats */
} db_losses;
status db_each_loss(results_db *db, const char *experiment, void (*visit)(void *argument, const db_losses *losses),
                    void *argument, error_info *err);

/* Two models on a data set, over the points of a sweep at which they were compared. */
typedef struct db_sweep_summary {
    const char *dataset, *model, *other;
    uint64_t points, lower; /* of them, those at which `model` has the lower mean loss */
    uint64_t surely_lower, surely_higher; /* with an interval of the difference on that side of 0 */
    double difference; /* mean of mean(other) - mean(model) */
    uint64_t seeds_least, seeds_most;
} db_sweep_summary;

/* Whether the losses of two models draw nearer from a third of the training to its end. */
typedef struct db_sweep_length {
    const char *dataset, *model, *other;
    uint64_t points, nearer; /* of them, those at which the mean losses differ by less at the end */
    uint64_t third_iteration, end_iteration;
    double third_difference, end_difference; /* means of mean(other) - mean(model) */
} db_sweep_length;
status db_each_sweep_summary(results_db *db, const char *experiment,
                             void (*visit)(void *argument, const db_sweep_summary *row), void *argument,
                             error_info *err);
status db_each_sweep_length(results_db *db, const char *experiment,
                            void (*visit)(void *argument, const db_sweep_length *row), void *argument, error_info *err);

/* Visit every statement with a bound of an experiment's runs, with the model. */
status db_each_theory(results_db *db, const char *experiment,
                      void (*visit)(void *argument, const char *model, const db_theory *row), void *argument,
                      error_info *err);

/* A row of the view table2; 0 where a count is not known. */
typedef struct db_count {
    const char *dataset, *architecture, *model;
    uint64_t paper, declared, effective;
} db_count;
status db_each_count(results_db *db, void (*visit)(void *argument, const db_count *row), void *argument,
                     error_info *err);

/* Report every error of the file's structure and references, one sentence each. */
status db_check(results_db *db, void (*fault)(void *argument, const char *text), void *argument, error_info *err);

/* --- To be compared, or computed again --- */

/* Visit the numbers of a run: its losses, called epoch.NUMBER.SPLIT, by epoch and split, then its metrics by name. A
 * visit that fails fills its caller's failure itself, here and below. */
status db_each_value(results_db *db, int64_t run, status (*visit)(void *argument, const char *quantity, double value),
                     void *argument, error_info *err);
/* Visit its stored settings; visit the files of the experiments that have it. */
status db_each_setting(results_db *db, int64_t run,
                       status (*visit)(void *argument, const char *section, const char *key, const char *value),
                       void *argument, error_info *err);
status db_each_file(results_db *db, int64_t run, status (*visit)(void *argument, const char *file), void *argument,
                    error_info *err);
/* Visit the programs and processors that computed the finished runs of an experiment, or of all for NULL, each once. */
status db_each_origin(results_db *db, const char *experiment,
                      void (*visit)(void *argument, const char *commit, const char *cpu, const char *simd),
                      void *argument, error_info *err);
/* *has <- whether the run has rows of theorem checks. */
status db_has_theory(results_db *db, int64_t run, bool *has, error_info *err);
status db_has_metric(results_db *db, int64_t run, const char *name, bool *has, error_info *err);

/* --- Archives --- */

/* The contents of an archive and of its database. */
typedef struct db_archived {
    uint64_t runs, runs_before, pictures, pictures_before;
    uint64_t models, states; /* files of finished and of unfinished runs */
    uint64_t bytes; /* of these files */
} db_archived;

/* Store a run's checkpoint beside the archive: write its file, and fill in path (DB_NAME_MAX) and the rest of the
 * checkpoint's row. */
typedef status db_keep(void *argument, const db_run *run, char *path, char sha256[65], uint64_t *bytes,
                       error_info *err);

/* The checkpoints of an archive; NULL for none. */
typedef struct db_keeper {
    db_keep *model; /* of a finished run */
    db_keep *state; /* of an unfinished run, which is then in the archive too */
    void *argument;
} db_keeper;

/* Write the database, opened for reading, to a new file: the finished runs with all their numbers, the stored pictures
 * that figures show, and the checkpoints of `keeper`; unfinished runs only with a checkpoint. The row 'archive' of
 * table meta has the date. Errors: those of the database, of `keeper`. */
status db_archive(results_db *db, const char *path, const db_keeper *keeper, db_archived *out, error_info *err);

/* *has <- whether tables are in an archive's compact form, which the first writer of the archive undoes. */
status db_has_packed_tables(results_db *db, bool *has, error_info *err);

/* date <- when the database was archived, in UTC; "" if it was not. */
status db_archive_date(results_db *db, char date[32], error_info *err);

#endif
