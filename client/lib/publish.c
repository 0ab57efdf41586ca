/* Publishing: a name takes over a count. The daemon may die before it, or after it was made and before that was said: it is made again with
 * the same number (nonce), which the daemon that follows knows. When there is none for long, the caller is told that it failed, and what became of
 * it is asked later: rather a count too many meanwhile than one too few. That this client may die before is provided for by a note in its
 * row (shared-mem/publish.c). */
#include "client/lib/internal.h"
#include <errno.h>
#include <time.h>

static uint64_t new_nonce(Client *client) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    return ((ns + client->nonces++) ^ (uint64_t)client->pid << 40 ^ (uint64_t)client->row << 22) | 1;
}

static void pack_number(msgpack_packer *pk, const char *key, uint64_t number) {
    wire_put_cstr(pk, key);
    msgpack_pack_uint64(pk, number);
}

/* Without the name: the number's fate. 0 when it is known. */
static int settle(Client *client, const Unsettled *u) {
    msgpack_sbuffer body;
    msgpack_packer pk;
    msgpack_unpacked owner;
    msgpack_object answer;
    uint64_t made, old;
    msgpack_sbuffer_init(&body);
    msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 2);
    pack_number(&pk, "nonce", u->nonce);
    pack_number(&pk, "since", u->since);
    Request q = {
        .message = MESSAGE_FIND, .body = body.data, .size = body.size, .timeout_ms = -1, .yields = true, .once = true};
    int r = request_make(client, &q, &owner, &answer, NULL);
    msgpack_sbuffer_destroy(&body);
    if (r)
        return r < 0 ? r : 0;
    if (wire_uint(wire_find(&answer, "made"), 2, &made) && wire_uint(wire_find(&answer, "old"), UINT64_MAX, &old) &&
        made < 2)
        arena_publish_end(client->arena, u->note, u->object, made ? PUBLISH_DONE : PUBLISH_REFUSED, old);
    msgpack_unpacked_destroy(&owner);
    return 0;
}

static void keep(Client *client, const Unsettled *u) {
    if (client->nunsettled < CLIENT_MAX_UNSETTLED)
        client->unsettled[client->nunsettled++] = *u;
}

void publish_settle(Client *client) {
    while (client->nunsettled) {
        Unsettled u = client->unsettled[--client->nunsettled]; /* nobody else asks for it meanwhile */
        int r = settle(client, &u);
        if (r < 0 && r != -ECHILD) /* else it is the parent's */
            keep(client, &u);
        if (r < 0)
            return;
    }
}

static void pack_publication(msgpack_sbuffer *body, Str name, const Unsettled *u) {
    msgpack_packer pk;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 3 + (u->note >= 0));
    wire_put_cstr(&pk, "name");
    wire_put_str(&pk, name);
    pack_number(&pk, "object", u->object);
    pack_number(&pk, "nonce", u->nonce);
    if (u->note >= 0)
        pack_number(&pk, "note", (uint64_t)u->note);
}

int client_publish(Client *client, Str name, uint64_t object, ClientError *ret_error) {
    msgpack_sbuffer body;
    msgpack_unpacked owner;
    msgpack_object answer;
    uint64_t old = 0;
    Unsettled u = {.nonce = new_nonce(client), .object = object, .since = (uint64_t)clock_ms()};
    u.note = arena_publish_begin(client->arena, client_frame(client), object);
    pack_publication(&body, name, &u);
    Request q = {.message = MESSAGE_PUBLISH,
                 .body = body.data,
                 .size = body.size,
                 .timeout_ms = -1,
                 .yields = true,
                 .once = true};
    int r = request_and_after(client, &q, &owner, &answer, ret_error);
    msgpack_sbuffer_destroy(&body);
    if (r == 0) {
        if (!wire_uint(wire_find(&answer, "old"), UINT64_MAX, &old))
            r = -EPROTO;
        msgpack_unpacked_destroy(&owner);
        arena_publish_end(client->arena, u.note, object, r == 0 ? PUBLISH_DONE : PUBLISH_UNKNOWN, old);
    } else if (r > 0 || (r != -ECHILD && !q.unsure)) {
        arena_publish_end(client->arena, u.note, object, PUBLISH_REFUSED, 0);
    } else if (r != -ECHILD) {
        keep(client, &u);
    }
    return r;
}
