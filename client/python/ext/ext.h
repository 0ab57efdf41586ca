/* The extension's inside: what its files share. Everything here runs under the interpreter lock. */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "client/lib/client.h"
#include "client/python/ext/dictwatch.h"
#include "protocol/types.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold)) /* keeps its callers' hot paths free of its registers */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* What a weak reference refers to; borrowed, from whoever else has it: who runs no Python code keeps it. NULL: it is gone. */
static inline PyObject *weak_target(PyObject *weak) {
    PyObject *target = NULL;
#if PY_VERSION_HEX >= 0x030d0000
    if (PyWeakref_GetRef(weak, &target) > 0)
        Py_DECREF(target);
#else
    target = PyWeakref_GET_OBJECT(weak);
#endif
    return target == Py_None ? NULL : target;
}

extern PyObject *jitd_missing; /* stands for "no default" */

/* ---- context.c: the process's one arena, of a daemon's namespace or its own ---- */
typedef struct Context {
    Client *client; /* NULL: a local arena without a daemon */
    Arena *arena;   /* NULL: not connected yet */
    const Table *table;
    const uint8_t *window;
    uint8_t *base;
    /* The one proxy of each object, by offset / 32 (no two objects are closer): sparse, costs a page per 16 KiB of objects. */
    PyObject **proxies;
    uint64_t size;
    int use_ffi; /* JITD_CALL=ffi */
} Context;
extern Context jitd_context;

COLD JitdFrame *context_new_frame(void); /* NULL with an exception set */
COLD void context_no_memory(void);       /* sets MemoryError */
int context_check_interpreter(void);     /* -1 with an exception set */
extern __thread JitdFrame *jitd_frame __attribute__((tls_model("initial-exec")));

/* The calling thread's frame. */
static inline JitdFrame *context_frame(void) {
    return likely(jitd_frame != NULL) ? jitd_frame : context_new_frame();
}
/* Around whatever lets other Python code run inside of an epoch: takes what context_suspend gave. */
uint32_t context_pause(void); /* around a poll: what context_end_pause wants */
void context_end_pause(uint32_t nest);
uint32_t context_suspend(void);
void context_resume(uint32_t inside);
PyObject *context_connect(PyObject *module, PyObject *args);
PyObject *context_connect_local(PyObject *module, PyObject *args);
PyObject *context_local_class(PyObject *module, PyObject *args);
PyObject *context_connected(PyObject *module, PyObject *args);
PyObject *context_fork_prepare(PyObject *module, PyObject *args);
PyObject *context_fork_parent(PyObject *module, PyObject *args);
PyObject *context_fork_child(PyObject *module, PyObject *args);
PyObject *context_check(PyObject *module, PyObject *args);
PyObject *context_arena_stats(PyObject *module, PyObject *args);
PyObject *context_collect(PyObject *module, PyObject *args);
PyObject *context_collect_private(PyObject *module, PyObject *ignored);
PyObject *context_reap(PyObject *module, PyObject *args);

/* ---- imports.c: what generated code calls in this process ---- */
int32_t import_poll(JitdFrame *frame, uint32_t effects);
int32_t import_resume(JitdFrame *frame, uint32_t site, JitdValue *values); /* resume.c */
int32_t import_region(JitdFrame *frame, uint32_t site, JitdValue *values); /* region.c */
void import_py_incref(JitdFrame *frame, uint64_t object);
void import_py_decref(JitdFrame *frame, uint64_t object);
int32_t attribute_read(JitdFrame *frame, uint64_t ref, uint32_t site, uint64_t *out); /* attribute.c */
void names_imports(const void **imports); /* names.c: fills their slots in */
void catch_imports(const void **imports);
void objects_imports(const void **imports); /* objects.c: the same */
void tables_imports(const void **imports);  /* tables.c: the same */
void texts_imports(const void **imports);   /* texts.c */
/* Around Python code that runs while compiled code is under way; import_suspend gives what import_go_on takes. */
uint32_t import_suspend(void);
void import_go_on(uint32_t inside);
/* The same where compiled code has counted all that it goes on to use, as across a call: what Python code drops goes at once, and the epoch
 * pauses, however long the Python code takes. */
typedef struct ImportOpen {
    uint32_t nest, inside;
} ImportOpen;
ImportOpen import_open(void);
ImportOpen import_open_shortly(void); /* for what hardly ever runs any: the epoch does not pause */
void import_close(ImportOpen open);
struct Plan;
/* What is not as the call has it built in, or has changed since class_changes was that; borrowed, NULL: all is. */
PyObject *import_broken(const struct Plan *plan, uint64_t since);
uint64_t import_changes(void); /* class_changes before what the operation that begins is to report */
void import_ran_unseen(const struct Plan *plan, uint64_t since); /* Python code did, where nobody can go on in Python */
bool import_note_broken(const struct Plan *plan, uint64_t since); /* the same, for the resume that comes next */
uint64_t import_take_changes(void); /* at a resume: the changes that there were before whatever led to it */
uint64_t import_alloc(JitdFrame *frame, uint32_t size_class);
extern uint32_t
    import_allocating; /* no handler runs: compiled code waits for memory, and has no place for an exception */
