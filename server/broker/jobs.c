/* Jobs and who waits for them; see jobs.h. */
#include "server/broker/jobs.h"
#include <errno.h>

void jobs_content_key(Str unit, uid_t owner, const Key *identity, Key *ret_key) {
    Hash h;
    uint64_t who = owner;
    hash_init(&h);
    hash_add_str(&h, STR("content"));
    hash_add(&h, identity, sizeof *identity);
    hash_add(&h, &who, sizeof who);
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
                             .client = request->client,
                             .finish = job_finish};
    return job;
}

/* A user has half of what the others leave: whoever comes, there is room. */
static bool jobs_has_room(const Jobs *jobs, const JobRequest *request) {
    uint64_t own = 0;
    for (const Job *job = jobs->table; job; job = job->hh.next)
        if (job->task.owner == request->owner)
            own += job->unit_size;
    return own + request->unit.len <= (JOBS_MAX_BYTES - (jobs->bytes - own)) / 2;
}

static bool jobs_has_time(const Jobs *jobs, uint32_t owner) {
    const Workers *w = jobs->workers;
    return !jobs->config || queue_hour_ms(&w->queue, owner, uv_now(w->loop)) <
                                config_limits(jobs->config, owner, STR_NULL).compile_s * 1000;
}

static int job_add_waiter(Job *job, void *peer, uint64_t id) {
    Waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        return -ENOMEM;
    *waiter = (Waiter){.peer = peer, .id = id};
    DL_APPEND(job->waiters, waiter);
    return 0;
}

static int job_start(Jobs *jobs, const JobRequest *request, const Key *key, void *peer, uint64_t id) {
    Job *job = job_new(jobs, request, key);
    if (!job || job_add_waiter(job, peer, id) < 0) {
        if (job)
            job_free(job);
        return -ENOMEM;
    }
    HASH_ADD(hh, jobs->table, key, sizeof job->key, job);
    jobs->bytes += job->unit_size;
    int r = workers_submit(jobs->workers, &job->task);
    if (r < 0) {
        job_remove(job);
        job_free(job);
    }
    return r;
}

int jobs_request(Jobs *jobs, const JobRequest *request, void *peer, uint64_t id) {
    Key key;
    Job *job;
    job_key(request, &key);
    HASH_FIND(hh, jobs->table, &key, sizeof key, job);
    if (job) {
        jobs->joins++;
        return job_add_waiter(job, peer, id);
    }
    if (!jobs_has_room(jobs, request))
        return 1;
    return jobs_has_time(jobs, request->owner) ? job_start(jobs, request, &key, peer, id) : 2;
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
