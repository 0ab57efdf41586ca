/* The compiler's identity, remembered on disk: a daemon that finds everything in its cache starts no compiler process only to
 * ask it who it is. */
#pragma once
#include "server/broker/cache.h"

/* 0; or 1: not known. What was said by this very program since this machine was started holds: neither LLVM nor the CPU's
 * features can have changed. */
int identity_recall(Cache *cache, const char *worker, Key *ret_identity);
void identity_remember(Cache *cache, const char *worker, const Key *identity);
