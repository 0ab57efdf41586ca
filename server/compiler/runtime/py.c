/* Python objects: what compiled code looks at and changes itself, by CPython's layout of them, which is the same from 3.10 on but for ints and
 * tuples (client/python/ext/objects.c asserts it). Those that return an int32_t: 0, or 1 where the object is none of its kind. */
#include "server/compiler/runtime/rt.h"

typedef struct Object {
    uint32_t refs, more_refs; /* a count above 2**32 is no matter: only 1 is looked for */
    uint64_t type;
} Object;

typedef struct List {
    Object head;
    int64_t size;
    uint64_t *items;
    int64_t allocated;
} List;

typedef struct Tuple {
    Object head;
    int64_t size;
    uint64_t places[];
} Tuple;

typedef struct Dict {
    Object head;
    int64_t used;
} Dict;

typedef struct Set {
    Object head;
    int64_t fill, used;
} Set;

typedef struct Float {
    Object head;
    double value;
} Float;

typedef struct Int {
    Object head;
    int64_t tag;
    uint32_t digits[];
} Int;

#define ADDRESS(name) ((uint64_t)(uintptr_t)jitd_import_##name)
#define DIGIT 30 /* bits */

static RT bool is_a(uint64_t object, uint64_t type) {
    return ((const Object *)object)->type == type;
}

/* ---- counts ---- */

/* Up to here an object is not immortal in any version, and its count is simply a count. From there on it is in all (3.11's static objects begin
 * with 999,999,999, which goes up and down there, and means nothing). */
#define PLAIN_COUNT (1u << 28)
#define IMMORTAL_COUNT (1u << 29)

static RT_SLOW void incref_other(JitdFrame *frame, uint64_t object) {
    jitd_import_py_incref(frame, object);
}

RT void rt_py_incref(JitdFrame *frame, uint64_t object) {
    Object *op = (Object *)object;
    if (op && op->refs < PLAIN_COUNT)
        op->refs++;
    else if (op && op->refs < IMMORTAL_COUNT)
        incref_other(frame, object);
}

RT void rt_py_decref(JitdFrame *frame, uint64_t object) {
    Object *op = (Object *)object;
    if (!op)
        return;
    if (op->refs > 1 && op->refs < PLAIN_COUNT)
        op->refs--;
    else if (op->refs < IMMORTAL_COUNT)
        jitd_import_py_decref(frame, object);
}

/* ---- what an object is ---- */

RT int32_t rt_py_float(JitdFrame *frame, uint64_t object, double *out) {
    (void)frame;
    if (!is_a(object, ADDRESS(py_float_type)))
        return 1;
    *out = ((const Float *)object)->value;
    return 0;
}

static RT int64_t two_digits(const Int *v, bool second) {
    return v->digits[0] | (second ? (int64_t)v->digits[1] << DIGIT : 0);
}

static RT_SLOW int32_t large_int(JitdFrame *frame, uint64_t object, int64_t *out) {
    return jitd_import_py_int(frame, object, out);
}

/* Until 3.11: the number of digits, with the sign. */
RT int32_t rt_py_int_11(JitdFrame *frame, uint64_t object, int64_t *out) {
    const Int *v = (const Int *)object;
    if (!is_a(object, ADDRESS(py_int_type)))
        return 1;
    if (v->tag < -2 || v->tag > 2)
        return large_int(frame, object, out);
    int64_t size = v->tag < 0 ? -v->tag : v->tag, value = size ? two_digits(v, size == 2) : 0;
    *out = v->tag < 0 ? -value : value;
    return 0;
}

/* From 3.12 on: the lowest two bits are 1 minus the sign, the number of digits is above bit 2. */
RT int32_t rt_py_int_12(JitdFrame *frame, uint64_t object, int64_t *out) {
    const Int *v = (const Int *)object;
    if (!is_a(object, ADDRESS(py_int_type)))
        return 1;
    uint64_t digits = (uint64_t)v->tag >> 3;
    if (digits > 2)
        return large_int(frame, object, out);
    *out = (1 - (v->tag & 3)) * two_digits(v, digits == 2);
    return 0;
}

