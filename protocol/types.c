/* Canonical type text <-> Type; sizes and alignments. See types.h. */
#include "protocol/types.h"

typedef struct ScalarInfo {
    const char *text;
    uint8_t size, sign, exact;
} ScalarInfo;

static const ScalarInfo scalars[] = {
#define SCALAR(name, text, size, ctype, member, sign, exact) {text, size, sign, exact},
#include "protocol/types.def"
#undef SCALAR
};

#define N_SCALARS (sizeof scalars / sizeof scalars[0])

typedef struct TypeReader {
    Pool *pool;
    Str text;
    size_t at;
    uint32_t ndefs, parts;
} TypeReader;

static const Type *type_read(TypeReader *r, int depth);

static bool type_accept(TypeReader *r, char c) {
    if (r->at >= r->text.len || r->text.ptr[r->at] != c)
        return false;
    r->at++;
    return true;
}

static const Type *type_read_tuple(TypeReader *r, int depth) {
    Type *t = pool_new(r->pool, Type);
    t->kind = TYPE_TUPLE;
    size_t cap = 0;
    if (type_accept(r, ')'))
        return t;
    do {
        const Type *item = type_read(r, depth + 1);
        if (!item)
            return NULL;
        pool_push(r->pool, t->items, t->nitems, cap) = item;
    } while (type_accept(r, ','));
    if (!type_accept(r, ')'))
        return NULL;
    t->optional = type_accept(r, '?');
    bool is_flag = t->nitems == 2 && t->items[0]->kind == TYPE_BOOL;
    return !t->optional || is_flag ? t : NULL;
}

static const Type *type_read_ref(TypeReader *r) {
    uint64_t def = 0;
    size_t start = r->at;
    while (r->at < r->text.len && r->text.ptr[r->at] >= '0' && r->text.ptr[r->at] <= '9' && def <= r->ndefs)
        def = def * 10 + (uint64_t)(r->text.ptr[r->at++] - '0');
    if (r->at == start || def >= r->ndefs)
        return NULL;
    Type *t = pool_new(r->pool, Type);
    *t = (Type){.kind = TYPE_REF, .def = (uint32_t)def, .exact = type_accept(r, '!')};
    t->optional = type_accept(r, '?');
    return t;
}

/* list(T), set(T), dict(K,V) */
static const Type *type_read_container(TypeReader *r, PyLikely likely, size_t n, int depth) {
    Type *t = pool_new(r->pool, Type);
    *t = (Type){.kind = TYPE_PY, .likely = likely, .nitems = n, .items = pool_array(r->pool, const Type *, n)};
    for (size_t i = 0; i < n; i++)
        if (!type_accept(r, i ? ',' : '(') || !(t->items[i] = type_read(r, depth + 1)))
            return NULL;
    return type_accept(r, ')') ? t : NULL;
}

static const Type *type_read_name(TypeReader *r, int depth) {
    size_t start = r->at;
    while (r->at < r->text.len && !strchr("(),?@", r->text.ptr[r->at]))
        r->at++;
    Str name = str_slice(r->text, start, r->at);
    if (str_eq_c(name, "list"))
        return type_read_container(r, PY_LIST, 1, depth);
    if (str_eq_c(name, "set"))
        return type_read_container(r, PY_SET, 1, depth);
    if (str_eq_c(name, "dict"))
        return type_read_container(r, PY_DICT, 2, depth);
    Type *t = pool_new(r->pool, Type);
    for (size_t i = 0; i < N_SCALARS; i++)
        if (str_eq_c(name, scalars[i].text)) {
            t->kind = (TypeKind)i;
            return t;
        }
    bool is_none = str_eq_c(name, "None");
    t->kind = is_none ? TYPE_NONE : TYPE_PY;
    return is_none || str_eq_c(name, "py") ? t : NULL;
}

static const Type *type_read(TypeReader *r, int depth) {
    if (depth > TYPE_MAX_DEPTH || ++r->parts > TYPE_MAX_PARTS)
        return NULL;
    if (type_accept(r, '('))
        return type_read_tuple(r, depth);
    if (type_accept(r, '@'))
        return type_read_ref(r);
    return type_read_name(r, depth);
}

const Type *type_parse(Pool *pool, Str text, uint32_t ndefs) {
    TypeReader r = {.pool = pool, .text = text, .ndefs = ndefs};
    const Type *t = type_read(&r, 0);
    return t && r.at == text.len ? t : NULL;
}

Str type_text(Pool *pool, const Type *t) {
    if (t->kind == TYPE_NONE)
        return STR("None");
    if (t->kind == TYPE_PY && t->likely == PY_ANY)
        return STR("py");
    if (t->kind == TYPE_REF)
        return pool_printf(pool, "@%u%s%s", t->def, t->exact ? "!" : "", t->optional ? "?" : "");
    if (type_is_scalar(t))
        return str_from_cstr(scalars[t->kind].text);
    Str s = t->kind != TYPE_PY     ? STR("(")
            : t->likely == PY_LIST ? STR("list(")
            : t->likely == PY_SET  ? STR("set(")
                                   : STR("dict(");
    for (size_t i = 0; i < t->nitems; i++) {
        Str item = type_text(pool, t->items[i]);
        s = pool_printf(pool, "%.*s%s%.*s", STR_FMT(s), i ? "," : "", STR_FMT(item));
    }
    return pool_printf(pool, "%.*s)%s", STR_FMT(s), t->optional ? "?" : "");
}

bool type_eq(const Type *a, const Type *b) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == TYPE_REF)
        return a->def == b->def && a->optional == b->optional && a->exact == b->exact;
    if (type_is_scalar(a) || a->kind == TYPE_NONE)
        return true;
    if (a->likely != b->likely || a->nitems != b->nitems || a->optional != b->optional)
        return false;
    for (size_t i = 0; i < a->nitems; i++)
        if (!type_eq(a->items[i], b->items[i]))
            return false;
    return true;
}

bool type_is_maybe(const Type *t) {
    return t->kind == TYPE_TUPLE && t->optional;
}

uint32_t type_slots(const Type *t) {
    if (t->kind == TYPE_NONE)
        return 0;
    if (t->kind != TYPE_TUPLE)
        return 1;
    uint32_t n = 0;
    for (size_t i = 0; i < t->nitems; i++)
        n += type_slots(t->items[i]);
    return n;
}

TypeLayout type_layout(const Type *t) {
    if (t->kind == TYPE_REF)
        return (TypeLayout){8, 8};
    if (!type_is_scalar(t))
        return (TypeLayout){0, 0};
    return (TypeLayout){scalars[t->kind].size, scalars[t->kind].size};
}

const char *type_scalar_name(TypeKind kind) {
    return kind < TYPE_NONE ? scalars[kind].text : NULL;
}

bool type_is_int(const Type *t) {
    return type_is_scalar(t) && t->kind != TYPE_FLOAT && t->kind != TYPE_FLOAT32;
}

bool type_is_sized(const Type *t) {
    return type_is_scalar(t) && !scalars[t->kind].exact;
}

bool type_is_signed(const Type *t) {
    return type_is_scalar(t) && scalars[t->kind].sign;
}
