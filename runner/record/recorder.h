/* recorder.h - the results database, and the only part that knows SQLite.
 *
 * One process writes at a time: it holds a lock (flock) on the file PATH.lock,
 * which its workers inherit, until the last of them is gone. Others may read
 * meanwhile. Rows are collected in a transaction that is committed at least
 * every RECORDER_COMMIT_SECONDS, and then lasts through a power failure.
 * Writing an existing row replaces it, so a resumed run writes the same rows again.
 *
 * Every function returns STATUS_IO with a message that names the database
 * when SQLite or the operating system refuses; STATUS_FORMAT for a file that
 * is not a results database of this schema. */
#ifndef AFFJORD_RUNNER_RECORDER_H
#define AFFJORD_RUNNER_RECORDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "system/temporary.h"

enum {
    RECORDER_SCHEMA_VERSION = 7,
    RECORDER_KEY_SIZE = 33, /* of a run: 32 hexadecimal digits and a terminator */
    RECORDER_FLOWS_MAX = 16,
    RECORDER_NAME_MAX = 1024, /* bytes of a name, terminator included */
    RECORDER_BLOB_MAX = 900000000 /* bytes of a blob; SQLite's own limit is 10^9 of a row */
};
#define RECORDER_COMMIT_SECONDS 0.5
#define RECORDER_SHARD_COMMIT_SECONDS 10.0

typedef struct recorder recorder;

/* Asked again and again while another process holds the lock, and `holder` says who; or, with `holder` NULL, while another
 * program, which SQLite does not name, keeps the database locked. `seconds` have gone by since. Return false to give up.
 * The recorder keeps it until it is closed. */
typedef bool recorder_wait(void *argument, const char *holder, double seconds);

/* Open for writing: wait for the lock (`wait` NULL: do not wait), make the
 * database where there is none, and the folder it lies in, add to an older
 * database what its schema lacks, mark runs left "running" by a dead process as
 * interrupted. The caller closes *out. */
status recorder_open(const char *path, recorder_wait *wait, void *argument, recorder **out, failure *why);

/* The same for the database of one task (shard.h), which is often on a network disk: without views, and rows are committed
 * only every RECORDER_SHARD_COMMIT_SECONDS, so that a thousand tasks do not wear out their file server. */
status recorder_open_shard(const char *path, recorder_wait *wait, void *argument, recorder **out, failure *why);

/* Open for reading, without the lock. Nothing is written beside the database, which may lie on a read-only medium and
 * belong to somebody else (recorder_reading.c). */
status recorder_open_reading(const char *path, recorder **out, failure *why);

/* The same where there may be no database yet: *out <- NULL if there is no file, or one in which nothing has been
 * committed, as a program that was killed in its first moment leaves it. */
status recorder_open_begun(const char *path, recorder **out, failure *why);

/* A name to read the database at `path` by, also with other programs, so that nothing is written beside it: its own path,
 * or that of a recovered copy in a new private folder. `folder` is that one's name, to be removed by the caller once the
 * copy is not needed or open; "" if there is none. */
status recorder_make_readable(const char *path, char name[PATH_MAX], char folder[PATH_MAX], failure *why);

/* Commit and close; *book is NULL after it even if committing failed. */
status recorder_close(recorder **book, failure *why);

/* Whether some process has the database open for writing. */
bool recorder_is_held(const char *path);

/* The path it was opened by, links followed; the version of SQLite. */
const char *recorder_path(const recorder *book);
const char *recorder_library_version(void);

/* --- Transactions --- */

/* Commit what was written. */
status recorder_commit(recorder *book, failure *why);
/* Seconds until RECORDER_COMMIT_SECONDS have passed since the first uncommitted row; negative if there is none. */
double recorder_due(const recorder *book);

/* Open a transaction, after which nothing but its commit has to wait; commit it. *done <- false where another program's
 * lock is in the way, and all is as it was: try again. */
status recorder_try_begin(recorder *book, bool *done, failure *why);
status recorder_try_commit(recorder *book, bool *done, failure *why);
/* Forget what was not committed. */
void recorder_give_up(recorder *book);

/* --- Experiments and runs --- */

typedef struct recorder_experiment {
    const char *name, *title, *file;
} recorder_experiment;

typedef enum recorder_state { RUN_PLANNED, RUN_RUNNING, RUN_INTERRUPTED, RUN_FAILED, RUN_DONE } recorder_state;
const char *recorder_state_name(recorder_state state);

