/* solver_settings.c - the settings of [solver] as a solve, and as they change during and after a training. */
#include "model/solver_settings.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "model/specification.h"

enum { END_INTERPOLATE, END_STOP }; /* solver.end */
enum { PHASE_ITERATION_MAX = 1000000000 };

bool solver_settings_number(const char **text, size_t most, size_t *out) {
    size_t value = 0;
    const size_t digits = strspn(*text, "0123456789");
    for (size_t i = 0; i < digits && value <= most; i++) value = 10 * value + (size_t)((*text)[i] - '0');
    *text += digits;
    *out = value;
    return digits > 0 && value >= 1 && value <= most;
}

/* A list of phases, "NUMBER until ITERATION, ...". */
typedef struct phase_list {
    const char *setting, *text;
    const char *number, *example; /* for messages */
    double least, most;
    bool whole; /* integers only */
} phase_list;

static status read_phases(const phase_list *list, objective_phases *out, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    out->count = 0;
    for (const char *cursor = list->text; settings_list_next(&cursor, item);) {
        const char *space = strchr(item, ' '), *at = space ? space + strspn(space, " ") : "";
        size_t until = 0;
        double value = 0;
        if (out->count == OBJECTIVE_PHASES_MAX)
            return error_set(err, STATUS_INVALID, "%s: more than %d phases; expected at most that many", list->setting,
                             OBJECTIVE_PHASES_MAX);
        bool good = space && number_read(item, space, &value) && strncmp(at, "until ", 6) == 0;
        for (at += good ? 6 : 0; good && *at == ' ';) at++;
        if (!good || !solver_settings_number(&at, PHASE_ITERATION_MAX, &until) || *at || !(value >= list->least) ||
            value > list->most || (list->whole && value != floor(value)))
            return error_set(err, STATUS_INVALID,
                             "%s: \"%.60s\"; expected %s from %.3g to %.9g and an iteration from 1, as in %s",
                             list->setting, item, list->number, list->least, list->most, list->example);
        const uint64_t before = out->count > 0 ? out->items[out->count - 1].until : 0;
        if (until <= before)
            return error_set(err, STATUS_INVALID,
                             "%s: \"%.60s\"; expected a later iteration than %zu, the last one of the phase before",
                             list->setting, item, (size_t)before);
        out->items[out->count].value = value;
        out->items[out->count++].until = until;
    }
    return STATUS_OK;
}

status solver_settings_phases(const settings *values, objective_spec *out, error_info *err) {
    const phase_list tolerances = {.setting = "solver.tolerance_phases",
                                   .text = values->solver_tolerance_phases,
                                   .number = "a tolerance",
                                   .example = "1e-2 until 2000",
                                   .least = 1e-14,
                                   .most = 1};
    const phase_list batches = {.setting = "train.batch_phases",
                                .text = values->train_batch_phases,
                                .number = "a batch size",
                                .example = "1 until 2000; train.batch is the largest",
                                .least = 1,
                                .most = (double)values->train_batch,
                                .whole = true};
    TRY(read_phases(&tolerances, &out->tolerances, err));
    return read_phases(&batches, &out->batches, err);
}

void specification_enter_phase(settings *values, uint64_t iteration) {
    objective_spec spec = {.batch = (size_t)values->train_batch};
    if (solver_settings_phases(values, &spec, NULL) != STATUS_OK) return;
    objective_tolerances(&spec, iteration, &values->solver_atol, &values->solver_rtol);
    values->train_batch = objective_batch_size(&spec, iteration);
    values->train_batch_phases[0] = '\0';
}

uint64_t specification_trained(const settings *values, uint64_t iterations) {
    objective_spec spec = {.batch = (size_t)values->train_batch};
    return solver_settings_phases(values, &spec, NULL) == STATUS_OK ? objective_position(&spec, iterations + 1) : 0;
}

void specification_evaluate(settings *values) {
    if (values->solver_evaluation_tolerance == 0) return;
    values->solver_atol = values->solver_rtol = values->solver_evaluation_tolerance;
    if (!tableau_is_pair(tableau_get((tableau_id)values->solver_method))) values->solver_method = TABLEAU_DOPRI5;
    values->solver_evaluation_tolerance = 0;
}

solve_spec solver_settings_spec(const settings *values) {
    const tableau *method = tableau_get((tableau_id)values->solver_method);
    if (!tableau_is_pair(method)) return (solve_spec){.method = method, .steps = values->solver_steps};
    return (solve_spec){.method = method,
                        .options = {.atol = values->solver_atol,
                                    .rtol = values->solver_rtol,
                                    /* The steps of order 8 are too long to interpolate in. */
                                    .stop_at_end = method->order > 5 || values->solver_end == END_STOP,
                                    .min_step = values->solver_min_step,
                                    .max_attempts = values->solver_max_steps}};
}
