/* cuda_on_host.cpp - an emulated device, whose threads are fibers.
 *
 *   AFFJORD_EMULATED_DEVICES=N     number of devices (1)
 *   AFFJORD_EMULATED_DRIVER=N      the driver's version as CUDA counts it (13000); 0: no driver
 *   AFFJORD_EMULATED_MEMORY=N      bytes of a device (4 GB)
 *   AFFJORD_EMULATED_OLD=N         device N is one that no kernel was compiled for
 *   AFFJORD_EMULATED_LOST=N        the N-th launch of the process and all later ones fail
 *   AFFJORD_EMULATED_GRAPHS=X      the graph call that fails: capture, while (loops), instance (of a graph with loops)
 *   AFFJORD_EMULATED_BACKWARDS=1   threads run in reverse order, which changes results where a barrier is missing */
#include "fibers.h"

#include <stdio.h>
#include <stdlib.h>

#include <deque>
#include <memory>
#include <vector>

/* --- Graphs: lists of work, as one stream is captured --- */

struct emulated_node {
    emulated_work work; /* of a node that is no loop */
    int *condition; /* of a loop */
    std::shared_ptr<emulated_graph> inside;
    cudaGraph_t inside_out; /* as CUDA gives it out */
};
struct emulated_graph {
    std::vector<emulated_node> nodes;
    std::deque<int> conditions; /* each begins as 0 */
};
struct emulated_executable {
    std::shared_ptr<emulated_graph> graph;
};

/* Counters for tests; "nodes 0" are those of the first graph. */
static size_t waits, graphs_living, graph_launches;
static std::vector<size_t> nodes; /* of each graph that was made */
extern "C" __attribute__((visibility("default"))) size_t emulated_count(const char *what) {
    if (strcmp(what, "waits") == 0) return waits;
    if (strcmp(what, "graphs made") == 0) return nodes.size();
    if (strcmp(what, "graphs living") == 0) return graphs_living;
    if (strcmp(what, "graphs launched") == 0) return graph_launches;
    return nodes.at(strtoull(what + strlen("nodes "), NULL, 10));
}

static bool refuses(const char *what) {
    const char *text = getenv("AFFJORD_EMULATED_GRAPHS");
    return text && strcmp(text, what) == 0;
}

static void add_work(cudaStream_t stream, const emulated_work &work) {
    stream->graph->nodes.push_back(emulated_node{work, NULL, nullptr, NULL});
}

/* Execute now, or when the graph is executed. */
static cudaError_t now_or_later(cudaStream_t stream, const emulated_work &work) {
    if (!stream || !stream->graph) return work();
    add_work(stream, work);
    return cudaSuccess;
}

/* An operation that cannot be captured ends the capture. */
static cudaError_t not_captured(cudaStream_t stream) {
    if (!stream || !stream->graph) return cudaSuccess;
    stream->broken = true;
    return cudaErrorStreamCaptureUnsupported;
}

cudaError_t emulated_launch(dim3 grid, dim3 block, size_t shared, const emulated_body &kernel, cudaStream_t stream) {
    return now_or_later(stream, [=]() { return emulated_run(grid, block, shared, kernel); });
}

cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned) {
    *graph = new emulated_graph();
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle *handle, cudaGraph_t graph, unsigned otherwise,
                                             unsigned flags) {
    if (refuses("while")) return cudaErrorNotSupported;
    if (otherwise != 0 || flags != cudaGraphCondAssignDefault) return cudaErrorInvalidValue;
    graph->conditions.push_back(0);
    *handle = (cudaGraphConditionalHandle)(uintptr_t)&graph->conditions.back();
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *room) {
    if (graph->nodes.size() > *room) return cudaErrorInvalidValue;
    *room = graph->nodes.size();
    for (size_t i = 0; i < *room; i++) nodes[i] = &graph->nodes[i];
    return cudaSuccess;
}

/* Append a loop. */
cudaError_t cudaGraphAddNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *after,
                             const cudaGraphEdgeData *, size_t before, cudaGraphNodeParams *about) {
    if (before != graph->nodes.size() || before != 1 || *after != &graph->nodes[0]) return cudaErrorInvalidValue;
    if (about->type != cudaGraphNodeTypeConditional || about->conditional.type != cudaGraphCondTypeWhile ||
        about->conditional.size != 1)
        return cudaErrorInvalidValue;
    int *condition = (int *)(uintptr_t)about->conditional.handle;
    emulated_node loop = {emulated_work(), condition, std::make_shared<emulated_graph>(), NULL};
    graph->nodes.reserve(2); /* nodes are identified by their addresses */
    graph->nodes.push_back(loop);
    *node = &graph->nodes.back();
    (*node)->inside_out = loop.inside.get();
    about->conditional.phGraph_out = &(*node)->inside_out;
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t *,
                                          const cudaGraphEdgeData *, size_t, cudaStreamCaptureMode) {
    if (refuses("capture")) return cudaErrorNotSupported;
    stream->graph = graph;
    stream->broken = false;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    *graph = stream->broken ? NULL : stream->graph;
    stream->graph = NULL;
    return stream->broken ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}

