/* The pool of compiler processes; see workers.h. A worker is starting until its first message [DONE, 0, {"version", "identity"}],
 * then idle or busy. It is gone when its process was waited for and its pipe has ended (an answer may still be in
 * there). */
#include "server/broker/workers.h"
#include "protocol/abi.h"
#include "server/broker/log.h"
#include "server/broker/stats.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS_EARLY_MAX 3 /* deaths in a row before the first message, until waiting tasks are failed */
#define WORKERS_BACKOFF_MS 100
#define WORKERS_BACKOFF_MAX_MS 10000
#define WORKER_START_MS 10000
#define RESIDENT_MS 100       /* so long what was read of the processes' memory is told again */
#define WORKER_END_MS 1000    /* between the end of its output and its exit, whichever comes first */
#define WORKER_EXIT_MEMORY 12 /* ENOMEM as exit status: it hit its memory limit */

struct Worker {
    Workers *pool;
    uv_process_t process;
    uv_pipe_t in, out; /* its standard input and output */
    uv_timer_t timer;
    unsigned handles; /* not closed yet */
    FrameBuffer buffer;
    Key identity;
    WorkerTask *task; /* it is at, or begins with when it is ready */
    uint64_t task_id, idle_since;
    uint32_t owner; /* whom it serves, */
    bool owned;     /* if it has served anybody */
    bool ready, spawned, exited, ended, gone;
    bool murdered; /* by SIGKILL, and not by us */
    char why[160]; /* it was killed for; empty: it died of its own accord */
    Worker *next, *prev;
};

typedef struct WorkerWrite {
    uv_write_t request;
    MessageWriter message;
} WorkerWrite;

static void workers_pump(Workers *pool);
static void worker_idle(Worker *w);
static void worker_begins(Worker *w);

static bool worker_is_alive(const Worker *w) {
    return !w->why[0] && !w->exited && !w->ended;
}

static unsigned workers_alive(const Workers *pool) {
    unsigned n = 0;
    for (const Worker *w = pool->list; w; w = w->next)
        n += worker_is_alive(w);
    return n;
}

/* ---- the end of a worker ---- */

static void worker_closed(uv_handle_t *handle) {
    Worker *w = handle->data;
    if (--w->handles)
        return;
    frame_buffer_deinit(&w->buffer);
    free(w);
}

static void worker_close(Worker *w) {
    uv_close((uv_handle_t *)&w->process, worker_closed);
    uv_close((uv_handle_t *)&w->in, worker_closed);
    uv_close((uv_handle_t *)&w->out, worker_closed);
    uv_close((uv_handle_t *)&w->timer, worker_closed);
}

static void workers_fail_queue(Workers *pool, const char *why) {
    for (WorkerTask *task; (task = queue_next(&pool->queue));) {
        queue_remove(&pool->queue, task);
        task->finish(task, NULL, STR_NULL, &pool->identity, why);
    }
}

/* That of a task which was begun. */
static void worker_end(Worker *w, WorkerTask *task, const MsgMessage *done, Str frame, const char *failure) {
    queue_end(&w->pool->queue, task, uv_now(w->pool->loop));
    task->finish(task, done, frame, &w->identity, failure);
}

static void workers_backoff_over(uv_timer_t *timer) {
    Workers *pool = timer->data;
    workers_pump(pool);
    if (pool->early_deaths < WORKERS_EARLY_MAX)
        workers_want_identity(pool);
}

/* It died before it said hello: the next one starts later and later. */
static void workers_died_early(Workers *pool, const char *why) {
    unsigned shift = pool->early_deaths < 10 ? pool->early_deaths : 10;
    uint64_t wait = (uint64_t)WORKERS_BACKOFF_MS << shift;
    log_at(LOG_ERROR, "the compiler process does not start: %s", why);
    pool->early_deaths++;
    snprintf(pool->why, sizeof pool->why, "%s", why);
    uv_timer_start(&pool->backoff, workers_backoff_over, wait < WORKERS_BACKOFF_MAX_MS ? wait : WORKERS_BACKOFF_MAX_MS,
                   0);
    if (pool->early_deaths < WORKERS_EARLY_MAX)
        return;
    workers_fail_queue(pool, why);
    if (!pool->have_identity)
        pool->on_identity(pool->arg);
}

