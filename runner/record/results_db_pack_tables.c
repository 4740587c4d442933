/* results_db_pack_tables.c - large tables of an archive in fewer bytes.
 *
 * A view with the table's name shows the same rows to every reader of SQLite files; only times of epochs are rounded.
 * When the archive is opened for writing, the view becomes a table again, and indexes are created again. SQLite 3.54
 * limits the number of tables below the view `claims` (docs/reference/database.md), so views here read few. */
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

/* Settings: the list of a section's settings once for all runs that have the same. */
static const char pack_setting[] =
    "CREATE TABLE packed_setting (list INTEGER NOT NULL, section TEXT NOT NULL, key TEXT NOT NULL, "
    "  value TEXT NOT NULL, PRIMARY KEY (list, section, key)) WITHOUT ROWID;"
    "CREATE TABLE packed_setting_run (run_id INTEGER NOT NULL REFERENCES run, list INTEGER NOT NULL, "
    "  PRIMARY KEY (run_id, list)) WITHOUT ROWID;"
    "CREATE TEMP TABLE listed AS SELECT run_id, section, dense_rank() OVER (ORDER BY section, list) AS list FROM ("
    "  SELECT run_id, section, group_concat(quote(key) || quote(value)) AS list "
    "  FROM (SELECT * FROM main.setting ORDER BY run_id, section, key) GROUP BY run_id, section);"
    "INSERT INTO packed_setting_run SELECT run_id, list FROM listed;"
    "INSERT OR IGNORE INTO packed_setting SELECT l.list, s.section, s.key, s.value FROM listed l "
    "  JOIN setting s USING (run_id, section);"
    "DROP TABLE listed;"
    "DROP TABLE setting;"
    "CREATE VIEW setting AS SELECT r.run_id, s.section, s.key, s.value "
    "  FROM packed_setting_run r JOIN packed_setting s ON s.list = r.list;";

/* Metrics: a number for each name. (A join of the names here would make joins with the view slow.) */
static const char pack_metric[] =
    "CREATE TABLE packed_metric_name (number INTEGER PRIMARY KEY, name TEXT NOT NULL);"
    "CREATE TABLE packed_metric (run_id INTEGER NOT NULL REFERENCES run, number INTEGER NOT NULL, value REAL, "
    "  nonfinite TEXT, PRIMARY KEY (run_id, number)) WITHOUT ROWID;"
    "INSERT INTO packed_metric_name (name) SELECT DISTINCT name FROM metric ORDER BY name;"
    "INSERT INTO packed_metric SELECT m.run_id, n.number, m.value, m.nonfinite FROM metric m "
    "  JOIN packed_metric_name n USING (name);"
    "DROP TABLE metric;"
    "CREATE VIEW metric AS SELECT m.run_id, "
    "  (SELECT n.name FROM packed_metric_name n WHERE n.number = m.number) AS name, m.value, m.nonfinite "
    "  FROM packed_metric m;";

/* Runs: texts that runs share are in the row of the first of them, `origin`; the heartbeat '' is the end of the run. The
 * table stays, under another name, as other tables refer to it. */
#define SHARED                                                                                                         \
    "dataset, data_checksum, model, error, created, host, cpu, simd, gpu, driver, git_commit, compiler, "              \
    "compiler_flags, libraries, command_line"
/* References of other tables follow the name of the table; views do not, and are not checked. */
#define NAME_ONLY "PRAGMA legacy_alter_table = ON;"
#define NAME_DONE "PRAGMA legacy_alter_table = OFF;"
static const char pack_run[] = NAME_ONLY
    "ALTER TABLE run RENAME TO packed_run;" NAME_DONE "ALTER TABLE packed_run ADD COLUMN origin INTEGER;"
    "UPDATE packed_run SET origin = o.origin FROM (SELECT run_id, min(run_id) OVER (PARTITION BY " SHARED ") AS origin "
    "  FROM packed_run) o WHERE o.run_id = packed_run.run_id;"
    "UPDATE packed_run SET (" SHARED ") = ('', '', '', NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
    "  NULL) WHERE origin <> run_id;"
    "UPDATE packed_run SET heartbeat = '' WHERE heartbeat = ended;"
    "CREATE VIEW run AS SELECT r.run_id, r.key, o.dataset, o.data_checksum, o.model, r.seed, r.parameters, "
    "  r.iterations, r.status, r.iteration, o.error, o.created, r.started, r.ended, "
    "  CASE r.heartbeat WHEN '' THEN r.ended ELSE r.heartbeat END AS heartbeat, r.wall_seconds, r.sessions, r.process, "
    "  o.host, o.cpu, o.simd, o.gpu, o.driver, o.git_commit, r.git_dirty, o.compiler, o.compiler_flags, o.libraries, "
    "  o.command_line FROM packed_run r JOIN packed_run o ON o.run_id = r.origin;";
static const char unpack_run[] =
    "UPDATE packed_run SET (" SHARED ") = (SELECT " SHARED " FROM packed_run o WHERE o.run_id = packed_run.origin) "
    "  WHERE origin <> run_id;"
    "UPDATE packed_run SET heartbeat = ended WHERE heartbeat = '';"
    "DROP VIEW run;" NAME_ONLY "ALTER TABLE packed_run RENAME TO run;" NAME_DONE "ALTER TABLE run DROP COLUMN origin";
#undef SHARED
#undef NAME_ONLY
#undef NAME_DONE

/* A small file does not need these indexes. */
static const char drop_indexes[] = "DROP INDEX IF EXISTS run_by_model; DROP INDEX IF EXISTS run_by_status;"
                                   "DROP INDEX IF EXISTS experiment_run_by_run; DROP INDEX IF EXISTS sweep_run_by_run";

/* Archives of earlier versions have fewer views, and packed_epoch with other columns. */
#define UNPACK(table) "CREATE TABLE unpacked_" table " AS SELECT * FROM " table "; DROP VIEW " table ";"
static const struct {
    const char *table, *pack, *unpack;
} packed[] = {
    {"epoch", pack_epoch, UNPACK("epoch") "DROP TABLE packed_epoch; DROP TABLE IF EXISTS packed_epoch_other"},
    {"setting", pack_setting, UNPACK("setting") "DROP TABLE packed_setting; DROP TABLE packed_setting_run"},
    {"metric", pack_metric, UNPACK("metric") "DROP TABLE packed_metric; DROP TABLE packed_metric_name"},
    {"run", pack_run, unpack_run}, /* the last one, so that references of the other packed tables follow */
};
#undef UNPACK
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

/* In reverse, as ALTER TABLE checks that each view finds its tables. */
status db_set_packed_aside(results_db *db, error_info *err) {
    for (size_t i = PACKED_TABLES; i-- > 0;) {
        bool is;
        TRY(is_packed(db, i, &is, err));
        if (is) TRY(db_script(db, packed[i].unpack, "bring up to date", err));
    }
    return STATUS_OK;
}

status db_put_unpacked_back(results_db *db, error_info *err) {
    for (size_t i = 0; i < PACKED_TABLES; i++) {
        const char *name = packed[i].table;
        char sql[256];
        long exists;
        sqlite3_snprintf(sizeof sql, sql, "SELECT count(*) FROM sqlite_schema WHERE name = 'unpacked_%q'", name);
        TRY(db_read_number(db, sql, 0, &exists, err));
        if (!exists) continue;
        sqlite3_snprintf(sizeof sql, sql, "INSERT INTO %w SELECT * FROM unpacked_%w; DROP TABLE unpacked_%w", name,
                         name, name);
        TRY(db_script(db, sql, "bring up to date", err));
    }
    return STATUS_OK;
}
