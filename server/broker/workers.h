/* The pool of compiler processes: started when there is work, each at one task at a time, with a deadline. Whatever
 * happens to one costs its task and nothing else. */
#pragma once
#include "base/hash.h"
#include "protocol/messages.h"
#include <uv.h>

typedef struct WorkerTask WorkerTask;
struct WorkerTask {
    Str unit;         /* all three live as long as the task */
    const char *what; /* "image", or what to dump */
    Str method;       /* narrows a dump; STR_NULL: not */
    uint32_t owner;   /* whose it is: those who wait take turns */
    /* Called once. done is the compiler's answer and frame its bytes, or NULL when there is none: failure says why.
     * identity is that of the compiler process which worked on it. */
    void (*finish)(WorkerTask *task, const MsgMessage *done, Str frame, const Key *identity, const char *failure);
    bool again; /* it is the second try: the first compiler process was dead, stopped, or killed by somebody else */
    uint64_t turn;
    WorkerTask *next, *prev;
};

typedef struct Worker Worker;

typedef struct Workers {
    uv_loop_t *loop;
    uv_timer_t backoff;
    const char *path;
    unsigned max, idle_ms, deadline_ms;
    uint64_t memory;
    Worker *list;
    unsigned count, early_deaths, restarts;
    WorkerTask *queue;
    unsigned queued;
    uint64_t turn;                  /* that of the task begun last */
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
void workers_prepare(Workers *workers); /* work is about to come: starts one unless one is idle or starting */
void workers_submit(Workers *workers, WorkerTask *task);
bool workers_cancel(Workers *workers, WorkerTask *task); /* true: it was queued and finish will not be called */
uint64_t workers_resident(Workers *workers);             /* bytes */
