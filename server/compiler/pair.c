/* Two pieces of work at the same time: one thread that waits for the second piece; see pair.h. */
#include "server/compiler/pair.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#define PAIR_STACK_SIZE ((size_t)8 << 20) /* as much as a main thread has: LLVM recurses */

static struct {
    bool started;
    sem_t go, done;
    void (*work)(void *arg);
    void *arg;
} pair;

static void pair_wait(sem_t *semaphore) {
    while (sem_wait(semaphore)) /* interrupted */
        ;
}

static void *pair_thread(void *unused) {
    (void)unused;
    sem_post(&pair.done); /* it runs, and has done what a sandbox forbids */
    for (;;) {
        pair_wait(&pair.go);
        pair.work(pair.arg);
        sem_post(&pair.done);
    }
    return NULL;
}

void pair_init(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pair.started || sem_init(&pair.go, 0, 0) || sem_init(&pair.done, 0, 0) || pthread_attr_init(&attributes))
        return;
    pthread_attr_setstacksize(&attributes, PAIR_STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pair.started = pthread_create(&thread, &attributes, pair_thread, NULL) == 0;
    pthread_attr_destroy(&attributes);
    if (pair.started)
        pair_wait(&pair.done);
}

void pair_run(void (*work)(void *arg), void *first, void *second) {
    if (pair.started) {
        pair.work = work;
        pair.arg = second;
        sem_post(&pair.go);
    }
    work(first);
    if (pair.started)
        pair_wait(&pair.done);
    else
        work(second);
}
