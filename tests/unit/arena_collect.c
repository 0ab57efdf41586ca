/* Garbage is found, and nothing else is taken for it: roots of every kind, those in hand, and the deaths of who publishes. */
#include "tests/unit/arena_fixture.h"

TestSuite(arena_collect, .init = fix_open, .fini = fix_close);

#define WAIT_MS 10000

static uint64_t shared_node(Peer *p) {
    uint64_t node = new_node(p);
    arena_share(&p->frame, node);
    return node;
}

/* As if killed: what it has in the arena stays as it is, its private memory is gone. */
static void abandon(Peer *p) {
    arena_owner_mark_dead(&fix_owner, p->frame.alloc->row);
    close(p->arena->fd);
    arena_unmap(p->arena);
}

Test(arena_collect, counts_too_high_and_cycles) {
    Peer p = fix_peer();
    uint64_t a = shared_node(&p), b = shared_node(&p), kept = shared_node(&p);
    cr_assert_eq(arena_root_add(p.arena, kept), 0);
    set_ref(&p, a, NODE_NEXT, b); /* b's one count */
    shm_incref(&p.frame, a);
    set_ref(&p, b, NODE_NEXT, a); /* a cycle, and a count of nobody's besides */
    shm_incref(&p.frame, kept);
    set_ref(&p, b, NODE_OTHER, kept);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 2);
    cr_assert_eq(object(&p, kept)->refs, 1);
    cr_assert_eq(stats(&p).objects, 1);
    check(&p);
    arena_root_drop(p.arena, kept);
    drop(&p, kept);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

/* In limbo, though the holder refers to it. */
static uint64_t suspect(Peer *p, uint64_t holder) {
    uint64_t child = shared_node(p), entry;
    set_ref(p, holder, NODE_NEXT, child);
    arena_enter(p->arena);
    cr_assert(limbo_flag(p->arena, child, shm_head(object(p, child)), &entry));
    arena_leave(p->arena);
    return entry;
}

/* r reads the holder's child, and then p takes it away, when q, who has it in limbo, waits already. */
static void see_that_it_waits(Peer *p, Peer *q, Peer *r, uint64_t holder) {
    limbo_poll(q->arena, 1);
    arena_enter(r->arena);
    cr_assert(shm_is_object(get_ref(r, holder, NODE_NEXT)));
    set_ref(p, holder, NODE_NEXT, JITD_NONE);
    cr_assert_eq(stats(q).objects, 2, "r still has it");
    arena_leave(r->arena);
    cr_assert_eq(stats(q).objects, 1);
    check(q);
}

Test(arena_collect, a_suspect_that_was_put_back_waits_for_its_last_readers) {
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    uint64_t holder = shared_node(&p);
    limbo_put_back(q.arena, suspect(&q, holder));
    see_that_it_waits(&p, &q, &r, holder);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_collect, a_dead_collectors_suspect_waits_for_its_last_readers) {
    Peer p = fix_peer(), dead = fix_peer(), q = fix_peer(), r = fix_peer();
    uint64_t holder = shared_node(&p);
    uint32_t row = dead.frame.alloc->row;
    suspect(&dead, holder);
    abandon(&dead);
    limbo_adopt(q.arena, row);
    see_that_it_waits(&p, &q, &r, holder);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_collect, whatever_holds_keeps) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t rooted = shared_node(&p), named = shared_node(&p), noted = shared_node(&p), by_private = shared_node(&p);
    uint64_t child = shared_node(&p), private = new_node(&q);
    cr_assert_eq(arena_root_add(q.arena, rooted), 0);
    set_ref(&p, rooted, NODE_OTHER, child);
    arena_owner_name(&fix_owner, 7, named);
    cr_assert_eq(arena_publish_begin(q.arena, &q.frame, noted), 0);
    set_ref(&q, private, NODE_NEXT, by_private);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 0);
    cr_assert_eq(stats(&p).objects, 6);
    arena_owner_name(&fix_owner, 7, 0);
    arena_publish_end(q.arena, 0, noted, PUBLISH_REFUSED, 0);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 2);
    check(&p);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_collect, nothing_is_freed_that_somebody_may_have_in_hand) {
    Peer p = fix_peer(), q = fix_peer();
    shared_node(&p); /* its count is in nobody's hand, for all that can be known */
    arena_enter(q.arena);
    cr_assert_eq(arena_collect(p.arena, 20), -EAGAIN);
    uint32_t nest = arena_pause(q.arena);
    shared_node(&p);
    cr_assert_eq(arena_collect(p.arena, 20), -EAGAIN, "in a pause it may be, too");
    arena_resume(q.arena, nest);
    arena_leave(q.arena);
    cr_assert_eq(stats(&p).objects, 2);
    cr_assert_eq(arena_collect(q.arena, WAIT_MS), 2);
    arena_enter(p.arena);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), -EBUSY);
    arena_leave(p.arena);
    check(&p);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_collect, an_unknown_class_is_taken_word_by_word) {
    Peer p = fix_peer();
    uint64_t own = shared_node(&p), kept = shared_node(&p);
    set_ref(&p, own, NODE_NEXT, kept);
    uint64_t head = object(&p, own)->head;
    object(&p, own)->head = SHM_HEAD(TABLE_OWN_CLASSES + 5, SHM_STATE_SHARED, p.frame.alloc->row);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 0);
    cr_assert_eq(stats(&p).objects, 2);
    object(&p, own)->head = head;
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 2);
    arena_detach(p.arena);
}

