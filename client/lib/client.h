/* libjitd's inside: what the extension uses beyond the public jitd.h. One Client per process and namespace.
 * Thread safety: none of its own; callers hold one lock (in Python the interpreter's). Fork: client_fork_* . */
#pragma once
#include "base/hash.h"
#include "base/str.h"
#include "protocol/abi.h"
#include "protocol/types.h"
#include "shared-mem/arena.h"
#include "shared-mem/segment.h"
#include "shared-mem/table.h"
#include <msgpack.h>

typedef struct Client Client;

/* What `unlock` leaves for `lock`. */
typedef struct ClientPause {
    void *state;
    uint32_t depth;
} ClientPause;

typedef struct ClientOptions {
    /* NULL: $JITD_SOCKET, else the system's /run/jitd/jitd.sock if there is one, else the user's private daemon, which
     * is started when needed. */
    const char *socket;
    const char *namespace_; /* NULL: $JITD_NAMESPACE or "default" */
    /* The jitd binary to start; NULL: $JITD_DAEMON, else beside this library, else from PATH; "": never start one. */
    const char *daemon;
    /* The same for a private daemon that dies later, while this process lives: another one is started. */
    const char *next_daemon;
    const void *imports[JITD_N_IMPORTS]; /* NULL entries are filled with the library's own */
    /* A signal came while a request waits: not 0 gives it up with -EINTR. May make requests itself. NULL: go on. */
    int (*interrupted)(void *arg);
    void *interrupted_arg;
    /* Give up the callers' one lock while a client_request waits, and take it back: others may use the client meanwhile. Both or neither. */
    void (*unlock)(void *arg, ClientPause *ret_pause);
    void (*lock)(void *arg, const ClientPause *pause);
    void *lock_arg;
    void (*shared)(void *arg, uint64_t object, uint32_t link); /* ArenaOps.shared; may be NULL */
    void (*held)(void *arg, uint64_t object);                  /* ArenaOps.held; may be NULL */
    int (*keeps)(void *arg, uint64_t object);                  /* ArenaOps.keeps; may be NULL */
    void *proxies_arg;
    /* Known to be asked next (its body is not kept): sent with the hello, so that client_request of just this need not
     * wait for another round. */
    int next_message; /* 0: none */
    const char *next_body;
    size_t next_size;
    int makes_objects; /* the same for the memory that the first objects need */
    int observe;       /* maps nothing and takes no row: client_request for STATS, CLASSES, LOOKUP and DUMP only */
} ClientOptions;

/* Connects (starting a private daemon if there is none and the options allow it), says hello, maps everything.
 * 0, or a negative errno with a message for people in *error. */
int client_open(const ClientOptions *options, Client **ret_client, char *error, size_t error_size);
void client_close(Client *client);

/* CLASSES tells a part at a time. The next one's body, when so many classes and functions have been told of (which becomes the sums): false,
 * `answer` was the last part. `answer` is NULL for the first one. */
typedef struct ClientTold {
    uint64_t classes, functions;
} ClientTold;
bool client_classes_body(ClientTold *told, const msgpack_object *answer, msgpack_sbuffer *ret_body);

Arena *client_arena(Client *client);
const Table *client_table(Client *client);
/* The table, to add classes to that are only this process's: when the daemon is gone, has refused them or does not answer. NULL: no memory. */
Table *client_own_table(Client *client);
JitdFrame *client_frame(Client *client); /* of the calling thread (stack_limit set) */
const uint8_t *client_window(Client *client);
void client_set_interrupt(Client *client, const volatile uint32_t *flag);

/* One request, blocking up to timeout_ms (-1: 30 s, while the daemon lives), events handled on the way. The body is packed
 * msgpack (a map). 0: *ret_body is the answer's map, valid until msgpack_unpacked_destroy(ret_owner). 1: the broker
 * answered ERROR: code and message are copied. Negative errno: the connection is gone (client_connected() is then
 * false; everything mapped stays usable), and no other could be had: a request whose connection is lost is made again on
 * the next one, with the daemon that follows. */
typedef struct ClientError {
    char code[32];
    char message[4096];
} ClientError;
int client_request(Client *client, int message, const char *body, size_t size, int timeout_ms,
                   msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error);
/* Why there will be no connection any more, in words; NULL: there is one, or may be again. */
const char *client_parted(Client *client);
/* PUBLISH: the name (UTF-8, with its length) stands for the object from now on (0: for none). Transfers a count that the caller has
 * made to the name, and gives back the count of what it stood for before; when it fails, the caller's count is given back, at the latest
 * when it is known that it was not carried out. As client_request; but it is not made again in the child when a signal handler forks
 * while it waits: there it is -ECHILD, and the count is its parent's. */
int client_publish(Client *client, Str name, uint64_t object, ClientError *ret_error);
int client_request_fd(Client *client); /* the socket, for those who want to poll (an interpreter that wants Ctrl-C) */
int client_connected(Client *client);
/* Gives back what dead clients held; 1 if there was any. Happens by itself when the broker tells of a death; also worth a
 * try when the arena is full. Not inside an epoch: does nothing there. */
int client_reap(Client *client);
/* 1: a request timed out, and nothing has come from the daemon since. Others wait for less then. */
int client_silent(Client *client);
/* 0 in a forked child that could not attach again: call nothing but client_close then. */
int client_usable(Client *client);

/* Addresses of a method's code now, NULL if there is none. */
typedef int32_t (*JitdThunk)(JitdFrame *, uint64_t, const JitdValue *, JitdValue *);
static inline JitdThunk client_thunk(const uint8_t *window, const ShmMethod *m) {
    uint64_t at = atomic_load_explicit(&m->thunk, memory_order_acquire);
    return at ? (JitdThunk)(uintptr_t)(window + at) : NULL;
}

/* libffi path: calls the native entry. Prepared once per signature (without self); slot types as in types.h. `in` and
 * `out` as the thunk's. */
typedef struct CallPlan CallPlan;
int call_plan_new(const Type *const *params, size_t nparams, CallPlan **ret_plan);
void call_plan_free(CallPlan *plan);
int32_t call_plan_call(const CallPlan *plan, const void *native, JitdFrame *frame, uint64_t self, const JitdValue *in,
                       JitdValue *out);

/* fork: prepare in the parent before; parent/child after (parent also when fork failed). The child gets its own
 * connection, row and allocator; the parent waits (10 s at most) until it has. 0 or a negative errno; after a failure
 * in the child it is not client_usable(), and what is mapped there is a copy. */
int client_fork_prepare(Client *client);
void client_fork_parent(Client *client);
int client_fork_child(Client *client);
