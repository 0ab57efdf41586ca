/* Objects with a tail: made, traced, shared, released, given back after a death; and a length word that lies is not followed. */
#include "tests/unit/arena_fixture.h"

TestSuite(arena_tail, .init = fix_open, .fini = fix_close);

static uint64_t *length_word(Peer *p, uint64_t o) {
    return (uint64_t *)(p->frame.arena + o + SHM_TAIL_LENGTH);
}

static uint64_t store_of(Peer *p, uint64_t n, uint64_t (*make)(Peer *)) {
    uint64_t store = new_tail(p, STORE, n);
    cr_assert_neq(store, 0);
    for (uint32_t i = 0; i < n; i++)
        set_ref(p, store, STORE_TAIL + 8 * i, make(p));
    return store;
}

Test(arena_tail, every_length_has_its_place) {
    Peer p = fix_peer();
    uint64_t at, length, n = 0;
    for (uint64_t want = 0; want <= SHM_MAX_OBJECT - 24; want += 1 + want / 7, n++) {
        uint64_t o = new_tail(&p, TEXT, want);
        cr_assert_neq(o, 0, "%lu", want);
        cr_assert_eq(arena_tail(p.arena, o, &at, &length), 0);
        cr_assert_eq(at, o + 24);
        cr_assert_eq(length, want);
        for (uint64_t i = 0; i < want; i++)
            cr_assert_eq(p.frame.arena[at + i], 0);
        memset(p.frame.arena + at, 0xff, want);
        check(&p);
        drop(&p, o);
    }
    cr_assert_gt(n, 50);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

Test(arena_tail, what_cannot_be_made) {
    Peer p = fix_peer();
    uint64_t o = 7, leaf = new_leaf(&p), at, length;
    cr_assert_eq(arena_new_tail(p.arena, NODE, 1, &o), -EINVAL);
    cr_assert_eq(arena_new_tail(p.arena, 0, 1, &o), -EINVAL);
    cr_assert_eq(arena_new_tail(p.arena, 77, 1, &o), -EINVAL);
    cr_assert_eq(arena_new_tail(p.arena, UINT32_MAX, 1, &o), -EINVAL);
    uint64_t lengths[] = {(uint64_t)2 << 30,  (uint64_t)1 << 40, UINT64_MAX / 8,
                          UINT64_MAX / 8 + 1, UINT64_MAX - 23,   UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        cr_assert_eq(arena_new_tail(p.arena, TEXT, lengths[i], &o), -ENOMEM, "%lu", lengths[i]);
        cr_assert_eq(arena_new_tail(p.arena, STORE, lengths[i], &o), -ENOMEM, "%lu", lengths[i]);
    }
    cr_assert_eq(o, 7);
    cr_assert_eq(arena_tail(p.arena, leaf, &at, &length), -EINVAL, "it has none");
    cr_assert_eq(arena_tail(p.arena, leaf + 8, &at, &length), -EINVAL);
    cr_assert_eq(arena_tail(p.arena, UINT64_MAX, &at, &length), -EINVAL);
    check(&p);
    arena_detach(p.arena);
}

Test(arena_tail, its_references_are_released_with_it) {
    Peer p = fix_peer();
    uint64_t store = store_of(&p, 1000, new_leaf), text = new_tail(&p, TEXT, 100);
    set_ref(&p, store, STORE_OWNER, text);
    set_ref(&p, store, STORE_TAIL, new_tail(&p, STORE, 3)); /* in the place of a leaf */
    memset(p.frame.arena + text + 24, 0x7f, 100);           /* nothing that is traced */
    check(&p);
    cr_assert_eq(stats(&p).objects, 1002);
    drop(&p, store);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}

/* A list of ten thousand stores, each in the one before: no recursion. */
Test(arena_tail, long_chains) {
    Peer p = fix_peer();
    uint64_t head = JITD_NONE;
    for (int i = 0; i < 10000; i++) {
        uint64_t store = new_tail(&p, STORE, (uint64_t)i % 20 + 1);
        set_ref(&p, store, STORE_TAIL + 8 * ((uint32_t)i % 20), head);
        head = store;
    }
    shm_incref(&p.frame, head);
    arena_share(&p.frame, head);
    cr_assert_eq(stats(&p).shared_objects, 10000);
    check(&p);
    drop(&p, head);
    drop(&p, head);
    for (int i = 0; i < 40; i++)
        arena_poll(p.arena);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

Test(arena_tail, sharing_takes_the_tail_with_it) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t store = store_of(&p, 300, new_node), numbers = new_tail(&p, FLOATS, 50), late = new_leaf(&p);
    set_ref(&p, store, STORE_OWNER, numbers);
    memset(p.frame.arena + numbers + 24, 0x11, 400);
    arena_share(&p.frame, store);
    cr_assert_eq(stats(&p).shared_objects, 302);
    set_ref(&p, store, STORE_TAIL + 8 * 299, late);
    cr_assert(shm_is_shared(object(&p, late)));
    cr_assert_eq(arena_incref_live(q.arena, store), 0);
    cr_assert_eq(arena_root_add(q.arena, store), 0);
    drop(&p, store);
    check(&p);
    arena_detach(p.arena);
    uint32_t id;
    cr_assert_eq(arena_check_ref(q.arena, store, &id), 0);
    cr_assert_eq(id, STORE);
    check(&q);
    arena_root_drop(q.arena, store);
    drop(&q, store);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
}

static void abandon(Peer *p) {
    arena_owner_mark_dead(&fix_owner, p->frame.alloc->row);
    close(p->arena->fd);
    arena_unmap(p->arena);
}

Test(arena_tail, a_death_gives_back_what_tails_hold) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t shared = new_leaf(&q), mine = store_of(&p, 100, new_leaf);
    arena_share(&q.frame, shared);
    cr_assert_eq(arena_root_add(q.arena, shared), 0);
    shm_incref(&p.frame, shared);
    set_ref(&p, mine, STORE_TAIL + 8 * 50, shared);
    uint64_t published = store_of(&p, 100, new_leaf);
    arena_share(&p.frame, published);
    cr_assert_eq(arena_root_add(p.arena, published), 0);
    abandon(&p);
    check(&q);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 1);
    cr_assert_eq(object(&q, shared)->refs, 1);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_tail, garbage_is_found_through_tails) {
    Peer p = fix_peer();
    uint64_t store = store_of(&p, 10, new_node), kept = new_leaf(&p);
    arena_share(&p.frame, store);
    arena_share(&p.frame, kept);
    cr_assert_eq(arena_root_add(p.arena, kept), 0);
    shm_incref(&p.frame, kept);
    set_ref(&p, store, STORE_TAIL + 8 * 9, kept);
    set_ref(&p, get_ref(&p, store, STORE_TAIL), NODE_NEXT, store); /* with its one count: a cycle */
    cr_assert_eq(arena_collect(p.arena, 10000), 10);
    cr_assert_eq(object(&p, kept)->refs, 1);
    cr_assert_eq(stats(&p).objects, 1);
    check(&p);
    arena_detach(p.arena);
}

