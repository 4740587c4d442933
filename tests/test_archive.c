/* test_archive.c - the compact form of archives: rows are bit-identical except for times, which are rounded to
 * microseconds, and pictures, which are rounded to small steps. */
#include <math.h>
#include <zlib.h>

#include "results_db_support.h"

TestSuite(archive, .init = begin, .fini = end, .timeout = 120);

/* Print every row and all columns of the tables. */
static const char *const all_rows[] = {
    ("SELECT run_id, epoch, iteration, split, printf('%!.17g', loss), typeof(loss), nonfinite, nfe_forward, "
     "nfe_backward, round(wall_seconds, 6), peak_bytes, printf('%!.17g', running), typeof(running) "
     "FROM epoch ORDER BY 1, 2, 4"),
    "SELECT group_concat(name) FROM pragma_table_info('epoch')",
    "SELECT run_id, section, key, value FROM setting ORDER BY 1, 2, 3",
    "SELECT group_concat(name) FROM pragma_table_info('setting')",
    "SELECT run_id, name, printf('%!.17g', value), typeof(value), nonfinite FROM metric ORDER BY 1, 2",
    "SELECT group_concat(name) FROM pragma_table_info('metric')",
    "SELECT * FROM run ORDER BY run_id",
    "SELECT group_concat(name) FROM pragma_table_info('run')"};
enum { ALL_ROWS = sizeof all_rows / sizeof *all_rows };

static void read_rows(char *rows[ALL_ROWS]) {
    for (size_t i = 0; i < ALL_ROWS; i++) cr_assert_not_null(rows[i] = strdup(query(all_rows[i])));
}

static void check_rows(char *const rows[ALL_ROWS], const char *when) {
    for (size_t i = 0; i < ALL_ROWS; i++) cr_expect_str_eq(query(all_rows[i]), rows[i], "%s: %s", when, all_rows[i]);
}

static void free_rows(char *rows[ALL_ROWS]) {
    for (size_t i = 0; i < ALL_ROWS; i++) free(rows[i]);
}

static const char type_of_tables[] =
    "SELECT type FROM sqlite_schema WHERE name IN ('epoch', 'metric', 'run', 'setting') "
    "ORDER BY name";
static const char references[] =
    "SELECT m.name, f.\"table\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f "
    "WHERE m.name NOT LIKE '%packed%' AND f.\"table\" LIKE '%run' ORDER BY m.name";
static const char indexes[] = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
static const char packed_tables[] = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%packed%'";

/* Replace the database at `path` by its archive. */
static void make_archive(const char *name) {
    results_db *db = NULL;
    db_archived kept;
    char other[128];
    scratch_path(folder, name, other);
    OK(db_open_reading(path, &db, err));
    OK(db_archive(db, other, &(db_keeper){NULL}, &kept, err));
    OK(db_close(&db, err));
    snprintf(path, sizeof path, "%s", other);
}

/* Runs with every kind of row: non-finite losses, a test split, a running mean; two with the same settings. */
static void put_rows(results_db *db) {
    const int64_t experiment = put_experiment(db, "e");
    const char *const keys[] = {"k", "l", "n"};
    for (int64_t run = 1; run <= 3; run++) {
        put_finished(db, experiment, keys[run - 1], "m", 3 + (uint64_t)run, 0.1 * (double)run);
        OK(db_put_setting(db, run, "model", "width", "12", err));
        OK(db_put_setting(db, run, "train", "data", run == 2 ? "it's, ''" : "it's", err));
    }
    OK(db_put_metric(db, 2, "it's \"odd\"", -INFINITY, err));
    OK(db_put_metric(db, 2, "odder", NAN, err));
    const double losses[] = {NAN, INFINITY, -INFINITY, 3, 1.0 / 3};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        db_epoch row = {.epoch = 10 + i,
                        .iteration = 1000 + i,
                        .loss = losses[i],
                        .running = losses[i] / 7,
                        .nfe_forward = 12.5,
                        .nfe_backward = 1e-3,
                        .wall_seconds = 0.1 * (double)(i + 1),
                        .peak_bytes = 1U << 20};
        OK(db_put_epoch(db, 2, &row, err));
        row.running = NAN;
        row.split = DB_TEST;
        row.loss = -row.loss;
        OK(db_put_epoch(db, 2, &row, err));
    }
}

