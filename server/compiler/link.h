/* Objects -> Image's code: lays out relocatable ELF objects as one position-independent block. */
#pragma once
#include "server/compiler/compiler.h"

#define LINK_ALIGN 64                    /* of the block's start, so of everything in it */
#define LINK_MAX_SIZE ((size_t)12 << 20) /* of the block: it must fit into a frame to the broker */

typedef struct LinkSymbol {
    Str name;
    uint32_t offset;
} LinkSymbol;

typedef struct Linked {
    Str code; /* text, then read-only data */
    Fixup *fixups;
    size_t nfixups;
    LinkSymbol *symbols; /* the global ones that the objects define */
    size_t nsymbols;
} Linked;

/* An object may refer to the global symbols of those before it. 0; or 1 when one is malformed or needs what an image cannot have (writable data, absolute addresses, a symbol
 * that is no import), *ret_error says which. Memory is the pool's. */
int link_objects(Pool *pool, const Str *objects, size_t n, Linked *ret_linked, Str *ret_error);

/* The place of a global symbol; false when there is none of that name. */
bool link_find(const Linked *linked, Str name, uint32_t *ret_offset);
