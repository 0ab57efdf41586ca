/* The proxy: the Python object that stands for an object of the arena. One per object and process, found through
 * jitd_context.proxies, so that `a.child is a.child`. How long it lives is keep.c's business.
 *
 * Two kinds of classes (ClassInfo.fast). Where all fields are native, proxies are small, all of one size, recycled through a free list, and out
 * of the collector's sight until somebody gives one an attribute that the class does not declare. Where there are Python fields, instances are what
 * CPython makes of any class: its dict holds the Python fields, its collector sees them, only the native fields are in the arena. */
#include "client/python/ext/ext.h"

#define FREE_MAX 4096

PyObject *jitd_ReleasedError;
uint64_t instance_closed;
static Instance *free_list;
static uint32_t free_count;

/* A proxy of a fast class without an object. */
static inline Instance *alloc_fast(PyTypeObject *type) {
    Instance *self = free_list;
    if (unlikely(!self)) {
        self = PyObject_GC_New(Instance, type);
        if (!self)
            return NULL;
        self->weakrefs = self->dict = NULL;
    } else {
        free_list = (Instance *)self->data;
        free_count--;
        PyObject_Init((PyObject *)self, type);
    }
    self->data = NULL;
    self->flags = 0;
    return self;
}

static inline void free_fast(Instance *self) {
    if (unlikely(free_count >= FREE_MAX)) {
        PyObject_GC_Del(self);
        return;
    }
    self->data = (uint8_t *)free_list;
    free_list = self;
    free_count++;
}

PyObject *instance_alloc_fast(PyTypeObject *type, Py_ssize_t nitems) {
    (void)nitems;
    return (PyObject *)alloc_fast(type);
}

/* object.__new__ prepares the dict, too. */
PyObject *instance_alloc_ordinary(PyTypeObject *type) {
    static PyObject *no_arguments;
    if (!no_arguments && !(no_arguments = PyTuple_New(0)))
        return NULL;
    return PyBaseObject_Type.tp_new(type, no_arguments, NULL);
}

static inline Instance *instance_alloc(const ClassInfo *info) {
    return likely(info->fast) ? alloc_fast(info->type) : (Instance *)instance_alloc_ordinary(info->type);
}

/* Ties a proxy to an object, whose count it takes over. */
static inline int instance_bind(Instance *self, uint64_t ref) {
    ShmObject *object = (ShmObject *)(jitd_context.base + ref);
    if (unlikely(arena_root_add(jitd_context.arena, ref) < 0)) {
        context_no_memory();
        return -1;
    }
    if (likely(!shm_is_shared(object)))
        atomic_store_explicit(&object->link, 1, memory_order_relaxed); /* sharing it makes its root */
    self->data = jitd_context.base + ref;
    *proxy_place(ref) = (PyObject *)self;
    return 0;
}

/* Counts of shared objects are given back inside an epoch (arena.h). */
COLD static void unbind_shared(uint64_t ref, JitdFrame *frame) {
    static unsigned drops;
    arena_enter(jitd_context.arena);
    arena_root_drop(jitd_context.arena, ref);
    import_drop_shared(frame, ref);
    arena_leave(jitd_context.arena);
    if (++drops % 64 == 0) {
        arena_poll(jitd_context.arena);
        proxy_let_go();
    }
}

/* The opposite: gives the count back. */
static inline void instance_unbind(Instance *self, JitdFrame *frame) {
    uint64_t ref = instance_ref((PyObject *)self);
    ShmObject *object = (ShmObject *)self->data;
    *proxy_place(ref) = NULL;
    self->data = NULL;
    if (unlikely(shm_is_shared(object))) {
        unbind_shared(ref, frame);
        return;
    }
    uint32_t link = atomic_load_explicit(&object->link, memory_order_relaxed);
    arena_root_drop(jitd_context.arena, ref);
    atomic_store_explicit(&object->link, 0, memory_order_relaxed);
    if (likely(link != ARENA_LINK_HELD))
        shm_decref(frame, ref, import_release);
    else
        Py_DECREF(self); /* closed: somebody has it, nobody keeps it for the object any more */
}

