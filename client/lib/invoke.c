/* Calls of compiled methods with the values checked, through a libffi plan. */
#include "client/lib/session.h"
#include <stdio.h>

static int check_arguments(jitd_session *session, const jitd_method *m, jitd_ref self, const jitd_value *in, size_t nin,
                           size_t nout, jitd_error *error) {
    if (nin != m->nparams || nout != m->nresults)
        return error_set(error, JITD_E_TYPE, "TypeError", "%s takes %zu values and gives %zu, not %zu and %zu", m->name,
                         m->nparams, m->nresults, nin, nout);
    uint32_t class_id;
    int r = m->has_self ? check_object(session, self, &class_id, error) : 0;
    if (r == 0 && m->has_self && class_id != m->class_id)
        r = error_set(error, JITD_E_TYPE, "TypeError", "%s is not a method of this instance's class", m->name);
    for (size_t i = 0; r == 0 && i < nin; i++) {
        char what[32];
        snprintf(what, sizeof what, "value %zu", i + 1);
        r = check_value(session, &m->params[i], in[i], what, error);
    }
    for (size_t i = 0; r == 0 && i < nout; i++)
        if (m->results[i].type->kind == TYPE_PY)
            r = error_set(error, JITD_E_TYPE, "TypeError",
                          "%s gives an object of the interpreter, which a C program has not", m->name);
    return r;
}

static int make_plan(jitd_method *m, jitd_error *error) {
    int r = m->plan ? 0 : call_plan_new(m->entry->params, m->entry->nparams, &m->plan);
    return r < 0 ? error_errno(error, r) : 0;
}

static const void *native_entry(jitd_session *session, const jitd_method *m) {
    const ShmMethod *entry = table_method(client_table(session->client), m->slot);
    uint64_t at =
        entry ? atomic_load_explicit(&entry->native, memory_order_acquire) : 0; /* with the broker's release store */
    return at && at < JITD_WINDOW_SIZE ? client_window(session->client) + at : NULL;
}

/* Everything is taken over before anything is refused, so that no count is lost. */
static int adopt_results(jitd_session *session, const jitd_method *m, const jitd_value *out, jitd_error *error) {
    int r = 0;
    for (size_t i = 0; i < m->nresults; i++)
        if (m->results[i].type->kind == TYPE_REF && shm_is_object(out[i].ref) && handle_adopt(session, out[i].ref) < 0)
            r = -1;
    return r < 0 ? error_set(error, JITD_E_MEMORY, "MemoryError", "the arena is full") : 0;
}

int jitd_call(jitd_session *session, const jitd_method *method, jitd_ref self, const jitd_value *in, size_t nin,
              jitd_value *out, size_t nout, jitd_error *error) {
    jitd_method *m = (jitd_method *)(uintptr_t)method; /* the plan is made when it is first needed */
    jitd_error own;
    error = error ? error : &own;
    if (check_attached(session, error) < 0)
        return JITD_E_DISCONNECTED;
    int r = check_arguments(session, m, self, in, nin, nout, error);
    if (r == 0)
        r = make_plan(m, error);
    if (r < 0)
        return r;
    const void *native = native_entry(session, m);
    JitdFrame *frame = client_frame(session->client);
    if (!native || !frame)
        return error_set(error, JITD_E_NOT_FOUND, "RuntimeError", "%s has no code", m->name);
    Arena *arena = client_arena(session->client);
    frame->trap.ntrace = frame->trap.nvalues = 0;
    arena_enter(arena);
    int32_t status = call_plan_call(m->plan, native, frame, self, (const JitdValue *)in, (JitdValue *)out);
    r = status == JITD_TRAP_NONE ? adopt_results(session, m, out, error) : error_trap(error, m, status, &frame->trap);
    arena_leave(arena);
    if (status == JITD_TRAP_MEMORY)
        client_reap(session->client); /* the next call may have what this one lacked */
    return r;
}

int jitd_call_named(jitd_session *session, jitd_ref self, const char *name, const jitd_value *in, size_t nin,
                    jitd_value *out, size_t nout, jitd_error *error) {
    const jitd_class *cls;
    const jitd_method *method;
    int r = jitd_class_of(session, self, &cls, error);
    if (r == 0)
        r = jitd_method_find(session, cls, name, &method, error);
    return r < 0 ? r : jitd_call(session, method, self, in, nin, out, nout, error);
}

const char *jitd_method_name(const jitd_method *method) {
    return method->name;
}

int jitd_method_has_self(const jitd_method *method) {
    return method->has_self;
}

const char *const *jitd_method_params(const jitd_method *method, size_t *ret_n) {
    *ret_n = method->nparams;
    return method->param_texts;
}

const char *const *jitd_method_results(const jitd_method *method, size_t *ret_n) {
    *ret_n = method->nresults;
    return method->result_texts;
}
