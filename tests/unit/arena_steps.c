/* Two clients in each other's way: at every step point of what one does, the other one does all of its part. */
#include "tests/unit/arena_fixture.h"
#include <setjmp.h>

static uint64_t step, act_at;
static void (*act)(void);

void arena_step(void) {
    if (act && ++step == act_at) {
        void (*fn)(void) = act;
        act = NULL;
        fn();
    }
}

static Peer p, q, r;
static uint64_t hub, x, c;

static void open_three(void) {
    fix_open();
    p = fix_peer();
    q = fix_peer();
    r = fix_peer();
    hub = new_node(&p);
    x = new_node(&p);
    c = new_node(&p);
    set_ref(&p, x, NODE_NEXT, c);
    set_ref(&p, hub, NODE_NEXT, x);
    arena_share(&p.frame, hub);
}

static void close_three(void) {
    set_ref(&p, hub, NODE_OTHER, JITD_NONE);
    drop(&p, hub);
    for (int i = 0; i < 10; i++) {
        arena_poll(p.arena);
        arena_poll(q.arena);
        arena_poll(r.arena);
    }
    cr_assert_eq(stats(&p).objects, 0, "at step %d: %d are left", (int)act_at, (int)stats(&p).objects);
    check(&p);
    arena_detach(r.arena);
    arena_detach(q.arena);
    arena_detach(p.arena);
    fix_close();
}

static int alive(uint64_t o) {
    return SHM_HEAD_STATE(shm_head(object(&p, o))) == SHM_STATE_SHARED;
}

/* Runs `first` with `second` at its n-th step, n counted up until `first` has no such step. */
static void each_step(void (*first)(void), void (*second)(void), void (*after)(void)) {
    for (act_at = 1;; act_at++) {
        open_three();
        arena_enter(q.arena);
        cr_assert_eq(get_ref(&q, hub, NODE_NEXT), x);
        step = 0;
        act = second;
        first();
        int done = act != NULL;
        if (done)
            second();
        act = NULL;
        arena_leave(q.arena);
        after();
        close_three();
        if (done)
            break;
    }
    cr_assert_gt(act_at, 3);
}

static void p_lets_go_of_x(void) {
    set_ref(&p, hub, NODE_NEXT, JITD_NONE);
}

/* q has x in hand: it moves x's child to where others find it. */
static void q_moves_the_child(void) {
    shm_store_ref(&q.frame, hub, NODE_OTHER, get_ref(&q, x, NODE_NEXT), 0, arena_share, arena_release);
    shm_store_ref(&q.frame, x, NODE_NEXT, JITD_NONE, 1, arena_share, arena_release);
}

static void r_reads_while_it_goes(void) {
    limbo_poll(p.arena, 1); /* p begins to wait, and not for r */
    arena_enter(r.arena);
    cr_assert_eq(get_ref(&r, hub, NODE_OTHER), c);
    set_ref(&q, hub, NODE_OTHER, JITD_NONE);
    for (int i = 0; i < 5; i++) {
        arena_poll(p.arena);
        arena_poll(q.arena);
        cr_assert(alive(c), "freed under r, at step %d", (int)act_at);
    }
    arena_leave(r.arena);
}

Test(arena_steps, a_child_is_moved_out_of_a_dying_family) {
    each_step(p_lets_go_of_x, q_moves_the_child, r_reads_while_it_goes);
}

/* q stores x itself again. */
static void q_revives(void) {
    shm_store_ref(&q.frame, hub, NODE_OTHER, x, 0, arena_share, arena_release);
}

static void it_lives(void) {
    for (int i = 0; i < 5; i++) {
        arena_poll(p.arena);
        arena_poll(q.arena);
    }
    cr_assert(alive(x) && alive(c), "at step %d", (int)act_at);
    cr_assert_eq(object(&p, x)->refs, 1, "at step %d", (int)act_at);
    cr_assert_eq(object(&p, c)->refs, 1);
}

Test(arena_steps, a_dying_object_is_stored_again) {
    each_step(p_lets_go_of_x, q_revives, it_lives);
}

