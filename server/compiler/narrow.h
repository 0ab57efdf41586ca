/* Dumps of IR and assembly for people: all of a module, or what belongs to one method. */
#pragma once
#include "server/compiler/stages.h"

/* method may be STR_NULL: everything. Each begins with a list of the entries and their signatures. */
Str narrow_ir(Pool *pool, const UnitSpec *unit, const Program *program, Str method);
/* `assembly`: of each of the n modules. */
Str narrow_asm(Pool *pool, const UnitSpec *unit, const Program *program, Str method, const Str *assembly, unsigned n);
