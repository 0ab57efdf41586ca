/* The tree as text, one node a line, the same facts as Python's ast.dump(tree, include_attributes=True):
 *     Module
 *      body Assign 1:0-1:7
 *       targets Name 1:0-1:1 id=x ctx=Store
 *       value Constant 1:4-1:7 value="a"
 * A child's line begins with its depth in spaces and the name of its field; scalars stand in their node's line. Absent
 * nodes and empty lists are left out, an empty place in a list is "None". Strings as in JSON, bytes with b before it;
 * ints in hex; floats %.17g. */
#pragma once
#include "server/compiler/ast.h"

Str ast_dump(Pool *pool, const Node *root);