/* As a float, which an int of 64 bits becomes in arithmetic with one. */
RT int32_t rt_py_number_11(JitdFrame *frame, uint64_t object, double *out) {
    int64_t value;
    if (rt_py_float(frame, object, out) == 0)
        return 0;
    int32_t status = rt_py_int_11(frame, object, &value);
    *out = status ? 0.0 : (double)value;
    return status;
}

RT int32_t rt_py_number_12(JitdFrame *frame, uint64_t object, double *out) {
    int64_t value;
    if (rt_py_float(frame, object, out) == 0)
        return 0;
    int32_t status = rt_py_int_12(frame, object, &value);
    *out = status ? 0.0 : (double)value;
    return status;
}

RT int32_t rt_py_bool(JitdFrame *frame, uint64_t object, bool *out) {
    (void)frame;
    *out = object == ADDRESS(py_true);
    return !*out && object != ADDRESS(py_false);
}

RT int32_t rt_py_none(JitdFrame *frame, uint64_t object, uint64_t *out) {
    (void)frame;
    *out = object;
    return object != ADDRESS(py_none);
}

RT int32_t rt_py_ref(JitdFrame *frame, uint64_t object, uint32_t def, uint64_t *out) {
    return jitd_import_py_ref(frame, object, def, out);
}

RT int32_t rt_py_ref_or_none(JitdFrame *frame, uint64_t object, uint32_t def, uint64_t *out) {
    if (object != ADDRESS(py_none))
        return jitd_import_py_ref(frame, object, def, out);
    *out = JITD_NONE;
    return 0;
}

/* Of a tuple of n items the one in place i: from 3.14 on its hash is the first. */
RT int32_t rt_py_tuple_item(JitdFrame *frame, uint64_t object, int64_t i, int64_t n, uint64_t *out) {
    const Tuple *tuple = (const Tuple *)object;
    (void)frame;
    if (!is_a(object, ADDRESS(py_tuple_type)) || tuple->size != n)
        return 1;
    *out = tuple->places[i];
    return 0;
}

/* The same, also of a list: its item i, a tuple's in that place. */
RT int32_t rt_py_unpacked(JitdFrame *frame, uint64_t object, int64_t i, int64_t place, int64_t n, uint64_t *out) {
    const List *list = (const List *)object;
    if (!is_a(object, ADDRESS(py_list_type)))
        return rt_py_tuple_item(frame, object, place, n, out);
    if (list->size != n)
        return 1;
    *out = list->items[i];
    return 0;
}

RT int32_t rt_py_iterable(JitdFrame *frame, uint64_t object, uint64_t *out) {
    *out = object;
    return jitd_import_py_iterable(frame, object);
}

RT uint64_t rt_py_iter(JitdFrame *frame, uint64_t object) {
    return jitd_import_py_iter(frame, object);
}

RT uint64_t rt_py_next(JitdFrame *frame, uint64_t iterator) {
    return jitd_import_py_next(frame, iterator);
}

RT bool rt_py_is_end(uint64_t object) {
    return object == ADDRESS(py_end);
}

RT bool rt_py_is_none(uint64_t object) {
    return object == ADDRESS(py_none);
}

static RT_SLOW int32_t truth_of_other(JitdFrame *frame, uint64_t object, bool *out) {
    return jitd_import_py_truth(frame, object, out);
}

RT int32_t rt_py_truth(JitdFrame *frame, uint64_t object, bool *out) {
    *out = object == ADDRESS(py_true);
    if (*out || object == ADDRESS(py_false) || object == ADDRESS(py_none))
        return 0;
    return truth_of_other(frame, object, out);
}

RT int32_t rt_py_empty_tuple(JitdFrame *frame, uint64_t object, uint64_t *out) {
    (void)frame;
    *out = object;
    return !is_a(object, ADDRESS(py_tuple_type)) || ((const Tuple *)object)->size;
}

static RT_SLOW int32_t ask_attribute(JitdFrame *frame, uint64_t ref, uint32_t site, JitdRead *last, uint64_t *out) {
    int32_t status = jitd_import_py_attribute(frame, ref, site, out);
    *last = status ? (JitdRead){0} : (JitdRead){ref, *out, frame->ran};
    return status;
}

