/* Adjacent string literals become one node; an f-string becomes a JoinedStr of constants and fields, a
 * t-string a TemplateStr. Positions inside
 * f-strings are those of CPython 3.12 and later (before, they were approximate). */
#include "server/compiler/literal.h"
#include "server/compiler/out.h"
#include "server/compiler/parser.h"

static bool has_letter(Str s, char letter) {
    for (size_t i = 0; i < s.len && s.ptr[i] != '"' && s.ptr[i] != '\''; i++)
        if ((s.ptr[i] | 32) == letter)
            return true;
    return false;
}

static Node *parse_plain(Parser *p) {
    const Token *t = next(p);
    Str text = token_text(&p->tokens, t);
    size_t prefix = 0;
    while (text.ptr[prefix] != '"' && text.ptr[prefix] != '\'')
        prefix++;
    char quote = text.ptr[prefix];
    size_t quotes = text.len >= prefix + 6 && text.ptr[prefix + 1] == quote && text.ptr[prefix + 2] == quote ? 3 : 1;
    Str body = str_slice(text, prefix + quotes, text.len - quotes);
    bool bytes = has_letter(text, 'b');
    Const value = {.kind = bytes ? CONST_BYTES : CONST_STR};
    value.s = literal_text(p->c, body, has_letter(text, 'r'), bytes, t->span);
    return NEW(p, Constant, t->span, .value = value, .kind = text.ptr[0] == 'u' ? STR("u") : STR_NULL);
}

static Node *text_node(Parser *p, Str text, Span span) {
    return NEW(p, Constant, span, .value = {.kind = CONST_STR, .s = text});
}

static Node *parse_middle(Parser *p, bool raw) {
    const Token *t = next(p);
    return text_node(p, literal_text(p->c, token_text(&p->tokens, t), raw, false, t->span), t->span);
}

/* ---- constants side by side ---- */

static bool is_text(const Node *node) {
    return node->kind == NODE_Constant;
}

static Node *join_texts(Parser *p, Node **first, size_t n) {
    if (n == 1)
        return *first;
    Out o = {.pool = p->c->pool};
    for (size_t i = 0; i < n; i++)
        out_str(&o, first[i]->Constant.value.s);
    Span span = first[0]->span;
    span.end_line = first[n - 1]->span.end_line;
    span.end_col = first[n - 1]->span.end_col;
    Node *node = text_node(p, out_text(&o), span);
    node->Constant.kind = first[0]->Constant.kind;
    node->Constant.value.kind = first[0]->Constant.value.kind;
    return node;
}

/* Runs of constants become one, empty ones vanish. */
static Nodes fold(Parser *p, List pieces) {
    List folded = {0};
    for (size_t i = 0, n; i < pieces.len; i += n) {
        n = 1;
        if (!is_text(pieces.at[i])) {
            list_add(p, &folded, pieces.at[i]);
            continue;
        }
        while (i + n < pieces.len && is_text(pieces.at[i + n]))
            n++;
        Node *text = join_texts(p, pieces.at + i, n);
        if (text->Constant.value.s.len)
            list_add(p, &folded, text);
    }
    return nodes_of(folded);
}

/* ---- replacement fields ---- */

static void copy_without_comments(Out *o, Str gap) {
    bool comment = false;
    for (size_t i = 0; i < gap.len; i++) {
        comment = gap.ptr[i] == '#' || (comment && gap.ptr[i] != '\n');
        if (!comment)
            out_char(o, gap.ptr[i]);
    }
}

/* The source text between the brace and a later token, white space included. */
static Str field_text(Parser *p, const Token *brace, const Token *end) {
    Out o = {.pool = p->c->pool};
    for (const Token *t = brace + 1; t <= end; t++) {
        copy_without_comments(&o, str_slice(p->tokens.text, t[-1].end, t->start));
        if (t < end)
            out_str(&o, token_text(&p->tokens, t));
    }
    return out_text(&o);
}

static int parse_conversion(Parser *p) {
    const Token *mark = p->t - 1;
    Str name = at(p, T_NAME) && mark->end == p->t->start ? token_text(&p->tokens, p->t) : STR_NULL;
    if (name.len != 1 || !strchr("sra", *name.ptr))
        fail_token(p, p->t, "f-string: invalid conversion character: expected 's', 'r', or 'a'");
    next(p);
    return *name.ptr;
}

typedef struct StringKind {
    bool raw, template; /* template: a t-string, outside of its format specs */
} StringKind;

static void parse_field(Parser *p, StringKind kind, List *pieces);