Test(archive, rows_are_the_same_and_tables_come_back_when_it_is_written) {
    char *before[ALL_ROWS];
    results_db *db = open_db();
    put_rows(db);
    close_db(db);
    /* A row that no training writes: a running mean of the validation loss. */
    change("UPDATE epoch SET running = 1 WHERE split = 'validation' AND epoch = 1 AND run_id = 3");
    /* Runs share texts but for one of them, which also ended after its last heartbeat. */
    change("UPDATE run SET started = '2026-01-01T00:00:00Z', ended = '2026-01-01T00:00:09Z', "
           "heartbeat = '2026-01-01T00:00:09Z', created = '2026-01-01T00:00:00Z', host = 'h', compiler_flags = '-O2'; "
           "UPDATE run SET heartbeat = NULL, host = 'other', git_dirty = 1 WHERE run_id = 2");
    read_rows(before);
    cr_assert_not_null(strstr(before[0], "|inf|"), "%s", before[0]);
    char *referring = strdup(query(references)), *indexed = strdup(query(indexes));
    cr_assert(strstr(referring, "|run;") && strstr(indexed, "metric_by_name;"), "%s %s", referring, indexed);
    make_archive("a.db");
    cr_expect_str_eq(query(type_of_tables), "view;view;view;view;");
    cr_expect_str_eq(query("SELECT count(*) FROM packed_epoch"), "5;");
    cr_expect_str_eq(query("SELECT group_concat(origin), group_concat(host) FROM packed_run"), "1,2,1|h,other;");
    cr_expect_str_eq(query("SELECT count(*) FROM packed_setting"), "3;", "width once, data twice");
    cr_expect_str_eq(query("SELECT count(*) FROM packed_setting_run"), "6;");
    cr_expect_str_eq(query(indexes), "");
    check_rows(before, "archive");
    cr_expect_str_eq(query("PRAGMA foreign_key_check"), "");
    cr_expect_str_eq(query("SELECT count(*) FROM loss_curves WHERE split = 'validation'"), "2;");
    make_archive("b.db");
    cr_expect_str_eq(query(type_of_tables), "view;view;view;view;");
    check_rows(before, "an archive of an archive");

    db = open_db();
    check_rows(before, "opened for writing");
    put_loss(db, 1, 3, 0.25, 0.5);
    close_db(db);
    cr_expect_str_eq(query(type_of_tables), "table;table;table;table;");
    cr_expect_str_eq(query(packed_tables), "0;");
    cr_expect_str_eq(query(references), referring);
    cr_expect_str_eq(query(indexes), indexed);
    cr_expect_str_eq(query("SELECT count(*), sum(loss) FROM epoch WHERE run_id = 1 AND epoch = 3"), "2|0.75;");
    cr_expect_str_eq(query("SELECT count(*) FROM sqlite_schema WHERE name = 'epoch' AND sql LIKE '%CHECK (split%'"),
                     "1;");
    change("DELETE FROM epoch WHERE run_id = 1 AND epoch = 3");
    check_rows(before, "written");
    cr_expect_str_eq(query("PRAGMA integrity_check"), "ok;");
    cr_expect_str_eq(query("PRAGMA foreign_key_check"), "");
    free(referring);
    free(indexed);
    free_rows(before);
}

/* Earlier versions packed epochs only, three splits in a row. */
static const char older_archive[] =
    "CREATE TABLE packed_epoch (run_id INTEGER NOT NULL REFERENCES run, epoch INTEGER NOT NULL, iteration INTEGER NOT "
    "NULL, wall_seconds REAL NOT NULL, peak_bytes INTEGER NOT NULL, training REAL, training_nonfinite TEXT, "
    "training_forward REAL, training_backward REAL, test REAL, test_nonfinite TEXT, test_forward REAL, "
    "test_backward REAL, running REAL, PRIMARY KEY (run_id, epoch, iteration)) WITHOUT ROWID;"
    "INSERT INTO packed_epoch SELECT run_id, epoch, iteration, wall_seconds, peak_bytes, "
    "max(iif(split = 'training', loss, NULL)), max(iif(split = 'training', nonfinite, NULL)), "
    "max(iif(split = 'training', nfe_forward, NULL)), max(iif(split = 'training', nfe_backward, NULL)), "
    "max(iif(split = 'test', loss, NULL)), max(iif(split = 'test', nonfinite, NULL)), "
    "max(iif(split = 'test', nfe_forward, NULL)), max(iif(split = 'test', nfe_backward, NULL)), max(running) "
    "FROM epoch GROUP BY 1, 2, 3;"
    "DROP TABLE epoch;"
    "CREATE VIEW epoch AS SELECT run_id, epoch, iteration, 'training' AS split, training AS loss, training_nonfinite "
    "AS nonfinite, training_forward AS nfe_forward, training_backward AS nfe_backward, wall_seconds, peak_bytes, "
    "running FROM packed_epoch WHERE training_forward IS NOT NULL UNION ALL SELECT run_id, epoch, iteration, 'test', "
    "test, test_nonfinite, test_forward, test_backward, wall_seconds, peak_bytes, NULL FROM packed_epoch WHERE "
    "test_forward IS NOT NULL";

