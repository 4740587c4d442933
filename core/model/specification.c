/* specification.c - convert settings to the core's specifications, and to and from checkpoints. */
#include "model/specification.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "model/solver_settings.h"

/* A choice is stored as its position in options.def, which is the order of the enumeration. Most of both are made from
 * one table (base/choices.h); of the others test_settings compares the two name by name. */
_Static_assert(ERROR_STATE_AND_CONTEXT == 0 && ERROR_STATE == 1, "solver.error_norm");
_Static_assert(REGULARIZERS_DATA == 0 && REGULARIZERS_FINLAY == 1, "flow.regularizers");

static const char DIMENSION[] = "dimension", SHAPE[] = "shape"; /* texts of a checkpoint besides settings */
static const char MEAN[] = "standard.mean", DEVIATION[] = "standard.deviation";

/* The numbers of model.hidden. Errors: STATUS_INVALID. */
static status read_hidden(const settings *values, mlp_field_spec *out, error_info *err) {
    char item[SETTINGS_TEXT_MAX];
    out->hidden_layers = 0;
    for (const char *cursor = values->model_hidden; settings_list_next(&cursor, item);) {
        const char *at = item;
        if (out->hidden_layers == MLP_FIELD_HIDDEN_MAX)
            return error_set(err, STATUS_INVALID,
                             "model.hidden: more than %d hidden layers; expected at most that many",
                             MLP_FIELD_HIDDEN_MAX);
        if (!solver_settings_number(&at, MLP_FIELD_WIDTH_MAX, &out->hidden[out->hidden_layers++]) || *at)
            return error_set(err, STATUS_INVALID,
                             "model.hidden: \"%.40s\"; expected integers from 1 to %d, as in 64, 64", item,
                             MLP_FIELD_WIDTH_MAX);
    }
    return STATUS_OK;
}

void specification_flow(const settings *values, size_t dimension, cnf_spec *out) {
    const solve_spec by = solver_settings_spec(values);
    *out = (cnf_spec){
        .dimension = dimension,
        .field = (cnf_field)values->model_field,
        .mlp = {.function = (activation)values->model_activation, .layer = (image_layer)values->model_layer},
        .width = values->model_width,
        .context = (cnf_context)values->model_context,
        .join = values->model_concat,
        .hypernet_layers = values->model_hypernet_layers,
        .hypernet_width = values->model_hypernet_width,
        .augmented_dimension = values->model_augmented_dimension,
        .augmented_width = values->model_augmented_width,
        .learn_start = values->model_initial_state == 1,
        .fixed_context = values->model_dynamics == 1,
        .end_time = values->flow_end_time,
        .learn_end_time = values->flow_learn_end_time,
        .base_variance = values->flow_base_variance,
        .kinetic = values->flow_kinetic,
        .jacobian = values->flow_jacobian,
        .regularizers = (cnf_regularizers)values->flow_regularizers,
        .solver = (tableau_id)values->solver_method,
        .steps = by.steps,
        .options = by.options,
        .divergence = (cnf_divergence)values->flow_divergence,
        .gradient = (cnf_gradient)values->solver_gradient,
        .seminorm = values->solver_seminorm,
        .error_norm = (cnf_error_norm)values->solver_error_norm,
        .kept_steps = values->solver_max_stored_steps,
        .keep_stages = values->solver_store == 0,
    };
    read_hidden(values, &out->mlp, NULL); /* specification_check reports errors */
}

void specification_trained_flow(const settings *values, size_t dimension, const standard *units, cnf_spec *out) {
    specification_flow(values, dimension, out);
    out->divergence = DIVERGENCE_EXACT;
    out->log_volume = standard_log_volume(units);
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
        .attention_heads = values->image_attention_heads,
        .attention_channels = values->image_attention_heads ? values->image_attention_channels : 0,
        .moving = values->image_augmented_dims,
        .fed = values->image_hypernet_inputs,
        .learn_start = values->model_context == CONTEXT_AUGMENTED && values->model_initial_state == 1,
    };
    for (size_t i = 0; i < out->hidden_layers; i++) out->hidden[i] = values->image_hidden_channels;
}