static bool has_loop(const emulated_graph &graph) {
    for (const emulated_node &node : graph.nodes)
        if (node.condition) return true;
    return false;
}

/* Copy the nodes, because the caller may destroy the graph. */
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long) {
    if (refuses("instance") && has_loop(*graph)) return cudaErrorNotSupported;
    std::shared_ptr<emulated_graph> copy = std::make_shared<emulated_graph>();
    std::swap(copy->nodes, graph->nodes); /* and the addresses of conditions */
    std::swap(copy->conditions, graph->conditions);
    *out = new emulated_executable{copy};
    graphs_living++;
    nodes.push_back(0);
    for (const emulated_node &node : copy->nodes) nodes.back() += node.condition ? node.inside->nodes.size() : 1;
    return cudaSuccess;
}

static cudaError_t run_graph(const emulated_graph &graph) {
    for (const emulated_node &node : graph.nodes) {
        if (!node.condition) {
            const cudaError_t outcome = node.work();
            if (outcome != cudaSuccess) return outcome;
            continue;
        }
        while (*node.condition) {
            const cudaError_t outcome = run_graph(*node.inside);
            if (outcome != cudaSuccess) return outcome;
        }
    }
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    if (stream->graph) return not_captured(stream);
    for (int &condition : graph->graph->conditions) condition = 0;
    graph_launches++;
    return run_graph(*graph->graph);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    graphs_living--;
    delete graph;
    return cudaSuccess;
}

void cudaGraphSetConditional(cudaGraphConditionalHandle handle, unsigned value) {
    *(int *)(uintptr_t)handle = (int)value;
}

/* --- Devices and memory --- */

static size_t chosen;

static size_t memory_size(void) {
    return emulated_setting("AFFJORD_EMULATED_MEMORY", (size_t)4 << 30);
}

static size_t taken;

/* Each block of memory is preceded by its size. */
enum { HEAD = 256 };

cudaError_t emulated_kernel() {
    return emulated_setting("AFFJORD_EMULATED_OLD", SIZE_MAX) != chosen ? cudaSuccess : cudaErrorNoKernelImageForDevice;
}

const char *cudaGetErrorString(cudaError_t code) {
    if (code == cudaErrorLaunchFailure) return "unspecified launch failure";
    return code == cudaErrorMemoryAllocation ? "out of memory" : "an emulated error";
}

cudaError_t cudaGetLastError(void) {
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = (int)emulated_setting("AFFJORD_EMULATED_DRIVER", 13000);
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *devices) {
    int driver;
    cudaDriverGetVersion(&driver);
    *devices = (int)emulated_setting("AFFJORD_EMULATED_DEVICES", 1);
    if (driver < 13000) return cudaErrorInsufficientDriver;
    return *devices > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device) {
    *out = cudaDeviceProp();
    snprintf(out->name, sizeof out->name, device == 0 ? "fibers on a CPU, for tests" : "fibers %d", device);
    out->major = 9;
    out->multiProcessorCount = 4;
    out->sharedMemPerBlockOptin = 232448;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    chosen = (size_t)device;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *all) {
    *all = memory_size();
    *available = *all - taken;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes) {
    if (bytes > memory_size() - taken) return cudaErrorMemoryAllocation;
    unsigned char *memory = (unsigned char *)aligned_alloc(HEAD, (bytes + 2 * HEAD - 1) / HEAD * HEAD);
    if (!memory) return cudaErrorMemoryAllocation;
    memcpy(memory, &bytes, sizeof bytes);
    taken += bytes;
    *out = memory + HEAD; // cudaFree subtracts it
    // cppcheck-suppress memleak
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    if (!memory) return cudaSuccess;
    unsigned char *head = (unsigned char *)memory - HEAD;
    size_t bytes;
    memcpy(&bytes, head, sizeof bytes);
    taken -= bytes;
    free(head);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes) {
    *out = calloc(bytes ? bytes : 1, 1);
    return *out ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory) {
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes) {
    memset(memory, value, bytes);
    return cudaSuccess;
}

/* Copies from and to the host, which a graph cannot contain. */
cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    return now_or_later(stream, [=]() { return cudaMemset(memory, value, bytes); });
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
    if (bytes > 0) memcpy(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    if (kind != cudaMemcpyDeviceToDevice && stream && stream->graph) return not_captured(stream);
    return now_or_later(stream, [=]() { return cudaMemcpy(to, from, bytes, kind); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned) {
    *out = new emulated_stream{NULL, false, add_work};
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    waits++;
    return not_captured(stream);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}
