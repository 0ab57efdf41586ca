/* The process's context: which arena its instances live in, and the frames through which generated code is called.
 * There is one context in a process: it is set once and never replaced, because instances point into it. */
#include "client/python/ext/ext.h"
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define LOCAL_MIN_SIZE ((uint64_t)8 << 20)

Context jitd_context;
__thread JitdFrame *jitd_frame __attribute__((tls_model("initial-exec")));

/* A local arena: what a process without a daemon uses. This process plays both sides. */
typedef struct Local {
    ArenaOwner owner;
    Table table;
    uint32_t row;
} Local;
static Local local = {.owner = {.fd = -1}, .table = {.fd = -1}};

static int local_grow(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    (void)arg;
    return arena_owner_grow_here(&local.owner, local.row, chunks, whole, ret_first, ret_count);
}

static void local_reaped(void *arg, uint32_t row) {
    (void)arg, (void)row;
}

JitdFrame *context_new_frame(void) {
    if (!jitd_context.arena) {
        PyErr_SetString(PyExc_RuntimeError, "jitd is not connected");
        return NULL;
    }
    if (jitd_context.client) {
        jitd_frame = client_frame(jitd_context.client);
    } else if ((jitd_frame = PyMem_RawCalloc(1, sizeof(JitdFrame)))) {
        jitd_frame->arena = jitd_context.base;
        jitd_frame->alloc = arena_alloc_state(jitd_context.arena);
        jitd_frame->interrupt = &import_interrupt_flag;
    }
    if (!jitd_frame)
        PyErr_NoMemory();
    return jitd_frame;
}

void context_no_memory(void) {
    PyErr_SetString(PyExc_MemoryError, "the jitd arena is full");
}

/* Proxies and classes are the process's, not an interpreter's. */
int context_check_interpreter(void) {
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "jitd cannot be used in a subinterpreter");
    return -1;
}

#define PROGRAM_ROOM ((size_t)64 << 20) /* of private memory, which a program with a daemon must have besides */

