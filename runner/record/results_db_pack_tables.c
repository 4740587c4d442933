/* results_db_pack_tables.c - large tables of an archive in fewer bytes.
 *
 * A view with the table's name shows the same rows to every reader of SQLite files; only times are rounded. When the
 * archive is opened for writing, the view becomes a table again, and indexes are created again. */
#include "record/results_db_internal.h"

/* Epochs: one row for the splits 'training' and 'validation', which share iteration, time and memory. Counts of
 * evaluations that are NULL equal training_forward. Times are whole microseconds, and memory whole KiB, which are
 * three bytes instead of eight or four. Other rows, such as those of the split 'test', are unchanged. */
static const char pack_epoch[] =
    "CREATE TABLE packed_epoch (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, "
    "  iteration INTEGER NOT NULL, training REAL NOT NULL, training_forward REAL NOT NULL, "
    "  training_backward REAL, validation REAL NOT NULL, validation_forward REAL, "
    "  validation_backward REAL NOT NULL, wall_microseconds INTEGER NOT NULL, peak_kib INTEGER NOT NULL, "
    "  running REAL, PRIMARY KEY (run_id, epoch)) WITHOUT ROWID;"
    "CREATE TABLE packed_epoch_other (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, "
    "  iteration INTEGER NOT NULL, split TEXT NOT NULL, loss REAL, nonfinite TEXT, nfe_forward REAL NOT NULL, "
    "  nfe_backward REAL NOT NULL, wall_seconds REAL NOT NULL, peak_bytes INTEGER NOT NULL, running REAL, "
    "  PRIMARY KEY (run_id, epoch, split)) WITHOUT ROWID;"
    "INSERT INTO packed_epoch SELECT t.run_id, t.epoch, t.iteration, t.loss, t.nfe_forward, "
    "  nullif(t.nfe_backward, t.nfe_forward), v.loss, nullif(v.nfe_forward, t.nfe_forward), v.nfe_backward, "
    "  CAST(round(1e6 * t.wall_seconds) AS INTEGER), t.peak_bytes / 1024, t.running FROM epoch t JOIN epoch v "
    "  ON v.run_id = t.run_id AND v.epoch = t.epoch AND v.split = 'validation' AND v.iteration = t.iteration "
    "  AND v.wall_seconds = t.wall_seconds AND v.peak_bytes = t.peak_bytes AND v.running IS NULL "
    "  WHERE t.split = 'training' AND t.loss IS NOT NULL AND v.loss IS NOT NULL AND t.nonfinite IS NULL "
    "  AND v.nonfinite IS NULL AND t.peak_bytes % 1024 = 0;"
    "INSERT INTO packed_epoch_other SELECT * FROM epoch e WHERE split = 'test' OR NOT EXISTS "
    "  (SELECT 1 FROM packed_epoch p WHERE p.run_id = e.run_id AND p.epoch = e.epoch);"
    "DROP TABLE epoch;"
    "CREATE VIEW epoch AS "
    "SELECT run_id, epoch, iteration, 'training' AS split, training AS loss, NULL AS nonfinite, "
    "  training_forward AS nfe_forward, coalesce(training_backward, training_forward) AS nfe_backward, "
    "  wall_microseconds / 1e6 AS wall_seconds, 1024 * peak_kib AS peak_bytes, running FROM packed_epoch UNION ALL "
    "SELECT run_id, epoch, iteration, 'validation', validation, NULL, coalesce(validation_forward, training_forward), "
    "  validation_backward, wall_microseconds / 1e6, 1024 * peak_kib, NULL FROM packed_epoch UNION ALL "
    "SELECT run_id, epoch, iteration, split, loss, nonfinite, nfe_forward, nfe_backward, wall_seconds, peak_bytes, "
    "  running FROM packed_epoch_other;";

/* Settings and metrics stay tables: with more views below it, SQLite 3.54 refuses `claims` as nested too deep. A small
 * file does not need these indexes. */
static const char drop_indexes[] =
    "DROP INDEX IF EXISTS metric_by_name; DROP INDEX IF EXISTS run_by_model; DROP INDEX IF EXISTS run_by_status";

/* drop: archives of earlier versions have packed epochs only, with other columns. */
static const struct {
    const char *table, *pack, *drop;
} packed[] = {
    {"epoch", pack_epoch, "DROP TABLE packed_epoch; DROP TABLE IF EXISTS packed_epoch_other"},
};
enum { PACKED_TABLES = sizeof packed / sizeof packed[0] };

status db_pack_tables(results_db *db, error_info *err) {
    for (size_t i = 0; i < PACKED_TABLES; i++) TRY(db_script(db, packed[i].pack, "write", err));
    return db_script(db, drop_indexes, "write", err);
}

/* *is <- whether the table is a view of packed ones. */
static status is_packed(results_db *db, size_t i, bool *is, error_info *err) {
    char sql[128];
    long views;
    sqlite3_snprintf(sizeof sql, sql, "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = %Q",
                     packed[i].table);
    TRY(db_read_number(db, sql, 0, &views, err));
    *is = views > 0;
    return STATUS_OK;
}

status db_has_packed_tables(results_db *db, bool *has, error_info *err) {
    *has = false;
    for (size_t i = 0; i < PACKED_TABLES && !*has; i++) TRY(is_packed(db, i, has, err));
    return STATUS_OK;
}

/* Run statements in which %w is the table's name, as often as it occurs. */
static status run_for(results_db *db, size_t i, const char *format, error_info *err) {
    const char *name = packed[i].table;
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql, format, name, name, name);
    return db_script(db, sql, "bring up to date", err);
}

status db_set_packed_aside(results_db *db, error_info *err) {
    for (size_t i = 0; i < PACKED_TABLES; i++) {
        bool is;
        TRY(is_packed(db, i, &is, err));
        if (!is) continue;
        TRY(run_for(db, i, "CREATE TABLE unpacked_%w AS SELECT * FROM %w; DROP VIEW %w", err));
        TRY(db_script(db, packed[i].drop, "bring up to date", err));
    }
    return STATUS_OK;
}

status db_put_unpacked_back(results_db *db, error_info *err) {
    for (size_t i = 0; i < PACKED_TABLES; i++) {
        char sql[128];
        long exists;
        sqlite3_snprintf(sizeof sql, sql, "SELECT count(*) FROM sqlite_schema WHERE name = 'unpacked_%q'",
                         packed[i].table);
        TRY(db_read_number(db, sql, 0, &exists, err));
        if (exists) TRY(run_for(db, i, "INSERT INTO %w SELECT * FROM unpacked_%w; DROP TABLE unpacked_%w", err));
    }
    return STATUS_OK;
}