/* A row of `run`, with its checkpoint. */
typedef struct recorder_run {
    int64_t id; /* 0: no such row */
    char key[RECORDER_KEY_SIZE], data_checksum[65];
    char dataset[RECORDER_NAME_MAX], model[RECORDER_NAME_MAX];
    uint64_t seed;
    uint64_t parameters; /* 0: not known yet */
    uint64_t iterations, iteration; /* planned at most, reached */
    recorder_state state;
    char error[RECORDER_NAME_MAX];
    double wall_seconds;
    bool has_checkpoint;
    uint64_t checkpoint_iteration, checkpoint_bytes;
    char checkpoint_path[RECORDER_NAME_MAX]; /* relative to the database's folder */
    char checkpoint_sha256[65];
} recorder_run;

/* Where a run was last computed and heard of: its host and the time, both "" before its first start. */
typedef struct recorder_place {
    char host[RECORDER_NAME_MAX], heartbeat[32];
} recorder_place;

/* Add or rename an experiment. */
status recorder_put_experiment(recorder *book, const recorder_experiment *experiment, int64_t *id, failure *why);
/* *id <- its number, 0 if there is none; *same <- whether its title is that one. */
status recorder_find_experiment(recorder *book, const recorder_experiment *experiment, int64_t *id, bool *same,
                                failure *why);
/* Make a run part of an experiment, or no part of it any more. */
status recorder_put_member(recorder *book, int64_t experiment, int64_t run, failure *why);
status recorder_drop_member(recorder *book, int64_t experiment, int64_t run, failure *why);

/* Add a planned run (key, data_checksum, dataset, model, seed, iterations are
 * read) unless its key is there. */
status recorder_put_run(recorder *book, const recorder_run *run, failure *why);
status recorder_put_setting(recorder *book, int64_t run, const char *section, const char *key, const char *value,
                            failure *why);

/* out->id is 0 if there is no run of this key. */
status recorder_find_run(recorder *book, const char *key, recorder_run *out, failure *why);
/* The run that `text` means: its number, its key or the beginning of no other
 * key. Errors: STATUS_INVALID if there is none, or several. */
status recorder_resolve_run(recorder *book, const char *text, recorder_run *out, failure *why);
status recorder_find_place(recorder *book, int64_t run, recorder_place *out, failure *why);
/* Visit the runs of an experiment, or all for NULL, in the order of their numbers. */
status recorder_each_run(recorder *book, const char *experiment,
                         status (*visit)(void *argument, const recorder_run *run, failure *why), void *argument,
                         failure *why);

/* --- A run's life --- */

/* Where and how a run is computed; texts may be NULL. */
typedef struct recorder_session {
    long process;
    const char *host, *cpu, *simd, *gpu, *driver;
    const char *git_commit, *compiler, *compiler_flags, *libraries, *command_line;
    bool git_dirty;
} recorder_session;

/* Evaluations of one flow's field, and its end time. */
typedef struct recorder_flow {
    double nfe_forward, nfe_backward, end_time;
} recorder_flow;

typedef enum recorder_split { RECORDER_TRAINING, RECORDER_VALIDATION, RECORDER_TEST } recorder_split;

typedef struct recorder_epoch {
    uint64_t epoch, iteration;
    recorder_split split;
    double loss; /* may be no finite number */
    double running; /* running mean (0.99) of the training loss; NaN of other splits */
    double nfe_forward, nfe_backward;
    double wall_seconds;
    uint64_t peak_bytes;
    size_t flow_count; /* 0 where flows are not told apart */
    recorder_flow flows[RECORDER_FLOWS_MAX];
} recorder_epoch;

/* One statement of the mathematics. */
typedef struct recorder_theory {
    const char *item, *subject, *quantity;
    double x, value;
    const char *relation; /* NULL: no bound */
    double bound;
    bool holds;
} recorder_theory;

typedef struct recorder_blob {
    const char *subject, *kind; /* 'density', 'samples'; of a moment also 'field', 'context' */
    uint64_t rows, columns;
    double window[4]; /* x0, x1, y0, y1 */
    const void *data; /* float32, (rows, columns), aligned or not */
} recorder_blob;

typedef struct recorder_checkpoint {
    uint64_t iteration, bytes;
    const char *path, *sha256;
} recorder_checkpoint;

