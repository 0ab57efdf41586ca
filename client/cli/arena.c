/* arena: what lies in the namespace's memory, by class, by process and by age, and a picture of its chunks. An object bears no time: its age is that
 * of its chunk, since that came to be used; the object may be younger. Attaches for that as any client does; others
 * go on meanwhile, so the figures are near the truth, not at one instant. */
#include "client/cli/ctl.h"
#include "client/cli/table.h"
#include "shared-mem/arena_private.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct ClassFigures {
    uint64_t objects, shared, bytes, age; /* age: of the oldest chunk that has any, in s */
} ClassFigures;

typedef struct RowFigures {
    uint64_t chunks, objects, bytes, age;
} RowFigures;

typedef struct AgeFigures {
    uint64_t objects, bytes;
} AgeFigures;

/* Younger than that (s), and not than those before. */
static const struct {
    uint64_t below;
    const char *name;
} ages[] = {{60, "under 1 min"},      {3600, "under 1 h"},   {86400, "under 1 day"},
            {604800, "under 1 week"}, {UINT64_MAX, "older"}, {0, "not known"}};
#define NAGES (sizeof ages / sizeof *ages)

typedef struct Survey {
    Arena *arena;
    ClassFigures classes[TABLE_MAX_CLASSES + 1];
    RowFigures rows[ARENA_MAX_ROWS]; /* 0: chunks that nobody owns */
    AgeFigures by_age[NAGES];
    uint64_t now_s, age; /* age: of the chunk that is looked at */
    uint32_t *used;      /* bytes of each chunk's objects, */
    uint32_t *row;       /* and whose it is */
    uint32_t nchunks;
    msgpack_object_array names; /* of CLASSES */
} Survey;

/* A run's object fills all of its chunks. */
static void count_bytes(Survey *s, uint32_t chunk, uint64_t bytes) {
    for (; bytes > ARENA_CHUNK_SIZE && chunk < s->nchunks; bytes -= ARENA_CHUNK_SIZE)
        s->used[chunk++] = ARENA_CHUNK_SIZE;
    if (chunk < s->nchunks)
        s->used[chunk] += (uint32_t)bytes;
}

/* UINT64_MAX, not known, is the last one. */
static size_t age_place(uint64_t age) {
    size_t i = 0;
    while (age >= ages[i].below && i + 1 < NAGES)
        i++;
    return i;
}

static void count_age(uint64_t *oldest, uint64_t age) {
    if (age != UINT64_MAX && age >= *oldest)
        *oldest = age;
}

static void count_object(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Survey *s = arg;
    uint32_t chunk = arena_chunk_of(a, object), row = s->row[chunk], id = SHM_HEAD_CLASS(head);
    uint64_t bytes = arena_block_of(a, object);
    ClassFigures *c = &s->classes[id <= TABLE_MAX_CLASSES ? id : 0];
    c->objects++;
    c->shared += SHM_HEAD_STATE(head) == SHM_STATE_SHARED;
    c->bytes += bytes;
    s->rows[row].objects++;
    s->rows[row].bytes += bytes;
    count_age(&c->age, s->age);
    count_age(&s->rows[row].age, s->age);
    s->by_age[age_place(s->age)].objects++;
    s->by_age[age_place(s->age)].bytes += bytes;
    count_bytes(s, chunk, bytes);
}

/* Of a run only the first chunk says whose it is. */
static uint32_t row_of(const Survey *s, uint32_t chunk) {
    uint32_t state = arena_chunk_state(s->arena, chunk), row = SHM_CHUNK_ROW(state);
    if (SHM_CHUNK_CLASS(state) == SHM_CLASS_REST && chunk)
        return s->row[chunk - 1];
    return row < ARENA_MAX_ROWS ? row : 0;
}

static int survey(Survey *s) {
    s->nchunks = arena_committed(s->arena);
    s->now_s = chunk_now_s();
    s->used = calloc(s->nchunks + 1, sizeof *s->used);
    s->row = calloc(s->nchunks + 1, sizeof *s->row);
    if (!s->used || !s->row)
        return 1;
    for (uint32_t i = 0; i < s->nchunks; i++) {
        s->row[i] = row_of(s, i);
        s->rows[s->row[i]].chunks++;
        s->age = chunk_age(s->arena, i, s->now_s);
        chunk_each_object(s->arena, i, count_object, s);
    }
    return 0;
}