Test(archive, archives_of_earlier_versions_are_read_and_written) {
    char *before[ALL_ROWS];
    results_db *db = open_db();
    put_rows(db);
    close_db(db);
    change("DELETE FROM epoch WHERE split = 'validation'");
    read_rows(before);
    change(older_archive);
    check_rows(before, "as it was");
    char older[sizeof path];
    snprintf(older, sizeof older, "%s", path);
    make_archive("a.db"); /* which reads it */
    cr_expect_str_eq(query(type_of_tables), "view;view;view;view;");
    check_rows(before, "archived again");
    snprintf(path, sizeof path, "%s", older);
    cr_expect_str_eq(query(type_of_tables), "view;table;table;table;");
    db = open_db();
    close_db(db);
    cr_expect_str_eq(query(type_of_tables), "table;table;table;table;");
    cr_expect_str_eq(query(packed_tables), "0;");
    check_rows(before, "written");
    free_rows(before);
}

enum { ROWS = 7000, CELLS = 32, GRID = 33, KEPT = 6000 };

/* The array of the only row that a condition selects, from the archive; the caller frees it. */
static float *read_array(const char *table, const char *where, size_t count) {
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT data FROM %s WHERE %s", table, where);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(row), SQLITE_ROW);
    const unsigned char *bytes = sqlite3_column_blob(row, 0);
    cr_expect_lt((size_t)sqlite3_column_bytes(row, 0), count * sizeof(float) / 5 * 4, "%s: packed", where);
    cr_assert(bytes[0] == 0x78 && bytes[1] == 0xda, "as in plots/common.sql");
    float *out = malloc(count * sizeof *out);
    cr_assert_not_null(out);
    uLongf size = count * sizeof *out;
    cr_assert_eq(uncompress((unsigned char *)out, &size, bytes, (uLong)sqlite3_column_bytes(row, 0)), Z_OK);
    cr_assert_eq(size, count * sizeof *out);
    cr_assert_eq(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return out;
}

/* Check that every number of the archive is within `bound` of the original, and that some differ. */
static void check_near(const char *table, const char *where, const float *before, size_t count, double bound) {
    float *now = read_array(table, where, count);
    size_t changed = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(before[i])) {
            cr_expect(isnan(now[i]), "%s: number %zu", where, i);
            continue;
        }
        if (isinf(before[i])) {
            cr_expect_eq(now[i], before[i], "%s: number %zu", where, i);
            continue;
        }
        const double off = fabs((double)now[i] - (double)before[i]);
        cr_assert_leq(off, bound + 1e-7 * fabs((double)before[i]), "%s: number %zu: %g, was %g", where, i,
                      (double)now[i], (double)before[i]);
        changed += off > 0;
    }
    cr_expect_eq(changed > 0, bound > 0, "%s", where);
    free(now);
}

static float points[ROWS * 2], table_points[ROWS * 3], images[10 * 12], density[CELLS * CELLS], field[GRID * GRID * 4];

static void fill_arrays(void) {
    for (size_t i = 0; i < ROWS * 2; i++) points[i] = (float)sin(0.37 * (double)i);
    points[6] = NAN;
    points[7] = INFINITY;
    points[8] = 12345.678F; /* far outside */
    for (size_t i = 0; i < ROWS * 3; i++) table_points[i] = (float)(i % 100) / 7;
    for (size_t i = 0; i < 10 * 12; i++) images[i] = (float)(i % 10) / 9.3F;
    for (size_t i = 0; i < CELLS * CELLS; i++) density[i] = (float)exp(-0.01 * (double)i) * 0.7F;
    density[5] = NAN;
    for (size_t i = 0; i < GRID * GRID; i++) {
        field[4 * i] = (float)(i % GRID) / 10 - 1.61F;
        field[4 * i + 1] = (float)(i / GRID) / 10 - 1.61F;
        field[4 * i + 2] = (float)cos((double)i);
        field[4 * i + 3] = (float)sin(2.0 * (double)i) * 0.3F;
    }
}