/* q stores it and drops it again: both see a count of zero. */
static void q_revives_and_drops(void) {
    q_revives();
    shm_store_ref(&q.frame, hub, NODE_OTHER, JITD_NONE, 1, arena_share, arena_release);
}

static void nothing(void) {
}

Test(arena_steps, two_see_the_count_fall_to_zero) {
    each_step(p_lets_go_of_x, q_revives_and_drops, nothing);
}

/* p has x in limbo though it can be reached, as a collector has a suspect, and the wait is over for all who are outside now. */
static void p_suspects_x(void) {
    uint64_t entry;
    arena_enter(p.arena);
    cr_assert(limbo_flag(p.arena, x, shm_head(object(&p, x)), &entry));
    limbo_push(&p.arena->filling, entry);
    arena_leave(p.arena);
    limbo_poll(p.arena, 1);
}

static void p_judges(void) {
    limbo_poll(p.arena, 1);
}

/* Whose mark comes when p has judged by the count alone, and let x go, must leave none. */
Test(arena_steps, an_object_leaves_limbo_while_it_is_counted_up) {
    int judged = 1;
    for (act_at = 1; judged; act_at++) {
        open_three();
        p_suspects_x();
        arena_enter(q.arena);
        step = 0;
        act = p_judges;
        q_revives_and_drops();
        judged = !act;
        act = NULL;
        arena_leave(q.arena);
        p_judges();
        cr_assert_eq(object(&p, x)->refs, 1, "at step %d: %#x", (int)act_at, object(&p, x)->refs);
        close_three();
    }
    cr_assert_gt(act_at, 3);
}

/* q takes the child for itself while p frees (waiting is over as soon as q has left). */
static void p_lets_go_and_polls(void) {
    p_lets_go_of_x();
    arena_poll(p.arena);
    arena_poll(p.arena);
}

static void q_holds_the_child(void) {
    if (arena_incref_live(q.arena, c) == 0)
        set_ref(&q, hub, NODE_OTHER, c);
}

Test(arena_steps, a_child_is_counted_while_the_family_dies) {
    each_step(p_lets_go_and_polls, q_holds_the_child, nothing);
}

/* ---- p dies at a step, r reaps it, and q, who owns the chunks, allocates at a step of that ---- */

static jmp_buf death;

static void p_dies(void) {
    longjmp(death, 1);
}

static uint64_t made[64];

static void q_allocates(void) {
    arena_poll(q.arena);
    for (int i = 0; i < 64; i++)
        if (!made[i])
            made[i] = new_node(&q);
}

static void p_frees_what_q_made(void) {
    drop(&p, x);
    arena_poll(p.arena);
    arena_poll(p.arena);
}

static void open_for_death(void) {
    fix_open();
    p = fix_peer();
    q = fix_peer();
    r = fix_peer();
    x = new_node(&q);
    c = new_node(&q);
    set_ref(&q, x, NODE_NEXT, c);
    arena_share(&q.frame, x);
    for (int i = 0; i < 64; i++)
        made[i] = 0;
    while (q.arena->alloc.free[3]) /* q has to look for more at its next allocation */
        q.arena->alloc.free[3] = *(uint64_t *)(q.frame.arena + q.arena->alloc.free[3] + 8);
    q.arena->carving[3] = 0;
    cr_assert_eq(shm_size_class(40), 3);
}

static void close_after_death(void) {
    char text[256] = "";
    uint64_t too_high;
    int n;
    arena_reap(r.arena);
    q_allocates();
    n = check_all(q.arena, text, sizeof text, &too_high);
    cr_assert_eq(n, 0, "at step %d: %s", (int)act_at, text);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < i; j++)
            cr_assert(!made[i] || made[i] != made[j], "block %#lx is given out twice, at step %d", (long)made[i],
                      (int)act_at);
    arena_detach(q.arena);
    arena_detach(r.arena);
    fix_close();
}

static void r_reaps(void) {
    arena_reap(r.arena);
}

