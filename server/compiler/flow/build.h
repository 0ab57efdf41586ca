/* Between the files that build flow: the state of one function. A builder of an expression gives NULL where it never gets
 * a value, because a call in it does not return; nothing comes to what is built behind that. */
#pragma once
#include "protocol/abi.h"
#include "server/compiler/flow/flow.h"

/* Where a local's values are: a variable for each type, one for references of any class and None. */
typedef struct BuildLocal {
    FlowVar **vars;
    size_t nvars, cap;
    FlowVar *ref, *bound;
    FlowOp *object; /* of a comprehension's own: the list's item that it is; NULL: who knows */
    bool checked;   /* whether it is bound is asked somewhere */
    bool borrowed;  /* a parameter that nobody assigns */
} BuildLocal;

/* A local is given a value, in a variable of its type. */
typedef struct BuildStored {
    FlowBlock *block;
    FlowOp *store;
    uint32_t local;
} BuildStored;

typedef struct BuildLoop {
    struct BuildLoop *outer;
    FlowBlock *on_break, *on_continue;
    struct BuildTry *tries; /* that it is in */
} BuildLoop;

/* A try statement that the code at hand is in. */
typedef struct BuildTry {
    struct BuildTry *outer;
    const Node *node;
    bool catches;     /* an exception is the interpreter's, */
    FlowCatch *catch; /* but for those of these handlers; NULL: all */
    FlowOp *entered;  /* of a with: what is left at its end */
    size_t noperands;
    BuildLoop *loop;
    FlowLoop *flow_loop;
} BuildTry;

typedef struct Build {
    FlowFunc *f;
    Lang *lang;
    Pool *pool;
    Instance *inst;
    const Bound *bound;
    NodeInfo *info;
    FlowBlock *at; /* NULL: nothing comes here */
    BuildLocal *locals;
    BuildStored *stored;
    size_t nstored, cap_stored;
    BuildLoop *loop;
    FlowLoop *flow_loop;
    BuildTry *tries;
    FlowOp *collected; /* the list of the comprehension at hand */
    FlowVar *so_far;   /* what all(), sum(), ... have so far, of the generator expression at hand */
    FlowBlock *taken;  /* where they go when they need no more of it */
    FlowOp *turned;    /* the list's item that the last turn of a loop has begun with */

    /* build_resume.c */
    FlowOperand *operands; /* what the statements that are under way have evaluated, and not used yet */
    size_t noperands, cap_operands;
    uint64_t from;        /* nothing in front of that is come to again */
    bool walrus;          /* an expression may assign */
    const Node *stmt;     /* the one at hand */
    size_t begun_with;    /* so many operands it began with; of a comprehension's loops: the statement around */
    bool in_target;       /* one of several, a loop's or an annotated one */
    bool in_test;         /* only whether the value is true is wanted */
    const Node *assigned; /* an Assign whose target is an item; NULL: none whose target is at hand */
    size_t nassigned;     /* operands with its value */
    FlowVar *
        broken; /* of several targets: whether a name means something else, which is asked behind the last; NULL: it is asked at once */
} Build;

#define OPS(...) (FlowOp *[]){__VA_ARGS__}, sizeof((FlowOp *[]){__VA_ARGS__}) / sizeof(FlowOp *)

/* build.c */
FlowBlock *build_block(Build *b, const char *name);
void build_start(Build *b, FlowBlock *block);
void build_go(Build *b, FlowBlock *to);
void build_branch(Build *b, FlowOp *condition, FlowBlock *yes, FlowBlock *no, bool rare);
void build_dead(Build *b); /* nothing comes here, as infer has found */
FlowOp *build_add(Build *b, FlowOp *op);
FlowOp *build_op(Build *b, FlowKind kind, const Type *type, FlowOp *const *args, size_t nargs);
FlowOp *build_runtime(Build *b, const char *name, FlowHow how, const Type *type, FlowOp *const *args, size_t nargs);
FlowVar *build_temp(Build *b, const Type *type,
                    const char *name); /* stored on several paths, loaded once where they meet */
FlowOp *build_load(Build *b, FlowVar *var);
void build_store(Build *b, FlowVar *var, FlowOp *v);

/* build_fail.c */
FlowFail *build_failing(Build *b, const Node *n, Site site);
FlowFail *build_failing_op(Build *b, const Node *n, Str op, FlowOp *const *values,
                           size_t nvalues);                                       /* the operation raises */
