/* Instances in CPython's search for garbage. Its collector knows who refers to whom by tp_traverse and counts; what refers to an instance natively it
 * does not see, and the proxy that stays for that (keep.c) holds itself. So cycles with both kinds of references would never be found.
 *
 * Before a full collection (gc.callbacks) the arena says which private objects nothing but proxies and other private objects hold. The proxies of those
 * are candidates, and while it goes on they tell the collector the rest:
 *   - where it subtracts what the objects refer to from their counts, a proxy that holds itself refers to itself. Then it counts for nothing;
 *   - where it marks what can be reached, a candidate refers to all proxies that can be reached natively from its object;
 *   - a candidate in which it takes no interest (gc.freeze) may be anybody's: an anchor, which it always reaches, refers to what that one reaches.
 * Which of the two it is doing is seen from what its visit does to the object's own count. Then all is done by CPython: weak references, finalisers
 * (after them it subtracts and marks once more), and tp_clear, in which a candidate's object lets go of what it refers to.
 *
 * Whatever Python code runs in between may tie new references natively; that is seen by the epoch, and then all candidates stay this time. */
#include "client/python/ext/ext.h"

#define ONE_REF ((uintptr_t)1 << 2) /* in the collector's word before an object: _PyGC_PREV_SHIFT, since 3.8 */
#define SLOW_MS 10

bool garbage_search;       /* one is under way, and there are candidates */
static int64_t not_before; /* ms of method_clock: no search earlier than that */

static struct {
    ArenaGraph *graph;
    uint64_t *candidates; /* their objects */
    size_t n, room;
    bool is_needed, is_incomplete; /* some have state, and are referred to natively; there was no memory for all */
    uint64_t since;                /* the epoch then */
    uint32_t round;
    bool marks; /* in this round the collector has begun to */
    PyObject *anchor;
} search;

static uintptr_t *collector_word(PyObject *op) {
    return (uintptr_t *)op - 1;
}

static bool is_stale(void) {
    return arena_entered(jitd_context.arena) != search.since;
}

/* ---- what is told to the collector ---- */

typedef struct Visit {
    visitproc visit;
    void *arg;
    int status;
} Visit;

static int reached(void *arg, uint64_t ref) {
    Visit *v = arg;
    PyObject *op = *proxy_place(ref);
    if (!op || !(((Instance *)op)->flags & INSTANCE_CANDIDATE))
        return 0;
    v->status = v->visit(op, v->arg);
    return v->status ? -1 : 1;
}

static int visit_reached(uint64_t ref, visitproc visit, void *arg) {
    Visit v = {.visit = visit, .arg = arg};
    arena_graph_reach(search.graph, ref, search.round, reached, &v);
    return v.status;
}

static void begin_round(void) {
    search.round += search.marks;
    search.marks = false;
}

/* Whether the collector subtracts: then the count that it works with is one less than it was. */
static int subtracts(PyObject *op, visitproc visit, void *arg, uintptr_t *before, int *ret_status) {
    *before = *collector_word(op);
    *ret_status = visit(op, arg);
    if (*collector_word(op) == *before - ONE_REF) {
        begin_round();
        return 1;
    }
    search.marks = true;
    return 0;
}

int garbage_traverse(PyObject *op, visitproc visit, void *arg) {
    Instance *self = (Instance *)op;
    uintptr_t before;
    int status;
    if (!self->data)
        return 0;
    if (!subtracts(op, visit, arg, &before, &status))
        return status ? status : visit_reached(instance_ref(op), visit, arg);
    self->flags |= INSTANCE_SEEN;
    if (is_stale())
        *collector_word(op) = before + ONE_REF;
    else if (!proxy_holds_itself(self))
        *collector_word(op) = before;
    return 0;
}

static int anchor_traverse(PyObject *op, visitproc visit, void *arg) {
    uintptr_t before;
    int status;
    if (!search.graph)
        return 0;
    if (subtracts(op, visit, arg, &before, &status)) {
        *collector_word(op) = before;
        return 0;
    }
    for (size_t i = 0; !status && i < search.n; i++) {
        PyObject *candidate = *proxy_place(search.candidates[i]);
        if (candidate && !(((Instance *)candidate)->flags & INSTANCE_SEEN))
            status = visit_reached(search.candidates[i], visit, arg);
    }
    return status;
}

static void anchor_dealloc(PyObject *op) {
    PyObject_GC_UnTrack(op);
    PyObject_GC_Del(op);
}

static PyTypeObject Anchor_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Anchor",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = anchor_dealloc,
    .tp_traverse = anchor_traverse,
};

void garbage_clear(PyObject *op) {
    if (((Instance *)op)->data)
        arena_let_go(jitd_context.arena, instance_ref(op));
}

/* ---- before and after a collection ---- */

