/* What a jitclass has as a class, and its instances have not: C.dtype. It is in the dict of the base of all, so a class's own attribute of that name comes
 * first, and to who asks an instance for it, or lists what is there (classdict.c), it does not exist, as in CPython. */
#include "client/python/ext/ext.h"

static PyObject *ofclass_get(PyObject *op, PyObject *obj, PyObject *type) {
    (void)op;
    if (obj || !type || type == (PyObject *)&Instance_Type)
        return PyErr_Format(PyExc_AttributeError,
                            obj ? "'%s' object has no attribute 'dtype'" : "type object '%s' has no attribute 'dtype'",
                            (obj ? Py_TYPE(obj) : &Instance_Type)->tp_name);
    PyObject *module = PyImport_ImportModule("jitd.objects");
    PyObject *found = module ? PyObject_CallMethod(module, "dtype_of", "O", type) : NULL;
    Py_XDECREF(module);
    return found;
}

PyTypeObject OfClass_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.OfClass",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_descr_get = ofclass_get,
};

int ofclass_add(void) {
    PyObject *descriptor = PyType_Ready(&OfClass_Type) < 0 ? NULL : PyObject_New(PyObject, &OfClass_Type);
    int r = descriptor ? PyDict_SetItemString(Instance_Type.tp_dict, "dtype", descriptor) : -1;
    PyType_Modified(&Instance_Type);
    Py_XDECREF(descriptor);
    return r;
}
