/* Between the files of the infer stage: the state of one pass over one function. */
#pragma once
#include "server/compiler/region.h"
#include "server/compiler/rules.h"
#include "server/compiler/typed.h"

typedef struct Env {
    bool dead;
    Effect effect;
    uint64_t undo;
    LocalState *locals;
} Env;

typedef struct LoopState {
    Env on_break, on_continue; /* dead while nobody came */
    bool inner;                /* has a loop or a call in it */
} LoopState;

/* What a loop's test and body made of what came to it, last time. */
typedef struct LoopMemory {
    bool seen;
    Env before, exit, on_break;
} LoopMemory;

/* A try statement that is at hand. */
typedef struct TryState {
    struct TryState *outer;
    LoopState *loop;
    struct TryMemory *memory;
    bool catches, finally;
    bool handles; /* has handlers that may be compiled */
} TryState;

/* What comes to a `finally` by returns, breaks and continues, and to handlers from anywhere in the body: it only grows. */
typedef struct TryMemory {
    bool breaks, continues;
    Env leaves, raised;
    bool *python; /* by handler: it is the interpreter's; NULL: nothing is known yet */
} TryMemory;

typedef struct Infer {
    Lang *lang;
    Compilation *c;
    Pool *pool;
    Instance *inst;
    const Bound *bound;
    NodeInfo *info;
    Env env;
    LoopState *loop;
    bool was_inner; /* whether the loop had a loop or a call in it before the operation that was inferred last */
    TryState *tries;
    jmp_buf *bottom;         /* where to go when an expression has no value: its call does not return */
    LoopMemory *memory;      /* by Node.id, of loops */
    TryMemory *left_tries;   /* by Node.id */
    const LocalState *noted; /* the locals as infer_mark noted them last */
    Diag left;               /* why the first part that is left to Python is; no message: none is */
    bool regions;            /* such parts come back */
    bool lists;              /* there is a place where Python must be able to go on */
    bool *split;             /* by local: behind effects it has two types, and may still be read */
    uint64_t from;           /* nothing in front of that place is come to again */
    jmp_buf *again;          /* everything is to be inferred again */
    const Node **returns;    /* Return nodes, or the function itself for its end */
    size_t nreturns, cap_returns;
} Infer;

/* infer_env.c */
Env env_copy(Infer *in, const Env *env);
Env env_dead(void);
void env_join(Infer *in, Env *into, const Env *from);
bool env_equal(Infer *in, const Env *a, const Env *b);
const Type *type_join(const Lang *lang, const Type *a, const Type *b); /* NULL: none */
void env_bind(Infer *in, uint32_t local, const Type *type, int line);
void effect_commit(Infer *in);
bool effect_is_final(const Infer *in);   /* the interpreter cannot do the call again */
bool effect_can_resume(const Infer *in); /* ... but it can go on from here, where the value may be another type's */
void effect_store_self(Infer *in, uint32_t field, bool is_ref);
bool is_own_self(const Infer *in, const Node *n);
void infer_mark(Infer *in, const Node *n); /* notes the effects so far as those before n's operation */

/* infer_region.c */
typedef void (*InferWork)(Infer *in, const Node *n, void *arg);
/* False: it failed, c->diag says why, and nothing has happened. Where n has no value it does not return. */
bool infer_try(Infer *in, const Node *n, InferWork work, void *arg);
/* n's value is kept: what cannot be compiled is the interpreter's, and then `wanted` (may be NULL) is the type that it should have. */
const Type *infer_value(Infer *in, const Node *n, const Type *wanted);
/* One operation on Python objects, whose operands compiled code evaluates: `what` says which (client/python/jitd/resume.py). Its value is
 * most likely of that type. */
const Type *infer_operation(Infer *in, const Node *n, const char *operation, const Type *type);
void infer_test(Infer *in, const Node *n, Env *yes, Env *no); /* as infer_cond, but for and, or, not */
void infer_stmt(Infer *in, const Node *n);
_Noreturn void infer_fail_again(Infer *in, const Diag *why); /* what is around it is not compiled for that reason */
void infer_check_worth(Infer *in,
                       const Node *n); /* fails where a loop, or the function, is better left to the interpreter */

