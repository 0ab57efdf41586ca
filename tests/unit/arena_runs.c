/* Objects larger than a chunk: runs of chunks, made, shared, released, given back after a death, and used again for anything. */
#include "tests/unit/arena_fixture.h"

TestSuite(arena_runs, .init = fix_open, .fini = fix_close);

#define TEN_MILLION 10000000

static uint64_t chunks_of(uint64_t bytes) {
    return (bytes + ARENA_CHUNK_SIZE - 1) / ARENA_CHUNK_SIZE;
}

static uint32_t state_of(Peer *p, uint64_t o, uint32_t i) {
    return arena_chunk_state(p->arena, arena_chunk_of(p->arena, o) + i);
}

Test(arena_runs, a_list_of_ten_million_floats) {
    Peer p = fix_peer();
    uint64_t o = new_tail(&p, FLOATS, TEN_MILLION), at, length, committed;
    cr_assert_neq(o, 0);
    cr_assert_eq(arena_tail(p.arena, o, &at, &length), 0);
    cr_assert_eq(length, TEN_MILLION);
    double *v = (double *)(p.frame.arena + at);
    for (size_t i = 0; i < TEN_MILLION; i++) {
        cr_assert_eq(v[i], 0);
        v[i] = (double)i;
    }
    check(&p);
    committed = stats(&p).bytes_committed;
    cr_assert_eq(stats(&p).bytes_used, chunks_of(24 + 8ull * TEN_MILLION) * ARENA_CHUNK_SIZE);
    cr_assert_eq(v[TEN_MILLION - 1], TEN_MILLION - 1);
    drop(&p, o);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    for (int i = 0; i < 5; i++) { /* its chunks are free again, and a new one has zeros */
        cr_assert_neq(o = new_tail(&p, FLOATS, TEN_MILLION), 0);
        cr_assert_eq(((double *)(p.frame.arena + o + 24))[TEN_MILLION / 2], 0);
        drop(&p, o);
    }
    cr_assert_eq(stats(&p).bytes_committed, committed);
    arena_detach(p.arena);
}

Test(arena_runs, lengths_about_a_border) {
    Peer p = fix_peer();
    uint64_t edges[] = {SHM_MAX_OBJECT, ARENA_CHUNK_SIZE, 2 * ARENA_CHUNK_SIZE, 3 * ARENA_CHUNK_SIZE}, all[12];
    for (size_t i = 0; i < 12; i++) {
        uint64_t size = edges[i / 3] + i % 3 - 1, at, length;
        cr_assert_neq(all[i] = new_tail(&p, TEXT, size - 24), 0);
        cr_assert_eq(arena_tail(p.arena, all[i], &at, &length), 0);
        cr_assert_eq(length, size - 24);
        cr_assert_eq(arena_block_of(p.arena, all[i]),
                     size <= SHM_MAX_OBJECT ? SHM_MAX_OBJECT : chunks_of(size) * ARENA_CHUNK_SIZE);
        memset(p.frame.arena + at, (int)i + 1, length);
    }
    for (size_t i = 0; i < 12; i++)
        for (uint64_t k = 0, size = edges[i / 3] + i % 3 - 1; k < size - 24; k += 997)
            cr_assert_eq(p.frame.arena[all[i] + 24 + k], i + 1);
    check(&p);
    for (size_t i = 0; i < 12; i++)
        drop(&p, all[i * 5 % 12]);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}

Test(arena_runs, only_its_beginning_is_a_reference) {
    Peer p = fix_peer();
    uint64_t o = new_tail(&p, FLOATS, 100000), at, length;
    uint32_t id;
    arena_share(&p.frame, o);
    cr_assert_eq(arena_check_ref(p.arena, o, &id), 0);
    cr_assert_eq(id, FLOATS);
    uint64_t inside[] = {16, 32, 65536, ARENA_CHUNK_SIZE, 2 * ARENA_CHUNK_SIZE, 3 * ARENA_CHUNK_SIZE};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        cr_assert_neq(arena_check_ref(p.arena, o + inside[i], &id), 0, "%lu", inside[i]);
        cr_assert_neq(arena_tail(p.arena, o + inside[i], &at, &length), 0, "%lu", inside[i]);
    }
    drop(&p, o);
    cr_assert_neq(arena_check_ref(p.arena, o, &id), 0, "freed, or waiting to be");
    arena_detach(p.arena);
}

