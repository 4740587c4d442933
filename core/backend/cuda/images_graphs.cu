/* images_graphs.cu - steps of a solve that the device repeats by itself (backend.h: repeat).
 *
 * A step is a list of kernels, the same at each repetition. The last kernel writes to device memory whether another
 * step follows. So the list is captured once into a CUDA graph, as the body of a loop:
 *
 *   condition <- *going;   while (condition) { the step's kernels; condition <- *going }
 *
 * and a solve is one launch. If the driver does not support such loops, the graph is one step; the host launches it
 * repeatedly and reads *going in between. If a step cannot be captured, its kernels are launched one by one.
 *
 * Graphs are cached. The key is the list itself: the step is called once without launching anything, and every kernel,
 * its launch configuration and the bytes of its argument are recorded. A step with any different launch has another
 * key, so no code has to list what a step depends on. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/images.cuh"

enum {
    GRAPHS_MAX = 64, /* in the cache: about four for each flow of a model and each size of a batch */
    TAPE_FIRST = 1 << 16 /* bytes */
};

/* How steps are repeated; each method falls back to the one before it. */
typedef enum repetition { ONE_BY_ONE, STEP_BY_STEP, BY_ITSELF } repetition;

/* A list of recorded launches. */
typedef struct tape {
    unsigned char *bytes; /* (room), owned */
    size_t count, room;
    bool complete; /* the whole list was recorded */
} tape;

typedef struct kept_graph {
    tape key;
    cudaGraphExec_t graph;
    bool loops; /* the whole loop, not one step */
    uint64_t used; /* time of the last use */
} kept_graph;

struct graphs {
    repetition how;
    error_info remark; /* why the requested method is not used */
    tape now; /* of the step to be repeated */
    kept_graph kept[GRAPHS_MAX]; /* (count) */
    size_t count;
    uint64_t clock;
    int *going; /* in page-locked host memory */
    status captured; /* of the current capture */
    error_info err;
};

/* --- The list --- */

static bool tape_add(tape *self, const void *bytes, size_t count) {
    if (count > self->room - self->count) {
        size_t room = self->room ? 2 * self->room : (size_t)TAPE_FIRST;
        while (room < self->count + count) room *= 2;
        unsigned char *more = (unsigned char *)realloc(self->bytes, room);
        if (!more) return false;
        self->bytes = more;
        self->room = room;
    }
    memcpy(self->bytes + self->count, bytes, count);
    self->count += count;
    return true;
}

void images_record_launch(const backend_ops *self, const void *what, size_t blocks, size_t threads,
                          const void *argument, size_t bytes) {
    tape *now = &images_device(self)->graphs->now;
    const void *const head[] = {what, (void *)blocks, (void *)threads, (void *)bytes};
    now->complete &= tape_add(now, head, sizeof head) && tape_add(now, argument, bytes);
}

/* Record why a step cannot be repeated. An error during recording or capturing is not one of the device. */
void images_not_repeated(const backend_ops *self, const error_info *err) {
    graphs *all = images_device(self)->graphs;
    all->now.complete = false;
    if (all->captured != STATUS_OK) return;
    all->captured = STATUS_IO;
    all->err = *err;
}

/* --- Graphs --- */

static bool good(graphs *all, cudaError_t code, const char *tried) {
    if (code != cudaSuccess && all->captured == STATUS_OK) all->captured = cuda_outcome(code, tried, &all->err);
    return all->captured == STATUS_OK;
}

struct condition_job {
    cudaGraphConditionalHandle condition;
    const int *going;
};
static __global__ void condition_kernel(condition_job job) {
    if (threadIdx.x == 0) cudaGraphSetConditional(job.condition, *job.going != 0);
}

/* The captured work: a step and the loop's condition. */
typedef struct body {
    void (*step)(void *argument); /* NULL: no kernels */
    void *argument;
    const condition_job *condition; /* NULL: no condition */
} body;

