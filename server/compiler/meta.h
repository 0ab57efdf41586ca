/* Program -> meta: what clients must know about an image, as msgpack (docs/protocol.md, "The meta"). */
#pragma once
#include "server/compiler/compiler.h"
#include "server/compiler/stages.h"

Str meta_encode(Pool *pool, const UnitSpec *unit, const Program *program, const Timings *timings);
