/* cudnn_on_host.cpp - convolutions in plain loops behind cuDNN's backend API, for tests.
 *
 * It obeys the descriptors exactly: shapes, strides, paddings and addresses. Of the engines that it proposes, best
 * first, some are not deterministic or round differently, one cannot be created, and one needs too much memory; all of
 * these fail when they are executed. One multiplies like tensor cores: it truncates numbers to TF32.
 *
 *   AFFJORD_EMULATED_CUDNN=old    the version is that of cuDNN 8
 *   AFFJORD_EMULATED_CUDNN=wide   only images of more than 4 channels on both sides
 *   AFFJORD_EMULATED_CUDNN=cores  only the engine on tensor cores can be created
 *   AFFJORD_EMULATED_CUDNN=moved  as on another GPU: another engine is proposed, which sums in reverse order
 *   AFFJORD_EMULATED_CUDNN=newer  the next version, with the same engines
 *   AFFJORD_EMULATED_CUDNN=other  the next version, without the good engine, but with that of "moved"
 *   AFFJORD_EMULATED_CUDNN=broken no engine can be executed
 *   AFFJORD_EMULATED_CUDNN=alone  no engine can be captured into a graph
 *
 * The good engines have two knobs each, one of which depends on the operation; with other knobs they cannot be
 * created. */
#include "cudnn_graph.h"

#include <stdlib.h>

#include <map>
#include <vector>

#define SHOWN __attribute__((visibility("default")))

struct emulated_cudnn {
    cudaStream_t stream;
};

typedef std::vector<unsigned char> bytes;

struct emulated_descriptor {
    cudnnBackendDescriptorType_t type;
    bool final;
    std::map<cudnnBackendAttributeName_t, bytes> attributes;
    int engine; /* of a configuration or an engine: its index */
    std::vector<std::pair<int, int64_t>> knobs; /* of a configuration */
};

/* The engines, in the order in which they are proposed. */
enum { NOT_DETERMINISTIC, CONVERTS, BY_WINOGRAD, NOT_MADE, TOO_LARGE, TENSOR_CORES, GOOD, BACKWARDS, ENGINES };

static int living; /* descriptors and handles */

static const char *mode(void) {
    const char *text = getenv("AFFJORD_EMULATED_CUDNN");
    return text ? text : "";
}

static bool is_mode(const char *name) {
    return strcmp(mode(), name) == 0;
}

static size_t size_of(cudnnBackendAttributeType_t type) {
    switch (type) {
    case CUDNN_TYPE_DATA_TYPE:
    case CUDNN_TYPE_CONVOLUTION_MODE:
    case CUDNN_TYPE_HEUR_MODE:
    case CUDNN_TYPE_KNOB_TYPE:
    case CUDNN_TYPE_NUMERICAL_NOTE:
    case CUDNN_TYPE_FLOAT: return 4;
    default: return 8;
    }
}

template <class value>
static std::vector<value> all_of(cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t a) {
    const bytes &from = object->attributes.at(a);
    std::vector<value> out(from.size() / sizeof(value));
    memcpy(out.data(), from.data(), from.size());
    return out;
}
template <class value> static value one_of(cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name) {
    return all_of<value>(object, name).at(0);
}
static cudnnBackendDescriptor_t object_of(cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name) {
    return one_of<cudnnBackendDescriptor_t>(object, name);
}

