/* Jobs and who waits for them; see jobs.h. */
#include "server/broker/jobs.h"
#include "base/cleanup.h"
#include <errno.h>

void jobs_content_key(Str unit, const Key *identity, Key *ret_key) {
    Hash h;
    hash_init(&h);
    hash_add_str(&h, STR("content"));
    hash_add(&h, identity, sizeof *identity);
    hash_add_str(&h, unit);
    hash_final(&h, ret_key);
}

static void job_key(const JobRequest *request, Key *ret_key) {
    Hash h;
    hash_init(&h);
    hash_add(&h, request->content, sizeof *request->content);
    hash_add_str(&h, str_from_cstr(request->what));
    hash_add_str(&h, request->method);
    hash_final(&h, ret_key);
}

static void job_free(Job *job) {
    for (Waiter *w, *next = job->waiters; (w = next);) {
        next = w->next;
        free(w);
    }
    free(job->unit);
    free(job->method);
    free(job);
}

/* Out of the table, so that nobody joins it any more. */
static void job_remove(Job *job) {
    HASH_DEL(job->jobs->table, job);
    job->jobs->bytes -= job->unit_size;
}

static void job_finish(WorkerTask *task, const MsgMessage *done, Str frame, const Key *identity, const char *failure) {
    Job *job = (Job *)((char *)task - offsetof(Job, task));
    Jobs *jobs = job->jobs;
    job_remove(job);
    jobs->on_done(jobs->arg, job, done, frame, identity, failure);
    job_free(job);
}

static Job *job_new(Jobs *jobs, const JobRequest *request, const Key *key) {
    Job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    *job = (Job){.key = *key, .content = *request->content, .jobs = jobs, .unit_size = request->unit.len};
    job->dump = strcmp(request->what, "image") != 0;
    strncpy(job->what, request->what, sizeof job->what - 1);
    job->unit = malloc(request->unit.len + 1);
    job->method = request->method.ptr ? strndup(request->method.ptr, request->method.len) : NULL;
    if (!job->unit || (request->method.ptr && !job->method)) {
        job_free(job);
        return NULL;
    }
    memcpy(job->unit, request->unit.ptr, request->unit.len);
    job->task = (WorkerTask){.unit = {job->unit, job->unit_size},
                             .what = job->what,
                             .method = str_from_cstr(job->method),
                             .owner = request->owner,
                             .finish = job_finish};
    return job;
}

int jobs_request(Jobs *jobs, const JobRequest *request, void *peer, uint64_t id) {
    Key key;
    Job *job;
    job_key(request, &key);
    HASH_FIND(hh, jobs->table, &key, sizeof key, job);
    if (!job && jobs->bytes + request->unit.len > JOBS_MAX_BYTES)
        return 1;
    cleanup_free Waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        return -ENOMEM;
    *waiter = (Waiter){.peer = peer, .id = id};
    if (job) {
        Waiter *w = steal_ptr(waiter);
        DL_APPEND(job->waiters, w);
        jobs->joins++;
        return 0;
    }
    if (!(job = job_new(jobs, request, &key)))
        return -ENOMEM;
    Waiter *w = steal_ptr(waiter);
    DL_APPEND(job->waiters, w);
    HASH_ADD(hh, jobs->table, key, sizeof job->key, job);
    jobs->bytes += job->unit_size;
    workers_submit(jobs->workers, &job->task);
    return 0;
}

static void job_forget(Job *job, const void *peer) {
    for (Waiter *w, *next = job->waiters; (w = next);) {
        next = w->next;
        if (w->peer != peer)
            continue;
        DL_DELETE(job->waiters, w);
        free(w);
    }
}

void jobs_forget(Jobs *jobs, const void *peer) {
    for (Job *job, *next = jobs->table; (job = next);) {
        next = job->hh.next;
        job_forget(job, peer);
        if (job->waiters || !workers_cancel(jobs->workers, &job->task))
            continue;
        job_remove(job);
        job_free(job);
    }
}
