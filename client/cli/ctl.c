/* Asking the daemon; see ctl.h. */
#include "client/cli/ctl.h"
#include "base/cleanup.h"
#include "client/cli/json.h"
#include <stdio.h>
#include <stdlib.h>

int ctl_ask(Ctl *ctl, int message, const msgpack_sbuffer *body, msgpack_unpacked *ret_owner, msgpack_object *ret_map) {
    ClientError error = {.code = ""};
    int r = client_request(ctl->client, message, body ? body->data : "\x80", body ? body->size : 1, -1, ret_owner,
                           ret_map, &error);
    if (r > 0)
        fprintf(stderr, "jitctl: %s\n", error.message[0] ? error.message : error.code);
    else if (r < 0)
        fprintf(stderr, "jitctl: the daemon does not answer: %s\n", strerror(-r));
    return r ? 1 : 0;
}

static int no_memory(void) {
    fputs("jitctl: no memory\n", stderr);
    return 1;
}

static int add_part(CtlClasses *c, msgpack_unpacked *part) {
    msgpack_unpacked *larger = realloc(c->parts, (c->nparts + 1) * sizeof *larger);
    if (!larger) {
        msgpack_unpacked_destroy(part);
        return no_memory();
    }
    c->parts = larger;
    c->parts[c->nparts++] = *part;
    return 0;
}

/* The arrays under this key of all parts, one behind the other. */
static int join(CtlClasses *c, msgpack_object *maps, const char *key, msgpack_object_kv *ret) {
    msgpack_object_array all = {0};
    *ret = (msgpack_object_kv){.key = {.type = MSGPACK_OBJECT_STR, .via.str = {(uint32_t)strlen(key), key}},
                               .val.type = MSGPACK_OBJECT_ARRAY};
    for (size_t i = 0; i < c->nparts; i++) {
        msgpack_object_array part = {0};
        wire_array(wire_find(&maps[i], key), &part);
        msgpack_object *larger = realloc(all.ptr, (all.size + part.size + 1) * sizeof *larger);
        ret->val.via.array = (msgpack_object_array){all.size, larger ? larger : all.ptr};
        if (!larger)
            return no_memory();
        if (part.size)
            memcpy(larger + all.size, part.ptr, part.size * sizeof *larger);
        all = (msgpack_object_array){all.size + part.size, larger};
        ret->val.via.array = all;
    }
    return 0;
}

/* Asks for all parts; their maps go into ret_maps, the caller's to free. */
static int ask_parts(Ctl *ctl, CtlClasses *c, msgpack_object **ret_maps) {
    ClientTold told = {0};
    msgpack_sbuffer body;
    msgpack_unpacked part;
    msgpack_object map;
    for (bool more = client_classes_body(&told, NULL, &body); more;) {
        int r = ctl_ask(ctl, MESSAGE_CLASSES, &body, &part, &map);
        msgpack_sbuffer_destroy(&body);
        if (r || add_part(c, &part))
            return 1;
        msgpack_object *larger = realloc(*ret_maps, c->nparts * sizeof *larger);
        if (!larger)
            return no_memory();
        *ret_maps = larger;
        larger[c->nparts - 1] = map;
        more = client_classes_body(&told, &map, &body);
    }
    return 0;
}

int ctl_classes(Ctl *ctl, CtlClasses *ret) {
    cleanup_free msgpack_object *maps = NULL;
    *ret = (CtlClasses){0};
    int r = ask_parts(ctl, ret, &maps);
    if (r == 0)
        r = join(ret, maps, "classes", &ret->kv[0]);
    if (r == 0)
        r = join(ret, maps, "functions", &ret->kv[1]);
    ret->map = (msgpack_object){.type = MSGPACK_OBJECT_MAP, .via.map = {2, ret->kv}};
    if (r)
        ctl_classes_free(ret);
    return r;
}

void ctl_classes_free(CtlClasses *c) {
    for (size_t i = 0; i < 2; i++)
        free(c->kv[i].val.via.array.ptr);
    for (size_t i = 0; i < c->nparts; i++)
        msgpack_unpacked_destroy(&c->parts[i]);
    free(c->parts);
    *c = (CtlClasses){0};
}

int ctl_print_json(const msgpack_object *o) {
    json_print(stdout, o);
    putchar('\n');
    return 0;
}

uint64_t ctl_uint(const msgpack_object *map, const char *key) {
    uint64_t n = 0;
    wire_uint(wire_find(map, key), UINT64_MAX, &n);
    return n;
}

Str ctl_text(const msgpack_object *map, const char *key) {
    Str s = STR("");
    wire_str(wire_find(map, key), &s);
    return s;
}

bool ctl_ends_with(Str s, const char *tail) {
    size_t n = strlen(tail);
    return s.len >= n && !memcmp(s.ptr + s.len - n, tail, n);
}