FlowFail *build_raising(Build *b, const Node *n, Str exception, Str text);        /* always */
FlowFail *build_raising_value(Build *b, const Node *n, Str exception, FlowOp *v); /* the same, with a number */
FlowFail *build_overflowing(Build *b, const Node *n, Str op);
/* A helper of the runtime that may fail: where operation `op` raises in Python, or has no result of this type. */
FlowOp *build_traps(Build *b, const Node *n, const char *name, FlowHow how, Str op, const Type *result,
                    FlowOp *const *args, size_t nargs);
void build_guard(Build *b, FlowOp *fails, FlowFail *fail);
void build_fail(Build *b, FlowFail *fail);       /* here and now */
void build_int_instead(Build *b, const Node *n); /* a NODE_MAYBE_INT whose value is an int: here and now */
void build_wrapped(Build *b, FlowOp *condition); /* NULL: it is not looked whether it has */

/* build_resume.c */
void build_note_walrus(Build *b);
void build_begins(Build *b, const Node *stmt);
void build_evaluated(Build *b, const Node *n, FlowOp *v);
void build_loaded(Build *b, const Node *n, FlowOp *v); /* n: an AugAssign */
void build_held(Build *b, FlowOperandKind kind, const Node *n, FlowOp *v);
void build_held_var(Build *b, const Node *n, FlowVar *var); /* what a generator expression's taker has so far */
void build_iterates(Build *b, const FlowLoop *loop, FlowOp *start, FlowOp *step);
void build_iterates_object(Build *b, const FlowLoop *loop, FlowOp *iterator);
void build_iterates_list(Build *b, const FlowLoop *loop, FlowOp *list, FlowVar *done);
/* Where the interpreter goes on when n's operation fails past effects; NULL: not needed, or not possible. */
FlowResume *build_resume(Build *b, const Node *n);
FlowResume *build_resume_loop(Build *b, const Node *n);
FlowResume *build_resume_statement(Build *b, const Node *n);
FlowResume *build_resume_start(Build *b);
FlowResume *build_resume_behind(Build *b, const Node *n, const LocalState *locals); /* a statement */
FlowResume *build_resume_object(Build *b, const Node *n); /* n: a region, whose value is no such */
FlowResume *build_resume_raised(Build *b, const Node *n); /* NULL: it is in no try */
FlowResume *build_resume_call(Build *b, const Node *n, const Instance *callee);
FlowResume *build_resume_setter(Build *b, const Node *target, const Instance *callee);
FlowResume *build_resume_new(Build *b, const Node *n, const Instance *callee, FlowOp *object);

/* build_region.c */
FlowOp *build_region_value(Build *b, const Node *n); /* a test, too */
FlowOp *build_region_box(Build *b, const Node *n, FlowOp *v);
FlowOp *build_operation(Build *b, const Node *n);
FlowOp *build_enter(Build *b, const Node *n, FlowOp *manager); /* a with: what is to be left, and the target's value */
void build_entered(Build *b, const Node *n, FlowOp *both);     /* behind the target */
void build_exit(Build *b, const Node *n, FlowOp *entered);
FlowOp *build_operation_of_nothing(Build *b, const Node *n);                        /* of an empty tuple */
void build_operation_store(Build *b, const Node *n, const Node *target, FlowOp *v); /* n: the assignment */
void build_begin_several(Build *b);
void build_end_several(Build *b, const Node *n);
void build_object_augassign(Build *b, const Node *n);
FlowFail *build_broken(Build *b, const Node *n, FlowResume *resume); /* a name means something else now */
void build_region_statement(Build *b, const Node *n);
void build_region_rest(Build *b, const Node *n);

/* build_table.c: n's operation is tried, of what build_region.c gives an operation; `result` (NULL: it has none) is stored where it is done, and
 * control goes to `meet`; else to `usual`. */
void build_table(Build *b, const Node *n, FlowOp *const *given, FlowVar *result, FlowBlock *usual, FlowBlock *meet);
/* The same of d[k] = v, n, of objects: what comes then is where it is done in the usual way; behind it, to the block that is returned. */
FlowBlock *build_table_put(Build *b, const Node *n, const Node *target, FlowOp *const *given);

