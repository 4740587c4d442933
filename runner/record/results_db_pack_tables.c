/* results_db_pack_tables.c - large tables of an archive in fewer bytes.
 *
 * Views with the tables' names show the rows as they were, to the bit, to every reader of SQLite files. When the archive
 * is opened for writing, the views become tables again. */
#include "record/results_db_internal.h"

/* Epochs: one row for the splits 'training' and 'validation', which share iteration, time and memory. Rows of the split
 * 'test', and of epochs with a loss that is not finite, stay as they are. */
static const char pack_epoch[] =
    "CREATE TABLE packed_epoch (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, "
    "  iteration INTEGER NOT NULL, training REAL NOT NULL, training_forward REAL NOT NULL, "
    "  training_backward REAL NOT NULL, validation REAL NOT NULL, validation_forward REAL NOT NULL, "
    "  validation_backward REAL NOT NULL, wall_seconds REAL NOT NULL, peak_bytes INTEGER NOT NULL, running REAL, "
    "  PRIMARY KEY (run_id, epoch)) WITHOUT ROWID;"
    "CREATE TABLE packed_epoch_other (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, "
    "  iteration INTEGER NOT NULL, split TEXT NOT NULL, loss REAL, nonfinite TEXT, nfe_forward REAL NOT NULL, "
    "  nfe_backward REAL NOT NULL, wall_seconds REAL NOT NULL, peak_bytes INTEGER NOT NULL, running REAL, "
    "  PRIMARY KEY (run_id, epoch, split)) WITHOUT ROWID;"
    "INSERT INTO packed_epoch SELECT t.run_id, t.epoch, t.iteration, t.loss, t.nfe_forward, t.nfe_backward, v.loss, "
    "  v.nfe_forward, v.nfe_backward, t.wall_seconds, t.peak_bytes, t.running FROM epoch t JOIN epoch v "
    "  ON v.run_id = t.run_id AND v.epoch = t.epoch AND v.split = 'validation' AND v.iteration = t.iteration "
    "  AND v.wall_seconds = t.wall_seconds AND v.peak_bytes = t.peak_bytes AND v.running IS NULL "
    "  WHERE t.split = 'training' AND t.loss IS NOT NULL AND v.loss IS NOT NULL AND t.nonfinite IS NULL "
    "  AND v.nonfinite IS NULL;"
    "INSERT INTO packed_epoch_other SELECT * FROM epoch e WHERE split = 'test' OR NOT EXISTS "
    "  (SELECT 1 FROM packed_epoch p WHERE p.run_id = e.run_id AND p.epoch = e.epoch);"
    "DROP TABLE epoch;"
    "CREATE VIEW epoch AS "
    "SELECT run_id, epoch, iteration, 'training' AS split, training AS loss, NULL AS nonfinite, "
    "  training_forward AS nfe_forward, training_backward AS nfe_backward, wall_seconds, peak_bytes, running "
    "  FROM packed_epoch UNION ALL "
    "SELECT run_id, epoch, iteration, 'validation', validation, NULL, validation_forward, validation_backward, "
    "  wall_seconds, peak_bytes, NULL FROM packed_epoch UNION ALL "
    "SELECT run_id, epoch, iteration, split, loss, nonfinite, nfe_forward, nfe_backward, wall_seconds, peak_bytes, "
    "  running FROM packed_epoch_other;";

/* Settings: once for all runs that have the same. */
static const char pack_setting[] =
    "CREATE TABLE packed_setting (settings INTEGER NOT NULL, section TEXT NOT NULL, key TEXT NOT NULL, "
    "  value TEXT NOT NULL, PRIMARY KEY (settings, section, key)) WITHOUT ROWID;"
    "CREATE TABLE packed_setting_run (run_id INTEGER PRIMARY KEY REFERENCES run, settings INTEGER NOT NULL);"
    "INSERT INTO packed_setting_run SELECT run_id, min(run_id) OVER (PARTITION BY list) FROM (SELECT run_id, "
    "  group_concat(quote(section) || quote(key) || quote(value)) AS list "
    "  FROM (SELECT * FROM setting ORDER BY run_id, section, key) GROUP BY run_id);"
    "INSERT INTO packed_setting SELECT run_id, section, key, value FROM setting "
    "  WHERE run_id IN (SELECT settings FROM packed_setting_run);"
    "DROP TABLE setting;"
    "CREATE VIEW setting AS SELECT r.run_id, s.section, s.key, s.value "
    "  FROM packed_setting_run r JOIN packed_setting s ON s.settings = r.settings;";

/* Metrics stay a table: one more view below `claims` is more than SQLite 3.54 nests. A small file needs no index. */
static const char drop_indexes[] = "DROP INDEX IF EXISTS metric_by_name";

/* drop: archives of earlier versions have packed epochs only, with other columns. */
static const struct {
    const char *table, *pack, *drop;
} packed[] = {
    {"epoch", pack_epoch, "DROP TABLE packed_epoch; DROP TABLE IF EXISTS packed_epoch_other"},
    {"setting", pack_setting, "DROP TABLE packed_setting; DROP TABLE packed_setting_run"},
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
