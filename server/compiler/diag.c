/* Diagnostics: fail() leaves a pass; diag_render() shows the place with its line and a caret. */
#include "server/compiler/diag.h"
#include "server/compiler/out.h"
#include "server/compiler/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistr.h>
#include <uniwidth.h>

#define SHOWN 160 /* code points of a line at most: a message is for people */

_Noreturn static void leave(Compilation *c, Span span, Str message, Str hint) {
    c->diag = (Diag){span, message, hint};
    longjmp(*c->on_fail, 1);
}

void fail(Compilation *c, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str message = pool_vprintf(c->pool, format, args);
    va_end(args);
    leave(c, span, message, STR_NULL);
}

void fail_hint(Compilation *c, Span span, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str message = pool_vprintf(c->pool, format, args);
    va_end(args);
    leave(c, span, message, pool_strdup(c->pool, str_from_cstr(hint)));
}

void internal_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("jitd: error in the compiler: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void fail_out_of_memory(void *compilation) {
    leave(compilation, (Span){0}, STR("out of memory: the source is too large"), STR_NULL);
}

__attribute__((noinline)) bool pass_ends(Compilation *c, void (*pass)(Compilation *c, void *arg), void *arg) {
    jmp_buf failed, *outer = c->on_fail;
    c->on_fail = &failed;
    if (setjmp(failed)) {
        c->on_fail = outer;
        return false;
    }
    pass(c, arg);
    c->on_fail = outer;
    return true;
}

/* The n-th line (from 0) of the text, without its end; *ret_found says whether there is one. Ends as Python sees them.
 */
static Str nth_line(Str text, int n, bool *ret_found) {
    size_t at = 0;
    for (; n > 0 && at < text.len; n--) {
        while (at < text.len && text.ptr[at] != '\n' && text.ptr[at] != '\r')
            at++;
        at += at + 1 < text.len && text.ptr[at] == '\r' && text.ptr[at + 1] == '\n' ? 2 : 1;
    }
    *ret_found = n == 0 && at < text.len;
    if (!*ret_found)
        return STR_NULL;
    size_t end = at;
    while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r')
        end++;
    return str_slice(text, at, end);
}

/* Writes the line to `text` and the caret's line to `carets`: tabs stay tabs in both, so that they line up. */
static void show_line(Out *text, Out *carets, Str line, size_t from, size_t to) {
    size_t shown = 0;
    for (size_t at = 0, len; at < line.len && shown < SHOWN; at += len, shown++) {
        uint32_t code = utf8_next(str_slice(line, at, line.len), &len);
        bool marked = at >= from && at < to;
        int columns = code == '\t' ? 1 : u8_check((const uint8_t *)line.ptr + at, len) ? -1 : uc_width(code, "UTF-8");
        out_str(text, columns >= 0 ? str_slice(line, at, at + len) : STR("?"));
        if (at < to)
            out_fill(carets, marked ? '^' : code == '\t' ? '\t' : ' ', columns >= 0 ? (size_t)columns : 1);
    }
    if (from >= line.len)
        out_char(carets, '^');
}

/* The line of the span, from its indentation on (but at most 40 code units before the span in a very long line). */
static void render_line(Out *o, Str line, Span span) {
    size_t from = span.col < 0 ? 0 : (size_t)span.col, to = from + 1;
    if (span.end_line == span.line && span.end_col > span.col)
        to = (size_t)span.end_col;
    else if (span.end_line > span.line)
        to = line.len;
    size_t start = 0;
    while (start < line.len && start < from && strchr(" \t\f", line.ptr[start]))
        start++;
    if (line.len > SHOWN && from > start + 40) {
        start = (from < line.len ? from : line.len) - 40;
        while (start < line.len && (line.ptr[start] & 0xc0) == 0x80)
            start++;
    }
    if (from < start)
        from = start;
    Out text = {.pool = o->pool}, carets = {.pool = o->pool};
    show_line(&text, &carets, str_slice(line, start, line.len), from - start, to > start ? to - start : 0);
    out_cstr(o, "    ");
    out_str(o, out_text(&text));
    out_cstr(o, "\n    ");
    out_str(o, out_text(&carets));
    out_char(o, '\n');
}

Str diag_render(Pool *pool, const Source *source, const Diag *diag) {
    Out o = {.pool = pool};
    if (source->file.len || diag->span.line) {
        out_cstr(&o, "File \"");
        out_str(&o, source->file);
        out_cstr(&o, "\"");
        if (diag->span.line)
            out_printf(&o, ", line %d", diag->span.line);
        out_char(&o, '\n');
    }
    if (diag->span.line >= source->first_line) {
        bool found;
        Str line = nth_line(source->text, diag->span.line - source->first_line, &found);
        if (found)
            render_line(&o, line, diag->span);
    }
    out_str(&o, diag->message);
    if (diag->hint.len) {
        out_cstr(&o, " (");
        out_str(&o, diag->hint);
        out_char(&o, ')');
    }
    return out_text(&o);
}
