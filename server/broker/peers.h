/* The connections: accepting, reading whole messages, queues of answers, limits and time limits. Nothing here waits for
 * a peer: what it does not take is queued; one that lets its queue grow is not read from until it reads; one that stops
 * altogether is dropped. What the messages mean is dispatch.c's. */
#pragma once
#include "protocol/fdpass.h"
#include "protocol/messages.h"
#include "server/broker/config.h"
#include "server/broker/tenants.h"
#include "server/broker/turns.h"
#include <uv.h>

#define PEERS_MAX 4000
#define PEERS_MAX_PER_UID 1000
#define PEER_MAX_OUTSTANDING 64
#define PEER_HELLO_MS 5000
#define PEER_FRAME_MS 30000   /* a frame that has begun must end */
#define PEER_STALL_MS 30000   /* a peer that is owed bytes must take some */
#define PEER_PIECE_MAX 16384  /* bytes that are sent in one piece */
#define PEER_QUEUE_SOFT 65536 /* bytes owed, from which on nothing is read from it */

typedef struct PeerOut PeerOut;
typedef struct Peers Peers;

typedef struct Peer {
    Peers *peers;
    int fd;
    uid_t uid;
    pid_t pid;
    uv_poll_t poll;
    uv_timer_t timer; /* time limits */
    unsigned handles; /* not closed yet */
    int events;       /* asked of poll */
    FrameBuffer in;
    bool goes_on; /* the next message in it has been read already: its handling takes several turns */
    MsgMessage message;
    msgpack_unpacked message_owner;
    PeerOut *out;
    size_t out_bytes;
    uint64_t hello_by, frame_by, stall_by; /* times of the loop's clock; 0: none */
    unsigned outstanding;                  /* requests that were not answered */
    bool held;                             /* its next message has to wait */
    Turn turn;
    bool corked; /* several answers are being made: they are sent together */
    bool dropped;
    const char *doomed; /* why it is to be dropped; NULL: it is not */
    bool takes_fd;      /* it was asked to hand over a descriptor: `handed`, -1: none yet */
    int handed;
    uint32_t looked,
        found; /* compile.c's: of a LOOKUP that takes several turns, the keys looked for on the disk, and those there */
    struct Report *report; /* report.c's: of CLASSES that take several turns; NULL: none */
    /* dispatch.c's: */
    bool greeted, observer;
    unsigned deaths_told; /* since its last request */
    uint64_t last_death;  /* it was told of all up to this one */
    Tenant *tenant;       /* NULL: none */
    uint32_t row;
    int pidfd; /* of its process; -1: it was gone when it said hello */
    struct Peer *next, *prev;
} Peer;

typedef enum PeerHandled {
    PEER_HANDLED,
    PEER_HOLD, /* give it again after peers_resume */
    PEER_AGAIN /* give it again in the peer's next turn */
} PeerHandled;

typedef struct PeerOps {
    PeerHandled (*message)(void *arg, Peer *peer, const MsgMessage *message);
    void (*left)(void *arg, Peer *peer); /* it is on no list any more and gets nothing any more */
    /* What other processes keep without a connection, of this one's user or of all; it counts as connections. NULL: nothing. */
    unsigned (*kept)(void *arg, const struct ucred *who, bool all);
    void *arg;
} PeerOps;

struct Peers {
    uv_loop_t *loop;
    uv_poll_t listener;
    uv_timer_t relisten;
    Allowance accepting; /* what is left of it */
    uv_check_t check;    /* when the loop has looked who has sent something, */
    uv_idle_t idle;      /* and that it does not wait as long as somebody's turn is to come, */
    uv_timer_t rest;     /* or not for long, when all of them have to rest */
    int fd;
    bool any_uid; /* else only this daemon's own uid and root */
    PeerOps ops;
    const Config *config; /* NULL: everybody has the usual limits */
    Peer *list;
    Turns turns;
    unsigned count, most;
    uint64_t said_full; /* when the log was last told that somebody was turned away */
    uint64_t dropped;   /* for breaking a limit or the protocol */
};

int peers_init(Peers *peers, uv_loop_t *loop, int listen_fd);
void peers_stop(Peers *peers); /* drops all and closes the listener */
/* Takes those who wait to be accepted. What follows is another socket at the same descriptor, if there are any: true. */
bool peers_take_last(Peers *peers);
void peers_listen(Peers *peers);
void peers_resume(Peers *peers); /* gives the held ones' messages again */
bool peer_turn_is_over(const Peer *peer);

/* Queues (and sends what can be sent now) all frames of w; the fds go with their first byte and stay the caller's: they
 * must live as long as the peer. Takes what w holds. */
void peer_send(Peer *peer, MessageWriter *w, const int *fds, size_t nfds);
void peer_doom(Peer *peer, const char *why); /* to be dropped as soon as nobody is in the middle of using it */
/* Now, if its client has closed the connection: the caller is in the middle of another one's message. */
bool peer_drop_if_over(Peer *peer);

/* An answer: ends the message that message_begin(w, MESSAGE_REPLY, id) began and sends it. */
void peer_reply(Peer *peer, uint64_t id, MessageWriter *w, const int *fds, size_t nfds);
void peer_reply_error(Peer *peer, uint64_t id, const char *code, Str message);
