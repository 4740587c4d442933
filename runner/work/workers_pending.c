/* workers_pending.c - store messages that could not be recorded, for the next start: DATABASE.pending.
 *
 * The file has a header, then for each run its worker's messages since the last commit, up to its last checkpoint;
 * later iterations are repeated. Only the same program reads it: another version repeats all of it from the recorded
 * checkpoint. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "record/machine.h"
#include "work/workers_internal.h"

/* Everything that determines the bytes of the file. */
typedef struct pending_head {
    char program[128];
    uint32_t message_bytes, epoch_bytes;
} pending_head;

/* Header of one run; `size` bytes of messages follow. */
typedef struct pending_run {
    char key[40];
    uint64_t checkpoint; /* iteration of the one that its row names; 0 for none */
    double wall_seconds;
    uint64_t size;
} pending_run;

static bool pending_path(const char *database, char out[PATH_MAX]) {
    return snprintf(out, PATH_MAX, "%s.pending", database) < PATH_MAX;
}

static pending_head this_program(void) {
    pending_head head;
    memset(&head, 0, sizeof head); /* it is compared and written as bytes */
    machine_name_program(sizeof head.program, head.program);
    head.message_bytes = sizeof(message);
    head.epoch_bytes = sizeof(db_epoch);
    return head;
}

/* --- Keeping --- */

/* Return the number of bytes up to the end of the last checkpoint's message; 0 if there is none. */
static size_t bytes_to_checkpoint(const message_reader *reader) {
    message_reader look = *reader;
    message m;
    const void *bytes;
    size_t end = 0;
    look.taken = look.kept;
    while (message_next(&look, &m, &bytes))
        if (m.kind == MESSAGE_CHECKPOINT) end = look.taken - look.kept;
    return end;
}

static status write_runs(const workers *all, file_replacement *file, error_info *err) {
    const pending_head head = this_program();
    TRY(file_replace_write(file, &head, sizeof head, err));
    for (size_t i = 0; i < all->spec->jobs; i++) {
        const job *one = &all->jobs[i];
        const size_t size = one->active ? bytes_to_checkpoint(&one->reader) : 0;
        if (size == 0) continue;
        pending_run part;
        memset(&part, 0, sizeof part);
        snprintf(part.key, sizeof part.key, "%s", one->key);
        part.checkpoint = one->checkpoint_iteration;
        part.wall_seconds = workers_wall_seconds(one);
        part.size = size;
        TRY(file_replace_write(file, &part, sizeof part, err));
        TRY(file_replace_write(file, one->reader.bytes + one->reader.kept, size, err));
    }
    return STATUS_OK;
}

status workers_keep_pending(const workers *all, error_info *err) {
    char path[PATH_MAX];
    file_replacement file;
    if (!pending_path(db_path(all->db), path)) return error_set(err, STATUS_IO, "the database's path is too long");
    TRY(file_replace_begin(path, &file, err));
    return file_replace_end(&file, write_runs(all, &file, err), err);
}

/* --- Taking --- */

/* Return whether the messages continue the run's row: from its start on, or from its last state. The last of them
 * must name an existing checkpoint. */
static bool follows(const results_db *db, const db_run *run, const pending_run *part, message_reader look) {
    const uint64_t iteration = run->has_checkpoint ? run->checkpoint_iteration : 0;
    char path[PATH_MAX];
    error_info ignored;
    message m;
    const void *bytes;
    if (run->id == 0 || run->state == RUN_DONE || iteration != part->checkpoint) return false;
    for (bool first = true; message_next(&look, &m, &bytes); first = false)
        if (first && m.kind != MESSAGE_STARTED && run->state != RUN_INTERRUPTED) return false;
    if (look.taken != look.used || look.used == 0 || m.kind != MESSAGE_CHECKPOINT) return false;
    checkpoint_locate(db_path(db), bytes, path);
    return checkpoint_verify(path, m.file.bytes, m.file.sha256, &ignored) == STATUS_OK;
}

static status take_run(results_db *db, const pending_run *part, unsigned char *bytes, error_info *err) {
    const workers_spec nobody = {.jobs = 0};
    workers all = {.spec = &nobody, .db = db, .recording = STATUS_OK, .err = err};
    db_run run;
    message m;
    const void *behind;
    TRY(db_find_run(db, part->key, &run, err));
    job one = {.id = run.id,
               .key = run.key,
               .data_checksum = run.data_checksum,
               .reader = {.bytes = bytes, .used = part->size},
               .wall_before = part->wall_seconds};
    if (!follows(db, &run, part, one.reader)) return STATUS_OK;
    while (message_next(&one.reader, &m, &behind)) workers_take_message(&all, &one, &m, behind);
    RECORD(&all, db_end_run(db, run.id, RUN_INTERRUPTED, NULL, m.iteration, part->wall_seconds, err));
    return all.recording;
}

static status take_all(results_db *db, unsigned char *bytes, size_t size, error_info *err) {
    const pending_head expected = this_program();
    pending_run part;
    if (size < sizeof expected || memcmp(bytes, &expected, sizeof expected) != 0) return STATUS_OK;
    for (size_t at = sizeof expected; size - at >= sizeof part; at += part.size) {
        memcpy(&part, bytes + at, sizeof part);
        at += sizeof part;
        if (part.size > size - at || part.key[sizeof part.key - 1]) return STATUS_OK;
        TRY(take_run(db, &part, bytes + at, err));
    }
    return db_commit(db, err);
}

status workers_take_pending(results_db *db, error_info *err) {
    char path[PATH_MAX];
    unsigned char *bytes;
    size_t size;
    if (!pending_path(db_path(db), path) || access(path, F_OK) != 0) return STATUS_OK;
    TRY(file_read(path, &bytes, &size, err));
    const status outcome = take_all(db, bytes, size, err);
    free(bytes);
    if (outcome == STATUS_OK) unlink(path);
    return outcome;
}
