/* Call plans against C functions of the native convention: every scalar, many arguments, tuples, results, traps. */
#include "client/lib/client.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>

static Pool pool;
static JitdFrame frame;

/* What a native entry finds in the static chain register, which C cannot name: NATIVE(f, arguments) makes an entry
 * native_f that keeps it here and goes on to f. */
__attribute__((used, visibility("hidden"))) JitdCall *call_now;

#define NATIVE(f, ...)                                                                                                 \
    extern const char native_##f[];                                                                                    \
    __asm__(".pushsection .text\n native_" #f ": mov %r10, call_now(%rip)\n jmp " #f "\n .popsection\n");              \
    __attribute__((used)) static int32_t f(__VA_ARGS__)

static const Type *type(const char *text) {
    const Type *t = type_parse(&pool, str_from_cstr(text), 3);
    cr_assert(t, "%s", text);
    return t;
}

static CallPlan *plan_of(const char *const *params, size_t n) {
    const Type *types[600];
    CallPlan *plan = NULL;
    for (size_t i = 0; i < n; i++)
        types[i] = type(params[i]);
    int r = call_plan_new(types, n, &plan);
    cr_assert_eq(r, 0, "%d", r);
    return plan;
}

#define PARAMS(...) (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

/* Every scalar in, as C sees it; the widened value in the result's slot. */
#define ECHO(name, ctype, member)                                                                                      \
    NATIVE(echo_##name, ctype value) {                                                                                 \
        if (call_now->frame != &frame || call_now->self != 4096)                                                       \
            return JITD_TRAP_RAISE;                                                                                    \
        call_now->out->member = value;                                                                                 \
        return JITD_TRAP_NONE;                                                                                         \
    }
#define SCALAR(name, text, size, ctype, member, sign, exact) ECHO(name, ctype, member)
#include "protocol/types.def"
#undef SCALAR
ECHO(ref, uint64_t, ref)

static JitdValue echo(const char *t, const void *fn, JitdValue in) {
    CallPlan *plan = plan_of(&t, 1);
    JitdValue out = {.u = 0xdeadbeefdeadbeef};
    cr_assert_eq(call_plan_call(plan, fn, &frame, 4096, &in, &out), JITD_TRAP_NONE);
    call_plan_free(plan);
    return out;
}

static void echo_int(const char *t, const void *fn, int64_t value) {
    JitdValue out = echo(t, fn, (JitdValue){.i = value});
    cr_assert_eq(out.i, value, "%s: %ld became %ld", t, (long)value, (long)out.i);
}

Test(call, every_scalar_at_its_limits) {
    echo_int("int", native_echo_INT, INT64_MIN), echo_int("int", native_echo_INT, INT64_MAX),
        echo_int("int", native_echo_INT, -1);
    echo_int("int8", native_echo_INT8, INT8_MIN), echo_int("int8", native_echo_INT8, INT8_MAX);
    echo_int("int16", native_echo_INT16, INT16_MIN), echo_int("int16", native_echo_INT16, INT16_MAX);
    echo_int("int32", native_echo_INT32, INT32_MIN), echo_int("int32", native_echo_INT32, INT32_MAX);
    echo_int("int64", native_echo_INT64, INT64_MIN), echo_int("int64", native_echo_INT64, INT64_MAX);
    echo_int("uint8", native_echo_UINT8, UINT8_MAX), echo_int("uint16", native_echo_UINT16, UINT16_MAX);
    echo_int("uint32", native_echo_UINT32, UINT32_MAX), echo_int("uint64", native_echo_UINT64, -1);
    echo_int("bool", native_echo_BOOL, 0), echo_int("bool", native_echo_BOOL, 1);
    echo_int("@2", native_echo_ref, 1 << 20), echo_int("@0?", native_echo_ref, JITD_NONE);
}

Test(call, floats_bit_for_bit) {
    double values[] = {0.0, -0.0, 1.5, INFINITY, -INFINITY, NAN, 5e-324, 1.7976931348623157e308};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        JitdValue in = {.f = values[i]}, out = echo("float", native_echo_FLOAT, in);
        cr_assert_eq(out.u, in.u);
        float narrow = (float)values[i], back;
        out = echo("float32", native_echo_FLOAT32, (JitdValue){.f32 = narrow});
        back = out.f32;
        cr_assert_eq(memcmp(&narrow, &back, sizeof narrow), 0);
    }
}

