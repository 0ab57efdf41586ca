/* Requests to the broker: plain Python values to msgpack and back; publishing and finding shared objects. */
#include "client/python/ext/ext.h"
#include "protocol/messages.h"
#include <errno.h>

PyObject *jitd_RemoteError;

#define MAX_DEPTH 32

/* ---- Python to msgpack ---- */

static int pack_value(msgpack_packer *pk, PyObject *v, int depth);

static int pack_dict(msgpack_packer *pk, PyObject *v, int depth) {
    Py_ssize_t at = 0;
    PyObject *key, *value;
    msgpack_pack_map(pk, (size_t)PyDict_GET_SIZE(v));
    while (PyDict_Next(v, &at, &key, &value))
        if (pack_value(pk, key, depth) < 0 || pack_value(pk, value, depth) < 0)
            return -1;
    return 0;
}

static int pack_sequence(msgpack_packer *pk, PyObject *v, int depth) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(v);
    msgpack_pack_array(pk, (size_t)n);
    for (Py_ssize_t i = 0; i < n; i++)
        if (pack_value(pk, PySequence_Fast_GET_ITEM(v, i), depth) < 0)
            return -1;
    return 0;
}

static int pack_str(msgpack_packer *pk, PyObject *v) {
    PyObject *bytes = PyUnicode_AsEncodedString(v, "utf-8", "surrogatepass");
    if (!bytes)
        return -1;
    msgpack_pack_str_with_body(pk, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

static int pack_int(msgpack_packer *pk, PyObject *v) {
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(v, &overflow);
    if (overflow > 0) {
        unsigned long long u = PyLong_AsUnsignedLongLong(v);
        if (PyErr_Occurred())
            return -1;
        msgpack_pack_unsigned_long_long(pk, u);
    } else if (overflow < 0) {
        PyErr_SetString(PyExc_OverflowError, "an int below 64 bits cannot be sent");
        return -1;
    } else {
        msgpack_pack_long_long(pk, i);
    }
    return 0;
}

static int pack_value(msgpack_packer *pk, PyObject *v, int depth) {
    if (depth >= MAX_DEPTH) {
        PyErr_SetString(PyExc_ValueError, "nested too deeply to be sent");
        return -1;
    }
    if (PyUnicode_Check(v))
        return pack_str(pk, v);
    if (PyBool_Check(v))
        return v == Py_True ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
    if (PyLong_Check(v))
        return pack_int(pk, v);
    if (PyFloat_Check(v))
        return msgpack_pack_double(pk, PyFloat_AS_DOUBLE(v));
    if (v == Py_None)
        return msgpack_pack_nil(pk);
    if (PyBytes_Check(v))
        return msgpack_pack_bin_with_body(pk, PyBytes_AS_STRING(v), (size_t)PyBytes_GET_SIZE(v));
    if (PyDict_Check(v))
        return pack_dict(pk, v, depth + 1);
    if (PyList_Check(v) || PyTuple_Check(v))
        return pack_sequence(pk, v, depth + 1);
    PyErr_Format(PyExc_TypeError, "a %s cannot be sent", Py_TYPE(v)->tp_name);
    return -1;
}

int request_pack_into(msgpack_sbuffer *buffer, PyObject *value) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, buffer, msgpack_sbuffer_write);
    return pack_value(&pk, value, 0);
}