void specification_chain(const settings *values, const size_t shape[3], chain_spec *out) {
    *out = (chain_spec){
        .function = (activation)values->image_activation,
        .fixed_context = values->model_dynamics == 1,
        .alpha = values->image_alpha,
        .end_time = values->flow_end_time,
        .learn_end_time = values->flow_learn_end_time,
        .base_variance = values->flow_base_variance,
        .divergence = (cnf_divergence)values->flow_divergence,
        .gradient = (cnf_gradient)values->solver_gradient,
        .seminorm = values->solver_seminorm,
        .error_norm = (cnf_error_norm)values->solver_error_norm,
        .kinetic = values->flow_kinetic,
        .jacobian = values->flow_jacobian,
        .regularizers = (cnf_regularizers)values->flow_regularizers,
        .kept_steps = values->solver_max_stored_steps,
        .keep_stages = values->solver_store == 0,
        .solver = solver_settings_spec(values),
        .math = (conv_math)values->solver_math,
    };
    specification_image(values, shape, &out->model);
}

void specification_trainer(const settings *values, trainer_spec *out) {
    *out = (trainer_spec){
        .iterations = values->train_iterations,
        .epoch_iterations = values->train_epoch_iterations,
        .learning_rate = values->train_learning_rate,
        .warmup = values->train_warmup,
        .decay = (trainer_decay)values->train_decay,
        .clip_norm = values->train_clip_norm,
        .average = values->train_average,
        .stop_loss = values->train_stop_loss,
        .keep_best = values->train_keep_best,
    };
}

void specification_objective(const settings *values, const specification_shape *shape, uint64_t seed,
                             objective_spec *out) {
    *out = (objective_spec){.seed = seed,
                            .batch = values->train_batch,
                            .validation = values->train_validation,
                            .test = values->train_test,
                            .flip = values->image_flip};
    solver_settings_phases(values, out, NULL); /* specification_check reports errors */
    if (values->solver_evaluation_tolerance > 0) {
        settings solved = *values;
        specification_evaluate(&solved);
        const solve_spec by = solver_settings_spec(&solved);
        out->measured_by = by.method;
        out->measured = by.options;
    }
    if (specification_is_image(shape)) specification_chain(values, shape->image, &out->model);
    else specification_flow(values, shape->dimension, &out->flow);
}

/* z* of each flow has one entry for each number of its images; a field that uses z* limits the moving entries to
 * that. */
static status check_moving(const settings *values, const image_model *model, error_info *err) {
    if (model->spec.architecture != IMAGE_AFFJORD || !image_sees_context(&model->spec)) return STATUS_OK;
    for (size_t f = 0; f < model->flow_count; f++) {
        const image_flow *flow = &model->flows[f];
        const size_t entries = flow->channels * flow->height * flow->width;
        if (values->image_augmented_dims > entries)
            return error_set(
                err, STATUS_INVALID,
                "image.augmented_dims: found %zu, expected at most the %zu entries that z* of flow %zu has",
                (size_t)values->image_augmented_dims, entries, f);
    }
    return STATUS_OK;
}

/* The layers of an mlp use the context by model.layer. */
static status check_mlp(const settings *values, error_info *err) {
    mlp_field_spec layers;
    TRY(read_hidden(values, &layers, err));
    if (values->model_concat)
        return error_set(
            err, STATUS_INVALID,
            "model.concat = yes: expected no for an mlp, whose layers use the context as model.layer sets");
    return STATUS_OK;
}

