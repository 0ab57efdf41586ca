/* Behind jitd.h: the session, its classes, methods and handles. Only the files that implement jitd.h include this. */
#pragma once
#include "client/lib/client.h"
#include "client/lib/jitd.h"
#include "client/lib/meta.h"
#include "protocol/messages.h"

_Static_assert(sizeof(jitd_value) == sizeof(JitdValue), "one slot");

/* A value that goes in or out: its type, and for a reference the class. */
typedef struct Slot {
    const Type *type;
    uint32_t class_id;
} Slot;

typedef struct Unit {
    Key key;
    uint32_t slot;       /* of its first entry in the method table */
    uint32_t *class_ids; /* of its definitions; 0: a function */
    Meta meta;
    struct Unit *next;
} Unit;

struct jitd_method {
    const Unit *unit;
    const MetaEntry *entry;
    const char *name;
    uint32_t slot;
    bool has_self;
    uint32_t class_id;
    CallPlan *plan;
    Slot *params, *results;
    size_t nparams, nresults;
    const char **param_texts, **result_texts;
    jitd_method *next;
};

struct jitd_class {
    const char *name;
    uint32_t id;
    uint32_t size;
    jitd_field *fields;
    Slot *field_slots;
    size_t nfields;
    Key *units; /* where its methods are */
    size_t nunits;
    jitd_method *methods;
    jitd_class *next;
};

/* What this process holds: one count in the arena and one root for each object, whatever the number of references. */
typedef struct Handle {
    uint64_t object; /* 0: empty */
    uint64_t count;
} Handle;

typedef struct Handles {
    Handle *at;
    size_t len, cap; /* cap is a power of two */
} Handles;

struct jitd_session {
    Client *client;
    Pool pool;
    jitd_class *classes;
    Unit *units;
    Handles handles;
};

/* trap.c: fills *error and returns its code. */
int error_set(jitd_error *error, int code, const char *exception, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int error_errno(jitd_error *error, int r);                               /* of the Client's functions */
int error_request(jitd_error *error, int r, const ClientError *refusal); /* of client_request's and client_publish's */
int error_trap(jitd_error *error, const jitd_method *method, int32_t status, const JitdTrap *trap);

/* classes.c */
/* Asks the daemon when it is not known yet; NULL: error is set. */
jitd_class *class_by_id(jitd_session *session, uint32_t id, jitd_error *error);
const jitd_field *class_field(const jitd_class *cls, const char *name, const Slot **ret_slot); /* NULL: none */
void classes_deinit(jitd_session *session);
int request_map(jitd_session *session, int message, const msgpack_sbuffer *body, msgpack_unpacked *ret_owner,
                msgpack_object *ret_map, jitd_error *error);

/* handles.c */
Handle *handle_find(Handles *handles, uint64_t object); /* NULL: not held */
/* Takes over one count of the object: it is held (once more). 0; or -ENOMEM, and the count is given back. */
int handle_adopt(jitd_session *session, uint64_t object);
void handle_drop(jitd_session *session, uint64_t object);
void handles_deinit(jitd_session *session); /* drops everything */

/* instances.c */
/* 0 but in a forked child that could not attach: there the arena must not be touched. */
int check_attached(jitd_session *session, jitd_error *error);
int check_object(jitd_session *session, jitd_ref object, uint32_t *ret_class_id, jitd_error *error);
int check_value(jitd_session *session, const Slot *slot, jitd_value value, const char *what, jitd_error *error);
