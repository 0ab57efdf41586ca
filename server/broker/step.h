/* Points at which a test kills the daemon: before and after each change of what outlives it, and of what it tells. They are numbered as they are
 * passed, together with those of shared-mem (object.h). There are none in what is installed. */
#pragma once
#include "base/str.h"

#ifdef ARENA_STEPS
void arena_step(void);
void broker_step_torn(int file, Str data); /* one at which a part of `data` is written before */
#define BROKER_STEP() arena_step()
#define BROKER_STEP_TORN(file, data) broker_step_torn(file, data)
#else
#define BROKER_STEP() ((void)0)
#define BROKER_STEP_TORN(file, data) ((void)0)
#endif
