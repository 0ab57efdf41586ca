/* Infer, calls of built-in functions, of the math module, and of scalar types. */
#include "server/compiler/builtin.h"
#include "server/compiler/infer.h"
#include "protocol/abi.h"

static void arity(Infer *in, const Node *n, Str name, size_t least, size_t most) {
    if (n->Call.keywords.len)
        fail(in->c, n->span, "keyword arguments of %.*s are not compiled", STR_FMT(name));
    if (n->Call.args.len < least || n->Call.args.len > most)
        fail(in->c, n->span, "%.*s() with %zu arguments is not compiled", STR_FMT(name), n->Call.args.len);
}

static const Type *scalar_arg(Infer *in, const Node *n, Str name, size_t i) {
    const Type *t = infer_operand(in, n->Call.args.at[i]);
    if (!type_is_scalar(t))
        fail(in->c, n->Call.args.at[i]->span, "%.*s of %s is not compiled", STR_FMT(name), type_words(in, t));
    return t;
}

static const Type *infer_minmax(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 2, 64);
    const Type *first = scalar_arg(in, n, name, 0);
    for (size_t i = 1; i < n->Call.args.len; i++) {
        const Type *t = scalar_arg(in, n, name, i);
        const Type *both = type_eq(first, t) ? t : infer_mix(in, n, first, t);
        if (!both)
            fail_hint(in->c, n->span, "make all one type", "%.*s of %s and %s is one or the other", STR_FMT(name),
                      type_words(in, first), type_words(in, t));
        first = both;
    }
    infer_mixed(in, n);
    return first;
}

/* ---- the interpreter's own functions ---- */

/* math.fsum, prod, dist and sumprod take tuples, and lists written in the call. */
static bool takes_sequence(const MathFn *f, size_t arg) {
    static const char *const names[] = {"fsum", "prod", "dist", "sumprod"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(f->name, names[i]))
            return arg < (size_t)f->most;
    return false;
}

static bool is_python_number(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_BOOL || t->kind == TYPE_FLOAT;
}

typedef struct PythonArgs {
    size_t n;
    bool is_float; /* one of them is */
} PythonArgs;

static const char *python_prefix(const MathFn *f) {
    return strcmp(f->module, "math") ? "" : "math.";
}

static void python_number(Infer *in, const Node *arg, const MathFn *f, const Type *t, PythonArgs *args) {
    if (!is_python_number(t))
        fail(in->c, arg->span, "%s%s of %s is not compiled", python_prefix(f), f->name, type_words(in, t));
    args->n++;
    args->is_float |= t->kind == TYPE_FLOAT;
}

static void python_sequence(Infer *in, const Node *arg, const MathFn *f, PythonArgs *args) {
    in->info[arg->id].live = true;
    if (arg->kind == NODE_List) {
        for (size_t i = 0; i < arg->List.elts.len; i++)
            python_number(in, arg->List.elts.at[i], f, infer_operand(in, arg->List.elts.at[i]), args);
        return;
    }
    const Type *t = infer_expr(in, arg);
    if (t->kind != TYPE_TUPLE || t->optional)
        fail(in->c, arg->span, "%s%s of %s is not compiled", python_prefix(f), f->name, type_words(in, t));
    for (size_t i = 0; i < t->nitems; i++)
        python_number(in, arg, f, t->items[i], args);
}

/* A call that the interpreter's own function carries out. */
static const Type *infer_python_call(Infer *in, const Node *n, const MathFn *f) {
    PythonArgs args = {0};
    Nodes positional = n->Call.args, keywords = n->Call.keywords;
    for (size_t i = 0; i < positional.len; i++) {
        const Node *arg = positional.at[i];
        if (takes_sequence(f, i))
            python_sequence(in, arg, f, &args);
        else
            python_number(in, arg, f, infer_operand(in, arg), &args);
    }
    for (size_t i = 0; i < keywords.len; i++) {
        const Node *keyword = keywords.at[i];
        if (!keyword->keyword.arg.ptr)
            fail(in->c, keyword->span, "** in a call is not compiled");
        python_number(in, keyword, f, infer_operand(in, keyword->keyword.value), &args);
    }
    if (args.n > JITD_PYMATH_VALUES)
        fail(in->c, n->span, "%s%s of more than %d numbers is not compiled", python_prefix(f), f->name,
             JITD_PYMATH_VALUES);
    if (keywords.len && f->result == 'n' && args.n <= keywords.len)
        fail(in->c, n->span, "%s%s of nothing is not compiled", python_prefix(f),
             f->name); /* prod((), start=True) is True */
    infer_mark(in, n);
    in->inst->python = true;
    if (in->loop)
        in->loop->inner = true;
    if (f->result == 'n')
        return args.is_float ? &type_float : &type_int;
    return f->result == 'f' ? &type_float : f->result == 'i' ? &type_int : &type_bool;
}

