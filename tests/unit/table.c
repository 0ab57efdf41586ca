/* The table region: what is written is found, read-only for clients, bounds. */
#include "shared-mem/memfd.h"
#include "shared-mem/object.h"
#include "shared-mem/table.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

static Table broker, client;

static void open_both(void) {
    cr_assert_eq(table_create(&broker), 0);
    cr_assert_eq(table_map(dup(broker.fd), broker.size, &client), 0);
}

static void close_both(void) {
    table_deinit(&client);
    table_deinit(&broker);
}

TestSuite(table, .init = open_both, .fini = close_both);

static Shape shape_of(const Table *t, uint32_t class_id) {
    Shape shape = {0};
    cr_assert_eq(table_shape(t, class_id, &shape), 0, "class %u", class_id);
    return shape;
}

static bool is_known(const Table *t, uint32_t class_id) {
    Shape shape;
    int r = table_shape(t, class_id, &shape);
    cr_assert(r == 0 || r == -ENOENT);
    return r == 0;
}

Test(table, classes_are_found_by_key_and_id) {
    uint32_t refs[] = {16, 32}, a, b;
    Key ka = {{1}}, kb = {{2}}, kc = {{3}};
    cr_assert_eq(table_add_class(&broker, &ka, &(Shape){.base = 40, .nrefs = 2, .refs = refs}, &a), 0);
    cr_assert_eq(table_add_class(&broker, &kb, &(Shape){.base = 24}, &b), 0);
    cr_assert_eq(table_find_class(&client, &ka), a);
    cr_assert_eq(table_find_class(&client, &kb), b);
    cr_assert_eq(table_find_class(&client, &kc), 0);
    Shape shape = shape_of(&client, a);
    cr_assert_eq(shape.base, 40);
    cr_assert_eq(shape.nrefs, 2);
    cr_assert_eq(shape.refs[1], 32);
}

Test(table, ids_out_of_range) {
    uint32_t a;
    cr_assert(!is_known(&client, 0));
    cr_assert(!is_known(&client, 1));
    cr_assert(!is_known(&client, UINT32_MAX));
    cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 24}, &a), 0);
    cr_assert(is_known(&client, 1));
    cr_assert(!is_known(&client, 2));
    cr_assert_null(table_method(&client, 0));
    cr_assert_null(table_method(&client, UINT32_MAX));
}

Test(table, bad_classes_are_refused) {
    uint32_t bad[][1] = {{8}, {20}, {40}, {UINT32_MAX - 7}}, a;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 40, .nrefs = 1, .refs = bad[i]}, &a),
                     -EINVAL, "%u", bad[i][0]);
    cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 8}, &a), -EINVAL);
    cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 65544}, &a), -EINVAL);
}

Test(table, tails) {
    uint32_t a, length[] = {16}, after[] = {24};
    Shape good[] = {{.base = 24, .tail = SHM_TAIL_BYTES, .element = 1},
                    {.base = 32, .tail = SHM_TAIL_BYTES, .element = 16},
                    {.base = 24, .tail = SHM_TAIL_SLOTS, .element = 8},
                    {.base = 32, .nrefs = 1, .refs = after, .tail = SHM_TAIL_REFS, .element = 8}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &good[i], &a), 0, "%zu", i);
        cr_assert_eq(shape_of(&client, a).tail, good[i].tail);
        cr_assert_eq(shape_of(&client, a).element, good[i].element);
    }
    Shape bad[] = {{.base = 16, .tail = SHM_TAIL_BYTES, .element = 1},
                   {.base = 24, .tail = SHM_TAIL_BYTES, .element = 0},
                   {.base = 24, .tail = SHM_TAIL_BYTES, .element = 3},
                   {.base = 24, .tail = SHM_TAIL_BYTES, .element = 16},
                   {.base = 32, .tail = SHM_TAIL_BYTES, .element = 32},
                   {.base = 28, .tail = SHM_TAIL_BYTES, .element = 4},
                   {.base = 24, .tail = SHM_TAIL_SLOTS, .element = 4},
                   {.base = 24, .tail = SHM_TAIL_REFS, .element = 16},
                   {.base = 24, .element = 8},
                   {.base = 24, .tail = SHM_TAIL_REFS + 1, .element = 8},
                   {.base = 32, .nrefs = 1, .refs = length, .tail = SHM_TAIL_REFS, .element = 8}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &bad[i], &a), -EINVAL, "%zu", i);
}

