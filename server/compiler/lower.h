/* Between the files of the lower stage: LLVM state of a module and of the function being lowered. */
#pragma once
#include "server/compiler/rules.h"
#include "server/compiler/typed.h"
#include "protocol/abi.h"
#include <llvm-c/Core.h>

struct LowerModule {
    Lang *lang;
    const LowerModule *before;
    Pool *pool;
    LLVMContextRef ctx;
    LLVMModuleRef module, runtime;
    LLVMTypeRef i1, i8, i32, i64, f32, f64, ptr, void_;
    unsigned md_tbaa, md_prof, md_invariant;
    LLVMMetadataRef tbaa_root;
    LLVMMetadataRef **tbaa; /* [def][field] */
    LLVMValueRef rarely, empty_node;
    LLVMValueRef class_ids;
    Instance **work; /* declared, not yet lowered */
    size_t nwork, cap_work;
};

/* The value of an expression: one LLVM value per slot. References in it are counted for it (owned) or somebody else's. */
typedef struct Val {
    const Type *type;
    LLVMValueRef *at;
    bool owned;
} Val;

/* Where a local's values of one type live: stack slots that LLVM makes registers. */
typedef struct Storage {
    const Type *type;
    LLVMValueRef *at;
} Storage;

typedef struct LocalVar {
    Storage *storages;
    size_t nstorages, cap;
    LLVMValueRef ref;   /* references of any class, None */
    LLVMValueRef bound; /* i1; NULL: never asked for */
    bool borrowed;      /* a parameter that nobody assigns: the caller's count keeps it */
} LocalVar;

typedef struct LowerLoop {
    struct LowerLoop *outer;
    LLVMBasicBlockRef on_break, on_continue;
} LowerLoop;

typedef struct Lower {
    LowerModule *m;
    Lang *lang;
    Pool *pool;
    Instance *inst;
    const Bound *bound;
    NodeInfo *info;
    LLVMBuilderRef b, entry_b; /* entry_b: allocas, saved fields */
    LLVMValueRef fn, frame, arena, self;
    LocalVar *locals;
    LLVMValueRef *owned_slots; /* every alloca that holds owned references */
    size_t nowned, cap_owned;
    LLVMValueRef *borrowed_slots; /* of a function that counts nothing: every alloca that holds references */
    size_t nborrowed, cap_borrowed;
    LLVMValueRef *polls; /* the calls that may run other Python code */
    size_t npolls, cap_polls;
    LLVMValueRef *fresh_starts; /* behind these, which may have run it, nothing has been stored yet */
    size_t nfresh_starts, cap_fresh_starts;
    LLVMValueRef *temps; /* owned references of the expression at hand */
    size_t ntemps, cap_temps;
    LLVMValueRef saved[64]; /* allocas: fields of self as they were before the first store, for EFFECT_UNDO */
    LLVMValueRef
        wrapped; /* alloca: arithmetic of sized types has given what the interpreter's would not; of Instance.sized */
    LLVMValueRef status, *results;
    LLVMBasicBlockRef on_exit, redo;
    LowerLoop *loop;
    bool *counters; /* per local: the loop at hand sees to it that small steps cannot overflow (lower_counter.c) */
    jmp_buf *bottom;
} Lower;

/* lower.c */
LLVMTypeRef lower_type(LowerModule *m, const Type *t); /* of a scalar or reference */
LLVMValueRef lower_rt(Lower *l, const char *name, LLVMValueRef *args, unsigned n);
LLVMValueRef lower_i64(Lower *l, int64_t value);
LLVMValueRef lower_i32(Lower *l, int64_t value);
LLVMValueRef lower_bool(Lower *l, bool value);
LLVMBasicBlockRef lower_block(Lower *l, const char *name);
void lower_go(Lower *l, LLVMBasicBlockRef to);
void lower_at(Lower *l, LLVMBasicBlockRef at);
bool lower_ended(Lower *l); /* the current block has its end */
LLVMValueRef lower_alloca(Lower *l, LLVMTypeRef type, const char *name);
void lower_dead_end(Lower *l); /* where nothing comes to; a trap, should infer have been wrong about that */
void lower_branch_rarely(Lower *l, LLVMValueRef cond, LLVMBasicBlockRef rare, LLVMBasicBlockRef usual);

/* lower_value.c */
Val val_new(Lower *l, const Type *type);
Val val_one(Lower *l, const Type *type, LLVMValueRef v);
Val val_none(void);
Val val_const(Lower *l, const Global *g);
Val val_convert(Lower *l, const Node *n, Val v, const Type *to);
/* Into a field or parameter: a float32 has a range. `place` is for the message: ":def:function:parameter", ":def::field", "". */
Val val_store(Lower *l, const Node *n, Val v, const Type *to, Str place);
Str val_field_place(Lower *l, uint32_t def, uint32_t field);
Str val_param_place(Lower *l, const FuncState *func, uint32_t param);
LLVMValueRef val_bits(Lower *l, const Type *type, LLVMValueRef v); /* as a JitdValue, i64 */
bool type_has_refs(const Type *t);
void val_own(Lower *l, Val *v);
size_t val_hold(Lower *l, Val v);        /* puts what it owns among the temporaries; returns their number before */
void val_forget(Lower *l, size_t mark);  /* takes them off again: somebody else has the counts now */
void val_release(Lower *l, size_t mark); /* takes them off and gives the counts back */
LLVMValueRef val_truth(Lower *l, Val v);