/* The task had no part in its end: it did not get it, or was killed by somebody else. The second time it fails. */
static bool worker_was_in_vain(const Worker *w, const WorkerTask *task) {
    return !w->pool->stopping && (!w->ready || (w->murdered && !task->again));
}

static void worker_gone(Worker *w) {
    Workers *pool = w->pool;
    WorkerTask *task = w->task;
    if (w->gone)
        return;
    w->gone = true;
    w->task = NULL;
    DL_DELETE(pool->list, w);
    pool->count--;
    if (task && worker_was_in_vain(w, task)) {
        task->again = task->again || w->ready;
        queue_put_back(&pool->queue, task, uv_now(pool->loop));
    } else if (task) {
        worker_end(w, task, NULL, STR_NULL, w->why);
    }
    if (!w->ready && !pool->stopping)
        workers_died_early(pool, w->why);
    else if (task)
        pool->restarts++;
    worker_close(w);
    if (!pool->stopping)
        workers_pump(pool);
}

static void worker_kill(Worker *w, const char *why) {
    if (!w->why[0])
        snprintf(w->why, sizeof w->why, "%s", why);
    if (w->spawned && !w->exited)
        uv_process_kill(&w->process, SIGKILL);
}

static void worker_overdue(uv_timer_t *timer) {
    Worker *w = timer->data;
    char why[sizeof w->why];
    if (w->exited) {
        worker_gone(w);
        return;
    }
    if (w->ended)
        snprintf(why, sizeof why, "the compiler process closed its output");
    else if (w->task && w->ready)
        snprintf(why, sizeof why, "the compiler process did not finish within its deadline of %g s",
                 w->pool->deadline_ms / 1000.0);
    else
        snprintf(why, sizeof why, "%s",
                 w->ready ? "the compiler process was idle" : "the compiler process did not start in time");
    worker_kill(w, why);
}

static void worker_exited(uv_process_t *process, int64_t status, int signal_) {
    Worker *w = process->data;
    w->exited = true;
    w->murdered = signal_ == SIGKILL && !w->why[0];
    if (w->why[0])
        ;
    else if (signal_)
        snprintf(w->why, sizeof w->why, "the compiler process was killed by signal %d (%s)", signal_,
                 strsignal(signal_));
    else if (status == WORKER_EXIT_MEMORY)
        snprintf(w->why, sizeof w->why, "the compiler process ran out of memory (limit %llu MiB)",
                 (unsigned long long)w->pool->memory >> 20);
    else
        snprintf(w->why, sizeof w->why, "the compiler process exited with status %d", (int)status);
    if (w->ended)
        worker_gone(w);
    else
        uv_timer_start(&w->timer, worker_overdue, WORKER_END_MS, 0);
}

/* ---- what it says ---- */

static void worker_identify(Worker *w, const MsgMessage *m) {
    Workers *pool = w->pool;
    Str text;
    uint64_t version;
    if (m->id || !wire_str(wire_find(&m->body, "identity"), &text) || text.len > 65536) {
        worker_kill(w, "the compiler process did not say who it is");
        return;
    }
    if (!wire_uint(wire_find(&m->body, "version"), UINT32_MAX, &version) || version != PROTOCOL_VERSION) {
        worker_kill(w, "the compiler process is of another version of jitd: restart the daemon");
        return;
    }
    Hash h;
    uint32_t abi = JITD_ABI_VERSION;
    hash_init(&h);
    hash_add(&h, &abi, sizeof abi);
    hash_add_str(&h, text);
    hash_final(&h, &w->identity);
    w->ready = true;
    pool->early_deaths = 0;
    bool news = !pool->have_identity || !key_eq(&pool->identity, &w->identity);
    pool->identity = w->identity;
    pool->have_identity = true;
    worker_begins(w);
    if (news)
        pool->on_identity(pool->arg);
}

