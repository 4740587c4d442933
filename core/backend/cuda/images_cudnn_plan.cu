/* images_cudnn_plan.cu - choose cuDNN's implementation of an operation.
 *
 * For each shape, heuristics propose implementations, best first. The first allowed one for which cuDNN can make a plan
 * is chosen. An implementation is not allowed if its results vary between calls, if it rounds factors or sums below
 * single precision (tensor cores would round to TF32), or if it transforms the factors (Winograd, FFT): an adaptive
 * solver would take the differences between its stages for its own error.
 *
 * Below fp32, tensor cores are allowed. Their inputs have been rounded to tf32 or bf16 (conv_rounded.c), both
 * representable in TF32, so they lose nothing and multiply exactly. Implementations that convert inputs themselves (to
 * half precision, with too few exponents) stay forbidden, and so do sums below single precision. bf16 uses
 * single-precision tensors: its results must be in single precision, for which cuDNN has fewer implementations, and
 * another pass over the images would cost much of the gain.
 *
 * A choice has a name, the engine and its knobs: "cuDNN 9.19.0 eng6_k2=3", in the format of cuDNN's frontend. A plan
 * that was chosen before is made from its name, without the heuristics, whose answer depends on the GPU and on cuDNN's
 * version. */
#if __has_include(<cudnn_graph.h>)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/images_cudnn.cuh"

enum {
    CONFIGS_MAX = 64, /* proposals examined */
    ALIGNED = 16 /* bytes, of all arrays: conv.h requires 64 */
};
static const int64_t workspace_max = (int64_t)1 << 28; /* bytes */

/* --- Descriptors --- */

/* Remove the objects after the first `count`, and their errors. */
static void forget_since(plan *self, unsigned count) {
    while (self->count > count) self->library->destroy_descriptor(self->objects[--self->count]);
    self->outcome = CUDNN_STATUS_SUCCESS;
}

void plan_release(plan *self) {
    forget_since(self, 0);
    self->object = NULL;
}

