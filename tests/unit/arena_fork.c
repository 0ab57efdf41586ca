/* fork(): the child holds what the parent held, in its own row; each lets go of its own. */
#include "tests/unit/arena_fixture.h"
#include <sys/wait.h>

TestSuite(arena_fork, .init = fix_open, .fini = fix_close);

static uint64_t private_with_proxy(Peer *p, uint32_t link) {
    uint64_t node = new_node(p), leaf = new_leaf(p);
    set_ref(p, node, NODE_OTHER, leaf);
    object(p, node)->link = link;
    cr_assert_eq(arena_root_add(p->arena, node), 0);
    return node;
}

/* The child has no mapping of the broker's: it makes do with its own, and takes no more chunks than it has. */
static int start_child(Peer *p, Table *table, uint32_t row) {
    if (table_map(fix_table.fd, fix_table.size, table) < 0)
        return 10;
    p->arena->table = table;
    ArenaOps ops = fix_ops(row);
    return arena_after_fork_child(p->arena, row, &ops) == 0 ? 0 : 11;
}

static int wait_for(pid_t pid) {
    int status;
    waitpid(pid, &status, 0);
    return status;
}

static uint32_t row_for_child(void) {
    uint32_t row;
    cr_assert_eq(arena_owner_take_row(&fix_owner, 0, &row), 0);
    return row;
}

static int child_uses_it(Peer *p, uint64_t node, uint32_t row) {
    Table table;
    int r = start_child(p, &table, row);
    if (r)
        return r;
    if (object(p, node)->refs != 2 || p->arena->me->roots[0] != node || p->frame.alloc->row != row)
        return 1;
    uint64_t own = new_node(p);
    if (!own || SHM_HEAD_ROW(object(p, own)->head) != row)
        return 2;
    set_ref(p, node, NODE_NEXT, own);
    arena_root_drop(p->arena, node);
    drop(p, node);
    arena_detach(p->arena);
    return 0;
}

Test(arena_fork, child_and_parent_hold_the_same_objects) {
    Peer p = fix_peer();
    uint64_t node = private_with_proxy(&p, 5), apart = new_node(&p);
    uint32_t row = row_for_child();
    cr_assert_eq(arena_before_fork(p.arena), 0);
    cr_assert(shm_is_shared(object(&p, node)));
    cr_assert_not(shm_is_shared(object(&p, apart)), "no proxy, no sharing");
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_uses_it(&p, node, row));
    cr_assert_eq(wait_for(pid), 0);
    arena_owner_mark_dead(&fix_owner, row);
    cr_assert_eq(object(&p, node)->refs, 1);
    cr_assert(shm_is_shared(object(&p, get_ref(&p, node, NODE_NEXT))), "what the child stored lives on");
    check(&p);
    arena_root_drop(p.arena, node);
    drop(&p, node);
    drop(&p, apart);
    cr_assert_eq(stats(&p).objects, 0);
    check(&p);
    arena_detach(p.arena);
}

#define MANY 50000 /* entries in several chunks */

/* Of what the child is given it lets every second go, then holds as many new ones: in the places that were free in the parent's, too. */
static int child_goes_on(Peer *p, const uint64_t *nodes, uint32_t row) {
    Table table;
    int r = start_child(p, &table, row);
    for (uint32_t i = 0; i < MANY && !r; i++)
        r = nodes[i] && object(p, nodes[i])->refs != 2;
    for (uint32_t i = 0; i < MANY && !r; i += 2)
        if (nodes[i]) {
            arena_root_drop(p->arena, nodes[i]);
            drop(p, nodes[i]);
        }
    for (uint32_t i = 0; i < MANY / 2 && !r; i++) {
        uint64_t node = new_leaf(p);
        r = !node || arena_root_add(p->arena, node) != 0;
        share_object(p->arena, node);
    }
    return r;
}

Test(arena_fork, a_child_with_many_goes_on_from_what_the_parent_held) {
    Peer p = fix_peer();
    static uint64_t nodes[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        nodes[i] = private_with_proxy(&p, i + 1);
    for (uint32_t i = 0; i < MANY; i += 3) {
        arena_root_drop(p.arena, nodes[i]);
        drop(&p, nodes[i]);
        nodes[i] = 0;
    }
    uint32_t row = row_for_child();
    arena_before_fork(p.arena);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_goes_on(&p, nodes, row)); /* without a word: it is reaped */
    cr_assert_eq(wait_for(pid), 0);
    arena_owner_mark_dead(&fix_owner, row);
    cr_assert_eq(arena_reap(p.arena), 1);
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert(!nodes[i] || object(&p, nodes[i])->refs == 1);
    check(&p);
    for (uint32_t i = 0; i < MANY; i++)
        if (nodes[i]) {
            arena_root_drop(p.arena, nodes[i]);
            drop(&p, nodes[i]);
        }
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}

Test(arena_fork, parent_may_go_first) {
    Peer p = fix_peer();
    int ready[2], go[2];
    char c;
    cr_assert(pipe(ready) == 0 && pipe(go) == 0);
    uint64_t node = private_with_proxy(&p, 1);
    uint32_t row = row_for_child(), id;
    arena_before_fork(p.arena);
    pid_t pid = fork();
    if (pid == 0) {
        Table table;
        int r = start_child(&p, &table, row);
        if (write(ready[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
            _exit(1);
        _exit(r ? r : arena_check_ref(p.arena, node, &id) != 0 || object(&p, node)->refs != 1);
    }
    cr_assert_eq(read(ready[0], &c, 1), 1);
    arena_root_drop(p.arena, node);
    drop(&p, node);
    arena_detach(p.arena);
    cr_assert_eq(write(go[1], "x", 1), 1);
    cr_assert_eq(wait_for(pid), 0);
    arena_owner_mark_dead(&fix_owner, row);
    Peer q = fix_peer();
    cr_assert_eq(arena_reap(q.arena), 1);
    cr_assert_eq(stats(&q).objects, 0);
    arena_detach(q.arena);
}

Test(arena_fork, a_killed_child_gives_back_only_its_own) {
    Peer p = fix_peer();
    uint64_t node = private_with_proxy(&p, 1);
    uint32_t row = row_for_child();
    arena_before_fork(p.arena);
    pid_t pid = fork();
    if (pid == 0) {
        Table table;
        start_child(&p, &table, row);
        for (int i = 0; i < 100; i++)
            new_node(&p);
        kill(getpid(), SIGKILL);
    }
    cr_assert(WIFSIGNALED(wait_for(pid)));
    cr_assert_eq(object(&p, node)->refs, 2);
    arena_owner_mark_dead(&fix_owner, row);
    cr_assert_eq(arena_reap(p.arena), 1);
    cr_assert_eq(object(&p, node)->refs, 1);
    check(&p);
    cr_assert_eq(stats(&p).objects, 2);
    arena_root_drop(p.arena, node);
    drop(&p, node);
    cr_assert_eq(stats(&p).objects, 0);
    arena_detach(p.arena);
}
