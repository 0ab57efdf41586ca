/* jitd.h against a small broker with real memory and real machine code: classes, instances, calls, sharing, deaths,
 * fork. */
#include "client/lib/session.h"
#include "tests/unit/small_broker.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define PATIENCE_MS 60000 /* for what comes at once on a machine that has nothing else to do */

static jitd_session *session;
static const jitd_class *node;
static jitd_error error;

#define OK(call) cr_assert_eq((call), 0, "%s: %s", error.exception, error.message)
#define FAILS(expected, call) cr_assert_eq((call), (expected), "%d %s: %s", error.code, error.exception, error.message)

static jitd_session *attach(void) {
    jitd_session *s;
    OK(jitd_attach(&(jitd_options){.socket = broker.path}, &s, &error));
    return s;
}

static void setup(void) {
    broker_start();
    session = attach();
    OK(jitd_class_find(session, "shape.Node", &node, &error));
}

static jitd_ref new_node(jitd_session *s) {
    jitd_ref object;
    OK(jitd_new(s, node, &object, &error));
    return object;
}

static double get_x(jitd_session *s, jitd_ref object) {
    jitd_value v;
    OK(jitd_get(s, object, "x", &v, &error));
    return v.f;
}

static void set_x(jitd_session *s, jitd_ref object, double x) {
    OK(jitd_set(s, object, "x", (jitd_value){.f = x}, &error));
}

static ArenaStats stats_of(jitd_session *s) {
    ArenaStats stats;
    arena_poll(client_arena(s->client));
    arena_poll(client_arena(s->client));
    arena_stats(client_arena(s->client), &stats);
    return stats;
}

/* Nothing that was given out is left, and the arena is in order. */
static void finish(void) {
    char text[256] = "";
    cr_assert_eq(session->handles.len, 0);
    cr_assert_eq(stats_of(session).objects, broker.named ? 1 : 0, "%lu objects",
                 (unsigned long)stats_of(session).objects);
    cr_assert_eq(arena_check(client_arena(session->client), text, sizeof text), 0, "%s", text);
    jitd_detach(session);
    broker_kill();
}

TestSuite(session, .init = setup);

Test(session, class_has_its_layout) {
    size_t n;
    const jitd_class *again, *none;
    const jitd_field *f = jitd_class_fields(node, &n);
    cr_assert(n == 5 && jitd_class_size(node) == NODE_SIZE && !strcmp(jitd_class_name(node), "shape.Node"));
    cr_assert(!strcmp(f[0].name, "x") && !strcmp(f[0].type, "float") && f[0].offset == 16 && f[0].size == 8);
    cr_assert(!strcmp(f[2].type, "shape.Node?") && !strcmp(f[3].type, "int8") && f[3].size == 1 &&
              !strcmp(f[4].type, "shape.Node"));
    OK(jitd_class_find(session, "shape.Node", &again, &error));
    cr_assert_eq(again, node);
    FAILS(JITD_E_NOT_FOUND, jitd_class_find(session, "shape.Nood", &none, &error));
    finish();
}

Test(session, malformed_class_spoils_no_other) {
    const jitd_class *cls;
    jitd_ref p = new_node(session), found;
    size_t n;
    OK(jitd_publish(session, "p", p, &error));
    broker.odd = true;
    jitd_session *other = attach();
    FAILS(JITD_E_SYSTEM, jitd_class_find(other, "shape.Node", &cls, &error));
    OK(jitd_find(other, "p", &found, &error));
    OK(jitd_class_of(other, found, &cls, &error));
    const jitd_field *f = jitd_class_fields(cls, &n);
    cr_assert(n == 5 && f[0].type && !strcmp(f[0].type, "float") && f[2].type && !strcmp(f[2].type, "shape.Node?"));
    jitd_unref(other, found);
    jitd_detach(other);
    OK(jitd_publish(session, "p", JITD_UNSET, &error));
    jitd_unref(session, p);
    finish();
}

Test(session, fields) {
    jitd_value v;
    jitd_ref p = new_node(session), garbage = p + 8;
    cr_assert_eq(get_x(session, p), 0.0);
    set_x(session, p, -2.5);
    cr_assert_eq(get_x(session, p), -2.5);
    OK(jitd_set(session, p, "small", (jitd_value){.i = -128}, &error));
    FAILS(JITD_E_RANGE, jitd_set(session, p, "small", (jitd_value){.i = 128}, &error));
    OK(jitd_get(session, p, "small", &v, &error));
    cr_assert_eq(v.i, -128);
    FAILS(JITD_E_NOT_FOUND, jitd_get(session, p, "z", &v, &error));
    FAILS(JITD_E_TYPE, jitd_get(session, garbage, "x", &v, &error));
    FAILS(JITD_E_TYPE, jitd_get(session, 0, "x", &v, &error));
    FAILS(JITD_E_TYPE, jitd_get(session, UINT64_MAX, "x", &v, NULL));
    jitd_unref(session, p);
    jitd_unref(session, p); /* once too often: left alone */
    FAILS(JITD_E_TYPE, jitd_get(session, p, "x", &v, &error));
    finish();
}