static void worker_message(Worker *w, const MsgMessage *m, Str frame) {
    if (m->number != MESSAGE_DONE) {
        worker_kill(w, "the compiler process sent something else than a result");
    } else if (!w->ready) {
        worker_identify(w, m);
    } else if (!w->task || m->id != w->task_id) {
        worker_kill(w, "the compiler process answered what nobody asked");
    } else {
        WorkerTask *task = w->task;
        w->task = NULL;
        worker_idle(w);
        worker_end(w, task, m, frame, NULL);
    }
}

static void worker_frames(Worker *w) {
    Str frame;
    int r = 0;
    while (!w->why[0] && (r = frame_buffer_next(&w->buffer, &frame)) == 1) {
        msgpack_unpacked owner;
        MsgMessage m;
        if (message_read(frame, &owner, &m) == 0)
            worker_message(w, &m, frame);
        else
            worker_kill(w, "the compiler process sent garbage");
        msgpack_unpacked_destroy(&owner);
    }
    if (r < 0)
        worker_kill(w, "the compiler process sent too large a result");
}

static void worker_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    Worker *w = handle->data;
    size_t room;
    (void)suggested;
    if (frame_buffer_reserve(&w->buffer, 16384, &buf->base, &room) < 0)
        room = 0;
    buf->len = room;
}

static void worker_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    Worker *w = stream->data;
    (void)buf;
    if (n > 0) {
        frame_buffer_commit(&w->buffer, (size_t)n);
        worker_frames(w);
        workers_pump(w->pool);
    } else if (n < 0) {
        uv_read_stop(stream);
        w->ended = true;
        if (w->exited)
            worker_gone(w);
        else
            uv_timer_start(&w->timer, worker_overdue, WORKER_END_MS, 0);
    }
}

/* ---- starting one ---- */

static int worker_spawn(Worker *w) {
    char memory[32];
    char *argv[] = {(char *)w->pool->path, "--memory", memory, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&w->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&w->out},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    uv_process_options_t options = {
        .exit_cb = worker_exited, .file = w->pool->path, .args = argv, .stdio_count = 3, .stdio = stdio};
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)w->pool->memory);
    int r = uv_spawn(w->pool->loop, &w->process, &options);
    w->spawned = r == 0;
    return r;
}

/* NULL: it could not be started, and waiting tasks may have failed of it. */
static Worker *workers_start_one(Workers *pool) {
    Worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->pool = pool;
    w->handles = 4;
    uv_pipe_init(pool->loop, &w->in, 0);
    uv_pipe_init(pool->loop, &w->out, 0);
    uv_timer_init(pool->loop, &w->timer);
    w->process.data = w->in.data = w->out.data = w->timer.data = w;
    DL_APPEND(pool->list, w);
    pool->count++;
    int r = worker_spawn(w);
    if (r < 0) {
        snprintf(w->why, sizeof w->why, "%s cannot be started: %s", pool->path, uv_strerror(r));
        worker_gone(w);
        return NULL;
    }
    uv_read_start((uv_stream_t *)&w->out, worker_room, worker_read);
    uv_timer_start(&w->timer, worker_overdue, WORKER_START_MS, 0);
    return w;
}

/* ---- work ---- */

static void worker_written(uv_write_t *request, int status) {
    WorkerWrite *write = (WorkerWrite *)request; /* its first member */
    (void)status;                                /* a dead worker is noticed by its exit */
    message_writer_deinit(&write->message);
    free(write);
}

