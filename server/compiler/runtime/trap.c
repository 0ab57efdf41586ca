/* Writing the trap record (protocol/abi.h). */
#include "server/compiler/runtime/rt.h"

RT_SLOW int32_t rt_trap(JitdFrame *frame, uint32_t kind, uint32_t site) {
    frame->trap.kind = kind;
    frame->trap.site = site;
    frame->trap.ntrace = 0;
    frame->trap.nvalues = 0;
    return (int32_t)kind;
}

RT_SLOW void rt_trap_value(JitdFrame *frame, uint64_t bits) {
    uint32_t i = frame->trap.nvalues;
    if (i < JITD_TRAP_VALUES)
        frame->trap.values[i].u = bits;
    frame->trap.nvalues = i + 1;
}

/* A callee's trap passes through: its call's site is one more line of the traceback. */
RT_SLOW void rt_trace(JitdFrame *frame, uint32_t site) {
    uint32_t n = frame->trap.ntrace++;
    if (n < JITD_TRACE_MAX)
        frame->trap.trace[n] = site;
    else if (n - JITD_TRACE_MAX < JITD_TRACE_MORE)
        frame->more[n - JITD_TRACE_MAX] = site;
}

#define BUDGET                                                                                                         \
    64 /* of turns that have calls or loops in them: a microsecond or two, or more where these count their own */
#define SHORT 256 /* turns of those that have none cost as much as one of these */

/* A loop begins so many turns that do not look, a loop or a recursion one that does (0): whether it is time to. */
RT bool rt_turned(JitdFrame *frame, uint64_t turns) {
    uint64_t cost = 1 + turns / SHORT;
    if (frame->turns < cost)
        return true;
    frame->turns -= (uint32_t)cost;
    return false;
}

RT int32_t rt_poll(JitdFrame *frame, uint32_t effects) {
    frame->turns = BUDGET;
    return *frame->interrupt ? jitd_import_poll(frame, effects) : JITD_TRAP_NONE;
}

RT_SLOW int32_t rt_resume(JitdFrame *frame, uint32_t site, JitdValue *values) {
    return jitd_import_resume(frame, site, values);
}

RT int32_t rt_region(JitdFrame *frame, uint32_t site, JitdValue *values) {
    return jitd_import_region(frame, site, values);
}

RT int32_t rt_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                     JitdValue *out) {
    return jitd_import_pymath(frame, fn, n, types, in, out);
}
