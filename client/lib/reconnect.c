/* After the daemon has died, was replaced, or has let this client go: the next one.
 *
 * A request finds that its connection is gone, connects again and is made again, so nobody who asks need know. The daemon that
 * follows has what the one before wrote down (server/broker/ledger.h); the arena it has from its service manager, or else from us: it
 * asks for the descriptor, and knows the file by its inode. This process keeps its row, its arena and everything in it, and gets the
 * new table and the new segments mapped over the old ones: at the same addresses, with the same bytes, so that code may run on meanwhile.
 * A daemon that does not have the arena (another version, or it began anew) is of no use: then it goes on with what it has. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define STEP_MAX_US 16000
#define HELLO_MS 1000

static bool may_reconnect(const Client *client) {
    return client->attached && client->usable && !client->options.observe && !client->parted && !client->reconnecting &&
           client->pid == getpid();
}

static bool is_our_arena(const Client *client, int fd) {
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == client->arena_device && st.st_ino == client->arena_inode;
}

/* ---- hello ---- */

static int hello(Client *client, bool row, bool handed, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                 ClientError *ret_refusal) {
    int fd = handed && is_our_arena(client, arena_fd(client->arena)) ? arena_fd(client->arena) : -1;
    msgpack_sbuffer body;
    msgpack_packer pk;
    msgpack_sbuffer_init(&body);
    msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 3 + row + handed);
    wire_put_cstr(&pk, "version");
    msgpack_pack_int(&pk, PROTOCOL_VERSION);
    wire_put_cstr(&pk, "namespace");
    wire_put_cstr(&pk, client->namespace_);
    wire_put_cstr(&pk, "arena");
    msgpack_pack_array(&pk, 2);
    msgpack_pack_uint64(&pk, client->arena_device);
    msgpack_pack_uint64(&pk, client->arena_inode);
    if (row) {
        wire_put_cstr(&pk, "row");
        msgpack_pack_uint64(&pk, client->row);
    }
    if (handed) {
        wire_put_cstr(&pk, "handed");
        msgpack_pack_true(&pk);
    }
    int r = request_exchange_once(client, MESSAGE_HELLO, body.data, body.size, fd, HELLO_MS, ret_owner, ret_body,
                                  ret_refusal);
    msgpack_sbuffer_destroy(&body);
    return r;
}

/* What is refused now will be refused always; what the daemon has no room for just now may be had later. */
static int refused(Client *client, const ClientError *refusal) {
    if (!strcmp(refusal->code, "version"))
        client->parted = "the daemon was replaced by one of another version, this process goes on with what it has: "
                         "restart the process";
    else if (!strcmp(refusal->code, "stale"))
        client->parted = "the daemon was replaced by one that could not take over this process's objects, it goes on "
                         "with what it has: restart the process";
    return -ECONNABORTED;
}

/* ---- mapping ---- */

static int take_files(Client *client, const msgpack_object *answer) {
    cleanup_close int arena = request_take_fd(client), table = request_take_fd(client);
    if (!is_our_arena(client, arena) || table < 0)
        return -EPROTO;
    int r = table_remap(&client->table, table);
    if (r < 0)
        return r;
    table = -1;
    return attach_segments(client, answer);
}

static int take_row(Client *client, const msgpack_object *answer, bool row) {
    uint64_t given;
    if (!wire_uint(wire_find(answer, "row"), ARENA_MAX_ROWS - 1, &given) || (row && given != client->row))
        return -EPROTO;
    if (row)
        return 0;
    ArenaOps ops = attach_arena_ops(client);
    client->row = (uint32_t)given;
    return arena_after_fork_child(client->arena, client->row, &ops);
}

static int enter(Client *client, bool row) {
    char ignored[256];
    msgpack_unpacked owner;
    msgpack_object answer;
    ClientError refusal = {.code = ""};
    int r = hello(client, row, false, &owner, &answer, &refusal);
    if (r > 0 && !strcmp(refusal.code, "handback"))
        r = hello(client, row, true, &owner, &answer, &refusal);
    if (r)
        return r > 0 ? refused(client, &refusal) : r;
    r = attach_read_version(client, &answer, ignored, sizeof ignored);
    if (r == 0)
        r = take_files(client, &answer);
    if (r == 0)
        r = take_row(client, &answer, row);
    msgpack_unpacked_destroy(&owner);
    return r;
}

/* ---- trying ---- */

static bool nobody_is_there(int r) {
    return r == -ENOENT || r == -ECONNREFUSED;
}

static bool may_come(int r) {
    return nobody_is_there(r) || r == -EAGAIN || r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN;
}

static int try_once(Client *client, bool row, bool *started) {
    char ignored[256];
    int r = connect_path(client->path, &client->socket);
    if (nobody_is_there(r) && client->may_start && !*started) {
        *started = true;
        spawn_daemon(client->daemon, client->path, ignored, sizeof ignored);
    }
    if (r < 0)
        return r;
    request_connected(client);
    r = enter(client, row);
    if (r < 0)
        request_disconnect(client);
    return r;
}

/* Waits for a daemon, and starts one; or looks whether there is one. */
static int try_for_a_while(Client *client, bool row, bool wait) {
    int64_t deadline = clock_ms() + (wait ? CLIENT_RECONNECT_MS : 0);
    useconds_t step = 500;
    bool started = !wait;
    for (;;) {
        int r = try_once(client, row, &started);
        if (r == 0 || client->parted || !may_come(r) || clock_ms() + step / 1000 >= deadline)
            return r;
        usleep(step);
        step = step < STEP_MAX_US ? step * 2 : STEP_MAX_US;
    }
}

/* To find that nobody is there takes no time, and is tried by each request. Waiting for it, or for one that does not answer, is not done
 * again at once. */
static int again(Client *client, bool row) {
    bool wait = clock_ms() >= client->retry_at;
    if (!wait && !client->nobody)
        return -ENOTCONN;
    client->reconnecting = true;
    int r = try_for_a_while(client, row, wait);
    client->reconnecting = false;
    client->nobody = may_come(r);
    if (r == 0)
        client->retry_at = client->retry_ms = 0;
    if (r == 0 || !wait)
        return r;
    client->retry_ms = client->retry_ms ? client->retry_ms * 2 : PAUSE_MIN_MS;
    if (client->retry_ms > PAUSE_MAX_MS)
        client->retry_ms = PAUSE_MAX_MS;
    client->retry_at = clock_ms() + client->retry_ms;
    return r;
}

int reconnect(Client *client) {
    return may_reconnect(client) ? again(client, true) : -ENOTCONN;
}

int reconnect_child(Client *client) {
    return may_reconnect(client) ? again(client, false) : -ENOTCONN;
}

const char *client_parted(Client *client) {
    return client->parted;
}
