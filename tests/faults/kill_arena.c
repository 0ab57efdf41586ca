/* Kills clients of an arena at random instants (`kill_arena KILLS [SEED]`), at every step point of one scenario (`kill_arena steps`) and,
 * fast, at random step points (`kill_arena points KILLS [SEED]`), and checks after each death (after some, when fast) that the arena is
 * consistent, that nothing of the dead one remains, and that nobody else lost anything.
 * This process plays the broker (rows, chunks, marking the dead) and has a row of its own, from which it checks. */
#include "shared-mem/arena_private.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HUB = 1, NODE = 2, LEAF = 3, BIG = 4, TEXT = 5, STORE = 6 };
#define HUB_SLOTS 32
#define HUB_SLOT(i) (16 + 8 * (uint32_t)(i))
#define VALUE 16      /* of a node, leaf or big object: MAGIC */
#define TAIL_VALUE 24 /* the same of one with a tail */
#define NEXT 24
#define OTHER 32
#define TAIL 32
#define MAGIC 0x6f626a6563746f6bULL
#define WORKERS 4
#define HELD 24

typedef struct Peer {
    Arena *arena;
    JitdFrame frame;
    int socket; /* a worker's line to the broker */
} Peer;

typedef struct Worker {
    pid_t pid;
    uint32_t row;
    int socket;
} Worker;

/* What a worker is at. */
enum { ATTACH, MAKE, PUBLISH, STORE_REF, READ, HOLD, DROP, REAP, POLL, COLLECT, DETACH, DOINGS };
static const char *const DOING[DOINGS] = {"attach", "make", "publish", "store",   "read",  "hold",
                                          "drop",   "reap", "poll",    "collect", "detach"};

typedef struct Control {
    _Atomic uint32_t pause, paused, stop;
    _Atomic uint64_t operations;
    _Atomic uint32_t doing[WORKERS];
} Control;

static Table table; /* of this process: a worker maps its own, the broker's mapping does not survive a fork */
static ArenaOwner owner;
static Control unshared, *control = &unshared; /* until there are others */
static uint64_t hub;
static Peer checker;
static Worker workers[WORKERS];
static uint32_t my_place;              /* a worker's in `workers` */
static uint32_t died_at[DOINGS], died; /* how many were killed, and at what */
static uint32_t rarity = 1;            /* what is large is as many times as rare */
static uint32_t patience;              /* 0, or after how many operations a worker leaves by itself, about */

/* ---- dying at a step point ---- */

static uint64_t steps, die_at; /* 0: never */

void arena_step(void);
void arena_step(void) {
    if (die_at && ++steps == die_at)
        kill(getpid(), SIGKILL);
}

static void doing(uint32_t what) {
    atomic_store_explicit(&control->doing[my_place], what, memory_order_relaxed);
}

/* ---- randomness and failing ---- */

static _Thread_local uint64_t random_state;