/* build_list.c */
FlowOp *build_box(Build *b, const Node *n, FlowOp *v); /* as a Python object */
FlowOp *build_python_field(Build *b, const Node *n, FlowOp *object, const Type *type);
FlowOp *build_object_tuple(Build *b, const Node *n, FlowOp **items, size_t len);
FlowOp *build_object_float(Build *b, const Node *n,
                           FlowOp *object); /* an int or a float; else Python goes on behind n's value */
FlowOp *build_object_truth(Build *b, const Node *n, FlowOp *object);
FlowOp **build_object_items(Build *b, const Node *n, FlowOp *object, size_t len, FlowResume *resume); /* NULL: from n */
FlowOp *build_object_value(Build *b, const Node *n, FlowOp *object,
                           const Type *type); /* n's value; else Python goes on behind it */
FlowOp *build_list_len(Build *b, const Node *n, FlowOp *list);
FlowOp *build_list_subscript(Build *b, const Node *n, FlowOp *list);
FlowOp *build_list_number(Build *b, const Node *n, FlowOp *start, FlowOp *turn); /* the same of enumerate() */
FlowOp *build_list_value(Build *b, const Node *n);
/* Where it is no container of the interpreter's own, that goes on. */
FlowOp *build_object_iterator(Build *b, const Node *n, FlowOp *object);
FlowOp *build_object_next(Build *b, const Node *n, FlowOp *iterator);
FlowOp *build_object_turn(Build *b, const Node *n, FlowOp *item);              /* what a For's target is given */
FlowOp *build_list_turn(Build *b, const Node *n, FlowOp *list, FlowOp *index); /* what a For's target is given */
void build_list_assign(Build *b, const Node *n, const Node *const *targets, FlowOp *const *values, size_t len);
void build_list_augassign(Build *b, const Node *n);
FlowOp *build_list_append(Build *b, const Node *n); /* calls */
FlowOp *build_list_pop(Build *b, const Node *n);
FlowOp *build_display(Build *b, const Node *n); /* a List */
void build_change(Build *b, const Node *n, const char *name, FlowOp *const *args, size_t nargs);
FlowOp *build_new(Build *b, const Node *n, const char *name, FlowOp *const *args, size_t nargs); /* n's value */
FlowOp *build_list_new(Build *b, const Node *n);                                                 /* empty */
void build_list_add(Build *b, const Node *n, FlowOp *list, FlowOp *v);

/* build_display.c */
FlowOp *build_kept(Build *b, const Node *n); /* a value that goes into one */
void build_set_add(Build *b, const Node *n, FlowOp *set, FlowOp *v);
void build_map_put(Build *b, const Node *n, FlowOp *dict, FlowOp *key, FlowOp *v);
FlowOp *build_set_display(Build *b, const Node *n);
FlowOp *build_dict_display(Build *b, const Node *n);

/* build_taking.c */
FlowOp *build_taking(Build *b, const Node *n);
void build_taken(Build *b, const Node *n); /* a Yield of its loops */

/* build_comprehension.c */
void build_forget(Build *b, Nodes generators);        /* CPython gives up what its names hold */
FlowOp *build_comprehension(Build *b, const Node *n); /* a ListComp */
void build_note_item(Build *b, const Node *loop);     /* the same, of a list */
void build_turn_begins(Build *b, const Node *loop);   /* its target has a value */
void build_element(Build *b, const Node *n);          /* a Yield of Bound.loops */