/* Capture the kernels of a body into a graph. */
static bool capture(const backend_ops *self, cudaGraph_t graph, const body *what) {
    cuda_backend *device = images_device(self);
    graphs *all = device->graphs;
    cudaGraph_t same = NULL;
    if (!good(all, cudaStreamBeginCaptureToGraph(device->stream, graph, NULL, NULL, 0, cudaStreamCaptureModeRelaxed),
              "recording a step"))
        return false;
    device->launch_mode = LAUNCH_CAPTURE;
    if (what->step) what->step(what->argument);
    if (what->condition) images_launch(self, condition_kernel, 1, WARP_THREADS, *what->condition);
    device->launch_mode = LAUNCH_RUN;
    return good(all, cudaStreamEndCapture(device->stream, &same), "recording a step");
}

/* Build the graph: condition <- *going; while (condition) { step; condition <- *going }. */
static bool make_loop(const backend_ops *self, cudaGraph_t graph, const body *step, const int *going) {
    graphs *all = images_device(self)->graphs;
    condition_job condition = {0, going};
    if (!good(all, cudaGraphConditionalHandleCreate(&condition.condition, graph, 0, cudaGraphCondAssignDefault),
              "making a loop"))
        return false;
    const body before = {NULL, NULL, &condition}, inside = {step->step, step->argument, &condition};
    cudaGraphNode_t first, loop;
    size_t one = 1;
    cudaGraphNodeParams about = {};
    about.type = cudaGraphNodeTypeConditional;
    about.conditional.handle = condition.condition;
    about.conditional.type = cudaGraphCondTypeWhile;
    about.conditional.size = 1;
    return capture(self, graph, &before) && good(all, cudaGraphGetNodes(graph, &first, &one), "making a loop") &&
           good(all, cudaGraphAddNode(&loop, graph, &first, NULL, 1, &about), "making a loop") &&
           capture(self, about.conditional.phGraph_out[0], &inside);
}

/* Return a graph of the loop, or of one step; NULL, with the reason, if it cannot be made. */
static cudaGraphExec_t make_graph(const backend_ops *self, const body *step, const int *going, bool loops) {
    graphs *all = images_device(self)->graphs;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t made = NULL;
    all->captured = STATUS_OK;
    if (good(all, cudaGraphCreate(&graph, 0), "making a graph") &&
        (loops ? make_loop(self, graph, step, going) : capture(self, graph, step)) &&
        !good(all, cudaGraphInstantiate(&made, graph, 0), "making a graph"))
        made = NULL;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError(); /* clear the error, because launches without a graph remain possible */
    return made;
}

/* --- The cache of graphs --- */

static void forget(kept_graph *one) {
    cudaGraphExecDestroy(one->graph); /* which waits, or is deferred, until the graph has run */
    free(one->key.bytes);
    *one = kept_graph{};
}

static kept_graph *find(graphs *all) {
    for (size_t i = 0; i < all->count; i++) {
        kept_graph *one = &all->kept[i];
        if (one->key.count == all->now.count && memcmp(one->key.bytes, all->now.bytes, all->now.count) == 0) return one;
    }
    return NULL;
}

/* Return a place for the graph of `now`: a new one, or that of the least recently used graph. */
static kept_graph *place(graphs *all) {
    if (all->count < GRAPHS_MAX) return &all->kept[all->count++];
    kept_graph *oldest = &all->kept[0];
    for (size_t i = 1; i < GRAPHS_MAX; i++)
        if (all->kept[i].used < oldest->used) oldest = &all->kept[i];
    forget(oldest);
    return oldest;
}

/* Return a graph of the step by the best method that works; NULL if none does. A method that failed is not tried
 * again. */
