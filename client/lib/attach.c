/* Attaching: hello, then the mappings: arena read-write, method table read-only, code segments read-execute in the
 * window. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int refuse(char *error, size_t size, int r, const char *what) {
    snprintf(error, size, "%s: %s", what, strerror(-r));
    return r;
}

/* The place of what is known of a segment; another file at the same place is another daemon's copy of it. */
static Mapped *segment_place(Client *client, uint64_t offset, uint64_t size) {
    for (size_t i = 0; i < client->nsegments; i++)
        if (client->segments[i].offset == offset && client->segments[i].size == size)
            return &client->segments[i];
    return client->nsegments == CLIENT_MAX_SEGMENTS ? NULL : &client->segments[client->nsegments];
}

int attach_map_segment(Client *client, int fd, uint64_t offset, uint64_t size) {
    cleanup_close int own = fd;
    struct stat st;
    if (!client->window.base) /* observing, or not that far yet */
        return 0;
    Mapped *place = segment_place(client, offset, size);
    if (!place)
        return -ENOSPC;
    if (fstat(own, &st) < 0)
        return -errno;
    bool known = place < client->segments + client->nsegments;
    if (known && place->inode == st.st_ino)
        return 0;
    int r = window_map(&client->window, own, offset, size);
    if (r < 0)
        return r;
    *place = (Mapped){offset, size, st.st_ino};
    client->nsegments += !known;
    return 0;
}

