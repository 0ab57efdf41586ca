/* names, clients, namespaces, log, purge: what operators ask. */
#include "client/cli/ctl.h"
#include "client/cli/table.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOG_TAIL_US 500000

/* A body of one number or one word. */
static void body_number(msgpack_sbuffer *body, const char *key, uint64_t n) {
    msgpack_packer pk;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 1);
    wire_put_cstr(&pk, key);
    msgpack_pack_uint64(&pk, n);
}

static void body_word(msgpack_sbuffer *body, const char *key, const char *word) {
    msgpack_packer pk;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 1);
    wire_put_cstr(&pk, key);
    wire_put_cstr(&pk, word);
}

/* ---- lists of maps ---- */

static void add_value(Cells *t, Str key, const msgpack_object *o) {
    uint64_t n;
    Str s = STR("-");
    char digits[24];
    if (wire_uint(o, UINT64_MAX, &n) && (str_eq_c(key, "pid") || str_eq_c(key, "uid"))) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
        cells_add(t, str_from_cstr(digits));
        return;
    }
    if (!wire_uint(o, UINT64_MAX, &n))
        cells_add(t, wire_str(o, &s) ? s : STR("-"));
    else if (ctl_ends_with(key, "_bytes") || ctl_ends_with(key, "_quota"))
        cells_add_bytes(t, n);
    else
        cells_add_uint(t, n);
}

static void print_maps(const msgpack_object_array *list) {
    msgpack_object_map first, m;
    Cells t;
    if (!list->size || !wire_map(&list->ptr[0], &first) || !first.size || first.size > TABLE_COLUMNS)
        return;
    cells_init(&t, first.size);
    for (uint32_t i = 0; i < first.size; i++) {
        Str key = STR("");
        wire_str(&first.ptr[i].key, &key);
        cells_add(&t, ctl_ends_with(key, "_bytes") ? str_slice(key, 0, key.len - 6) : key);
    }
    for (uint32_t k = 0; k < list->size; k++)
        for (uint32_t i = 0; wire_map(&list->ptr[k], &m) && i < first.size && i < m.size; i++) {
            Str key = STR("");
            wire_str(&m.ptr[i].key, &key);
            add_value(&t, key, &m.ptr[i].val);
        }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

static int show_maps(Ctl *ctl, int message, const char *key, const char *none) {
    msgpack_unpacked owner;
    msgpack_object map;
    msgpack_object_array list = {0};
    int r = ctl_ask(ctl, message, NULL, &owner, &map);
    if (r)
        return r;
    wire_array(wire_find(&map, key), &list);
    if (ctl->json)
        ctl_print_json(&map);
    else if (list.size)
        print_maps(&list);
    else
        puts(none);
    msgpack_unpacked_destroy(&owner);
    return 0;
}

int operate_clients(Ctl *ctl) {
    return show_maps(ctl, MESSAGE_CLIENTS, "clients", "there is no client");
}

int operate_namespaces(Ctl *ctl) {
    return show_maps(ctl, MESSAGE_NAMESPACES, "namespaces", "there is no namespace");
}

/* ---- names ---- */

static uint32_t print_names(const msgpack_object_array *list) {
    Cells t;
    cells_init(&t, 2);
    for (uint32_t i = 0; i < list->size; i++) {
        msgpack_object_array pair;
        Str name = STR("");
        uint64_t object = 0;
        char text[24];
        if (!wire_array(&list->ptr[i], &pair) || pair.size != 2)
            continue;
        wire_str(&pair.ptr[0], &name);
        wire_uint(&pair.ptr[1], UINT64_MAX, &object);
        snprintf(text, sizeof text, "%#llx", (unsigned long long)object);
        cells_add(&t, name);
        cells_add(&t, str_from_cstr(text));
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
    return list->size;
}

int operate_names(Ctl *ctl) {
    uint64_t from = 0, all = 1;
    while (from < all) {
        msgpack_sbuffer body;
        msgpack_unpacked owner;
        msgpack_object map;
        msgpack_object_array list = {0};
        body_number(&body, "from", from);
        int r = ctl_ask(ctl, MESSAGE_NAMES, &body, &owner, &map);
        msgpack_sbuffer_destroy(&body);
        if (r)
            return r;
        wire_array(wire_find(&map, "names"), &list);
        all = list.size ? ctl_uint(&map, "all") : 0;
        if (ctl->json)
            ctl_print_json(&map);
        else
            print_names(&list);
        if (!ctl->json && !from && !list.size)
            puts("nothing is published in this namespace");
        from += list.size;
        msgpack_unpacked_destroy(&owner);
    }
    return 0;
}

/* ---- log ---- */

static void print_line(const msgpack_object *o) {
    msgpack_object_array line;
    uint64_t ms = 0;
    Str level = STR(""), text = STR("");
    char when[32] = "";
    struct tm tm;
    if (!wire_array(o, &line) || line.size != 3 || !wire_uint(&line.ptr[0], UINT64_MAX, &ms))
        return;
    wire_str(&line.ptr[1], &level);
    wire_str(&line.ptr[2], &text);
    time_t seconds = (time_t)(ms / 1000);
    if (localtime_r(&seconds, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s.%03u %-7.*s %.*s\n", when, (unsigned)(ms % 1000), STR_FMT(level), STR_FMT(text));
}

/* One answer's lines from number *at on. */
static int show_log(Ctl *ctl, uint64_t *at, uint32_t *ret_n) {
    msgpack_sbuffer body;
    msgpack_unpacked owner;
    msgpack_object map;
    msgpack_object_array lines = {0};
    body_number(&body, "from", *at);
    int r = ctl_ask(ctl, MESSAGE_LOG, &body, &owner, &map);
    msgpack_sbuffer_destroy(&body);
    if (r)
        return r;
    wire_array(wire_find(&map, "lines"), &lines);
    if (ctl->json && (lines.size || !*at))
        ctl_print_json(&map);
    for (uint32_t i = 0; !ctl->json && i < lines.size; i++)
        print_line(&lines.ptr[i]);
    *at = ctl_uint(&map, "next");
    *ret_n = lines.size;
    msgpack_unpacked_destroy(&owner);
    fflush(stdout);
    return 0;
}

int operate_log(Ctl *ctl) {
    uint64_t at = 0;
    uint32_t n = 0;
    bool follow = ctl->target && !strcmp(ctl->target, "follow");
    if (ctl->target && !follow) {
        fprintf(stderr, "jitctl: log takes nothing, or 'follow', not '%s'\n", ctl->target);
        return 2;
    }
    for (;;) {
        int r = show_log(ctl, &at, &n);
        if (r || (!n && !follow) || ferror(stdout))
            return r;
        if (!n)
            usleep(LOG_TAIL_US);
    }
}

/* ---- purge ---- */

int operate_purge(Ctl *ctl) {
    msgpack_sbuffer body;
    msgpack_unpacked owner;
    msgpack_object map;
    body_word(&body, "what", ctl->target);
    int r = ctl_ask(ctl, MESSAGE_PURGE, &body, &owner, &map);
    msgpack_sbuffer_destroy(&body);
    if (r)
        return r;
    if (ctl->json)
        ctl_print_json(&map);
    else if (!strcmp(ctl->target, "cache"))
        printf("%llu files of the disk cache removed\n", (unsigned long long)ctl_uint(&map, "files"));
    else
        puts("the namespace is forgotten: its names, its code and its memory");
    msgpack_unpacked_destroy(&owner);
    return 0;
}
