/* Whose messages are handled next. The clock is the test's: a turn takes as long as it says. */
#include "server/broker/peers.h"
#include <criterion/criterion.h>

static Turns turns;
static uint64_t now = 1;

/* Who is next, and takes a turn of so long. */
static Peer *next_for(uint64_t ns) {
    Peer *p = turns_begin(&turns, now);
    if (p)
        turns_end(&turns, p, p->turn.user, now, now + ns), now += ns;
    return p;
}

static void add(Peer *peers, size_t n, uid_t uid) {
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(turns_add(&turns, &peers[i], uid), 0);
}

static void ready(Peer *peers, size_t n) {
    for (size_t i = 0; i < n; i++)
        turns_ready(&turns, &peers[i]);
}

static void remove_all(Peer *peers, size_t n) {
    for (size_t i = 0; i < n; i++)
        turns_remove(&turns, &peers[i]);
}

static void deinit(void) {
    cr_assert_eq(turns.present, 0);
    turns_deinit(&turns);
    cr_assert_null(turns.users);
}

/* They ask without end. No two turns are equally long: of equals who was there first is next. */
static void flood(Peer *peers, size_t n, int rounds) {
    static uint64_t longer;
    for (int i = 0; i < rounds; i++) {
        ready(peers, n);
        cr_assert(next_for(TURN_NS + ++longer));
    }
    ready(peers, n);
}

Test(turns, who_asks_now_and_then_is_next) {
    static Peer flooders[500], good;
    add(flooders, 500, 1);
    add(&good, 1, 2);
    for (int i = 0; i < 100; i++) {
        flood(flooders, 500, 7);
        turns_ready(&turns, &good);
        cr_assert_eq(next_for(20000), &good);
    }
    remove_all(flooders, 500);
    remove_all(&good, 1);
    deinit();
}

Test(turns, among_a_users_connections_it_is_the_same) {
    static Peer flooders[8], good;
    add(flooders, 8, 1);
    add(&good, 1, 1);
    flood(flooders, 8, 8);
    for (int i = 0; i < 100; i++) {
        flood(flooders, 8, 20);
        turns_ready(&turns, &good);
        cr_assert_eq(next_for(20000), &good);
    }
    remove_all(flooders, 8);
    remove_all(&good, 1);
}

/* Two who ask without end have the same of the loop, however many connections each has. */
Test(turns, users_have_equal_parts) {
    static Peer many[400], few[2];
    unsigned of_few = 0;
    add(many, 400, 1);
    add(few, 2, 2);
    for (int i = 0; i < 1000; i++) {
        ready(many, 400);
        ready(few, 2);
        Peer *p = next_for(TURN_NS);
        of_few += p == &few[0] || p == &few[1];
    }
    cr_assert(of_few >= 499 && of_few <= 501, "%u of 1000", of_few);
    remove_all(many, 400);
    remove_all(few, 2);
}

/* Nobody is ahead for having been away. */
Test(turns, nothing_is_saved_up) {
    static Peer flooder, back;
    unsigned of_flooder = 0;
    add(&flooder, 1, 1);
    add(&back, 1, 2);
    flood(&flooder, 1, 1000);
    for (int i = 0; i < 100; i++) {
        ready(&flooder, 1);
        ready(&back, 1);
        of_flooder += next_for(TURN_NS) == &flooder;
    }
    cr_assert(of_flooder >= 49, "%u of 100", of_flooder);
    remove_all(&flooder, 1);
    remove_all(&back, 1);
}

Test(turns, who_leaves_is_not_served) {
    static Peer a, b;
    add(&a, 1, 1);
    add(&b, 1, 1);
    ready(&a, 1);
    ready(&b, 1);
    turns_remove(&turns, &a);
    cr_assert_eq(turns_of(&turns, 1), 1);
    cr_assert_eq(next_for(1), &b);
    cr_assert_null(next_for(1));
    cr_assert_not(turns.any);
    turns_remove(&turns, &b);
}

