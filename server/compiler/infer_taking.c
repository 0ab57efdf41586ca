/* Infer, takers: all(), any(), sum(), min() and max() of a generator expression are the loops that it stands for (Bound.loops), whose elements
 * go into what there is so far; all() and any() leave them early. What is in its scope has no parts that are left to the interpreter. */
#include "server/compiler/infer.h"

static const struct {
    const char *name;
    Taking taking;
} takers[] = {{"all", TAKING_ALL}, {"any", TAKING_ANY}, {"sum", TAKING_SUM}, {"min", TAKING_MIN}, {"max", TAKING_MAX}};

/* sum()'s start, or default=; NULL: none. */
static const Node *given_first(const Node *n) {
    return n->Call.args.len > 1   ? n->Call.args.at[1]
           : n->Call.keywords.len ? n->Call.keywords.at[0]->keyword.value
                                  : NULL;
}

static bool has_fitting_keywords(const Node *n, Taking taking) {
    if (!n->Call.keywords.len)
        return true;
    bool has_default = taking == TAKING_MIN || taking == TAKING_MAX;
    return has_default && n->Call.keywords.len == 1 && str_eq_c(n->Call.keywords.at[0]->keyword.arg, "default");
}

/* ---- an element ---- */

static const Type *taken_truth(Infer *in, const Node *n) {
    Env yes, no;
    infer_cond(in, n->Yield.value, &yes, &no);
    infer_once_tested(in, n->Yield.value);
    env_join(in, &yes, &no);
    in->env = yes;
    return &type_bool;
}

/* From 3.12 on the sum of floats is a compensated one. */
static bool is_summed(const Infer *in, const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_BOOL || (t->kind == TYPE_FLOAT && in->lang->unit->python_minor < 12);
}

static bool is_compared(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_BOOL || t->kind == TYPE_FLOAT;
}

const Type *infer_taken(Infer *in, const Node *n) {
    Taking taking = (Taking)in->info[in->bound->inside[n->id]->id].call->builtin;
    in->info[n->id].flags |= NODE_NEVER; /* if it has no value */
    if (taking == TAKING_ALL || taking == TAKING_ANY)
        return taken_truth(in, n);
    const Type *t = infer_operand(in, n->Yield.value);
    if (taking == TAKING_SUM ? !is_summed(in, t) : !is_compared(t))
        fail(in->c, n->span, "%s() of %s is not compiled", takers[taking].name, type_words(in, t));
    infer_mark(in, n);
    return t;
}

/* ---- the result ---- */

/* Of nothing it is the start: an int, 0, where none is given. */
static const Type *sum_type(Infer *in, const Node *n, const Type *item, const Type *start) {
    bool is_float = item && item->kind == TYPE_FLOAT;
    if (start && (start->kind == TYPE_BOOL || (is_float && start->kind != TYPE_FLOAT)))
        fail(in->c, n->span, "sum() from %s is not compiled here", type_words(in, start));
    if (is_float && !start)
        return infer_mix(in, n, &type_int, &type_float);
    return start ? start : &type_int;
}

/* Of nothing it is an error, which the interpreter's own function raises. */
static const Type *best_type(Infer *in, const Node *n, const Type *item, const Type *first) {
    Taking taking = (Taking)in->info[n->id].call->builtin;
    if (!item)
        fail(in->c, n->span, "%s() of nothing is not compiled", takers[taking].name);
    if (!first) {
        infer_operation(in, n, taking == TAKING_MIN ? "(min" : "(max", item);
        in->info[n->id].region = REGION_NONE;
        return item;
    }
    const Type *t = first->kind == TYPE_NONE ? type_maybe(in->pool, item) : type_eq(first, item) ? item : NULL;
    if (!t)
        fail(in->c, n->span, "this is %s or %s", type_words(in, item), type_words(in, first));
    return t;
}

static const Type *infer_first(Infer *in, const Node *first, Taking taking) {
    const Type *t = infer_expr(in, first);
    bool is_number = taking == TAKING_SUM ? is_summed(in, t) : is_compared(t) || t->kind == TYPE_NONE;
    if (!is_number || !infer_is_simple(in, first))
        fail(in->c, first->span, "only names and constants that are numbers are compiled here");
    return t;
}

static const Type *result_type(Infer *in, const Node *n, Taking taking) {
    const Type *item = in->info[infer_yield(in->bound->loops[n->id])->id].type;
    const Node *first = given_first(n);
    const Type *of_first = first ? infer_first(in, first, taking) : NULL;
    if (taking == TAKING_ALL || taking == TAKING_ANY)
        return &type_bool;
    return taking == TAKING_SUM ? sum_type(in, n, item, of_first) : best_type(in, n, item, of_first);
}

const Type *infer_taking(Infer *in, const Node *n, Str name) {
    const Node *loop = in->bound->loops[n->id];
    size_t i = 0;
    while (i < sizeof takers / sizeof *takers && !str_eq_c(name, takers[i].name))
        i++;
    if (!loop || i == sizeof takers / sizeof *takers || !has_fitting_keywords(n, takers[i].taking))
        return NULL;
    if (!effect_can_resume(in))
        fail(in->c, n->span, "a generator expression is compiled only where Python can go on");
    infer_call_info(in, n, CALL_TAKING)->builtin = (int)takers[i].taking;
    in->info[n->id].flags |= NODE_NEVER; /* if its first iterable has no value */
    in->info[loop->id].live = in->info[n->Call.args.at[0]->id].live = true;
    infer_mark(in, n);
    infer_one_stmt(in, loop);
    infer_forget(in, n->Call.args.at[0]->GeneratorExp.generators);
    const Type *t = result_type(in, n, takers[i].taking);
    infer_mixed(in, n);
    infer_mark(in, n);
    return t;
}
