/* Choosing the functions of a module that belong to one method; see narrow.h. A function belongs to the method if it is one of
 * its entries, or has the method's name between dots or at the end of its own. */
#include "server/compiler/narrow.h"
#include "server/compiler/out.h"

typedef struct Narrow {
    const UnitSpec *unit;
    const Program *program;
    Str method;
    const char *comment;
    Out out;
} Narrow;

static Str narrow_entry_name(Narrow *n, const ProgramEntry *e) {
    return func_entry_name(n->out.pool, &n->unit->defs[e->def].funcs[e->func]);
}

static bool narrow_wants_entry(Narrow *n, const ProgramEntry *e) {
    return n->method.len == 0 || str_eq(narrow_entry_name(n, e), n->method);
}

static void narrow_signature(Narrow *n, size_t i) {
    const ProgramEntry *e = &n->program->entries[i];
    out_cstr(&n->out, n->comment);
    out_printf(&n->out, " jitd_native_%zu, jitd_thunk_%zu: ", i, i);
    out_str(&n->out, narrow_entry_name(n, e));
    out_char(&n->out, '(');
    for (size_t k = 0; k < e->nparams; k++) {
        out_cstr(&n->out, k ? ", " : "");
        out_str(&n->out, type_text(n->out.pool, e->params[k]));
    }
    out_cstr(&n->out, ") -> ");
    out_str(&n->out, type_text(n->out.pool, e->result));
    out_char(&n->out, '\n');
}

static void narrow_signatures(Narrow *n) {
    for (size_t i = 0; i < n->program->nentries; i++)
        if (narrow_wants_entry(n, &n->program->entries[i]))
            narrow_signature(n, i);
    out_char(&n->out, '\n');
}

/* The number behind "jitd_native_" or "jitd_thunk_"; false: the name is none of these. */
static bool narrow_entry_number(Str name, size_t *ret) {
    static const Str prefixes[] = {{"jitd_native_", 12}, {"jitd_thunk_", 11}};
    for (size_t p = 0; p < 2; p++) {
        Str digits = str_slice(name, prefixes[p].len, name.len);
        if (!str_eq(str_slice(name, 0, prefixes[p].len), prefixes[p]) || digits.len == 0 || digits.len > 9)
            continue;
        *ret = 0;
        for (size_t i = 0; i < digits.len; i++)
            *ret = *ret * 10 + (size_t)(digits.ptr[i] - '0');
        return true;
    }
    return false;
}

/* Whether the method's name is a dot-separated part of the function's. */
static bool narrow_has_part(Str name, Str method) {
    for (size_t i = 0; i + method.len <= name.len; i++) {
        bool starts = i == 0 || name.ptr[i - 1] == '.',
             ends = i + method.len == name.len || !!strchr(".(", name.ptr[i + method.len]);
        if (starts && ends && str_eq(str_slice(name, i, i + method.len), method))
            return true;
    }
    return false;
}

static bool narrow_wants(Narrow *n, Str name) {
    size_t i;
    if (n->method.len == 0)
        return true;
    if (narrow_entry_number(name, &i))
        return i < n->program->nentries && narrow_wants_entry(n, &n->program->entries[i]);
    return narrow_has_part(name, n->method);
}

static void narrow_print(Narrow *n, char *text) {
    out_cstr(&n->out, text);
    out_char(&n->out, '\n');
    LLVMDisposeMessage(text);
}

static void narrow_module(Narrow *n, LLVMModuleRef module) {
    if (n->method.len == 0) {
        narrow_print(n, LLVMPrintModuleToString(module));
        return;
    }
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        Str name;
        name.ptr = LLVMGetValueName2(f, &name.len);
        if (!LLVMIsDeclaration(f) && narrow_wants(n, name))
            narrow_print(n, LLVMPrintValueToString(f));
    }
}

Str narrow_ir(Pool *pool, const UnitSpec *unit, const Program *program, Str method) {
    Narrow n = {.unit = unit, .program = program, .method = method, .comment = ";", .out = {.pool = pool}};
    narrow_signatures(&n);
    for (unsigned i = 0; i < program->nmodules; i++)
        narrow_module(&n, program->modules[i]);
    return out_text(&n.out);
}

static Str narrow_next_line(Str *rest) {
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) + 1 : rest->len;
    Str line = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return line;
}

/* The label that a line of assembly sets at its beginning; empty: none. */
static Str narrow_label(Str line) {
    const char *colon = line.len && line.ptr[0] != '\t' && line.ptr[0] != ' ' && line.ptr[0] != '#'
                            ? memchr(line.ptr, ':', line.len)
                            : NULL;
    Str label = colon ? str_slice(line, 0, (size_t)(colon - line.ptr)) : STR_NULL;
    if (label.len > 2 && label.ptr[0] == '"')
        label = str_slice(label, 1, label.len - 1);
    return label;
}

static void narrow_assembly(Narrow *n, Str assembly) {
    bool all = n->method.len == 0, inside = all;
    while (assembly.len > 0) {
        Str line = narrow_next_line(&assembly), label = narrow_label(line);
        bool local = label.len > 1 && label.ptr[0] == '.' && label.ptr[1] == 'L';
        if (!all && label.len > 0 && !local)
            inside = narrow_wants(n, label);
        if (!all && str_eq_c(str_slice(label, 0, 10), ".Lfunc_end"))
            inside = false;
        if (inside)
            out_str(&n->out, line);
    }
}

Str narrow_asm(Pool *pool, const UnitSpec *unit, const Program *program, Str method, const Str *assembly, unsigned n) {
    Narrow narrow = {.unit = unit, .program = program, .method = method, .comment = "#", .out = {.pool = pool}};
    narrow_signatures(&narrow);
    for (unsigned i = 0; i < n; i++)
        narrow_assembly(&narrow, assembly[i]);
    return out_text(&narrow.out);
}
