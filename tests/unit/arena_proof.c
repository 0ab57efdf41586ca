/* What is proved about other processes, by real ones: the dead that nobody marked, those that sleep inside an epoch, and pauses. */
#include "tests/unit/arena_fixture.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(arena_proof, .init = fix_open, .fini = fix_close);

#define PATIENCE_MS 60000

static volatile int busy; /* what it does afterwards */

/* A process of its own with a row, that does `what` and stays as it then is. */
static pid_t start(uint32_t *ret_row, void (*what)(Peer *p, uint64_t shared), uint64_t shared) {
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    cr_assert_eq(arena_owner_take_row(&fix_owner, 0, ret_row), 0);
    pid_t pid = fork();
    if (pid == 0) {
        Table table;
        Peer p = {0};
        ArenaOps ops = {0};
        if (table_map(fix_table.fd, fix_table.size, &table) < 0 ||
            arena_attach(dup(fix_owner.fd), fix_owner.size, *ret_row, &table, &ops, &p.arena) < 0)
            _exit(1);
        p.frame.arena = arena_base(p.arena);
        p.frame.alloc = arena_alloc_state(p.arena);
        what(&p, shared);
        if (write(ready[1], "x", 1) != 1)
            _exit(2);
        for (;;)
            if (!busy)
                pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void nothing(Peer *p, uint64_t shared) {
    (void)p, (void)shared;
}

static void enter(Peer *p, uint64_t shared) {
    (void)shared;
    arena_enter(p->arena);
}

static void enter_and_pause(Peer *p, uint64_t shared) {
    (void)shared;
    arena_enter(p->arena);
    arena_pause(p->arena);
}

Test(arena_proof, the_dead_are_found_without_a_daemon) {
    Peer q = fix_peer();
    uint32_t row;
    pid_t pid = start(&row, nothing, 0);
    cr_assert_eq(proof_bury_all(q.arena), 0, "it lives");
    end(pid);
    atomic_fetch_add(&arena_row(q.arena, row)->pid_space, 1);
    cr_assert_eq(proof_bury_all(q.arena), 0, "of another namespace nothing is known");
    atomic_fetch_sub(&arena_row(q.arena, row)->pid_space, 1);
    cr_assert_eq(proof_bury_all(q.arena), 1);
    cr_assert_eq(arena_reap(q.arena), 1);
    uint32_t next;
    cr_assert_eq(arena_owner_take_row(&fix_owner, 0, &next), 0);
    cr_assert_neq(next, row, "the broker has not heard of its end, and would take the next client's for it");
    cr_assert_eq(arena_owner_mark_dead(&fix_owner, row), 0);
    cr_assert_eq(arena_owner_take_row(&fix_owner, 0, &next), 0);
    cr_assert_eq(next, row);
    arena_detach(q.arena);
}

Test(arena_proof, a_zombie_is_dead_and_a_stopped_one_is_not) {
    Peer q = fix_peer();
    uint32_t row;
    siginfo_t info;
    pid_t pid = start(&row, nothing, 0);
    kill(pid, SIGSTOP);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
    cr_assert_eq(proof_bury_all(q.arena), 0);
    kill(pid, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    cr_assert_eq(proof_bury_all(q.arena), 1);
    end(pid);
    arena_detach(q.arena);
}

/* Waits until it is so many shared objects, for a time that a loaded machine may need. */
static void until_shared(Peer *p, uint64_t objects) {
    ArenaStats s = stats(p);
    for (int i = 0; i < PATIENCE_MS && s.shared_objects != objects; i++) {
        usleep(1000);
        s = stats(p);
    }
    cr_assert_eq(s.shared_objects, objects, "%lu", (unsigned long)s.shared_objects);
}

static uint64_t shared_leaf(Peer *p) {
    uint64_t leaf = new_leaf(p);
    arena_share(&p->frame, leaf);
    return leaf;
}

Test(arena_proof, what_a_sleeper_cannot_have_seen_is_freed) {
    Peer q = fix_peer();
    uint32_t row;
    uint64_t old = shared_leaf(&q);
    pid_t pid = start(&row, enter, 0);
    drop(&q, old);
    drop(&q, shared_leaf(&q)); /* of the sleeper's era, as far as anybody knows */
    arena_poll(q.arena);
    for (int i = 0; i < PATIENCE_MS && !q.arena->held.n; i++) {
        usleep(1000);
        arena_poll(q.arena);
    }
    cr_assert_eq(q.arena->held.n, 2);
    for (int i = 0; i < 1000; i++)
        drop(&q, shared_leaf(&q));
    until_shared(&q, 2); /* the two that were there before it was looked at */
    cr_assert_neq(object(&q, old)->head, 0);
    end(pid);
    arena_owner_mark_dead(&fix_owner, row);
    until_shared(&q, 0);
    check(&q);
    arena_detach(q.arena);
}

static uint64_t child_of_the_living;

static void read_child(Peer *p, uint64_t shared) {
    arena_enter(p->arena);
    child_of_the_living = get_ref(p, shared, NODE_OTHER);
}

/* A child that is younger than a sleeper, of a parent that is older and that the sleeper may have in hand: both stay. */
Test(arena_proof, a_young_child_of_an_old_parent_stays) {
    Peer q = fix_peer();
    uint32_t row;
    uint64_t parent = new_node(&q);
    arena_share(&q.frame, parent);
    pid_t pid = start(&row, read_child, parent);
    drop(&q, shared_leaf(&q));
    for (int i = 0; i < PATIENCE_MS && !q.arena->held.n; i++) {
        usleep(1000);
        arena_poll(q.arena);
    }
    uint64_t child = shared_leaf(&q);
    set_ref(&q, parent, NODE_OTHER, child);
    cr_assert_gt(object(&q, child)->link, object(&q, parent)->link);
    drop(&q, parent);
    until_shared(&q, 3); /* at once, and */
    for (int i = 0; i < 50; i++) {
        usleep(10000);
        arena_poll(q.arena);
    }
    until_shared(&q, 3); /* after it was passed by */
    cr_assert_eq(get_ref(&q, parent, NODE_OTHER), child);
    end(pid);
    arena_owner_mark_dead(&fix_owner, row);
    until_shared(&q, 0);
    check(&q);
    arena_detach(q.arena);
}

/* One that works inside an epoch is not passed by, however long it takes. */
Test(arena_proof, who_runs_is_waited_for) {
    Peer q = fix_peer();
    uint32_t row;
    busy = 1;
    pid_t pid = start(&row, enter, 0);
    for (int i = 0; i < 60; i++) {
        drop(&q, shared_leaf(&q));
        usleep(10000);
        arena_poll(q.arena);
    }
    cr_assert_eq(stats(&q).shared_objects, 60);
    end(pid);
    arena_owner_mark_dead(&fix_owner, row);
    until_shared(&q, 0);
    arena_detach(q.arena);
}

Test(arena_proof, a_pause_holds_nobody_up) {
    Peer q = fix_peer();
    uint32_t row;
    pid_t pid = start(&row, enter_and_pause, 0);
    drop(&q, shared_leaf(&q));
    cr_assert_eq(stats(&q).shared_objects, 0);
    end(pid);
    arena_detach(q.arena);
}

Test(arena_proof, pauses_nest_and_pins_prevent_them) {
    Peer p = fix_peer();
    ShmRow *me = p.arena->me;
    cr_assert_eq(arena_pause(p.arena), 0, "nothing to pause");
    arena_enter(p.arena);
    arena_enter(p.arena);
    uint32_t outer = arena_pause(p.arena);
    cr_assert(outer == 2 && !(me->active & 1) && me->depth == 1);
    arena_enter(p.arena);
    uint32_t inner = arena_pause(p.arena);
    cr_assert(inner == 1 && !(me->active & 1) && me->depth == 2);
    arena_resume(p.arena, inner);
    cr_assert((me->active & 1) && me->depth == 1);
    arena_leave(p.arena);
    arena_resume(p.arena, outer);
    cr_assert((me->active & 1) && me->depth == 0 && p.arena->epoch.nest == 2);
    arena_pin(p.arena);
    cr_assert_eq(arena_pause(p.arena), 0);
    cr_assert(me->active & 1);
    arena_unpin(p.arena);
    arena_leave(p.arena);
    arena_leave(p.arena);
    cr_assert_not(me->active & 1);
    arena_detach(p.arena);
}