static uint32_t rnd(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

#define FAIL(...)                                                                                                      \
    do {                                                                                                               \
        fprintf(stderr, "kill_arena: " __VA_ARGS__);                                                                   \
        fputc('\n', stderr);                                                                                           \
        abort();                                                                                                       \
    } while (0)
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            FAIL("%s:%d: %s", __FILE__, __LINE__, #condition);                                                         \
    } while (0)

/* ---- the line between worker and broker ---- */

typedef struct Grow {
    int32_t result, whole;
    uint32_t chunks, first, count;
} Grow;

/* Now and then a worker takes the broker for dead, which goes on giving out chunks. */
static int ask_grow(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    Peer *p = arg;
    if (rnd(3) == 0)
        return -ENOTCONN;
    Grow g = {.result = -EAGAIN, .whole = whole, .chunks = chunks};
    if (p->socket < 0)
        return arena_owner_grow_here(&owner, p->frame.alloc->row, chunks, whole, ret_first, ret_count);
    while (g.result == -EAGAIN)
        if (write(p->socket, &g, sizeof g) != sizeof g || read(p->socket, &g, sizeof g) != sizeof g)
            _exit(3);
    *ret_first = g.first;
    *ret_count = g.count;
    return g.result;
}

static void answer(const Worker *w) {
    Grow g;
    if (read(w->socket, &g, sizeof g) != sizeof g)
        return;
    g.count = g.chunks;
    g.result = g.whole ? arena_owner_grow_whole(&owner, w->row, g.chunks, &g.first)
                       : arena_owner_grow(&owner, w->row, g.chunks, &g.first, &g.count);
    if (write(w->socket, &g, sizeof g) != sizeof g)
        return; /* it was killed meanwhile; its chunks are its row's */
}

/* Serves all workers for a while; returns early when `until` says so. */
static void serve(int64_t microseconds, int (*until)(void)) {
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t end_us = end.tv_sec * 1000000 + end.tv_nsec / 1000 + microseconds, left = microseconds;
    while (left > 0 && !(until && until())) {
        struct pollfd fds[WORKERS];
        for (int i = 0; i < WORKERS; i++)
            fds[i] = (struct pollfd){.fd = workers[i].pid ? workers[i].socket : -1, .events = POLLIN};
        struct timespec wait = {.tv_nsec = (left < 200 ? left : 200) * 1000};
        if (ppoll(fds, WORKERS, &wait, NULL) > 0)
            for (int i = 0; i < WORKERS; i++)
                if (fds[i].revents & POLLIN)
                    answer(&workers[i]);
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = end_us - (now.tv_sec * 1000000 + now.tv_nsec / 1000);
    }
}

static void attach(Peer *p, uint32_t row, int socket) {
    ArenaOps ops = {.grow = ask_grow, .arg = p};
    p->socket = socket;
    NEED(arena_attach(dup(owner.fd), owner.size, row, &table, &ops, &p->arena) == 0);
    p->frame = (JitdFrame){.arena = arena_base(p->arena), .alloc = arena_alloc_state(p->arena)};
}

/* ---- what a worker does ---- */

static _Atomic uint64_t *field(Peer *p, uint64_t object, uint32_t at) {
    return (_Atomic uint64_t *)(p->frame.arena + object + at);
}

static uint64_t make(Peer *p, uint32_t class_id, uint32_t size) {
    uint64_t o = shm_new(&p->frame, class_id, size, arena_alloc);
    if (o)
        atomic_store_explicit(field(p, o, VALUE), MAGIC, memory_order_relaxed);
    return o;
}

static void store(Peer *p, uint64_t self, uint32_t at, uint64_t ref, int steal) {
    shm_store_ref(&p->frame, self, at, ref, steal, arena_share, arena_release);
}

static uint64_t make_text(Peer *p, uint32_t length) {
    uint64_t o;
    if (arena_new_tail(p->arena, TEXT, length, &o) < 0)
        return 0;
    atomic_store_explicit(field(p, o, TAIL_VALUE), MAGIC, memory_order_relaxed);
    memset(p->frame.arena + o + TAIL, 0x5a, length);
    return o;
}

static uint64_t make_store(Peer *p, uint32_t length) {
    uint64_t o, child;
    if (arena_new_tail(p->arena, STORE, length, &o) < 0)
        return 0;
    atomic_store_explicit(field(p, o, TAIL_VALUE), MAGIC, memory_order_relaxed);
    for (uint32_t i = 0; i < length; i += 1 + i / 20) /* few at the end of a long one */
        if (rnd(4) && (child = rnd(2) ? make(p, LEAF, 24) : rnd(9) ? make(p, NODE, 40) : make_text(p, rnd(100))))
            store(p, o, TAIL + 8 * i, child, 1);
    return o;
}

static uint64_t make_other(Peer *p) {
    switch (rnd(100)) {
    case 0:
        if (rnd(rarity))
            return 0;
        switch (rnd(4)) { /* runs of up to 9 and up to 3 chunks */
        case 0:
            return make_text(p, 100000 + rnd(2000000));
        case 1:
            return make_store(p, 9000 + rnd(80000));
        default:
            return make(p, BIG, 60000);
        }
    case 1 ... 4:
        return make_text(p, rnd(3000));
    case 5 ... 10:
        return make_store(p, rnd(30));
    case 11 ... 20:
        return make(p, LEAF, 24);
    default:
        return 0;
    }
}

/* A private list or tree; 0 when memory is short. */
static uint64_t build(Peer *p, uint32_t n) {
    doing(MAKE);
    uint64_t head = JITD_NONE;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t node = make(p, NODE, 40);
        if (!node)
            break;
        store(p, node, NEXT, head, 1);
        head = node;
        uint64_t other = make_other(p);
        if (other)
            store(p, node, OTHER, other, 1);
    }
    return head == JITD_NONE ? 0 : head;
}

