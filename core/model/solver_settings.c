/* solver_settings.c - the settings of [solver] as a solve, and as they change during and after a training. */
#include "model/solver_settings.h"

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

status solver_settings_phases(const settings *values, objective_spec *out, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    out->phase_count = 0;
    for (const char *cursor = values->solver_tolerance_phases; settings_list_next(&cursor, item);) {
        objective_phase *phase = &out->phases[out->phase_count];
        const char *space = strchr(item, ' '), *at = space ? space + strspn(space, " ") : "";
        size_t until = 0;
        if (out->phase_count == OBJECTIVE_PHASES_MAX)
            return error_set(err, STATUS_INVALID,
                             "solver.tolerance_phases: more than %d phases; expected at most that many",
                             OBJECTIVE_PHASES_MAX);
        bool good = space && number_read(item, space, &phase->tolerance) && strncmp(at, "until ", 6) == 0;
        for (at += good ? 6 : 0; good && *at == ' ';) at++;
        if (!good || !solver_settings_number(&at, PHASE_ITERATION_MAX, &until) || *at || !(phase->tolerance >= 1e-14) ||
            phase->tolerance > 1)
            return error_set(
                err, STATUS_INVALID,
                "solver.tolerance_phases: \"%.60s\"; expected a tolerance from 1e-14 to 1 and an iteration "
                "from 1, as in 1e-2 until 2000",
                item);
        phase->until = until;
        if (out->phase_count > 0 && until <= phase[-1].until)
            return error_set(err, STATUS_INVALID,
                             "solver.tolerance_phases: \"%.60s\"; expected a later iteration than %zu, the last one of "
                             "the phase before",
                             item, (size_t)phase[-1].until);
        out->phase_count++;
    }
    return STATUS_OK;
}

void specification_enter_phase(settings *values, uint64_t iteration) {
    objective_spec spec;
    if (solver_settings_phases(values, &spec, NULL) == STATUS_OK)
        objective_tolerances(&spec, iteration, &values->solver_atol, &values->solver_rtol);
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
