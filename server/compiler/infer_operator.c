/* Infer, operators of instances: the special methods (__add__, __eq__, __len__ ...) that Python would call. */
#include "server/compiler/infer.h"

typedef struct SpecialName {
    const char *plain, *reflected, *in_place;
} SpecialName;

static const SpecialName special_names[] = {
    [OP_Add] = {"__add__", "__radd__", "__iadd__"},
    [OP_Sub] = {"__sub__", "__rsub__", "__isub__"},
    [OP_Mult] = {"__mul__", "__rmul__", "__imul__"},
    [OP_MatMult] = {"__matmul__", "__rmatmul__", "__imatmul__"},
    [OP_Div] = {"__truediv__", "__rtruediv__", "__itruediv__"},
    [OP_Mod] = {"__mod__", "__rmod__", "__imod__"},
    [OP_Pow] = {"__pow__", "__rpow__", "__ipow__"},
    [OP_LShift] = {"__lshift__", "__rlshift__", "__ilshift__"},
    [OP_RShift] = {"__rshift__", "__rrshift__", "__irshift__"},
    [OP_BitOr] = {"__or__", "__ror__", "__ior__"},
    [OP_BitXor] = {"__xor__", "__rxor__", "__ixor__"},
    [OP_BitAnd] = {"__and__", "__rand__", "__iand__"},
    [OP_FloorDiv] = {"__floordiv__", "__rfloordiv__", "__ifloordiv__"},
    [OP_Invert] = {"__invert__", NULL, NULL},
    [OP_UAdd] = {"__pos__", NULL, NULL},
    [OP_USub] = {"__neg__", NULL, NULL},
    [OP_Eq] = {"__eq__", "__eq__", NULL},
    [OP_NotEq] = {"__ne__", "__ne__", NULL},
    [OP_Lt] = {"__lt__", "__gt__", NULL},
    [OP_LtE] = {"__le__", "__ge__", NULL},
    [OP_Gt] = {"__gt__", "__lt__", NULL},
    [OP_GtE] = {"__ge__", "__le__", NULL},
};

/* The method of t's class, compiled or not; -1: the class has none. */
static int find_special(Infer *in, const Node *n, const Type *t, const char *name) {
    if (!name || t->kind != TYPE_REF || t->optional)
        return -1;
    if (lang_is_open(in->lang, t) && infer_has_method(in, t->def, name))
        fail(in->c, n->span, "%s of a class that others extend is not compiled", name);
    int func = lang_find_func(in->lang, t->def, str_from_cstr(name));
    const DefSpec *d = &in->lang->unit->defs[t->def];
    for (size_t i = 0; func < 0 && i < d->other.len; i++)
        if (str_eq_c(d->other.at[i].name, name))
            fail(in->c, n->span, "this calls %s, which is not compiled: %.*s", name, STR_FMT(d->other.at[i].s));
    return func;
}

static SpecialCall *special_new(Infer *in, const Node *n, const Type *self, int func, const Type *arg) {
    const FuncSpec *f = &in->lang->unit->defs[self->def].funcs[func];
    if (f->kind != FUNC_METHOD || f->nparams != (arg ? 1 : 0))
        fail(in->c, n->span, "%.*s does not take the arguments of an operator", STR_FMT(f->name));
    const Type **params = pool_array(in->pool, const Type *, 2);
    params[0] = self;
    params[1] = arg ? infer_param_type(in, &f->params[0], arg) : NULL;
    SpecialCall *call = pool_new(in->pool, SpecialCall);
    call->callee = infer_instance(in, n, self->def, (uint32_t)func, params, arg ? 2 : 1, false);
    call->arg = params[1];
    return call;
}

SpecialCall *infer_special_binary(Infer *in, const Node *n, Operator op, const Type *a, const Type *b) {
    const SpecialName *names = &special_names[op];
    int func = n->kind == NODE_AugAssign ? find_special(in, n, a, names->in_place) : -1;
    bool is_first = func < 0 && a->kind == TYPE_REF && b->kind == TYPE_REF && names->reflected &&
                    lang_level_of(in->lang, b->def, a->def) > 0;
    is_first |= func < 0 && a->kind == TYPE_REF && lang_is_open(in->lang, b) && names->reflected;
    if (is_first && infer_has_method(in, b->def, names->reflected))
        fail(in->c, n->span, "an operator that a subclass on the right is asked for first is not compiled");
    if (func < 0)
        func = find_special(in, n, a, names->plain);
    if (func >= 0)
        return special_new(in, n, a, func, b);
    func = find_special(in, n, b, names->reflected);
    if (func < 0)
        return NULL;
    SpecialCall *call = special_new(in, n, b, func, a);
    call->reflected = true;
    return call;
}

SpecialCall *infer_special_unary(Infer *in, const Node *n, const char *name, const Type *t) {
    int func = find_special(in, n, t, name);
    return func < 0 ? NULL : special_new(in, n, t, func, NULL);
}

const Type *infer_special_call(Infer *in, const Node *n, SpecialCall *call, const Node *left, const Node *right) {
    return call->result = infer_callee(in, n, call->callee, call->reflected ? right : left, false);
}

const char *infer_unary_name(Operator op) {
    return special_names[op].plain;
}

/* bool(x): __bool__, or __len__; without either every instance is true. */
void infer_special_truth(Infer *in, const Node *n, const Type *t) {
    SpecialCall *call = infer_special_unary(in, n, "__bool__", t);
    bool is_bool = call != NULL;
    if (!call)
        call = infer_special_unary(in, n, "__len__", t);
    in->info[n->id].test = call;
    const Type *result = call ? infer_special_call(in, n, call, n, NULL) : NULL;
    if (is_bool && result->kind != TYPE_BOOL)
        fail(in->c, n->span, "__bool__ should return bool, not %s", type_words(in, result));
    if (call && !is_bool && result->kind != TYPE_INT)
        fail(in->c, n->span, "__len__ should return int, not %s", type_words(in, result));
}