/* Only Python code gives an instance another one, or py_set_attribute, which says so. */
RT int32_t rt_py_attribute(JitdFrame *frame, uint64_t ref, uint32_t site, JitdRead *last, uint64_t *out) {
    if (last->ran != frame->ran || last->ref != ref)
        return ask_attribute(frame, ref, site, last, out);
    *out = last->object;
    rt_py_incref(frame, *out);
    return 0;
}

/* ---- objects of values ---- */

RT uint64_t rt_box_float(JitdFrame *frame, double value) {
    return jitd_import_py_box_float(frame, value);
}

RT uint64_t rt_box_int(JitdFrame *frame, int64_t value) {
    return jitd_import_py_box_int(frame, value);
}

static RT uint64_t counted(JitdFrame *frame, uint64_t object) {
    rt_py_incref(frame, object);
    return object;
}

RT uint64_t rt_box_bool(JitdFrame *frame, bool value) {
    return counted(frame, value ? ADDRESS(py_true) : ADDRESS(py_false));
}

RT uint64_t rt_box_none(JitdFrame *frame) {
    return counted(frame, ADDRESS(py_none));
}

RT uint64_t rt_tuple_new(JitdFrame *frame, int64_t n) {
    return jitd_import_py_tuple_new(frame, n);
}

RT int32_t rt_tuple_put(JitdFrame *frame, uint64_t tuple, int64_t i, uint64_t item) {
    return jitd_import_py_tuple_put(frame, tuple, i, item);
}

RT uint64_t rt_box_ref(JitdFrame *frame, uint64_t ref) {
    return jitd_import_py_box_ref(frame, ref);
}

/* ---- lists ---- */

RT uint64_t rt_list_size(uint64_t list) {
    return (uint64_t)((const List *)list)->size;
}

RT int32_t rt_list_len(JitdFrame *frame, uint64_t object, int64_t *out) {
    (void)frame;
    if (!is_a(object, ADDRESS(py_list_type)))
        return 1;
    *out = ((const List *)object)->size;
    return 0;
}

static RT int64_t from_start(const List *list, int64_t index) {
    return index + (index < 0 ? list->size : 0);
}

/* A list's index that is not negative, of one that may be. */
RT int32_t rt_list_index(JitdFrame *frame, uint64_t object, int64_t index, int64_t *out) {
    const List *list = (const List *)object;
    (void)frame;
    if (!is_a(object, ADDRESS(py_list_type)))
        return 1;
    *out = index = from_start(list, index);
    return (uint64_t)index >= (uint64_t)list->size;
}

/* Why there is no such item, if it is a list. */
RT bool rt_list_is_outside(uint64_t object, int64_t index) {
    return is_a(object, ADDRESS(py_list_type)) &&
           (uint64_t)from_start((const List *)object, index) >= (uint64_t)((const List *)object)->size;
}

RT int32_t rt_list_item(JitdFrame *frame, uint64_t list, int64_t index, uint64_t *out) {
    (void)frame;
    *out = ((const List *)list)->items[index];
    return 0;
}

/* The interpreter's exception for an index that is outside by now. */
static RT_SLOW int32_t set_outside(JitdFrame *frame, uint64_t list, int64_t index, uint64_t item) {
    return jitd_import_py_list_set(frame, list, index, item);
}

RT int32_t rt_list_set(JitdFrame *frame, uint64_t object, int64_t index, uint64_t item) {
    const List *list = (const List *)object;
    index = from_start(list, index);
    if ((uint64_t)index >= (uint64_t)list->size)
        return set_outside(frame, object, index, item);
    uint64_t old = list->items[index];
    rt_py_incref(frame, item);
    list->items[index] = item;
    rt_py_decref(frame, old);
    return 0;
}

static RT_SLOW int32_t set_float(JitdFrame *frame, uint64_t list, int64_t index, double value) {
    uint64_t item = jitd_import_py_box_float(frame, value);
    int32_t status = item ? jitd_import_py_list_set(frame, list, index, item) : 1;
    rt_py_decref(frame, item);
    return status;
}

