/* stored_run.c - prepare a run of the database for computing it again. */
#include "compare/stored_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/real.h"
#include "data/data_name.h"
#include "data/toy.h"
#include "settings/source.h"
#include "system/paths.h"

/* The known data of one name, checksum and downsampling. */
struct stored_data {
    char dataset[DB_NAME_MAX], checksum[PLAN_CHECKSUM_SIZE];
    uint64_t average;
    bool found;
    error_info reason; /* if the data could not be opened */
    plan_dataset data;
    char folder[SETTINGS_TEXT_MAX]; /* data.dir, of images */
    char validation[SETTINGS_TEXT_MAX],
        test[SETTINGS_TEXT_MAX]; /* data.validation and data.test, with the present paths of files */
    size_t held_out; /* rows of a table; 0 for other data */
};

void stored_cache_release(stored_cache *cache) {
    free(cache->items);
    *cache = (stored_cache){.count = 0};
}

/* --- Settings --- */

typedef struct reading {
    settings *into;
    error_info *reason; /* about the first setting that this program cannot read */
} reading;

static status read_setting(void *argument, const char *section, const char *key, const char *value) {
    const reading *state = argument;
    const setting_option *option;
    TRY(settings_find(section, key, &option, state->reason));
    /* Only texts can be empty; omitted ones are. */
    return *value ? settings_parse(option, value, state->into, state->reason) : STATUS_OK;
}

/* A setting that is newer than the run has its default, which is the behaviour of that time. */
static status read_settings(results_db *db, stored_run *out, bool *able, error_info *reason, error_info *err) {
    error_info wrong = {""};
    reading state = {.into = &out->values, .reason = &wrong};
    settings_default(&out->values);
    const status outcome = db_each_setting(db, out->row.id, read_setting, &state, err);
    *able = outcome == STATUS_OK;
    if (outcome != STATUS_INVALID) return outcome;
    error_describe(reason, "this version of the program does not support their settings: %.800s", wrong.text);
    return STATUS_OK;
}

/* The key is a hash of everything that determines the numbers, so the settings must give the same key. */
static status check_key(results_db *db, const stored_run *run, bool *able, error_info *reason, error_info *err) {
    char key[PLAN_KEY_SIZE];
    bool theory = false;
    plan_run_key(&run->values, run->row.data_checksum, run->row.seed, key);
    *able = strcmp(key, run->row.key) == 0;
    if (*able) return STATUS_OK;
    TRY(db_has_theory(db, run->row.id, &theory, err));
    if (theory)
        error_describe(reason, "trainings for the mathematics, whose items are part of their key and are not stored "
                               "as settings; the experiment's file computes them again in a new database");
    else
        error_describe(reason,
                       "their settings mean other runs for this version of the program, or for one that "
                       "computes with other numbers than %s",
                       REAL_NAME);
    return STATUS_OK;
}

/* --- Data --- */

/* Open candidate data; its checksum decides. */
static bool try_source(const char *name, const char *folder, const db_run *row, const settings *values,
                       stored_data *out) {
    settings there = *values;
    source data;
    snprintf(there.data_dir, sizeof there.data_dir, "%s", folder);
    if (source_open(name, &there, &data, &out->reason) != STATUS_OK) return false;
    out->found = strcmp(source_checksum(&data), row->data_checksum) == 0;
    if (out->found) {
        snprintf(out->data.source, sizeof out->data.source, "%s", name);
        snprintf(out->data.name, sizeof out->data.name, "%s", row->dataset);
        snprintf(out->data.checksum, sizeof out->data.checksum, "%s", row->data_checksum);
        out->data.shape = source_shape(&data);
        out->held_out = data.points ? dataset_size(data.points, SPLIT_VALIDATION) : 0;
        snprintf(out->folder, sizeof out->folder, "%s", folder);
        memcpy(out->validation, values->data_validation, sizeof out->validation);
        memcpy(out->test, values->data_test, sizeof out->test);
    } else {
        error_describe(&out->reason,
                       "the data \"%.200s\" is not what it was: expected SHA-256 %.12s..., found "
                       "%.12s...",
                       name, row->data_checksum, source_checksum(&data));
    }
    source_close(&data);
    return out->found;
}

typedef struct searching {
    const db_run *row;
    const settings *values;
    const char *images; /* the name of a known set; NULL for others */
    stored_data *out;
} searching;

/* Try data with the parts that the experiment's file has today. */
static void try_parts(const searching *self, const experiment_config *config, const char *item, const char *name,
                      const char *folder) {
    settings there = *self->values, today;
    config_resolve(config, item, self->row->model, &today);
    if (!*today.data_validation && !*today.data_test) return;
    memcpy(there.data_validation, today.data_validation, sizeof there.data_validation);
    memcpy(there.data_test, today.data_test, sizeof there.data_test);
    try_source(name, folder, self->row, &there, self->out);
}

/* Try an item of an experiment's list of data. Images of a known set are in the experiment's data folder, tables and a
 * user's own images beside its file, as are their parts. */
static void try_item(const searching *self, const experiment_config *config, const char *item) {
    char path[PATH_MAX], called[DATA_NAME_MAX];
    error_info ignored;
    if (self->images) {
        const char *folder = config_settings(config)->data_dir;
        if (strcmp(item, self->images) == 0 && !try_source(item, folder, self->row, self->values, self->out))
            try_parts(self, config, item, item, folder);
        return;
    }
    if (image_kind_of(item) || config_data_source(config, item, path, &ignored) != STATUS_OK) return;
    /* Other tables of the same experiment need no message. */
    data_name(item, called);
    if (strncmp(self->row->dataset, called, strlen(called)) != 0) return;
    if (!try_source(path, "", self->row, self->values, self->out)) try_parts(self, config, item, path, "");
}