int32_t import_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                      JitdValue *out);
void import_release(JitdFrame *frame, uint64_t object);
void import_drop_shared(JitdFrame *frame,
                        uint64_t object); /* a proxy's count of a shared object; inside one epoch for it */
/* At the end of a call that entered so many epochs, and has not left them. */
COLD void import_release_waiting(JitdFrame *frame, uint32_t own_epochs);
COLD void import_drop_proxies(void); /* when it has: may run any Python code */
bool import_is_idle(void);           /* no compiled code runs; what waited for that has been done */
COLD int import_collect(
    void); /* the same: how many private objects that only held each other are gone; 0 where compiled code runs; or -ENOMEM */
void import_after_fork(void); /* in the child */
/* What waits for compiled code to end: releases of objects, proxies that nobody keeps any more, the search for cycles. */
#define IMPORT_OBJECTS 1
#define IMPORT_PROXIES 2
#define IMPORT_MANY 8 /* of them: the next operation of the interpreter's takes the long way, on which they go */
#define IMPORT_CYCLES 4
#define IMPORT_UNSEEN 16 /* the next operation reports what Python code has changed that ran where nobody looks */
#define IMPORT_LONG_WAY (IMPORT_MANY | IMPORT_UNSEEN)
extern uint32_t import_put_off;
extern const volatile uint32_t import_interrupt_flag;

/* ---- pending.c ---- */
#define PENDING_SWITCH 1     /* another thread wants the lock */
#define PENDING_COLLECTOR 2  /* the collector: it can wait */
#define PENDING_OTHER 3      /* signals that came, or what else the interpreter does in between */
uint32_t pending_work(void); /* 0: nothing */
bool pending_is_ours(void);  /* signal handlers run in this thread */

/* ---- instance.c: the proxy ---- */
#define INSTANCE_RELEASED 1   /* close() was called */
#define INSTANCE_FOREIGN 2    /* its Python fields are another process's */
#define INSTANCE_TRACKED 4    /* of a fast class: the collector sees it */
#define INSTANCE_ENDED 8      /* its __del__ ran */
#define INSTANCE_CANDIDATE 16 /* garbage.c: for being garbage */
#define INSTANCE_SEEN 32      /* the collector takes an interest in it */
#define INSTANCE_ONCE 64      /* it is tracked for this one search */

typedef struct Instance {
    PyObject_HEAD uint8_t
        *data; /* of the object in the arena; NULL: released, or none yet. The proxy holds one count. */
    PyObject *weakrefs;
    PyObject *dict; /* of a fast class: the attributes that nobody declared; NULL: none */
    uint32_t flags;
} Instance;

extern PyTypeObject Instance_Type;
extern PyObject *jitd_ReleasedError;
extern uint64_t instance_closed;                  /* how often close() gave an instance up */
COLD PyObject *instance_released(PyObject *self); /* raises; NULL */
COLD int instance_wake(PyObject *self); /* without data: gets its object; -1: it was released, or other exceptions */
PyObject *
instance_try_proxy(uint64_t ref);       /* of a reference read inside an epoch; NULL without an exception: going away */
PyObject *instance_adopt(uint64_t ref); /* the same, taking over one count */
int instance_close(PyObject *self);
PyObject *instance_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
PyObject *instance_new_method(PyObject *self, PyObject *args, PyObject *kwargs); /* __new__(type, ...) */
struct ClassInfo;
PyObject *instance_alloc_ordinary(PyTypeObject *type); /* without an object yet */
PyObject *instance_make(struct ClassInfo *info);       /* a new object, all fields zero or unset */

/* The slots of the fast classes (ClassInfo.fast). */
PyObject *instance_alloc_fast(PyTypeObject *type, Py_ssize_t nitems);
void instance_dealloc_fast(PyObject *self);
int instance_setattro_fast(PyObject *self, PyObject *name, PyObject *value);
int instance_setattro(PyObject *self, PyObject *name, PyObject *value); /* of any class */
PyObject *instance_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *instance_delete(PyObject *self, PyObject *name);
int instance_traverse_fast(PyObject *self, visitproc visit, void *arg);
int instance_clear(PyObject *self);

static inline uint64_t instance_ref(PyObject *self) {
    return (uint64_t)(((Instance *)self)->data - jitd_context.base);
}

static inline PyObject **proxy_place(uint64_t ref) {
    return &jitd_context.proxies[ref >> 5];
}

/* ---- keep.c: how long a proxy lives ---- */
bool proxy_has_state(const Instance *self); /* weak references, attributes, Python fields */
bool proxy_holds_itself(const Instance *self);
bool proxy_may_be_missed(const Instance *self); /* by Python: somebody has it, or it has state */
void proxy_unmark_finalised(PyObject *op);
int proxy_is_needed_by_others(const Instance *self);
void proxy_keep(Instance *self); /* Python has let go of one that is needed; its one reference is now its own */
void proxy_held(void *arg, uint64_t object);
int proxy_keeps(void *arg, uint64_t object);
void proxy_shared(void *arg, uint64_t object, uint32_t link);
void proxy_finalize(PyObject *self);
/* In a child of fork() the interpreter drops what the threads held that are not there, before we are told of the fork: until then everything
 * is the parent's, and what ends is put off. */
