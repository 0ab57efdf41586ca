/* Turns; see turns.h. Who was not ready has saved up nothing: it comes back with as much as the one that was served last, and so before all who
 * are at it. */
#include "server/broker/turns.h"
#include "server/broker/peers.h"
#include <errno.h>

#define TURN_ABSENT_MAX 64 /* users without connections that are remembered */
#define TURN_SAID_NS 10000000000

/* ---- allowances ---- */

const AllowanceRule turn_rule = {.part = 20, .most = 250000000, .debt = 4000000};

int64_t allowance_left(const Allowance *a, const AllowanceRule *rule, uint64_t now) {
    if (!a->at)
        return rule->most;
    int64_t left = a->left + (int64_t)(now - a->at) / rule->part;
    return left < rule->most ? left : rule->most;
}

void allowance_take(Allowance *a, const AllowanceRule *rule, uint64_t now, uint64_t ns) {
    int64_t left = allowance_left(a, rule, now) - (int64_t)ns;
    *a = (Allowance){.left = left < -rule->debt ? -rule->debt : left, .at = now};
}

static bool rests(const Turns *turns, const TurnUser *u, uint64_t now) {
    return turns->present > 1 && allowance_left(&u->allowance, &turn_rule, now) < 0;
}

/* ---- users ---- */

static TurnUser *turns_user(const Turns *turns, uid_t uid) {
    TurnUser *u;
    DL_SEARCH_SCALAR(turns->users, u, uid, uid);
    return u;
}

static void user_forget(Turns *turns, TurnUser *u) {
    DL_DELETE(turns->users, u);
    free(u);
}

static bool is_to_be_remembered(const TurnUser *u, uint64_t now) {
    return u->peers || allowance_left(&u->allowance, &turn_rule, now) < turn_rule.most ||
           (u->said && now - u->said < TURN_SAID_NS);
}

/* Who comes back at once has no new allowance. */
static void users_forget(Turns *turns) {
    uint64_t now = uv_hrtime();
    unsigned absent = 0;
    for (TurnUser *u, *next = turns->users; (u = next);) {
        next = u->next;
        if (!is_to_be_remembered(u, now) || (!u->peers && ++absent > TURN_ABSENT_MAX))
            user_forget(turns, u);
    }
}

void turns_deinit(Turns *turns) {
    while (turns->users)
        user_forget(turns, turns->users);
}

int turns_add(Turns *turns, Peer *peer, uid_t uid) {
    TurnUser *u = turns_user(turns, uid);
    if (!u) {
        users_forget(turns);
        u = calloc(1, sizeof *u);
        if (!u)
            return -ENOMEM;
        *u = (TurnUser){.uid = uid};
        DL_PREPEND(turns->users, u);
    }
    turns->present += !u->peers++;
    peer->turn = (Turn){.user = u};
    return 0;
}

static void not_ready(Turns *turns, Peer *peer) {
    DL_DELETE2(peer->turn.user->ready, peer, turn.prev, turn.next);
    peer->turn.ready = false;
    turns->any = false;
    for (const TurnUser *u = turns->users; u && !turns->any; u = u->next)
        turns->any = u->ready != NULL;
}

void turns_remove(Turns *turns, Peer *peer) {
    TurnUser *u = peer->turn.user;
    if (peer->turn.ready)
        not_ready(turns, peer);
    peer->turn.user = NULL;
    turns->present -= !--u->peers;
}

unsigned turns_of(const Turns *turns, uid_t uid) {
    const TurnUser *u = turns_user(turns, uid);
    return u ? u->peers : 0;
}

static uint64_t at_least(uint64_t had, uint64_t least) {
    return had < least ? least : had;
}

void turns_ready(Turns *turns, Peer *peer) {
    Turn *t = &peer->turn;
    if (t->ready)
        return;
    if (!t->user->ready)
        t->user->had = at_least(t->user->had, turns->least);
    t->had = at_least(t->had, t->user->least);
    t->ready = true;
    DL_APPEND2(t->user->ready, peer, turn.prev, turn.next);
    turns->any = true;
}

/* NULL: nobody is ready that need not rest. */
static TurnUser *next_user(const Turns *turns, uint64_t now) {
    TurnUser *user = NULL;
    for (TurnUser *u = turns->users; u; u = u->next)
        if (u->ready && !rests(turns, u, now) && (!user || u->had < user->had))
            user = u;
    return user;
}

bool turns_any_now(const Turns *turns, uint64_t now) {
    return next_user(turns, now) != NULL;
}

Peer *turns_begin(Turns *turns, uint64_t now) {
    TurnUser *user = next_user(turns, now);
    if (!user)
        return NULL;
    Peer *peer = user->ready;
    for (Peer *p = peer; p; p = p->turn.next)
        if (p->turn.had < peer->turn.had)
            peer = p;
    turns->least = user->had;
    user->least = peer->turn.had;
    not_ready(turns, peer);
    peer->turn.until = now + TURN_NS;
    return peer;
}

/* Nobody is in debt for what it had while it was alone. */
static void charge(Turns *turns, TurnUser *u, uint64_t ns, uint64_t now) {
    u->had += ns;
    allowance_take(&u->allowance, &turn_rule, now, ns);
    if (turns->present < 2 && u->allowance.left < 0)
        u->allowance.left = 0;
}

void turns_end(Turns *turns, Peer *peer, TurnUser *user, uint64_t began, uint64_t now) {
    peer->turn.had += now - began;
    charge(turns, user, now - began, now);
}