/* The operation and its tensors: an image, a weight and a result. */
struct operation {
    bool gradient;
    cudnnBackendDescriptor_t x, w, y, convolution;
    explicit operation(cudnnBackendDescriptor_t graph) {
        const cudnnBackendDescriptor_t op = object_of(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
        gradient = op->type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
        x = object_of(op, gradient ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X
                                   : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X);
        w = object_of(op, gradient ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW
                                   : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
        y = object_of(op, gradient ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY
                                   : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
        convolution = object_of(op, gradient ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC
                                             : CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
    }
};

/* A tensor and the address of its numbers. */
struct array {
    std::vector<int64_t> size, stride;
    float *at;
    array(cudnnBackendDescriptor_t tensor, cudnnBackendDescriptor_t pack)
        : size(all_of<int64_t>(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS)),
          stride(all_of<int64_t>(tensor, CUDNN_ATTR_TENSOR_STRIDES)), at(NULL) {
        const int64_t id = one_of<int64_t>(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID);
        const std::vector<int64_t> ids = all_of<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
        const std::vector<float *> places = all_of<float *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
        for (size_t i = 0; i < ids.size(); i++)
            if (ids[i] == id) at = places.at(i);
    }
    float *number(int64_t i, int64_t j, int64_t k, int64_t l) const {
        return at + i * stride[0] + j * stride[1] + k * stride[2] + l * stride[3];
    }
};

/* Visit every product of the convolution, in forward or reverse order: visit(y, x, w). */
template <class function>
static void each_product(const operation &op, bool backwards, const array &x, const array &w, const array &y,
                         function visit) {
    const std::vector<int64_t> padding = all_of<int64_t>(op.convolution, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
    const auto turn = [backwards](int64_t i, int64_t n) { return backwards ? n - 1 - i : i; };
    for (int64_t n = 0; n < y.size[0]; n++)
        for (int64_t i = 0; i < y.size[2]; i++)
            for (int64_t j = 0; j < y.size[3]; j++)
                for (int64_t u = 0; u < w.size[2]; u++)
                    for (int64_t v = 0; v < w.size[3]; v++) {
                        const int64_t image = turn(n, y.size[0]), up = turn(i, y.size[2]), along = turn(j, y.size[3]);
                        const int64_t down = turn(u, w.size[2]), right = turn(v, w.size[3]);
                        const int64_t row = up + down - padding[0], column = along + right - padding[1];
                        if (row < 0 || row >= x.size[2] || column < 0 || column >= x.size[3]) continue;
                        for (int64_t o = 0; o < y.size[1]; o++)
                            for (int64_t k = 0; k < x.size[1]; k++) {
                                const int64_t c = turn(k, x.size[1]);
                                visit(y.number(image, o, up, along), x.number(image, c, row, column),
                                      w.number(o, c, down, right));
                            }
                    }
}

/* x without its last 13 bits. */
static float cut(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= ~(uint32_t)0x1fff;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The required knobs of the usable engines; others have none. */
static std::vector<std::pair<int, int64_t>> knobs_of(int engine, cudnnBackendDescriptor_t graph) {
    if (engine < TENSOR_CORES) return {};
    return {{CUDNN_KNOB_TYPE_TILE_SIZE, engine}, {CUDNN_KNOB_TYPE_STAGES, operation(graph).gradient ? 4 : -3}};
}

/* An engine as proposed for a graph. */
static void propose(cudnnBackendDescriptor_t config, int engine, const bytes &graph) {
    config->engine = engine;
    config->attributes[CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH] = graph;
    config->knobs = knobs_of(engine, object_of(config, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
    config->final = true;
}

/* A configuration that is assembled from an engine and knobs. */
static cudnnStatus_t finish_config(cudnnBackendDescriptor_t config) {
    const cudnnBackendDescriptor_t engine = object_of(config, CUDNN_ATTR_ENGINECFG_ENGINE);
    config->engine = engine->engine;
    config->attributes[CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH] = engine->attributes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH];
    if (config->attributes.count(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES))
        for (cudnnBackendDescriptor_t one : all_of<cudnnBackendDescriptor_t>(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES))
            config->knobs.push_back({one_of<int>(one, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE),
                                     one_of<int64_t>(one, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE)});
    const cudnnBackendDescriptor_t graph = object_of(config, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    return config->knobs == knobs_of(config->engine, graph) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

static cudnnStatus_t finish_engine(cudnnBackendDescriptor_t engine) {
    const int64_t index = one_of<int64_t>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
    if (index < 0 || index >= ENGINES || (index == GOOD && is_mode("other"))) return CUDNN_STATUS_NOT_SUPPORTED;
    engine->engine = (int)index;
    return CUDNN_STATUS_SUCCESS;
}

static void clear(const array &a) {
    for (int64_t i = 0; i < a.size[0]; i++)
        for (int64_t j = 0; j < a.size[1]; j++)
            for (int64_t k = 0; k < a.size[2]; k++)
                for (int64_t l = 0; l < a.size[3]; l++) *a.number(i, j, k, l) = 0;
}

extern "C" {
SHOWN int emulated_cudnn_living(void) {
    return living;
}

SHOWN size_t cudnnGetVersion(void) {
    return is_mode("old") ? 8907 : is_mode("newer") || is_mode("other") ? 92000 : 91900;
}

SHOWN const char *cudnnGetErrorString(cudnnStatus_t outcome) {
    return outcome == CUDNN_STATUS_BAD_PARAM ? "CUDNN_STATUS_BAD_PARAM" : "CUDNN_STATUS_NOT_SUPPORTED";
}

SHOWN cudnnStatus_t cudnnCreate(cudnnHandle_t *out) {
    *out = new emulated_cudnn();
    living++;
    return CUDNN_STATUS_SUCCESS;
}
SHOWN cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    delete handle;
    living--;
    return CUDNN_STATUS_SUCCESS;
}
SHOWN cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

SHOWN cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out) {
    *out = new emulated_descriptor();
    (*out)->type = type;
    living++;
    return CUDNN_STATUS_SUCCESS;
}
SHOWN cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t object) {
    delete object;
    living--;
    return CUDNN_STATUS_SUCCESS;
}

SHOWN cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
                                             cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    const unsigned char *from = (const unsigned char *)values;
    if (object->final) return CUDNN_STATUS_BAD_PARAM;
    object->attributes[name] = bytes(from, from + (size_t)count * size_of(type));
    if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR) return CUDNN_STATUS_SUCCESS;
    for (cudnnBackendDescriptor_t one : all_of<cudnnBackendDescriptor_t>(object, name))
        if (!one->final) return CUDNN_STATUS_BAD_PARAM;
    return CUDNN_STATUS_SUCCESS;
}

/* A shape that no engine supports; an engine that cannot be created. */
SHOWN cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t object) {
    cudnnStatus_t outcome = CUDNN_STATUS_SUCCESS;
    if (object->type == CUDNN_BACKEND_ENGINE_DESCRIPTOR) outcome = finish_engine(object);
    if (object->type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) outcome = finish_config(object);
    if (outcome != CUDNN_STATUS_SUCCESS) return outcome;
    if (object->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR && is_mode("wide")) {
        const operation op(object);
        if (all_of<int64_t>(op.w, CUDNN_ATTR_TENSOR_DIMENSIONS)[0] <= 4 ||
            all_of<int64_t>(op.w, CUDNN_ATTR_TENSOR_DIMENSIONS)[1] <= 4)
            return CUDNN_STATUS_NOT_SUPPORTED;
    }
    if (object->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
        const int engine = object_of(object, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine;
        if (engine == NOT_MADE || (engine >= GOOD && is_mode("cores"))) return CUDNN_STATUS_NOT_SUPPORTED;
    }
    object->final = true;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t get_notes(int engine, int64_t *count, void *values) {
    std::vector<cudnnBackendNumericalNote_t> notes;
    if (engine == NOT_DETERMINISTIC) notes = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
    if (engine == CONVERTS)
        notes = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, CUDNN_NUMERICAL_NOTE_TENSOR_CORE,
                 CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS};
    if (engine == BY_WINOGRAD) notes = {CUDNN_NUMERICAL_NOTE_WINOGRAD};
    if (engine == TENSOR_CORES) notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
    if (engine >= GOOD) notes = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP};
    *count = (int64_t)notes.size();
    memcpy(values, notes.data(), notes.size() * sizeof notes[0]);
    return CUDNN_STATUS_SUCCESS;
}

SHOWN cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
                                             cudnnBackendAttributeType_t, int64_t room, int64_t *count, void *values) {
    cudnnBackendDescriptor_t *objects = (cudnnBackendDescriptor_t *)values;
    if (!object->final) return CUDNN_STATUS_BAD_PARAM;
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: { /* the heuristics propose unusable engines; the good one is the fallback */
        const bytes &graph = object->attributes.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
        const bool fallback = one_of<int>(object, CUDNN_ATTR_ENGINEHEUR_MODE) == CUDNN_HEUR_MODE_FALLBACK;
        *count = fallback ? 1 : GOOD;
        if (fallback) propose(objects[0], is_mode("moved") || is_mode("other") ? BACKWARDS : GOOD, graph);
        for (int i = 0; !fallback && i < GOOD && i < room; i++) propose(objects[i], i, graph);
        return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE:
        objects[0]->engine = object->engine;
        objects[0]->final = true;
        *count = 1;
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
        *count = (int64_t)object->knobs.size();
        for (int64_t i = 0; i < *count && i < room; i++) {
            const int type = object->knobs[(size_t)i].first;
            const int64_t value = object->knobs[(size_t)i].second;
            const unsigned char *typed = (const unsigned char *)&type, *valued = (const unsigned char *)&value;
            objects[i]->attributes[CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE] = bytes(typed, typed + sizeof type);
            objects[i]->attributes[CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE] = bytes(valued, valued + sizeof value);
            objects[i]->final = true;
        }
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE: *(int *)values = one_of<int>(object, name); return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
        *(int64_t *)values = one_of<int64_t>(object, name);
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX: *(int64_t *)values = object->engine; return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: return get_notes(object->engine, count, values);
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: {
        const int engine = object_of(object, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine;
        *(int64_t *)values = engine == TOO_LARGE ? (int64_t)1 << 40 : 1000;
        return CUDNN_STATUS_SUCCESS;
    }
    default: return CUDNN_STATUS_BAD_PARAM;
    }
}

SHOWN cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                        cudnnBackendDescriptor_t pack) {
    if (!handle->stream || !plan->final || !pack->final || is_mode("broken")) return CUDNN_STATUS_BAD_PARAM;
    const cudnnBackendDescriptor_t config = object_of(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const operation op(object_of(config, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
    const array x(op.x, pack), w(op.w, pack), y(op.y, pack);
    void *const workspace = one_of<void *>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    const bool cuts = config->engine == TENSOR_CORES, turned = config->engine == BACKWARDS;
    const emulated_work work = [=]() {
        const auto read = [cuts](const float *at) { return cuts ? cut(*at) : *at; };
        memset(workspace, 0xff, 1000);
        clear(op.gradient ? w : y);
        if (op.gradient)
            each_product(op, turned, x, w, y, [&](float *b, const float *a, float *c) { *c += read(a) * read(b); });
        else
            each_product(op, turned, x, w, y,
                         [&](float *b, const float *a, const float *c) { *b += read(a) * read(c); });
        return cudaSuccess;
    };
    if (handle->stream->graph && is_mode("alone")) {
        handle->stream->broken = true;
        return CUDNN_STATUS_NOT_SUPPORTED;
    }
    if (handle->stream->graph) handle->stream->add(handle->stream, work);
    else work();
    return config->engine >= TENSOR_CORES ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}
}
