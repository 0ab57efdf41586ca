/* Requests against a broker of this test's own, on a real socket: matching of ids, nesting, events, time-outs, lies. */
#include "base/cleanup.h"
#include "client/lib/client.h"
#include "protocol/fdpass.h"
#include "protocol/messages.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- the broker: a thread that says hello and then does what the test's script says ---- */

typedef struct Broker {
    char dir[64], path[80];
    int listener, peer;
    void (*script)(struct Broker *);
    pthread_t thread;
    FrameBuffer in;
    uint64_t id; /* of the request read last */
    int number;
    int version;
} Broker;

static bool broker_read(Broker *b) {
    Str frame;
    int r;
    while ((r = frame_buffer_next(&b->in, &frame)) == 0) {
        char bytes[65536];
        ssize_t n = read(b->peer, bytes, sizeof bytes);
        if (n <= 0)
            return false;
        frame_buffer_add(&b->in, bytes, (size_t)n);
    }
    msgpack_unpacked owner;
    MsgMessage m;
    r = r == 1 ? message_read(frame, &owner, &m) : -1;
    if (r != 0)
        return false;
    b->id = m.id;
    b->number = m.number;
    msgpack_unpacked_destroy(&owner);
    return true;
}

/* One frame: {"value": value}, or with "code" and "message" for ERROR. Its bytes, to be freed. */
static Str frame_of(int number, uint64_t id, int value) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, number, id);
    msgpack_pack_map(&w.packer, number == MESSAGE_ERROR ? 2 : 1);
    if (number == MESSAGE_ERROR) {
        wire_put_cstr(&w.packer, "code"), wire_put_cstr(&w.packer, "busy");
        wire_put_cstr(&w.packer, "message"), wire_put_cstr(&w.packer, "come back later");
    } else {
        wire_put_cstr(&w.packer, number == MESSAGE_HELLO ? "version" : "value");
        msgpack_pack_int(&w.packer, value);
    }
    if (message_end(&w) != 0)
        abort();
    Str s = {malloc(w.buffer.size), w.buffer.size};
    memcpy((char *)(uintptr_t)s.ptr, w.buffer.data, s.len);
    message_writer_deinit(&w);
    return s;
}

static void broker_send(Broker *b, int number, uint64_t id, int value) {
    Str s = frame_of(number, id, value);
    ssize_t n = send(b->peer, s.ptr, s.len, MSG_NOSIGNAL);
    if (n != (ssize_t)s.len && errno != EPIPE && errno != ECONNRESET) /* a client that has its answer may leave */
        abort();
    free((char *)(uintptr_t)s.ptr);
}

static void broker_send_hello(Broker *b) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, b->id);
    msgpack_pack_map(&w.packer, 1);
    wire_put_cstr(&w.packer, "version");
    msgpack_pack_int(&w.packer, b->version);
    message_end(&w);
    if (write(b->peer, w.buffer.data, w.buffer.size) < 0)
        abort();
    message_writer_deinit(&w);
}

static void *broker_run(void *arg) {
    Broker *b = arg;
    b->peer = accept(b->listener, NULL, NULL);
    if (b->peer >= 0 && broker_read(b) && b->number == MESSAGE_HELLO) {
        broker_send_hello(b);
        if (b->script)
            b->script(b);
    }
    if (b->peer >= 0)
        close(b->peer);
    return NULL;
}

static Broker broker = {.version = PROTOCOL_VERSION};

