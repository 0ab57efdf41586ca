/* unit_decode: everything of a good unit arrives; nothing of a bad one does any harm. */
#include "protocol/spec.h"
#include "unit_sample.h"
#include <criterion/criterion.h>
#include <setjmp.h>

static msgpack_sbuffer buffer;
static msgpack_packer packer;
static Pool pool;

static void setup(void) {
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    sample_unit(&packer);
    pool = POOL_NULL;
}

static void teardown(void) {
    msgpack_sbuffer_destroy(&buffer);
    pool_deinit(&pool);
}

TestSuite(spec, .init = setup, .fini = teardown);

static UnitSpec decode_sample(void) {
    UnitSpec u;
    Str error = STR_NULL;
    int r = unit_decode(&pool, (Str){buffer.data, buffer.size}, &u, &error);
    cr_assert_eq(r, 0, "%.*s", STR_FMT(error));
    return u;
}

Test(spec, head) {
    UnitSpec u = decode_sample();
    cr_assert(str_eq_c(u.name, "m.Point"));
    cr_assert_eq(u.key.b[31], 'u');
    cr_assert_eq(u.python_minor, 11);
    cr_assert(u.wrap && !u.fastmath && u.boundscheck);
    cr_assert_eq(u.ndefs, 2);
    cr_assert(u.defs[0].is_class && !u.defs[1].is_class);
}

/* The oracle is the C compiler's own layout of the same fields. */
Test(spec, layout_is_that_of_the_c_struct) {
    struct {
        uint64_t header[2];
        uint8_t flag;
        double x;
        int16_t small;
        uint64_t next;
    } like;
    const DefSpec *d = &decode_sample().defs[0];
    cr_assert_eq(d->nfields, 4);
    cr_assert_eq(d->fields[0].offset, (size_t)((char *)&like.flag - (char *)&like));
    cr_assert_eq(d->fields[1].offset, (size_t)((char *)&like.x - (char *)&like));
    cr_assert_eq(d->fields[2].offset, (size_t)((char *)&like.small - (char *)&like));
    cr_assert_eq(d->fields[3].offset, (size_t)((char *)&like.next - (char *)&like));
    cr_assert_eq(d->size, sizeof like);
    cr_assert(d->fields[3].type->kind == TYPE_REF && d->fields[3].type->optional);
}

Test(spec, functions_and_globals) {
    UnitSpec u = decode_sample();
    const FuncSpec *f = &u.defs[0].funcs[0];
    cr_assert(str_eq_c(f->name, "norm") && f->kind == FUNC_METHOD && f->line == 3 && f->nparams == 2);
    cr_assert(f->params[0].type->kind == TYPE_FLOAT && f->params[1].type == NULL && f->params[1].kind == PARAM_KW);
    cr_assert_eq(f->params[0].default_value->f, 1.5);
    cr_assert_eq(f->globals.len, 11);
    cr_assert_eq(f->globals.at[0].i, INT64_MIN);
    cr_assert(__builtin_signbit(f->globals.at[1].f));
    cr_assert(str_eq_c(f->globals.at[7].t, "sqrt"));
    cr_assert_eq(f->globals.at[9].type->kind, TYPE_INT32);
    cr_assert(str_eq_c(u.defs[0].other.at[0].s, "not a function"));
}

Test(spec, what_a_class_above_has) {
    UnitSpec u = decode_sample();
    const FuncSpec *own = &u.defs[0].funcs[0], *above = &u.defs[0].funcs[3];
    cr_assert(own->owner.level == 0 && str_eq_c(own->entry, "norm"));
    cr_assert(above->owner.level == 2 && above->owner.hidden && above->owner.is_def && above->owner.def == 0);
    cr_assert(str_eq_c(above->owner.name, "_Base") && str_eq_c(above->owner.file, "base.py"));
    cr_assert(str_eq_c(above->entry, "norm@2"));
}

Test(spec, entries) {
    UnitSpec u = decode_sample();
    cr_assert_eq(u.nentries, 4);
    cr_assert(u.entries[1].func == 2 && u.entries[1].args == NULL);
    cr_assert(u.entries[2].def == 1 && u.entries[2].nargs == 2);
    cr_assert(str_eq_c(type_text(&pool, u.entries[2].args[0]), "(int,(bool,@0))"));
}

Test(spec, none_or_a_number) {
    const Type *t = type_parse(&pool, STR("(bool,(int,float))?"), 1);
    cr_assert(t && type_is_maybe(t) && type_slots(t) == 3);
    cr_assert(str_eq_c(type_text(&pool, t), "(bool,(int,float))?"));
    cr_assert_not(type_eq(t, type_parse(&pool, STR("(bool,(int,float))"), 1)));
    cr_assert_not(type_is_maybe(type_parse(&pool, STR("(bool,int)"), 1)));
    cr_assert_null(type_parse(&pool, STR("(int,float)?"), 1), "its first part says whether it is one");
    cr_assert_null(type_parse(&pool, STR("(bool,int,int)?"), 1));
    cr_assert_null(type_parse(&pool, STR("float?"), 1));
}

