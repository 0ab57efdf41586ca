/* The floor of the micro measurements: what somebody writes by hand in C for the same small class, with METH_FASTCALL
 * methods, getset fields and a free list. Point is made through tp_new, as nearly everybody writes it; PointVector, the
 * same otherwise, through tp_vectorcall, the fastest construction there is. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

typedef struct {
    PyObject_HEAD double x;
    int64_t n;
} Point;

#define FREE_MAX 1024
static Point *free_list[FREE_MAX];
static int free_count;

static int read_int(PyObject *o, int64_t *ret) {
    *ret = PyLong_AsLongLong(o);
    return *ret == -1 && PyErr_Occurred() ? -1 : 0;
}

static int read_float(PyObject *o, double *ret) {
    *ret = PyFloat_CheckExact(o) ? PyFloat_AS_DOUBLE(o) : PyFloat_AsDouble(o);
    return *ret == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int count_is(const char *name, Py_ssize_t n, Py_ssize_t want) {
    if (n == want)
        return 1;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments (%zd given)", name, want, n);
    return 0;
}

static PyObject *make(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs) {
    double x;
    int64_t n;
    if (!count_is("Point", nargs, 2) || read_float(args[0], &x) || read_int(args[1], &n))
        return NULL;
    Point *self =
        free_count ? (Point *)PyObject_Init((PyObject *)free_list[--free_count], type) : PyObject_New(Point, type);
    if (!self)
        return NULL;
    self->x = x;
    self->n = n;
    return (PyObject *)self;
}

static PyObject *no_keywords(void) {
    PyErr_SetString(PyExc_TypeError, "Point() takes no keyword arguments");
    return NULL;
}

static PyObject *point_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    return kwargs ? no_keywords() : make(type, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args));
}

static PyObject *point_vector(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    return kwnames ? no_keywords() : make((PyTypeObject *)type, args, PyVectorcall_NARGS(nargsf));
}

static void point_dealloc(PyObject *self) {
    if (free_count < FREE_MAX)
        free_list[free_count++] = (Point *)self;
    else
        PyObject_Free(self);
}

static PyObject *get_x(PyObject *self, void *unused) {
    (void)unused;
    return PyFloat_FromDouble(((Point *)self)->x);
}

static PyObject *get_n(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(((Point *)self)->n);
}

static int set_x(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    double x;
    if (!value)
        return PyErr_SetString(PyExc_AttributeError, "x cannot be deleted"), -1;
    if (read_float(value, &x))
        return -1;
    ((Point *)self)->x = x;
    return 0;
}

static int set_n(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    int64_t n;
    if (!value)
        return PyErr_SetString(PyExc_AttributeError, "n cannot be deleted"), -1;
    if (read_int(value, &n))
        return -1;
    ((Point *)self)->n = n;
    return 0;
}

static PyObject *e0(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    Py_RETURN_NONE;
}

static PyObject *r0(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyFloat_FromDouble(((Point *)self)->x);
}

static PyObject *e2(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    double a, b;
    if (!count_is("e2", n, 2) || read_float(args[0], &a) || read_float(args[1], &b))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *r2(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    double a, b;
    if (!count_is("r2", n, 2) || read_float(args[0], &a) || read_float(args[1], &b))
        return NULL;
    return PyFloat_FromDouble(((Point *)self)->x * a + b);
}

static int read_ints(PyObject *const *args, Py_ssize_t n, int64_t *ret) {
    for (Py_ssize_t i = 0; i < n; i++)
        if (read_int(args[i], &ret[i]))
            return -1;
    return 0;
}

static PyObject *e4(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    int64_t v[4];
    if (!count_is("e4", n, 4) || read_ints(args, 4, v))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *r4(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    int64_t v[4];
    if (!count_is("r4", n, 4) || read_ints(args, 4, v))
        return NULL;
    return PyLong_FromLongLong(((Point *)self)->n + v[0] + v[1] + v[2] + v[3]);
}

static PyMethodDef point_methods[] = {
    {"e0", e0, METH_NOARGS, NULL},
    {"r0", r0, METH_NOARGS, NULL},
    {"e2", (PyCFunction)(void (*)(void))e2, METH_FASTCALL, NULL},
    {"r2", (PyCFunction)(void (*)(void))r2, METH_FASTCALL, NULL},
    {"e4", (PyCFunction)(void (*)(void))e4, METH_FASTCALL, NULL},
    {"r4", (PyCFunction)(void (*)(void))r4, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef point_fields[] = {
    {"x", get_x, set_x, NULL, NULL},
    {"n", get_n, set_n, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject point_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floorext.Point",
    .tp_basicsize = sizeof(Point),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = point_dealloc,
    .tp_methods = point_methods,
    .tp_getset = point_fields,
    .tp_new = point_new,
};

static PyTypeObject vector_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floorext.PointVector",
    .tp_basicsize = sizeof(Point),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = point_dealloc,
    .tp_methods = point_methods,
    .tp_getset = point_fields,
    .tp_new = point_new,
    .tp_vectorcall = point_vector,
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "floorext", .m_size = -1};

PyMODINIT_FUNC PyInit_floorext(void) {
    PyObject *m = PyModule_Create(&module);
    if (!m || PyModule_AddType(m, &point_type) || PyModule_AddType(m, &vector_type))
        return NULL;
    return m;
}
