/* ir, asm: finds the class or function that is meant, and asks for the compiler's text. */
#include "client/cli/ctl.h"
#include <stdio.h>

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edit distance (Levenshtein), of names cut at 127 bytes. */
static size_t distance(Str a, Str b) {
    size_t row[128];
    a.len = a.len < 127 ? a.len : 127;
    b.len = b.len < 127 ? b.len : 127;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            row[j] = smallest(row[j - 1] + 1, above + 1, diagonal + (a.ptr[i - 1] != b.ptr[j - 1]));
            diagonal = above;
        }
    }
    return row[b.len];
}

/* "module.Class" is meant by itself and by "Class". */
static bool names(Str full, Str given) {
    return str_eq(full, given) || (full.len > given.len && given.len && full.ptr[full.len - given.len - 1] == '.' &&
                                   str_eq(str_slice(full, full.len - given.len, full.len), given));
}

static Str last_part(Str s) {
    const char *dot = s.len ? memrchr(s.ptr, '.', s.len) : NULL;
    return dot ? str_slice(s, (size_t)(dot - s.ptr) + 1, s.len) : s;
}

/* The class that was compiled last of those that are meant; NULL: none, *ret_nearest is the most similar one. */
static const msgpack_object *choose_class(const msgpack_object_array *classes, Str given,
                                          const msgpack_object **ret_nearest) {
    const msgpack_object *best = NULL;
    size_t least = SIZE_MAX;
    for (uint32_t i = 0; i < classes->size; i++) {
        const msgpack_object *c = &classes->ptr[i];
        Str name = ctl_text(c, "name");
        bool whole = given.len && memrchr(given.ptr, '.', given.len) != NULL;
        size_t d = distance(whole ? name : last_part(name), given);
        if (names(name, given) && (!best || ctl_uint(c, "class_id") > ctl_uint(best, "class_id")))
            best = c;
        if (d < least) {
            least = d;
            *ret_nearest = c;
        }
    }
    return best;
}

static int unknown_class(Str given, const msgpack_object *nearest) {
    fprintf(stderr, "jitctl: nothing called '%.*s' is compiled in this namespace", STR_FMT(given));
    if (nearest)
        fprintf(stderr, "; the nearest is '%.*s'", STR_FMT(ctl_text(nearest, "name")));
    fputs("\n", stderr);
    return 1;
}

/* Appends one unit's text to `out`, if there is any. */
static int dump_unit(Ctl *ctl, const msgpack_object *key, Str method, msgpack_sbuffer *out) {
    msgpack_sbuffer body;
    msgpack_packer pk;
    msgpack_unpacked owner;
    msgpack_object map;
    msgpack_sbuffer_init(&body);
    msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, method.len ? 3 : 2);
    wire_put_cstr(&pk, "key");
    msgpack_pack_object(&pk, *key);
    wire_put_cstr(&pk, "what");
    wire_put_cstr(&pk, ctl->what);
    if (method.len) {
        wire_put_cstr(&pk, "method");
        wire_put_str(&pk, method);
    }
    int r = ctl_ask(ctl, MESSAGE_DUMP, &body, &owner, &map);
    msgpack_sbuffer_destroy(&body);
    if (r)
        return r;
    Str s = ctl_text(&map, "text");
    if (s.len && !str_eq_c(s, "\n")) {
        msgpack_sbuffer_write(out, s.ptr, s.len);
        if (!ctl_ends_with(s, "\n"))
            msgpack_sbuffer_write(out, "\n", 1);
    }
    msgpack_unpacked_destroy(&owner);
    return 0;
}

static void print_text(const Ctl *ctl, Str text) {
    msgpack_object_kv pair = {.key = {.type = MSGPACK_OBJECT_STR, .via.str = {4, "text"}},
                              .val = {.type = MSGPACK_OBJECT_STR, .via.str = {(uint32_t)text.len, text.ptr}}};
    msgpack_object map = {.type = MSGPACK_OBJECT_MAP, .via.map = {1, &pair}};
    if (ctl->json)
        ctl_print_json(&map);
    else
        printf("%.*s", STR_FMT(text));
}

/* The class's own unit first, then its specialisations; an empty method: whatever they have. */
static int dump_class(Ctl *ctl, const msgpack_object *cls, Str method, msgpack_sbuffer *out) {
    msgpack_object_array units = {0};
    int r = 0;
    wire_array(wire_find(cls, "units"), &units);
    for (uint32_t i = 0; i < units.size && !r; i++)
        r = dump_unit(ctl, &units.ptr[i], method, out);
    if (r || out->size)
        return r;
    fprintf(stderr, "jitctl: '%.*s' has no compiled method%s%.*s%s\n", STR_FMT(ctl_text(cls, "name")),
            method.len ? " '" : "", STR_FMT(method), method.len ? "'" : "");
    return 1;
}

/* "module.f(float)" is meant by "module.f" and by "f", too. */
static const msgpack_object *choose_function(const msgpack_object_array *functions, Str given) {
    for (uint32_t i = functions->size; i-- > 0;) {
        Str name = ctl_text(&functions->ptr[i], "name");
        const char *types = name.len ? memchr(name.ptr, '(', name.len) : NULL;
        if (str_eq(name, given) || names(types ? str_slice(name, 0, (size_t)(types - name.ptr)) : name, given))
            return &functions->ptr[i];
    }
    return NULL;
}

static int dump_target(Ctl *ctl, const msgpack_object *map, msgpack_sbuffer *out) {
    msgpack_object_array classes = {0}, functions = {0};
    const msgpack_object *nearest = NULL;
    Str target = str_from_cstr(ctl->target), method = last_part(target);
    Str given = method.len < target.len ? str_slice(target, 0, target.len - method.len - 1) : STR_NULL;
    wire_array(wire_find(map, "classes"), &classes);
    wire_array(wire_find(map, "functions"), &functions);
    const msgpack_object *cls = given.len ? choose_class(&classes, given, &nearest) : NULL;
    if (cls)
        return dump_class(ctl, cls, method, out);
    const msgpack_object *function = choose_function(&functions, target);
    if (function)
        return dump_unit(ctl, wire_find(function, "key"), STR_NULL, out);
    if ((cls = choose_class(&classes, target, &nearest)))
        return dump_class(ctl, cls, STR_NULL, out);
    choose_class(&classes, given.len ? given : target, &nearest);
    return unknown_class(given.len ? given : target, nearest);
}

int dump_code(Ctl *ctl) {
    CtlClasses all;
    int r = ctl_classes(ctl, &all);
    if (r)
        return r;
    msgpack_sbuffer out;
    msgpack_sbuffer_init(&out);
    r = dump_target(ctl, &all.map, &out);
    if (r == 0)
        print_text(ctl, (Str){out.data, out.size});
    msgpack_sbuffer_destroy(&out);
    ctl_classes_free(&all);
    return r;
}
