/* jitd.h: use classes that jitd has compiled from a C program.
 *
 * A Python program decorates a class with @jitd.jitclass; the daemon compiles it once for the machine. This library
 * attaches a process to the same code and to the same shared instances: it looks a class up by its qualified name,
 * creates instances, reads and writes their fields and calls their compiled methods. No Python is in the process.
 *
 *     jitd_session *session;
 *     const jitd_class *point;
 *     jitd_ref p;
 *     jitd_value norm2;
 *     jitd_error error;
 *     if (jitd_attach(NULL, &session, &error) || jitd_class_find(session, "geometry.Point", &point, &error) ||
 *         jitd_new(session, point, &p, &error) || jitd_set(session, p, "x", (jitd_value){.f = 3.0}, &error) ||
 *         jitd_call_named(session, p, "norm2", NULL, 0, &norm2, 1, &error))
 *         errx(1, "%s: %s", error.exception, error.message);
 *     printf("%g\n", norm2.f);
 *     jitd_unref(session, p);
 *     jitd_detach(session);
 *
 * Results. Every function that can fail returns 0, or one of the negative JITD_E... codes, and then fills *error
 * (which may be NULL); output parameters are written on success only.
 *
 * Threads. A session is used by one thread at a time: the caller holds a lock of its own around every function that
 * takes it, the calls of compiled methods included (compiled code allocates without a lock). Any thread may be the
 * one. Several sessions in one process are independent of each other.
 *
 * Fork. A child must not use a session of its parent's unless jitd_fork_prepare() was called before the fork and
 * jitd_fork_parent() / jitd_fork_child() after it; the library installs no handlers by itself. A program that wants it
 * for every fork passes functions that call them to pthread_atfork(). exec() needs nothing.
 *
 * Signals. No function is safe in a signal handler. None raises SIGPIPE. Waiting for the daemon goes on after a
 * handler ran.
 *
 * The daemon. When it goes away, everything that is mapped stays usable: instances, fields, compiled methods; only
 * what needs an answer (looking up, publishing, more memory) fails with JITD_E_DISCONNECTED. Another daemon is another
 * session: jitd_detach() and jitd_attach() again; references of the old session mean nothing in the new one. */
#ifndef JITD_H
#define JITD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JITD_API __attribute__((visibility("default")))

/* ---- values ---- */

/* A reference to a shared instance: its offset in the namespace's arena, in bytes. Never a pointer. The same number
 * means the same instance in every process of the namespace, while it lives. A reference that a function below gives
 * out is owned by the caller: it keeps the instance alive until jitd_unref(). References passed in are borrowed for
 * the call. */
typedef uint64_t jitd_ref;
#define JITD_UNSET 0 /* a reference field that was never assigned */
#define JITD_NONE 1  /* Python's None */

/* One value; its type says which member is meant:
 *   int, bool (0 or 1), int8 ... int64   i (sign-extended)
 *   uint8 ... uint64                     u (zero-extended)
 *   float                                f
 *   float32                              f32
 *   a class, or Optional of it           ref */
typedef union jitd_value {
    int64_t i;
    uint64_t u;
    double f;
    float f32;
    jitd_ref ref;
} jitd_value;

/* ---- errors ---- */

enum {
    JITD_E_SYSTEM = -1,       /* no daemon, no permission, no such mapping: the message says which */
    JITD_E_DISCONNECTED = -2, /* the daemon is gone, or this is a forked child that is not attached */
    JITD_E_NOT_FOUND = -3,    /* no such class, field, method or name */
    JITD_E_TYPE = -4,         /* the instance is of another class, or the number of values is wrong */
    JITD_E_RANGE = -5,        /* a value does not fit its type; nothing was changed */
    JITD_E_MEMORY = -6,       /* this process's memory or the arena (its quota) is full */
    JITD_E_EXCEPTION = -7,    /* compiled code raised: exception, message and frames say what and where */
    /* An operation failed (a division by zero, say) or its exact result does not fit 64 bits, before the call had any
     * effect. A Python process runs the method over in the interpreter, which raises, or gives the unbounded integer. */
    JITD_E_REDO = -8,
};

#define JITD_ERROR_FRAMES 17

typedef struct jitd_frame_info {
    char function[128];
    char file[256];
    int line; /* 1-based, in file */
} jitd_frame_info;