/* ---- the end of one ---- */

/* What a proxy of a fast class seldom has. Its callbacks may run Python code. */
COLD static void clear_extras(Instance *self) {
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_CLEAR(self->dict);
}

static inline void unbind_dying(Instance *self) {
    JitdFrame *frame = self->data ? context_frame() : NULL;
    if (likely(frame != NULL))
        instance_unbind(self, frame);
}

/* tp_dealloc of the fast classes, and what ends those of their subclasses. */
void instance_dealloc_fast(PyObject *op) {
    Instance *self = (Instance *)op;
    PyTypeObject *type = Py_TYPE(op);
    if (unlikely(proxy_forking)) {
        Py_SET_REFCNT(op, 1);
        proxy_put_off(op);
        return;
    }
    if (unlikely(proxy_is_needed(self))) {
        Py_SET_REFCNT(op, 1);
        proxy_keep(self);
        return;
    }
    if (unlikely(self->weakrefs || self->flags || type->tp_alloc != instance_alloc_fast)) {
        clear_extras(self);
        unbind_dying(self);
        type->tp_free(op);
    } else {
        unbind_dying(self);
        free_fast(self);
    }
    Py_DECREF(type);
    proxy_settle();
}

/* What CPython's own tp_dealloc of a class with Python fields ends with. */
static void instance_dealloc(PyObject *op) {
    clear_extras((Instance *)op);
    unbind_dying((Instance *)op);
    Py_TYPE(op)->tp_free(op);
    proxy_settle();
}

/* ---- making one ---- */

static int bind_new(Instance *self, const ClassInfo *info, JitdFrame *frame) {
    uint64_t ref = shm_new(frame, info->class_id, info->size, import_alloc);
    if (unlikely(!ref) && import_collect() > 0)
        ref = shm_new(frame, info->class_id, info->size, import_alloc);
    if (unlikely(!ref)) {
        context_no_memory();
        return -1;
    }
    if (likely(instance_bind(self, ref) == 0))
        return 0;
    shm_decref(frame, ref, import_release);
    return -1;
}

PyObject *instance_make(ClassInfo *info) {
    JitdFrame *frame = context_frame();
    Instance *self = likely(frame != NULL) ? instance_alloc(info) : NULL;
    if (likely(self != NULL) && unlikely(bind_new(self, info, frame) < 0))
        Py_CLEAR(self);
    return (PyObject *)self;
}

PyObject *instance_released(PyObject *self) {
    PyErr_Format(jitd_ReleasedError, "this %s object was released with close()", Py_TYPE(self)->tp_name);
    return NULL;
}

/* Before its class was ready, the fields of an instance were attributes like any others. */
static int move_in(ClassInfo *info, PyObject *op) {
    PyObject *attributes = extra_attributes(op, false);
    int r = PyErr_Occurred() ? -1 : 0;
    for (Py_ssize_t i = 0; attributes && r == 0 && i < info->nfields; i++) {
        Field *field = &info->fields[i];
        int is_native = field->type && !field_is_shadowed(field, Py_TYPE(op));
        PyObject *value = is_native ? PyDict_GetItemWithError(attributes, field->name) : NULL;
        if (!value)
            continue;
        Py_INCREF(value);
        r = PyDict_DelItem(attributes, field->name) < 0 ? -1 : field->set(op, value, field);
        Py_DECREF(value);
    }
    Py_XDECREF(attributes);
    return r;
}

int instance_wake(PyObject *op) {
    Instance *self = (Instance *)op;
    if (self->flags & INSTANCE_RELEASED)
        return instance_released(op), -1;
    ClassInfo *info = class_above(Py_TYPE(op));
    if (!info) {
        PyErr_Format(PyExc_TypeError, "%s cannot be created directly", Py_TYPE(op)->tp_name);
        return -1;
    }
    JitdFrame *frame = construct_ready(info) < 0 ? NULL : context_frame();
    if (!frame)
        return -1;
    if (!self->data && bind_new(self, info, frame) < 0)
        return -1;
    return construct_defaults(info, op) < 0 ? -1 : move_in(info, op);
}