/* Its class. */
static uint32_t see_alive(Peer *p, uint64_t o) {
    uint64_t head = atomic_load(&shm_object(&p->frame, o)->head);
    uint32_t class_id = SHM_HEAD_CLASS(head);
    uint64_t value = atomic_load(field(p, o, class_id >= TEXT ? TAIL_VALUE : VALUE));
    if (SHM_HEAD_STATE(head) != SHM_STATE_SHARED || value != MAGIC)
        FAIL("object %#lx: head %#lx, value %#lx", (long)o, (long)head, (long)value);
    return class_id;
}

/* The elements of a store; one of them, or 0. */
static uint64_t see_elements(Peer *p, uint64_t o) {
    uint64_t at, length, child, some = 0;
    NEED(arena_tail(p->arena, o, &at, &length) == 0 && at == o + TAIL);
    for (uint64_t i = 0; i < length; i++)
        if (shm_is_object(child = atomic_load_explicit(field(p, at + 8 * i, 0), memory_order_acquire))) {
            see_alive(p, child);
            some = rnd(8) ? some : child;
        }
    return some;
}

/* Whoever is in no hurry has it in hand for longer than others wait for those who were there before. */
static void dawdle(Peer *p, uint64_t o) {
    if (rnd(1000))
        return;
    usleep(rnd(4000));
    see_alive(p, o);
}

/* In an epoch: whatever can be reached is alive, and stays so. */
static void walk(Peer *p, uint64_t o) {
    for (uint32_t i = 0; shm_is_object(o) && i < 100; i++) {
        if (see_alive(p, o) != NODE)
            return;
        dawdle(p, o);
        uint64_t other = atomic_load_explicit(field(p, o, OTHER), memory_order_acquire);
        if (shm_is_object(other) && see_alive(p, other) == STORE) {
            uint64_t some = see_elements(p, other); /* borrowed out of the list, then stored */
            if (some)
                store(p, hub, HUB_SLOT(rnd(HUB_SLOTS)), some, 0);
        }
        o = atomic_load_explicit(field(p, o, NEXT), memory_order_acquire);
    }
}

static void let_go(Peer *p, uint64_t *held) {
    doing(DROP);
    arena_enter(p->arena); /* while it is in hand */
    arena_root_drop(p->arena, *held);
    arena_decref(p->arena, &p->frame, *held);
    arena_leave(p->arena);
    *held = 0;
}

static void hold(Peer *p, uint64_t *held, uint64_t o) {
    uint32_t i = rnd(HELD);
    for (uint32_t j = 0; j < HELD; j++) /* one proxy per object */
        if (held[j] == o) {
            arena_decref(p->arena, &p->frame, o);
            return;
        }
    if (held[i])
        let_go(p, &held[i]);
    doing(HOLD);
    if (arena_root_add(p->arena, o) == 0)
        held[i] = o;
    else
        arena_decref(p->arena, &p->frame, o);
}

