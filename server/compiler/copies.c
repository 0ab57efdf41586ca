/* Copies: how long a function is when each `finally` stands on every way out of its try, as flow/build_try.c writes it. That of a try within a try
 * with returns multiplies. An upper bound: a break may stay within the try. */
#include "server/compiler/ast.h"
#include <string.h>

#define MOST ((uint64_t)1 << 30) /* so that no product overflows */

typedef struct Size {
    uint64_t nodes, exits;
} Size;

typedef struct TrySize {
    Size rest, last;
} TrySize;

static Size size_of(const Node *n);

static void add(Size *sum, Size more, uint64_t times) {
    sum->nodes += more.nodes * times;
    sum->exits += more.exits * times;
    sum->nodes = sum->nodes < MOST ? sum->nodes : MOST;
    sum->exits = sum->exits < MOST ? sum->exits : MOST;
}

static void add_child(void *arg, const char *field, const Node *child) {
    (void)field;
    if (child)
        add(arg, size_of(child), 1);
}

static void add_to_try(void *arg, const char *field, const Node *child) {
    TrySize *t = arg;
    if (child)
        add(strcmp(field, "finalbody") == 0 ? &t->last : &t->rest, size_of(child), 1);
}

static Size size_of(const Node *n) {
    Size size = {.nodes = 1, .exits = n->kind == NODE_Return || n->kind == NODE_Break || n->kind == NODE_Continue};
    if (n->kind != NODE_Try && n->kind != NODE_TryStar) {
        node_each_child(n, add_child, &size);
        return size;
    }
    TrySize t = {0};
    node_each_child(n, add_to_try, &t);
    add(&size, t.rest, 1);
    add(&size, t.last, t.rest.exits + 2); /* at its end, and after an exception */
    return size;
}

uint64_t node_count_with_copies(const Node *function) {
    return size_of(function).nodes;
}