extern bool proxy_forking;
void proxy_put_off(PyObject *op);
void proxy_after_fork(void);     /* ends that, in parent and child */
void proxy_let_go(void);         /* of pinned ones that nobody else holds any more */
void proxy_let_go_of_dead(void); /* the same of those that only dead processes held; may run any Python code */
void proxy_drop_leaving(void);   /* only where any Python code may run */

/* Whether something but Python holds the object of a proxy that Python lets go. */
static inline int proxy_is_needed(const Instance *self) {
    return self->data && unlikely(atomic_load_explicit(&((ShmObject *)self->data)->refs, memory_order_relaxed) != 1) &&
           proxy_is_needed_by_others(self);
}

/* After a release that Python code asked for: what it made superfluous goes now. */
static inline void proxy_settle(void) {
    if (unlikely(import_put_off) && jitd_frame) {
        import_release_waiting(jitd_frame, 0);
        import_drop_proxies();
    }
}

/* ---- state.c: an instance's state as a dict, for copying, pickling and vars() ---- */
extern PyMethodDef state_methods[];
PyObject *state_bytes(PyObject *module, PyObject *args);

/* ---- absent.c: what is said of a Python field that an instance does not have ---- */
extern PyTypeObject Absent_Type;
PyObject *absent_in_class(PyObject *absent);              /* what it stands for; borrowed, NULL: nothing */
int absent_slots(void);                                   /* jitd.Instance has none, for those who copy jitclasses */
int absent_explain(struct ClassInfo *info);               /* from now on reading one says why it is not there */
int absent_close(struct ClassInfo *info, PyObject *self); /* takes the Python fields of an instance that is closed */

/* ---- ofclass.c: what a jitclass has and its instances have not ---- */
extern PyTypeObject OfClass_Type;
int ofclass_add(void);

/* ---- garbage.c: instances in CPython's search for garbage ---- */
extern bool garbage_search;
int garbage_watch(void); /* once there is a class whose instances can refer to each other natively */
int garbage_traverse(PyObject *op, visitproc visit, void *arg); /* of a candidate */
void garbage_clear(PyObject *op);
PyObject *garbage_expect(PyObject *module, PyObject *ignored);

/* ---- classes.c: what is known of a jitclass ---- */
typedef enum FieldQuick { FIELD_SLOW, FIELD_FLOAT, FIELD_INT } FieldQuick;
typedef struct Field Field;
struct Field {
    PyObject *name;
    const Type *type; /* NULL: a Python field, in the instance's dict */
    uint32_t offset;  /* in the object */
    bool factory;     /* the default is what default_value() returns */
    uint8_t quick;    /* FIELD_*: how a value of its own type gets into a new object */
    bool inferred; /* no annotation names it: it holds what is seen in the class's methods, and may have to hold more */
    bool late;     /* an instance has it once it is set: default.c */
    bool slot;     /* one of the class's __slots__: the descriptor is the class's attribute */
    uint64_t default_bits;   /* late: in the arena */
    PyTypeObject *target;    /* TYPE_REF: the class of the values */
    PyObject *default_value; /* of __init__; NULL: none */
    PyObject *class_value;   /* the class attribute: at first the default; NULL: none */
    PyTypeObject *owner;     /* borrowed */
    struct Field *
        origin; /* the same field of the class that declares it first, in whose descriptor the value is; NULL: this class */
    struct Field *above; /* the same field of the class above; NULL: this class declares it first */
    PyObject *(*get)(PyObject *self, Field *field);
    PyObject *(*native_get)(PyObject *self, Field *field); /* spill.c: of a field that has spilled */
    int (*set)(PyObject *self, PyObject *value, Field *field);
    int (*native_set)(PyObject *self, PyObject *value, Field *field);
    PyObject *(*plain_get)(PyObject *self, Field *field); /* default.c: of a late one */
    int (*plain_set)(PyObject *self, PyObject *value, Field *field);
    bool described;                                     /* the class attribute is a property or the like; then */
    PyObject *(*own_get)(PyObject *self, Field *field); /* ... what these would be */
    int (*own_set)(PyObject *self, PyObject *value, Field *field);
};

/* The field whose class attribute goes before what instances have, or the field itself. */
static inline Field *field_described(Field *field) {
    return field->origin && field->origin->described ? field->origin : field;
}

typedef enum InitMode { INIT_PENDING, INIT_FIELDS, INIT_METHOD, INIT_EMPTY } InitMode;

