/* Helpers that compiled code calls (rt_...), as C compiled to bitcode and inlined. Those that can fail return RT_OK, RT_RAISES
 * (the same operation raises in Python) or RT_INEXACT (Python's result is no 64-bit int, or not of this type). */
#pragma once
#include "shared-mem/object.h"
#include <stdbool.h>
#include <stdint.h>

#define RT_OK 0
#define RT_RAISES 1
#define RT_INEXACT 2

#define RT __attribute__((always_inline))
#define RT_SLOW __attribute__((noinline, cold))

#define IMPORT(name, ret, args) ret jitd_import_##name args;
#include "protocol/imports.def"
#undef IMPORT
