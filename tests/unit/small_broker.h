/* A small broker for tests of the client: one tenant with a real table, arena and sealed code segment, one class and
 * its machine code (written by hand below), served by a thread. It believes everything: the client is what is tested. */
#pragma once
#include "base/cleanup.h"
#include "protocol/fdpass.h"
#include "protocol/messages.h"
#include "shared-mem/arena.h"
#include "shared-mem/segment.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* class Node: x: float, y: float, next: Optional[Node], small: int8, other: Node */
#define NODE_SIZE 56
#define NODE_NEXT 32

/* Machine code of the native convention: r10 the call: frame (arena at 0, trap at 32), self, result. */
#ifndef __x86_64__
#error "this machine code is for x86-64"
#endif
__asm__(".pushsection .rodata\n"
        "code_norm2: mov (%r10), %rax\n mov (%rax), %rax\n add 8(%r10), %rax\n movsd 16(%rax), %xmm0\n"
        "  mulsd %xmm0, %xmm0\n movsd 24(%rax), %xmm1\n mulsd %xmm1, %xmm1\n addsd %xmm1, %xmm0\n"
        "  mov 16(%r10), %rax\n movsd %xmm0, (%rax)\n xor %eax, %eax\n ret\n"
        "code_me: mov (%r10), %rax\n mov (%rax), %rax\n mov 8(%r10), %rsi\n lock incl 8(%rax,%rsi)\n"
        "  mov 16(%r10), %rax\n mov %rsi, (%rax)\n xor %eax, %eax\n ret\n"
        "code_fail: mov (%r10), %rdi\n movl $2, 32(%rdi)\n movl $0, 36(%rdi)\n movl $1, 40(%rdi)\n movl $1, 44(%rdi)\n"
        "  mov $2, %eax\n ret\n"
        "code_add: lea (%rdi,%rsi), %rax\n mov 16(%r10), %rdx\n mov %rax, (%rdx)\n xor %eax, %eax\n ret\n"
        "code_end: .popsection\n");
extern const char code_norm2[], code_me[], code_fail[], code_add[], code_end[];

#define MAX_PEERS 16

typedef struct SmallPeer {
    int fd;
    uint32_t row;
    FrameBuffer in;
} SmallPeer;

typedef struct SmallBroker {
    char dir[64], path[80];
    int listener, stop[2];
    pthread_t thread;
    SmallPeer peers[MAX_PEERS];
    Table table;
    ArenaOwner arena;
    Segment segment;
    uint32_t node, slot;
    uint64_t named; /* the one name's object */
    bool odd;       /* its answer about classes ends in one that is none */
    _Atomic uint32_t reaps, grows;
} SmallBroker;

static SmallBroker broker = {.table = TABLE_NULL, .arena = ARENA_OWNER_NULL};

static inline void put_strings(msgpack_packer *pk, size_t n, const char *const *s) {
    msgpack_pack_array(pk, n);
    for (size_t i = 0; i < n; i++)
        wire_put_cstr(pk, s[i]);
}

static inline void put_key(msgpack_packer *pk, char first) {
    char key[KEY_SIZE] = {first};
    wire_put_bin(pk, (Str){key, KEY_SIZE});
}

static inline void put_field(msgpack_packer *pk, const char *name, const char *type, int offset) {
    msgpack_pack_array(pk, 3);
    wire_put_cstr(pk, name);
    wire_put_cstr(pk, type);
    msgpack_pack_int(pk, offset);
}

