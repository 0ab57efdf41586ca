/* Watches of dicts (dictwatch.h): a table of those that somebody looks at, and CPython's callback that counts. */
#include "client/python/ext/dictwatch.h"

#ifdef HAVE_DICT_WATCHERS

#define BUCKETS                                                                                                        \
    64 /* a power of two; a program has a dict of globals per module with compiled code, and that of the builtins */

static Watch *watches[BUCKETS];
static int watcher = -1; /* CPython's number for count_change */

static Watch **bucket_of(PyObject *dict) {
    return &watches[((uintptr_t)dict >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

static Watch *find(PyObject *dict) {
    Watch *watch = *bucket_of(dict);
    while (watch && watch->dict != dict)
        watch = watch->next;
    return watch;
}

/* Called before the change is made: whoever looks at the dict's names later finds the new ones, and another count. */
static int count_change(PyDict_WatchEvent event, PyObject *dict, PyObject *key, PyObject *value) {
    (void)event, (void)key, (void)value;
    Watch *watch = find(dict);
    if (watch)
        watch->changes++;
    return 0;
}

/* Not 0: there are eight watchers in a process, and all are taken. */
static int start_watching(PyObject *dict) {
    if (watcher < 0)
        watcher = PyDict_AddWatcher(count_change);
    if (watcher >= 0 && PyDict_Watch(watcher, dict) == 0)
        return 0;
    PyErr_Clear();
    return 1;
}

Watch *watch_acquire(PyObject *dict) {
    Watch *watch = find(dict), **bucket = bucket_of(dict);
    if (watch) {
        watch->users++;
        return watch;
    }
    if (!(watch = PyMem_Malloc(sizeof *watch))) {
        PyErr_NoMemory();
        return NULL;
    }
    *watch = (Watch){.dict = dict, .users = 1, .next = *bucket};
    watch->blind = start_watching(dict) != 0;
    *bucket = watch;
    return watch;
}

void watch_release(Watch *watch) {
    if (!watch || --watch->users)
        return;
    Watch **link = bucket_of(watch->dict);
    while (*link != watch)
        link = &(*link)->next;
    *link = watch->next;
    if (!watch->blind && PyDict_Unwatch(watcher, watch->dict) < 0)
        PyErr_Clear();
    PyMem_Free(watch);
}

#else

Watch *watch_acquire(PyObject *dict) {
    return (Watch *)dict;
}

void watch_release(Watch *watch) {
    (void)watch;
}

#endif
