/* Unit description: msgpack -> UnitSpec (spec.h), believing nothing.
 *
 * A map must have exactly the keys that docs/protocol.md names, so an unknown key is an error and not a silent difference
 * between two versions. References to definitions are checked here once; later stages index without looking. */
#include "protocol/spec.h"
#include "protocol/wire.h"
#include <errno.h>
#include <setjmp.h>

typedef struct Reader {
    Pool *pool;
    const msgpack_object_array *defs;
    UnitSpec *unit;
    Str error;
} Reader;

static __attribute__((format(printf, 2, 3))) void spec_say(Reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    r->error = pool_vprintf(r->pool, format, args);
    va_end(args);
}

#define spec_bad(r, ...) (spec_say((r), __VA_ARGS__), false)

/* The values of a map that has exactly these keys, in their order; total: with those that the caller has found. */
static bool spec_keys(Reader *r, const msgpack_object *o, const char *what, const char *const *keys, size_t nkeys,
                      size_t total, const msgpack_object **ret) {
    msgpack_object_map map;
    if (!wire_map(o, &map))
        return spec_bad(r, "%s is not a map", what);
    for (size_t i = 0; i < nkeys; i++)
        if (!(ret[i] = wire_find(o, keys[i])))
            return spec_bad(r, "%s has no \"%s\"", what, keys[i]);
    return map.size == total || spec_bad(r, "%s has %u keys instead of %zu", what, map.size, total);
}

#define SPEC_KEYS(r, o, what, ret, ...)                                                                                \
    spec_keys(r, o, what, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),  \
              sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), ret)

static bool spec_array(Reader *r, const msgpack_object *o, const char *what, msgpack_object_array *ret) {
    return wire_array(o, ret) || spec_bad(r, "%s is not an array", what);
}

/* An array of exactly n elements. */
static bool spec_record(Reader *r, const msgpack_object *o, const char *what, uint32_t n, const msgpack_object **ret) {
    msgpack_object_array array;
    if (!wire_array(o, &array) || array.size != n)
        return spec_bad(r, "%s is not an array of %u", what, n);
    *ret = array.ptr;
    return true;
}

static bool spec_is_utf8(Str s) {
    while (s.len > 0) {
        size_t n = str_utf8_length(s);
        if (n == 0)
            return false;
        s = str_slice(s, n, s.len);
    }
    return true;
}

/* Strings come back in messages and the meta, so they must be text. */
static bool spec_str(Reader *r, const msgpack_object *o, const char *what, Str *ret) {
    Str s;
    if (!wire_str(o, &s) || !spec_is_utf8(s))
        return spec_bad(r, "%s is not a string", what);
    *ret = pool_strdup(r->pool, s);
    return true;
}

/* A string that is not empty. */
static bool spec_name(Reader *r, const msgpack_object *o, const char *what, Str *ret) {
    return spec_str(r, o, what, ret) && (ret->len > 0 || spec_bad(r, "%s is empty", what));
}

static bool spec_key(Reader *r, const msgpack_object *o, const char *what, Key *ret) {
    Str s;
    if (!wire_bin(o, &s) || s.len != KEY_SIZE)
        return spec_bad(r, "%s is not a key of %d bytes", what, KEY_SIZE);
    memcpy(ret->b, s.ptr, KEY_SIZE);
    return true;
}

static bool spec_int(Reader *r, const msgpack_object *o, const char *what, int min, int max, int *ret) {
    int64_t i;
    if (!wire_int(o, min, max, &i))
        return spec_bad(r, "%s is not an integer from %d to %d", what, min, max);
    *ret = (int)i;
    return true;
}

/* One of `words`; its index. */
static bool spec_word(Reader *r, const msgpack_object *o, const char *what, const char *const *words, int *ret) {
    Str s;
    if (wire_str(o, &s))
        for (int i = 0; words[i]; i++)
            if (str_eq_c(s, words[i])) {
                *ret = i;
                return true;
            }
    return spec_bad(r, "%s is none of the known words", what);
}

static int spec_compare_str(const void *a, const void *b) {
    const Str *x = a, *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len ? memcmp(x->ptr, y->ptr, x->len) : 0;
}

/* Whether no name occurs twice; sorts them. */
static bool spec_distinct(Reader *r, Str *names, size_t n, const char *what) {
    if (n > 1)
        qsort(names, n, sizeof *names, spec_compare_str);
    for (size_t i = 1; i < n; i++)
        if (str_eq(names[i - 1], names[i]))
            return spec_bad(r, "%s \"%.*s\" occurs twice", what, STR_FMT(names[i]));
    return true;
}

