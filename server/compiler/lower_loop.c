/* Lower, loops. Every loop looks at frame->interrupt now and then: on every turn where the body has loops or calls of its
 * own; else the loop is cut into strips and only the strip's begin looks, so that the inner loop has no call in it and
 * vectorises and keeps fields in registers. */
#include "server/compiler/lower.h"

#define STRIP 16384     /* turns without looking; some 10 microseconds */
#define SHORT_LOOP 1024 /* a loop of constantly fewer turns does not look at all */

/* While stores may still be taken back nobody else may see them: the import then answers REDO where it would run Python code. */
void lower_poll(Lower *l, const Node *n, Effect effect, uint64_t undo) {
    LLVMBasicBlockRef pending = lower_block(l, "interrupt"), next = lower_block(l, "");
    LLVMValueRef flag = lower_rt(l, "rt_interrupted", (LLVMValueRef[]){l->frame}, 1);
    lower_branch_rarely(l, flag, pending, next);
    lower_at(l, pending);
    LLVMValueRef status = lower_rt(l, "rt_poll", (LLVMValueRef[]){l->frame, lower_i32(l, effect)}, 2);
    pool_push(l->pool, l->polls, l->npolls, l->cap_polls) = status;
    if (effect == EFFECT_NONE)
        lower_fresh_start(l, status);
    LLVMBasicBlockRef trap = lower_block(l, "trap");
    LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntNE, status, lower_i32(l, 0), ""), trap, next);
    lower_at(l, trap);
    if (effect != EFFECT_COMMITTED) {
        LLVMBasicBlockRef redo = lower_block(l, "redo"), other = lower_block(l, "");
        LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntEQ, status, lower_i32(l, JITD_TRAP_REDO), ""), redo, other);
        lower_at(l, redo);
        lower_redo(l, n, undo, STR("other code ran, or wants to"));
        lower_at(l, other);
    }
    uint32_t site = lower_site(l, n, (Site){.kind = SITE_CALL});
    LLVMValueRef args[] = {l->frame, status, lower_i32(l, site)};
    lower_trap_exit(l, lower_rt(l, "rt_trap", args, 3));
    lower_at(l, next);
}

/* What other code may run in a poll may drop the last count of what a function's locals merely borrow: while it runs they
 * are counted. Done last, when all locals are known. */
static void guard_poll(Lower *l, LLVMValueRef poll) {
    LLVMValueRef *held = pool_array(l->pool, LLVMValueRef, l->nborrowed);
    LLVMPositionBuilderBefore(l->b, poll);
    for (size_t i = 0; i < l->nborrowed; i++) {
        held[i] = LLVMBuildLoad2(l->b, l->m->i64, l->borrowed_slots[i], "");
        lower_rt(l, "rt_incref", (LLVMValueRef[]){l->frame, held[i]}, 2);
    }
    LLVMPositionBuilderBefore(l->b, LLVMGetNextInstruction(poll));
    for (size_t i = 0; i < l->nborrowed; i++)
        lower_rt(l, "rt_decref", (LLVMValueRef[]){l->frame, held[i]}, 2);
}

void lower_guard_polls(Lower *l) {
    for (size_t i = 0; l->nborrowed && i < l->npolls; i++)
        guard_poll(l, l->polls[i]);
}

static void loop_body(Lower *l, Nodes body, bool *counters, LLVMBasicBlockRef on_break, LLVMBasicBlockRef on_continue) {
    LowerLoop loop = {.outer = l->loop, .on_break = on_break, .on_continue = on_continue};
    bool *outer = l->counters;
    l->loop = &loop;
    l->counters = counters;
    lower_body(l, body);
    l->loop = loop.outer;
    l->counters = outer;
    lower_go(l, on_continue);
}

/* strip: poll; fuel = STRIP;  head: test;  body;  latch: --fuel ? head : strip */
void lower_while(Lower *l, const Node *n) {
    bool always = l->info[n->id].flags & NODE_POLL_ALWAYS;
    LLVMBasicBlockRef strip = lower_block(l, "while"), head = lower_block(l, "test"), body = lower_block(l, "do");
    LLVMBasicBlockRef latch = lower_block(l, "again"), orelse = lower_block(l, "else"), end = lower_block(l, "end");
    bool *counters = counters_of(l, n, n->While.body);
    LLVMValueRef fuel = always ? NULL : lower_alloca(l, l->m->i32, "fuel");
    lower_go(l, strip);
    lower_at(l, strip);
    lower_poll(l, n, l->info[n->id].effect, l->info[n->id].undo);
    counters_check(l, n, counters);
    if (fuel)
        LLVMBuildStore(l->b, lower_i32(l, STRIP), fuel);
    lower_go(l, head);
    lower_at(l, head);
    lower_cond(l, n->While.test, body, orelse);
    lower_at(l, body);
    loop_body(l, n->While.body, counters, end, latch);
    lower_at(l, latch);
    if (fuel) {
        LLVMValueRef left = LLVMBuildSub(l->b, LLVMBuildLoad2(l->b, l->m->i32, fuel, ""), lower_i32(l, 1), "");
        LLVMBuildStore(l->b, left, fuel);
        lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntEQ, left, lower_i32(l, 0), ""), strip, head);
    } else {
        lower_go(l, strip);
    }
    lower_at(l, orelse);
    lower_body(l, n->While.orelse);
    lower_go(l, end);
    lower_at(l, end);
}