static Node *parse_format_spec(Parser *p, bool raw) {
    const Token *colon = p->t - 1;
    List pieces = {0};
    enter(p);
    while (at(p, T_FSTRING_MIDDLE) || at(p, T_LBRACE))
        if (at(p, T_LBRACE))
            parse_field(p, (StringKind){.raw = raw}, &pieces);
        else
            list_add(p, &pieces, parse_middle(p, raw));
    leave(p);
    Nodes values = fold(p, pieces);
    return NEW(p, JoinedStr, span_from(p, colon), .values = values);
}

static Node *parse_field_value(Parser *p) {
    if (at(p, T_RBRACE) || at(p, T_COLON) || at(p, T_EXCLAMATION) || at(p, T_EQUAL))
        fail(p->c, p->t->span, "f-string: valid expression required before '%s'", token_kind_name(p->t->kind));
    return parse_yield_or_star_expressions(p);
}

static Node *field_node(Parser *p, const Token *brace, bool template, NodeFormattedValue field, Str text) {
    Span span = span_from(p, brace);
    if (template)
        return NEW(p, Interpolation, span, .value = field.value, .str = {.kind = CONST_STR, .s = text},
                   .conversion = field.conversion, .format_spec = field.format_spec);
    return NEW(p, FormattedValue, span, .value = field.value, .conversion = field.conversion,
               .format_spec = field.format_spec);
}

static void parse_field(Parser *p, StringKind kind, List *pieces) {
    const Token *brace = next(p);
    Node *value = parse_field_value(p), *spec = NULL;
    Str written = kind.template ? field_text(p, brace, p->t) : STR_NULL;
    bool debug = take(p, T_EQUAL);
    const Token *behind = p->t; /* what follows the expression and its "=" */
    Str text = debug ? field_text(p, brace, p->t) : STR_NULL;
    int conversion = take(p, T_EXCLAMATION) ? parse_conversion(p) : -1;
    if (take(p, T_COLON))
        spec = parse_format_spec(p, kind.raw);
    if (!at(p, T_RBRACE))
        fail_token(p, p->t, "f-string: expecting '}'");
    next(p);
    if (debug && !spec && conversion < 0)
        conversion = 'r';
    if (debug) {
        Span span = {brace->span.line, brace->span.col + 1, behind->span.line, behind->span.col};
        list_add(p, pieces, text_node(p, text, span));
    }
    NodeFormattedValue field = {.value = value, .conversion = conversion, .format_spec = spec};
    list_add(p, pieces, field_node(p, brace, kind.template, field, written));
}

/* True when it is a t-string. */
static bool parse_fstring(Parser *p, List *pieces) {
    Str prefix = token_text(&p->tokens, next(p));
    StringKind kind = {has_letter(prefix, 'r'), has_letter(prefix, 't')};
    enter(p);
    while (!at(p, T_FSTRING_END))
        if (at(p, T_FSTRING_MIDDLE))
            list_add(p, pieces, parse_middle(p, kind.raw));
        else
            parse_field(p, kind, pieces);
    leave(p);
    next(p);
    return kind.template;
}

/* ---- all ---- */

static bool is_bytes(const Node *node) {
    return node->kind == NODE_Constant && node->Constant.value.kind == CONST_BYTES;
}

static void check_mixture(Parser *p, const Token *start, List pieces, bool formatted) {
    size_t bytes = 0;
    for (size_t i = 0; i < pieces.len; i++)
        bytes += is_bytes(pieces.at[i]);
    if (bytes && (formatted || bytes < pieces.len))
        fail(p->c, span_from(p, start), "cannot mix bytes and nonbytes literals");
}

Node *parse_strings(Parser *p) {
    const Token *start = p->t;
    List pieces = {0};
    size_t plain = 0, formatted = 0, templates = 0;
    while (at(p, T_STRING) || at(p, T_FSTRING_START))
        if (at(p, T_STRING)) {
            plain++;
            list_add(p, &pieces, parse_plain(p));
        } else if (parse_fstring(p, &pieces)) {
            templates++;
        } else {
            formatted++;
        }
    if (templates && (plain || formatted))
        fail(p->c, span_from(p, start), "cannot mix t-string literals with string or bytes literals");
    if (templates)
        return NEW(p, TemplateStr, span_from(p, start), .values = fold(p, pieces));
    check_mixture(p, start, pieces, formatted);
    if (formatted)
        return NEW(p, JoinedStr, span_from(p, start), .values = fold(p, pieces));
    return join_texts(p, pieces.at, pieces.len);
}
