/* status, stats, classes. */
#include "client/cli/ctl.h"
#include "client/cli/table.h"
#include <stdio.h>

/* What is printed with its unit needs none in its name. */
static Str plain_name(Str name) {
    return ctl_ends_with(name, "_us") || ctl_ends_with(name, "_ms") ? str_slice(name, 0, name.len - 3) : name;
}

/* A counter's name says its unit. */
static void add_counter(Cells *t, Str name, const msgpack_object *value) {
    uint64_t n;
    Str s;
    char digits[24];
    if (wire_uint(value, UINT64_MAX, &n)) {
        if (ctl_ends_with(name, "_bytes") || ctl_ends_with(name, "_capacity"))
            cells_add_bytes(t, n);
        else if (ctl_ends_with(name, "_us") || ctl_ends_with(name, "_ms"))
            cells_add_us(t, ctl_ends_with(name, "_us") || n > UINT64_MAX / 1000 ? n : n * 1000);
        else if (str_eq_c(name, "pid") && snprintf(digits, sizeof digits, "%u", (unsigned)n) > 0)
            cells_add(t, str_from_cstr(digits));
        else
            cells_add_uint(t, n);
    } else
        cells_add(t, wire_str(value, &s) ? s : STR("-"));
}

static void print_counters(const msgpack_object *map, const char *const *only, size_t n_only) {
    Cells t;
    msgpack_object_map m;
    cells_init(&t, 2);
    t.right[1] = true;
    if (!wire_map(map, &m))
        return;
    for (uint32_t i = 0; i < m.size; i++) {
        Str name = STR("");
        bool wanted = !only;
        wire_str(&m.ptr[i].key, &name);
        for (size_t k = 0; k < n_only; k++)
            wanted = wanted || str_eq_c(name, only[k]);
        if (!wanted)
            continue;
        cells_add(&t, plain_name(name));
        add_counter(&t, name, &m.ptr[i].val);
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

int report_status(Ctl *ctl) {
    static const char *const shown[] = {"pid",        "uptime_ms",    "clients",        "workers",
                                        "classes",    "compilations", "cache_hits",     "disk_hits",
                                        "code_bytes", "arena_bytes",  "resident_bytes", "workers_resident_bytes"};
    msgpack_unpacked owner;
    msgpack_object map;
    int r = ctl_ask(ctl, MESSAGE_STATS, NULL, &owner, &map);
    if (r)
        return r;
    const msgpack_object *machine = wire_find(&map, "machine");
    if (ctl->json)
        ctl_print_json(machine ? machine : &map);
    else
        print_counters(machine, shown, sizeof shown / sizeof shown[0]);
    msgpack_unpacked_destroy(&owner);
    return 0;
}

/* {"lex": {"count": ..., "total_us": ...}, ...}: a row for each pass, a column for each figure of the first one. */
static void print_passes(const msgpack_object *passes) {
    msgpack_object_map m, first;
    Cells t;
    if (!wire_map(passes, &m) || !m.size || !wire_map(&m.ptr[0].val, &first) || first.size >= TABLE_COLUMNS)
        return;
    cells_init(&t, first.size + 1);
    cells_add(&t, STR("pass"));
    for (uint32_t c = 0; c < first.size; c++) {
        Str name = STR("");
        wire_str(&first.ptr[c].key, &name);
        cells_add(&t, plain_name(name));
    }
    for (uint32_t i = 0; i < m.size; i++) {
        Str name = STR(""), key;
        wire_str(&m.ptr[i].key, &name);
        cells_add(&t, name);
        for (uint32_t c = 0; c < first.size; c++) {
            char column[64] = "";
            if (wire_str(&first.ptr[c].key, &key))
                snprintf(column, sizeof column, "%.*s", STR_FMT(key));
            add_counter(&t, str_from_cstr(column), wire_find(&m.ptr[i].val, column));
        }
    }
    putchar('\n');
    cells_print(&t, stdout);
    cells_deinit(&t);
}

int report_stats(Ctl *ctl) {
    msgpack_unpacked owner;
    msgpack_object map;
    int r = ctl_ask(ctl, MESSAGE_STATS, NULL, &owner, &map);
    if (r)
        return r;
    if (ctl->json)
        ctl_print_json(&map);
    else {
        print_counters(wire_find(&map, "machine"), NULL, 0);
        print_passes(wire_find(&map, "passes"));
    }
    msgpack_unpacked_destroy(&owner);
    return 0;
}

static void add_short_key(Cells *t, const msgpack_object *o) {
    Str bytes = STR("");
    char hex[13] = "";
    wire_bin(o, &bytes);
    for (size_t i = 0; i < 6 && i < bytes.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes.ptr[i]);
    cells_add(t, str_from_cstr(hex));
}

/* Classes, or functions: those have no instances. */
static void print_units(const msgpack_object_array *units, const char *what, bool classes) {
    Cells t;
    cells_init(&t, classes ? 8 : 6);
    cells_add(&t, str_from_cstr(what));
    for (size_t i = classes ? 0 : 2; i < 7; i++)
        cells_add(&t,
                  str_from_cstr((const char *[]){"id", "size", "entries", "code", "compiled in", "hits", "key"}[i]));
    for (uint32_t i = 0; i < units->size; i++) {
        const msgpack_object *u = &units->ptr[i];
        cells_add(&t, ctl_text(u, "name"));
        if (classes) {
            cells_add_uint(&t, ctl_uint(u, "class_id"));
            cells_add_bytes(&t, ctl_uint(u, "size"));
        }
        cells_add_uint(&t, ctl_uint(u, "entries"));
        cells_add_bytes(&t, ctl_uint(u, "code_bytes"));
        cells_add_us(&t, ctl_uint(u, "compile_us"));
        cells_add_uint(&t, ctl_uint(u, "hits"));
        add_short_key(&t, wire_find(u, "key"));
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

static void print_classes(const msgpack_object *map) {
    msgpack_object_array classes = {0}, functions = {0};
    wire_array(wire_find(map, "classes"), &classes);
    wire_array(wire_find(map, "functions"), &functions);
    if (classes.size)
        print_units(&classes, "class", true);
    if (classes.size && functions.size)
        putchar('\n');
    if (functions.size)
        print_units(&functions, "function", false);
    if (!classes.size && !functions.size)
        puts("nothing is compiled in this namespace");
}

int report_classes(Ctl *ctl) {
    CtlClasses all;
    int r = ctl_classes(ctl, &all);
    if (r)
        return r;
    if (ctl->json)
        ctl_print_json(&all.map);
    else
        print_classes(&all.map);
    ctl_classes_free(&all);
    return 0;
}