/* Open the experiment's file by the path of its command line: relative to the current folder, or to the project's. */
static status try_experiment(void *argument, const char *file) {
    const searching *self = argument;
    char path[PATH_MAX], item[SETTINGS_TEXT_MAX];
    experiment_config *config;
    error_info ignored;
    if (self->out->found) return STATUS_OK;
    snprintf(path, sizeof path, "%s", file);
    if (access(path, R_OK) != 0 && *file != '/') install_path(file, path);
    if (config_load(path, 0, NULL, &config, &ignored) != STATUS_OK) return STATUS_OK;
    const char *cursor = config_settings(config)->experiment_data;
    while (!self->out->found && settings_list_next(&cursor, item)) try_item(self, config, item);
    config_destroy(&config);
    return STATUS_OK;
}

/* name <- a known set's name without "_HEIGHTxWIDTH" of downsampled images. Return false for others. */
static bool image_name(const db_run *row, const settings *values, char name[DB_NAME_MAX]) {
    snprintf(name, DB_NAME_MAX, "%s", row->dataset);
    char *cut = values->image_downsample > 1 ? strrchr(name, '_') : NULL;
    if (cut) *cut = '\0';
    return image_kind_of(name) != NULL;
}

static status find_data(results_db *db, const db_run *row, const settings *values, stored_data *out, error_info *err) {
    char name[DB_NAME_MAX];
    const bool images = image_name(row, values, name);
    searching self = {.row = row, .values = values, .images = images ? name : NULL, .out = out};
    if (images && *values->data_dir) try_source(name, values->data_dir, row, values, out);
    if (out->found) return STATUS_OK;
    if (images || toy_find(row->dataset)) try_source(images ? name : row->dataset, "", row, values, out);
    else
        error_describe(&out->reason,
                       "the data \"%.200s\" is not here: expected a table of points with this name and SHA-256 "
                       "%.12s... in the list of its experiment's file",
                       row->dataset, row->data_checksum);
    return out->found ? STATUS_OK : db_each_file(db, row->id, try_experiment, &self, err);
}

/* Find the data of the run, or take it from the cache; *out is valid until the next call. */
static status look_up(results_db *db, const stored_run *run, stored_cache *cache, const stored_data **out,
                      error_info *err) {
    const db_run *row = &run->row;
    const uint64_t average = run->values.image_downsample;
    for (size_t i = 0; i < cache->count; i++) {
        const stored_data *item = &cache->items[i];
        if (item->average != average || strcmp(item->dataset, row->dataset) != 0 ||
            strcmp(item->checksum, row->data_checksum) != 0)
            continue;
        *out = item;
        return STATUS_OK;
    }
    stored_data *items = realloc(cache->items, (cache->count + 1) * sizeof *items);
    if (!items) return error_set(err, STATUS_MEMORY, "out of memory");
    cache->items = items;
    stored_data *item = &items[cache->count];
    *item = (stored_data){.average = average};
    snprintf(item->dataset, sizeof item->dataset, "%s", row->dataset);
    snprintf(item->checksum, sizeof item->checksum, "%s", row->data_checksum);
    TRY(find_data(db, row, &run->values, item, err));
    cache->count++;
    *out = item;
    return STATUS_OK;
}

/* A count needs only the size of the images. */
static bool describe_count(stored_run *out) {
    const image_kind *kind = image_kind_of(out->row.dataset);
    if (!kind) return false;
    size_t *shape = out->data.shape.image;
    image_kind_shape(kind, shape);
    out->data.shape.dimension = shape[0] * shape[1] * shape[2];
    snprintf(out->data.source, sizeof out->data.source, "%s", out->row.dataset);
    snprintf(out->data.name, sizeof out->data.name, "%s", out->row.dataset);
    snprintf(out->data.checksum, sizeof out->data.checksum, "%s", out->row.data_checksum);
    out->values.experiment_task = TASK_COUNT_PARAMETERS;
    return true;
}

static status prepare_data(results_db *db, stored_cache *cache, stored_run *out, bool *able, error_info *reason,
                           error_info *err) {
    const stored_data *data;
    error_info wrong;
    if (out->counted) {
        *able = describe_count(out);
        if (!*able) error_describe(reason, "counts for images that this program does not support");
        return STATUS_OK;
    }
    TRY(look_up(db, out, cache, &data, err));
    *able = data->found;
    *reason = data->reason;
    if (!data->found) return STATUS_OK;
    out->data = data->data;
    memcpy(out->values.data_dir, data->folder, sizeof out->values.data_dir);
    memcpy(out->values.data_validation, data->validation, sizeof out->values.data_validation);
    memcpy(out->values.data_test, data->test, sizeof out->values.data_test);
    *able = data->held_out == 0 || out->values.train_validation <= data->held_out;
    if (!*able) {
        error_describe(reason,
                       "their validation batches of %" PRIu64
                       " repeat some of the table's %zu held-out rows; each counts "
                       "once now, under another key",
                       out->values.train_validation, data->held_out);
        return STATUS_OK;
    }
    *able = specification_check(&out->values, &out->data.shape, &wrong) == STATUS_OK;
    if (!*able) *reason = wrong;
    return STATUS_OK;
}

status stored_run_prepare(results_db *db, const db_run *row, stored_cache *cache, stored_run *out, bool *able,
                          error_info *reason, error_info *err) {
    *out = (stored_run){.row = *row, .counted = row->iterations == 0};
    TRY(read_settings(db, out, able, reason, err));
    if (*able) TRY(check_key(db, out, able, reason, err));
    return *able ? prepare_data(db, cache, out, able, reason, err) : STATUS_OK;
}
