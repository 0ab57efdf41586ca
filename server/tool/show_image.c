/* Text of an image: sizes, entries, fixups, and the meta with one line for each thing in it; see show_image.h. */
#include "server/tool/show_image.h"
#include "protocol/abi.h"
#include "protocol/wire.h"
#include "server/compiler/out.h"

static const char *const import_names[] = {
#define IMPORT(name, ret, args) #name,
#include "protocol/imports.def"
#undef IMPORT
};

/* A value of the meta, as JSON writes it. */
static void show_value(Out *out, const msgpack_object *o) {
    char text[4096];
    int n = msgpack_object_print_buffer(text, sizeof text, *o);
    out_str(out, (Str){text, n > 0 ? (size_t)n : 0});
}

/* Refusals are meant for people as they are rendered; the rest one element a line. */
static void show_part(Out *out, const char *name, const msgpack_object *list) {
    msgpack_object_array array;
    if (!wire_array(list, &array))
        return;
    for (uint32_t i = 0; i < array.size; i++) {
        Str rendered;
        bool refusal = array.ptr[i].type == MSGPACK_OBJECT_ARRAY && array.ptr[i].via.array.size == 6 &&
                       wire_str(&array.ptr[i].via.array.ptr[5], &rendered);
        out_printf(out, "%s %u: ", name, i);
        if (refusal)
            out_str(out, rendered);
        else
            show_value(out, &array.ptr[i]);
        out_char(out, '\n');
    }
}

static void show_timings(Out *out, const Image *image) {
    out_cstr(out, "timings:");
    for (Pass p = 0; p < N_PASSES; p++)
        out_printf(out, " %s %llu", pass_name(p), (unsigned long long)image->timings.us[p]);
    out_cstr(out, " us\n");
}

Str show_image(Pool *pool, const Image *image) {
    Out out = {.pool = pool};
    msgpack_unpacked meta;
    out_printf(&out, "code: %zu bytes\n", image->code.len);
    if (image->nclasses)
        out_printf(&out, "class table: %u at %u\n", image->nclasses, image->class_table);
    for (size_t i = 0; i < image->nentries; i++)
        out_printf(&out, "entry %zu: thunk %u, native %u\n", i, image->entries[i].thunk, image->entries[i].native);
    for (size_t i = 0; i < image->nfixups; i++)
        out_printf(&out, "fixup: %u %s %+d\n", image->fixups[i].offset, import_names[image->fixups[i].import],
                   image->fixups[i].addend);
    if (wire_unpack(image->meta, &meta) == 0) {
        static const char *const parts[] = {"entries", "refused", "parts", "warnings", "sites"};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            show_part(&out, parts[i], wire_find(&meta.data, parts[i]));
        msgpack_unpacked_destroy(&meta);
    }
    show_timings(&out, image);
    return out_text(&out);
}