/* 8 integers and 10 floats, mixed: more than there are registers of either kind. */
static double sum(int64_t a, double b, int8_t c, float d, uint16_t e, double g, int32_t h, double i, uint8_t j,
                  double k, int64_t l, double m, int16_t n, double o, uint32_t p, double q, double r, double s) {
    return (double)a + 2 * b + 3 * c + 4 * (double)d + 5 * e + 6 * g + 7 * h + 8 * i + 9 * j + 10 * k + 11 * (double)l +
           12 * m + 13 * n + 14 * o + 15 * (double)p + 16 * q + 17 * r + 18 * s;
}

NATIVE(many, int64_t a, double b, int8_t c, float d, uint16_t e, double g, int32_t h, double i, uint8_t j, double k,
       int64_t l, double m, int16_t n, double o, uint32_t p, double q, double r, double s) {
    call_now->out->f = sum(a, b, c, d, e, g, h, i, j, k, l, m, n, o, p, q, r, s);
    return JITD_TRAP_NONE;
}

Test(call, arguments_beyond_the_registers) {
    CallPlan *plan = plan_of(PARAMS("int", "float", "int8", "float32", "uint16", "float", "int32", "float", "bool",
                                    "float", "int64", "float", "int16", "float", "uint32", "float", "float", "float"));
    JitdValue in[18] = {{.i = 1},      {.f = .5}, {.i = -3},         {.f32 = .25f}, {.u = 65535},     {.f = 2},
                        {.i = -70000}, {.f = 3},  {.i = 1},          {.f = 4},      {.i = 1LL << 40}, {.f = 5},
                        {.i = -300},   {.f = 6},  {.u = 4000000000}, {.f = 7},      {.f = 8},         {.f = 9}},
              out;
    double expected = sum(1, .5, -3, .25f, 65535, 2, -70000, 3, 1, 4, 1LL << 40, 5, -300, 6, 4000000000, 7, 8, 9);
    cr_assert_eq(call_plan_call(plan, native_many, &frame, 16, in, &out), JITD_TRAP_NONE);
    cr_assert_eq(out.f, expected, "%g, expected %g", out.f, expected);
    call_plan_free(plan);
}

/* A nested tuple in, another one out; None and () take no slot. */
NATIVE(swap, int32_t a, double b, uint8_t c) {
    if (call_now->frame != &frame || call_now->self != 0)
        return JITD_TRAP_RAISE;
    call_now->out[0].f = b, call_now->out[1].i = a, call_now->out[2].i = c;
    return JITD_TRAP_NONE;
}

Test(call, tuples_are_their_slots) {
    CallPlan *plan = plan_of(PARAMS("(int32,(float,()),None)", "bool"));
    JitdValue in[3] = {{.i = -5}, {.f = 2.5}, {.i = 1}}, out[3];
    cr_assert_eq(call_plan_call(plan, native_swap, &frame, 0, in, out), JITD_TRAP_NONE);
    cr_assert(out[0].f == 2.5 && out[1].i == -5 && out[2].i == 1);
    call_plan_free(plan);
}

NATIVE(nothing, void) {
    call_now->frame->trap.site = (uint32_t)call_now->self;
    return call_now->self == 7 ? JITD_TRAP_RAISE : JITD_TRAP_NONE;
}

Test(call, status_comes_back) {
    CallPlan *plan = plan_of(NULL, 0);
    cr_assert_eq(call_plan_call(plan, native_nothing, &frame, 6, NULL, NULL), JITD_TRAP_NONE);
    cr_assert_eq(call_plan_call(plan, native_nothing, &frame, 7, NULL, NULL), JITD_TRAP_RAISE);
    cr_assert_eq(frame.trap.site, 7);
    call_plan_free(plan);
}

Test(call, too_many_slots_are_refused) {
    const Type *types[600];
    CallPlan *plan = NULL;
    for (int i = 0; i < 600; i++)
        types[i] = type("int");
    cr_assert_eq(call_plan_new(types, 600, &plan), -E2BIG);
    cr_assert_eq(call_plan_new(types, 513, &plan), -E2BIG);
    cr_assert_eq(call_plan_new(types, 512, &plan), 0);
    call_plan_free(plan);
}