/* infer.c */
_Noreturn void infer_box(Infer *in, uint32_t local, const Diag *why); /* it is an object, everywhere: begins anew */

/* infer_stmt.c */
void infer_one_stmt(Infer *in, const Node *n);
void infer_body(Infer *in, Nodes body);
void infer_target(Infer *in, const Node *target, const Type *type);

/* infer_expr.c */
const Type *infer_expr(Infer *in, const Node *n);
/* As infer_expr; where it is None or a number, None is the interpreter's. */
const Type *infer_operand(Infer *in, const Node *n);
const Type *infer_not_none(Infer *in, const Node *n, const Type *t); /* the same of n's value, whose type is t */
const Type *infer_branch(Infer *in, const Node *n); /* as infer_expr; NULL, and the env is dead, when it has no value */
void infer_cond(Infer *in, const Node *n, Env *ret_true, Env *ret_false);
void infer_cond_leaf(Infer *in, const Node *n, Env *ret_true, Env *ret_false); /* of neither and, or nor not */
/* Fails where a method may be asked for n's truth again. */
void infer_once_tested(Infer *in, const Node *n);
/* An int or a float, depending on values: NULL when it is neither of the two. */
const Type *infer_mix(Infer *in, const Node *n, const Type *a, const Type *b);
void infer_mixed(Infer *in, const Node *n); /* where n's value, which infer_mix may have been asked for, is known */
bool infer_is_own_float(Infer *in, const Node *target); /* a float field of self */
void infer_to_float(Infer *in, const Node *n);          /* before n: its value will be converted to float */
const MemberInfo *infer_member(Infer *in, const Node *attribute, bool store);
/* Fails where the class has something of its own that is asked before an attribute is read or stored. */
void infer_access(Infer *in, const Node *attribute, const DefSpec *d, bool store);
/* One that methods set and nobody has declared, or a Python field. */
bool infer_is_python_attribute(const DefSpec *d, Str name);
bool infer_const_int(const Infer *in, const Node *n, int64_t *ret_value);
const Type *global_const_type(Infer *in, const Node *n, const Global *g);

/* infer_table.c: n is an operation on objects, which has been inferred: compiled code tries it itself where `table` may be a dict or set. */
void infer_table(Infer *in, const Node *n, TableOperation what, const Type *table, const Type *key);
const Type *infer_table_get(Infer *in, const Node *n, const Type *table); /* what d.get() most likely gives */
TableOperation infer_table_method(const Node *call);
void infer_text_equal(Infer *in, const Node *compare); /* the same, of what may be text */
void infer_text_method(Infer *in, const Node *call, const Type *object);
void infer_text_slice(Infer *in, const Node *subscript, const Type *object);
/* What an object in the place of a value of the type most likely is: that; `type` where it is no object, or the interpreter could not go on. */
const Type *infer_unboxed(Infer *in, const Node *n, const Type *type, const Type *wanted);
void infer_by_name(Infer *in, const Node *n, TableOperation what); /* a name's or an attribute's operation */
void infer_number_compare(Infer *in, const Node *compare);
void infer_arithmetic(Infer *in, const Node *n, Operator op, const Type *a, const Type *b); /* and + of two texts */
const Type *infer_key(Infer *in, const Node *n, const Node *of); /* of a set or dict that is made here */
const Type *infer_set_display(Infer *in, const Node *n);
const Type *infer_dict_display(Infer *in, const Node *n);

/* infer_op.c */
const Type *infer_binary(Infer *in, const Node *n, Operator op, const Node *left, const Node *right, const Type *a,
                         const Type *b);