/* What it has in so long, if it is always ready and each turn takes so long. */
static uint64_t had_in(Peer *peer, uint64_t ns, uint64_t turn) {
    uint64_t had = 0, end = now + ns;
    while (now < end) {
        turns_ready(&turns, peer);
        if (next_for(turn))
            had += turn;
        else
            now += 1000000;
    }
    return had;
}

#define SECOND 1000000000

Test(turns, beside_others_a_user_has_a_part_of_the_time) {
    static Peer flooder, other;
    add(&flooder, 1, 1);
    add(&other, 1, 2);
    uint64_t first = had_in(&flooder, SECOND, TURN_NS);
    cr_assert(first > (uint64_t)turn_rule.most && first < (uint64_t)turn_rule.most + SECOND / 15, "%lu", first);
    uint64_t then = had_in(&flooder, SECOND, TURN_NS);
    cr_assert(then > SECOND / 25 && then < SECOND / 15, "%lu", then);
    ready(&flooder, 1);
    turns_begin(&turns, now); /* perhaps */
    ready(&flooder, 1);
    ready(&other, 1);
    cr_assert(turns_any_now(&turns, now));
    cr_assert_eq(next_for(TURN_NS), &other);
    now += SECOND;
    cr_assert(turns_any_now(&turns, now));
    cr_assert_eq(next_for(TURN_NS), &flooder);
    remove_all(&flooder, 1);
    remove_all(&other, 1);
    deinit();
}

Test(turns, who_is_alone_has_all_and_owes_nothing_for_it) {
    static Peer flooder, other;
    add(&flooder, 1, 1);
    cr_assert_geq(had_in(&flooder, SECOND, TURN_NS), SECOND);
    add(&other, 1, 2);
    now += 20 * TURN_NS;
    ready(&flooder, 1);
    cr_assert_eq(next_for(TURN_NS), &flooder);
    remove_all(&flooder, 1);
    remove_all(&other, 1);
    deinit();
}

/* A turn may be long, if its one message is. */
Test(turns, nobody_rests_for_long) {
    static Peer flooder, other;
    add(&flooder, 1, 1);
    add(&other, 1, 2);
    had_in(&flooder, SECOND, 100 * TURN_NS);
    ready(&flooder, 1);
    while (next_for(SECOND))
        ready(&flooder, 1);
    cr_assert_lt(turn_rule.debt * turn_rule.part, SECOND / 10);
    now += (uint64_t)(turn_rule.debt * turn_rule.part) + 100;
    cr_assert_eq(next_for(1), &flooder);
    remove_all(&flooder, 1);
    remove_all(&other, 1);
    deinit();
}

/* Connecting again gives no new allowance. The clock of who is forgotten is the machine's. */
Test(turns, who_leaves_is_remembered) {
    static Peer flooder, others[200];
    now = uv_hrtime();
    add(&flooder, 1, 1);
    add(others, 1, 2);
    had_in(&flooder, SECOND, TURN_NS);
    remove_all(&flooder, 1);
    add(&others[1], 1, 3);
    add(&flooder, 1, 1);
    ready(&flooder, 1);
    for (int i = 0; i < 5 && next_for(TURN_NS); i++)
        ready(&flooder, 1);
    cr_assert_not(turns_any_now(&turns, now));
    remove_all(&flooder, 1);
    remove_all(others, 2);
    deinit();
}

Test(turns, not_all_who_ever_were_there_are_remembered) {
    static Peer one;
    unsigned n = 0;
    for (uid_t uid = 1; uid < 1000; uid++) {
        now = uv_hrtime();
        add(&one, 1, uid);
        ready(&one, 1);
        cr_assert_eq(next_for(SECOND), &one);
        remove_all(&one, 1);
    }
    for (const TurnUser *u = turns.users; u; u = u->next)
        n++;
    cr_assert(n > 10 && n < 100, "%u", n);
    deinit();
}
