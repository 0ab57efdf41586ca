/* A small namespace for arena tests: a table with some classes, an arena, and clients of it in this process. */
#pragma once
#include "shared-mem/arena_private.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LEAF 1   /* 24 bytes: one int */
#define NODE 2   /* 40 bytes: int, next, other */
#define BIG 3    /* 64 KiB: next at 16 */
#define TEXT 4   /* a tail of bytes */
#define FLOATS 5 /* of numbers */
#define STORE 6  /* a reference at 24, a tail of references from 32 on */
#define NODE_NEXT 24
#define NODE_OTHER 32
#define STORE_OWNER 24
#define STORE_TAIL 32

typedef struct Peer {
    Arena *arena;
    JitdFrame frame;
} Peer;

static Table fix_table;
static ArenaOwner fix_owner;

static int fix_grow(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    return arena_owner_grow_here(&fix_owner, (uint32_t)(uintptr_t)arg, chunks, whole, ret_first, ret_count);
}

static void fix_reaped(void *arg, uint32_t row) {
    (void)arg;
    arena_owner_free_row(&fix_owner, row);
}

static inline ArenaOps fix_ops(uint32_t row) {
    return (ArenaOps){.grow = fix_grow, .reaped = fix_reaped, .arg = (void *)(uintptr_t)row};
}

static inline void fix_open_quota(uint64_t quota) {
    uint32_t id, node[] = {NODE_NEXT, NODE_OTHER}, big[] = {16}, store[] = {STORE_OWNER};
    cr_assert_eq(table_create(&fix_table), 0);
    table_add_class(&fix_table, &(Key){{1}}, &(Shape){.base = 24}, &id);
    table_add_class(&fix_table, &(Key){{2}}, &(Shape){.base = 40, .nrefs = 2, .refs = node}, &id);
    table_add_class(&fix_table, &(Key){{3}}, &(Shape){.base = 65536, .nrefs = 1, .refs = big}, &id);
    table_add_class(&fix_table, &(Key){{4}}, &(Shape){.base = 24, .tail = SHM_TAIL_BYTES, .element = 1}, &id);
    table_add_class(&fix_table, &(Key){{5}}, &(Shape){.base = 24, .tail = SHM_TAIL_SLOTS, .element = 8}, &id);
    table_add_class(&fix_table, &(Key){{6}},
                    &(Shape){.base = STORE_TAIL, .nrefs = 1, .refs = store, .tail = SHM_TAIL_REFS, .element = 8}, &id);
    cr_assert_eq(arena_create((uint64_t)2 << 30, quota, &fix_owner), 0);
}

static inline void fix_open(void) {
    fix_open_quota((uint64_t)2 << 30);
}

static inline void fix_close(void) {
    arena_owner_deinit(&fix_owner);
    table_deinit(&fix_table);
}

static inline Peer fix_peer(void) {
    Peer p = {0};
    uint32_t row;
    cr_assert_eq(arena_owner_take_row(&fix_owner, (uint32_t)getpid(), &row), 0);
    ArenaOps ops = fix_ops(row);
    cr_assert_eq(arena_attach(dup(fix_owner.fd), fix_owner.size, row, &fix_table, &ops, &p.arena), 0);
    p.frame.arena = arena_base(p.arena);
    p.frame.alloc = arena_alloc_state(p.arena);
    return p;
}

static inline uint64_t new_leaf(Peer *p) {
    return shm_new(&p->frame, LEAF, 24, arena_alloc);
}

static inline uint64_t new_node(Peer *p) {
    return shm_new(&p->frame, NODE, 40, arena_alloc);
}

static inline uint64_t new_big(Peer *p) {
    return shm_new(&p->frame, BIG, 65536, arena_alloc);
}

static inline uint64_t new_tail(Peer *p, uint32_t class_id, uint64_t length) {
    uint64_t o = 0;
    int r = arena_new_tail(p->arena, class_id, length, &o);
    return r == 0 ? o : 0;
}

/* The count of `ref` goes into the field. */
static inline void set_ref(Peer *p, uint64_t self, uint32_t field, uint64_t ref) {
    arena_enter(p->arena);
    shm_store_ref(&p->frame, self, field, ref, 1, arena_share, arena_release);
    arena_leave(p->arena);
}

static inline void drop(Peer *p, uint64_t ref) {
    arena_enter(p->arena);
    shm_decref(&p->frame, ref, arena_release);
    arena_leave(p->arena);
}

static inline uint64_t get_ref(Peer *p, uint64_t self, uint32_t field) {
    return atomic_load((_Atomic uint64_t *)(p->frame.arena + self + field));
}

static inline ShmObject *object(Peer *p, uint64_t ref) {
    return shm_object(&p->frame, ref);
}

static inline ArenaStats stats(Peer *p) {
    ArenaStats s;
    arena_poll(p->arena);
    arena_poll(p->arena);
    arena_stats(p->arena, &s);
    return s;
}

static inline void check(Peer *p) {
    char text[256] = "";
    int n = arena_check(p->arena, text, sizeof text);
    cr_assert_eq(n, 0, "%d: %s", n, text);
}