const Type *infer_unary(Infer *in, const Node *n);
const Type *infer_compare(Infer *in, const Node *n);
/* == of two operands, the type of each known. */
CompareStep infer_equality(Infer *in, const Node *n, const Node *left, const Node *right, const Type *a, const Type *b);
/* The class or one that extends it; compiled or not. */
bool infer_has_method(Infer *in, uint32_t def, const char *name);
bool infer_takes_ref(const Infer *in, const Type *to,
                     const Type *t); /* a reference of type `to` may be one of type t, or None */
void infer_store_check(Infer *in, const Node *n, const Type *field, const Type *value);

/* infer_bits.c */
bool infer_low_bits(
    Infer *in,
    const Node
        *n); /* whether only bits of n's left operand are wanted, which is inferred: then the right one is constant */

/* infer_among.c: whether n is `x in (a, b)`, a test against items that are written there, and has no container that anybody could see. */
bool infer_among(Infer *in, const Node *n);

/* infer_operator.c */
SpecialCall *infer_special_binary(Infer *in, const Node *n, Operator op, const Type *a,
                                  const Type *b); /* NULL: neither has the method */
SpecialCall *infer_special_unary(Infer *in, const Node *n, const char *name, const Type *t);
/* The call happens here. It may never return: keep it where build looks for it before. */
const Type *infer_special_call(Infer *in, const Node *n, SpecialCall *call, const Node *left, const Node *right);
void infer_special_truth(Infer *in, const Node *n, const Type *t); /* NodeInfo.test of n */
const char *infer_unary_name(Operator op);

/* infer_call.c, infer_builtin.c */
const Type *infer_param_type(const Infer *in, const ParamSpec *param, const Type *type);
const Type *infer_call(Infer *in, const Node *n);
const Type *infer_builtin_call(Infer *in, const Node *n, Str name);
const Type *infer_math_call(Infer *in, const Node *n, Str name);
const Type *infer_conversion_call(Infer *in, const Node *n, const Type *to);
CallInfo *infer_call_info(Infer *in, const Node *n, CallKind kind);
bool infer_is_open_property(const Infer *in, const Type *t, Str name);
const Type *infer_open_property(Infer *in, const Node *n, const Type *t, Str name);
const Type *infer_callee(Infer *in, const Node *n, Instance *callee, const Node *receiver, bool fresh_receiver);
Instance *infer_instance(Infer *in, const Node *n, uint32_t def, uint32_t func, const Type **params, uint32_t nparams,
                         bool fresh);

/* infer_heirs.c */
const Global *def_find_const(const Globals *globals, Str name);
bool def_same_const(const Global *a, const Global *b); /* or both NULL */
int def_find_field(const DefSpec *d, Str name);        /* -1: there is none */
int def_find_property(const DefSpec *d, Str name, FuncKind kind);
bool def_is_abstract(const DefSpec *d);
/* Fails where the classes that t may be of have different things under the name, methods or properties. */
void infer_heirs_agree(Infer *in, const Node *n, const Type *t, Str name, bool store);

/* infer_list.c */
const Type *infer_list_item(Infer *in, const Node *n, const Type *list);  /* a Subscript's value */
const Type *infer_list_turns(Infer *in, const Node *n, const Type *list); /* what a For's target is given */
const Type *infer_list_len(Infer *in, const Node *n, const Type *list);
const Type *infer_list_method(Infer *in, const Node *n, const Type *list); /* append */
const Type *infer_list_pop(Infer *in, const Node *n, const Type *list);
/* Reading it twice is reading it once, and it is not left to the interpreter: a target's operands, which are evaluated once more. */
bool infer_is_steady(const Infer *in, const Node *n);
void infer_list_target(Infer *in, const Node *n, const Node *target); /* of the assignment n, behind its value */
const Type *infer_list_begins(Infer *in, const Node *target, const Node *value, const Type *type);
void infer_note_appended(Infer *in, const Node *list,
                         const Type *value); /* the first such value says what a list that began empty is of */