static inline void put_classes(msgpack_packer *pk) {
    char ref[32];
    msgpack_pack_map(pk, 1);
    wire_put_cstr(pk, "classes");
    msgpack_pack_array(pk, 1 + broker.odd);
    msgpack_pack_map(pk, 4);
    wire_put_cstr(pk, "name"), wire_put_cstr(pk, "shape.Node");
    wire_put_cstr(pk, "class_id"), msgpack_pack_uint32(pk, broker.node);
    wire_put_cstr(pk, "fields"), msgpack_pack_array(pk, 5);
    put_field(pk, "x", "float", 16);
    put_field(pk, "y", "float", 24);
    snprintf(ref, sizeof ref, "@%u?", broker.node);
    put_field(pk, "next", ref, NODE_NEXT);
    put_field(pk, "small", "int8", 40);
    ref[strlen(ref) - 1] = 0;
    put_field(pk, "other", ref, 48);
    wire_put_cstr(pk, "units"), msgpack_pack_array(pk, 2), put_key(pk, 7), put_key(pk, 8);
    if (broker.odd)
        msgpack_pack_map(pk, 0);
}

static inline void put_entry(msgpack_packer *pk, const char *name, size_t n, const char *const *params,
                             const char *result, int flags) {
    msgpack_pack_array(pk, 5);
    msgpack_pack_int(pk, 0);
    wire_put_cstr(pk, name);
    put_strings(pk, n, params);
    wire_put_cstr(pk, result);
    msgpack_pack_int(pk, flags);
}

static inline void put_site(msgpack_packer *pk, int line, const char *function, const char *kind, const char *text) {
    msgpack_pack_array(pk, 5);
    msgpack_pack_int(pk, line);
    msgpack_pack_int(pk, 0);
    wire_put_cstr(pk, function);
    wire_put_cstr(pk, kind);
    put_strings(pk, text != NULL, &text);
}

static inline void put_meta(msgpack_packer *out) {
    msgpack_sbuffer b;
    msgpack_packer pk;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&pk, &b, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 3);
    wire_put_cstr(&pk, "defs"), msgpack_pack_array(&pk, 1),
        put_strings(&pk, 2, (const char *[]){"shape.Node", "/src/shape.py"});
    wire_put_cstr(&pk, "entries"), msgpack_pack_array(&pk, 4);
    put_entry(&pk, "norm2", 0, NULL, "float", 0);
    put_entry(&pk, "me", 0, NULL, "@0", 0);
    put_entry(&pk, "fail", 2, (const char *[]){"(int8,bool)", "@0?"}, "None", 1);
    put_entry(&pk, "add", 2, (const char *[]){"int", "int"}, "int", 4);
    wire_put_cstr(&pk, "sites"), msgpack_pack_array(&pk, 2);
    put_site(&pk, 12, "fail", "raise", "ValueError"), put_site(&pk, 40, "outer", "call", NULL);
    wire_put_bin(out, (Str){b.data, b.size});
    msgpack_sbuffer_destroy(&b);
}

static inline void put_units(msgpack_packer *pk) {
    msgpack_pack_map(pk, 1);
    wire_put_cstr(pk, "units"), msgpack_pack_array(pk, 2);
    msgpack_pack_map(pk, 4);
    wire_put_cstr(pk, "slot"), msgpack_pack_uint32(pk, broker.slot);
    wire_put_cstr(pk, "class_id"), msgpack_pack_uint32(pk, broker.node);
    wire_put_cstr(pk, "classes"), msgpack_pack_array(pk, 1), msgpack_pack_array(pk, 2), put_key(pk, 7),
        msgpack_pack_uint32(pk, broker.node);
    wire_put_cstr(pk, "meta"), put_meta(pk);
    msgpack_pack_nil(pk); /* the second one was evicted */
}

static inline void put_hello(msgpack_packer *pk, SmallPeer *p) {
    if (arena_owner_take_row(&broker.arena, 1, &p->row) < 0)
        abort();
    msgpack_pack_map(pk, 5);
    wire_put_cstr(pk, "version"), msgpack_pack_int(pk, PROTOCOL_VERSION);
    wire_put_cstr(pk, "row"), msgpack_pack_uint32(pk, p->row);
    wire_put_cstr(pk, "arena_size"), msgpack_pack_uint64(pk, broker.arena.size);
    wire_put_cstr(pk, "table_size"), msgpack_pack_uint64(pk, broker.table.size);
    wire_put_cstr(pk, "segments"), msgpack_pack_array(pk, 1), msgpack_pack_array(pk, 2);
    msgpack_pack_uint64(pk, broker.segment.offset), msgpack_pack_uint64(pk, broker.segment.size);
}

