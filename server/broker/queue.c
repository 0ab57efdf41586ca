/* Fair queueing of units; see queue.h. A share is charged when its task ends, and a millisecond when it begins: those who begin at the same
 * time take turns. */
#include "server/broker/queue.h"
#include <errno.h>
#include <stdlib.h>

#define HOUR_MS ((uint64_t)3600 * 1000)
#define SHARES_MANY 1024 /* from which on those are looked for that nobody needs any more */

/* ---- shares ---- */

static uint64_t share_left(const Share *s, uint64_t now) {
    uint64_t drained = (now - s->of_late_at) / QUEUE_DRAIN;
    return s->of_late > drained ? s->of_late - drained : 0;
}

/* With what its running tasks have taken until now. */
static uint64_t share_of_late(const Share *s, uint64_t now) {
    return share_left(s, now) + s->running * now - s->begun;
}

static bool share_is_needed(const TaskQueue *queue, const Share *s, uint64_t now) {
    return s->tasks || s->had > queue->had || share_of_late(s, now) || (s->hour_ms && s->hour == now / HOUR_MS);
}

static void share_free(TaskQueue *queue, Share *s) {
    HASH_DEL(queue->shares, s);
    free(s);
}

/* First those that say nothing any more. If there are as many still, the one that was used longest ago: so they stay this many, and what
 * is forgotten is the use of one process among a thousand. */
static void shares_make_room(TaskQueue *queue, uint64_t now) {
    Share *oldest = NULL;
    if (HASH_COUNT(queue->shares) < SHARES_MANY)
        return;
    for (Share *s, *next = queue->shares; (s = next);) {
        next = s->hh.next;
        if (!share_is_needed(queue, s, now))
            share_free(queue, s);
        else if (!s->tasks && (!oldest || s->used_at < oldest->used_at))
            oldest = s;
    }
    if (oldest && HASH_COUNT(queue->shares) >= SHARES_MANY)
        share_free(queue, oldest);
}

static Share *share_find(const TaskQueue *queue, uint32_t user, uint32_t client) {
    ShareKey key = {user, client};
    Share *s;
    HASH_FIND(hh, queue->shares, &key, sizeof key, s);
    return s;
}

static Share *share_get(TaskQueue *queue, uint32_t user, uint32_t client, uint64_t now) {
    Share *s = share_find(queue, user, client);
    if (s)
        return s;
    shares_make_room(queue, now);
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (Share){.key = {user, client}, .of_late_at = now, .used_at = now};
    HASH_ADD(hh, queue->shares, key, sizeof s->key, s);
    return s;
}

static void share_charge(Share *s, uint64_t ms, uint64_t now) {
    uint64_t hour = now / HOUR_MS;
    s->had += ms;
    uint64_t of_late = share_left(s, now) + ms;
    s->of_late = of_late < QUEUE_OF_LATE_MS ? of_late : QUEUE_OF_LATE_MS;
    s->of_late_at = s->used_at = now;
    s->hour_ms = (s->hour == hour ? s->hour_ms : 0) + ms;
    s->hour = hour;
}

uint64_t queue_hour_ms(const TaskQueue *queue, uint32_t user, uint64_t now) {
    const Share *s = share_find(queue, user, 0);
    return s && s->hour == now / HOUR_MS ? s->hour_ms : 0;
}

/* ---- waiting ---- */

/* Who did not want anything has saved up nothing. */
static void share_comes_back(Share *s, uint64_t least) {
    if (!s->tasks && s->had < least)
        s->had = least;
    s->tasks++;
}

/* Of the user's processes that have something to do, what the one with the least had. */
static uint64_t least_of_clients(const TaskQueue *queue, uint32_t user, uint64_t otherwise) {
    uint64_t least = UINT64_MAX;
    for (const Share *s = queue->shares; s; s = s->hh.next)
        if (s->key.user == user && s->key.client && s->tasks && s->had < least)
            least = s->had;
    return least == UINT64_MAX ? otherwise : least;
}

