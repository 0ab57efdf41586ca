/* The arena in one process: size classes, allocation, release, sharing, limbo, roots, remote frees, quota. */
#include "tests/unit/arena_fixture.h"
#include <sys/stat.h>

TestSuite(arena, .init = fix_open, .fini = fix_close);

Test(arena, size_classes_cover_every_size) {
    uint32_t before = 0;
    for (uint32_t size = 16; size <= SHM_MAX_OBJECT; size++) {
        uint32_t c = shm_size_class(size);
        cr_assert_geq(shm_class_block_size(c), size);
        cr_assert(c == before || c == before + 1 || size == 16, "no class is left out");
        if (c > 2)
            cr_assert_lt(shm_class_block_size(c - 1), size, "the smallest that fits");
        cr_assert_eq(shm_class_block_size(c) % 16, 0);
        before = c;
    }
    cr_assert_eq(before, SHM_CLASS_LAST);
}

Test(arena, new_objects_are_zeroed_and_distinct) {
    Peer p = fix_peer();
    uint64_t seen[5000];
    for (size_t i = 0; i < 5000; i++) {
        seen[i] = new_node(&p);
        cr_assert_neq(seen[i], 0);
        uint8_t *bytes = p.frame.arena + seen[i];
        for (size_t j = 16; j < 40; j++)
            cr_assert_eq(bytes[j], 0);
        memset(bytes + 16, 0, 24);
        bytes[16] = (uint8_t)i;
    }
    for (size_t i = 0; i < 5000; i++)
        cr_assert_eq(p.frame.arena[seen[i] + 16], (uint8_t)i);
    check(&p);
    cr_assert_eq(stats(&p).objects, 5000);
    for (size_t i = 0; i < 5000; i++)
        drop(&p, seen[i]);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}

Test(arena, freed_blocks_are_used_again) {
    Peer p = fix_peer();
    uint64_t committed = 0;
    for (int i = 0; i < 200000; i++) {
        uint64_t a = new_leaf(&p), b = new_big(&p);
        drop(&p, a);
        drop(&p, b);
        if (i == 100)
            committed = stats(&p).bytes_committed;
    }
    cr_assert_eq(stats(&p).bytes_committed, committed);
    arena_detach(p.arena);
}

static uint64_t list_of(Peer *p, size_t n) {
    uint64_t head = JITD_NONE;
    for (size_t i = 0; i < n; i++) {
        uint64_t node = new_node(p);
        cr_assert_neq(node, 0);
        set_ref(p, node, NODE_NEXT, head);
        head = node;
    }
    return head;
}

