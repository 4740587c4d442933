/* results_db_merge.c - copy runs of another database with all their rows.
 *
 * The other database is attached as `shard`, and rows move inside SQLite, so numbers keep all their bits. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "record/results_db_merging.h"

/* SQLite's message, with both files. A full disk or a database that cannot be written ends the merge; any other
 * failure is attributed to this shard. */
static status fail_merge(const results_db *db, error_info *err) {
    const int code = sqlite3_errcode(db->sqlite) & 0xff;
    const status kind = code == SQLITE_FULL || code == SQLITE_READONLY ? STATUS_IO : STATUS_FORMAT;
    return error_set(err, kind, "cannot merge \"%s\" into \"%s\": %s", db->merging->shard, db->path,
                     code == SQLITE_BUSY ? "it is being written; merge it again later" : sqlite3_errmsg(db->sqlite));
}

/* --- Attaching --- */

/* Check that the shard is a database of this program, of its schema version or an older one; one that its task has just
 * created is empty. */
static status check_version(results_db *db, bool *empty, bool *older, error_info *err) {
    sqlite3_stmt *rows = NULL;
    const struct merging *self = db->merging;
    long version = -1, objects = -1;
    int code =
        sqlite3_prepare_v2(db->sqlite, "SELECT value FROM shard.meta WHERE key = 'schema_version'", -1, &rows, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(rows);
    if (code == SQLITE_ROW) version = (long)sqlite3_column_int64(rows, 0);
    else if (code == SQLITE_ERROR) { /* no such table */
        code = sqlite3_prepare_v2(db->sqlite, "SELECT count(*) FROM shard.sqlite_schema", -1, &rows, NULL);
        if (code == SQLITE_OK) code = sqlite3_step(rows);
        if (code == SQLITE_ROW) objects = (long)sqlite3_column_int64(rows, 0);
    }
    const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : fail_merge(db, err);
    sqlite3_finalize(rows);
    TRY(outcome);
    *empty = objects == 0;
    *older = version > 0 && version < DB_SCHEMA_VERSION;
    if (*empty || *older || version == DB_SCHEMA_VERSION) return STATUS_OK;
    if (version < 1)
        return error_set(err, STATUS_FORMAT, "cannot merge \"%s\" into \"%s\": it is a database of another program",
                         self->shard, db->path);
    return error_set(
        err, STATUS_FORMAT,
        "cannot merge \"%s\" into \"%s\": its schema has version %ld, that of the database version %d; use "
        "the version of the program that wrote it",
        self->shard, db->path, version, DB_SCHEMA_VERSION);
}

/* Without a transaction, in which nothing can be attached or detached. */
static bool detach(results_db *db) {
    return sqlite3_exec(db->sqlite, "DETACH shard", NULL, NULL, NULL) == SQLITE_OK;
}

static status attach_file(results_db *db, const char *name, error_info *err) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->sqlite, "ATTACH ?1 AS shard", -1, &statement, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(db, err);
    sqlite3_finalize(statement);
    return outcome;
}

/* The shard is not written. If its task was killed in a transaction, the task will roll it back; here it is read as a
 * copy. */
static status attach(results_db *db, const char *shard, error_info *err) {
    char name[PATH_MAX], folder[PATH_MAX];
    snprintf(db->merging->shard, sizeof db->merging->shard, "%s", shard);
    error_info reason;
    if (db_make_readable(shard, name, folder, &reason) != STATUS_OK)
        return error_set(err, STATUS_FORMAT, "cannot merge \"%s\" into \"%s\": %s", shard, db->path, reason.text);
    const status outcome = attach_file(db, name, err);
    if (folder[0]) temporary_remove(folder); /* it is open */
    return outcome;
}

/* Attach a copy of the attached shard in its place, with this program's schema. The shard stays as the version that
 * wrote it left it. */
static status attach_newer_copy(results_db *db, error_info *err) {
    char folder[PATH_MAX], name[PATH_MAX + 16];
    results_db *copy;
    TRY(temporary_create(folder, err));
    snprintf(name, sizeof name, "%s/shard.db", folder);
    char *sql = sqlite3_mprintf("VACUUM shard INTO %Q", name);
    status outcome = !sql ? error_set(err, STATUS_MEMORY, "out of memory")
                     : sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK
                                                                                    : fail_merge(db, err);
    sqlite3_free(sql);
    detach(db);
    if (outcome == STATUS_OK) outcome = db_open_shard(name, NULL, NULL, &copy, err);
    if (outcome == STATUS_OK) outcome = db_close(&copy, err);
    if (outcome == STATUS_OK) outcome = attach_file(db, name, err);
    temporary_remove(folder);
    return outcome;
}

status db_attach(results_db *db, const char *shard, bool *empty, error_info *err) {
    assert(db->merging);
    TRY(db_commit(db, err));
    TRY(attach(db, shard, err));
    bool older = false;
    const status outcome = check_version(db, empty, &older, err);
    if (outcome != STATUS_OK) detach(db);
    return outcome == STATUS_OK && older ? attach_newer_copy(db, err) : outcome;
}

