/* A unit description made from a Python file, for trying the compiler without Python: every class and function at the top of the
 * file becomes a definition. Types are the annotations as written; nothing is executed or imported. */
#pragma once
#include "server/compiler/parse.h"

/* entries: "name(type,...)", "name", "Class.method(...)", "Class.method"; none given: everything, by its annotations.
 * What cannot be described is a fail(). Memory is the compilation's. */
Str unit_from_py(Compilation *c, const Ast *file, const char *const *entries, size_t nentries);
