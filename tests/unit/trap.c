/* Traps as errors for C: exception, message, frames; nothing that the sites or the trap say is read out of bounds. */
#include "client/lib/session.h"
#include <criterion/criterion.h>
#include <math.h>

static msgpack_zone zone;
static MetaDef defs[] = {{STR("geometry.Point"), STR("/src/geometry.py")},
                         {STR("geometry.scale"), STR("/src/geometry.py")}};
static MetaSite sites[3];
static Unit unit = {.meta = {.defs = defs, .ndefs = 2, .sites = sites, .nsites = 3}};
static jitd_method method = {.unit = &unit, .name = "norm"};
static JitdTrap trap;
static jitd_error error;

static msgpack_sbuffer buffer;
static msgpack_packer pk;
static msgpack_object payload;

static void begin(size_t n) {
    msgpack_zone_init(&zone, 512);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&pk, n);
}

static void str(const char *s) {
    wire_put_cstr(&pk, s);
}

static void slot(int i, const char *type) {
    msgpack_pack_int(&pk, i);
    str(type);
}

static const char *end(const char *kind) {
    size_t at = 0;
    cr_assert_eq(msgpack_unpack(buffer.data, buffer.size, &at, &zone, &payload), MSGPACK_UNPACK_SUCCESS);
    sites[0] =
        (MetaSite){.line = 7, .def = 0, .function = STR("norm"), .kind = str_from_cstr(kind), .payload = &payload};
    sites[1] = (MetaSite){.line = 20, .def = 1, .function = STR("scale"), .kind = STR("call"), .payload = &payload};
    sites[2] = (MetaSite){.line = 30, .def = 0, .function = STR("outer"), .kind = STR("call"), .payload = &payload};
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_RAISE, &trap), JITD_E_EXCEPTION);
    msgpack_zone_destroy(&zone);
    msgpack_sbuffer_destroy(&buffer);
    return error.message;
}

#define IS(exc, text, kind)                                                                                            \
    do {                                                                                                               \
        const char *got = end(kind);                                                                                   \
        cr_assert(!strcmp(got, text), "%s: %s", error.exception, got);                                                 \
        cr_assert(!strcmp(error.exception, exc), "%s: %s", error.exception, got);                                      \
    } while (0)

Test(trap, raise_with_constant) {
    begin(2), str("ValueError");
    msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 2), str("c"), msgpack_pack_array(&pk, 2), str("str"),
        str("no such point");
    IS("ValueError", "no such point", "raise");
}

Test(trap, raise_without_arguments) {
    begin(2), str("KeyError"), msgpack_pack_array(&pk, 0);
    IS("KeyError", "", "raise");
}

Test(trap, raise_with_formatted_values) {
    trap.values[1].i = -3, trap.values[2].f = 0.1;
    begin(2), str("ValueError"), msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 2), str("f"),
        msgpack_pack_array(&pk, 4);
    str("x = "), msgpack_pack_array(&pk, 4), slot(1, "int"), msgpack_pack_nil(&pk), str("");
    str(", y = "), msgpack_pack_array(&pk, 4), slot(2, "float"), msgpack_pack_nil(&pk), str("");
    IS("ValueError", "x = -3, y = 0.1", "raise");
}

Test(trap, slots_out_of_range_are_left_out) {
    begin(2), str("ValueError"), msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 3), str("v"), slot(99, "int");
    IS("ValueError", "", "raise");
}

Test(trap, operations) {
    begin(2), str("//"), msgpack_pack_array(&pk, 0);
    IS("ZeroDivisionError", "division by zero", "op");
    begin(2), str("<<"), msgpack_pack_array(&pk, 0);
    IS("ValueError", "negative shift count", "op");
    trap.values[0].f = -1;
    begin(2), str("math.sqrt"), msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 2), slot(0, "float");
    IS("ValueError", "math.sqrt failed for (-1.0)", "op");
    trap.values[0].i = 300;
    begin(2), str("store:int8:0:norm:k"), msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 2), slot(0, "int");
    IS("OverflowError", "300 is out of range for int8", "op");
    begin(2), str("store:uint8"), msgpack_pack_array(&pk, 0);
    IS("OverflowError", " is out of range for uint8", "op");
}

Test(trap, attributes_overflow_recursion) {
    begin(2), msgpack_pack_int(&pk, 0), str("next");
    IS("AttributeError", "'Point' object has no attribute 'next'", "attr");
    begin(2), msgpack_pack_int(&pk, 77), str("next");
    IS("AttributeError", "", "attr");
    begin(1), str("x");
    IS("AttributeError", "'NoneType' object has no attribute 'x'", "none");
    begin(1), str("int too large");
    IS("OverflowError", "int too large", "overflow");
    begin(0);
    IS("RecursionError", "maximum recursion depth exceeded", "recursion");
}

Test(trap, frames_innermost_first_and_bounded) {
    trap.ntrace = 3, trap.trace[0] = 1, trap.trace[1] = 2, trap.trace[2] = 12345;
    begin(1), str("x");
    end("overflow");
    cr_assert_eq(error.nframes, 3);
    cr_assert(error.frames[0].line == 7 && !strcmp(error.frames[0].function, "norm"));
    cr_assert(error.frames[1].line == 20 && !strcmp(error.frames[1].function, "scale") &&
              !strcmp(error.frames[1].file, "/src/geometry.py"));
    cr_assert(error.frames[2].line == 30);
    trap.ntrace = 1000000; /* deeper than the trace: the rest was dropped */
    for (int i = 0; i < JITD_TRACE_MAX; i++)
        trap.trace[i] = 1;
    begin(1), str("x");
    end("overflow");
    cr_assert_eq(error.nframes, 1 + JITD_TRACE_MAX);
    trap.site = 3;
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_RAISE, &trap), JITD_E_EXCEPTION);
}

static const char *repr(double value) {
    trap.values[0].f = value;
    begin(2), str("E"), msgpack_pack_array(&pk, 1), msgpack_pack_array(&pk, 3), str("v"), slot(0, "float");
    return end("raise");
}

#define REPR(value, text) cr_assert(!strcmp(repr(value), text), "%s is not " text, error.message)

Test(trap, floats_as_python_writes_them) {
    REPR(0.0, "0.0");
    REPR(-0.0, "-0.0");
    REPR(1.0, "1.0");
    REPR(100.0, "100.0");
    REPR(0.1, "0.1");
    REPR(1e15, "1000000000000000.0");
    REPR(1e16, "1e+16");
    REPR(1.5e300, "1.5e+300");
    REPR(0.0001, "0.0001");
    REPR(0.00001, "1e-05");
    REPR(1.0 / 3, "0.3333333333333333");
    REPR(123456.789, "123456.789");
    REPR(INFINITY, "inf");
    REPR(-INFINITY, "-inf");
    REPR(NAN, "nan");
    REPR(5e-324, "5e-324");
    REPR(2.5, "2.5");
    REPR(9007199254740993.0, "9007199254740992.0");
    REPR(120.0, "120.0");
}

Test(trap, other_kinds) {
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_MEMORY, &trap), JITD_E_MEMORY);
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_REDO, &trap), JITD_E_REDO);
    trap.nvalues = 1, trap.values[0].u = 0;
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_PYTHON, &trap), JITD_E_EXCEPTION);
    cr_assert(!strcmp(error.message, "math.gamma needs a Python interpreter"), "%s", error.message);
    trap.values[0].u = 1 << 20;
    cr_assert_eq(error_trap(&error, &method, JITD_TRAP_PYTHON, &trap), JITD_E_EXCEPTION);
}
