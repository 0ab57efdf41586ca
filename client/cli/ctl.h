/* What jitctl's commands share: asking the daemon, reading its answers. */
#pragma once
#include "base/str.h"
#include "client/lib/client.h"
#include "protocol/messages.h"

typedef struct Ctl {
    Client *client;
    bool json, svg;
    const char *target; /* CLASS.METHOD, CLASS or FUNCTION, or what the command takes; NULL: nothing */
    const char *what;   /* the command's name */
} Ctl;

/* Each returns the exit status: 0; 1: it could not be had (and why was said on stderr); 2: wrong usage. */
int ctl_ask(Ctl *ctl, int message, const msgpack_sbuffer *body, msgpack_unpacked *ret_owner, msgpack_object *ret_map);
int ctl_print_json(const msgpack_object *o);
/* All classes and functions, which come in parts, as one map of two arrays. To be freed after 0. */
typedef struct CtlClasses {
    msgpack_unpacked *parts;
    size_t nparts;
    msgpack_object_kv kv[2];
    msgpack_object map;
} CtlClasses;
int ctl_classes(Ctl *ctl, CtlClasses *ret);
void ctl_classes_free(CtlClasses *classes);
int report_status(Ctl *ctl);
int report_classes(Ctl *ctl);
int report_stats(Ctl *ctl);
int dump_code(Ctl *ctl);
int operate_names(Ctl *ctl);
int operate_clients(Ctl *ctl);
int operate_namespaces(Ctl *ctl);
int operate_log(Ctl *ctl);
int operate_purge(Ctl *ctl);
int metrics_print(Ctl *ctl);
int metrics_serve(
    const ClientOptions *options); /* to an HTTP request on standard input; asks the daemon once it has one */
int arena_show(Ctl *ctl);          /* of a client that is attached */
int top_run(Ctl *ctl);
int doctor_run(const ClientOptions *options); /* needs no daemon */

/* Of a map: 0 and "" where it has no such key. */
uint64_t ctl_uint(const msgpack_object *map, const char *key);
Str ctl_text(const msgpack_object *map, const char *key);
bool ctl_ends_with(Str s, const char *tail);