/* The toy field is for few columns; the exact divergence of others is as many evaluations as columns. */
static status check_columns(const settings *values, size_t dimension, error_info *err) {
    static const char *const fields[] = {CNF_FIELDS(CHOICE_TEXT)};
    const bool toy = values->model_field == CNF_HYPER_MLP;
    if (toy && dimension > CNF_HYPER_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID,
                         "model.field = hyper_mlp: for up to %d columns, and the data have %zu; expected mlp",
                         CNF_HYPER_DIMENSION_MAX, dimension);
    if (!toy && values->flow_divergence == DIVERGENCE_EXACT && dimension > CNF_EXACT_MAX)
        return error_set(
            err, STATUS_INVALID,
            "flow.divergence = exact: of model.field = %s it is for up to %d columns, and the data have %zu; expected "
            "rademacher or gaussian",
            fields[values->model_field], CNF_EXACT_MAX, dimension);
    return STATUS_OK;
}

static status check_points(const settings *values, size_t dimension, error_info *err) {
    if (values->solver_math != MATH_FP32)
        return error_set(err, STATUS_INVALID,
                         "solver.math: points have no convolutions to round the inputs of; expected fp32 for points");
    if (values->image_attention_heads > 0)
        return error_set(err, STATUS_INVALID,
                         "image.attention_heads = %zu: points have no pixels to attend to; expected 0 for points",
                         (size_t)values->image_attention_heads);
    if (values->model_field == CNF_MLP) TRY(check_mlp(values, err));
    TRY(check_columns(values, dimension, err));
    cnf_spec flow;
    specification_flow(values, dimension, &flow);
    TRY(cnf_check(&flow, err));
    if (values->model_context == CONTEXT_LIFTED && values->output_snapshots > 0)
        return error_set(err, STATUS_INVALID,
                         "output.snapshots: %zu with model.context = lifted, whose z(t) has no density by itself; "
                         "expected 0",
                         (size_t)values->output_snapshots);
    return STATUS_OK;
}

static status check_tolerances(const settings *values, error_info *err) {
    objective_spec phases;
    const double evaluated = values->solver_evaluation_tolerance;
    TRY(solver_settings_phases(values, &phases, err));
    if (phases.tolerances.count > 0 && !tableau_is_pair(tableau_get((tableau_id)values->solver_method)))
        return error_set(
            err, STATUS_INVALID,
            "solver.tolerance_phases: fixed steps have no tolerance; expected a method with adaptive steps");
    if (evaluated > 0 && evaluated < 1e-14)
        return error_set(err, STATUS_INVALID, "solver.evaluation_tolerance: found %g, expected 0 or at least 1e-14",
                         evaluated);
    return STATUS_OK;
}

status specification_check(const settings *values, const specification_shape *shape, error_info *err) {
    TRY(check_tolerances(values, err));
    if (values->model_context == CONTEXT_GENERAL)
        return error_set(
            err, STATUS_INVALID,
            "model.context = general: where g sees z, the Jacobian's block dz*(T)/dz(0) is not zero, int tr df/dz "
            "is not its log-determinant, and z(T) may be the same for two points (eq. 16): there is no density "
            "to train; expected time, augmented or lifted");
    if (!specification_is_image(shape)) return check_points(values, shape->dimension, err);
    if (values->model_context > CONTEXT_AUGMENTED)
        return error_set(err, STATUS_INVALID, "model.context: images have time or augmented; expected one of them");
    if (values->data_standardise)
        return error_set(err, STATUS_INVALID, "data.standardise = yes: expected no for images, whose units are known");
    if (values->model_field != CNF_HYPER_MLP)
        return error_set(
            err, STATUS_INVALID,
            "model.field = mlp: the field of images is made of convolutions ([image]); expected hyper_mlp, which is "
            "not looked at, for images");
    if (values->solver_math != MATH_FP32 && sizeof(real) != sizeof(float))
        return error_set(err, STATUS_INVALID,
                         "solver.math: the double build is for what fp32 rounds already; expected fp32 in it");
    image_spec spec;
    image_model *model = malloc(sizeof *model);
    if (!model) return error_set(err, STATUS_MEMORY, "out of memory");
    specification_image(values, shape->image, &spec);
    status outcome = image_model_expand(&spec, model, err);
    if (outcome == STATUS_OK) outcome = check_moving(values, model, err);
    free(model);
    return outcome;
}