cudnnBackendDescriptor_t plan_make(plan *self, cudnnBackendDescriptorType_t type) {
    cudnnBackendDescriptor_t object = NULL;
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->create_descriptor(type, &object);
    if (self->outcome != CUDNN_STATUS_SUCCESS) return NULL;
    self->objects[self->count++] = object;
    return object;
}
void plan_set(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
              cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->set(object, name, type, count, values);
}
static void set_number(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name, int64_t value) {
    plan_set(self, object, name, CUDNN_TYPE_INT64, 1, &value);
}
static void set_object(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
                       cudnnBackendDescriptor_t value) {
    plan_set(self, object, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}
bool plan_finish(plan *self, cudnnBackendDescriptor_t object) {
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->finalize(object);
    return self->outcome == CUDNN_STATUS_SUCCESS;
}

/* Create a tensor (count, channels, height, width) in cuDNN's order of dimensions, channels last in memory. */
static cudnnBackendDescriptor_t make_tensor(plan *self, int64_t id, size_t count, size_t channels, size_t height,
                                            size_t width) {
    const cudnnBackendDescriptor_t tensor = plan_make(self, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const int64_t n = (int64_t)count, c = (int64_t)channels, h = (int64_t)height, w = (int64_t)width;
    const int64_t dimensions[] = {n, c, h, w}, strides[] = {h * w * c, 1, w * c, c};
    plan_set(self, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    plan_set(self, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dimensions);
    plan_set(self, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    set_number(self, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    set_number(self, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNED);
    plan_finish(self, tensor);
    return tensor;
}

/* Create the descriptor: 3 x 3, zero padding of one pixel, sums in single precision. */
static cudnnBackendDescriptor_t make_convolution(plan *self) {
    const cudnnBackendDescriptor_t convolution = plan_make(self, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t ones[] = {1, 1};
    set_number(self, convolution, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
    plan_set(self, convolution, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones);
    plan_finish(self, convolution);
    return convolution;
}

/* --- Plans --- */

/* Return whether a proposal is deterministic and in single precision: it has no numerical note except one on NaN and,
 * if allowed, one on tensor cores. */
static bool may_use(const plan *self, cudnnBackendDescriptor_t config) {
    const cudnn *library = self->library;
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendDescriptor_t engine;
    int64_t count = 0;
    if (library->create_descriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != CUDNN_STATUS_SUCCESS) return false;
    bool may = library->get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &engine) ==
                   CUDNN_STATUS_SUCCESS &&
               library->get(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                            CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes) == CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; may && i < count; i++)
        may = notes[i] == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP ||
              (self->tensor_cores && notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
    library->destroy_descriptor(engine);
    return may;
}

/* Write the engine of a configuration and its knobs with their values as the plan's text. If any is unavailable, the
 * plan has no name but is valid. */
static void name_config(plan *self, cudnnBackendDescriptor_t config) {
    const cudnn *library = self->library;
    const unsigned before = self->count;
    cudnnBackendDescriptor_t engine = plan_make(self, CUDNN_BACKEND_ENGINE_DESCRIPTOR), knobs[KNOBS_MAX];
    int64_t count = 0, index = 0, knob_count = 0, value;
    size_t used;
    for (unsigned i = 0; i < KNOBS_MAX; i++) knobs[i] = plan_make(self, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    bool known = self->outcome == CUDNN_STATUS_SUCCESS &&
                 library->get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &engine) ==
                     CUDNN_STATUS_SUCCESS &&
                 library->get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count, &index) ==
                     CUDNN_STATUS_SUCCESS &&
                 library->get(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, KNOBS_MAX,
                              &knob_count, knobs) == CUDNN_STATUS_SUCCESS &&
                 knob_count <= KNOBS_MAX;
    used = (size_t)snprintf(self->text, sizeof self->text, "%s eng%lld", library->name, (long long)index);
    for (int64_t i = 0; known && i < knob_count; i++) {
        cudnnBackendKnobType_t type;
        known = library->get(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &count, &type) ==
                    CUDNN_STATUS_SUCCESS &&
                library->get(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &count, &value) ==
                    CUDNN_STATUS_SUCCESS;
        if (known)
            used +=
                (size_t)snprintf(self->text + used, sizeof self->text - used, "_k%d=%lld", (int)type, (long long)value);
        known = known && used < sizeof self->text;
    }
    if (!known) snprintf(self->text, sizeof self->text, "%s, an engine without a name", library->name);
    forget_since(self, before);
}

/* Return whether cuDNN can make an executable plan of the proposal with an acceptable workspace. */
static bool try_config(plan *self, cudnnBackendDescriptor_t config) {
    const cudnn *library = self->library;
    const cudnnBackendDescriptor_t made = plan_make(self, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    int64_t count = 0;
    plan_set(self, made, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &library->handle);
    set_object(self, made, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    const bool good = plan_finish(self, made) &&
                      library->get(made, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                   &self->workspace) == CUDNN_STATUS_SUCCESS &&
                      self->workspace <= workspace_max;
    if (good) {
        self->object = made;
        return true;
    }
    if (made) library->destroy_descriptor(self->objects[--self->count]); /* try the next one */
    self->outcome = CUDNN_STATUS_SUCCESS;
    return false;
}

/* Return the configuration that a plan's text names; NULL if there is none or this cuDNN lacks it. */
static cudnnBackendDescriptor_t make_named(plan *self, cudnnBackendDescriptor_t graph, const char *name) {
    cudnnBackendDescriptor_t knobs[KNOBS_MAX];
    int64_t count = 0;
    char *at;
    const cudnnBackendDescriptor_t engine = plan_make(self, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    set_object(self, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    set_number(self, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, strtoll(name, &at, 10));
    if (!plan_finish(self, engine)) return NULL;
    for (; strncmp(at, "_k", 2) == 0 && count < KNOBS_MAX; count++) {
        const cudnnBackendKnobType_t type = (cudnnBackendKnobType_t)strtol(at + 2, &at, 10);
        if (*at != '=') return NULL;
        knobs[count] = plan_make(self, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
        plan_set(self, knobs[count], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
        set_number(self, knobs[count], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, strtoll(at + 1, &at, 10));
        if (!plan_finish(self, knobs[count])) return NULL;
    }
    const cudnnBackendDescriptor_t config = plan_make(self, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    set_object(self, config, CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    if (count > 0)
        plan_set(self, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, knobs);
    return plan_finish(self, config) && *at == '\0' ? config : NULL;
}

/* Use the recorded choice, from any version of cuDNN, if it exists and is allowed here. */
static bool choose_named(plan *self, cudnnBackendDescriptor_t graph) {
    static const char word[] = " eng";
    const unsigned before = self->count;
    const char *name = strstr(self->text, word);
    const cudnnBackendDescriptor_t config = name ? make_named(self, graph, name + sizeof word - 1) : NULL;
    if (!config || !may_use(self, config) || !try_config(self, config)) {
        forget_since(self, before);
        return false;
    }
    char text[PLAN_TEXT];
    snprintf(text, sizeof text, "%s%s", self->library->name, name);
    memcpy(self->text, text, sizeof text);
    return true;
}

/* Use the first acceptable proposal of one of cuDNN's heuristics. */
static bool choose_by(plan *self, cudnnBackendDescriptor_t graph, cudnnBackendHeurMode_t mode) {
    const cudnn *library = self->library;
    cudnnBackendDescriptor_t configs[CONFIGS_MAX];
    int64_t count = 0, made = 0;
    bool found = false;
    const cudnnBackendDescriptor_t heuristic = plan_make(self, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    set_object(self, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    plan_set(self, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    const bool finished = plan_finish(self, heuristic);
    self->outcome = CUDNN_STATUS_SUCCESS; /* another heuristic may have a proposal */
    while (finished && made < CONFIGS_MAX &&
           library->create_descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[made]) == CUDNN_STATUS_SUCCESS)
        made++;
    if (made == 0 || library->get(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &count,
                                  configs) != CUDNN_STATUS_SUCCESS)
        count = 0;
    for (int64_t i = 0; i < made; i++) {
        const bool chosen = !found && i < count && may_use(self, configs[i]) && try_config(self, configs[i]);
        if (chosen) name_config(self, configs[i]);
        if (chosen) self->objects[self->count++] = configs[i];
        else library->destroy_descriptor(configs[i]);
        found |= chosen;
    }
    return found;
}

static bool choose(plan *self, cudnnBackendDescriptor_t operation) {
    const cudnnBackendDescriptor_t graph = plan_make(self, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    plan_set(self, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &self->library->handle);
    set_object(self, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    return plan_finish(self, graph) && (choose_named(self, graph) || choose_by(self, graph, CUDNN_HEUR_MODE_A) ||
                                        choose_by(self, graph, CUDNN_HEUR_MODE_FALLBACK));
}

/* Plan the convolution of images with `in` channels to images with `out`. */
bool plan_convolution(plan *self, const conv_shape &s, size_t in, size_t out) {
    const float one = 1, zero = 0;
    const cudnnBackendDescriptor_t x = make_tensor(self, ID_IMAGE, s.images, in, s.height, s.width);
    const cudnnBackendDescriptor_t weight = make_tensor(self, ID_WEIGHT, out, in, 3, 3);
    const cudnnBackendDescriptor_t y = make_tensor(self, ID_RESULT, s.images, out, s.height, s.width);
    const cudnnBackendDescriptor_t convolution = make_convolution(self);
    const cudnnBackendDescriptor_t operation = plan_make(self, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    plan_set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    plan_set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    return plan_finish(self, operation) && choose(self, operation);
}

/* Plan the gradient of its weights. */
bool plan_gradient(plan *self, const conv_shape &s) {
    const float one = 1, zero = 0;
    const cudnnBackendDescriptor_t x = make_tensor(self, ID_IMAGE, s.images, s.in, s.height, s.width);
    const cudnnBackendDescriptor_t gradient = make_tensor(self, ID_WEIGHT, s.out, s.in, 3, 3);
    const cudnnBackendDescriptor_t ybar = make_tensor(self, ID_RESULT, s.images, s.out, s.height, s.width);
    const cudnnBackendDescriptor_t convolution = make_convolution(self);
    const cudnnBackendDescriptor_t operation =
        plan_make(self, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
    plan_set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    plan_set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, ybar);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, gradient);
    return plan_finish(self, operation) && choose(self, operation);
}

#endif