static Str class_name(const Survey *s, uint32_t id) {
    for (uint32_t i = 0; i < s->names.size; i++)
        if (ctl_uint(&s->names.ptr[i], "class_id") == id)
            return ctl_text(&s->names.ptr[i], "name");
    return STR("(of a process without a daemon)");
}

/* ---- as tables ---- */

static void headings(Cells *t, size_t n, const char *const *names) {
    cells_init(t, n);
    for (size_t i = 0; i < n; i++)
        cells_add(t, str_from_cstr(names[i]));
}

/* The next cell. */
static void add_age(Cells *t, uint64_t s) {
    static const struct {
        uint64_t of;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    char text[32];
    size_t i = 0;
    while (i < 3 && s < 2 * units[i].of)
        i++;
    snprintf(text, sizeof text, "%llu %s", (unsigned long long)(s / units[i].of), units[i].name);
    cells_add(t, str_from_cstr(text));
}

static void print_classes(const Survey *s) {
    Cells t;
    headings(&t, 6, (const char *[]){"class", "id", "objects", "shared", "memory", "oldest"});
    for (uint32_t id = 0; id <= TABLE_MAX_CLASSES; id++) {
        if (!s->classes[id].objects)
            continue;
        cells_add(&t, class_name(s, id));
        cells_add_uint(&t, id);
        cells_add_uint(&t, s->classes[id].objects);
        cells_add_uint(&t, s->classes[id].shared);
        cells_add_bytes(&t, s->classes[id].bytes);
        add_age(&t, s->classes[id].age);
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

static const char *row_state(const Survey *s, uint32_t row) {
    switch (SHM_ROW_KIND(atomic_load_explicit(&arena_row(s->arena, row)->state, memory_order_acquire))) {
    case SHM_ROW_LIVE:
        return row == s->arena->row ? "this one" : "attached";
    case SHM_ROW_DEAD:
    case SHM_ROW_REAPING:
        return "dead";
    default:
        return "nobody";
    }
}

static void print_rows(const Survey *s) {
    Cells t;
    char digits[24];
    headings(&t, 6, (const char *[]){"process", "state", "chunks", "objects", "memory", "oldest"});
    for (uint32_t row = 0; row < ARENA_MAX_ROWS; row++) {
        if (!s->rows[row].chunks)
            continue;
        snprintf(digits, sizeof digits, "%u", row ? atomic_load(&arena_row(s->arena, row)->pid) : 0);
        cells_add(&t, row ? str_from_cstr(digits) : STR("-"));
        cells_add(&t, str_from_cstr(row ? row_state(s, row) : "nobody"));
        cells_add_uint(&t, s->rows[row].chunks);
        cells_add_uint(&t, s->rows[row].objects);
        cells_add_bytes(&t, s->rows[row].bytes);
        add_age(&t, s->rows[row].age);
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

static void print_ages(const Survey *s) {
    Cells t;
    headings(&t, 3, (const char *[]){"age of chunks", "objects", "memory"});
    for (size_t i = 0; i < NAGES; i++) {
        if (!s->by_age[i].objects)
            continue;
        cells_add(&t, str_from_cstr(ages[i].name));
        cells_add_uint(&t, s->by_age[i].objects);
        cells_add_bytes(&t, s->by_age[i].bytes);
    }
    cells_print(&t, stdout);
    cells_deinit(&t);
}

/* ---- as JSON ---- */

static void put_uint(msgpack_packer *pk, const char *key, uint64_t value) {
    wire_put_cstr(pk, key);
    msgpack_pack_uint64(pk, value);
}

static void pack_classes(const Survey *s, msgpack_packer *pk) {
    size_t n = 0;
    for (uint32_t id = 0; id <= TABLE_MAX_CLASSES; id++)
        n += s->classes[id].objects > 0;
    msgpack_pack_array(pk, n);
    for (uint32_t id = 0; id <= TABLE_MAX_CLASSES; id++) {
        if (!s->classes[id].objects)
            continue;
        msgpack_pack_map(pk, 6);
        wire_put_cstr(pk, "name");
        wire_put_str(pk, class_name(s, id));
        put_uint(pk, "class_id", id);
        put_uint(pk, "objects", s->classes[id].objects);
        put_uint(pk, "shared", s->classes[id].shared);
        put_uint(pk, "bytes", s->classes[id].bytes);
        put_uint(pk, "oldest_seconds", s->classes[id].age);
    }
}

static void pack_rows(const Survey *s, msgpack_packer *pk) {
    size_t n = 0;
    for (uint32_t row = 0; row < ARENA_MAX_ROWS; row++)
        n += s->rows[row].chunks > 0;
    msgpack_pack_array(pk, n);
    for (uint32_t row = 0; row < ARENA_MAX_ROWS; row++) {
        if (!s->rows[row].chunks)
            continue;
        msgpack_pack_map(pk, 7);
        put_uint(pk, "row", row);
        put_uint(pk, "pid", row ? atomic_load(&arena_row(s->arena, row)->pid) : 0);
        wire_put_cstr(pk, "state");
        wire_put_cstr(pk, row ? row_state(s, row) : "nobody");
        put_uint(pk, "chunks", s->rows[row].chunks);
        put_uint(pk, "objects", s->rows[row].objects);
        put_uint(pk, "bytes", s->rows[row].bytes);
        put_uint(pk, "oldest_seconds", s->rows[row].age);
    }
}

static void pack_ages(const Survey *s, msgpack_packer *pk) {
    msgpack_pack_array(pk, NAGES);
    for (size_t i = 0; i < NAGES; i++) {
        msgpack_pack_map(pk, 3);
        wire_put_cstr(pk, "age");
        wire_put_cstr(pk, ages[i].name);
        put_uint(pk, "objects", s->by_age[i].objects);
        put_uint(pk, "bytes", s->by_age[i].bytes);
    }
}

static int print_json(const Survey *s) {
    msgpack_sbuffer buffer;
    msgpack_packer pk;
    msgpack_unpacked owner;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 5);
    put_uint(&pk, "bytes", s->nchunks * ARENA_CHUNK_SIZE);
    put_uint(&pk, "chunk_bytes", ARENA_CHUNK_SIZE);
    wire_put_cstr(&pk, "classes");
    pack_classes(s, &pk);
    wire_put_cstr(&pk, "processes");
    pack_rows(s, &pk);
    wire_put_cstr(&pk, "ages_of_chunks");
    pack_ages(s, &pk);
    int r = wire_unpack((Str){buffer.data, buffer.size}, &owner);
    if (r == 0) {
        ctl_print_json(&owner.data);
        msgpack_unpacked_destroy(&owner);
    }
    msgpack_sbuffer_destroy(&buffer);
    return r ? 1 : 0;
}

/* ---- as a picture: a square for each chunk, the fuller the darker, in its owner's colour ---- */

#define SVG_COLUMNS 64
#define SVG_SIDE 12

static void print_svg(const Survey *s) {
    uint32_t lines = (s->nchunks + SVG_COLUMNS - 1) / SVG_COLUMNS;
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" font-family=\"sans-serif\" "
           "font-size=\"11\">\n",
           SVG_COLUMNS * SVG_SIDE, lines * SVG_SIDE + 20);
    printf("<text x=\"2\" y=\"12\">%u chunks of 256 KiB; each in the colour of its process, the fuller the "
           "darker</text>\n",
           s->nchunks);
    for (uint32_t i = 0; i < s->nchunks; i++) {
        uint32_t row = s->row[i];
        unsigned full = (unsigned)((uint64_t)s->used[i] * 100 / ARENA_CHUNK_SIZE);
        printf("<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"hsl(%u,%d%%,%u%%)\"><title>chunk %u, process "
               "%u: %u%%</title></rect>\n",
               i % SVG_COLUMNS * SVG_SIDE, i / SVG_COLUMNS * SVG_SIDE + 20, SVG_SIDE - 1, SVG_SIDE - 1, row * 47 % 360,
               row ? 70 : 0, 92 - full * 57 / 100, i, row ? atomic_load(&arena_row(s->arena, row)->pid) : 0, full);
    }
    puts("</svg>");
}

int arena_show(Ctl *ctl) {
    CtlClasses all;
    int r = ctl_classes(ctl, &all);
    if (r)
        return r;
    Survey *s = calloc(1, sizeof *s);
    if (s) {
        s->arena = client_arena(ctl->client);
        wire_array(wire_find(&all.map, "classes"), &s->names);
    }
    if (!s || survey(s)) {
        fputs("jitctl: no memory\n", stderr);
        r = 1;
    } else if (ctl->svg) {
        print_svg(s);
    } else if (ctl->json) {
        r = print_json(s);
    } else {
        print_classes(s);
        putchar('\n');
        print_rows(s);
        putchar('\n');
        print_ages(s);
    }
    free(s ? s->used : NULL);
    free(s ? s->row : NULL);
    free(s);
    ctl_classes_free(&all);
    return r;
}