/* build_value.c */
FlowOp *build_int(Build *b, int64_t value);
FlowOp *build_bool(Build *b, bool value);
FlowOp *build_float(Build *b, const Type *type, double value);
FlowOp *build_none(Build *b);
FlowOp *build_reserved(Build *b, int64_t offset); /* JITD_NONE, JITD_UNSET */
FlowOp *build_const(Build *b, const Global *g);
FlowOp *build_compare_ops(Build *b, FlowOrder order, FlowOp *x, FlowOp *y);
FlowOp *build_not(Build *b, FlowOp *v);
FlowOp *build_cast(Build *b, FlowOp *v, const Type *to);
FlowOp *build_convert(Build *b, const Node *n, FlowOp *v, const Type *to);
/* Into a field or parameter: a float32 has a range. `place` is for the message: ":def:function:parameter", ":def::field", "". */
FlowOp *build_fit(Build *b, const Node *n, FlowOp *v, const Type *to, Str place);
Str build_field_place(Build *b, uint32_t def, uint32_t field);
Str build_param_place(Build *b, const FuncState *func, uint32_t param);
FlowOp *build_truth(Build *b, FlowOp *v);
FlowOp *build_part(Build *b, FlowOp *v, uint32_t i); /* a tuple's item */
const Type *build_var_type(const Build *b, uint32_t local, const Type *type);
bool build_is_float(const Type *t);
FlowVar *build_var(Build *b, uint32_t local, const Type *type); /* of a local's values of this type */
FlowVar *build_bound_flag(Build *b, uint32_t local);
FlowOp *build_local_load(Build *b, const Node *n, uint32_t local, const Type *type);
void build_local_store(Build *b, uint32_t local, FlowOp *v);
void build_give_up(Build *b);
void build_params(Build *b);

/* build_expr.c */
FlowOp *build_expr(Build *b, const Node *n);
void build_cond(Build *b, const Node *n, FlowBlock *yes, FlowBlock *no); /* ends the block */
FlowOp *build_meeting(Build *b, const Node *n, FlowVar *var,
                      FlowBlock *meet);                                   /* what the ways to `meet` have left in var */
FlowOp *build_cond_value(Build *b, const Node *n, const Node *condition); /* n's value is the condition's truth */
FlowOp *build_object(Build *b, const Node *attribute, FlowOp *base,
                     bool store); /* base, checked for None where needed */

/* build_op.c */
FlowOp *build_binary(Build *b, const Node *n, Operator op, const Rule *rule, const Type *common, FlowOp *x, FlowOp *y);
FlowOp *build_half_of_divmod(Build *b, const Node *n, Operator op, const Type *common, FlowOp *x, FlowOp *y);
FlowOp *build_low_bits(Build *b, const Node *n, FlowOp *left);
FlowOp *build_operator(Build *b, const Node *n, Operator op, FlowOp *left,
                       const Node *right); /* as infer_binary found */
FlowOp *build_unary(Build *b, const Node *n);
FlowOp *build_compare(Build *b, const Node *n);

/* build_call.c */
FlowOp *build_call(Build *b, const Node *n);
FlowOp *build_open(Build *b, const Node *n, FlowOp **args); /* what the class of args[0] has for it */
FlowOp *build_invoke(Build *b, const Node *n, Instance *callee, FlowOp *const *args, size_t nargs);
FlowOp *build_setter(Build *b, const Node *n, Instance *callee, FlowOp *self, FlowOp *v);
FlowOp *build_special(Build *b, const Node *n, const SpecialCall *call, FlowOp *left, FlowOp *right);
FlowOp *build_special_len(Build *b, const Node *n, const SpecialCall *call, FlowOp *v); /* checked not to be negative */
void build_set_field(Build *b, const Node *n, FlowOp *object, uint32_t def, uint32_t field, FlowOp *v);

/* build_builtin.c, build_python.c */
FlowOp *build_builtin(Build *b, const Node *n, const CallInfo *call);
FlowOp *build_math(Build *b, const Node *n, const CallInfo *call);
FlowOp *build_python_call(Build *b, const Node *n, const MathFn *f, const Type *result);
FlowOp *build_python(Build *b, const Node *n, const MathFn *f, const Type *result, const char *types,
                     FlowOp *const *args, size_t nargs);

/* build_stmt.c, build_loop.c, build_raise.c, build_try.c */
void build_body(Build *b, Nodes body);
void build_target(Build *b, const Node *target, FlowOp *v);
void build_turn_target(Build *b, const Node *loop, const Node *target, FlowOp *v); /* of a For */
void build_while(Build *b, const Node *n);
void build_for(Build *b, const Node *n);
void build_raise(Build *b, const Node *n);
void build_try(Build *b, const Node *n);
void build_with(Build *b, const Node *n);
FlowCatch *build_catch(const Build *b); /* of the innermost try that catches; NULL: none */
/* What the tries that n, a return, break or continue, leaves do finally; to: the first that it does not leave. */
void build_leave_tries(Build *b, const BuildTry *to, const Node *n, FlowOp *v);
void build_assert(Build *b, const Node *n);
void build_return(Build *b, const Node *n, FlowOp *v);