static inline uint64_t field(const MsgMessage *m, const char *name) {
    uint64_t n = 0;
    wire_uint(wire_find(&m->body, name), UINT64_MAX, &n);
    return n;
}

static inline void put_number(msgpack_packer *pk, const char *name, uint64_t n) {
    msgpack_pack_map(pk, 1);
    wire_put_cstr(pk, name);
    msgpack_pack_uint64(pk, n);
}

static inline void put_grown(msgpack_packer *pk, SmallPeer *p, uint32_t chunks, bool whole) {
    uint32_t first = 0, count = 0;
    broker.grows++;
    if (whole && arena_owner_grow_whole(&broker.arena, p->row, chunks, &first) == 0)
        count = chunks;
    else if (!whole && arena_owner_grow(&broker.arena, p->row, chunks, &first, &count) < 0)
        count = 0;
    msgpack_pack_map(pk, 2);
    wire_put_cstr(pk, "first"), msgpack_pack_uint32(pk, first);
    wire_put_cstr(pk, "count"), msgpack_pack_uint32(pk, count);
}

static inline void put_answer(msgpack_packer *pk, SmallPeer *p, const MsgMessage *m) {
    switch (m->number) {
    case MESSAGE_HELLO:
        put_hello(pk, p);
        break;
    case MESSAGE_CLASSES:
        put_classes(pk);
        break;
    case MESSAGE_LOOKUP:
        put_units(pk);
        break;
    case MESSAGE_GROW: {
        bool whole = false;
        wire_bool(wire_find(&m->body, "whole"), &whole);
        put_grown(pk, p, (uint32_t)field(m, "chunks"), whole);
        break;
    }
    case MESSAGE_FIND:
        put_number(pk, "object", broker.named);
        break;
    case MESSAGE_PUBLISH:
        if (arena_owner_publish(&broker.arena, p->row, (uint32_t)field(m, "note"), 0, field(m, "object"),
                                broker.named) < 0)
            abort();
        put_number(pk, "old", broker.named);
        broker.named = field(m, "object");
        break;
    case MESSAGE_REAP:
        arena_owner_free_row(&broker.arena, (uint32_t)field(m, "row"));
        broker.reaps++;
        msgpack_pack_map(pk, 0);
        break;
    default:
        msgpack_pack_map(pk, 0);
    }
}

static inline void broker_answer(SmallPeer *p, Str frame) {
    MessageWriter w;
    MsgMessage m;
    msgpack_unpacked owner;
    if (message_read(frame, &owner, &m) != 0)
        abort();
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, m.id);
    put_answer(&w.packer, p, &m);
    int fds[] = {broker.arena.fd, broker.table.fd, broker.segment.fd};
    if (message_end(&w) != 0 ||
        fdpass_send(p->fd, w.buffer.data, w.buffer.size, fds, m.number == MESSAGE_HELLO ? 3 : 0, 0) < 0)
        perror("small broker");
    message_writer_deinit(&w);
    msgpack_unpacked_destroy(&owner);
}

/* A client's end: its row is dead, and one of the living is told. */
static inline void broker_peer_left(SmallPeer *p) {
    MessageWriter w;
    arena_owner_mark_dead(&broker.arena, p->row);
    message_writer_init(&w);
    message_begin(&w, MESSAGE_DEATH, 0);
    put_number(&w.packer, "row", p->row);
    message_end(&w);
    close(p->fd);
    frame_buffer_deinit(&p->in);
    *p = (SmallPeer){.fd = -1};
    for (int i = 0; i < MAX_PEERS; i++)
        if (broker.peers[i].fd >= 0 && send(broker.peers[i].fd, w.buffer.data, w.buffer.size, MSG_NOSIGNAL) > 0)
            break; /* one that has just gone raises no SIGPIPE */
    message_writer_deinit(&w);
}

