/* The values of literal tokens. */
#pragma once
#include "server/compiler/diag.h"

/* The value of a number token, as lex_number() accepts it. */
Const literal_number(Compilation *c, Str text, Span span);

/* The value of the text between a string's quotes. A str becomes UTF-8 (a lone surrogate its three WTF-8 bytes), a
 * bytes literal its bytes. */
Str literal_text(Compilation *c, Str body, bool raw, bool bytes, Span span);