/* The settings that specification_objective ignores for images, and the outputs of points. */
static const char *const only_points[] = {"model.concat",
                                          "model.width",
                                          "model.hypernet_layers",
                                          "model.hypernet_width",
                                          "model.augmented_dimension",
                                          "model.augmented_width",
                                          "output.density_cells",
                                          "output.snapshots"};
/* Settings that have an effect only beside others. */
static const char *const only_augmented[] = {
    "model.augmented_dimension", "model.augmented_width", "model.initial_state", "model.dynamics",
    "image.augmented_dims",      "image.hypernet_inputs", "image.variant",       "solver.error_norm"};
static const char *const only_mlp[] = {"model.hidden", "model.activation", "model.layer"};
static const char *const only_adaptive[] = {"solver.atol",
                                            "solver.rtol",
                                            "solver.seminorm",
                                            "solver.max_steps",
                                            "solver.min_step",
                                            "solver.error_norm",
                                            "solver.max_stored_steps",
                                            "solver.end",
                                            "solver.tolerance_phases"};

static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}
#define IS_AMONG(name, names) is_among(name, names, sizeof names / sizeof *names)

bool specification_uses(const settings *values, const specification_shape *shape, const setting_option *option) {
    const char *name = option->name;
    const bool image = specification_is_image(shape), mlp = values->model_field == CNF_MLP;
    const bool adaptive = tableau_is_pair(tableau_get((tableau_id)values->solver_method));
    if (image && IS_AMONG(name, only_points)) return false;
    if (!image && (strcmp(option->section, "image") == 0 || strcmp(name, "solver.math") == 0)) return false;
    if (values->model_context != CONTEXT_AUGMENTED && IS_AMONG(name, only_augmented)) return false;
    if ((image || !mlp) && IS_AMONG(name, only_mlp)) return false;
    if (mlp && strcmp(name, "model.width") == 0) return false;
    if (IS_AMONG(name, only_adaptive)) return adaptive;
    return !adaptive || strcmp(name, "solver.steps") != 0;
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

status specification_write(const settings *values, const specification_shape *shape, checkpoint *into) {
    char text[96];
    snprintf(text, sizeof text, "%zu", shape->dimension);
    TRY(checkpoint_put_text(into, DIMENSION, text));
    snprintf(text, sizeof text, "%zu %zu %zu", shape->image[0], shape->image[1], shape->image[2]);
    if (specification_is_image(shape)) TRY(checkpoint_put_text(into, SHAPE, text));
    writing state = {.into = into, .code = STATUS_OK};
    settings_each(values, write_text, &state);
    return state.code;
}

/* --- Units --- */

static status write_numbers(const char *name, const double *numbers, size_t count, checkpoint *into) {
    enum { NUMBER_MAX = 32 };
    char text[CNF_DIMENSION_MAX * NUMBER_MAX];
    int used = 0;
    for (size_t i = 0; i < count; i++)
        used += number_print(text + used, sizeof text - (size_t)used, "%s%.17g", i > 0 ? " " : "", numbers[i]);
    return checkpoint_put_text(into, name, text);
}

status specification_write_units(const standard *units, checkpoint *into) {
    if (!units) return STATUS_OK;
    TRY(write_numbers(MEAN, units->mean, units->dimension, into));
    return write_numbers(DEVIATION, units->deviation, units->dimension, into);
}

static status read_numbers(const checkpoint *from, const char *path, const char *name, size_t count, double *out,
                           error_info *err) {
    const char *at = checkpoint_get_text(from, name);
    bool good = at != NULL;
    for (size_t i = 0; good && i < count; i++) {
        const char *end = at + strcspn(at, " ");
        good = number_read(at, end, &out[i]) && isfinite(out[i]) && (*end == ' ') == (i + 1 < count);
        at = end + 1;
    }
    return good ? STATUS_OK
                : error_set(err, STATUS_FORMAT, "%s: %s: expected %zu numbers between blanks", path, name, count);
}

status specification_read_units(const checkpoint *from, const char *path, const settings *values, size_t dimension,
                                standard *out, error_info *err) {
    standard read = {.dimension = dimension};
    out->dimension = 0;
    if (!values->data_standardise || dimension > CNF_DIMENSION_MAX) return STATUS_OK;
    TRY(read_numbers(from, path, MEAN, dimension, read.mean, err));
    TRY(read_numbers(from, path, DEVIATION, dimension, read.deviation, err));
    for (size_t d = 0; d < dimension; d++)
        if (!(read.deviation[d] > 0))
            return error_set(err, STATUS_FORMAT, "%s: %s: expected numbers above 0", path, DEVIATION);
    *out = read;
    return STATUS_OK;
}

typedef struct reading {
    const char *path;
    status code;
    error_info *err;
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
    error_info reason;
    if (settings_find(section, dot + 1, &option, &reason) == STATUS_OK) return;
    state->code = error_set(state->err, STATUS_FORMAT, "%s: %s", state->path, reason.text);
}

/* Programs that write .safetensors files drop the metadata unless they are given them. */
static status fail_without_text(const char *path, const char *missing, error_info *err) {
    return error_set(
        err, STATUS_FORMAT,
        "%s: expected the settings of the model in the file's metadata, found no %s; another program saved it "
        "without them: save it with the metadata of the original, in Python "
        "save_file(arrays, path, metadata=safe_open(original, \"numpy\").metadata())",
        path, missing);
}

static status read_shape(const checkpoint *from, const char *path, specification_shape *out, error_info *err) {
    const char *dimension = checkpoint_get_text(from, DIMENSION), *shape = checkpoint_get_text(from, SHAPE);
    if (!dimension) return fail_without_text(path, DIMENSION, err);
    const char *at = shape ? shape : dimension;
    specification_shape read = {.dimension = 1};
    if (!shape) {
        if (!solver_settings_number(&at, CNF_DIMENSION_MAX, &read.dimension) || *at)
            return error_set(err, STATUS_FORMAT, "%s: %s = %.100s: expected an integer from 1 to %d", path, DIMENSION,
                             dimension, CNF_DIMENSION_MAX);
        *out = read;
        return STATUS_OK;
    }
    for (size_t i = 0; i < 3; i++) {
        const size_t most = i == 0 ? IMAGE_CHANNELS_MAX : IMAGE_SIDE_MAX;
        if ((i > 0 && *at++ != ' ') || !solver_settings_number(&at, most, &read.image[i]) || (i == 2 && *at))
            return error_set(err, STATUS_FORMAT, "%s: %s = %.100s: expected channels, height and width of an image",
                             path, SHAPE, shape);
        read.dimension *= read.image[i];
    }
    *out = read;
    return STATUS_OK;
}

status specification_read(const checkpoint *from, const char *path, settings *values, specification_shape *shape,
                          error_info *err) {
    settings read;
    specification_shape about = {.dimension = 0};
    reading state = {.path = path, .code = STATUS_OK, .err = err};
    checkpoint_each_text(from, check_text, &state);
    TRY(state.code);
    settings_default(&read);
    size_t found = 0;
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (!settings_of_run(option)) continue;
        char name[SETTINGS_TEXT_MAX];
        snprintf(name, sizeof name, "%s.%s", option->section, settings_hash_key(option));
        const char *text = checkpoint_get_text(from, name);
        error_info reason;
        if (!text) continue; /* the setting is newer than the file; its default is the previous behaviour */
        found++;
        if (settings_parse(option, text, &read, &reason) != STATUS_OK)
            return error_set(err, STATUS_FORMAT, "%s: %s", path, reason.text);
    }
    TRY(read_shape(from, path, &about, err));
    if (found == 0) return fail_without_text(path, "setting", err);
    *values = read;
    *shape = about;
    return STATUS_OK;
}