PyObject *request_pack(PyObject *module, PyObject *value) {
    (void)module;
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    PyObject *bytes =
        request_pack_into(&buffer, value) < 0 ? NULL : PyBytes_FromStringAndSize(buffer.data, (Py_ssize_t)buffer.size);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

/* ---- msgpack to Python ---- */

static PyObject *unpack_object(const msgpack_object *o);

static PyObject *unpack_array(const msgpack_object *o) {
    PyObject *list = PyList_New(o->via.array.size);
    for (uint32_t i = 0; list && i < o->via.array.size; i++) {
        PyObject *item = unpack_object(&o->via.array.ptr[i]);
        if (item)
            PyList_SET_ITEM(list, i, item);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *unpack_map(const msgpack_object *o) {
    PyObject *dict = PyDict_New();
    for (uint32_t i = 0; dict && i < o->via.map.size; i++) {
        PyObject *key = unpack_object(&o->via.map.ptr[i].key),
                 *value = key ? unpack_object(&o->via.map.ptr[i].val) : NULL;
        if (!value || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *unpack_object(const msgpack_object *o) {
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        Py_RETURN_NONE;
    case MSGPACK_OBJECT_BOOLEAN:
        return PyBool_FromLong(o->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return PyLong_FromUnsignedLongLong(o->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return PyLong_FromLongLong(o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return PyFloat_FromDouble(o->via.f64);
    case MSGPACK_OBJECT_STR:
        return PyUnicode_DecodeUTF8(o->via.str.ptr, o->via.str.size, "surrogatepass");
    case MSGPACK_OBJECT_BIN:
        return PyBytes_FromStringAndSize(o->via.bin.ptr, o->via.bin.size);
    case MSGPACK_OBJECT_ARRAY:
        return unpack_array(o);
    case MSGPACK_OBJECT_MAP:
        return unpack_map(o);
    default:
        return PyErr_Format(PyExc_ValueError, "msgpack type %d is not part of the protocol", (int)o->type);
    }
}

PyObject *request_unpack(PyObject *module, PyObject *bytes) {
    (void)module;
    if (!PyBytes_Check(bytes))
        return PyErr_Format(PyExc_TypeError, "bytes are needed");
    msgpack_unpacked owner;
    if (wire_unpack((Str){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)}, &owner))
        return PyErr_Format(PyExc_ValueError, "not one well-formed msgpack value");
    PyObject *value = unpack_object(&owner.data);
    msgpack_unpacked_destroy(&owner);
    return value;
}

/* ---- asking ---- */

static PyObject *raise_remote(const ClientError *error) {
    PyObject *args = Py_BuildValue("ss", error->code, error->message);
    if (args)
        PyErr_SetObject(jitd_RemoteError, args);
    Py_XDECREF(args);
    return NULL;
}

static const char *why_not(int r) {
    const char *parted = client_parted(jitd_context.client);
    return parted ? parted : strerror(-r);
}

/* What client_request gave, as a Python value. */
static PyObject *read_result(int r, msgpack_unpacked *owner, const msgpack_object *answer, const ClientError *error) {
    if (r > 0)
        return raise_remote(error);
    if (r < 0 && PyErr_Occurred())
        return NULL;
    if (r < 0)
        return PyErr_Format(PyExc_ConnectionError, "the jitd daemon does not answer: %s", why_not(r));
    PyObject *result = unpack_object(answer);
    msgpack_unpacked_destroy(owner);
    return result;
}

static PyObject *ask(int message, PyObject *body, int timeout_ms) {
    if (!jitd_context.client)
        return PyErr_Format(PyExc_ConnectionError, "jitd is not connected to a daemon");
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    msgpack_unpacked owner;
    msgpack_object answer;
    ClientError error;
    PyObject *result = NULL;
    if (request_pack_into(&buffer, body) == 0) {
        int r =
            client_request(jitd_context.client, message, buffer.data, buffer.size, timeout_ms, &owner, &answer, &error);
        result = read_result(r, &owner, &answer, &error);
    }
    msgpack_sbuffer_destroy(&buffer);
    return result;
}

/* request(number, body, ms = as long as usual) -> answer; RemoteError(code, message) when the broker refuses. */
PyObject *request_call(PyObject *module, PyObject *args) {
    (void)module;
    int message, timeout_ms = -1;
    PyObject *body;
    if (!PyArg_ParseTuple(args, "iO!|i", &message, &PyDict_Type, &body, &timeout_ms))
        return NULL;
    return ask(message, body, timeout_ms);
}

/* unlocked(lock, function, ...) -> function(...), with the RLock given up meanwhile, however often it was taken. In C, so that no signal
 * handler's exception comes in between. */
PyObject *request_unlocked(PyObject *module, PyObject *args) {
    (void)module;
    if (PyTuple_GET_SIZE(args) < 2)
        return PyErr_Format(PyExc_TypeError, "a lock and a function are needed");
    PyObject *lock = PyTuple_GET_ITEM(args, 0), *owned = PyObject_CallMethod(lock, "_is_owned", NULL);
    PyObject *rest = owned ? PyTuple_GetSlice(args, 2, PyTuple_GET_SIZE(args)) : NULL;
    PyObject *state = owned == Py_True ? PyObject_CallMethod(lock, "_release_save", NULL) : Py_NewRef(Py_None);
    PyObject *result = rest && state ? PyObject_CallObject(PyTuple_GET_ITEM(args, 1), rest) : NULL;
    if (owned == Py_True && state) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(PyObject_CallMethod(lock, "_acquire_restore", "(O)", state));
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(state);
    Py_XDECREF(rest);
    Py_XDECREF(owned);
    return result;
}

/* locked(lock, function, ...) -> function(...), with the RLock taken meanwhile. In C for the same reason: CPython 3.14 runs signal handlers
 * where a with statement has the lock already and is not entered yet. */
PyObject *request_locked(PyObject *module, PyObject *args) {
    (void)module;
    if (PyTuple_GET_SIZE(args) < 2)
        return PyErr_Format(PyExc_TypeError, "a lock and a function are needed");
    PyObject *lock = PyTuple_GET_ITEM(args, 0), *rest = PyTuple_GetSlice(args, 2, PyTuple_GET_SIZE(args));
    PyObject *taken = rest ? PyObject_CallMethod(lock, "acquire", NULL) : NULL;
    PyObject *result = taken ? PyObject_CallObject(PyTuple_GET_ITEM(args, 1), rest) : NULL;
    if (taken) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(PyObject_CallMethod(lock, "release", NULL));
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(taken);
    Py_XDECREF(rest);
    return result;
}

/* ---- names ---- */

static int64_t answer_object(PyObject *answer, const char *key) {
    PyObject *number = answer && PyDict_Check(answer) ? PyDict_GetItemString(answer, key) : NULL;
    int64_t offset = number ? PyLong_AsLongLong(number) : 0;
    Py_XDECREF(answer);
    return offset;
}

/* -1 with an exception; 1: a signal handler forked meanwhile and we are the child, whose parent's the count is. */
static int publish_once(Str name, PyObject *object) {
    ClientError error;
    if (!context_frame())
        return -1;
    if (!jitd_context.client) {
        PyErr_SetString(PyExc_ConnectionError, "there is no jitd daemon that could keep the name");
        return -1;
    }
    int r = client_publish(jitd_context.client, name, object == Py_None ? 0 : instance_ref(object), &error);
    if (r == -ECHILD && client_usable(jitd_context.client) && !PyErr_Occurred())
        return 1;
    if (r > 0)
        raise_remote(&error);
    else if (r < 0 && !PyErr_Occurred())
        PyErr_Format(PyExc_ConnectionError, "the jitd daemon does not answer: %s", why_not(r));
    return PyErr_Occurred() ? -1 : 0;
}

static int publish_object(Str name, PyObject *object) {
    int r = 1;
    while (r == 1) {
        if (object != Py_None && !((Instance *)object)->data) {
            instance_released(object);
            return -1;
        }
        r = publish_once(name, object);
    }
    return r;
}

/* publish(name, object or None) -> [instances that became shared and have something in this process only: the first of each class] */
PyObject *request_publish(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *name, *object;
    if (!PyArg_ParseTuple(args, "UO", &name, &object))
        return NULL;
    if (object != Py_None && !class_of_type(Py_TYPE(object)))
        return PyErr_Format(PyExc_TypeError, "only instances of a jitclass can be published, not %s",
                            Py_TYPE(object)->tp_name);
    PyObject *bytes = PyUnicode_AsEncodedString(name, "utf-8", "surrogatepass");
    if (!bytes)
        return NULL;
    int r = beside_begin();
    if (r == 0)
        r = publish_object((Str){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)}, object);
    Py_DECREF(bytes);
    PyObject *found = beside_end();
    if (r < 0)
        Py_CLEAR(found);
    return found;
}

static PyObject *find_once(PyObject *body) {
    int64_t ref = answer_object(ask(MESSAGE_FIND, body, -1), "object");
    if (PyErr_Occurred())
        return NULL;
    return ref > JITD_NONE ? instance_try_proxy((uint64_t)ref) : Py_NewRef(Py_None);
}

/* lookup(name) -> object or None */
PyObject *request_lookup(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *name, *result = NULL;
    if (!PyArg_ParseTuple(args, "U", &name))
        return NULL;
    PyObject *body = Py_BuildValue("{sO}", "name", name);
    if (!body)
        return NULL;
    arena_pin(jitd_context.arena); /* the object cannot go away between the answer and our count */
    while (!(result = find_once(body)) && !PyErr_Occurred())
        ; /* the name was given to another object meanwhile */
    arena_unpin(jitd_context.arena);
    Py_DECREF(body);
    return result;
}