typedef struct ClassInfo {
    PyObject_HEAD PyTypeObject *type; /* borrowed: the type holds this */
    uint32_t class_id, size;
    uint32_t own_id; /* of this process's own, before the daemon gave it one; 0: there was none */
    uint64_t
        changed_at; /* class_changes when something of it that compiled code may have built in was set to something else last */
    InitMode init;
    bool fast;                    /* no Python fields: instance.c */
    bool open;                    /* instances may have attributes that nobody declared */
    bool explained;               /* absent_explain was here */
    bool noted;                   /* beside_note was */
    void (*finalize)(PyObject *); /* of a __del__ of the user's, or NULL */
    Py_ssize_t nfields, nrequired;
    Py_ssize_t nargs; /* INIT_FIELDS: how many of the fields, the first ones, are its parameters */
    Field *fields;
    PyObject *init_method; /* INIT_METHOD: the user's __init__ */
    PyObject *post_init;   /* INIT_FIELDS: __post_init__ or NULL */
    PyObject *finish;      /* INIT_PENDING: called with the type before the first use */
    PyObject *
        family; /* tuple of weak references to the classes of which instances in native fields are, beside its own; NULL: there is no
                              such field yet, and all that extend it are */
    PyObject *above; /* held: the ClassInfo of the class above, where it inherits fields; NULL: none */
    Pool pool;       /* the fields' types */
} ClassInfo;

extern PyTypeObject ClassInfo_Type;
extern uint64_t class_changes; /* how often something of any class was */
extern ClassInfo *class_last;  /* found by the last class_find, while it lives */
ClassInfo *class_find(PyTypeObject *type);

/* Borrowed; NULL when it is no jitclass. */
static inline ClassInfo *class_of_type(PyTypeObject *type) {
    return likely(class_last && class_last->type == type) ? class_last : class_find(type);
}

/* Of a jitclass or the nearest one that it is a Python subclass of. */
static inline ClassInfo *class_above(PyTypeObject *type) {
    ClassInfo *info = NULL;
    for (; type && !info; type = type->tp_base)
        info = class_of_type(type);
    return info;
}

PyTypeObject *class_of_id(uint32_t class_id); /* borrowed, NULL when this process has none */
/* Whether native fields and compiled code that knows both take an instance of `type` for one of the class. */
COLD bool class_takes(PyTypeObject *cls, const PyTypeObject *type);
PyObject *class_set_family(PyObject *module, PyObject *args);
Field *class_field(const ClassInfo *info, PyObject *name); /* a native one; NULL: there is none */
/* Calls it for every jitclass that extends that one, itself included. */
void class_each_below(PyTypeObject *type, void (*visit)(ClassInfo *info, uint64_t arg), uint64_t arg);
PyObject *class_convert(PyObject *module, PyObject *args);
PyObject *class_setup_fields(PyObject *module, PyObject *args);
PyObject *class_setup(PyObject *module, PyObject *args);
PyObject *class_renumber(PyObject *module, PyObject *args);
PyObject *class_replace(PyObject *module, PyObject *args);
PyObject *class_info(PyObject *module, PyObject *type);

/* ---- adapt.c ---- */
/* Makes its plain Python class one whose instances are proxies; calls_new: its code mentions __new__. -1 with an exception. */
int adapt_type(ClassInfo *info, int calls_new, PyTypeObject *above);

/* ---- extra.c: attributes that nobody declared, of fast classes ---- */
extern PyTypeObject Extra_Type;
PyObject *extra_in_class(PyObject *extra); /* the class's own attribute; borrowed, NULL: none */
/* A new reference to the dict of an instance's attributes that are no native fields; NULL without an exception: it has none. */
PyObject *extra_attributes(PyObject *self, bool create);
PyObject **extra_dict(PyObject *self, bool create); /* of a fast class's instance */
/* One of them: a new reference, NULL without an exception: there is none of that name. Written with NULL it is deleted. */
PyObject *extra_read(PyObject *self, PyObject *name);
int extra_write(PyObject *self, PyObject *name, PyObject *value);
int extra_new(ClassInfo *info, PyObject *self, PyObject *name,
              PyObject *value);                                        /* the first of that name in the class */
COLD void extra_missing(PyObject *self, PyObject *name);               /* the AttributeError of a deletion */
COLD int extra_not_of_class(const PyTypeObject *type, PyObject *name); /* -1, with the error of a deletion */
int extra_set_class(PyObject *extra, PyObject *type, PyObject *value);

/* ---- watch.c: changes of a class that was compiled ---- */
int watch_start(void); /* once: from now on what is set on classes is seen; -1: it cannot be, with an exception */
int watch_changed(PyTypeObject *type, PyObject *name,
                  const char *how); /* code that knows the class goes back to Python */

/* ---- spill.c: what instances say of native fields that the arena cannot say ---- */
COLD int spill_value(PyObject *self, Field *field, PyObject *value); /* 1: no, the field refuses what it cannot hold */
COLD int spill_delete(PyObject *self, Field *field);
COLD int spill_set_nan(PyObject *self, Field *field, PyObject *value);
COLD PyObject *spill_get_nan(PyObject *self, Field *field,
                             double x);                /* what was stored, if that is what the arena has */
int spill_deleted(PyObject *self, const Field *field); /* it has no value here; -1 with an exception */

/* ---- beside.c: what an instance has in this process only ---- */
PyObject *beside_names(PyObject *module, PyObject *instance);
int beside_begin(void);         /* from now on */
void beside_note(PyObject *op); /* is told of each instance that becomes shared, */
PyObject *beside_end(void);     /* until here: the list of those that have some, one of each class */

