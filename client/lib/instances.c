/* Instances: creating, reading and writing fields, holding references. */
#include "client/lib/session.h"
#include <string.h>

int check_attached(jitd_session *session, jitd_error *error) {
    if (client_usable(session->client))
        return 0;
    return error_set(error, JITD_E_DISCONNECTED, "RuntimeError", "this forked process is not attached to the daemon");
}

int check_object(jitd_session *session, jitd_ref object, uint32_t *ret_class_id, jitd_error *error) {
    if (check_attached(session, error) < 0)
        return JITD_E_DISCONNECTED;
    if (!shm_is_object(object) || arena_check_ref(client_arena(session->client), object, ret_class_id) != 0)
        return error_set(error, JITD_E_TYPE, "TypeError", "%#llx is no live instance", (unsigned long long)object);
    return 0;
}

static bool int_fits(TypeKind kind, jitd_value v) {
    switch (kind) {
    case TYPE_BOOL:
        return v.u <= 1;
    case TYPE_INT8:
        return v.i == (int8_t)v.i;
    case TYPE_INT16:
        return v.i == (int16_t)v.i;
    case TYPE_INT32:
        return v.i == (int32_t)v.i;
    case TYPE_UINT8:
        return v.u == (uint8_t)v.u;
    case TYPE_UINT16:
        return v.u == (uint16_t)v.u;
    case TYPE_UINT32:
        return v.u == (uint32_t)v.u;
    default:
        return true;
    }
}

static int check_ref(jitd_session *session, const Slot *slot, jitd_ref ref, const char *what, jitd_error *error) {
    uint32_t class_id;
    if (ref == JITD_NONE && slot->type->optional)
        return 0;
    if (!shm_is_object(ref))
        return error_set(error, JITD_E_TYPE, "TypeError", "%s must not be %s", what,
                         ref == JITD_NONE ? "None" : "unset");
    int r = check_object(session, ref, &class_id, error);
    if (r == 0 && class_id != slot->class_id)
        r = error_set(error, JITD_E_TYPE, "TypeError", "%s is an instance of another class", what);
    return r;
}

int check_value(jitd_session *session, const Slot *slot, jitd_value value, const char *what, jitd_error *error) {
    if (slot->type->kind == TYPE_REF)
        return check_ref(session, slot, value.ref, what, error);
    if (slot->type->kind == TYPE_PY)
        return error_set(error, JITD_E_TYPE, "TypeError",
                         "%s is an object of the interpreter, which a C program has not", what);
    if (int_fits(slot->type->kind, value))
        return 0;
    return error_set(error, JITD_E_RANGE, "OverflowError", "%s is out of range for %s", what,
                     type_scalar_name(slot->type->kind));
}

int jitd_new(jitd_session *session, const jitd_class *cls, jitd_ref *ret_object, jitd_error *error) {
    if (check_attached(session, error) < 0)
        return JITD_E_DISCONNECTED;
    uint64_t object = shm_new(client_frame(session->client), cls->id, cls->size, arena_alloc);
    if (!object && client_reap(session->client))
        object = shm_new(client_frame(session->client), cls->id, cls->size, arena_alloc);
    if (!object || handle_adopt(session, object) < 0)
        return error_set(error, JITD_E_MEMORY, "MemoryError", "the arena is full");
    *ret_object = object;
    return 0;
}

void jitd_addref(jitd_session *session, jitd_ref object) {
    Handle *h = shm_is_object(object) ? handle_find(&session->handles, object) : NULL;
    if (h)
        h->count++;
}

void jitd_unref(jitd_session *session, jitd_ref object) {
    if (shm_is_object(object) && client_usable(session->client))
        handle_drop(session, object);
}

/* The field of a live instance; its class's description. NULL: error is set. */
static const jitd_field *find_field(jitd_session *session, jitd_ref object, const char *name, const Slot **ret_slot,
                                    jitd_error *error) {
    uint32_t class_id;
    if (check_object(session, object, &class_id, error) < 0)
        return NULL;
    const jitd_class *cls = class_by_id(session, class_id, error);
    const jitd_field *field = cls ? class_field(cls, name, ret_slot) : NULL;
    if (cls && !field)
        error_set(error, JITD_E_NOT_FOUND, "AttributeError", "'%s' object has no field '%s'", cls->name, name);
    return field;
}

