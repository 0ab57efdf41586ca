/* Stage parse: Source -> Ast. Grammar and positions are those of CPython 3.15; what an older version says differently
 * is noted where it is parsed. A syntax error is a fail(). */
#pragma once
#include "server/compiler/lex.h"

typedef struct Ast {
    Node *root;
    uint32_t nnodes; /* ids are 0 .. nnodes-1 */
} Ast;

#define AST_MAX_DEPTH 1000 /* no tree is deeper: later passes may recurse without counting */

Ast parse_module(Compilation *c, const Source *source); /* a whole file: Module */

/* The first statement of the source, a perhaps decorated def or class, perhaps indented: its own indentation counts as
 * level 0. The text after it is not looked at. The root is a FunctionDef, AsyncFunctionDef or ClassDef. */
Ast parse_function(Compilation *c, const Source *source);

/* The same from tokens (of lex() with LEX_FILE, LEX_STATEMENT), for those who time or show the stages one by one. */
Ast parse_tokens_module(Compilation *c, Tokens tokens);
Ast parse_tokens_function(Compilation *c, Tokens tokens);
