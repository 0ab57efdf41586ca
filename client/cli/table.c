/* Aligned tables; see table.h. Without memory a cell is an empty one: it is the last step before exit. */
#include "client/cli/table.h"
#include <stdlib.h>

void cells_init(Cells *t, size_t columns) {
    *t = (Cells){.columns = columns};
}

void cells_deinit(Cells *t) {
    for (size_t i = 0; i < t->cap; i++)
        free(t->at[i]);
    free(t->at);
}

static void add_owned(Cells *t, char *text) {
    char **larger = realloc(t->at, (t->cap + 1) * sizeof *larger);
    if (!larger) {
        free(text);
        return;
    }
    t->at = larger;
    t->at[t->cap++] = text;
    t->rows = t->cap / t->columns;
}

void cells_add(Cells *t, Str text) {
    char *copy = malloc(text.len + 1);
    for (size_t i = 0; copy && i < text.len; i++)
        copy[i] = (unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f ? '?' : text.ptr[i];
    if (copy)
        copy[text.len] = '\0';
    add_owned(t, copy);
}

static void add_number(Cells *t, const char *text) {
    t->right[t->cap % t->columns] = true;
    cells_add(t, str_from_cstr(text));
}

void cells_add_uint(Cells *t, uint64_t n) {
    char digits[24], text[32], *to = text;
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    add_number(t, text);
}

void cells_add_bytes(Cells *t, uint64_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    char text[32];
    double value = (double)n;
    size_t unit = 0;
    while (value >= 1024) {
        value /= 1024;
        unit++;
    }
    snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    add_number(t, text);
}

void cells_add_us(Cells *t, uint64_t us) {
    char text[32];
    if (us < 1000)
        snprintf(text, sizeof text, "%u µs", (unsigned)us);
    else if (us < 1000000)
        snprintf(text, sizeof text, "%.1f ms", (double)us / 1e3);
    else
        snprintf(text, sizeof text, "%.1f s", (double)us / 1e6);
    add_number(t, text);
}

/* Code points: near enough to columns for names. */
static size_t width(const char *s) {
    size_t n = 0;
    for (; s && *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

void cells_print(const Cells *t, FILE *out) {
    size_t widths[TABLE_COLUMNS] = {0};
    for (size_t i = 0; i < t->rows * t->columns; i++)
        if (width(t->at[i]) > widths[i % t->columns])
            widths[i % t->columns] = width(t->at[i]);
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        size_t column = i % t->columns, pad = widths[column] - width(t->at[i]);
        bool last = column + 1 == t->columns;
        fprintf(out, "%*s%s%*s%s", t->right[column] ? (int)pad : 0, "", t->at[i] ? t->at[i] : "",
                t->right[column] || last ? 0 : (int)pad, "", last ? "\n" : "  ");
    }
}
