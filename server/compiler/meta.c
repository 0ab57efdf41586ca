/* Writing the meta; see meta.h. */
#include "server/compiler/meta.h"
#include "protocol/wire.h"

typedef struct MetaWriter {
    Pool *pool;
    const UnitSpec *unit;
    msgpack_packer pk;
    char *data;
    size_t len, cap;
} MetaWriter;

static int meta_write(void *arg, const char *bytes, size_t n) {
    MetaWriter *w = arg;
    while (w->cap - w->len < n)
        w->data = pool_grow(w->pool, w->data, 1, w->len, &w->cap);
    memcpy(w->data + w->len, bytes, n);
    w->len += n;
    return 0;
}

static void meta_uint(MetaWriter *w, uint64_t i) {
    msgpack_pack_uint64(&w->pk, i);
}

static void meta_str(MetaWriter *w, Str s) {
    wire_put_str(&w->pk, s);
}

static void meta_word(MetaWriter *w, const char *s) {
    wire_put_cstr(&w->pk, s);
}

static void meta_array(MetaWriter *w, size_t n) {
    msgpack_pack_array(&w->pk, n);
}

static void meta_type(MetaWriter *w, const Type *t) {
    meta_str(w, type_text(w->pool, t));
}

/* [def, function name, ...]: the head of everything that belongs to a function. */
static void meta_function(MetaWriter *w, uint32_t def, uint32_t func) {
    meta_uint(w, def);
    meta_str(w, func_entry_name(w->pool, &w->unit->defs[def].funcs[func]));
}

static void meta_defs(MetaWriter *w) {
    meta_array(w, w->unit->ndefs);
    for (size_t i = 0; i < w->unit->ndefs; i++) {
        meta_array(w, 2);
        meta_str(w, w->unit->defs[i].name);
        meta_str(w, w->unit->defs[i].file);
    }
}

static uint32_t meta_flags(const MetaWriter *w, const ProgramEntry *e) {
    FuncKind kind = w->unit->defs[e->def].funcs[e->func].kind;
    bool no_self = kind == FUNC_FUNCTION || kind == FUNC_STATIC || kind == FUNC_CLASS;
    return e->flags | (no_self ? PROGRAM_FLAG_NO_SELF : 0);
}

static void meta_entry(MetaWriter *w, const ProgramEntry *e) {
    meta_array(w, 5);
    meta_function(w, e->def, e->func);
    meta_array(w, e->nparams);
    for (size_t i = 0; i < e->nparams; i++)
        meta_type(w, e->params[i]);
    meta_type(w, e->result);
    meta_uint(w, meta_flags(w, e));
}

static void meta_refusal(MetaWriter *w, const Refusal *r) {
    meta_array(w, 6);
    meta_function(w, r->def, r->func);
    meta_uint(w, r->line > 0 ? (uint64_t)r->line : 0);
    meta_uint(w, r->col > 0 ? (uint64_t)r->col : 0);
    meta_str(w, r->message);
    meta_str(w, r->rendered);
}

static void meta_warning(MetaWriter *w, const Warning *one) {
    meta_array(w, 4);
    meta_uint(w, one->line > 0 ? (uint64_t)one->line : 0);
    meta_uint(w, one->col > 0 ? (uint64_t)one->col : 0);
    meta_str(w, one->message);
    meta_str(w, one->rendered);
}

