/* Turns; see turns.h. Who was not ready has saved up nothing: it comes back with as much as the one that was served last, and so before all who
 * are at it. */
#include "server/broker/turns.h"
#include "server/broker/peers.h"
#include <errno.h>

static TurnUser *turns_user(const Turns *turns, uid_t uid) {
    TurnUser *u;
    DL_SEARCH_SCALAR(turns->users, u, uid, uid);
    return u;
}

int turns_add(Turns *turns, Peer *peer, uid_t uid) {
    TurnUser *u = turns_user(turns, uid);
    if (!u) {
        u = calloc(1, sizeof *u);
        if (!u)
            return -ENOMEM;
        *u = (TurnUser){.uid = uid};
        DL_APPEND(turns->users, u);
    }
    u->peers++;
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
    if (--u->peers)
        return;
    DL_DELETE(turns->users, u);
    free(u);
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

Peer *turns_begin(Turns *turns, uint64_t now) {
    TurnUser *user = NULL;
    for (TurnUser *u = turns->users; u; u = u->next)
        if (u->ready && (!user || u->had < user->had))
            user = u;
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

void turns_end(Peer *peer, uint64_t began, uint64_t now) {
    peer->turn.had += now - began;
    if (peer->turn.user)
        peer->turn.user->had += now - began;
}