static bool spec_is_class(const Reader *r, uint32_t def) {
    Str kind;
    return wire_str(wire_find(&r->defs->ptr[def], "kind"), &kind) && str_eq_c(kind, "class");
}

/* Whether every reference in the type is to a class. */
static bool spec_refs_ok(const Reader *r, const Type *t) {
    if (t->kind == TYPE_REF)
        return spec_is_class(r, t->def);
    for (size_t i = 0; i < t->nitems; i++)
        if (!spec_refs_ok(r, t->items[i]))
            return false;
    return true;
}

static bool spec_type(Reader *r, const msgpack_object *o, const Type **ret) {
    Str text;
    if (!spec_str(r, o, "a type", &text))
        return false;
    const Type *t = type_parse(r->pool, text, r->defs->size);
    if (!t || !spec_refs_ok(r, t))
        return spec_bad(r, "not a type: \"%.*s\"", STR_FMT(text));
    *ret = t;
    return true;
}

static bool spec_type_or_nil(Reader *r, const msgpack_object *o, const Type **ret) {
    *ret = NULL;
    return wire_is_nil(o) || spec_type(r, o, ret);
}

static bool spec_def_index(Reader *r, const msgpack_object *o, uint32_t *ret) {
    uint64_t def;
    if (!wire_uint(o, UINT32_MAX, &def) || def >= r->defs->size)
        return spec_bad(r, "not the index of a definition");
    *ret = (uint32_t)def;
    return true;
}

static const struct {
    const char *word;
    uint32_t values;
} global_forms[] = {
    [GLOBAL_INT] = {"int", 1},       [GLOBAL_FLOAT] = {"float", 1},   [GLOBAL_BOOL] = {"bool", 1},
    [GLOBAL_NONE] = {"none", 0},     [GLOBAL_STR] = {"str", 1},       [GLOBAL_DEF] = {"def", 1},
    [GLOBAL_MODULE] = {"module", 1}, [GLOBAL_MEMBER] = {"member", 2}, [GLOBAL_BUILTIN] = {"builtin", 1},
    [GLOBAL_TYPE] = {"type", 1},     [GLOBAL_OTHER] = {"other", 1},   [GLOBAL_EXCEPTION] = {"exception", 1},
};

static bool spec_global_kind(const msgpack_object *o, GlobalKind *ret) {
    Str word;
    if (!o || o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size == 0 || !wire_str(&o->via.array.ptr[0], &word))
        return false;
    for (size_t k = 0; k < sizeof global_forms / sizeof global_forms[0]; k++)
        if (str_eq_c(word, global_forms[k].word) && o->via.array.size == global_forms[k].values + 1) {
            *ret = (GlobalKind)k;
            return true;
        }
    return false;
}

static bool spec_global(Reader *r, const msgpack_object *o, Global *ret) {
    if (!spec_global_kind(o, &ret->kind))
        return spec_bad(r, "not the value of a global");
    const msgpack_object *v = o->via.array.ptr + 1;
    switch (ret->kind) {
    case GLOBAL_INT:
        return wire_int(v, INT64_MIN, INT64_MAX, &ret->i) || spec_bad(r, "not a 64-bit integer");
    case GLOBAL_FLOAT:
        return wire_float(v, &ret->f) || spec_bad(r, "not a float of 64 bits");
    case GLOBAL_BOOL: {
        bool b = false;
        bool ok = wire_bool(v, &b);
        ret->i = b;
        return ok || spec_bad(r, "not a bool");
    }
    case GLOBAL_NONE:
        return true;
    case GLOBAL_DEF:
        return spec_def_index(r, v, &ret->def);
    case GLOBAL_TYPE:
        return spec_type(r, v, &ret->type);
    case GLOBAL_MEMBER:
        return spec_name(r, v, "a module", &ret->s) && spec_name(r, v + 1, "a member", &ret->t);
    case GLOBAL_STR:
    case GLOBAL_OTHER:
        return spec_str(r, v, "a string", &ret->s);
    default:
        return spec_name(r, v, "a name", &ret->s);
    }
}

/* A default value: a constant, or one that is not compiled, or nil. */
static bool spec_default(Reader *r, const msgpack_object *o, const Global **ret) {
    *ret = NULL;
    if (wire_is_nil(o))
        return true;
    Global *g = pool_new(r->pool, Global);
    if (!spec_global(r, o, g))
        return false;
    *ret = g;
    return g->kind <= GLOBAL_STR || g->kind == GLOBAL_OTHER || spec_bad(r, "a default value is not a constant");
}