/* ---- built-in functions ---- */

/* abs and len of an instance: its special method. */
static const Type *special_arg(Infer *in, const Node *n, const char *method) {
    const Node *arg = n->Call.args.at[0];
    const Type *t = infer_operand(in, arg);
    SpecialCall *call = infer_special_unary(in, arg, method, t);
    in->info[arg->id].test = call;
    if (call) /* if it does not return, this call does not */
        in->info[n->id].flags |= NODE_NEVER;
    return call ? infer_special_call(in, n, call, arg, NULL) : NULL;
}

static const Type *infer_abs(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 1, 1);
    const Type *result = special_arg(in, n, "__abs__");
    if (result)
        return result;
    const Type *t = scalar_arg(in, n, name, 0);
    in->inst->sized |= type_is_sized(t) && type_is_int(t);
    return t->kind == TYPE_BOOL ? &type_int : t;
}

static const Type *infer_round(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 1, 2);
    const Type *t = scalar_arg(in, n, name, 0);
    CallInfo *call = in->info[n->id].call;
    if (type_is_sized(t))
        fail(in->c, n->span, "round of %s is not compiled", type_words(in, t));
    if (n->Call.args.len == 1)
        return &type_int;
    int64_t digits;
    const Type *d = scalar_arg(in, n, name, 1);
    bool is_const = infer_const_int(in, n->Call.args.at[1], &digits);
    if (d->kind != TYPE_INT)
        fail(in->c, n->span, "round to %s digits is not compiled", type_words(in, d));
    if (t->kind != TYPE_FLOAT && is_const && digits >= 0)
        return &type_int; /* that int */
    call->math = pymath_find("builtins", name);
    in->inst->python = true;
    return t->kind == TYPE_FLOAT ? t : &type_int;
}

/* divmod and pow are two resp. one operator. */
static const Type *infer_divmod(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 2, 2);
    const Type *a = scalar_arg(in, n, name, 0), *b = scalar_arg(in, n, name, 1);
    if (type_is_sized(a) || type_is_sized(b))
        fail(in->c, n->span, "divmod of %s and %s is not compiled", type_words(in, a), type_words(in, b));
    Type *t = pool_new(in->pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .nitems = 2, .items = pool_array(in->pool, const Type *, 2)};
    t->items[0] = t->items[1] = infer_binary(in, n, OP_FloorDiv, n->Call.args.at[0], n->Call.args.at[1], a, b);
    return t;
}

static const Type *infer_modular_pow(Infer *in, const Node *n, CallInfo *call) {
    call->math = pymath_find("builtins", STR("pow"));
    const Type *t = infer_python_call(in, n, call->math);
    for (size_t i = 0; i < 3; i++)
        if (in->info[n->Call.args.at[i]->id].type->kind == TYPE_FLOAT)
            fail(in->c, n->Call.args.at[i]->span, "pow() of a float and a modulus is not compiled");
    return t;
}

static const Type *infer_pow(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 2, 3);
    CallInfo *call = in->info[n->id].call;
    if (n->Call.args.len == 3)
        return infer_modular_pow(in, n, call);
    const Type *a = scalar_arg(in, n, name, 0), *b = scalar_arg(in, n, name, 1);
    return infer_binary(in, n, OP_Pow, n->Call.args.at[0], n->Call.args.at[1], a, b);
}

static const Type *infer_bool(Infer *in, const Node *n) {
    Env yes, no;
    in->info[n->id].flags |= NODE_NEVER; /* if the test does not return */
    if (n->Call.args.len) {
        infer_cond(in, n->Call.args.at[0], &yes, &no);
        infer_once_tested(in, n->Call.args.at[0]);
        env_join(in, &yes, &no);
        in->env = yes;
    }
    return &type_bool;
}

static const Type *infer_len(Infer *in, const Node *n, Str name) {
    arity(in, n, name, 1, 1);
    const Type *result = special_arg(in, n, "__len__");
    if (result && result->kind != TYPE_INT)
        fail(in->c, n->span, "__len__ should return int, not %s", type_words(in, result));
    if (result)
        return result;
    const Type *t = in->info[n->Call.args.at[0]->id].type;
    if (type_is_list(t))
        return infer_list_len(in, n, t);
    if (t->kind != TYPE_TUPLE || t->optional)
        fail(in->c, n->span, "len of %s is not compiled yet", type_words(in, t));
    return &type_int;
}

static const Type *infer_to(Infer *in, const Node *n, Str name, const Type *to) {
    arity(in, n, name, 0, 1);
    if (n->Call.args.len && to->kind == TYPE_FLOAT)
        infer_to_float(in, n->Call.args.at[0]);
    if (n->Call.args.len)
        scalar_arg(in, n, name, 0);
    return to;
}

