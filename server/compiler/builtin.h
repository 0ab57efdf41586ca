/* The built-in functions that are compiled. */
#pragma once
#include "base/str.h"

#define BUILTINS(X) X(abs) X(min) X(max) X(int) X(float) X(bool) X(round) X(divmod) X(pow) X(len)

typedef enum Builtin {
#define X(name) BUILTIN_##name,
    BUILTINS(X)
#undef X
        N_BUILTINS,
} Builtin;

static inline int builtin_find(Str name) {
    static const char *const names[] = {
#define X(name) #name,
        BUILTINS(X)
#undef X
    };
    for (int i = 0; i < N_BUILTINS; i++)
        if (str_eq_c(name, names[i]))
            return i;
    return -1;
}