static void queue_put(TaskQueue *queue, WorkerTask *task) {
    DL_APPEND(queue->waiting, task);
    queue->count++;
}

int queue_add(TaskQueue *queue, WorkerTask *task, uint64_t now) {
    Share *user = share_get(queue, task->owner, 0, now);
    if (user)
        share_comes_back(user, queue->had); /* before the next line, which could forget it */
    Share *client = user ? share_get(queue, task->owner, task->client ? task->client : 1, now) : NULL;
    if (!client) {
        if (user)
            user->tasks--;
        return -ENOMEM;
    }
    share_comes_back(client, least_of_clients(queue, task->owner, 0));
    task->shares[0] = user;
    task->shares[1] = client;
    queue_put(queue, task);
    return 0;
}

static void task_leaves(WorkerTask *task) {
    for (int i = 0; i < 2; i++)
        task->shares[i]->tasks--;
}

static void take_out(TaskQueue *queue, WorkerTask *task) {
    DL_DELETE(queue->waiting, task);
    queue->count--;
}

bool queue_remove(TaskQueue *queue, WorkerTask *task) {
    for (WorkerTask *t = queue->waiting; t; t = t->next) {
        if (t != task)
            continue;
        take_out(queue, task);
        task_leaves(task);
        return true;
    }
    return false;
}

/* A newcomer begins with as much as the one that was begun last: with equals it is before them. */
static bool is_sooner(const WorkerTask *a, const WorkerTask *b) {
    if (a->first != b->first)
        return a->first;
    int i = a->shares[0] == b->shares[0];
    const Share *x = a->shares[i], *y = b->shares[i];
    return x->had != y->had ? x->had < y->had : x->of_late < y->of_late;
}

WorkerTask *queue_next(const TaskQueue *queue) {
    WorkerTask *best = queue->waiting;
    for (WorkerTask *t = best; t; t = t->next)
        if (is_sooner(t, best))
            best = t;
    return best;
}

/* ---- running ---- */

/* Of the processes that are compiled for. */
static uint64_t least_of_late_running(const TaskQueue *queue, uint64_t now) {
    uint64_t least = UINT64_MAX;
    for (const Share *s = queue->shares; s; s = s->hh.next)
        if (s->key.client && s->running && share_of_late(s, now) < least)
            least = share_of_late(s, now);
    return least == UINT64_MAX ? 0 : least;
}

bool queue_is_light(const TaskQueue *queue, const WorkerTask *task, unsigned most, uint64_t now) {
    const Share *user = task->shares[0], *client = task->shares[1];
    uint64_t had = share_of_late(client, now);
    return !client->running && user->extra < (most > 1 ? most / 2 : 1) &&
           (had < QUEUE_LIGHT_MS || had < least_of_late_running(queue, now) / QUEUE_LIGHT_PART);
}

void queue_begin(TaskQueue *queue, WorkerTask *task, bool extra, uint64_t now) {
    take_out(queue, task);
    queue->had = task->shares[0]->had;
    task->first = false;
    task->extra = extra;
    task->begun = now;
    for (int i = 0; i < 2; i++) {
        Share *s = task->shares[i];
        share_charge(s, 1, now);
        s->running++;
        s->begun += now;
        s->extra += extra;
    }
}

static void stop_running(WorkerTask *task, uint64_t now) {
    for (int i = 0; i < 2; i++) {
        Share *s = task->shares[i];
        s->running--;
        s->begun -= task->begun;
        s->extra -= task->extra;
        share_charge(s, now - task->begun, now);
    }
}

void queue_end(TaskQueue *queue, WorkerTask *task, uint64_t now) {
    (void)queue;
    stop_running(task, now);
    task_leaves(task);
}

void queue_put_back(TaskQueue *queue, WorkerTask *task, uint64_t now) {
    stop_running(task, now);
    task->first = true;
    queue_put(queue, task);
}

void queue_deinit(TaskQueue *queue) {
    while (queue->shares)
        share_free(queue, queue->shares);
}