/* A float that nobody has but the list becomes the new one: nobody can tell. */
RT int32_t rt_list_set_float(JitdFrame *frame, uint64_t list, int64_t index, double value) {
    index = from_start((const List *)list, index);
    if ((uint64_t)index < rt_list_size(list)) {
        Float *old = (Float *)((const List *)list)->items[index];
        if (old->head.type == ADDRESS(py_float_type) && old->head.refs == 1 && !old->head.more_refs) {
            old->value = value;
            return 0;
        }
    }
    return set_float(frame, list, index, value);
}

RT uint64_t rt_list_new(JitdFrame *frame, int64_t room) {
    return jitd_import_py_list_new(frame, room);
}

static RT_SLOW uint64_t pop_other(JitdFrame *frame, uint64_t list, int64_t index) {
    return jitd_import_py_list_pop(frame, list, index);
}

/* The last one of a list that need not shrink; the list's count of it goes over. */
RT uint64_t rt_list_pop(JitdFrame *frame, uint64_t object, int64_t index) {
    List *list = (List *)object;
    if (index != list->size - 1 || index < list->allocated / 2)
        return pop_other(frame, object, index);
    return list->items[list->size = index];
}

static RT_SLOW int32_t append_growing(JitdFrame *frame, uint64_t list, uint64_t item) {
    return jitd_import_py_list_append(frame, list, item);
}

RT int32_t rt_list_append(JitdFrame *frame, uint64_t object, uint64_t item) {
    List *list = (List *)object;
    if (list->size >= list->allocated)
        return append_growing(frame, object, item);
    rt_py_incref(frame, item);
    list->items[list->size++] = item;
    return 0;
}

/* ---- dicts and sets: the operation is to be done in the usual way where it is 2, or py_end, or a size of -1 ---- */

RT int64_t rt_py_size(uint64_t object) {
    if (is_a(object, ADDRESS(py_str_type)) || is_a(object, ADDRESS(py_tuple_type)))
        return ((const List *)object)->size;
    if (is_a(object, ADDRESS(py_set_type)))
        return ((const Set *)object)->used;
    return is_a(object, ADDRESS(py_dict_type)) ? ((const Dict *)object)->used : -1;
}

RT int64_t rt_py_has_int(uint64_t object, int64_t key) {
    return jitd_import_py_has_int(object, key);
}

RT int64_t rt_py_has(uint64_t object, uint64_t key) {
    return jitd_import_py_has(object, key);
}

RT uint64_t rt_py_find_int(JitdFrame *frame, uint64_t dict, int64_t key) {
    return jitd_import_py_find_int(frame, dict, key);
}

RT uint64_t rt_py_find(JitdFrame *frame, uint64_t dict, uint64_t key) {
    return jitd_import_py_find(frame, dict, key);
}

static RT uint64_t or_end(uint64_t object) {
    return object ? object : ADDRESS(py_end);
}

RT uint64_t rt_py_item_int(JitdFrame *frame, uint64_t object, int64_t key) {
    if (!is_a(object, ADDRESS(py_dict_type)))
        return jitd_import_py_item(frame, object, key);
    return or_end(jitd_import_py_find_int(frame, object, key));
}

RT uint64_t rt_py_item(JitdFrame *frame, uint64_t dict, uint64_t key) {
    return or_end(jitd_import_py_find(frame, dict, key));
}

RT bool rt_py_lacks_int(uint64_t object, int64_t key) {
    return is_a(object, ADDRESS(py_dict_type)) && !jitd_import_py_find_int(NULL, object, key);
}

RT bool rt_py_is_missing(uint64_t object) {
    return !object;
}

RT int64_t rt_py_put_int(JitdFrame *frame, uint64_t dict, int64_t key, uint64_t value) {
    return jitd_import_py_put_int(frame, dict, key, value);
}

RT int64_t rt_py_put(JitdFrame *frame, uint64_t dict, uint64_t key, uint64_t value) {
    return jitd_import_py_put(frame, dict, key, value);
}

RT int64_t rt_py_add_int(JitdFrame *frame, uint64_t set, int64_t key) {
    return jitd_import_py_add_int(frame, set, key);
}

