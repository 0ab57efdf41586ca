/* Whose messages are handled next. Every user has a share of the loop's time, and within it every connection: of those who have sent
 * something, who has had the least is next. A turn is short, and between turns the loop looks at who has sent something meanwhile: so whoever
 * asks now and then is served at once, however many ask without end.
 *
 * A loop that is never done is not enough for that: where the processors are all at work for who asks without end and for the daemon that
 * answers it, another's process gets one only after a slice of theirs, some milliseconds. So beside other users a user has a part of the time
 * (of which it saves up what it does not use, to a limit: who asks much once is not held up), and then rests. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct Peer;

#define TURN_NS 25000 /* after which no further message of the same connection is begun */

/* What somebody may take of the loop's time: one of `part` ns that go by. */
typedef struct AllowanceRule {
    int64_t part, most, debt; /* most: ns that are saved up; debt: what is not forgiven of a turn that was long */
} AllowanceRule;

typedef struct Allowance {
    int64_t left; /* ns; below 0: it rests */
    uint64_t at;  /* when that was so; 0: never yet, all is left */
} Allowance;

extern const AllowanceRule turn_rule; /* a user's */

int64_t allowance_left(const Allowance *allowance, const AllowanceRule *rule, uint64_t now);
void allowance_take(Allowance *allowance, const AllowanceRule *rule, uint64_t now, uint64_t ns);

typedef struct TurnUser {
    uid_t uid;
    unsigned peers; /* none: it is remembered until its allowance is whole */
    Allowance allowance;
    uint64_t said;      /* peers.c's: when the log was last told of a connection of it that was dropped; 0: never */
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
    unsigned present; /* users with peers: a single one may have all of the time */
    bool any;         /* somebody is ready */
} Turns;

void turns_deinit(Turns *turns);                           /* when nobody is left */
int turns_add(Turns *turns, struct Peer *peer, uid_t uid); /* 0 or -ENOMEM */
void turns_remove(Turns *turns, struct Peer *peer);
unsigned turns_of(const Turns *turns, uid_t uid); /* connections */
void turns_ready(Turns *turns, struct Peer *peer);
/* Begins the turn of the next one; it is not ready any more. NULL: nobody is, or all who are have to rest. */
struct Peer *turns_begin(Turns *turns, uint64_t now);
/* user: whose it was, if it is not on the list any more. */
void turns_end(Turns *turns, struct Peer *peer, TurnUser *user, uint64_t began, uint64_t now);
bool turns_any_now(const Turns *turns, uint64_t now); /* somebody is ready, and need not rest */