/* ---- default.c: native fields that an instance has only once they are set on it ---- */
extern PyObject *default_own;
int default_shows(PyObject *self,
                  const Field *field); /* its class's attribute is what it shows; -1 with an exception */
int default_delete(PyObject *self, Field *field);
int default_store(Field *field, PyObject *self); /* into a new object */
void default_install(Field *field);
void default_changed(Field *field); /* the class has another attribute now */
/* What the arena has, whichever default that may stand for. */
PyObject *default_get_place(PyObject *self, Field *field);
int default_set_place(PyObject *self, PyObject *value, Field *field);

/* ---- fields.c ---- */
uint64_t field_bits(const Field *field, PyObject *value); /* what the arena has for a default */
extern PyTypeObject FieldDescr_Type;
PyObject *field_in_class(PyObject *descriptor); /* the class attribute that CPython has; borrowed, NULL: none */
int field_install(ClassInfo *info, Field *field);
COLD PyObject *field_unset(PyObject *self, const Field *field);    /* NULL, with the AttributeError */
COLD int field_not_there(PyObject *self, const Field *field);      /* -1, with that of a deletion */
COLD PyObject *field_of_class(PyObject *self, const Field *field); /* the class attribute, or that */
PyObject *field_class_value(const Field *field);                   /* that attribute; borrowed, NULL: there is none */
int field_describe(ClassInfo *info, Field *field);                 /* puts its descriptor into the class's dict */
/* Sets (or with NULL deletes) what a Python class above a jitclass has under a native field's name, as far as instances keep the field. */
int field_give(PyTypeObject *type, ClassInfo *info, Field *above, PyObject *value);
const Field *field_shown(const Field *field, PyTypeObject *type); /* as such a class may have it of its own */
bool field_is_given(PyTypeObject *type, const Field *above, PyObject *value);
int field_clear(PyObject *self, Field *field);                  /* of a reference: it is unset, */
int field_is_unset(PyObject *self, const Field *field);         /* which a number never is */
int field_store(Field *field, PyObject *self, PyObject *value); /* a new or an old object; -1 with an exception */
/* Whether a Python subclass has something else under its name: another default, a property. Then its instances have an attribute, and nothing native. */
int field_is_shadowed(const Field *field, PyTypeObject *type);

/* ---- construct.c ---- */
PyObject *construct_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames);
int construct_again(ClassInfo *info, PyObject *self, PyObject *args, PyObject *kwargs); /* the generated __init__ */
PyObject *construct_empty(PyTypeObject *type);           /* the same by type, made ready first if need be */
int construct_ready(ClassInfo *info);                    /* the class's layout, id and code, if this is its first use */
int construct_defaults(ClassInfo *info, PyObject *self); /* of native fields: what the class attribute is in CPython */

/* ---- convert.c ---- */
typedef enum ConvertResult { CONVERT_OK, CONVERT_TYPE, CONVERT_BIG, CONVERT_RANGE, CONVERT_ERROR } ConvertResult;
ConvertResult convert_value(const Type *t, PyTypeObject *const *defs, PyObject *v, JitdValue **next);
ConvertResult convert_sized(TypeKind kind, PyObject *v, JitdValue *ret); /* int, bool or float to a sized type */
PyObject *convert_result(const Type *t, const JitdValue **next);         /* owned references are taken over */
void convert_range(TypeKind kind, char *text, size_t size);

COLD ConvertResult convert_int_large(PyObject *v, int64_t *ret);

/* Exactly an int that fits: 0, not exactly an int: CONVERT_TYPE, too big: CONVERT_BIG. */
static inline ConvertResult convert_int(PyObject *v, int64_t *ret) {
    if (unlikely(!PyLong_CheckExact(v)))
        return CONVERT_TYPE;
#if PY_VERSION_HEX >= 0x030c0000
    if (likely(PyUnstable_Long_IsCompact((PyLongObject *)v))) {
        *ret = PyUnstable_Long_CompactValue((PyLongObject *)v);
        return CONVERT_OK;
    }
#else
    Py_ssize_t digits = Py_SIZE(v);
    if (likely(digits >= -1 && digits <= 1)) {
        *ret = digits * (int64_t)((PyLongObject *)v)->ob_digit[0];
        return CONVERT_OK;
    }
#endif
    return convert_int_large(v, ret);
}

/* ---- guard.c: what the names of compiled functions must still mean ---- */
typedef struct Guard {
    PyObject_HEAD PyObject *dicts, *bindings, *cells, *functions; /* tuples */
    uint64_t *versions;                                           /* of the dicts when all bindings held */
    Watch **watches;                                              /* of the dicts */
} Guard;

extern PyTypeObject Guard_Type;
int guard_holds(Guard *guard);
PyObject *
guard_broken(Guard *guard); /* borrowed: the name, cell or function that means something else now; NULL: none */

/* ---- plan.c: one specialisation of a method ---- */
#define PLAN_MAX_SLOTS JITD_CALL_SLOTS
#define PLAN_FAST_SLOTS 8
#define PLAN_DEFS_END (&Instance_Type) /* which is no definition */

