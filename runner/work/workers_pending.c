/* workers_pending.c - what could not be recorded before the end, for the next start: DATABASE.pending.
 *
 * The file has a head, then of each run what its worker said since the last commit, as it said it, up to its last
 * checkpoint: what is behind that is computed again. Read by the same program alone: another one computes all of it
 * again, from the checkpoint that is recorded. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "record/machine.h"
#include "work/workers_internal.h"

/* Everything on which the bytes of the file depend. */
typedef struct pending_head {
    char program[128];
    uint32_t message_bytes, epoch_bytes;
} pending_head;

/* Of one run; `size` bytes of messages follow. */
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
    head.epoch_bytes = sizeof(recorder_epoch);
    return head;
}

/* --- Keeping --- */

/* Bytes up to the end of the last checkpoint's message; 0 if there is none. */
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

static status write_runs(const workers *all, file_replacement *file, failure *why) {
    const pending_head head = this_program();
    TRY(file_replace_write(file, &head, sizeof head, why));
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
        TRY(file_replace_write(file, &part, sizeof part, why));
        TRY(file_replace_write(file, one->reader.bytes + one->reader.kept, size, why));
    }
    return STATUS_OK;
}

status workers_keep_pending(const workers *all, failure *why) {
    char path[PATH_MAX];
    file_replacement file;
    if (!pending_path(recorder_path(all->book), path)) return fail(why, STATUS_IO, "the database's path is too long");
    TRY(file_replace_begin(path, &file, why));
    return file_replace_end(&file, write_runs(all, &file, why), why);
}

/* --- Taking --- */

/* The messages are those of the run since what its row says: either from its start on, or it has not been touched since.
 * And the last of them names a checkpoint that is there. */
static bool follows(const recorder *book, const recorder_run *run, const pending_run *part, message_reader look) {
    const uint64_t iteration = run->has_checkpoint ? run->checkpoint_iteration : 0;
    char path[PATH_MAX];
    failure ignored;
    message m;
    const void *bytes;
    if (run->id == 0 || run->state == RUN_DONE || iteration != part->checkpoint) return false;
    for (bool first = true; message_next(&look, &m, &bytes); first = false)
        if (first && m.kind != MESSAGE_STARTED && run->state != RUN_INTERRUPTED) return false;
    if (look.taken != look.used || look.used == 0 || m.kind != MESSAGE_CHECKPOINT) return false;
    checkpoint_locate(recorder_path(book), bytes, path);
    return checkpoint_verify(path, m.file.bytes, m.file.sha256, &ignored) == STATUS_OK;
}

static status take_run(recorder *book, const pending_run *part, unsigned char *bytes, failure *why) {
    const workers_spec nobody = {.jobs = 0};
    workers all = {.spec = &nobody, .book = book, .recording = STATUS_OK, .why = why};
    recorder_run run;
    message m;
    const void *behind;
    TRY(recorder_find_run(book, part->key, &run, why));
    job one = {.id = run.id,
               .key = run.key,
               .data_checksum = run.data_checksum,
               .reader = {.bytes = bytes, .used = part->size},
               .wall_before = part->wall_seconds};
    if (!follows(book, &run, part, one.reader)) return STATUS_OK;
    while (message_next(&one.reader, &m, &behind)) workers_take_message(&all, &one, &m, behind);
    RECORD(&all, recorder_end_run(book, run.id, RUN_INTERRUPTED, NULL, m.iteration, part->wall_seconds, why));
    return all.recording;
}

static status take_all(recorder *book, unsigned char *bytes, size_t size, failure *why) {
    const pending_head expected = this_program();
    pending_run part;
    if (size < sizeof expected || memcmp(bytes, &expected, sizeof expected) != 0) return STATUS_OK;
    for (size_t at = sizeof expected; size - at >= sizeof part; at += part.size) {
        memcpy(&part, bytes + at, sizeof part);
        at += sizeof part;
        if (part.size > size - at || part.key[sizeof part.key - 1]) return STATUS_OK;
        TRY(take_run(book, &part, bytes + at, why));
    }
    return recorder_commit(book, why);
}

status workers_take_pending(recorder *book, failure *why) {
    char path[PATH_MAX];
    unsigned char *bytes;
    size_t size;
    if (!pending_path(recorder_path(book), path) || access(path, F_OK) != 0) return STATUS_OK;
    TRY(file_read(path, &bytes, &size, why));
    const status outcome = take_all(book, bytes, size, why);
    free(bytes);
    if (outcome == STATUS_OK) unlink(path);
    return outcome;
}
