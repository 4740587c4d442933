/* recorder_merge.c - runs of another database, copied with all that belongs to them.
 *
 * The other one is attached under the name `shard`, and rows move inside
 * SQLite, so numbers stay what they are to the last bit. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "record/recorder_merging.h"

/* What SQLite says, with both files. A full disk or a database that cannot be written is the end; anything else is
 * taken for this shard's. */
static status fail_merge(const recorder *book, failure *why) {
    const int code = sqlite3_errcode(book->db) & 0xff;
    const status kind = code == SQLITE_FULL || code == SQLITE_READONLY ? STATUS_IO : STATUS_FORMAT;
    return fail(why, kind, "cannot merge \"%s\" into \"%s\": %s", book->merging->shard, book->path,
                code == SQLITE_BUSY ? "it is being written; merge it again later" : sqlite3_errmsg(book->db));
}

/* --- Attaching --- */

/* Whether the shard is one of this program's, of this version; one that its task has only just made is empty. */
static status check_version(recorder *book, bool *empty, failure *why) {
    sqlite3_stmt *rows = NULL;
    const struct merging *self = book->merging;
    long version = -1, objects = -1;
    int code =
        sqlite3_prepare_v2(book->db, "SELECT value FROM shard.meta WHERE key = 'schema_version'", -1, &rows, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(rows);
    if (code == SQLITE_ROW) version = (long)sqlite3_column_int64(rows, 0);
    else if (code == SQLITE_ERROR) { /* no such table */
        code = sqlite3_prepare_v2(book->db, "SELECT count(*) FROM shard.sqlite_schema", -1, &rows, NULL);
        if (code == SQLITE_OK) code = sqlite3_step(rows);
        if (code == SQLITE_ROW) objects = (long)sqlite3_column_int64(rows, 0);
    }
    const status outcome = code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : fail_merge(book, why);
    sqlite3_finalize(rows);
    TRY(outcome);
    *empty = objects == 0;
    if (*empty || version == RECORDER_SCHEMA_VERSION) return STATUS_OK;
    if (version < 0)
        return fail(why, STATUS_FORMAT, "cannot merge \"%s\" into \"%s\": it is a database of another program",
                    self->shard, book->path);
    return fail(why, STATUS_FORMAT,
                "cannot merge \"%s\" into \"%s\": its schema has version %ld, that of the database version %d; %s",
                self->shard, book->path, version, RECORDER_SCHEMA_VERSION,
                version < RECORDER_SCHEMA_VERSION ? "its task's command, run again, brings it up to date"
                                                  : "use the version of the program that wrote it");
}

/* Without a transaction, in which nothing can be attached or detached. */
static bool detach(recorder *book) {
    return sqlite3_exec(book->db, "DETACH shard", NULL, NULL, NULL) == SQLITE_OK;
}

/* It is not written: one whose task was killed while it wrote is for the task to roll back, and is read as a copy. */
static status attach(recorder *book, const char *shard, failure *why) {
    sqlite3_stmt *statement = NULL;
    char name[PATH_MAX], folder[PATH_MAX];
    snprintf(book->merging->shard, sizeof book->merging->shard, "%s", shard);
    failure reason;
    if (recorder_make_readable(shard, name, folder, &reason) != STATUS_OK)
        return fail(why, STATUS_FORMAT, "cannot merge \"%s\" into \"%s\": %s", shard, book->path, reason.text);
    int code = sqlite3_prepare_v2(book->db, "ATTACH ?1 AS shard", -1, &statement, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(book, why);
    sqlite3_finalize(statement);
    if (folder[0]) temporary_remove(folder); /* it is open */
    return outcome;
}

status recorder_attach(recorder *book, const char *shard, bool *empty, failure *why) {
    assert(book->merging);
    TRY(recorder_commit(book, why));
    TRY(attach(book, shard, why));
    const status outcome = check_version(book, empty, why);
    if (outcome != STATUS_OK) detach(book);
    return outcome;
}

status recorder_detach(recorder *book, failure *why) {
    TRY(recorder_commit(book, why));
    return detach(book) ? STATUS_OK : fail_merge(book, why);
}

/* --- Runs of the shard --- */

typedef enum merge_choice { MERGE_KEEP, MERGE_ADD, MERGE_TAKE } merge_choice;

/* A run of the shard, and what becomes of it. */
typedef struct candidate {
    recorder_run run;
    int64_t here; /* its number in this database, 0 for none */
    merge_choice choice;
    bool is_outside; /* an experiment of the shard lacks it here */
    bool is_first; /* there is no such experiment */
} candidate;

/* The columns are those of EACH_SHARD_RUN. */
static status next_candidate(recorder *book, sqlite3_stmt *rows, candidate *out, bool *more, failure *why) {
    if (recorder_next(book, rows, more, why) != STATUS_OK) return fail_merge(book, why);
    if (!*more) return STATUS_OK;
    recorder_read_run(rows, &out->run);
    const char *word = recorder_text(rows, 17);
    out->here = sqlite3_column_int64(rows, 16);
    out->choice = strcmp(word, "take") == 0 ? MERGE_TAKE : strcmp(word, "add") == 0 ? MERGE_ADD : MERGE_KEEP;
    out->is_outside = sqlite3_column_int(rows, 18) > 0;
    out->is_first = sqlite3_column_int(rows, 18) > 1;
    return STATUS_OK;
}

static status each_candidate(recorder *book,
                             status (*visit)(recorder *book, void *argument, candidate *one, bool *stop, failure *why),
                             void *argument, failure *why) {
    sqlite3_stmt *rows;
    bool more, stop = false;
    TRY(recorder_select(book, STATEMENT_EACH_SHARD_RUN, &rows, why, ""));
    for (;;) {
        candidate one;
        TRY(next_candidate(book, rows, &one, &more, why));
        if (!more) return STATUS_OK;
        const status outcome = visit(book, argument, &one, &stop, why);
        if (outcome == STATUS_OK && !stop) continue;
        sqlite3_reset(rows);
        return outcome;
    }
}

typedef struct wanting {
    status (*visit)(void *argument, const recorder_run *run, failure *why);
    void *argument;
    recorder_merged *out;
    bool *needed;
} wanting;

static status want(recorder *book, void *argument, candidate *one, bool *stop, failure *why) {
    const wanting *self = argument;
    (void)book;
    (void)stop;
    self->out->unfinished += one->run.state != RUN_DONE;
    *self->needed |= one->choice != MERGE_KEEP || one->is_outside;
    return one->choice == MERGE_TAKE && one->run.has_checkpoint ? self->visit(self->argument, &one->run, why)
                                                                : STATUS_OK;
}

status recorder_each_wanted(recorder *book, status (*visit)(void *argument, const recorder_run *run, failure *why),
                            void *argument, recorder_merged *out, bool *needed, failure *why) {
    wanting self = {.visit = visit, .argument = argument, .out = out, .needed = needed};
    *out = (recorder_merged){.taken = 0};
    *needed = false;
    return each_candidate(book, want, &self, why);
}

/* --- Copying --- */

/* Run one step; ?1 a run here; ?2 one there, or a subject. */
static status do_step(recorder *book, const char *sql, sqlite3_stmt **statement, int64_t here, int64_t there,
                      const char *subject, failure *why) {
    int code = SQLITE_OK;
    if (!*statement) code = sqlite3_prepare_v3(book->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    const int parameters = code == SQLITE_OK ? sqlite3_bind_parameter_count(*statement) : 0;
    if (code == SQLITE_OK) code = sqlite3_bind_int64(*statement, 1, here);
    if (code == SQLITE_OK && parameters > 1 && subject)
        code = sqlite3_bind_text(*statement, 2, subject, -1, SQLITE_STATIC);
    else if (code == SQLITE_OK && parameters > 1) code = sqlite3_bind_int64(*statement, 2, there);
    if (code == SQLITE_OK) code = sqlite3_step(*statement);
    const status outcome = code == SQLITE_DONE ? STATUS_OK : fail_merge(book, why);
    sqlite3_reset(*statement);
    return outcome;
}

static status look_at_tables(recorder *book, failure *why) {
    struct merging *self = book->merging;
    int code = SQLITE_OK;
    if (!self->looking)
        code = sqlite3_prepare_v3(book->db, self->look, -1, SQLITE_PREPARE_PERSISTENT, &self->looking, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(self->looking);
    for (size_t i = 0; code == SQLITE_ROW && i < self->table_count; i++)
        self->tables[i].filled = sqlite3_column_int(self->looking, (int)i) != 0;
    const status outcome = code == SQLITE_ROW ? STATUS_OK : fail_merge(book, why);
    sqlite3_reset(self->looking);
    return outcome;
}

static status take_run(recorder *book, const candidate *one, failure *why) {
    struct merging *self = book->merging;
    const recorder_run *run = &one->run;
    int64_t here = one->here;
    if (here == 0) {
        TRY(do_step(book, self->insert_run, &self->inserting, run->id, 0, NULL, why));
        here = sqlite3_last_insert_rowid(book->db);
    } else {
        TRY(do_step(book, self->update_run, &self->updating, here, run->id, NULL, why));
        TRY(recorder_write(book, STATEMENT_DROP_CHECKPOINT, why, "i", here));
    }
    for (size_t i = 0; i < self->table_count; i++) {
        merged_table *table = &self->tables[i];
        const char *subject = table->add ? run->key : NULL;
        if (table->clear && one->here != 0) TRY(do_step(book, table->clear, &table->clearing, here, 0, NULL, why));
        if (table->filled) TRY(do_step(book, table->copy, &table->copying, here, run->id, subject, why));
    }
    if (!run->has_checkpoint) return STATUS_OK;
    return recorder_write(book, STATEMENT_MERGE_CHECKPOINT, why, "iit", here, run->id, run->checkpoint_path);
}

static status add_pictures(recorder *book, const char *subject, failure *why) {
    for (size_t i = 0; i < book->merging->table_count; i++) {
        merged_table *one = &book->merging->tables[i];
        if (one->filled && one->add) TRY(do_step(book, one->add, &one->adding, 0, 0, subject, why));
    }
    return STATUS_OK;
}

/* What recorder_merge was asked. */
typedef struct merge_request {
    recorder_ready *ready;
    void *argument;
    bool last;
    recorder_merged *out;
    bool *again;
    bool outside, first; /* of any run */
} merge_request;

static status merge_run(recorder *book, void *argument, candidate *one, bool *stop, failure *why) {
    merge_request *asked = argument;
    recorder_run *run = &one->run;
    asked->out->unfinished += run->state != RUN_DONE;
    asked->outside |= one->is_outside;
    asked->first |= one->is_first;
    if (one->choice == MERGE_KEEP) return STATUS_OK;
    TRY(add_pictures(book, run->data_checksum, why));
    if (one->choice == MERGE_ADD) return add_pictures(book, run->key, why);
    if (run->has_checkpoint && !asked->ready(asked->argument, run)) {
        *stop = *asked->again = !asked->last;
        if (*stop) return STATUS_OK;
        run->has_checkpoint = false;
        asked->out->lost++;
    }
    asked->out->taken++;
    return take_run(book, one, why);
}

static status merge_all(recorder *book, merge_request *asked, failure *why) {
    TRY(look_at_tables(book, why));
    TRY(each_candidate(book, merge_run, asked, why));
    if (*asked->again) return STATUS_OK;
    if (asked->first) {
        TRY(recorder_write(book, STATEMENT_MERGE_EXPERIMENT_MARK, why, ""));
        TRY(recorder_write(book, STATEMENT_MERGE_EXPERIMENT, why, ""));
    }
    return asked->outside ? recorder_write(book, STATEMENT_MERGE_MEMBERS, why, "") : STATUS_OK;
}

status recorder_merge(recorder *book, recorder_ready *ready, void *argument, bool last, recorder_merged *out,
                      bool *again, failure *why) {
    merge_request asked = {.ready = ready, .argument = argument, .last = last, .out = out, .again = again};
    *out = (recorder_merged){.taken = 0};
    *again = false;
    assert(!book->open);
    /* Not BEGIN IMMEDIATE: that would ask to write the shard too, which its task does. */
    if (sqlite3_exec(book->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) return fail_merge(book, why);
    book->open = true;
    status outcome = merge_all(book, &asked, why);
    if (outcome == STATUS_OK && !*again && sqlite3_exec(book->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        outcome = fail_merge(book, why);
    if (outcome != STATUS_OK || *again) sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
    book->open = !sqlite3_get_autocommit(book->db);
    return outcome;
}