static int worker_put_job(MessageWriter *m, uint64_t id, const WorkerTask *task) {
    message_writer_init(m);
    message_begin(m, MESSAGE_JOB, id);
    msgpack_pack_map(&m->packer, task->method.ptr ? 3 : 2);
    wire_put_cstr(&m->packer, "unit");
    wire_put_bin(&m->packer, task->unit);
    wire_put_cstr(&m->packer, "what");
    wire_put_cstr(&m->packer, task->what);
    if (task->method.ptr) {
        wire_put_cstr(&m->packer, "method");
        wire_put_str(&m->packer, task->method);
    }
    return message_end(m);
}

/* Writes what it can at once, and lets the rest follow. UV_EPIPE: it is dead, and its exit has not been noticed yet. */
static int worker_write(Worker *w, WorkerWrite *write) {
    uv_buf_t buf = uv_buf_init(write->message.buffer.data, (unsigned)write->message.buffer.size);
    int n = uv_try_write((uv_stream_t *)&w->in, &buf, 1);
    size_t sent = n > 0 ? (size_t)n : 0;
    int r = n < 0 && n != UV_EAGAIN ? n : 0;
    buf = uv_buf_init(buf.base + sent, (unsigned)(buf.len - sent));
    if (r == 0 && buf.len)
        r = uv_write(&write->request, (uv_stream_t *)&w->in, &buf, 1, worker_written);
    if (r < 0 || !buf.len)
        worker_written(&write->request, 0);
    return r;
}

/* It died idle: the task is innocent and goes to another one, but not for ever. */
static void worker_give_back(Worker *w, WorkerTask *task) {
    worker_kill(w, "the compiler process cannot be reached");
    if (task->again) {
        worker_end(w, task, NULL, STR_NULL, w->why);
        return;
    }
    task->again = true;
    queue_put_back(&w->pool->queue, task, uv_now(w->pool->loop));
}

static void worker_give(Worker *w, WorkerTask *task) {
    if (!task->again && stats_is_stopped(w->process.pid)) {
        worker_give_back(w, task);
        return;
    }
    WorkerWrite *write = calloc(1, sizeof *write);
    if (!write || worker_put_job(&write->message, ++w->task_id, task) < 0) {
        if (write)
            message_writer_deinit(&write->message);
        free(write);
        worker_end(w, task, NULL, STR_NULL, "the unit is too large");
        return;
    }
    if (worker_write(w, write) < 0) {
        worker_give_back(w, task);
        return;
    }
    w->task = task;
    uv_timer_start(&w->timer, worker_overdue, w->pool->deadline_ms, 0);
}

/* It waits for work, unless there are more of them than usual. */
static void worker_idle(Worker *w) {
    w->idle_since = uv_now(w->pool->loop);
    if (workers_alive(w->pool) > w->pool->max)
        worker_kill(w, "the compiler process was one too many");
    else
        uv_timer_start(&w->timer, worker_overdue, w->pool->idle_ms, 0);
}

static void worker_begins(Worker *w) {
    WorkerTask *task = w->task;
    w->task = NULL;
    if (task)
        worker_give(w, task);
    if (!w->task && !w->why[0])
        worker_idle(w);
}

static bool worker_is_free(const Worker *w) {
    return !w->task && worker_is_alive(w);
}

static bool worker_may_serve(const Worker *w, uint32_t owner) {
    return worker_is_free(w) && (!w->owned || w->owner == owner);
}

/* A free one for this user: best one that is ready. */
static Worker *workers_free_one(const Workers *pool, uint32_t owner) {
    Worker *best = NULL;
    for (Worker *w = pool->list; w; w = w->next)
        if (worker_may_serve(w, owner) && (!best || w->ready > best->ready))
            best = w;
    return best;
}

static unsigned workers_busy(const Workers *pool) {
    unsigned n = 0;
    for (const Worker *w = pool->list; w; w = w->next)
        n += w->task && worker_is_alive(w);
    return n;
}

