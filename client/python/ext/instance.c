/* The proxy: the Python object that stands for an object of the arena. One per object and process, found through
 * jitd_context.proxies, so that `a.child is a.child`. Proxies are small, all of one size, not tracked by the collector
 * (they refer to no Python object but their class) and recycled through a free list. */
#include "client/python/ext/ext.h"

#define FREE_MAX 4096

PyObject *jitd_ReleasedError;
uint64_t instance_closed;
static Instance *free_list;
static uint32_t free_count;

static inline PyObject **proxy_place(uint64_t ref) {
    return &jitd_context.proxies[ref >> 5];
}

/* A proxy of the class without an object. */
static inline Instance *instance_alloc(PyTypeObject *type) {
    Instance *self = free_list;
    if (unlikely(!self)) {
        self = (Instance *)PyObject_Malloc(sizeof(Instance));
        if (!self)
            return (Instance *)PyErr_NoMemory();
        self->weakrefs = NULL;
    } else {
        free_list = (Instance *)self->data;
        free_count--;
    }
    PyObject_Init((PyObject *)self, type);
    self->data = NULL;
    return self;
}

static inline void instance_free(Instance *self) {
    if (unlikely(free_count >= FREE_MAX)) {
        PyObject_Free(self);
        return;
    }
    self->data = (uint8_t *)free_list;
    free_list = self;
    free_count++;
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
    shm_decref(frame, ref, import_release);
    arena_leave(jitd_context.arena);
    if (++drops % 64 == 0)
        arena_poll(jitd_context.arena);
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
    arena_root_drop(jitd_context.arena, ref);
    atomic_store_explicit(&object->link, 0, memory_order_relaxed);
    shm_decref(frame, ref, import_release);
}

void instance_dealloc(PyObject *op) {
    Instance *self = (Instance *)op;
    PyTypeObject *type = Py_TYPE(op);
    if (unlikely(self->weakrefs != NULL))
        PyObject_ClearWeakRefs(op);
    JitdFrame *frame = self->data ? context_frame() : NULL;
    if (likely(frame != NULL))
        instance_unbind(self, frame);
    instance_free(self);
    Py_DECREF(type);
}

PyObject *instance_make(ClassInfo *info) {
    JitdFrame *frame = context_frame();
    Instance *self = likely(frame != NULL) ? instance_alloc(info->type) : NULL;
    if (unlikely(!self))
        return NULL;
    uint64_t ref = shm_new(frame, info->class_id, info->size, arena_alloc);
    if (unlikely(!ref)) {
        Py_DECREF(self);
        context_no_memory();
        return NULL;
    }
    if (likely(instance_bind(self, ref) == 0))
        return (PyObject *)self;
    shm_decref(frame, ref, import_release);
    Py_DECREF(self);
    return NULL;
}

PyObject *instance_released(PyObject *self) {
    PyErr_Format(jitd_ReleasedError, "this %s object was released with close()", Py_TYPE(self)->tp_name);
    return NULL;
}

static PyTypeObject *class_of_ref(uint64_t ref) {
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
    return type;
}

static void drop_count(uint64_t ref, JitdFrame *frame) {
    arena_enter(jitd_context.arena);
    shm_decref(frame, ref, import_release);
    arena_leave(jitd_context.arena);
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
    PyTypeObject *type = class_of_ref(ref);
    Instance *self = type ? instance_alloc(type) : NULL;
    if (self && instance_bind(self, ref) == 0)
        return (PyObject *)self;
    Py_XDECREF(self);
    if (type)
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
    if (arena_incref_live(jitd_context.arena, ref) < 0)
        return NULL;
    return instance_adopt(ref);
}

static PyObject *instance_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    if (type == &Instance_Type || !class_of_type(type))
        return PyErr_Format(PyExc_TypeError, "%s cannot be created directly", type->tp_name);
    return construct_empty(type);
}

/* ---- methods that every jitclass has unless it defines its own ---- */