Test(arena, ten_million_nodes_are_released_without_recursion) {
    Peer p = fix_peer();
    drop(&p, list_of(&p, 10000000));
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

Test(arena, a_shared_list_is_released_in_few_epochs) {
    Peer p = fix_peer();
    uint64_t head = list_of(&p, 1000000);
    arena_share(&p.frame, head);
    cr_assert_eq(stats(&p).shared_objects, 1000000);
    drop(&p, head);
    for (int i = 0; i < 40; i++)
        arena_poll(p.arena);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}

Test(arena, memory_of_one_size_serves_another) {
    Peer p = fix_peer();
    drop(&p, list_of(&p, 200000));
    uint64_t committed = stats(&p).bytes_committed, big[50];
    for (size_t i = 0; i < 30; i++)
        big[i] = new_big(&p);
    cr_assert_eq(stats(&p).bytes_committed, committed);
    for (size_t i = 0; i < 30; i++)
        drop(&p, big[i]);
    check(&p);
    arena_detach(p.arena);
}

Test(arena, sharing_takes_the_closure_with_it) {
    Peer p = fix_peer();
    uint64_t a = new_node(&p), b = new_node(&p), c = new_leaf(&p), apart = new_leaf(&p);
    shm_incref(&p.frame, a);
    set_ref(&p, a, NODE_NEXT, b);
    set_ref(&p, b, NODE_NEXT, a); /* a cycle */
    set_ref(&p, b, NODE_OTHER, c);
    arena_share(&p.frame, a);
    cr_assert(shm_is_shared(object(&p, a)) && shm_is_shared(object(&p, b)) && shm_is_shared(object(&p, c)));
    cr_assert_not(shm_is_shared(object(&p, apart)));
    cr_assert_eq(shm_head(object(&p, b)) & SHM_SHARING, 0);
    cr_assert_eq(object(&p, a)->refs, 2);
    check(&p);
    arena_detach(p.arena);
}

Test(arena, storing_into_a_shared_object_shares) {
    Peer p = fix_peer();
    uint64_t a = new_node(&p), b = new_node(&p), c = new_leaf(&p);
    arena_share(&p.frame, a);
    set_ref(&p, b, NODE_NEXT, c);
    cr_assert_not(shm_is_shared(object(&p, c)));
    set_ref(&p, a, NODE_NEXT, b);
    cr_assert(shm_is_shared(object(&p, b)) && shm_is_shared(object(&p, c)));
    check(&p);
    drop(&p, a);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

static uint64_t told[4];
static void on_shared(void *arg, uint64_t o, uint32_t link) {
    (void)arg;
    told[0]++;
    told[1] = o;
    told[2] = link;
}

Test(arena, sharing_an_object_with_a_proxy_adds_its_root) {
    Peer p = fix_peer();
    p.arena->ops.shared = on_shared;
    uint64_t a = new_node(&p);
    object(&p, a)->link = 7;
    cr_assert_eq(arena_root_add(p.arena, a), 0);
    cr_assert_eq(p.arena->me->roots[0], 0);
    arena_share(&p.frame, a);
    cr_assert_eq(p.arena->me->roots[0], a);
    cr_assert_eq(object(&p, a)->link, 0);
    cr_assert(told[0] == 1 && told[1] == a && told[2] == 7);
    arena_root_drop(p.arena, a);
    cr_assert_eq(p.arena->me->roots[0], 0);
    drop(&p, a);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

Test(arena, many_roots) {
    Peer p = fix_peer();
    enum { N = 50000 };
    static uint64_t all[N];
    for (size_t i = 0; i < N; i++) {
        all[i] = new_leaf(&p);
        arena_share(&p.frame, all[i]);
        cr_assert_eq(arena_root_add(p.arena, all[i]), 0);
    }
    check(&p);
    for (size_t i = 0; i < N; i++) {
        size_t j = i * 7919 % N;
        arena_root_drop(p.arena, all[j]);
        drop(&p, all[j]);
        if (i % 10000 == 0)
            check(&p);
    }
    cr_assert_eq(p.arena->roots.used, 0);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

/* ---- two clients ---- */

Test(arena, an_object_outlives_its_maker) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t a = new_node(&p);
    arena_share(&p.frame, a);
    cr_assert_eq(arena_incref_live(q.arena, a), 0);
    cr_assert_eq(arena_root_add(q.arena, a), 0);
    drop(&p, a);
    arena_detach(p.arena);
    uint32_t id;
    cr_assert_eq(arena_check_ref(q.arena, a, &id), 0);
    cr_assert_eq(id, NODE);
    check(&q);
    arena_detach(q.arena);
    Peer r = fix_peer();
    cr_assert_eq(stats(&r).objects, 0);
    arena_detach(r.arena);
}

Test(arena, blocks_freed_by_another_come_back_to_the_owner) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t committed = 0;
    for (int round = 0; round < 200; round++) {
        uint64_t made[500];
        for (int i = 0; i < 500; i++) {
            made[i] = new_node(&p);
            arena_share(&p.frame, made[i]);
        }
        for (int i = 0; i < 500; i++)
            drop(&q, made[i]);
        arena_poll(q.arena);
        arena_poll(q.arena);
        if (round == 10)
            committed = stats(&p).bytes_committed;
    }
    cr_assert_eq(stats(&p).objects, 0);
    cr_assert_leq(stats(&p).bytes_committed, committed + 2 * ARENA_CHUNK_SIZE);
    check(&p);
    check(&q);
    arena_detach(p.arena);
    arena_detach(q.arena);
}

Test(arena, nothing_is_freed_under_a_reader) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t holder = new_node(&p), a = new_leaf(&p);
    set_ref(&p, holder, NODE_NEXT, a);
    arena_share(&p.frame, holder);
    arena_enter(q.arena);
    cr_assert_eq(get_ref(&q, holder, NODE_NEXT), a);
    set_ref(&p, holder, NODE_NEXT, JITD_NONE);
    cr_assert_eq(stats(&p).objects, 2, "the reader still has it");
    cr_assert_eq(arena_incref_live(q.arena, a), -ENOENT, "but may not take it from a name any more");
    arena_leave(q.arena);
    cr_assert_eq(stats(&p).objects, 1);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena, a_reader_can_revive) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t holder = new_node(&p), a = new_node(&p), child = new_leaf(&p);
    set_ref(&p, a, NODE_OTHER, child);
    set_ref(&p, holder, NODE_NEXT, a);
    arena_share(&p.frame, holder);
    arena_enter(q.arena);
    set_ref(&p, holder, NODE_NEXT, JITD_NONE);
    cr_assert(object(&p, child)->refs & SHM_REFS_LIMBO, "the family waits together");
    shm_store_ref(&q.frame, holder, NODE_OTHER, a, 0, arena_share, arena_release);
    arena_leave(q.arena);
    cr_assert_eq(stats(&p).objects, 3);
    cr_assert_eq(object(&p, a)->refs, 1);
    cr_assert_eq(object(&p, child)->refs, 1);
    check(&p);
    drop(&p, holder);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena, revived_and_dropped_again_waits_again) {
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    uint64_t holder = new_node(&p), a = new_leaf(&p);
    set_ref(&p, holder, NODE_NEXT, a);
    arena_share(&p.frame, holder);
    arena_enter(q.arena);
    set_ref(&p, holder, NODE_NEXT, JITD_NONE);
    arena_poll(p.arena); /* begins to wait for q */
    shm_store_ref(&q.frame, holder, NODE_OTHER, a, 0, arena_share, arena_release);
    arena_enter(r.arena); /* not waited for; reads it now */
    cr_assert_eq(get_ref(&r, holder, NODE_OTHER), a);
    shm_store_ref(&q.frame, holder, NODE_OTHER, JITD_NONE, 1, arena_share, arena_release);
    arena_leave(q.arena);
    cr_assert_eq(stats(&p).objects, 2, "r still has it");
    arena_leave(r.arena);
    cr_assert_eq(stats(&p).objects, 1);
    check(&p);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* Who comes after the revival is not waited for, and can read what the revived one refers to. */
Test(arena, a_child_is_taken_off_a_revived_parent_and_waits) {
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    uint64_t holder = new_node(&p), a = new_node(&p), child = new_leaf(&p);
    set_ref(&p, a, NODE_OTHER, child);
    set_ref(&p, holder, NODE_NEXT, a);
    arena_share(&p.frame, holder);
    arena_enter(q.arena);
    set_ref(&p, holder, NODE_NEXT, JITD_NONE);
    arena_poll(p.arena); /* begins to wait for q */
    shm_store_ref(&q.frame, holder, NODE_OTHER, a, 0, arena_share, arena_release);
    arena_enter(r.arena);
    cr_assert_eq(get_ref(&r, get_ref(&r, holder, NODE_OTHER), NODE_OTHER), child);
    shm_store_ref(&q.frame, a, NODE_OTHER, JITD_NONE, 1, arena_share, arena_release);
    arena_leave(q.arena);
    cr_assert_eq(stats(&p).objects, 3, "r still has it");
    arena_leave(r.arena);
    cr_assert_eq(stats(&p).objects, 2);
    check(&p);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* ---- another owner ---- */

/* It looks at no row and no name that was never used: their pages would be filled for it. */
Test(arena, taking_over_takes_no_memory) {
    Peer p = fix_peer(), q = fix_peer();
    struct stat before, after;
    ArenaOwner next;
    uint64_t named = new_leaf(&p);
    arena_share(&p.frame, named);
    arena_owner_name(&fix_owner, 7, named);
    cr_assert_eq(fstat(fix_owner.fd, &before), 0);
    cr_assert_eq(arena_owner_adopt(dup(fix_owner.fd), fix_owner.size, fix_owner.quota, &next), 0);
    cr_assert_eq(arena_owner_rows(&next), 3);
    cr_assert(next.lent[1] && next.lent[2] && !next.lent[3]);
    cr_assert_eq(fstat(fix_owner.fd, &after), 0);
    cr_assert_eq(before.st_blocks, after.st_blocks, "%ld blocks more", (long)(after.st_blocks - before.st_blocks));
    arena_owner_names_are_back(&next);
    cr_assert_eq(p.arena->names[7], 0);
    arena_owner_deinit(&next);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* ---- limits ---- */

Test(arena, full_is_a_trap_and_loses_nothing) {
    fix_close();
    fix_open_quota(8 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer();
    for (int round = 0; round < 3; round++) {
        uint64_t head = JITD_NONE, n = 0, node;
        while ((node = new_node(&p))) {
            set_ref(&p, node, NODE_NEXT, head);
            head = node;
            n++;
        }
        cr_assert_eq(p.frame.trap.kind, JITD_TRAP_MEMORY);
        cr_assert_eq(n, 8 * shm_chunk_blocks(shm_size_class(40)));
        check(&p);
        cr_assert_eq(new_big(&p), 0);
        drop(&p, head);
        uint64_t big = new_big(&p);
        cr_assert_neq(big, 0, "room again, of any size");
        drop(&p, big);
        check(&p);
    }
    arena_detach(p.arena);
}

Test(arena, full_finds_what_others_have_freed) {
    fix_close();
    fix_open_quota(8 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer(), q = fix_peer();
    for (int round = 0; round < 3; round++) {
        uint64_t list = JITD_NONE, node, big;
        while ((node = new_node(&p))) {
            set_ref(&p, node, NODE_NEXT, list);
            list = node;
        }
        arena_share(&p.frame, list);
        drop(&q, list); /* q frees all of it, in p's chunks */
        for (int i = 0; i < 10; i++)
            arena_poll(q.arena);
        cr_assert_neq(big = new_big(&p), 0);
        drop(&p, big);
        uint64_t last = new_big(&p);
        arena_share(&p.frame, last); /* our own limbo is too small for a batch */
        while ((big = new_big(&p))) {
            set_ref(&p, big, 16, last);
            last = big;
        }
        arena_share(&p.frame, last);
        drop(&p, last);
        cr_assert_neq(node = new_node(&p), 0);
        drop(&p, node);
        check(&p);
    }
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena, references_from_outside_are_checked) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t a = new_node(&p), b = new_node(&p);
    uint32_t id;
    arena_share(&p.frame, a);
    cr_assert_eq(arena_check_ref(q.arena, a, &id), 0);
    cr_assert_eq(arena_check_ref(p.arena, b, &id), 0);
    cr_assert_neq(arena_check_ref(q.arena, b, &id), 0, "private of another");
    uint64_t bad[] = {0,
                      1,
                      16,
                      4096,
                      a + 8,
                      a + 16,
                      a + 48 * 1000,
                      fix_owner.size - 16,
                      fix_owner.size,
                      UINT64_MAX,
                      UINT64_MAX - 15,
                      1ull << 63};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_neq(arena_check_ref(p.arena, bad[i], &id), 0, "%#lx", (long)bad[i]);
    drop(&p, b);
    cr_assert_neq(arena_check_ref(p.arena, b, &id), 0, "freed");
    arena_detach(q.arena);
    arena_detach(p.arena);
}

/* A client that was given a chunk unasked asks for none before that is full; one that never uses it gives it back. */
Test(arena, a_chunk_may_be_granted) {
    uint32_t first, count;
    Peer p = fix_peer(), idle = fix_peer();
    cr_assert_eq(arena_owner_grow(&fix_owner, idle.arena->row, 1, &first, &count), 0);
    cr_assert_eq(arena_owner_grow(&fix_owner, p.arena->row, 1, &first, &count), 0);
    cr_assert_eq(arena_grant(p.arena, first, count), 0);
    p.arena->ops.grow = NULL;
    for (uint32_t i = 0; i < shm_chunk_blocks(shm_size_class(40)); i++)
        cr_assert_neq(new_node(&p), 0);
    cr_assert_eq(new_node(&p), 0);
    arena_detach(idle.arena);
    cr_assert_neq(new_node(&p), 0, "the other's");
    check(&p);
    arena_detach(p.arena);
}

Test(arena, a_false_grant_is_refused) {
    Peer p = fix_peer(), q = fix_peer();
    uint32_t first, count;
    cr_assert_eq(arena_owner_grow(&fix_owner, q.arena->row, 2, &first, &count), 0);
    cr_assert_eq(arena_grant(p.arena, 2, 1), -EPROTO);
    cr_assert_eq(arena_grant(p.arena, 1, 2), -EPROTO);
    cr_assert_eq(arena_grant(p.arena, UINT32_MAX, 1), -EPROTO);
    cr_assert_eq(arena_grant(p.arena, 0, UINT32_MAX), -EPROTO);
    cr_assert_eq(arena_grant(p.arena, 0, 0), -EPROTO);
    cr_assert_eq(arena_grant(p.arena, first, count), 0);
    p.arena->ops.grow = NULL;
    cr_assert_eq(new_node(&p), 0, "another row's are not taken");
    arena_detach(p.arena);
    arena_detach(q.arena);
}

Test(arena, the_owner_is_generous_with_an_eighth) {
    fix_close();
    fix_open_quota(16 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer(), q;
    uint32_t first, count;
    cr_assert(arena_owner_generous(&fix_owner));
    cr_assert_neq(new_node(&p), 0);
    cr_assert(arena_owner_generous(&fix_owner));
    cr_assert_eq(arena_owner_grow(&fix_owner, p.arena->row, 1, &first, &count), 0);
    cr_assert(!arena_owner_generous(&fix_owner));
    arena_detach(p.arena);
    cr_assert_eq(arena_owner_reset(&fix_owner), 0);
    cr_assert_eq(arena_owner_prepare(&fix_owner, 1), 0);
    cr_assert(arena_owner_generous(&fix_owner));
    q = fix_peer();
    cr_assert_neq(new_node(&q), 0);
    p = fix_peer();
    arena_detach(q.arena);
    cr_assert(!arena_owner_generous(&fix_owner), "one lies about");
    arena_detach(p.arena);
}

Test(arena, reset_gives_everything_back) {
    Peer p = fix_peer();
    uint64_t a = new_node(&p);
    arena_share(&p.frame, a); /* a count that nobody gives back */
    cr_assert_eq(arena_owner_reset(&fix_owner), -EBUSY);
    arena_detach(p.arena);
    cr_assert_eq(arena_owner_reset(&fix_owner), 0);
    Peer q = fix_peer();
    cr_assert_eq(stats(&q).objects, 0);
    cr_assert_eq(stats(&q).bytes_committed, 0);
    cr_assert_neq(new_node(&q), 0);
    check(&q);
    arena_detach(q.arena);
}

Test(arena, foreign_files_are_refused) {
    Arena *a;
    cr_assert_neq(arena_attach(fix_table.fd, fix_table.size, 1, &fix_table, NULL, &a), 0);
    cr_assert_eq(arena_attach(fix_owner.fd, fix_owner.size + 4096, 1, &fix_table, NULL, &a), -EINVAL);
    cr_assert_eq(arena_attach(fix_owner.fd, fix_owner.size, 0, &fix_table, NULL, &a), -EINVAL);
    cr_assert_eq(arena_attach(fix_owner.fd, fix_owner.size, ARENA_MAX_ROWS, &fix_table, NULL, &a), -EINVAL);
}

static int gone(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    (void)arg, (void)chunks, (void)whole, (void)ret_first, (void)ret_count;
    return -ENOTCONN;
}

Test(arena, clients_of_a_dead_broker_share_what_is_left_of_the_quota) {
    fix_close();
    fix_open_quota(40 * ARENA_CHUNK_SIZE);
    Peer p = fix_peer(), q = fix_peer(), r = fix_peer();
    static uint64_t made[3][200];
    int n[3] = {0};
    p.arena->ops.grow = q.arena->ops.grow = gone; /* r's broker lives after all */
    for (int i = 0, full = 0; full < 3; i++) {
        Peer *peer = (Peer *[]){&p, &q, &r}[i % 3];
        uint64_t o = shm_new(&peer->frame, BIG, 65536, arena_alloc);
        full = o ? 0 : full + 1;
        if (o)
            made[i % 3][n[i % 3]++] = o;
    }
    cr_assert_eq(stats(&p).bytes_committed, 40 * ARENA_CHUNK_SIZE);
    cr_assert_eq(stats(&p).objects, (uint64_t)(n[0] + n[1] + n[2]));
    cr_assert(n[0] > 20 && n[1] > 20 && n[2] > 20, "%d %d %d", n[0], n[1], n[2]);
    check(&p);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < n[i]; k++)
            drop((Peer *[]){&p, &q, &r}[i], made[i][k]);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
    arena_detach(q.arena);
    arena_detach(r.arena);
}

Test(arena, a_directory_full_of_lies_costs_the_owner_little) {
    Peer p = fix_peer();
    uint32_t first, count, before = fix_owner.prepared;
    for (uint32_t i = 0; i < p.arena->nchunks; i++)
        atomic_store(&arena_chunk(p.arena, i)->state, SHM_CHUNK_STATE(0, 77));
    cr_assert_eq(arena_owner_grow(&fix_owner, p.arena->row, 1, &first, &count), -ENOSPC);
    cr_assert_leq(fix_owner.prepared - before, 64);
    arena_detach(p.arena);
}
