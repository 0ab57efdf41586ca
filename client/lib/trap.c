/* Failures as jitd_error: a trap is looked up in the unit's sites, and its message made as far as that goes without an
 * interpreter. */
#include "client/lib/session.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

int error_set(jitd_error *error, int code, const char *exception, const char *format, ...) {
    if (!error)
        return code;
    va_list args;
    va_start(args, format);
    error->code = code;
    error->nframes = 0;
    snprintf(error->exception, sizeof error->exception, "%s", exception);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return code;
}

int error_errno(jitd_error *error, int r) {
    switch (r) {
    case -ENOMEM:
        return error_set(error, JITD_E_MEMORY, "MemoryError", "no memory");
    case -ETIMEDOUT:
        return error_set(error, JITD_E_SYSTEM, "TimeoutError", "the daemon does not answer");
    case -ECHILD:
        return error_set(error, JITD_E_DISCONNECTED, "RuntimeError",
                         "this process was forked without jitd_fork_prepare()");
    case -EMSGSIZE:
        return error_set(error, JITD_E_SYSTEM, "RuntimeError", "the message is too large");
    case -EPROTO:
        return error_set(error, JITD_E_SYSTEM, "RuntimeError", "the daemon's answer is malformed");
    case -E2BIG:
        return error_set(error, JITD_E_TYPE, "TypeError", "too many values for one call");
    default:
        return error_set(error, JITD_E_DISCONNECTED, "ConnectionError", "the daemon is gone: %s", strerror(-r));
    }
}

int error_request(jitd_error *error, int r, const ClientError *refusal) {
    if (r > 0)
        return error_set(error, JITD_E_SYSTEM, "RuntimeError", "%s: %s", refusal->code, refusal->message);
    return r < 0 ? error_errno(error, r) : 0;
}

/* ---- text ---- */

typedef struct Text {
    char *at;
    size_t len, size;
} Text;

