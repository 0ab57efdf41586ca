/* Cycles of private objects are found, and nothing else is taken for garbage: whatever holds an object without being one. */
#include "tests/unit/arena_fixture.h"
#include <stdlib.h>

TestSuite(arena_cycles, .init = fix_open, .fini = fix_close);

static uint64_t objects(Peer *p) {
    return stats(p).objects;
}

/* a -> b -> a, with no count of anybody else's. */
static uint64_t dead_pair(Peer *p) {
    uint64_t a = new_node(p), b = new_node(p);
    set_ref(p, a, NODE_NEXT, b);
    set_ref(p, b, NODE_NEXT, a);
    return a;
}

static void count(Peer *p, uint64_t ref) {
    shm_incref(&p->frame, ref);
}

Test(arena_cycles, of_every_shape) {
    Peer p = fix_peer();
    uint64_t self = new_node(&p);
    set_ref(&p, self, NODE_NEXT, self);
    dead_pair(&p);
    uint64_t both = dead_pair(&p), leaf = new_leaf(&p); /* twice the same, and what hangs on it */
    count(&p, both);
    set_ref(&p, both, NODE_OTHER, both);
    set_ref(&p, get_ref(&p, both, NODE_NEXT), NODE_OTHER, leaf);
    uint64_t store = new_tail(&p, STORE, 9000), node = new_node(&p); /* through a tail, in chunks of its own */
    set_ref(&p, node, NODE_NEXT, store);
    set_ref(&p, store, STORE_TAIL + 8 * 8999, node);
    uint64_t big = new_big(&p);
    set_ref(&p, big, 16, big);
    cr_assert_eq(objects(&p), 9);
    cr_assert_eq(arena_collect_private(p.arena), 9);
    cr_assert_eq(objects(&p), 0);
    check(&p);
    cr_assert_eq(arena_collect_private(p.arena), 0);
    arena_detach(p.arena);
}

Test(arena_cycles, what_is_counted_from_outside_stays_with_all_that_it_reaches) {
    Peer p = fix_peer();
    uint64_t a = dead_pair(&p), b = get_ref(&p, a, NODE_NEXT), far = dead_pair(&p), leaf = new_leaf(&p);
    count(&p, far);
    set_ref(&p, b, NODE_OTHER, far);
    set_ref(&p, far, NODE_OTHER, leaf);
    count(&p, far); /* in somebody's hand */
    count(&p, a);
    cr_assert_eq(arena_collect_private(p.arena), 0);
    cr_assert_eq(objects(&p), 5);
    drop(&p, a);
    cr_assert_eq(arena_collect_private(p.arena), 2);
    cr_assert_eq(object(&p, far)->refs, 2);
    drop(&p, far);
    cr_assert_eq(arena_collect_private(p.arena), 3);
    check(&p);
    arena_detach(p.arena);
}

Test(arena_cycles, what_garbage_refers_to_loses_a_count) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t kept = new_node(&p), shared = new_node(&p), last = new_node(&p), a = dead_pair(&p),
             b = get_ref(&p, a, NODE_NEXT);
    arena_share(&p.frame, shared);
    arena_share(&p.frame, last);
    cr_assert_eq(arena_root_add(q.arena, shared), 0);
    count(&p, kept);
    count(&p, shared);
    set_ref(&p, a, NODE_OTHER, kept);
    set_ref(&p, b, NODE_OTHER, shared);
    uint64_t c = dead_pair(&p);
    set_ref(&p, c, NODE_OTHER, last);
    cr_assert_eq(arena_collect_private(p.arena), 4);
    cr_assert_eq(object(&p, kept)->refs, 1);
    cr_assert_eq(object(&p, shared)->refs, 1);
    cr_assert_eq(objects(&p), 2, "a shared one of which it was the last reference is gone, too");
    check(&p);
    drop(&p, kept);
    arena_root_drop(q.arena, shared);
    drop(&q, shared);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_cycles, other_processes_objects_are_left_alone) {
    Peer p = fix_peer(), q = fix_peer();
    uint64_t a = dead_pair(&q), shared = dead_pair(&p);
    arena_share(&p.frame, shared);
    cr_assert_eq(arena_collect_private(p.arena), 0);
    cr_assert_eq(objects(&p), 4);
    cr_assert_eq(get_ref(&q, get_ref(&q, a, NODE_NEXT), NODE_NEXT), a);
    cr_assert_eq(arena_collect_private(q.arena), 2);
    cr_assert_eq(arena_collect(q.arena, 10000), 2);
    arena_detach(q.arena);
    arena_detach(p.arena);
}

