/* What the files of client/lib share: the Client itself. Nobody else includes this. */
#pragma once
#include "client/lib/client.h"
#include "protocol/fdpass.h"
#include "protocol/frame.h"
#include "protocol/messages.h"
#include <sys/types.h>

#define CLIENT_MAX_FDS (2 * FDPASS_MAX) /* received and not yet claimed by a frame */
#define CLIENT_MAX_SEGMENTS 256
#define CLIENT_TIMEOUT_MS 30000
#define CLIENT_ARENA_MS 1000 /* for what the arena asks: it can do without an answer */
#define CLIENT_LATE_MAX 4
#define CLIENT_START_MS 5000 /* for a daemon to come up */
/* Nothing has come from the daemon for so long: it is asked whether it lives, and has so long to say so, about code, and about other things. */
#define CLIENT_QUIET_MS 250
#define CLIENT_SIGN_MS 1000
#define CLIENT_LONG_SIGN_MS 5000
#define CLIENT_AGAIN_MS 100 /* for one that gave no sign then, and has not since */

typedef struct Waiter Waiter;
typedef struct ThreadFrame ThreadFrame;

/* A publication of which nobody knows whether it was made: its answer was lost, and there was no daemon to ask again. */
typedef struct Unsettled {
    uint64_t nonce, object, since;
    int note; /* of the row's; -1: none */
} Unsettled;
#define CLIENT_MAX_UNSETTLED 256

typedef struct Mapped {
    uint64_t offset, size, inode;
} Mapped;

struct Client {
    int socket; /* -1: not connected any more */
    bool usable;
    pid_t pid; /* who opened the connection */
    char *path, *namespace_;
    ClientOptions options; /* its strings are not kept */
    bool may_start;        /* the daemon is a private one, and this process may start another */
    char *daemon;          /* which program; NULL: it is looked for */

    /* reconnect.c: */
    uint32_t connection; /* its number: what was asked on an older one is not answered on this */
    bool attached;       /* there was one: it is worth trying to get another */
    bool reconnecting;
    const char *parted; /* why there will be none any more; NULL: there may */
    bool nobody;        /* when it was tried last nobody was there */
    int64_t retry_at;   /* ms of clock_ms; before it nobody is waited for */
    int retry_ms;       /* the next pause */

    uint32_t next_id;
    Waiter *waiters;     /* requests under way, the latest first */
    Waiter *posted;      /* sent, and made later */
    msgpack_sbuffer out; /* to be sent */
    size_t out_sent;     /* bytes of it that were */
    FrameBuffer in;
    int fds[CLIENT_MAX_FDS];
    size_t nfds;
    uint64_t
        late[CLIENT_LATE_MAX]; /* requests for chunks that timed out: what is answered after all is taken; 0: none */
    bool silent;               /* a request timed out, and nothing has come since */
    int64_t heard_at;          /* ms of clock_ms: when something came last */
    int64_t probed_at;         /* when it was asked whether it lives; 0: something has come since */
    bool held;                 /* it lives, has said that it keeps a request for later, and answers nothing till then */
    int in_arena;              /* inside a request that the arena makes: no reaping then */
    bool deaths;               /* a DEATH event came */
    char turned_away[256];     /* why the daemon takes no connection of this process; empty: it does */

    Unsettled unsettled[CLIENT_MAX_UNSETTLED];
    size_t nunsettled;
    uint64_t nonces; /* numbers given so far: no two are alike, whatever the clock says */

    uint32_t row;
    Window window;
    Table table;
    Arena *arena;
    uint64_t arena_device, arena_inode; /* which arena it is */
    Mapped segments[CLIENT_MAX_SEGMENTS];
    size_t nsegments;

    const volatile uint32_t *interrupt;
    ThreadFrame *frames;
    int fork_pipe[2], fork_failed;
};

/* Around what takes time in connecting. */
static inline void client_unlock(const Client *client, ClientPause *pause) {
    if (client->options.unlock)
        client->options.unlock(client->options.lock_arg, pause);
}

static inline void client_lock(const Client *client, const ClientPause *pause) {
    if (client->options.unlock)
        client->options.lock(client->options.lock_arg, pause);
}

/* connect.c: a connected, verified socket. 0, or a negative errno with the reason in `error`. `deadline` (ms of
 * clock_ms) is for waiting until a daemon that was started is there. */
int connect_any(Client *client, const ClientOptions *options, int64_t deadline, char *error, size_t size);
int connect_path(const char *path, int *ret_socket);
void connect_pause(const Client *client); /* before trying again */
int64_t clock_ms(void);

/* reconnect.c: after the daemon died, was replaced or let this client go. 0: connected again to one that has the same arena, everything
 * mapped anew where it was; or a negative errno. Waits for a daemon for a tenth of a second at most, and not again at once. */
#define CLIENT_RECONNECT_MS 100
int reconnect(Client *client);
int reconnect_child(Client *client); /* in a forked child, which takes a row of its own */

/* spawn.c: starts a private daemon at that socket. 0, or a negative errno with the reason in `error`. It may not
 * listen yet. */
int spawn_daemon(const char *binary, const char *socket_path, char *error, size_t size);

/* request.c */
void request_disconnect(Client *client);
void request_connected(Client *client); /* client->socket is a new connection */
int request_take_fd(Client *client);    /* the oldest fd received, the caller's now; -1: none */

typedef struct Request {
    int message;
    const char *body;
    size_t size;
    int timeout_ms;
    bool yields; /* the callers' lock may be given up while it waits */
    bool once;   /* not made again in the child when a signal handler forks while it waits: there it is -ECHILD */
    bool unsure; /* afterwards: it was sent, and nobody knows whether it was carried out */
} Request;

/* As client_request; but without what that does afterwards. */
int request_make(Client *client, Request *request, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                 ClientError *ret_error);
int request_and_after(Client *client, Request *request, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                      ClientError *ret_error);
int request_exchange(Client *client, int message, const char *body, size_t size, int timeout_ms, bool yields,
                     msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error);
/* On this very connection; `fd` (-1: none) goes along. */
int request_exchange_once(Client *client, int message, const char *body, size_t size, int fd, int timeout_ms,
                          msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error);
void request_drop_fds(Client *client);
void request_look(Client *client); /* handles what has come, and does not wait */
void request_forget(
    Client *client); /* the requests under way: they are a parent's, or that of a thread that this process lacks */
/* Makes a request ahead: request_flush (or the next request) sends it, and the next request_exchange of the same message and
 * body takes its answer. Both 0 or a negative errno. */
int request_post(Client *client, int message, const char *body, size_t size);
int request_flush(Client *client);

/* publish.c */
void publish_settle(Client *client); /* asks what became of the publications that are unsettled */

/* attach.c */
/* Claims their fds; those already mapped are skipped. */
int attach_segments(Client *client, const msgpack_object *hello);
int attach_map_segment(Client *client, int fd, uint64_t offset, uint64_t size); /* takes the fd */
ArenaOps attach_arena_ops(Client *client);
void attach_late_grant(Client *client, const msgpack_object *answer); /* to a GROW that is not waited for any more */
int attach_read_version(Client *client, const msgpack_object *hello, char *error, size_t size);

/* imports.c: those the options leave open are the library's own. */
void imports_fill(const void *const *given, const void **ret_imports);

/* threads.c */
void threads_update(Client *client); /* the client's arena or interrupt flag changed */
void threads_forget(Client *client);
void threads_lock(void); /* around fork() */
void threads_unlock(void);
