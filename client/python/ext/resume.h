/* Between resume.c, region.c and operation.c: what is known of a place of compiled code where the interpreter does something. */
#pragma once
#include "client/python/ext/ext.h"

typedef struct Value {
    const Type *type; /* NULL: an iterator of ints: start, step, turns, how many are over; */
    enum {
        NO_LIST,
        LIST,
        LIST_ENUMERATE,
        LIST_ZIP,
        ITEM_FIRST,
        TUPLE
    } of_list; /* or of a list: that (and what the numbers start with; another list), how many are over; an iterator, and what it has given;
                  a tuple of `type`, how many are over */
    bool flagged; /* the slot before says whether it is bound */
} Value;

typedef enum Operation {
    OPERATION_NONE,
    OPERATION_BINARY,
    OPERATION_IN,
    OPERATION_NOT_IN,
    OPERATION_AMONG,
    OPERATION_NOT_AMONG,
    OPERATION_SET_ITEM,
    OPERATION_SLICE,
    OPERATION_ATTRIBUTE,
    OPERATION_SET_ATTRIBUTE,
    OPERATION_METHOD,
    OPERATION_CALL,
    OPERATION_CALL_VALUE,
    OPERATION_GLOBAL,
    OPERATION_ENTER,
    OPERATION_LEAVE,
} Operation;

#define QUICK_OPERANDS 4

typedef PyObject *(*BinaryOperation)(PyObject *, PyObject *);

typedef struct Resume {
    /* Of one list; of a region, of its values. NULL: Python cannot go on from there, for the reason; of an operation: not made yet. */
    PyObject *function;
    Operation operation;    /* of a region */
    BinaryOperation binary; /* BINARY */
    PyObject *name;         /* ATTRIBUTE, SET_ATTRIBUTE, METHOD */
    PyObject *own;          /* borrowed of the plan: a class method's class, in front of the values; or NULL */
    bool only_stores;       /* METHOD: what it is given */
    bool asks_items;        /* ... compares or shows what is in what it is called on */
    PyObject *trusted;      /* METHOD: what was done last by C code of the standard library */
    PyObject *callable;     /* CALL: the built-in function; GLOBAL: the dict of globals; AMONG: the container */
    bool asks_class;        /* ... is isinstance() */
    bool asks_size, prints; /* ... is len(), print() */
    bool quick;             /* operation_quick() may do it */
    PyObject *unbound;      /* what stands for a local without a value */
    PyObject *why;
    Value *values, *written; /* written: what a region leaves in locals */
    Py_ssize_t nvalues, nwritten;
    bool object;         /* what a callee gave is one more */
    bool raises, called; /* what raises the trap's exception, or a callee's, is one more */
    int line;            /* raises: where it did the last time; 0: where the site table says */
    const Type *result;  /* NULL: nothing fits */
} Resume;

void operation_set(Resume *r, PyObject *why); /* which operation it is, by its name in the site table */
/* Does it. ret_by_function: by Python code, which has a frame of its own in a traceback. */
PyObject *operation_do(const Plan *plan, Resume *r, uint32_t site, PyObject *const *args, bool *ret_by_function);
bool operation_can_be_quick(const Resume *r);
/* False: it is to be done in the usual way. */
bool operation_quick(JitdFrame *frame, Resume *r, uint32_t site, JitdValue *values, int32_t *ret_status);
bool operation_is_builtin(const PyObject *op);
bool operation_is_plain_descriptor(PyObject *found); /* binding it runs no Python code */
bool operation_has_plain_names(PyObject *op); /* the names in its dict ask no Python code when they are compared */
bool operation_is_quiet(PyObject *op); /* comparing, hashing and showing it, and what is in it, asks no Python code */
bool operation_is_quiet_key(PyObject *op); /* its hash and what it is equal to asks no Python code */

/* construct.c: whether the class is a jitclass that C code alone makes an instance of, with these arguments by position */
bool construct_is_quiet(PyObject *type, PyObject *const *args, Py_ssize_t n);
/* tables.c: whether giving the object up, NULL: none, has run Python code after which a name means something else */
bool tables_give_up(JitdFrame *frame, PyObject *op);

/* ---- entered.c ---- */
extern PyObject *entered_name;              /* "__enter__" */
PyObject *entered_enter(PyObject *manager); /* with: what is to be left, and the target's value */
PyObject *entered_leave(PyObject *entered);
bool entered_is_builtin(PyObject *entered); /* leaving it runs C code of the interpreter's own */

Resume *resume_of(Plan *plan, uint32_t site); /* borrowed; NULL: exception */
/* Of the value's references one more is counted. The slots are moved behind it. */
void resume_count(JitdFrame *frame, const Type *t, const JitdValue **slot);
void resume_count_all(JitdFrame *frame, const Resume *r, const JitdValue *slot);
PyObject *resume_value(const Resume *r, const Value *value, const JitdValue **slot); /* its counts are taken over */