Test(arena_cycles, what_waits_for_its_release_is_not_released_twice) {
    Peer p = fix_peer();
    uint64_t waits = new_node(&p);
    object(&p, waits)->refs = 0;
    cr_assert_eq(arena_collect_private(p.arena), 0);
    arena_release(&p.frame, waits);
    cr_assert_eq(objects(&p), 0);
    arena_detach(p.arena);
}

/* ---- proxies ---- */

static struct {
    uint64_t kept, left[4]; /* whose proxy is more than a place; which were let go */
    uint32_t nleft;
    Arena *arena;
} proxies;

static int keeps(void *arg, uint64_t object) {
    (void)arg;
    return object == proxies.kept;
}

static void held(void *arg, uint64_t object) {
    (void)arg;
    arena_object(proxies.arena, object)->refs = 1;
    arena_object(proxies.arena, object)->link = 1;
    proxies.left[proxies.nleft++] = object;
}

static Peer with_proxies(void) {
    Peer p = fix_peer();
    memset(&proxies, 0, sizeof proxies);
    proxies.arena = p.arena;
    p.arena->ops.held = held;
    p.arena->ops.keeps = keeps;
    return p;
}

Test(arena_cycles, a_proxy_that_nobody_misses_goes_with_its_object) {
    Peer p = with_proxies();
    uint64_t a = dead_pair(&p), with = dead_pair(&p);
    object(&p, a)->link = ARENA_LINK_HELD;
    object(&p, with)->link = ARENA_LINK_HELD;
    proxies.kept = with;
    cr_assert_eq(arena_collect_private(p.arena), 2);
    cr_assert_eq(proxies.nleft, 1);
    cr_assert_eq(proxies.left[0], a);
    cr_assert_eq(objects(&p), 3, "a is its proxy's now");
    cr_assert_eq(get_ref(&p, a, NODE_NEXT), JITD_UNSET);
    drop(&p, a);
    proxies.kept = 0;
    cr_assert_eq(arena_collect_private(p.arena), 2);
    drop(&p, with);
    cr_assert_eq(objects(&p), 0);
    check(&p);
    arena_detach(p.arena);
}

Test(arena_cycles, one_that_is_kept_only_by_garbage_is_told) {
    Peer p = with_proxies();
    uint64_t a = dead_pair(&p), kept = new_node(&p);
    object(&p, kept)->link = ARENA_LINK_HELD;
    proxies.kept = kept;
    set_ref(&p, a, NODE_OTHER, kept);
    cr_assert_eq(arena_collect_private(p.arena), 2);
    cr_assert_eq(proxies.nleft, 1);
    cr_assert_eq(proxies.left[0], kept);
    cr_assert_eq(object(&p, kept)->refs, 1);
    drop(&p, kept);
    arena_detach(p.arena);
}

/* ---- for who searches himself ---- */

static struct {
    uint64_t found[8], referred[8], reached[8];
    uint32_t nfound, nreferred, nreached;
} told;

static void found(void *arg, uint64_t object, int is_referred) {
    (void)arg;
    told.found[told.nfound++] = object;
    if (is_referred)
        told.referred[told.nreferred++] = object;
}

/* On by way of the one that is arg. */
static int reach(void *arg, uint64_t object) {
    told.reached[told.nreached++] = object;
    return object != (uint64_t)(uintptr_t)arg;
}

static uint32_t reached_from(ArenaGraph *graph, uint64_t object, uint32_t round, uint64_t through) {
    told.nreached = 0;
    arena_graph_reach(graph, object, round, reach, (void *)(uintptr_t)through);
    return told.nreached;
}

