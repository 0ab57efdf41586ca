/* Deaths, played in one process: a client is abandoned where it stands, its row marked dead, and another one reaps. */
#include "tests/unit/arena_fixture.h"

TestSuite(arena_death, .init = fix_open, .fini = fix_close);

/* As if killed: what it has in the arena stays as it is, its private memory is gone. */
static void abandon(Peer *p) {
    arena_owner_mark_dead(&fix_owner, p->frame.alloc->row);
    close(p->arena->fd);
    arena_unmap(p->arena);
}

/* The broker marks a row when it comes to hear of the death, and a reaper comes later still. */
Test(arena_death, a_dead_row_is_consistent_before_it_is_reaped) {
    Peer p = fix_peer(), q = fix_peer();
    for (int i = 0; i < 1000; i++)
        set_ref(&p, new_node(&p), NODE_OTHER, new_leaf(&p));
    uint32_t row = p.frame.alloc->row;
    abandon(&p);
    check(&q);
    cr_assert_eq(arena_reap(q.arena), 1);
    check(&q);
    atomic_store(&arena_chunk(q.arena, 0)->state, SHM_CHUNK_STATE(0, row));
    char text[256];
    cr_assert_neq(arena_check(q.arena, text, sizeof text), 0, "but a reaped one has no chunks");
    arena_detach(q.arena);
}

/* Others may find a death before the broker has read all that the client sent. */
Test(arena_death, a_reaped_row_gets_no_chunks) {
    Peer p = fix_peer(), q = fix_peer();
    uint32_t row = p.frame.alloc->row, first, count;
    cr_assert_eq(arena_owner_grow(&fix_owner, row, 1, &first, &count), 0);
    arena_row(q.arena, row)->state = SHM_ROW_STATE(SHM_ROW_DEAD, 0); /* proof_bury */
    close(p.arena->fd);
    arena_unmap(p.arena);
    cr_assert_eq(arena_owner_grow(&fix_owner, row, 1, &first, &count), -EINVAL);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(arena_owner_grow(&fix_owner, row, 1, &first, &count), -EINVAL);
    cr_assert_eq(arena_owner_grow_whole(&fix_owner, row, 2, &first), -EINVAL);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_death, private_objects_go_with_it) {
    Peer p = fix_peer(), q = fix_peer();
    for (int i = 0; i < 10000; i++)
        set_ref(&p, new_node(&p), NODE_OTHER, new_leaf(&p));
    abandon(&p);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    cr_assert_eq(arena_reap(q.arena), 0);
    arena_detach(q.arena);
}

Test(arena_death, private_objects_let_go_of_shared_ones) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t shared = new_leaf(&q), mine = new_node(&p);
    arena_share(&q.frame, shared);
    cr_assert_eq(arena_root_add(q.arena, shared), 0);
    shm_incref(&p.frame, shared);
    set_ref(&p, mine, NODE_OTHER, shared);
    cr_assert_eq(object(&q, shared)->refs, 2);
    abandon(&p);
    arena_reap(q.arena);
    cr_assert_eq(object(&q, shared)->refs, 1);
    cr_assert_eq(stats(&q).objects, 1);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_death, roots_are_given_back) {
    Peer p = fix_peer(), q = fix_peer();
    enum { N = 1000 }; /* more than fit into the row */
    for (int i = 0; i < N; i++) {
        uint64_t o = new_leaf(&p);
        arena_share(&p.frame, o);
        cr_assert_eq(arena_root_add(p.arena, o), 0);
    }
    cr_assert_eq(stats(&q).shared_objects, N);
    abandon(&p);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_death, limbo_is_taken_over) {
    Peer p = fix_peer(), q = fix_peer(), reader = fix_peer();
    uint64_t list = JITD_NONE;
    for (int i = 0; i < 5; i++) {
        uint64_t node = new_node(&p);
        set_ref(&p, node, NODE_NEXT, list);
        list = node;
    }
    arena_share(&p.frame, list);
    arena_enter(reader.arena);
    drop(&p, list);
    arena_poll(p.arena);
    abandon(&p);
    arena_reap(q.arena);
    cr_assert_eq(stats(&q).objects, 5, "the reader still sees them");
    arena_leave(reader.arena);
    for (int i = 0; i < 20; i++)
        arena_poll(q.arena);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
    arena_detach(reader.arena);
}