Test(session, reference_fields) {
    jitd_ref a = new_node(session), b = new_node(session);
    jitd_value v;
    FAILS(JITD_E_EXCEPTION, jitd_get(session, a, "next", &v, &error)); /* unset */
    cr_assert(!strcmp(error.exception, "AttributeError"));
    OK(jitd_set(session, a, "next", (jitd_value){.ref = JITD_NONE}, &error));
    OK(jitd_get(session, a, "next", &v, &error));
    cr_assert_eq(v.ref, JITD_NONE);
    FAILS(JITD_E_TYPE, jitd_set(session, a, "other", (jitd_value){.ref = JITD_NONE}, &error));
    FAILS(JITD_E_TYPE, jitd_set(session, a, "next", (jitd_value){.ref = JITD_UNSET}, &error));
    FAILS(JITD_E_TYPE, jitd_set(session, a, "next", (jitd_value){.ref = 12345}, &error));
    OK(jitd_set(session, a, "next", (jitd_value){.ref = b}, &error));
    jitd_unref(session, b); /* the field keeps it */
    OK(jitd_get(session, a, "next", &v, &error));
    cr_assert_eq(v.ref, b);
    cr_assert_eq(stats_of(session).objects, 2);
    jitd_unref(session, v.ref);
    jitd_unref(session, a);
    finish();
}

Test(session, thousands_of_handles) {
    enum { N = 20000 };
    static jitd_ref refs[N];
    for (int i = 0; i < N; i++) {
        refs[i] = new_node(session);
        set_x(session, refs[i], i);
        jitd_addref(session, refs[i]);
    }
    for (int i = 0; i < N; i++)
        jitd_unref(session, refs[(i * 7919) % N]);
    for (int i = 0; i < N; i++)
        cr_assert_eq(get_x(session, refs[i]), i);
    for (int i = 0; i < N; i++)
        jitd_unref(session, refs[(i * 104729) % N]);
    cr_assert_geq(broker.grows, 1);
    finish();
}

/* The broker is asked again until it has made memory ready for all 161 chunks in a row. */
Test(session, an_object_of_forty_megabytes) {
    Arena *arena = client_arena(session->client);
    uint64_t object, at, length, n = (uint64_t)40 << 20;
    uint32_t id, grows = broker.grows;
    cr_assert_eq(
        table_add_class(&broker.table, &(Key){{9}}, &(Shape){.base = 24, .tail = SHM_TAIL_BYTES, .element = 1}, &id),
        0);
    cr_assert_eq(arena_new_tail(arena, id, n, &object), 0);
    cr_assert_eq(broker.grows - grows, 3, "64 at a time");
    cr_assert(arena_tail(arena, object, &at, &length) == 0 && length == n);
    memset(arena_base(arena) + at, 1, n);
    arena_release(client_frame(session->client), object);
    grows = broker.grows;
    cr_assert_eq(arena_new_tail(arena, id, n, &object), 0);
    cr_assert_eq(broker.grows, grows, "in the chunks of the first");
    arena_release(client_frame(session->client), object);
    cr_assert_eq(arena_new_tail(arena, id, (uint64_t)1 << 40, &object), -ENOMEM);
    finish();
}

Test(session, calls) {
    jitd_ref p = new_node(session);
    jitd_value v, in[3] = {{.i = -5}, {.i = 1}, {.ref = JITD_NONE}};
    const jitd_method *add, *fail;
    size_t n;
    set_x(session, p, 3);
    OK(jitd_set(session, p, "y", (jitd_value){.f = 4}, &error));
    OK(jitd_call_named(session, p, "norm2", NULL, 0, &v, 1, &error));
    cr_assert_eq(v.f, 25.0);
    OK(jitd_method_find(session, node, "add", &add, &error));
    cr_assert(!jitd_method_has_self(add) && !strcmp(jitd_method_name(add), "add"));
    OK(jitd_call(session, add, 0, (jitd_value[]){{.i = 40}, {.i = 2}}, 2, &v, 1, &error));
    cr_assert_eq(v.i, 42);
    OK(jitd_method_find(session, node, "fail", &fail, &error));
    const char *const *params = jitd_method_params(fail, &n);
    cr_assert(n == 3 && !strcmp(params[0], "int8") && !strcmp(params[1], "bool") && !strcmp(params[2], "shape.Node?"));
    FAILS(JITD_E_EXCEPTION, jitd_call(session, fail, p, in, 3, NULL, 0, &error));
    cr_assert(!strcmp(error.exception, "ValueError") && error.nframes == 2 && error.frames[0].line == 12);
    cr_assert(!strcmp(error.frames[0].file, "/src/shape.py") && !strcmp(error.frames[1].function, "outer"));
    in[0].i = 1000;
    FAILS(JITD_E_RANGE, jitd_call(session, fail, p, in, 3, NULL, 0, &error));
    FAILS(JITD_E_TYPE, jitd_call(session, fail, p, in, 2, NULL, 0, &error));
    FAILS(JITD_E_TYPE, jitd_call(session, fail, 0, in, 3, NULL, 0, &error));
    FAILS(JITD_E_NOT_FOUND, jitd_call_named(session, p, "nothing", NULL, 0, NULL, 0, &error));
    jitd_unref(session, p);
    finish();
}

