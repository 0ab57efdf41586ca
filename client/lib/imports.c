/* The import table's default contents: the functions of this process that generated code reaches. */
#include "client/lib/internal.h"
#include <math.h>

/* A program without an interpreter has no signal handlers that would have to run: but a long call must not keep what dies meanwhile from
 * being freed. */
static int32_t pause_only(JitdFrame *frame, uint32_t effects) {
    Arena *arena = frame->alloc->owner;
    (void)effects;
    uint32_t nest = arena_pause(arena);
    arena_breathe(arena);
    arena_resume(arena, nest);
    return JITD_TRAP_NONE;
}

/* ... nor CPython's own algorithms of `math`, and another library's bits would be wrong ones. */
static int32_t no_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                         JitdValue *out) {
    (void)n, (void)types, (void)in, (void)out;
    frame->trap.kind = JITD_TRAP_PYTHON;
    frame->trap.nvalues = 1;
    frame->trap.values[0].u = fn; /* for the message: see error.c */
    return JITD_TRAP_PYTHON;
}

/* ... nor can anything go on in Python. */
static int32_t no_resume(JitdFrame *frame, uint32_t site, JitdValue *values) {
    (void)values;
    frame->trap.kind = JITD_TRAP_RAISE;
    frame->trap.site = site;
    frame->trap.ntrace = frame->trap.nvalues = 0;
    return JITD_TRAP_RAISE;
}

static int32_t no_attribute(JitdFrame *frame, uint64_t ref, uint32_t site, uint64_t *out) {
    (void)ref, (void)out;
    return no_resume(frame, site, NULL);
}

static void no_object(JitdFrame *frame, uint64_t object) {
    (void)frame, (void)object;
}

/* ... and there are no objects. What would be None, or a type, is one whose count is never changed; none can be made; and what is done
 * with one nothing comes to. */
static const uint64_t no_such_object[] = {UINT64_MAX, 0, 0, 0};

static uint64_t none_made(void) {
    return 0;
}

static int32_t not_done(void) {
    return 1;
}

static int32_t not_known(void) {
    return JITD_CATCH_PYTHON;
}

static const void *const defaults[] = {
#define alloc arena_alloc
#define release arena_release
#define share arena_share
#define poll pause_only
#define pymath no_pymath
#define resume no_resume
#define region no_resume
#define py_incref no_object
#define py_decref no_object
#define py_none no_such_object
#define py_true no_such_object
#define py_false no_such_object
#define py_int_type no_such_object
#define py_float_type no_such_object
#define py_tuple_type no_such_object
#define py_list_type no_such_object
#define py_int not_done
#define py_ref not_done
#define py_box_int none_made
#define py_box_float none_made
#define py_box_ref none_made
#define py_list_set not_done
#define py_list_append not_done
#define py_tuple_put not_done
#define py_tuple_new none_made
#define py_list_pop none_made
#define py_list_new none_made
#define py_truth not_done
#define py_iterable not_done
#define py_iter none_made
#define py_next none_made
#define py_end no_such_object
#define py_dict_type no_such_object
#define py_set_type no_such_object
#define py_has_int not_done
#define py_has not_done
#define py_find_int none_made
#define py_find none_made
#define py_put_int not_done
#define py_put not_done
#define py_add_int not_done
#define py_add not_done
#define py_discard_int not_done
#define py_discard not_done
#define py_dict_new none_made
#define py_set_new none_made
#define py_set_put_int not_done
#define py_set_put not_done
#define py_map_put_int not_done
#define py_map_put not_done
#define py_attribute no_attribute
#define py_str_type no_such_object
#define py_arithmetic none_made
#define py_global none_made
#define py_attribute_of none_made
#define py_set_attribute not_done
#define py_set_attribute_of not_done
#define py_text_slice none_made
#define py_text_join none_made
#define py_item none_made
#define py_catch not_known
#define py_text none_made
#define py_text_equal not_done
#define py_text_method none_made
#define IMPORT(name, ret, args) (const void *)name,
#include "protocol/imports.def"
#undef IMPORT
#undef alloc
#undef release
#undef share
#undef poll
#undef pymath
#undef resume
#undef region
#undef py_incref
#undef py_decref
#undef py_attribute
#undef py_none
#undef py_true
#undef py_false
#undef py_int_type
#undef py_float_type
#undef py_tuple_type
#undef py_list_type
#undef py_int
#undef py_ref
#undef py_box_int
#undef py_box_float
#undef py_box_ref
#undef py_list_set
#undef py_list_append
#undef py_tuple_put
#undef py_tuple_new
#undef py_list_pop
#undef py_list_new
#undef py_truth
#undef py_iterable
#undef py_iter
#undef py_next
#undef py_end
#undef py_dict_type
#undef py_set_type
#undef py_has_int
#undef py_has
#undef py_find_int
#undef py_find
#undef py_put_int
#undef py_put
#undef py_add_int
#undef py_add
#undef py_discard_int
#undef py_discard
#undef py_dict_new
#undef py_set_new
#undef py_set_put_int
#undef py_set_put
#undef py_map_put_int
#undef py_map_put
#undef py_str_type
#undef py_arithmetic
#undef py_global
#undef py_catch
#undef py_attribute_of
#undef py_set_attribute
#undef py_set_attribute_of
#undef py_text_slice
#undef py_text_join
#undef py_item
#undef py_text
#undef py_text_equal
#undef py_text_method
};
_Static_assert(sizeof defaults / sizeof defaults[0] == JITD_N_IMPORTS, "imports.def");

void imports_fill(const void *const *given, const void **ret_imports) {
    for (int i = 0; i < JITD_N_IMPORTS; i++)
        ret_imports[i] = given[i] ? given[i] : defaults[i];
}