static bool spec_globals(Reader *r, const msgpack_object *o, const char *what, Globals *ret) {
    msgpack_object_map map;
    if (!wire_map(o, &map))
        return spec_bad(r, "%s is not a map", what);
    *ret = (Globals){pool_array(r->pool, Global, map.size), map.size};
    Str *names = pool_array(r->pool, Str, map.size);
    for (uint32_t i = 0; i < map.size; i++) {
        if (!spec_name(r, &map.ptr[i].key, what, &ret->at[i].name) || !spec_global(r, &map.ptr[i].val, &ret->at[i]))
            return false;
        names[i] = ret->at[i].name;
    }
    return spec_distinct(r, names, map.size, what);
}

/* A reason, or [reason, type text]. */
static bool spec_reason(Reader *r, const msgpack_object *o, Global *ret) {
    const msgpack_object *v;
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return spec_str(r, o, "a reason", &ret->s);
    return spec_record(r, o, "an attribute", 2, &v) && spec_str(r, &v[0], "a reason", &ret->s) &&
           spec_type(r, &v[1], &ret->type);
}

/* name -> reason */
static bool spec_other(Reader *r, const msgpack_object *o, Globals *ret) {
    msgpack_object_map map;
    if (!wire_map(o, &map))
        return spec_bad(r, "\"other\" is not a map");
    *ret = (Globals){pool_array(r->pool, Global, map.size), map.size};
    for (uint32_t i = 0; i < map.size; i++) {
        ret->at[i].kind = GLOBAL_OTHER;
        if (!spec_name(r, &map.ptr[i].key, "an attribute", &ret->at[i].name) ||
            !spec_reason(r, &map.ptr[i].val, &ret->at[i]))
            return false;
    }
    return true;
}

static bool spec_param(Reader *r, const msgpack_object *o, ParamSpec *ret) {
    const msgpack_object *v;
    int kind;
    if (!spec_record(r, o, "a parameter", 4, &v) || !spec_name(r, &v[0], "a parameter", &ret->name) ||
        !spec_type_or_nil(r, &v[1], &ret->type) || !spec_default(r, &v[2], &ret->default_value) ||
        !spec_word(r, &v[3], "a parameter's kind", (const char *const[]){"pos", "any", "kw", NULL}, &kind))
        return false;
    ret->kind = (ParamKind)kind;
    return true;
}

static bool spec_params(Reader *r, const msgpack_object *o, FuncSpec *f) {
    msgpack_object_array array;
    if (!spec_array(r, o, "\"params\"", &array))
        return false;
    f->nparams = array.size;
    f->params = pool_array(r->pool, ParamSpec, array.size);
    Str *names = pool_array(r->pool, Str, array.size);
    for (uint32_t i = 0; i < array.size; i++) {
        if (!spec_param(r, &array.ptr[i], &f->params[i]))
            return false;
        names[i] = f->params[i].name;
    }
    return spec_distinct(r, names, array.size, "parameter");
}

Str func_entry_name(Pool *pool, const FuncSpec *f) {
    Str name = f->kind == FUNC_SETTER ? pool_printf(pool, "%.*s.setter", STR_FMT(f->name)) : f->name;
    return f->owner.hidden ? pool_printf(pool, "%.*s@%u", STR_FMT(name), f->owner.level) : name;
}

/* [level, hidden, definition or nil, the class's name, file] */
static bool spec_owner(Reader *r, const msgpack_object *o, FuncOwner *ret) {
    const msgpack_object *v;
    int level;
    if (!spec_record(r, o, "\"owner\"", 5, &v) || !spec_int(r, &v[0], "a level", 1, UNIT_MAX_LEVELS, &level) ||
        !spec_name(r, &v[3], "a class's name", &ret->name) || !spec_str(r, &v[4], "a file", &ret->file))
        return false;
    if (!wire_bool(&v[1], &ret->hidden))
        return spec_bad(r, "\"hidden\" is no bool");
    ret->level = (uint32_t)level;
    ret->is_def = v[2].type != MSGPACK_OBJECT_NIL;
    return !ret->is_def || spec_def_index(r, &v[2], &ret->def);
}

