/* What an instance says of a native field that the arena cannot say: a value that the field cannot hold, where nobody promised that it holds all, and
 * that it was deleted (a number has no state "unset"; a reference has one, JITD_UNSET). It is in the instance's dict, under the field's name: what is
 * there goes before what the arena has, and MISSING there is no value. The first such field sends the code that knows the class back to Python.
 *
 * And which nan it was: to CPython a nan is itself and no other one, in hash() and where tuples are compared, as dataclasses do. That object is in the
 * dict, too, and counts while the arena has a nan; math.nan, which most are, needs no place there. */
#include "client/python/ext/ext.h"

static int is_nan(const Field *field, PyObject *value) {
    return (field->type->kind == TYPE_FLOAT || field->type->kind == TYPE_FLOAT32) && PyFloat_CheckExact(value) &&
           PyFloat_AS_DOUBLE(value) != PyFloat_AS_DOUBLE(value);
}

/* A new reference, MISSING if it was deleted; NULL without an exception: the arena has the value. */
static PyObject *spilled(PyObject *self, const Field *field) {
    PyObject *attributes = extra_attributes(self, false);
    PyObject *value = attributes ? PyDict_GetItemWithError(attributes, field->name) : NULL;
    value = value == default_own ? NULL : Py_XNewRef(value);
    Py_XDECREF(attributes);
    return value;
}

static PyObject *get_spilled(PyObject *self, Field *field) {
    PyObject *value = spilled(self, field);
    if (!value && PyErr_Occurred())
        return NULL;
    if (value && value != jitd_missing && !is_nan(field, value))
        return value;
    Py_XDECREF(value);
    return value == jitd_missing ? field_of_class(self, field) : field->native_get(self, field);
}

static int put(PyObject *self, Field *field, PyObject *value) {
    PyObject *attributes = extra_attributes(self, true);
    int r = attributes ? PyDict_SetItem(attributes, field->name, value) : -1;
    Py_XDECREF(attributes);
    return r;
}

/* The value is not the arena's any more; what a reference there referred to may go. */
static int put_spilled(PyObject *self, Field *field, PyObject *value) {
    int r = put(self, field, value);
    return r == 0 && field->target ? field_clear(self, field) : r;
}

/* Takes the value out of the instance's dict: NULL without an exception: there was none. */
static PyObject *take_spilled(PyObject *self, Field *field) {
    PyObject *value = spilled(self, field), *attributes = value ? extra_attributes(self, false) : NULL;
    if (attributes && PyDict_DelItem(attributes, field->name) < 0)
        Py_CLEAR(value);
    Py_XDECREF(attributes);
    return value;
}

static void put_back(PyObject *self, Field *field, PyObject *value) {
    PyObject *error[3];
    PyErr_Fetch(&error[0], &error[1], &error[2]);
    if (put(self, field, value) < 0)
        PyErr_Clear();
    PyErr_Restore(error[0], error[1], error[2]);
}

static int set_spilled(PyObject *self, PyObject *value, Field *field) {
    if (!((Instance *)self)->data && instance_wake(self) < 0)
        return -1;
    if (!value)
        return spill_delete(self, field);
    PyObject *old = take_spilled(self, field);
    if (!old && PyErr_Occurred())
        return -1;
    int r = field->native_set(self, value, field); /* which comes back here when it does not fit */
    if (r < 0 && old)
        put_back(self, field, old);
    Py_XDECREF(old);
    return r;
}

/* Before compiled code can see what it does not expect. */
static int start(Field *field, const char *how) {
    if (field->set == set_spilled)
        return 0;
    if (watch_changed(class_above(field->owner)->type, field->name, how) < 0)
        return -1;
    field->native_get = field->get;
    field->native_set = field->set;
    field->get = get_spilled;
    field->set = set_spilled;
    field->quick = FIELD_SLOW;
    return 0;
}

/* Nobody said what an inferred field holds; an annotation that names a class allows what extends it. */
static int may_hold(const Field *field, PyObject *value) {
    return field->inferred || (field->target && PyType_IsSubtype(Py_TYPE(value), field->target));
}

static int is_shared(PyObject *self) {
    return shm_is_shared((ShmObject *)((Instance *)self)->data);
}

int spill_value(PyObject *self, Field *field, PyObject *value) {
    if (!may_hold(field, value) || is_shared(self))
        return 1;
    return start(field, "a value of another type was set") < 0 ? -1 : put_spilled(self, field, value);
}

int spill_deleted(PyObject *self, const Field *field) {
    bool may = false;
    for (const Field *at = field_shown(field, Py_TYPE(self)); at; at = at->above)
        may |= at->set == set_spilled;
    PyObject *value = may ? spilled(self, field) : NULL;
    Py_XDECREF(value);
    return value ? value == jitd_missing : PyErr_Occurred() ? -1 : field_is_unset(self, field);
}

int spill_delete(PyObject *self, Field *field) {
    if (field->late)
        return default_delete(self, field);
    int gone = spill_deleted(self, field);
    if (gone)
        return gone > 0 ? field_not_there(self, field) : -1;
    if (field->target && !field_class_value(field)) {
        PyObject *old = field->set == set_spilled ? take_spilled(self, field) : NULL;
        Py_XDECREF(old);
        return PyErr_Occurred() ? -1 : field_clear(self, field);
    }
    if (is_shared(self)) {
        PyErr_Format(PyExc_AttributeError, "field '%U' of %s cannot be deleted: other processes share the instance",
                     field->name, Py_TYPE(self)->tp_name);
        return -1;
    }
    return start(field, "the field was deleted") < 0 ? -1 : put_spilled(self, field, jitd_missing);
}

/* ---- nan ---- */

static PyObject *math_nan(void) {
    static PyObject *nan;
    PyObject *math = nan ? NULL : PyImport_ImportModule("math");
    if (math)
        nan = PyObject_GetAttrString(math, "nan");
    Py_XDECREF(math);
    return nan;
}

static int same_bits(PyObject *value, double x) {
    double y = value && PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : 0.0;
    return !memcmp(&x, &y, sizeof x);
}

/* math.nan has no entry: none of an earlier one may be there. */
int spill_set_nan(PyObject *self, Field *field, PyObject *value) {
    PyObject *nan = math_nan();
    if (nan && value != nan)
        return put(self, field, value);
    PyObject *old = nan ? take_spilled(self, field) : NULL;
    Py_XDECREF(old);
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *spill_get_nan(PyObject *self, Field *field, double x) {
    PyObject *value = spilled(self, field), *nan = value || PyErr_Occurred() ? NULL : math_nan();
    if (value ? same_bits(value, x) : !nan)
        return value;
    Py_XDECREF(value);
    if (!value && same_bits(nan, x))
        return Py_NewRef(nan);
    value = PyFloat_FromDouble(x); /* of compiled code: from now on it is that one */
    if (value && put(self, field, value) < 0)
        Py_CLEAR(value);
    return value;
}