const Type *infer_builtin_call(Infer *in, const Node *n, Str name) {
    int builtin = builtin_find(name);
    const Type *taking = infer_taking(in, n, name);
    if (taking)
        return taking;
    const Type *of_object = infer_object_builtin(in, n, name, builtin >= 0);
    if (of_object)
        return of_object;
    if (builtin < 0)
        fail(in->c, n->span, "the built-in %.*s is not compiled yet", STR_FMT(name));
    infer_call_info(in, n, CALL_BUILTIN)->builtin = builtin;
    const Type *t = NULL;
    switch ((Builtin)builtin) {
    case BUILTIN_abs:
        t = infer_abs(in, n, name);
        break;
    case BUILTIN_min:
    case BUILTIN_max:
        t = infer_minmax(in, n, name);
        break;
    case BUILTIN_int:
        t = infer_to(in, n, name, &type_int);
        break;
    case BUILTIN_float:
        t = infer_to(in, n, name, &type_float);
        break;
    case BUILTIN_bool:
        arity(in, n, name, 0, 1);
        t = infer_bool(in, n);
        break;
    case BUILTIN_round:
        t = infer_round(in, n, name);
        break;
    case BUILTIN_divmod:
        t = infer_divmod(in, n, name);
        break;
    case BUILTIN_pow:
        t = infer_pow(in, n, name);
        break;
    case BUILTIN_len:
        t = infer_len(in, n, name);
        break;
    case N_BUILTINS:
        break;
    }
    infer_mark(in, n);
    return t;
}

const Type *infer_conversion_call(Infer *in, const Node *n, const Type *to) {
    if (!type_is_scalar(to))
        fail(in->c, n->span, "this type is not called in compiled code");
    Str name = str_from_cstr(type_scalar_name(to->kind));
    infer_call_info(in, n, CALL_BUILTIN)->builtin = BUILTIN_int;
    infer_to(in, n, name, to);
    if (n->Call.args.len && type_is_int(to) && !type_is_int(in->info[n->Call.args.at[0]->id].type))
        fail_hint(in->c, n->span, "convert with int() first", "%.*s of a float is not compiled", STR_FMT(name));
    in->inst->sized = true;
    infer_mark(in, n);
    return to;
}

/* ---- math ---- */

static const Type *math_result(Infer *in, const MathFn *f) {
    if (f->how == MATH_PAIR) {
        Type *t = pool_new(in->pool, Type);
        *t = (Type){.kind = TYPE_TUPLE, .nitems = 2, .items = pool_array(in->pool, const Type *, 2)};
        t->items[0] = &type_float;
        t->items[1] = f->result == 'e' ? &type_int : &type_float;
        return t;
    }
    return f->result == 'f' ? &type_float : f->result == 'i' ? &type_int : &type_bool;
}

static void math_arg(Infer *in, const Node *n, Str name, const MathFn *f, size_t i) {
    if (f->params[i] == 'f' && f->result != 'i')
        infer_to_float(in, n->Call.args.at[i]);
    const Type *t = scalar_arg(in, n, name, i);
    bool is_int = t->kind == TYPE_INT || t->kind == TYPE_BOOL;
    if (f->params[i] == 'i' && !is_int)
        fail(in->c, n->Call.args.at[i]->span, "math.%.*s of %s is not compiled", STR_FMT(name), type_words(in, t));
}

/* log(x, base) is two logarithms and a division, nextafter may have steps, and until 3.11 pow(0.0, -inf) was an error: the
 * interpreter's own. */
static const MathFn *math_choose(Infer *in, const Node *n, Str name) {
    const MathFn *f = math_find(name);
    if (!f)
        fail(in->c, n->span, "math.%.*s is not compiled yet", STR_FMT(name));
    if (f->minor > in->lang->unit->python_minor)
        fail(in->c, n->span, "math.%.*s is not in Python 3.%d", STR_FMT(name), in->lang->unit->python_minor);
    bool is_own = f->how != MATH_PYMATH && !n->Call.keywords.len && n->Call.args.len == strlen(f->params);
    is_own &= in->lang->unit->python_minor >= 11 || !str_eq_c(name, "pow");
    const MathFn *pymath = is_own ? NULL : pymath_find("math", name);
    return pymath ? pymath : f;
}

const Type *infer_math_call(Infer *in, const Node *n, Str name) {
    CallInfo *call = infer_call_info(in, n, CALL_MATH);
    const MathFn *f = call->math = math_choose(in, n, name);
    if (f->how == MATH_PYMATH) {
        if (n->Call.args.len < (size_t)f->least || n->Call.args.len > (size_t)f->most)
            fail(in->c, n->span, "math.%s() with %zu arguments is not compiled", f->name, n->Call.args.len);
        return infer_python_call(in, n, f);
    }
    size_t nparams = strlen(f->params);
    arity(in, n, name, nparams, nparams);
    for (size_t i = 0; i < nparams; i++)
        math_arg(in, n, name, f, i);
    infer_mark(in, n);
    return math_result(in, f);
}