static void put(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(Text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at + t->len, t->size - t->len, format, args);
    va_end(args);
    if (n > 0)
        t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

/* float.__repr__: the fewest digits that read back the same, an exponent below 1e-4 and from 1e16 on. */
static void put_float(Text *t, double value) {
    char digits[32];
    int precision = 0;
    if (!isfinite(value)) {
        put(t, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    do
        snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (value != 0 && (exponent < -4 || exponent >= 16))
        put(t, "%s", digits);
    else
        put(t, "%.*f", precision > exponent ? precision - exponent : 0, value);
    if (value == 0 || (exponent >= -4 && exponent < 16 && precision <= exponent))
        put(t, ".0");
}

static void put_value(Text *t, Str type, JitdValue v) {
    if (str_eq_c(type, "float"))
        put_float(t, v.f);
    else if (str_eq_c(type, "float32"))
        put_float(t, (double)v.f32);
    else if (str_eq_c(type, "bool"))
        put(t, v.u ? "True" : "False");
    else if (type.len && type.ptr[0] == 'u')
        put(t, "%llu", (unsigned long long)v.u);
    else if (type.len && type.ptr[0] == '@')
        put(t, v.ref == JITD_NONE ? "None" : "<instance %#llx>", (unsigned long long)v.ref);
    else
        put(t, "%lld", (long long)v.i);
}

static bool put_slot(Text *t, const msgpack_object *slot, const msgpack_object *type, const JitdTrap *trap) {
    uint64_t i;
    Str text;
    if (!wire_uint(slot, JITD_TRAP_VALUES - 1, &i) || !wire_str(type, &text))
        return false;
    put_value(t, text, trap->values[i]);
    return true;
}

/* ["int", 3] and the like */
static void put_const(Text *t, const msgpack_object *o) {
    msgpack_object_array a;
    Str kind, s;
    JitdValue v;
    double f;
    bool b;
    if (!wire_array(o, &a) || !a.size || !wire_str(&a.ptr[0], &kind))
        return;
    const msgpack_object *value = a.size > 1 ? &a.ptr[1] : NULL;
    if (wire_str(value, &s))
        put(t, "%.*s", STR_FMT(s));
    else if (wire_bool(value, &b))
        put(t, b ? "True" : "False");
    else if (wire_int(value, INT64_MIN, INT64_MAX, &v.i) && str_eq_c(kind, "int"))
        put(t, "%lld", (long long)v.i);
    else if (wire_float(value, &f))
        put_float(t, f);
    else
        put(t, "None");
}

/* The parts of an f-string: text, or [slot, type, conversion, format spec]. The spec needs Python: without it. */
static void put_pieces(Text *t, const msgpack_object *o, const JitdTrap *trap) {
    msgpack_object_array pieces, piece;
    Str s;
    if (!wire_array(o, &pieces))
        return;
    for (size_t i = 0; i < pieces.size; i++)
        if (wire_str(&pieces.ptr[i], &s))
            put(t, "%.*s", STR_FMT(s));
        else if (wire_array(&pieces.ptr[i], &piece) && piece.size >= 2)
            put_slot(t, &piece.ptr[0], &piece.ptr[1], trap);
}

/* ["c", const] | ["v", slot, type] | ["f", pieces] */
static void put_arg(Text *t, const msgpack_object *o, const JitdTrap *trap) {
    msgpack_object_array a;
    Str kind;
    if (!wire_array(o, &a) || a.size < 2 || !wire_str(&a.ptr[0], &kind))
        return;
    if (str_eq_c(kind, "c"))
        put_const(t, &a.ptr[1]);
    else if (str_eq_c(kind, "f"))
        put_pieces(t, &a.ptr[1], trap);
    else if (a.size >= 3)
        put_slot(t, &a.ptr[1], &a.ptr[2], trap);
}

static void put_args(Text *t, const msgpack_object *o, const JitdTrap *trap) {
    msgpack_object_array args;
    if (!wire_array(o, &args))
        return;
    for (size_t i = 0; i < args.size; i++) {
        put(t, i ? ", " : "");
        put_arg(t, &args.ptr[i], trap);
    }
}

/* ---- sites ---- */

static void set_exception(jitd_error *error, const char *name) {
    snprintf(error->exception, sizeof error->exception, "%s", name);
}

static void put_operands(Text *t, const msgpack_object_array *payload, const JitdTrap *trap) {
    msgpack_object_array operands, operand;
    if (payload->size < 2 || !wire_array(&payload->ptr[1], &operands))
        return;
    for (size_t i = 0; i < operands.size; i++)
        if (wire_array(&operands.ptr[i], &operand) && operand.size >= 2) {
            put(t, i ? ", " : "");
            put_slot(t, &operand.ptr[0], &operand.ptr[1], trap);
        }
}

/* "store:int8:...": a value that does not fit. */
static void describe_store(jitd_error *error, Text *t, Str op, const msgpack_object_array *payload,
                           const JitdTrap *trap) {
    Str type = str_slice(op, strlen("store:"), op.len);
    const char *colon = memchr(type.ptr, ':', type.len);
    if (colon)
        type.len = (size_t)(colon - type.ptr);
    set_exception(error, "OverflowError");
    put_operands(t, payload, trap);
    put(t, " is out of range for %.*s", STR_FMT(type));
}

/* What CPython raises for an operation on numbers, where that can be said without doing it. */
static void describe_operation(jitd_error *error, Text *t, const msgpack_object_array *payload, const JitdTrap *trap) {
    Str op = STR("");
    wire_str(&payload->ptr[0], &op);
    if (op.len > 6 && !memcmp(op.ptr, "store:", 6)) {
        describe_store(error, t, op, payload, trap);
        return;
    }
    if (str_eq_c(op, "/") || str_eq_c(op, "//") || str_eq_c(op, "%") || str_eq_c(op, "divmod")) {
        set_exception(error, "ZeroDivisionError");
        put(t, "division by zero");
        return;
    }
    if (str_eq_c(op, "<<") || str_eq_c(op, ">>")) {
        set_exception(error, "ValueError");
        put(t, "negative shift count");
        return;
    }
    set_exception(error, op.len > 5 && !memcmp(op.ptr, "math.", 5) ? "ValueError" : "ArithmeticError");
    put(t, "%.*s failed for (", STR_FMT(op));
    put_operands(t, payload, trap);
    put(t, ")");
}

static void describe_attribute(jitd_error *error, Text *t, const jitd_method *m, const msgpack_object_array *payload) {
    uint64_t def = 0;
    Str field = STR("?"), cls;
    set_exception(error, "AttributeError");
    if (payload->size < 2 || !wire_uint(&payload->ptr[0], m->unit->meta.ndefs - 1, &def) ||
        !wire_str(&payload->ptr[1], &field))
        return;
    cls = m->unit->meta.defs[def].name;
    const char *dot = memrchr(cls.ptr, '.', cls.len);
    if (dot)
        cls = str_slice(cls, (size_t)(dot - cls.ptr) + 1, cls.len);
    put(t, "'%.*s' object has no attribute '%.*s'", STR_FMT(cls), STR_FMT(field));
}

/* What it says is for the interpreter's side. */
static bool is_operation(const msgpack_object_array *payload) {
    msgpack_object_array place;
    Str kind;
    return payload->size > 1 && wire_array(&payload->ptr[1], &place) && place.size && wire_str(&place.ptr[0], &kind) &&
           str_eq_c(kind, "operation");
}

static void describe(jitd_error *error, const jitd_method *m, const MetaSite *site, const JitdTrap *trap) {
    Text t = {.at = error->message, .size = sizeof error->message};
    msgpack_object_array payload = site->payload->via.array;
    Str s = STR("");
    if (payload.size)
        wire_str(&payload.ptr[0], &s);
    if (str_eq_c(site->kind, "raise") && payload.size) {
        snprintf(error->exception, sizeof error->exception, "%.*s", (int)(s.len < 64 ? s.len : 63), s.ptr);
        if (payload.size > 1)
            put_args(&t, &payload.ptr[1], trap);
    } else if (str_eq_c(site->kind, "op") && payload.size)
        describe_operation(error, &t, &payload, trap);
    else if (str_eq_c(site->kind, "overflow") || str_eq_c(site->kind, "resume")) {
        set_exception(error, "OverflowError");
        put(&t, "%.*s", STR_FMT(s));
    } else if (str_eq_c(site->kind, "region")) {
        set_exception(error, "RuntimeError");
        bool is_call = is_operation(&payload) && s.len > 1 && s.ptr[0] == '(';
        put(&t, "this part is the interpreter's, which a C program has not: %s", is_call ? "the built-in " : "");
        put(&t, "%.*s",
            STR_FMT(is_call                  ? str_slice(s, 1, s.len)
                    : is_operation(&payload) ? STR("an operation on Python objects")
                                             : s));
    } else if (str_eq_c(site->kind, "object")) {
        set_exception(error, "RuntimeError");
        put(&t, "'%.*s' is a Python field, which a C program has not", STR_FMT(s));
    } else if (str_eq_c(site->kind, "attr"))
        describe_attribute(error, &t, m, &payload);
    else if (str_eq_c(site->kind, "none")) {
        set_exception(error, "AttributeError");
        put(&t, "'NoneType' object has no attribute '%.*s'", STR_FMT(s));
    } else if (str_eq_c(site->kind, "recursion")) {
        set_exception(error, "RecursionError");
        put(&t, "maximum recursion depth exceeded");
    }
}

static void copy_text(char *to, size_t size, Str s) {
    snprintf(to, size, "%.*s", (int)(s.len < size ? s.len : size - 1), s.ptr);
}

static void add_frame(jitd_error *error, const Meta *meta, uint32_t site) {
    if (site >= meta->nsites || error->nframes == JITD_ERROR_FRAMES)
        return;
    const MetaSite *s = &meta->sites[site];
    jitd_frame_info *f = &error->frames[error->nframes++];
    f->line = s->line;
    copy_text(f->function, sizeof f->function, s->function);
    copy_text(f->file, sizeof f->file, meta->defs[s->def].file);
}

static const char *pymath_name(uint64_t fn) {
    static const char *const names[] = {
#define PYMATH(module, name, least, most, result) #module "." #name,
#include "protocol/pymath.def"
#undef PYMATH
    };
    return fn < sizeof names / sizeof names[0] ? names[fn] : "a Python object";
}

int error_trap(jitd_error *error, const jitd_method *m, int32_t status, const JitdTrap *trap) {
    const Meta *meta = &m->unit->meta;
    if (status == JITD_TRAP_MEMORY)
        return error_set(error, JITD_E_MEMORY, "MemoryError", "the arena is full");
    if (status == JITD_TRAP_PYTHON)
        error_set(error, JITD_E_EXCEPTION, "NotImplementedError", "%s needs a Python interpreter",
                  pymath_name(trap->nvalues ? trap->values[0].u : UINT64_MAX));
    else if (status ==
             JITD_TRAP_REDO) /* one place for all that fail before the first effect: which of them is not known */
        error_set(error, JITD_E_REDO, "ArithmeticError",
                  "%s: an operation failed, or its exact result does not fit 64 bits", m->name);
    else
        error_set(error, JITD_E_EXCEPTION, "RuntimeError", "trap %d", (int)status);
    if (status != JITD_TRAP_RAISE)
        return error->code;
    if (trap->site < meta->nsites) {
        error->message[0] = '\0';
        describe(error, m, &meta->sites[trap->site], trap);
    }
    add_frame(error, meta, trap->site);
    for (uint32_t i = 0; i < trap->ntrace && i < JITD_TRACE_MAX; i++)
        add_frame(error, meta, trap->trace[i]);
    return error->code;
}