/* ---- a proxy for an object that has none ---- */

static ClassInfo *class_of_ref(uint64_t ref) {
    uint32_t class_id;
    if (arena_check_ref(jitd_context.arena, ref, &class_id)) {
        PyErr_Format(PyExc_SystemError, "offset %llu of the arena is no object", (unsigned long long)ref);
        return NULL;
    }
    PyTypeObject *type = class_of_id(class_id);
    if (!type)
        PyErr_Format(PyExc_TypeError,
                     "the object's class (id %u of this namespace) is not one that this process has imported and used",
                     class_id);
    return type ? class_of_type(type) : NULL;
}

static void drop_count(uint64_t ref, JitdFrame *frame) {
    arena_enter(jitd_context.arena);
    shm_decref(frame, ref, import_release);
    arena_leave(jitd_context.arena);
}

/* Its Python fields are in the process that made it: whoever reads one here is told so. */
static void mark_foreign(Instance *self, ClassInfo *info) {
    if (info->fast || !shm_is_shared((ShmObject *)self->data))
        return;
    self->flags |= INSTANCE_FOREIGN;
    if (absent_explain(info) < 0)
        PyErr_Clear(); /* without memory the words stay CPython's */
}

PyObject *instance_adopt(uint64_t ref) {
    JitdFrame *frame = context_frame();
    if (unlikely(!frame))
        return NULL;
    PyObject *known = ref < jitd_context.size ? *proxy_place(ref) : NULL;
    if (known) {
        Py_INCREF(known);
        drop_count(ref, frame);
        return known;
    }
    ClassInfo *info = class_of_ref(ref);
    Instance *self = info ? instance_alloc(info) : NULL;
    if (self && instance_bind(self, ref) == 0) {
        mark_foreign(self, info);
        return (PyObject *)self;
    }
    Py_XDECREF(self);
    if (info)
        drop_count(ref, frame);
    return NULL;
}

/* NULL without an exception: the object is going away, whoever reads it from somewhere reads again. */
PyObject *instance_try_proxy(uint64_t ref) {
    PyObject *known = likely(ref < jitd_context.size) ? *proxy_place(ref) : NULL;
    if (likely(known != NULL)) {
        Py_INCREF(known);
        return known;
    }
    arena_enter(jitd_context.arena); /* its count is in hand until it has a root (collect.c) */
    PyObject *proxy = arena_incref_live(jitd_context.arena, ref) < 0 ? NULL : instance_adopt(ref);
    arena_leave(jitd_context.arena);
    return proxy;
}

/* ---- attributes ---- */

int instance_close(PyObject *op) {
    Instance *self = (Instance *)op;
    ClassInfo *info = class_above(Py_TYPE(op));
    JitdFrame *frame = self->data ? context_frame() : NULL;
    self->flags |= INSTANCE_RELEASED;
    if (frame) {
        instance_closed++;
        instance_unbind(self, frame);
    }
    Py_CLEAR(self->dict);
    int r = info && !info->fast ? absent_close(info, op) : 0;
    proxy_settle();
    return r;
}

/* tp_setattro of the fast classes: fields without a detour, and the collector is told when there is something for it to see. */
int instance_setattro_fast(PyObject *op, PyObject *name, PyObject *value) {
    PyObject *descriptor = _PyType_Lookup(Py_TYPE(op), name);
    if (likely(descriptor && Py_TYPE(descriptor)->tp_descr_set))
        return Py_TYPE(descriptor)->tp_descr_set(descriptor, op, value);
    if (((Instance *)op)->flags & INSTANCE_RELEASED)
        return instance_released(op), -1;
    ClassInfo *info = class_of_type(Py_TYPE(op));
    if (!info && !Py_TYPE(op)->tp_dictoffset)
        info =
            class_above(Py_TYPE(op)); /* of a Python class with __slots__: its base has no dict that CPython knows of */
    return info ? extra_new(info, op, name, value) : PyObject_GenericSetAttr(op, name, value);
}