static uint64_t read_slot(Peer *p, uint32_t slot) {
    doing(READ);
    uint64_t o = atomic_load_explicit(field(p, hub, slot), memory_order_acquire);
    walk(p, o);
    return o;
}

/* Stores in what others see: `what` it is. */
static void store_shared(Peer *p, uint32_t what, uint64_t self, uint32_t at, uint64_t ref, int steal) {
    doing(what);
    store(p, self, at, ref, steal);
}

static void operate(Peer *p, uint64_t *held) {
    uint32_t slot = HUB_SLOT(rnd(HUB_SLOTS)), what = rnd(16);
    uint64_t o;
    if (what < 4) { /* keep a private one */
        if ((o = build(p, 1 + rnd(40))))
            hold(p, held, o);
        return;
    }
    arena_enter(p->arena);
    if (what < 7) { /* publish a new one */
        if ((o = build(p, 1 + rnd(40))))
            store_shared(p, PUBLISH, hub, slot, o, 1);
    } else if (what < 9) { /* publish one that is held */
        if ((o = held[rnd(HELD)]))
            store_shared(p, PUBLISH, hub, slot, o, 0);
    } else if (what < 12) { /* hold what others published */
        o = read_slot(p, slot);
        if (shm_is_object(o) && arena_incref_live(p->arena, o) == 0)
            hold(p, held, o);
    } else if (what < 14) { /* move a tail, as compiled code does: borrowed, then stored */
        o = read_slot(p, slot);
        if (shm_is_object(o) && SHM_HEAD_CLASS(atomic_load(&shm_object(&p->frame, o)->head)) == NODE)
            store_shared(p, STORE_REF, hub, HUB_SLOT(rnd(HUB_SLOTS)),
                         atomic_load_explicit(field(p, o, NEXT), memory_order_acquire), 0);
    } else if (what < 15) { /* cut a list */
        o = read_slot(p, slot);
        if (shm_is_object(o) && SHM_HEAD_CLASS(atomic_load(&shm_object(&p->frame, o)->head)) == NODE)
            store_shared(p, STORE_REF, o, rnd(2) ? NEXT : OTHER, JITD_NONE, 1);
    } else {
        store_shared(p, STORE_REF, hub, slot, JITD_NONE, 1);
    }
    arena_leave(p->arena);
}

static void attach_worker(Peer *p, uint32_t row, int socket) {
    doing(ATTACH);
    attach(p, row, socket);
    arena_enter(p->arena);
    NEED(arena_incref_live(p->arena, hub) == 0);
    NEED(arena_root_add(p->arena, hub) == 0);
    arena_leave(p->arena);
}

static void detach_worker(Peer *p, uint64_t *held) {
    for (uint32_t i = 0; i < HELD; i++)
        if (held[i])
            let_go(p, &held[i]);
    uint64_t own = hub;
    let_go(p, &own);
    doing(DETACH);
    arena_detach(p->arena);
}

static void wait_if_paused(void) {
    if (!atomic_load(&control->pause))
        return;
    atomic_fetch_add(&control->paused, 1);
    while (atomic_load(&control->pause))
        usleep(50);
    atomic_fetch_sub(&control->paused, 1);
}

/* What it does beside its operations. */
static void tidy(Peer *p) {
    if (rnd(50) == 0) {
        doing(REAP);
        arena_reap(p->arena);
    }
    if (rnd(20) == 0) {
        doing(POLL);
        arena_poll(p->arena);
    }
    if (rnd(200) == 0) {
        doing(COLLECT);
        arena_collect(p->arena, 1);
    }
}

static void work(uint32_t row, int socket) {
    Peer p;
    uint64_t held[HELD] = {0};
    attach_worker(&p, row, socket);
    while (!atomic_load(&control->stop) && !(patience && rnd(patience) == 0)) {
        wait_if_paused();
        operate(&p, held);
        tidy(&p);
        atomic_fetch_add_explicit(&control->operations, 1, memory_order_relaxed);
    }
    if (rnd(2))
        detach_worker(&p, held);
    wait_if_paused();
    _exit(0);
}

