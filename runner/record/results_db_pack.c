/* results_db_pack.c - the pictures of an archive (tables sample_blob and moment) in their compact form.
 *
 * Numbers are rounded to a step that no figure shows, as float32 still, and the array is compressed by zlib.
 * `sqlar_uncompress(data, 4 * rows * columns)` of the sqlite3 program returns the array, and returns an uncompressed
 * one unchanged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "record/results_db_internal.h"

typedef struct array {
    const unsigned char *bytes;
    size_t size; /* bytes */
    size_t columns, kept; /* of each row, these first columns are no values */
} array;

/* Return whether the argument is a whole array; a packed one is not. */
static bool read_array(sqlite3_value **arguments, array *out) {
    const sqlite3_int64 rows = sqlite3_value_int64(arguments[1]), columns = sqlite3_value_int64(arguments[2]);
    if (sqlite3_value_type(arguments[0]) != SQLITE_BLOB || rows < 1 || columns < 1) return false;
    *out = (array){.bytes = sqlite3_value_blob(arguments[0]),
                   .size = (size_t)sqlite3_value_bytes(arguments[0]),
                   .columns = (size_t)columns,
                   .kept = (size_t)sqlite3_value_int64(arguments[3])};
    return out->bytes && out->size / sizeof(float) / out->columns == (size_t)rows &&
           out->size % (sizeof(float) * out->columns) == 0;
}

static float number_at(const unsigned char *bytes, size_t i) {
    float value;
    memcpy(&value, bytes + i * sizeof value, sizeof value);
    return value;
}

/* largest(data, rows, columns, kept): return the largest finite |value|; NULL if there is none. */
static void largest(sqlite3_context *call, int count, sqlite3_value **arguments) {
    array a;
    double most = -1;
    (void)count;
    if (!read_array(arguments, &a)) return;
    for (size_t i = 0; i < a.size / sizeof(float); i++) {
        const double value = fabs((double)number_at(a.bytes, i));
        if (i % a.columns >= a.kept && isfinite(value) && value > most) most = value;
    }
    if (most >= 0) sqlite3_result_double(call, most);
}

/* values <- multiples of the power of two that is at most scale / levels. */
static void round_values(unsigned char *bytes, const array *a, double scale, double levels) {
    if (!(isfinite(scale) && scale > 0)) return;
    int exponent;
    (void)frexp(scale / levels, &exponent);
    const double step = ldexp(1, exponent - 1);
    for (size_t i = 0; i < a->size / sizeof(float); i++) {
        if (i % a->columns < a->kept) continue;
        /* The sum makes 0 of -0; NaN and infinity stay. */
        const float value = (float)(nearbyint((double)number_at(bytes, i) / step) * step + 0.0);
        memcpy(bytes + i * sizeof value, &value, sizeof value);
    }
}

/* packed(data, rows, columns, kept, scale, levels): return the array rounded and compressed; `data` unchanged if
 * that would not be smaller or if `data` is not a whole array. Without a scale, nothing is rounded. */
static void packed(sqlite3_context *call, int count, sqlite3_value **arguments) {
    array a;
    (void)count;
    if (!read_array(arguments, &a)) {
        sqlite3_result_value(call, arguments[0]);
        return;
    }
    uLongf size = compressBound((uLong)a.size);
    unsigned char *rounded = malloc(a.size), *made = malloc(size);
    if (!rounded || !made) {
        sqlite3_result_error_nomem(call);
    } else {
        memcpy(rounded, a.bytes, a.size);
        round_values(rounded, &a, sqlite3_value_double(arguments[4]), sqlite3_value_double(arguments[5]));
        const int code = compress2(made, &size, rounded, (uLong)a.size, Z_BEST_COMPRESSION);
        if (code != Z_OK) sqlite3_result_error_nomem(call);
        else if (size < a.size) sqlite3_result_blob64(call, made, size, SQLITE_TRANSIENT);
        else sqlite3_result_value(call, arguments[0]);
    }
    free(rounded);
    free(made);
}

/* Levels between 0 and the scale: of a density 256 to 512, which is finer than a colour scale; across a window of print
 * 2048 to 4096; in films, which are 160 dots a window, 128 to 256 for densities and 256 to 512 for points. Images have
 * values from 0 to 1. Points of other than two columns, and curves, are only compressed.
 * Of the points in the plane those stay that figures draw (plots/panels.gp: samples_drawn), and of the fields those of
 * Figure 1 (plots/fig1.sql has the same rule). */
static const char pictures_script[] =
    "DELETE FROM moment WHERE kind = 'field' AND (subject, moment) NOT IN ("
    "  WITH RECURSIVE eighth(number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM eighth WHERE number < 7),"
    "  flow_end AS (SELECT subject, max(time) AS time FROM moment GROUP BY subject)"
    "  SELECT subject, moment FROM (SELECT m.subject, m.moment, row_number() OVER (PARTITION BY m.subject, e.number "
    "    ORDER BY abs(m.time - t.time * e.number / 8.0), m.moment) AS distance FROM moment m JOIN flow_end t "
    "    USING (subject) JOIN eighth e WHERE m.kind = 'field') WHERE distance = 1);"
    "UPDATE sample_blob SET rows = 6000, data = substr(data, 1, 6000 * 2 * 4) "
    "  WHERE kind = 'samples' AND columns = 2 AND rows > 6000;"
    "CREATE TEMP TABLE top AS SELECT subject, largest(data, rows, columns, 0) AS value FROM main.moment "
    "  WHERE kind = 'density' AND moment = 0;"
    "UPDATE sample_blob SET data = packed(data, rows, columns, 0, "
    "  CASE WHEN kind = 'density' AND rows > 1 THEN largest(data, rows, columns, 0) WHEN kind = 'density' THEN NULL "
    "WHEN columns = 2 THEN min(x1 - x0, y1 - y0) "
    "    WHEN x0 = 0 AND y0 = 0 AND columns IN (x1 * y1, 3 * x1 * y1) THEN 1 END, "
    "  CASE WHEN kind = 'density' THEN 256 ELSE 2048 END);"
    "UPDATE moment SET data = packed(data, rows, columns, iif(kind = 'field', 2, 0), "
    "  CASE WHEN kind = 'density' THEN coalesce((SELECT nullif(value, 0) FROM top t WHERE t.subject = moment.subject), "
    "    largest(data, rows, columns, 0)) WHEN kind = 'field' THEN largest(data, rows, columns, 2) "
    "    WHEN kind = 'samples' AND columns = 2 THEN min(x1 - x0, y1 - y0) END, "
    "  iif(kind = 'density', 128, 256));"
    "DROP TABLE top;";

status db_pack_pictures(results_db *db, error_info *err) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    if (sqlite3_create_function(db->sqlite, "largest", 4, flags, NULL, largest, NULL, NULL) != SQLITE_OK ||
        sqlite3_create_function(db->sqlite, "packed", 6, flags, NULL, packed, NULL, NULL) != SQLITE_OK)
        return db_fail(db, "write", err);
    return db_script(db, pictures_script, "write", err);
}