Test(spec, every_truncation_is_refused) {
    for (size_t n = 0; n < buffer.size; n++) {
        /* a copy of exactly n bytes, so that AddressSanitizer sees a read beyond them */
        char *copy = malloc(n ? n : 1);
        memcpy(copy, buffer.data, n);
        UnitSpec u;
        Str error = STR_NULL;
        cr_assert_eq(unit_decode(&pool, (Str){copy, n}, &u, &error), 1, "%zu bytes", n);
        cr_assert_gt(error.len, 0);
        free(copy);
    }
}

static uint32_t random_next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* What still decodes after damage must be safe to walk: every index in bounds. */
static void walk(const UnitSpec *u) {
    for (size_t i = 0; i < u->nentries; i++) {
        cr_assert_lt(u->entries[i].def, u->ndefs);
        cr_assert_lt(u->entries[i].func, u->defs[u->entries[i].def].nfuncs);
        for (size_t k = 0; k < u->entries[i].nargs; k++)
            cr_assert_gt(type_text(&pool, u->entries[i].args[k]).len, 0);
    }
    for (size_t d = 0; d < u->ndefs; d++)
        for (size_t f = 0; f < u->defs[d].nfields; f++) {
            const FieldSpec *field = &u->defs[d].fields[f];
            cr_assert_leq(field->offset + type_layout(field->type).size, u->defs[d].size);
            if (field->type->kind == TYPE_REF)
                cr_assert(u->defs[field->type->def].is_class);
        }
}

Test(spec, random_damage_is_survived) {
    uint32_t state = 12345;
    int good = 0, bad = 0;
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(buffer.size);
        memcpy(copy, buffer.data, buffer.size);
        for (uint32_t k = random_next(&state) % 3 + 1; k > 0; k--)
            copy[random_next(&state) % buffer.size] = (char)random_next(&state);
        UnitSpec u;
        Str error = STR_NULL;
        if (unit_decode(&pool, (Str){copy, buffer.size}, &u, &error) == 0)
            good++, walk(&u);
        else
            bad++;
        free(copy);
        pool_deinit(&pool);
    }
    cr_assert(good > 100 && bad > 100, "%d good, %d bad", good, bad);
}

/* Replaces the first `from` in the encoded unit by `to` of the same length and expects this refusal. */
static void expect_refusal(const char *from, const char *to, const char *message) {
    char *at = memmem(buffer.data, buffer.size, from, strlen(from));
    cr_assert(at && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    UnitSpec u;
    Str error = STR_NULL;
    cr_assert_eq(unit_decode(&pool, (Str){buffer.data, buffer.size}, &u, &error), 1);
    cr_assert(str_eq_c(error, message), "%.*s", STR_FMT(error));
}

Test(spec, unknown_key) {
    expect_refusal("options", "optionz", "the unit has no \"options\"");
}
Test(spec, unknown_word) {
    expect_refusal("generated", "generatex", "\"init\" is none of the known words");
}
Test(spec, unknown_type) {
    expect_refusal("int16", "int17", "not a type: \"int17\"");
}
Test(spec, reference_to_no_definition) {
    expect_refusal("@0?", "@7?", "not a type: \"@7?\"");
}
Test(spec, reference_to_a_function) {
    expect_refusal("@0?", "@1?", "not a type: \"@1?\"");
}
Test(spec, field_that_cannot_be_one) {
    expect_refusal("float", "(int)", "field \"x\" has a type that cannot be a field");
}
Test(spec, field_twice) {
    expect_refusal("next", "flag", "field \"flag\" occurs twice");
}
Test(spec, method_as_a_function) {
    expect_refusal("property", "function", "function \"p\" is of the wrong kind");
}
Test(spec, entry_without_function) {
    expect_refusal("\xa8p.setter", "\xa8q.setter", "an entry's function \"q.setter\" does not exist");
}

/* Two classes of one key: for the compiler their instances would never be the same. */
Test(spec, class_twice) {
    msgpack_sbuffer_clear(&buffer);
    sample_unit_of(&packer, 2);
    expect_refusal("options", "options", "a class is defined twice");
}

/* A function that cannot be compiled has a place among the definitions all the same. */
Test(spec, function_without_functions) {
    UnitSpec u;
    Str error = STR_NULL;
    msgpack_sbuffer_clear(&buffer);
    sample_unit_without_function(&packer);
    cr_assert_eq(unit_decode(&pool, (Str){buffer.data, buffer.size}, &u, &error), 0, "%.*s", STR_FMT(error));
    cr_assert(u.ndefs == 1 && !u.defs[0].is_class && u.defs[0].nfuncs == 0);
}

typedef struct Jump {
    jmp_buf to;
} Jump;

static void pool_is_full(void *arg) {
    longjmp(((Jump *)arg)->to, 1);
}

/* The pool runs out at every size in turn; the leak checker of the sanitizer build watches msgpack's memory. */
Test(spec, out_of_memory_at_every_point) {
    volatile int failures = 0;
    for (volatile size_t limit = 1;; limit += 1024) {
        Jump jump;
        pool = (Pool){.limit = limit, .fail = pool_is_full, .fail_arg = &jump};
        UnitSpec u;
        Str error;
        if (setjmp(jump.to) == 0) {
            cr_assert_eq(unit_decode(&pool, (Str){buffer.data, buffer.size}, &u, &error), 0);
            break;
        }
        failures++;
        pool_deinit(&pool);
    }
    cr_assert_gt(failures, 1);
}