/* ---- the broker ---- */

/* `life`: the step it dies at, or 0. */
static void start(int i, void (*run)(uint32_t row, int socket), uint64_t life) {
    int pair[2];
    uint32_t row;
    NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    NEED(arena_owner_take_row(&owner, 0, &row) == 0);
    uint64_t seed = random_state ^ ((uint64_t)row << 40) ^ rnd(1 << 30);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* who finds something wrong leaves nobody behind */
        random_state = seed | 1;
        my_place = (uint32_t)i;
        die_at = life;
        close(pair[0]);
        NEED(table_map(table.fd, table.size, &table) == 0);
        run(row, pair[1]);
        _exit(0);
    }
    close(pair[1]);
    workers[i] = (Worker){.pid = pid, .row = row, .socket = pair[0]};
}

/* Waits for its death (serving it meanwhile) and marks the row; the wait status. */
static int bury(int i) {
    int status;
    while (waitpid(workers[i].pid, &status, WNOHANG) == 0)
        serve(300, NULL);
    if (!WIFEXITED(status) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        FAIL("a worker ended with status %#x", status);
    if (WIFEXITED(status) && WEXITSTATUS(status))
        FAIL("a worker ended with exit code %d", WEXITSTATUS(status));
    arena_owner_mark_dead(&owner, workers[i].row);
    if (WIFSIGNALED(status)) {
        died++;
        died_at[atomic_load(&control->doing[i])]++;
    }
    close(workers[i].socket);
    workers[i] = (Worker){0};
    return status;
}

static uint64_t check_now(void) {
    char text[256];
    uint64_t too_high;
    arena_reap(checker.arena);
    int n = check_all(checker.arena, text, sizeof text, &too_high);
    if (n)
        FAIL("%d inconsistencies, the first: %s", n, text);
    ArenaStats s;
    arena_stats(checker.arena, &s);
    NEED(s.dead_rows == 0);
    return too_high;
}

static void open_arena(uint64_t quota) {
    uint32_t id, slots[HUB_SLOTS], node[] = {NEXT, OTHER}, big[] = {NEXT};
    for (uint32_t i = 0; i < HUB_SLOTS; i++)
        slots[i] = HUB_SLOT(i);
    NEED(table_create(&table) == 0);
    Shape shapes[] = {{.base = HUB_SLOT(HUB_SLOTS), .nrefs = HUB_SLOTS, .refs = slots},
                      {.base = 40, .nrefs = 2, .refs = node},
                      {.base = 24},
                      {.base = 60000, .nrefs = 1, .refs = big},
                      {.base = TAIL, .tail = SHM_TAIL_BYTES, .element = 1},
                      {.base = TAIL, .tail = SHM_TAIL_REFS, .element = 8}};
    for (uint8_t i = HUB; i <= STORE; i++)
        NEED(table_add_class(&table, &(Key){{i}}, &shapes[i - HUB], &id) == 0 && id == i);
    NEED(arena_create((uint64_t)512 << 20, quota, &owner) == 0);
    uint32_t row;
    NEED(arena_owner_take_row(&owner, 0, &row) == 0);
    attach(&checker, row, -1);
    hub = shm_new(&checker.frame, HUB, HUB_SLOT(HUB_SLOTS), arena_alloc);
    arena_share(&checker.frame, hub);
    NEED(arena_root_add(checker.arena, hub) == 0);
}

static uint64_t collect(void) {
    ArenaStats s;
    for (int i = 0; i < 100; i++)
        arena_poll(checker.arena);
    NEED(arena_collect(checker.arena, 1000) >= 0);
    for (int i = 0; i < 100; i++) /* what the garbage held, and what it was taken from */
        arena_poll(checker.arena);
    arena_stats(checker.arena, &s);
    return s.objects - 1; /* the hub */
}

/* Lets go of everything; what is left after collections has leaked: what a dead reaper had in hand comes back with a later one. */
static uint64_t empty_out(void) {
    uint64_t left;
    for (uint32_t i = 0; i < HUB_SLOTS; i++) {
        arena_enter(checker.arena);
        store(&checker, hub, HUB_SLOT(i), JITD_UNSET, 1);
        arena_leave(checker.arena);
    }
    for (int i = 0; (left = collect()) && i < 20; i++)
        usleep(10000);
    return left;
}

static void close_arena(void) {
    ArenaStats s;
    arena_root_drop(checker.arena, hub);
    arena_decref(checker.arena, &checker.frame, hub);
    arena_detach(checker.arena);
    arena_owner_mark_dead(&owner, 1);
    NEED(arena_owner_reset(&owner) == 0);
    uint32_t row;
    NEED(arena_owner_take_row(&owner, 0, &row) == 0);
    attach(&checker, row, -1);
    arena_stats(checker.arena, &s);
    NEED(s.objects == 0 && s.bytes_committed == 0);
    arena_detach(checker.arena);
    arena_owner_deinit(&owner);
    table_deinit(&table);
}

static int all_paused(void) {
    uint32_t alive = 0;
    for (int i = 0; i < WORKERS; i++)
        alive += workers[i].pid != 0;
    return atomic_load(&control->paused) == alive;
}

/* A killed worker may have been counted as paused only while it was not killed: killing happens when nobody is. */
static void nobody_died(void) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
        FAIL("a worker ended by itself: status %d", info.si_status);
}