static bool workers_may_start(const Workers *pool) {
    return !pool->stopping && !uv_is_active((uv_handle_t *)&pool->backoff);
}

/* The free one that has waited longest, of another user: it makes room for one that may serve this one. */
static void workers_end_a_free_one(const Workers *pool) {
    Worker *oldest = NULL;
    for (Worker *w = pool->list; w; w = w->next)
        if (worker_is_free(w) && (!oldest || w->idle_since < oldest->idle_since))
            oldest = w;
    if (oldest)
        worker_kill(oldest, "the compiler process served another user");
}

static Worker *workers_one_for(Workers *pool, uint32_t owner) {
    Worker *w = workers_free_one(pool, owner);
    if (w || !workers_may_start(pool))
        return w;
    if (workers_alive(pool) >= pool->max)
        workers_end_a_free_one(pool);
    return workers_start_one(pool);
}

/* Whether a further task may be worked on: up to the usual number of processes any, beyond it only what is fair to others. */
static bool workers_admit(const Workers *pool, const WorkerTask *task, bool *ret_extra) {
    unsigned busy = workers_busy(pool);
    *ret_extra = busy >= pool->max;
    return !*ret_extra || (busy < 2 * pool->max && queue_is_light(&pool->queue, task, pool->max, uv_now(pool->loop)));
}

static void worker_assign(Worker *w, WorkerTask *task) {
    w->owner = task->owner;
    w->owned = true;
    if (w->ready)
        worker_give(w, task);
    else
        w->task = task; /* when it is ready */
}

static void workers_pump(Workers *pool) {
    WorkerTask *task;
    Worker *w;
    bool extra;
    while ((task = queue_next(&pool->queue)) && workers_admit(pool, task, &extra) &&
           (w = workers_one_for(pool, task->owner))) {
        queue_begin(&pool->queue, task, extra, uv_now(pool->loop));
        worker_assign(w, task);
    }
}

int workers_submit(Workers *workers, WorkerTask *task) {
    int r = queue_add(&workers->queue, task, uv_now(workers->loop));
    if (r < 0)
        return r;
    if (workers->stopping)
        workers_fail_queue(workers, "the daemon is stopping");
    else if (workers->early_deaths >= WORKERS_EARLY_MAX && uv_is_active((uv_handle_t *)&workers->backoff))
        workers_fail_queue(workers, workers->why);
    else
        workers_pump(workers);
    return 0;
}

bool workers_cancel(Workers *workers, WorkerTask *task) {
    return queue_remove(&workers->queue, task);
}

bool workers_want_identity(Workers *workers) {
    if (!workers->have_identity && !workers->count && workers_may_start(workers))
        workers_start_one(workers);
    return workers->have_identity || workers->early_deaths < WORKERS_EARLY_MAX;
}

void workers_prepare(Workers *workers, uint32_t owner) {
    if (workers_busy(workers) < workers->max)
        workers_one_for(workers, owner);
}

uint64_t workers_resident(Workers *workers) {
    uint64_t bytes = 0, now = uv_now(workers->loop);
    if (workers->resident_at && now - workers->resident_at < RESIDENT_MS)
        return workers->resident;
    for (Worker *w = workers->list; w; w = w->next)
        bytes += stats_resident(w->process.pid);
    workers->resident_at = now;
    workers->resident = bytes;
    return bytes;
}

int workers_init(Workers *workers, uv_loop_t *loop) {
    workers->loop = loop;
    int r = uv_timer_init(loop, &workers->backoff);
    workers->backoff.data = workers;
    return r;
}

void workers_stop(Workers *workers) {
    workers->stopping = true;
    workers_fail_queue(workers, "the daemon is stopping");
    for (Worker *w = workers->list; w; w = w->next)
        worker_kill(w, "the daemon is stopping");
    uv_close((uv_handle_t *)&workers->backoff, NULL);
}

void workers_deinit(Workers *workers) {
    queue_deinit(&workers->queue);
}