static int context_start(Arena *arena, uint64_t size, size_t room) {
    size_t bytes = (size_t)(size >> 5) * sizeof(PyObject *);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *proxies = mmap(NULL, bytes + room, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (proxies == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (room)
        munmap(proxies + bytes, room); /* it was there: a limit of memory (ulimit -d) leaves it to the program */
    jitd_context.proxies = (PyObject **)(void *)proxies;
    jitd_context.size = size;
    jitd_context.base = arena_base(arena);
    jitd_context.arena = arena;
    const char *call = getenv("JITD_CALL");
    jitd_context.use_ffi = call && !strcmp(call, "ffi");
    return 0;
}

/* ---- while a thread inside an epoch runs other Python code, or lets others run ----
 *
 * The arena counts how often it was entered, not by whom. A child of fork() has one thread: what that one entered is what it was in when it
 * was suspended, which is what is new since the others were. */

static uint32_t suspended_total;
static __thread uint32_t suspended_here __attribute__((tls_model("initial-exec")));

uint32_t context_suspend(void) {
    uint32_t inside = jitd_context.arena ? ((ArenaEpoch *)jitd_context.arena)->nest - suspended_total : 0;
    suspended_total += inside;
    suspended_here += inside;
    return inside;
}

void context_resume(uint32_t inside) {
    suspended_total -= inside;
    suspended_here -= inside;
}

/* A pause of the epoch (arena.h) is this thread's alone: where others are inside, too, there is none. */
static __thread uint32_t paused_here __attribute__((tls_model("initial-exec")));

uint32_t context_pause(void) {
    uint32_t nest = suspended_total ? 0 : arena_pause(jitd_context.arena);
    paused_here += nest != 0;
    return nest;
}

void context_end_pause(uint32_t nest) {
    paused_here -= nest != 0;
    arena_resume(jitd_context.arena, nest);
}

/* The arena's epoch was made anew: we are in it as often as this thread will leave it. */
static void enter_again(void) {
    suspended_total = suspended_here;
    arena_set_pauses(jitd_context.arena, paused_here);
    for (uint32_t i = 0; i < suspended_here; i++)
        arena_enter(jitd_context.arena);
}

static int check_signals(void *arg) {
    (void)arg;
    if (import_allocating)
        return 0;
    uint32_t inside = context_suspend();
    int r = PyErr_CheckSignals();
    context_resume(inside);
    return r;
}

static void unlock(void *arg, ClientPause *ret_pause) {
    (void)arg;
    ret_pause->depth = context_suspend();
    ret_pause->state = PyEval_SaveThread();
}

static void lock(void *arg, const ClientPause *pause) {
    (void)arg;
    PyEval_RestoreThread(pause->state);
    context_resume(pause->depth);
}

/* The daemon is there, but this process has no room (RLIMIT_AS): as if there were none. */
static PyObject *give_up(Client *client) {
    PyErr_Clear();
    jitd_context.client = NULL;
    jitd_context.table = NULL;
    jitd_context.window = NULL;
    client_close(client);
    return PyErr_Format(
        PyExc_ConnectionError,
        "there is not enough address space (ulimit -v) or private memory (ulimit -d) to map the daemon's memory");
}

static int open_client(ClientOptions *options, Client **ret_client) {
    char error[1024] = "";
    options->interrupted = check_signals;
    options->unlock = unlock;
    options->lock = lock;
    options->imports[JITD_IMPORT_poll] = (const void *)import_poll;
    options->imports[JITD_IMPORT_resume] = (const void *)import_resume;
    options->imports[JITD_IMPORT_region] = (const void *)import_region;
    options->imports[JITD_IMPORT_py_incref] = (const void *)import_py_incref;
    options->imports[JITD_IMPORT_py_decref] = (const void *)import_py_decref;
    objects_imports(options->imports);
    tables_imports(options->imports);
    texts_imports(options->imports);
    names_imports(options->imports);
    catch_imports(options->imports);
    options->imports[JITD_IMPORT_alloc] = (const void *)import_alloc;
    options->imports[JITD_IMPORT_release] = (const void *)import_release;
    options->imports[JITD_IMPORT_pymath] = (const void *)import_pymath;
    options->shared = proxy_shared;
    options->held = proxy_held;
    options->keeps = proxy_keeps;
    int r = client_open(options, ret_client, error, sizeof error);
    if (r < 0 && !PyErr_Occurred())
        PyErr_Format(r == -ENOENT || r == -ECONNREFUSED ? PyExc_ConnectionRefusedError : PyExc_ConnectionError, "%s",
                     error[0] ? error : strerror(-r));
    return r;
}

/* connect(socket, namespace, daemon, the same for later, message, body, whether objects will be made): message and body (0: none) are what will be
 * requested next. Raises ConnectionError; ConnectionRefusedError when nobody listens. */
PyObject *context_connect(PyObject *module, PyObject *args) {
    (void)module;
    ClientOptions options = {0};
    PyObject *next;
    if (!PyArg_ParseTuple(args, "zzzziOp", &options.socket, &options.namespace_, &options.daemon, &options.next_daemon,
                          &options.next_message, &next, &options.makes_objects))
        return NULL;
    if (jitd_context.arena)
        Py_RETURN_NONE;
    msgpack_sbuffer body;
    msgpack_sbuffer_init(&body);
    Client *client;
    int r = options.next_message ? request_pack_into(&body, next) : 0;
    options.next_body = body.data;
    options.next_size = body.size;
    if (r == 0)
        r = open_client(&options, &client);
    msgpack_sbuffer_destroy(&body);
    if (r < 0)
        return NULL;
    if (jitd_context.arena) { /* a signal handler came first while we waited */
        client_close(client);
        Py_RETURN_NONE;
    }
    client_set_interrupt(client, &import_interrupt_flag);
    jitd_context.client = client;
    jitd_context.table = client_table(client);
    jitd_context.window = client_window(client);
    if (context_start(client_arena(client), ARENA_DEFAULT_SIZE, PROGRAM_ROOM) < 0)
        return give_up(client);
    Py_RETURN_NONE;
}

static int make_private(uint8_t *base, size_t size, int fd) {
    int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    return mmap(base, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ? -errno : 0;
}

/* Makes the local memory private to the process, so that fork() copies it like any other Python object's: both roles then
 * work through the one private mapping. */
static int local_make_private(Arena *arena) {
    local.owner.base = arena_base(arena);
    int r = make_private(local.owner.base, local.owner.size, local.owner.fd);
    return r < 0 ? r : make_private(local.table.base, local.table.size, local.table.fd);
}

static void local_close(Arena *arena) {
    if (arena)
        arena_detach(arena);
    arena_owner_deinit(&local.owner);
    table_deinit(&local.table);
    local.table.fd = -1;
}

static int local_open_sized(uint64_t size, Arena **ret_arena) {
    static const ArenaOps ops = {
        .grow = local_grow, .reaped = local_reaped, .shared = proxy_shared, .held = proxy_held, .keeps = proxy_keeps};
    Arena *arena = NULL;
    int r = arena_create(size, size, &local.owner);
    if (r >= 0)
        r = table_create(&local.table);
    if (r >= 0)
        r = arena_owner_take_row(&local.owner, (uint32_t)getpid(), &local.row);
    if (r >= 0)
        r = arena_attach(dup(local.owner.fd), local.owner.size, local.row, &local.table, &ops, &arena);
    if (r >= 0)
        r = local_make_private(arena);
    if (r < 0)
        local_close(arena);
    else
        *ret_arena = arena;
    return r;
}

/* Smaller where address space or private memory is limited: at most an eighth of what there is. */
static uint64_t local_size(int resource, uint64_t size) {
    struct rlimit limit;
    while (getrlimit(resource, &limit) == 0 && size > LOCAL_MIN_SIZE && size > limit.rlim_cur / 8)
        size /= 2;
    return size;
}

/* Its memory is that of a file, whose size ulimit -f limits: as far as we may, not here. */
static int local_open(Arena **ret_arena) {
    struct rlimit files = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &files);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){files.rlim_max, files.rlim_max});
    uint64_t size = local_size(RLIMIT_DATA, local_size(RLIMIT_AS, ARENA_DEFAULT_SIZE));
    int r;
    do
        r = local_open_sized(size, ret_arena);
    while (r < 0 && (size /= 2) >= LOCAL_MIN_SIZE);
    setrlimit(RLIMIT_FSIZE, &files);
    return r;
}

