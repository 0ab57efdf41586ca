/* Has a dict changed? Up to CPython 3.11 every dict has a version tag; later ones tell a watcher of a change before they make it, and
 * the tag is gone from 3.14 on. A watch is a count of the changes of one dict, shared by all who look at that dict. */
#pragma once
#include <Python.h>
#include <stdint.h>

#if PY_VERSION_HEX >= 0x030c0000
#define HAVE_DICT_WATCHERS 1
#endif

typedef struct Watch Watch;

#ifdef HAVE_DICT_WATCHERS
struct Watch {
    uint64_t changes; /* first: what the hot path reads */
    PyObject *dict;   /* borrowed: who holds a watch holds the dict */
    size_t users;
    uint64_t blind; /* 1: CPython had no watcher left to give, so that every look is the first */
    Watch *next;    /* in its bucket */
};

/* Another one after every change of the dict. */
static inline uint64_t watch_version(const Watch *watch) {
    return watch->changes;
}

/* The version to keep by who has looked at the dict now. */
static inline uint64_t watch_seen(const Watch *watch) {
    return watch->changes - watch->blind;
}
#else
static inline uint64_t watch_version(const Watch *watch) {
    return ((const PyDictObject *)(const void *)watch)->ma_version_tag;
}

static inline uint64_t watch_seen(const Watch *watch) {
    return watch_version(watch);
}
#endif

Watch *watch_acquire(PyObject *dict); /* NULL with an exception set; the caller holds the dict for as long */
void watch_release(Watch *watch);     /* may be NULL */