status db_detach(results_db *db, error_info *err) {
    TRY(db_commit(db, err));
    return detach(db) ? STATUS_OK : fail_merge(db, err);
}

/* --- Runs of the shard --- */

typedef enum merge_choice { MERGE_KEEP, MERGE_ADD, MERGE_TAKE } merge_choice;

/* A run of the shard, and the action for it. */
typedef struct candidate {
    db_run run;
    int64_t here; /* its number in this database, 0 for none */
    merge_choice choice;
    bool is_outside; /* an experiment of the shard lacks it here */
    bool is_first; /* there is no such experiment */
} candidate;

/* The columns of EACH_SHARD_RUN. */
static status next_candidate(results_db *db, sqlite3_stmt *rows, candidate *out, bool *more, error_info *err) {
    if (db_next(db, rows, more, err) != STATUS_OK) return fail_merge(db, err);
    if (!*more) return STATUS_OK;
    db_read_run(rows, &out->run);
    const char *word = db_text(rows, 17);
    out->here = sqlite3_column_int64(rows, 16);
    out->choice = strcmp(word, "take") == 0 ? MERGE_TAKE : strcmp(word, "add") == 0 ? MERGE_ADD : MERGE_KEEP;
    out->is_outside = sqlite3_column_int(rows, 18) > 0;
    out->is_first = sqlite3_column_int(rows, 18) > 1;
    return STATUS_OK;
}