static void note(void *arg, uint64_t ref, int is_referred) {
    (void)arg;
    Instance *self = (Instance *)*proxy_place(ref);
    if (!self || !proxy_may_be_missed(self))
        return; /* no more than a place */
    if (search.n == search.room) {
        size_t more = search.room ? 2 * search.room : 256;
        uint64_t *grown = PyMem_RawRealloc(search.candidates, more * sizeof *grown);
        if (!grown) {
            search.is_incomplete = true;
            return;
        }
        search.candidates = grown;
        search.room = more;
    }
    search.candidates[search.n++] = ref;
    search.is_needed |= is_referred && proxy_has_state(self);
}

static void make_candidate(PyObject *op) {
    Instance *self = (Instance *)op;
    self->flags &= ~(uint32_t)INSTANCE_SEEN;
    if (!Py_REFCNT(op))
        return; /* it is being ended: what its fields hold asked for the collection */
    self->flags |= INSTANCE_CANDIDATE;
    if (proxy_holds_itself(self))
        proxy_unmark_finalised(op);
    if (!PyObject_GC_IsTracked(op)) {
        self->flags |= INSTANCE_TRACKED | INSTANCE_ONCE;
        PyObject_GC_Track(op);
    }
}

static void forget_candidate(PyObject *op) {
    Instance *self = (Instance *)op;
    uint32_t flags = self->flags;
    self->flags &= ~(uint32_t)(INSTANCE_CANDIDATE | INSTANCE_SEEN | INSTANCE_ONCE);
    if (!(flags & INSTANCE_ONCE) || self->dict)
        return;
    self->flags &= ~(uint32_t)INSTANCE_TRACKED;
    PyObject_GC_UnTrack(op);
}

static void end(void) {
    garbage_search = false;
    for (size_t i = 0; i < search.n; i++) {
        PyObject *op = *proxy_place(search.candidates[i]);
        if (op && ((Instance *)op)->flags & INSTANCE_CANDIDATE)
            forget_candidate(op);
    }
    search.n = 0;
    arena_graph_free(search.graph);
    search.graph = NULL;
    Py_CLEAR(search.anchor);
    proxy_settle();
}

static void make_candidates(void) {
    search.anchor = (PyObject *)PyObject_GC_New(PyObject, &Anchor_Type);
    if (!search.anchor) {
        PyErr_Clear();
        return;
    }
    PyObject_GC_Track(search.anchor);
    for (size_t i = 0; i < search.n; i++)
        make_candidate(*proxy_place(search.candidates[i]));
    search.round = 1;
    search.marks = false;
    search.since = arena_entered(jitd_context.arena);
    garbage_search = true;
}

/* Where that takes long it is not done every time. */
static void begin(void) {
    int64_t begun = method_clock();
    if (begun < not_before || !import_is_idle())
        return;
    search.n = 0;
    search.is_needed = search.is_incomplete = false;
    if (arena_graph_new(jitd_context.arena, note, NULL, &search.graph) < 0)
        return;
    if (search.is_needed && !search.is_incomplete)
        make_candidates();
    int64_t ended = method_clock();
    not_before = ended - begun < SLOW_MS ? 0 : ended + 10 * (ended - begun);
}

/* gc.callbacks: (phase, {"generation": …}) */
static PyObject *callback(PyObject *module, PyObject *args) {
    (void)module;
    const char *phase;
    PyObject *info;
    if (!PyArg_ParseTuple(args, "sO!", &phase, &PyDict_Type, &info))
        return NULL;
    if (search.graph)
        end();
    PyObject *generation = PyDict_GetItemString(info, "generation");
    bool is_full = generation && PyLong_AsLong(generation) == 2;
    if (is_full && !strcmp(phase, "start"))
        begin();
    else if (is_full)
        proxy_let_go_of_dead();
    PyErr_Clear();
    Py_RETURN_NONE;
}

int garbage_watch(void) {
    static PyMethodDef definition = {"instances_in_cycles", callback, METH_VARARGS,
                                     "jitd's part in collecting garbage"};
    static bool is_there;
    if (is_there)
        return 0;
    PyObject *module = PyType_Ready(&Anchor_Type) < 0 ? NULL : PyImport_ImportModule("gc");
    PyObject *list = module ? PyObject_GetAttrString(module, "callbacks") : NULL;
    PyObject *function = list ? PyCFunction_New(&definition, NULL) : NULL;
    int r = function ? PyList_Append(list, function) : -1;
    is_there = r == 0;
    Py_XDECREF(function);
    Py_XDECREF(list);
    Py_XDECREF(module);
    return r;
}

PyObject *garbage_expect(PyObject *module, PyObject *ignored) {
    (void)module, (void)ignored;
    not_before = 0;
    Py_RETURN_NONE;
}
