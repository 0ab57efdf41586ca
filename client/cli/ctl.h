/* What jitctl's commands share: asking the daemon, reading its answers. */
#pragma once
#include "base/str.h"
#include "client/lib/client.h"
#include "protocol/messages.h"

typedef struct Ctl {
    Client *client;
    bool json;
    const char *target; /* CLASS.METHOD, CLASS or FUNCTION */
    const char *what;   /* "ir", "asm" */
} Ctl;

/* Each returns the exit status: 0; 1: it could not be had (and why was said on stderr); 2: wrong usage. */
int ctl_ask(Ctl *ctl, int message, const msgpack_sbuffer *body, msgpack_unpacked *ret_owner, msgpack_object *ret_map);
int ctl_print_json(const msgpack_object *o);
int report_status(Ctl *ctl);
int report_classes(Ctl *ctl);
int report_stats(Ctl *ctl);
int dump_code(Ctl *ctl);

/* Of a map: 0 and "" where it has no such key. */
uint64_t ctl_uint(const msgpack_object *map, const char *key);
Str ctl_text(const msgpack_object *map, const char *key);
bool ctl_ends_with(Str s, const char *tail);