Test(arena_death, in_an_epoch_does_not_hold_up_the_others) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t o = new_leaf(&q);
    arena_share(&q.frame, o);
    arena_enter(p.arena);
    drop(&q, o);
    cr_assert_eq(stats(&q).objects, 1);
    abandon(&p);
    arena_reap(q.arena);
    cr_assert_eq(stats(&q).objects, 0);
    arena_detach(q.arena);
}

Test(arena_death, a_half_made_sharing_counts_as_none) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t a = new_node(&p), b = new_node(&p);
    set_ref(&p, a, NODE_NEXT, b);
    p.arena->me->sharing = 1;
    object(&p, a)->head = SHM_HEAD(NODE, SHM_STATE_SHARED, p.frame.alloc->row) | SHM_SHARING;
    object(&p, b)->head = SHM_HEAD(NODE, SHM_STATE_PRIVATE, p.frame.alloc->row) | SHM_SHARING;
    abandon(&p);
    arena_reap(q.arena);
    cr_assert_eq(stats(&q).objects, 0);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_death, a_made_sharing_stands) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t a = new_node(&p), b = new_node(&p);
    set_ref(&p, a, NODE_NEXT, b);
    arena_share(&p.frame, a);
    cr_assert_eq(arena_incref_live(q.arena, a), 0);
    cr_assert_eq(arena_root_add(q.arena, a), 0);
    drop(&p, a);
    object(&p, b)->head |= SHM_SHARING; /* died before the last mark was off */
    abandon(&p);
    arena_reap(q.arena);
    cr_assert_eq(stats(&q).objects, 2);
    cr_assert_eq(object(&q, b)->head & SHM_SHARING, 0);
    arena_root_drop(q.arena, a);
    drop(&q, a);
    cr_assert_eq(stats(&q).objects, 0);
    arena_detach(q.arena);
}

Test(arena_death, a_dead_reapers_claim_is_lifted) {
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    for (int i = 0; i < 100; i++)
        new_node(&p);
    uint32_t row = p.frame.alloc->row, reaper = q.frame.alloc->row;
    uint32_t claim = SHM_ROW_CLAIM(reaper, arena_row(q.arena, reaper)->state);
    abandon(&p);
    arena_row(r.arena, row)->state = SHM_ROW_STATE(SHM_ROW_REAPING, claim);
    cr_assert_eq(arena_reap(r.arena), 0, "somebody alive is at it");
    abandon(&q);
    cr_assert_eq(arena_reap(r.arena), 2);
    cr_assert_eq(stats(&r).objects, 0);
    check(&r);
    arena_detach(r.arena);
}

Test(arena_death, rows_and_chunks_are_used_again) {
    Peer q = fix_peer();
    uint64_t committed = 0;
    for (int i = 0; i < 3000; i++) { /* more than there are rows */
        Peer p = fix_peer();
        new_node(&p);
        new_leaf(&p);
        abandon(&p);
        cr_assert_eq(arena_reap(q.arena), 1);
        if (i == 10)
            committed = stats(&q).bytes_committed;
    }
    cr_assert_eq(stats(&q).bytes_committed, committed);
    check(&q);
    arena_detach(q.arena);
}

Test(arena_death, orphaned_chunks_serve_the_next_ones) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t kept[100], committed;
    for (int i = 0; i < 100; i++) { /* one live object in each chunk */
        kept[i] = new_node(&p);
        for (uint32_t j = 1; j < shm_chunk_blocks(3); j++)
            new_node(&p);
        arena_share(&p.frame, kept[i]);
        arena_root_add(q.arena, kept[i]);
    }
    abandon(&p);
    arena_reap(q.arena);
    committed = stats(&q).bytes_committed;
    cr_assert_eq(stats(&q).objects, 100);
    uint64_t list = JITD_NONE;
    for (uint32_t i = 0; i < 99 * shm_chunk_blocks(3); i++) {
        uint64_t node = new_node(&q);
        set_ref(&q, node, NODE_NEXT, list);
        list = node;
    }
    cr_assert_eq(stats(&q).bytes_committed, committed);
    check(&q);
    for (int i = 0; i < 100; i++)
        drop(&q, kept[i]);
    drop(&q, list);
    cr_assert_eq(stats(&q).objects, 0);
    arena_detach(q.arena);
}
