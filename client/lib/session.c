/* Sessions: attaching, names of shared instances, fork. */
#include "client/lib/session.h"

int jitd_attach(const jitd_options *options, jitd_session **ret_session, jitd_error *error) {
    char message[400] = "";
    jitd_session *session = calloc(1, sizeof *session);
    if (!session)
        return error_set(error, JITD_E_MEMORY, "MemoryError", "no memory");
    ClientOptions inner = {.socket = NULL};
    if (options) {
        inner.socket = options->socket;
        inner.namespace_ = options->name_space;
        inner.daemon = inner.next_daemon = options->daemon;
    }
    int r = client_open(&inner, &session->client, message, sizeof message);
    if (r < 0) {
        free(session);
        return error_set(error, JITD_E_SYSTEM, "OSError", "%s", message);
    }
    *ret_session = session;
    return 0;
}

void jitd_detach(jitd_session *session) {
    if (!session)
        return;
    handles_deinit(session);
    classes_deinit(session);
    client_close(session->client);
    free(session);
}

int jitd_connected(const jitd_session *session) {
    return client_connected(session->client);
}

static void pack_name(msgpack_sbuffer *body, const char *name) {
    msgpack_packer pk;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 1);
    wire_put_cstr(&pk, "name");
    wire_put_cstr(&pk, name);
}

static int ask_name(jitd_session *session, const char *name, uint64_t *ret_object, jitd_error *error) {
    msgpack_sbuffer body;
    msgpack_unpacked owner;
    msgpack_object map;
    pack_name(&body, name);
    int r = request_map(session, MESSAGE_FIND, &body, &owner, &map, error);
    msgpack_sbuffer_destroy(&body);
    if (r < 0)
        return r;
    if (!wire_uint(wire_find(&map, "object"), UINT64_MAX, ret_object))
        r = error_set(error, JITD_E_SYSTEM, "RuntimeError", "the daemon's answer is malformed");
    msgpack_unpacked_destroy(&owner);
    return r;
}

int jitd_publish(jitd_session *session, const char *name, jitd_ref object, jitd_error *error) {
    uint32_t class_id;
    ClientError refusal;
    int r = object ? check_object(session, object, &class_id, error) : check_attached(session, error);
    if (r < 0)
        return r;
    return error_request(error, client_publish(session->client, str_from_cstr(name), object, &refusal), &refusal);
}

static int find_in_epoch(jitd_session *session, const char *name, jitd_ref *ret_object, jitd_error *error) {
    uint64_t object;
    uint32_t class_id;
    Arena *arena = client_arena(session->client);
    int r = ask_name(session, name, &object, error);
    if (r < 0)
        return r;
    if (!shm_is_object(object) || arena_check_ref(arena, object, &class_id) != 0 ||
        arena_incref_live(arena, object) != 0)
        return error_set(error, JITD_E_NOT_FOUND, "LookupError", "nothing is published as '%s'", name);
    if (handle_adopt(session, object) < 0)
        return error_set(error, JITD_E_MEMORY, "MemoryError", "the arena is full");
    *ret_object = object;
    return 0;
}

int jitd_find(jitd_session *session, const char *name, jitd_ref *ret_object, jitd_error *error) {
    if (check_attached(session, error) < 0)
        return JITD_E_DISCONNECTED;
    arena_pin(client_arena(session->client)); /* until it is counted, what the answer names must not be reused */
    int r = find_in_epoch(session, name, ret_object, error);
    arena_unpin(client_arena(session->client));
    return r;
}

int jitd_fork_prepare(jitd_session *session, jitd_error *error) {
    int r = client_fork_prepare(session->client);
    return r < 0 ? error_errno(error, r) : 0;
}

void jitd_fork_parent(jitd_session *session) {
    client_fork_parent(session->client);
}

int jitd_fork_child(jitd_session *session, jitd_error *error) {
    int r = client_fork_child(session->client);
    return r < 0 ? error_set(error, JITD_E_DISCONNECTED, "RuntimeError",
                             "this forked process could not attach to the daemon")
                 : 0;
}
