/* The pool of compiler processes: started when there is work, each at one task at a time, with a deadline. Whatever
 * happens to one costs its task and nothing else. Each serves one user between its start and its end: what one user's unit may have made
 * of a process never meets another's. */
#pragma once
#include "server/broker/queue.h"
#include <uv.h>

typedef struct Worker Worker;

typedef struct Workers {
    uv_loop_t *loop;
    uv_timer_t backoff;
    const char *path;
    unsigned max, idle_ms, deadline_ms;
    uint64_t memory;
    Worker *list;
    unsigned count, early_deaths, restarts;
    TaskQueue queue;
    uint64_t resident, resident_at; /* bytes, and when they were counted */
    bool have_identity, stopping;
    char why[160]; /* the last early death's reason */
    Key identity;  /* of the compiler: LLVM's version, CPU features; hashed with JITD_ABI_VERSION */
    /* Called when the identity has become known, has changed, or has been found not to be had for now. */
    void (*on_identity)(void *arg);
    void *arg;
} Workers;

int workers_init(Workers *workers, uv_loop_t *loop);
void workers_stop(Workers *workers); /* kills all, fails what is queued; the loop must run on until they are gone */
/* Starts one if the compiler's identity is not known yet. False: it cannot be had for now. */
bool workers_want_identity(Workers *workers);
/* The user's work is about to come: starts one unless one that may do it is idle or starting. */
void workers_prepare(Workers *workers, uint32_t owner);
int workers_submit(Workers *workers, WorkerTask *task);  /* 0 (its finish may have been called already) or -ENOMEM */
bool workers_cancel(Workers *workers, WorkerTask *task); /* true: it was queued and finish will not be called */
void workers_deinit(Workers *workers);                   /* when the loop has run */
uint64_t workers_resident(Workers *workers);             /* bytes */