/* As the class's slot has it that has no __setattr__ of Python's. */
int instance_setattro(PyObject *op, PyObject *name, PyObject *value) {
    const ClassInfo *info = class_of_type(Py_TYPE(op));
    if (info ? info->fast : !Py_TYPE(op)->tp_dictoffset)
        return instance_setattro_fast(op, name, value);
    if (((Instance *)op)->flags & INSTANCE_RELEASED)
        return instance_released(op), -1;
    return PyObject_GenericSetAttr(op, name, value);
}

static PyObject *set_or_delete(PyObject *op, PyObject *name, PyObject *value) {
    if (!PyUnicode_Check(name))
        return PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
    return instance_setattro(op, name, value) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Methods, and not the wrapper of a slot: super().__setattr__ is these, for all classes. */
PyObject *instance_set(PyObject *op, PyObject *const *args, Py_ssize_t nargs) {
    if (nargs != 2)
        return PyErr_Format(PyExc_TypeError, "expected 2 arguments, got %zd", nargs);
    return set_or_delete(op, args[0], args[1]);
}

PyObject *instance_delete(PyObject *op, PyObject *name) {
    return set_or_delete(op, name, NULL);
}

PyObject *instance_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    ClassInfo *info = class_above(type);
    if (!info || construct_ready(info) < 0)
        return info ? NULL : PyErr_Format(PyExc_TypeError, "%s cannot be created directly", type->tp_name);
    return type->tp_alloc == instance_alloc_fast ? (PyObject *)alloc_fast(type) : instance_alloc_ordinary(type);
}

PyObject *instance_new_method(PyObject *self, PyObject *args, PyObject *kwargs) {
    (void)self;
    PyObject *type = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (!type || !PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &Instance_Type))
        return PyErr_Format(PyExc_TypeError, "Instance.__new__(X): X is not a jitclass");
    return instance_new((PyTypeObject *)type, args, kwargs);
}

/* Where the constructor's short way is not taken: obj.__init__(…), super().__init__(), a subclass, a metaclass of the user's. */
static int instance_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    if (!((Instance *)op)->data && instance_wake(op) < 0)
        return -1;
    return construct_again(class_above(Py_TYPE(op)), op, args, kwargs);
}

/* The object's, not the proxy's: it may get another one, and be found by the same hash. */
static Py_hash_t instance_hash(PyObject *op) {
    if (!((Instance *)op)->data && !(((Instance *)op)->flags & INSTANCE_RELEASED) && instance_wake(op) < 0)
        return -1;
    uint64_t at = ((Instance *)op)->data ? instance_ref(op) : (uint64_t)(uintptr_t)op;
    return (Py_hash_t)(at >> 4);
}

static int instance_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((Instance *)op)->dict);
    if (unlikely(garbage_search) && (((Instance *)op)->flags & INSTANCE_CANDIDATE))
        return garbage_traverse(op, visit, arg);
    return 0;
}

int instance_traverse_fast(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(op));
    return instance_traverse(op, visit, arg);
}

int instance_clear(PyObject *op) {
    Py_CLEAR(((Instance *)op)->dict);
    if (garbage_search && (((Instance *)op)->flags & INSTANCE_CANDIDATE))
        garbage_clear(op);
    return 0;
}

PyTypeObject Instance_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Instance",
    .tp_doc = "Base of all classes made by jitd.jitclass.",
    .tp_basicsize = sizeof(Instance),
    .tp_weaklistoffset = offsetof(Instance, weakrefs),
    .tp_dealloc = instance_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = instance_traverse,
    .tp_clear = instance_clear,
    .tp_hash = instance_hash,
    .tp_methods = state_methods,
    .tp_init = instance_init,
    .tp_finalize = proxy_finalize,
    .tp_free = PyObject_GC_Del,
};