static void pause_all(void) {
    atomic_store(&control->pause, 1);
    for (int i = 0; i < 60 && !all_paused(); i++) {
        serve(1000000, all_paused);
        nobody_died();
    }
    NEED(all_paused());
}

static void resume_all(void) {
    atomic_store(&control->pause, 0);
    while (atomic_load(&control->paused))
        usleep(20);
}

static void report(const char *how) {
    printf("%u kills of clients in the arena's functions, at random %s (", died, how);
    for (uint32_t i = 0; i < DOINGS; i++)
        printf("%s%u %s", i ? ", " : "", died_at[i], DOING[i]);
    printf("; %lu operations): 0 lost, 0 torn, 0 leaked\n", (unsigned long)atomic_load(&control->operations));
    fflush(stdout);
}

/* Ends those that are left, then looks for what nobody holds: what is lost or torn has ended the program before. */
static void end_round(void) {
    atomic_store(&control->stop, 1);
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].pid)
            bury(i);
    check_now();
    uint64_t leaked = empty_out(), too_high = check_now();
    if (too_high > 1 || leaked) /* too high may be the hub's, which lives */
        FAIL("after %u kills: %lu counts too high, %lu objects leaked", died, (unsigned long)too_high,
             (unsigned long)leaked);
    close_arena();
    atomic_store(&control->stop, 0);
}

static void kill_at_random(uint32_t kills) {
    open_arena((uint64_t)256 << 20);
    for (int i = 0; i < WORKERS; i++)
        start(i, work, 0);
    while (died < kills) {
        serve(200 + rnd(6000), NULL);
        for (uint32_t n = 1 + rnd(2), i = 0; i < n; i++) { /* often two at once: a reaper may be among them */
            int victim = (int)rnd(WORKERS);
            if (!workers[victim].pid)
                continue;
            kill(workers[victim].pid, SIGKILL);
            bury(victim);
            if (rnd(2))
                serve(rnd(400), NULL); /* the others reap it, some time */
        }
        pause_all();
        check_now();
        resume_all();
        for (int i = 0; i < WORKERS; i++)
            if (!workers[i].pid)
                start(i, work, 0);
    }
    end_round();
    report("instants");
}

/* ---- random steps ---- */

#define CHECKED_EACH 20
#define ROUND 2000

