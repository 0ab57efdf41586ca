/* The whole broker but its own start: a client's bytes, and what a compiler process answers to the jobs that they make. A frame that
 * says DONE is an answer to the oldest job, everything else comes from the client. Whatever is said, the broker ends clean. */
#include "fuzz.h"
#include "server/broker/broker.h"
#include "server/broker/log.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listener = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size = sizeof(sa_family_t); /* a name of the kernel's choice */

static void listen_once(void) {
    need(log_open("/dev/null") == 0);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    need(listener >= 0 && bind(listener, (struct sockaddr *)&address, address_size) == 0 && listen(listener, 8) == 0);
    address_size = sizeof address;
    need(getsockname(listener, (struct sockaddr *)&address, &address_size) == 0);
}

static void identified(void *arg) {
    (void)arg;
}

static void start(Broker *broker) {
    need(uv_loop_init(&broker->loop) == 0);
    broker->cache = CACHE_NULL;
    broker->state_dir = -1;
    broker->tenants = (Tenants){.segment_size = 1 << 20, .arena_size = ARENA_DEFAULT_SIZE, .arena_quota = 16 << 20};
    broker->workers = (Workers){.path = "", .max = 0, .have_identity = true, .on_identity = identified, .arg = broker};
    broker->jobs = (Jobs){.workers = &broker->workers, .on_done = compile_done, .arg = broker};
    broker->peers.ops = (PeerOps){.message = dispatch_message, .left = dispatch_left, .arg = broker};
    broker->lingers = (Lingers){.loop = &broker->loop, .gone = dispatch_gone, .arg = broker};
    need(workers_init(&broker->workers, &broker->loop) == 0);
    need(peers_init(&broker->peers, &broker->loop, listener) == 0);
}

static void stop(Broker *broker) {
    peers_stop(&broker->peers);
    lingers_stop(&broker->lingers);
    workers_stop(&broker->workers);
    uv_run(&broker->loop, UV_RUN_DEFAULT);
    tenants_deinit(&broker->tenants);
    workers_deinit(&broker->workers);
    need(uv_loop_close(&broker->loop) == 0 && !broker->jobs.table && !broker->jobs.bytes);
}

static void turn(Broker *broker) {
    for (int i = 0; i < 2; i++)
        uv_run(&broker->loop, UV_RUN_NOWAIT);
}

/* As workers.c does when a compiler process has spoken. */
static void answer(Broker *broker, const MsgMessage *m, Str frame) {
    WorkerTask *task = queue_next(&broker->workers.queue);
    queue_remove(&broker->workers.queue, task);
    task->finish(task, m, frame, &broker->workers.identity, NULL);
}

static bool is_answer(Str frame, msgpack_unpacked *owner, MsgMessage *m) {
    return message_read(frame, owner, m) == 0 && m->number == MESSAGE_DONE;
}

static void hear(int client) {
    static char bytes[1 << 16];
    int fds[FDPASS_MAX];
    size_t nfds = 0;
    while (fdpass_recv(client, bytes, sizeof bytes, fds, &nfds, MSG_DONTWAIT) > 0)
        while (nfds)
            close(fds[--nfds]);
}

static void say(Broker *broker, int client, const uint8_t *data, size_t size) {
    if (size && send(client, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
    turn(broker);
    hear(client);
}

/* The next frame's size with its header; all that is left when it is none. */
static size_t next(const uint8_t *data, size_t size) {
    uint32_t body;
    if (size < FRAME_HEADER)
        return size;
    body = frame_get_header((const char *)data);
    return body < size - FRAME_HEADER ? body + FRAME_HEADER : size;
}

static void talk(Broker *broker, int client, const uint8_t *data, size_t size) {
    for (size_t n; size; data += n, size -= n) {
        msgpack_unpacked owner;
        MsgMessage m;
        n = next(data, size);
        Str frame = {(const char *)data + FRAME_HEADER, n < FRAME_HEADER ? 0 : n - FRAME_HEADER};
        msgpack_unpacked_init(&owner);
        if (broker->workers.queue.count && is_answer(frame, &owner, &m))
            answer(broker, &m, frame);
        else
            say(broker, client, data, n);
        msgpack_unpacked_destroy(&owner);
    }
    turn(broker);
    hear(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Broker broker;
    if (listener < 0)
        listen_once();
    broker = (Broker){0};
    start(&broker);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(client >= 0 && connect(client, (struct sockaddr *)&address, address_size) == 0);
    turn(&broker);
    talk(&broker, client, data, size);
    close(client);
    turn(&broker);
    stop(&broker);
    return 0;
}
