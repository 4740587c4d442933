/* specification.c - settings as the core wants them, and in checkpoints. */
#include "specification.h"

#include <string.h>

/* A choice is stored as its position in options.def, which is the order of
 * the enumeration; test_settings compares the two name by name. */
_Static_assert(CONTEXT_CLOCK == 0 && CONTEXT_AUGMENTED == 1, "model.context");
_Static_assert(SOLVER_EULER == 0 && SOLVER_MIDPOINT == 1 && SOLVER_RK4 == 2 && SOLVER_RK4_38 == 3, "solver.method");
_Static_assert(DIVERGENCE_EXACT == 0 && DIVERGENCE_RADEMACHER == 1 && DIVERGENCE_GAUSSIAN == 2, "flow.divergence");
_Static_assert(GRADIENT_DISCRETE == 0 && GRADIENT_ADJOINT == 1, "solver.gradient");

_Static_assert(IMAGE_IGNORE == 0 && IMAGE_CONCAT == 1 && IMAGE_HYPER == 2 && IMAGE_CONCATSQUASH == 3, "image.layer");
_Static_assert(IMAGE_PAPER == 0 && IMAGE_RELEASE == 1, "image.variant");

static const char DIMENSION[] = "dimension"; /* the text that is no setting */

void specification_flow(const settings *values, size_t dimension, cnf_spec *out) {
    *out = (cnf_spec){
        .dimension = dimension,
        .width = values->model_width,
        .context = (cnf_context)values->model_context,
        .join = values->model_join,
        .hypernet_layers = values->model_hypernet_layers,
        .hypernet_width = values->model_hypernet_width,
        .augmented_dimension = values->model_augmented_dimension,
        .augmented_width = values->model_augmented_width,
        .learn_start = values->model_start == 1,
        .end_time = values->flow_end_time,
        .base_variance = values->flow_base_variance,
        .solver = (cnf_solver)values->solver_method,
        .steps = values->solver_steps,
        .divergence = (cnf_divergence)values->flow_divergence,
        .gradient = (cnf_gradient)values->solver_gradient,
    };
}

void specification_image(const settings *values, const size_t shape[3], image_spec *out) {
    *out = (image_spec){
        .channels = shape[0],
        .height = shape[1],
        .width = shape[2],
        .architecture = values->model_context == CONTEXT_AUGMENTED ? IMAGE_AFFJORD : IMAGE_FFJORD,
        .layer = (image_layer)values->image_layer,
        .variant = (image_variant)values->image_variant,
        .hidden_layers = values->image_hidden_layers,
        .moving = values->image_moving,
        .fed = values->image_fed,
    };
    for (size_t i = 0; i < out->hidden_layers; i++) out->hidden[i] = values->image_hidden_channels;
}

void specification_trainer(const settings *values, size_t dimension, uint64_t seed, trainer_spec *out) {
    *out = (trainer_spec){
        .seed = seed,
        .batch = values->train_batch,
        .iterations = values->train_iterations,
        .epoch_iterations = values->train_epoch_iterations,
        .validation = values->train_validation,
        .learning_rate = values->train_learning_rate,
        .stop_loss = values->train_stop_loss,
    };
    specification_flow(values, dimension, &out->flow);
}

typedef struct writing {
    checkpoint *into;
    status code;
} writing;

static void write_text(void *argument, const char *section, const char *key, const char *value) {
    writing *state = argument;
    char name[SETTINGS_TEXT_MAX];
    snprintf(name, sizeof name, "%s.%s", section, key);
    if (state->code == STATUS_OK) state->code = checkpoint_put_text(state->into, name, value);
}

status specification_write(const settings *values, size_t dimension, checkpoint *into) {
    char text[32];
    snprintf(text, sizeof text, "%zu", dimension);
    TRY(checkpoint_put_text(into, DIMENSION, text));
    writing state = {.into = into, .code = STATUS_OK};
    settings_each(values, write_text, &state);
    return state.code;
}

typedef struct reading {
    const char *path;
    status code;
    failure *why;
} reading;

/* Refuse a text "section.key" that would be a setting but is not known. */
static void check_text(void *argument, const char *name, const char *value) {
    reading *state = argument;
    (void)value;
    char section[SETTINGS_TEXT_MAX];
    const char *dot = strchr(name, '.');
    if (state->code != STATUS_OK || !dot || (size_t)(dot - name) >= sizeof section) return;
    memcpy(section, name, (size_t)(dot - name));
    section[dot - name] = '\0';
    if (!settings_section_known(section, NULL)) return;
    const setting_option *option;
    failure reason;
    if (settings_find(section, dot + 1, &option, &reason) == STATUS_OK) return;
    state->code = fail(state->why, STATUS_FORMAT, "%s: %s", state->path, reason.text);
}

static status read_dimension(const checkpoint *from, const char *path, size_t *dimension, failure *why) {
    const char *text = checkpoint_get_text(from, DIMENSION);
    if (!text) return fail(why, STATUS_FORMAT, "%s: the text %s is missing", path, DIMENSION);
    size_t value = 0;
    const size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && value <= CNF_DIMENSION_MAX; i++) value = 10 * value + (size_t)(text[i] - '0');
    if (text[digits] || value < 1 || value > CNF_DIMENSION_MAX)
        return fail(why, STATUS_FORMAT, "%s: %s = %.100s: expected an integer from 1 to %d", path, DIMENSION, text,
                    CNF_DIMENSION_MAX);
    *dimension = value;
    return STATUS_OK;
}

status specification_read(const checkpoint *from, const char *path, settings *values, size_t *dimension, failure *why) {
    settings read;
    size_t size = 0;
    reading state = {.path = path, .code = STATUS_OK, .why = why};
    checkpoint_each_text(from, check_text, &state);
    TRY(state.code);
    settings_default(&read);
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (strcmp(option->section, "experiment") == 0) continue;
        const char *text = checkpoint_get_text(from, option->name);
        failure reason;
        if (!text) continue; /* a setting that is younger than the file; its default is what was done before */
        if (settings_parse(option, text, &read, &reason) != STATUS_OK)
            return fail(why, STATUS_FORMAT, "%s: %s", path, reason.text);
    }
    TRY(read_dimension(from, path, &size, why));
    *values = read;
    *dimension = size;
    return STATUS_OK;
}