/* ---- a length word that lies ---- */

static int errors_of(Peer *p) {
    char text[256];
    return arena_check(p->arena, text, sizeof text);
}

Test(arena_tail, a_length_is_held_against_the_block) {
    Peer p = fix_peer();
    uint64_t store = store_of(&p, 4, new_leaf), at, length;
    uint64_t lies[] = {0, 2, 5, 1000, 1ull << 32, 1ull << 60, UINT64_MAX / 8, UINT64_MAX};
    uint32_t id;
    arena_share(&p.frame, store);
    cr_assert_eq(arena_block_of(p.arena, store), 64);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        *length_word(&p, store) = lies[i];
        cr_assert_neq(errors_of(&p), 0, "%lu", lies[i]);
        cr_assert_eq(arena_tail(p.arena, store, &at, &length), -EPROTO, "%lu", lies[i]);
        cr_assert_eq(arena_check_ref(p.arena, store, &id), -ENOENT, "%lu", lies[i]);
        cr_assert_leq(tail_length(p.arena, store, arena_class(p.arena, STORE)), 4);
    }
    *length_word(&p, store) = UINT64_MAX; /* and releasing goes no further than the block does */
    drop(&p, store);
    cr_assert_eq(stats(&p).objects, 0);
    cr_assert_eq(errors_of(&p), 0);
    arena_detach(p.arena);
}