static kept_graph *make_kept(const backend_ops *self, const body *step, const int *going) {
    graphs *all = images_device(self)->graphs;
    while (all->how != ONE_BY_ONE) {
        const bool loops = all->how == BY_ITSELF;
        const cudaGraphExec_t made = make_graph(self, step, going, loops);
        if (made) {
            kept_graph *one = place(all);
            *one = kept_graph{all->now, made, loops, 0};
            all->now = tape{};
            return one;
        }
        error_describe(&all->remark, "%s: %.800s",
                       loops ? "the host checks after each step" : "kernels are launched one by one", all->err.text);
        all->how = loops ? STEP_BY_STEP : ONE_BY_ONE;
    }
    return NULL;
}

/* --- Repeating --- */

/* Record the launches of a step into `now`; return whether the list is complete. */
static bool record_step(const backend_ops *self, void (*step)(void *argument), void *argument) {
    cuda_backend *device = images_device(self);
    graphs *all = device->graphs;
    all->now.count = 0;
    all->now.complete = true;
    all->captured = STATUS_OK;
    device->launch_mode = LAUNCH_RECORD;
    step(argument);
    device->launch_mode = LAUNCH_RUN;
    if (!all->now.complete && all->captured != STATUS_OK) {
        error_describe(&all->remark, "kernels are launched one by one: %.800s", all->err.text);
        all->how = ONE_BY_ONE;
    }
    return all->now.complete;
}

/* Return whether another step follows; false after an error. */
static bool look(const backend_ops *self, const int *going) {
    cuda_backend *device = images_device(self);
    images_note(self,
                cudaMemcpyAsync(device->graphs->going, going, sizeof *going, cudaMemcpyDeviceToHost, device->stream),
                "fetching numbers");
    return images_wait(self) && *device->graphs->going != 0;
}

static void launch(const backend_ops *self, kept_graph *one) {
    cuda_backend *device = images_device(self);
    one->used = ++device->graphs->clock;
    images_note(self, cudaGraphLaunch(one->graph, device->stream), "repeating a step");
}

static void repeat(const backend_ops *self, void (*step)(void *argument), void *argument, const int *going) {
    graphs *all = images_device(self)->graphs;
    kept_graph *one = NULL;
    if (images_device(self)->outcome != STATUS_OK) return;
    if (all->how != ONE_BY_ONE && record_step(self, step, argument)) {
        one = find(all);
        if (!one) { /* launch without a graph once, because modules cannot be loaded during a capture */
            if (!look(self, going)) return;
            step(argument);
            const body what = {step, argument, NULL};
            one = make_kept(self, &what, going);
        }
    }
    if (one && one->loops) launch(self, one);
    else
        while (look(self, going)) {
            if (one) launch(self, one);
            else step(argument);
        }
}

/* --- Beginning and end --- */

status images_graphs_open(cuda_backend *device, error_info *err) {
    const char *given = getenv("AFFJORD_GRAPHS");
    const char *const names[] = {"none", "step", "while"};
    size_t how = BY_ITSELF;
    if (given)
        for (how = 0; how <= BY_ITSELF && strcmp(given, names[how]) != 0;) how++;
    if (how > BY_ITSELF)
        return error_set(err, STATUS_INVALID, "AFFJORD_GRAPHS = %.100s: expected none, step or while", given);
    graphs *all = (graphs *)calloc(1, sizeof *all);
    if (!all) return error_set(err, STATUS_MEMORY, "out of memory");
    all->how = (repetition)how;
    if (how < BY_ITSELF) error_describe(&all->remark, "AFFJORD_GRAPHS = %s", names[how]);
    device->graphs = all;
    TRY_CUDA(cudaMallocHost((void **)&all->going, sizeof *all->going), "taking memory", err);
    device->table.repeat = repeat;
    return STATUS_OK;
}

bool images_graphs(const backend_ops *self, error_info *which) {
    const graphs *all = images_device(self)->graphs;
    *which = all->remark;
    return all->how == BY_ITSELF;
}

void images_graphs_close(cuda_backend *device) {
    graphs *all = device->graphs;
    if (!all) return;
    while (all->count > 0) forget(&all->kept[--all->count]);
    free(all->now.bytes);
    cudaFreeHost(all->going);
    free(all);
    device->graphs = NULL;
}