/* ---- publishing ---- */

enum { PLACE = 3 };

/* Dies after `done` of: counted and noted; given by the broker; taken note of by the client. What is left is what names hold. */
static void die_publishing(int done) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t old = shared_node(&q), new = shared_node(&p);
    arena_owner_name(&fix_owner, PLACE, old); /* with its one count */
    cr_assert_eq(arena_root_add(p.arena, new), 0);
    int note = arena_publish_begin(p.arena, &p.frame, new);
    uint32_t row = p.frame.alloc->row;
    if (done > 0)
        cr_assert_eq(arena_owner_publish(&fix_owner, row, (uint32_t)note, PLACE, new, old), 0);
    if (done > 1)
        arena_publish_end(p.arena, note, new, PUBLISH_DONE, old);
    abandon(&p);
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 1);
    cr_assert_eq(object(&q, done ? new : old)->refs, 1);
    check(&q);
    if (!done)
        cr_assert_eq(arena_owner_publish(&fix_owner, row, (uint32_t)note, PLACE, new, old), -ECANCELED,
                     "a late broker");
    arena_detach(q.arena);
}

Test(arena_collect, who_dies_publishing_leaves_no_count) {
    for (int done = 0; done < 3; done++)
        die_publishing(done);
}

Test(arena_collect, what_a_name_stood_for_before_is_held_no_more) {
    Peer p = fix_peer();
    uint64_t old = shared_node(&p);
    shm_incref(&p.frame, old);
    set_ref(&p, old, NODE_NEXT, old);
    arena_owner_name(&fix_owner, PLACE, old); /* with the other count */
    int note = arena_publish_begin(p.arena, &p.frame, 0);
    cr_assert_eq(arena_owner_publish(&fix_owner, p.frame.alloc->row, (uint32_t)note, PLACE, 0, old), 0);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 0, "its count is the note's");
    arena_publish_end(p.arena, note, 0, PUBLISH_DONE, old);
    cr_assert_eq(arena_collect(p.arena, WAIT_MS), 1);
    arena_detach(p.arena);
}

Test(arena_collect, a_publication_that_may_come_late_is_cancelled) {
    Peer p = fix_peer();
    uint64_t node = shared_node(&p), other = shared_node(&p);
    cr_assert_eq(arena_root_add(p.arena, node), 0);
    int note = arena_publish_begin(p.arena, &p.frame, node);
    arena_publish_end(p.arena, note, node, PUBLISH_UNKNOWN, 0);
    cr_assert_eq(object(&p, node)->refs, 1);
    cr_assert_eq(arena_owner_publish(&fix_owner, 1, (uint32_t)note, PLACE, node, 0), -ECANCELED);
    cr_assert_neq(arena_publish_begin(p.arena, &p.frame, node), note, "the request may still be on its way");
    cr_assert_eq(arena_publish_begin(p.arena, &p.frame, other), note);
    cr_assert_eq(arena_publish_begin(p.arena, &p.frame, other), -1, "all are taken: it is done without");
    cr_assert_eq(arena_owner_publish(&fix_owner, 1, SHM_ROW_NOTES, PLACE, node, 0), -EINVAL);
    arena_detach(p.arena);
}