Test(arena_runs, references_in_every_chunk_of_one) {
    Peer p = fix_peer(), q = fix_peer();
    enum { N = 100000 };
    uint64_t store = new_tail(&p, STORE, N), shared = new_leaf(&q);
    for (uint32_t i = 0; i < N; i += 1000)
        set_ref(&p, store, STORE_TAIL + 8 * i, new_node(&p));
    set_ref(&p, store, STORE_TAIL + 8 * (N - 1), new_leaf(&p));
    check(&p);
    drop(&p, store);
    cr_assert_eq(stats(&p).objects, 1);
    store = new_tail(&p, STORE, N);
    for (uint32_t i = 0; i < N; i += 1000)
        set_ref(&p, store, STORE_TAIL + 8 * i, new_node(&p));
    arena_share(&p.frame, store);
    arena_share(&q.frame, shared);
    cr_assert_eq(stats(&p).shared_objects, 102);
    set_ref(&q, store, STORE_TAIL + 8 * (N - 1), shared);
    check(&p);
    set_ref(&p, get_ref(&p, store, STORE_TAIL), NODE_NEXT, store); /* with its one count: a cycle */
    cr_assert_eq(arena_collect(q.arena, 10000), 102);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* Whoever frees a run has its chunks given back at once, whoever made it; and what is free at the end is used with new ones. */
Test(arena_runs, chunks_come_back_from_others) {
    fix_close();
    fix_open_quota(24 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    for (int i = 0; i < 20; i++) {
        uint64_t o = new_tail(&p, TEXT, 10 * ARENA_CHUNK_SIZE), again;
        cr_assert_neq(o, 0);
        cr_assert_eq(SHM_CHUNK_ROW(state_of(&p, o, 0)), p.frame.alloc->row);
        cr_assert_eq(state_of(&p, o, 10), SHM_CHUNK_STATE(SHM_CLASS_REST, 0));
        arena_share(&p.frame, o);
        cr_assert_eq(arena_root_add(q.arena, o), 0);
        cr_assert_eq(new_tail(&r, TEXT, 20 * ARENA_CHUNK_SIZE), 0);
        arena_root_drop(q.arena, o);
        drop(&q, o);
        arena_poll(q.arena);
        arena_poll(q.arena);
        cr_assert_neq(again = new_tail(&r, TEXT, 20 * ARENA_CHUNK_SIZE), 0);
        check(&p);
        drop(&r, again);
    }
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_runs, one_outlives_its_maker) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t o = new_tail(&p, FLOATS, 1000000), small;
    arena_share(&p.frame, o);
    cr_assert_eq(arena_incref_live(q.arena, o), 0);
    cr_assert_eq(arena_root_add(q.arena, o), 0);
    drop(&p, o);
    arena_detach(p.arena);
    cr_assert_eq(state_of(&q, o, 0), SHM_CHUNK_STATE(SHM_CLASS_RUN, 0));
    check(&q);
    cr_assert_neq(small = new_node(&q), 0); /* looking for a chunk passes it by */
    arena_root_drop(q.arena, o);
    drop(&q, o);
    drop(&q, small);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_runs, full_is_an_error_and_loses_nothing) {
    fix_close();
    fix_open_quota(32 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer();
    uint64_t o;
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(arena_new_tail(p.arena, TEXT, 32 * ARENA_CHUNK_SIZE, &o), -ENOMEM, "33 chunks");
        cr_assert_eq(arena_new_tail(p.arena, TEXT, 32 * ARENA_CHUNK_SIZE - 24, &o), 0, "all of it");
        cr_assert_eq(new_node(&p), 0);
        cr_assert_eq(new_tail(&p, TEXT, 100000), 0);
        check(&p);
        drop(&p, o);
        uint64_t head = JITD_NONE, node;
        while ((node = new_node(&p))) { /* and all of it once more, in small pieces */
            set_ref(&p, node, NODE_NEXT, head);
            head = node;
        }
        cr_assert_eq(stats(&p).objects, 32 * shm_chunk_blocks(3));
        cr_assert_eq(new_tail(&p, TEXT, 100000), 0);
        drop(&p, head);
        check(&p);
    }
    arena_detach(p.arena);
}

/* Freed chunks that are not in a row are no run; they serve what is smaller. */
Test(arena_runs, what_is_in_pieces) {
    fix_close();
    fix_open_quota(32 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer();
    uint64_t all[16], o;
    for (int i = 0; i < 16; i++)
        cr_assert_neq(all[i] = new_tail(&p, TEXT, 2 * ARENA_CHUNK_SIZE - 24), 0);
    for (int i = 0; i < 16; i += 2)
        drop(&p, all[i]);
    cr_assert_eq(new_tail(&p, TEXT, 2 * ARENA_CHUNK_SIZE), 0, "16 chunks are free, but no 3 in a row");
    for (int i = 0; i < 16; i += 2)
        cr_assert_neq(all[i] = new_tail(&p, TEXT, 2 * ARENA_CHUNK_SIZE - 24), 0);
    drop(&p, all[4]);
    drop(&p, all[5]);
    cr_assert_neq(o = new_tail(&p, TEXT, 3 * ARENA_CHUNK_SIZE), 0);
    drop(&p, o);
    check(&p);
    arena_detach(p.arena);
}

Test(arena_runs, of_an_unknown_class_each_word_counts) {
    Peer p = fix_peer();
    uint64_t own = new_tail(&p, STORE, 100000), kept = new_node(&p);
    arena_share(&p.frame, own);
    set_ref(&p, own, STORE_TAIL + 8 * 99999, kept);
    uint64_t head = object(&p, own)->head;
    object(&p, own)->head = SHM_HEAD(TABLE_OWN_CLASSES + 5, SHM_STATE_SHARED, p.frame.alloc->row);
    cr_assert_eq(arena_collect(p.arena, 10000), 0);
    cr_assert_eq(stats(&p).objects, 2);
    object(&p, own)->head = head;
    cr_assert_eq(arena_collect(p.arena, 10000), 2);
    arena_detach(p.arena);
}

Test(arena_runs, one_with_a_proxy_is_shared_before_a_fork) {
    Peer p = fix_peer();
    uint64_t with = new_tail(&p, STORE, 50000), without = new_tail(&p, STORE, 50000), leaf = new_leaf(&p);
    set_ref(&p, with, STORE_TAIL + 8 * 49999, leaf);
    cr_assert_eq(arena_root_add(p.arena, with), 0);
    cr_assert_eq(arena_before_fork(p.arena), 0);
    cr_assert(shm_is_shared(object(&p, with)) && shm_is_shared(object(&p, leaf)));
    cr_assert_not(shm_is_shared(object(&p, without)));
    check(&p);
    arena_detach(p.arena);
}

/* Private ones of a process go uncounted, a shared one is let go of, and what it held, too. */
Test(arena_runs, a_death_gives_them_back) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t kept = new_leaf(&q), mine = new_tail(&p, STORE, 50000), published = new_tail(&p, STORE, 50000);
    arena_share(&q.frame, kept);
    cr_assert_eq(arena_root_add(q.arena, kept), 0);
    shm_incref(&p.frame, kept);
    shm_incref(&p.frame, kept);
    set_ref(&p, mine, STORE_TAIL + 8 * 49999, kept);
    set_ref(&p, published, STORE_TAIL + 8 * 40000, kept);
    arena_share(&p.frame, published);
    cr_assert_eq(arena_root_add(p.arena, published), 0);
    arena_owner_mark_dead(&fix_owner, p.frame.alloc->row);
    close(p.arena->fd);
    arena_unmap(p.arena);
    check(&q);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 1);
    cr_assert_eq(object(&q, kept)->refs, 1);
    check(&q);
    arena_detach(q.arena);
}