static bool spec_func(Reader *r, const msgpack_object *o, bool in_class, FuncSpec *ret) {
    static const char *const kinds[] = {"method", "static", "class", "property", "setter", "function", NULL};
    static const char *const keys[] = {"name", "kind", "line", "source", "params", "globals"};
    const msgpack_object *v[6], *owner = wire_find(o, "owner");
    int kind;
    if (!spec_keys(r, o, "a function", keys, 6, owner ? 7 : 6, v) || (owner && !spec_owner(r, owner, &ret->owner)) ||
        !spec_name(r, v[0], "a function's name", &ret->name) ||
        !spec_word(r, v[1], "a function's kind", kinds, &kind) ||
        !spec_int(r, v[2], "a line number", 1, 1 << 30, &ret->line) || !spec_str(r, v[3], "source", &ret->source) ||
        !spec_params(r, v[4], ret) || !spec_globals(r, v[5], "global", &ret->globals))
        return false;
    ret->kind = (FuncKind)kind;
    if ((ret->kind != FUNC_FUNCTION) != in_class || (owner && !in_class))
        return spec_bad(r, "function \"%.*s\" is of the wrong kind", STR_FMT(ret->name));
    return true;
}

static bool spec_funcs(Reader *r, const msgpack_object *o, DefSpec *d) {
    msgpack_object_array array;
    if (!spec_array(r, o, "\"funcs\"", &array))
        return false;
    if (!d->is_class && array.size > 1)
        return spec_bad(r, "a function's definition has %u functions", array.size);
    if (array.size > UNIT_MAX_FUNCS)
        return spec_bad(r, "\"%.*s\" has over %d functions", STR_FMT(d->name), UNIT_MAX_FUNCS);
    d->nfuncs = array.size;
    d->funcs = pool_array(r->pool, FuncSpec, array.size);
    Str *names = pool_array(r->pool, Str, array.size);
    for (uint32_t i = 0; i < array.size; i++) {
        if (!spec_func(r, &array.ptr[i], d->is_class, &d->funcs[i]))
            return false;
        names[i] = d->funcs[i].entry = func_entry_name(r->pool, &d->funcs[i]);
    }
    return spec_distinct(r, names, array.size, "function");
}

static bool spec_field(Reader *r, const msgpack_object *o, DefSpec *d, FieldSpec *ret) {
    const msgpack_object *v;
    if (!spec_record(r, o, "a field", 3, &v) || !spec_name(r, &v[0], "a field", &ret->name) ||
        !spec_type(r, &v[1], &ret->type) || !spec_default(r, &v[2], &ret->default_value))
        return false;
    TypeLayout layout = type_layout(ret->type);
    if (layout.size == 0)
        return spec_bad(r, "field \"%.*s\" has a type that cannot be a field", STR_FMT(ret->name));
    ret->offset = (d->size + layout.align - 1) / layout.align * layout.align;
    d->size = ret->offset + layout.size;
    return true;
}

#define OBJECT_HEADER 16

static bool spec_fields(Reader *r, const msgpack_object *o, DefSpec *d) {
    msgpack_object_array array;
    if (!spec_array(r, o, "\"fields\"", &array))
        return false;
    d->nfields = array.size;
    d->fields = pool_array(r->pool, FieldSpec, array.size);
    d->size = OBJECT_HEADER;
    Str *names = pool_array(r->pool, Str, array.size);
    for (uint32_t i = 0; i < array.size; i++) {
        if (!spec_field(r, &array.ptr[i], d, &d->fields[i]))
            return false;
        names[i] = d->fields[i].name;
    }
    d->size = (d->size + 7) & ~7u;
    if (d->size > UNIT_MAX_OBJECT)
        return spec_bad(r, "an instance of \"%.*s\" is larger than %d bytes", STR_FMT(d->name), UNIT_MAX_OBJECT);
    return spec_distinct(r, names, array.size, "field");
}

static bool spec_heirs(Reader *r, const msgpack_object *o, DefSpec *d) {
    msgpack_object_array array;
    if (!spec_array(r, o, "\"heirs\"", &array))
        return false;
    d->nheirs = array.size;
    d->heirs = pool_array(r->pool, uint32_t, array.size);
    for (uint32_t i = 0; i < array.size; i++) {
        if (!spec_def_index(r, &array.ptr[i], &d->heirs[i]))
            return false;
        if (i && d->heirs[i] <= d->heirs[i - 1])
            return spec_bad(r, "\"heirs\" of \"%.*s\" are not in order", STR_FMT(d->name));
    }
    return true;
}