/* p's death at step `dies` of `last`, then `second` at step `acts` of `first`; bit 0: p had no such step, bit 1: `first` had none. */
static int death_between(void (*last)(void), uint64_t dies, uint64_t acts, void (*first)(void), void (*second)(void)) {
    volatile int survived = 0, early;
    open_for_death();
    step = 0;
    act_at = dies;
    act = p_dies;
    if (setjmp(death) == 0) {
        last();
        survived = 1;
    }
    act = NULL;
    arena_owner_mark_dead(&fix_owner, p.frame.alloc->row);
    close(p.arena->fd);
    arena_unmap(p.arena);
    step = 0;
    act_at = acts;
    act = second;
    first();
    early = act != NULL;
    act = NULL;
    close_after_death();
    return survived | early << 1;
}

static void death_at_each_step(void (*last)(void), void (*first)(void), void (*second)(void)) {
    uint64_t dies = 1;
    for (int done = 0; !(done & 1); dies++)
        for (uint64_t acts = 1; !((done = death_between(last, dies, acts, first, second)) & 2);)
            acts++;
    cr_assert_gt(dies, 10);
}

Test(arena_steps, a_remote_free_dies_and_the_owner_goes_on_during_the_reaping) {
    death_at_each_step(p_frees_what_q_made, r_reaps, q_allocates);
}

Test(arena_steps, a_remote_free_dies_and_is_reaped_while_the_owner_goes_on) {
    death_at_each_step(p_frees_what_q_made, q_allocates, r_reaps);
}

/* ---- the owner dies at a step of giving chunks ---- */

#define FEW 6 /* chunks in all */

/* With the next owner everything can be had, be it the dead one's last client that asks, or another after its death. False: no such step. */
static int owner_dies(uint64_t dies, int whole, int client_dies) {
    uint32_t first, count, taken = 0;
    ArenaOwner next;
    volatile int died = 1;
    fix_open_quota(FEW * ARENA_CHUNK_SIZE);
    p = fix_peer();
    q = fix_peer();
    step = 0;
    act_at = dies;
    act = p_dies;
    if (setjmp(death) == 0) {
        arena_owner_grow_here(&fix_owner, p.frame.alloc->row, 4, whole, &first, &count);
        died = 0;
    }
    act = NULL;
    cr_assert_eq(arena_owner_adopt(dup(fix_owner.fd), fix_owner.size, fix_owner.quota, &next), 0);
    arena_owner_deinit(&fix_owner);
    fix_owner = next;
    if (client_dies) {
        arena_owner_mark_dead(&fix_owner, p.frame.alloc->row);
        close(p.arena->fd);
        arena_unmap(p.arena);
        arena_reap(q.arena);
    } else {
        arena_detach(p.arena);
    }
    while (new_tail(&q, TEXT, 200000))
        taken++;
    cr_assert_eq(taken, FEW, "at step %d: %d", (int)dies, (int)taken);
    check(&q);
    arena_detach(q.arena);
    fix_close();
    return died;
}

Test(arena_steps, what_a_dying_owner_gives_can_be_had) {
    for (int how = 0; how < 4; how++) {
        uint64_t dies = 1;
        while (owner_dies(dies, how & 1, how >> 1))
            dies++;
        cr_assert_gt(dies, 4);
    }
}

/* ---- runs ---- */

#define RUN_REFS 70000 /* 3 chunks */

static uint64_t q_run;

static void q_makes_a_run(void) {
    arena_poll(q.arena);
    if (!q_run)
        cr_assert_neq(q_run = new_tail(&q, STORE, RUN_REFS), 0);
}

/* Makes, shares and drops runs, private and shared, and one that q has made. */
static void p_works_with_runs(void) {
    uint64_t run = new_tail(&p, STORE, RUN_REFS);
    set_ref(&p, run, STORE_TAIL + 8 * (RUN_REFS - 1), new_leaf(&p));
    drop(&p, run);
    run = new_tail(&p, STORE, RUN_REFS);
    set_ref(&p, run, STORE_OWNER, new_leaf(&p));
    arena_share(&p.frame, run);
    drop(&p, run);
    drop(&p, x);
    arena_poll(p.arena);
    arena_poll(p.arena);
}

static void open_for_runs(void) {
    fix_open();
    p = fix_peer();
    q = fix_peer();
    r = fix_peer();
    q_run = 0;
    x = new_tail(&q, STORE, RUN_REFS);
    set_ref(&q, x, STORE_TAIL, new_leaf(&q));
    arena_share(&q.frame, x);
}