/* What went wrong. Strings are NUL-terminated, UTF-8, cut where they are too long. */
typedef struct jitd_error {
    int code;           /* as returned */
    char exception[64]; /* the Python exception's name: "ZeroDivisionError"; for other codes what Python would raise */
    char message[512];  /* str(exception), as far as it can be made without an interpreter */
    int nframes;        /* of compiled code, for JITD_E_EXCEPTION */
    jitd_frame_info frames[JITD_ERROR_FRAMES]; /* innermost first */
} jitd_error;

/* ---- attaching ---- */

typedef struct jitd_session jitd_session;

typedef struct jitd_options {
    const char *socket;     /* path; NULL: $JITD_SOCKET, else the system daemon's, else this user's private daemon */
    const char *name_space; /* NULL: $JITD_NAMESPACE, else "default". What is seen belongs to (user, namespace) */
    /* The `jitd` program to start when there is no daemon (only for the private one); NULL: $JITD_DAEMON, else beside
     * this library, else on the PATH; "": never start one. */
    const char *daemon;
} jitd_options;

/* Connects (starting a private daemon if there is none) and maps code and arena. options may be NULL, its strings are
 * not kept. Takes about 0.1 ms with a running daemon, and up to 5 s if one has to be started. Errors: JITD_E_SYSTEM,
 * JITD_E_MEMORY. */
JITD_API int jitd_attach(const jitd_options *options, jitd_session **ret_session, jitd_error *error);

/* Gives back every reference that is still held, unmaps, disconnects, frees everything that the session gave out. NULL
 * is allowed. */
JITD_API void jitd_detach(jitd_session *session);

/* 1 while the daemon is there. Asks nothing: it is known from the last request. */
JITD_API int jitd_connected(const jitd_session *session);

/* ---- classes ---- */

typedef struct jitd_class jitd_class;

typedef struct jitd_field {
    const char *name;
    /* "int", "float", "int8" ..., or the qualified name of a class, with a "?" behind it if it may be None */
    const char *type;
    uint32_t offset; /* bytes from the start of the instance; its 16-byte header is included */
    uint32_t size;   /* bytes */
} jitd_field;

typedef struct jitd_method jitd_method;

/* Finds a class that this namespace's daemon has compiled by its qualified name ("module.Class"; "__main__.Class" for
 * a script's). If several of that name were compiled (the source was changed) it is the one compiled last. The class
 * belongs to the session. Errors: JITD_E_NOT_FOUND, JITD_E_DISCONNECTED, JITD_E_MEMORY. */
JITD_API int jitd_class_find(jitd_session *session, const char *name, const jitd_class **ret_class, jitd_error *error);

/* The class of a live instance. Errors: JITD_E_TYPE (it is no reference to a live instance), and those of
 * jitd_class_find. */
JITD_API int jitd_class_of(jitd_session *session, jitd_ref object, const jitd_class **ret_class, jitd_error *error);

JITD_API const char *jitd_class_name(const jitd_class *cls);
JITD_API size_t jitd_class_size(const jitd_class *cls); /* of an instance: bytes, header included */

/* The fields in declared order, *ret_n of them; they belong to the session. */
JITD_API const jitd_field *jitd_class_fields(const jitd_class *cls, size_t *ret_n);

/* A compiled method by its name: the one for the annotated argument types if there is one, else the specialisation
 * that was compiled first. Belongs to the session; stays the same method when a better version of its code appears
 * (which is used from then on). Errors: JITD_E_NOT_FOUND (there is none, or it was refused by the compiler),
 * JITD_E_DISCONNECTED, JITD_E_MEMORY. */
JITD_API int jitd_method_find(jitd_session *session, const jitd_class *cls, const char *name,
                              const jitd_method **ret_method, jitd_error *error);

JITD_API const char *jitd_method_name(const jitd_method *method);
JITD_API int jitd_method_has_self(const jitd_method *method); /* 0: a static or class method */
/* The values of a call, in order: a tuple is its parts, None is nothing, None or a number is whether it is one and that. Type texts as in jitd_field; they belong to
 * the session. */
JITD_API const char *const *jitd_method_params(const jitd_method *method, size_t *ret_n);
JITD_API const char *const *jitd_method_results(const jitd_method *method, size_t *ret_n);

/* ---- instances ---- */

