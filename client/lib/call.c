/* Call plans: the native entry of any signature, called through libffi. Everything that depends on the signature is
 * prepared once; a call fills an array of pointers on the stack.
 *
 * An argument is passed from where it is: on a little-endian machine the address of a JitdValue is the address of its
 * narrower members, too. Results are written to the JitdValue in the same way and widened afterwards. */
#include "client/lib/client.h"
#include <errno.h>
#include <ffi.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "JitdValue's members are expected to begin at the same byte's value"
#endif

#define PLAN_MAX_ARGS 512

struct CallPlan {
    ffi_cif cif;
    uint32_t nin, nout, has_self;
    bool widen; /* some result is narrower than its slot */
    uint8_t *result_kinds;
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
        plan->types[2 + plan->nin++] = scalar_type(t->kind);
}

static void add_results(CallPlan *plan, const Type *t) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            add_results(plan, t->items[i]);
    else if (t->kind != TYPE_NONE) {
        plan->widen = plan->widen || scalar_type(t->kind)->size < 8;
        plan->result_kinds[plan->nout++] = (uint8_t)t->kind;
    }
}

int call_plan_new(const Type *const *params, size_t nparams, const Type *result, int has_self, CallPlan **ret_plan) {
    size_t nin = 0, nout = type_slots(result);
    for (size_t i = 0; i < nparams && nin <= PLAN_MAX_ARGS; i++)
        nin += type_slots(params[i]);
    if (2 + nin + nout > PLAN_MAX_ARGS)
        return -E2BIG;
    CallPlan *plan = calloc(1, sizeof *plan + (2 + nin + nout) * sizeof plan->types[0] + nout);
    if (!plan)
        return -ENOMEM;
    plan->result_kinds = (uint8_t *)&plan->types[2 + nin + nout];
    plan->has_self = has_self != 0;
    for (size_t i = 0; i < nparams; i++)
        add_arguments(plan, params[i]);
    add_results(plan, result);
    for (size_t i = 0; i < nout; i++)
        plan->types[2 + nin + i] = &ffi_type_pointer;
    plan->types[0] = &ffi_type_pointer;
    plan->types[1] = &ffi_type_uint64;
    if (!has_self) /* the frame takes the place of self, so that the rest stays where it is */
        plan->types[1] = &ffi_type_pointer;
    unsigned skip = has_self ? 0 : 1;
    if (ffi_prep_cif(&plan->cif, FFI_DEFAULT_ABI, (unsigned)(2 + nin + nout) - skip, &ffi_type_sint32,
                     plan->types + skip) != FFI_OK) {
        free(plan);
        return -EINVAL;
    }
    *ret_plan = plan;
    return 0;
}

void call_plan_free(CallPlan *plan) {
    free(plan);
}

static void widen(const CallPlan *plan, JitdValue *out) {
    for (uint32_t i = 0; i < plan->nout; i++)
        switch (plan->result_kinds[i]) {
        case TYPE_BOOL:
        case TYPE_UINT8:
            out[i].u = (uint8_t)out[i].u;
            break;
        case TYPE_UINT16:
            out[i].u = (uint16_t)out[i].u;
            break;
        case TYPE_UINT32:
            out[i].u = (uint32_t)out[i].u;
            break;
        case TYPE_INT8:
            out[i].i = (int8_t)out[i].i;
            break;
        case TYPE_INT16:
            out[i].i = (int16_t)out[i].i;
            break;
        case TYPE_INT32:
            out[i].i = (int32_t)out[i].i;
            break;
        }
}

int32_t call_plan_call(const CallPlan *plan, const void *native, JitdFrame *frame, uint64_t self, const JitdValue *in,
                       JitdValue *out) {
    void *args[PLAN_MAX_ARGS], **a = args;
    JitdValue *places[PLAN_MAX_ARGS];
    ffi_arg status = 0;
    *a++ = &frame;
    if (plan->has_self)
        *a++ = &self;
    for (uint32_t i = 0; i < plan->nin; i++)
        *a++ = (void *)(uintptr_t)&in[i];
    for (uint32_t i = 0; i < plan->nout; i++) {
        places[i] = &out[i];
        *a++ = &places[i];
    }
    ffi_call((ffi_cif *)(uintptr_t)&plan->cif, FFI_FN(native), &status, args);
    if (plan->widen && (int32_t)status == JITD_TRAP_NONE)
        widen(plan, out);
    return (int32_t)status;
}