/* lower_memory.c */
LLVMValueRef lower_field_load(Lower *l, LLVMValueRef object, uint32_t def, uint32_t field);
void lower_field_store(Lower *l, LLVMValueRef object, uint32_t def, uint32_t field, LLVMValueRef v);
Val local_load(Lower *l, const Node *n, uint32_t local, const Type *type);
void local_store(Lower *l, uint32_t local, Val v);
void local_init_params(Lower *l);

/* lower_trap.c */
typedef struct FailSpec {
    SiteKind kind;
    Str text;
    uint32_t cls;
    bool store; /* SITE_NONE: an attribute is assigned to */
    const Val *operands;
    size_t noperands;
    bool always; /* raise even where nothing was committed */
} FailSpec;
uint32_t lower_site(Lower *l, const Node *n, Site site);
void lower_check(Lower *l, const Node *n, LLVMValueRef fails, FailSpec spec);
void lower_status_check(Lower *l, const Node *n, LLVMValueRef status, Str op, const Val *operands, size_t noperands);
void lower_fail(Lower *l, const Node *n, FailSpec spec); /* here and now */
void lower_trap_exit(Lower *l, LLVMValueRef status);
void lower_import_status(Lower *l, const Node *n, LLVMValueRef status);
void lower_int_instead(Lower *l, const Node *n); /* a NODE_MAYBE_INT whose value is an int: here and now */
void lower_raise_site(Lower *l, const Node *n, Site site, LLVMValueRef *values, size_t nvalues);
void lower_call_check(Lower *l, const Node *n, LLVMValueRef status);
void lower_redo(Lower *l, const Node *n, uint64_t undo, Str reason); /* here and now */
void lower_fresh_start(Lower *l, LLVMValueRef call);
void lower_save_again(Lower *l);
void lower_wrapped(Lower *l, LLVMValueRef cond); /* NULL: it is not looked whether it has */
Str lower_overflow_text(Lower *l, Str op);

/* lower_expr.c */
Val lower_expr(Lower *l, const Node *n);
Val lower_expr_borrowed(Lower *l, const Node *n); /* used up before anything else happens: references need no count */
void lower_cond(Lower *l, const Node *n, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);
LLVMValueRef lower_object(Lower *l, const Node *attribute,
                          Val base); /* base's reference, checked for None where needed */
LLVMValueRef lower_object_for(Lower *l, const Node *attribute, Val base, bool store);

/* lower_op.c */
Val lower_binary(Lower *l, const Node *n, Operator op, const Rule *rule, const Type *common, Val a, Val b);
Val lower_half_of_divmod(Lower *l, const Node *n, Operator op, const Type *common, Val a,
                         Val b);                                                       /* // or %, as converted */
Val lower_operator(Lower *l, const Node *n, Operator op, Val left, const Node *right); /* as infer_binary found */
Val lower_unary(Lower *l, const Node *n);
Val lower_compare(Lower *l, const Node *n);

/* lower_call.c */
Val lower_call(Lower *l, const Node *n);
Val lower_invoke(Lower *l, const Node *n, Instance *callee, LLVMValueRef *args);
Val lower_property(Lower *l, const Node *n, Instance *callee, Val self);
void lower_setter(Lower *l, const Node *n, Instance *callee, LLVMValueRef self, Val v);
Val lower_special(Lower *l, const Node *n, const SpecialCall *call, Val left, const Val *right);
LLVMValueRef lower_special_len(Lower *l, const Node *n, const SpecialCall *call,
                               Val v); /* checked not to be negative */
void store_field_value(Lower *l, const Node *n, LLVMValueRef object, uint32_t def, uint32_t field, Val v);

/* lower_builtin.c */
Val lower_builtin(Lower *l, const Node *n, const CallInfo *call);
Val lower_math(Lower *l, const Node *n, const CallInfo *call);

/* lower_counter.c */
bool counter_step(Lower *l, const Node *augassign);        /* local += small constant? */
bool *counters_of(Lower *l, const Node *loop, Nodes body); /* per local; NULL: none */
void counters_check(Lower *l, const Node *loop, const bool *counters);

/* lower_stmt.c, lower_loop.c, lower_raise.c */
void lower_body(Lower *l, Nodes body);
void lower_target(Lower *l, const Node *target, Val v);
void lower_while(Lower *l, const Node *n);
void lower_for(Lower *l, const Node *n);
void lower_poll(Lower *l, const Node *n, Effect effect, uint64_t undo); /* what was before it */
void lower_guard_polls(Lower *l);
void lower_raise(Lower *l, const Node *n);
void lower_assert(Lower *l, const Node *n);
void lower_return(Lower *l, const Node *n, Val v);
