/* Whose messages are handled next. Every user has a share of the loop's time, and within it every connection: of those who have sent
 * something, who has had the least is next. A turn is short, and between turns the loop looks at who has sent something meanwhile: so whoever
 * asks now and then is served at once, however many ask without end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct Peer;

#define TURN_NS 50000 /* after which no further message of the same connection is begun */

typedef struct TurnUser {
    uid_t uid;
    unsigned peers;
    uint64_t had;       /* ns of the loop, on one scale for all users: the least is next */
    uint64_t least;     /* on the scale of its connections: what the one that was served last had */
    struct Peer *ready; /* those with something to handle */
    struct TurnUser *next, *prev;
} TurnUser;

/* A connection's part of it. */
typedef struct Turn {
    TurnUser *user;
    uint64_t had, until; /* ns; until: of the clock, when the turn under way is over */
    bool ready;
    struct Peer *next, *prev;
} Turn;

typedef struct Turns {
    TurnUser *users;
    uint64_t least;
    bool any; /* somebody is ready */
} Turns;

int turns_add(Turns *turns, struct Peer *peer, uid_t uid); /* 0 or -ENOMEM */
void turns_remove(Turns *turns, struct Peer *peer);
unsigned turns_of(const Turns *turns, uid_t uid); /* connections */
void turns_ready(Turns *turns, struct Peer *peer);
/* Begins the turn of the next one; it is not ready any more. NULL: nobody is. */
struct Peer *turns_begin(Turns *turns, uint64_t now);
void turns_end(struct Peer *peer, uint64_t began, uint64_t now);