/* An heir begins with the fields of the class: code that knows only that one finds them there. */
static bool spec_heir_fits(Reader *r, const DefSpec *d, const DefSpec *heir) {
    bool fits = heir != d && heir->is_class && heir->nfields >= d->nfields;
    for (size_t i = 0; fits && i < d->nfields; i++)
        fits = str_eq(d->fields[i].name, heir->fields[i].name) && type_eq(d->fields[i].type, heir->fields[i].type);
    return fits || spec_bad(r, "\"%.*s\" does not begin like \"%.*s\"", STR_FMT(heir->name), STR_FMT(d->name));
}

static bool spec_heirs_fit(Reader *r) {
    for (size_t i = 0; i < r->unit->ndefs; i++)
        for (size_t k = 0; k < r->unit->defs[i].nheirs; k++)
            if (!spec_heir_fits(r, &r->unit->defs[i], &r->unit->defs[r->unit->defs[i].heirs[k]]))
                return false;
    return true;
}

static bool spec_class(Reader *r, const msgpack_object *o, DefSpec *d) {
    static const char *const keys[] = {"kind", "key", "name", "file", "fields", "init", "consts", "funcs", "other"};
    const msgpack_object *v[9], *heirs = wire_find(o, "heirs");
    int init;
    if (!spec_keys(r, o, "a class", keys, 9, heirs ? 10 : 9, v) || (heirs && !spec_heirs(r, heirs, d)) ||
        !spec_key(r, v[1], "a class's key", &d->key) || !spec_name(r, v[2], "a class's name", &d->name) ||
        !spec_str(r, v[3], "a file", &d->file) || !spec_fields(r, v[4], d) ||
        !spec_word(r, v[5], "\"init\"", (const char *const[]){"generated", "user", "none", NULL}, &init) ||
        !spec_globals(r, v[6], "constant", &d->consts) || !spec_funcs(r, v[7], d) || !spec_other(r, v[8], &d->other))
        return false;
    d->init = (InitKind)init;
    return true;
}

static bool spec_function(Reader *r, const msgpack_object *o, DefSpec *d) {
    const msgpack_object *v[5];
    return SPEC_KEYS(r, o, "a function's definition", v, "kind", "key", "name", "file", "funcs") &&
           spec_key(r, v[1], "a function's key", &d->key) && spec_name(r, v[2], "a function's name", &d->name) &&
           spec_str(r, v[3], "a file", &d->file) && spec_funcs(r, v[4], d);
}

static bool spec_def(Reader *r, const msgpack_object *o, DefSpec *d) {
    int is_class;
    if (!spec_word(r, wire_find(o, "kind"), "a definition's kind", (const char *const[]){"function", "class", NULL},
                   &is_class))
        return false;
    d->is_class = is_class;
    return is_class ? spec_class(r, o, d) : spec_function(r, o, d);
}

/* A class that occurs twice would be two classes for the compiler, whose instances are never the same. */
static bool spec_classes_distinct(Reader *r) {
    Str *keys = pool_array(r->pool, Str, r->unit->ndefs);
    size_t n = 0;
    for (size_t i = 0; i < r->unit->ndefs; i++)
        if (r->unit->defs[i].is_class)
            keys[n++] = (Str){(const char *)r->unit->defs[i].key.b, KEY_SIZE};
    qsort(keys, n, sizeof *keys, spec_compare_str);
    for (size_t i = 1; i < n; i++)
        if (str_eq(keys[i - 1], keys[i]))
            return spec_bad(r, "a class is defined twice");
    return true;
}

static bool spec_defs(Reader *r) {
    UnitSpec *u = r->unit;
    u->ndefs = r->defs->size;
    if (u->ndefs == 0 || u->ndefs > UNIT_MAX_DEFS)
        return spec_bad(r, "a unit has 1 to %d definitions", UNIT_MAX_DEFS);
    u->defs = pool_array(r->pool, DefSpec, u->ndefs);
    for (size_t i = 0; i < u->ndefs; i++)
        if (!spec_def(r, &r->defs->ptr[i], &u->defs[i]))
            return false;
    return spec_classes_distinct(r) && spec_heirs_fit(r);
}

