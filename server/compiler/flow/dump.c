/* Flow as text: a block after another, an operation a line. */
#include "server/compiler/flow/flow.h"

static const char *const ariths[] = {"add", "sub", "mul", "div", "and", "or", "xor"};
static const char *const orders[] = {"==", "!=", "<", "<=", ">", ">="};

typedef struct Dumper {
    Pool *pool;
    const FlowFunc *f;
    uint32_t *numbers; /* by FlowOp.id: of values, in order */
    char *text;
    size_t len, cap;
} Dumper;

static void put(Dumper *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(Dumper *d, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str s = pool_vprintf(d->pool, format, args);
    va_end(args);
    for (size_t i = 0; i < s.len; i++)
        pool_push(d->pool, d->text, d->len, d->cap) = s.ptr[i];
}

static void put_value(Dumper *d, const FlowOp *op) {
    if (op->kind != FLOW_CONST)
        put(d, " %%%u", d->numbers[op->id]);
    else if (op->type->kind == TYPE_REF || op->type->kind == TYPE_NONE)
        put(d, op->constant.i || op->type->kind == TYPE_NONE ? " None" : " unset");
    else if (op->type->kind == TYPE_FLOAT || op->type->kind == TYPE_FLOAT32)
        put(d, " %g", op->constant.f);
    else if (op->type->kind == TYPE_BOOL)
        put(d, op->constant.i ? " True" : " False");
    else
        put(d, " %lld", (long long)op->constant.i);
}

static void put_block(Dumper *d, const FlowBlock *b) {
    put(d, " %s%u", b->name, b->id);
}

static void put_details(Dumper *d, const FlowOp *op) {
    const DefSpec *defs = d->f->lang->unit->defs;
    switch (op->kind) {
    case FLOW_PARAM:
    case FLOW_ITEM:
        put(d, " %u", op->index);
        return;
    case FLOW_LOAD:
    case FLOW_STORE:
        put(d, " %.*s.%u", STR_FMT(op->var->name), op->var->id);
        return;
    case FLOW_BINARY:
    case FLOW_CHECKED:
    case FLOW_OVERFLOWS:
        put(d, " %s%s", ariths[op->arith], op->exact ? " exact" : "");
        return;
    case FLOW_COMPARE:
        put(d, " %s", orders[op->order]);
        return;
    case FLOW_FIELD:
    case FLOW_SET_FIELD:
    case FLOW_INIT_FIELD:
        put(d, " .%.*s%s", STR_FMT(defs[op->def].fields[op->field].name), op->steals ? " steals" : "");
        return;
    case FLOW_NEW:
    case FLOW_IS_CLASS:
        put(d, " %.*s", STR_FMT(defs[op->def].name));
        return;
    case FLOW_CALL:
        put(d, " %.*s.%.*s.%u", STR_FMT(op->callee->bound->def->name), STR_FMT(op->callee->bound->func->name),
            op->callee->index);
        return;
    case FLOW_ATTRIBUTE:
        put(d, " .%.*s", STR_FMT(op->fail->site.text));
        return;
    case FLOW_TEXT:
        put(d, " %.*s", STR_FMT(op->fail->site.text));
        return;
    case FLOW_METHOD:
    case FLOW_GLOBAL:
    case FLOW_GET_NAMED:
    case FLOW_SET_NAMED:
        put(d, " .%.*s", STR_FMT(op->reason->site.text));
        return;
    case FLOW_RUNTIME:
    case FLOW_READ:
    case FLOW_MAKE:
    case FLOW_CHANGE:
    case FLOW_FIND:
    case FLOW_GET:
    case FLOW_ATTEMPT:
        put(d, " %s", op->name);
        return;
    case FLOW_PYTHON:
        put(d, " %s.%s \"%s\"", op->math->module, op->math->name, op->name);
        return;
    case FLOW_REGION:
        put(d, " %s line %d", region_kinds[op->region->kind], op->region->node->span.line);
        for (size_t i = 0; i < op->region->nwritten; i++)
            put(d, " =%.*s", STR_FMT(d->f->inst->bound->locals[op->region->written[i].local]));
        return;
    case FLOW_STATUS:
        put(d, op->of->type ? " of %s %%%u" : " of %s", flow_kinds[op->of->kind].text, d->numbers[op->of->id]);
        return;
    case FLOW_RESUME:
        put(d, " %s line %d", flow_wheres[op->reason->resume->where], op->reason->resume->node->span.line);
        return;
    case FLOW_TRAP:
        put(d, " %s", op->trap == 1 ? "redo" : op->trap == 2 ? "raise" : "memory");
        return;
    default:
        return;
    }
}

static void put_fail(Dumper *d, const FlowOp *op) {
    static const char *const kinds[] = {"raise",     "operation", "overflow", "redo",   "attribute", "none",
                                        "recursion", "call",      "resume",   "region", "object"};
    if (!op->fail || op->kind == FLOW_JUMP)
        return;
    put(d, " !%s", kinds[op->fail->site.kind]);
    for (int i = 0; i < 2; i++)
        if (op->fails[i] && !(i && op->fails[1] == op->fails[0]))
            put_block(d, op->fails[i]);
}

static void put_op(Dumper *d, const FlowOp *op) {
    if (op->kind == FLOW_CONST)
        return;
    put(d, "    ");
    if (op->type)
        put(d, "%%%u = ", d->numbers[op->id]);
    put(d, "%s", flow_kinds[op->kind].text);
    put_details(d, op);
    for (uint32_t i = 0; i < op->nargs; i++)
        put_value(d, op->args[i]);
    for (int i = 0; i < 2; i++)
        if (op->to[i])
            put_block(d, op->to[i]);
    put_fail(d, op);
    if (op->type)
        put(d, " : %.*s", STR_FMT(op->type == &flow_any_ref ? STR("ref") : type_text(d->pool, op->type)));
    put(d, "\n");
}

Str flow_dump(Pool *pool, const FlowFunc *f) {
    Dumper d = {.pool = pool, .f = f, .numbers = pool_array(pool, uint32_t, f->nops + 1)};
    uint32_t n = 0;
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; k < f->blocks[i]->nops; k++)
            if (f->blocks[i]->ops[k]->type && f->blocks[i]->ops[k]->kind != FLOW_CONST)
                d.numbers[f->blocks[i]->ops[k]->id] = n++;
    put(&d, "%.*s.%.*s.%u\n", STR_FMT(f->inst->bound->def->name), STR_FMT(f->inst->bound->func->name), f->inst->index);
    for (size_t i = 0; i < f->nblocks; i++) {
        put(&d, "%s%u:\n", f->blocks[i]->name, f->blocks[i]->id);
        for (size_t k = 0; k < f->blocks[i]->nops; k++)
            put_op(&d, f->blocks[i]->ops[k]);
    }
    return (Str){d.text, d.len};
}
