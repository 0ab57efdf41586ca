/* Between resume.c and region.c: what is known of a place of compiled code where the interpreter does something. */
#pragma once
#include "client/python/ext/ext.h"

typedef struct Value {
    const Type *type; /* NULL: an iterator of ints: start, step, turns, how many are over; */
    enum {
        NO_LIST,
        LIST,
        LIST_ENUMERATE,
        LIST_ZIP
    } of_list;    /* or of a list: that (and what the numbers start with; another list), how
                                                                 many are over */
    bool flagged; /* the slot before says whether it is bound */
} Value;

typedef struct Resume {
    PyObject
        *function; /* of one list; of a region, of its values. NULL: Python cannot go on from there, for the reason */
    PyObject *method; /* a region that is a call of one: its name */
    enum {
        OPERATION_NONE,
        OPERATION_CALL,
        OPERATION_IN,
        OPERATION_NOT_IN,
    } operation;       /* of a region */
    PyObject *unbound; /* what stands for a local without a value */
    PyObject *why;
    Value *values, *written; /* written: what a region leaves in locals */
    Py_ssize_t nvalues, nwritten;
    bool object;        /* what a callee gave is one more */
    const Type *result; /* NULL: nothing fits */
} Resume;

Resume *resume_of(Plan *plan, uint32_t site); /* borrowed; NULL: exception */
/* Of the value's references one more is counted. The slots are moved behind it. */
void resume_count(JitdFrame *frame, const Type *t, const JitdValue **slot);
void resume_count_all(JitdFrame *frame, const Resume *r, const JitdValue *slot);
PyObject *resume_value(const Resume *r, const Value *value, const JitdValue **slot); /* its counts are taken over */
