/* What resolve and infer found out, as text, for people and golden tests. */
#pragma once
#include "server/compiler/typed.h"

/* "name  binding" per name, in the order of the source. */
Str bound_dump(Pool *pool, const Bound *bound);
/* The signature and summary, then per expression: position, kind, type, effects before it, what was found. */
Str typed_dump(Lang *lang, const Instance *inst);
