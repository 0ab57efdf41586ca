/* The frame's layout as generated code sees it: the compiler that makes the bitcode must agree with the client's. */
#include "protocol/abi.h"
#include <stddef.h>

_Static_assert(offsetof(JitdFrame, arena) == 0, "JitdFrame.arena");
_Static_assert(offsetof(JitdFrame, alloc) == 8, "JitdFrame.alloc");
_Static_assert(offsetof(JitdFrame, interrupt) == 16, "JitdFrame.interrupt");
_Static_assert(offsetof(JitdFrame, stack_limit) == 24, "JitdFrame.stack_limit");
_Static_assert(offsetof(JitdFrame, trap) == 32, "JitdFrame.trap");
_Static_assert(offsetof(JitdFrame, running) == 176, "JitdFrame.running");
_Static_assert(offsetof(JitdTrap, trace) == 12, "JitdTrap.trace");
_Static_assert(offsetof(JitdTrap, values) == 80, "JitdTrap.values");
_Static_assert(sizeof(JitdTrap) == 144 && offsetof(JitdFrame, more) == 204 && sizeof(JitdFrame) == 4240, "sizes");