Test(session, result_references_are_counted) {
    jitd_ref p = new_node(session);
    jitd_value v;
    for (int i = 0; i < 3; i++) {
        OK(jitd_call_named(session, p, "me", NULL, 0, &v, 1, &error));
        cr_assert_eq(v.ref, p);
    }
    for (int i = 0; i < 3; i++)
        jitd_unref(session, p);
    cr_assert_eq(get_x(session, p), 0.0);
    jitd_unref(session, p);
    finish();
}

Test(session, names_cross_sessions) {
    jitd_session *other = attach();
    jitd_ref p = new_node(session), found;
    const jitd_class *cls;
    set_x(session, p, 7);
    FAILS(JITD_E_NOT_FOUND, jitd_find(other, "origin", &found, &error));
    OK(jitd_publish(session, "origin", p, &error));
    jitd_unref(session, p);
    OK(jitd_find(other, "origin", &found, &error));
    OK(jitd_class_of(other, found, &cls, &error));
    cr_assert(found == p && !strcmp(jitd_class_name(cls), "shape.Node") && get_x(other, found) == 7);
    OK(jitd_publish(session, "origin", JITD_UNSET, &error));
    set_x(other, found, 8); /* still held */
    cr_assert_eq(get_x(other, found), 8);
    jitd_unref(other, found);
    jitd_detach(other);
    finish();
}

Test(session, killed_client_is_reaped) {
    jitd_ref p = new_node(session);
    int ready[2], status;
    OK(jitd_publish(session, "origin", p, &error));
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) { /* its own session: nothing of the parent's is touched */
        jitd_ref found;
        jitd_session *own = attach();
        OK(jitd_find(own, "origin", &found, &error));
        OK(jitd_class_find(own, "shape.Node", &node, &error));
        for (int i = 0; i < 1000; i++)
            new_node(own);
        (void)!write(ready[1], "", 1);
        pause();
    }
    char byte;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_geq(stats_of(session).objects, 1001);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    for (int i = 0; i < PATIENCE_MS && !broker.reaps; i++) { /* the event comes before some answer soon */
        const jitd_class *cls;
        OK(jitd_class_find(session, "shape.Node", &cls, &error));
        usleep(1000);
    }
    cr_assert_eq(broker.reaps, 1);
    cr_assert_eq(stats_of(session).objects, 1);
    OK(jitd_publish(session, "origin", JITD_UNSET, &error));
    jitd_unref(session, p);
    finish();
}

/* A client that filled the arena is killed; nobody was told yet: the next one who needs memory finds out. */
Test(session, full_arena_is_reaped_on_demand) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        jitd_ref object;
        jitd_session *own = attach();
        OK(jitd_class_find(own, "shape.Node", &node, &error));
        while (jitd_new(own, node, &object, NULL) == 0)
            ;
        raise(SIGKILL);
    }
    waitpid(pid, &status, 0);
    ArenaStats stats = {0};
    for (int i = 0; i < PATIENCE_MS && !stats.dead_rows; i++) {
        usleep(1000);
        arena_stats(client_arena(session->client), &stats);
    }
    cr_assert_eq(stats.dead_rows, 1);
    jitd_unref(session, new_node(session));
    cr_assert_eq(broker.reaps, 1);
    finish();
}