static PyObject *instance_close(PyObject *op, PyObject *ignored) {
    (void)ignored;
    JitdFrame *frame = ((Instance *)op)->data ? context_frame() : NULL;
    if (frame) {
        instance_closed++;
        instance_unbind((Instance *)op, frame);
    }
    Py_RETURN_NONE;
}

static PyObject *instance_enter(PyObject *op, PyObject *ignored) {
    (void)ignored;
    if (!((Instance *)op)->data)
        return instance_released(op);
    Py_INCREF(op);
    return op;
}

static PyObject *instance_exit(PyObject *op, PyObject *const *args, Py_ssize_t n) {
    (void)args, (void)n;
    return instance_close(op, NULL);
}

/* Puts a field's value into a dict, if it has one. */
static int put_field(PyObject *op, Field *field, PyObject *state) {
    PyObject *value = field->def.get(op, field);
    if (!value && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return 0;
    }
    int r = value ? PyDict_SetItem(state, field->name, value) : -1;
    Py_XDECREF(value);
    return r;
}

/* The fields by name, as CPython has them in __dict__: a __getstate__ or __setstate__ of the user's own fits. */
static PyObject *instance_getstate(PyObject *op, PyObject *ignored) {
    (void)ignored;
    ClassInfo *info = class_of_type(Py_TYPE(op));
    if (!info || !((Instance *)op)->data)
        return instance_released(op);
    PyObject *state = PyDict_New();
    for (Py_ssize_t i = 0; state && i < info->nfields; i++)
        if (put_field(op, &info->fields[i], state) < 0)
            Py_CLEAR(state);
    return state;
}

static PyObject *instance_reduce(PyObject *op, PyObject *ignored) {
    (void)ignored;
    if (!((Instance *)op)->data)
        return instance_released(op);
    PyObject *module = PyImport_ImportModule("jitd"), *result = NULL;
    PyObject *make = module ? PyObject_GetAttrString(module, "_new") : NULL;
    PyObject *state = make ? PyObject_CallMethod(op, "__getstate__", NULL) : NULL;
    if (state)
        result = Py_BuildValue("O(O)O", make, (PyObject *)Py_TYPE(op), state);
    Py_XDECREF(state);
    Py_XDECREF(make);
    Py_XDECREF(module);
    return result;
}

static PyObject *instance_setstate(PyObject *op, PyObject *state) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(state))
        return PyErr_Format(PyExc_TypeError, "the state of a %s is a dict of its fields, not %s", Py_TYPE(op)->tp_name,
                            Py_TYPE(state)->tp_name);
    int r = (state = PyDict_Copy(state)) ? 0 : -1; /* what setting an attribute runs could change it */
    while (r == 0 && PyDict_Next(state, &at, &name, &value))
        r = PyObject_SetAttr(op, name, value);
    Py_XDECREF(state);
    return r < 0 ? NULL : Py_NewRef(Py_None);
}

/* Where the constructor's short way is not taken: obj.__init__(…), super().__init__(), a metaclass of the user's. */
static int instance_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    ClassInfo *info = class_of_type(Py_TYPE(op));
    if (!info || !((Instance *)op)->data)
        return instance_released(op), -1;
    return construct_again(info, op, args, kwargs);
}

static PyMethodDef instance_methods[] = {
    {"close", instance_close, METH_NOARGS, "Release the object now; using it afterwards raises jitd.ReleasedError."},
    {"__enter__", instance_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))instance_exit, METH_FASTCALL, NULL},
    {"__reduce__", instance_reduce, METH_NOARGS, "Copy and pickle by value."},
    {"__getstate__", instance_getstate, METH_NOARGS, NULL},
    {"__setstate__", instance_setstate, METH_O, NULL},
    {0},
};

PyTypeObject Instance_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Instance",
    .tp_doc = "Base of all classes made by jitd.jitclass.",
    .tp_basicsize = sizeof(Instance),
    .tp_weaklistoffset = offsetof(Instance, weakrefs),
    .tp_dealloc = instance_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_methods = instance_methods,
    .tp_new = instance_new,
    .tp_init = instance_init,
};
