/* How long a proxy lives. In CPython an object is one thing, with one id(), its weak references, its attributes, as long as anybody holds it; here
 * somebody may be another object of the arena. So:
 *
 * A private object's proxy, once made, lives as long as the object. When Python lets go of it while others hold the object, it is *held*: it
 * keeps one reference to itself, gives its count of the object back and marks that in the object's link (ARENA_LINK_HELD). When the last
 * of the others goes, the arena does not free the object but tells us (proxy_held): the proxy has the object's one count again, and goes, unless
 * Python has it again. (Python may take and drop a held proxy as often as it likes: nothing changes.)
 *
 * A shared object's count is other processes' business too, and nobody tells us when the last of them goes. Its proxy lives as long as Python holds
 * it, unless it has something to lose: weak references, Python fields, attributes. Then it is *pinned*: in a list that is looked through now and
 * then for those whose object is held by nobody else.
 *
 * What goes, goes by Py_DECREF, which may run any Python code: only where no compiled code is on the way (proxy_settle). */
#include "client/python/ext/ext.h"

typedef struct List {
    PyObject **at;
    uint32_t n, room;
} List;

static List leaving; /* their hold is to be given up */
static List pinned;
static List forked; /* nobody has them any more, since before we knew of a fork() */
bool proxy_forking;

static int list_push(List *list, PyObject *op) {
    if (list->n == list->room) {
        uint32_t room = list->room ? list->room * 2 : 64;
        PyObject **grown = PyMem_RawRealloc(list->at, room * sizeof *grown);
        if (!grown)
            return -1;
        list->at = grown;
        list->room = room;
    }
    list->at[list->n++] = op;
    return 0;
}

static inline ShmObject *object_of(const Instance *self) {
    return (ShmObject *)self->data;
}

static inline uint32_t count_of(const Instance *self) {
    return atomic_load_explicit(&object_of(self)->refs, memory_order_relaxed) & SHM_REFS_COUNT;
}

bool proxy_has_state(const Instance *self) {
    return self->weakrefs || self->dict || Py_TYPE(self)->tp_dealloc != instance_dealloc_fast;
}

bool proxy_holds_itself(const Instance *self) {
    return !shm_is_shared(object_of(self)) &&
           atomic_load_explicit(&object_of(self)->link, memory_order_relaxed) == ARENA_LINK_HELD;
}

bool proxy_may_be_missed(const Instance *self) {
    return Py_REFCNT(self) > 1 || !proxy_holds_itself(self) || proxy_has_state(self);
}

COLD static int is_needed(const Instance *self) {
    return count_of(self) > 1 && (!shm_is_shared(object_of(self)) || proxy_has_state(self));
}

int proxy_is_needed_by_others(const Instance *self) {
    return is_needed(self);
}

/* The flag of the collector's that says "its finaliser ran", in the word before the object (PyGC_Head, since 3.8): what was kept will be
 * up again. */
void proxy_unmark_finalised(PyObject *op) {
    if (PyObject_GC_IsFinalized(op))
        ((uintptr_t *)op)[-1] &= ~(uintptr_t)1;
}

void proxy_keep(Instance *self) {
    ShmObject *object = object_of(self);
    if (shm_is_shared(object)) {
        list_push(&pinned, (PyObject *)self); /* without memory for the list it stays for good */
        return;
    }
    atomic_store_explicit(&object->refs, atomic_load_explicit(&object->refs, memory_order_relaxed) - 1,
                          memory_order_relaxed);
    atomic_store_explicit(&object->link, ARENA_LINK_HELD, memory_order_relaxed);
}

/* ---- told by the arena, in the middle of its work ---- */

#define MANY 64 /* a compiled loop that gives up one object each turn keeps so many */

static void leave_later(PyObject *op) {
    proxy_unmark_finalised(op);
    if (Py_REFCNT(op) > 1)
        Py_DECREF(op); /* Python has it: nothing runs */
    else if (list_push(&leaving, op) == 0)
        import_put_off |= IMPORT_PROXIES | (leaving.n % MANY ? 0 : IMPORT_MANY);
}

void proxy_held(void *arg, uint64_t ref) {
    (void)arg;
    ShmObject *object = (ShmObject *)(jitd_context.base + ref);
    atomic_store_explicit(&object->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&object->link, 1, memory_order_relaxed);
    leave_later(*proxy_place(ref));
}

int proxy_keeps(void *arg, uint64_t ref) {
    (void)arg;
    return proxy_may_be_missed((const Instance *)*proxy_place(ref));
}