static status each_candidate(results_db *db,
                             status (*visit)(results_db *db, void *argument, candidate *one, bool *stop,
                                             error_info *err),
                             void *argument, error_info *err) {
    sqlite3_stmt *rows;
    bool more, stop = false;
    TRY(db_select(db, STATEMENT_EACH_SHARD_RUN, &rows, err, ""));
    for (;;) {
        candidate one;
        TRY(next_candidate(db, rows, &one, &more, err));
        if (!more) return STATUS_OK;
        const status outcome = visit(db, argument, &one, &stop, err);
        if (outcome == STATUS_OK && !stop) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

typedef struct wanting {
    status (*visit)(void *argument, const db_run *run, error_info *err);
    void *argument;
    db_merged *out;
    bool *needed;
} wanting;

static status want(results_db *db, void *argument, candidate *one, bool *stop, error_info *err) {
    const wanting *self = argument;
    (void)db;
    (void)stop;
    self->out->unfinished += one->run.state != RUN_DONE;
    *self->needed |= one->choice != MERGE_KEEP || one->is_outside;
    return one->choice == MERGE_TAKE && one->run.has_checkpoint ? self->visit(self->argument, &one->run, err)
                                                                : STATUS_OK;
}

status db_each_wanted(results_db *db, status (*visit)(void *argument, const db_run *run, error_info *err),
                      void *argument, db_merged *out, bool *needed, error_info *err) {
    wanting self = {.visit = visit, .argument = argument, .out = out, .needed = needed};
    *out = (db_merged){.taken = 0};
    *needed = false;
    return each_candidate(db, want, &self, err);
}

/* --- Copying --- */

/* Run one step; ?1 a run here; ?2 one there, or a subject. */
static status do_step(results_db *db, const char *sql, sqlite3_stmt **statement, int64_t here, int64_t there,
                      const char *subject, error_info *err) {
    int code = SQLITE_OK;
    if (!*statement) code = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    const int parameters = code == SQLITE_OK ? sqlite3_bind_parameter_count(*statement) : 0;
    if (code == SQLITE_OK) code = sqlite3_bind_int64(*statement, 1, here);
    if (code == SQLITE_OK && parameters > 1 && subject)
        code = sqlite3_bind_text(*statement, 2, subject, -1, SQLITE_STATIC);
    else if (code == SQLITE_OK && parameters > 1) code = sqlite3_bind_int64(*statement, 2, there);
    if (code == SQLITE_OK) code = sqlite3_step(*statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(db, err);
    sqlite3_reset(*statement);
    return outcome;
}

static status look_at_tables(results_db *db, error_info *err) {
    struct merging *self = db->merging;
    int code = SQLITE_OK;
    if (!self->looking)
        code = sqlite3_prepare_v3(db->sqlite, self->look, -1, SQLITE_PREPARE_PERSISTENT, &self->looking, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(self->looking);
    for (size_t i = 0; code == SQLITE_ROW && i < self->table_count; i++)
        self->tables[i].filled = sqlite3_column_int(self->looking, (int)i) != 0;
    const status outcome = code == SQLITE_ROW ? STATUS_OK : fail_merge(db, err);
    sqlite3_reset(self->looking);
    return outcome;
}

static status take_run(results_db *db, const candidate *one, error_info *err) {
    struct merging *self = db->merging;
    const db_run *run = &one->run;
    int64_t here = one->here;
    if (here == 0) {
        TRY(do_step(db, self->insert_run, &self->inserting, run->id, 0, NULL, err));
        here = sqlite3_last_insert_rowid(db->sqlite);
    } else {
        TRY(do_step(db, self->update_run, &self->updating, here, run->id, NULL, err));
        TRY(db_write(db, STATEMENT_DROP_CHECKPOINT, err, "i", here));
    }
    for (size_t i = 0; i < self->table_count; i++) {
        merged_table *table = &self->tables[i];
        const char *subject = table->add ? run->key : NULL;
        if (table->clear && one->here != 0) TRY(do_step(db, table->clear, &table->clearing, here, 0, NULL, err));
        if (table->filled) TRY(do_step(db, table->copy, &table->copying, here, run->id, subject, err));
    }
    if (!run->has_checkpoint) return STATUS_OK;
    return db_write(db, STATEMENT_MERGE_CHECKPOINT, err, "iit", here, run->id, run->checkpoint_path);
}

static status add_pictures(results_db *db, const char *subject, error_info *err) {
    for (size_t i = 0; i < db->merging->table_count; i++) {
        merged_table *one = &db->merging->tables[i];
        if (one->filled && one->add) TRY(do_step(db, one->add, &one->adding, 0, 0, subject, err));
    }
    return STATUS_OK;
}

static status select_flag(results_db *db, db_statement statement, int64_t here, int64_t there, bool *out,
                          error_info *err) {
    sqlite3_stmt *row;
    bool more;
    TRY(db_select(db, statement, &row, err, "ii", here, there));
    if (db_next(db, row, &more, err) != STATUS_OK) return fail_merge(db, err);
    *out = more && sqlite3_column_int(row, 0) != 0;
    sqlite3_reset(row);
    return STATUS_OK;
}

/* A training may have been repeated for numbers that its first recording lacks. They belong to the recorded run if
 * all losses agree to the bit; otherwise nothing is copied. */
static status complete_run(results_db *db, const candidate *one, db_merged *out, error_info *err) {
    bool lacking, differing;
    TRY(select_flag(db, STATEMENT_LACKED_METRICS, one->here, one->run.id, &lacking, err));
    if (!lacking) return STATUS_OK;
    TRY(select_flag(db, STATEMENT_DIFFERING_LOSSES, one->here, one->run.id, &differing, err));
    out->differing += differing;
    if (differing) return STATUS_OK;
    out->completed++;
    TRY(db_write(db, STATEMENT_COMPLETE_METRICS, err, "ii", one->here, one->run.id));
    return db_write(db, STATEMENT_COMPLETE_EPOCHS, err, "ii", one->here, one->run.id);
}

/* The arguments of db_merge. */
typedef struct merge_request {
    db_ready *ready;
    void *argument;
    bool last;
    db_merged *out;
    bool *again;
    bool outside, first; /* of any run */
} merge_request;

static status merge_run(results_db *db, void *argument, candidate *one, bool *stop, error_info *err) {
    merge_request *request = argument;
    db_run *run = &one->run;
    request->out->unfinished += run->state != RUN_DONE;
    request->outside |= one->is_outside;
    request->first |= one->is_first;
    if (one->choice == MERGE_KEEP) return STATUS_OK;
    TRY(add_pictures(db, run->data_checksum, err));
    if (one->choice == MERGE_ADD) {
        TRY(add_pictures(db, run->key, err));
        return complete_run(db, one, request->out, err);
    }
    if (run->has_checkpoint && !request->ready(request->argument, run)) {
        *stop = *request->again = !request->last;
        if (*stop) return STATUS_OK;
        run->has_checkpoint = false;
        request->out->lost++;
    }
    request->out->taken++;
    return take_run(db, one, err);
}

static status merge_all(results_db *db, merge_request *request, error_info *err) {
    TRY(look_at_tables(db, err));
    TRY(each_candidate(db, merge_run, request, err));
    if (*request->again) return STATUS_OK;
    if (request->out->taken > 0 || request->outside) TRY(db_outdate_comparisons(db, err));
    if (request->first) {
        TRY(db_write(db, STATEMENT_MERGE_EXPERIMENT_MARK, err, ""));
        TRY(db_write(db, STATEMENT_MERGE_EXPERIMENT, err, ""));
    }
    if (!request->outside) return STATUS_OK;
    TRY(db_write(db, STATEMENT_MERGE_MEMBERS, err, ""));
    TRY(db_write(db, STATEMENT_MERGE_POINTS, err, ""));
    TRY(db_write(db, STATEMENT_MERGE_POINT_SETTINGS, err, ""));
    return db_write(db, STATEMENT_MERGE_POINT_RUNS, err, "");
}

status db_merge(results_db *db, db_ready *ready, void *argument, bool last, db_merged *out, bool *again,
                error_info *err) {
    merge_request request = {.ready = ready, .argument = argument, .last = last, .out = out, .again = again};
    *out = (db_merged){.taken = 0};
    *again = false;
    assert(!db->open);
    /* Not BEGIN IMMEDIATE: it would also lock the shard for writing, which its task does. */
    if (sqlite3_exec(db->sqlite, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) return fail_merge(db, err);
    db->open = true;
    status outcome = merge_all(db, &request, err);
    if (outcome == STATUS_OK && !*again && sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        outcome = fail_merge(db, err);
    if (outcome != STATUS_OK || *again) sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    db->open = !sqlite3_get_autocommit(db->sqlite);
    return outcome;
}
