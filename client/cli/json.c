/* Prints msgpack values as JSON (RFC 8259); the depth is bounded by the wire's check. */
#include "client/cli/json.h"
#include "base/str.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static void print_ascii(FILE *out, unsigned char c) {
    static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof escapes; i += 2)
        if ((unsigned char)escapes[i] == c) {
            fprintf(out, "\\%c", escapes[i + 1]);
            return;
        }
    fprintf(out, c < 0x20 || c == 0x7f ? "\\u%04x" : "%c", c);
}

static void print_string(FILE *out, const char *s, size_t size) {
    putc('"', out);
    for (size_t i = 0, n; i < size; i += n ? n : 1) {
        n = str_utf8_length((Str){s + i, size - i});
        if (!n)
            fputs("\\ufffd", out);
        else if (n == 1)
            print_ascii(out, (unsigned char)s[i]);
        else
            fwrite(s + i, 1, n, out);
    }
    putc('"', out);
}

static void print_bytes(FILE *out, const char *bytes, size_t size) {
    putc('"', out);
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", (unsigned char)bytes[i]);
    putc('"', out);
}

static void print_float(FILE *out, double value) {
    if (isfinite(value))
        fprintf(out, "%.17g", value);
    else
        fputs("null", out);
}

static void print_map(FILE *out, const msgpack_object_map *map) {
    putc('{', out);
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        fputs(i ? ", " : "", out);
        if (key->type == MSGPACK_OBJECT_STR)
            json_print(out, key);
        else
            fprintf(out, "\"%u\"", i); /* keys of the protocol are strings */
        fputs(": ", out);
        json_print(out, &map->ptr[i].val);
    }
    putc('}', out);
}

static void print_array(FILE *out, const msgpack_object_array *array) {
    putc('[', out);
    for (uint32_t i = 0; i < array->size; i++) {
        fputs(i ? ", " : "", out);
        json_print(out, &array->ptr[i]);
    }
    putc(']', out);
}

void json_print(FILE *out, const msgpack_object *o) {
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        fputs(o->via.boolean ? "true" : "false", out);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        fprintf(out, "%llu", (unsigned long long)o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        fprintf(out, "%lld", (long long)o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        print_float(out, o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        print_string(out, o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        print_bytes(out, o->via.bin.ptr, o->via.bin.size);
        break;
    case MSGPACK_OBJECT_MAP:
        print_map(out, &o->via.map);
        break;
    case MSGPACK_OBJECT_ARRAY:
        print_array(out, &o->via.array);
        break;
    default:
        fputs("null", out);
    }
}