/* One that was made while its class had a number of this process's own gets the daemon's, which others know. The layout is the same. */
static void take_number(ShmObject *object, PyObject *op) {
    const ClassInfo *info = class_above(Py_TYPE(op));
    uint64_t head = atomic_load_explicit(&object->head, memory_order_relaxed);
    if (info && unlikely(info->own_id) && SHM_HEAD_CLASS(head) == info->own_id)
        atomic_store_explicit(&object->head, (head & ~(uint64_t)UINT32_MAX) | info->class_id, memory_order_relaxed);
}

void proxy_shared(void *arg, uint64_t ref, uint32_t link) {
    (void)arg;
    ShmObject *object = (ShmObject *)(jitd_context.base + ref);
    take_number(object, *proxy_place(ref));
    beside_note(*proxy_place(ref));
    if (link != ARENA_LINK_HELD)
        return;
    /* Its root has just been written, but it is private still, and goes with the row if we die here. */
    atomic_store_explicit(&object->refs, atomic_load_explicit(&object->refs, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    PyObject *op = *proxy_place(ref);
    if (!proxy_has_state((Instance *)op) || list_push(&pinned, op) < 0)
        leave_later(op);
}

/* ---- where any Python code may run ---- */

static size_t turned; /* so many at the list's beginning are: the first to go is the last of them */
/* By thread: a finaliser may wait for another one's. */
static __thread bool settling __attribute__((tls_model("initial-exec")));

/* So that of those that left from there on the first is taken first. */
static void turn_round(List *list, size_t from) {
    for (size_t i = from, k = list->n; i + 1 < k; i++) {
        PyObject *op = list->at[--k];
        list->at[k] = list->at[i];
        list->at[i] = op;
    }
}

void proxy_drop_leaving(void) {
    if (settling)
        return; /* further up the stack somebody goes through the list: a chain of a million is no deep recursion */
    settling = true;
    while (leaving.n) {
        turn_round(&leaving, turned);
        PyObject *op = leaving.at[--leaving.n];
        turned = leaving.n;
        Py_DECREF(op);
    }
    import_put_off &= ~(uint32_t)(IMPORT_PROXIES | IMPORT_MANY);
    settling = false;
}

void proxy_put_off(PyObject *op) {
    proxy_unmark_finalised(op);
    list_push(&forked, op); /* without memory for the list it stays for good */
}

void proxy_after_fork(void) {
    proxy_forking = false;
    while (forked.n)
        Py_DECREF(forked.at[--forked.n]);
}

void proxy_let_go(void) {
    static bool looking;
    uint32_t kept = 0;
    if (looking)
        return;
    looking = true;
    for (uint32_t i = 0; i < pinned.n; i++) {
        Instance *self = (Instance *)pinned.at[i];
        if (Py_REFCNT(self) == 1 && self->data && count_of(self) > 1)
            pinned.at[kept++] = (PyObject *)self;
        else
            leave_later((PyObject *)self);
    }
    pinned.n = kept;
    looking = false;
}

void proxy_let_go_of_dead(void) {
    if (!pinned.n || !import_is_idle())
        return;
    if (jitd_context.client)
        client_reap(jitd_context.client);
    proxy_let_go();
    proxy_settle();
}

/* The collector asks, which holds what it asks: it has found that a candidate (garbage.c) is garbage, with all that holds it. */
static bool is_garbage(PyObject *op) {
    return garbage_search && (((Instance *)op)->flags & INSTANCE_CANDIDATE) && Py_REFCNT(op) > 1;
}

/* tp_finalize: CPython asks here before it ends an instance with Python fields, and before its collector breaks up a cycle. What the arena
 * holds is no garbage, whatever the collector can see. */
void proxy_finalize(PyObject *op) {
    Instance *self = (Instance *)op;
    if (unlikely(proxy_forking) && self->data && Py_TYPE(op)->tp_dealloc != instance_dealloc_fast) {
        Py_INCREF(op);
        proxy_put_off(op);
        return;
    }
    if (self->data && !is_garbage(op) && is_needed(self) && class_of_type(Py_TYPE(op))) {
        if (atomic_load_explicit(&object_of(self)->link, memory_order_relaxed) != ARENA_LINK_HELD ||
            shm_is_shared(object_of(self))) {
            Py_INCREF(op);
            proxy_keep(self);
        }
        return;
    }
    ClassInfo *info = class_above(Py_TYPE(op));
    if (info && info->finalize && !(self->flags & INSTANCE_ENDED)) {
        self->flags |= INSTANCE_ENDED;
        info->finalize(op);
    }
}