int attach_segments(Client *client, const msgpack_object *hello) {
    msgpack_object_array segments;
    if (!wire_array(wire_find(hello, "segments"), &segments))
        return -EPROTO;
    for (uint32_t i = 0; i < segments.size; i++) {
        msgpack_object_array pair;
        uint64_t offset, size;
        int fd = request_take_fd(client);
        if (fd < 0)
            return -EPROTO;
        if (!wire_array(&segments.ptr[i], &pair) || pair.size != 2 ||
            !wire_uint(&pair.ptr[0], JITD_WINDOW_SIZE, &offset) || !wire_uint(&pair.ptr[1], JITD_WINDOW_SIZE, &size)) {
            close(fd);
            return -EPROTO;
        }
        int r = attach_map_segment(client, fd, offset, size);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What GROW is answered with. Without chunks it only stands for those that are wanted whole. */
static int read_grant(const msgpack_object *answer, uint32_t chunks, int whole, uint32_t *ret_first,
                      uint32_t *ret_count) {
    uint64_t first, count;
    if (!wire_uint(wire_find(answer, "first"), UINT32_MAX, &first) ||
        !wire_uint(wire_find(answer, "count"), chunks, &count))
        return -EPROTO;
    if (whole ? count != chunks : !count)
        return whole && !count ? -EAGAIN : -EPROTO;
    *ret_first = (uint32_t)first;
    *ret_count = (uint32_t)count;
    return 0;
}

/* Asks for the arena, which goes on by itself with a daemon that does not answer, as with none: what it commits then stays within the
 * quota, and a daemon that turns after all knows of it (arena_owner_grow). One that was found not to answer is asked again when
 * something has come from it. */
static int ask_for_arena(Client *client, int message, const char *body, size_t size, msgpack_unpacked *ret_owner,
                         msgpack_object *ret_answer) {
    client->in_arena++;
    if (client->silent)
        request_look(client);
    int r = client->silent && client->socket >= 0
                ? -ETIMEDOUT
                : request_exchange(client, message, body, size, CLIENT_ARENA_MS, false, ret_owner, ret_answer, NULL);
    client->in_arena--;
    return r == -ETIMEDOUT ? -ENOTCONN : r;
}

void attach_late_grant(Client *client, const msgpack_object *answer) {
    uint64_t first, count;
    if (wire_uint(wire_find(answer, "first"), UINT32_MAX, &first) &&
        wire_uint(wire_find(answer, "count"), UINT32_MAX, &count))
        arena_grant(client->arena, (uint32_t)first, (uint32_t)count); /* what is not ours is left alone */
}

static int grow_once(Client *client, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    char body[32] = "\x82\xa6"
                    "chunks\xce....\xa5"
                    "whole\xc2";
    for (int i = 0; i < 4; i++)
        body[9 + i] = (char)(chunks >> (24 - 8 * i));
    body[19] = whole ? '\xc3' : '\xc2';
    msgpack_unpacked owner;
    msgpack_object answer;
    int r = ask_for_arena(client, MESSAGE_GROW, body, 20, &owner, &answer);
    if (r != 0)
        return r > 0 ? -ENOSPC : client->socket < 0 && r != -ECHILD ? -ENOTCONN : r;
    r = read_grant(&answer, chunks, whole, ret_first, ret_count);
    msgpack_unpacked_destroy(&owner);
    return r;
}

/* A broker that is asked for many chunks in a row makes memory ready for some at each request. One that never comes to an end lies. */
static int grow(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    int r = -EAGAIN;
    for (uint32_t tries = 0; r == -EAGAIN && tries <= chunks; tries++)
        r = grow_once(arg, chunks, whole, ret_first, ret_count);
    return r == -EAGAIN ? -ENOSPC : r;
}

static void reaped(void *arg, uint32_t row) {
    Client *client = arg;
    char body[16] = "\x81\xa3"
                    "row\xce";
    for (int i = 0; i < 4; i++)
        body[6 + i] = (char)(row >> (24 - 8 * i));
    msgpack_unpacked owner;
    msgpack_object answer;
    if (ask_for_arena(client, MESSAGE_REAP, body, 10, &owner, &answer) == 0)
        msgpack_unpacked_destroy(&owner);
}

static void shared(void *arg, uint64_t object, uint32_t link) {
    Client *client = arg;
    client->options.shared(client->options.proxies_arg, object, link);
}

static void held(void *arg, uint64_t object) {
    Client *client = arg;
    client->options.held(client->options.proxies_arg, object);
}

static int keeps(void *arg, uint64_t object) {
    Client *client = arg;
    return client->options.keeps(client->options.proxies_arg, object);
}

ArenaOps attach_arena_ops(Client *client) {
    return (ArenaOps){.grow = grow,
                      .reaped = reaped,
                      .shared = client->options.shared ? shared : NULL,
                      .held = client->options.held ? held : NULL,
                      .keeps = client->options.keeps ? keeps : NULL,
                      .arg = client};
}

static void pack_hello(msgpack_sbuffer *body, const Client *client) {
    msgpack_packer pk;
    bool observe = client->options.observe, wish = client->options.makes_objects;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 2 + observe + wish);
    wire_put_cstr(&pk, "version");
    msgpack_pack_int(&pk, PROTOCOL_VERSION);
    wire_put_cstr(&pk, "namespace");
    wire_put_cstr(&pk, client->namespace_);
    if (observe) {
        wire_put_cstr(&pk, "observe");
        msgpack_pack_true(&pk);
    }
    if (wish) {
        wire_put_cstr(&pk, "chunks");
        msgpack_pack_int(&pk, 1);
    }
}

int attach_read_version(Client *client, const msgpack_object *hello, char *error, size_t size) {
    uint64_t version = 0;
    if (wire_uint(wire_find(hello, "version"), UINT32_MAX, &version) && version == PROTOCOL_VERSION)
        return 0;
    snprintf(error, size, "the daemon at %s speaks version %u of the protocol, this library %d", client->path,
             (unsigned)version, PROTOCOL_VERSION);
    return -EPROTO;
}

static int attach_hello(Client *client, msgpack_unpacked *ret_owner, msgpack_object *ret_body, char *error,
                        size_t size) {
    msgpack_sbuffer body;
    ClientError refusal = {.code = ""};
    pack_hello(&body, client);
    int r = request_exchange(client, MESSAGE_HELLO, body.data, body.size, CLIENT_START_MS, true, ret_owner, ret_body,
                             &refusal);
    msgpack_sbuffer_destroy(&body);
    if (r > 0) {
        snprintf(error, size, "the daemon refused: %s", refusal.message);
        return -ECONNABORTED;
    }
    if (r < 0)
        return refuse(error, size, r, client->path);
    r = attach_read_version(client, ret_body, error, size);
    if (r < 0)
        msgpack_unpacked_destroy(ret_owner);
    return r;
}

static int map_arena(Client *client, const msgpack_object *hello, int fd) {
    cleanup_close int own = fd;
    uint64_t row, size;
    struct stat st;
    if (own < 0 || !wire_uint(wire_find(hello, "row"), ARENA_MAX_ROWS - 1, &row) ||
        !wire_uint(wire_find(hello, "arena_size"), INT64_MAX, &size))
        return -EPROTO;
    if (fstat(own, &st) < 0)
        return -errno;
    client->arena_device = st.st_dev;
    client->arena_inode = st.st_ino;
    client->row = (uint32_t)row;
    ArenaOps ops = attach_arena_ops(client);
    int r = arena_attach(own, size, client->row, &client->table, &ops, &client->arena);
    if (r == 0)
        own = -1;
    return r;
}

static int map_table(Client *client, const msgpack_object *hello, int fd) {
    cleanup_close int own = fd;
    uint64_t size;
    if (own < 0 || !wire_uint(wire_find(hello, "table_size"), INT64_MAX, &size))
        return -EPROTO;
    int r = table_map(own, (size_t)size, &client->table);
    if (r == 0)
        own = -1;
    return r;
}

/* What needs nothing of the hello's answer. */
static int make_window(Client *client) {
    const void *imports[JITD_N_IMPORTS];
    if (client->window.base) /* of an attempt before this */
        return 0;
    imports_fill(client->options.imports, imports);
    return window_init(&client->window, imports);
}

/* The chunk that was wished for; there may be none. */
static int take_grant(Client *client, const msgpack_object *hello) {
    uint32_t first, count;
    return read_grant(hello, 1, 0, &first, &count) == 0 ? arena_grant(client->arena, first, count) : 0;
}

static int map_everything(Client *client, const msgpack_object *hello) {
    int arena = request_take_fd(client);
    int r = map_table(client, hello, request_take_fd(client));
    if (r == 0)
        r = map_arena(client, hello, steal_fd(arena)); /* takes it, whatever happens */
    if (arena >= 0)
        close(arena);
    if (r == 0)
        r = take_grant(client, hello);
    return r < 0 ? r : attach_segments(client, hello);
}

/* Sends what is known to be asked, and works while the daemon does. */
static int post_first(Client *client) {
    msgpack_sbuffer body;
    pack_hello(&body, client);
    int r = request_post(client, MESSAGE_HELLO, body.data, body.size);
    msgpack_sbuffer_destroy(&body);
    if (r == 0 && client->options.next_message)
        r = request_post(client, client->options.next_message, client->options.next_body, client->options.next_size);
    if (r == 0)
        r = request_flush(client);
    return r == 0 && !client->options.observe ? make_window(client) : r;
}

static int attach(Client *client, char *error, size_t size) {
    msgpack_unpacked owner;
    msgpack_object hello;
    int r = post_first(client);
    if (r == -EPIPE)
        request_look(client); /* it may have said why */
    if (r < 0)
        return refuse(error, size, r, client->path);
    r = attach_hello(client, &owner, &hello, error, size);
    if (r < 0)
        return r;
    if (!client->options.observe)
        r = map_everything(client, &hello);
    msgpack_unpacked_destroy(&owner);
    return r < 0 ? refuse(error, size, r, "cannot map the daemon's memory") : 0;
}

/* An idle daemon may leave just when we come: then the next one is started. */
static bool daemon_left(int r) {
    return r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN;
}

static int open_client(Client *client, const ClientOptions *options, char *error, size_t size) {
    const char *name = options->namespace_ ? options->namespace_ : secure_getenv("JITD_NAMESPACE");
    int64_t deadline = clock_ms() + CLIENT_START_MS;
    client->namespace_ = strdup(name && name[0] ? name : "default");
    if (!client->namespace_)
        return -ENOMEM;
    for (;;) {
        int r = connect_any(client, options, deadline, error, size);
        if (r < 0)
            return r;
        request_connected(client);
        r = attach(client, error, size);
        if (r < 0 && client->turned_away[0]) {
            snprintf(error, size, "%s: %s", client->path, client->turned_away);
            return -EUSERS;
        }
        if (!daemon_left(r) || clock_ms() >= deadline)
            return r;
        request_disconnect(client);
        connect_pause(client);
    }
}

int client_open(const ClientOptions *options, Client **ret_client, char *error, size_t error_size) {
    Client *client = calloc(1, sizeof *client);
    if (!client)
        return refuse(error, error_size, -ENOMEM, "jitd");
    client->socket = client->fork_pipe[0] = client->fork_pipe[1] = -1;
    client->in = FRAME_BUFFER_NULL;
    msgpack_sbuffer_init(&client->out);
    client->table = TABLE_NULL;
    client->pid = getpid();
    client->usable = true;
    client->options = *options;
    client_set_interrupt(client, NULL);
    int r = open_client(client, options, error, error_size);
    client->options.socket = client->options.namespace_ = client->options.daemon = client->options.next_body = NULL;
    client->options.next_daemon = NULL;
    if (r < 0) {
        client_close(client);
        return r;
    }
    client->attached = true;
    *ret_client = client;
    return 0;
}

void client_close(Client *client) {
    if (!client)
        return;
    threads_forget(client);
    if (client->arena && client->usable)
        arena_detach(client->arena); /* it may still ask the broker */
    client->usable = false;
    request_disconnect(client);
    window_deinit(&client->window);
    table_deinit(&client->table);
    for (int i = 0; i < 2; i++)
        if (client->fork_pipe[i] >= 0)
            close(client->fork_pipe[i]);
    free(client->path);
    free(client->namespace_);
    free(client->daemon);
    free(client);
}

Arena *client_arena(Client *client) {
    return client->arena;
}

const Table *client_table(Client *client) {
    return &client->table;
}

Table *client_own_table(Client *client) {
    return table_make_own(&client->table, arena_own_classes(client->arena)) == 0 ? &client->table : NULL;
}

const uint8_t *client_window(Client *client) {
    return client->window.base;
}