/* first (proxy) -> plain -> held (its proxy holds itself) -> last (proxy) -> first; pinned, in somebody's hand, has one as well. */
Test(arena_cycles, what_proxies_hold_is_told) {
    Peer p = with_proxies();
    memset(&told, 0, sizeof told);
    uint64_t first = new_node(&p), plain = new_node(&p), held_one = new_node(&p), last = new_node(&p),
             pinned = new_node(&p);
    object(&p, first)->link = object(&p, last)->link = object(&p, pinned)->link = 1;
    object(&p, held_one)->link = ARENA_LINK_HELD;
    count(&p, pinned);
    count(&p, last);
    count(&p, first);
    set_ref(&p, first, NODE_NEXT, plain);
    set_ref(&p, plain, NODE_NEXT, held_one);
    set_ref(&p, held_one, NODE_NEXT, last);
    set_ref(&p, last, NODE_NEXT, first);
    ArenaGraph *graph;
    cr_assert_eq(arena_graph_new(p.arena, found, NULL, &graph), 0);
    cr_assert_eq(told.nfound, 3);
    cr_assert_eq(told.nreferred, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_neq(told.found[i], pinned);
    cr_assert_eq(reached_from(graph, first, 1, 0), 1);
    cr_assert_eq(told.reached[0], held_one);
    cr_assert_eq(reached_from(graph, first, 1, 0), 0, "once in a round");
    cr_assert_eq(reached_from(graph, first, 2, held_one), 2);
    cr_assert_eq(told.reached[1], last);
    arena_graph_free(graph);
    arena_let_go(p.arena, first);
    cr_assert_eq(proxies.nleft, 1, "plain went, and with it what held held_one");
    drop(&p, held_one);
    drop(&p, last);
    drop(&p, first);
    drop(&p, pinned);
    drop(&p, pinned);
    cr_assert_eq(objects(&p), 0);
    check(&p);
    arena_detach(p.arena);
}

/* ---- when ---- */

Test(arena_cycles, it_is_wanted_when_memory_has_doubled) {
    Peer p = fix_peer();
    uint64_t first = new_big(&p), last = first;
    uint32_t begins = 0, again = 0;
    for (uint32_t n = 1; !again; n++) {
        uint64_t next = new_big(&p);
        set_ref(&p, last, 16, next);
        last = next;
        if (!arena_wants_cycles(p.arena))
            continue;
        cr_assert_eq(arena_collect_private(p.arena), 0);
        cr_assert_not(arena_wants_cycles(p.arena));
        if (begins)
            again = n;
        else
            begins = n;
    }
    cr_assert(again >= begins * 7 / 5, "%u and %u", begins, again);
    drop(&p, first);
    arena_detach(p.arena);
}

/* A program that makes nothing but garbage stays small. */
Test(arena_cycles, garbage_does_not_pile_up) {
    Peer p = fix_peer();
    uint64_t freed = 0;
    for (int i = 0; i < 2000000; i++) {
        dead_pair(&p);
        if (i % 1000 == 0 && arena_wants_cycles(p.arena))
            freed += (uint64_t)arena_collect_private(p.arena);
    }
    cr_assert(freed > 3000000, "%lu", (unsigned long)freed);
    cr_assert(stats(&p).bytes_committed < (uint64_t)64 << 20, "%lu", (unsigned long)stats(&p).bytes_committed);
    check(&p);
    arena_detach(p.arena);
}

/* ---- any graph ---- */

enum { N = 400, STEPS = 300 };

typedef struct Graph {
    uint64_t object[N];
    uint32_t edges[N][2]; /* 1 + index; 0: none */
    uint8_t rooted[N], seen[N];
} Graph;

static void see(Graph *g, uint32_t i) {
    if (g->seen[i])
        return;
    g->seen[i] = 1;
    for (int k = 0; k < 2; k++)
        if (g->edges[i][k])
            see(g, g->edges[i][k] - 1);
}

static uint32_t reached(Graph *g) {
    uint32_t n = 0;
    memset(g->seen, 0, sizeof g->seen);
    for (uint32_t i = 0; i < N; i++)
        if (g->rooted[i])
            see(g, i);
    for (uint32_t i = 0; i < N; i++)
        n += g->seen[i];
    return n;
}

static void make(Peer *p, Graph *g) {
    memset(g, 0, sizeof *g);
    for (uint32_t i = 0; i < N; i++)
        g->object[i] = new_node(p);
    for (uint32_t i = 0; i < N; i++)
        for (int k = 0; k < 2; k++) {
            uint32_t to = (uint32_t)rand() % (N + N / 2);
            if (to >= N)
                continue;
            g->edges[i][k] = to + 1;
            count(p, g->object[to]);
            set_ref(p, g->object[i], k ? NODE_OTHER : NODE_NEXT, g->object[to]);
        }
}

/* Counts of our own are given up here and there; before and after each search all is what can be reached from the rest. */
Test(arena_cycles, what_can_be_reached_stays_and_nothing_else) {
    Peer p = fix_peer();
    static Graph g;
    for (int seed = 0; seed < 20; seed++) {
        srand((unsigned)seed);
        make(&p, &g);
        memset(g.rooted, 1, sizeof g.rooted);
        while (reached(&g)) {
            for (uint32_t i = 0; i < N; i++)
                if (g.rooted[i] && rand() % 3 == 0) {
                    g.rooted[i] = 0;
                    drop(&p, g.object[i]);
                }
            arena_collect_private(p.arena);
            cr_assert_eq(objects(&p), reached(&g));
            check(&p);
        }
    }
    arena_detach(p.arena);
}