RT int64_t rt_py_add(JitdFrame *frame, uint64_t set, uint64_t key) {
    return jitd_import_py_add(frame, set, key);
}

RT int64_t rt_py_discard_int(JitdFrame *frame, uint64_t set, int64_t key) {
    return jitd_import_py_discard_int(frame, set, key);
}

RT int64_t rt_py_discard(JitdFrame *frame, uint64_t set, uint64_t key) {
    return jitd_import_py_discard(frame, set, key);
}

RT uint64_t rt_dict_new(JitdFrame *frame) {
    return jitd_import_py_dict_new(frame);
}

RT uint64_t rt_set_new(JitdFrame *frame) {
    return jitd_import_py_set_new(frame);
}

RT int64_t rt_set_put(JitdFrame *frame, uint64_t set, uint64_t item) {
    return jitd_import_py_set_put(frame, set, item);
}

RT int64_t rt_map_put_int(JitdFrame *frame, uint64_t dict, int64_t key, uint64_t value) {
    return jitd_import_py_map_put_int(frame, dict, key, value);
}

RT int64_t rt_map_put(JitdFrame *frame, uint64_t dict, uint64_t key, uint64_t value) {
    return jitd_import_py_map_put(frame, dict, key, value);
}

RT int32_t rt_set_put_int(JitdFrame *frame, uint64_t set, int64_t item) {
    return jitd_import_py_set_put_int(frame, set, item);
}

/* ---- text ---- */

static RT_SLOW uint64_t ask_text(JitdFrame *frame, uint32_t site) {
    return jitd_import_py_text(frame, site);
}

RT uint64_t rt_py_text(JitdFrame *frame, uint32_t site, uint64_t *last) {
    if (!*last)
        *last = ask_text(frame, site);
    return *last;
}

/* 2: not both are texts. */
RT int64_t rt_py_equal(uint64_t a, uint64_t b) {
    if (!is_a(a, ADDRESS(py_str_type)) || !is_a(b, ADDRESS(py_str_type)))
        return 2;
    return a == b || jitd_import_py_text_equal(a, b);
}

RT uint64_t rt_py_text_method(JitdFrame *frame, uint32_t site, uint32_t n, const uint64_t *objects) {
    if (!is_a(objects[0], ADDRESS(py_str_type)) && !is_a(objects[0], ADDRESS(py_dict_type)))
        return counted(frame, ADDRESS(py_end));
    return jitd_import_py_text_method(frame, site, n, objects);
}

RT uint64_t rt_py_text_slice(JitdFrame *frame, uint64_t object, int64_t lower, int64_t upper) {
    if (!is_a(object, ADDRESS(py_str_type)))
        return counted(frame, ADDRESS(py_end));
    return jitd_import_py_text_slice(frame, object, lower, upper);
}

/* ---- comparisons with a number: 0, 1, or 2: in the usual way ---- */

typedef enum Order { ORDER_EQ, ORDER_NE, ORDER_LT, ORDER_LE, ORDER_GT, ORDER_GE } Order;

#define EXACT_IN_FLOAT ((int64_t)1 << 53)
#define ORDERED(a, b, order)                                                                                           \
    ((order) == ORDER_EQ   ? (a) == (b)                                                                                \
     : (order) == ORDER_NE ? (a) != (b)                                                                                \
     : (order) == ORDER_LT ? (a) < (b)                                                                                 \
     : (order) == ORDER_LE ? (a) <= (b)                                                                                \
     : (order) == ORDER_GT ? (a) > (b)                                                                                 \
                           : (a) >= (b))

static RT bool is_exact_in_float(int64_t value) {
    return value >= -EXACT_IN_FLOAT && value <= EXACT_IN_FLOAT;
}

/* Of at most two digits; false: it has more. */
static RT bool small_int_11(uint64_t object, int64_t *out) {
    const Int *v = (const Int *)object;
    int64_t size = v->tag < 0 ? -v->tag : v->tag, value = size ? two_digits(v, size == 2) : 0;
    *out = v->tag < 0 ? -value : value;
    return size <= 2;
}

