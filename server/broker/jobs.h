/* Single flight: equal requests, of whatever peers, share one job. */
#pragma once
#include "server/broker/config.h"
#include "server/broker/workers.h"

#define JOBS_MAX_BYTES                                                                                                 \
    ((uint64_t)128 << 20) /* of units waiting or in work; of a user's half of what the others leave */

typedef struct Waiter {
    void *peer;
    uint64_t id; /* of its request */
    struct Waiter *next, *prev;
} Waiter;

typedef struct Jobs Jobs;

typedef struct Job {
    Key key;     /* of everything that makes requests equal */
    Key content; /* of the unit */
    bool dump;
    char *unit; /* owned */
    size_t unit_size;
    char what[16];
    char *method; /* owned; NULL: none */
    Waiter *waiters;
    Jobs *jobs;
    WorkerTask task;
    UT_hash_handle hh;
} Job;

struct Jobs {
    Job *table;
    Workers *workers;
    const Config *config; /* NULL: everybody may compile as long as it wants */
    uint64_t bytes, joins;
    /* Called once per job, for its waiters; as WorkerTask.finish. */
    void (*on_done)(void *arg, Job *job, const MsgMessage *done, Str frame, const Key *identity, const char *failure);
    void *arg;
};

/* What equal units have in common: their bytes, their user and the compiler's identity. So no user is given what another one's
 * compiler process made. */
void jobs_content_key(Str unit, uid_t owner, const Key *identity, Key *ret_key);

typedef struct JobRequest {
    Str unit;
    const Key *content;
    const char *what; /* "image", or what to dump; at most 15 bytes */
    Str method;
    uint32_t owner, client; /* as WorkerTask's */
} JobRequest;

/* Joins or starts the job, which may end at once. 0; 1: too much of this user's is waiting; 2: it has had its time of this hour; -ENOMEM. */
int jobs_request(Jobs *jobs, const JobRequest *request, void *peer, uint64_t id);
/* The peer has gone: nobody is told in its place. A job that nobody waits for is dropped if it has not begun. */
void jobs_forget(Jobs *jobs, const void *peer);
