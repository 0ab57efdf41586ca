/* Call plans: the native entry of any signature, called through libffi. Everything that depends on the signature is
 * prepared once; a call fills an array of pointers on the stack.
 *
 * An argument is passed from where it is: on a little-endian machine the address of a JitdValue is the address of its
 * narrower members, too. Results come in whole slots. */
#include "client/lib/client.h"
#include <errno.h>
#include <ffi.h>

#if !FFI_GO_CLOSURES
#error "this libffi cannot set the static chain register (ffi_call_go)"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "JitdValue's members are expected to begin at the same byte's value"
#endif

#define PLAN_MAX_ARGS 512

struct CallPlan {
    ffi_cif cif;
    uint32_t nin;
    ffi_type *types[];
};

static ffi_type *scalar_type(TypeKind kind) {
    switch (kind) {
    case TYPE_FLOAT:
        return &ffi_type_double;
    case TYPE_FLOAT32:
        return &ffi_type_float;
    case TYPE_BOOL:
    case TYPE_UINT8:
        return &ffi_type_uint8;
    case TYPE_UINT16:
        return &ffi_type_uint16;
    case TYPE_UINT32:
        return &ffi_type_uint32;
    case TYPE_INT8:
        return &ffi_type_sint8;
    case TYPE_INT16:
        return &ffi_type_sint16;
    case TYPE_INT32:
        return &ffi_type_sint32;
    case TYPE_INT:
    case TYPE_INT64:
        return &ffi_type_sint64;
    default:
        return &ffi_type_uint64; /* uint64 and references */
    }
}

/* Appends the slots of t. */
static void add_arguments(CallPlan *plan, const Type *t) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            add_arguments(plan, t->items[i]);
    else if (t->kind != TYPE_NONE)
        plan->types[plan->nin++] = scalar_type(t->kind);
}

int call_plan_new(const Type *const *params, size_t nparams, CallPlan **ret_plan) {
    size_t nin = 0;
    for (size_t i = 0; i < nparams && nin <= PLAN_MAX_ARGS; i++)
        nin += type_slots(params[i]);
    if (nin > PLAN_MAX_ARGS)
        return -E2BIG;
    CallPlan *plan = calloc(1, sizeof *plan + nin * sizeof plan->types[0]);
    if (!plan)
        return -ENOMEM;
    for (size_t i = 0; i < nparams; i++)
        add_arguments(plan, params[i]);
    if (ffi_prep_cif(&plan->cif, FFI_DEFAULT_ABI, plan->nin, &ffi_type_sint32, plan->types) != FFI_OK) {
        free(plan);
        return -EINVAL;
    }
    *ret_plan = plan;
    return 0;
}

void call_plan_free(CallPlan *plan) {
    free(plan);
}

int32_t call_plan_call(const CallPlan *plan, const void *native, JitdFrame *frame, uint64_t self, const JitdValue *in,
                       JitdValue *out) {
    JitdCall call = {.frame = frame, .self = self, .out = out};
    void *args[PLAN_MAX_ARGS];
    ffi_arg status = 0;
    for (uint32_t i = 0; i < plan->nin; i++)
        args[i] = (void *)(uintptr_t)&in[i];
    ffi_call_go((ffi_cif *)(uintptr_t)&plan->cif, FFI_FN(native), &status, args, &call);
    return (int32_t)status;
}
