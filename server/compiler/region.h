/* Regions: parts of a compiled function that the interpreter carries out, as functions of the locals that they read. */
#pragma once
#include "server/compiler/bound.h"

#define REGION_MAX_LOCALS 32 /* that one is given, or gives */

typedef enum RegionKind {
    REGION_NONE,
    REGION_VALUE,     /* an expression */
    REGION_TEST,      /* an expression of which only the truth is wanted */
    REGION_STATEMENT, /* a statement, which goes on behind it */
    REGION_BOX,       /* a value of compiled code as an object */
    REGION_REST,      /* a statement and all that follows it in the call */
    REGION_OPERATION, /* one operation on values that compiled code has evaluated */
} RegionKind;

/* What a part of a function does to the function's locals, by local. */
typedef struct RegionNames {
    bool *reads, *writes, *deletes; /* some way through it does */
    bool compound;                  /* it may come to none of them */
    bool leaves;                    /* by return, or a break or continue of a loop around it */
    bool walrus;
    bool super; /* it asks for the class whose method it is in, of which a part of a function knows nothing */
    bool *same; /* is compared by identity with something else than None, True, False */
} RegionNames;

extern const char *const region_kinds[]; /* as the site table says it */
RegionNames region_names(Pool *pool, const Bound *bound, const Node *n);