static void meta_constant(MetaWriter *w, const Global *g) {
    meta_array(w, g->kind == GLOBAL_NONE ? 1 : 2);
    switch (g->kind) {
    case GLOBAL_INT:
        meta_word(w, "int");
        msgpack_pack_int64(&w->pk, g->i);
        break;
    case GLOBAL_FLOAT:
        meta_word(w, "float");
        msgpack_pack_double(&w->pk, g->f);
        break;
    case GLOBAL_BOOL:
        meta_word(w, "bool");
        (g->i ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
        break;
    case GLOBAL_NONE:
        meta_word(w, "none");
        break;
    default:
        meta_word(w, "str");
        meta_str(w, g->s);
    }
}

static void meta_piece(MetaWriter *w, const SitePiece *p) {
    char conversion[2] = {p->conversion > 0 ? (char)p->conversion : '\0'};
    if (!p->is_value) {
        meta_str(w, p->text);
        return;
    }
    meta_array(w, 4);
    meta_uint(w, p->slot);
    meta_type(w, p->type);
    meta_word(w, conversion);
    meta_str(w, p->text);
}

static void meta_argument(MetaWriter *w, const SiteArg *a) {
    switch (a->kind) {
    case SITE_ARG_CONST:
        meta_array(w, 2);
        meta_word(w, "c");
        meta_constant(w, a->constant);
        break;
    case SITE_ARG_VALUE:
        meta_array(w, 3);
        meta_word(w, "v");
        meta_uint(w, a->slot);
        meta_type(w, a->type);
        break;
    case SITE_ARG_FORMAT:
        meta_array(w, 2);
        meta_word(w, "f");
        meta_array(w, a->npieces);
        for (size_t i = 0; i < a->npieces; i++)
            meta_piece(w, &a->pieces[i]);
        break;
    }
}

static void meta_operand(MetaWriter *w, const SiteArg *a) {
    meta_array(w, 2);
    meta_uint(w, a->slot);
    meta_type(w, a->type);
}

/* kind, line, col, end_line, end_col: as those of CPython's ast */
static void meta_place(MetaWriter *w, const char *kind, Span span) {
    meta_word(w, kind);
    meta_uint(w, (uint64_t)span.line);
    meta_uint(w, (uint64_t)span.col);
    meta_uint(w, (uint64_t)span.end_line);
    meta_uint(w, (uint64_t)span.end_col);
}

static void meta_locals(MetaWriter *w, const SiteValue *locals, size_t n) {
    meta_array(w, n);
    for (size_t i = 0; i < n; i++) {
        meta_array(w, 3);
        meta_str(w, locals[i].name);
        (locals[i].flagged ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
        meta_type(w, locals[i].type);
    }
}

static void meta_resume(MetaWriter *w, const Site *s) {
    const SiteResume *r = s->resume;
    meta_array(w, 5);
    meta_str(w, s->text);
    meta_array(w, 5);
    meta_place(w, r->where, r->span);
    meta_locals(w, r->locals, r->nlocals);
    meta_array(w, r->noperands);
    for (size_t i = 0; i < r->noperands; i++) {
        meta_array(w, 6);
        meta_place(w, r->operands[i].kind, r->operands[i].span);
        if (r->operands[i].type)
            meta_type(w, r->operands[i].type);
        else
            meta_word(w, "");
    }
    if (r->result)
        meta_type(w, r->result);
    else
        meta_word(w, "");
}

static void meta_region(MetaWriter *w, const Site *s) {
    const SiteRegion *r = s->region;
    meta_array(w, 7);
    meta_str(w, s->text);
    meta_array(w, 5);
    meta_place(w, r->kind, r->span);
    meta_locals(w, r->locals, r->nlocals);
    meta_locals(w, r->written, r->nwritten);
    if (r->type)
        meta_type(w, r->type);
    else
        meta_word(w, "");
    meta_uint(w, r->line > 0 ? (uint64_t)r->line : 0);
    meta_str(w, r->source);
}

static void meta_handlers(MetaWriter *w, const Site *s) {
    meta_array(w, s->nhandlers);
    for (size_t i = 0; i < s->nhandlers; i++) {
        const SiteHandler *h = &s->handlers[i];
        meta_array(w, 2);
        meta_array(w, h->nnames);
        for (size_t k = 0; k < h->nnames; k++)
            meta_str(w, h->names[k]);
        (h->compiled ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
    }
}

/* Kind and payload of a site. */
static void meta_site_payload(MetaWriter *w, const Site *s) {
    static const char *const names[] = {"raise",     "op",   "overflow", "redo",   "attr",   "none",
                                        "recursion", "call", "resume",   "region", "object", "catch"};
    meta_word(w, names[s->kind]);
    switch (s->kind) {
    case SITE_RAISE:
    case SITE_OP:
        meta_array(w, s->named ? 3 : 2);
        meta_str(w, s->text);
        meta_array(w, s->nargs);
        for (size_t i = 0; i < s->nargs; i++)
            (s->kind == SITE_OP ? meta_operand : meta_argument)(w, &s->args[i]);
        if (s->named)
            msgpack_pack_true(&w->pk);
        break;
    case SITE_ATTR:
        meta_array(w, 2);
        meta_uint(w, s->cls);
        meta_str(w, s->text);
        break;
    case SITE_NONE:
        meta_array(w, 2);
        meta_str(w, s->text);
        (s->store ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
        break;
    case SITE_RECURSION:
    case SITE_CALL:
        meta_array(w, 0);
        break;
    case SITE_RESUME:
        meta_resume(w, s);
        break;
    case SITE_REGION:
        meta_region(w, s);
        break;
    case SITE_CATCH:
        meta_handlers(w, s);
        break;
    default:
        meta_array(w, 1);
        meta_str(w, s->text);
    }
}

static void meta_frames(MetaWriter *w, const Site *s) {
    meta_array(w, s->nframes);
    for (size_t i = 0; i < s->nframes; i++) {
        meta_array(w, 2);
        meta_word(w, s->frames[i].name);
        meta_uint(w, (uint64_t)s->frames[i].line);
    }
}

static void meta_site(MetaWriter *w, const Site *s) {
    meta_array(w, s->nframes ? 6 : 5);
    meta_uint(w, (uint64_t)s->line);
    meta_function(w, s->def, s->func);
    meta_site_payload(w, s);
    if (s->nframes)
        meta_frames(w, s);
}

static void meta_timings(MetaWriter *w, const Timings *timings) {
    msgpack_pack_map(&w->pk, N_PASSES);
    for (Pass p = 0; p < N_PASSES; p++) {
        meta_word(w, pass_name(p));
        meta_uint(w, timings->us[p]);
    }
}

Str meta_encode(Pool *pool, const UnitSpec *unit, const Program *program, const Timings *timings) {
    MetaWriter w = {.pool = pool, .unit = unit};
    msgpack_packer_init(&w.pk, &w, meta_write);
    msgpack_pack_map(&w.pk, 7);
    meta_word(&w, "defs");
    meta_defs(&w);
    meta_word(&w, "entries");
    meta_array(&w, program->nentries);
    for (size_t i = 0; i < program->nentries; i++)
        meta_entry(&w, &program->entries[i]);
    meta_word(&w, "refused");
    meta_array(&w, program->nrefused);
    for (size_t i = 0; i < program->nrefused; i++)
        meta_refusal(&w, &program->refused[i]);
    meta_word(&w, "parts");
    meta_array(&w, program->nparts);
    for (size_t i = 0; i < program->nparts; i++)
        meta_refusal(&w, &program->parts[i]);
    meta_word(&w, "warnings");
    meta_array(&w, program->nwarnings);
    for (size_t i = 0; i < program->nwarnings; i++)
        meta_warning(&w, &program->warnings[i]);
    meta_word(&w, "sites");
    meta_array(&w, program->nsites);
    for (size_t i = 0; i < program->nsites; i++)
        meta_site(&w, &program->sites[i]);
    meta_word(&w, "timings");
    meta_timings(&w, timings);
    return (Str){w.data, w.len};
}