#define PLAN_LOOPS 1  /* flags of the meta (docs/protocol.md): its code polls, */
#define PLAN_PYTHON 2 /* or calls the interpreter's own functions, */
#define PLAN_SIZED 8  /* or has arithmetic of sized types */

typedef enum PlanCode { CODE_INT, CODE_FLOAT, CODE_BOOL, CODE_REF, CODE_PY, CODE_NONE, CODE_SLOW } PlanCode;

/* What a place knows of the name that it has (attribute.c): where a Python field of an instance is, as long as its class has this version. */
typedef struct PlanRead {
    PyObject *name; /* NULL: it was not read yet */
    uint32_t version;
    int32_t index;    /* of what instances have beside them (3.11); negative: CPython looks it up each time */
    PyObject *method; /* of a text's method: the type's, borrowed; NULL: not looked for yet */
    bool collects;    /* ... may start the collector */
    PyObject *value;  /* of a text, a global, or an attribute of the class that has the version: borrowed; NULL: none */
    const PyTypeObject *meta; /* ... the class's own, */
    uint32_t meta_version;    /* and its version */
    Py_ssize_t slot;          /* where instances of the class that has the version have it; 0: they have no such slot */
} PlanRead;

/* What is known of a site, for exceptions (catch.c, trap.c); NULL: nothing yet */
typedef struct PlanSite {
    PyObject *handlers; /* of a try: (globals, builtins, ((names, is compiled), ...)) */
    PyObject *raised;   /* what is raised there: its class, (globals, builtins, its name), or None */
    PyObject *args;     /* ... with these arguments, or what makes them of the trap's values; None: that is not known */
    PyObject *places;   /* code objects whose first line is the frame's, innermost first */
} PlanSite;

typedef struct Plan {
    const ShmMethod *method;
    const Type **params;
    const Type *result;
    uint8_t *codes;       /* PlanCode of each parameter */
    PyTypeObject **types; /* CODE_REF: the exact class */
    PyTypeObject **defs;  /* of the unit, held; NULL: a function; behind them PLAN_DEFS_END */
    CallPlan *ffi;        /* NULL: use the thunk */
    Guard *guard;         /* NULL: it depends on no names */
    PyObject *unit;       /* for the traps: what jitd/trap.py takes */
    uint32_t nparams, ndefs, nin, nout, flags;
    uint8_t result_code;
    uint8_t uniform; /* the code that all parameters have, or CODE_SLOW */
    uint8_t fast;    /* all parameters are simple and few */
    uint8_t objects; /* Python objects are among them */
    uint8_t epoch;   /* its code may read references: it runs inside an epoch (arena.h) */
    uint8_t holds;   /* which then lasts until its results, which may be references, have proxies */
    uint8_t bare;    /* its code may be called as it is: no guard, no epoch, no poll */
    Pool pool;
    uint32_t *redone; /* calls given back to be redone, or gone on with in Python, by site; NULL: none yet */
    uint32_t nredone;
    struct Resume **resumes; /* by site, those made so far; NULL: none */
    uint32_t nresumes;
    PlanRead *reads; /* by site, of those that have a name; NULL: none yet */
    uint32_t nreads;
    PlanSite *sites; /* NULL: none yet */
    uint32_t nsites;
    uint32_t unknown_handlers,
        unknown_raised; /* sites, plus 1, that the last exception in a try would have asked for */
    uint64_t resumed;   /* how often Python went on */
    uint64_t regions;   /* how often Python did a part of a call */
    uint64_t parts;     /* the same, with operations on objects */
    /* region.c: whether that is most of what its calls do. Cycles inside of these parts, and between them, since it was looked last; when
     * it is looked again, and when Python was left last. */
    uint64_t inside, between, looks_at, left_at;
    struct Method *method_of;
} Plan;
PlanRead *attribute_find(Plan *plan, uint32_t site); /* the first time */

/* Borrowed; NULL: exception. */
static inline PlanRead *attribute_at(Plan *plan, uint32_t site) {
    return likely(site < plan->nreads && plan->reads[site].name) ? &plan->reads[site] : attribute_find(plan, site);
}

/* Whether compiled code may have a type of its own for the value, so that it is not given to it as an object. */
static inline bool method_is_native(PyObject *v) {
    const PyTypeObject *type = Py_TYPE(v);
    if (likely(type == &PyUnicode_Type || type == &PyList_Type || type == &PyDict_Type))
        return false;
    return type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || type == &PyTuple_Type ||
           v == Py_None || class_of_type((PyTypeObject *)type);
}

/* The same of code with these definitions. */
bool plan_takes(PyTypeObject *const *defs, uint32_t def,
                PyTypeObject *type); /* a class that extends the definition's */
void plan_forget_taken(void);        /* a class takes fewer now */
Plan *plan_new(PyObject *unit, PyObject *guard, uint32_t slot, PyObject *params, PyObject *result, PyObject *defs,
               uint32_t flags);
const Type *plan_type(Plan *plan, PyObject *text); /* NULL: exception */
void plan_free(Plan *plan);
int plan_traverse(Plan *plan, visitproc visit, void *arg);