static RT bool small_int_12(uint64_t object, int64_t *out) {
    const Int *v = (const Int *)object;
    uint64_t digits = (uint64_t)v->tag >> 3;
    *out = (1 - (v->tag & 3)) * two_digits(v, digits == 2);
    return digits <= 2;
}

static RT int64_t compare_float(uint64_t object, double number, int64_t order) {
    return ORDERED(((const Float *)object)->value, number, order);
}

RT int64_t rt_py_compare_int_11(uint64_t object, int64_t number, int64_t order) {
    int64_t value;
    if (is_a(object, ADDRESS(py_int_type)))
        return small_int_11(object, &value) ? ORDERED(value, number, order) : 2;
    bool is_float = is_a(object, ADDRESS(py_float_type)) && is_exact_in_float(number);
    return is_float ? compare_float(object, (double)number, order) : 2;
}

RT int64_t rt_py_compare_int_12(uint64_t object, int64_t number, int64_t order) {
    int64_t value;
    if (is_a(object, ADDRESS(py_int_type)))
        return small_int_12(object, &value) ? ORDERED(value, number, order) : 2;
    bool is_float = is_a(object, ADDRESS(py_float_type)) && is_exact_in_float(number);
    return is_float ? compare_float(object, (double)number, order) : 2;
}

RT int64_t rt_py_compare_float_11(uint64_t object, double number, int64_t order) {
    int64_t value;
    if (is_a(object, ADDRESS(py_float_type)))
        return compare_float(object, number, order);
    bool is_int = is_a(object, ADDRESS(py_int_type)) && small_int_11(object, &value) && is_exact_in_float(value);
    return is_int ? ORDERED((double)value, number, order) : 2;
}

RT int64_t rt_py_compare_float_12(uint64_t object, double number, int64_t order) {
    int64_t value;
    if (is_a(object, ADDRESS(py_float_type)))
        return compare_float(object, number, order);
    bool is_int = is_a(object, ADDRESS(py_int_type)) && small_int_12(object, &value) && is_exact_in_float(value);
    return is_int ? ORDERED((double)value, number, order) : 2;
}

/* ---- arithmetic: a new object, or py_end ---- */

static RT bool is_number(uint64_t object) {
    return is_a(object, ADDRESS(py_int_type)) || is_a(object, ADDRESS(py_float_type));
}

RT uint64_t rt_py_arithmetic(JitdFrame *frame, uint64_t a, uint64_t b, int64_t operation) {
    if (!is_number(a) || !is_number(b))
        return counted(frame, ADDRESS(py_end));
    return jitd_import_py_arithmetic(frame, a, b, (uint32_t)operation);
}

RT uint64_t rt_py_plus(JitdFrame *frame, uint64_t a, uint64_t b) {
    if (is_a(a, ADDRESS(py_str_type)) && is_a(b, ADDRESS(py_str_type)))
        return jitd_import_py_text_join(frame, a, b);
    return rt_py_arithmetic(frame, a, b, '+');
}

/* ---- exceptions ---- */

RT_SLOW int32_t rt_py_catch(JitdFrame *frame, int32_t status, uint32_t site) {
    return jitd_import_py_catch(frame, status, site);
}

/* ---- names ---- */

static RT_SLOW uint64_t ask_global(JitdFrame *frame, uint32_t site) {
    return jitd_import_py_global(frame, site);
}

/* While the call is compiled code's it stays what it is. */
RT uint64_t rt_py_global(JitdFrame *frame, uint32_t site, uint64_t *last) {
    if (!*last)
        *last = ask_global(frame, site);
    return *last;
}

RT uint64_t rt_py_attribute_of(JitdFrame *frame, uint32_t site, uint64_t object) {
    return jitd_import_py_attribute_of(frame, site, object);
}

RT int64_t rt_py_set_attribute(JitdFrame *frame, uint32_t site, uint64_t ref, uint64_t value) {
    return jitd_import_py_set_attribute(frame, site, ref, value);
}

RT int64_t rt_py_set_attribute_of(JitdFrame *frame, uint32_t site, uint64_t object, uint64_t value) {
    return jitd_import_py_set_attribute_of(frame, site, object, value);
}