Test(session, daemon_that_goes_leaves_everything_usable) {
    jitd_ref p = new_node(session);
    jitd_value v;
    const jitd_class *cls;
    const jitd_method *norm2;
    set_x(session, p, 3);
    OK(jitd_method_find(session, node, "norm2", &norm2, &error));
    broker_kill();
    FAILS(JITD_E_DISCONNECTED, jitd_class_find(session, "shape.Node", &cls, &error));
    cr_assert(!jitd_connected(session));
    FAILS(JITD_E_DISCONNECTED, jitd_publish(session, "x", p, &error));
    set_x(session, p, 4);
    OK(jitd_call(session, norm2, p, NULL, 0, &v, 1, &error));
    cr_assert_eq(v.f, 16.0);
    enum { MORE = 30000 }; /* than the memory that is there */
    static jitd_ref refs[MORE];
    for (int i = 0; i < MORE; i++)
        refs[i] = new_node(session);
    for (int i = 0; i < MORE; i++)
        jitd_unref(session, refs[i]);
    jitd_detach(session);
}

/* Runs `child` in a child of fork(), when the parent has let go of the object; its exit status must be 0. */
static void in_child(int (*child)(jitd_ref, int), jitd_ref object) {
    int status, let_go[2];
    char byte;
    cr_assert_eq(pipe(let_go), 0);
    int prepared = jitd_fork_prepare(session, &error);
    pid_t pid = fork();
    if (pid == 0) {
        int attached = jitd_fork_child(session, &error);
        close(let_go[1]); /* a parent that dies lets go, too */
        _exit(read(let_go[0], &byte, 1) == 1 ? child(object, attached) : 100);
    }
    cr_assert_eq(prepared, 0);
    jitd_fork_parent(session);
    jitd_unref(session, object); /* what the child holds now is its own */
    cr_assert_eq(write(let_go[1], "", 1), 1);
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%#x", status);
}

static int child_uses(jitd_ref object, int attached) {
    jitd_value v;
    jitd_ref own;
    if (attached != 0 || !jitd_connected(session))
        return 1;
    if (jitd_get(session, object, "x", &v, NULL) != 0 || v.f != 5.0)
        return 2;
    if (jitd_call_named(session, object, "norm2", NULL, 0, &v, 1, NULL) != 0 || v.f != 25.0)
        return 3;
    if (jitd_new(session, node, &own, NULL) != 0 ||
        jitd_set(session, own, "next", (jitd_value){.ref = object}, NULL) != 0)
        return 4;
    jitd_unref(session, object);
    jitd_unref(session, own);
    if (jitd_get(session, object, "x", &v, NULL) != JITD_E_TYPE)
        return 5;
    jitd_detach(session);
    return 0;
}

Test(session, forked_child_holds_what_the_parent_held) {
    jitd_ref p = new_node(session);
    set_x(session, p, 5);
    in_child(child_uses, p);
    finish();
}

static int child_refused(jitd_ref object, int attached) {
    jitd_value v;
    jitd_ref own;
    const jitd_class *cls;
    if (attached != JITD_E_DISCONNECTED)
        return 1;
    if (jitd_get(session, object, "x", &v, NULL) != JITD_E_DISCONNECTED ||
        jitd_new(session, node, &own, NULL) != JITD_E_DISCONNECTED)
        return 2;
    if (jitd_find(session, "x", &own, NULL) != JITD_E_DISCONNECTED ||
        jitd_publish(session, "x", 0, NULL) != JITD_E_DISCONNECTED)
        return 3;
    if (jitd_call_named(session, object, "norm2", NULL, 0, &v, 1, NULL) != JITD_E_DISCONNECTED ||
        jitd_class_find(session, "shape.Node", &cls, NULL) != JITD_E_DISCONNECTED)
        return 4;
    jitd_unref(session, object);
    jitd_detach(session);
    return 0;
}

Test(session, child_without_a_daemon_is_refused) {
    jitd_ref p = new_node(session);
    broker_kill();
    in_child(child_refused, p);
    jitd_detach(session);
}

static int child_was_not_prepared(void) {
    const jitd_class *cls;
    return jitd_class_find(session, "shape.Node", &cls, NULL) == JITD_E_DISCONNECTED ? 0 : 1;
}

Test(session, plain_fork_does_not_disturb_the_parent) {
    int status;
    const jitd_class *cls;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_was_not_prepared());
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%#x", status);
    OK(jitd_class_find(session, "shape.Node", &cls, &error));
    finish();
}

Test(session, arena_that_is_full) {
    jitd_ref object, first = 0;
    int r, n = 0;
    while ((r = jitd_new(session, node, &object, &error)) == 0) {
        OK(jitd_set(session, object, "next", (jitd_value){.ref = first ? first : JITD_NONE}, &error));
        jitd_unref(session, first);
        first = object;
        n++;
    }
    FAILS(JITD_E_MEMORY, r);
    cr_assert_gt(n, 500000);
    jitd_unref(session, first);
    cr_assert_eq(stats_of(session).objects, 0);
    jitd_unref(session, new_node(session));
    finish();
}