static void abandon_p(void) {
    arena_owner_mark_dead(&fix_owner, p.frame.alloc->row);
    close(p.arena->fd);
    arena_unmap(p.arena);
}

static int hint_is_off; /* who dies while it changes may leave it so */

/* Nobody has an object any more: no chunk is lost. */
static void close_runs(void) {
    char text[256] = "";
    uint64_t too_high;
    arena_reap(r.arena);
    for (int i = 0; i < 6; i++) {
        arena_poll(q.arena);
        arena_poll(r.arena);
    }
    cr_assert_geq(arena_collect(r.arena, 1000), 0); /* what the death left counted */
    if (q_run)
        drop(&q, q_run);
    int n = check_all(r.arena, text, sizeof text, &too_high);
    cr_assert_eq(n, 0, "at step %d: %s", (int)act_at, text);
    cr_assert_eq(stats(&r).objects, 0, "at step %d: %d are left", (int)act_at, (int)stats(&r).objects);
    arena_detach(q.arena);
    for (uint32_t i = 0; i < arena_committed(r.arena); i++) { /* or free as soon as somebody looks: an empty orphan */
        uint32_t state = arena_chunk_state(r.arena, i);
        cr_assert(SHM_CHUNK_ROW(state) == 0 && SHM_CHUNK_CLASS(state) <= SHM_CLASS_LAST,
                  "at step %d: chunk %u is lost, in state %#x", (int)act_at, i, state);
    }
    hint_is_off = r.arena->header->unowned != (int32_t)arena_committed(r.arena);
    arena_detach(r.arena);
    fix_close();
}

static int run_death(uint64_t dies, uint64_t acts, void (*first)(void), void (*second)(void)) {
    volatile int survived = 0, early;
    open_for_runs();
    step = 0;
    act_at = dies;
    act = p_dies;
    if (setjmp(death) == 0) {
        p_works_with_runs();
        survived = 1;
    }
    act = NULL;
    abandon_p();
    step = 0;
    act_at = acts;
    act = second;
    first();
    early = act != NULL;
    act = NULL;
    second();
    close_runs();
    return survived | early << 1;
}

static void run_death_at_each_step(void (*first)(void), void (*second)(void)) {
    uint64_t dies = 1;
    for (int done = 0; !(done & 1);
         dies++) /* at each step of p's, the other comes in between at every fifth of the first's */
        for (uint64_t acts = 1 + dies % 5; !((done = run_death(dies, acts, first, second)) & 2);)
            acts += 5;
    cr_assert_gt(dies, 40);
}

Test(arena_steps, who_works_with_runs_dies_and_others_make_one_during_the_reaping) {
    run_death_at_each_step(r_reaps, q_makes_a_run);
}

Test(arena_steps, who_works_with_runs_dies_and_is_reaped_while_others_make_one) {
    run_death_at_each_step(q_makes_a_run, r_reaps);
}

/* p is dead, and q holds a run of its: r gives up what p owned while q frees it, and uses its chunks again. */
static void q_frees_the_run(void) {
    if (!x)
        return;
    arena_root_drop(q.arena, x);
    drop(&q, x);
    x = 0;
    for (int i = 0; i < 4; i++)
        arena_poll(q.arena);
    q_makes_a_run();
    cr_assert_eq(arena_block_of(q.arena, q_run), 3 * ARENA_CHUNK_SIZE);
}

static void owner_dies_at_each_step(void (*first)(void), void (*second)(void)) {
    int done = 0;
    for (act_at = 1; !done; act_at++) {
        open_for_runs();
        drop(&q, x);
        x = new_tail(&p, STORE, RUN_REFS);
        set_ref(&p, x, STORE_TAIL + 8 * (RUN_REFS - 1), new_leaf(&p));
        arena_share(&p.frame, x);
        cr_assert_eq(arena_root_add(q.arena, x), 0);
        abandon_p();
        step = 0;
        act = second;
        first();
        done = act != NULL;
        act = NULL;
        second();
        close_runs();
        cr_assert(!hint_is_off, "chunks are given back twice, or not, at step %d", (int)act_at);
    }
    cr_assert_gt(act_at, 5);
}

