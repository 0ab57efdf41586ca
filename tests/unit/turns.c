/* Whose messages are handled next. The clock is the test's: a turn takes as long as it says. */
#include "server/broker/peers.h"
#include <criterion/criterion.h>

static Turns turns;
static uint64_t now;

/* Who is next, and takes a turn of so long. */
static Peer *next_for(uint64_t ns) {
    Peer *p = turns_begin(&turns, now);
    if (p)
        turns_end(p, now, now + ns);
    now += ns;
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
    cr_assert_null(turns.users);
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
    flood(&flooder, 1, 10000);
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