/* The other way to the same code: libffi calls the native entry. */
static inline int32_t plan_run_ffi(const Plan *plan, JitdFrame *frame, uint64_t self, const JitdValue *in,
                                   JitdValue *out) {
    uint64_t native = atomic_load_explicit(&plan->method->native, memory_order_acquire);
    return likely(native) ? call_plan_call(plan->ffi, jitd_context.window + native, frame, self, in, out) : -1;
}

/* Calls the thunk; -1 when there is none (any more). */
static inline int32_t code_run(const ShmMethod *code, JitdFrame *frame, uint64_t self, const JitdValue *in,
                               JitdValue *out) {
    JitdThunk thunk = client_thunk(jitd_context.window, code);
    return likely(thunk != NULL) ? thunk(frame, self, in, out) : -1;
}

/* Calls the code; -1 when there is none (any more), or its names mean something else now. After JITD_TRAP_NONE of a plan that holds, the
 * epoch is left when the results are converted. */
static inline int32_t plan_run(const Plan *plan, JitdFrame *frame, uint64_t self, const JitdValue *in, JitdValue *out) {
    int32_t status;
    if (plan->guard && unlikely(!guard_holds(plan->guard)))
        return -1;
    void *outer = frame->running;
    frame->running = (void *)(uintptr_t)plan;
    if (plan->epoch)
        arena_enter(jitd_context.arena);
    status =
        likely(!plan->ffi) ? code_run(plan->method, frame, self, in, out) : plan_run_ffi(plan, frame, self, in, out);
    if (unlikely(import_put_off))
        import_release_waiting(frame, plan->epoch);
    if (plan->epoch && !(plan->holds && status == JITD_TRAP_NONE))
        arena_leave(jitd_context.arena);
    frame->running = outer;
    if (unlikely(import_put_off))
        import_drop_proxies();
    return status;
}

/* ---- method.c ---- */
#define METHOD_MAX_PLANS 9 /* one for the annotated types and eight more */

typedef enum MethodMode { METHOD_PENDING, METHOD_NATIVE, METHOD_PYTHON } MethodMode;

/* Why a call runs in Python. */
typedef enum PythonWhy {
    WHY_REFUSED,   /* it is not compiled */
    WHY_TYPES,     /* no specialisation takes its arguments' types, and none is made */
    WHY_BIG,       /* an argument is an int of more than 64 bits */
    WHY_NAMES,     /* a name that the code uses means something else now */
    WHY_REDONE,    /* the code gave it back at a guard */
    WHY_CLASS,     /* self is of another class */
    WHY_ARGUMENTS, /* they do not fit the signature, or are too many for compiled code */
    WHY_TRIED,     /* it is tried whether Python is faster (worth.c) */
    WHY_N
} PythonWhy;

typedef struct Method {
    PyObject_HEAD vectorcallfunc vectorcall;
    Plan *plan;            /* the last one used; NULL: none yet */
    const ShmMethod *code; /* that plan's */
    PyTypeObject *type;    /* exact class of self, borrowed (the type's dict holds this); NULL: a function */
    struct Heir *heirs;    /* for self of classes that inherit it; NULL: none */
    PyObject *func;        /* the original Python function */
    Plan *plans[METHOD_MAX_PLANS];
    uint32_t nplans;
    MethodMode mode;
    PyObject *names;     /* tuple of parameter names, self left out */
    PyObject *defaults;  /* tuple of values, or NULL entries' stand-in, by parameter */
    PyObject *annotated; /* tuple by parameter: (words, classes) or None */
    bool strict;         /* what they exclude is a TypeError */
    bool aliased;        /* classes have it under several names: shadow.c */
    bool keeps;          /* its compiled code, whatever that costs: it was asked for, or has results of its own */
    uint32_t npositional, nposonly; /* of the names */
    PyObject *resolve;              /* callable(method, types or None): finishes, compiles a specialisation */
    bool wraps;         /* a plan is PLAN_SIZED, and nobody has been told of a call that was left to Python */
    int8_t *sized;      /* by parameter: TypeKind of a sized type, else -1; NULL: there is none */
    PyObject *rejected; /* set of type tuples that are left to Python */
    PyObject *dict;
    PyObject *weakrefs;
    uint64_t native_calls, python_calls, fallbacks, guard_misses;
    uint64_t why[WHY_N]; /* the Python calls */
    int64_t asks_at;     /* who compiles was not there: when it is asked again, in ms of method_clock; 0: at any time */
    /* worth.c: calls that did not stay in compiled code since it was looked last, and the last one of them; after how many calls of all it
     * was looked last, and for how many it is not looked again. */
    uint64_t noted, noted_at, looked_at, looks_at;
    struct Trial *trial; /* NULL: there is none */
} Method;

/* The same function compiled for another class, that inherits it. */
typedef struct Heir {
    PyTypeObject *type; /* to compare with: it may be gone, and with it */
    PyObject *method;   /* a weak reference to the Method, which its record holds */
    struct Heir *next;
} Heir;
Method *heir_of(const Method *m, const PyTypeObject *type); /* borrowed; NULL: none */

extern PyTypeObject Method_Type;

