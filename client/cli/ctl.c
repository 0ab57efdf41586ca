/* Asking the daemon; see ctl.h. */
#include "client/cli/ctl.h"
#include "client/cli/json.h"
#include <stdio.h>

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