/* How a convolution is computed in one way. */
typedef struct recorder_plan {
    const char *convolution, *way, *plan;
} recorder_plan;

status recorder_start_run(recorder *book, int64_t run, const recorder_session *session, failure *why);
status recorder_put_parameters(recorder *book, int64_t run, uint64_t parameters, failure *why);
/* Bytes that the worker may come to hold, at most, as it knows before its first step. */
status recorder_put_prediction(recorder *book, int64_t run, uint64_t bytes, failure *why);
status recorder_put_progress(recorder *book, int64_t run, uint64_t iteration, double wall_seconds, failure *why);
status recorder_put_epoch(recorder *book, int64_t run, const recorder_epoch *epoch, failure *why);
/* Bytes that the worker has held, of which the most are kept. */
status recorder_put_peak(recorder *book, int64_t run, uint64_t bytes, failure *why);
status recorder_put_metric(recorder *book, int64_t run, const char *name, double value, failure *why);
status recorder_put_theory(recorder *book, int64_t run, const recorder_theory *row, failure *why);
status recorder_put_blob(recorder *book, const recorder_blob *blob, failure *why);
/* The same of a flow at one moment of its time, numbered from 0. */
status recorder_put_moment(recorder *book, const recorder_blob *blob, uint64_t moment, double time, failure *why);
status recorder_has_moments(recorder *book, const char *subject, bool *has, failure *why);
status recorder_has_blob(recorder *book, const char *subject, const char *kind, bool *has, failure *why);
status recorder_put_checkpoint(recorder *book, int64_t run, const recorder_checkpoint *checkpoint, failure *why);

/* A convolution's plan from an iteration on, which is a row if it is not the one before. Forget those from an iteration
 * on, which is done again. */
status recorder_put_plan(recorder *book, int64_t run, uint64_t iteration, const recorder_plan *plan, failure *why);
status recorder_drop_plans(recorder *book, int64_t run, uint64_t iteration, failure *why);

/* The run's end, for now or for good. With RUN_DONE the metrics
 * final_validation_loss, best_validation_loss and best_epoch are taken from
 * its epochs, the best ones among finite losses; best_bits_per_dim too where it
 * has the metric data_dimension, as trainings on images have; final_test_loss and
 * chosen_test_loss, that of the best epoch, where it has test losses. `error` may be NULL. */
status recorder_end_run(recorder *book, int64_t run, recorder_state state, const char *error, uint64_t iteration,
                        double wall_seconds, failure *why);

/* Compare the models of all experiments anew when the database is closed (table `comparison`), as after the end of a run. */
void recorder_compare_at_close(recorder *book);

/* Forget what a run gave, so that it starts anew. Files stay. */
status recorder_reset_run(recorder *book, int64_t run, failure *why);

/* --- Merging shards (docs/guide/scaling.md) --- */

/* Whether the checkpoint of a run of a shard is among the files of this database; its path, which is the shard's, <- the
 * one here. */
typedef bool recorder_ready(void *argument, recorder_run *run);

typedef struct recorder_merged {
    uint64_t taken; /* runs that were new or had come further */
    uint64_t unfinished; /* of all the shard's runs, those that are not done */
    uint64_t lost; /* checkpoints that were not there */
} recorder_merged;

/* To be called before shards are attached, and after. Between, a power failure may take back transactions, which merging
 * again repairs, unless `durable`. */
status recorder_begin_merging(recorder *book, bool durable, failure *why);
void recorder_end_merging(recorder *book);

/* Make the runs of another database, as far as it is committed, readable through
 * this one until recorder_detach; *empty <- whether it holds nothing yet.
 * Errors: STATUS_FORMAT if it is no database of this one's schema version; nothing is attached then. */
status recorder_attach(recorder *book, const char *shard, bool *empty, failure *why);
status recorder_detach(recorder *book, failure *why);

/* Visit the runs of the attached database that the merge would take and that
 * have a checkpoint. *out <- what is known without merging; *needed <- whether
 * the merge would write anything. */
status recorder_each_wanted(recorder *book, status (*visit)(void *argument, const recorder_run *run, failure *why),
                            void *argument, recorder_merged *out, bool *needed, failure *why);

