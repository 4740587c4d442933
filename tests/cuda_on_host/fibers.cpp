/* fibers.cpp - run kernels with fibers: the threads of a block run in turns and synchronise at barriers, as on a
 * device. */
#include "fibers.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

dim3 threadIdx, blockIdx, blockDim, gridDim;

enum { THREADS_MAX = 1024, WARP = 32, STACK = 128 * 1024, ALIGNED = 256 };

/* The condition that a fiber waits for: its whole block, or the lanes of its warp in a mask. */
typedef enum waiting { RUNNING, WAITING_BLOCK, WAITING_LANES, ENDED } waiting;

typedef struct fiber {
    bool made; /* its stack has been entered once */
    bool begun;
    waiting state;
    unsigned mask;
    int vote;
    float given; /* the value exchanged with other lanes */
} fiber;

/* The current block. */
static fiber fibers[THREADS_MAX];
static jmp_buf begins[THREADS_MAX], resumes[THREADS_MAX];
static unsigned char *stacks; /* (THREADS_MAX, STACK), allocated once */
static unsigned count, alive, current, turn; /* threads in total, not ended, the running one, started ones */
static bool backwards;
static ucontext_t scheduler_context;
static jmp_buf scheduler;
static const emulated_body *body;
static float *pool;
static int voted;

void *emulated_pool(void) {
    return pool;
}

/* Return the thread that starts at position `turn`. */
static unsigned in_turn(void) {
    return backwards ? count - 1 - turn : turn;
}

/* A thread that ends without waiting passes its stack to the next one, so kernels without synchronisation need only
 * one. */
static void fiber_main(void) {
    _setjmp(begins[current]); /* later starts resume here, without a system call */
    for (;;) {
        (*body)();
        fibers[current].state = ENDED;
        alive--;
        if (turn == count) _longjmp(scheduler, 1);
        current = in_turn();
        turn++;
        threadIdx = dim3(current);
        fibers[current].begun = true;
    }
}

static void wait_as(waiting state, unsigned mask) {
    fiber *self = &fibers[current];
    self->state = state;
    self->mask = mask;
    if (_setjmp(resumes[current]) == 0) _longjmp(scheduler, 1);
}

void __syncthreads(void) {
    wait_as(WAITING_BLOCK, 0);
}

int __syncthreads_or(int value) {
    fibers[current].vote = value != 0;
    wait_as(WAITING_BLOCK, 0);
    return voted;
}

void __syncwarp(void) {
    wait_as(WAITING_LANES, 0xffffffff);
}

float __shfl_down_sync(unsigned mask, float value, unsigned delta, int width) {
    const unsigned lane = current % WARP, other = lane + delta;
    fibers[current].given = value;
    assert(mask >> lane & 1);
    wait_as(WAITING_LANES, mask);
    const bool inside = other / (unsigned)width == lane / (unsigned)width;
    assert(!inside || mask >> other & 1);
    const float got = inside ? fibers[current - lane + other].given : value;
    wait_as(WAITING_LANES, mask); /* until all have read */
    return got;
}

static void run_fiber(unsigned index) {
    fiber *one = &fibers[index];
    current = index;
    threadIdx = dim3(index);
    one->state = RUNNING;
    if (_setjmp(scheduler) != 0) return;
    if (one->begun) _longjmp(resumes[index], 1);
    assert(index == in_turn());
    turn++;
    one->begun = true;
    if (one->made) _longjmp(begins[index], 1);
    one->made = true;
    ucontext_t first;
    getcontext(&first);
    first.uc_stack.ss_sp = stacks + (size_t)index * STACK;
    first.uc_stack.ss_size = STACK;
    first.uc_link = &scheduler_context;
    makecontext(&first, fiber_main, 0);
    setcontext(&first);
}

static bool all_wait_for_block(void) {
    for (unsigned i = 0; i < count; i++)
        if (fibers[i].state != WAITING_BLOCK && fibers[i].state != ENDED) return false;
    return true;
}

static bool lanes_are_there(unsigned first, unsigned mask) {
    for (unsigned lane = 0; lane < WARP; lane++) {
        const fiber *one = &fibers[first + lane];
        if (mask >> lane & 1 && (one->state != WAITING_LANES || one->mask != mask)) return false;
    }
    return true;
}

/* Run a warp alone until it waits for the block. */
static void run_warp(unsigned first) {
    for (bool moved = true; moved && alive > 0;) {
        moved = false;
        for (unsigned k = 0; k < WARP && alive > 0; k++) {
            const unsigned index = first + (backwards ? WARP - 1 - k : k);
            if (fibers[index].state != RUNNING) continue;
            run_fiber(index);
            moved = true;
        }
        for (unsigned lane = 0; lane < WARP; lane++) {
            const fiber *one = &fibers[first + lane];
            if (one->state != WAITING_LANES || !lanes_are_there(first, one->mask)) continue;
            const unsigned mask = one->mask;
            for (unsigned other = 0; other < WARP; other++)
                if (mask >> other & 1) fibers[first + other].state = RUNNING;
            moved = true;
        }
    }
}

static void run_block(void) {
    turn = 0;
    alive = count;
    for (unsigned i = 0; i < count; i++) {
        fibers[i].begun = false;
        fibers[i].state = RUNNING;
        fibers[i].vote = 0;
    }
    while (alive > 0) {
        for (unsigned k = 0; k < count / WARP; k++) run_warp((backwards ? count / WARP - 1 - k : k) * WARP);
        if (!all_wait_for_block()) abort(); /* some lanes wait for others that never arrive */
        voted = 0;
        for (unsigned i = 0; i < count; i++) voted |= fibers[i].vote;
        for (unsigned i = 0; i < count; i++) {
            fibers[i].vote = 0;
            if (fibers[i].state == WAITING_BLOCK) fibers[i].state = RUNNING;
        }
    }
}

/* --- Kernels --- */

size_t emulated_setting(const char *name, size_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

cudaError_t emulated_run(dim3 grid, dim3 block, size_t shared, const emulated_body &kernel) {
    static size_t launches;
    if (++launches >= emulated_setting("AFFJORD_EMULATED_LOST", SIZE_MAX)) return cudaErrorLaunchFailure;
    backwards = emulated_setting("AFFJORD_EMULATED_BACKWARDS", 0) != 0;
    count = block.x;
    assert(count <= THREADS_MAX && count % WARP == 0);
    if (!stacks)
        stacks = (unsigned char *)mmap(NULL, (size_t)THREADS_MAX * STACK, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pool = (float *)aligned_alloc(ALIGNED, (shared + ALIGNED) / ALIGNED * ALIGNED);
    if (stacks == MAP_FAILED || !pool) abort();
    body = &kernel;
    blockDim = block;
    gridDim = grid;
    for (unsigned i = 0; i < grid.x; i++) {
        memset(pool, 0xff, shared); /* NaN, to detect reads of unwritten memory */
        blockIdx = dim3(i);
        run_block();
    }
    free(pool);
    return cudaSuccess;
}