/* As a broker of another version might leave it. */
Test(table, what_is_no_shape_is_not_believed) {
    uint32_t a, refs[] = {16};
    Shape shape;
    cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 40, .nrefs = 1, .refs = refs}, &a), 0);
    ShmShape *shm = &((ShmClass *)(broker.base + 64 + TABLE_MAX_METHODS * sizeof(ShmMethod)))[a - 1].shape, good = *shm;
    ShmShape bad[] = {{8, 1, good.refs, 0, 0},
                      {SHM_MAX_OBJECT + 8, 1, good.refs, 0, 0},
                      {16, 1, good.refs, 0, 0},
                      {40, TABLE_MAX_REFS + 1, good.refs, 0, 0},
                      {40, 1, 0, 0, 0},
                      {40, 1, good.refs + 1, 0, 0},
                      {40, 1, broker.size, 0, 0},
                      {40, 1, UINT64_MAX - 7, 0, 0},
                      {40, 1, broker.size - 4, 0, 0}, /* in bounds, but what stands there is 0 */
                      {40, 1, good.refs, SHM_TAIL_REFS, 8},
                      {40, 0, good.refs, SHM_TAIL_REFS + 1, 8},
                      {40, 0, good.refs, SHM_TAIL_NONE, 8},
                      {40, 0, good.refs, UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *shm = bad[i];
        cr_assert_eq(table_shape(&client, a, &shape), -EPROTO, "%zu", i);
    }
    *shm = good;
    cr_assert_eq(shape_of(&client, a).refs[0], 16);
}

Test(table, fills_up_with_an_error) {
    uint32_t refs[TABLE_MAX_REFS], id = 0, first;
    for (uint32_t i = 0; i < TABLE_MAX_REFS; i++)
        refs[i] = 16 + i * 8;
    int r = 0;
    while (r == 0)
        r = table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 8192, .nrefs = TABLE_MAX_REFS, .refs = refs}, &id);
    cr_assert_eq(r, -ENOSPC);
    cr_assert_gt(id, 1000);
    cr_assert_eq(table_reserve_methods(&broker, TABLE_MAX_METHODS, &first), 0);
    cr_assert_eq(table_reserve_methods(&broker, 1, &first), -ENOSPC);
    cr_assert_eq(table_reserve_methods(&broker, UINT32_MAX, &first), -ENOSPC);
}

Test(table, methods) {
    uint32_t first;
    cr_assert_eq(table_reserve_methods(&broker, 3, &first), 0);
    cr_assert_eq(table_method(&client, first)->thunk, 0);
    table_set_method(&broker, first + 2, 0x20000, 0x20040);
    cr_assert_eq(table_method(&client, first + 2)->thunk, 0x20000);
    cr_assert_eq(table_method(&client, first + 2)->native, 0x20040);
    cr_assert_null(table_method(&client, first + 3));
}

Test(table, clients_cannot_write) {
    uint32_t id;
    cr_assert_eq(table_add_class(&client, &(Key){{1}}, &(Shape){.base = 40}, &id), -EPERM);
    cr_assert_eq(table_reserve_methods(&client, 1, &id), -EPERM);
    cr_assert_eq(mprotect(client.base, client.size, PROT_READ | PROT_WRITE), -1);
    cr_assert_eq(mmap(NULL, client.size, PROT_READ | PROT_WRITE, MAP_SHARED, client.fd, 0), MAP_FAILED);
    cr_assert_eq(errno, EPERM);
}

Test(table, own_classes_are_nobody_elses) {
    uint32_t id, mine, later, refs[1] = {24};
    cr_assert_eq(table_add_class(&broker, &(Key){{1}}, &(Shape){.base = 40, .nrefs = 1, .refs = refs}, &id), 0);
    _Atomic uint32_t counter = 0;
    cr_assert_eq(table_make_own(&client, &counter), 0);
    cr_assert_eq(table_add_class(&client, &(Key){{2}}, &(Shape){.base = 48, .nrefs = 1, .refs = refs}, &mine), 0);
    cr_assert_gt(mine, TABLE_OWN_CLASSES);
    cr_assert_eq(shape_of(&client, mine).base, 48);
    cr_assert_eq(shape_of(&client, mine).refs[0], 24);
    cr_assert_eq(shape_of(&client, id).base, 40);
    cr_assert_eq(shape_of(&client, id).refs[0], 24);
    cr_assert(!is_known(&client, id + 1));
    cr_assert(!is_known(&broker, mine));
    cr_assert_eq(table_find_class(&broker, &(Key){{2}}), 0);
    cr_assert_eq(table_add_class(&broker, &(Key){{3}}, &(Shape){.base = 40}, &later), 0);
    cr_assert_eq(later, id + 1);
}