/* Plain loads and stores of their own size are never torn (x86-64, aarch64); relaxed atomics keep the compiler from
 * splitting them. */
#define LOAD(type) __atomic_load_n((const type *)at, __ATOMIC_RELAXED)
#define STORE(type, value) __atomic_store_n((type *)at, (value), __ATOMIC_RELAXED)

static jitd_value load(const uint8_t *at, TypeKind kind) {
    switch (kind) {
    case TYPE_BOOL:
    case TYPE_UINT8:
        return (jitd_value){.u = LOAD(uint8_t)};
    case TYPE_UINT16:
        return (jitd_value){.u = LOAD(uint16_t)};
    case TYPE_FLOAT32:
    case TYPE_UINT32:
        return (jitd_value){.u = LOAD(uint32_t)};
    case TYPE_INT8:
        return (jitd_value){.i = LOAD(int8_t)};
    case TYPE_INT16:
        return (jitd_value){.i = LOAD(int16_t)};
    case TYPE_INT32:
        return (jitd_value){.i = LOAD(int32_t)};
    default:
        return (jitd_value){.u = LOAD(uint64_t)};
    }
}

static void store(uint8_t *at, uint32_t size, jitd_value value) {
    switch (size) {
    case 1:
        STORE(uint8_t, (uint8_t)value.u);
        break;
    case 2:
        STORE(uint16_t, (uint16_t)value.u);
        break;
    case 4:
        STORE(uint32_t, (uint32_t)value.u);
        break;
    default:
        STORE(uint64_t, value.u);
    }
}

/* In an epoch: between reading the reference and counting it nobody can reuse its block. */
static int get_ref(jitd_session *session, jitd_ref object, const jitd_field *field, jitd_ref *ret, jitd_error *error) {
    Arena *arena = client_arena(session->client);
    JitdFrame *frame = client_frame(session->client);
    int r = 0;
    arena_enter(arena);
    uint64_t ref = load(frame->arena + object + field->offset, TYPE_REF).ref;
    if (ref == JITD_UNSET)
        r = error_set(error, JITD_E_EXCEPTION, "AttributeError", "field '%s' is not set", field->name);
    else if (shm_is_object(ref)) {
        uint32_t class_id;
        r = check_object(session, ref, &class_id, error);
        if (r == 0) {
            shm_incref(frame, ref);
            if (handle_adopt(session, ref) < 0)
                r = error_set(error, JITD_E_MEMORY, "MemoryError", "the arena is full");
        }
    }
    arena_leave(arena);
    if (r == 0)
        *ret = ref;
    return r;
}

int jitd_get(jitd_session *session, jitd_ref object, const char *name, jitd_value *ret_value, jitd_error *error) {
    const Slot *slot;
    jitd_error own;
    error = error ? error : &own;
    const jitd_field *field = find_field(session, object, name, &slot, error);
    if (!field)
        return error->code;
    if (slot->type->kind == TYPE_REF)
        return get_ref(session, object, field, &ret_value->ref, error);
    *ret_value = load(client_frame(session->client)->arena + object + field->offset, slot->type->kind);
    return 0;
}

int jitd_set(jitd_session *session, jitd_ref object, const char *name, jitd_value value, jitd_error *error) {
    const Slot *slot;
    jitd_error own;
    error = error ? error : &own;
    const jitd_field *field = find_field(session, object, name, &slot, error);
    if (!field)
        return error->code;
    int r = check_value(session, slot, value, name, error);
    if (r < 0)
        return r;
    Arena *arena = client_arena(session->client);
    JitdFrame *frame = client_frame(session->client);
    arena_enter(arena);
    if (slot->type->kind == TYPE_REF)
        shm_store_ref(frame, object, field->offset, value.ref, 0, arena_share, arena_release);
    else
        store(frame->arena + object + field->offset, field->size, value);
    arena_leave(arena);
    return 0;
}