/* ---- where the broker is gone ---- */

static int gone(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    (void)arg, (void)chunks, (void)whole, (void)ret_first, (void)ret_count;
    return -ENOTCONN;
}

Test(arena_runs, clients_of_a_dead_broker_take_chunks_in_a_row) {
    fix_close();
    fix_open_quota(40 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer(), q = fix_peer(); /* q's broker lives after all */
    p.arena->ops.grow = gone;
    uint64_t a = new_tail(&p, TEXT, 10 * ARENA_CHUNK_SIZE), b = new_tail(&q, TEXT, 10 * ARENA_CHUNK_SIZE);
    uint64_t c = new_tail(&p, TEXT, 10 * ARENA_CHUNK_SIZE);
    cr_assert(a && b && c);
    cr_assert_eq(new_tail(&p, TEXT, 10 * ARENA_CHUNK_SIZE), 0, "7 are left");
    cr_assert_eq(stats(&p).bytes_committed, 33 * ARENA_CHUNK_SIZE, "and not begun with");
    drop(&p, c);
    cr_assert_neq(c = new_tail(&p, TEXT, 17 * ARENA_CHUNK_SIZE), 0, "11 that are free at the end, and 7");
    cr_assert_eq(stats(&p).bytes_committed, 40 * ARENA_CHUNK_SIZE);
    check(&p);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* ---- the broker's part ---- */

Test(arena_runs, memory_is_made_ready_in_steps) {
    Peer p = fix_peer(), q = fix_peer();
    uint32_t first, count;
    for (uint32_t i = 1; i <= 4; i++) {
        cr_assert_eq(arena_owner_grow_whole(&fix_owner, 1, 300, &first), -EAGAIN);
        cr_assert_eq(fix_owner.prepared, 64 * i);
    }
    cr_assert_eq(arena_owner_grow(&fix_owner, 2, 10, &first, &count), 0, "others have what they want meanwhile");
    cr_assert(first == 0 && count == 10);
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, 1, 300, &first), 0);
    cr_assert(first == 10 && fix_owner.next_chunk == 310 && fix_owner.prepared == 310);
    for (uint32_t i = 0; i < 300; i++)
        cr_assert_eq(arena_chunk_state(p.arena, 10 + i), SHM_CHUNK_STATE(0, 1));
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, 1, 0, &first), -EINVAL);
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, ARENA_MAX_ROWS, 1, &first), -EINVAL);
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, 1, UINT32_MAX, &first), -ENOSPC);
    cr_assert_eq(fix_owner.prepared, 310, "what cannot be is not begun");
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* A client that believes the broker dead is faster: the broken row's chunks are for anybody. */
Test(arena_runs, a_row_that_somebody_breaks) {
    Peer p = fix_peer();
    uint32_t first;
    atomic_store(&arena_chunk(p.arena, 5)->state, SHM_CHUNK_STATE(0, 77));
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, 1, 20, &first), 0);
    cr_assert_eq(first, 20);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(arena_chunk_state(p.arena, i), i == 5 ? SHM_CHUNK_STATE(0, 77) : 0);
    cr_assert_eq(p.arena->header->unowned, 20); /* less one, when he has said so */
    for (uint32_t i = 40; i < p.arena->nchunks; i++)
        atomic_store(&arena_chunk(p.arena, i)->state, SHM_CHUNK_STATE(0, 77));
    uint32_t before = fix_owner.prepared;
    int r = -EAGAIN;
    while (r == -EAGAIN)
        r = arena_owner_grow_whole(&fix_owner, 1, 20, &first);
    cr_assert_eq(r, -ENOSPC);
    cr_assert_leq(fix_owner.prepared - before, 64);
    arena_detach(p.arena);
}