static bool spec_entry_args(Reader *r, const msgpack_object *o, const FuncSpec *f, EntrySpec *ret) {
    msgpack_object_array array;
    if (wire_is_nil(o))
        return true;
    if (!spec_array(r, o, "an entry's types", &array))
        return false;
    if (array.size != f->nparams)
        return spec_bad(r, "an entry of \"%.*s\" has %u types for %zu parameters", STR_FMT(f->name), array.size,
                        f->nparams);
    ret->nargs = array.size;
    ret->args = pool_array(r->pool, const Type *, array.size);
    for (uint32_t i = 0; i < array.size; i++)
        if (!spec_type(r, &array.ptr[i], &ret->args[i]))
            return false;
    return true;
}

static bool spec_entry(Reader *r, const msgpack_object *o, EntrySpec *ret) {
    const msgpack_object *v;
    Str name;
    if (!spec_record(r, o, "an entry", 3, &v) || !spec_def_index(r, &v[0], &ret->def) ||
        !spec_name(r, &v[1], "an entry's function", &name))
        return false;
    const DefSpec *d = &r->unit->defs[ret->def];
    for (ret->func = 0; ret->func < d->nfuncs; ret->func++)
        if (str_eq(d->funcs[ret->func].entry, name))
            return spec_entry_args(r, &v[2], &d->funcs[ret->func], ret);
    return spec_bad(r, "an entry's function \"%.*s\" does not exist", STR_FMT(name));
}

static bool spec_entries(Reader *r, const msgpack_object *o) {
    msgpack_object_array array;
    if (!spec_array(r, o, "\"entries\"", &array))
        return false;
    if (array.size > UNIT_MAX_ENTRIES)
        return spec_bad(r, "a unit has at most %d entries", UNIT_MAX_ENTRIES);
    r->unit->nentries = array.size;
    r->unit->entries = pool_array(r->pool, EntrySpec, array.size);
    for (uint32_t i = 0; i < array.size; i++)
        if (!spec_entry(r, &array.ptr[i], &r->unit->entries[i]))
            return false;
    return true;
}

static bool spec_options(Reader *r, const msgpack_object *o) {
    const msgpack_object *v[3];
    int wrap;
    if (!SPEC_KEYS(r, o, "\"options\"", v, "overflow", "fastmath", "boundscheck") ||
        !spec_word(r, v[0], "\"overflow\"", (const char *const[]){"python", "wrap", NULL}, &wrap))
        return false;
    r->unit->wrap = wrap;
    return (wire_bool(v[1], &r->unit->fastmath) && wire_bool(v[2], &r->unit->boundscheck)) ||
           spec_bad(r, "an option is not a bool");
}

/* Not inlined: setjmp below would clobber its variables. */
static __attribute__((noinline)) bool spec_unit(Reader *r, const msgpack_object *o) {
    const msgpack_object *v[6], *python;
    msgpack_object_array defs;
    UnitSpec *u = r->unit;
    if (!SPEC_KEYS(r, o, "the unit", v, "name", "key", "python", "options", "defs", "entries") ||
        !spec_name(r, v[0], "the unit's name", &u->name) || !spec_key(r, v[1], "the unit's key", &u->key) ||
        !spec_record(r, v[2], "\"python\"", 2, &python) ||
        !spec_int(r, &python[0], "the version", 3, 3, &u->python_major) ||
        !spec_int(r, &python[1], "the version", 0, 999, &u->python_minor) || !spec_options(r, v[3]) ||
        !spec_array(r, v[4], "\"defs\"", &defs))
        return false;
    r->defs = &defs;
    return spec_defs(r) && spec_entries(r, v[5]);
}

/* A pool that runs out jumps here first, so that msgpack's own memory is freed. */
static void spec_pool_fail(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

int unit_decode(Pool *pool, Str bytes, UnitSpec *ret_unit, Str *ret_error) {
    msgpack_unpacked doc;
    jmp_buf jump;
    void (*volatile outer_fail)(void *) = pool->fail;
    void *volatile outer_arg = pool->fail_arg;
    UnitSpec unit = {0};
    Reader r = {.pool = pool, .unit = &unit};
    if (wire_unpack(bytes, &doc) != 0) {
        *ret_error = STR("the unit description is not well-formed msgpack");
        return 1;
    }
    pool->fail = spec_pool_fail;
    pool->fail_arg = &jump;
    int full = setjmp(jump);
    bool ok = full == 0 && spec_unit(&r, &doc.data);
    msgpack_unpacked_destroy(&doc);
    pool->fail = outer_fail;
    pool->fail_arg = outer_arg;
    if (full) {
        if (outer_fail)
            outer_fail(outer_arg);
        abort();
    }
    if (!ok) {
        *ret_error = r.error;
        return 1;
    }
    *ret_unit = unit;
    return 0;
}