/* ---- shadow.c: attributes of instances that shadow methods and constants ---- */
extern PyTypeObject Watched_Type; /* of such a method */
PyObject *shadow_watch(PyObject *module, PyObject *args);
int shadow_ready(void);
int shadow_alias(PyObject *method, PyTypeObject *type, PyObject *name); /* before it is set on a class */
extern PyTypeObject Constant_Type;
PyObject *constant_in_class(PyObject *constant); /* its value, borrowed */

/* ---- classdict.c: vars() of a jitclass and of its instances ---- */
extern PyTypeObject ClassDict_Type;
int classdict_start(PyObject *attributes_of_type); /* once; -1: this Python's is not one that we know */
PyObject *classdict_show_fields(PyObject *module, PyObject *type);
PyObject *classdict_init_subclass(PyObject *type, PyObject *args, PyObject *kwargs);
int64_t method_clock(void);
void method_use(Method *m, Plan *plan);     /* the plan to try first from now on; NULL: none */
vectorcallfunc method_way(const Method *m); /* that its calls take with it */
PyObject *method_call_python(Method *m, PythonWhy why, PyObject *const *args, size_t nargsf, PyObject *kwnames);
COLD PyObject *method_call_slow(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames); /* bind.c */
COLD PyObject *method_finish(Method *m, Plan *plan, int32_t status, const JitdValue *out, PyObject *const *args,
                             size_t nargsf, PyObject *kwnames);

/* ---- resume.c: the rest of a call, done by the interpreter ---- */
void resume_free_all(Plan *plan);
int resume_traverse(const Plan *plan, visitproc visit, void *arg);
PyObject *resume_take(JitdFrame *frame); /* the object that came instead of a result */

/* ---- worth.c: whether callers in Python are better off with Python ---- */
typedef struct Trial Trial;
COLD void worth_note(Method *m);                /* a call does not stay in compiled code, or is long on the way to it */
COLD void worth_try(Method *m, PyObject *part); /* Python did much in the middle of its calls, last at this site */
void worth_free(Trial *trial);
PyObject *worth_trial(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* ---- counts.c ---- */
COLD void counts_redone(Plan *plan, uint32_t site);
PyObject *counts_of(PyObject *method, PyObject *ignored);

/* ---- bind.c ---- */
#define BIND_MAX_PARAMS 64
/* Arguments (self left out) to one borrowed value for each parameter; 1 when they do not fit the signature. */
int bind_arguments(Method *m, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, PyObject **values);
int bind_refuse(Method *m, Py_ssize_t param, const char *wanted, PyObject *value); /* TypeError; -1 */
/* Of the type that the parameter's default has: that is never refused, whatever the annotation says. */
bool bind_is_like_default(Method *m, Py_ssize_t param, PyObject *value);

/* ---- sized.c ---- */
int sized_note(Method *m);                                                           /* what of m->annotated is sized */
PyObject *sized_refuse(Method *m, Py_ssize_t param, TypeKind kind, PyObject *value); /* OverflowError; NULL */
int sized_tell(Method *m); /* this call is left to Python: a warning, once; -1 when that is an error */
PyObject *sized_call_slow(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames); /* method_call_slow */
PyObject *sized_call(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* ---- trap.c ---- */
PyObject *trap_raise(Method *m, Plan *plan, int32_t status); /* always NULL with an exception set */
/* What raises the trap's exception again, when it is called without arguments, at the place of `site`: its traceback lacks the line of that
 * place's function. called: the trap is a callee's. ret_line: of what the interpreter did at the place; 0: the site table says it. NULL
 * with an exception set. */
PlanSite *plan_site(Plan *plan, uint32_t site); /* NULL: there is none, or no memory */
PyTypeObject *catch_class(PyObject *raised);    /* borrowed, of PlanSite.raised; NULL: it is none */
void catch_learn(Plan *plan, uint32_t site, PyObject *handlers, PyObject *raised); /* each may be NULL */
int catch_traverse(const Plan *plan, visitproc visit, void *arg);
void catch_free(Plan *plan);
PyObject *trap_catch(Plan *plan, const JitdTrap *trap, uint32_t site, bool called, int *ret_line);

/* ---- entered.c: with in compiled code ---- */
int entered_init(void);
PyObject *entered_enter_call(PyObject *module, PyObject *manager);
PyObject *entered_leave_call(PyObject *module, PyObject *entered);

/* ---- digest.c ---- */
PyObject *digest_call(PyObject *module, PyObject *parts);
PyObject *digest_names(PyObject *module, PyObject *code);
PyObject *digest_stores(PyObject *module, PyObject *code);

/* ---- request.c ---- */
extern PyObject *jitd_RemoteError;
PyObject *request_call(PyObject *module, PyObject *args);
PyObject *request_unlocked(PyObject *module, PyObject *args);
PyObject *request_locked(PyObject *module, PyObject *args);
int request_pack_into(msgpack_sbuffer *buffer, PyObject *value); /* -1 with an exception set */
PyObject *request_pack(PyObject *module, PyObject *value);
PyObject *request_unpack(PyObject *module, PyObject *bytes);

PyObject *request_publish(PyObject *module, PyObject *args);
PyObject *request_lookup(PyObject *module, PyObject *args);