/* Copy the attached database's runs with all that belongs to them, in one
 * transaction. A finished run stays as it is, and only pictures are added to
 * it; of two unfinished ones the later iteration is taken, whole. What was
 * "running" becomes "interrupted", as nothing that writes this database
 * computes it. The path of a checkpoint is what `ready` makes of it. If one is not
 * ready, *again <- true and nothing is written; with `last` it is left out instead. */
status recorder_merge(recorder *book, recorder_ready *ready, void *argument, bool last, recorder_merged *out,
                      bool *again, failure *why);

/* --- For people --- */

typedef struct recorder_summary {
    const char *name, *title, *updated;
    uint64_t runs, done, running, interrupted, failed;
} recorder_summary;
status recorder_each_experiment(recorder *book, void (*visit)(void *argument, const recorder_summary *experiment),
                                void *argument, failure *why);

/* One data set and model of an experiment; NaN where a number is not known. */
typedef struct recorder_losses {
    const char *dataset, *model;
    uint64_t runs, done, finite; /* of `done`, those whose loss is finite and possible */
    uint64_t impossible; /* those whose loss or picture is of no density (view final_losses) */
    double mean, deviation, entropy_floor;
    bool images; /* bits per dimension instead of nats */
} recorder_losses;
status recorder_each_loss(recorder *book, const char *experiment,
                          void (*visit)(void *argument, const recorder_losses *losses), void *argument, failure *why);

/* Visit every statement with a bound of an experiment's runs, with the model. */
status recorder_each_theory(recorder *book, const char *experiment,
                            void (*visit)(void *argument, const char *model, const recorder_theory *row),
                            void *argument, failure *why);

/* A row of the view table2; 0 where a count is not known. */
typedef struct recorder_count {
    const char *dataset, *architecture, *model;
    uint64_t paper, declared, effective;
} recorder_count;
status recorder_each_count(recorder *book, void (*visit)(void *argument, const recorder_count *row), void *argument,
                           failure *why);

/* Pass on every fault of the file's structure and of its references, one
 * sentence each. */
status recorder_check(recorder *book, void (*fault)(void *argument, const char *text), void *argument, failure *why);

/* --- To be compared, or computed again --- */

/* Visit the numbers of a run: its losses, called epoch.NUMBER.SPLIT, by epoch and split, then its metrics by name. A
 * visit that fails fills its caller's failure itself, here and below. */
status recorder_each_value(recorder *book, int64_t run,
                           status (*visit)(void *argument, const char *quantity, double value), void *argument,
                           failure *why);
/* Visit its settings as they are stored; the files of the experiments that have it. */
status recorder_each_setting(recorder *book, int64_t run,
                             status (*visit)(void *argument, const char *section, const char *key, const char *value),
                             void *argument, failure *why);
status recorder_each_file(recorder *book, int64_t run, status (*visit)(void *argument, const char *file),
                          void *argument, failure *why);
/* Visit the programs and processors that computed the finished runs of an experiment, or of all for NULL, each once. */
status recorder_each_origin(recorder *book, const char *experiment,
                            void (*visit)(void *argument, const char *commit, const char *cpu, const char *simd),
                            void *argument, failure *why);
/* *has <- whether it has rows of the mathematics. */
status recorder_has_theory(recorder *book, int64_t run, bool *has, failure *why);
status recorder_has_metric(recorder *book, int64_t run, const char *name, bool *has, failure *why);

/* --- Archives --- */

/* What is kept in an archive, and what there was. */
typedef struct recorder_archived {
    uint64_t runs, runs_before, pictures, pictures_before, models;
} recorder_archived;

/* Keep the model of a finished run beside the archive: write its file, and fill in path (RECORDER_NAME_MAX) and the rest
 * of the checkpoint's row. */
typedef status recorder_keep(void *argument, const recorder_run *run, char *path, char sha256[65], uint64_t *bytes,
                             failure *why);

/* Write the database, opened for reading, to a new file: its finished runs with all their numbers, without their
 * checkpoints but for the models that `keep` (may be NULL) keeps, and of the stored pictures those that figures draw. The row 'archive' of table meta says so, with the
 * date. The new file has nothing beside it. */
status recorder_archive(recorder *book, const char *path, recorder_keep *keep, void *argument, recorder_archived *out,
                        failure *why);

/* date <- when the database was archived, in UTC; "" if it was not. */
status recorder_archive_date(recorder *book, char date[32], failure *why);

#endif
