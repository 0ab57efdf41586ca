/* Native fields that an instance has only once they are set on it: those with a default that no __init__ assigns, as field(init=False, default=...). In
 * CPython that default is the class's attribute; until an instance has one of its own, it shows the class's, and vars() does not have it.
 *
 * The arena has the default's bits meanwhile. An instance whose bits are others has an attribute of its own; so has one of which the instance's
 * dict says so (an entry under the field's name: OWN here, or what spill.c puts there), for a value that is the default's. What compiled code
 * stores is not noted there: a value that is the default's again counts as the class's. */
#include "client/python/ext/ext.h"

PyObject *default_own; /* stands for "the arena's value is the instance's own" */

static int has_entry(PyObject *self, const Field *field) {
    PyObject *attributes = extra_attributes(self, false);
    int r = attributes ? PyDict_Contains(attributes, field->name) : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(attributes);
    return r;
}

int default_shows(PyObject *self, const Field *field) {
    if (!field->late || !((Instance *)self)->data)
        return 0;
    uint64_t bits = 0;
    memcpy(&bits, ((Instance *)self)->data + field->offset, type_layout(field->type).size);
    if (bits != field->default_bits)
        return 0;
    int own = has_entry(self, field);
    return own < 0 ? -1 : !own;
}

static int note_own(PyObject *self, const Field *field) {
    int shows = default_shows(self, field);
    if (shows <= 0)
        return shows;
    PyObject *attributes = extra_attributes(self, true);
    int r = attributes ? PyDict_SetItem(attributes, field->name, default_own) : -1;
    Py_XDECREF(attributes);
    return r;
}

static int forget_own(PyObject *self, const Field *field) {
    int own = has_entry(self, field);
    PyObject *attributes = own > 0 ? extra_attributes(self, false) : NULL;
    int r = own < 0 ? -1 : attributes ? PyDict_DelItem(attributes, field->name) : 0;
    Py_XDECREF(attributes);
    return r;
}

int default_delete(PyObject *self, Field *field) {
    if (!((Instance *)self)->data && instance_wake(self) < 0)
        return -1;
    int shows = default_shows(self, field);
    if (shows)
        return shows > 0 ? field_not_there(self, field) : -1;
    return field->plain_set(self, field->default_value, field) < 0 ? -1 : forget_own(self, field);
}

static int set(PyObject *self, PyObject *value, Field *field) {
    if (unlikely(!value))
        return default_delete(self, field);
    return field->plain_set(self, value, field) < 0 ? -1 : note_own(self, field);
}

/* Once the class has another attribute than the default. */
static PyObject *get(PyObject *self, Field *field) {
    int shows = !((Instance *)self)->data && instance_wake(self) < 0 ? -1 : default_shows(self, field);
    return shows < 0 ? NULL : shows ? field_of_class(self, field) : field->plain_get(self, field);
}

PyObject *default_get_place(PyObject *self, Field *field) {
    return field->get == get ? field->plain_get(self, field) : field->get(self, field);
}

int default_set_place(PyObject *self, PyObject *value, Field *field) {
    return field->set == set ? field->plain_set(self, value, field) : field->set(self, value, field);
}

void default_changed(Field *field) {
    if (field->origin && field->origin->late)
        default_changed(field->origin);
    if (field->get == field->plain_get)
        field->get = get;
    else if (field->native_get == field->plain_get) /* it has spilled */
        field->native_get = get;
}

void default_install(Field *field) {
    field->plain_get = field->get;
    field->plain_set = field->set;
    if (!field->late)
        return;
    field->set = set;
    field->get =
        field->origin || field->class_value != field->default_value ? get : field->get; /* another class's may change */
    field->quick = FIELD_SLOW;
    field->default_bits = field_bits(field, field->default_value);
}

/* Into the arena, whatever became of the class's attribute or of another instance's value: nothing is noted. */
int default_store(Field *field, PyObject *self) {
    Field *place = field->origin ? field->origin : field;
    return field->late ? place->plain_set(self, field->default_value, place)
                       : field_store(field, self, field_class_value(field));
}
