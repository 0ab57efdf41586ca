/* What waits for a compiler process, and whose turn it is. Every user has a share, and within it every process of that user: who has
 * had the least of the compilers' time is next, a newcomer before all who are at it already. What somebody had does not count for ever:
 * nobody comes in with less than those who wait just now. */
#pragma once
#include "base/hash.h"
#include "protocol/messages.h"
#include "server/broker/map.h"
#include <stdbool.h>

#define QUEUE_LIGHT_MS 1000    /* who had less of late may have a compiler process beyond the usual number, */
#define QUEUE_LIGHT_PART 2     /* and who had less than this part of what each has had that is compiled for just now */
#define QUEUE_DRAIN 16         /* a sixteenth of the time may be compiled in without its being held against anybody */
#define QUEUE_OF_LATE_MS 60000 /* more is not held against anybody, either */

typedef struct ShareKey {
    uint32_t user, client; /* client 0: the user with all of its processes */
} ShareKey;

typedef struct Share {
    ShareKey key;
    uint64_t had;                 /* ms of compiling, on one scale for all: the least is next */
    uint64_t of_late, of_late_at; /* ms, less what has drained until then */
    uint64_t hour, hour_ms;       /* ms of compiling in that hour of the clock */
    uint64_t used_at;
    uint64_t begun;          /* the sum of the times at which its running tasks began */
    unsigned tasks;          /* waiting or running */
    unsigned running, extra; /* extra: beyond the usual number of compiler processes */
    UT_hash_handle hh;
} Share;

typedef struct WorkerTask WorkerTask;
struct WorkerTask {
    Str unit;         /* all three live as long as the task */
    const char *what; /* "image", or what to dump */
    Str method;       /* narrows a dump; STR_NULL: not */
    uint32_t owner;   /* whose it is, */
    uint32_t client;  /* and of which of its processes */
    /* Called once. done is the compiler's answer and frame its bytes, or NULL when there is none: failure says why.
     * identity is that of the compiler process which worked on it. */
    void (*finish)(WorkerTask *task, const MsgMessage *done, Str frame, const Key *identity, const char *failure);
    bool again; /* it is the second try: the first compiler process was dead, stopped, or killed by somebody else */
    /* queue.c's: */
    bool first; /* it has waited already */
    bool extra;
    uint64_t begun;
    Share *shares[2]; /* its user's and its process's */
    WorkerTask *next, *prev;
};

typedef struct TaskQueue {
    WorkerTask *waiting; /* in the order they came */
    unsigned count;
    Share *shares;
    uint64_t had; /* of the user whose task was begun last, before it */
} TaskQueue;

/* now: ms of one clock. 0 or -ENOMEM. */
int queue_add(TaskQueue *queue, WorkerTask *task, uint64_t now);
bool queue_remove(TaskQueue *queue, WorkerTask *task); /* false: it does not wait */
WorkerTask *queue_next(const TaskQueue *queue);        /* NULL: none waits */
/* Its process did not use the compilers much of late, and none of them works for it: it may have one of at most `most` more. */
bool queue_is_light(const TaskQueue *queue, const WorkerTask *task, unsigned most, uint64_t now);
void queue_begin(TaskQueue *queue, WorkerTask *task, bool extra, uint64_t now); /* waits no more */
void queue_end(TaskQueue *queue, WorkerTask *task, uint64_t now);
void queue_put_back(TaskQueue *queue, WorkerTask *task, uint64_t now);       /* it was begun in vain: it is next */
uint64_t queue_hour_ms(const TaskQueue *queue, uint32_t user, uint64_t now); /* what the user had in this hour */
void queue_deinit(TaskQueue *queue);