/* ---- for ... in range ---- */

typedef struct Range {
    LLVMValueRef start, step, turns;
} Range;

static LLVMValueRef range_arg(Lower *l, const Node *range, size_t i) {
    Val v = lower_expr(l, range->Call.args.at[i]);
    return val_convert(l, range, v, &type_int).at[0];
}

static void check_step(Lower *l, const Node *range, LLVMValueRef *args) {
    Val operands[3];
    for (int i = 0; i < 3; i++)
        operands[i] = val_one(l, &type_int, args[i]);
    LLVMValueRef zero = LLVMBuildICmp(l->b, LLVMIntEQ, args[2], lower_i64(l, 0), "");
    if (LLVMIsAConstantInt(args[2]) && LLVMConstIntGetSExtValue(args[2]) != 0)
        return;
    lower_check(l, range, zero,
                (FailSpec){.kind = SITE_OP, .text = STR("range"), .operands = operands, .noperands = 3});
}

static Range lower_range(Lower *l, const Node *range) {
    size_t n = range->Call.args.len;
    LLVMValueRef args[3] = {lower_i64(l, 0), NULL, lower_i64(l, 1)};
    if (n == 1) {
        args[1] = range_arg(l, range, 0);
    } else {
        for (size_t i = 0; i < n; i++)
            args[i] = range_arg(l, range, i);
    }
    check_step(l, range, args);
    return (Range){args[0], args[2], lower_rt(l, "rt_range_len", args, 3)};
}

/* A constant number of turns below SHORT_LOOP? */
static bool is_short(const Node *range) {
    for (size_t i = 0; i < range->Call.args.len; i++) {
        const Node *a = range->Call.args.at[i];
        if (a->kind != NODE_Constant || a->Constant.value.kind != CONST_INT || a->Constant.value.big ||
            a->Constant.value.i > SHORT_LOOP)
            return false;
    }
    return true;
}

/* A setter may never return. */
static void for_target(Lower *l, const Node *target, Val v) {
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        lower_target(l, target, v);
    l->bottom = outer;
    l->ntemps = mark;
}

/* done = 0;  strip: done < turns ? poll, stop = min(done + STRIP, turns) : else;
 * head: target = start + done * step; body; latch: ++done < stop ? head : strip */
void lower_for(Lower *l, const Node *n) {
    LLVMBasicBlockRef strip = lower_block(l, "for"), enter = lower_block(l, ""), head = lower_block(l, "do");
    LLVMBasicBlockRef latch = lower_block(l, "next"), orelse = lower_block(l, "else"), end = lower_block(l, "end");
    bool always = l->info[n->id].flags & NODE_POLL_ALWAYS, is_quick = !always && is_short(n->For.iter);
    bool *counters = counters_of(l, n, n->For.body);
    LLVMValueRef done = lower_alloca(l, l->m->i64, "done"), stop = lower_alloca(l, l->m->i64, "stop");
    Range r = lower_range(l, n->For.iter);
    LLVMBuildStore(l->b, lower_i64(l, 0), done);
    lower_go(l, strip);
    lower_at(l, strip);
    LLVMValueRef d = LLVMBuildLoad2(l->b, l->m->i64, done, "");
    LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntULT, d, r.turns, ""), enter, orelse);
    lower_at(l, enter);
    if (!is_quick)
        lower_poll(l, n, l->info[n->id].effect, l->info[n->id].undo);
    counters_check(l, n, counters);
    LLVMValueRef left = LLVMBuildSub(l->b, r.turns, d, ""), most = lower_i64(l, always ? 1 : STRIP);
    LLVMValueRef few = LLVMBuildICmp(l->b, LLVMIntULT, left, most, "");
    LLVMValueRef to = is_quick ? r.turns : LLVMBuildAdd(l->b, d, LLVMBuildSelect(l->b, few, left, most, ""), "");
    LLVMBuildStore(l->b, to, stop);
    lower_go(l, head);

    lower_at(l, head);
    d = LLVMBuildLoad2(l->b, l->m->i64, done, "");
    LLVMValueRef i = LLVMBuildAdd(l->b, r.start, LLVMBuildMul(l->b, d, r.step, ""), "");
    for_target(l, n->For.target, val_one(l, &type_int, i));
    loop_body(l, n->For.body, counters, end, latch);
    lower_at(l, latch);
    d = LLVMBuildAdd(l->b, LLVMBuildLoad2(l->b, l->m->i64, done, ""), lower_i64(l, 1), "");
    LLVMBuildStore(l->b, d, done);
    if (always) {
        lower_go(l, strip);
    } else {
        LLVMValueRef more = LLVMBuildICmp(l->b, LLVMIntULT, d, LLVMBuildLoad2(l->b, l->m->i64, stop, ""), "");
        LLVMBuildCondBr(l->b, more, head, strip);
    }
    lower_at(l, orelse);
    lower_body(l, n->For.orelse);
    lower_go(l, end);
    lower_at(l, end);
}
