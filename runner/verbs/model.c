/* model.c - a trained flow by the name of its run or of its file. */
#include "verbs/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/checkpoint_files.h"
#include "record/recorder.h"
#include "train/checkpoint.h"
#include "work/outputs.h"

const standard *model_units(const model *trained) {
    return trained->units.dimension > 0 ? &trained->units : NULL;
}

static bool is_file(const char *name) {
    static const char ending[] = ".safetensors";
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

static failure *next_note(model *out) {
    return &out->notes[out->note_count++];
}

/* The folder of a run's images is no setting of its checkpoint: the file may go elsewhere. */
static status keep_folder(void *argument, const char *section, const char *key, const char *value) {
    if (strcmp(section, "data") == 0 && strcmp(key, "dir") == 0) snprintf(argument, SETTINGS_TEXT_MAX, "%s", value);
    return STATUS_OK;
}

/* The file of a run, as the database knows it. */
static status find_file(const char *name, const char *database, model *out, char folder[SETTINGS_TEXT_MAX],
                        failure *why) {
    recorder *book;
    recorder_run run;
    char archived[32] = "";
    TRY(recorder_open_reading(database, &book, why));
    status outcome = recorder_resolve_run(book, name, &run, why);
    if (outcome == STATUS_OK) outcome = recorder_archive_date(book, archived, why);
    if (outcome == STATUS_OK) checkpoint_locate(recorder_path(book), run.checkpoint_path, out->path);
    if (outcome == STATUS_OK) outcome = recorder_each_setting(book, run.id, keep_folder, folder, why);
    recorder_close(&book, NULL);
    if (outcome != STATUS_OK) return outcome;
    if (run.iterations == 0)
        return fail(why, STATUS_INVALID, "run %s only counted parameters: it has no model", run.key);
    if (!run.has_checkpoint && run.state == RUN_DONE && *archived)
        return fail(why, STATUS_IO,
                    "run %s has no checkpoint: \"%s\" was archived without them at %s; use the database that it was "
                    "made from, or train the run again in another database",
                    run.key, database, archived);
    if (!run.has_checkpoint)
        return fail(why, STATUS_IO, "run %s (%s) has no checkpoint yet", run.key, recorder_state_name(run.state));
    if (run.state != RUN_DONE)
        failure_describe(next_note(out), "run %s is %s: these are its parameters after %" PRIu64 " iterations", run.key,
                         recorder_state_name(run.state), run.checkpoint_iteration);
    return checkpoint_verify(out->path, run.checkpoint_bytes, run.checkpoint_sha256, why);
}

static void note_check(model *out) {
    switch (checkpoint_checked(out->file)) {
    case CHECKPOINT_VERIFIED: break;
    case CHECKPOINT_WITHOUT_CHECKSUM:
        failure_describe(next_note(out),
                         "%s has no checksum (metadata entry sha256_by_name), so damage would not be noticed",
                         out->path);
        break;
    case CHECKPOINT_CONVERTED:
        failure_describe(next_note(out),
                         "%s was rounded to 16 bits by another program: its checksum is that of the numbers before, so "
                         "damage would not be noticed",
                         out->path);
        break;
    }
}

/* Name the types of parameters that were converted, with the number of arrays. */
static void note_conversion(model *out) {
    static const char *const types[] = {"F64", "F32", "F16", "BF16"};
    enum { TYPES = sizeof types / sizeof *types };
    char list[128] = "";
    size_t used = 0, count[TYPES] = {0};
    for (size_t i = 0; i < out->table->count; i++) {
        const char *found = checkpoint_dtype(out->file, out->table->entries[i].name);
        for (size_t t = 0; t < TYPES; t++) count[t] += found != NULL && strcmp(found, types[t]) == 0;
    }
    for (size_t t = 0; t < TYPES; t++) {
        if (count[t] == 0 || strcmp(types[t], REAL_NAME) == 0) continue;
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%zu of %s", used > 0 ? ", " : "", count[t], types[t]);
    }
    if (used > 0) failure_describe(next_note(out), "%s: converted arrays to %s: %s", out->path, REAL_NAME, list);
}

static status read_parameters(model *out, failure *why) {
    failure reason;
    out->params = calloc(out->table->total, sizeof *out->params);
    if (!out->params) return fail(why, STATUS_MEMORY, "out of memory");
    const status outcome = checkpoint_get_parameters(out->file, out->table, out->params, &reason);
    if (outcome != STATUS_OK) return fail(why, outcome, "%s: %s", out->path, reason.text);
    note_conversion(out);
    return STATUS_OK;
}

static status read_model(model *out, size_t threads, failure *why) {
    TRY(checkpoint_read(out->path, &out->file, why));
    note_check(out);
    TRY(specification_read(out->file, out->path, &out->values, &out->shape, why));
    if (threads > 1 && parallel_create(threads, &out->workers) != STATUS_OK)
        return fail(why, STATUS_MEMORY, "cannot start %zu threads", threads);
    if (specification_is_image(&out->shape)) {
        TRY(outputs_chain(&out->values, out->shape.image, out->workers, NULL, &out->images, why));
        out->table = chain_parameters(out->images);
    } else {
        TRY(specification_read_units(out->file, out->path, &out->values, out->shape.dimension, &out->units, why));
        TRY(outputs_flow(&out->values, out->shape.dimension, model_units(out), out->workers, &out->flow, why));
        out->table = cnf_parameters(out->flow);
    }
    return read_parameters(out, why);
}

status model_open(const char *name, const char *database, size_t threads, model *out, failure *why) {
    char folder[SETTINGS_TEXT_MAX] = "";
    *out = (model){.flow = NULL};
    if (is_file(name)) {
        if (strlen(name) >= sizeof out->path) return fail(why, STATUS_IO, "the path is too long: %.100s...", name);
        memcpy(out->path, name, strlen(name) + 1);
    } else TRY(find_file(name, database, out, folder, why));
    const status outcome = read_model(out, threads, why);
    memcpy(out->values.data_dir, folder, sizeof folder);
    if (outcome != STATUS_OK) model_close(out);
    return outcome;
}

void model_close(model *trained) {
    cnf_destroy(&trained->flow);
    chain_destroy(&trained->images);
    parallel_destroy(&trained->workers);
    checkpoint_destroy(&trained->file);
    free(trained->params);
    trained->params = NULL;
}
