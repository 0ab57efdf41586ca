/* What an instance has beside the arena, in this process only: Python fields, attributes that nobody declared, and what of a native field the arena
 * cannot say (spill.c). Who makes instances known to other processes is told, for the first instance of each class. */
#include "client/python/ext/ext.h"
#include <structmember.h>

static PyObject *
    noted; /* list: the first instance of each class that was shared since beside_begin and has some; NULL: nobody asks */

/* That a value is the instance's own (default.c), and which nan a nan is, other processes need not know. */
static int says_nothing(const ClassInfo *info, PyObject *name, PyObject *value) {
    if (value == default_own)
        return 1;
    return PyFloat_CheckExact(value) && PyFloat_AS_DOUBLE(value) != PyFloat_AS_DOUBLE(value) && info &&
           class_field(info, name);
}

static int add_attributes(const ClassInfo *info, PyObject *attributes, PyObject *names) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    int r = 0;
    while (r == 0 && attributes && PyDict_Next(attributes, &at, &name, &value))
        r = says_nothing(info, name, value) ? 0 : PyList_Append(names, name);
    return r;
}

static int add_slots(PyTypeObject *type, PyObject *op, PyObject *names) {
    int r = 0;
    for (; r == 0 && type && type != &Instance_Type; type = type->tp_base) {
        PyObject *name, *member;
        Py_ssize_t at = 0;
        while (r == 0 && PyDict_Next(type->tp_dict, &at, &name, &member)) {
            PyMemberDef *slot =
                Py_IS_TYPE(member, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)member)->d_member : NULL;
            if (slot && *(PyObject **)((char *)op + slot->offset))
                r = PyList_Append(names, name);
        }
    }
    return r;
}

static PyObject *names_of(PyObject *op) {
    PyObject *attributes = extra_attributes(op, false), *names = PyErr_Occurred() ? NULL : PyList_New(0);
    if (names &&
        (add_attributes(class_above(Py_TYPE(op)), attributes, names) < 0 || add_slots(Py_TYPE(op), op, names) < 0))
        Py_CLEAR(names);
    Py_XDECREF(attributes);
    return names;
}

/* beside(instance) -> [name] */
PyObject *beside_names(PyObject *module, PyObject *op) {
    (void)module;
    if (!PyObject_TypeCheck(op, &Instance_Type))
        return PyErr_Format(PyExc_TypeError, "an instance of a jitclass is needed");
    return names_of(op);
}

/* In the middle of the arena's work: nothing here may run other code, so not the collector either. */
void beside_note(PyObject *op) {
    ClassInfo *info = noted ? class_above(Py_TYPE(op)) : NULL;
    if (!info || info->noted || (info->fast && !((Instance *)op)->dict))
        return;
    PyObject *error[3];
    int collects = PyGC_Disable();
    PyErr_Fetch(&error[0], &error[1], &error[2]);
    PyObject *names = names_of(op);
    if (names && PyList_GET_SIZE(names) && PyList_Append(noted, op) == 0)
        info->noted = true;
    Py_XDECREF(names);
    PyErr_Clear(); /* without memory it is not said */
    PyErr_Restore(error[0], error[1], error[2]);
    if (collects)
        PyGC_Enable();
}

int beside_begin(void) {
    if (!noted)
        noted = PyList_New(0);
    return noted ? 0 : -1;
}

PyObject *beside_end(void) {
    PyObject *found = noted;
    noted = NULL;
    return found ? found : PyList_New(0);
}