static inline void broker_read(SmallPeer *p) {
    char bytes[65536];
    Str frame;
    ssize_t n = read(p->fd, bytes, sizeof bytes);
    if (n <= 0) {
        broker_peer_left(p);
        return;
    }
    frame_buffer_add(&p->in, bytes, (size_t)n);
    while (frame_buffer_next(&p->in, &frame) == 1)
        broker_answer(p, frame);
}

static inline void broker_accept(void) {
    for (int i = 0; i < MAX_PEERS; i++)
        if (broker.peers[i].fd < 0) {
            broker.peers[i].fd = accept4(broker.listener, NULL, NULL, SOCK_CLOEXEC);
            return;
        }
    abort();
}

static void *broker_run(void *arg) {
    (void)arg;
    for (;;) {
        struct pollfd p[2 + MAX_PEERS] = {{.fd = broker.stop[0], .events = POLLIN},
                                          {.fd = broker.listener, .events = POLLIN}};
        for (int i = 0; i < MAX_PEERS; i++)
            p[2 + i] = (struct pollfd){.fd = broker.peers[i].fd, .events = POLLIN};
        poll(p, 2 + MAX_PEERS, -1);
        for (int i = 0; i < MAX_PEERS; i++)
            if (p[2 + i].revents)
                broker_read(&broker.peers[i]);
        if (p[1].revents)
            broker_accept();
        if (p[0].revents)
            break;
    }
    for (int i = 0; i < MAX_PEERS; i++)
        if (broker.peers[i].fd >= 0)
            close(broker.peers[i].fd);
    return NULL;
}

static inline void broker_publish(void) {
    static const char *const codes[] = {code_norm2, code_me, code_fail, code_add, code_end};
    uint32_t refs[] = {NODE_NEXT, 48}, other;
    cr_assert_eq(table_create(&broker.table), 0);
    cr_assert_eq(table_add_class(&broker.table, &(Key){{1}}, &(Shape){.base = 32}, &other), 0);
    cr_assert_eq(table_add_class(&broker.table, &(Key){{2}}, &(Shape){.base = NODE_SIZE, .nrefs = 2, .refs = refs},
                                 &broker.node),
                 0);
    cr_assert_eq(segment_create(JITD_SEGMENTS_OFFSET, 1 << 20, &broker.segment), 0);
    cr_assert_eq(table_reserve_methods(&broker.table, 4, &broker.slot), 0);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t at = 64 * (i + 1);
        memcpy(broker.segment.base + at, codes[i], (size_t)(codes[i + 1] - codes[i]));
        table_set_method(&broker.table, broker.slot + i, broker.segment.offset + at, broker.segment.offset + at);
    }
    cr_assert_eq(arena_create((uint64_t)1 << 30, (uint64_t)64 << 20, &broker.arena), 0);
}

static inline void broker_start(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    broker_publish();
    strcpy(broker.dir, "/tmp/jitd-test-XXXXXX");
    cr_assert(mkdtemp(broker.dir));
    snprintf(broker.path, sizeof broker.path, "%s/s", broker.dir);
    strcpy(address.sun_path, broker.path);
    for (int i = 0; i < MAX_PEERS; i++)
        broker.peers[i].fd = -1;
    broker.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(broker.listener, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(broker.listener, 16) == 0);
    cr_assert_eq(pipe(broker.stop), 0);
    cr_assert_eq(pthread_create(&broker.thread, NULL, broker_run, NULL), 0);
}

/* As if it were killed: every connection ends. */
static inline void broker_kill(void) {
    cr_assert_eq(write(broker.stop[1], "", 1), 1);
    pthread_join(broker.thread, NULL);
    close(broker.listener), close(broker.stop[0]), close(broker.stop[1]);
    unlink(broker.path);
    rmdir(broker.dir);
}
