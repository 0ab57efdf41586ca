/* What generated code calls in this process besides libm and the arena: the interpreter's signal handlers and its math
 * module. Both run under the interpreter lock, which compiled code holds.
 *
 * CPython has no public flag that says "a signal came", so the flag that loops look at is always set; generated code looks
 * at it seldom (every few thousand iterations), and the question itself (PyErr_CheckSignals) costs a few nanoseconds. */
#include "client/python/ext/ext.h"

const volatile uint32_t import_interrupt_flag = 1;

int32_t import_poll(JitdFrame *frame) {
    (void)frame;
    return PyErr_CheckSignals() < 0 ? JITD_TRAP_INTERRUPT : JITD_TRAP_NONE;
}

static const struct {
    const char *name;
    char result;
} pymath[] = {
#define PYMATH(name, least, most, result) {#name, result},
#include "protocol/pymath.def"
#undef PYMATH
};
#define N_PYMATH (sizeof pymath / sizeof *pymath)

static PyObject *pymath_function(uint32_t fn) {
    static PyObject *functions[N_PYMATH];
    if (fn >= N_PYMATH)
        return PyErr_Format(PyExc_SystemError, "jitd: math function %u is not known", fn);
    if (!functions[fn]) {
        PyObject *math = PyImport_ImportModule("math");
        functions[fn] = math ? PyObject_GetAttrString(math, pymath[fn].name) : NULL;
        Py_XDECREF(math);
    }
    return functions[fn];
}

static PyObject *pymath_argument(char type, JitdValue v) {
    return type == 'f' ? PyFloat_FromDouble(v.f) : type == 'b' ? PyBool_FromLong(v.i & 1) : PyLong_FromLongLong(v.i);
}

/* An int that is too large for 64 bits: the call can be redone in Python if nothing was committed, which the generated code
 * knows; so it gets REDO and decides. */
static int32_t pymath_result(char type, PyObject *result, JitdValue *out) {
    if (type == 'f') {
        out->f = PyFloat_AsDouble(result);
    } else if (type == 'b') {
        out->i = result == Py_True;
    } else {
        int overflow;
        out->i = PyLong_AsLongLongAndOverflow(result, &overflow);
        if (overflow)
            return JITD_TRAP_REDO;
    }
    return PyErr_Occurred() ? JITD_TRAP_PYTHON : JITD_TRAP_NONE;
}

int32_t import_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                      JitdValue *out) {
    (void)frame;
    PyObject *function = pymath_function(fn), *args[JITD_TRAP_VALUES] = {NULL}, *result = NULL;
    uint32_t made = 0;
    while (function && made < n && made < JITD_TRAP_VALUES && (args[made] = pymath_argument(types[made], in[made])))
        made++;
    if (function && made == n)
        result = PyObject_Vectorcall(function, args, n, NULL);
    int32_t status = result ? pymath_result(pymath[fn].result, result, out) : JITD_TRAP_PYTHON;
    Py_XDECREF(result);
    while (made)
        Py_DECREF(args[--made]);
    return status;
}
