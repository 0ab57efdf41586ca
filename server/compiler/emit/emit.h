/* Between the files of the emit stage: LLVM state of a module and of the function at hand. */
#pragma once
#include "protocol/abi.h"
#include "server/compiler/flow/flow.h"
#include <llvm-c/Core.h>

struct EmitModule {
    Lang *lang;
    const EmitModule *before;
    Pool *pool;
    LLVMContextRef ctx;
    LLVMModuleRef module, runtime;
    LLVMTypeRef i1, i8, i32, i64, f32, f64, ptr, void_;
    unsigned md_tbaa, md_prof, md_invariant;
    LLVMMetadataRef tbaa_root;
    LLVMMetadataRef **tbaa; /* [def][field] */
    LLVMValueRef rarely, empty_node;
    LLVMValueRef class_ids;
    Instance **work; /* declared, not yet emitted */
    size_t nwork, cap_work;
};

typedef struct Emit {
    EmitModule *m;
    Pool *pool;
    Instance *inst;
    const FlowFunc *f;
    LLVMBuilderRef b, entry_b; /* entry_b: allocas */
    LLVMValueRef fn, frame, arena;
    LLVMValueRef kept;         /* KEEP's array; NULL: not asked for yet */
    LLVMValueRef handed;       /* RESUME's */
    LLVMValueRef *handed_at;   /* its elements' addresses */
    LLVMValueRef **values;     /* by FlowOp.id: one for each slot */
    LLVMValueRef *statuses;    /* by FlowOp.id, of what has failed with one */
    LLVMValueRef **vars;       /* by FlowVar.id: the allocas of its slots */
    LLVMBasicBlockRef *blocks; /* by FlowBlock.id; NULL: not come to yet */
    const FlowBlock **queue;   /* those that have been come to */
    size_t nqueue;
    unsigned nobjects; /* calls of the runtime's that make and count objects so far */
} Emit;

/* emit.c */
LLVMTypeRef emit_type(EmitModule *m, const Type *t); /* of a scalar or reference */
LLVMValueRef emit_rt(Emit *e, const char *name, LLVMValueRef *args, unsigned n);
LLVMValueRef emit_i64(Emit *e, int64_t value);
LLVMValueRef emit_i32(Emit *e, int64_t value);
LLVMBasicBlockRef emit_block(Emit *e, const FlowBlock *block);
LLVMValueRef emit_alloca(Emit *e, LLVMTypeRef type, const char *name);
void emit_branch_rarely(Emit *e, LLVMValueRef condition, LLVMBasicBlockRef rare, LLVMBasicBlockRef usual);
void emit_slot_types(const Type *t, const Type **types, unsigned *n); /* those of its slots, in order */

/* emit_op.c, emit_arith.c */
void emit_op(Emit *e, FlowOp *op);
bool emit_arith(Emit *e, FlowOp *op, LLVMValueRef *ret_value);     /* whether it is one of the operations there */
LLVMValueRef emit_bits(Emit *e, const Type *type, LLVMValueRef v); /* as a JitdValue, i64 */
/* Goes to fails[] where the condition, or status, says so; goes on behind it. */
void emit_failing(Emit *e, LLVMValueRef condition, const FlowBlock *to);

/* emit_memory.c */
LLVMValueRef emit_field_load(Emit *e, LLVMValueRef object, uint32_t def, uint32_t field);
void emit_field_store(Emit *e, LLVMValueRef object, uint32_t def, uint32_t field, LLVMValueRef v);

/* emit_resume.c */
void emit_resume(Emit *e, FlowOp *op);               /* its value is the status */
LLVMValueRef emit_region(Emit *e, const FlowOp *op); /* the status */
void emit_given(Emit *e, const FlowOp *op);          /* its value is what the interpreter gave */

/* emit_site.c */
uint32_t emit_site(Emit *e, const FlowOp *op); /* a new row of the site table, for a TRAP, TRAP_AS or TRACE */