Test(table, an_id_is_unique_in_its_arena) {
    _Atomic uint32_t counter = 0; /* of the arena */
    Table other;
    uint32_t id, mine, his, again, given = 0;
    cr_assert_eq(table_map(dup(broker.fd), broker.size, &other), 0);
    cr_assert_eq(table_make_own(&client, &counter), 0);
    cr_assert_eq(table_make_own(&other, &counter), 0);
    cr_assert_eq(table_add_class(&client, &(Key){{1}}, &(Shape){.base = 40}, &mine), 0);
    cr_assert_eq(table_add_class(&other, &(Key){{2}}, &(Shape){.base = 40}, &his), 0);
    cr_assert_eq(table_add_class(&client, &(Key){{3}}, &(Shape){.base = 48}, &again), 0);
    cr_assert(mine != his && his != again && mine != again);
    cr_assert(!is_known(&client, his));
    cr_assert_eq(shape_of(&client, again).base, 48);
    while (table_add_class(&broker, &(Key){{4}}, &(Shape){.base = 40}, &id) == 0)
        given = id;
    cr_assert_eq(given, TABLE_OWN_CLASSES);
    while (table_add_class(&client, &(Key){{5}}, &(Shape){.base = 40}, &id) == 0)
        given = id;
    cr_assert_eq(given, TABLE_MAX_CLASSES);
    counter = UINT32_MAX; /* a liar's */
    cr_assert_eq(table_add_class(&client, &(Key){{6}}, &(Shape){.base = 40}, &id), -ENOSPC);
    counter = 0;
    cr_assert_eq(table_add_class(&client, &(Key){{6}}, &(Shape){.base = 40}, &id), -ENOSPC, "an id of ours, again");
    table_deinit(&other);
}

Test(table, classes_of_another_broker) {
    uint32_t id, refs[1] = {24};
    cr_assert_eq(table_restore_class(&broker, 7, &(Key){{7}}, &(Shape){.base = 40, .nrefs = 1, .refs = refs}), 0);
    cr_assert_eq(shape_of(&client, 7).base, 40);
    cr_assert(!is_known(&client, 3));
    cr_assert_eq(table_find_class(&client, &(Key){{7}}), 7);
    cr_assert_eq(table_add_class(&broker, &(Key){{8}}, &(Shape){.base = 24}, &id), 0);
    cr_assert_eq(id, 8);
    cr_assert_eq(table_restore_class(&broker, 0, &(Key){{9}}, &(Shape){.base = 40}), -EINVAL);
    cr_assert_eq(table_restore_class(&broker, TABLE_OWN_CLASSES + 1, &(Key){{9}}, &(Shape){.base = 40}), -ENOSPC);
    cr_assert_eq(table_restore_class(&client, 9, &(Key){{9}}, &(Shape){.base = 40}), -EPERM);
}

Test(table, another_one_in_its_place) {
    Table next;
    uint32_t id, mine;
    uint8_t *base = client.base;
    _Atomic uint32_t counter = 0;
    cr_assert_eq(table_make_own(&client, &counter), 0);
    cr_assert_eq(table_add_class(&client, &(Key){{2}}, &(Shape){.base = 48}, &mine), 0);
    cr_assert_eq(table_create(&next), 0);
    cr_assert_eq(table_add_class(&next, &(Key){{1}}, &(Shape){.base = 40}, &id), 0);
    cr_assert_eq(table_remap(&client, dup(next.fd)), 0);
    cr_assert_eq(client.base, base);
    cr_assert_eq(shape_of(&client, id).base, 40);
    cr_assert_eq(shape_of(&client, mine).base, 48);
    int other = memfd_new("other", client.size);
    cr_assert_eq(table_remap(&client, other), -EPERM);
    cr_assert_eq(shape_of(&client, id).base, 40);
    close(other);
    table_deinit(&next);
}

Test(table, foreign_files_are_refused) {
    Table t;
    int fd = memfd_new("other", broker.size);
    cr_assert_eq(table_map(fd, broker.size, &t), -EPERM, "not sealed");
    cr_assert_eq(memfd_seal(fd, MEMFD_SEALS_READERS), 0);
    cr_assert_eq(table_map(fd, broker.size, &t), -EPROTO, "no magic");
    cr_assert_eq(table_map(broker.fd, broker.size + 4096, &t), -EINVAL);
    close(fd);
}