/* A new instance, all fields zero (numbers) or JITD_UNSET (references); __init__ is not called (where it is compiled,
 * it is a method like others: jitd_call_named(session, object, "__init__", ...)). The reference is the caller's.
 * Errors: JITD_E_MEMORY, JITD_E_DISCONNECTED. */
JITD_API int jitd_new(jitd_session *session, const jitd_class *cls, jitd_ref *ret_object, jitd_error *error);

/* One reference more, or one less. JITD_UNSET and JITD_NONE are allowed and nothing happens. A reference that is not
 * held by this session is left alone. */
JITD_API void jitd_addref(jitd_session *session, jitd_ref object);
JITD_API void jitd_unref(jitd_session *session, jitd_ref object);

/* Reads a field. A reference is the caller's afterwards (JITD_NONE needs no unref).
 * Errors: JITD_E_TYPE (no live instance), JITD_E_NOT_FOUND (no such field), JITD_E_EXCEPTION (AttributeError: an unset
 * reference), and those of jitd_class_of. Fields of 8 bytes or less are never seen half written by another process. */
JITD_API int jitd_get(jitd_session *session, jitd_ref object, const char *field, jitd_value *ret_value,
                      jitd_error *error);

/* Writes a field. A reference is borrowed; JITD_NONE only where the field is Optional. The old value is kept after an
 * error. Errors: JITD_E_TYPE (no live instance, or a reference to one of another class), JITD_E_NOT_FOUND,
 * JITD_E_RANGE, JITD_E_MEMORY. */
JITD_API int jitd_set(jitd_session *session, jitd_ref object, const char *field, jitd_value value, jitd_error *error);

/* ---- calls ---- */

/* Calls a compiled method. `self` is ignored for methods without one. `in` holds nin values, `out` has room for nout:
 * as many as jitd_method_params and jitd_method_results say (both may be NULL when there are none). References in `in`
 * are borrowed, references in `out` are the caller's. Errors: JITD_E_TYPE, JITD_E_RANGE (an argument does not fit;
 * nothing was called), JITD_E_EXCEPTION (it raised; what it had changed before stays changed, as in Python),
 * JITD_E_REDO, JITD_E_MEMORY. Costs 15 to 60 ns more than the method's own work. */
JITD_API int jitd_call(jitd_session *session, const jitd_method *method, jitd_ref self, const jitd_value *in,
                       size_t nin, jitd_value *out, size_t nout, jitd_error *error);

/* The same by name, with jitd_class_of and jitd_method_find first. */
JITD_API int jitd_call_named(jitd_session *session, jitd_ref self, const char *method, const jitd_value *in, size_t nin,
                             jitd_value *out, size_t nout, jitd_error *error);

/* ---- sharing with other processes of the namespace ---- */

/* Gives the instance a name, so that other processes can find it; the name keeps it alive until it is given to another
 * one, or removed (object = JITD_UNSET). From then on it, and what it refers to, are shared: several processes may use
 * it at once, and fields are then to be thought of as C11 relaxed atomics. Errors: JITD_E_TYPE, JITD_E_MEMORY,
 * JITD_E_DISCONNECTED, JITD_E_SYSTEM (the daemon refused the name). */
JITD_API int jitd_publish(jitd_session *session, const char *name, jitd_ref object, jitd_error *error);

/* The instance of that name; the reference is the caller's. Errors: JITD_E_NOT_FOUND, JITD_E_DISCONNECTED,
 * JITD_E_MEMORY. */
JITD_API int jitd_find(jitd_session *session, const char *name, jitd_ref *ret_object, jitd_error *error);

/* ---- fork ---- */

/* Before fork(): every instance held becomes shared. Errors: JITD_E_DISCONNECTED, JITD_E_SYSTEM; the child cannot use
 * the session then. */
JITD_API int jitd_fork_prepare(jitd_session *session, jitd_error *error);
/* After it, in the parent (also when it failed): waits until the child holds what the parent held, 5 s at most. */
JITD_API void jitd_fork_parent(jitd_session *session);
/* After it, in the child: attaches it under its own name; it holds the same references as the parent. On an error every
 * later use of the session gives JITD_E_DISCONNECTED; only jitd_detach() is of use then. */
JITD_API int jitd_fork_child(jitd_session *session, jitd_error *error);

#ifdef __cplusplus
}
#endif
#endif