/* ---- a directory that lies ---- */

Test(arena_runs, a_false_length_is_found) {
    Peer p = fix_peer();
    uint64_t o = new_tail(&p, STORE, 100000), at, length; /* 4 chunks, and nothing behind them */
    uint32_t lies[] = {0, 1, 3, 5, 1000, UINT32_MAX}, id, chunk = arena_chunk_of(p.arena, o);
    char text[256];
    arena_share(&p.frame, o);
    cr_assert_eq(arena_block_of(p.arena, o), 4 * ARENA_CHUNK_SIZE);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        arena_chunk(p.arena, chunk)->run = lies[i];
        cr_assert_neq(arena_check(p.arena, text, sizeof text), 0, "%u", lies[i]);
        cr_assert_leq(arena_block_of(p.arena, o), 4 * ARENA_CHUNK_SIZE);
        if (lies[i] < 4) {
            cr_assert_neq(arena_check_ref(p.arena, o, &id), 0, "%u", lies[i]);
            cr_assert_lt(arena_tail(p.arena, o, &at, &length), 0, "%u", lies[i]);
        }
    }
    arena_chunk(p.arena, chunk)->run = 4;
    atomic_store(&arena_chunk(p.arena, chunk + 2)->state, 0);
    cr_assert_neq(arena_check(p.arena, text, sizeof text), 0, "a hole in a run");
    atomic_store(&arena_chunk(p.arena, chunk + 2)->state, SHM_CHUNK_STATE(SHM_CLASS_REST, 0));
    check(&p);
    atomic_store(&arena_chunk(p.arena, chunk)->state, 0);
    cr_assert_neq(arena_check(p.arena, text, sizeof text), 0, "the rest of no run");
    atomic_store(&arena_chunk(p.arena, chunk)->state, SHM_CHUNK_STATE(SHM_CLASS_RUN, p.frame.alloc->row));
    drop(&p, o);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}