static void broker_start(void (*script)(Broker *)) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(broker.dir, "/tmp/jitd-test-XXXXXX");
    cr_assert(mkdtemp(broker.dir));
    snprintf(broker.path, sizeof broker.path, "%s/s", broker.dir);
    strcpy(address.sun_path, broker.path);
    broker.script = script;
    broker.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(broker.listener, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(broker.listener, 4) == 0);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the client's thread */
    cr_assert_eq(pthread_create(&broker.thread, NULL, broker_run, &broker), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void broker_stop(void) {
    pthread_join(broker.thread, NULL);
    frame_buffer_deinit(&broker.in);
    close(broker.listener);
    unlink(broker.path);
    rmdir(broker.dir);
}

static const char *next_body; /* of a STATS that is posted with the hello */

static int try_open(int (*interrupted)(void *), Client **ret_client, char error[256]) {
    ClientOptions options = {.socket = broker.path,
                             .observe = 1,
                             .interrupted = interrupted,
                             .interrupted_arg = ret_client,
                             .next_message = next_body ? MESSAGE_STATS : 0,
                             .next_body = next_body,
                             .next_size = next_body ? strlen(next_body) : 0};
    return client_open(&options, ret_client, error, 256);
}

static Client *client;

static void open_with(void (*script)(Broker *), int (*interrupted)(void *)) {
    char error[256];
    broker_start(script);
    cr_assert_eq(try_open(interrupted, &client, error), 0, "%s", error);
}

static void finish(void) {
    client_close(client);
    broker_stop();
}

/* A request with an empty map: what client_request returned, and the answer's value. */
static int ask(int timeout_ms, int *ret_value) {
    msgpack_unpacked owner;
    msgpack_object body;
    ClientError error = {.code = ""};
    int r = client_request(client, MESSAGE_STATS, "\x80", 1, timeout_ms, &owner, &body, &error);
    if (r == 0) {
        int64_t value = -1;
        wire_int(wire_find(&body, "value"), 0, 1 << 30, &value);
        *ret_value = (int)value;
        msgpack_unpacked_destroy(&owner);
    }
    if (r == 1)
        cr_assert(!strcmp(error.code, "busy") && !strcmp(error.message, "come back later"));
    return r;
}

static int count_fds(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* ---- threads, whose lock is this mutex ---- */

static pthread_mutex_t callers = PTHREAD_MUTEX_INITIALIZER;

static void unlock_callers(void *arg, ClientPause *ret_pause) {
    *ret_pause = (ClientPause){.state = arg, .depth = 7};
    pthread_mutex_unlock(&callers);
}

static void lock_callers(void *arg, const ClientPause *pause) {
    pthread_mutex_lock(&callers);
    cr_assert(pause->state == arg && pause->depth == 7);
}

static void open_for_threads(void (*script)(Broker *)) {
    char error[256];
    broker_start(script);
    ClientOptions options = {
        .socket = broker.path, .observe = 1, .unlock = unlock_callers, .lock = lock_callers, .lock_arg = &callers};
    pthread_mutex_lock(&callers);
    cr_assert_eq(client_open(&options, &client, error, sizeof error), 0, "%s", error);
    pthread_mutex_unlock(&callers);
}

#define N_THREADS 6
#define BIG (4 << 20)

typedef struct Caller {
    pthread_t thread;
    int number;  /* of its requests, and what they are to be answered with */
    size_t body; /* bytes */
    int times, right, failed;
} Caller;

/* A map with one long string. */
static char *long_body(size_t size) {
    char *body = calloc(1, size);
    memcpy(body, "\x81\xa1x\xdb", 4);
    for (int i = 0; i < 4; i++)
        body[4 + i] = (char)((size - 8) >> (24 - 8 * i));
    return body;
}

static void *call(void *arg) {
    Caller *c = arg;
    msgpack_unpacked owner;
    msgpack_object answer;
    char *body = c->body ? long_body(c->body) : NULL;
    pthread_mutex_lock(&callers);
    for (int i = 0; i < c->times; i++) {
        int64_t value = -1;
        int r = client_request(client, c->number, body ? body : "\x80", body ? c->body : 1, -1, &owner, &answer, NULL);
        c->failed += r < 0;
        if (r != 0)
            continue;
        c->right += wire_int(wire_find(&answer, "value"), 0, 1 << 30, &value) && value == c->number;
        msgpack_unpacked_destroy(&owner);
    }
    pthread_mutex_unlock(&callers);
    free(body);
    return NULL;
}

static void call_together(Caller *all, int times, size_t body) {
    for (int i = 0; i < N_THREADS; i++) {
        all[i] = (Caller){.number = MESSAGE_LOOKUP + i, .times = times, .body = body};
        cr_assert_eq(pthread_create(&all[i].thread, NULL, call, &all[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(all[i].thread, NULL);
}

/* ---- scripts and tests ---- */

static void answers_backwards(Broker *b) {
    uint64_t ids[N_THREADS];
    int numbers[N_THREADS];
    for (;;) {
        for (int i = 0; i < N_THREADS; i++) { /* all of them wait at once, or this waits for ever */
            if (!broker_read(b))
                return;
            ids[i] = b->id, numbers[i] = b->number;
        }
        for (int i = N_THREADS; i-- > 0;)
            broker_send(b, MESSAGE_REPLY, ids[i], numbers[i]);
    }
}

static void answers_slowly(Broker *b) {
    do
        usleep(20000); /* the socket's buffer is full meanwhile, in the middle of somebody's frame */
    while (broker_read(b) && (broker_send(b, MESSAGE_REPLY, b->id, b->number), true));
}

static void leaves_many(Broker *b) {
    for (int i = 0; i < N_THREADS; i++)
        broker_read(b);
}

Test(request, threads_wait_side_by_side) {
    Caller all[N_THREADS];
    int before = count_fds();
    open_for_threads(answers_backwards);
    call_together(all, 200, 0);
    for (int i = 0; i < N_THREADS; i++)
        cr_assert_eq(all[i].right, 200);
    finish();
    cr_assert_eq(count_fds(), before);
}

Test(request, frames_of_threads_are_not_torn) {
    Caller all[N_THREADS];
    open_for_threads(answers_slowly);
    call_together(all, 2, BIG);
    for (int i = 0; i < N_THREADS; i++)
        cr_assert_eq(all[i].right, 2);
    finish();
}

Test(request, all_threads_hear_that_the_broker_left) {
    Caller all[N_THREADS];
    int before = count_fds();
    open_for_threads(leaves_many);
    call_together(all, 2, 0);
    for (int i = 0; i < N_THREADS; i++)
        cr_assert(all[i].failed == 2 && !all[i].right);
    finish();
    cr_assert_eq(count_fds(), before);
}

static void answers(Broker *b) {
    for (int i = 1; broker_read(b); i++)
        broker_send(b, MESSAGE_REPLY, b->id, i);
}

Test(request, answer_comes_back) {
    int before = count_fds(), value = 0;
    open_with(answers, NULL);
    for (int i = 1; i <= 100; i++)
        cr_assert(ask(-1, &value) == 0 && value == i);
    finish();
    cr_assert_eq(count_fds(), before);
}

static void noisy(Broker *b);
static void refuses(Broker *b);
static void leaves(Broker *b);

Test(request, posted_is_answered_once) {
    int before = count_fds(), value = 0;
    next_body = "\x80";
    open_with(answers, NULL);
    for (int i = 1; i <= 3; i++) /* the first is the posted one: else it would be the second */
        cr_assert(ask(-1, &value) == 0 && value == i);
    finish();
    cr_assert_eq(count_fds(), before);
}

Test(request, posted_is_of_one_body) {
    int value = 0;
    next_body = "\x81\xa1x\x01";
    open_with(answers, NULL);
    cr_assert(ask(-1, &value) == 0 && value == 2);
    finish(); /* the posted one is never asked for */
}

Test(request, events_come_before_the_posted) {
    int value = 0;
    next_body = "\x80";
    open_with(noisy, NULL);
    for (int i = 0; i < 3; i++)
        cr_assert(ask(-1, &value) == 0 && value == 42);
    finish();
}

Test(request, posted_may_be_refused) {
    int value;
    next_body = "\x80";
    open_with(refuses, NULL);
    cr_assert_eq(ask(-1, &value), 1);
    cr_assert_eq(ask(-1, &value), 1);
    finish();
}

Test(request, posted_is_lost_with_the_broker) {
    int value, r;
    next_body = "\x80";
    open_with(leaves, NULL);
    r = ask(-1, &value);
    cr_assert(r == -ECONNRESET || r == -EPIPE, "%d", r);
    cr_assert_eq(ask(-1, &value), -ENOTCONN);
    finish();
}

/* Events and answers that nobody waits for come first. */
static void noisy(Broker *b) {
    while (broker_read(b)) {
        broker_send(b, MESSAGE_DEATH, 0, 3);
        broker_send(b, 90, 0, 1); /* an event of a later version */
        broker_send(b, MESSAGE_REPLY, b->id + 1000, 1);
        broker_send(b, MESSAGE_ERROR, b->id + 7, 1);
        broker_send(b, MESSAGE_REPLY, b->id, 42);
        broker_send(b, MESSAGE_REPLY, b->id, 43); /* twice */
    }
}

Test(request, other_frames_are_not_mistaken_for_it) {
    int value = 0;
    open_with(noisy, NULL);
    for (int i = 0; i < 10; i++)
        cr_assert(ask(-1, &value) == 0 && value == 42);
    finish();
}

static void refuses(Broker *b) {
    while (broker_read(b))
        broker_send(b, MESSAGE_ERROR, b->id, 0);
}

Test(request, error_has_code_and_message) {
    int value;
    open_with(refuses, NULL);
    cr_assert_eq(ask(-1, &value), 1);
    cr_assert_eq(ask(-1, &value), 1);
    finish();
}

static void late(Broker *b) {
    broker_read(b);
    uint64_t first = b->id;
    broker_read(b);
    broker_send(b, MESSAGE_REPLY, first, 1);
    broker_send(b, MESSAGE_REPLY, b->id, 2);
    broker_read(b);
}

Test(request, times_out_and_goes_on) {
    int value = 0;
    open_with(late, NULL);
    cr_assert_eq(client_silent(client), 0);
    cr_assert_eq(ask(30, &value), -ETIMEDOUT);
    cr_assert(client_connected(client));
    cr_assert_eq(client_silent(client), 1);
    cr_assert(ask(-1, &value) == 0 && value == 2);
    cr_assert_eq(client_silent(client), 0);
    finish();
}

static void leaves(Broker *b) {
    broker_read(b);
}

Test(request, broker_that_leaves) {
    int value, r;
    open_with(leaves, NULL);
    r = ask(-1, &value);
    cr_assert(r == -ECONNRESET || r == -EPIPE, "%d", r);
    cr_assert(!client_connected(client) && client_usable(client));
    cr_assert_eq(ask(-1, &value), -ENOTCONN);
    cr_assert_eq(client_request_fd(client), -1);
    finish();
}

static void dribbles(Broker *b) {
    while (broker_read(b)) {
        Str s = frame_of(MESSAGE_REPLY, b->id, 7);
        for (size_t i = 0; i < s.len; i++) {
            usleep(200);
            if (write(b->peer, s.ptr + i, 1) != 1)
                abort();
        }
        free((char *)(uintptr_t)s.ptr);
    }
}

Test(request, frame_in_pieces) {
    int value = 0;
    open_with(dribbles, NULL);
    cr_assert(ask(-1, &value) == 0 && value == 7);
    finish();
}

static const char *lie;
static size_t lie_size;

static void lies(Broker *b) {
    broker_read(b);
    if (write(b->peer, lie, lie_size) < 0)
        abort();
    broker_read(b);
}

#define LIE(name, bytes)                                                                                               \
    Test(request, name) {                                                                                              \
        int value;                                                                                                     \
        lie = bytes, lie_size = sizeof(bytes) - 1;                                                                     \
        open_with(lies, NULL);                                                                                         \
        int r = ask(60000, &value);                                                                                    \
        cr_assert(r == -EPROTO || r == -EMSGSIZE, "%d", r);                                                            \
        cr_assert(!client_connected(client));                                                                          \
        finish();                                                                                                      \
    }

LIE(lie_4_gigabytes, "\xff\xff\xff\xff\x93")
LIE(lie_no_array, "\x01\x00\x00\x00\xc0")
LIE(lie_empty_frame, "\x00\x00\x00\x00")
LIE(lie_truncated_msgpack, "\x04\x00\x00\x00\x93\x40\x01\xde")
LIE(lie_billions_of_elements, "\x08\x00\x00\x00\x93\x40\x01\xdf\xff\xff\xff\xff")
LIE(lie_segment_without_fd, "\x05\x00\x00\x00\x93\x42\x00\x80\xc0")

static void segment_event(Broker *b) {
    int fd = memfd_create("segment", MFD_CLOEXEC);
    MessageWriter w;
    broker_read(b);
    message_writer_init(&w);
    message_begin(&w, MESSAGE_SEGMENT, 0);
    msgpack_pack_map(&w.packer, 2);
    wire_put_cstr(&w.packer, "offset"), msgpack_pack_int(&w.packer, 65536);
    wire_put_cstr(&w.packer, "size"), msgpack_pack_int(&w.packer, 65536);
    message_end(&w);
    if (fdpass_send(b->peer, w.buffer.data, w.buffer.size, &fd, 1, 0) < 0)
        abort();
    message_writer_deinit(&w);
    close(fd);
    broker_send(b, MESSAGE_REPLY, b->id, 5);
    broker_read(b);
}

Test(request, observer_keeps_no_segment) {
    int before = count_fds(), value = 0;
    open_with(segment_event, NULL);
    cr_assert(ask(-1, &value) == 0 && value == 5);
    finish();
    cr_assert_eq(count_fds(), before);
}

/* A signal handler that makes a request of its own; the outer one's answer comes while the inner one waits. */
static int nested_value, signals;

static int nested(void *arg) {
    (void)arg;
    if (signals++ == 0)
        cr_assert_eq(ask(-1, &nested_value), 0);
    return 0;
}

static void outer_first(Broker *b) {
    broker_read(b);
    uint64_t outer = b->id;
    broker_read(b);
    broker_send(b, MESSAGE_REPLY, outer, 1);
    broker_send(b, MESSAGE_REPLY, b->id, 2);
    broker_read(b);
}

static void no_op(int signal) {
    (void)signal;
}

/* Again and again, until 0: the first one may come before the request waits, and would interrupt nothing. */
static void alarm_every(int ms) {
    struct sigaction action = {.sa_handler = no_op};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_usec = ms * 1000}, .it_interval = {.tv_usec = ms * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

Test(request, nests) {
    int value = 0;
    open_with(outer_first, nested);
    alarm_every(20);
    cr_assert(ask(-1, &value) == 0 && value == 1);
    alarm_every(0);
    cr_assert_eq(nested_value, 2);
    cr_assert_geq(signals, 1);
    finish();
}

static int gives_up(void *arg) {
    (void)arg;
    return 1;
}

Test(request, is_given_up_for_a_signal) {
    int value = 0;
    open_with(late, gives_up);
    alarm_every(20);
    cr_assert_eq(ask(-1, &value), -EINTR);
    alarm_every(0);
    cr_assert(ask(-1, &value) == 0 && value == 2);
    finish();
}

Test(request, child_of_a_plain_fork_keeps_off_the_stream) {
    int value = 0, status = 0;
    open_with(answers, NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ask(-1, &value) == -ECHILD ? 0 : 1);
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert(ask(-1, &value) == 0 && value == 1);
    finish();
}

/* A signal handler that forks while a request is out. */
static pid_t forked = -1;
static atomic_bool has_forked;

static int forks(void *arg) {
    (void)arg;
    if (forked < 0)
        forked = fork();
    has_forked = true;
    return 0;
}

static void after_the_fork(Broker *b) {
    broker_read(b);
    while (!has_forked)
        sched_yield();
    broker_send(b, MESSAGE_REPLY, b->id, 1);
    answers(b);
}

Test(request, child_of_a_fork_in_a_signal_handler_leaves_the_answer_to_its_parent) {
    int value = 0, status = 0;
    open_with(after_the_fork, forks);
    alarm_every(20);
    int r = ask(-1, &value);
    if (forked == 0)
        _exit(r == -ECHILD ? 0 : 1);
    alarm_every(0);
    cr_assert(r == 0 && value == 1);
    waitpid(forked, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(ask(-1, &value), 0);
    finish();
}

Test(request, a_large_body_arrives_whole) {
    size_t size = 5 << 20;
    char *body = calloc(1, size + 16);
    int64_t value = 0;
    msgpack_unpacked owner;
    msgpack_object answer;
    memcpy(body, "\x81\xa1x\xc6\x00\x50\x00\x00", 8);
    open_with(answers, NULL);
    cr_assert_eq(client_request(client, MESSAGE_COMPILE, body, size + 8, -1, &owner, &answer, NULL), 0);
    cr_assert(wire_int(wire_find(&answer, "value"), 0, 9, &value) && value == 1);
    msgpack_unpacked_destroy(&owner);
    cr_assert_eq(client_request(client, MESSAGE_COMPILE, body, 17 << 20, -1, &owner, &answer, NULL), -EMSGSIZE);
    cr_assert(client_connected(client));
    finish();
    free(body);
}

Test(request, other_version_is_refused) {
    char error[256];
    broker.version = 99;
    broker_start(NULL);
    cr_assert_eq(try_open(NULL, &client, error), -EPROTO);
    cr_assert(strstr(error, "version 99"), "%s", error);
    broker_stop();
}

Test(request, nobody_there) {
    char error[256];
    strcpy(broker.path, "/nonexistent/s");
    cr_assert_eq(try_open(NULL, &client, error), -ENOENT);
    cr_assert(strstr(error, "no daemon listens at /nonexistent/s"), "%s", error);
}