/* Whoever has died; more than one at a time, often. */
static void bury_dead(void) {
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].pid == info.si_pid)
                bury(i);
        info.si_pid = 0;
    }
}

static void check_all_paused(void) {
    atomic_store(&control->pause, 1);
    for (int i = 0; !all_paused(); i++) {
        serve(1000, all_paused);
        bury_dead(); /* those that came to their step before they looked */
        NEED(i < 60000);
    }
    check_now();
    resume_all();
}

static uint64_t some_life(void) {
    return 1 + (rnd(4) ? rnd(3000) : rnd(100));
}

static void round_of_points(uint32_t kills) {
    open_arena((uint64_t)64 << 20);
    for (uint32_t checked = died; died < kills;) {
        for (int i = 0; i < WORKERS; i++)
            if (!workers[i].pid)
                start(i, work, some_life());
        serve(300, NULL);
        bury_dead();
        if (died - checked >= CHECKED_EACH) {
            check_all_paused();
            checked = died;
        }
    }
    end_round();
}

/* With young processes, many at a time, and little that is large. */
static void kill_at_points(uint32_t kills) {
    rarity = 50;
    patience = 60;
    while (died < kills)
        round_of_points(died + ROUND < kills ? died + ROUND : kills);
    report("steps");
}

/* ---- every step ---- */

static void scenario(uint32_t row, int socket) {
    Peer p;
    uint64_t held[HELD] = {0};
    random_state = 88172645463325252ULL;
    attach_worker(&p, row, socket);
    for (int i = 0; i < 60; i++) {
        operate(&p, held);
        if (i % 7 == 0)
            arena_poll(p.arena);
        if (i % 20 == 19)
            arena_collect(p.arena, 1000);
    }
    detach_worker(&p, held);
    _exit(0);
}

static void reap_and_die(uint32_t row, int socket) {
    Peer p;
    uint64_t life = die_at;
    die_at = 0;
    attach(&p, row, socket);
    die_at = life;
    arena_reap(p.arena);
    arena_collect(p.arena, 1000);
    die_at = 0;
    arena_detach(p.arena);
    _exit(0);
}

/* The worker dies at its n-th step; then a reaper dies at one of its steps; then we reap. */
static int die_at_step(uint64_t n) {
    open_arena((uint64_t)64 << 20);
    start(0, scenario, n);
    int survived = WIFEXITED(bury(0));
    start(1, reap_and_die, 1 + n * 7 % 97);
    bury(1);
    uint64_t too_high = check_now(), leaked;
    leaked = empty_out();
    too_high = check_now();
    if (too_high > 1 || leaked)
        FAIL("step %lu: %lu counts too high, %lu objects leaked", (unsigned long)n, (unsigned long)too_high,
             (unsigned long)leaked);
    close_arena();
    return survived;
}

static void kill_at_steps(uint64_t stride) {
    uint64_t n = 1;
    while (!die_at_step(n))
        n += stride;
    printf("%u kills of clients in the arena's functions, at every %s step up to %lu: 0 lost, 0 torn, 0 leaked\n", died,
           stride == 1 ? "single" : "few", (unsigned long)n);
}

/* From argument `at`, or of the time. */
static void seed(int argc, char **argv, int at) {
    random_state = argc > at ? strtoull(argv[at], NULL, 0) | 1 : (uint64_t)time(NULL) * 2654435761u | 1;
    printf("seed %lu\n", (unsigned long)random_state);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: kill_arena KILLS [SEED] | points KILLS [SEED] | steps [STRIDE]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(control != MAP_FAILED);
    if (strcmp(argv[1], "steps") == 0) {
        kill_at_steps(argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
    } else if (strcmp(argv[1], "points") == 0 && argc > 2) {
        seed(argc, argv, 3);
        kill_at_points((uint32_t)strtoul(argv[2], NULL, 0));
    } else {
        seed(argc, argv, 2);
        kill_at_random((uint32_t)strtoul(argv[1], NULL, 0));
    }
    return 0;
}