PyObject *context_connect_local(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    if (jitd_context.arena)
        Py_RETURN_NONE;
    Arena *arena;
    int r = local_open(&arena);
    if (r < 0)
        return PyErr_Format(PyExc_OSError,
                            r == -EFBIG
                                ? "jitd cannot make memory for instances: its size is above this process's limit of "
                                  "file sizes (ulimit -f, RLIMIT_FSIZE)"
                                : "jitd cannot make memory for instances: %s",
                            strerror(-r));
    jitd_context.table = &local.table;
    if (context_start(arena, local.owner.size, 0) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* None: not yet; True: to a daemon; False: a local arena. */
PyObject *context_connected(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    if (!jitd_context.arena)
        Py_RETURN_NONE;
    return PyBool_FromLong(jitd_context.client != NULL);
}

/* local_class(key, size, [offsets of references]) -> class id of this process's own: when there is no daemon (any more), or it has no room in the
 * namespace, or no answer */
PyObject *context_local_class(PyObject *module, PyObject *args) {
    (void)module;
    const char *key;
    Py_ssize_t key_size;
    unsigned size, id, n = 0, refs[TABLE_MAX_REFS];
    PyObject *offsets;
    if (!PyArg_ParseTuple(args, "y#IO!", &key, &key_size, &size, &PyList_Type, &offsets))
        return NULL;
    Table *table = jitd_context.client ? client_own_table(jitd_context.client) : &local.table;
    if (!table)
        return PyErr_NoMemory();
    if (!jitd_context.arena || key_size != KEY_SIZE || PyList_GET_SIZE(offsets) > TABLE_MAX_REFS)
        return PyErr_Format(PyExc_ValueError, "no local arena, or a malformed class");
    for (; n < PyList_GET_SIZE(offsets); n++) {
        refs[n] = (unsigned)PyLong_AsUnsignedLong(PyList_GET_ITEM(offsets, n));
        if (PyErr_Occurred())
            return NULL;
    }
    int r = table_add_class(table, (const Key *)key, &(Shape){.base = size, .nrefs = n, .refs = refs}, &id);
    if (r < 0)
        return PyErr_Format(PyExc_MemoryError, "too many classes: %s", strerror(-r));
    return PyLong_FromUnsignedLong(id);
}

/* ---- fork: called by os.register_at_fork ---- */

static __thread bool forks_here __attribute__((tls_model("initial-exec"))); /* between prepare and the fork's end */

/* Python 3.12 and 3.13 show a warning before they call what is registered for the parent: the user's code, that may start a
 * thread and wait for it. So the parent is done before fork() returns. */
static void ends_in_parent(void) {
    if (forks_here && jitd_context.client)
        client_fork_parent(jitd_context.client);
    forks_here = false;
}

static void watch_forks(void) {
    pthread_atfork(NULL, ends_in_parent, NULL);
}

PyObject *context_fork_prepare(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    int r = jitd_context.client ? client_fork_prepare(jitd_context.client) : 0;
    forks_here = true;
    proxy_forking = jitd_context.client != NULL;
    return PyLong_FromLong(r);
}

PyObject *context_fork_parent(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    ends_in_parent(); /* there was no fork */
    proxy_after_fork();
    Py_RETURN_NONE;
}

PyObject *context_fork_child(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    int r = 0;
    forks_here = false;
    jitd_frame = NULL;
    if (jitd_context.client)
        r = client_fork_child(jitd_context.client);
    if (jitd_context.client && jitd_context.arena)
        enter_again();
    import_after_fork();
    proxy_after_fork();
    return PyLong_FromLong(r);
}

/* ---- for tests and people ---- */

/* check() -> (number of inconsistencies, the first one in words) */
PyObject *context_check(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    char text[512] = "";
    int n = jitd_context.arena ? arena_check(jitd_context.arena, text, sizeof text) : 0;
    return Py_BuildValue("is", n, text);
}

PyObject *context_reap(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    return PyLong_FromLong(jitd_context.arena ? arena_reap(jitd_context.arena) : 0);
}

PyObject *context_collect(PyObject *module, PyObject *args) {
    (void)module;
    int milliseconds;
    if (!PyArg_ParseTuple(args, "i", &milliseconds))
        return NULL;
    if (jitd_context.client)
        client_reap(jitd_context.client);
    proxy_let_go_of_dead();
    int n = jitd_context.arena ? arena_collect(jitd_context.arena, milliseconds) : 0;
    return PyLong_FromLong(n);
}

PyObject *context_collect_private(PyObject *module, PyObject *ignored) {
    (void)module, (void)ignored;
    int n = jitd_context.arena ? import_collect() : 0;
    return n < 0 ? PyErr_NoMemory() : PyLong_FromLong(n);
}

PyObject *context_arena_stats(PyObject *module, PyObject *args) {
    (void)module, (void)args;
    ArenaStats s = {0};
    if (jitd_context.arena)
        arena_stats(jitd_context.arena, &s);
    return Py_BuildValue("{sKsKsKsKsKsK}", "bytes_committed", s.bytes_committed, "bytes_used", s.bytes_used, "objects",
                         s.objects, "shared_objects", s.shared_objects, "rows", s.rows, "dead_rows", s.dead_rows);
}
