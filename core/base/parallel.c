/* parallel.c - helper threads that wait on a condition variable for the next job. */
#include "base/parallel.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct helper {
    struct parallel *pool;
    size_t number; /* 1 .. threads - 1; the caller is 0 */
    pthread_t thread;
} helper;

struct parallel {
    size_t threads;
    helper *helpers; /* threads - 1 */
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    size_t job; /* counts jobs; a helper waits until it exceeds the last one it has run */
    size_t busy; /* helpers that have not finished the job */
    bool stop;
    void (*body)(void *argument, size_t task, size_t thread);
    void *argument;
    size_t tasks;
    atomic_size_t next;
};

static void work(parallel *pool, size_t thread) {
    for (size_t task; (task = atomic_fetch_add(&pool->next, 1)) < pool->tasks;)
        pool->body(pool->argument, task, thread);
}

static void *help(void *argument) {
    helper *self = argument;
    parallel *pool = self->pool;
    size_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->job == seen && !pool->stop) pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->stop) break;
        seen = pool->job;
        pthread_mutex_unlock(&pool->lock);
        work(pool, self->number);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0) pthread_cond_signal(&pool->finish);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

status parallel_create(size_t threads, parallel **out) {
    if (threads == 0) return STATUS_INVALID;
    parallel *pool = calloc(1, sizeof *pool);
    if (!pool) return STATUS_MEMORY;
    pool->helpers = calloc(threads, sizeof *pool->helpers);
    if (!pool->helpers) {
        free(pool);
        return STATUS_MEMORY;
    }
    pool->threads = 1;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);

    /* Signals belong to the main thread: helpers inherit a full mask. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool failed = false;
    for (size_t i = 0; i + 1 < threads && !failed; i++) {
        pool->helpers[i] = (helper){.pool = pool, .number = i + 1};
        failed = pthread_create(&pool->helpers[i].thread, NULL, help, &pool->helpers[i]) != 0;
        if (!failed) pool->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        parallel_destroy(&pool);
        return STATUS_MEMORY;
    }
    *out = pool;
    return STATUS_OK;
}

void parallel_destroy(parallel **workers) {
    parallel *pool = *workers;
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i + 1 < pool->threads; i++) pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->finish);
    pthread_mutex_destroy(&pool->lock);
    free(pool->helpers);
    free(pool);
    *workers = NULL;
}

size_t parallel_threads(const parallel *workers) {
    return workers ? workers->threads : 1;
}

void parallel_for(parallel *workers, size_t tasks, void (*body)(void *argument, size_t task, size_t thread),
                  void *argument) {
    if (!workers || workers->threads == 1 || tasks < 2) {
        for (size_t task = 0; task < tasks; task++) body(argument, task, 0);
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->body = body;
    workers->argument = argument;
    workers->tasks = tasks;
    atomic_store(&workers->next, 0);
    workers->busy = workers->threads - 1;
    workers->job++;
    pthread_cond_broadcast(&workers->start);
    pthread_mutex_unlock(&workers->lock);

    work(workers, 0);

    pthread_mutex_lock(&workers->lock);
    while (workers->busy > 0) pthread_cond_wait(&workers->finish, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}