const Type *infer_annotated_object(Infer *in, const Node *annotation);
const Type *infer_named_type(const Node *annotation);            /* infer_stmt.c: of int, float, bool */
const Type *infer_display(Infer *in, const Node *n);             /* a List */
const Type *infer_list_augmented(Infer *in, const Node *target); /* what it holds, and is given: */
void infer_list_store(Infer *in, const Node *target, const Type *value);

/* infer_object.c */
bool infer_is_simple(const Infer *in, const Node *n);
bool infer_can_look(const Infer *in, const Node *n);
const Type *infer_object_method(Infer *in, const Node *n, const Type *object); /* a call of any method */
const Type *infer_object_call(Infer *in, const Node *n, const Type *likely);   /* of any object */
/* A call of a built-in function, which compiled code knows or not. NULL: no object comes into it. */
const Type *infer_object_builtin(Infer *in, const Node *n, Str name, bool is_known);
const Type *infer_object_text(Infer *in, const Node *n, Str text);
const Type *infer_object_global(Infer *in, const Node *n); /* a Name */
const Type *infer_object_item(Infer *in, const Node *n, const Type *object);
/* What an operand's type is for arithmetic with one of the other type, when both are evaluated. */
const Type *infer_object_number(Infer *in, const Node *right, const Type *type, const Type *other);
const Type *infer_object_binary(Infer *in, const Node *n, const Type *a, const Type *b);
bool infer_object_compare(Infer *in,
                          const Node *n); /* whether one of two operands is an object, and it is not their identity */
void infer_object_truth(Infer *in, const Node *n);                            /* of n's value, which is an object */
const Type *infer_object_turns(Infer *in, const Node *n, const Type *object); /* what a For's target is given */
const Type *infer_object_attribute(Infer *in, const Node *n);
/* Whether it is an item or an attribute of an object that is no list; n: the assignment, behind its value. */
bool infer_object_target(Infer *in, const Node *n, const Node *target);
bool infer_is_object_attribute(Infer *in, const Node *target); /* such an attribute */

/* Whether it is an AugAssign of an item of an object that is no list, or of a local that is an object. */
bool infer_object_augmented(Infer *in, const Node *n);
const Type *infer_object_slice(Infer *in, const Node *n, const Type *object); /* a Subscript */

/* infer_comprehension.c */
const Type *infer_comprehension(Infer *in, const Node *n); /* a ListComp */
const Type *infer_element(Infer *in, const Node *n);       /* a Yield of Bound.loops */
const Node *infer_yield(const Node *loop);                 /* what gives an element */
void infer_forget(Infer *in, Nodes generators);            /* its own names mean nothing behind it */

/* infer_taking.c: all(), any(), sum(), min(), max() of a generator expression. NULL: n is another call. */
const Type *infer_taking(Infer *in, const Node *n, Str name);
const Type *infer_taken(Infer *in, const Node *n); /* a Yield of its loops */

/* infer_try.c */
void infer_attempt(Infer *in, const Node *n); /* a Try */
void infer_note_raised(Infer *in);            /* a local is given another value: handlers may come to see it */
void infer_with(Infer *in, const Node *n);
bool infer_leaves_try(Infer *in, bool breaks, bool continues); /* or returns: by a `finally`, which goes on with it */
/* Fails where n, which is left to the interpreter, may have changed locals when it raises, which handlers would not see. */
void infer_check_caught(Infer *in, const Node *n, const RegionNames *names, const Diag *why);

/* infer_handler.c: of a Try, whose body and `else` are inferred. What handlers leave that are compiled is joined to what these do. */
void infer_handlers(Infer *in, const Node *n, TryMemory *memory);

/* infer_raise.c */
void infer_raise(Infer *in, const Node *n);       /* a Raise */
void infer_raise_arg(Infer *in, const Node *arg); /* of a raised exception or an assert: may be text */

const char *infer_syntax_words(NodeKind kind);    /* for messages: "a slice" */
const char *type_words(Infer *in, const Type *t); /* for messages: "int", "Optional[Node]", "tuple[int, float]" */
