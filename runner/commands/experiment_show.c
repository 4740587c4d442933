/* experiment_show.c - the final table and figures of ./run FILE.ini. */
#include "commands/experiment_show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands/figures.h"
#include "commands/result_tables.h"
#include "work/count_parameters.h"

static status write_table(const settings *values, const plan *runs, results_db *db, FILE *stream, size_t *broken,
                          error_info *err) {
    const char *name = values->experiment_name;
    if (values->experiment_task == TASK_COUNT_PARAMETERS) return print_parameter_counts(db, runs, stream, err);
    if (values->experiment_task == TASK_THEORY) return print_theory(db, name, stream, broken, err);
    if (runs->swept.axis_count > 0) return print_sweep(db, name, stream, err);
    return print_losses(db, name, stream, err);
}

status experiment_show(const settings *values, const plan *runs, const char *database, bool quiet, bool computed,
                       size_t *broken, bool *drawn, error_info *err) {
    const char *items = values->experiment_figures, *name = values->experiment_name;
    /* With --quiet the table is discarded, but failed checks still count. */
    FILE *stream = quiet ? fopen("/dev/null", "w") : stdout;
    if (!stream) return error_set(err, STATUS_IO, "/dev/null: %s", strerror(errno));
    results_db *db = NULL;
    status shown = db_open_reading(database, &db, err);
    if (shown == STATUS_OK) shown = write_table(values, runs, db, stream, broken, err);
    db_close(&db, NULL);
    if (stream != stdout) fclose(stream);
    if (*items && (computed || !figures_exist(database, name, items)))
        *drawn = figures_draw(database, name, items, quiet);
    return shown;
}