static void put(results_db *db, const char *subject, const char *kind, uint64_t rows, uint64_t columns, double width,
                int moment, const void *data) {
    const double low = columns == 12 ? 0 : -width / 2, high = columns == 12 ? 2 : width / 2;
    const db_blob blob = {.subject = subject,
                          .kind = kind,
                          .rows = rows,
                          .columns = columns,
                          .window = {low, high, low, high},
                          .data = data};
    if (moment < 0) OK(db_put_blob(db, &blob, err));
    else OK(db_put_moment(db, &blob, (uint64_t)moment, moment, err));
}

Test(archive, pictures_are_rounded_invisibly) {
    fill_arrays();
    results_db *db = open_db();
    const int64_t experiment = put_experiment(db, "e");
    const char *const keys[] = {"plane", "table", "image"};
    for (size_t i = 0; i < 3; i++) put_finished(db, experiment, keys[i], keys[i], 3, 1);
    put(db, "plane", "samples", ROWS, 2, 3, -1, points);
    put(db, "plane", "density", CELLS, CELLS, 3, -1, density);
    put(db, "table", "samples", ROWS, 3, 3, -1, table_points);
    put(db, "image", "samples", 10, 12, 2, -1, images);
    for (int moment = 0; moment < 41; moment++) {
        float faint[CELLS * CELLS];
        for (size_t i = 0; i < CELLS * CELLS; i++) faint[i] = density[i] / (float)(1 + moment);
        put(db, "plane", "density", CELLS, CELLS, 3, moment, faint);
        put(db, "plane", "samples", 1000, 2, 3, moment, points);
        if (moment < 40) put(db, "plane", "field", GRID * GRID, 4, 3, moment, field);
        if (moment < 40) put(db, "plane", "context", 1, 2, 3, moment, points);
    }
    close_db(db);
    char *contexts = strdup(query("SELECT moment, hex(data) FROM moment WHERE kind = 'context' ORDER BY moment"));
    make_archive("a.db");

    cr_expect_str_eq(query("SELECT rows FROM sample_blob WHERE subject = 'plane' AND kind = 'samples'"), "6000;");
    check_near("sample_blob", "subject = 'plane' AND kind = 'samples'", points, KEPT * 2, 3.0 / 2048 / 2);
    check_near("sample_blob", "subject = 'plane' AND kind = 'density'", density, CELLS * CELLS, 0.7 / 256 / 2);
    check_near("sample_blob", "subject = 'table'", table_points, ROWS * 3, 0);
    check_near("sample_blob", "subject = 'image'", images, 10 * 12, 1.0 / 2048 / 2);
    check_near("moment", "kind = 'samples' AND moment = 7", points, 1000 * 2, 3.0 / 256 / 2);
    for (size_t i = 0; i < CELLS * CELLS; i++) density[i] /= 11;
    check_near("moment", "kind = 'density' AND moment = 10", density, CELLS * CELLS, 0.7 / 128 / 2);
    /* The grid points of a field are not rounded. */
    check_near("moment", "kind = 'field' AND moment = 5", field, GRID * GRID * 4, 1.0 / 256 / 2);
    float *now = read_array("moment", "kind = 'field' AND moment = 5", GRID * GRID * 4);
    for (size_t i = 0; i < GRID * GRID; i++)
        cr_expect(now[4 * i] == field[4 * i] && now[4 * i + 1] == field[4 * i + 1], "cell %zu", i);
    free(now);
    cr_expect_str_eq(query("SELECT group_concat(moment) FROM (SELECT moment FROM moment WHERE kind = 'field' ORDER BY "
                           "moment)"),
                     "0,5,10,15,20,25,30,35;");
    cr_expect_str_eq(query("SELECT moment, hex(data) FROM moment WHERE kind = 'context' ORDER BY moment"), contexts);
    free(contexts);

    /* Packed arrays are not packed again. */
    static const char all[] =
        "SELECT subject, kind, rows, length(data), hex(substr(data, -8)) FROM sample_blob UNION ALL "
        "SELECT subject || moment, kind, rows, length(data), hex(substr(data, -8)) FROM moment "
        "ORDER BY 1, 2";
    char *before = strdup(query(all));
    make_archive("b.db");
    cr_expect_str_eq(query(all), before);
    free(before);
}