Test(arena_steps, a_run_is_freed_while_its_dead_owner_is_reaped) {
    owner_dies_at_each_step(r_reaps, q_frees_the_run);
}

Test(arena_steps, a_dead_owner_is_reaped_while_its_run_is_freed) {
    owner_dies_at_each_step(q_frees_the_run, r_reaps);
}

/* ---- an empty chunk is given back ---- */

static void abandon_peer(Peer *peer) {
    arena_owner_mark_dead(&fix_owner, peer->frame.alloc->row);
    close(peer->arena->fd);
    arena_unmap(peer->arena);
}

/* Whose one object has been freed by q: its head is still there. */
static uint32_t emptied_chunk(void) {
    x = new_node(&p);
    arena_share(&p.frame, x);
    drop(&q, x);
    cr_assert_eq(stats(&q).objects, 0);
    cr_assert_neq(shm_head(object(&q, x)), 0);
    return arena_chunk_of(p.arena, x);
}

/* What was freed is not found again. */
Test(arena_steps, who_gives_back_an_empty_chunk_dies) {
    volatile int done = 0;
    for (act_at = 1; !done; act_at++) {
        fix_open();
        p = fix_peer(), q = fix_peer();
        uint32_t chunk = emptied_chunk();
        step = 0;
        act = p_dies;
        if (setjmp(death) == 0) {
            chunk_retire(p.arena, chunk);
            done = 1;
        }
        act = NULL;
        abandon_peer(&p);
        cr_assert_eq(arena_reap(q.arena), 1);
        cr_assert_eq(stats(&q).objects, 0, "at step %d", (int)act_at);
        check(&q);
        arena_detach(q.arena);
        fix_close();
    }
    cr_assert_gt(act_at, 3);
}

/* ---- a claim on a dead row ---- */

static Peer next_q;
static uint32_t dead_row, reaper_row;

static uint64_t claim_of(const Peer *peer) {
    uint32_t row = peer->frame.alloc->row;
    return SHM_ROW_STATE(SHM_ROW_REAPING, SHM_ROW_CLAIM(row, arena_row(peer->arena, row)->state));
}

/* Somebody else finds that the reaper is dead, the next client gets its row, and is at the same dead row. */
static void the_reapers_row_is_anothers_who_reaps(void) {
    _Atomic uint64_t *reaper = &arena_row(r.arena, reaper_row)->state, *dead = &arena_row(r.arena, dead_row)->state;
    if (SHM_ROW_KIND(*dead) != SHM_ROW_REAPING || SHM_ROW_CLAIMANT(SHM_ROW_REAPER(*dead)) != reaper_row)
        return; /* r has it already */
    *reaper = SHM_ROW_STATE(SHM_ROW_REAPED, 0);
    arena_owner_free_row(&fix_owner, reaper_row);
    next_q = fix_peer();
    cr_assert_eq(next_q.frame.alloc->row, reaper_row);
    *dead = claim_of(&next_q);
}

/* Two reapers of one row would count its objects down twice. */
Test(arena_steps, a_claim_is_not_taken_for_that_of_the_client_before) {
    int took_over = 0;
    for (act_at = 1; act_at < 20; act_at++) {
        fix_open();
        p = fix_peer(), q = fix_peer(), r = fix_peer();
        next_q = (Peer){0};
        dead_row = p.frame.alloc->row, reaper_row = q.frame.alloc->row;
        uint64_t claim = claim_of(&q);
        new_node(&p);
        abandon_peer(&p);
        abandon_peer(&q);
        arena_row(r.arena, dead_row)->state = claim;
        step = 0;
        act = the_reapers_row_is_anothers_who_reaps;
        arena_reap(r.arena);
        act = NULL;
        if (next_q.arena) {
            took_over++;
            cr_assert_eq(arena_row(r.arena, dead_row)->state, claim_of(&next_q), "at step %d", (int)act_at);
            abandon_peer(&next_q);
        }
        arena_reap(r.arena);
        cr_assert_eq(stats(&r).objects, 0);
        check(&r);
        arena_detach(r.arena);
        fix_close();
    }
    cr_assert_gt(took_over, 0, "no step between the look at the reaper and the swap");
}
