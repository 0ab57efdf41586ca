/* Peers: the messages of a client that asks much at once and reads late. */
#include "base/cleanup.h"
#include "server/broker/peers.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/un.h>

#define ASKED 3

static int client = -1;
static unsigned handled, gone;

static void read_all(void) {
    static char bytes[65536];
    while (recv(client, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void reply(Peer *peer, uint64_t id, size_t size) {
    MessageWriter w;
    char *bytes = calloc(1, size);
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, id);
    wire_put_bin(&w.packer, (Str){bytes, size});
    free(bytes);
    peer_reply(peer, id, &w, NULL, 0);
}

/* Answers more than the client's socket takes, until nothing is to be read from it; it reads just before the last answer is
 * queued for good. */
static PeerHandled flood(void *arg, Peer *peer, const MsgMessage *m) {
    (void)arg;
    handled++;
    while (peer->out_bytes < PEER_QUEUE_SOFT)
        reply(peer, m->id, 32768);
    read_all();
    return PEER_HANDLED;
}

static void left(void *arg, Peer *peer) {
    (void)arg, (void)peer;
    gone++;
}

static void ask(unsigned times) {
    for (unsigned i = 1; i <= times; i++) {
        MessageWriter w;
        message_writer_init(&w);
        message_begin(&w, MESSAGE_STATS, i);
        msgpack_pack_map(&w.packer, 0);
        cr_assert_eq(message_end(&w), 0);
        cr_assert_eq(write(client, w.buffer.data, w.buffer.size), (ssize_t)w.buffer.size);
        message_writer_deinit(&w);
    }
}

/* A message that takes three turns, before it is answered once. It is read once. */
static PeerHandled in_pieces(void *arg, Peer *peer, const MsgMessage *m) {
    (void)arg;
    if (!handled)
        peer->in.data[FRAME_HEADER] = (char)0xc1; /* no message any more */
    if (handled++ % 3 != 2) {
        while (!peer_turn_is_over(peer))
            ;
        return PEER_AGAIN;
    }
    peer_reply_error(peer, m->id, "test", STR("done"));
    return PEER_HANDLED;
}

static void serve(PeerHandled (*message)(void *, Peer *, const MsgMessage *), int turns) {
    char dir[] = "/tmp/jitd-test-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    Peers peers = {.ops = {.message = message, .left = left}};
    uv_loop_t loop;
    cr_assert(mkdtemp(dir));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", dir);
    cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 1), 0);
    int passer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(passer, (struct sockaddr *)&address, sizeof address), 0);
    close(passer);
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    ask(ASKED);
    uv_loop_init(&loop);
    cr_assert_eq(peers_init(&peers, &loop, listener), 0);
    for (int turn = 0; turn < turns; turn++) { /* nothing in it waits */
        uv_run(&loop, UV_RUN_NOWAIT);
        if (message == flood)
            read_all();
    }
    peers_stop(&peers);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    unlink(address.sun_path);
    rmdir(dir);
    cr_assert_eq(gone, 1); /* who left before it was accepted is none */
}

Test(peers, what_came_together_is_handled_when_the_peer_reads_just_in_time) {
    serve(flood, 10);
    cr_assert_eq(handled, ASKED);
    close(client);
}

Test(peers, a_message_in_pieces_is_answered_once_and_in_order) {
    FrameBuffer in = {0};
    char bytes[4096];
    Str frame;
    serve(in_pieces, 20);
    cr_assert_eq(handled, 3 * ASKED);
    ssize_t n = recv(client, bytes, sizeof bytes, 0);
    cr_assert(n > 0);
    cr_assert_eq(frame_buffer_add(&in, bytes, (size_t)n), 0);
    for (uint64_t id = 1; id <= ASKED; id++) {
        msgpack_unpacked owner;
        MsgMessage m;
        cr_assert_eq(frame_buffer_next(&in, &frame), 1);
        cr_assert_eq(message_read(frame, &owner, &m), 0);
        cr_assert_eq(m.id, id);
        msgpack_unpacked_destroy(&owner);
    }
    cr_assert_eq(frame_buffer_next(&in, &frame), 0);
    frame_buffer_deinit(&in);
    close(client);
}
